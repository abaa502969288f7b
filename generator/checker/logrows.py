"""Ends by logarithms: f = t**p 2**-shift G(z), G a table of rows in z = log t.

Each row is a piece.  A row is looked up by the computed logarithm, so next
to a seam either neighbour may be taken: there both are held to the claim.
The limit claimed at the end itself, which no float inside the domain meets,
is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb
from flint import ctx

from .enclosure import Chart
from .formula import Node
from .formula import X
from .formula import exp
from .formula import log
from .formula import number
from .formula import replaced
from .gaps import Target
from .values import Value

# Floats about a seam at which either row may be taken: log(t) in a float is
# off by at most 2**-25 of 745, and t by as much relatively: 373 floats.
MARGIN = 448


def entries(end: dict[str, Any], k: int) -> Iterator[dict[str, Any]]:
    """The k-th end's rows as pieces, each with what it needs of the end."""
    fields = end["rows"]["fields"]
    rows = [
        dict(zip(fields, row, strict=True)) for row in end["rows"]["values"]
    ]
    shared = ("point", "side", "bound", "cut", "limit", "power", "ulp")
    for i, row in enumerate(rows):
        yield {
            **{k: v for k, v in row.items() if k != "ulp"},
            **{k: end[k] for k in shared},
            "shift": end.get("gain", 0),
            "end": k,
            "index": i,
            "count": len(rows),
        }


def distance(point: Fraction | None, side: int) -> Node:
    """t as a formula of x."""
    return number(side) * (X if point is None else X - number(point))


def in_z(node: Node, point: Fraction | None, side: int) -> Node:
    """A formula of x as one of z, x = point + side exp(z)."""
    x = number(side) * exp(X)
    return replaced(node, x if point is None else x + number(point))


@dataclass(frozen=True)
class LogTarget(Target):
    """sign * f^(order)(x) t**-power 2**shift as a function of z."""

    side: int = 1
    power: int = 0
    shift: int = 0

    def on(self, chart: Chart) -> Value:
        """Its enclosure: d/dx is side exp(-z) d/dz."""
        value = chart.evaluate(self.node)
        slope = chart.evaluate(number(self.side) * exp(number(-1) * X))
        for _ in range(self.order):
            value = chart.mul(chart.derivative(value), slope)
        size = self.sign * Fraction(2) ** self.shift
        factor = number(size) * exp(number(-self.power) * X)
        return chart.mul(value, chart.evaluate(factor))


def seam(z: Fraction) -> Fraction:
    """exp(z), to far more digits than a float has."""
    before = ctx.prec
    ctx.prec = 200
    try:
        value = arb(z.numerator) / z.denominator
        man, power = arb(value.exp().mid()).man_exp()
        return Fraction(int(man)) * Fraction(2) ** int(power)
    finally:
        ctx.prec = before


def logarithm(point: Fraction | None, side: int) -> Node:
    """z as a formula of x."""
    return log(distance(point, side))


def margin_in_z(precision: int) -> Fraction:
    """How far from a seam z is where either row may be taken."""
    return Fraction(MARGIN + 1, 2 ** (precision - 1))
