"""What is so little that no claim has to be less."""

from __future__ import annotations

from fractions import Fraction

from .claims import Format
from .claims import Piece

EQUAL_BITS = 40  # what differs by 2**-40 ulp only counts as equal
ZERO_BITS = 24  # the same next to a zero, which is known to two floats


def truncation_of_power(power: Piece, fmt: Format) -> float:
    """Of |polynomial - f| / |d|**m; no claim has to be below 2**-24 ulp.

    d is rounded to two floats, of which the engine makes no word.
    """
    least = abs(power["factor"]) * Fraction(2) ** -(fmt.precision + ZERO_BITS)
    return max(power.bound("truncation"), float(least))
