"""Numbers, tuples and comments as Python source."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from . import plain
from .errors import GeneratorError
from .formats import FORMATS
from .formats import floor_log2

WIDTH = 72  # of comments


def number(value: Fraction | float, dtype: str) -> str:
    """The shortest decimal that reads back as this float.

    Raises:
        GeneratorError: it is beyond the largest of the dtype.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if abs(Fraction(value)) > FORMATS[dtype].max_finite:
        raise GeneratorError(
            f"Not a number of {dtype}: expected at most "
            f"{float(FORMATS[dtype].max_finite)} in size, received one of "
            f"2**{floor_log2(Fraction(value))}."
        )
    if dtype == "float32":
        text = str(np.float32(float(value)))
    else:
        text = repr(float(value))
    return text if any(c in text for c in ".en") else text + ".0"


def tuple_text(values: Sequence[Fraction], dtype: str) -> str:
    body = ", ".join(number(v, dtype) for v in values)
    return f"({body},)"


def comment(text: str) -> list[str]:
    """Lines of a comment; a text that would end one is refused."""
    text = plain.text(text, "comment")
    return [
        "# " + line
        for line in textwrap.wrap(text, WIDTH, break_on_hyphens=False)
    ]


def wrapped(values: Sequence[Fraction], dtype: str, indent: int) -> list[str]:
    text = ", ".join(number(v, dtype) for v in values)
    return textwrap.wrap(
        text + "," if text else "",
        80,
        initial_indent=" " * indent,
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


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
