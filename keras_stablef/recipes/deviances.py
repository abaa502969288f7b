"""Unit deviances: 0 with gradient 0 where y is the mean, right beside it.

Each is ``2 * integral of (y - t)/V(t) from mean to y`` with a variance
function V.  With ``u = log(y/mean)`` from ``t = (y - mean)/mean`` it is a
divided difference of exp, times u**2.
"""

from __future__ import annotations

from typing import Any

import keras

from .. import ops
from .._dtypes import largest
from ._parts import dtype_of
from ._parts import exp_difference
from ._parts import larger
from ._parts import log
from ._parts import log1p
from ._parts import log_ratio
from ._parts import ones
from ._parts import ordered
from ._parts import per
from ._parts import slope
from ._parts import smaller
from ._parts import zeros
from ._rule import Recipe
from ._rule import all_of
from ._rule import finite

__all__ = [
    "bernoulli_deviance",
    "gamma_deviance",
    "negative_binomial_deviance",
    "poisson_deviance",
    "tweedie_deviance",
]

# Below it y log(y/mean) is small beside mean - y.
SMALL = 0.1


def _log_ratio(above: Any, below: Any, gap: Any) -> Any:
    """``log(above/below)`` of positive numbers, gap = above - below.

    -inf for above = 0.
    """
    t = gap / below
    near = keras.ops.abs(t) < 0.5 * ones(t)
    none = above <= zeros(t)
    one, other = (
        keras.ops.where(keras.ops.logical_or(near, none), ones(t), p)
        for p in (above, below)
    )
    far = log_ratio(one, other)
    far = keras.ops.where(none, zeros(t) - float("inf"), far)
    around = log1p(keras.ops.where(near, t, zeros(t)))
    return keras.ops.where(near, around, far)


def _entropy(y: Any, mean: Any, gap: Any, u: Any) -> Any:
    """``y u - gap``, with gap = y - mean and u = log(y/mean).

    ``y u**2 phi2(-u)`` for y above the mean, ``mean u**2 exprel'(u)`` below.
    """
    above = u > zeros(u)
    low = y < SMALL * mean
    none = y <= zeros(y)
    inner = keras.ops.where(low, zeros(u), u)
    up = ops.phi2(keras.ops.where(above, -inner, zeros(u)))
    down = slope("exprel", keras.ops.where(above, zeros(u), inner))
    near = keras.ops.where(above, y * up, mean * down) * inner * inner
    far = y * keras.ops.where(none, zeros(u), u) - gap
    return keras.ops.where(low, far, near)


def _poisson(y: Any, mean: Any) -> Any:
    gap = y - mean
    return 2.0 * _entropy(y, mean, gap, _log_ratio(y, mean, gap))


_POISSON = Recipe(
    "y mean",
    lambda y, mean: all_of(y >= zeros(y), mean > zeros(y), finite(y, mean)),
    (1.0, 1.0),
    _poisson,
    (
        lambda y, mean: 2.0 * _log_ratio(y, mean, y - mean),
        lambda y, mean: 2.0 * ((mean - y) / mean),
    ),
)


def poisson_deviance(y: Any, mean: Any) -> Any:
    """``2 (y log(y/mean) - y + mean)``, ``2 mean`` for y = 0.

    Args:
        y: numbers >= 0.
        mean: positive numbers; they broadcast.

    Returns:
        A tensor of the broadcast shape and the arguments' float dtype (16
        bits are worked on in float32), >= 0.  0 for y = mean, with gradient
        0.  The gradient by mean is ``2 (mean - y)/mean``, by y ``2
        log(y/mean)``, at y = 0 minus the largest number (for -inf).
        Elsewhere the value is nan and the gradient 0.

    Raises:
        TypeError: complex numbers, or a dtype that is no float of 16, 32 or
            64 bits.
        ValueError: shapes that do not broadcast.

    Example:
        >>> ks.recipes.poisson_deviance([0.0, 3.0], [1.0, 3.0001])

    Source: McCullagh and Nelder, *Generalized Linear Models*, 2nd ed.,
    section 2.3.
    """
    return _POISSON(y, mean)


