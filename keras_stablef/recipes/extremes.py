"""The generalized Pareto and the generalized extreme value distribution.

Both in the convention of their sources, shape > 0 a heavy tail (scipy's
`genextreme` has the other sign).
"""

from __future__ import annotations

from typing import Any

import keras

from ._parts import LARGE
from ._parts import dtype_of
from ._parts import expm1
from ._parts import grown as _grown
from ._parts import grown_slope as _grown_by_shape
from ._parts import log
from ._parts import log1p
from ._parts import log_root as _reduced
from ._parts import log_root_slope as _by_shape
from ._parts import ones
from ._parts import zeros
from ._rule import Recipe
from ._rule import all_of
from ._rule import finite

__all__ = [
    "gev_cdf",
    "gev_log_prob",
    "gev_quantile",
    "gpd_cdf",
    "gpd_log_prob",
    "gpd_quantile",
]


def _by_z(z: Any, shape: Any) -> Any:
    return 1.0 / (1.0 + shape * z)


def _share(z: Any, shape: Any) -> Any:
    """``z/(1 + shape z)``, where shape z may leave the range too."""
    wide = shape * z > LARGE[dtype_of(z)] * ones(z)
    inner = keras.ops.where(wide, z, ones(z))
    far = 1.0 / (1.0 / inner + keras.ops.where(wide, shape, ones(z)))
    near = keras.ops.where(wide, zeros(z), z)
    return keras.ops.where(wide, far, near * _by_z(near, shape))


def _pareto_inside(x: Any, shape: Any, scale: Any) -> Any:
    positive = all_of(scale > zeros(x), x >= zeros(x), finite(x, shape, scale))
    z = x / keras.ops.where(positive, scale, ones(x))
    return all_of(positive, shape * z > -ones(x), finite(z))


def _pareto_log_prob(x: Any, shape: Any, scale: Any) -> Any:
    return -(1.0 + shape) * _reduced(x / scale, shape) - log(scale)


def _pareto_log_prob_by_shape(x: Any, shape: Any, scale: Any) -> Any:
    z = x / scale
    return -_reduced(z, shape) - (1.0 + shape) * _by_shape(z, shape)


_GPD_LOG_PROB = Recipe(
    "x shape scale",
    _pareto_inside,
    (0.0, 0.0, 1.0),
    _pareto_log_prob,
    (
        lambda x, shape, scale: -(1.0 + shape) / (scale + shape * x),
        _pareto_log_prob_by_shape,
        lambda x, shape, scale: (x - scale) / (scale + shape * x) / scale,
    ),
)


def gpd_log_prob(x: Any, shape: Any, scale: Any = 1.0) -> Any:
    """The generalized Pareto log density of an excess x.

    ``-(1 + 1/shape) log(1 + shape z) - log(scale)`` with ``z = x/scale``;
    ``-z - log(scale)`` at shape = 0.

    Args:
        x: numbers >= 0 with ``shape z > -1``.
        shape: any finite numbers, > 0 for a heavy tail.
        scale: positive numbers.  All three broadcast.

    Returns:
        A tensor of the broadcast shape and the arguments' float dtype (16
        bits are worked on in float32), nan where z is no finite number.
        The gradient by x is ``-(1 + shape)/(scale + shape x)``, by scale
        ``(z - 1)/(scale + shape x)``, by shape ``z**2/2 - z`` at shape = 0.
        Outside of the support and for nan the value is nan and the gradient
        0.

    Raises:
        TypeError: complex numbers, or a dtype that is no float of 16, 32 or
            64 bits.
        ValueError: shapes that do not broadcast.

    Example:
        >>> ks.recipes.gpd_log_prob([0.0, 1.0], 1e-9)  # 0, -1

    Source: Coles, *An Introduction to Statistical Modeling of Extreme
    Values*, 2001, section 4.2.
    """
    return _GPD_LOG_PROB(x, shape, scale)


def _pareto_cdf_slope(x: Any, shape: Any, scale: Any) -> Any:
    """The survival function, which every partial derivative has."""
    return keras.ops.exp(-_reduced(x / scale, shape))


def _pareto_density(x: Any, shape: Any, scale: Any) -> Any:
    return _pareto_cdf_slope(x, shape, scale) / (scale + shape * x)


def _pareto_cdf_by_scale(x: Any, shape: Any, scale: Any) -> Any:
    share = x / (scale + shape * x)
    return -(_pareto_cdf_slope(x, shape, scale) * share) / scale


