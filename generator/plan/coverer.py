"""The general planner: any domain covered by rows and end forms."""

from __future__ import annotations

import time
from dataclasses import dataclass
from fractions import Fraction

import sympy
from flint import arb
from flint import ctx

from ..analysis.realness import refuse_unreal
from ..analysis.roots import ball
from ..analysis.specials import Special
from ..analysis.specials import refuse
from ..analysis.specials import specials_of
from ..analysis.work import Work
from ..analysis.work import local
from ..analysis.work import shown
from ..errors import BoundNotMetError
from ..errors import DomainError
from ..errors import NoFloatError
from ..errors import NotProvedError
from ..errors import NotRealError
from ..errors import SingularityError
from ..formula.derivative import derivative
from ..lowering.costs import cost
from ..numbers.evaluate import to_primitives
from ..numbers.floats import FloatFormat
from ..numbers.floats import ends_of_ball
from ..numbers.floats import floor_log2
from ..numbers.floats import to_arb
from ..numbers.places import Place
from ..numbers.places import expand
from ..pieces.closed import ClosedForm
from ..pieces.closed import closed_form
from ..pieces.cover import Cover
from ..pieces.end_kinds import AnyEnd
from ..pieces.end_kinds import ExponentialEnd
from ..pieces.ends import end_form
from ..pieces.fill import fill
from ..pieces.flat import flat_form
from ..pieces.flat import zero_form
from ..pieces.logends import log_form
from ..pieces.march import march
from ..pieces.single import single

SEARCH = Fraction(64)  # where singularities are looked for before any tail
END_BITS = (400, 4000, 40000)  # of an end that is no fraction
QUICK = 3000  # boxes, where another form is at hand
MAX_EXTRA = 400  # rows instead of an end form: 20 KiB, within a first cache


def make_cover(
    name: str,
    expr: sympy.Expr,
    variable: sympy.Symbol,
    domain: tuple[sympy.Expr, sympy.Expr],
    order: int,
    fmt: FloatFormat,
    goal: float,
    parity: int,
    time_limit: float = 60.0,
) -> Cover:
    """A plan for the `order`-th derivative of `expr`.

    Args:
        expr: of f itself.
        parity: of f itself, if it is known.

    Raises:
        NoFloatError: the domain holds no number of the format.
        SingularityError, NotRealError: with the place.
        BoundNotMetError: with the best found, and where.
        TimeLimitError: it takes more than `time_limit` seconds of this
            thread's time.
    """
    derived = derivative(expr, variable, order)
    work = Work(
        derived, variable, fmt, order, goal, time.thread_time() + time_limit
    )
    mine = parity * (-1) ** order
    low, high = ends_of(domain, fmt)
    if mine:
        low = Fraction(0)
    if _is_zero(derived, variable):
        sides = (1,) if mine else (1, -1)
        ends = tuple(zero_form(side, fmt) for side in sides)
        return Cover(name, order, fmt.name, mine, low, high, (), (), ends)
    try:
        if low is not None and low == high:
            row = single(work, low)
            return Cover(name, order, fmt.name, mine, low, high, (row,), (), ())
        frame = _framed(work, mine, low, high)
        plan = _filled(work, frame, name, mine, low, high, ())
        closed = _closed_forms(work, frame, mine, low, high)
        if not closed:
            return plan
        other = _filled(work, frame, name, mine, low, high, closed)
        return min(plan, other, key=cost)
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


def _is_zero(expr: sympy.Expr, variable: sympy.Symbol) -> bool:
    """Whether a rational function is 0; of others it is not asked."""
    expr = to_primitives(expr)  # without the derivatives of sign(x)
    if not expr.is_rational_function(variable):
        return False
    return bool(sympy.count_ops(expr) < 200 and sympy.cancel(expr) == 0)


def ends_of(
    domain: tuple[sympy.Expr, sympy.Expr], fmt: FloatFormat
) -> tuple[Fraction | None, Fraction | None]:
    """The outermost floats of the domain, None for an end at infinity.

    An end that is no float is never moved outwards.

    Raises:
        NoFloatError: it holds no finite float of the format.
    """
    low, high = (_exact_end(end, fmt, i) for i, end in enumerate(domain))
    least = -fmt.max_finite if low is None else max(low, -fmt.max_finite)
    most = fmt.max_finite if high is None else min(high, fmt.max_finite)
    if least > most:
        raise NoFloatError(
            f"No number of {fmt.name} in the domain: expected at least one, "
            f"received [{domain[0]}, {domain[1]}]; other formats may have some."
        )
    return (
        None if low is None else least,
        None if high is None else most,
    )


