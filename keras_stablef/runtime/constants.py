"""Constants and clips of one dtype."""

from __future__ import annotations

from typing import Any

from keras import ops


def constant(value: float, dtype: str) -> Any:
    """A constant of the dtype itself; torch would make it a float32.

    Error: none, for a value that the dtype holds.
    """
    return ops.convert_to_tensor(value, dtype=dtype)


def clamp(t: Any, low: float, high: float, dtype: str) -> Any:
    """t where low <= t <= high, else the nearer end; nan stays nan.

    Error: none.  For ends that float32 does not hold: keras.ops.clip would
    round them to it on torch (Keras 3.15).
    """
    t = ops.where(t < constant(low, dtype), constant(low, dtype), t)
    return ops.where(t > constant(high, dtype), constant(high, dtype), t)


def fixed(p: Any, dtype: str) -> Any:
    """A rounded product, out of sight of fused multiply-add.

    XLA contracts a * b - c to an exact a * b where it likes, and p is used
    again as the rounded one; it does not look through a clip.

    Error: none, where |p| is finite.
    """
    last = {"float32": 3.4028235e38, "float64": 1.79e308}[dtype]
    return ops.clip(p, -last, last)
