"""From a plan to its twin in float64, if there is one that is cheaper."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import replace
from fractions import Fraction
from functools import cached_property

import numpy as np

from ..analysis.specials import specials_of
from ..analysis.work import Work
from ..errors import NotProvedError
from ..errors import NotRealError
from ..errors import SingularityError
from ..lowering.costs import cost
from ..lowering.wide import wide_cost
from ..pieces.cover import Cover
from ..pieces.distant import Distant
from ..pieces.distant import farthest
from ..pieces.end_kinds import BetweenEnd
from ..pieces.end_kinds import FloatEnd
from ..pieces.spellings import T
from ..pieces.spellings import X
from ..pieces.wide import Near
from ..pieces.wide import Wide
from ..pieces.wide import WideEnd
from ..program.spans import Array
from ..program.spans import Real
from .errors import ulps
from .near import near
from .spelled import WEIGHTS
from .spelled import Spelled
from .spelled import cost_of
from .spelled import of_both_signs
from .spelled import of_one_sign

# Ulp beside the half of the last rounding; next to a zero that is no float
# what the 53 bits lose shows.
GOALS = 2.0**-5, 2.0**-2, 1.0
DEARER = 1.15  # times the plain plan may its twin cost, which is within 1 ulp
# Of a bound, so that other analyses come to it.
CLAIMED, LEAST_CLAIMED = 1.5, 2.0**-9
SPARE = 1 + 2.0**-20  # of what is computed in extended precision
PER_BINADE = 4
NEAR_ONE = 24  # binades from 1 with as many boxes; one each further out
ROUNDS, PARTS = 14, 4  # down to single floats
LATE, LEFT = 4, 64  # rounds after which no more boxes may be bad
FEW = 8  # one box in so many is looked at first
HOPELESS = 0.5  # of boxes, on which a program is no good
BESIDE = 2.0**-4  # nearer to a place a polynomial does what boxes do not show,
FURTHER = 2.0  # and further off in each next round
MOST_BOXES = 1_000
MOST_TRIED = 8  # programs of one kind
CLOSE = 30  # 2**-30 is as near to a place as boxes end
WIDEST = 2  # a polynomial's radius at most


def widened(cover: Cover, work: Work) -> Cover:
    """The plan, with a twin in float64 where that is cheaper.

    Args:
        cover: in a format of no more than 24 bits.
        work: of what it was made for.
    """
    try:
        found = None
        for goal in GOALS:
            found = found or _Search(cover, work, goal).best()
    except (NotProvedError, NotRealError, SingularityError, ArithmeticError):
        return cover
    if found is None:
        return cover
    more = DEARER if found.ulp <= 1 else 1.0
    if found.ulp > cover.ulp or wide_cost(cover, found) > more * cost(cover):
        return cover
    return replace(cover, wide=found)


@dataclass
class _Search:
    cover: Cover
    work: Work
    goal: float

    @cached_property
    def ends(self) -> tuple[WideEnd, ...]:
        """Of t: at infinity, and at singular ends."""
        found = []
        for side in (1,) if self.cover.parity else (-1, 1):
            end = self.cover.high if side > 0 else self.cover.low
            found.append(
                self._infinite(side) if end is None else self._finite(side)
            )
        return tuple(e for e in found if e is not None)

    def _infinite(self, side: int) -> WideEnd:
        last = self.work.fmt.max_finite
        for end in self.cover.ends:
            if end.point is None and end.side == side:
                far = farthest(self.work, end)
                gone = self._gone(side, far)
                limit = end.limit if far.limit is None else far.limit
                return gone or WideEnd(side, side * last, limit, beyond=True)
        for form in self.cover.closed:
            # With `signed` there is one form of x itself.
            if form.limit is None:
                continue
            edge = form.low if form.signed and side < 0 else form.high
            out = edge == side * last or edge == last
            if out and (form.side == side or form.signed):
                return WideEnd(side, side * last, form.limit, beyond=True)
        raise NotProvedError("an end without a limit")

    def _finite(self, side: int) -> WideEnd | None:
        """With the limit, where f is singular."""
        point = self.cover.high if side > 0 else self.cover.low
        assert point is not None
        for end in self.cover.ends:
            # Of an end between two floats the point is one of the domain.
            if isinstance(end, BetweenEnd):
                continue
            if end.point == point and end.side == -side:
                return WideEnd(side, point, end.limit)
            if end.point is None and end.side == side:
                return self._gone(side, farthest(self.work, end))
        return None

    def _gone(self, side: int, far: Distant) -> WideEnd | None:
        """Where f is 0 or infinite; next to another limit the program is."""
        end = far.end
        if not (isinstance(end, FloatEnd) and end.is_flat):
            return None
        if end.limit and math.isfinite(end.limit):
            return None
        return WideEnd(side, side * far.bound, end.limit)

    @cached_property
    def held(self) -> tuple[Fraction, Fraction]:
        """The least and the largest t that a program may see."""
        fmt, cover = self.work.fmt, self.cover
        low = Fraction(0) if cover.parity else cover.low
        low = -fmt.max_finite if low is None else low
        high = fmt.max_finite if cover.high is None else cover.high
        for end in self.ends:
            singular = end.bound in (cover.low, cover.high)
            at = end.bound
            if singular:
                at += -end.side * fmt.smallest_subnormal / 2
                at = fmt.down(at) if end.side > 0 else fmt.up(at)
            if end.side > 0:
                high = min(high, at)
            else:
                low = max(low, at)
        if low >= high:
            raise NotProvedError("nothing between the ends")
        return low, high

    @cached_property
    def places(self) -> list[Fraction]:
        """Where programs may cancel, as far as they are floats."""
        low, high = self.held
        reach = Fraction(2**10)
        found = {
            s.exact
            for s in specials_of(self.work, max(low, -reach), min(high, reach))
            if s.exact is not None
        }
        found |= {Fraction(0)} if low <= 0 <= high else set()
        return sorted(p for p in found if low <= p <= high)

    def best(self) -> Wide | None:
        variable, f = self.work.variable, self.work.plain
        low, high = self.held
        found: list[tuple[int, Wide]] = []
        if not self.cover.parity:
            for one in of_both_signs(f.xreplace({variable: X}))[:MOST_TRIED]:
                made = self._whole(one, found)
                if made is not None:
                    found.append(made)
        sides = []
        for side in (-1, 1):
            if (high if side > 0 else -low) <= 0:
                continue
            moved = f.xreplace({variable: side * T})
            sides.append((side, of_one_sign(moved)[:MOST_TRIED]))
        made = self._sided(sides, found)
        if made is not None:
            found.append(made)
        return min(found, key=lambda m: m[0])[1] if found else None

    def _whole(
        self, one: Spelled, known: list[tuple[int, Wide]]
    ) -> tuple[int, Wide] | None:
        if known and one.cost >= min(c for c, _ in known):
            return None
        low, high = self.held
        judged = self._judged(one, low, high)
        if judged is None:
            return None
        return self._made((one,), [judged])

    def _sided(
        self,
        sides: list[tuple[int, list[Spelled]]],
        known: list[tuple[int, Wide]],
    ) -> tuple[int, Wide] | None:
        """One program of |t| for each side."""
        low, high = self.held
        chosen, judged = [], []
        for side, ones in sides:
            best: tuple[int, Spelled, tuple[float, dict[Fraction, Fraction]]]
            best_cost = math.inf
            for one in ones:
                if one.cost >= best_cost:
                    continue
                ends = (max(low, Fraction(0)), high)
                if side < 0:
                    ends = max(-high, Fraction(0)), -low
                found = self._judged(one, *ends)
                if found is None:
                    continue
                made = one.cost + self._degrees(found[1], side)
                if made < best_cost:
                    turned = {side * p: r for p, r in found[1].items()}
                    best_cost, best = made, (made, one, (found[0], turned))
            if best_cost == math.inf:
                return None
            chosen.append(best[1])
            judged.append(best[2])
        if known and cost_of(*(c.program for c in chosen)) >= min(
            c for c, _ in known
        ):
            return None
        return self._made(tuple(chosen), judged)

    def _degrees(self, bad: dict[Fraction, Fraction], side: int) -> int:
        """A guess at what polynomials cost."""
        return sum(
            4 * WEIGHTS["add"] * round(40 / max(-math.log2(r), 4))
            for r in bad.values()
        )

    def _made(
        self,
        chosen: tuple[Spelled, ...],
        judged: list[tuple[float, dict[Fraction, Fraction]]],
    ) -> tuple[int, Wide] | None:
        reaches: dict[Fraction, Fraction] = {}
        for _, bad in judged:
            for place, radius in bad.items():
                reaches[place] = max(radius, reaches.get(place, radius))
        pieces = []
        for place, radius in sorted(reaches.items()):
            piece = self._near(place, radius)
            if piece is None:
                return None
            pieces.append(piece)
        ulp = max([u for u, _ in judged] + [p.ulp for p in pieces])
        if ulp > self.goal:
            return None
        low, high = self.held
        total = cost_of(*(c.program for c in chosen)) + sum(
            2 * WEIGHTS["add"] * (len(p.coefficients) + p.zero + 3)
            for p in pieces
        )
        return total, Wide(
            low,
            high,
            tuple(c.program for c in chosen),
            tuple(c.text for c in chosen),
            tuple(pieces),
            self.ends,
            0.5 + max(ulp * CLAIMED, LEAST_CLAIMED),
        )

    def _near(self, place: Fraction, radius: Fraction) -> Near | None:
        low, high = self.held
        if self.cover.parity:
            low = -high
        side = (1 if place <= low else 0) - (1 if place >= high else 0)
        return near(self.work, place, radius, side)

    # -- which boxes a program is good on -----------------------------------

    def _judged(
        self, one: Spelled, low: Fraction, high: Fraction
    ) -> tuple[float, dict[Fraction, Fraction]] | None:
        """The bound on [low, high], but for neighbourhoods of places."""
        lows, highs = self._boxes(low, high)
        goal, fmt = self.goal / SPARE, self.work.fmt
        few = np.nonzero(~self._beside(lows, highs, BESIDE))[0][::FEW]
        found = ulps(one.program, lows[few], highs[few], fmt)
        if len(few) and (found > goal).mean() > HOPELESS:
            return None
        worst, bad, reach = 0.0, list[tuple[Real, Real]](), BESIDE
        for left in range(ROUNDS, -1, -1):
            found = ulps(one.program, lows, highs, fmt)
            good = found <= goal
            worst = max(worst, float(found[good].max(initial=0.0)))
            lows, highs = lows[~good], highs[~good]
            near_by = self._beside(lows, highs, reach)
            reach = min(reach * FURTHER, WIDEST)
            most = MOST_BOXES if left > ROUNDS - LATE else LEFT
            if left == 0 or (~near_by).sum() > most:
                near_by = near_by | True
            bad += zip(lows[near_by], highs[near_by], strict=True)
            lows, highs = self._parts(lows[~near_by], highs[~near_by])
            if not len(lows):
                break
        return self._around(worst, bad)

    def _parts(self, lows: Array, highs: Array) -> tuple[Array, Array]:
        """Each box in parts that end at floats, or in its two floats."""
        kind = np.float32
        after = np.nextafter(lows.astype(kind), kind(np.inf)).astype(Real)
        two = after >= highs
        wide = lows + (highs - lows) * np.arange(PARTS + 1)[:, None] / PARTS
        wide = wide.astype(kind).astype(Real)[:, ~two]
        wide[0], wide[-1] = lows[~two], highs[~two]
        a, b = wide[:-1].ravel(), wide[1:].ravel()
        points = np.concatenate([lows[two], highs[two]])
        again = lows[two] == highs[two]  # a float that is bad
        points = points[~np.concatenate([again, again])]
        return (
            np.concatenate([a[a < b], points]),
            np.concatenate([b[a < b], points]),
        )

    def _beside(self, lows: Array, highs: Array, most: float) -> Array:
        """Whether boxes are so near to a place that a polynomial will do."""
        found = np.zeros(len(lows), bool)
        for place in self.places:
            for p in (float(place), -float(place)):
                reach = np.maximum(np.abs(lows - p), np.abs(highs - p))
                found |= reach <= most
        return found

    def _around(
        self, worst: float, bad: list[tuple[Real, Real]]
    ) -> tuple[float, dict[Fraction, Fraction]] | None:
        reaches: dict[Fraction, Fraction] = {}
        for a, b in bad:
            near_by = [
                (max(abs(float(a) - float(p)), abs(float(b) - float(p))), p)
                for p in {q * s for q in self.places for s in (1, -1)}
            ]
            if not near_by:
                return None
            reach, place = min(near_by)
            if not reach < WIDEST:
                return None
            # A float of the format, beyond it.
            radius = Fraction(float(np.float32(reach * (1 + 2.0**-20))))
            reaches[place] = max(radius, reaches.get(place, radius))
        return worst, reaches

    def _boxes(self, low: Fraction, high: Fraction) -> tuple[Array, Array]:
        edges = {float(low), float(high)}
        for place in {
            Fraction(0),
            *self.places,
            self.cover.low,
            self.cover.high,
        }:
            if place is None:
                continue
            for side in (-1, 1):
                for k in range(-CLOSE, 0):
                    edges.add(float(place + side * Fraction(2) ** k))
        for edge in self._binades():
            edges |= {edge, -edge}
        ends = np.array(sorted(e for e in edges if low <= e <= high))
        ends = ends.astype(Real)
        return ends[:-1], ends[1:]

    def _binades(self) -> Iterator[float]:
        fmt = self.work.fmt
        for e in range(fmt.emin - fmt.precision, fmt.emax + 1):
            count = PER_BINADE if abs(e) <= NEAR_ONE else 1
            for k in range(count):
                yield 2.0**e * (1 + k / count)
