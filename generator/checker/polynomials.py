"""Polynomials of a number near a point; bounds of them on an interval."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from math import comb
from typing import TYPE_CHECKING
from typing import Any

import numpy as np
from flint import arb
from flint import arb_poly
from flint import arb_series

from .values import Part
from .values import Value
from .values import ball

if TYPE_CHECKING:
    from .enclosure import Chart

# Of an interval, on which a polynomial's range is taken.  |P'| <= n**2 max |P|
# on [-1, 1] (Markov): a slice adds about n**2 / SLICES at most to the range, a
# quarter of it at degree 8.
SLICES = 128
MOST = 8  # powers of a slice's half width that are looked at one by one
TINY = 2.0**-1000  # more than what is lost to subnormal numbers


def polynomial_at(chart: Chart, numbers: Sequence[Fraction], a: Value) -> Value:
    """sum numbers[k] a**k, at once where a is c + s."""
    cs = [ball(c) for c in numbers]
    part = a.parts.get(0)
    if (
        part is not None
        and not (a.scale or part.v or len(a.parts) > 1)
        and max(len(part.p.coeffs()), len(part.q.coeffs())) <= 2
    ):
        # A polynomial's Taylor series is its shift, over a box as well.
        poly = arb_poly(cs)
        p, q = (
            arb_series(poly(arb_poly(some.coeffs())).coeffs(), chart.n)
            for some in (part.p, part.q)
        )
        return Value({0: Part(0, p, q)})
    result = chart.number(cs[-1])
    for c in cs[-2::-1]:
        result = chart.add(chart.mul(result, a), chart.number(c))
    return result


def scaled_by(numbers: Sequence[arb], reach: arb) -> list[arb]:
    """c_k reach**k."""
    made = arb_poly(numbers)(arb_poly([0, reach])).coeffs()
    return [*made, *[arb(0)] * (len(numbers) - len(made))]


def upwards(numbers: Sequence[arb], reach: arb) -> list[arb]:
    """Bounds of |c_k| reach**k."""
    return [arb(c.abs_upper()) for c in scaled_by(numbers, reach)]


def largest(
    numbers: Sequence[arb], a: arb, b: arb, reach: arb
) -> tuple[arb, arb]:
    """Bounds of |polynomial| for a <= s <= b, |s| <= reach, in two terms.

    The first comes of the coefficients' radii, the second one is of their
    middles: in floats, with u = s / reach in slices m - h <= u <= m + h,

        |sum_k d_k u**k| <= sum_j |sum_k d_k C(k, j) m**(k - j)| h**j,

    for the last j with |m| <= 1 and the absolute value inside the sum.  A
    float64 product of n terms is off by at most n 2**-53 of the sum of their
    sizes, which sum over j to (|m| + h)**k <= (1 + 2**-40)**k; the sum over
    j adds 8 roundings, d_k and the factors have 8: in all less than
    8 (n + 2) 2**-53 sum_k |d_k|.
    """
    terms = scaled_by(numbers, reach)
    blur = arb(sum((arb(c.rad()) for c in terms), arb(0)).abs_upper())
    middles = [arb(c.mid()) for c in terms]
    most = max((abs(c) for c in middles), default=arb(0))
    if not most > 0 or not most.is_finite():
        return blur, arb(most.abs_upper())
    d = np.array([float(c / most) for c in middles])
    low, high = (a / reach).lower(), (b / reach).upper()
    n = len(d)
    factors, last = _slices(_down(low), -_down(-high), n)
    moved = np.abs(np.einsum("ij,j->i", factors, d)).reshape(SLICES, -1)
    size = np.abs(d)
    top = float(moved.sum(axis=1).max()) + float(last @ size)
    spare = 8 * (n + 2) * 2.0**-53 * float(size.sum()) + TINY
    return blur, arb(((arb(top) + arb(spare)) * most).abs_upper())


def _down(value: arb) -> float:
    """A float that is not above."""
    return float(np.nextafter(float(value), -np.inf))


@cache
def _slices(low: float, high: float, n: int) -> tuple[Any, Any]:
    """C(k, j) m**(k - j) h**j by slice and j, and by k; and the last j.

    The slices overlap by more than the rounding of their ends.
    """
    half = (high - low) / (2 * SLICES)
    middles = low + half * (2 * np.arange(SLICES) + 1)
    wide = half * (1 + 2.0**-40)
    powers = middles[:, None] ** np.arange(n)
    rows = np.zeros((SLICES, min(n, MOST), n))
    last = np.zeros(n)
    for j in range(n):
        chosen = np.array([float(comb(k, j)) for k in range(j, n)]) * wide**j
        if j < MOST:
            rows[:, j, j:] = chosen * powers[:, : n - j]
        else:
            last[j:] += chosen * (1 + 2.0**-30)
    return rows.reshape(-1, n), last
