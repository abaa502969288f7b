"""Differences of exponentials and of logarithms, where both are near."""

from __future__ import annotations

from typing import Any

import keras

from .. import ops
from ._parts import FAR
from ._parts import dtype_of
from ._parts import exp_difference
from ._parts import exp_times
from ._parts import log_ratio
from ._parts import ones
from ._parts import ordered
from ._parts import per
from ._parts import slope
from ._parts import zeros
from ._rule import Recipe
from ._rule import all_of
from ._rule import finite

__all__ = ["exp_divided_difference", "log_sub_exp", "logarithmic_mean"]


def _gap(a: Any, b: Any) -> Any:
    """``a - b`` >= 0, infinite for b = -inf."""
    lost = b == zeros(b) - float("inf")
    gap = a - keras.ops.where(lost, a, b)
    return keras.ops.where(lost, zeros(b) + float("inf"), gap)


def _log_sub_exp(a: Any, b: Any) -> Any:
    found = a + ops.log1mexp(_gap(a, b))
    # -inf and -inf: the log of 0; exp(a) alone, whatever log1mexp(inf) is.
    alone = b == zeros(b) - float("inf")
    return keras.ops.where(alone, a, found)


def _by_larger(a: Any, b: Any) -> Any:
    """``1/(1 - exp(-gap))``: infinite at 0, which the rule bounds."""
    # Not by expm1: inductor's is off by 1000 ulp next to 0.
    return 1.0 - _by_smaller(a, b)


def _by_smaller(a: Any, b: Any) -> Any:
    gap = _gap(a, b)
    return -ops.bernoulli_function(gap) / gap


_LOG_SUB_EXP = Recipe(
    "a b",
    lambda a, b: all_of(a >= b, a < zeros(a) + float("inf")),
    (1.0, 0.0),
    _log_sub_exp,
    (
        _by_larger,
        _by_smaller,
    ),
)


def log_sub_exp(a: Any, b: Any) -> Any:
    """``log(exp(a) - exp(b))`` for a >= b, the inverse of `logaddexp`.

    As ``a + log1mexp(a - b)``.

    Args:
        a: numbers below inf.
        b: numbers up to a, -inf too; broadcast against a.

    Returns:
        A tensor of the broadcast shape and the arguments' float dtype (16
        bits are worked on in float32).  a for b = -inf; -inf for a = b,
        where the gradients are infinite and come as plus and minus the
        largest number.  The gradient by a is ``1/(1 - exp(b - a))``, by b
        ``-1/(exp(a - b) - 1)``.  For a < b and nan the value is nan and the
        gradient 0.

    Raises:
        TypeError: complex numbers, or a dtype that is no float of 16, 32 or
            64 bits.
        ValueError: shapes that do not broadcast.

    Example:
        >>> ks.recipes.log_sub_exp(1000.0, [-float("inf"), 999.0, 1000.0])

    Source: Maechler, *Accurately computing log(1 - exp(-|a|))*, Rmpfr
    vignette, 2012.
    """
    return _LOG_SUB_EXP(a, b)


def _exp_by_first(a: Any, b: Any) -> Any:
    """``exp[a, a, b]``: from the larger of both, so that nothing overflows."""
    gap = a - b
    upper = gap > zeros(gap)
    down = exp_times(a, ops.phi2(keras.ops.where(upper, -gap, zeros(gap))))
    inner = keras.ops.where(upper, zeros(gap), gap)
    up = exp_times(b, slope("exprel", inner))
    return keras.ops.where(upper, down, up)


_EXP_DIFFERENCE = Recipe(
    "a b",
    finite,
    (0.0, 0.0),
    lambda a, b: exp_difference(ordered(a, b)),
    (_exp_by_first, lambda a, b: _exp_by_first(b, a)),
)


def exp_divided_difference(a: Any, b: Any) -> Any:
    """``(exp(a) - exp(b))/(a - b)``, ``exp(a)`` for a = b.

    The mean of exp between a and b, as ``exp(larger) exprel(smaller -
    larger)``; of logs of positive numbers their logarithmic mean.

    Args:
        a, b: finite numbers; they broadcast.

    Returns:
        As `log_sub_exp`; symmetric.  The gradient by a is the divided
        difference ``exp[a, a, b]``, ``exp(a)/2`` for a = b.  Infinities and
        nan give nan with gradient 0.

    Raises:
        TypeError, ValueError: as `log_sub_exp`.

    Example:
        >>> ks.recipes.exp_divided_difference([1.0, 1.0], [1.0, 0.0])

    Source: McCurdy, Ng and Parlett, *Accurate computation of divided
    differences of the exponential function*, Math. Comp. 43, 1984.
    """
    return _EXP_DIFFERENCE(a, b)


