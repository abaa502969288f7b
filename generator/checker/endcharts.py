"""Charts of the ends of a domain; see enclosure.py."""

from __future__ import annotations

from fractions import Fraction

from flint import arb
from flint import arb_series

from .enclosure import Chart
from .values import Part
from .values import Value
from .values import ball


def end_chart(
    point: Fraction | None, side: int, root: int, radius: arb, n: int
) -> Chart:
    """x = point + side w**root, at infinity side w**-root, w <= radius."""
    half = radius.upper() / 2
    box = half + arb(0, half)
    if point is None:
        unit = arb_series([arb(side)], n)
        x = Value({0: Part(-root, unit, unit)})
        return Chart(n, box, x, True, -root, side)
    step = arb_series([arb(0), arb(1)], n)
    wide = arb_series([box, arb(1)], n)
    p, q = arb_series([arb(1)], n), arb_series([arb(1)], n)
    for _ in range(root):
        p, q = p * step, q * wide
    c = ball(point)
    x = Value({0: Part(0, p * side + c, q * side + c)})
    return Chart(n, box, x, True, root, side)


def exponential_chart(side: int, rate: int, distance: arb, n: int) -> Chart:
    """x = -side rate log(w), for side x >= distance."""
    half = (-distance / rate).exp().upper() / 2
    unit = arb_series([arb(-side * rate)], n)
    x = Value({1: Part(0, unit, unit)})
    box = half + arb(0, half)
    return Chart(n, box, x, True, rate, side, exponential=True)
