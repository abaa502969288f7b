"""Power series in an expansion that goes to 0."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from flint import arb

from ..errors import NotProvedError

EXTRA = 5  # powers beyond the terms of the chart


def small_series(x: Any, coefficient: Any, tail: arb) -> Any:
    """sum of coefficient(m) * x**m for x -> 0.

    Args:
        x: an `Expansion`, whose own operations are all that is used.
        tail: bound of every coefficient from where the sum is cut.
    """
    total = x.number(x.frame, Fraction(coefficient(0)))
    if not x.terms:
        return total
    for (k, j), s in x.terms.items():
        if k < 0 or (k == 0 and s.v - (1 if j else 0) < 0):
            raise NotProvedError("a term that should be small is not")
        if k == 0 and s.v <= 0 and not s.is_order:
            raise NotProvedError("a term that should be small is not")
    size = x.bound()
    if not size < 1:
        raise NotProvedError("a term that should be small is not")
    power = x.number(x.frame, Fraction(1))
    limit = x.frame.chart.terms + EXTRA
    for m in range(1, limit):
        power = power * x
        if all(s.is_order for s in power.terms.values()):
            return total + power.as_bound(tail / (1 - size))
        total = total + power.scaled(Fraction(coefficient(m)))
    return total + (power * x).as_bound(tail / (1 - size))
