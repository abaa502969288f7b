"""Closed forms that reach far out, and the frame that they leave."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from itertools import islice
from itertools import product

import sympy

from ..analysis.specials import Special
from ..analysis.work import Work
from .closed import ClosedForm
from .compensated import Search
from .compensated import SearchEndedError
from .distant import Distant
from .distant import beside
from .distant import distant
from .distant import farthest
from .end_kinds import AnyEnd
from .end_kinds import BetweenEnd
from .rewritten import best_form
from .rewritten import forms_on_both_sides
from .rewritten import settled_form
from .rewritten import widened
from .settled import settled
from .spellings import T
from .spellings import X

# Next to a removable point: exp(x) - 1 and log(1 + x) keep their precision.
CLOSE = Fraction(1, 2**8), Fraction(1, 2**4)
STARTS = (Fraction(1), Fraction(2))
# The last of them is the largest.
SIGNED_STARTS = tuple(Fraction(2) ** k for k in (0, -1, -2, 1))
MOST_WAYS = 6  # of what may stand at the ends of a form on both sides
# Where an exponential may be too small to matter.
TERMS = 1, 0, 2
SETTLED = tuple(Fraction(n) for n in (12, 16, 20, 24, 32, 40, 48, 64))


@dataclass(frozen=True)
class Frame:
    """What a plan stands between.

    Attributes:
        ends: forms at infinity and at singular ends.
        specials: singular points that are left.
        start, stop: the interval that is left.
    """

    ends: tuple[AnyEnd, ...]
    specials: tuple[Special, ...]
    start: Fraction
    stop: Fraction


@dataclass(frozen=True)
class _Reach:
    """Where a form ends on one side, what stands beyond, a form before it."""

    edge: Fraction
    far: Distant
    last: ClosedForm | None


@dataclass
class Reaching:
    """Closed forms that reach far out, and the frame that they leave."""

    work: Work
    frame: Frame
    parity: int
    search: Search
    far: dict[AnyEnd, list[Distant]] = field(default_factory=dict)
    known: dict[tuple[int, Fraction, Fraction], ClosedForm | None] = field(
        default_factory=dict
    )
    left: dict[tuple[int, Fraction, int], ClosedForm | None] = field(
        default_factory=dict
    )

    @cached_property
    def inner(self) -> list[Distant]:
        """What may stand at the end of the domain that is 0, if it is one."""
        for end in self.frame.ends:
            if end.point == 0 and end.side > 0:
                return self._distant(end)
        return []

    @property
    def sides(self) -> tuple[int, ...]:
        """On which there may be one."""
        if self.parity:
            return (1,)
        return tuple(
            side
            for side, edge in ((1, self.frame.stop), (-1, -self.frame.start))
            if edge > 0
        )

    def _distant(self, end: AnyEnd) -> list[Distant]:
        if end not in self.far:
            self.far[end] = distant(self.work, end)
        return self.far[end]

    def forms(
        self, *starts: Fraction
    ) -> Iterator[tuple[Frame, tuple[ClosedForm, ...]]]:
        """One or two of them, from the first of `starts` that can be."""
        seen: list[tuple[ClosedForm, ...]] = []
        for terms in TERMS:
            for frame, found in self._forms(terms, starts):
                if found not in seen:
                    seen.append(found)
                    yield frame, found

    def _forms(
        self, terms: int, starts: tuple[Fraction, ...]
    ) -> Iterator[tuple[Frame, tuple[ClosedForm, ...]]]:
        frame, found = self.frame, []
        for side in self.sides:
            made = self._side(side, starts or STARTS, terms)
            if made is None:
                continue
            forms, old, new = made
            found += forms
            if old is not None:
                ends = [e for e in frame.ends if e is not old]
                ends += [new] if new is not None else []
                frame = replace(frame, ends=tuple(ends))
                # The old one may have begun nearer than the form.
                first = side * forms[0].low
                frame = replace(
                    frame,
                    start=min(frame.start, first),
                    stop=max(frame.stop, first),
                )
        for inner in self.inner if found else ():
            if starts != (inner.bound,):
                continue
            kept = [e for e in frame.ends if e.point != 0 or e.side < 0]
            assert inner.end is not None
            frame = replace(frame, ends=(inner.end, *kept), start=inner.bound)
        if found:
            yield frame, tuple(found)

    def both(self) -> tuple[Frame, tuple[ClosedForm, ...]] | None:
        """One form on both sides of what is left to rows."""
        frame, _work = self.frame, self.work
        at = [
            s.exact for s in frame.specials if frame.start < s.near < frame.stop
        ]
        center = Fraction(0) if not at else at[0]
        if len(at) > 1 or center is None:
            return None
        reaches = product(self._reaches(-1), self._reaches(1))
        for lower, upper in islice(reaches, MOST_WAYS):
            if not lower.edge < center < upper.edge:
                return None
            forms = self._both(center, lower.edge, upper.edge)
            if forms is None:
                continue
            pieces = []
            for form, reach in zip(forms, (lower, upper), strict=True):
                limit = None if reach.last else reach.far.limit
                pieces.append(replace(form, limit=limit))
            pieces += [r.last for r in (lower, upper) if r.last is not None]
            ends = tuple(
                r.far.end for r in (lower, upper) if r.far.end is not None
            )
            # The old ends may have begun nearer than the forms.
            left = replace(
                frame,
                ends=ends,
                start=min(frame.start, forms[0].high),
                stop=max(frame.stop, forms[1].low),
            )
            return left, tuple(pieces)
        return None

    def closer(
        self, frame: Frame, closed: tuple[ClosedForm, ...]
    ) -> Iterator[tuple[Frame, tuple[ClosedForm, ...]]]:
        """The same forms, from nearer to 0 on, where they hold there."""
        expr = self.work.plain.xreplace({self.work.variable: X})
        for start in CLOSE:
            made: list[ClosedForm] = []
            for form in closed:
                wider = None
                if form.signed and form.low < 0:
                    if -form.high <= max(SIGNED_STARTS):
                        wider = widened(form, -start, expr, self.search)
                elif start < form.low <= max(STARTS):
                    own = expr
                    if not form.signed:
                        own = expr.xreplace({X: form.side * T})
                    wider = widened(form, start, own, self.search)
                made.append(form if wider is None else wider)
            twins = [a is not b for a, b in zip(made, closed, strict=True)
                     if b.signed]  # fmt: skip
            if any(twins) and not all(twins):
                continue
            if tuple(made) != closed:
                yield frame, tuple(made)
                return

    def _reaches(self, side: int) -> list[_Reach]:
        """How far a form may go on one side, and what follows there."""
        frame, work = self.frame, self.work
        edge = frame.stop if side > 0 else frame.start
        own = [e for e in frame.ends if (e.side == side) == (e.point is None)]
        if not own:
            return [_Reach(edge, Distant(None, abs(edge)), None)]
        (old,) = own
        if isinstance(old, BetweenEnd):  # f is not its limit at any float
            return []
        point = old.point
        if point is not None:
            ends = [beside(work, old)] if point else self._distant(old)
            return [_Reach(point - side * d.bound, d, None) for d in ends]
        found = []
        ends = [farthest(work, old), *self._distant(old)]
        for k, far in enumerate(ends):
            if far in ends[:k]:
                continue
            if far.bound <= side * edge:
                far = Distant(old, side * edge)
            last = None
            if far.bound > work.fmt.emax and k:
                t = work.plain.xreplace({work.variable: side * T})
                last = self._settled(t, side, far.bound)
                if last is not None:
                    last = replace(last, limit=far.limit)
            bound = far.bound if last is None else last.low
            found.append(_Reach(side * bound, far, last))
        return found

    def _both(
        self, center: Fraction, low: Fraction, high: Fraction
    ) -> tuple[ClosedForm, ClosedForm] | None:
        work = self.work
        expr = work.plain.xreplace({work.variable: X})

        def forms(start: Fraction) -> tuple[ClosedForm, ClosedForm] | None:
            left = center - min(start, (center - low) / 2)
            right = center + min(start, (high - center) / 2)
            if not (work.fmt.holds(left) and work.fmt.holds(right)):
                left, right = work.fmt.round(left), work.fmt.round(right)
            return forms_on_both_sides(
                expr,
                (low, left),
                (right, high),
                self.search,
            )

        *nearer, last = SIGNED_STARTS
        least = forms(last)
        if least is None:  # what holds on no less holds on no more
            return None
        with suppress(SearchEndedError):
            for start in nearer:
                found = forms(start)
                if found is not None:
                    return found
        return least

    def _side(
        self, side: int, starts: Sequence[Fraction], terms: int
    ) -> tuple[list[ClosedForm], AnyEnd | None, AnyEnd | None] | None:
        """Forms on one side, the end that they reach, what is left of it.

        Far out, if they can; and the sooner they begin, the fewer rows.

        Args:
            terms: of f in its exponentials, of a form beyond the first; none
                of them is no such form.
        """
        frame, work = self.frame, self.work
        edge = frame.stop if side > 0 else -frame.start
        expr = work.plain.xreplace({work.variable: side * T})
        outer = [e for e in frame.ends if e.point is None and e.side == side]
        for old, far in ((e, d) for e in outer for d in self._distant(e)):
            if far.bound <= edge:
                far = Distant(old, edge)
            last = None
            if terms:
                last = self._settled(expr, side, far.bound, terms)
            if last is None and far.end is old:
                continue
            until = far.bound if last is None else last.low
            form = self._form(expr, side, starts, until)
            if form is None:
                continue
            forms = [form] if last is None else [form, last]
            forms[-1] = replace(forms[-1], limit=far.limit)
            return forms, old, far.end
        form = self._form(expr, side, starts, edge)
        return None if form is None else ([form], None, None)

    def _form(
        self,
        expr: sympy.Expr,
        side: int,
        starts: Sequence[Fraction],
        edge: Fraction,
    ) -> ClosedForm | None:
        able = [start for start in starts if edge > 2 * start]
        # What holds on no less holds on no more.
        if not able or self._best(expr, side, max(able), edge) is None:
            return None
        for start in able:
            form = self._best(expr, side, start, edge)
            if form is not None:
                return form
        return None

    def _best(
        self, expr: sympy.Expr, side: int, start: Fraction, edge: Fraction
    ) -> ClosedForm | None:
        asked = side, start, edge
        if asked not in self.known:
            self.known[asked] = best_form(expr, side, start, edge, self.search)
        return self.known[asked]

    def _settled(
        self, expr: sympy.Expr, side: int, bound: Fraction, terms: int = 1
    ) -> ClosedForm | None:
        """Without its exponentials, from where they are too small to matter.

        Args:
            terms: of f as a power series in them.
        """
        asked = side, bound, terms
        if asked not in self.left:
            self.left[asked] = self._first_settled(expr, *asked)
        return self.left[asked]

    def _first_settled(
        self, expr: sympy.Expr, side: int, bound: Fraction, terms: int
    ) -> ClosedForm | None:
        found = settled(expr, terms)
        for low in SETTLED if found is not None else ():
            if bound <= 2 * low:
                continue
            assert found is not None
            form = settled_form(found, side, low, bound, self.search)
            if form is not None:
                return form
        return None
