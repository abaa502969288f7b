"""Sizes of formulas in one chart."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from flint import arb

from .enclosure import Chart
from .formula import Node
from .gaps import lower
from .gaps import sup
from .values import Unknown
from .values import ball

WIDE_SPAN = 4  # times its least: a span that says little


class Sight:
    """How large formulas are there."""

    def __init__(self, chart: Chart, low: Fraction, high: Fraction) -> None:
        self.chart = chart
        self.low, self.high = (ball(v) for v in (low, high))
        self.known: dict[int, tuple[float, float]] = {}

    def of(self, part: Any) -> tuple[float, float]:
        if part.v < 0:
            raise Unknown("a pole, or a removable point, in a box")
        if self.low == 0 == self.high and part.v >= 0:  # one float
            first = [] if part.v else part.p.coeffs()[:1]
            size = abs(sum(first, arb(0)))
            return float(size.upper()), max(float(size.lower()), 0.0)
        most, _, _ = sup(part, self.low, self.high, 0, arb(1))
        least = lower(part, self.low, self.high)
        return float(most.upper()), max(float(least.lower()), 0.0)

    def sizes(self, node: Node) -> tuple[float, float]:
        key = id(node)
        if key not in self.known:
            low, high = self.span(node)
            least, most = sorted((abs(low), abs(high)))
            if low * high <= 0 or most > WIDE_SPAN * least:
                most, least = self.of(self.chart.evaluate(node).plain)
            self.known[key] = most, least
        return self.known[key]

    def span(self, node: Node) -> tuple[float, float]:
        part = self.chart.evaluate(node).plain
        if part.v:
            most, _ = self.of(part)
            return -most, most
        coefficients = part.q.coeffs()
        value = coefficients[0] if coefficients else arb(0)
        return float(value.lower()), float(value.upper())
