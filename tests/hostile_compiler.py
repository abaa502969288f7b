"""A compiler that does all that it may, wherever it hurts, at random.

`Compiler` computes `Number`s, which stand for tensors: one lane for each
input, and in each lane decisions of its own, so that thousands of compilers
are tried at once.  Each may (docs/design.md, Proofs):

- fuse a product with what it is added to, for one user and not for another,
  whatever either does with it: as if it were computed twice;
- gather constants, (a + c) + d and (a * c) * d, and make products of a / c,
  c / a and quotients of quotients (generator/checker/folds.py; what
  TensorFlow's graphs gather beside that depends on how many users a number
  has, and is left to the checker);
- divide float32, and take roots of it, to 2 ulp on a GPU, and compute a
  function as far off as `program.assumed` has it: always the same of the same
  operands;
- flush what is below the smallest normal number to 0.

Behind a clip, a minimum, a maximum or a choice stands a rounded number:
runtime/constants.py says who was seen to keep to that.

What is a sum is computed once unless `Habits.repeats`.  With it each user of
it may have another one, for which other products were fused.  No pair would
survive that: the head of one with the tail of the other is off by an ulp,
whatever is computed.  Within a kernel no compiler does it, a value is a
register.  Between kernels XLA computes again what is cheap; it would have to
cut a pair in two, and find other products to fuse in each.  So a body that
carries nothing in pairs has to stand it, and others have not.

numpy alone computes.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hostile_rounding import WIDE
from hostile_rounding import fused
from hostile_rounding import off_by

Array = Any
QUOTIENT = 1.5  # ulp before the last rounding: 2 with it


@dataclass(frozen=True)
class Habits:
    """What a compiler does beside rounding.

    Attributes:
        gpu: divides float32 to 2 ulp, as where the runtime corrects it.
        contracts: fuses products and sums.
        repeats: computes sums again for another user.
        folds: gathers constants.
        flushes: what is subnormal.
    """

    gpu: bool = False
    contracts: bool = True
    repeats: bool = False
    folds: bool = True
    flushes: bool = True


@dataclass(frozen=True)
class Version:
    """One way in which a number was computed.

    Attributes:
        factors: what it is the rounded product of, if it is one.
    """

    value: Array
    factors: tuple[Array, Array] | None = None


@dataclass(frozen=True)
class Gathered:
    """What a number is of another one and a constant (or a number).

    Attributes:
        kind: "sum", "product" or "quotient".
    """

    kind: str
    base: Number
    other: Number


class Number:
    """A tensor: a version of each lane, or two for its users to choose from.

    Attributes:
        literal: whether it is a constant of the source.
        made: how, for a fold.
    """

    __array_ufunc__ = None

    def __init__(
        self, by: Compiler, versions: Iterable[Version], literal: bool = False
    ) -> None:
        self.by, self.versions = by, tuple(versions)
        self.literal = literal
        self.made: Gathered | None = None
        self.kind = self.versions[0].value.dtype
        self.dtype = str(self.kind)
        self.exact = self.kind.kind != "f"  # an integer, a truth value

    def __add__(self, other: Any) -> Number:
        return self.by.add(self, self.like(other))

    def __radd__(self, other: Any) -> Number:
        return self.by.add(self.like(other), self)

    def __sub__(self, other: Any) -> Number:
        return self.by.add(self, -self.like(other))

    def __rsub__(self, other: Any) -> Number:
        return self.by.add(self.like(other), -self)

    def __mul__(self, other: Any) -> Number:
        return self.by.multiply(self, self.like(other))

    def __rmul__(self, other: Any) -> Number:
        return self.by.multiply(self.like(other), self)

    def __truediv__(self, other: Any) -> Number:
        return self.by.divide(self, self.like(other))

    def __rtruediv__(self, other: Any) -> Number:
        return self.by.divide(self.like(other), self)

    def __neg__(self) -> Number:
        return self.by.negative(self)

    def __lt__(self, other: Any) -> Number:
        return self.by.plain(np.less, self, self.like(other))

    def __le__(self, other: Any) -> Number:
        return self.by.plain(np.less_equal, self, self.like(other))

    def __gt__(self, other: Any) -> Number:
        return self.by.plain(np.greater, self, self.like(other))

    def __ge__(self, other: Any) -> Number:
        return self.by.plain(np.greater_equal, self, self.like(other))

    def like(self, other: Any) -> Number:
        """A constant of its dtype, or the number that it is already."""
        return self.by.number(other, self.kind)


class Compiler:
    """Decides, and computes.

    Args:
        lanes: how many inputs.
        seed: of every decision.
    """

    def __init__(
        self, dtype: str, lanes: int, seed: int, habits: Habits = Habits()
    ) -> None:
        self.dtype, self.lanes, self.habits = dtype, lanes, habits
        self.tiny = float(np.finfo(dtype).tiny)
        self.rough = habits.gpu and dtype == "float32"
        self.random = np.random.default_rng(seed)
        # Decisions that are all alike are what most compilers make of it.
        often = self.random.choice([0, 0.1, 0.5, 0.9, 1], (3, lanes))
        self.fusing, self.folding, self.flushing = often

    # -- decisions ------------------------------------------------------------
    def coin(self, often: Array | float = 0.5) -> Array:
        """One decision of each lane."""
        return self.random.random(self.lanes, np.float32) < often

    def steps(self, most: float) -> Array:
        """Errors in ulp: any, but often the largest."""
        return most * np.clip(self.random.uniform(-2, 2, self.lanes), -1, 1)

    def used(self, number: Number) -> Version:
        """What one user gets."""
        first, *others = number.versions
        return _either(self.coin(), first, *others) if others else first

    def versions(
        self, way: Callable[[], Version], *of: Number, choice: bool = False
    ) -> list[Version]:
        """Computed twice, if that may make a difference."""
        choice = choice or any(len(a.versions) > 1 for a in of)
        return [way() for _ in range(1 + (choice and self.habits.repeats))]

    def _or(self, number: Number, other: Number) -> Number:
        """Folded, or not."""

        def mixed() -> Version:
            a, b = self.used(other), self.used(number)
            return _either(self.coin(self.folding), a, b)

        return Number(self, self.versions(mixed, choice=True))

    def _flushed(self, value: Array) -> Array:
        small = (np.abs(value) < self.tiny) & (value != 0)
        if not self.habits.flushes or not small.any():
            return value
        lost = small & self.coin(self.flushing)
        return np.where(lost, np.copysign(value.dtype.type(0), value), value)

    # -- numbers --------------------------------------------------------------
    def number(self, value: Any, kind: Any = None) -> Number:
        """A constant, or the number that it is already."""
        if isinstance(value, Number):
            return value
        full = np.full(self.lanes, value, np.dtype(kind or self.dtype))
        return Number(self, [Version(full)], literal=True)

    def plain(self, way: Callable[..., Array], *of: Number) -> Number:
        """Something without a rounding, or of constants alone."""
        versions = self.versions(
            lambda: Version(way(*(self.used(a).value for a in of))), *of
        )
        return Number(self, versions, all(a.literal for a in of))

    def held(self, way: Callable[..., Array], *of: Number) -> Number:
        """Behind a clip: one number for all users."""
        value = way(*(self.used(a).value for a in of))
        return Number(self, [Version(value)])

    def function(
        self,
        way: Callable[[Array], Array],
        a: Number,
        most: float,
        least: float = -np.inf,
    ) -> Number:
        """Off by `most` ulp and half of one; by anything of what is small.

        Args:
            least: of a result that is not off by up to itself.
        """
        steps = self.steps(most)
        lost = self.random.uniform(0, self.tiny, self.lanes)

        def once() -> Version:
            wide = way(self.used(a).value.astype(WIDE[self.dtype]))
            value = off_by(wide, steps, self.dtype)
            small = np.where(wide < least, lost.astype(self.dtype), value)
            return Version(self._flushed(small))

        return Number(self, self.versions(once, a))

    # -- arithmetic -----------------------------------------------------------
    def negative(self, a: Number) -> Number:
        def turned(v: Version) -> Version:
            factors = (-v.factors[0], v.factors[1]) if v.factors else None
            return Version(-v.value, factors)

        done = Number(self, map(turned, a.versions), a.literal)
        if a.made:
            turn = a.made.kind == "sum"
            other = -a.made.other if turn else a.made.other
            done.made = Gathered(a.made.kind, -a.made.base, other)
        return done

    def add(self, a: Number, b: Number) -> Number:
        if a.exact or (a.literal and b.literal):
            return self.plain(np.add, a, b)
        return self._gathered("sum", np.add, self._sum, a, b)

    def multiply(self, a: Number, b: Number) -> Number:
        if a.exact or (a.literal and b.literal):
            return self.plain(np.multiply, a, b)
        return self._gathered("product", np.multiply, self._product, a, b)

    def _gathered(
        self,
        kind: str,
        exact: Callable[..., Array],
        way: Callable[[Number, Number], Number],
        a: Number,
        b: Number,
    ) -> Number:
        """A sum or product, two constants of it perhaps made one."""
        done = way(a, b)
        if a.literal:
            a, b = b, a
        if b.literal:
            made = Gathered(kind, a, b)
            if self.habits.folds and a.made and a.made.kind == kind:
                joined = self.plain(exact, a.made.other, b)
                made = Gathered(kind, a.made.base, joined)
                done = self._or(done, way(made.base, joined))
            done.made = made
        return done

    def _sum(self, a: Number, b: Number) -> Number:
        fusible = self.habits.contracts and any(
            v.factors for one in (a, b) for v in one.versions
        )

        def once() -> Version:
            p, q = self.used(a), self.used(b)
            value = p.value + q.value
            for one, other in ((p, q), (q, p)):
                if one.factors and self.habits.contracts:
                    here = np.flatnonzero(self.coin(self.fusing))
                    parts = (*one.factors, other.value)
                    value[here] = fused(*(v[here] for v in parts))
            return Version(self._flushed(value))

        return Number(self, self.versions(once, a, b, choice=fusible))

    def _product(self, a: Number, b: Number) -> Number:
        def once() -> Version:
            p, q = self.used(a).value, self.used(b).value
            return Version(self._flushed(p * q), (p, q))

        return Number(self, self.versions(once, a, b))

    def divide(self, a: Number, b: Number) -> Number:
        if a.literal and b.literal:
            return self.plain(np.divide, a, b)
        done = self._quotient(a, b)
        if not self.habits.folds:
            return done
        one = self.number(1.0)
        if b.literal:
            inverse = self.plain(np.divide, one, b)
            return self._or(done, self.multiply(a, inverse))
        if a.literal and abs(a.versions[0].value[0]) != 1:
            done = self._or(done, self._product(a, self._quotient(one, b)))
        if b.made and b.made.kind == "quotient":
            turned = self._product(a, b.made.other)
            done = self._or(done, self._quotient(turned, b.made.base))
        if a.made and a.made.kind == "quotient":
            turned = self._product(a.made.other, b)
            done = self._or(done, self._quotient(a.made.base, turned))
        done.made = Gathered("quotient", a, b)
        return done

    def _quotient(self, a: Number, b: Number) -> Number:
        steps = self.steps(QUOTIENT) if self.rough else 0.0

        def once() -> Version:
            p, q = self.used(a).value, self.used(b).value
            if not self.rough:
                return Version(self._flushed(p / q))
            wide = p.astype(WIDE[self.dtype]) / q
            return Version(self._flushed(off_by(wide, steps, self.dtype)))

        return Number(self, self.versions(once, a, b))


def _either(coin: Array, a: Version, b: Version) -> Version:
    factors = None
    if a.factors and b.factors:
        factors = (
            np.where(coin, a.factors[0], b.factors[0]),
            np.where(coin, a.factors[1], b.factors[1]),
        )
    return Version(np.where(coin, a.value, b.value), factors)
