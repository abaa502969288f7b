"""Zeros of any order, and rows by logarithm: pairs beside polynomials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops

from .constants import clamp
from .constants import constant
from .constants import fixed
from .exponents import level_of
from .lookup import find_row
from .nouns import Pair
from .nouns import RowTable
from .pairs import pair_power
from .pairs import two_product
from .pairs import two_sum
from .polynomials import horner


def power_row(
    s: Any,
    offset: tuple[float, float],
    order: int,
    factor: float,
    rest: Sequence[float],
    levels: tuple[Any, ...],
    dtype: str,
) -> Any:
    """factor * d**order + d**order * (rest[0] + rest[1] * d + ...).

    d = s - offset; `rest` is negated.  s is exact where it is t - c with
    c/2 <= t <= 2c (Sterbenz).  Between `edges` |d| is scaled by `ups`, powers
    of two, and what comes out by `backs`.

    Error: u |result|, that of the small part, and 2**(6 - 2 p) of pairs.
    """
    edges, ups, backs, most = levels
    if most is not None:  # beyond it the result overflows all the same
        s = clamp(s, -most, most, dtype)
    d = (s, ops.zeros_like(s))
    if offset[0]:  # XLA folds (t - c) - offset to t - (c + offset)
        s = fixed(s, dtype)
        high, low = two_sum(s, constant(-offset[0], dtype))
        d = high, low - offset[1]
    up = level_of(ops.abs(d[0]), edges, ups, dtype)
    p = pair_power((d[0] * up, d[1] * up), order, dtype)
    y, e = two_product(p[0], constant(factor, dtype), dtype)
    y = y - (p[0] * horner(rest, d[0]) - (e + factor * p[1]))
    return y * level_of(ops.abs(d[0]), edges, backs, dtype)


def log_rows(z: Pair, rows: RowTable, dtype: str) -> Pair:
    """A local polynomial of a variable that is a pair; so is the result.

    Error: as `local_polynomial`, the last sum kept whole.
    """
    seams, table, _, scaled = rows
    center, *columns = find_row(z[0], seams, table, dtype)
    s = (z[0] - center) + z[1]
    gain = 1.0
    if scaled:
        scale, gain, *columns = columns
        s = s * scale
    lead, *rest = columns
    high, low = two_sum(-horner(rest, s), lead)
    return high * gain, low * gain
