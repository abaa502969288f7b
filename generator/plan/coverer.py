"""The general planner: any domain covered by rows and end forms."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import replace
from fractions import Fraction
from itertools import product
from itertools import zip_longest

from ..analysis.beside import Beside
from ..analysis.beside import end_beside
from ..analysis.domain_ends import ends_of
from ..analysis.domain_ends import has_left
from ..analysis.domain_ends import is_regular
from ..analysis.domain_ends import is_zero
from ..analysis.realness import refuse_unreal
from ..analysis.specials import refuse
from ..analysis.specials import specials_of
from ..analysis.work import Work
from ..errors import BoundNotMetError
from ..errors import NotProvedError
from ..errors import NotRealError
from ..errors import SingularityError
from ..errors import TimeLimitError
from ..formula.derivative import derivative
from ..formula.even_root import real_form
from ..formula.normal import normal_form
from ..formula.spec import Spec
from ..limits import stage
from ..lowering.costs import cost
from ..numbers.complements import tanh_complemented
from ..numbers.floats import FloatFormat
from ..pieces.closed import ClosedForm
from ..pieces.closed import closed_form
from ..pieces.compensated import Search
from ..pieces.compensated import SearchEndedError
from ..pieces.cover import Cover
from ..pieces.end_kinds import AnyEnd
from ..pieces.far import SEARCH
from ..pieces.far import far_end
from ..pieces.far import far_end_before
from ..pieces.far import form_at
from ..pieces.far import form_beside
from ..pieces.fill import fill
from ..pieces.flat import zero_form
from ..pieces.gaps import gap
from ..pieces.plan import ORDERS
from ..pieces.powers import PowerRow
from ..pieces.reaching import CLOSE
from ..pieces.reaching import Frame
from ..pieces.reaching import Reaching
from ..pieces.rewritten import CLAIMED
from ..pieces.rows import Row
from ..pieces.single import single

PATIENCE = 0.75  # of the time left, for closed forms beside rows
FEW = 500  # boxes in a search for singular points before the ends are known
MORE = 4  # degrees of polynomials beside closed forms: few are evaluated


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
    ends = ends_of(spec.domain, fmt)
    whole = tanh_complemented(spec.expr)  # whose slope does not cancel
    whole = real_form(whole, spec.variable, *ends)
    derived = derivative(whole, spec.variable, order)
    deadline = time.thread_time() + time_limit
    work = Work(derived, spec.variable, fmt, order, goal, deadline)
    try:
        return _cover(spec, work, parity)
    except (BoundNotMetError, SingularityError) as error:
        # Terms may cancel that do not look alike.
        again = normal_form(derived, spec.variable)
        if again is None:
            raise
        with suppress(BoundNotMetError, SingularityError, NotRealError):
            return _cover(spec, replace(work, plain=again), parity)
        raise error


def _cover(spec: Spec, work: Work, parity: int) -> Cover:
    name, order, fmt, derived = spec.name, work.order, work.fmt, work.plain
    goal = work.goal
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
        beside = (
            end_beside(work, end, side)
            for side, end in zip((1, -1), spec.domain, strict=True)
            if not (mine and side > 0)
        )
        line = _Line(mine, low, high, (), tuple(b for b in beside if b))
        return _made(work, name, line)
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
class _Line:
    """What a plan is looked for on.

    Attributes:
        parity: of f^(order); where there is one, low is 0.
        low, high: the domain, None for infinity.
        far: sides on which the form of infinity stands.  On a bounded one it
            begins within the domain and goes on beyond.
        beside: places next to the ends that forms or rows stand about.
    """

    parity: int
    low: Fraction | None
    high: Fraction | None
    far: tuple[int, ...]
    beside: tuple[Beside, ...] = ()

    def end(self, side: int) -> Fraction | None:
        """The end on that side."""
        return self.high if side > 0 else self.low

    @property
    def bounded(self) -> tuple[int, ...]:
        """Sides on which the domain ends."""
        sides = (1,) if self.parity else (1, -1)
        return tuple(s for s in sides if self.end(s) is not None)


def _made(work: Work, name: str, line: _Line) -> Cover:
    """The cheapest plan, with a bounded end as it is or as one far out.

    What is solved on all reals is so on any part of them: the form of
    infinity holds from its bound on, and rows need not go where f is below
    or above the numbers of the format, where they are good to no bit.
    Where f has left these at an end that form comes first.  If there is
    none, f may have features of another size than 1.
    """
    low, high = line.low, line.high
    infinite = tuple(s for s, e in ((1, high), (-1, low)) if e is None)
    gone = tuple(s for s in line.bounded if has_left(work, low, high, s))
    tried = [gone, (), line.bounded, *((s,) for s in line.bounded)]
    reason: Exception | None = None
    for scaled, more in product((False, True), dict.fromkeys(tried)):
        if scaled and not (infinite or more):
            continue
        own = replace(work, any_scale=True) if scaled else work
        try:
            return _cheapest(own, name, replace(line, far=(*infinite, *more)))
        except (SingularityError, NotRealError, OverflowError):
            if not (more or scaled):  # elsewhere it may be beyond the domain
                raise
        except NotProvedError as error:
            if not more and not scaled:
                reason = error
        except TimeLimitError:
            if reason is None:
                raise
            break
    assert reason is not None
    raise reason


def _cheapest(work: Work, name: str, line: _Line) -> Cover:
    """The cheapest of the plans with these forms at the ends."""
    frame = _framed(work, line)
    plans = [_filled(work, frame, name, line, ())]
    stage("a search for closed forms")
    # Closed forms are more than is needed: where the search has ended, or
    # most of the time is gone, there are rows.
    now = time.thread_time()
    until = now + (work.deadline - now) * PATIENCE
    own = replace(work, deadline=until)
    with suppress(SearchEndedError, TimeLimitError):
        for left, closed in _alternatives(own, frame, line):
            plans += [
                _filled(each, left, name, line, closed)
                for each in (own, replace(own, more_degree=MORE))
            ]
    whole = [plan for plan in plans if gap(plan) is None]
    if not whole:
        low, high = map(float, gap(plans[0]) or ())
        raise NotProvedError(f"no piece from {low:g} to {high:g}")
    return min(whole, key=cost)


def _closed_forms(
    work: Work, frame: Frame, line: _Line
) -> tuple[ClosedForm, ...]:
    """One for each infinite side, up to its end form, if there is one."""
    edges = {1: frame.stop, -1: -frame.start}
    sides = [s for s in (1, -1) if s in line.far]
    found = (
        closed_form(
            work.plain,
            work.variable,
            side,
            edges[side],
            work.fmt,
            work.goal,
            work.check_time,
        )
        for side in sides
    )
    return tuple(form for form in found if form)


def _alternatives(
    work: Work, frame: Frame, line: _Line
) -> Iterator[tuple[Frame, tuple[ClosedForm, ...]]]:
    """Closed forms, one or two at a time, and the frame they leave."""
    closed = _closed_forms(work, frame, line)
    if closed:
        yield frame, closed
    # Of f'' nobody waits for the last operation: there is room for the claim.
    goal = work.goal if work.order < ORDERS - 1 else work.goal / CLAIMED
    search = Search(work.fmt, goal, work.goal, work.check_time)
    reaching = Reaching(work, frame, line.parity, search)
    if not line.parity:
        both = reaching.both()
        if both is not None:
            yield both
            yield from reaching.closer(*both)
            # One on each side costs about twice as much where both are
            # evaluated, and was never the cheaper.
            return
    for inner in reaching.inner:
        made = list(reaching.forms(inner.bound))
        yield from made
        if made and len(made[0][1]) == len(reaching.sides):
            return
    for left, forms in reaching.forms():
        yield left, forms
        yield from reaching.closer(left, forms)
    yield from reaching.forms(*CLOSE)


def _framed(work: Work, line: _Line) -> Frame:
    low, high, parity = line.low, line.high, line.parity
    stage("places where f is singular, or not real")
    first = -SEARCH if low is None else low
    last = SEARCH if high is None else high
    if low is not None and high is None:
        last = max(last, low + SEARCH)
    if high is not None and low is None:
        first = min(first, high - SEARCH)
    refuse_unreal(work, first, last, low, high, bool(parity))
    ends: list[AnyEnd] = []
    start, stop = first, last
    for side in line.far:
        if line.end(side) is None:
            continue
        # Before anything is looked for, which is easy only within its bound.
        found = far_end_before(work, side, stop if side > 0 else -start)
        if found is None:
            raise NotProvedError("a form that begins beyond the domain")
        ends.append(found[0])
        if side > 0:
            stop = found[1]
        else:
            start = -found[1]
    if start > stop:
        start = stop = (start + stop) / 2
    first, last = start, stop
    found_far: dict[int, tuple[AnyEnd, Fraction]] = {}
    if None in (low, high):
        try:
            specials = specials_of(work, first, last, FEW)
        except SingularityError:
            # Far out terms may cancel that no box sees: forms come first.
            for side, end in ((1, high), (-1, low)):
                if end is None:
                    found_far[side] = far_end(work, side)
            if 1 in found_far:
                last = max(min(last, found_far[1][1]), first)
            if -1 in found_far:
                first = min(max(first, -found_far[-1][1]), last)
            specials = specials_of(work, first, last)
    else:
        specials = specials_of(work, first, last)
    refuse(work, specials, first, last, low, high, parity)
    stage("the form at infinity")
    if high is None:
        form, stop = found_far.get(1) or far_end(work, 1)
        ends.append(form)
    if low is None:
        form, start = found_far.get(-1) or far_end(work, -1)
        ends.append(form)
        start = -start
    if start > stop:
        start = stop = (start + stop) / 2
    if start < first or stop > last:
        specials = specials_of(work, min(start, first), max(stop, last))
    singular = {s.exact: s for s in specials if s.exact is not None}
    for beside in line.beside:
        if beside.vanishes:
            continue
        form = form_beside(work, beside)
        ends.append(form)
        if beside.side > 0:
            start = beside.point + form.bound
        else:
            stop = beside.point - form.bound
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
    return Frame(
        tuple(sorted(ends, key=lambda e: (e.point is None, e.side))),
        tuple(specials),
        start,
        stop,
    )


def _filled(
    work: Work,
    frame: Frame,
    name: str,
    line: _Line,
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
        edges = {line.low: start, line.high: stop}
        zeros = [
            b
            for b in line.beside
            if b.vanishes and edges.get(b.point) == b.point
        ]
        rows, powers = fill(work, specials, start, stop, zeros)
    return Cover(
        name,
        work.order,
        work.fmt.name,
        line.parity,
        line.low,
        line.high,
        tuple(rows),
        tuple(powers),
        tuple(e for e in frame.ends if _is_within(e, line)),
        tuple(_cut(form, line) for form in closed if _is_within(form, line)),
    )


def _is_within(piece: AnyEnd | ClosedForm, line: _Line) -> bool:
    """Whether a piece begins within the domain."""
    if isinstance(piece, ClosedForm):
        first = None if piece.signed else piece.low  # what is on both sides is
    else:
        first = None if piece.point is not None else piece.bound
    end = line.end(piece.side)
    return first is None or end is None or first < piece.side * end


def _cut(form: ClosedForm, line: _Line) -> ClosedForm:
    """A closed form up to the ends of the domain, without limits beyond."""
    low, high = line.low, line.high
    if form.side < 0:
        low, high = (None if end is None else -end for end in (high, low))
    if low is not None and form.signed and form.low < low:
        form = replace(form, low=low, limit=None)
    if high is not None and form.high > high:
        form = replace(form, high=high, limit=None)
    return form
