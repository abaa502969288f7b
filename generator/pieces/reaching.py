"""Closed forms that reach far out, and the frame that they leave."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from fractions import Fraction
from functools import cached_property

import sympy

from ..analysis.specials import Special
from ..analysis.work import Work
from .closed import ClosedForm
from .compensated import Search
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
SIGNED_STARTS = tuple(Fraction(2) ** k for k in (0, -1, -2, 1))
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
    far: dict[AnyEnd, Distant] = field(default_factory=dict)
    known: dict[tuple[int, Fraction, Fraction], ClosedForm | None] = field(
        default_factory=dict
    )
    left: dict[tuple[int, Fraction, int], ClosedForm | None] = field(
        default_factory=dict
    )

    @cached_property
    def inner(self) -> Distant | None:
        """At the end of the domain that is 0, if it is one."""
        for end in self.frame.ends:
            if end.point == 0 and end.side > 0:
                return self._distant(end)
        return None

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

    def _distant(self, end: AnyEnd) -> Distant:
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
        inner = self.inner
        if inner is not None and found and starts == (inner.bound,):
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
        for wide in (True, False):
            lower, upper = self._reach(-1, wide), self._reach(1, wide)
            if lower is None or upper is None:
                continue
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
            return replace(frame, ends=ends), tuple(pieces)
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

    def _reach(self, side: int, wide: bool) -> _Reach | None:
        """How far a form may go on one side, and what follows there."""
        frame, work = self.frame, self.work
        edge = frame.stop if side > 0 else frame.start
        own = [e for e in frame.ends if (e.side == side) == (e.point is None)]
        if not own:
            return _Reach(edge, Distant(None, abs(edge)), None)
        (old,) = own
        if old.point == 0:  # subnormal numbers are between
            return None
        if isinstance(old, BetweenEnd):  # f is not its limit at any float
            return None
        if old.point is not None:
            far = beside(work, old)
            return _Reach(old.point - side * far.bound, far, None)
        far = farthest(work, old) if wide else self._distant(old)
        if far.bound <= side * edge:
            far = Distant(old, side * edge)
        last = None
        if far.bound > work.fmt.emax and not wide:
            t = work.plain.xreplace({work.variable: side * T})
            last = self._settled(t, side, far.bound)
            if last is not None:
                last = replace(last, limit=far.limit)
        bound = far.bound if last is None else last.low
        return _Reach(side * bound, far, last)

    def _both(
        self, center: Fraction, low: Fraction, high: Fraction
    ) -> tuple[ClosedForm, ClosedForm] | None:
        work = self.work
        expr = work.plain.xreplace({work.variable: X})
        for start in SIGNED_STARTS:
            left = center - min(start, (center - low) / 2)
            right = center + min(start, (high - center) / 2)
            if not (work.fmt.holds(left) and work.fmt.holds(right)):
                left, right = work.fmt.round(left), work.fmt.round(right)
            forms = forms_on_both_sides(
                expr,
                (low, left),
                (right, high),
                self.search,
            )
            if forms is not None:
                return forms
        return None

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
        for old in outer:
            far = self._distant(old)
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
        for start in starts:
            if edge <= 2 * start:
                continue
            asked = side, start, edge
            if asked not in self.known:
                self.known[asked] = best_form(
                    expr, side, start, edge, self.search
                )
            if (form := self.known[asked]) is not None:
                return form
        return None

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
