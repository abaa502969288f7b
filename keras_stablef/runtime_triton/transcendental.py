"""Roots, logarithms and exponentials as pairs: see `runtime.kernels`."""

import triton
import triton.language as tl

from keras_stablef.runtime import kernel_numbers

from . import ops
from .numbers import constant
from .numbers import pair_by_power
from .numbers import quotient
from .numbers import square_root
from .pairs import fast_two_sum
from .pairs import pair_power
from .pairs import two_product
from .pairs import two_sum
from .polynomials import horner

# Of each dtype the polynomial, and log 2 in three parts.
EXP32, EXP64, LOG32, LOG64 = (
    ops.known(table[dtype][0])
    for table in (kernel_numbers.EXP, kernel_numbers.LOG)
    for dtype in ("float32", "float64")
)
TWO32, TWO64 = (
    ops.known(kernel_numbers.EXP[dtype][1]) for dtype in ("float32", "float64")
)


@triton.jit
def pair_root(m, degree: tl.constexpr, dtype: tl.constexpr):
    """m**(1/degree): a float, and what one step of Newton's method adds."""
    if degree == 2:
        r = square_root(m, dtype)
    else:
        r = ops.exp(quotient(ops.log(m), constant(degree, dtype), dtype))
    p = pair_power((r, tl.zeros_like(r)), degree, dtype)
    slope = r * degree
    for _ in tl.static_range(degree - 2):
        slope = slope * r
    return fast_two_sum(r, quotient((m - p[0]) - p[1], slope, dtype))


@triton.jit
def pair_log(m, n, dtype: tl.constexpr):
    """log(m * 2**n) as a pair."""
    two: tl.constexpr = TWO32 if dtype == "float32" else TWO64
    r = m - 1.0
    p, e = two_product(r, r, dtype)
    cubic = (r * p) * horner(LOG32 if dtype == "float32" else LOG64, r)
    s, low = fast_two_sum(r, p * -0.5)
    s, more = fast_two_sum(n * two[0], s)
    low = low + (more + (cubic - 0.5 * e))
    return fast_two_sum(s, low + n * two[1] + n * two[2])


@triton.jit
def pair_exp(x, dtype: tl.constexpr):
    """exp(x) = (pair) * 2**n of a pair x."""
    two: tl.constexpr = TWO32 if dtype == "float32" else TWO64
    n = tl.floor(x[0] * 1.4426950408889634 + 0.5)
    r, e = fast_two_sum(x[0] - n * two[0], n * -two[1])
    if x[1] is None:
        e = e - n * two[2]
    else:
        e = e + (x[1] - n * two[2])
    s, low = two_sum(r, 1.0)
    rest = r * r * horner(EXP32 if dtype == "float32" else EXP64, r)
    low = low + (rest + e * (s + rest))
    return fast_two_sum(s, low), n


@triton.jit
def signed_exp(x, dtype: tl.constexpr):
    """exp(x) = (pair) * 2**n with n >= 0, of a pair x; n = 0 where x < 0."""
    least: tl.constexpr = -87.0 if dtype == "float32" else -708.0
    held = tl.where(x[0] < least, least, x[0])
    m, n = pair_exp((held, x[1]), dtype)
    down = pair_by_power(m, ops.minimum(n, 0.0), dtype)
    return down, ops.maximum(n, 0.0)
