"""Kernels in float64 of results that are rounded to float32.

Of 53 bits a float32 result needs 24 and what cancels: short polynomials do,
and no pairs.  u is 2**-53.  Not for what is exported: they see bits.
"""

from __future__ import annotations

from typing import Any

from keras import ops
from keras.config import backend

from .bits import bits_of
from .bits import reinterpret
from .constants import apart
from .constants import constant
from .constants import once

EXP_TERMS = 10
LOG_TERMS = 7
# n + FAR has n in its last bits, 0 <= n + 2**51 < 2**52.
FAR = 1.5 * 2.0**52
FAR_BITS = (2 * (1023 + 52) + 1) * 2**51
ROOT_HALF_BITS = 0x3FE6A09E667F3BCD  # of sqrt(1/2), rounded up


def wide_powers(x: Any) -> tuple[Any, Any]:
    """q and 2**n in float64, with exp(x) = q 2**n + 2**n.

    q = r + r**2/2 + ... + r**9/9!.  Error of exp(x), relative: at most 1.46
    |r|**10 / 10! + (|x| + 3) u, where |r| < 0.3466; of q 2**n + (2**n - 1),
    absolute, the same.  For |x| < 0.34 n is 0 and r is x, and exp(x) - 1 is
    off by 1.46 |r|**9 / 10! + 8 u of itself.  Below -700 exp(x) is less than
    2**-1009, above 709 nothing is known of it.
    """
    least = constant(-708.0, "float64")
    if backend() == "torch":  # whose maximum of float64 is float32 in Keras
        x = ops.where(x < least, least, x)
    else:
        x = ops.maximum(x, least)
    s = x * 1.4426950408889634 + FAR
    # XLA takes (s + FAR) - FAR for s; it does not look through a maximum.
    n = apart(once(s, "float64"), "float64") - FAR
    r = x - n * 0.6931471805599453
    factor = 1.0
    for k in range(2, EXP_TERMS):
        factor *= k
    q = 1.0 / factor * r
    for k in range(EXP_TERMS - 1, 1, -1):
        factor /= k
        q = (q + 1.0 / factor) * r
    power = ops.left_shift(bits_of(s, "float64") + 1023, 52)
    return q, reinterpret(power, "float64")


def wide_log(t: Any) -> Any:
    """log(t) in float64 of a normal t > 0; of 0, infinity and nan a number.

    Error: 2.08 |s|**15 / 15 + 8 u |log(t)| with s = (m - 1) / (m + 1), |s| <
    0.1716, where t = m 2**n and m = t from sqrt(1/2) to sqrt(2).
    """
    return log_of(t, None)


def wide_log1p(t: Any, v: Any) -> Any:
    """log(1 + v) in float64 of v > -1 and t, which is 1 + v rounded.

    Error: as of log(t), where m = t with no more than that of v.
    """
    return log_of(t, v)


def log_of(t: Any, v: Any) -> Any:
    """log(t), of t = 1 + v if there is a v: what 1 + v lost is in it."""
    bits = bits_of(t, "float64")
    n = ops.right_shift(bits - ROOT_HALF_BITS, 52)
    m = reinterpret(bits - ops.left_shift(n, 52), "float64")
    k = reinterpret(n + FAR_BITS, "float64") - FAR
    r = m - 1.0
    if v is not None:
        r = ops.where(ops.equal(k, 0.0), v, r)
    s = once(r / (2.0 + r), "float64")
    z = s * s
    p = 2.0 / (2 * LOG_TERMS - 1) * z
    for j in range(LOG_TERMS - 2, 0, -1):
        p = (p + 2.0 / (2 * j + 1)) * z
    return k * 0.6931471805599453 + (s * p + 2.0 * s)
