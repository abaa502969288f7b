"""Whether the pieces of a plan leave anything of its domain out."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from ..numbers.formats import FORMATS
from .cover import Cover
from .end_kinds import AnyEnd


def gap(cover: Cover) -> tuple[Fraction, Fraction] | None:
    """The first two places between which a float has no piece."""
    fmt = FORMATS[cover.dtype]
    last = fmt.max_finite
    low = -last if cover.low is None else max(fmt.up(cover.low), -last)
    high = last if cover.high is None else min(fmt.down(cover.high), last)
    half = fmt.smallest_subnormal / 2
    first = low  # the least float that no piece so far has
    for start, stop in sorted(_intervals(cover, last)):
        if first > high:
            return None
        if first < start:
            return first, start
        if stop >= first:
            first = last + 1 if stop >= last else fmt.up(stop + half)
    return (first, high) if first <= high else None


def _intervals(
    cover: Cover, last: Fraction
) -> Iterator[tuple[Fraction, Fraction]]:
    for row in cover.rows:
        yield row.low, row.high
    for power in cover.powers:
        yield power.low, power.high
    for form in cover.closed:
        ends = form.low, form.high
        yield ends if form.side > 0 else (-ends[1], -ends[0])
    for end in cover.ends:
        yield _of_end(end, last)


def _of_end(end: AnyEnd, last: Fraction) -> tuple[Fraction, Fraction]:
    if end.point is None:
        return (end.bound, last) if end.side > 0 else (-last, -end.bound)
    inner = end.point + end.side * end.bound
    return (end.point, inner) if end.side > 0 else (inner, end.point)
