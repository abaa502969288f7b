"""Densities whose normaliser or probability is a difference of two others."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from .. import ops
from .._dtypes import FORMATS
from ._parts import larger
from ._parts import log
from ._parts import log_sigmoid
from ._parts import ones
from ._parts import per
from ._parts import sigmoid
from ._parts import smaller
from ._parts import zeros
from ._rule import Recipe
from ._rule import all_of
from ._rule import finite

__all__ = ["discretized_logistic_log_prob", "truncated_normal_log_prob"]


def _bin(x: Any, loc: Any, scale: Any, width: Any) -> tuple[Any, Any, Any, Any]:
    """The middle and the width of a bin and both its ends, in scales."""
    z, w = (x - loc) / scale, width / scale
    return z, w, z - w / 2.0, z + w / 2.0


def _bin_log_prob(x: Any, loc: Any, scale: Any, width: Any) -> Any:
    _, w, low, high = _bin(x, loc, scale, width)
    return log_sigmoid(high) + log_sigmoid(-low) + ops.log1mexp(w)


def _bin_by_x(x: Any, loc: Any, scale: Any, width: Any) -> Any:
    """``1 - sigmoid(low) - sigmoid(high)`` as a product, of z's sign."""
    z, _, low, high = _bin(x, loc, scale, width)
    right = z > zeros(z)
    n = 2.0 * keras.ops.abs(z)
    fall = n * ops.exprel(-n)
    sides = keras.ops.where(right, -ones(z), ones(z))
    return sides * fall * sigmoid(-sides * low) * sigmoid(-sides * high) / scale


def _bin_by_width(x: Any, loc: Any, scale: Any, width: Any) -> Any:
    _, w, low, high = _bin(x, loc, scale, width)
    tails = (sigmoid(-high) + sigmoid(low)) / 2.0
    return (tails + ops.bernoulli_function(w) / w) / scale


def _bin_by_scale(x: Any, loc: Any, scale: Any, width: Any) -> Any:
    z, w, _, _ = _bin(x, loc, scale, width)
    args = x, loc, scale, width
    return -(z * _bin_by_x(*args) + w * _bin_by_width(*args))


_BIN = Recipe(
    "x loc scale width",
    lambda x, loc, scale, width: all_of(
        *(scale > zeros(x), width > zeros(x), finite(x, loc, scale, width))
    ),
    (0.0, 0.0, 1.0, 1.0),
    _bin_log_prob,
    (
        _bin_by_x,
        lambda *args: -_bin_by_x(*args),
        _bin_by_scale,
        _bin_by_width,
    ),
)


def discretized_logistic_log_prob(
    x: Any, loc: Any, scale: Any, width: Any
) -> Any:
    """The log probability of a bin under the logistic distribution.

    ``log(sigmoid(high) - sigmoid(low))`` with ``high, low = (x ± width/2 -
    loc)/scale``; as ``log sigmoid(high) + log sigmoid(-low) +
    log1mexp(width/scale)``, three terms of one sign.

    Args:
        x: the bin's middle.
        loc: any finite numbers.
        scale: positive numbers.
        width: positive numbers, of the bin: 2/255 for pixels in [-1, 1].
            All four broadcast.

    Returns:
        A tensor of the broadcast shape and the arguments' float dtype (16
        bits are worked on in float32), < 0, finite in both tails.  The
        gradient by x is ``(1 - sigmoid(low) - sigmoid(high))/scale``, by
        loc minus that.  Where scale or width is not positive and for nan
        the value is nan and the gradient 0.

    Raises:
        TypeError: complex numbers, or a dtype that is no float of 16, 32 or
            64 bits.
        ValueError: shapes that do not broadcast.

    Example:
        >>> ks.recipes.discretized_logistic_log_prob(0.5, 0.0, 1e-3, 2 / 255)

    Source: Salimans, Karpathy, Chen and Kingma, *PixelCNN++*, ICLR 2017,
    section 2.1.
    """
    return _BIN(x, loc, scale, width)


class _Truncated:
    """The normal distribution on ``[low, high]``, about its mode there.

    Attributes:
        mode: in standard deviations from loc.
        at: x's distance from the mode, in standard deviations.
        ends: those of both ends.
        moments: ``integral of t**k exp(-mode t - t**2/2)``, t the distance
            from the mode, k = 0, 1, 2.
    """

    def __init__(
        self, x: Any, loc: Any, scale: Any, low: Any, high: Any
    ) -> None:
        where = keras.ops.where
        a, b = ((p - loc) / scale for p in (low, high))
        above, below = a > zeros(a), b < zeros(b)
        width = (high - low) / scale
        self.mode = where(above, a, where(below, b, zeros(a)))
        # Differences of what is given, not of a, b and z, which are rounded.
        self.at = where(above, x - low, where(below, x - high, x - loc)) / scale
        self.ends = (
            where(above, zeros(a), where(below, -width, a)),
            where(above, width, where(below, zeros(b), b)),
        )
        precision, _ = FORMATS[keras.backend.standardize_dtype(x.dtype)]
        self.moments = _moments(self.mode, *self.ends, precision)

    def fall(self, t: Any) -> Any:
        """Minus the log of the density at t over that at the mode."""
        return t * (self.mode + t / 2.0)


