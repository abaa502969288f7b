"""The general planner: any domain covered by rows and end forms."""

from __future__ import annotations

import time
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from itertools import zip_longest

import sympy

from ..analysis.domain_ends import ends_of
from ..analysis.domain_ends import is_regular
from ..analysis.domain_ends import is_zero
from ..analysis.realness import refuse_unreal
from ..analysis.specials import Special
from ..analysis.specials import refuse
from ..analysis.specials import specials_of
from ..analysis.work import Work
from ..errors import BoundNotMetError
from ..errors import NotProvedError
from ..formula.derivative import derivative
from ..formula.spec import Spec
from ..lowering.costs import cost
from ..numbers.floats import FloatFormat
from ..pieces.closed import ClosedForm
from ..pieces.closed import closed_form
from ..pieces.compensated import Programs
from ..pieces.cover import Cover
from ..pieces.end_kinds import AnyEnd
from ..pieces.far import SEARCH
from ..pieces.far import far_end
from ..pieces.far import form_at
from ..pieces.fill import fill
from ..pieces.flat import zero_form
from ..pieces.powers import PowerRow
from ..pieces.rewritten import best_form
from ..pieces.rewritten import forms_on_both_sides
from ..pieces.rewritten import settled_form
from ..pieces.rows import Row
from ..pieces.single import single
from ..pieces.spellings import T
from ..pieces.spellings import X
from ..pieces.spellings import settled
from .distant import Distant
from .distant import beside
from .distant import distant
from .distant import farthest

STARTS = (Fraction(1), Fraction(2))
SIGNED_STARTS = tuple(Fraction(2) ** k for k in (0, -1, -2, 1))
# Where an exponential may be too small to matter.
MORE = 4  # degrees of polynomials beside closed forms: few are evaluated
SETTLED = tuple(Fraction(n) for n in (12, 16, 20, 24, 32, 40, 48, 64))


def make_cover(
    spec: Spec,
    order: int,
    fmt: FloatFormat,
    goal: float,
    parity: int,
    time_limit: float = 60.0,
) -> Cover:
    """A plan for the `order`-th derivative of f.

    Args:
        parity: of f itself, if it is known.

    Raises:
        NoFloatError: the domain holds no number of the format.
        SingularityError, NotRealError: with the place.
        BoundNotMetError: with the best found, and where.
        TimeLimitError: it takes more than `time_limit` seconds of this
            thread's time.
    """
    name, derived = spec.name, derivative(spec.expr, spec.variable, order)
    deadline = time.thread_time() + time_limit
    work = Work(derived, spec.variable, fmt, order, goal, deadline)
    mine = parity * (-1) ** order
    low, high = ends_of(spec.domain, fmt)
    if mine:
        low = Fraction(0)
    if is_zero(derived, spec.variable):
        sides = (1,) if mine else (1, -1)
        ends = tuple(zero_form(side, fmt) for side in sides)
        return Cover(name, order, fmt.name, mine, low, high, (), (), ends)
    try:
        if low is not None and low == high:
            row = single(work, low)
            return Cover(name, order, fmt.name, mine, low, high, (row,), (), ())
        frame = _framed(work, mine, low, high)
        plan = _filled(work, frame, name, mine, low, high, ())
        plans = [plan]
        for left, closed in _alternatives(work, frame, mine, low, high):
            plans += [
                _filled(each, left, name, mine, low, high, closed)
                for each in (work, replace(work, more_degree=MORE))
            ]
        return min(plans, key=cost)
    except NotProvedError as error:
        raise BoundNotMetError(
            f"Bound not met: expected {goal:g} ulp for the derivative of "
            f"order {order} in {fmt.name}, received {error}."
        ) from None
    except OverflowError:  # bounds are computed in float64
        raise BoundNotMetError(
            f"Bound not met: expected numbers within the range of float64 for "
            f"the derivative of order {order} in {fmt.name}, received some "
            "beyond it."
        ) from None


