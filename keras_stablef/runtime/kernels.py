"""Roots, logarithms and exponentials as pairs.

The functions of the backend only guess: whatever they are off by is put right
(a root, by Newton's method) or does not matter (an exponent).
"""

from __future__ import annotations

from typing import Any

from keras import ops

from .constants import constant
from .constants import once
from .division import quotient
from .exponents import pair_by_power
from .kernel_numbers import EXP
from .kernel_numbers import LOG
from .nouns import Pair
from .pairs import fast_two_sum
from .pairs import pair_power
from .pairs import two_product
from .pairs import two_sum
from .polynomials import horner


def pair_root(m: Any, degree: int, dtype: str) -> Pair:
    """m**(1/degree): a float, and what one step of Newton's method adds.

    Error: (degree - 1) / 2 * d**2, relative, for a guess off by d of itself,
    and 2**(6 - 2 p) of the pairs.  m is near 1.
    Source: Markstein, *IA-64 and Elementary Functions*, 2000, chapter 9.
    """
    r = ops.sqrt(m) if degree == 2 else ops.exp(ops.log(m) / degree)
    r = once(ops.cast(r, dtype), dtype)
    p = pair_power((r, ops.zeros_like(r)), degree, dtype)
    slope = degree * r  # no quotient: XLA makes a / (b / c) a * c / b
    for _ in range(degree - 2):
        slope = slope * r
    more = quotient((m - p[0]) - p[1], slope, dtype)
    return fast_two_sum(r, once(more, dtype))


def pair_log(m: Any, n: Any, dtype: str) -> Pair:
    """log(m * 2**n) as a pair.

    Error: at most 0.12 * 2**-p, absolute: the last term of log(1 + r) = r -
    r**2/2 + r**3 P(r) is below 0.02 and meets 6 roundings; P and log 2 are
    looked at by the checker.  sqrt(1/2) <= m <= sqrt(2), n whole.
    """
    kernel, (one, two, three) = LOG[dtype]
    r = m - 1.0
    p, e = two_product(r, r, dtype)
    cubic = (r * p) * horner(kernel, r)
    s, low = fast_two_sum(r, -0.5 * p)
    s, more = fast_two_sum(n * one, s)  # n = 0, or n log(2) is larger
    low = low + (more + (cubic - 0.5 * e))
    return fast_two_sum(s, low + n * two + n * three)


def pair_exp(x: Pair, dtype: str) -> tuple[Pair, Any]:
    """exp(x) = (pair) * 2**n of a pair x.

    A tail that is None is none.  Error: at most 0.46 * 2**-p, relative:
    exp r = 1 + r + r**2 P(r), where |r| <= log(2) / 2 and the last term is
    below 0.08 and meets 4 roundings.  |x| is within the exponents of the
    dtype.
    """
    kernel, (one, two, three) = EXP[dtype]
    n = ops.cast(ops.floor(x[0] * 1.4426950408889634 + 0.5), dtype)
    # n * two is below 2**-12, where x[0] - n * one may be less.
    r, e = fast_two_sum(x[0] - n * one, -(n * two))
    e = e - n * three if x[1] is None else e + (x[1] - n * three)
    s, low = two_sum(r, 1.0)
    rest = r * r * horner(kernel, r)
    low = low + (rest + e * (s + rest))  # exp(r + e) = exp(r) (1 + e + ...)
    return fast_two_sum(s, low), n


def signed_exp(x: Pair, dtype: str) -> tuple[Pair, Any]:
    """exp(x) = (pair) * 2**n with n >= 0, of a pair x; n = 0 where x < 0.

    Error: that of `pair_exp`, and twice the smallest normal number where the
    pair is below 2**p of them: exp(x) may be flushed, and counts as one of
    them further down, however far.  x is within the exponents above.
    """
    least = constant({"float32": -87.0, "float64": -708.0}[dtype], dtype)
    # A maximum of float64 is float32 where Keras runs on torch.
    held = ops.where(x[0] < least, least, x[0])
    m, n = pair_exp((held, x[1]), dtype)
    zero = constant(0.0, dtype)
    down = pair_by_power(m, ops.minimum(n, zero), dtype)
    return down, ops.maximum(n, zero)