def _moments(mode: Any, left: Any, right: Any, precision: int) -> list[Any]:
    """By Gauss' rule on what is no further than exp(-drop) below the mode."""
    drop = (precision + 4) * math.log(2)
    # Where mode**2 is above 2**60 drop it is all of the sum.
    size = keras.ops.abs(mode)
    short = smaller(size, 2.0**40 * ones(size))
    root = keras.ops.sqrt(short * short + 2.0 * drop)
    reach = 2.0 * drop / (size + larger(root, size))
    left = larger(left, -reach)
    right = smaller(right, reach)
    # exp(-c u**2) on [-1, 1], c = drop, in Chebyshev polynomials: what n nodes
    # leave is near exp(-c/2) (c/2)**n/n!, below 2**-precision/100 here.
    nodes, weights = np.polynomial.legendre.leggauss(3 * precision // 2)
    dtype = mode.dtype
    places = keras.ops.convert_to_tensor((nodes + 1.0) / 2.0, dtype=dtype)
    shares = keras.ops.convert_to_tensor(weights / 2.0, dtype=dtype)
    width = keras.ops.expand_dims(right - left, -1)
    t = keras.ops.expand_dims(left, -1) + width * places
    steep = keras.ops.expand_dims(mode, -1)
    term = shares * width * keras.ops.exp(-t * (steep + t / 2.0))
    found = []
    for _ in range(3):
        found.append(keras.ops.sum(term, axis=-1))
        term = term * t
    return found


def _truncated_log_prob(*args: Any) -> Any:
    it = _Truncated(*args)
    return -it.fall(it.at) - log(args[2] * it.moments[0])


def _truncated_by_loc(*args: Any) -> Any:
    it = _Truncated(*args)
    return (it.at - it.moments[1] / it.moments[0]) / args[2]


def _truncated_by_scale(*args: Any) -> Any:
    it = _Truncated(*args)
    whole, first, second = it.moments
    linear = 2.0 * it.mode * (it.at - first / whole)
    return (linear + (it.at * it.at - second / whole)) / args[2]


def _density_at_end(args: tuple[Any, ...], end: int) -> Any:
    it = _Truncated(*args)
    far = keras.ops.abs(args[3 + end]) == zeros(args[0]) + float("inf")
    t = keras.ops.where(far, zeros(args[0]), it.ends[end])
    found = per(keras.ops.exp(-it.fall(t)), args[2], it.moments[0])
    return keras.ops.where(far, zeros(found), found)


_TRUNCATED = Recipe(
    "x loc scale low high",
    lambda x, loc, scale, low, high: all_of(
        *(scale > zeros(x), low < high, x >= low, x <= high),
        finite(x, loc, scale),
    ),
    (0.0, 0.0, 1.0, -1.0, 1.0),
    _truncated_log_prob,
    (
        lambda x, loc, scale, low, high: per(loc - x, scale, scale),
        _truncated_by_loc,
        _truncated_by_scale,
        lambda *args: _density_at_end(args, 0),
        lambda *args: -_density_at_end(args, 1),
    ),
)


def truncated_normal_log_prob(
    x: Any, loc: Any, scale: Any, low: Any, high: Any
) -> Any:
    """The log density of a normal distribution truncated to [low, high].

    ``-z**2/2 - log(scale) - log(integral of exp(-t**2/2))``, z = (x -
    loc)/scale, t from (low - loc)/scale to (high - loc)/scale; as distances
    from the mode, so that nothing is lost where the interval is narrow or
    far out in a tail.

    Args:
        x: numbers in [low, high].
        loc: any finite numbers.
        scale: positive numbers.
        low, high: low < high; -inf and inf too.  All five broadcast.

    Returns:
        As `discretized_logistic_log_prob`.  The gradient by x is
        ``-z/scale``; by loc ``(z - E z)/scale``, E of this distribution; by
        scale ``(z**2 - E z**2)/scale``; by low and high the density there
        and minus that, 0 where they are infinite.  In float64 off by up to
        2e-13 of the largest term (measured).  Outside of [low, high]
        and for nan the value is nan and the gradient 0.

    Raises:
        TypeError, ValueError: as `discretized_logistic_log_prob`.

    Example:
        >>> ks.recipes.truncated_normal_log_prob(50.1, 0.0, 1.0, 50.0, 51.0)

    Source: Johnson, Kotz and Balakrishnan, *Continuous Univariate
    Distributions* 1, 2nd ed., section 13.10.1; the integral by Gauss' rule,
    Davis and Rabinowitz, *Methods of Numerical Integration*, section 2.7.
    """
    return _TRUNCATED(x, loc, scale, low, high)
