"""Local polynomials, and proved bounds of their error in ulp.

A row serves one interval: with ``s = t - center``,

    f = lead + slope * s + b_0 + b_1 s + b_2 s**2 + ...

where b_0 and b_1 are what the floats `lead` and `slope` leave over.  Away
from zeros of f the slope is 0 and everything after `lead` is small, so its
rounding hardly counts.  At a simple zero the lead is 0 and `slope * s`
leads: the slope has few bits, s is split in s = h + l (Dekker 1971), and
``slope * h`` is exact.  The center is a float, so s is exact near it; where
f vanishes between two floats the center is the nearest one and b_0 is f
there.  (A zero at 0 is for powers.py: there parts of s may be flushed.)
Where numbers would leave the range of the format, s is
``(t - center) * 2**scale``, and ``f * 2**gain`` is computed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from dataclasses import replace
from fractions import Fraction

import numpy as np
from flint import arb
from flint import arb_poly

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

FACTOR_BITS = 4  # of a leading factor; the rest of it is in b_1
CELLS = 48  # of a row, for its roundoff bound
POINTS = 64  # floats on either side of a zero that are cells of their own
PER_OCTAVE = 6  # the same where |f| falls towards a zero
# Bounds are attained at the ends of rows and cells; who checks them with
# other subdivisions needs something to spare, less than 0.01 ulp.
SPARE = 1 + 2.0**-8


@dataclass(frozen=True)
class Row:
    """See the module's docstring.

    Attributes:
        low, high: the interval of t.
        center, lead, slope, rest: the numbers, all of the format.
        scale, gain: of s and of f, see above.
        truncation: bound of |polynomial - f| over the interval, relative
            to |s| where f vanishes at the center.
        absolute: an error that does not fall with s there.
        ulp: proved bound of the total error.
    """

    low: Fraction
    high: Fraction
    center: Fraction
    lead: Fraction
    slope: Fraction
    rest: tuple[Fraction, ...]
    truncation: float
    absolute: float
    ulp: float
    scale: int = 0
    gain: int = 0

    @property
    def degree(self) -> int:
        return len(self.rest) - 1


def make_row(
    series: Series,
    center: Fraction,
    low: Fraction,
    high: Fraction,
    fmt: FloatFormat,
    degree: int,
    zero: bool,
    blur: float = 0.0,
) -> Row:
    """The row of lowest degree, at most `degree`, that is good enough.

    Args:
        series: of f about the center, valid on the interval.
        zero: f vanishes at the center, or between it and a neighbour.
        blur: what t itself is off by; where it is not a float, that is.

    Raises:
        NotProvedError: no such degree suffices, or f may vanish.
    """
    if low >= high:
        raise NotProvedError("no float but one")
    if zero and center == 0:  # low parts of tiny s would be flushed
        raise NotProvedError("a zero nearer to 0 than any number")
    if series.is_order:
        raise NotProvedError("nothing is known of f but a bound")
    if series.v < 0 or (series.v > 0 and not zero) or series.v > 1:
        raise NotProvedError("a row needs f finite and its zero simple")
    reach = max(center - low, high - center)
    gain = _gain_for(series, reach, fmt)
    series = series.lifted(gain)
    scale = _scale_for(series, reach, fmt)
    series = series.stretched(scale)
    a = to_arb((low - center) * Fraction(2) ** scale)
    b = to_arb((high - center) * Fraction(2) ** scale)
    poly = to_balls(series.poly).left_shift(series.v)
    error = series.error() * max(abs(a), abs(b)) ** series.v
    head, absolute = Fraction(0), 0.0
    if zero:
        cs = poly.coeffs()
        head = fmt.round(to_fraction(cs[0])) if series.v == 0 else Fraction(0)
        left = abs(cs[0] - to_arb(head)) if series.v == 0 else arb(0)
        poly = arb_poly(cs[1:])
        # Both are relative to the least |s|, one ulp of the center.
        if series.v == 1:
            error = series.error()
        else:
            error = series.rho * series.chart.radius ** max(series.n - 1, 0)
            absolute = float(upper(series.eta + left)) * (1 + 1e-9)
    made = Economized(poly, a, b)
    smallest = _smallest(poly, a, b)
    goal = smallest * 2.0 ** (-fmt.precision - 3)
    base = float(upper(error))
    for d in range(degree + 1):
        if made.dropped(d) + base <= goal:
            break
    else:
        raise NotProvedError("the degree does not suffice")
    exact = made.cut(d)
    return _rounded(
        exact,
        head,
        made.dropped(d) + base,
        absolute,
        center,
        low,
        high,
        fmt,
        zero,
        blur,
        scale,
        gain,
    )


def _gain_for(series: Series, reach: Fraction, fmt: FloatFormat) -> int:
    """0, or what keeps f and its small terms far from flush and overflow."""
    octave = floor_log2(reach)
    top = max(
        (
            floor_log2_ball(arb(c)) + i * octave
            for i, c in enumerate(series.coeffs(), series.v)
            if not arb(c).contains(0)
        ),
        default=0,
    )
    if fmt.emin + 3 * fmt.precision <= top <= fmt.emax - 8:
        return 0
    return max(min(-top, -fmt.emin), fmt.emin)


def _scale_for(series: Series, reach: Fraction, fmt: FloatFormat) -> int:
    """0, or what keeps the coefficients that matter inside the format."""
    sizes = [
        (i, floor_log2_ball(arb(c)))
        for i, c in enumerate(series.coeffs(), series.v)
        if not arb(c).contains(0)
    ]
    octave = floor_log2(reach)
    seen = max((e + i * octave for i, e in sizes), default=0)
    # About a zero s is split, by a number below 2**(p + 1).
    fits = octave + fmt.precision + 2 < fmt.emax and all(
        fmt.emin + fmt.precision <= e < fmt.emax
        for i, e in sizes
        if e + i * octave >= seen - 2 * fmt.precision
    )
    return 0 if fits else -octave


def _smallest(poly: arb_poly, a: arb, b: arb) -> float:
    """Roughly the least |poly| on [a, b]; only a guide for the degree."""
    xs = np.linspace(float(a), float(b), 17)
    cs = [float(c) for c in poly.coeffs()]
    return float(np.min(np.abs(np.polynomial.polynomial.polyval(xs, cs))))


def _rounded(
    poly: arb_poly,
    head: Fraction,
    error: float,
    absolute: float,
    center: Fraction,
    low: Fraction,
    high: Fraction,
    fmt: FloatFormat,
    zero: bool,
    blur: float,
    scale: int,
    gain: int,
) -> Row:
    cs = [to_fraction(c) for c in poly.coeffs()] or [Fraction(0)]
    reach = max(abs(low - center), abs(high - center)) * Fraction(2) ** scale
    first = short(cs[0]) if zero else fmt.round(cs[0])
    remainders = [cs[0] - first, *cs[1:]]
    rounded = [_kept(fmt, r, i, reach, first) for i, r in enumerate(remainders)]
    off = sum(
        (
            abs(r - k) * reach**i
            for i, (r, k) in enumerate(zip(remainders, rounded, strict=True))
        ),
        Fraction(0),
    )
    for c in poly.coeffs():  # what taking the midpoints changed
        error += float(c.rad()) * max(1.0, float(reach)) ** len(cs)
    error = (error + float(off)) * SPARE
    if zero:
        lead, slope, rest = Fraction(0), first, (head, *rounded)
    else:
        lead, slope, rest = first, Fraction(0), tuple(rounded)
    if max(map(abs, (lead, slope, *rest))) > fmt.max_finite:
        raise NotProvedError(f"f leaves the range of {fmt.name}")
    row = Row(
        low, high, center, lead, slope, rest, error, absolute, 0.0, scale, gain
    )
    ulp = row_bound(row, zero, fmt, blur)
    # Scaled back it may be rounded once more, where it is subnormal and its
    # own ulp at most half the unit.
    return replace(row, ulp=max(ulp, 0.5 + ulp / 2) if gain > 0 else ulp)


def short(value: Fraction) -> Fraction:
    """Rounded to so few bits that its product with a short float is exact."""
    unit = Fraction(2) ** (floor_log2(value) - FACTOR_BITS + 1)
    return round(value / unit) * unit


def splitter(fmt: FloatFormat, order: int = 1) -> tuple[int, int]:
    """Dekker's number 2**j + 1, and the bits of h; h**order is short."""
    bits = (fmt.precision - FACTOR_BITS) // order
    return 2 ** (fmt.precision - bits) + 1, bits