_GPD_CDF = Recipe(
    "x shape scale",
    _pareto_inside,
    (0.0, 0.0, 1.0),
    lambda x, shape, scale: -expm1(-_reduced(x / scale, shape)),
    (
        _pareto_density,
        lambda x, shape, scale: (
            _pareto_cdf_slope(x, shape, scale) * _by_shape(x / scale, shape)
        ),
        _pareto_cdf_by_scale,
    ),
)


def gpd_cdf(x: Any, shape: Any, scale: Any = 1.0) -> Any:
    """The generalized Pareto distribution function.

    ``1 - (1 + shape z)**(-1/shape)`` with ``z = x/scale``; ``1 - exp(-z)``
    at shape = 0.

    Args:
        x, shape, scale: as in `gpd_log_prob`.

    Returns:
        As `gpd_log_prob`: numbers in [0, 1], 0 at x = 0 with gradient
        1/scale.  Outside of the support and for nan the value is nan and
        the gradient 0.

    Raises:
        TypeError, ValueError: as `gpd_log_prob`.

    Example:
        >>> ks.recipes.gpd_cdf([1e-9, 1.0], 0.0)

    Source: see `gpd_log_prob`, equation (4.2).
    """
    return _GPD_CDF(x, shape, scale)


def _wait(p: Any) -> Any:
    """``-log(1 - p)``."""
    return -log1p(-p)


_GPD_QUANTILE = Recipe(
    "p shape scale",
    lambda p, shape, scale: all_of(
        *(p >= zeros(p), p < ones(p), scale > zeros(p)),
        finite(shape, scale),
    ),
    (0.5, 0.0, 1.0),
    lambda p, shape, scale: scale * _grown(_wait(p), shape),
    (
        lambda p, shape, scale: scale * keras.ops.exp((1.0 + shape) * _wait(p)),
        lambda p, shape, scale: scale * _grown_by_shape(_wait(p), shape),
        lambda p, shape, scale: _grown(_wait(p), shape),
    ),
)


def gpd_quantile(p: Any, shape: Any, scale: Any = 1.0) -> Any:
    """The inverse of `gpd_cdf`.

    ``scale ((1 - p)**-shape - 1)/shape``; ``-scale log(1 - p)`` at shape = 0.

    Args:
        p: probabilities, 0 <= p < 1.
        shape, scale: as in `gpd_log_prob`.

    Returns:
        As `gpd_log_prob`: 0 at p = 0, with gradient ``scale``.  Outside, at
        p = 1 too, the value is nan and the gradient 0.

    Raises:
        TypeError, ValueError: as `gpd_log_prob`.

    Example:
        >>> ks.recipes.gpd_quantile(0.99, [-0.1, 0.0, 0.1])

    Source: see `gpd_log_prob`, section 4.3.3.
    """
    return _GPD_QUANTILE(p, shape, scale)


def _extreme_inside(x: Any, shape: Any, loc: Any, scale: Any) -> Any:
    positive = all_of(scale > zeros(x), finite(x, shape, loc, scale))
    z = (x - loc) / keras.ops.where(positive, scale, ones(x))
    return all_of(positive, shape * z > -ones(x), finite(z))


def _pull(z: Any, shape: Any) -> Any:
    """Of the log density by `_reduced`: ``exp(-s) - 1 - shape``."""
    return expm1(-_reduced(z, shape)) - shape


def _extreme_log_prob(x: Any, shape: Any, loc: Any, scale: Any) -> Any:
    s = _reduced((x - loc) / scale, shape)
    return -(1.0 + shape) * s - keras.ops.exp(-s) - log(scale)


def _extreme_by_x(x: Any, shape: Any, loc: Any, scale: Any) -> Any:
    z = (x - loc) / scale
    return _pull(z, shape) * _by_z(z, shape) / scale


def _extreme_by_shape(x: Any, shape: Any, loc: Any, scale: Any) -> Any:
    z = (x - loc) / scale
    return _pull(z, shape) * _by_shape(z, shape) - _reduced(z, shape)


def _extreme_by_scale(x: Any, shape: Any, loc: Any, scale: Any) -> Any:
    z = (x - loc) / scale
    return -(1.0 + _pull(z, shape) * _share(z, shape)) / scale


_GEV_LOG_PROB = Recipe(
    "x shape loc scale",
    _extreme_inside,
    (0.0, 0.0, 0.0, 1.0),
    _extreme_log_prob,
    (
        _extreme_by_x,
        _extreme_by_shape,
        lambda *args: -_extreme_by_x(*args),
        _extreme_by_scale,
    ),
)


