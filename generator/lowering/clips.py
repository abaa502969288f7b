"""Inputs held inside an interval, so that no piece sees another's."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ..program.program import Expr
from .body import Call
from .body import Number
from .body import Word
from .body import ops

BELOW = Fraction(-1, 2**100)  # less would be flushed to 0


def clamp(
    value: Expr,
    low: Fraction,
    high: Fraction,
    dtype: str,
    across: bool = False,
    tight: bool = False,
) -> Expr:
    """value, or about the nearer end of [low, high]; nan stays nan.

    keras.ops.clip costs a tenth of two `where`s, but on torch its bounds
    become float32 (Keras 3.15), so they must be exact there.  At a bound
    JAX halves its slope: so they are the floats next to the ends, and every
    number of the interval is strictly inside.

    Args:
        across: a low of 0 may become a little less.
        tight: the ends themselves, beyond which there is nothing.
    """
    a, b = low, high
    with np.errstate(over="ignore"):
        narrow = [np.float32(float(v)) for v in (low, high)]
        exact = all(
            float(n) == v for n, v in zip(narrow, (low, high), strict=True)
        )
        least = np.nextafter(narrow[0], np.float32(-np.inf))
        most = np.nextafter(narrow[1], np.float32(np.inf))
    if not exact:
        ends = Number(low, dtype), Number(high, dtype)
        return Call("clamp", (value, *ends, Word(dtype)))
    if tight:
        return ops("clip", value, Number(a, dtype), Number(b, dtype))
    if low and np.isfinite(least):
        a = Fraction(float(least))
    elif across and not low:
        a = BELOW
    if np.isfinite(most):
        b = Fraction(float(most))
    return ops("clip", value, Number(a, dtype), Number(b, dtype))
