"""Running error analysis by executing the rendered code itself.

Every number of a body is replaced by a `Number`: for each lane (a small
interval of inputs) an enclosure of its value in exact arithmetic, and a
bound of how far the computed value is from it.  The error is a residual
plus multiples of rounding errors that are kept by name: what `two_sum`
takes from a sum it adds to its low part, and there it must cancel (affine
arithmetic, de Figueiredo and Stolfi 2004; running error analysis, Higham,
*Accuracy and Stability of Numerical Algorithms*, section 3.3).

Arrays are extended precision with 64 bits; enclosures are widened by 2**-62
of themselves at each operation.  Sums and products may be contracted to
fused multiply-adds (one rounding less) and subnormals flushed.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from typing import Any

import numpy as np

from .claims import Format

Real = np.longdouble
WIDEN = Real(1.25) * Real(2) ** -63  # an operation and the widening itself
NO_GRID = -(10**6)


def extended_range() -> bool:
    """Whether this machine's long double is wide enough."""
    info = np.finfo(Real)
    return bool(info.nmant >= 63 and info.maxexp >= 16384)


@dataclass
class Machine:
    """The state of one run.

    Attributes:
        fmt: the format computed in.
        lanes: how many intervals of inputs are looked at together.
        ulps, tiny: assumed errors of elementary functions.
        choices: by place in the code, what an undecided comparison or
            rounding to an integer is taken for.
        undecided: places where some lane was undecided, and the lanes.
    """

    fmt: Format
    lanes: int
    ulps: dict[str, float]
    tiny: dict[str, float]
    choices: dict[int, int]
    undecided: dict[int, Any] = field(default_factory=dict)
    place: int = 0
    sizes: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.normal = Real(2) ** self.fmt.emin
        self.unit = Real(2) ** -self.fmt.precision

    def fill(self, value: Any) -> Any:
        """One value for all lanes."""
        return np.full(self.lanes, Real(value))

    def noise(self, size: Any) -> int:
        """A new rounding error, by its largest size."""
        self.sizes.append(size)
        return len(self.sizes) - 1

    def next_place(self) -> int:
        """A number for the place at hand; the same in every run."""
        self.place += 1
        return self.place

    def choice(self, place: int, lanes: Any) -> int:
        """What is taken where `lanes` are undecided."""
        if lanes.any():
            self.undecided[place] = lanes
        return self.choices.get(place, 0)

    def half_ulp(self, size: Any, top: Any, least: Any) -> Any:
        """Half an ulp of numbers up to `size`, computed ones up to `top`.

        A number carried over a power of two by less than the ulp below it
        rounds back to it.
        """
        fmt = self.fmt
        # A size that was widened over a power of two counts as on it, and
        # what is above it as an error.
        m, e = np.frexp(size * (1 - 16 * WIDEN))
        e = np.where(m == 0.5, e - 1, e)  # all are at most 2**e
        e = np.where(size > 0, e, -16000)
        below = np.maximum(e - 1, fmt.emin) - fmt.precision + 1
        unit = np.ldexp(Real(1), below)
        edge = np.ldexp(Real(1), np.clip(e, -16000, 16000))
        above = np.frexp(np.where(np.isfinite(top), top, 1))[1] - 1
        wide = np.ldexp(
            Real(1), np.maximum(above, fmt.emin) - fmt.precision + 1
        )
        half = np.where(top <= edge + unit, unit, wide) / 2
        flushed = np.minimum(top, self.normal)
        half = np.where(least < self.normal, np.maximum(half, flushed), half)
        half = half + np.maximum(size - edge, 0)
        half = np.where(top == 0, Real(0), half)
        return np.where(np.isfinite(top), half, np.inf)


