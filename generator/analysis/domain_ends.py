"""The ends of a domain in a format, and what f is there."""

from __future__ import annotations

from fractions import Fraction

import sympy
from flint import arb
from flint import ctx

from ..errors import DomainError
from ..errors import NoFloatError
from ..errors import NotProvedError
from ..numbers.evaluate import evaluate
from ..numbers.evaluate import to_primitives
from ..numbers.floats import FloatFormat
from ..numbers.floats import ends_of_ball
from ..numbers.floats import floor_log2
from ..numbers.floats import power2
from ..numbers.floats import to_arb
from ..numbers.magnitudes import MagnitudeAlgebra
from ..numbers.magnitudes import magnitude
from .roots import ball
from .work import Work
from .work import local

INSIDE = Fraction(1, 2**10)  # of the domain's width
END_BITS = (400, 4000, 40000)  # of an end that is no fraction


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


def is_zero(expr: sympy.Expr, variable: sympy.Symbol) -> bool:
    """Whether a rational function is 0; of others it is not asked."""
    expr = to_primitives(expr)  # without the derivatives of sign(x)
    if not expr.is_rational_function(variable):
        return False
    return bool(sympy.count_ops(expr) < 200 and sympy.cancel(expr) == 0)


def is_regular(work: Work, point: Fraction, side: int) -> bool:
    """Whether f has a power series at an end of the domain."""
    with ctx.workprec(work.high_bits):
        for exponent in (6, 12, 20):
            try:
                step = arb((1, floor_log2(1 + abs(point)) - exponent))
                series = local(work, point, step, side)
                return series.v >= 0 and not series.is_order
            except NotProvedError:
                continue
    return False


def has_left(
    work: Work, low: Fraction | None, high: Fraction | None, side: int
) -> bool:
    """Whether f is beyond the numbers of the format at an end of the domain.

    At it, or a little inside, as f may vanish at the end itself.
    """
    end, other = (high, low) if side > 0 else (low, high)
    if end is None:
        return False
    width = abs(end) if other is None else abs(end - other)
    with ctx.workprec(work.high_bits):
        return any(
            _is_outside(work, end - side * part * width)
            for part in (Fraction(0), INSIDE)
        )


def _is_outside(work: Work, x: Fraction) -> bool:
    """Whether |f(x)| is above or below all normal numbers; no 0, no pole."""
    size = evaluate(work.expr, MagnitudeAlgebra(to_arb(x)))
    if size is None:
        value = ball(work.expr, to_arb(x))
        if not value.is_finite() or value.contains(0):
            return False
        size = magnitude(value)
    assert size is not None
    if size.low > to_arb(work.fmt.max_finite).log():
        return bool(size.high.is_finite())
    least = power2(work.fmt.emin).log()
    return bool(size.high < least and not size.may_vanish)