def _kept(
    fmt: FloatFormat, value: Fraction, i: int, reach: Fraction, lead: Fraction
) -> Fraction:
    """Rounded; 0 where it is below what anybody can see."""
    tiny = abs(lead) / 2 ** (2 * fmt.precision)
    if abs(value) * reach**i <= tiny:
        return Fraction(0)
    return fmt.round(value)


def row_bound(
    row: Row, zero: bool, fmt: FloatFormat, blur: float = 0.0
) -> float:
    """Bound of the total error in ulp, by running error analysis.

    Higham, Accuracy and Stability, section 5.1 (Horner), in intervals over
    many cells; products may be contracted, results flushed below 2**emin.
    The bound itself is computed in float64 and inflated by 1e-9, more than
    its own 200 roundings.

    Raises:
        NotProvedError: f may vanish in a cell.
    """
    center, low, high = row.center, row.low, row.high
    s1, s2 = _cells(
        float(low - center), float(high - center), center, fmt, zero
    )
    stretch = 2.0**row.scale  # exact; rows so near to 0 never need it
    s1, s2, blur = s1 * stretch, s2 * stretch, blur * stretch
    smax = np.maximum(np.abs(s1), np.abs(s2))
    # A variable that is a pair: its high part less the center, its low part.
    roundings = (not exact_step(center, low, high)) + (blur > 0)
    ds = blur + roundings * _half_ulp(smax, fmt)
    qa = np.full_like(s1, float(row.rest[-1]))
    qb, err = qa.copy(), np.zeros_like(s1)
    for b in reversed(row.rest[:-1]):
        pa, pb = _times(qa, qb, s1, s2)
        big = np.maximum(np.abs(qa), np.abs(qb))
        prod = np.maximum(np.abs(pa), np.abs(pb))
        err = err * (smax + ds) + big * ds
        err += _lost(prod + err, fmt)
        qa, qb = pa + float(b), pb + float(b)
        if b:  # adding zero is exact
            err += _lost(np.maximum(np.abs(qa), np.abs(qb)) + err, fmt)
    slope = np.full_like(s1, float(row.slope))
    la, lb = _times(slope, slope, s1, s2)
    lead_size = np.maximum(np.abs(la), np.abs(lb))
    carried = err + abs(float(row.slope)) * ds
    if row.slope:
        bits = splitter(fmt)[1]
        part = lead_size * 2.0**-bits
        unit = stretch * 2.0 ** fmt.ulp_exponent(floor_log2(center))
        part[smax <= unit * 2.0 ** (bits - 2)] = 0.0  # l = 0 for so few bits
        whole = np.maximum(np.abs(qa), np.abs(qb)) + part + err
        added = np.where(part > 0, _half_ulp(whole, fmt), 0.0)
        carried += _half_ulp(part, fmt) + added
    carried += row.truncation * (smax if zero else 1.0) + row.absolute
    carried *= 1 + 1e-9
    la, lb = la + float(row.lead), lb + float(row.lead)
    # Outwards: 1 - 1e-17 is below a power of two, its ulp half of that of 1.
    return ulp_bound(_below(la, qa), -_below(-lb, -qb), carried, fmt)


