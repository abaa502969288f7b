"""Rows as the table that the runtime evaluates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from keras_stablef.runtime.lookup import Grid

from ..numbers.formats import FORMATS
from ..pieces.lookup import Lookup
from ..pieces.lookup import lookup_of
from ..pieces.rows import Row
from ..pieces.rows import splitter


@dataclass(frozen=True)
class RowTable:
    """What `keras_stablef.runtime.tables.rows_of` reads of a certificate.

    Attributes:
        lookup: how the row of an input is found.
        lines: center, (scale, gain), lead, (slope), the rest negated.
        divider: of `pairs.split`, where a row has a slope.
        scaled: whether lines have a scale and a gain.
    """

    lookup: Lookup
    lines: tuple[tuple[Fraction, ...], ...]
    divider: int | None
    scaled: bool


def row_table(rows: Sequence[Row], dtype: str) -> RowTable:
    """The table of adjoining rows."""
    # Two at least: a polynomial of degree 0 would be no tensor.
    width = max(2, *(len(r.rest) for r in rows))
    scaled = any(r.scale or r.gain for r in rows)
    split = any(r.slope for r in rows)
    two = Fraction(2)
    lines = []
    for r in rows:
        rest = [*r.rest, *[Fraction(0)] * (width - len(r.rest))]
        line = [r.center]
        line += [two**r.scale, two**-r.gain] if scaled else []
        line += [r.lead, *([r.slope] if split else []), *(-c for c in rest)]
        lines.append(tuple(line))
    divider = splitter(FORMATS[dtype])[0] if split else None
    return RowTable(lookup_of(rows), tuple(lines), divider, scaled)


def evaluated(table: RowTable) -> tuple[Any, ...]:
    """The table in floats, as the runtime takes it."""
    found = table.lookup
    seams: Any = tuple(map(float, found.seams))
    if found.counts:
        seams = Grid(2.0**found.k, found.first, found.counts)
    lines = tuple(tuple(map(float, line)) for line in table.lines)
    return seams, lines, table.divider, table.scaled
