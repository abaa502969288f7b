"""Inputs for elementary functions: all magnitudes, and where it is hard.

Needs numpy only; `verify` and the calibration both draw from here.
"""

from __future__ import annotations

import math

import numpy as np

from .._dtypes import FORMATS
from .._dtypes import Array
from .._dtypes import largest
from .._dtypes import scalar

SEED = 20261125
# Known hard cases of correct rounding in float64 (Lefevre and Muller, Worst
# cases for correct rounding of the elementary functions in double precision,
# 2001): exp next to the middle of two floats, log next to a float.
KNOWN = {
    "exp": ("0x1.9e9cbbfd6080bp-31",),
    "log": ("0x1.62a88613629b6p+678",),
    "sqrt": (),
}
REACH = 8  # neighbours of a hard place, on each side


def range_of(name: str, dtype: str) -> tuple[float, float]:
    """The finite inputs a plan may give the function: lowest and highest.

    exp: up to results of 2**emax, beyond which the analysis refuses it: in
    the last binade XLA's is 5.6 ulp off (float32, at 88.72), below 1.
    log, sqrt: normal numbers, since XLA reads subnormal ones as 0.
    """
    _, emin = FORMATS[dtype]
    if name == "exp":
        return -largest(dtype), (1 - emin) * math.log(2.0)
    return math.ldexp(1.0, emin), largest(dtype)


def samples(name: str, dtype: str, count: int) -> Array:
    """Inputs of a function of one argument, in its range.

    About `count` at random, half of them evenly where the results are
    normal (exp) or near 1 (log, sqrt), half over all binades; and the hard
    places with their neighbours.
    """
    _, emin = FORMATS[dtype]
    rng = np.random.default_rng(SEED)
    half = count // 2
    if name == "exp":
        last = (1 - emin) * math.log(2.0)
        even = rng.uniform(-1.1 * last, last, half)
        sizes = np.exp2(rng.uniform(emin, math.log2(last), half))
        spread = sizes * rng.choice((-1.0, 1.0), half)
    else:
        even = rng.uniform(0.5, 2.0, half)
        near = 1.0 + (even - 1.0) * np.exp2(-rng.uniform(0, 40, half))
        even[::2] = near[::2]
        spread = np.exp2(rng.uniform(emin, 1 - emin, half))
    chosen = np.concatenate([even, spread])
    with np.errstate(over="ignore"):
        x = np.concatenate([chosen.astype(scalar(dtype)), hard(name, dtype)])
    low, high = range_of(name, dtype)
    value = x.astype(np.float64)
    return x[(value >= low) & (value <= high)]


def hard(name: str, dtype: str) -> Array:
    """Where argument reductions change over, and the ends of the range."""
    precision, emin = FORMATS[dtype]
    log2 = math.log(2.0)
    powers = np.ldexp(1.0, np.arange(emin, 2 - emin))
    if name == "exp":
        halves = np.arange(2 * (emin - precision - 2), 2 * (2 - emin) + 1)
        sizes = powers[powers < 4 * (2 - emin)]
        places = np.concatenate([halves * (log2 / 2), sizes, -sizes])
    else:
        places = np.concatenate([powers, powers * math.sqrt(0.5)])
        places = np.concatenate([places, [largest(dtype)]])
    x = places.astype(scalar(dtype))
    if dtype == "float64":
        known = [float.fromhex(text) for text in KNOWN[name]]
        x = np.concatenate([x, known])
    return neighbours(x)


def neighbours(x: Array) -> Array:
    """The floats and `REACH` on either side of each."""
    width = {2: np.int16, 4: np.int32, 8: np.int64}[x.dtype.itemsize]
    step = np.arange(-REACH, REACH + 1, dtype=width)
    found = (x.view(width)[:, None] + step).ravel().view(x.dtype)
    with np.errstate(invalid="ignore"):
        return found[np.isfinite(found.astype(np.float64))]


def pairs(name: str, dtype: str, count: int) -> tuple[Array, Array]:
    """Arguments for + - * /, their results in the format's range.

    Sums: of sizes that overlap.  Quotients: half of them as near to the
    middle of two floats as a quotient can be.
    """
    precision, emin = FORMATS[dtype]
    rng = np.random.default_rng(SEED + 1)
    wide = (1 - emin) // 2 - 2
    top = rng.integers(-wide, wide, count)
    if name in ("add", "subtract"):
        other = top - rng.integers(-3, min(precision + 2, wide), count)
        other = np.clip(other, -wide, wide)
    else:
        other = rng.integers(-wide, wide, count)
    a, b = (
        np.ldexp(rng.uniform(1.0, 2.0, count), e)
        * rng.choice((-1.0, 1.0), count)
        for e in (top, other)
    )
    if name == "divide":
        hard_a, hard_b = near_middles(precision, count // 64)
        scale = np.ldexp(1.0, -precision)
        a = np.concatenate([a, hard_a * scale])
        b = np.concatenate([b, hard_b * scale])
    return a.astype(scalar(dtype)), b.astype(scalar(dtype))


def near_middles(precision: int, count: int) -> tuple[Array, Array]:
    """Integers a, b of `precision` bits, a/b next to a middle of floats.

    For odd b and small odd s, the odd m = -s / b (mod 2**(p + 1)) makes
    a = (b m + s) / 2**(p + 1) an integer, and 2**(p + 1) a / b = m + s / b
    with m odd, of p + 1 bits: half way, and s / b beside it.
    """
    rng = np.random.default_rng(SEED + 2)
    bits = precision + 1
    above, below = [], []
    for low in rng.integers(0, 2 ** (precision - 2), count).tolist():
        b = 2 ** (precision - 1) + 2 * low + 1
        for s in (-5, -3, -1, 1, 3, 5):
            m = -s * pow(b, -1, 2**bits) % 2**bits
            if m >= 2**precision:  # else of fewer bits, no middle
                above.append((b * m + s) >> bits)
                below.append(b)
    return np.array(above, np.float64), np.array(below, np.float64)
