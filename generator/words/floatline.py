"""The whole float line on one axis, and points all along it.

The axis is logarithmic in |x| with both signs side by side.  A plain
logarithm would give float64's 600 decades of nothing the room, so decades
shrink with their distance from 1: the place of |x| is asinh(log10|x| / 3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..numbers.floats import FloatFormat
from .pointwise import Array
from .pointwise import array_type

SPREAD = 3.0  # decades from 1 within which the axis is nearly logarithmic
ZERO = 0.1  # of the axis, between 0 and the smallest normal number
POINTS = 1100  # of a picture, beside those at seams
SEAMS = 60  # whose neighbours are points
DECADES = (0, 308, 38, 8, 100, 16, 20, 3, 1)  # that may have a tick, best first
TICK_GAP = 0.047  # of the axis, between ticks


class FloatLine:
    """Places on the x axis: -1 and 1 are -max and max, 0 is 0."""

    def __init__(self, fmt: FloatFormat, low: float, high: float) -> None:
        self.fmt = fmt
        self.top = (fmt.emax + 1) * math.log10(2)
        self.base = math.asinh(self.top / SPREAD)
        self.dtype = array_type(fmt.storage)
        largest = float(fmt.max_finite)
        self.low, self.high = max(low, -largest), min(high, largest)
        self.left, self.right = (
            float(v) for v in self.places([self.low, self.high])
        )
        # A domain to one side of 0 leaves the other side out.
        if self.low >= 0:
            self.left = min(self.left, 0.0)
        if self.high <= 0:
            self.right = max(self.right, 0.0)

    def places(self, x: Sequence[float] | Array) -> Array:
        """Where x is drawn; linear between 0 and the smallest normal."""
        wide = np.asarray(x, np.float64)
        size = np.abs(wide)
        least = float(self.fmt.smallest_normal)
        decade = np.log10(np.maximum(size, least))
        far = (np.arcsinh(decade / SPREAD) / self.base + 1) / 2
        place = ZERO + (1 - ZERO) * np.clip(far, 0.0, 1.0)
        near = ZERO * (np.minimum(size, least) / least)
        place = np.where(size < least, near, place)
        return np.asarray(np.copysign(place, wide))

    def sizes(self, place: Array) -> Array:
        """|x| at that place, between the smallest normal and the largest."""
        far = (np.abs(place) - ZERO) / (1 - ZERO) * 2 - 1
        decade = SPREAD * np.sinh(far * self.base)
        return np.asarray(10.0 ** np.clip(decade, -self.top, self.top))

    def ticks(self) -> tuple[list[float], list[str]]:
        """Powers of ten and 0, as many as there is room for."""
        at, labels = [0.0], ["0"]
        largest = float(self.fmt.max_finite)
        for end in (self.low, self.high):
            if end and abs(end) < largest:
                at.append(float(self.places([end])[0]))
                labels.append(f"{end:.3g}".replace("-", "\u2212"))
        room = TICK_GAP * (self.right - self.left)
        least = float(self.fmt.smallest_normal)
        powers = [p for d in DECADES for p in ((d, -d) if d else (0,))]
        for power in powers:
            for sign in (-1, 1):
                if abs(power) > self.top:
                    continue
                x = sign * 10.0**power
                # 1e-38 and 1e-308 are just below the smallest normal; the
                # tick is there all the same.
                (place,) = self.places([sign * max(10.0**power, least)])
                inside = self.low <= x <= self.high
                if inside and all(abs(place - b) > room for b in at):
                    at.append(float(place))
                    text = f"$10^{{{power}}}$" if power else "1"
                    labels.append(("\u2212" if sign < 0 else "") + text)
        return at, labels


def points(axis: FloatLine, seams: Sequence[float]) -> Array:
    """Every binade (for float64 every few), evenly along the axis, 1, seams.

    The axis gives the surroundings of 1 the most room, so the points too.
    """
    rng = np.random.default_rng(0)
    fmt = axis.fmt
    step = max(1, round((fmt.emax - fmt.emin) * 4 / POINTS))
    binades = np.arange(fmt.emin, fmt.emax + 1, step)
    sizes = [2.0**binades * rng.uniform(1, 2, len(binades))]
    spread = rng.uniform(ZERO, 1, POINTS // 5)
    sizes.append(axis.sizes(spread))
    sizes.append(10.0 ** rng.uniform(-2, 2, POINTS // 8))
    # Here cancellation takes one digit after the other.
    digits = fmt.precision * math.log10(2)
    sizes.append(10.0 ** rng.uniform(-digits - 1, digits + 1, POINTS // 5))
    both = np.concatenate(sizes)
    found = [both, -both, np.array([0.0])]
    width = axis.high - axis.low
    if width < 1e4:  # nearness to an end, or to a zero, is no binade
        found.append(rng.uniform(axis.low, axis.high, POINTS // 8))
        away = width * 2.0 ** -rng.uniform(1, fmt.precision, POINTS // 16)
        found += [axis.low + away, axis.high - away]
    elif axis.low > -1e4 or axis.high < 1e4:
        end, side = (axis.low, 1) if axis.low > -1e4 else (axis.high, -1)
        away = 2.0 ** -rng.uniform(0, fmt.precision, POINTS // 8)
        found.append(end + side * away)
    with np.errstate(over="ignore"):
        xs = np.concatenate(found).astype(axis.dtype)
        inner = [s for s in seams if axis.low < s < axis.high]
        kept = np.asarray(inner[:: len(inner) // SEAMS + 1], axis.dtype)
        # Not towards inf, which a format may lack.
        largest = axis.dtype.type(float(fmt.max_finite))
        near = [kept, np.nextafter(kept, largest)]
        xs = np.concatenate([xs, *near, np.nextafter(kept, -largest)])
        wide = xs.astype(np.float64)
    normal = (np.abs(wide) >= float(fmt.smallest_normal)) | (wide == 0)
    inside = (wide >= axis.low) & (wide <= axis.high)
    kept = np.unique(wide[normal & inside & np.isfinite(wide)])
    return np.asarray(kept.astype(axis.dtype))