@dataclass(frozen=True)
class _Frame:
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


def _closed_forms(
    work: Work,
    frame: _Frame,
    parity: int,
    low: Fraction | None,
    high: Fraction | None,
) -> tuple[ClosedForm, ...]:
    """One for each infinite side, up to its end form, if there is one."""
    sides = [(1, frame.stop)] if high is None else []
    sides += [(-1, -frame.start)] if low is None and not parity else []
    found = (
        closed_form(
            work.plain,
            work.variable,
            side,
            edge,
            work.fmt,
            work.goal,
            work.check_time,
        )
        for side, edge in sides
    )
    return tuple(form for form in found if form)


def _alternatives(
    work: Work,
    frame: _Frame,
    parity: int,
    low: Fraction | None,
    high: Fraction | None,
) -> Iterator[tuple[_Frame, tuple[ClosedForm, ...]]]:
    """Closed forms, one or two at a time, and the frame they leave."""
    closed = _closed_forms(work, frame, parity, low, high)
    if closed:
        yield frame, closed
    reaching = _Reaching(work, frame, parity, low, high)
    if not parity:
        both = reaching.both()
        if both is not None:
            yield both
    inner = reaching.inner
    if inner is not None:
        made = list(reaching.forms(inner.bound))
        yield from made
        if made and len(made[0][1]) == len(reaching.sides):
            return
    yield from reaching.forms()


@dataclass(frozen=True)
class _Reach:
    """Where a form ends on one side, what stands beyond, a form before it."""

    edge: Fraction
    far: Distant
    last: ClosedForm | None


@dataclass
class _Reaching:
    """Closed forms that reach far out, and the frame that they leave."""

    work: Work
    frame: _Frame
    parity: int
    low: Fraction | None
    high: Fraction | None
    known: dict[sympy.Expr, list[Programs]] = field(default_factory=dict)
    far: dict[AnyEnd, Distant] = field(default_factory=dict)

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
        self, start: Fraction | None = None
    ) -> Iterator[tuple[_Frame, tuple[ClosedForm, ...]]]:
        """One or two of them; from `start` on, if it is given."""
        frame, found = self.frame, []
        for side in self.sides:
            made = self._side(side, STARTS if start is None else (start,))
            if made is None:
                continue
            forms, old, new = made
            found += forms
            if old is not None:
                ends = [e for e in frame.ends if e is not old]
                ends += [new] if new is not None else []
                frame = replace(frame, ends=tuple(ends))
        inner = self.inner
        if inner is not None and found and start == inner.bound:
            kept = [e for e in frame.ends if e.point != 0 or e.side < 0]
            assert inner.end is not None
            frame = replace(frame, ends=(inner.end, *kept), start=inner.bound)
        if found:
            yield frame, tuple(found)

    def both(self) -> tuple[_Frame, tuple[ClosedForm, ...]] | None:
        """One form on both sides of what is left to rows."""
        frame, work = self.frame, self.work
        at = [
            s.exact
            for s in frame.specials
            if frame.start < s.near < frame.stop
        ]
        center = Fraction(0) if not at else at[0]
        if len(at) > 1 or center is None:
            return None
        for wide in (True, False):
            lower, upper = self._reach(-1, wide), self._reach(1, wide)
            if lower is None or upper is None:
                continue
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

    def _reach(self, side: int, wide: bool) -> _Reach | None:
        """How far a form may go on one side, and what follows there."""
        frame, work = self.frame, self.work
        edge = frame.stop if side > 0 else frame.start
        own = [
            e
            for e in frame.ends
            if (e.side == side) == (e.point is None)
        ]
        if not own:
            return _Reach(edge, Distant(None, abs(edge)), None)
        (old,) = own
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
                work.fmt,
                work.goal,
                self.known,
                work.check_time,
            )
            if forms is not None:
                return forms
        return None

    def _side(
        self, side: int, starts: Sequence[Fraction]
    ) -> tuple[list[ClosedForm], AnyEnd | None, AnyEnd | None] | None:
        """Forms on one side, the end that they reach, what is left of it.

        Far out, if they can; and the sooner they begin, the fewer rows.
        """
        frame, work = self.frame, self.work
        edge = frame.stop if side > 0 else -frame.start
        expr = work.plain.xreplace({work.variable: side * T})
        outer = [e for e in frame.ends if e.point is None and e.side == side]
        for old in outer:
            far = self._distant(old)
            if far.bound <= edge:
                continue
            last = self._settled(expr, side, far.bound)
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
        work = self.work
        for start in starts:
            if edge <= 2 * start:
                continue
            form = best_form(
                expr,
                side,
                start,
                edge,
                work.fmt,
                work.goal,
                self.known,
                work.check_time,
            )
            if form is not None:
                return form
        return None

    def _settled(
        self, expr: sympy.Expr, side: int, bound: Fraction
    ) -> ClosedForm | None:
        """Without its exponentials, from where they are too small to matter."""
        found = settled(expr)
        if found is None:
            return None
        work = self.work
        for low in SETTLED:
            if bound <= 2 * low:
                continue
            form = settled_form(
                found,
                side,
                low,
                bound,
                work.fmt,
                work.goal,
                work.check_time,
            )
            if form is not None:
                return form
        return None


