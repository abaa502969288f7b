"""Rows between the pieces that are fixed, on one grid where that is possible.

On a grid the row of an input is found by one multiplication, and rows that
are narrower than they need be have a lower degree: fewer numbers to gather.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from ..analysis.work import Work
from ..numbers.floats import floor_log2
from .lookup import FEW
from .march import attempt
from .march import march
from .powers import PowerRow
from .rows import Row

# Of a grid, where rows allow it: half as many cost one degree more, twice as
# many no longer fit a first-level cache beside another function's.
BINS, MOST_BINS = 64, 512

Piece = Row | PowerRow


def lay(
    work: Work, fixed: Sequence[Piece], start: Fraction, stop: Fraction
) -> list[Piece]:
    """All pieces of [start, stop], in order: those given and the others.

    Args:
        fixed: pieces about special points and zeros, in order.
    """
    marched = [
        row for a, b in _gaps(fixed, start, stop) for row in march(work, a, b)
    ]
    pieces = sorted([*fixed, *marched], key=lambda p: p.low)
    if not marched or sum(isinstance(p, Row) for p in pieces) <= FEW:
        return pieces
    width = min(r.high - r.low for r in marched)
    unit = Fraction(2) ** floor_log2(width)
    while (stop - start) / unit < BINS:
        unit /= 2
    while (stop - start) / unit <= MOST_BINS:
        found = _on_grid(work, fixed, start, stop, unit)
        if found is not None:
            return found
        unit /= 2
    return pieces


def _gaps(
    fixed: Sequence[Piece], start: Fraction, stop: Fraction
) -> list[tuple[Fraction, Fraction]]:
    """What the pieces leave of [start, stop]."""
    edges = [start]
    for piece in fixed:
        edges += [piece.low, piece.high]
    edges.append(stop)
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [(a, b) for a, b in pairs if a < b]


def _on_grid(
    work: Work,
    fixed: Sequence[Piece],
    start: Fraction,
    stop: Fraction,
    unit: Fraction,
) -> list[Piece] | None:
    """The same with all seams multiples of `unit`; None if it is too coarse.

    A piece that is cut shorter keeps its bound, which held on all of it.
    """
    kinks = [p.high for p, q in pairwise(fixed) if p.high == q.low]
    if any(k % unit for k in kinks):  # these seams must stay
        return None
    pieces: list[Piece] = []
    for piece in fixed:
        low, high = piece.low, piece.high
        low = low if low == start else -(-low // unit) * unit
        high = high if high == stop else high // unit * unit
        if not low <= piece.center <= high or low >= high:
            return None
        pieces.append(replace(piece, low=low, high=high))
    rows: list[Piece] = []
    for a, b in _gaps(pieces, start, stop):
        while a < b:
            end = min((a // unit + 1) * unit, b)
            row, _ = attempt(work, a, end)
            if row is None:
                return None
            rows.append(row)
            a = end
    return sorted([*pieces, *rows], key=lambda p: p.low)
