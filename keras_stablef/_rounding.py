"""Rounding once, from the dtype of the computation to a narrower format.

A cast rounds to nearest, ties to even, on TensorFlow, JAX and torch, to every
dtype they have (tests/numbers/test_formats.py).  Two things it does not do:
what is above float8_e4m3fn's 448 becomes nan on TensorFlow and JAX and 448 on
torch (2.13), and there is no cast to a format without a dtype of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from .runtime.bits import BITS
from .runtime.bits import bits_of
from .runtime.bits import reinterpret


def narrow(
    y: Any,
    storage: str,
    limit: float | None = None,
    beyond: float = float("inf"),
    dropped: int | None = None,
    emin: int = 0,
) -> Any:
    """y rounded to a narrower format, ties to even, and put in its storage.

    Args:
        y: a float tensor of any shape.
        storage: the dtype of the result, which holds the format.
        limit: the largest number of y's dtype that rounds to a finite one;
            None where the cast knows.
        beyond: what those above it become, those below ``-limit`` its
            negative: inf, nan or the largest finite number.
        dropped: bits of precision that y's dtype has more; None where the
            storage is the format.
        emin: exponent of the format's smallest normal, used with `dropped`.

    Returns:
        A tensor of y's shape; nan stays nan.  Autodiff takes the rounding
        as the identity.

    Example:
        >>> x = keras.ops.convert_to_tensor([1.001, 2.0**-70, 3e38])
        >>> narrow(x, "float32", dropped=13, emin=-126)
        [1.0009766, 8.4703295e-22, 2.999927e+38]

    Source: rounding by adding a large number and subtracting it, Higham,
    *Accuracy and Stability of Numerical Algorithms*, 2nd ed., section 2.1.
    """
    number = _constants(y)
    z = y if dropped is None else _to_nearest(y, dropped, emin)
    if limit is not None:
        z = keras.ops.where(y > number(limit), number(beyond), z)
        z = keras.ops.where(y < number(-limit), number(-beyond), z)
    return keras.ops.cast(z, storage)


def _constants(y: Any) -> Callable[[float], Any]:
    """Constants of y's dtype; torch would make them float32."""
    dtype = keras.backend.standardize_dtype(y.dtype)
    return lambda value: keras.ops.convert_to_tensor(value, dtype=dtype)


def _to_nearest(y: Any, dropped: int, emin: int) -> Any:
    """A finite y to the nearest number of the format; nan stays nan.

    With 2**e <= |y| < 2**(e + 1), or e = emin for smaller ones,
    c = 1.5 * 2**(dropped + e) and c - |y| lie in one binade, whose spacing
    is the format's about y: c - |y| is rounded as |y| shall be, and c is an
    even multiple of the spacing, so ties go to even too.  From 1 on all is
    scaled down by 2**(dropped + 1), or c would be above every float32 for
    e = 127.  Every product is by a power of two and exact, so no fused
    multiply-add changes it; c is no constant of the graph, so TensorFlow's
    optimizer cannot take the sums apart.
    """
    number = _constants(y)
    where = keras.ops.where
    # By hand: the derivative of abs at 0 would be 0.
    sign = where(y < number(0.0), number(-1.0), number(1.0))
    a = y * sign
    power = _power_of_two_below(a)
    least = number(2.0**emin)
    power = where(power < least, least, power)
    big = a >= number(1.0)
    down = where(big, number(2.0 ** -(dropped + 1)), number(1.0))
    up = where(big, number(2.0 ** (dropped + 1)), number(1.0))
    c = number(1.5 * 2.0**dropped) * (down * power)
    return (c - (c - a * down)) * up * sign


def _power_of_two_below(a: Any) -> Any:
    """2**floor(log2(a)) by its bits; 0 for subnormals, no derivative."""
    dtype = keras.backend.standardize_dtype(a.dtype)
    _, bits, bias = BITS[dtype]
    exponent = (2 * bias + 1) * 2**bits
    return reinterpret(bits_of(a, dtype) & exponent, dtype)
