"""Pairs (a, b) stand for a + b, twice the precision.

A constant comes second in a sum: compilers fold (constant + a) - constant.

Preconditions throughout: rounding to nearest, no overflow (operands of a
product below 2**(emax - p / 2 - 1)), and no underflow of a low part; where a
low part may be flushed, a plan counts it.  Compilers keep the order of
operations: tests/runtime/test_pairs.py, on each backend, eager and compiled.
Not Triton on CUDA, which may compute an operand twice (docs/limits.md).

Sources: Dekker, A floating-point technique for extending the available
precision, Numer. Math. 18 (1971); Joldes, Muller and Popescu, Tight and
rigorous error bounds for basic building blocks of double-word arithmetic, ACM
TOMS 44 (2017), whose theorem is named at each bound.
"""

from __future__ import annotations

from typing import Any

from keras import ops

from .bits import BITS
from .bits import bits_of
from .bits import reinterpret
from .bits import sees_bits
from .constants import constant
from .constants import fixed
from .constants import once
from .division import quotient
from .division import square_root
from .nouns import Pair


def split(s: Any, divider: float, dtype: str) -> Pair:
    """s = high + low, high of few bits (Dekker 1971, 5.6).

    Error: none, for |s| * divider finite; with a divider of 2**j + 1 high has
    p - j bits.  Rounded by its bits, since of Veltkamp's c - (c - s), c =
    divider * s, a compiler may fuse the outer difference alone, and high has
    all bits then.  (So it is done for numpy and ONNX, which see no bits.)
    """
    if sees_bits():
        j = int(divider).bit_length() - 1
        half, kept = (
            constant(v, BITS[dtype][0]) for v in (2 ** (j - 1), -(2**j))
        )
        bits = ops.bitwise_and(bits_of(s, dtype) + half, kept)
        high = reinterpret(bits, dtype)
        return high, s - high
    high = divider * s
    high = high - (high - s)
    return high, s - high


def two_sum(a: Any, b: Any) -> Pair:
    """a + b as its rounded sum and the rest.

    Error: none (Knuth; Joldes et al., algorithm 2).
    """
    s = a + b
    v = s - a
    return s, (a - (s - v)) + (b - v)


def fast_two_sum(a: Any, b: Any) -> Pair:
    """a + b as its rounded sum and the rest.

    Error: none where |a| >= |b| or a = 0 (Dekker; Joldes et al., algorithm
    1); else s - a is rounded, by at most 2**-p (|b| + 2**-p |a + b|), and
    what is left once more.
    """
    s = a + b
    return s, b - (s - a)


def two_product(a: Any, b: Any, dtype: str) -> Pair:
    """a * b as its rounded product and the rest.

    Error: none (Dekker 1971, 5.12), contracted to fma or not: the product is
    held by a clip that no compiler looks through, and those of halves are
    exact.
    """
    divider = {"float32": 4097.0, "float64": 134217729.0}[dtype]
    p = fixed(a * b, dtype)
    ah, al = split(a, divider, dtype)
    bh, bl = split(b, divider, dtype)
    return p, al * bl - (((p - ah * bh) - al * bh) - ah * bl)


