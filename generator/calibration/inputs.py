"""Which inputs: every float of the range, or many and the hard ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_stablef._dtypes import scalar
from keras_stablef.verification.inputs import range_of

BLOCK = 2**20  # inputs at a time; compilers see one shape
SAMPLES = 2**20  # of a function that is not tried exhaustively
UNSIGNED = {2: np.uint16, 4: np.uint32}


def spans(name: str, dtype: str) -> list[tuple[int, int]]:
    """Bit patterns [first, last] of the function's range, by sign."""
    kind = scalar(dtype)
    unsigned = UNSIGNED[np.dtype(kind).itemsize]
    low, high = (
        int(np.array(end).astype(kind).view(unsigned))
        for end in range_of(name, dtype)
    )
    sign = 1 << (8 * np.dtype(kind).itemsize - 1)
    if low >= sign:  # a negative end: -0 up to it, then 0 up to `high`
        return [(0, high), (sign, low)]
    return [(low, high)]


def count(name: str, dtype: str) -> int:
    """How many inputs `blocks` gives."""
    return sum(last - first + 1 for first, last in spans(name, dtype))


def blocks(name: str, dtype: str) -> Iterator[np.ndarray]:
    """All floats of the range, `BLOCK` at a time, the last ones repeated."""
    kind = scalar(dtype)
    unsigned = UNSIGNED[np.dtype(kind).itemsize]
    for first, last in spans(name, dtype):
        size = min(BLOCK, 2 ** (8 * np.dtype(kind).itemsize - 2))
        for start in range(first, last + 1, size):
            bits = np.arange(start, start + size, dtype=np.int64)
            yield np.minimum(bits, last).astype(unsigned).view(kind)


def middles(dtype: str) -> np.ndarray:
    """For rounding float32 to 16 bits: where a monotone rounding is decided.

    Every 16-bit float, the middle between it and the next, and the float32
    on either side of both.
    """
    kind = scalar(dtype)
    bits = np.arange(2**16, dtype=np.uint16)
    values = bits.view(kind).astype(np.float32)
    with np.errstate(all="ignore"):
        values = values[np.isfinite(values)]
        ordered = np.unique(values)
        between = ordered[:-1] / 2 + ordered[1:] / 2
    places = np.concatenate([ordered, between])
    steps = np.array([-1, 0, 1], np.int32)
    found = (places.view(np.int32)[:, None] + steps).ravel().view(np.float32)
    tiny = np.finfo(np.float32).tiny  # XLA reads subnormal inputs as 0
    return found[np.isfinite(found) & ((found == 0) | (abs(found) >= tiny))]
