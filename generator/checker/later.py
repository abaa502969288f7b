"""A body's operations, carried out where its result needs them.

A body computes every piece for every input and chooses afterwards.  Over
lanes of one piece the choice is known, so that what the other pieces would
have been is not asked: an operation is written down first (`Later`), and
`value` carries out those that the result is made of.

Nothing that is said of a result depends on operations it is not made of: a
choice that is true in every lane is its first value, whatever the second.
Places, by which open decisions are named, are given when an operation is
written down, so that they are the same in every run.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .machine import Machine
from .machine import Real
from .operations import Ops
from .operations import Table
from .pairs import Pairs
from .running import Number


class Later:
    """An operation and what it is made of; its result once it is known.

    Attributes:
        m: the machine, for places.
        way, args: the operation over numbers, and its operands.
        known, made: whether it was carried out, and its result.
    """

    __array_ufunc__ = None
    __slots__ = ("args", "known", "m", "made", "way")

    def __init__(self, m: Machine, way: Callable[..., Any], *args: Any) -> None:
        self.m, self.way, self.args = m, way, args
        self.known = False
        self.made: Any = None

    @classmethod
    def of(cls, made: Number) -> Later:
        """What is known already."""
        later = cls(made.m, _none)
        later.known, later.made = True, made
        return later

    def missing(self) -> list[Later]:
        """What has to be known before it."""
        return [a for a in self.args if isinstance(a, Later) and not a.known]

    def finish(self) -> None:
        """Carry it out; what it was made of may be forgotten."""
        self.made = self.way(*map(_made, self.args))
        self.known, self.args, self.way = True, (), _none

    # -- arithmetic, as of a `Number` -----------------------------------
    def __neg__(self) -> Later:
        return Later(self.m, operator.neg, self)

    def __add__(self, other: Any) -> Later:
        return Later(self.m, operator.add, self, other)

    def __radd__(self, other: Any) -> Later:
        return Later(self.m, operator.add, other, self)

    def __sub__(self, other: Any) -> Later:
        return Later(self.m, operator.sub, self, other)

    def __rsub__(self, other: Any) -> Later:
        return Later(self.m, operator.sub, other, self)

    def __mul__(self, other: Any) -> Later:
        return Later(self.m, operator.mul, self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Later:
        return Later(self.m, operator.truediv, self, other)

    def __rtruediv__(self, other: Any) -> Later:
        return Later(self.m, operator.truediv, other, self)

    def _compared(self, a: Any, b: Any, strict: bool) -> Later:
        place = self.m.next_place()

        def way(x: Any, y: Any) -> Any:
            one = x if isinstance(x, Number) else y.like(x)
            return one.compared(y, strict, place)

        return Later(self.m, way, a, b)

    def __lt__(self, other: Any) -> Any:
        return self._compared(self, other, True)

    def __le__(self, other: Any) -> Any:
        return self._compared(self, other, False)

    def __gt__(self, other: Any) -> Any:
        return self._compared(other, self, True)

    def __ge__(self, other: Any) -> Any:
        return self._compared(other, self, False)


class _Choice(Later):
    """a where `truth` holds, b elsewhere: needed is what is taken."""

    __slots__ = ()

    def missing(self) -> list[Later]:
        truth, *sides = self.args
        if isinstance(truth, Later) and not truth.known:
            return [truth]
        found = _made(truth)
        if np.all(found):
            sides[1] = sides[0]
        elif not np.any(found):
            sides[0] = sides[1]
        self.args = (truth, *sides)
        return super().missing()


def _made(a: Any) -> Any:
    return a.made if isinstance(a, Later) else a


def _none() -> None:
    """In place of an operation that was carried out."""


def value(root: Any) -> Any:
    """The result of an operation, and of all it is made of."""
    stack = [root] if isinstance(root, Later) else []
    while stack:
        missing = [] if stack[-1].known else stack[-1].missing()
        if missing:
            stack += missing
        else:
            last = stack.pop()
            if not last.known:
                last.finish()
    return _made(root)


class LaterOps:
    """The functions of `keras.ops` that bodies call, written down."""

    PLAIN = frozenset(
        "abs clip exp log logical_and maximum minimum sqrt take".split()
    )

    def __init__(self, ops: Ops) -> None:
        self.ops = ops
        self.neutral = False  # whether roundings change no value here

    @property
    def m(self) -> Machine:
        """The machine of the run at hand."""
        return self.ops.m

    def changing_nothing(
        self, helper: Callable[..., Any]
    ) -> Callable[..., Any]:
        """A helper in which a rounding to a whole number changes no value."""

        def run(*args: Any) -> Any:
            before, self.neutral = self.neutral, True
            try:
                return helper(*args)
            finally:
                self.neutral = before

        return run

    def _whole(self, way: Callable[[Any, int], Any], x: Any) -> Later:
        place, neutral = self.m.next_place(), self.neutral

        def rounded(a: Any) -> Any:
            made = way(a, place)
            if not neutral and isinstance(a, Number):
                unknown = self.m.undecided.get(place, self.m.never)
                lost = unknown | ~np.isfinite(made.error)
                # Of what is known, as n / 2 + 1/2 is for an exponent n, what is
                # dropped: as long as it stays the same, so does the formula,
                # and where more is dropped at once, it jumps.
                narrow = a.hi - a.lo + 2 * a.error < Real(2) ** -20
                dropped = np.rint((a.lo - made.lo) * Real(2) ** 10)
                value = np.where(narrow, dropped, made.lo)
                self.m.decides((place, "whole"), value, lost)
            return made

        return Later(self.m, rounded, x)

    def __getattr__(self, name: str) -> Callable[..., Later]:
        if name not in self.PLAIN:
            raise AttributeError(name)
        way = getattr(self.ops, name)

        def later(*args: Any, **named: Any) -> Later:
            place = self.m.next_place()
            told = None if self.neutral else place

            def run(*made: Any) -> Any:
                self.ops.at = told
                return way(*made, **named)

            return Later(self.m, run, *args)

        return later

    def convert_to_tensor(self, value: Any, dtype: str) -> Any:
        """A number, or a table."""
        made = self.ops.convert_to_tensor(value, dtype)
        return made if isinstance(made, Table) else Later.of(made)

    def zeros_like(self, x: Any, dtype: str | None = None) -> Later:
        """0."""
        return Later.of(self.ops.zeros_like(x, dtype))

    def cast(self, x: Any, dtype: str) -> Later:
        """Truth values to 0 and 1; to integers by dropping what is behind."""
        self.ops.expect(dtype)
        return self._whole(lambda a, k: self.ops.cast(a, dtype, k), x)

    def floor(self, x: Any) -> Later:
        """The integer below."""
        return self._whole(self.ops.floor, x)

    def where(self, truth: Any, a: Any, b: Any) -> Later:
        """A choice."""
        return _Choice(self.m, self.ops.where, truth, a, b)

    def isnan(self, x: Any) -> Any:
        """Never."""
        return self.ops.isnan(x)


class LaterPairs:
    """What stands for the helpers, written down."""

    def __init__(self, pairs: Pairs) -> None:
        self.pairs, self.by_log = pairs, False

    @property
    def m(self) -> Machine:
        """The machine of the run at hand."""
        return self.pairs.m

    def names(self) -> dict[str, Callable[..., Any]]:
        """What is replaced in the module."""
        return {
            "_two_sum": self.two_sum,
            "_fast_two_sum": self.fast_two_sum,
            "_two_product": self.two_product,
            "_product_of_halves": self.product_of_halves,
            "_short_quotient": self.short_quotient,
            "_short_root": self.short_root,
            "_split": self.split,
            "_pair_sum": self.sum,
            "_pair_product": self.product,
            "_pair_quotient": self.quotient,
            "_pair_root": self.root,
            "_find_row": self.find,
        }

    def by_owner(self, log_rows: Callable[..., Any]) -> Callable[..., Any]:
        """The helper for rows in a logarithm, which is not quite known."""

        def run(*args: Any) -> Any:
            self.by_log = True
            try:
                return log_rows(*args)
            finally:
                self.by_log = False

        return run

    def two_sum(self, a: Any, b: Any) -> Any:
        """The rounded sum, and what it lost."""
        return self._parts(2, self.pairs.two_sum, a, b)

    def fast_two_sum(self, a: Any, b: Any) -> Any:
        """The rounded sum, and what it lost, where |a| >= |b|."""
        return self._parts(2, self.pairs.fast_two_sum, a, b)

    def two_product(self, a: Any, b: Any, dtype: str) -> Any:
        """The rounded product, and what it lost."""
        self.pairs.expect(dtype)
        return self._parts(2, self.pairs.two_product, a, b, dtype)

    def product_of_halves(self, a: Any, b: Any, dtype: str) -> Any:
        """The rounded product, and what it lost."""
        self.pairs.expect(dtype)
        return self._parts(2, self.pairs.product_of_halves, a, b, dtype)

    def split(self, s: Any, divider: float, dtype: str) -> Any:
        """s = high + low, high of few bits."""
        self.pairs.expect(dtype)
        self.pairs.divides(divider)
        return self._parts(2, self.pairs.split, s, divider)

    def short_quotient(self, x: Any, y: Any, dtype: str) -> Any:
        """Of two pairs, whose tails may be none."""

        def way(a: Any, b: Any, c: Any, d: Any) -> Any:
            return self.pairs.short_quotient((a, b), (c, d), dtype)

        return self._parts(2, way, *x, *y)

    def short_root(self, x: Any, dtype: str) -> Any:
        """Of a pair, whose tail may be none."""

        def way(a: Any, b: Any) -> Any:
            return self.pairs.short_root((a, b), dtype)

        return self._parts(2, way, *x)

    def sum(self, x: Any, y: Any) -> Any:
        """Of two pairs."""
        return self._two(self.pairs.sum, x, y)

    def product(self, x: Any, y: Any, dtype: str) -> Any:
        """Of two pairs."""
        self.pairs.expect(dtype)
        return self._two(self.pairs.product, x, y, dtype)

    def quotient(self, x: Any, y: Any, dtype: str) -> Any:
        """Of two pairs."""
        self.pairs.expect(dtype)
        return self._two(self.pairs.quotient, x, y, dtype)

    def root(self, m: Any, degree: int, dtype: str) -> Any:
        """A root as a pair."""
        self.pairs.expect(dtype)
        return self._parts(2, self.pairs.root, m, degree, dtype)

    def find(self, t: Any, seams: Any, table: Any, dtype: str) -> Any:
        """The row of the table that t lies in."""
        by_log = self.by_log

        def way(number: Any) -> Any:
            return self.pairs.find(number, seams, table, dtype, by_log)

        return self._parts(len(table[0]), way, t)

    def _two(self, way: Callable[..., Any], x: Any, y: Any, *more: Any) -> Any:
        """An operation of two pairs."""
        return self._parts(
            2, lambda a, b, c, d: way((a, b), (c, d), *more), *x, *y
        )

    def _parts(
        self, count: int, way: Callable[..., Any], *args: Any
    ) -> tuple[Later, ...]:
        """The results of an operation that has several."""
        whole = Later(self.m, way, *args)
        return tuple(
            Later(self.m, operator.itemgetter(i), whole) for i in range(count)
        )
