"""Power transforms: Box-Cox and Yeo-Johnson, and their inverses."""

from __future__ import annotations

from typing import Any

import keras

from .. import ops
from ._parts import grown as _power_mean
from ._parts import grown_slope as _power_slope
from ._parts import log
from ._parts import log1p
from ._parts import log_root as _log_root
from ._parts import log_root_slope as _root_slope
from ._parts import ones
from ._parts import zeros
from ._rule import Recipe
from ._rule import all_of
from ._rule import finite

__all__ = [
    "box_cox",
    "box_cox_inverse",
    "yeo_johnson",
    "yeo_johnson_inverse",
]


def _root(y: Any, power: Any, exponent: Any) -> Any:
    """``(1 + power y)**(exponent/power)``."""
    flat = exponent == zeros(exponent)  # 0 times infinity at the end
    found = exponent * _log_root(y, power)
    return keras.ops.exp(keras.ops.where(flat, zeros(found), found))


_BOX_COX = Recipe(
    "x lmbda",
    lambda x, k: all_of(x > zeros(x), finite(x, k)),
    (1.0, 1.0),
    lambda x, k: _power_mean(log(x), k),
    (
        lambda x, k: keras.ops.exp((k - 1.0) * log(x)),
        lambda x, k: _power_slope(log(x), k),
    ),
)


def box_cox(x: Any, lmbda: Any) -> Any:
    """The Box-Cox transform ``(x**lmbda - 1)/lmbda``, ``log(x)`` at 0.

    As ``u exprel(lmbda u)`` with ``u = log(x)``.

    Args:
        x: positive numbers.
        lmbda: any finite numbers; broadcast against x.

    Returns:
        A tensor of the broadcast shape and the arguments' float dtype
        (16 bits are worked on in float32).  The gradient by x is
        ``x**(lmbda - 1)``, by lmbda ``u**2 exprel'(lmbda u)``, which is
        ``log(x)**2/2`` at lmbda = 0.  For x <= 0, nan and infinities the
        value is nan and the gradient 0.

    Raises:
        TypeError: complex numbers, or a dtype that is no float of 16, 32 or
            64 bits.
        ValueError: shapes that do not broadcast.

    Example:
        >>> ks.recipes.box_cox([0.5, 2.0], 0.0)  # log(0.5), log(2)

    Source: Box and Cox, *An analysis of transformations*, J. R. Stat. Soc. B
    26, 1964, equation (1).
    """
    return _BOX_COX(x, lmbda)


_BOX_COX_INVERSE = Recipe(
    "y lmbda",
    lambda y, k: all_of(k * y >= -ones(y), finite(y, k)),
    (0.0, 1.0),
    lambda y, k: _root(y, k, ones(k)),
    (
        lambda y, k: _root(y, k, 1.0 - k),
        lambda y, k: _at_end(y, k, _root(y, k, ones(k)) * _root_slope(y, k)),
    ),
)


def _at_end(y: Any, power: Any, found: Any) -> Any:
    """0 times an infinite slope, where ``1 + power y`` is 0."""
    return keras.ops.where(power * y <= -ones(y), zeros(y), found)


def box_cox_inverse(y: Any, lmbda: Any) -> Any:
    """The inverse of `box_cox`: ``(1 + lmbda y)**(1/lmbda)``, ``exp(y)`` at 0.

    As ``exp(y log1prel(lmbda y))``.

    Args:
        y: numbers with ``lmbda y >= -1``.
        lmbda: any finite numbers; broadcast against y.

    Returns:
        As `box_cox`; the gradient by y is ``(1 + lmbda y)**(1/lmbda - 1)``,
        by lmbda ``-exp(y) y**2/2`` at lmbda = 0.  At ``lmbda y = -1`` the
        value is 0 (lmbda > 0) or inf, the gradient by lmbda 0.  Elsewhere
        the value is nan and the gradient 0.

    Raises:
        TypeError, ValueError: as `box_cox`.

    Example:
        >>> ks.recipes.box_cox_inverse([0.0, 1.0], 1e-9)  # 1, e

    Source: see `box_cox`.
    """
    return _BOX_COX_INVERSE(y, lmbda)


