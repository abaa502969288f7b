"""The general planner: any domain covered by rows and end forms."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from itertools import zip_longest

from ..analysis.domain_ends import ends_of
from ..analysis.domain_ends import is_regular
from ..analysis.domain_ends import is_zero
from ..analysis.realness import refuse_unreal
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
from ..pieces.compensated import Search
from ..pieces.compensated import SearchEndedError
from ..pieces.cover import Cover
from ..pieces.end_kinds import AnyEnd
from ..pieces.far import SEARCH
from ..pieces.far import far_end
from ..pieces.far import form_at
from ..pieces.fill import fill
from ..pieces.flat import zero_form
from ..pieces.plan import ORDERS
from ..pieces.powers import PowerRow
from ..pieces.reaching import Frame
from ..pieces.reaching import Reaching
from ..pieces.rewritten import CLAIMED
from ..pieces.rows import Row
from ..pieces.single import single

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
        # Closed forms are more than is needed: where the search has ended,
        # there are rows.
        with suppress(SearchEndedError):
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


def _closed_forms(
    work: Work,
    frame: Frame,
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
    frame: Frame,
    parity: int,
    low: Fraction | None,
    high: Fraction | None,
) -> Iterator[tuple[Frame, tuple[ClosedForm, ...]]]:
    """Closed forms, one or two at a time, and the frame they leave."""
    closed = _closed_forms(work, frame, parity, low, high)
    if closed:
        yield frame, closed
    # Of f'' nobody waits for the last operation: there is room for the claim.
    goal = work.goal if work.order < ORDERS - 1 else work.goal / CLAIMED
    search = Search(work.fmt, goal, work.goal, work.check_time)
    reaching = Reaching(work, frame, parity, low, high, search)
    if not parity:
        both = reaching.both()
        if both is not None:
            yield both
            yield from reaching.closer(*both)
    inner = reaching.inner
    if inner is not None:
        made = list(reaching.forms(inner.bound))
        yield from made
        if made and len(made[0][1]) == len(reaching.sides):
            return
    for left, forms in reaching.forms():
        yield left, forms
        yield from reaching.closer(left, forms)


def _framed(
    work: Work, parity: int, low: Fraction | None, high: Fraction | None
) -> Frame:
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
