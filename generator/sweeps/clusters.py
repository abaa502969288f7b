"""f^(order) at many neighbouring floats from one Taylor expansion.

About the middle c of a cluster of some hundred floats

    f(c + t) = d_0 + d_1 t + d_2 t**2 + r,

with d_0 in two floats and all else small beside it: |d_1 t| <= 2**-17 |d_0|
and |r| <= 2**-70 |d_0|, r enclosed by further coefficients at c and the
last one over the whole cluster (Taylor's theorem, in balls).  So the sum is
right to 2**-17 2**-52 of d_0, 1e-5 ulp of float64.  Where that does not
hold (a zero, a removable point, a pole nearby) f is found point by point.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb
from flint import ctx

from ..numbers.floats import power2
from .judge import Exact
from .reference import ABOVE
from .reference import VANISHED
from .reference import ZERO_SCALE
from .reference import Formula
from .reference import split

Array = np.ndarray[Any, Any]

# Bits and coefficients.  Next to a removable point, at distance |x|, the
# enclosure over a cluster is too wide by |x|**-n, and more terms help.
LEVELS = ((256, 3), (700, 8), (3000, 30))
CLUSTER = 4096  # neighbouring float64 that share an expansion, at most
FEW = 64  # so many one by one, 30 to 100 us each, before the last level, 8 ms
SLOPE, REST = -17, -70  # log2 of what d_1 t and r may be


@dataclass(frozen=True)
class Expansion:
    """d_0, d_1 and d_2 of a cluster, scaled by 2**scale, t in units."""

    center: float
    unit: int
    scale: int
    high: float
    low: float
    slope: float
    bend: float


def expansion(formula: Formula, order: int, xs: Array) -> Expansion | None:
    """The expansion about the middle of sorted floats; None if it is poor."""
    center = float(xs[len(xs) // 2])
    reach = max(float(xs[-1]) - center, center - float(xs[0]))
    unit = max(int(np.frexp(reach)[1]) - 12, -1074)
    with ctx.workprec(LEVELS[0][0]):
        over = formula.derivatives(arb(center, reach), order, 1)
        if over is not None and over[0].abs_upper() < power2(VANISHED):
            return Expansion(center, unit, ZERO_SCALE, 0.0, 0.0, 0.0, 0.0)
        if over is not None and over[0].abs_lower() > power2(ABOVE):
            infinity = math.copysign(math.inf, float(over[0].sgn()))
            return Expansion(center, unit, 0, infinity, 0.0, 0.0, 0.0)
    for bits, count in LEVELS if len(xs) > FEW else LEVELS[:-1]:
        with ctx.workprec(bits):
            made = _expansion(formula, order, center, reach, unit, count)
        if made is not None:
            return made
    return None


def _expansion(
    formula: Formula,
    order: int,
    center: float,
    reach: float,
    unit: int,
    count: int,
) -> Expansion | None:
    ball = arb(center, reach)
    over = formula.derivatives(ball, order + count, 1)
    if over is None:
        return None
    found = formula.derivatives(arb(center), order, count)
    if found is None or found[0].rel_accuracy_bits() < 70:
        return None
    size, t = abs(found[0]).lower(), arb(reach)
    rest = t**count * _over_factorial(over[0], count)
    for m in range(3, count):
        rest += abs(found[m]) * t**m
    slopes = abs(found[1]) * t + abs(found[2]) * t * t
    if not (slopes < size * power2(SLOPE) and rest < size * power2(REST)):
        return None
    lead = split(found[0])
    up = power2(lead.scale)
    slope = found[1] * up * power2(unit)
    bend = found[2] * up * power2(2 * unit)
    return Expansion(
        center, unit, lead.scale, lead.high, lead.low,
        float(slope.mid()), float(bend.mid()),
    )  # fmt: skip


def _over_factorial(value: arb, count: int) -> arb:
    """|f^(order + count)| / count!, from the coefficient of itself."""
    total = abs(value)
    for m in range(2, count + 1):
        total = total / m
    return total.upper()


def exact_neighbours(
    formula: Formula, order: int, indices: Array, x: Array, inside: Array
) -> Exact:
    """f^(order) at floats of which many are neighbours.

    Args:
        indices: their orders, see `floats`; a run of neighbours ascends.
        x: the floats, as float64.
        inside: those that are asked for; the others are not known.
    """
    high, low = np.zeros(x.shape), np.zeros(x.shape)
    scale = np.full(x.shape, ZERO_SCALE, np.int64)
    known = np.zeros(x.shape, bool)
    for at in _clusters(indices, np.flatnonzero(inside)):
        high[at], low[at], scale[at], known[at] = _exact(formula, order, x[at])
    return Exact(high, low, scale, known)


def _clusters(indices: Array, chosen: Array) -> Iterator[Array]:
    """The places in `chosen` of neighbouring floats, `CLUSTER` at most."""
    order = indices[chosen]
    # -0 has the order -1, but it is no neighbour of 0 to be expanded about.
    breaks = np.flatnonzero((np.diff(order) != 1) | (order[1:] == 0)) + 1
    for run in np.split(chosen, breaks):
        for at in np.split(run, range(CLUSTER, len(run), CLUSTER)):
            if len(at):
                yield at


def _exact(
    formula: Formula, order: int, xs: Array
) -> tuple[Array, Array, Array, Array]:
    xs = xs.astype(np.float64)
    made = expansion(formula, order, xs) if len(xs) > 8 else None
    if made is None:
        return _pointwise(formula, order, xs)
    j = np.ldexp(xs - made.center, -made.unit)
    with np.errstate(invalid="ignore"):
        low = made.low + j * (made.slope + j * made.bend)
    shape = xs.shape
    return (
        np.full(shape, made.high),
        low,
        np.full(shape, made.scale, np.int64),
        np.ones(shape, bool),
    )


def _pointwise(
    formula: Formula, order: int, xs: Array
) -> tuple[Array, Array, Array, Array]:
    high, low = np.zeros(xs.shape), np.zeros(xs.shape)
    scale = np.full(xs.shape, ZERO_SCALE, np.int64)
    known = np.zeros(xs.shape, bool)
    for i, x in enumerate(xs):
        value = formula.split_at(float(x), order)
        if value is not None:
            high[i], low[i], scale[i] = value.high, value.low, value.scale
            known[i] = True
    return high, low, scale, known


def exact_points(formula: Formula, order: int, xs: Array) -> Exact:
    """f^(order) at each float by itself."""
    return Exact(*_pointwise(formula, order, xs.astype(np.float64)))