def gev_log_prob(x: Any, shape: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """The generalized extreme value log density.

    ``-(1 + shape) s - exp(-s) - log(scale)`` with ``z = (x - loc)/scale``
    and ``s = log(1 + shape z)/shape``, z at shape = 0 (Gumbel).

    Args:
        x: numbers with ``shape z > -1``.
        shape: any finite numbers, > 0 for a heavy tail (Frechet).
        loc: any finite numbers.
        scale: positive numbers.  All four broadcast.

    Returns:
        As `gpd_log_prob`.  With ``w = exp(-s) - 1 - shape`` the gradient by
        x is ``w/(scale (1 + shape z))``, by loc minus that; by shape ``(1 -
        exp(-z)) z**2/2 - z`` at shape = 0.  Outside of the support and for
        nan the value is nan and the gradient 0.

    Raises:
        TypeError, ValueError: as `gpd_log_prob`.

    Example:
        >>> ks.recipes.gev_log_prob([0.0, 1.0], 1e-9)  # -1, -1 - 1/e

    Source: Coles, *An Introduction to Statistical Modeling of Extreme
    Values*, 2001, section 3.3.2.
    """
    return _GEV_LOG_PROB(x, shape, loc, scale)


def _extreme_cdf_slope(x: Any, shape: Any, loc: Any, scale: Any) -> Any:
    """Of the distribution function by `_reduced`."""
    s = _reduced((x - loc) / scale, shape)
    return keras.ops.exp(-s - keras.ops.exp(-s))


def _extreme_density(x: Any, shape: Any, loc: Any, scale: Any) -> Any:
    z = (x - loc) / scale
    return _extreme_cdf_slope(x, shape, loc, scale) * _by_z(z, shape) / scale


_GEV_CDF = Recipe(
    "x shape loc scale",
    _extreme_inside,
    (0.0, 0.0, 0.0, 1.0),
    lambda x, shape, loc, scale: keras.ops.exp(
        -keras.ops.exp(-_reduced((x - loc) / scale, shape))
    ),
    (
        _extreme_density,
        lambda x, shape, loc, scale: (
            _extreme_cdf_slope(x, shape, loc, scale)
            * _by_shape((x - loc) / scale, shape)
        ),
        lambda *args: -_extreme_density(*args),
        lambda x, shape, loc, scale: (
            -(x - loc) / scale * _extreme_density(x, shape, loc, scale)
        ),
    ),
)


def gev_cdf(x: Any, shape: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """The generalized extreme value distribution function.

    ``exp(-exp(-s))`` with s as in `gev_log_prob`.

    Args:
        x, shape, loc, scale: as in `gev_log_prob`.

    Returns:
        As `gev_log_prob`: numbers in [0, 1], with the density as the
        gradient by x.

    Raises:
        TypeError, ValueError: as `gpd_log_prob`.

    Example:
        >>> ks.recipes.gev_cdf([0.0, 1.0], 0.0)

    Source: see `gev_log_prob`, equation (3.2).
    """
    return _GEV_CDF(x, shape, loc, scale)


def _double_log(p: Any) -> Any:
    """``-log(-log(p))``."""
    return -log(-log(p))


_GEV_QUANTILE = Recipe(
    "p shape loc scale",
    lambda p, shape, loc, scale: all_of(
        *(p > zeros(p), p < ones(p), scale > zeros(p)),
        finite(shape, loc, scale),
    ),
    (0.5, 0.0, 0.0, 1.0),
    lambda p, shape, loc, scale: loc + scale * _grown(_double_log(p), shape),
    (
        lambda p, shape, loc, scale: (
            scale * keras.ops.exp((1.0 + shape) * _double_log(p)) / p
        ),
        lambda p, shape, loc, scale: (
            scale * _grown_by_shape(_double_log(p), shape)
        ),
        lambda p, shape, loc, scale: ones(p),
        lambda p, shape, loc, scale: _grown(_double_log(p), shape),
    ),
)


def gev_quantile(p: Any, shape: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """The inverse of `gev_cdf`.

    ``loc + scale ((-log p)**-shape - 1)/shape``; ``loc - scale log(-log p)``
    at shape = 0.

    Args:
        p: probabilities, 0 < p < 1.
        shape, loc, scale: as in `gev_log_prob`.

    Returns:
        As `gev_log_prob`; outside, at 0 and 1 too, the value is nan and the
        gradient 0.

    Raises:
        TypeError, ValueError: as `gpd_log_prob`.

    Example:
        >>> ks.recipes.gev_quantile(0.99, [-0.1, 0.0, 0.1])

    Source: see `gev_log_prob`, equation (3.4).
    """
    return _GEV_QUANTILE(p, shape, loc, scale)
