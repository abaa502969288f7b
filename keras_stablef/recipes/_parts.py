"""Functions of one variable, and divided differences, that recipes share.

All take tensors of one shape and of float32 or float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras

from .. import ops
from .._dtypes import FORMATS
from ..runtime.constants import once

# Powers of two that are far from the ends of the range.
FAR = {"float32": 2.0**100, "float64": 2.0**1000}
LARGE_EXPONENT = 64.0  # exp of it has no 1 to lose, in either dtype
# Where 1 + x is x to more than half of the digits, and x**2 is in range.
LARGE = {"float32": 2.0**14, "float64": 2.0**30}


def zeros(x: Any) -> Any:
    """Of x's shape."""
    return keras.ops.zeros_like(x)


def ones(x: Any) -> Any:
    """Of x's shape."""
    return keras.ops.ones_like(x)


def slope(name: str, x: Any) -> Any:
    """f' of a function of the catalogue."""
    return getattr(ops, name).derivative()(x)


def dtype_of(x: Any) -> str:
    """float32 or float64."""
    return str(keras.backend.standardize_dtype(x.dtype))


def per(a: Any, *divisors: Any) -> Any:
    """``a / b / c``, one quotient after the other.

    XLA makes ``a / (b c)`` of it, of which the product may leave the range.
    """
    for divisor in divisors:
        a = once(a / divisor, dtype_of(a))
    return a


def exp_times(x: Any, factor: Any) -> Any:
    """``exp(x) factor``, where exp(x) alone may leave the range."""
    half = keras.ops.exp(x / 2.0)
    return (half * factor) * half


def log_ratio(above: Any, below: Any) -> Any:
    """``log(above/below)`` of positive numbers far from each other.

    Where the quotient leaves the range the logarithms are so far apart that
    their difference loses nothing.
    """
    far = FAR[dtype_of(above)]
    ratio = above / below
    within = keras.ops.logical_and(
        ratio < far * ones(ratio), ratio > ones(ratio) / far
    )
    inner = keras.ops.where(within, ratio, ones(ratio))
    one, other = (keras.ops.where(within, ones(p), p) for p in (above, below))
    apart = keras.ops.log(one) - keras.ops.log(other)
    return keras.ops.where(within, keras.ops.log(inner), apart)


def log_root(y: Any, power: Any) -> Any:
    """``log(1 + power y)/power``, y at power = 0; infinite at the end."""
    product = power * y
    wide = product > LARGE[dtype_of(y)] * ones(y)
    size, scale = (
        keras.ops.where(wide, keras.ops.abs(p), ones(p)) for p in (y, power)
    )
    far = _log_of_sum(size, scale) / keras.ops.where(wide, power, ones(y))
    inner = keras.ops.where(wide, zeros(y), product)
    return keras.ops.where(wide, far, y * ops.log1prel(inner))


def _log_of_sum(size: Any, scale: Any) -> Any:
    """``log(1 + size scale)``, where that is large."""
    product = size * scale
    within = product < FAR[dtype_of(size)] * ones(size)
    inner = keras.ops.where(within, product, ones(size))
    apart = keras.ops.log(size) + keras.ops.log(scale)
    return keras.ops.where(within, log(1.0 + inner), apart)


def log_root_slope(y: Any, power: Any) -> Any:
    """Of `log_root` by the power: ``y**2 log1prel'(power y)``."""
    product = power * y
    wide = product > LARGE[dtype_of(y)] * ones(y)
    size, scale = (
        keras.ops.where(wide, keras.ops.abs(p), ones(p)) for p in (y, power)
    )
    # product/(1 + product) - log(1 + product), over power**2: the logarithm
    # is above 9, so that nothing is lost.
    share = 1.0 / (1.0 + 1.0 / (size * scale))
    divisor = keras.ops.where(wide, power, ones(power))
    far = per(share - _log_of_sum(size, scale), divisor, divisor)
    inner = keras.ops.where(wide, zeros(y), product)
    short = keras.ops.where(wide, zeros(y), y)
    near = short * (short * slope("log1prel", inner))
    return keras.ops.where(wide, far, near)


def _sides(u: Any, power: Any) -> tuple[Any, Any, Any, Any]:
    """Where ``power u`` is large or very negative, the power there, itself."""
    product = power * u
    up = product > LARGE_EXPONENT * ones(u)
    down = product < -LARGE_EXPONENT * ones(u)
    wide = keras.ops.logical_or(up, down)
    return up, wide, keras.ops.where(wide, power, ones(u)), product


def grown(u: Any, power: Any) -> Any:
    """``(exp(power u) - 1)/power``, u at power = 0."""
    up, wide, divisor, product = _sides(u, power)
    tall = exp_times(keras.ops.where(up, product, zeros(u)), 1.0 / divisor)
    far = keras.ops.where(up, tall, -1.0 / divisor)
    near = u * ops.exprel(keras.ops.where(wide, zeros(u), product))
    return keras.ops.where(wide, far, near)


