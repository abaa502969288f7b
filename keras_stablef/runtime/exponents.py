"""Powers of two: taken out of numbers and put back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops

from .constants import constant
from .lookup import entries


def power_of_two(n: Any, dtype: str) -> Any:
    """2**n.

    Error: none, for whole |n| up to 126 (float32) or 1022; beyond it is the
    last of these.
    """
    last = {"float32": 126, "float64": 1022}[dtype]
    table = [2.0**k for k in range(-last, last + 1)]
    index = ops.clip(ops.cast(n, "int32") + last, 0, 2 * last)  # n may be nan
    return entries(table, index, dtype)


def scale_by_power(y: Any, n: Any, dtype: str) -> Any:
    """y * 2**n in two steps, since 2**n itself may overflow.

    Error: none where y * 2**n is normal and |n| <= 252 (float32) or 2044;
    below it one rounding, or a flush to 0.
    """
    half = ops.floor(0.5 * n)
    return (y * power_of_two(half, dtype)) * power_of_two(n - half, dtype)


def split_exponent(t: Any, root: int, dtype: str) -> tuple[Any, Any]:
    """m, n with t = m * 2**n, n a multiple of `root`.

    Error: none of m * 2**n, whatever log is off by: n is a guess.  With log
    off by at most 8 ulp, m is between 2**(-root / 2) and 2**(root / 2) but for
    2**-10 of itself.  t is positive and normal.
    """
    n = ops.log(t) * (1.4426950408889634 / root)
    n = ops.cast(root * ops.floor(n + 0.5), dtype)
    return scale_by_power(t, -n, dtype), n


def level_of(
    d: Any, edges: Sequence[float], factors: Sequence[float], dtype: str
) -> Any:
    """factors[j] where edges[j - 1] <= d < edges[j].  Error: none."""
    y = constant(factors[0], dtype)
    for edge, factor in zip(edges, factors[1:], strict=True):
        y = ops.where(d >= constant(edge, dtype), constant(factor, dtype), y)
    return y
