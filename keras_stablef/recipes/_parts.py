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


def zeros(x: Any) -> Any:
    """Of x's shape."""
    return keras.ops.zeros_like(x)


def ones(x: Any) -> Any:
    """Of x's shape."""
    return keras.ops.ones_like(x)


def slope(name: str, x: Any) -> Any:
    """f' of a function of the catalogue."""
    return getattr(ops, name).derivative()(x)


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
    return keras.ops.minimum(x, zeros(x)) - small * ops.log1prel(small)


def expm1(x: Any) -> Any:
    """``exp(x) - 1``."""
    return x * ops.exprel(x)


def ordered(a: Any, b: Any) -> tuple[Any, Any]:
    """The smaller and the larger."""
    return keras.ops.minimum(a, b), keras.ops.maximum(a, b)


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
        return keras.ops.exp(high) * ops.exprel(low - high)
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
