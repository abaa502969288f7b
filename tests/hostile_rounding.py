"""Exact sums of a product and a number, and quotients that are a little off.

Of float32 in float64, of float64 in extended precision: there products are
exact, alone or as two numbers, and a sum is rounded to odd first, so that the
second rounding is that of the exact sum (Boldo and Melquiond, Emulation of
FMA and correctly rounded sums, IEEE TC 57, 2008).
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any
WIDE = {"float32": np.float64, "float64": np.longdouble}
HALF_BITS = {np.float64: 2.0**27 + 1, np.longdouble: 2.0**32 + 1}


def fused(a: Array, b: Array, c: Array) -> Array:
    """a * b + c of finite or other floats, rounded once."""
    wide = WIDE[str(c.dtype)]
    a, b, z = (v.astype(wide) for v in (a, b, c))
    p = a * b
    if wide is np.float64:  # 48 bits
        y = _odd_sum(p, z)
    else:
        e = _rest_of_product(a, b, p)
        (s, t), high = _two_sum(z, e), p
        high, low = _two_sum(high, s)
        y = _odd_sum(high, _odd_sum(low, t))
    plain = p + z
    return np.where(np.isfinite(y), y, plain).astype(c.dtype)


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    s = a + b
    v = s - a
    return s, (a - (s - v)) + (b - v)


def _rest_of_product(a: Array, b: Array, p: Array) -> Array:
    """a * b - p (Dekker): no number is near the ends of the wide format."""
    divider = HALF_BITS[a.dtype.type]
    ca, cb = divider * a, divider * b
    ah, bh = ca - (ca - a), cb - (cb - b)
    al, bl = a - ah, b - bh
    rest = al * bl - (((p - ah * bh) - al * bh) - ah * bl)
    return np.where(np.isfinite(rest), rest, 0)


def _odd_sum(a: Array, b: Array) -> Array:
    """a + b, to the neighbour with an odd last bit unless it is exact."""
    s, rest = _two_sum(a, b)
    words = np.ascontiguousarray(s).view(np.uint64)
    even = words[:: words.size // max(s.size, 1) or 1] & 1 == 0
    to_the_other = even & (rest != 0) & np.isfinite(rest)
    return np.where(
        to_the_other, np.nextafter(s, np.where(rest > 0, np.inf, -np.inf)), s
    )


def off_by(exact: Array, steps: Array, dtype: str) -> Array:
    """A wide number, rounded after `steps` of its own ulp are added.

    So it is off by half an ulp more.  The ulp of a subnormal number is here
    that of its leading bit: what is scaled, divided and scaled back is rounded
    to the few bits of a subnormal number once, at the end.  Infinities, zeros
    and nan stay.
    """
    digits = np.finfo(dtype).nmant
    finite = np.isfinite(exact)
    e = np.frexp(np.where(finite, exact, 0))[1]
    ulp = np.ldexp(exact.dtype.type(1), e - 1 - digits)
    moved = exact + steps * ulp
    return np.where(finite & (exact != 0), moved, exact).astype(dtype)
