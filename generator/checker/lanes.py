"""The whole float line as lanes: intervals of inputs with their owners.

Every threshold of the plan divides the line; between two of them one piece
owns the inputs, the one that the body selects last.  What no piece owns is
a gap in the cover.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from .claims import Format
from .claims import Piece
from .claims import Plan
from .claims import exact
from .logrows import MARGIN
from .logrows import seam

ROW_CELLS = 24  # of a row away from zeros
OCTAVE_CELLS = 6  # of an octave of the distance from a zero
LOG_CELLS = 16  # the same where rows are in log t
END_CELLS = 2  # of an octave at an end: little changes, worst are divided
TURN = 2.0**-13  # half a lane about 2**(n + 1/2), relatively
FEW = 1024  # lanes that are no dearer than one
POINTS = 64  # floats next to a zero that are lanes of their own


@dataclass(frozen=True)
class Span:
    """Inputs low <= t <= high, floats both, and the piece that owns them.

    Attributes:
        limit: whether the piece gives its limit there, a constant.
        margin: whether the row by logarithm next to it may be taken too.
    """

    low: float
    high: float
    owner: int
    limit: bool = False
    margin: bool = False


@dataclass(frozen=True)
class Reach:
    """Where a piece would be selected, and how much it overrides."""

    low: Fraction | None
    high: Fraction | None
    rank: int


def reach_of(piece: Piece, fmt: Format) -> Reach:
    """The interval of t, low <= t < high, where a piece may be selected."""
    if piece.kind in ("row", "power"):
        rank = 0 if piece.kind == "row" else 1
        return Reach(piece["low"], piece["high"], rank)
    side = piece.whole("side")
    if piece.kind == "closed":
        low, high = piece["low"], piece["high"]
        if side > 0:
            return Reach(low, after(high, fmt), 2)
        return Reach(-high, after(-low, fmt), 2)
    point, bound = piece.raw("point"), piece["bound"]
    if piece.kind == "logrow":
        return _log_reach(piece, fmt)
    if point is None:  # d >= bound
        if side > 0:
            return Reach(bound, None, 3)
        return Reach(None, after(-bound, fmt), 3)
    at = exact(point)  # d < bound
    if side > 0:
        return Reach(at, at + bound, 3)
    return Reach(after(at - bound, fmt), after(at, fmt), 3)


def _log_reach(row: Piece, fmt: Format) -> Reach:
    """The distances of a row in log d; a seam is put on a float."""
    i, side, point = row.whole("index"), row.whole("side"), row.raw("point")
    first, last = i == 0, i == row.whole("count") - 1
    at = Fraction(0) if point is None else exact(point)
    low: Fraction | None = row["bound"] if point is None else Fraction(0)
    high: Fraction | None = None if point is None else row["bound"]
    if not first:
        low = Fraction(first_float(seam(row["low"]), fmt))
    if not last:
        high = Fraction(first_float(seam(row["high"]), fmt))
    if side > 0:
        return Reach(
            None if low is None else at + low,
            None if high is None else at + high,
            3,
        )
    # d >= low is t <= at - low.
    return Reach(
        None if high is None else after(at - high, fmt),
        None if low is None else after(at - low, fmt),
        3,
    )


def with_margins(plan: Plan, line: list[Span]) -> list[Span]:
    """Next to the seam of two rows by logarithm both are looked at."""
    made: list[Span] = []
    for i, span in enumerate(line):
        if plan.pieces[span.owner].kind != "logrow" or span.limit:
            made.append(span)
            continue
        low, high = (int(ordinals(v, plan.fmt)) for v in (span.low, span.high))
        inner = [low, high]
        for k, step in ((0, -1), (1, 1)):
            if not 0 <= i + step < len(line):
                continue
            other = line[i + step].owner
            if other == span.owner or plan.pieces[other].kind != "logrow":
                continue
            edge = Fraction((span.low, span.high)[k])
            point = plan.pieces[other].raw("point")
            away = abs(edge - (0 if point is None else exact(point)))
            width = away * MARGIN * Fraction(2) ** (1 - plan.fmt.precision)
            inward = float(edge - step * width)
            n = int(ordinals(inward, plan.fmt)) - step  # one float more
            n = min(max(n, low), high)
            inner[k] = n - step
            a, b = sorted((float(edge), _float(n, plan.fmt)))
            made += [
                Span(a, b, span.owner, False, True),
                Span(a, b, other, False, True),
            ]
        if inner[0] <= inner[1]:
            a, b = (_float(e, plan.fmt) for e in inner)
            made.append(Span(a, b, span.owner))
    return made


def _float(n: int, fmt: Format) -> float:
    return float(from_ordinals(np.array(n), fmt))


def spans(plan: Plan) -> tuple[list[Span], list[str]]:
    """Spans that cover the domain in t, and what is wrong with the cover."""
    fmt = plan.fmt
    reaches = [reach_of(p, fmt) for p in plan.pieces]
    top = fmt.max_finite
    first = -top if plan.low is None else plan.low
    first = Fraction(0) if plan.parity else first
    last = top if plan.high is None else plan.high
    edges = {first, last}
    for r in reaches:
        edges |= {e for e in (r.low, r.high) if e is not None}
    for piece in plan.pieces:
        edges |= set(_inner(piece, fmt))
    # The last row is closed: nothing else begins where it ends.  Without
    # rows one end is all there is up to the end of the domain.
    rows = [r.high for r in reaches if r.rank < 2 and r.high is not None]
    last_row = max(rows) if rows else plan.high
    reaches = [
        Reach(r.low, after(r.high, fmt), r.rank)
        if r.high is not None
        and r.high == last_row
        and (r.rank < 2 or not rows)
        else r
        for r in reaches
    ]
    edges |= {r.high for r in reaches if r.high is not None}
    last = after(last, fmt)
    edges.add(last)
    line = sorted(e for e in edges if first <= e <= last)
    owners = _owners(reaches, line, top)
    made: list[Span] = []
    wrong: list[str] = []
    for i, (a, b) in enumerate(itertools.pairwise(line)):
        lower, upper = first_float(a, fmt), _last(b, fmt, False)
        if lower > upper:
            continue
        if not owners[i]:
            wrong.append(f"nothing covers [{float(a):g}, {float(b):g}]")
            continue
        # Of two ends, or closed forms, the later one is chosen after the other.
        best = max(owners[i], key=lambda k: (reaches[k].rank, k))
        rank = reaches[best].rank
        several = sum(reaches[k].rank == rank for k in owners[i]) > 1
        if several and plan.pieces[best].kind not in ("end", "closed"):
            wrong.append(f"two pieces cover [{float(a):g}, {float(b):g}]")
        past = _past(plan.pieces[best], a, b, fmt)
        made.append(Span(lower, upper, best, past))
    return made, wrong


def _owners(
    reaches: list[Reach], line: list[Fraction], top: Fraction
) -> list[list[int]]:
    """The pieces that hold each interval between thresholds."""
    place = {edge: i for i, edge in enumerate(line)}
    owners: list[list[int]] = [[] for _ in line]
    for k, reach in enumerate(reaches):
        low = -top if reach.low is None else reach.low
        high = 2 * top if reach.high is None else reach.high
        start = 0 if low < line[0] else place.get(low, len(line))
        stop = len(line) - 1 if high >= line[-1] else place.get(high, 0)
        for i in range(start, min(stop, len(line) - 1)):
            owners[i].append(k)
    return owners


def _past(piece: Piece, low: Fraction, high: Fraction, fmt: Format) -> bool:
    """Whether an end gives its limit for low <= t < high."""
    if piece.kind not in ("end", "logrow"):
        return False
    (edge,) = _inner(piece, fmt)
    outwards = piece.whole("side") * (1 if piece.raw("point") is None else -1)
    return low >= edge if outwards > 0 else high <= edge


def _inner(piece: Piece, fmt: Format) -> list[Fraction]:
    """Thresholds inside a piece."""
    if piece.kind == "power":
        center, edges = piece["center"], piece.numbers("edges")
        around = [sign * edge for sign in (1, -1) for edge in edges]
        return sorted([center, *(center + step for step in around)])
    if piece.kind == "row" and piece["slope"]:
        return [piece["center"]]
    if piece.kind in ("end", "logrow"):
        side, cut, point = piece.whole("side"), piece["cut"], piece.raw("point")
        if point is None:  # the limit is taken where d > cut
            return [after(cut, fmt) if side > 0 else -cut]
        at = exact(point)  # where d <= cut
        return [after(at + cut, fmt) if side > 0 else at - cut]
    return []


def after(value: Fraction, fmt: Format) -> Fraction:
    """The next float above."""
    if value >= fmt.max_finite:
        return 2 * fmt.max_finite
    n = int(ordinals(first_float(value, fmt), fmt))
    return _at(n + 1, fmt) if _at(n, fmt) == value else _at(n, fmt)


def first_float(value: Fraction, fmt: Format) -> float:
    """The least float that is not below."""
    n = int(ordinals(float(value), fmt))
    while _at(n, fmt) < value:
        n += 1
    while n > -_top(fmt) and _at(n - 1, fmt) >= value:
        n -= 1
    return float(from_ordinals(np.array(n), fmt))


def _last(value: Fraction, fmt: Format, closed: bool) -> float:
    """The largest float below, or not above."""
    if value > fmt.max_finite:
        return float(fmt.max_finite)
    n = int(ordinals(float(value), fmt))
    while n < _top(fmt) and _at(n + 1, fmt) <= value:
        n += 1
    while _at(n, fmt) > value or (not closed and _at(n, fmt) == value):
        n -= 1
    return float(from_ordinals(np.array(n), fmt))


def before(value: float, fmt: Format) -> float:
    """The float below."""
    n = int(ordinals(value, fmt)) - 1
    return float(from_ordinals(np.array(n), fmt))


def _top(fmt: Format) -> int:
    return int(ordinals(float(fmt.max_finite), fmt))


def _at(n: int, fmt: Format) -> Fraction:
    return Fraction(float(from_ordinals(np.array(n), fmt)))


def span_of(
    low: Fraction, high: Fraction, owner: int, fmt: Format, closed: bool = False
) -> Span:
    """The floats between two numbers; `closed` includes the ends."""
    if closed:
        return Span(first_float(low, fmt), _last(high, fmt, True), owner)
    return Span(
        first_float(after(low, fmt), fmt), _last(high, fmt, False), owner
    )


# -- lanes ----------------------------------------------------------------
@dataclass
class Lanes:
    """Intervals of inputs: arrays of floats, and the owner of each."""

    low: Any
    high: Any
    owner: Any
    margin: Any

    def __len__(self) -> int:
        return len(self.low)

    def chosen(self, which: Any) -> Lanes:
        """Some of them."""
        parts = (self.low, self.high, self.owner, self.margin)
        return Lanes(*(p[which] for p in parts))

    def with_more(self, other: Lanes) -> Lanes:
        """These, and others after them."""
        own = (self.low, self.high, self.owner, self.margin)
        more = (other.low, other.high, other.owner, other.margin)
        pairs = zip(own, more, strict=True)
        return Lanes(*(np.concatenate(p) for p in pairs))

    def divided(self, fmt: Format) -> Lanes:
        """Each in several, or in its floats."""
        parts = max(4, min(FEW // len(self), 256))
        a, b = ordinals(self.low, fmt), ordinals(self.high, fmt)
        low: list[Any] = []
        high: list[Any] = []
        owner: list[Any] = []
        margin: list[Any] = []
        each, left = np.divmod(b - a + 1, parts)  # their product overflows
        for i in range(parts):
            start = a + each * i + left * i // parts
            stop = a + each * (i + 1) + left * (i + 1) // parts - 1
            some = stop >= start
            low.append(from_ordinals(start[some], fmt))
            high.append(from_ordinals(stop[some], fmt))
            owner.append(self.owner[some])
            margin.append(self.margin[some])
        made = (low, high, owner, margin)
        return Lanes(*(np.concatenate(p) for p in made))


def ordinals(x: Any, fmt: Format) -> Any:
    """Floats as integers in the same order."""
    if fmt.name == "float32":
        bits = np.asarray(x, np.float32).view(np.int32).astype(np.int64)
        return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)
    bits = np.asarray(x, np.float64).view(np.int64)
    return np.where(bits < 0, -(bits & 0x7FFFFFFFFFFFFFFF), bits)


def from_ordinals(n: Any, fmt: Format) -> Any:
    """The floats of `ordinals`."""
    if fmt.name == "float32":
        bits = np.where(n < 0, -n | 0x80000000, n).astype(np.uint32)
        return bits.view(np.float32).astype(np.float64)
    sign = np.where(n < 0, np.int64(-(2**63)), np.int64(0))
    return (np.abs(n) | sign).view(np.float64)


def lanes_of(plan: Plan, pieces: list[Span]) -> Lanes:
    """The first division of all spans."""
    low: list[Any] = []
    high: list[Any] = []
    owner: list[Any] = []
    margin: list[Any] = []
    for span in with_margins(plan, pieces):
        a, b = (int(ordinals(v, plan.fmt)) for v in (span.low, span.high))
        piece = plan.pieces[span.owner]
        starts = np.unique(np.array([a, *_cuts(piece, span, a, b, plan.fmt)]))
        starts = starts[(starts >= a) & (starts <= b)]
        ends = np.append(starts[1:] - 1, b)
        low.append(from_ordinals(starts, plan.fmt))
        high.append(from_ordinals(ends, plan.fmt))
        owner.append(np.full(len(starts), span.owner))
        margin.append(np.full(len(starts), span.margin))
    made = (low, high, owner, margin)
    return Lanes(*(np.concatenate(p) for p in made))


def _cuts(piece: Piece, span: Span, a: int, b: int, fmt: Format) -> list[int]:
    """Where lanes begin, as ordinals."""
    base: float | None = None
    if piece.kind == "power" or (piece.kind == "row" and piece["slope"]):
        base = float(piece["center"])
    elif piece.kind in ("end", "logrow"):
        point = piece.raw("point")
        base = 0.0 if point is None else float(exact(point))
    elif piece.kind in ("closed", "program"):
        base = 0.0
    if base is None:
        edges = np.linspace(span.low, span.high, ROW_CELLS + 1)
        return [int(n) for n in ordinals(edges, fmt)]
    cuts = [b]
    origin = int(ordinals(base, fmt))
    cuts += [origin + i for i in range(-POINTS, POINTS + 1)]
    far = max(abs(span.low - base), abs(span.high - base))
    if far == 0:
        return cuts
    least = float(fmt.spacing(Fraction(base)))
    octaves = int(np.log2(far) - np.log2(least)) + 2
    cells = END_CELLS if piece.kind == "end" else OCTAVE_CELLS
    cells = LOG_CELLS if piece.kind == "logrow" else cells
    sizes = far * 2.0 ** (-np.arange(octaves * cells) / cells)
    if base == 0.0:  # powers of two themselves: nothing is rounded beyond
        whole = np.floor(np.log2(far)) - np.arange(octaves)
        sizes = np.concatenate([sizes, np.exp2(np.minimum(whole, 1023))])
    if piece.kind != "power":
        # About 2**(n + 1/2) a rounded logarithm is n or n + 1: lanes so
        # narrow that either will do, |d| 2**-n - sqrt(2) < 0.0002 and the
        # error of log, 8 ulp of 128, below it.
        half = np.floor(np.log2(far)) - np.arange(octaves) + 0.5
        turn = np.exp2(np.minimum(half, 1023))
        sizes = np.concatenate([sizes, turn * (1 - TURN), turn * (1 + TURN)])
    for sign in (-1.0, 1.0):
        with np.errstate(over="ignore"):
            edges = base + sign * sizes
        edges = edges[(edges >= span.low) & (edges <= span.high)]
        cuts += [int(n) for n in ordinals(edges, fmt)]
    return cuts
