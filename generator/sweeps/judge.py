"""Errors in ulp of many results at once.

``|got - f(x)| / ulp(f(x))`` as docs/design.md has it: the unit of the smallest
normal number below it, where 0 is exact; above the largest number what the
format makes of it is exact; nan or a wrong infinity is an infinite error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..numbers.floats import FloatFormat

Array = np.ndarray[Any, Any]
BIAS, FRACTION_BITS = 1023, 52  # of float64


@dataclass(frozen=True)
class Exact:
    """f(x) at many x: ``(high + low) * 2**-scale``, in float64.

    Attributes:
        high, low: `low` is 0 where 2**-53 of f(x) does not matter.
        scale: integers, or None for 0.  Without it `low` would underflow
            where f(x) < 2**-969.
        known: False where f(x) could not be enclosed.
    """

    high: Array
    low: Array | None = None
    scale: Array | None = None
    known: Array | None = None


def ulp_errors(got: Array, want: Exact, fmt: FloatFormat) -> Array:
    """The error of each result; nan where f(x) is not known.

    Args:
        got: results of the format, as float64.
        want: f(x).
        fmt: the format of the results.
    """
    with np.errstate(all="ignore"):
        return _errors(got, want, fmt)


def _errors(got: Array, want: Exact, fmt: FloatFormat) -> Array:
    scale: Any = 0 if want.scale is None else want.scale
    moved = got if want.scale is None else np.ldexp(got, scale)
    size = np.abs(want.high)
    gap = moved - want.high
    exponent = (size.view(np.int64) >> FRACTION_BITS) - BIAS
    if want.low is not None:
        gap = gap - want.low
        # Just below a power of two the unit is the smaller one.
        power = size.view(np.int64) & (2**FRACTION_BITS - 1) == 0
        below = power & (want.low * want.high < 0)
        exponent = exponent - below
    unit = np.maximum(exponent, fmt.emin + scale) - (fmt.precision - 1)
    # A power of two times the gap: exact, and quicker than a division.
    inverse = ((BIAS - unit) << FRACTION_BITS).view(np.float64)
    errors = np.abs(gap) * inverse
    largest, smallest = float(fmt.max_finite), float(fmt.smallest_normal)
    if want.scale is None:
        plain = want.high
    else:
        plain = np.ldexp(want.high, -scale)
    flushed = (got == 0) & (np.abs(plain) < smallest)
    errors[flushed] = 0.0
    above = np.abs(plain) > largest
    if above.any():
        errors[above] = _beyond(got[above], plain[above], fmt)
    errors[np.isnan(errors)] = np.inf
    if want.known is not None:
        errors[~want.known] = np.nan
    return np.asarray(errors)


def _beyond(got: Array, want: Array, fmt: FloatFormat) -> Array:
    """Errors where f(x) is above the largest number.

    A finite result is off by what it lacks, in units of the last binade.
    """
    largest = float(fmt.max_finite)
    becomes = {"inf": np.inf, "nan": np.nan, "saturate": largest}[fmt.overflow]
    if np.isnan(becomes):
        right = np.isnan(got)
    else:
        right = got == np.copysign(becomes, want)
    unit = 2.0 ** (fmt.emax - fmt.precision + 1)
    lacking = np.abs(got - want) / unit
    lacking[~np.isfinite(got)] = np.inf
    return np.where(right, 0.0, lacking)
