"""Numbers and bounds as people read them."""

from __future__ import annotations

import math


def shown_bound(ulp: float) -> float:
    """A bound with four decimals, rounded up so that it stays one."""
    return math.ceil(ulp * 10**4) / 10**4


def at_most(bound: float, digits: int = 3) -> str:
    """Rounded up: a bound that is rounded down is none."""
    unit = 10.0**digits
    return f"{math.ceil(bound * unit) / unit:.{digits}f}"
