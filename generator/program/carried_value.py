"""What is known of one value that may be carried in a pair of floats."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .spans import Array
from .spans import Real
from .spans import Span

GROWN = 1 + Real(2) ** -55  # of a bound, for its own roundings


@dataclass(frozen=True)
class Carried:
    """What is known of one value in each box.

    Attributes:
        exact: encloses the value in exact arithmetic.
        error: at least |head + tail - exact|.
        tail: at least |tail|; None for one float.
        grid: the value is a multiple of 2**grid, where it is one float.
        before: the error before the last rounding.
        factor: the power of two that it was multiplied by at last, which
            graphs may multiply something else by.
    """

    exact: Span
    error: Array
    tail: Array | None = None
    grid: Array | None = None
    before: Array | None = None
    factor: Fraction | None = None

    @property
    def low_part(self) -> Array:
        """|tail|, at most."""
        return Real(0) * self.error if self.tail is None else self.tail

    @property
    def size(self) -> Array:
        """Of the head, at most."""
        return (self.exact.size + self.error + self.low_part) * GROWN

    @property
    def least(self) -> Array:
        """Of the head, at least; not positive where it may be 0."""
        off = (self.error + self.low_part) * GROWN
        least = self.exact.least
        made = np.where(off > 0, least / GROWN - off, least)
        return np.nan_to_num(made, nan=-1.0)
