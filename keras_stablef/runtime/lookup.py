"""How the row of an input is found: by a grid, or by bisection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops
from keras.config import backend


def entries(values: Sequence[float], i: Any, dtype: str) -> Any:
    """values[i], elementwise.  Error: none."""
    if backend() != "torch":
        return ops.take(ops.convert_to_tensor(values, dtype=dtype), i)
    # Of a vector Keras squeezes what it has taken, which ONNX refuses.
    column = ops.convert_to_tensor([[v] for v in values], dtype=dtype)
    return ops.take(column, i, axis=0)[..., 0]


class Grid:
    """Seams on a grid: bin floor(t * scale) - first belongs to a row."""

    def __init__(self, scale: float, first: int, counts: Sequence[int]) -> None:
        self.scale, self.first = scale, first
        self.rows = [row for row, n in enumerate(counts) for _ in range(n)]


def find_row(
    t: Any,
    seams: Grid | Sequence[float],
    table: Sequence[Sequence[float]],
    dtype: str,
) -> list[Any]:
    """The columns of a table at the interval that t lies in.

    Error: none: scale is a power of two, so t * scale is exact, and so is
    its integer below, for |t * scale| < 2**31; a comparison is exact.  An nan
    gets some row.
    """
    if isinstance(seams, Grid):
        # keras.ops.floor makes float32 of float64 here and there: by hand.
        exact = t * seams.scale
        i = ops.cast(exact, "int32")
        if seams.first < 0:
            down = exact < ops.cast(i, dtype)
            i = i - ops.cast(down, "int32")
        i = i - seams.first
        i = ops.clip(i, 0, len(seams.rows) - 1)  # t may be nan
        i = entries(seams.rows, i, "int32")
    else:
        i = ops.zeros_like(t, dtype="int32")
        step = 1
        while step <= len(seams):
            step *= 2
        padded = list(seams) + [float("inf")] * (step - len(seams))
        while step > 1:  # how many seams are <= t
            step //= 2
            above = t >= entries(padded, i + (step - 1), dtype)
            i = i + step * ops.cast(above, "int32")
    if backend() == "torch":  # one gather of rows: half the time in eager
        row = ops.take(ops.convert_to_tensor(table, dtype=dtype), i, axis=0)
        return [row[..., k] for k in range(len(table[0]))]
    # XLA repeats a gather of rows for each of their columns.
    return [entries(column, i, dtype) for column in zip(*table, strict=True)]
