"""What guards put in a formula's place, beside the formula itself."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

import sympy

from ..errors import NotAnExpressionError
from ..numbers.floats import FloatFormat
from ..numbers.floats import to_arb
from .domain import interval
from .exact import exact_function
from .guards import AGREE
from .guards import Guard
from .guards import Guards
from .terms import Point
from .terms import Term
from .terms import X
from .terms import difference

# Of binades, in which every float beyond the nearest ones is of one kind:
# what a guard is beside 1, in steps of one, and far out in steps of eight.
NEAR, STEP = 40, 8
PARTS = (Fraction(1031, 1024), Fraction(1381, 1024), Fraction(1777, 1024))
EVENLY = 61  # of a bounded domain
STEPS = 70  # halvings, from some binades down to one float


def guards_on(
    label: str, domain: tuple[object, object], fmt: FloatFormat
) -> Guards:
    """No guard yet, on a domain, for a function that runs in a format."""
    ends = [
        None if end in (sympy.oo, -sympy.oo) else Fraction(float(end))
        for end in interval(domain)
    ]
    points = sorted(set(_points(ends[0], ends[1], fmt)))
    return Guards(label, points, (ends[0], ends[1]))


def _points(
    low: Fraction | None, high: Fraction | None, fmt: FloatFormat
) -> Iterator[Fraction]:
    binades = [
        k for k in range(fmt.emin, fmt.emax) if abs(k) <= NEAR or k % STEP == 0
    ]
    sizes = [part * Fraction(2) ** k for k in binades for part in PARTS]
    found = [*sizes, *(-size for size in sizes)]
    for end, side in ((low, 1), (high, -1)):
        if end is not None:
            found += [end + side * size for size in sizes if size < 1]
    if low is not None and high is not None:
        found += [low + (high - low) * k / EVENLY for k in range(1, EVENLY)]
    for x in found:
        above = low is None or low <= x
        if above and (high is None or x <= high):
            yield Fraction(float(x))


def check(guards: Guards, term: Term, fmt: FloatFormat) -> list[str]:
    """What each guard is off by, a sentence each; none if by rounding.

    Raises:
        NotAnExpressionError: a guard whose branches jump is no guard.
    """
    if not guards.found:
        return []
    exact = exact_function(term.meant, X)
    smallest = to_arb(fmt.smallest_normal)
    own = {n for guard in guards.found for n in guards.near(guard.numbers)}
    own -= set(guards.points)
    worst: dict[Guard, tuple[float, Fraction]] = {}
    for x in _seams(guards):
        if 0 < abs(x) < fmt.smallest_normal:
            continue
        active = guards.at(x, lambda at: _active(guards, at))
        if not active:
            continue
        given, wanted = (
            guards.certain(x, e) for e in (term.literal, term.meant)
        )
        if wanted is None and x in own:  # a hole, if it is one
            wanted = exact(0, float(x))
        if wanted is None or given is None:
            continue
        if abs(wanted) < smallest and abs(given) < smallest:
            continue
        off = difference(given, wanted)
        for guard in active:
            if off > worst.get(guard, (0.0, x))[0]:
                worst[guard] = off, x
    unit = 2.0**-fmt.precision
    said = []
    for guard, (off, x) in worst.items():
        if off <= unit:
            continue
        if guard.forced and off > AGREE:
            raise _jump(guards, guard)
        said.append(_sentence(guards.label, guard, off, x, fmt))
    return said


def note(guards: Guards) -> str:
    """Which guards were taken for such, for an error about the formula."""
    places = [str(g.place) for g in guards.found if g.place and g.stands]
    if not places:
        return ""
    verb = "was" if len(places) == 1 else "were"
    return (
        f" In {guards.label} {' and '.join(dict.fromkeys(places))} {verb} read "
        "as a guard, which is left out: give stabilize the domain on which "
        "the rest has a value, or the formula as text, in which max and min "
        "stand for themselves."
    )


def _active(guards: Guards, at: Point) -> list[Guard]:
    return [guard for guard in guards.found if guard.active(at)]


def _seams(guards: Guards) -> list[Fraction]:
    """The points, and the floats on both sides of where guards change."""
    numbers: set[Fraction] = set()
    for guard in guards.found:
        numbers |= guard.numbers
    points = guards.near(numbers)
    found = set(points)
    for guard in guards.found:
        state = {x: guards.at(x, guard.active) for x in points}
        for low, high in pairwise(points):
            if state[low] is state[high]:
                continue
            one, two = float(low), float(high)
            for _ in range(STEPS):
                middle = one / 2 + two / 2
                here = guards.at(Fraction(middle), guard.active)
                if here is state[low]:
                    one = middle
                else:
                    two = middle
            found |= {Fraction(one), Fraction(two)}
    return sorted(found)


def _jump(guards: Guards, guard: Guard) -> NotAnExpressionError:
    where = guard.place or "its where"
    return NotAnExpressionError(
        f"Cannot read {guards.label}: expected branches that agree or meet "
        f"where one takes over from the other, received {where}, which "
        "jumps. Give each branch and its domain to stabilize."
    )


def _sentence(
    label: str, guard: Guard, off: float, x: Fraction, fmt: FloatFormat
) -> str:
    ulp = off * 2.0 ** (fmt.precision - 1)
    return (
        f"{label}: {guard.place or 'a guard'} takes the place of the formula "
        f"somewhere, which the op computes everywhere. What it puts there "
        f"is off by up to {off:.2g} of the value ({ulp:.2g} ulp of "
        f"{fmt.name}), at x = {float(x):.9g}."
    )
