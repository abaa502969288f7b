"""Truncation errors of rows against their claims.

Each raises `Unknown` where the claim could not be confirmed.
"""

from __future__ import annotations

from fractions import Fraction

from flint import ctx

from .claims import Piece
from .claims import Plan
from .claims import exact
from .claims import power_formula
from .claims import row_formula
from .enclosure import regular_chart
from .gaps import Judge
from .gaps import Target
from .gaps import scaled
from .logrows import LogTarget
from .logrows import in_z
from .logrows import margin_in_z
from .tolerances import truncation_of_power
from .values import Unknown
from .values import ball


def check_row(plan: Plan, row: Piece, target: Target) -> None:
    """A local polynomial."""
    tau = ball(Fraction(row.bound("truncation")))
    absolute = ball(Fraction(row.bound("absolute")))
    gain = ball(Fraction(2) ** row.whole("gain"))
    claim, zero, order = tau / gain, None, 0
    if row["slope"]:
        zero, order = row["center"], 1
        scale = ball(Fraction(2) ** row.whole("scale"))
        near = ball(plan.fmt.spacing(zero))
        claim = (tau * scale + absolute / near) / gain
    judge = Judge(
        target,
        row_formula(row),
        len(row.raw("rest")) - 1,
        claim,
        plan.fmt.spacing,
        zero,
        order,
    )
    judge.over(row["low"], row["high"])


def center_gap(row: Piece, target: Target) -> float | None:
    """|row - f| at the center of a row about a zero, a float of its own.

    There a row whose zero is next to the center is better than it claims.
    """
    if row.kind != "row" or not row["slope"]:
        return None
    c = row["center"]
    before = ctx.prec, ctx.cap
    try:
        ctx.prec, ctx.cap = 256, 2 + target.order
        chart = regular_chart(c, c, c, 2 + target.order)
        gap = chart.add(
            chart.evaluate(row_formula(row)),
            scaled(chart, target.on(chart), -1),
        ).plain
        if gap.v:
            return None
        return float(abs(gap.p.coeffs()[0]).upper()) if gap.p.coeffs() else 0.0
    except Unknown:
        return None
    finally:
        ctx.prec, ctx.cap = before


def check_log_row(plan: Plan, row: Piece, target: Target) -> None:
    """In z; a little beyond the seams, since z is computed."""
    point, side = row.raw("point"), row.whole("side")
    at = None if point is None else exact(point)
    moved = LogTarget(
        in_z(target.node, at, side),
        target.order,
        target.sign,
        side,
        row.whole("power"),
        row.whole("shift"),
    )
    tau = ball(Fraction(row.bound("truncation")))
    claim = tau / ball(Fraction(2) ** row.whole("gain"))
    degree = len(row.raw("rest")) - 1
    step = margin_in_z(plan.fmt.precision)
    judge = Judge(moved, row_formula(row), degree, claim, plan.fmt.spacing)
    judge.over(row["low"] - step, row["high"] + step)


def check_power(plan: Plan, power: Piece, target: Target) -> None:
    """A polynomial times a power of the distance from a zero."""
    formula, zero = power_formula(power)
    order = power.whole("order")
    claim = ball(Fraction(truncation_of_power(power, plan.fmt)))
    claim /= ball(Fraction(2) ** power.gain)
    judge = Judge(
        target,
        formula,
        len(power.raw("rest")) + order,
        claim,
        lambda _: _nearest(plan, power),
        zero,
        order,
    )
    judge.over(power["low"], power["high"])


def _nearest(plan: Plan, power: Piece) -> Fraction:
    """The least distance of a float from the zero, if it is none."""
    offset = abs(sum(power.numbers("offset"), Fraction(0)))
    return offset or plan.fmt.spacing(power["center"])
