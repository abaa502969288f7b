"""Numbers as Python source: the one way to print them."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from ..errors import GeneratorError
from ..plain import shown
from .floats import floor_log2
from .formats import FORMATS


def number(value: Fraction | float, dtype: str = "float64") -> str:
    """The shortest decimal that reads back as this float.

    Raises:
        GeneratorError: it is beyond the largest of the dtype, or between
            two of its numbers.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if abs(Fraction(value)) > FORMATS[dtype].max_finite:
        raise GeneratorError(
            f"Not a number of {dtype}: expected at most "
            f"{float(FORMATS[dtype].max_finite)} in size, received one of "
            f"2**{floor_log2(Fraction(value))}."
        )
    float_of = np.float32(value) if dtype == "float32" else float(value)
    if Fraction(float(float_of)) != value:
        raise GeneratorError(
            f"Not a number of {dtype}: expected one that it holds exactly, "
            f"received {shown(value)}."
        )
    text = str(float_of)
    return text if any(c in text for c in ".en") else text + ".0"
