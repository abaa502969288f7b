"""Floats in order, as integers: neighbours differ by one.

The order of a non-negative float is its bit pattern; -0 has the order -1,
the float before it -2, and so on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import ml_dtypes
import numpy as np

from ..numbers.floats import FloatFormat

Array = np.ndarray[Any, Any]


def hexadecimal(value: float) -> str:
    """A float exactly, without the zeros that `float.hex` fills up with."""
    return re.sub(r"\.?0*p", "p", float(value).hex())


@dataclass(frozen=True)
class FloatOrder:
    """The order of one format's floats.

    Example:
        >>> order = FloatOrder(FORMATS["float32"])
        >>> order.index(1.0) - order.index(np.nextafter(np.float32(1), 0))
        1
    """

    fmt: FloatFormat

    @cached_property
    def scalar(self) -> np.dtype[Any]:
        """The dtype that holds the format."""
        name = self.fmt.storage
        return np.dtype(getattr(ml_dtypes, name, name))

    @cached_property
    def bits(self) -> int:
        """Of one float."""
        return 8 * self.scalar.itemsize

    @cached_property
    def _whole(self) -> np.dtype[Any]:
        return np.dtype(f"u{self.scalar.itemsize}")

    def floats(self, indices: Array) -> Array:
        """The floats of those orders."""
        sign = np.int64(-(2 ** (self.bits - 1)))
        raw = np.where(indices < 0, ~indices | sign, indices)
        held: Array = raw.astype(self._whole).view(self.scalar)
        return held

    def indices(self, floats: Array) -> Array:
        """The orders of floats."""
        raw = floats.astype(self.scalar).view(f"i{self.scalar.itemsize}")
        wide = raw.astype(np.int64)
        top = np.int64(2 ** (self.bits - 1) - 1)
        return np.where(wide < 0, ~(wide & top), wide)

    def index(self, value: float) -> int:
        """The order of the float nearest to a number, no infinity.

        A number beyond the largest float has the order of that.
        """
        largest = float(self.fmt.max_finite)
        held = min(max(float(value), -largest), largest)
        return int(self.indices(np.array([held]).astype(self.scalar))[0])
