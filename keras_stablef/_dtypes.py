"""The float dtypes: their precision, range and NumPy types."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray
# Dtypes with arithmetic of their own: precision (bits) and exponent of the
# smallest normal number.
FORMATS = {
    "float16": (11, -14),
    "bfloat16": (8, -126),
    "float32": (24, -126),
    "float64": (53, -1022),
}


def scalar(dtype: str) -> Any:
    """NumPy's type of a dtype."""
    if dtype == "bfloat16":
        import ml_dtypes

        return ml_dtypes.bfloat16
    return np.dtype(dtype).type


def largest(dtype: str) -> float:
    """The format's largest number; emax = 1 - emin, as IEEE 754 has it."""
    precision, emin = FORMATS[dtype]
    return math.ldexp(2.0 - math.ldexp(1.0, 1 - precision), 1 - emin)