def _far_apart(low: Any, high: Any) -> Any:
    """Where ``high - low`` is high, and their quotient may be 0."""
    far = FAR[dtype_of(low)]
    return all_of(low > zeros(low), low / high < ones(low) / far)


def _log_gap(low: Any, high: Any, apart: Any) -> Any:
    """``log(high/low)`` where they are, and 1 elsewhere."""
    bottom, top = (keras.ops.where(apart, p, ones(p)) for p in (low, high))
    return keras.ops.where(apart, log_ratio(top, bottom), ones(low))


def _mean(a: Any, b: Any) -> Any:
    low, high = ordered(a, b)
    apart = _far_apart(low, high)
    inner = keras.ops.where(apart, ones(low), low / high)
    return keras.ops.where(
        apart,
        high / _log_gap(low, high, apart),
        high / ops.log_over_xm1(inner),
    )


def _mean_by_first(a: Any, b: Any) -> Any:
    """m'(a/b) of ``m = 1/log_over_xm1``; see `_scale_free`."""
    lower, (low, high) = a < b, ordered(a, b)
    apart = _far_apart(low, high)
    gap = _log_gap(low, high, apart)
    near = keras.ops.where(
        lower,
        _at_ratio(keras.ops.where(lower, a / b, ones(a))),
        _over_ratio(keras.ops.where(lower, ones(a), b / a)),
    )
    # (high - low)/log(high/low), with high - low = high.
    steep = per(per(high, gap, gap), keras.ops.where(apart, low, ones(low)))
    far = keras.ops.where(lower, steep, (1.0 - 1.0 / gap) / gap)
    return keras.ops.where(apart, far, near)


def _at_ratio(r: Any) -> Any:
    """m'(r), r in [0, 1]; infinite at 0."""
    end = r <= zeros(r)
    inner = keras.ops.where(end, ones(r), r)
    shape = ops.log_over_xm1(inner)
    found = -slope("log_over_xm1", inner) / shape / shape
    return keras.ops.where(end, zeros(r) + float("inf"), found)


def _over_ratio(r: Any) -> Any:
    """m'(1/r), r in [0, 1]: ``m(1/r) = m(r)/r``, so ``m(r) - r m'(r)``."""
    end = r <= zeros(r)
    inner = keras.ops.where(end, ones(r), r)
    shape = ops.log_over_xm1(inner)
    found = (1.0 + inner * slope("log_over_xm1", inner) / shape) / shape
    return keras.ops.where(end, zeros(r), found)


_LOGARITHMIC_MEAN = Recipe(
    "a b",
    lambda a, b: all_of(
        *(a >= zeros(a), b >= zeros(a), a + b > zeros(a), finite(a, b))
    ),
    (1.0, 1.0),
    _mean,
    (_mean_by_first, lambda a, b: _mean_by_first(b, a)),
)


def logarithmic_mean(a: Any, b: Any) -> Any:
    """``(a - b)/(log(a) - log(b))`` of positive numbers, a for a = b.

    As ``larger / log_over_xm1(smaller/larger)``.

    Args:
        a, b: finite numbers >= 0, not both 0; they broadcast.

    Returns:
        As `log_sub_exp`; symmetric, and between the geometric and the
        arithmetic mean.  The gradient is 1/2 by each for a = b.  0 where
        one is 0, with gradient 0 by the other and the largest number (for
        inf) by itself.  Elsewhere the value is nan and the gradient 0.

    Raises:
        TypeError, ValueError: as `log_sub_exp`.

    Example:
        >>> ks.recipes.logarithmic_mean([1.0, 1.0], [1.0, 2.0])

    Source: Carlson, *The logarithmic mean*, American Mathematical Monthly
    79, 1972; in fluxes, Ismail and Roe, J. Comput. Phys. 228, 2009,
    appendix B.
    """
    return _LOGARITHMIC_MEAN(a, b)
