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

A result that may leave the format's range upwards is remembered as such
(`Number.huge`): it may be infinite, with the sign of the exact value.  What
is computed from an infinity that is not one in exact arithmetic may be
anything, and so is nan: then the error is infinite.

A sum is exact where both terms are multiples of a power of two of which no
more than the format's bits are needed (Sterbenz' lemma is a case of this: for
c/2 <= x <= 2c both are multiples of the lesser one's spacing, and x - c is no
longer than that one); a scaling where the result is normal and finite.  Where
a lane does not show it, the rounding counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from .machine import NO_GRID
from .machine import Machine
from .machine import Real


@dataclass(frozen=True)
class Fold:
    """How a number was made, where a compiler may make it otherwise.

    Attributes:
        kind: "sum" for base + value, "product" for base * value, "quotient"
            for base / other.
        direct: whether the constant stands next to the rest, and was not
            gathered from further away.
    """

    kind: str
    base: Number
    value: Fraction = Fraction(0)
    other: Number | None = None
    direct: bool = False


class Number:
    """One number of the body, in all lanes; see the module.

    Attributes:
        lo, hi: the exact value is between.
        res, noise: its errors.
        grid: the computed value is a multiple of 2**grid.
        last: how much of `res` is the last rounding.
        huge: lanes in which the computed value may be infinite; only where
            the exact one with its error reaches beyond the largest number.
        most: the largest computed value, if something better is known of it
            than the error says: the float next to a sum, say.
        literal: its value, where it is a constant of the source.
        fold: see `Fold`.
        terms: of a sum of sums, if it is one.
    """

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
        huge: Any = None,
    ) -> None:
        self.m, self.lo, self.hi, self.res = machine, lo, hi, res
        self.noise = noise or {}
        self.grid = machine.no_grid if grid is None else grid
        self.last = machine.zero if last is None else last
        self.huge = machine.never if huge is None else huge
        self.most: Any = None
        self._known: dict[str, tuple[tuple[Any, ...], Any]] = {}
        self.literal: float | None = None
        self.fold: Fold | None = None
        self.terms: list[Number] | None = None

    # -- what is known ----------------------------------------------------
    def _once(self, name: str, way: Callable[[], Any], *of: Any) -> Any:
        """What `way` says of the arrays in `of`, as long as they are those."""
        key, found = self._known.get(name, ((), None))
        if len(key) != len(of) or any(
            a is not b for a, b in zip(key, of, strict=True)
        ):
            found = way()
            self._known[name] = of, found
        return found

    @property
    def size(self) -> Any:
        """The largest exact value."""
        return self._once("size", self._size, self.lo, self.hi)

    def _size(self) -> Any:
        if self.lo is self.hi:
            return np.abs(self.lo)
        return np.maximum(np.abs(self.lo), np.abs(self.hi))

    @property
    def least(self) -> Any:
        """The smallest exact value, in absolute value."""
        return self._once("least", self._least, self.lo, self.hi)

    def _least(self) -> Any:
        if self.lo is self.hi:
            return self.size
        small = np.minimum(np.abs(self.lo), np.abs(self.hi))
        return np.where((self.lo <= 0) & (self.hi >= 0), Real(0), small)

    @property
    def error(self) -> Any:
        """Bound of the distance of the computed from the exact value."""
        if not self.noise:
            return self.res
        return self._once("error", self._error, self.res, self.noise)

    def _error(self) -> Any:
        total = self.res
        for key, (a, b) in self.noise.items():
            total = total + np.maximum(np.abs(a), np.abs(b)) * self.m.sizes[key]
        return total

    @property
    def top(self) -> Any:
        """The largest computed value."""
        of = self.lo, self.hi, self.res, self.noise, self.most
        return self._once("top", self._top, *of)

    def _top(self) -> Any:
        top = self.size + self.error
        return top if self.most is None else np.minimum(top, self.most)

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
        return Number(
            self.m,
            self.lo,
            self.hi,
            self.error,
            {},
            self.grid,
            huge=self.huge,
        )

    def where(self, lanes: Any, other: Number) -> Number:
        """This in the given lanes, the other elsewhere."""
        noise = {}
        zero = self.m.fill(0)
        for key in {**self.noise, **other.noise}:
            a, b = self.noise.get(key, (zero, zero))
            c, d = other.noise.get(key, (zero, zero))
            noise[key] = (np.where(lanes, a, c), np.where(lanes, b, d))
        made = Number(
            self.m,
            np.where(lanes, self.lo, other.lo),
            np.where(lanes, self.hi, other.hi),
            np.where(lanes, self.res, other.res),
            noise,
            np.where(lanes, self.grid, other.grid),
            np.where(lanes, self.last, other.last),
            np.where(lanes, self.huge, other.huge),
        )
        made.most = np.where(lanes, self.top, other.top)
        return made

    def unless(self, lost: Any) -> Number:
        """Nothing is known of it in the lanes that are lost."""
        res = np.where(lost, Real(np.inf), self.res)
        grid = np.where(lost, NO_GRID, self.grid)
        huge = self.huge & ~lost
        return Number(
            self.m, self.lo, self.hi, res, self.noise, grid, self.last, huge
        )

    def like(self, value: Any) -> Number:
        """A constant of the format."""
        if isinstance(value, Number):
            return value
        return constant(self.m, value)

    # -- arithmetic ---------------------------------------------------------
    def __neg__(self) -> Number:
        noise = {k: (-b, -a) for k, (a, b) in self.noise.items()}
        made = Number(
            self.m,
            -self.hi,
            -self.lo,
            self.res,
            noise,
            self.grid,
            self.last,
            self.huge,
        )
        made.most = self.most
        return self.m.rules.negated(self, made)

    def __add__(self, other: Any) -> Number:
        return self.m.rules.added(self, self.like(other))

    def __radd__(self, other: Any) -> Number:
        return self.m.rules.added(self.like(other), self)

    def __sub__(self, other: Any) -> Number:
        return self.m.rules.added(self, -self.like(other), minus=True)

    def __rsub__(self, other: Any) -> Number:
        return self.m.rules.added(self.like(other), -self, minus=True)

    def __mul__(self, other: Any) -> Number:
        return self.m.rules.multiplied(self, self.like(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Number:
        return self.m.rules.divided(self, self.like(other))

    def __rtruediv__(self, other: Any) -> Number:
        return self.m.rules.divided(self.like(other), self)

    # -- comparisons --------------------------------------------------------
    def compared(
        self, other: Any, strict: bool, place: int | None = None
    ) -> Any:
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
        # Two infinities, where only one is so large in exact arithmetic.
        both = self.huge & other.huge
        yes, no = yes & ~both, no & ~both
        open_ = ~(yes | no)
        self.m.decides(place, yes, open_)
        taken = self.m.choice(place, open_)
        return np.where(open_, taken > 0, yes)

    def __lt__(self, other: Any) -> Any:
        return self.compared(other, True)

    def __le__(self, other: Any) -> Any:
        return self.compared(other, False)

    def __gt__(self, other: Any) -> Any:
        return self.like(other).compared(self, True)

    def __ge__(self, other: Any) -> Any:
        return self.like(other).compared(self, False)


def in_format(machine: Machine, value: Any) -> float:
    """A number as backends round it to the format."""
    kind: Any = {"float32": np.float32, "float64": np.float64}[machine.fmt.name]
    return float(kind(value))


def constant(machine: Machine, value: Any) -> Number:
    """A number of the source, rounded to the format as backends do."""
    with np.errstate(over="ignore"):
        rounded = in_format(machine, value)
    grid = NO_GRID
    if rounded == 0:
        grid = 10**5
    elif np.isfinite(rounded):
        top, bottom = rounded.as_integer_ratio()
        grid = (top & -top).bit_length() - bottom.bit_length()
    a = machine.fill(rounded)
    made = Number(
        machine,
        a,
        a,
        machine.fill(np.inf if np.isnan(rounded) else 0),
        {},
        np.full(machine.lanes, grid),
        huge=np.full(machine.lanes, np.isinf(rounded)),
    )
    made.literal = rounded
    return made
