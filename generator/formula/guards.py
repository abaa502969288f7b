"""Guards in a function: the formula that is meant, and what stands in it.

``where(abs(x) < 1e-4, 0.5 + x/12, formula)`` means the formula; so does
``maximum(formula, 1e-7)``.  A ``where`` whose branches are two formulas that
meet is a function with a kink, and no guard.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from fractions import Fraction
from itertools import pairwise
from typing import Any

import sympy
from flint import arb
from flint import ctx

from .arithmetic import larger
from .arithmetic import smaller
from .exact import ESCALATION
from .exact import is_certain
from .terms import Point
from .terms import Term
from .terms import Truth
from .terms import both
from .terms import difference
from .terms import meets
from .tracing import Place

# A bound above 0 and below this holds a formula off from 0, or off from 1:
# the unit of bfloat16, the coarsest dtype in which people compute; from
# there on it is seen in the result, as of a clip to [0.1, 0.9].
SMALL = Fraction(1, 2**8)
AGREE = Fraction(1, 2)  # of two branches, more is another function
MET = 150  # bits to which branches that meet agree where they do


@dataclass(frozen=True, eq=False)
class Guard:
    """What stands in a formula's place somewhere.

    Attributes:
        symbol: stands for what it gives, in literal expressions.
        place: where the caller wrote it.
        stands: whether it is one; else it is the formula itself.
        value: what it gives, at a point.
        active: whether that is not the formula itself.
        numbers: where it may change over.
        forced: whether its branches neither agree nor meet.
    """

    symbol: sympy.Dummy
    place: Place | None
    stands: bool
    value: Callable[[Point], arb]
    active: Callable[[Point], bool | None]
    numbers: set[Fraction]
    forced: bool = False


@dataclass
class Guards:
    """The guards of one function, in the order in which it has them.

    Attributes:
        points: floats of the domain, in order, none of which anybody writes.
        seen: what is known at points.
        ends: of the domain; None where it has none.
    """

    label: str
    points: list[Fraction]
    ends: tuple[Fraction | None, Fraction | None]
    found: list[Guard] = field(default_factory=list)
    seen: dict[tuple[Fraction, int], Point] = field(default_factory=dict)

    # -- what people write ----------------------------------------------

    def where(
        self, truth: Truth, a: Term, b: Term, place: Place | None
    ) -> Term:
        """``where(truth, a, b)``."""
        verdict = _Verdict(self, truth, a, b)
        first, forced = verdict.formula()
        if first is None:
            meant = b.meant + (a.meant - b.meant) * truth.share()
        else:
            meant = (a if first else b).meant

        def value(at: Point) -> arb:
            holds = truth.holds(at)
            if holds is None:
                return arb("nan")
            return at.value((a if holds else b).literal)

        def active(at: Point) -> bool | None:
            holds = truth.holds(at)
            return None if holds is None else first not in (None, holds)

        return self._guarded(
            meant,
            place,
            value,
            active,
            truth.numbers(),
            forced,
            stands=first is not None,
        )

    def share(self, truth: Truth, place: Place | None) -> Term:
        """Truth values as 0 and 1."""

        def value(at: Point) -> arb:
            holds = truth.holds(at)
            return arb("nan") if holds is None else arb(int(holds))

        meant = truth.share()
        return self._guarded(
            meant, place, value, lambda at: False, set(), stands=False
        )

    def clip(
        self,
        u: Term,
        low: sympy.Expr | None,
        high: sympy.Expr | None,
        place: Place | None,
    ) -> Term:
        """``clip(u, low, high)``, also of one bound alone.

        Small distances from 0 and from 1 or -1 hold a formula off from
        where it has no value; any other clip is meant as it stands.
        """
        made = u
        if low is not None and not _holds_off(low):
            made = both(lambda a: larger(a, low), made)
        if high is not None and not _holds_off(-high):
            made = both(lambda a: smaller(a, high), made)
        held = (low is not None and _holds_off(low)) or (
            high is not None and _holds_off(-high)
        )
        if not held:
            return made

        def active(at: Point) -> bool:
            given = at.value(u.literal)
            below = low is not None and bool(given < at.value(low))
            return below or (high is not None and bool(given > at.value(high)))

        def value(at: Point) -> arb:
            given = at.value(u.literal)
            for bound, side in ((low, 1), (high, -1)):
                if bound is None:
                    continue
                edge = at.value(bound)
                if side * given < side * edge:
                    return edge
                if not side * given >= side * edge:
                    return arb("nan")
            return given

        bounds = [bound for bound in (low, high) if bound is not None]
        seams = set[Fraction]().union(*(meets(u.meant - b) for b in bounds))
        return self._guarded(made.meant, place, value, active, seams)

    def nan_to_num(
        self, u: Term, instead: sympy.Expr, place: Place | None
    ) -> Term:
        """``nan_to_num(u, nan=instead)``."""

        def active(at: Point) -> bool:
            return not at.value(u.literal).is_finite()

        def value(at: Point) -> arb:
            return at.value(instead if active(at) else u.literal)

        return self._guarded(u.meant, place, value, active, {Fraction(0)})

    def divide_no_nan(
        self, meant: sympy.Expr, a: Term, b: Term, place: Place | None
    ) -> Term:
        """``divide_no_nan(a, b)``: 0 where b is."""

        def active(at: Point) -> bool:
            return bool(at.value(b.literal).is_zero())

        def value(at: Point) -> arb:
            if active(at):
                return arb(0)
            with ctx.workprec(at.bits):
                return at.value(a.literal) / at.value(b.literal)

        return self._guarded(meant, place, value, active, {Fraction(0)})

    def _guarded(
        self,
        meant: sympy.Expr,
        place: Place | None,
        value: Callable[[Point], arb],
        active: Callable[[Point], bool | None],
        numbers: set[Fraction],
        forced: bool = False,
        stands: bool = True,
    ) -> Term:
        symbol = sympy.Dummy(f"g{len(self.found)}", real=True)
        self.found.append(
            Guard(symbol, place, stands, value, active, numbers, forced)
        )
        return Term(meant, symbol)

    # -- at points -------------------------------------------------------

    def at(self, x: Fraction, wanted: Callable[[Point], Any]) -> Any:
        """What is wanted at a point, with bits enough; else None."""
        for bits in ESCALATION:
            found = wanted(self._point(x, bits))
            if found is not None:
                return found
        return None

    def _point(self, x: Fraction, bits: int) -> Point:
        point = self.seen.setdefault((x, bits), Point(x, bits))
        for guard in self.found:
            if guard.symbol not in point.known:
                point.known[guard.symbol] = guard.value(point)
        return point

    def certain(self, x: Fraction, expr: sympy.Expr) -> arb | None:
        """The value of an expression at a point, if it has one."""

        def wanted(at: Point) -> arb | None:
            value = at.value(expr)
            return value if value.is_finite() and is_certain(value) else None

        found: arb | None = self.at(x, wanted)
        return found

    def near(self, numbers: set[Fraction]) -> list[Fraction]:
        """The points, and 0 and what a condition compares with, as floats."""
        low, high = self.ends
        own = {
            Fraction(near)
            for c in (*numbers, Fraction(0))
            for n in (float(c), -float(c))
            for near in _beside(n)
            if (low is None or low <= near) and (high is None or near <= high)
        }
        return sorted({*self.points, *own})


class _Verdict:
    """Which branch of a ``where`` is meant."""

    def __init__(self, guards: Guards, truth: Truth, a: Term, b: Term) -> None:
        self.guards, self.truth, self.a, self.b = guards, truth, a, b
        self.near = guards.near(truth.numbers())
        self.holds = {
            x: found
            for x in self.near
            if (found := guards.at(x, truth.holds)) is not None
        }

    def formula(self) -> tuple[bool | None, bool]:
        """Whether it is the first; None: each in its place.  And by force."""
        generic = {self.holds[x] for x in self.guards.points if x in self.holds}
        if len(generic) < 2:  # the other one at single points alone
            return (generic.pop() if generic else False), False
        errors = {first: self._error(first) for first in (False, True)}
        better = min(errors, key=lambda first: errors[first])
        if errors[better] < SMALL * SMALL:
            return better, False
        if self._meets():
            return None, False
        if errors[better] < AGREE:
            return better, False
        for first in (False, True):
            if self._has_hole(first):
                return first, False
        if self.a.is_number != self.b.is_number:
            return self.b.is_number, True
        for first in (False, True):  # what replaces is near some point
            if self._is_bounded(not first):
                return first, True
        return None, False

    def _error(self, first: bool) -> Fraction:
        """Of the other branch where it is taken, this one being meant."""
        meant, other = (self.a, self.b) if first else (self.b, self.a)
        worst = Fraction(0)
        for x, holds in self.holds.items():
            if holds is first:
                continue
            one = self.guards.certain(x, meant.meant)
            two = self.guards.certain(x, other.meant)
            if one is not None and two is not None:
                worst = max(worst, Fraction(difference(one, two)))
        return worst

    def _seams(self) -> list[Fraction]:
        """Where the condition changes, to more bits than any format has."""
        found = []
        known = [x for x in self.near if x in self.holds]
        for low, high in pairwise(known):
            left = self.holds[low]
            if left is self.holds[high]:
                continue
            for _ in range(2 * MET):
                middle = (low + high) / 2
                here = self.guards.at(middle, self.truth.holds)
                low, high = (middle, high) if here is left else (low, middle)
            found.append((low + high) / 2)
        return found

    def _meets(self) -> bool:
        """Whether both branches are one at every seam."""
        for seam in self._seams():

            def gap(at: Point) -> bool | None:
                one, two = at.value(self.a.meant), at.value(self.b.meant)
                if not (one.is_finite() and two.is_finite()):
                    return None
                unit = (1 + abs(one)) * arb(2) ** -MET
                if abs(one - two) < unit:
                    return True
                return False if abs(one - two) > unit else None

            if not self.guards.at(seam, gap):
                return False
        return True

    def _has_hole(self, first: bool) -> bool:
        """Whether a branch has no value somewhere where it is not taken."""
        meant = (self.a if first else self.b).meant
        return self._is_bounded(not first) and any(
            self.guards.certain(x, meant) is None
            for x, holds in self.holds.items()
            if holds is not first
        )

    def _is_bounded(self, first: bool) -> bool:
        """Whether a branch is not taken towards infinity."""
        return all(
            end is not None or self.holds.get(self.near[k]) is not first
            for k, end in zip((0, -1), self.guards.ends, strict=True)
        )


def _beside(x: float) -> tuple[float, ...]:
    """A float and its neighbours; those of 0 are no inputs of interest."""
    if x == 0:
        return (x,)
    return x, math.nextafter(x, -math.inf), math.nextafter(x, math.inf)


def _holds_off(bound: sympy.Expr) -> bool:
    """Whether a lower bound is a little above 0 or -1."""
    return any(0 < bound + whole < SMALL for whole in (0, 1))