def high_part(a: Any, dtype: str) -> Any:
    """The first half of the bits of a.

    Error: none; a - high_part(a) is exact and has no more bits than the high
    part, or one (float64).  Cut off by bits, which no compiler sees through;
    where they are not seen, rounded (Veltkamp).
    """
    if sees_bits():
        integer, bits, _ = BITS[dtype]
        cut = constant(-(2 ** ((bits + 2) // 2)), integer)
        high = reinterpret(ops.bitwise_and(bits_of(a, dtype), cut), dtype)
        return high
    divider = {"float32": 4097.0, "float64": 134217729.0}[dtype]
    large = ops.abs(a) > 1.0 / constant(2.0 ** (20 - BITS[dtype][2]), dtype)
    down = ops.where(large, constant(2.0**-40, dtype), constant(1.0, dtype))
    up = ops.where(large, constant(2.0**40, dtype), constant(1.0, dtype))
    return split(a * down, divider, dtype)[0] * up


def product_of_halves(a: Any, b: Any, dtype: str) -> Pair:
    """a * b as a float and most of the rest: cheaper than `two_product`.

    Error: at most 2**(-p - 9) |a b|.  The product of the high parts is exact,
    fused or not; the others are below 2**(2 - p/2) of a b and meet 3
    roundings.
    """
    ah, bh = high_part(a, dtype), high_part(b, dtype)
    al, bl = a - ah, b - bh
    p = ah * bh
    rest = (ah * bl + al * bh) + al * bl
    return fast_two_sum(p, rest)


def short_quotient(x: Pair, y: Pair, dtype: str) -> Pair:
    """x / y as the quotient of the heads and what it leaves over.

    A tail that is None is none.  Error: the roundings of the rest, which is at
    most |y| u + |tail of x| + |q tail of y|, and 2**(-p - 9) of x; and the rest
    is divided by the head of y alone.
    """
    q = once(quotient(x[0], y[0], dtype), dtype)
    p, e = product_of_halves(q, y[0], dtype)
    rest = (x[0] - p) - e
    if x[1] is not None:
        rest = rest + x[1]
    if y[1] is not None:
        rest = rest - q * y[1]
    return q, once(quotient(rest, y[0], dtype), dtype)


def short_root(x: Pair, dtype: str) -> Pair:
    """The square root of x, as that of its head and one step of Newton's.

    Error: as of `short_quotient`, and half the square of what is added.
    """
    head, tail, up = x[0], x[1], None
    if not sees_bits():  # halves are rounded: their square may overflow
        large = head > constant(2.0 ** (BITS[dtype][2] - 1), dtype)
        one = constant(1.0, dtype)
        down = ops.where(large, constant(2.0**-2, dtype), one)
        up = ops.where(large, constant(2.0, dtype), one)
        head, tail = head * down, None if tail is None else tail * down
    r = once(square_root(head, dtype), dtype)
    p, e = product_of_halves(r, r, dtype)
    rest = (head - p) - e
    if tail is not None:
        rest = rest + tail
    more = once(quotient(0.5 * rest, r, dtype), dtype)
    return (r, more) if up is None else (r * up, more * up)


def pair_sum(x: Pair, y: Pair) -> Pair:
    """x + y, pairs.

    Error: at most 2**(3 - 2 p) (|x| + |y|): the sloppy sum of Joldes et al.,
    algorithm 5, whose relative error has no bound where x and y cancel.
    """
    s, e = two_sum(x[0], y[0])
    return fast_two_sum(s, e + (x[1] + y[1]))


def pair_product(x: Pair, y: Pair, dtype: str) -> Pair:
    """x * y, pairs.

    Error: at most 7 * 2**(-2 p) |x y| (Joldes et al., theorem 5.1).
    """
    p, e = two_product(x[0], y[0], dtype)
    return fast_two_sum(p, e + (x[0] * y[1] + x[1] * y[0]))


def pair_quotient(x: Pair, y: Pair, dtype: str) -> Pair:
    """x / y, pairs.

    Error: at most 2**(5 - 2 p) |x / y| (Dekker 1971, section 5): the rest is
    below 4 u |x| and meets six roundings.
    """
    q = once(quotient(x[0], y[0], dtype), dtype)
    p, e = two_product(q, y[0], dtype)
    rest = (((x[0] - p) - e) + x[1]) - q * y[1]
    return fast_two_sum(q, once(quotient(rest, y[0], dtype), dtype))


def pair_power(x: Pair, n: int, dtype: str) -> Pair:
    """x**n of a pair, n >= 1, by n - 1 products.

    Error: at most 7 (n - 1) * 2**(-2 p) |x**n| and less than 2**-p of that.
    """
    y = x
    for _ in range(n - 1):
        y = pair_product(y, x, dtype)
    return y
