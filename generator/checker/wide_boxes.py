"""Boxes of floats that cover a dtype, finer where those before had to be."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

import numpy as np

from .claims import Format
from .claims import exponent_of
from .wide_grammar import KINDS

PER_BINADE, NEAR_ONE = 4, 24  # boxes; one each further from 1
MOST_HALVINGS = 24  # down to single floats


class Boxes:
    """From one number that decides, or power of two, to before the next."""

    def __init__(self, fmt: Format, numbers: set[float]) -> None:
        self.fmt, self.kind = fmt, KINDS[fmt.name]
        self.numbers = numbers
        self.most, self.least = 0, MOST_HALVINGS

    def judged(self, halvings: int) -> None:
        """Says how many halvings a part of the box at hand needed."""
        self.most = max(self.most, halvings)
        self.least = min(self.least, halvings)

    def __iter__(self) -> Iterator[tuple[Fraction, Fraction]]:
        level = 0
        for low, high in self._whole():
            self.most, self.least = 0, MOST_HALVINGS
            a, parts = low, 2**level
            for k in range(1, parts + 1):
                b = high if k == parts else self.float(low, high, k, parts)
                if b is not None and a <= b:
                    yield a, b
                    a = self.next(b, 1)
            assert a > high or a == b == high  # all floats were in one
            if low < high:
                # By what all parts needed: next to an edge it may be many.
                level += self.least if self.most else -bool(level)

    def float(
        self, low: Fraction, high: Fraction, k: int = 1, parts: int = 2
    ) -> Fraction | None:
        """The float next to low + (high - low) k / parts."""
        return self._float(low + (high - low) * k / parts)

    def _float(self, value: Fraction) -> Fraction | None:
        with np.errstate(over="ignore"):
            made = float(self.kind(float(value)))
        return None if math.isinf(made) else Fraction(made)

    def next(self, x: Fraction, side: int) -> Fraction:
        """The next float, or x itself if there is none."""
        with np.errstate(over="ignore", under="ignore"):
            made = np.nextafter(self.kind(float(x)), self.kind(side * math.inf))
        return Fraction(float(made)) if np.isfinite(made) else x

    def _whole(self) -> Iterator[tuple[Fraction, Fraction]]:
        last = self.fmt.max_finite
        edges = {-last, last, Fraction(0)}
        for value in self.numbers:
            if math.isfinite(value):
                at = self._float(Fraction(value))
                if at is not None:
                    edges |= {at, self.next(at, 1), self.next(at, -1)}
        for e in range(exponent_of(self.fmt.smallest), self.fmt.emax + 1):
            count = PER_BINADE if abs(e) <= NEAR_ONE else 1
            for k in range(count):
                edge = Fraction(2) ** e * (1 + Fraction(k, count))
                edges |= {edge, -edge}
        ends = sorted(e for e in edges if -last <= e <= last)
        assert all(self._float(e) == e for e in ends)
        # Numbers that decide have their neighbours beside them.
        for a, b in pairwise(ends):
            yield a, self.next(b, -1)
        yield ends[-1], ends[-1]
