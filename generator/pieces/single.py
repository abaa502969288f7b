"""Rows of one number: f at one float, or 0 between two kinks."""

from __future__ import annotations

from fractions import Fraction

from flint import arb
from flint import ctx

from ..analysis.work import Work
from ..analysis.work import local
from ..analysis.work import shown
from ..errors import NotProvedError
from ..errors import NotRealError
from ..errors import SingularityError
from ..numbers.floats import ends_of_ball
from ..numbers.floats import to_arb
from .rows import SPARE
from .rows import Row


def single(work: Work, t: Fraction) -> Row:
    """f(t) rounded; beside a kink that is t itself the limit from above.

    Raises:
        SingularityError: f has a pole there.
        NotProvedError: f is not known to half an ulp, or too large.
    """
    reason: NotProvedError | None = None
    for side in (0, 1, -1):
        try:
            with ctx.workprec(work.high_bits):
                return _rounded(work, t, side)
        except NotProvedError as error:
            reason = reason or error
    raise NotProvedError(f"none at x = {shown(t)} alone: {reason}")


def is_nothing(work: Work, a: Fraction, b: Fraction) -> bool:
    """Whether f is 0 on all of an interval on which it is analytic.

    So is an analytic function whose series at one place is exactly 0.
    """
    if a >= b:
        return False
    reach = to_arb((b - a) / 2**20)
    try:
        with ctx.workprec(work.bits):
            return local(work, (a + b) / 2, reach, 0).is_zero
    except (NotProvedError, NotRealError):
        return False


def nothing(a: Fraction, b: Fraction) -> Row:
    """The row of an interval on which f is 0."""
    return Row(a, b, a, Fraction(0), Fraction(0), (Fraction(0),), 0.0, 0.0, 0.0)


def _rounded(work: Work, t: Fraction, side: int) -> Row:
    fmt = work.fmt
    # Nothing else is asked of the series than its value at t.
    series = local(work, t, arb((1, fmt.emin - 2 * fmt.precision)), side)
    if series.v < 0:
        raise SingularityError(
            f"Pole at {shown(t)}: expected f finite on the domain, received "
            f"f ~ c/(x - {shown(t)})**{-series.v}."
        )
    value = arb(series.coefficient(0)) if series.v == 0 else arb(0)
    if series.is_order and series.v == 0 and not series.is_zero:
        raise NotProvedError("nothing is known of f but a bound")
    low, high = (fmt.round(end) for end in ends_of_ball(value))
    if low != high or not fmt.holds(low):
        raise NotProvedError(f"a value that is no {fmt.name}")
    exact = ends_of_ball(value) == (low, low)
    ulp = 0.0 if exact else 0.5 * SPARE
    rest = (Fraction(0),)
    return Row(t, t, t, low, Fraction(0), rest, 0.0, 0.0, ulp)
