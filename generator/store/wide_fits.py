"""What is taken for granted of a twin in float64 that was read, as a check."""

from __future__ import annotations

import math
from fractions import Fraction

from ..numbers.floats import FloatFormat
from ..pieces.powers import MAX_ORDER
from ..pieces.wide import Near
from ..pieces.wide import Wide
from .program_fits import check_program
from .program_fits import check_single
from .program_fits import need

MOST_PLACES = 16
MOST_COEFFICIENTS = 64
MOST_ENDS = 4


def check_wide(wide: Wide, fmt: FloatFormat) -> None:
    """
    Raises:
        StoredPlanError: it cannot be rendered as it is.
    """
    need(0.5 <= wide.ulp <= 2.0**fmt.precision, "a bound", "0.5 on", wide.ulp)
    need(wide.low < wide.high, "an interval", "low < high", wide.low)
    count = len(wide.programs)
    need(count in (1, 2), "programs", "one or two", count)
    need(len(wide.formulas) == count, "formulas", f"{count}", wide.formulas)
    for program in wide.programs:
        check_program(program, check_single)
    need(len(wide.near) <= MOST_PLACES, "places", "few", len(wide.near))
    for piece in wide.near:
        _check_near(piece)
    need(len(wide.ends) <= MOST_ENDS, "ends", "few", len(wide.ends))
    for end in wide.ends:
        need(end.side in (-1, 1), "a side", "1 or -1", end.side)
        held = fmt.holds(end.bound)
        need(held, "an end", f"a number of {fmt.name}", end.bound)
        need(not math.isnan(end.limit), "a limit", "a number", end.limit)


def _check_near(piece: Near) -> None:
    need(piece.radius > 0, "a radius", "above 0", piece.radius)
    need(0 <= piece.zero <= MAX_ORDER, "a zero", "few", piece.zero)
    need(piece.step in (1, 2), "a step", "1 or 2", piece.step)
    few = 0 < len(piece.coefficients) <= MOST_COEFFICIENTS
    need(few, "coefficients", "some", len(piece.coefficients))
    for value in (piece.center, piece.radius, *piece.coefficients):
        held = Fraction(float(value)) == value
        need(held, "a number", "one of float64", value)