def _below(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a + b, rounded down (what is lost: Knuth, 4.2.2, theorem B)."""
    s = a + b
    v = s - a
    lost = (a - (s - v)) + (b - v)
    return np.where(lost < 0, np.nextafter(s, -np.inf), s)


def _lost(size: np.ndarray, fmt: FloatFormat) -> np.ndarray:
    """What an operation loses: rounding, or all of it if it is flushed."""
    return np.where(size < 2.0**fmt.emin, size, _half_ulp(size, fmt))


def _half_ulp(size: np.ndarray, fmt: FloatFormat) -> np.ndarray:
    """Half an ulp of the largest number in a cell: what rounding can do."""
    exponent = np.frexp(size)[1] - 1
    least = np.maximum(exponent, fmt.emin) - fmt.precision
    return np.where(size > 0, np.ldexp(1.0, least), 0.0)


def ulp_bound(
    ya: np.ndarray, yb: np.ndarray, carried: np.ndarray, fmt: FloatFormat
) -> float:
    """Worst error in ulp: carried error, then one rounding to nearest.

    A result just above a power of two may belong to an f just below it,
    in whose ulp the rounding counts double; but then a carried error of at
    most one ulp rounds to the power of two itself.
    """
    flush = 2.0**fmt.emin
    low = np.minimum(np.abs(ya), np.abs(yb)) - carried
    high = np.maximum(np.abs(ya), np.abs(yb)) + carried
    sure = (ya > 0) == (yb > 0)
    below = high < flush
    if not np.all((sure & (low > 0)) | below):
        raise NotProvedError("f may vanish inside a row")
    floor = np.maximum(np.maximum(low, 0.0), flush)
    exponent = np.frexp(floor)[1] - 1
    top = np.frexp(np.maximum(high, flush))[1] - 1
    unit = np.ldexp(1.0, np.maximum(exponent, fmt.emin) - fmt.precision + 1)
    own = carried / unit
    rounding = np.where((top > exponent) & (own > 1), 1.0, 0.5)
    return float(np.max(own + rounding)) * SPARE


def _times(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    p, q, r, s = a * c, a * d, b * c, b * d
    return (
        np.minimum(np.minimum(p, q), np.minimum(r, s)),
        np.maximum(np.maximum(p, q), np.maximum(r, s)),
    )


def _cells(
    a: float, b: float, center: Fraction, fmt: FloatFormat, zero: bool
) -> tuple[np.ndarray, np.ndarray]:
    if not zero:
        edges = np.linspace(a, b, CELLS + 1)
        return edges[:-1], edges[1:]
    least = 2.0**fmt.emin
    if center:
        unit = fmt.ulp_exponent(floor_log2(center))
        power = abs(center) == Fraction(2) ** floor_log2(center)
        least = 2.0 ** (unit - 1 if power else unit)
    # Next to the zero every float is a cell: half of b_0 may cancel there.
    points = least * np.arange(1.0, POINTS + 1)
    low: list[np.ndarray] = []
    high: list[np.ndarray] = []
    for end in (a, b):
        own = points[points <= abs(end)] * math.copysign(1.0, end)
        low.append(own)
        high.append(own)
        if abs(end) > least * POINTS:
            least *= POINTS
            octaves = max(math.log2(abs(end) / least), 0.0)
            count = max(1, math.ceil(octaves * PER_OCTAVE))
            sizes = abs(end) * 2.0 ** (-np.arange(count + 1) / PER_OCTAVE)
            edges = math.copysign(1.0, end) * np.maximum(sizes, least)
            low.append(np.minimum(edges[1:], edges[:-1]))
            high.append(np.maximum(edges[1:], edges[:-1]))
            least /= POINTS
    return np.concatenate(low), np.concatenate(high)
