"""Rows about a zero of f at 0, or of order two or more elsewhere.

f = s**m (A + b_0 + b_1 s + ...) loses a rounding or two for each factor s; so s
is split: s = h + l with h short enough that h**m is exact (Dekker 1971), and

    f = A h**m + (A (s**m - h**m) + s**m (b_0 + b_1 s + ...)),

where A has so few bits that its product is exact too, and all but the first
term is small.  Tiny s is scaled by a power of two
first, or parts of the small terms would be flushed to zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from flint import arb
from flint import arb_poly

from .economy import Economized
from .errors import NotProvedError
from .formats import FloatFormat
from .formats import to_arb
from .formats import to_fraction
from .rows import PER_OCTAVE
from .rows import short
from .rows import splitter
from .rows import ulp_bound
from .series import Series
from .series import to_balls
from .series import upper


@dataclass(frozen=True)
class PowerRow:
    """See the module's docstring.

    Attributes:
        low, high: the interval of t.
        center: the zero, a float.
        order: m.
        factor: A.
        rest: b_0, b_1, ...
        splitter: 2**j + 1, leaves (p - FACTOR_BITS) // m bits in h.
        scale: the power of two for |s| below `tiny`.
        ulp: proved bound of the total error.
    """

    low: Fraction
    high: Fraction
    center: Fraction
    order: int
    factor: Fraction
    rest: tuple[Fraction, ...]
    splitter: int
    scale: int
    tiny: Fraction
    ulp: float

    @property
    def degree(self) -> int:
        return len(self.rest) - 1


def make_power_row(
    series: Series,
    center: Fraction,
    low: Fraction,
    high: Fraction,
    fmt: FloatFormat,
    degree: int,
) -> PowerRow:
    """The row for a series of valuation m >= 1.

    Raises:
        NotProvedError: the degree does not suffice.
    """
    m = series.v
    if m < 1 or splitter(fmt, m)[1] < 4:
        raise NotProvedError(f"no row for a zero of order {m}")
    a, b = to_arb(low - center), to_arb(high - center)
    poly = to_balls(series.poly)
    made = Economized(poly, a, b)
    size = float(abs(poly.coeffs()[0]).lower())
    base = float(upper(series.error()))
    for d in range(degree + 1):
        if made.dropped(d) + base <= size * 2.0 ** (-fmt.precision - 3):
            break
    else:
        raise NotProvedError("the degree does not suffice")
    cs = [to_fraction(c) for c in made.cut(d).coeffs()]
    factor = short(cs[0])
    wanted = [cs[0] - factor, *cs[1:]]
    rest = tuple(fmt.round(c) for c in wanted)
    reach = max(abs(low - center), abs(high - center))
    change = sum(
        abs(float(c - r)) * float(reach) ** i
        for i, (c, r) in enumerate(zip(wanted, rest, strict=True))
    )
    error = (made.dropped(d) + base + change) * (1 + 1e-9) + size * 1e-25
    divider, bits = splitter(fmt, m)
    scale = -(-2 * fmt.precision // m) + 4
    ulp = _bound(float(reach), m, factor, rest, error, bits, fmt)
    return PowerRow(
        low,
        high,
        center,
        m,
        factor,
        rest,
        divider,
        scale,
        Fraction(1, 2**8),
        ulp,
    )


def _bound(
    reach: float,
    m: int,
    factor: Fraction,
    rest: tuple[Fraction, ...],
    error: float,
    bits: int,
    fmt: FloatFormat,
) -> float:
    """In ulp, over octaves of |s|; both signs at once."""
    u = 2.0**-fmt.precision
    # Below 2**(emin/m - 1) f is below the smallest normal number.
    least = 2.0 ** (fmt.emin / m - 2)
    count = math.ceil((math.log2(reach) - math.log2(least)) * PER_OCTAVE)
    high = reach * 2.0 ** (-np.arange(count) / PER_OCTAVE)
    low = high * 2.0 ** (-1 / PER_OCTAVE)
    size = abs(float(factor))
    split = m * 2.0**-bits * (1 + 2.0**-bits) ** m
    series = sum(abs(float(b)) * high**i for i, b in enumerate(rest))
    # m + 4 roundings of the split part, m + 2 i + 3 of each b_i s**i.
    small = (m + 5) * u * split * size + sum(
        (m + 2 * i + 4) * u * abs(float(b)) * high**i
        for i, b in enumerate(rest)
    )
    relative = small + error
    # Within a cell both the value and its error grow like s**m.
    ya, yb = low**m * (size - series), low**m * (size + series)
    if np.any(size <= series):
        raise NotProvedError("f may vanish inside a row")
    growth = (high / low) ** m
    carried = relative * low**m * growth
    return max(
        ulp_bound(ya, yb, relative * low**m, fmt),
        ulp_bound(ya, yb * growth, carried, fmt),
    )


__all__ = ["PowerRow", "arb", "arb_poly", "make_power_row"]
