"""Constants and clips of one dtype."""

from __future__ import annotations

from typing import Any

from keras import ops
from keras.config import backend


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


def apart(v: Any, dtype: str) -> Any:
    """v, out of sight of TensorFlow's graph optimizer.

    It gathers the numbers of products and the terms of sums, by what it takes
    for exact; XLA and inductor do not, and get v as it is.

    Error: none, where |v| is finite.
    """
    return fixed(v, dtype) if backend() == "tensorflow" else v


def once(v: Any, dtype: str) -> Any:
    """v, for a quotient, a root or an exponential with several users.

    XLA fuses no such operation into more than one of its users: it ends the
    loop there, and computes all that lies before it again in each of the loops
    that follow.  Behind a cheap operation it has one user, and there is one
    loop.  A maximum with -inf would be folded.

    Error: none, but for v = -inf, which may become the least number.
    """
    if backend() == "torch":  # inductor computes it once, and eager at once
        return v
    last = {"float32": 3.4028235e38, "float64": 1.79e308}[dtype]
    return ops.maximum(v, constant(-last, dtype))
