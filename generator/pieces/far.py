"""Which kind of form stands at an end, and where it begins."""

from __future__ import annotations

from fractions import Fraction

import sympy
from flint import arb
from flint import ctx

from ..analysis.beside import Beside
from ..analysis.work import Work
from ..analysis.work import shown
from ..errors import NotProvedError
from ..errors import NotRealError
from ..errors import SingularityError
from ..numbers.floats import to_arb
from ..numbers.places import Place
from ..numbers.places import expand
from .end_kinds import AnyEnd
from .end_kinds import ExponentialEnd
from .end_kinds import FloatEnd
from .end_search import end_form
from .ends import UnsureError
from .flat import flat_form
from .flat import zero_form
from .logends import log_form
from .march import march

SEARCH = Fraction(64)  # where singularities are looked for before any tail
QUICK = 3000  # boxes, where another form is at hand
MORE_BITS = (1, 2, 4)  # times the usual ones
MAX_EXTRA = 400  # rows instead of an end form: 20 KiB, within a first cache


def far_end(work: Work, side: int) -> tuple[AnyEnd, Fraction]:
    """The form at infinity, and where it begins.

    Where f itself is an exponential, rows up to the end of the format's
    range cost nothing more per input than the rows that are there anyway,
    and the form in pairs of floats is saved; if they are few.
    """
    if _is_nothing_beyond(work, side):
        return zero_form(side, work.fmt, SEARCH), SEARCH
    form = form_at(work, None, side)
    # A row's values differ by less than a factor of 2, or what is small
    # beside its lead would not be: as many rows as there are exponents.
    few = work.fmt.emax <= MAX_EXTRA
    if not isinstance(form, ExponentialEnd) or not few:
        return form, form.bound
    try:
        flat = _flat(work, side)
    except NotProvedError:
        return form, form.bound
    stretch = sorted((side * form.bound, side * flat.bound))
    return (flat, flat.bound) if _few(work, *stretch) else (form, form.bound)


def far_end_before(
    work: Work, side: int, edge: Fraction
) -> tuple[AnyEnd, Fraction] | None:
    """The same on a bounded domain; None if it begins beyond its edge.

    An expansion may begin behind a zero of f where f is 0 to every float.

    Raises:
        NotRealError, SingularityError, NotProvedError: there is none; why.
    """
    form, bound = far_end(work, side)
    if bound >= edge and isinstance(form, ExponentialEnd):
        form = _flat(work, side)
        bound = form.bound
    return (form, bound) if bound < edge else None


def _flat(work: Work, side: int) -> FloatEnd:
    return flat_form(
        work.expr,
        work.variable,
        None,
        side,
        work.fmt,
        work.high_bits,
        work.check_time,
        QUICK,
    )


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


def form_beside(work: Work, beside: Beside) -> AnyEnd:
    """The form about a place next to an end of the domain.

    Raises:
        NotRealError, SingularityError, NotProvedError: there is none; why.
    """
    if beside.point == beside.exact:
        return form_at(work, beside.point, beside.side)
    with ctx.workprec(work.high_bits):
        return end_form(
            work.expr,
            beside.point,
            beside.side,
            work.fmt,
            work.degree + 3,
            work.goal,
            work.terms + 6,
            work.check_time,
            exact=beside.exact,
        )


def _further(work: Work, point: Fraction | None, side: int) -> AnyEnd:
    """The expansion beyond the usual distances, of features far wider."""
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
            further=True,
        )


def _expanded(work: Work, point: Fraction | None, side: int) -> AnyEnd:
    """The expansion, with more bits where terms leave doubts."""
    doubts: UnsureError | None = None
    for more in MORE_BITS:
        try:
            with ctx.workprec(work.high_bits * more):
                return end_form(
                    work.expr,
                    point,
                    side,
                    work.fmt,
                    work.degree + 3,
                    work.goal,
                    work.terms + 6,
                    work.check_time,
                    work.any_scale,
                )
        except UnsureError as error:
            doubts = error
    assert doubts is not None
    raise doubts


def form_at(work: Work, point: Fraction | None, side: int) -> AnyEnd:
    """The form for one end: an expansion, a constant, or by logarithm.

    Raises:
        NotRealError, SingularityError, NotProvedError: there is none; why.
    """
    work.check_time()
    where = shown(point, side)
    try:
        return _expanded(work, point, side)
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
                any_scale=work.any_scale,
            )
        except NotProvedError:
            pass  # f keeps changing
        try:
            return _further(work, point, side)
        except NotProvedError:
            pass  # however far out
        try:
            return log_form(work, point, side, march)
        except NotProvedError as other:
            raise NotProvedError(
                f"none as x -> {where}: {error}; {other}"
            ) from None
