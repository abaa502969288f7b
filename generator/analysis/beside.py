"""Ends of a domain that no float is, and what f is there."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import sympy
from flint import arb
from flint import ctx

from ..errors import NotProvedError
from ..errors import NotRealError
from ..errors import SingularityError
from ..numbers.floats import ends_of_ball
from ..numbers.floats import floor_log2
from ..numbers.series import Series
from .roots import ball
from .work import Work
from .work import local

STEPS = (6, 12, 20, 40)  # as near as other places may be, in bits
ANYWHERE = 2  # times the usual bits, so that a float next to it is told apart


@dataclass(frozen=True)
class Beside:
    """A place outside of the domain that lies next to its end.

    Attributes:
        exact: the place.
        point: the first float from it on towards the domain; the place
            itself where it is one.
        side: +1 where the domain is above it.
        vanishes: whether f is analytic there, and 0; it is singular else.
    """

    exact: Fraction | arb
    point: Fraction
    side: int
    vanishes: bool


def end_beside(work: Work, end: sympy.Expr, side: int) -> Beside | None:
    """The end where it is no float, and f singular or 0 there.

    Args:
        side: +1 of a lower end.
    """
    if end.is_infinite:
        return None
    fmt = work.fmt
    inward = fmt.up if side > 0 else fmt.down
    exact: Fraction | arb
    if end.is_Rational:
        exact = Fraction(int(end.p), int(end.q))
        points = [inward(exact)]
        if points[0] == exact:
            return None
    else:
        with ctx.workprec(ANYWHERE * work.high_bits):
            exact = ball(end, arb(0))
            if not exact.is_finite():
                return None
            points = [inward(e) for e in ends_of_ball(exact)]
    if points[0] != points[-1] or not fmt.holds(points[0]):
        return None
    series = _series(work, exact, points[0], side)
    if series is not None and series.v <= 0:
        return None
    return Beside(exact, points[0], side, series is not None)


def _series(
    work: Work, exact: Fraction | arb, near: Fraction, side: int
) -> Series | None:
    """Of an f that is analytic at the place; none where it is singular."""
    with ctx.workprec(work.high_bits):
        for exponent in STEPS:
            step = arb((1, floor_log2(1 + abs(near)) - exponent))
            try:
                series = local(work, exact, step, side)
            except (NotProvedError, NotRealError, SingularityError):
                continue
            known = series.v >= 0 and not series.is_order
            return series if known else None
    return None
