"""The `Cover`: a plan of rows and end forms, for any domain."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .closed import ClosedForm
from .end_kinds import AnyEnd
from .plan import Plan
from .powers import PowerRow
from .rows import Row
from .wide import Wide

OUTSIDE = ("nan", "clip")  # what an input outside of the domain gives


@dataclass(frozen=True)
class Cover:
    """f^(order) for one format.

    Attributes:
        parity: 1 even, -1 odd (then t = |x|), 0 neither (t = x).
        low, high: the domain in t; None for infinity.
        rows, powers: local polynomials, by their intervals of t.
        ends: forms at infinity and at singular ends.
        closed: closed forms, selected before the ends.
        wide: the same in float64, for devices that have it.
        outside: one of OUTSIDE; "clip" is the nearest end's value, and 0
            for derivatives, as of f at an input that is clipped.
    """

    name: str
    order: int
    dtype: str
    parity: int
    low: Fraction | None
    high: Fraction | None
    rows: tuple[Row, ...]
    powers: tuple[PowerRow, ...]
    ends: tuple[AnyEnd, ...]
    closed: tuple[ClosedForm, ...] = ()
    wide: Wide | None = None
    outside: str = "nan"

    @property
    def ulp(self) -> float:
        """The bound over the whole domain."""
        bounds = [p.ulp for p in self.rows]
        bounds += [p.ulp for p in self.powers]
        bounds += [p.ulp for p in self.closed]
        return max(bounds + [p.ulp for p in self.ends])

    @property
    def seams(self) -> tuple[Fraction, ...]:
        """Where pieces meet, in t."""
        edges = {edge for p in self.rows for edge in (p.low, p.high)}
        edges |= {edge for p in self.powers for edge in (p.low, p.high)}
        edges |= {
            p.side * edge for p in self.closed for edge in (p.low, p.high)
        }
        return tuple(sorted(edges))


AnyPlan = Plan | Cover
