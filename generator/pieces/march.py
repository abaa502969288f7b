"""Regular rows over an interval on which f is analytic and not 0."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

from flint import arb
from flint import ctx

from ..analysis.work import Work
from ..analysis.work import local
from ..analysis.work import shown
from ..errors import NotProvedError
from ..errors import NotRealError
from ..limits import reached
from ..limits import stage
from ..numbers.floats import FloatFormat
from ..numbers.floats import floor_log2
from ..numbers.floats import to_arb
from .powers import PowerRow
from .rows import Row
from .rows import make_row

SMALLEST = Fraction(1, 2**22)  # relative width of a row that is given up
MAX_ROWS = 4096  # of one stretch
BEYOND = 10  # log(t) is off by 2**(10 - p) at most, where |log t| < 2**10
TRIED = 64  # rows after which their number is estimated


def snapped(value: Fraction, width: Fraction, up: bool) -> Fraction:
    """On a coarse grid, so that every format has it."""
    unit = Fraction(2) ** (floor_log2(width) - 4)
    steps = value / unit
    return (-(-steps // 1) if up else steps // 1) * unit


def march(
    work: Work, a: Fraction, b: Fraction, most: int | None = None
) -> list[Row]:
    """Regular rows from a to b, each about as wide as it can be.

    Args:
        most: how many to make, all of them by default.
    """
    rows: list[Row] = []
    width = min(b - a, Fraction(1))
    while a < b and (most is None or len(rows) < most):
        row, reason = None, ""
        grown = False
        while row is None:
            end = _next_seam(work, a, b, width)
            row, reason = attempt(work, a, end)
            if row is None:
                width = (end - a) * 5 / 8
                grown = True
                least = SMALLEST * max(abs(a), abs(end)) / 2**6
                if width <= least or end <= _after(work, a):
                    raise NotProvedError(
                        f"{reason} at x = {shown(a)}, on a row "
                        f"{float(width):.2g} wide"
                    )
        while not grown and row.high < b:
            end = _next_seam(work, a, b, (row.high - a) * 3 / 2)
            wider, _ = attempt(work, a, end)
            if wider is None:
                grown = True
            else:
                row = wider
        rows.append(row)
        if len(rows) > MAX_ROWS or (
            len(rows) >= TRIED and _rows_left(row, b) > 16 * MAX_ROWS
        ):
            raise NotProvedError(
                f"a plan of over {MAX_ROWS} rows from x = {shown(a)} on"
            )
        width = (row.high - a) * 9 / 8
        a = row.high
        reached(rows[0].low, a)
    return rows


def _rows_left(row: Row, b: Fraction) -> float:
    """About how many rows are left to b, at this width or at this ratio."""
    count = float((b - row.high) / (row.high - row.low))
    if row.low * b > 0:  # towards infinity, or away from a singular point
        growth = abs(math.log(row.high / row.low))
        count = min(count, abs(math.log(b / row.high)) / growth)
    return count


def _next_seam(
    work: Work, a: Fraction, b: Fraction, width: Fraction
) -> Fraction:
    """A float: inputs are compared with it."""
    end = work.fmt.round(snapped(a + width, width, False))
    end = max(end, _after(work, a))
    # No sliver is left over.
    return b if end >= b - (b - a) / 2**20 else end


def _after(work: Work, a: Fraction) -> Fraction:
    """The next float above."""
    return work.fmt.up(a + work.fmt.smallest_subnormal / 2)


def is_held(piece: Row | PowerRow, fmt: FloatFormat) -> bool:
    """Whether all its numbers are finite ones of the format.

    Where f itself is beyond the format they are not, and what is computed
    from an infinity is nan.
    """
    lead = piece.lead if isinstance(piece, Row) else piece.factor
    slope = piece.slope if isinstance(piece, Row) else lead
    return all(fmt.holds(c) for c in (piece.center, lead, slope, *piece.rest))


def attempt(
    work: Work, low: Fraction, high: Fraction
) -> tuple[Row | None, str]:
    """The row over [low, high], or why there is none."""
    stage("local polynomials", low)
    work.check_time()
    center = work.fmt.round((low + high) / 2)
    # A variable that is computed may lie on the other side of a seam.
    beyond = Fraction(2) ** (BEYOND - work.fmt.precision) if work.blur else 0
    wide = low - beyond, high + beyond
    reach = to_arb(max(center - wide[0], wide[1] - center))
    reach *= 1 + arb((1, -30))
    try:
        with ctx.workprec(work.bits):
            series = local(work, center, reach, 0)
            row = make_row(
                series,
                center,
                *wide,
                work.fmt,
                work.degree,
                False,
                work.blur,
            )
    except (NotProvedError, NotRealError) as error:
        return None, str(error)
    if not is_held(row, work.fmt):
        return None, f"numbers beyond {work.fmt.name}"
    if row.ulp > work.goal:
        return None, f"{row.ulp:.3g} ulp"
    return replace(row, low=low, high=high), ""
