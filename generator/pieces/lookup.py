"""How the row of an input is found: by index where seams lie on a grid.

``floor(t * 2**k)`` is exact, so a grid of 2**-k costs one gather of a small
table of indices; where widths differ too much, bisection costs one gather
for each doubling of the number of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from keras_stablef.runtime.polynomials import FEW

from .rows import Row

MAX_BINS = 2048  # of a grid: 8 KiB, a quarter of a first-level cache


@dataclass(frozen=True)
class Lookup:
    """Seams on a grid of ``2**-k``, or just seams.

    Attributes:
        seams: where one row ends and the next begins.
        k: of the grid.
        first: the number of the first bin, ``floor(low * 2**k)``.
        counts: of bins, row by row; empty where there is no grid.
    """

    seams: tuple[Fraction, ...]
    k: int
    first: int
    counts: tuple[int, ...]


def lookup_of(rows: Sequence[Row]) -> Lookup:
    """The cheapest way to find one of adjoining rows."""
    seams = tuple(r.low for r in rows[1:])
    k = max((s.denominator.bit_length() - 1 for s in seams), default=0)
    scale = Fraction(2) ** k
    first = rows[0].low * scale // 1
    last = -(-rows[-1].high * scale // 1)
    edges = [Fraction(first), *(s * scale for s in seams), Fraction(last + 1)]
    counts = tuple(int(b - a) for a, b in pairwise(edges))
    if sum(counts) > MAX_BINS or len(rows) <= FEW:
        counts = ()
    return Lookup(seams, k, int(first), counts)
