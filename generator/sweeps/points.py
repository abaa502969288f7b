"""Which inputs are swept: all, or a sample and every seam's neighbourhood.

Inputs are kept as ranges of orders (`floats`), so that neighbourhoods that
overlap are merged, and a set of 2**32 inputs is a few numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..numbers.floats import FloatFormat
from .floats import Array
from .floats import FloatOrder

# Beyond 2**64 and below 2**-64 f is its first term or an exponential: there
# a few neighbours in every binade.
CENTRAL, FAR_CLUSTER, FAR_CLUSTERS = 64, 16, 2
CLUSTER = 512  # neighbours in the sample of float64: one expansion
PIECE = 2**24  # inputs of one unit of work

Range = tuple[int, int]


@dataclass(frozen=True)
class Budget:
    """How many inputs.

    Attributes:
        sample: over all binades.
        reach: floats on either side of a seam.
        most_near: where seams are many, their neighbourhoods shrink to
            this many inputs together.
    """

    sample: int
    reach: int
    most_near: int


# By the bits of the format; float64 is judged at a microsecond an input.
FULL = {32: Budget(2**24, 2**16, 2**32), 64: Budget(2**22, 2**16, 2**22)}
QUICK = {32: Budget(2**16, 2**8, 2**16), 64: Budget(2**14, 2**8, 2**12)}
GPU = Budget(2**26, 2**16, 2**32)
# Of the float64 plan that serves as a reference: 10**5 and more.
CHECK = Budget(2**16, 2**12, 2**17)


@dataclass(frozen=True)
class Stratum:
    """`count` groups of `width` neighbours, evenly over ``low <= i < high``."""

    low: int
    high: int
    count: int
    width: int

    def starts(self, first: int, last: int) -> Array:
        """Where groups first, ..., last - 1 begin.

        Each somewhere in its part of the range, by a hash (Weyl sequence):
        with a fixed step the last bits of all inputs would agree.
        """
        k = np.arange(first, last, dtype=np.float64)
        shift = (k * 0.6180339887498949) % 1.0
        step = (self.high - self.low) / self.count
        return self.low + ((k + shift) * step).astype(np.int64)


@dataclass(frozen=True)
class Piece:
    """Inputs first, ..., last - 1 of the near ones, or groups of a stratum."""

    stratum: Stratum | None
    first: int
    last: int

    @property
    def size(self) -> int:
        width = 1 if self.stratum is None else self.stratum.width
        return (self.last - self.first) * width


@dataclass(frozen=True)
class Points:
    """Inputs of one function, order and format.

    Attributes:
        order: of the floats.
        near: disjoint ranges of orders, all of which are swept.
        strata: the sample.
        exhaustive: whether `near` is every bit pattern.
    """

    order: FloatOrder
    near: tuple[Range, ...]
    strata: tuple[Stratum, ...]
    exhaustive: bool

    def pieces(self) -> list[Piece]:
        """The whole in pieces of about `PIECE` inputs."""
        total = sum(b - a for a, b in self.near)
        pieces = [
            Piece(None, a, min(a + PIECE, total))
            for a in range(0, total, PIECE)
        ]
        for stratum in self.strata:
            most = PIECE // stratum.width
            pieces += [
                Piece(stratum, a, min(a + most, stratum.count))
                for a in range(0, stratum.count, most)
            ]
        return pieces

    def batches(self, piece: Piece, size: int) -> Iterator[Array]:
        """The orders of a piece's inputs, at most about `size` at a time.

        A batch of the sample is one row for each group; rows may be cut
        short by the end of the domain.
        """
        if piece.stratum is None:
            edges = np.cumsum([0, *(b - a for a, b in self.near)])
            begins = np.array([a for a, _ in self.near])
            for first in range(piece.first, piece.last, size):
                at = np.arange(first, min(first + size, piece.last))
                which = np.searchsorted(edges, at, side="right") - 1
                yield begins[which] + (at - edges[which])
            return
        stratum = piece.stratum
        groups = max(1, size // stratum.width)
        for first in range(piece.first, piece.last, groups):
            starts = stratum.starts(first, min(first + groups, piece.last))
            found = (starts[:, None] + np.arange(stratum.width)).ravel()
            yield found[(found < stratum.high) & ~self._is_near(found)]

    def _is_near(self, indices: Array) -> Array:
        """Those that are swept already."""
        if not self.near:
            return np.zeros(indices.shape, bool)
        begins = np.array([a for a, _ in self.near])
        ends = np.array([b for _, b in self.near])
        which = np.searchsorted(begins, indices, side="right") - 1
        return (which >= 0) & (indices < ends[which])


def points(
    fmt: FloatFormat,
    domain: tuple[float, float],
    places: Sequence[Fraction],
    budget: Budget | None,
) -> Points:
    """The inputs for a function with that open domain and those seams.

    Args:
        budget: None is every bit pattern, outside the domain too; formats
            of 16 bits and fewer always are.
    """
    order = FloatOrder(fmt)
    if order.bits <= 16 or budget is None:
        half = 2 ** (order.bits - 1)
        return Points(order, ((-half, half),), (), True)
    low = order.index(domain[0]) + (domain[0] > -np.inf)
    high = order.index(domain[1]) + (domain[1] == np.inf)
    # Next to 0 are subnormals, which may be read as 0: the first normal too.
    normal = fmt.smallest_normal
    special = [Fraction(n) for n in (-1, 0, 1)] + [normal, -normal]
    ends = [Fraction(end) for end in domain if np.isfinite(end)]
    wanted = {order.index(_float(p)) for p in (*places, *special, *ends)}
    reach = min(budget.reach, budget.most_near // (2 * len(wanted)))
    reach = max(reach, 4)
    near = _merged(
        (max(i - reach, low), min(i + reach + 1, high)) for i in wanted
    )
    if order.bits == 32:
        strata = [Stratum(low, high, budget.sample, 1)]
    else:
        strata = _strata(order, low, high, budget.sample)
    return Points(order, near, tuple(strata), False)


def _float(place: Fraction) -> float:
    try:
        return float(place)
    except OverflowError:
        return float("inf") if place > 0 else float("-inf")


def _merged(ranges: Iterable[Range]) -> tuple[Range, ...]:
    merged: list[Range] = []
    for a, b in sorted(ranges):
        if merged and a <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(b, merged[-1][1]))
        elif a < b:
            merged.append((a, b))
    return tuple(merged)


def _strata(
    order: FloatOrder, low: int, high: int, sample: int
) -> list[Stratum]:
    """The central binades in wide groups, the outer ones in narrow ones."""
    small, large = (order.index(2.0**e) for e in (-CENTRAL, CENTRAL))
    top, least = (
        order.index(np.inf),
        order.index(float(order.fmt.smallest_normal)),
    )
    central = [(-large, -small), (small, large)]
    outer = [(-top, -large), (-small, -least), (least, small), (large, top)]

    def inside(ranges: list[Range]) -> list[Range]:
        cut = [(max(a, low), min(b, high)) for a, b in ranges]
        return [(a, b) for a, b in cut if a < b]

    kept = inside(central)
    total = sum(b - a for a, b in kept)
    strata = []
    for a, b in kept:
        count = max(1, sample // CLUSTER * (b - a) // total)
        strata.append(Stratum(a, b, count, CLUSTER))
    per = 2 ** (order.fmt.precision - 1)  # floats of a binade
    for a, b in inside(outer):
        # No more than half of a small sample.
        count = min(FAR_CLUSTERS * (b - a) // per, sample // (8 * FAR_CLUSTER))
        strata.append(Stratum(a, b, max(1, count), FAR_CLUSTER))
    return strata
