"""Probability, entropy, deviation and divergence of continuous Bernoullis.

As functions of the logit a, each with a formula for its derivatives.  With
``E = exprel``, f its logarithmic derivative, ``b(x) = x/(exp(x) - 1)`` and
``z = a/2``:

    distribution   x E(a x)/E(a), for a > 0 exp(-a (1 - x)) x E(-a x)/E(-a)
    entropy        log(sinh(z)/z) - z langevin(z), far out log E(n) - n f(n)
    deviation      sqrt(f'(a)), far out sqrt(1 - b(a) b(-a))/|a|
    divergence     integral of (q - t) f'(t) from p to q, by Gauss' rule
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from . import ops
from ._dtypes import FORMATS
from .recipes._rule import Recipe
from .recipes._rule import all_of
from .recipes._rule import finite

# In `entropy` and `deviation`: what is far from the uniform distribution.
# Both formulas lose two bits there and less away from it.
FAR = 4.0
# exp(-a) is gone beside 1 beyond it, a**2 times it too.
STEEP = 64.0
_where = keras.ops.where


def _zeros(x: Any) -> Any:
    return keras.ops.zeros_like(x)


def _negative(a: Any) -> Any:
    """-|a|."""
    return -keras.ops.abs(a)


def _density(x: Any, a: Any) -> Any:
    n = _negative(a)
    share = _where(a > _zeros(a), 1.0 - x, x)
    return keras.ops.exp(n * share) / ops.exprel(n)


def _density_by_logit(x: Any, a: Any) -> Any:
    """``p (x - f(a))``; from the side where f is small."""
    right = a > _zeros(a)
    share = _where(right, 1.0 - x, x)
    gap = share - ops.stablef(_negative(a))
    return _density(x, a) * _where(right, -gap, gap)


def _in_unit(x: Any, a: Any) -> Any:
    return all_of(x >= _zeros(x), x <= _zeros(x) + 1.0, finite(a))


density = Recipe(
    "x logits",
    _in_unit,
    (0.5, 0.0),
    _density,
    (lambda x, a: a * _density(x, a), _density_by_logit),
)


def _below(x: Any, a: Any) -> Any:
    """The distribution function."""
    n = _negative(a)
    fall = _where(a > _zeros(a), n * (1.0 - x), _zeros(n))
    return x * keras.ops.exp(fall) * (ops.exprel(n * x) / ops.exprel(n))


def _below_by_logit(x: Any, a: Any) -> Any:
    """``F (y f(m y) - f(m))`` from the nearer end, y <= 1/2 from it.

    For m far below 0 both f are nearly 1/|m| and 1/(|m| y):
    ``y f(m y) - f(m) = (b(|m|) - b(|m| y))/|m|``.
    """
    right = x > _zeros(x) + 0.5
    y, m = _where(right, 1.0 - x, x), _where(right, -a, a)
    far = m < _zeros(m) - FAR / 2.0
    inner = _where(far, _zeros(m), m)
    near = y * ops.stablef(inner * y) - ops.stablef(inner)
    rate = _where(far, -m, _zeros(m) + 1.0)
    shares = ops.bernoulli_function(rate) - ops.bernoulli_function(rate * y)
    return _below(y, m) * _where(far, shares / rate, near)


distribution = Recipe(
    "x logits", _in_unit, (0.5, 0.0), _below, (_density, _below_by_logit)
)


def _entropy(a: Any) -> Any:
    n = _negative(a)
    far = n < _zeros(n) - FAR
    z = _where(far, _zeros(n), n / 2.0)
    near = ops.log_sinhc(z) - z * ops.langevin(z)
    n = _where(far, n, _zeros(n) - FAR)
    return _where(far, ops.log_exprel(n) - n * ops.stablef(n), near)


def _variance_times(a: Any) -> Any:
    """``a f'(a)``, where f' itself is too small for a number, too."""
    far = keras.ops.abs(a) > _zeros(a) + STEEP
    inner = _where(far, _zeros(a), a)
    outer = _where(far, a, _zeros(a) + 1.0)
    near = inner * ops.stablef.derivative()(inner)
    return _where(far, 1.0 / outer, near)


entropy = Recipe(
    "logits", finite, (0.0,), _entropy, (lambda a: -_variance_times(a),)
)


def _deviation(a: Any) -> Any:
    size = keras.ops.abs(a)
    far = size > _zeros(a) + FAR
    near = ops.stablef.derivative()(_where(far, _zeros(a), size))
    outer = _where(far, size, _zeros(a) + FAR)
    rest = ops.bernoulli_function(outer) * ops.bernoulli_function(-outer)
    # b(-a) is about a, and its product with 0 is 0 up to the largest.
    return _where(far, keras.ops.sqrt(1.0 - rest) / outer, keras.ops.sqrt(near))


def _deviation_slope(a: Any) -> Any:
    far = keras.ops.abs(a) > _zeros(a) + STEEP
    inner = _where(far, _zeros(a), a)
    outer = _where(far, a, _zeros(a) + 1.0)
    near = ops.stablef.derivative(2)(inner) / (2.0 * _deviation(inner))
    beyond = -1.0 / keras.ops.abs(outer) / outer
    return _where(far, beyond, near)


deviation = Recipe("logits", finite, (0.0,), _deviation, (_deviation_slope,))


def _mirrored(p: Any, q: Any) -> tuple[Any, Any, Any]:
    """1 or -1, and both with that sign, p <= 0."""
    sign = _where(p > _zeros(p), _zeros(p) - 1.0, _zeros(p) + 1.0)
    return sign, sign * p, sign * q


def _is_near(p: Any, q: Any) -> Any:
    """Where f' is a polynomial between them, as far as Gauss' rule sees.

    Its poles are those at ±2 pi i, and beside 0 it is 1/t**2.
    """
    one, other = keras.ops.abs(p), keras.ops.abs(q)
    least = _where(one < other, one, other)
    apart = p * q < _zeros(p)
    room = _where(apart, _zeros(p), least)
    return keras.ops.abs(q - p) <= _where(room > FAR, room, _zeros(p) + FAR)


def _average(p: Any, gap: Any, power: int) -> Any:
    """The integral of ``(1 - t)**power f'(p + t gap)`` for t from 0 to 1.

    An interval as long as its distance from a pole at most: each node more
    divides the error by (3 + sqrt(8))**2.
    """
    precision, _ = FORMATS[keras.backend.standardize_dtype(p.dtype)]
    digits = precision * math.log(2) / math.log(3 + math.sqrt(8))
    nodes, weights = np.polynomial.legendre.leggauss(math.ceil(digits / 2) + 2)
    total = _zeros(p)
    for node, weight in zip(nodes, weights, strict=True):
        t = (1.0 + float(node)) / 2.0
        share = float(weight) / 2.0 * (1.0 - t) ** power
        total = total + share * ops.stablef.derivative()(p + t * gap)
    return total


def _divergence(p: Any, q: Any) -> Any:
    _, p, q = _mirrored(p, q)
    near = _is_near(p, q)
    gap = q - p
    few = _where(near, gap, _zeros(p))
    close = few * (few * _average(_where(near, p, _zeros(p)), few, 1))
    # Far out both logs are large, and their difference is not.
    right = q > _zeros(q)
    ratio = ops.exprel(_where(right, p, q)) / ops.exprel(p)
    across = ops.log_exprel(q) - ops.log_exprel(p)
    grown = _where(right, across, keras.ops.log(ratio))
    far = grown - gap * ops.stablef(p)
    return _where(near, close, far)


def _by_first(p: Any, q: Any) -> Any:
    """``(p - q) f'(p)``."""
    far = keras.ops.abs(p) > _zeros(p) + STEEP
    outer = _where(far, p, _zeros(p) + 1.0)
    inner = _where(far, _zeros(p), p)
    near = (p - q) * ops.stablef.derivative()(inner)
    return _where(far, (p - q) / outer / outer, near)


def _by_second(p: Any, q: Any) -> Any:
    sign, p, q = _mirrored(p, q)
    near = _is_near(p, q)
    few = _where(near, q - p, _zeros(p))
    close = few * _average(_where(near, p, _zeros(p)), few, 0)
    return sign * _where(near, close, ops.stablef(q) - ops.stablef(p))


divergence = Recipe(
    "logits logits", finite, (0.0, 0.0), _divergence, (_by_first, _by_second)
)
