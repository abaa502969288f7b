"""The continuous Bernoulli from its logit, without cancellation."""

from __future__ import annotations

from typing import Any

import keras

from . import ops
from ._dtypes import largest

# exp(l) is finite in float32 below it, and for u > 2**-24 the distribution
# above it is near 1: 1 + log(u)/64 > 0.7, no cancellation.
STEEP = 64.0


def negative_log_likelihood(y: Any, logits: Any) -> Any:
    """``log exprel(l) - l y``, elementwise, for tensors of one dtype.

    ``log exprel(l) = l + log exprel(-l)``: with n = -|l| both terms below
    are small where the loss is.  For l = 1e6, y = 1 in float32 it is
    -13.8155, where ``log_exprel(l) - l*y`` would be 1e6 - 13.8 less 1e6,
    off by 0.06.  The gradient is f(n) - y and (1 - y) - f(n), with the tail
    of f and not with one minus it.
    """
    where = keras.ops.where
    # where and not -abs: at 0 the slope is 1, that of the branch taken.
    positive = logits > keras.ops.zeros_like(logits)
    n = where(positive, -logits, logits)
    dtype = keras.backend.standardize_dtype(logits.dtype)
    end = keras.ops.zeros_like(n) - largest(dtype)
    n = where(n < end, end, n)  # -inf has no product with 0
    share = where(positive, 1.0 - y, y)
    return ops.log_exprel(n) - n * share


def quantile(u: Any, logits: Any) -> Any:
    """``log(1 + u (exp(l) - 1))/l``, u at l = 0; float32 or float64.

    0 at u = 0 and 1 at u = 1 for every l that is a number, nan for u outside
    [0, 1].

    With z = u (exp(l) - 1): ``u exprel(l) log1prel(z)`` where z is near 0
    (the l of numerator and denominator drops out), else ``log(1 + z)/l``,
    for negative z with ``1 + z = (1 - u) + u exp(l)``; where exp(l) would
    overflow, ``1 + log(u + (1 - u) exp(-l))/l``.
    """
    where, zeros = keras.ops.where, keras.ops.zeros_like
    dtype = keras.backend.standardize_dtype(logits.dtype)
    n = logits + zeros(u)
    end = zeros(n) + largest(dtype)
    n = where(n > end, end, where(n < -end, -end, n))  # inf/inf is nan
    u = u + zeros(n)
    given, low = u, u <= zeros(n)
    inside = keras.ops.logical_and(u > zeros(n), u < zeros(n) + 1.0)
    # Neither ends nor what is outside reach the formulas: there they have
    # slopes that 0 does not make finite.
    u = where(inside, u, zeros(n) + 0.5)
    v = 1.0 - u
    steep = n > STEEP
    gentle = where(steep, zeros(n), n)
    growth = ops.exprel(gentle)
    z = u * gentle * growth
    # log1prel has its pole at -1, and log(1 + z) cancels near 0.
    near = keras.ops.logical_and(z > -0.5, z < 1.0)
    below = u * growth * ops.log1prel(where(near, z, zeros(z)))
    near = keras.ops.logical_and(near, keras.ops.logical_not(steep))
    far = where(near, zeros(n) + 1.0, n)  # no division by 0
    shrink = keras.ops.exp(where(far > zeros(n), -far, far))
    rest = where(z > 1.0, 1.0 + z, v + u * shrink)
    rest = where(steep, u + v * shrink, rest)
    gone = rest <= zeros(rest)  # exp has underflown: at an end of [0, 1]
    ratio = keras.ops.log(where(gone, zeros(rest) + 1.0, rest)) / far
    # u = 0 with l large, u = 1 with l very negative.
    ends = where(steep, zeros(n), zeros(n) + 1.0)
    outer = where(gone, ends, where(steep, 1.0 + ratio, ratio))
    found = where(near, below, outer)
    edge = where(low, zeros(n), zeros(n) + 1.0)
    # nan compares unequal, to itself too.
    nothing = zeros(n) + float("nan")
    edge = where(given == edge, edge, nothing)
    return where(inside, found, where(n == n, edge, nothing))
