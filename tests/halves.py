"""`two_product` and `split` by bits: exact, whatever is fused.

Of Veltkamp's ah = c - (c - a), c = divider * a, the outer difference alone may
be fused, or c - a with an a that is a product: then ah has all the bits of a,
its products are rounded, and what is lost is half an ulp of the product.  Cut
by bits (rounded, as in runtime/division.py) both halves are short: 12 bits and
12, 26 and 26 with a sign, so that each product of theirs is exact, fused or
not, and so are the differences (Dekker 1971, 5.12).

`test_hostile_compiler` puts them in the places of the runtime's.
"""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_stablef.runtime.bits import BITS
from keras_stablef.runtime.bits import bits_of
from keras_stablef.runtime.bits import reinterpret
from keras_stablef.runtime.constants import constant
from keras_stablef.runtime.constants import fixed


def without_last(a: Any, bits: int, dtype: str) -> Any:
    """a rounded to a multiple of 2**bits of its ulp."""
    integer = BITS[dtype][0]
    half = constant(2 ** (bits - 1), integer)
    kept = constant(-(2**bits), integer)
    return reinterpret(ops.bitwise_and(bits_of(a, dtype) + half, kept), dtype)


def two_product(a: Any, b: Any, dtype: str) -> tuple[Any, Any]:
    bits = {"float32": 12, "float64": 27}[dtype]
    p = fixed(a * b, dtype)
    ah, bh = without_last(a, bits, dtype), without_last(b, bits, dtype)
    al, bl = a - ah, b - bh
    return p, al * bl - (((p - ah * bh) - al * bh) - ah * bl)


def split(s: Any, divider: float) -> tuple[Any, Any]:
    bits = int(divider).bit_length() - 1  # of 2**bits + 1
    high = without_last(s, bits, str(s.dtype))
    return high, s - high


BY_BITS = (without_last, two_product, split)
