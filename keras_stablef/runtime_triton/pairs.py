"""Pairs (a, b) stand for a + b: see `runtime.pairs`."""

import triton
import triton.language as tl

from .numbers import bits_of
from .numbers import fixed
from .numbers import quotient
from .numbers import reinterpret
from .numbers import square_root


@triton.jit
def split(s, divider: tl.constexpr, dtype: tl.constexpr):
    """s = high + low, high of few bits, by rounding its bits."""
    half: tl.constexpr = (divider - 1) // 2
    bits = (bits_of(s, dtype) + half) & -(2 * half)
    high = reinterpret(bits, dtype)
    return high, s - high


@triton.jit
def two_sum(a, b):
    """a + b as its rounded sum and the rest."""
    s = a + b
    v = s - a
    return s, (a - (s - v)) + (b - v)


@triton.jit
def fast_two_sum(a, b):
    """a + b as its rounded sum and the rest, |a| >= |b|."""
    s = a + b
    return s, b - (s - a)


@triton.jit
def two_product(a, b, dtype: tl.constexpr):
    """a * b as its rounded product and the rest."""
    divider: tl.constexpr = 4097 if dtype == "float32" else 134217729
    p = fixed(a * b, dtype)
    ah, al = split(a, divider, dtype)
    bh, bl = split(b, divider, dtype)
    return p, al * bl - (((p - ah * bh) - al * bh) - ah * bl)


@triton.jit
def high_part(a, dtype: tl.constexpr):
    """The first half of the bits of a."""
    cut: tl.constexpr = -4096 if dtype == "float32" else -134217728
    return reinterpret(bits_of(a, dtype) & cut, dtype)


@triton.jit
def product_of_halves(a, b, dtype: tl.constexpr):
    """a * b as a float and most of the rest."""
    ah = high_part(a, dtype)
    bh = high_part(b, dtype)
    al = a - ah
    bl = b - bh
    return fast_two_sum(ah * bh, (ah * bl + al * bh) + al * bl)


@triton.jit
def short_quotient(x, y, dtype: tl.constexpr):
    """x / y as the quotient of the heads and what it leaves over."""
    q = quotient(x[0], y[0], dtype)
    p, e = product_of_halves(q, y[0], dtype)
    rest = (x[0] - p) - e
    if x[1] is not None:
        rest = rest + x[1]
    if y[1] is not None:
        rest = rest - q * y[1]
    return q, quotient(rest, y[0], dtype)


@triton.jit
def short_root(x, dtype: tl.constexpr):
    """The square root of x, as that of its head and one step of Newton's."""
    r = square_root(x[0], dtype)
    p, e = product_of_halves(r, r, dtype)
    rest = (x[0] - p) - e
    if x[1] is not None:
        rest = rest + x[1]
    return r, quotient(0.5 * rest, r, dtype)


@triton.jit
def pair_sum(x, y):
    """x + y, pairs."""
    s, e = two_sum(x[0], y[0])
    return fast_two_sum(s, e + (x[1] + y[1]))


@triton.jit
def pair_product(x, y, dtype: tl.constexpr):
    """x * y, pairs."""
    p, e = two_product(x[0], y[0], dtype)
    return fast_two_sum(p, e + (x[0] * y[1] + x[1] * y[0]))


@triton.jit
def pair_quotient(x, y, dtype: tl.constexpr):
    """x / y, pairs."""
    q = quotient(x[0], y[0], dtype)
    p, e = two_product(q, y[0], dtype)
    rest = (((x[0] - p) - e) + x[1]) - q * y[1]
    return fast_two_sum(q, quotient(rest, y[0], dtype))


@triton.jit
def pair_power(x, n: tl.constexpr, dtype: tl.constexpr):
    """x**n of a pair, n >= 1, by n - 1 products."""
    y = x
    for _ in tl.static_range(n - 1):
        y = pair_product(y, x, dtype)
    return y