def grown_slope(u: Any, power: Any) -> Any:
    """Of `grown` by the power: ``u**2 exprel'(power u)``."""
    up, wide, divisor, product = _sides(u, power)
    inner = keras.ops.where(up, product, ones(u))
    tall = exp_times(inner, per(inner - 1.0, divisor, divisor))
    far = keras.ops.where(up, tall, per(ones(u), divisor, divisor))
    short = keras.ops.where(wide, zeros(u), u)
    rise = slope("exprel", keras.ops.where(wide, zeros(u), product))
    return keras.ops.where(wide, far, short * (short * rise))


def log1p(x: Any) -> Any:
    """``log(1 + x)`` for x >= -1, relatively right near 0."""
    low = x <= -ones(x)
    # At -1 log1prel is infinite and -1 times it is right; its slope is not.
    inner = keras.ops.where(low, zeros(x), x)
    value = inner * ops.log1prel(inner)
    return keras.ops.where(low, zeros(x) - float("inf"), value)


def log(x: Any) -> Any:
    """``log(x)`` for x > 0, relatively right near 1 whatever the backend."""
    near = keras.ops.logical_and(x > 0.5 * ones(x), x < 2.0 * ones(x))
    around = keras.ops.where(near, x, ones(x)) - 1.0  # exact
    far = keras.ops.where(near, ones(x), x)
    return keras.ops.where(
        near, around * ops.log1prel(around), keras.ops.log(far)
    )


def sigmoid(x: Any) -> Any:
    """``1/(1 + exp(-x))``, with no exponential above 1."""
    small = keras.ops.exp(-keras.ops.abs(x))
    return keras.ops.where(x < zeros(x), small, ones(x)) / (1.0 + small)


def log_sigmoid(x: Any) -> Any:
    """``-log(1 + exp(-x))``."""
    small = keras.ops.exp(-keras.ops.abs(x))
    return smaller(x, zeros(x)) - small * ops.log1prel(small)


def expm1(x: Any) -> Any:
    """``exp(x) - 1``."""
    return x * ops.exprel(x)


def smaller(a: Any, b: Any) -> Any:
    """The smaller; `keras.ops.minimum` rounds float64 to float32 on torch."""
    return keras.ops.where(a < b, a, b)


def larger(a: Any, b: Any) -> Any:
    """The larger."""
    return keras.ops.where(a > b, a, b)


def ordered(a: Any, b: Any) -> tuple[Any, Any]:
    """The smaller and the larger."""
    return smaller(a, b), larger(a, b)


def exp_difference(points: Sequence[Any]) -> Any:
    """The divided difference of exp at two points or more, in order.

    ``exp[x0, ..., xn]``, a mean of exp over what lies between, and so
    positive.  Of two points ``exp(b) exprel(a - b)``.  Of more, where they
    are far apart, the recursion by the two outermost, of which one is then
    far smaller; where they are near, the power series in the distances from
    the least, whose terms are positive.

    Source: McCurdy, Ng and Parlett, *Accurate computation of divided
    differences of the exponential function*, Math. Comp. 43, 1984.
    """
    low, *_, high = points
    if len(points) == 2:
        return exp_times(high, ops.exprel(low - high))
    spread = high - low
    wide = spread > ones(spread)
    upper = exp_difference(points[1:])
    lower = exp_difference(points[:-1])
    far = (upper - lower) / keras.ops.where(wide, spread, ones(spread))
    gaps = [keras.ops.where(wide, zeros(x), x - low) for x in points[1:]]
    return keras.ops.where(wide, far, keras.ops.exp(low) * _series(gaps))


def _series(gaps: Sequence[Any]) -> Any:
    """``sum of h_n(gaps)/(n + k)!``, k gaps, h_n their monomials' sum."""
    k = len(gaps)
    precision, _ = FORMATS[keras.backend.standardize_dtype(gaps[0].dtype)]
    # h_n has comb(n + k - 1, n) terms, none above 1.
    count = 1
    while math.comb(count + k - 1, count) * math.factorial(k) * 2 ** (
        precision + 2
    ) > math.factorial(count + k):
        count += 1
    sums = [ones(gaps[0]) for _ in gaps]  # h_n of the first 1, 2 ... gaps
    terms = [sums[-1] / float(math.factorial(k))]
    for n in range(1, count):
        before = zeros(gaps[0])
        for i, gap in enumerate(gaps):
            sums[i] = before = before + gap * sums[i]
        terms.append(sums[-1] / float(math.factorial(n + k)))
    total = terms.pop()
    while terms:
        total = total + terms.pop()
    return total
