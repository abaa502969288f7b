"""Rows about a zero of f at 0, a multiple zero, or one between floats.

f = d**m (A + b_0 + b_1 d + ...), d the distance from the zero, would lose a
rounding or two for each factor d.  So d**m and its product with A are pairs
of floats (Dekker 1971), and all that is rounded in one float is small:

    f = A d**m + d**m (b_0 + b_1 d + ...).

Where the zero is not a float, d itself is a pair.  Tiny d is scaled up by a
power of two first, or low parts would be flushed to zero, and large d down,
or Dekker's splits would overflow: 2**(p/2) times a number above max / 2**(p/2)
is infinite, and inf - inf is nan.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from flint import arb

from ..errors import NotProvedError
from ..numbers.chebyshev import Economized
from ..numbers.differences import exact_step
from ..numbers.floats import FloatFormat
from ..numbers.floats import floor_log2
from ..numbers.floats import floor_log2_ball
from ..numbers.floats import to_arb
from ..numbers.floats import to_fraction
from ..numbers.series import Series
from ..numbers.series import to_balls
from ..numbers.series import upper
from .rows import PER_OCTAVE
from .rows import SPARE
from .rows import ulp_bound

MAX_ORDER = 64
MOST_LEVELS = 4  # of a row with a gain


@dataclass(frozen=True)
class PowerRow:
    """See the module's docstring.

    Attributes:
        low, high: the interval of t.
        center: the float next to the zero.
        offset: the zero minus the center, in two floats; 0 if it is one.
        order: m.
        factor: A.
        rest: b_0, b_1, ...
        edges, scales: |d| between edges[j - 1] and edges[j] is scaled by
            2**scales[j].
        most: a larger |d| gives what this gives, infinity; None if none is.
        ulp: proved bound of the total error.
        truncation: bound of |polynomial - f 2**gain| / |d|**m.
        gain: the numbers are those of f * 2**gain, where f itself has a
            leading coefficient far from 1.
    """

    low: Fraction
    high: Fraction
    center: Fraction
    offset: tuple[Fraction, Fraction]
    order: int
    factor: Fraction
    rest: tuple[Fraction, ...]
    edges: tuple[Fraction, ...]
    scales: tuple[int, ...]
    most: Fraction | None
    ulp: float
    truncation: float
    gain: int = 0

    @property
    def backs(self) -> tuple[int, ...]:
        """Powers of two that undo `scales` and `gain`."""
        return tuple(-n * self.order - self.gain for n in self.scales)

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
    zero: Fraction | arb | None = None,
) -> PowerRow:
    """The row for a series of valuation m >= 1.

    Args:
        zero: where it vanishes, if that is not the center.

    Raises:
        NotProvedError: the degree does not suffice, or t - center is not
            exact on the whole interval.
    """
    m = series.v
    if not 1 <= m <= MAX_ORDER:
        raise NotProvedError(f"no row for a zero of order {m}")
    if not exact_step(center, low, high):
        raise NotProvedError("t - center is rounded beyond [c/2, 2c]")
    gain = _gain_for(series, fmt)
    series = series.lifted(gain)
    exact = to_arb(center) if zero is None else zero
    exact = to_arb(exact) if isinstance(exact, Fraction) else exact
    a, b = to_arb(low) - exact, to_arb(high) - exact
    gap = to_fraction(exact) - center
    first = fmt.round(gap)
    offset = (first, fmt.round(gap - first))
    poly = to_balls(series.poly)
    made = Economized(poly, a, b)
    if not poly.length():
        raise NotProvedError("a zero of higher order than terms are kept")
    size = float(abs(poly.coeffs()[0]).lower())
    base = float(upper(series.error()))
    for d in range(degree + 1):
        if made.dropped(d) + base <= size * 2.0 ** (-fmt.precision - 3):
            break
    else:
        raise NotProvedError("the degree does not suffice")
    cs = [to_fraction(c) for c in made.cut(d).coeffs()]
    factor = fmt.round(cs[0])
    wanted = [cs[0] - factor, *cs[1:]]
    rest = tuple(fmt.round(c) for c in wanted)
    reach = max(abs(low - center), abs(high - center)) + abs(gap)
    change = sum(
        abs(float(c - r)) * float(reach) ** i
        for i, (c, r) in enumerate(zip(wanted, rest, strict=True))
    )
    error = (made.dropped(d) + base + change) * SPARE
    error += size * _missed(gap - sum(offset), gap, center, m, fmt)
    if gain:
        edges, scales = _gained_levels(m, center, reach, gain, fmt)
        most = None
        ulp = _relative_bound(float(reach), m, factor, rest, error, fmt)
    else:
        edges, scales, most = _levels(m, factor, reach, fmt)
        ulp = _bound(float(reach), m, factor, rest, error, fmt)
    # Scaled back it may be rounded once more, where it is subnormal and its
    # own ulp at most half the unit.
    ulp = max(ulp, 0.5 + ulp / 2)
    return PowerRow(
        low,
        high,
        center,
        offset,
        m,
        factor,
        rest,
        edges,
        scales,
        most,
        ulp,
        error,
        gain,
    )


def _gain_for(series: Series, fmt: FloatFormat) -> int:
    """0, or what brings a leading coefficient out of proportion near 1."""
    cs = series.coeffs()
    if not cs or arb(cs[0]).contains(0):
        return 0
    size = floor_log2_ball(arb(cs[0]))
    return -size if abs(size) > fmt.emax // 2 else 0


def _missed(
    left: Fraction, gap: Fraction, center: Fraction, m: int, fmt: FloatFormat
) -> float:
    """What two floats leave over of the zero, relative, in the nearest d**m.

    With d the distance of the nearest number, (1 + left / d)**m - 1; the
    ball that the zero is known by is far narrower.

    Raises:
        NotProvedError: it is not small, the zero being nearer to 0 than
            any number.
    """
    if not left:
        return 1e-25
    spacing = Fraction(2) ** fmt.ulp_exponent(floor_log2(center or left))
    nearest = abs(gap) if center else spacing - abs(gap)
    nearest = min(nearest, spacing - abs(gap))
    if nearest <= 0 or m * abs(left) > nearest / 2 ** (fmt.precision + 8):
        raise NotProvedError("a zero nearer to 0 than any number")
    return float(m * abs(left) / nearest) * 1.01 + 1e-25


def _levels(
    m: int, factor: Fraction, reach: Fraction, fmt: FloatFormat
) -> tuple[tuple[Fraction, ...], tuple[int, ...], Fraction | None]:
    """Edges of |d|, the powers of two by which it is scaled, and the most.

    The low parts of pairs are 2**(-2 p) of d**m and of A d**m; they are
    kept, with 8 bits to spare, where both are above 2**(emin + 2 p + 8).
    Where A d**m is normal, 2**scale lifts d**m that high, and no higher
    than 2**(emin + 4 p + 16 + m).

    Products are split by numbers below 2**((p + 1) / 2 + 1): d**m and
    A d**m stay below 2**(emax - (p + 1) / 2 - 2).  Beyond, d is scaled down;
    where 2**(m scale) itself would overflow, so does f by far.

    Raises:
        NotProvedError: A is out of proportion.
    """
    spare = 2 * fmt.precision + 8
    size = floor_log2(factor)
    least = fmt.emin + spare - min(size, 0)
    tiny = Fraction(2) ** -(-least // m)
    up = -(-(spare + max(size, 0)) // m)
    if up * m > fmt.emax - 1 or abs(size) > fmt.emax // 2:
        raise NotProvedError("a leading coefficient out of proportion")
    room = fmt.emax - (fmt.precision + 1) // 2 - 3 - max(size, 0)
    large = _root_of_two(room, m)
    if reach <= large:
        return (tiny,), (up, 0), None
    down = min((-(-reach // large) - 1).bit_length(), fmt.emax // m)
    lifted = large / 2**down
    if m * floor_log2(lifted) + min(size, 0) < fmt.emin + spare:
        raise NotProvedError("no power of two keeps the powers of d in range")
    most = large * 2**down
    if reach <= most:
        return (tiny, large), (up, 0, -down), None
    # A most**m and a quarter of it, what the rest may leave, overflow.
    if m * floor_log2(most) + size < fmt.emax + 3:
        raise NotProvedError("no power of two reaches where f overflows")
    return (tiny, large), (up, 0, -down), most


def _gained_levels(
    m: int, center: Fraction, reach: Fraction, gain: int, fmt: FloatFormat
) -> tuple[tuple[Fraction, ...], tuple[int, ...]]:
    """The same for f * 2**gain, whose leading coefficient is next to 1.

    What undoes the scaling undoes the gain with it, one power of two.  So d
    is scaled no further than f asks for: where |f| is below 2**-3 of the
    least subnormal number whatever is computed is 0, or as good.

    Raises:
        NotProvedError: a power of two, or of d, is out of range.
    """
    window = fmt.emin + 2 * fmt.precision + 9
    room = fmt.emax - (fmt.precision + 1) // 2 - 4
    least = fmt.emin - fmt.precision - 3 + gain  # of d**m that matters
    if not center:
        least = max(least, m * fmt.emin)
    edges, scales = [-(-window // m)], [0]
    while not scales[1:] or edges[0] * m > least:
        top = m * edges[0]  # of d**m at this level
        up = min(-(-max(window - least, 0) // m), (room - top) // m)
        scales.insert(0, up)
        edges.insert(0, -(-window // m) - up)
        if len(scales) > MOST_LEVELS or up <= scales[1]:
            break
    powers = (*scales, *(-n * m - gain for n in scales))
    if (
        (edges[0] * m > least and scales[0] * m < window - least)
        or reach > _root_of_two(room, m)
        or not all(fmt.emin <= n <= fmt.emax for n in powers)
    ):
        raise NotProvedError("a leading coefficient out of proportion")
    return tuple(Fraction(2) ** e for e in edges[1:]), tuple(scales)


def _root_of_two(n: int, m: int) -> Fraction:
    """The largest number of four bits, below 2**(n/m)."""
    unit = Fraction(2) ** (n // m - 3)
    steps = 8
    while steps < 15 and (unit * (steps + 1)) ** m <= Fraction(2) ** n:
        steps += 1
    return unit * steps


def _sizes(
    high: np.ndarray,
    m: int,
    factor: Fraction,
    rest: tuple[Fraction, ...],
    fmt: FloatFormat,
) -> tuple[float, np.ndarray, np.ndarray]:
    """|A|, the rest of the sum, and what roundings do; all over |d|**m."""
    u = 2.0**-fmt.precision
    size = abs(float(factor))
    series = np.zeros_like(high)
    for i, b in enumerate(rest):
        series = series + abs(float(b)) * high**i
    # The pairs keep all but (3 m + 4) 2**(3 - 2 p) of A d**m (and d itself
    # 2**(1 - 2 p)); b_i d**i meets m + 2 i + 4 roundings.
    small = np.zeros_like(high)
    for i, b in enumerate(rest):
        small = small + (m + 2 * i + 4) * u * abs(float(b)) * high**i
    small = (3 * m + 4) * 8 * u * u * size + small
    if np.any(size <= 4 / 3 * series):  # a quarter is left: see _levels
        raise NotProvedError("f may vanish inside a row")
    return size, series, small


def _bound(
    reach: float,
    m: int,
    factor: Fraction,
    rest: tuple[Fraction, ...],
    error: float,
    fmt: FloatFormat,
) -> float:
    """In ulp, over octaves of |s|; both signs at once."""
    # Below 2**(emin/m - 1) f is below the smallest normal number.
    least = 2.0 ** (fmt.emin / m - 2)
    count = max(
        1, math.ceil((math.log2(reach) - math.log2(least)) * PER_OCTAVE)
    )
    high = reach * 2.0 ** (-np.arange(count) / PER_OCTAVE)
    low = high * 2.0 ** (-1 / PER_OCTAVE)
    size, series, small = _sizes(high, m, factor, rest, fmt)
    relative = small + error
    # Within a cell both the value and its error grow like s**m.
    ya, yb = low**m * (size - series), low**m * (size + series)
    growth = (high / low) ** m
    carried = relative * low**m * growth
    return max(
        ulp_bound(ya, yb, relative * low**m, fmt),
        ulp_bound(ya, yb * growth, carried, fmt),
    )


def _relative_bound(
    reach: float,
    m: int,
    factor: Fraction,
    rest: tuple[Fraction, ...],
    error: float,
    fmt: FloatFormat,
) -> float:
    """In ulp, of a row with a gain: f may be any power of two times that.

    An error relative to |f| is at most 2**p of it in ulp, and less where f
    is below the normal numbers.
    """
    size, series, small = _sizes(np.array([reach]), m, factor, rest, fmt)
    own = float(np.max((small + error) / (size - series))) * 2.0**fmt.precision
    return (own + (0.5 if own <= 1 else 1.0)) * SPARE
