"""Comments and clips as lines of Python."""

from __future__ import annotations

import textwrap
from fractions import Fraction

import numpy as np

from .. import plain
from ..numbers.literals import number

WIDTH = 72  # of comments


def comment(text: str) -> list[str]:
    """Lines of a comment; a text that would end one is refused."""
    text = plain.text(text, "comment")
    return [
        "# " + line
        for line in textwrap.wrap(text, WIDTH, break_on_hyphens=False)
    ]


def clamp(
    name: str, low: Fraction, high: Fraction, dtype: str, across: bool = False
) -> str:
    """name, or about the nearer end of [low, high]; nan stays nan.

    keras.ops.clip costs a tenth of two `where`s, but on torch its bounds
    become float32 (Keras 3.15), so they must be exact there.  At a bound
    JAX halves its slope: so they are the floats next to the ends, and every
    number of the interval is strictly inside.

    Args:
        across: a low of 0 may become a little less.
    """
    a, b = number(low, dtype), number(high, dtype)
    with np.errstate(over="ignore"):
        narrow = [np.float32(float(v)) for v in (low, high)]
        exact = all(
            float(n) == v for n, v in zip(narrow, (low, high), strict=True)
        )
        least = np.nextafter(narrow[0], np.float32(-np.inf))
        most = np.nextafter(narrow[1], np.float32(np.inf))
    if exact:
        if low:
            a = number(Fraction(float(least)), dtype)
        elif across:
            a = repr(-(2.0**-100))  # less would be flushed to 0
        if np.isfinite(most):
            b = number(Fraction(float(most)), dtype)
        return f"ops.clip({name}, {a}, {b})"
    return f"_clamp({name}, {a}, {b}, {dtype!r})"