def _exact_end(
    value: sympy.Expr, fmt: FloatFormat, upper: int
) -> Fraction | None:
    """The float at an end of the domain, or the next one inwards.

    Beyond the range of the format it is the power of two after it.
    """
    if value.is_infinite:
        return None
    inward = fmt.down if upper else fmt.up
    if value.is_Rational:
        return inward(Fraction(int(value.p), int(value.q)))
    beyond = Fraction(2) ** (fmt.emax + 1)
    for bits in END_BITS:
        with ctx.workprec(bits):
            exact = ball(value, arb(0))
            size = abs(exact)
            if size > to_arb(beyond):
                return beyond if exact > 0 else -beyond
            if not size < to_arb(2 * beyond):
                continue
            ends = [inward(end) for end in ends_of_ball(exact)]
            if ends[0] == ends[1]:
                return ends[0]
    raise DomainError(
        "Bad domain: expected ends that can be told from the numbers of "
        f"{fmt.name}, received {value}."
    )


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
        form, stop = _far_end(work, 1)
        ends.append(form)
    if low is None:
        form, start = _far_end(work, -1)
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
        if point in singular and not _regular_end(work, point, side):
            form = _end_form(work, point, side)
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
    for piece in closed:
        if piece.side > 0:
            stop = max(piece.low, start)
        else:
            start = min(-piece.low, stop)
    specials = [s for s in frame.specials if start <= s.near <= stop]
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


def _far_end(work: Work, side: int) -> tuple[AnyEnd, Fraction]:
    """The form at infinity, and where it begins.

    Where f itself is an exponential, rows up to the end of the format's
    range cost nothing more per input than the rows that are there anyway,
    and the form in pairs of floats is saved; if they are few.
    """
    if _is_nothing_beyond(work, side):
        return zero_form(side, work.fmt, SEARCH), SEARCH
    form = _end_form(work, None, side)
    # A row's values differ by less than a factor of 2, or what is small
    # beside its lead would not be: as many rows as there are exponents.
    few = work.fmt.emax <= MAX_EXTRA
    if not isinstance(form, ExponentialEnd) or not few:
        return form, form.bound
    try:
        flat = flat_form(
            work.expr,
            work.variable,
            None,
            side,
            work.fmt,
            work.high_bits,
            work.check_time,
            QUICK,
        )
    except NotProvedError:
        return form, form.bound
    stretch = sorted((side * form.bound, side * flat.bound))
    return (flat, flat.bound) if _few(work, *stretch) else (form, form.bound)


def _is_nothing_beyond(work: Work, side: int) -> bool:
    """Whether f is 0 wherever |x| >= `SEARCH` on that side."""
    try:
        with ctx.workprec(work.bits):
            made, _ = expand(
                work.expr,
                Place(None, side),
                to_arb(SEARCH),
                work.terms,
                arb((1, -work.fmt.emax - 1)),
            )
    except (NotProvedError, NotRealError, SingularityError):
        return False
    return not made.terms


def _few(work: Work, a: Fraction, b: Fraction) -> bool:
    """Whether [a, b] takes few rows, to judge by the first and last."""
    try:
        widths = [
            row.high - row.low
            for start in (a, b - (b - a) / 64)
            for row in march(work, start, b, 1)
        ]
    except NotProvedError:
        return False
    mean = sum(1 / w for w in widths) / len(widths)
    return (b - a) * mean <= MAX_EXTRA


def _end_form(work: Work, point: Fraction | None, side: int) -> AnyEnd:
    work.check_time()
    where = shown(point, side)
    try:
        with ctx.workprec(work.high_bits):
            return end_form(
                work.expr,
                point,
                side,
                work.fmt,
                work.degree + 3,
                work.goal,
                work.terms + 6,
                work.check_time,
            )
    except NotRealError:
        raise NotRealError(
            f"Not real: expected real values on the whole domain, received "
            f"none as x -> {where}."
        ) from None
    except NotProvedError as error:
        if work.expr.has(sympy.sin, sympy.cos):
            raise SingularityError(
                f"No expansion as x -> {where}: expected f to settle there, "
                "received sin or cos of an unbounded argument; give a "
                "bounded domain."
            ) from None
        try:
            return flat_form(
                work.expr,
                work.variable,
                point,
                side,
                work.fmt,
                work.high_bits,
                work.check_time,
            )
        except NotProvedError:
            pass  # f keeps changing
        try:
            return log_form(work, point, side, march)
        except NotProvedError as other:
            raise NotProvedError(
                f"none as x -> {where}: {error}; {other}"
            ) from None


def _regular_end(work: Work, point: Fraction, side: int) -> bool:
    with ctx.workprec(work.high_bits):
        for exponent in (6, 12, 20):
            try:
                step = arb((1, floor_log2(1 + abs(point)) - exponent))
                series = local(work, point, step, side)
                return series.v >= 0 and not series.is_order
            except NotProvedError:
                continue
    return False