def _gamma(y: Any, mean: Any) -> Any:
    t = (y - mean) / mean
    far = t > ones(t)
    less = keras.ops.where(far, mean, y)
    u = _log_ratio(less, mean, less - mean)
    wide = keras.ops.where(far, t, ones(t))
    most = largest(dtype_of(t))
    grown = wide - log(1.0 + smaller(wide, most * ones(t)))
    return 2.0 * keras.ops.where(far, grown, u * u * ops.phi2(u))


_GAMMA = Recipe(
    "y mean",
    lambda y, mean: all_of(y > zeros(y), mean > zeros(y), finite(y, mean)),
    (1.0, 1.0),
    _gamma,
    (
        lambda y, mean: 2.0 * per(y - mean, *reversed(ordered(y, mean))),
        lambda y, mean: 2.0 * per(mean - y, mean, mean),
    ),
)


def gamma_deviance(y: Any, mean: Any) -> Any:
    """``2 ((y - mean)/mean - log(y/mean))``.

    Args:
        y, mean: positive numbers; they broadcast.

    Returns:
        As `poisson_deviance`.  The gradient by mean is ``2 (mean -
        y)/mean**2``, by y ``2 (y - mean)/(mean y)``.  Where one is not
        positive the value is nan and the gradient 0.

    Raises:
        TypeError, ValueError: as `poisson_deviance`.

    Example:
        >>> ks.recipes.gamma_deviance([1.0, 3.0], [2.0, 3.0001])

    Source: see `poisson_deviance`.
    """
    return _GAMMA(y, mean)


def _logs(y: Any, mean: Any) -> tuple[Any, Any, Any]:
    """``y - mean``, ``log(y/mean)`` and ``log((1 - y)/(1 - mean))``."""
    gap = y - mean
    other = _log_ratio(1.0 - y, 1.0 - mean, -gap)
    return gap, _log_ratio(y, mean, gap), other


def _bernoulli(y: Any, mean: Any) -> Any:
    gap, one, other = _logs(y, mean)
    rest = _entropy(1.0 - y, 1.0 - mean, -gap, other)
    return 2.0 * (_entropy(y, mean, gap, one) + rest)


def _bernoulli_by_y(y: Any, mean: Any) -> Any:
    _, one, other = _logs(y, mean)
    return 2.0 * (one - other)


_BERNOULLI = Recipe(
    "y mean",
    lambda y, mean: all_of(
        *(y >= zeros(y), y <= ones(y), mean > zeros(y), mean < ones(y))
    ),
    (0.5, 0.5),
    _bernoulli,
    (
        _bernoulli_by_y,
        lambda y, mean: 2.0 * per(mean - y, 1.0 - mean, mean),
    ),
)


def bernoulli_deviance(y: Any, mean: Any) -> Any:
    """``2 (y log(y/mean) + (1 - y) log((1 - y)/(1 - mean)))``.

    Twice the divergence of Bernoulli distributions; for y of 0 and 1 twice
    the binary cross-entropy.

    Args:
        y: numbers in [0, 1].
        mean: numbers between 0 and 1; they broadcast.

    Returns:
        As `poisson_deviance`.  The gradient by mean is ``2 (mean -
        y)/(mean (1 - mean))``, by y the difference of the logits, twice; at
        y = 0 and 1 minus and plus the largest number.  Elsewhere the value
        is nan and the gradient 0.

    Raises:
        TypeError, ValueError: as `poisson_deviance`.

    Example:
        >>> ks.recipes.bernoulli_deviance([0.0, 0.3], [0.5, 0.30001])

    Source: see `poisson_deviance`.
    """
    return _BERNOULLI(y, mean)


def _shrunk(y: Any, mean: Any, alpha: Any) -> Any:
    """``log(y (1 + alpha mean)/(mean (1 + alpha y)))``."""
    above, below = y * (1.0 + alpha * mean), mean * (1.0 + alpha * y)
    return _log_ratio(above, below, y - mean)


