"""The row of one float: between two kinks, or all that a domain holds."""

from __future__ import annotations

from fractions import Fraction

from flint import arb
from flint import ctx

from .errors import NotProvedError
from .errors import SingularityError
from .formats import ends_of_ball
from .rows import SPARE
from .rows import Row
from .work import Work
from .work import local
from .work import shown


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
    if series.is_order and series.v == 0:
        raise NotProvedError("nothing is known of f but a bound")
    low, high = (fmt.round(end) for end in ends_of_ball(value))
    if low != high or not fmt.holds(low):
        raise NotProvedError(f"a value that is no {fmt.name}")
    exact = ends_of_ball(value) == (low, low)
    ulp = 0.0 if exact else 0.5 * SPARE
    rest = (Fraction(0),)
    return Row(t, t, t, low, Fraction(0), rest, 0.0, 0.0, ulp)
