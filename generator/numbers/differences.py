"""Where a difference of floats is exact: Sterbenz's lemma.

t - c is a float for all floats c/2 <= t <= 2 c (Sterbenz, *Floating-Point
Computation*, 1974, section 4.3; Higham, *Accuracy and Stability*, theorem
2.5).  Whoever takes a difference as exact asks here first.
"""

from __future__ import annotations

from fractions import Fraction

from .floats import floor_log2


def exact_step(center: Fraction, low: Fraction, high: Fraction) -> bool:
    """Whether t - center is exact for every float t of the interval.

    Sterbenz: it is where center / 2 <= t <= 2 * center.
    """
    if center == 0:
        return True
    ends = (low / center, high / center)
    return min(ends) >= Fraction(1, 2) and max(ends) <= 2


def exact_reach(point: Fraction, side: int) -> Fraction:
    """How far from a point differences from it are exact; at most 1/2.

    Sterbenz: t - c is exact for c/2 <= t <= 2 c.
    """
    if point == 0:
        return Fraction(1, 2)
    away = (point > 0) == (side > 0)
    octave = Fraction(2) ** floor_log2(abs(point))
    return min(Fraction(1, 2), octave if away else octave / 2)