def _framed(
    work: Work, parity: int, low: Fraction | None, high: Fraction | None
) -> _Frame:
    first = -SEARCH if low is None else low
    last = SEARCH if high is None else high
    if low is not None and high is None:
        last = max(last, low + SEARCH)
    if high is not None and low is None:
        first = min(first, high - SEARCH)
    refuse_unreal(work, first, last, low, high, bool(parity))
    specials = specials_of(work, first, last)
    refuse(work, specials, first, last, low, high, parity)
    ends: list[AnyEnd] = []
    start, stop = first, last
    if high is None:
        form, stop = far_end(work, 1)
        ends.append(form)
    if low is None:
        form, start = far_end(work, -1)
        ends.append(form)
        start = -start
    if start > stop:
        start = stop = (start + stop) / 2
    if start < first or stop > last:
        specials = specials_of(work, min(start, first), max(stop, last))
    singular = {s.exact: s for s in specials if s.exact is not None}
    for point, side in ((low, 1), (high, -1)):
        if point is None or (parity and point == 0):
            continue
        if point in singular and not is_regular(work, point, side):
            form = form_at(work, point, side)
            ends.append(form)
            if side > 0:
                start = point + form.bound
            else:
                stop = point - form.bound
    return _Frame(
        tuple(sorted(ends, key=lambda e: (e.point is None, e.side))),
        tuple(specials),
        start,
        stop,
    )


def _filled(
    work: Work,
    frame: _Frame,
    name: str,
    parity: int,
    low: Fraction | None,
    high: Fraction | None,
    closed: tuple[ClosedForm, ...],
) -> Cover:
    """The plan with rows wherever a frame and closed forms leave a gap."""
    start, stop = frame.start, frame.stop
    for piece, after in zip_longest(closed, closed[1:]):
        if piece.signed and after is not None and after.signed:
            start = max(piece.high, start)  # its twin is the one after it
        elif piece.side > 0:
            stop = max(min(piece.low, stop), start)
        else:
            start = min(max(-piece.low, start), stop)
    specials = [s for s in frame.specials if start <= s.near <= stop]
    rows: list[Row] = []
    powers: list[PowerRow] = []
    if start < stop or not closed:
        rows, powers = fill(work, specials, start, stop)
    return Cover(
        name,
        work.order,
        work.fmt.name,
        parity,
        low,
        high,
        tuple(rows),
        tuple(powers),
        frame.ends,
        closed,
    )