def _per_alpha(above: Any, below: Any, gap: Any, alpha: Any) -> Any:
    """``log(above/below)/alpha``, with ``above = below + alpha gap``."""
    t = gap / below
    near = keras.ops.abs(alpha * t) < 0.5 * ones(t)
    share = keras.ops.where(near, alpha * t, zeros(t))
    ratio = keras.ops.where(near, ones(t), above / below)
    size = keras.ops.where(near, ones(t), alpha)
    around = keras.ops.where(near, t, zeros(t)) * ops.log1prel(share)
    return keras.ops.where(near, around, keras.ops.log(ratio) / size)


def _binomial(y: Any, mean: Any, alpha: Any) -> Any:
    """The Bernoulli deviance of ``alpha y/(1 + alpha y)``, scaled."""
    gap, wide, wider = y - mean, 1.0 + alpha * mean, 1.0 + alpha * y
    one = _shrunk(y, mean, alpha)
    first = _entropy(y, mean * (wider / wide), gap / wide, one)
    v = _per_alpha(wide, wider, -gap, alpha)  # of the other outcome
    u = alpha * v
    # v**2 alpha (wider/wide) exprel'(u), or with exp(u) = wide/wider taken
    # out of it, so that it does not grow.
    above = u > zeros(u)
    up = ops.phi2(keras.ops.where(above, -u, zeros(u)))
    down = slope("exprel", keras.ops.where(above, zeros(u), u))
    factor = keras.ops.where(above, up, wider / wide * down)
    return 2.0 * (first + alpha * v * v * factor)


def _binomial_by_alpha(y: Any, mean: Any, alpha: Any) -> Any:
    """``2/alpha**2 (log(q) - (q - 1))``, q = wider/wide."""
    wide, wider = 1.0 + alpha * mean, 1.0 + alpha * y
    size = _per_alpha(wider, wide, y - mean, alpha)
    return -2.0 * size * size * ops.phi2(alpha * size)


_NEGATIVE_BINOMIAL = Recipe(
    "y mean alpha",
    lambda y, mean, alpha: all_of(
        *(y >= zeros(y), mean > zeros(y), alpha >= zeros(y)),
        finite(y, mean, alpha),
    ),
    (1.0, 1.0, 0.0),
    _binomial,
    (
        lambda y, mean, alpha: 2.0 * _shrunk(y, mean, alpha),
        lambda y, mean, alpha: 2.0 * per(mean - y, mean, 1.0 + alpha * mean),
        _binomial_by_alpha,
    ),
)


def negative_binomial_deviance(y: Any, mean: Any, alpha: Any) -> Any:
    """``2 (y log(y/mean) - (y + 1/alpha) log(q))``.

    With ``q = (1 + alpha y)/(1 + alpha mean)``; of the negative binomial
    distribution with variance ``mean + alpha mean**2``; `poisson_deviance`
    at alpha = 0.

    Args:
        y: numbers >= 0.
        mean: positive numbers.
        alpha: numbers >= 0, the dispersion.  All three broadcast.

    Returns:
        As `poisson_deviance`.  The gradient by mean is ``2 (mean -
        y)/(mean (1 + alpha mean))``, by alpha ``-(y - mean)**2`` at alpha =
        0, by y at y = 0 minus the largest number.  Elsewhere the value is
        nan and the gradient 0.

    Raises:
        TypeError, ValueError: as `poisson_deviance`.

    Example:
        >>> ks.recipes.negative_binomial_deviance(3.0, 2.0, [0.0, 1e-6, 1.0])

    Source: Hilbe, *Negative Binomial Regression*, 2nd ed., section 8.3.
    """
    return _NEGATIVE_BINOMIAL(y, mean, alpha)


