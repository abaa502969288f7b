"""Rounding once, from the dtype of the computation to a narrower format.

A cast rounds to nearest, ties to even, on TensorFlow, JAX and torch, to every
dtype they have (tests/test_formats.py).  Two things it does not do: what is
above float8_e4m3fn's 448 becomes nan on TensorFlow and JAX and 448 on torch
(2.13), and there is no cast to a format without a dtype of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras


def narrow(
    y: Any,
    storage: str,
    limit: float | None = None,
    beyond: float = float("inf"),
    dropped: int | None = None,
    emin: int = 0,
    emax: int = 0,
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
        emin, emax: the format's exponents, used with `dropped`.

    Returns:
        A tensor of y's shape; nan stays nan.  Autodiff takes the rounding
        as the identity.

    Example:
        >>> x = keras.ops.convert_to_tensor([1.001, 2.0**-70, 1e39])
        >>> narrow(x, "float32", dropped=13, emin=-126, emax=127)
        [1.0009766, 8.470329e-22, inf]

    Source: rounding by adding a large number and subtracting it, Higham,
    *Accuracy and Stability of Numerical Algorithms*, 2nd ed., section 2.1.
    """
    if limit is not None:
        number = _constants(y)
        y = keras.ops.where(y > number(limit), number(beyond), y)
        y = keras.ops.where(y < number(-limit), number(-beyond), y)
    if dropped is not None:
        y = _to_nearest(y, dropped, emin, emax)
    return keras.ops.cast(y, storage)


def widened_product(compute: str, storage: str) -> Callable[[Any, Any], Any]:
    """The product of two tensors of a dtype that may have no product.

    Neither TensorFlow nor torch multiplies in float8.  For 16-bit formats
    the product is exact in float32 (11 + 11 bits of 24), so that this is
    what the dtype's own product is.
    """

    def times(a: Any, b: Any) -> Any:
        wide = keras.ops.cast(a, compute) * keras.ops.cast(b, compute)
        return keras.ops.cast(wide, storage)

    return times


def _constants(y: Any) -> Callable[[float], Any]:
    """Constants of y's dtype; torch would make them float32."""
    dtype = keras.backend.standardize_dtype(y.dtype)
    return lambda value: keras.ops.convert_to_tensor(value, dtype=dtype)


def _to_nearest(y: Any, dropped: int, emin: int, emax: int) -> Any:
    """y to the nearest number of the format, |y| < 2**(emax + 1) or inf.

    |y| = a * up with a < 2 and 2**-n <= a for n <= -emin.  Then
    c = 1.5 * 2**(dropped - n) and c - a lie in one binade, whose spacing is
    the format's about a: c - a is rounded as a shall be, and c is an even
    multiple of the spacing, so ties go to even too.  Every product is by a
    power of two and exact, so no fused multiply-add changes it; c is no
    constant of the graph, so TensorFlow's optimizer cannot take the sums
    apart.
    """
    number = _constants(y)
    where = keras.ops.where
    # By hand: the derivative of abs at 0 would be 0.
    sign = where(y < number(0.0), number(-1.0), number(1.0))
    a = y * sign
    up = keras.ops.ones_like(a)
    for k in _halves(emax):
        big = a >= number(2.0**k)
        a = where(big, a * number(2.0**-k), a)
        up = where(big, up * number(2.0**k), up)
    c = number(1.5 * 2.0**dropped) * keras.ops.ones_like(a)
    b = a
    for k in _halves(-emin):
        small = b < number(2.0 ** (1 - k))
        b = where(small, b * number(2.0**k), b)
        c = where(small, c * number(2.0**-k), c)
    return (c - (c - a)) * up * sign


def _halves(n: int) -> list[int]:
    """Parts of n, each half of what is left: any m <= n is a sum of some.

    Taken greedily: m >= k leaves at most n - k, m < k at most n - k too.
    """
    parts = []
    while n > 0:
        parts.append((n + 1) // 2)
        n -= parts[-1]
    return parts
