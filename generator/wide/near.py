"""Polynomials in float64 next to places where programs cancel."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from flint import arb
from flint import ctx

from ..analysis.work import Work
from ..analysis.work import local
from ..errors import NotProvedError
from ..errors import NotRealError
from ..errors import SingularityError
from ..numbers.floats import ends_of_ball
from ..numbers.floats import to_arb
from ..numbers.formats import FORMATS
from ..pieces.wide import Near
from .errors import UNIT

DEGREES = range(14)
LEFT = Fraction(1, 2**7)  # ulp of float32 that truncation may take
SPARE = 1.001


def near(
    work: Work, center: Fraction, radius: Fraction, side: int
) -> Near | None:
    """The shortest about a place that is good on |x - center| <= radius.

    Args:
        work: whose format is that of the result.
        side: on which f is; 0 for both.
    """
    wide = replace(work, fmt=FORMATS["float64"])
    try:
        with ctx.workprec(2 * wide.bits):
            return _near(wide, center, radius, side, work.fmt.precision)
    except (NotProvedError, NotRealError, SingularityError):
        return None


def _near(
    work: Work, center: Fraction, radius: Fraction, side: int, precision: int
) -> Near | None:
    series = local(work, center, to_arb(radius), side)
    if series.v < 0 or series.is_zero or series.is_order:
        return None
    reach = to_arb(radius)
    terms = [arb(c) for c in series.coeffs()]
    numbers = [_rounded(work, c) for c in terms]
    # Of the first coefficient all else is to be a small part.
    step = 2 if not any(numbers[1::2]) and _is_zero(terms[1::2]) else 1
    size = abs(terms[0])
    for degree in DEGREES:
        last = degree * step
        if last >= len(terms):
            return None
        left = arb(0)
        for k, c in enumerate(terms):
            if k > last:
                left += abs(c) * reach**k
        left += series.error()
        rest = arb(0)
        for k in range(1, last + 1):
            rest += abs(terms[k]) * reach**k
        least = size - rest - left
        if not least > 0:
            return None
        truncation = (left / least).abs_upper()
        if truncation < to_arb(LEFT) * arb((1, -precision)):
            break
    else:
        return None
    # Numbers are off by half a unit, each step by two units of all it has.
    roundings = (2 * (degree + series.v) + 4) * ((size + rest) / least)
    total = truncation + roundings * arb(float(UNIT))
    ulp = float((total * arb((1, precision))).abs_upper()) * SPARE
    chosen = tuple(numbers[: last + 1 : step])
    return Near(
        center,
        radius,
        series.v,
        step,
        chosen,
        ulp,
        float(truncation.abs_upper()),
    )


def _is_zero(terms: list[arb]) -> bool:
    return all(c.is_zero() for c in terms)


def _rounded(work: Work, value: arb) -> Fraction:
    low, high = (work.fmt.round(end) for end in ends_of_ball(value))
    if low != high:
        raise NotProvedError("a coefficient that is not known to its last bit")
    return low