def _mirrored(x: Any, lmbda: Any) -> tuple[Any, Any, Any]:
    """1 or -1, |x|, and the power on that side."""
    negative = x < zeros(x)
    sign = keras.ops.where(negative, -ones(x), ones(x))
    power = keras.ops.where(negative, 2.0 - lmbda, lmbda)
    return sign, keras.ops.abs(x), power


def _yeo_johnson(x: Any, lmbda: Any) -> Any:
    sign, size, power = _mirrored(x, lmbda)
    return sign * _power_mean(log1p(size), power)


def _yeo_johnson_by_x(x: Any, lmbda: Any) -> Any:
    _, size, power = _mirrored(x, lmbda)
    return keras.ops.exp((power - 1.0) * log1p(size))


def _yeo_johnson_by_lmbda(x: Any, lmbda: Any) -> Any:
    _, size, power = _mirrored(x, lmbda)
    return _power_slope(log1p(size), power)


_YEO_JOHNSON = Recipe(
    "x lmbda",
    finite,
    (0.0, 1.0),
    _yeo_johnson,
    (_yeo_johnson_by_x, _yeo_johnson_by_lmbda),
)


def yeo_johnson(x: Any, lmbda: Any) -> Any:
    """The Yeo-Johnson transform, of any real x.

    ``((1 + x)**lmbda - 1)/lmbda`` for x >= 0 (``log(1 + x)`` at lmbda = 0),
    ``-((1 - x)**(2 - lmbda) - 1)/(2 - lmbda)`` for x < 0 (``-log(1 - x)`` at
    lmbda = 2).

    Args:
        x: any finite numbers.
        lmbda: any finite numbers; broadcast against x.

    Returns:
        As `box_cox`; 0 at x = 0 with gradient 1 by x and 0 by lmbda.  The
        gradient by x is ``(1 + |x|)**(power - 1)``, power = lmbda for x >= 0
        and 2 - lmbda for x < 0.  Infinities and nan give nan with gradient 0.

    Raises:
        TypeError, ValueError: as `box_cox`.

    Example:
        >>> ks.recipes.yeo_johnson([-1.0, 0.0, 1.0], 0.0)

    Source: Yeo and Johnson, *A new family of power transformations to
    improve normality or symmetry*, Biometrika 87, 2000, equation (2.1).
    """
    return _YEO_JOHNSON(x, lmbda)


def _log_size(y: Any, lmbda: Any) -> tuple[Any, Any, Any, Any]:
    """``log(1 + |x|)`` of the x that y came from, and what made it."""
    sign, size, power = _mirrored(y, lmbda)
    return sign, size, power, _log_root(size, power)


def _inverse(y: Any, lmbda: Any) -> Any:
    sign, _, _, q = _log_size(y, lmbda)
    return sign * (q * ops.exprel(q))


def _inverse_by_y(y: Any, lmbda: Any) -> Any:
    _, size, power = _mirrored(y, lmbda)
    return _root(size, power, 1.0 - power)


def _inverse_by_lmbda(y: Any, lmbda: Any) -> Any:
    _, size, power = _mirrored(y, lmbda)
    found = _root(size, power, ones(power)) * _root_slope(size, power)
    return _at_end(size, power, found)


_YEO_JOHNSON_INVERSE = Recipe(
    "y lmbda",
    lambda y, k: all_of(
        _mirrored(y, k)[2] * keras.ops.abs(y) > -ones(y), finite(y, k)
    ),
    (0.0, 1.0),
    _inverse,
    (_inverse_by_y, _inverse_by_lmbda),
)


def yeo_johnson_inverse(y: Any, lmbda: Any) -> Any:
    """The inverse of `yeo_johnson`.

    ``sign(y) ((1 + power |y|)**(1/power) - 1)``, power = lmbda for y >= 0
    and 2 - lmbda for y < 0; ``sign(y) (exp(|y|) - 1)`` at power = 0.

    Args:
        y: numbers with ``power |y| > -1``: all but those that no x has.
        lmbda: any finite numbers; broadcast against y.

    Returns:
        As `yeo_johnson`.  Where no x has that y, and for infinities and
        nan, the value is nan and the gradient 0.

    Raises:
        TypeError, ValueError: as `box_cox`.

    Example:
        >>> ks.recipes.yeo_johnson_inverse([-1.0, 1.0], 0.5)

    Source: see `yeo_johnson`.
    """
    return _YEO_JOHNSON_INVERSE(y, lmbda)
