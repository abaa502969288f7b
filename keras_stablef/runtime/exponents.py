"""Powers of two: taken out of numbers and put back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops

from .bits import BITS
from .bits import bits_of
from .bits import reinterpret
from .bits import sees_bits
from .constants import apart
from .constants import constant
from .lookup import entries
from .nouns import Pair


def whole(n: Any, dtype: str) -> Any:
    """The integer that a float is.

    Error: none for |n| < 2**(p - 2); of an nan it is some integer.
    The last bits of n + 3 * 2**(p - 2) are n: one sum and one difference, where
    a cast that saturates is compiled to five operations, in float64 to those
    of one number after the other.
    """
    integer, bits, bias = BITS[dtype]
    if not sees_bits():
        return ops.cast(n, integer)
    far = constant(1.5 * 2.0**bits, dtype)
    # A minimum of float64 is float32 where Keras runs on torch.
    far_bits = (2 * (bias + bits) + 1) * 2 ** (bits - 1)
    return bits_of(ops.cast(n, dtype) + far, dtype) - far_bits


def power_of_two(n: Any, dtype: str) -> Any:
    """2**n of integers.

    Error: none, for |n| up to 126 (float32) or 1022.
    """
    _, bits, bias = BITS[dtype]
    if sees_bits():  # a product: LiteRT shifts to the right alone
        return reinterpret((n + bias) * 2**bits, dtype)
    table = [2.0**k for k in range(1 - bias, bias)]
    i = ops.clip(n + (bias - 1), 0, 2 * bias - 2)  # of what is not taken
    return entries(table, i, dtype)


def scale_by_power(y: Any, n: Any, dtype: str) -> Any:
    """y * 2**n in two steps, since 2**n itself may overflow.

    Error: none where y * 2**n is normal and |n| <= 252 (float32) or 2044;
    below it one rounding, or a flush to 0.  A larger n counts as that.
    """
    most = 2.0 * (BITS[dtype][2] - 1)
    return by_whole(y, whole(ops.clip(n, -most, most), dtype), dtype)


def by_whole(y: Any, n: Any, dtype: str) -> Any:
    """y * 2**n of integers."""
    # ONNX shifts no signed integer.
    half = ops.right_shift(n, 1) if sees_bits() else ops.floor_divide(n, 2)
    return (y * power_of_two(half, dtype)) * power_of_two(n - half, dtype)


def grown(y: Any, n: Any, dtype: str) -> Any:
    """y * 2**n, 0 <= n <= 150 (float32) or 1075, in two steps.

    Error: none where |y| is normal and below 2**100 (float32) or 2**970.
    """
    bits = BITS[dtype][1] + 1
    # TensorFlow's graphs make (y c) p of a number c into y (c p), infinite.
    y = apart(y * 2.0**bits, dtype)
    return y * power_of_two(whole(n, dtype) - bits, dtype)


def grown_from(y: Any, n: Any, shift: int, dtype: str) -> Any:
    """y * 2**(n - shift), |n - shift| <= 126 (float32) or 1022.

    Error: none where the result is normal; a smaller one may be flushed.
    """
    return y * power_of_two(whole(n, dtype) - shift, dtype)


def shrunk(y: Any, n: Any, dtype: str) -> Any:
    """y * 2**-n, 0 <= n <= 150 (float32) or 1075, in two steps.

    Error: none where |y| is above 2**-100 (float32) or 2**-970 and the result
    is normal; a smaller result may be flushed.
    """
    bits = BITS[dtype][1] + 1
    y = apart(y * 2.0**-bits, dtype)
    return y * power_of_two(bits - whole(n, dtype), dtype)


def pair_by_power(y: Pair, n: Any, dtype: str) -> Pair:
    """y * 2**n of a pair, |n| up to 126 (float32) or 1022, or one more of n.

    Error: none where both parts are normal; else each may be flushed.
    """
    p = power_of_two(whole(n, dtype), dtype)
    return y[0] * p, y[1] * p


def unit_of(n: Any, dtype: str) -> Any:
    """2**-n, n >= 0.

    Error: none up to 126 (float32) or 1022; the smallest normal beyond, of
    which it is one.
    """
    most = constant(BITS[dtype][2] - 1.0, dtype)
    return power_of_two(-whole(ops.minimum(n, most), dtype), dtype)


def split_exponent(t: Any, root: int, dtype: str) -> tuple[Any, Any]:
    """m, n with t = m * 2**n, n a multiple of `root`.

    Error: none of m * 2**n.  2**(-root / 2) <= m < 2**(root / 2) but for an
    ulp, and but for 2**-13 of itself where n is guessed with a log off by at
    most 8 ulp (`sees_bits`).  t is positive and normal.
    """
    integer, bits, bias = BITS[dtype]
    if sees_bits():
        # Of 2**(-root / 2): integers ascend as the floats do.
        up = (root + 1) // 2
        first = 2**bits * (bias - up)
        first += int(2**bits * (2.0 ** (up - 0.5 * root) - 1.0))
        n = ops.right_shift(bits_of(t, dtype) - first, bits)
        if root == 2:
            n = n - ops.bitwise_and(n, 1)
        elif root > 2:
            n = ops.cast(root * ops.floor_divide(n, root), integer)
        # By products: bits have no derivative.
        return by_whole(t, -n, dtype), ops.cast(n, dtype)
    n = ops.log(t) * (1.4426950408889634 / root)
    n = ops.cast(root * ops.floor(n + 0.5), dtype)
    return scale_by_power(t, -n, dtype), n


def split_subnormal(t: Any, root: int, dtype: str) -> tuple[Any, Any]:
    """`split_exponent` of a t that may be subnormal.

    Error: none: what is small is multiplied by a power of two first.
    """
    bits = BITS[dtype][1] + 1
    n = root * ((bits + root - 1) // root)
    small = t < constant(2.0 ** (2 - BITS[dtype][2] + n), dtype)
    up = ops.where(small, constant(2.0**n, dtype), constant(1.0, dtype))
    more = ops.where(small, constant(float(n), dtype), constant(0.0, dtype))
    m, n = split_exponent(t * up, root, dtype)
    return m, n - more


def level_of(
    d: Any, edges: Sequence[float], factors: Sequence[float], dtype: str
) -> Any:
    """factors[j] where edges[j - 1] <= d < edges[j].  Error: none."""
    y = constant(factors[0], dtype)
    for edge, factor in zip(edges, factors[1:], strict=True):
        y = ops.where(d >= constant(edge, dtype), constant(factor, dtype), y)
    return y