def _logs_of_positive(y: Any, mean: Any) -> tuple[Any, Any]:
    """Where y is 0, and log(y/mean) elsewhere."""
    none = y <= zeros(y)
    given = keras.ops.where(none, mean, y)
    return none, _log_ratio(given, mean, given - mean)


def _points(u: Any, a: Any) -> tuple[Any, Any, Any, Any]:
    """0, u, a u and a u in order."""
    low, high = ordered(zeros(u), u)
    v = a * u
    below, above = ordered(low, v), ordered(high, v)
    return below[0], above[0], below[1], above[1]


def _tweedie(y: Any, mean: Any, power: Any) -> Any:
    none, u = _logs_of_positive(y, mean)
    a = 2.0 - power
    unit = keras.ops.exp(a * log(mean))
    first, _, middle, last = _points(u, a)
    middle = smaller(middle, larger(u, zeros(u)))
    found = u * u * exp_difference((first, middle, last))
    # For y = 0 what is left is 1/a.
    left = 1.0 / keras.ops.where(none, a, ones(a))
    return 2.0 * unit * keras.ops.where(none, left, found)


def _tweedie_by_y(y: Any, mean: Any, power: Any) -> Any:
    none, u = _logs_of_positive(y, mean)
    b = 1.0 - power
    unit = keras.ops.exp(b * log(mean))
    flat = all_of(none, b > zeros(b))
    left = -1.0 / keras.ops.where(flat, b, ones(b))
    end = keras.ops.where(flat, left, zeros(b) - float("inf"))
    return 2.0 * unit * keras.ops.where(none, end, u * ops.exprel(b * u))


def _tweedie_by_mean(y: Any, mean: Any, power: Any) -> Any:
    return 2.0 * (mean - y) * keras.ops.exp(-power * log(mean))


def _tweedie_by_power(y: Any, mean: Any, power: Any) -> Any:
    none, u = _logs_of_positive(y, mean)
    a = 2.0 - power
    whole = _tweedie(y, mean, power)
    unit = 2.0 * keras.ops.exp(a * log(mean))
    found = u * u * u * exp_difference(_points(u, a))
    left = 1.0 / keras.ops.where(none, a, ones(a))
    rest = keras.ops.where(none, -left * left, found)
    return -(log(mean) * whole + unit * rest)


_TWEEDIE = Recipe(
    "y mean power",
    lambda y, mean, power: all_of(
        keras.ops.logical_or(
            y > zeros(y), all_of(y >= zeros(y), power < 2.0 * ones(y))
        ),
        *(mean > zeros(y), finite(y, mean, power)),
    ),
    (1.0, 1.0, 1.5),
    _tweedie,
    (_tweedie_by_y, _tweedie_by_mean, _tweedie_by_power),
)


def tweedie_deviance(y: Any, mean: Any, power: Any) -> Any:
    """The deviance for the variance ``mean**power``, at every power.

    ``2 (y**(2-p)/((1-p)(2-p)) - y mean**(1-p)/(1-p) + mean**(2-p)/(2-p))``;
    `poisson_deviance` at p = 1, `gamma_deviance` at p = 2.  As ``2
    mean**(2-p) u**2 exp[0, u, (2-p) u]``, u = log(y/mean), with the second
    divided difference of exp.

    Args:
        y: positive numbers; 0 too where power < 2.
        mean: positive numbers.
        power: any finite numbers.  All three broadcast.

    Returns:
        As `poisson_deviance`.  The gradient by mean is ``2 (mean - y)
        mean**-p``, by y ``2 (y**(1-p) - mean**(1-p))/(1-p)``, at y = 0 and
        p >= 1 minus the largest number; by power a third divided
        difference.  Elsewhere the value is nan and the gradient 0.

    Raises:
        TypeError, ValueError: as `poisson_deviance`.

    Example:
        >>> ks.recipes.tweedie_deviance(3.0, 2.0, [1.0, 1.5, 2.0])

    Source: Dunn and Smyth, *Generalized Linear Models With Examples in R*,
    section 12.2.
    """
    return _TWEEDIE(y, mean, power)
