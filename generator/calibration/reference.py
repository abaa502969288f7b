"""Exact results of functions of one argument.

Up to float32 they are NumPy's in float64, within 4 ulp of float64 (what its
vectorised exp and log allow for), 2**-27 ulp of float32: far below the
thousandth to which errors are written down.  For float64 they are
python-flint's, to 120 bits.
"""

from __future__ import annotations

import math

import numpy as np
from flint import arb
from flint import ctx

from keras_stablef.verification.measure import Exact
from keras_stablef.verification.measure import rounded

PRECISION = 120  # bits: 53, and 67 more for the rest


def wide(name: str, x: np.ndarray) -> np.ndarray:
    """The function in float64, for inputs that are narrower."""
    with np.errstate(all="ignore"):
        value = x.astype(np.float64)
        return value if name == "cast" else getattr(np, name)(value)


def exact(name: str, x: np.ndarray, dtype: str) -> Exact:
    """`Exact` results in `dtype` of the function named so."""
    if dtype != "float64":
        return rounded(wide(name, x), dtype)
    high, low = np.empty_like(x), np.empty_like(x)
    with ctx.workprec(PRECISION):
        for k, value in enumerate(x.tolist()):
            ball = getattr(arb(value), name)()
            high[k] = float(ball)
            rest = float(ball - arb(high[k])) if math.isfinite(high[k]) else 0
            low[k] = rest
    return Exact(high, low)
