"""What comes from outside, as tensors and names of dtypes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import keras


def format_name(dtype: Any, known: Collection[str]) -> str:
    """A format's name as it is, anything else as Keras calls the dtype."""
    if isinstance(dtype, str) and dtype in known:
        return dtype
    try:
        name: str = keras.backend.standardize_dtype(dtype)
    except (TypeError, ValueError):
        return str(dtype)  # who asks knows what is expected
    return name


def as_float_tensor(x: Any, default: str) -> Any:
    """x as a real float tensor; a float dtype of its own is kept."""
    if isinstance(x, keras.Variable):  # on TensorFlow it counts as a tensor
        x = keras.ops.convert_to_tensor(x)
    if not keras.ops.is_tensor(x):
        # A NumPy array keeps its float dtype; a list or a number has none.
        dtype = getattr(x, "dtype", None)
        name = keras.backend.standardize_dtype(dtype) if dtype else None
        if isinstance(x, complex) or (name or "").startswith("complex"):
            raise TypeError(complex_refused(name or "a complex number"))
        if name is None or not keras.backend.is_float_dtype(name):
            name = default
        return keras.ops.convert_to_tensor(x, dtype=name)
    dtype = keras.backend.standardize_dtype(x.dtype)
    if dtype.startswith("complex"):
        raise TypeError(complex_refused(dtype))
    if not keras.backend.is_float_dtype(dtype):
        return keras.ops.cast(x, default)
    return x


def complex_refused(received: str) -> str:
    """Of an error, about a dtype or a number."""
    return f"Real input only: expected a real dtype, received {received}."