class Number:
    """One number of the body, in all lanes; see the module."""

    __array_ufunc__ = None

    def __init__(
        self,
        machine: Machine,
        lo: Any,
        hi: Any,
        res: Any,
        noise: dict[int, tuple[Any, Any]] | None = None,
        grid: Any = None,
        last: Any = None,
    ) -> None:
        self.m, self.lo, self.hi, self.res = machine, lo, hi, res
        self.noise = noise or {}
        none = np.full(machine.lanes, NO_GRID)
        self.grid = none if grid is None else grid
        self.last = machine.fill(0) if last is None else last

    # -- what is known ----------------------------------------------------
    @property
    def size(self) -> Any:
        """The largest exact value."""
        return np.maximum(np.abs(self.lo), np.abs(self.hi))

    @property
    def least(self) -> Any:
        """The smallest exact value, in absolute value."""
        small = np.minimum(np.abs(self.lo), np.abs(self.hi))
        return np.where((self.lo <= 0) & (self.hi >= 0), Real(0), small)

    @property
    def error(self) -> Any:
        """Bound of the distance of the computed from the exact value."""
        total = self.res
        for key, (a, b) in self.noise.items():
            total = total + np.maximum(np.abs(a), np.abs(b)) * self.m.sizes[key]
        return total

    @property
    def exactly(self) -> Any:
        """Lanes where one number is known without error."""
        return (self.lo == self.hi) & (self.error == 0)

    @property
    def once(self) -> Any:
        """Lanes where the only error is one rounding of the exact value."""
        if self.noise:
            return np.zeros(self.m.lanes, bool)
        return self.res <= self.last

    def folded(self) -> Number:
        """With all errors in the residual."""
        return Number(self.m, self.lo, self.hi, self.error, {}, self.grid)

    def where(self, lanes: Any, other: Number) -> Number:
        """This in the given lanes, the other elsewhere."""
        noise = {}
        zero = self.m.fill(0)
        for key in {**self.noise, **other.noise}:
            a, b = self.noise.get(key, (zero, zero))
            c, d = other.noise.get(key, (zero, zero))
            noise[key] = (np.where(lanes, a, c), np.where(lanes, b, d))
        return Number(
            self.m,
            np.where(lanes, self.lo, other.lo),
            np.where(lanes, self.hi, other.hi),
            np.where(lanes, self.res, other.res),
            noise,
            np.where(lanes, self.grid, other.grid),
            np.where(lanes, self.last, other.last),
        )

    def like(self, value: Any) -> Number:
        """A constant of the format."""
        if isinstance(value, Number):
            return value
        return constant(self.m, value)

    # -- arithmetic ---------------------------------------------------------
    def __neg__(self) -> Number:
        noise = {k: (-b, -a) for k, (a, b) in self.noise.items()}
        return Number(
            self.m, -self.hi, -self.lo, self.res, noise, self.grid, self.last
        )

    def __add__(self, other: Any) -> Number:
        return _sum(self, self.like(other))

    def __radd__(self, other: Any) -> Number:
        return _sum(self.like(other), self)

    def __sub__(self, other: Any) -> Number:
        return _sum(self, -self.like(other))

    def __rsub__(self, other: Any) -> Number:
        return _sum(self.like(other), -self)

    def __mul__(self, other: Any) -> Number:
        return _product(self, self.like(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Number:
        divisor = self.like(other)
        if not (isinstance(other, Number) or _power_of_two(divisor).all()):
            # XLA multiplies by the rounded reciprocal of a constant.
            unit = divisor.size * self.m.unit * (1 + 4 * self.m.unit)
            res = divisor.res + unit
            divisor = Number(self.m, divisor.lo, divisor.hi, res)
        return _quotient(self, divisor)

    def __rtruediv__(self, other: Any) -> Number:
        return _quotient(self.like(other), self)

    # -- comparisons --------------------------------------------------------
    def _compare(self, other: Any, strict: bool) -> Any:
        """self < other (or <=), decided lane by lane."""
        other = self.like(other)
        a, b = self.error, other.error
        if strict:
            yes = self.hi + a < other.lo - b
            no = self.lo - a >= other.hi + b
        else:
            yes = self.hi + a <= other.lo - b
            no = self.lo - a > other.hi + b
        # Rounding is monotonic: fl(z) >= c where z >= c, c a float.
        if strict:
            no |= self.once & other.exactly & (self.lo >= other.hi)
            no |= other.once & self.exactly & (other.hi <= self.lo)
        else:
            yes |= self.once & other.exactly & (self.hi <= other.lo)
            yes |= other.once & self.exactly & (other.lo >= self.hi)
        place = self.m.next_place()
        open_ = ~(yes | no)
        taken = self.m.choice(place, open_)
        return np.where(open_, bool(taken), yes)

    def __lt__(self, other: Any) -> Any:
        return self._compare(other, True)

    def __le__(self, other: Any) -> Any:
        return self._compare(other, False)

    def __gt__(self, other: Any) -> Any:
        return self.like(other)._compare(self, True)

    def __ge__(self, other: Any) -> Any:
        return self.like(other)._compare(self, False)


def constant(machine: Machine, value: Any) -> Number:
    """A number of the source, rounded to the format as backends do."""
    kind: Any = {"float32": np.float32, "float64": np.float64}[machine.fmt.name]
    rounded = float(kind(value))
    grid = NO_GRID
    if rounded == 0:
        grid = 10**5
    elif np.isfinite(rounded):
        top, bottom = rounded.as_integer_ratio()
        grid = (top & -top).bit_length() - bottom.bit_length()
    a = machine.fill(rounded)
    return Number(
        machine, a, a, machine.fill(0), {}, np.full(machine.lanes, grid)
    )


def down(x: Any) -> Any:
    """A lower bound of a value that was rounded to long double."""
    return np.where(np.isinf(x), x, x - np.abs(x) * WIDEN)


def up(x: Any) -> Any:
    """An upper bound."""
    return -down(-x)


def rounded_once(
    machine: Machine,
    lo: Any,
    hi: Any,
    res: Any,
    noise: dict[int, tuple[Any, Any]],
    grid: Any,
) -> Number:
    """One operation: exact on its grid, else rounded."""
    wide = Number(machine, down(lo), up(hi), res, noise)
    carried = wide.error
    top = wide.size + carried
    fits = (grid >= machine.fmt.emin) & (
        top
        <= (1 + 2 * WIDEN)
        * np.ldexp(
            Real(1), np.clip(grid, -16000, 15900) + machine.fmt.precision
        )
    )
    half = machine.half_ulp(wide.size, top, np.maximum(wide.least - carried, 0))
    half = np.where(fits, Real(0), half)
    # Without error and on the grid both ends are floats: so is the result.
    sharp = fits & (carried == 0)
    wide.lo, wide.hi = (
        np.where(sharp, lo, wide.lo),
        np.where(sharp, hi, wide.hi),
    )
    return Number(
        machine,
        wide.lo,
        wide.hi,
        res + half,
        noise,
        np.where(fits, grid, NO_GRID),
        half,
    )


def _added(a: Number, b: Number) -> dict[int, tuple[Any, Any]]:
    noise = dict(a.noise)
    for key, (c, d) in b.noise.items():
        if key in noise:
            p, q = noise[key]
            noise[key] = (p + c, q + d)
        else:
            noise[key] = (c, d)
    return noise


def exact_sum(a: Number, b: Number) -> Number:
    """a + b without a rounding."""
    lo, hi = a.lo + b.lo, a.hi + b.hi
    return Number(
        a.m,
        down(lo),
        up(hi),
        a.res + b.res,
        _added(a, b),
    )


def _sum(a: Number, b: Number) -> Number:
    grid = np.where(
        (a.grid > NO_GRID) & (b.grid > NO_GRID),
        np.minimum(a.grid, b.grid),
        NO_GRID,
    )
    made = rounded_once(
        a.m, a.lo + b.lo, a.hi + b.hi, a.res + b.res, _added(a, b), grid
    )
    # A rounded sum is no further from the sum than either operand.
    limit = np.minimum(a.size + a.error, b.size + b.error)
    less = np.minimum(made.last, limit)
    made.res = made.res - made.last + less
    made.last = less
    zero_a, zero_b = _zero(a), _zero(b)
    if zero_a.any():
        made = b.where(zero_a, made)
    if zero_b.any():
        made = a.where(zero_b, made)
    return made


def _zero(a: Number) -> Any:
    return (a.lo == 0) & (a.hi == 0) & (a.error == 0)


def hull(a: Any, b: Any, c: Any, d: Any) -> tuple[Any, Any]:
    """Products of [a, b] and [c, d]."""
    with np.errstate(invalid="ignore"):
        p = [np.nan_to_num(x, nan=0.0, posinf=np.inf, neginf=-np.inf)
             for x in (a * c, a * d, b * c, b * d)]  # fmt: skip
    return (
        np.minimum(np.minimum(p[0], p[1]), np.minimum(p[2], p[3])),
        np.maximum(np.maximum(p[0], p[1]), np.maximum(p[2], p[3])),
    )


def exact_product(a: Number, b: Number) -> Number:
    """a * b without a rounding."""
    lo, hi = hull(a.lo, a.hi, b.lo, b.hi)
    noise: dict[int, tuple[Any, Any]] = {}
    for x, y in ((a, b), (b, a)):
        for key, (c, d) in x.noise.items():
            p, q = hull(c, d, y.lo, y.hi)
            if key in noise:
                r, s = noise[key]
                p, q = p + r, q + s
            noise[key] = (p, q)
    ea, eb = a.error, b.error
    res = a.res * b.size + b.res * a.size + ea * eb
    return Number(a.m, down(lo), up(hi), res, noise)


def _power_of_two(a: Number) -> Any:
    return a.exactly & (np.abs(np.frexp(a.lo)[0]) == 0.5)


def _product(a: Number, b: Number) -> Number:
    raw = exact_product(a, b)
    grid = np.where(
        (a.grid > NO_GRID) & (b.grid > NO_GRID), a.grid + b.grid, NO_GRID
    )
    lo, hi = hull(a.lo, a.hi, b.lo, b.hi)
    made = rounded_once(a.m, lo, hi, raw.res, raw.noise, grid)
    scaling = _power_of_two(a) | _power_of_two(b)
    normal = raw.least - raw.error >= a.m.normal
    free = (scaling & normal) | _zero(a) | _zero(b)
    made.res = np.where(free, raw.res, made.res)
    made.last = np.where(
        free & scaling, _moved_last(a, b), np.where(free, 0, made.last)
    )
    made.grid = np.where(scaling & normal, grid, made.grid)
    for old, factor in ((a, b), (b, a)):  # 1.0 * x
        same = factor.exactly & (factor.lo == 1)
        if same.any():
            made = old.where(same, made)
        turned = factor.exactly & (factor.lo == -1)
        if turned.any():
            made = (-old).where(turned, made)
    return made


def _moved_last(a: Number, b: Number) -> Any:
    """The last rounding of a scaled number, scaled."""
    first = np.where(_power_of_two(b), a.last * b.size, Real(0))
    return np.where(_power_of_two(a), b.last * a.size, first)


def _quotient(a: Number, b: Number) -> Number:
    a, b = a.folded(), b.folded()
    gap = b.least - b.error
    bad = ~(gap > 0)
    low = np.where(bad, Real(1), b.lo)
    high = np.where(bad, Real(1), b.hi)
    gap = np.where(bad, Real(1), gap)
    lo, hi = hull(a.lo, a.hi, 1 / high, 1 / low)
    size = np.maximum(np.abs(lo), np.abs(hi))
    res = (a.res + size * b.res) / gap
    res = np.where(bad, Real(np.inf), res)
    none = np.full(a.m.lanes, NO_GRID)
    return rounded_once(a.m, lo, hi, res, {}, none)
