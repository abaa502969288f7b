"""The true f and f', from outside this project.

``f64`` is for scoring predictions (nothing depends on its last digits);
``exact`` is mpmath and is what ulp errors are measured against.
"""

import mpmath
import numpy as np


def f64(x: np.ndarray) -> np.ndarray:
    """f in float64 to about 1e-12, at every input."""
    x = np.asarray(x, "float64")
    a = np.abs(x)
    # f(-a), then f(a) = 1 - f(-a): exp(-a) never overflows.
    near = np.minimum(a, 0.1)
    far = np.maximum(a, 0.1)
    series = 0.5 - near / 12 + near**3 / 720 - near**5 / 30240
    tail = 1 / far - np.exp(-far) / -np.expm1(-far)
    lower = np.where(a < 0.1, series, tail)
    return np.where(x < 0, lower, 1 - lower)


def link64(x: np.ndarray, shifts: tuple[float, ...]) -> np.ndarray:
    x = np.asarray(x, "float64")
    return sum(f64(x + shift) for shift in shifts)


def sigmoid64(x: np.ndarray, shifts: tuple[float, ...]) -> np.ndarray:
    """What a model with the sigmoid in place of f predicts."""
    x = np.asarray(x, "float64")
    halves = (np.tanh((x + shift) / 2) for shift in shifts)
    return sum((1 + half) / 2 for half in halves)


def exact(x: float, order: int) -> mpmath.mpf:
    """f (order 0) or f' (order 1) at the float x, to 40 digits or more."""
    if x == 0:
        return mpmath.mpf(1) / (2 if order == 0 else 12)
    if mpmath.isinf(x):
        return mpmath.mpf(1 if order == 0 and x > 0 else 0)
    # f loses 2 log10|x| digits near 0 and f' loses 3 times as many.
    lost = max(0, -int(mpmath.log10(abs(x)))) * 4
    with mpmath.workdps(60 + lost):
        z = mpmath.mpf(x)
        # exp(-|x|) of |x| > 1e6 is beyond any digit kept here.
        e = mpmath.exp(-abs(z)) if abs(z) < 1e6 else mpmath.mpf(0)
        if order == 1:
            return 1 / z**2 - e / (1 - e) ** 2
        lower = 1 / abs(z) - e / (1 - e)
        return lower if z < 0 else 1 - lower
