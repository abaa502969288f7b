"""What comes from outside, as tensors and names of dtypes."""

from __future__ import annotations

from collections.abc import Collection
from numbers import Real
from typing import Any

import keras

from ._derived import shown

# What Keras makes a tensor of has one of these, unless it is a number.
NUMBERS = (
    *("__array__", "__float__", "__index__", "__len__", "__iter__"),
    *("__dlpack__", "__jax_array__", "__torch_function__"),
)
NO_NUMBERS = (dict, set, frozenset)
MOST_AXES = 64  # NumPy's own limit; a list that holds itself has no end


def format_name(dtype: Any, known: Collection[str]) -> str:
    """A format's name as it is, anything else as Keras calls the dtype."""
    if isinstance(dtype, str) and dtype in known:
        return dtype
    try:
        name: str = keras.backend.standardize_dtype(dtype)
    except (TypeError, ValueError):
        # Who asks knows what is expected.
        return dtype if isinstance(dtype, str) else shown(dtype)
    return name


def as_float_tensor(x: Any, default: str) -> Any:
    """x as a real float tensor; a float dtype of its own is kept.

    Raises:
        TypeError, ValueError: see `real`.
    """
    name = _dtype_of(real(x))
    if name is None or not keras.backend.is_float_dtype(name):
        name = default
    return as_tensor(x, name)


def as_tensor(x: Any, dtype: Any) -> Any:
    """x as a real tensor of that dtype.

    Raises:
        TypeError, ValueError: see `real`.
    """
    x = real(x)
    if isinstance(x, keras.Variable):  # on TensorFlow it counts as a tensor
        x = keras.ops.convert_to_tensor(x)
    if keras.ops.is_tensor(x):
        x = _on_the_device(x)
        # Itself, with its mask, if there is nothing to do.
        wanted = keras.backend.standardize_dtype(dtype)
        return x if _dtype_of(x) == wanted else keras.ops.cast(x, dtype)
    # At once: a number would be rounded to floatx on its way to float64.
    return keras.ops.convert_to_tensor(x, dtype=dtype)


def _on_the_device(x: Any) -> Any:
    """A tensor on a CPU where Keras computes, as its own operations take it.

    They would in the midst of a body, whose other operands stay behind.
    """
    if keras.backend.backend() == "torch" and x.device.type == "cpu":
        return keras.ops.convert_to_tensor(x)
    return x


def real(x: Any) -> Any:
    """x itself: a tensor, an array, a number or a list of such.

    Backends drop the imaginary part with a warning at most, and each has an
    error of its own for an integer beyond all floats.

    Raises:
        TypeError: it is complex, text, or nothing that holds numbers.
        ValueError: an integer that no float dtype holds, or a list of more
            axes than a tensor has.
    """
    dtype = _dtype_of(x)
    if dtype is None:
        _refuse_unreal(x, 0)
    elif dtype.startswith("complex"):
        raise TypeError(complex_refused(dtype))
    return x


def _dtype_of(x: Any) -> str | None:
    """Of a tensor or an array; a list or a number has none."""
    dtype = getattr(x, "dtype", None)
    if dtype is None:
        return None
    try:
        name: str = keras.backend.standardize_dtype(dtype)
    except (TypeError, ValueError):  # of an array of objects or of text
        raise TypeError(
            "Bad dtype: expected one of real numbers, received "
            f"{shown(str(dtype))}."
        ) from None
    return name


def _refuse_unreal(x: Any, depth: int) -> None:
    """Of numbers, and of lists of them and of tensors."""
    if isinstance(x, (list, tuple)):
        if depth == MOST_AXES:
            raise ValueError(
                f"Bad list: expected at most {MOST_AXES} axes, received "
                "lists nested deeper."
            )
        for item in x:
            _refuse_unreal(item, depth + 1)
    elif isinstance(x, float):  # most of all
        return
    elif isinstance(x, complex):
        raise TypeError(complex_refused("a complex number"))
    elif isinstance(x, (str, bytes)):
        raise TypeError(f"Bad number: expected one, received {shown(x)}.")
    elif hasattr(x, "dtype"):
        real(x)
    elif isinstance(x, NO_NUMBERS) or not any(hasattr(x, n) for n in NUMBERS):
        raise TypeError(
            "Bad input: expected a tensor, an array, a number or a list of "
            f"such, received {shown(x)}."
        )
    elif isinstance(x, Real):
        try:
            float(x)
        except OverflowError:
            raise ValueError(
                "Bad number: expected one that a float can hold, received "
                f"{shown(x)}."
            ) from None


def complex_refused(received: str) -> str:
    """Of an error, about a dtype or a number."""
    return f"Real input only: expected a real dtype, received {received}."


def checked_dtype(dtype: str, known: Collection[str], what: str) -> str:
    """The dtype of a loss, a metric or a layer, which computes in it.

    Raises:
        TypeError: it is none of those that are known.
    """
    if dtype not in known:
        raise TypeError(
            f"Bad dtype for {what}: expected one of {', '.join(known)}, "
            f"received {shown(dtype).strip(chr(39))}."
        )
    return dtype


def refuse_shapes(x: Any, y: Any, what: str) -> None:
    """Raises unless two tensors broadcast, as far as their shapes are known.

    Raises:
        ValueError: they do not.
    """
    one, two = getattr(x, "shape", None), getattr(y, "shape", None)
    try:
        sizes = tuple(one or ()), tuple(two or ())
    except ValueError:  # TensorFlow: of unknown rank
        return
    for a, b in zip(reversed(sizes[0]), reversed(sizes[1]), strict=False):
        if isinstance(a, int) and isinstance(b, int) and a != b:
            if 1 not in (a, b):
                raise ValueError(
                    f"Shapes of {what} do not go together: expected ones that "
                    f"broadcast, received {sizes[0]} and {sizes[1]}."
                )
