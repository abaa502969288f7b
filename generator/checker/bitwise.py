"""The primitives that look at bits, over lanes: exponents and quotients.

They stand for the code in statements.py, by what is proved of it: 2**n of
integers is exact; n of a positive and normal t is floor(log2(t) / root + 1/2)
root, up to SLACK where it is guessed; a quotient and a root are one operation,
whose rounding is off by 2**-18 ulp more (arithmetic.py).
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

import numpy as np

from .later import Later
from .machine import Real
from .machine import power_of_two
from .operations import Ops
from .running import Number

# log is off by at most 8 ulp of 128, (2**-14 with its factor), and the
# product and its constant by less than 2**-15.
SLACK = Real(2) ** -13


def scaled(ops: Ops, y: Number, n: Number, place: int) -> Number:
    """y * 2**n, in two steps."""
    whole = ops.whole(n, np.trunc, place)
    most = 2 * (ops.m.fmt.emax - 1)
    value = np.clip(whole.lo, -most, most)
    half = np.floor(value / 2)
    lost = whole.res
    made = y * _power(ops, half, lost) * _power(ops, value - half, lost)
    return _flushed_once(y, made, value)


def further(ops: Ops, y: Number, n: Number, up: bool, place: int) -> Number:
    """y * 2**n, the first step 2**p, or 2**-p; a clip is between them."""
    shift = ops.m.fmt.precision * (1 if up else -1)
    whole = ops.whole(n, np.trunc, place)
    most = ops.m.fmt.emax - 1
    left = whole.lo - shift
    lost = np.where(np.abs(left) <= most, whole.res, Real(np.inf))
    first = _power(ops, np.full(len(left), shift), ops.m.fill(0))
    made = y * first * _power(ops, np.clip(left, -most, most), lost)
    return _flushed_once(y, made, whole.lo)


def moved(ops: Ops, y: Number, n: Number, place: int) -> Number:
    """y * 2**n, in one step."""
    whole = ops.whole(n, np.trunc, place)
    most = ops.m.fmt.emax - 1
    lost = np.where(np.abs(whole.lo) <= most, whole.res, Real(np.inf))
    made = y * _power(ops, np.clip(whole.lo, -most, most), lost)
    return _flushed_once(y, made, whole.lo)


def _flushed_once(y: Number, made: Number, n: Any) -> Number:
    """A small number is off by what it was, or by all of it if it is 0 now."""
    m = y.m
    small = (made.top <= 2 * m.normal) & np.isfinite(made.error)
    before = y.error * power_of_two(np.clip(n, -16000, 16000).astype(np.int64))
    all_of_it = np.maximum(before, made.size)
    less = small & (all_of_it < made.error)
    if not less.any():
        return made
    whole = Number(m, made.lo, made.hi, all_of_it, {}, None, all_of_it)
    return whole.where(less, made)


def power_of(ops: Ops, n: Number, held: bool = False) -> Number:
    """2**n of a whole number, where that is a normal number.

    Args:
        held: below the smallest normal it is that one instead.
    """
    most = ops.m.fmt.emax
    below = n.lo < 1 - most
    out = ~((n.hi <= most) & (n.lo == n.hi))
    lost = np.where(out | (below & (not held)), Real(np.inf), n.res)
    lost = lost + np.where(below, ops.m.normal, Real(0))
    return _power(ops, np.clip(n.lo, -4 * most, most), lost)


def split_exponent(
    ops: Ops, t: Number, root: int, place: int
) -> tuple[Number, Number]:
    """m, n with t = m * 2**n."""
    m = ops.m
    error = t.error
    low, high = t.lo - error, t.hi + error
    high = np.minimum(high, m.largest)
    bad = ~(low >= m.normal) | t.huge
    low, high = np.where(bad, Real(1), low), np.where(bad, Real(1), high)
    places = Number(
        m,
        np.log2(low) / root + Real(0.5),
        np.log2(high) / root + Real(0.5),
        np.where(bad, Real(np.inf), SLACK / root),
    )
    whole = ops.whole(places, np.floor, place)
    value = root * whole.lo
    grid = np.zeros(m.lanes, int)
    n = Number(m, value, value, whole.res, {}, grid)
    half = np.floor(-value / 2)
    lost = whole.res
    part = t * _power(ops, half, lost) * _power(ops, -value - half, lost)
    return part, n


def _power(ops: Ops, n: Any, lost: Any) -> Number:
    """2**n, n whole."""
    value = power_of_two(n.astype(np.int64))
    return Number(ops.m, value, value, lost, {}, n.astype(np.int64))


class LaterBitwise:
    """The primitives, written down (later.py)."""

    def __init__(self, ops: Ops) -> None:
        self.ops = ops

    def names(self) -> dict[str, Callable[..., Any]]:
        """What is replaced in the module."""
        return {
            "_unit_of": self.unit,
            "_grown": self.grown,
            "_grown_from": self.grown_from,
            "_shrunk": self.shrunk,
            "_pair_by_power": self.pair,
            "_scale_by_power": self.scale,
            "_split_exponent": self.split,
            "_quotient": self.quotient,
            "_square_root": self.square_root,
        }

    def quotient(self, a: Any, b: Any, dtype: str) -> Any:
        """a / b."""
        self.ops.expect(dtype)
        return a / b

    def square_root(self, a: Any, dtype: str) -> Later:
        """Its square root."""
        self.ops.expect(dtype)
        return Later(self.ops.m, self.ops.sqrt, a)

    def unit(self, n: Any, dtype: str) -> Later:
        """2**-n."""
        self.ops.expect(dtype)
        m = self.ops.m
        place = m.next_place()

        def way(a: Number) -> Number:
            whole = self.ops.whole(a, np.trunc, place)
            return power_of(self.ops, -whole, held=True)

        return Later(m, way, n)

    def pair(self, y: Any, n: Any, dtype: str) -> tuple[Later, ...]:
        """Both times 2**n."""
        self.ops.expect(dtype)
        m = self.ops.m
        place = m.next_place()

        def way(a: Number, b: Number) -> Number:
            return a * power_of(self.ops, self.ops.whole(b, np.trunc, place))

        return tuple(Later(m, way, part, n) for part in y)

    def scale(self, y: Any, n: Any, dtype: str) -> Later:
        """y * 2**n."""
        self.ops.expect(dtype)
        m = self.ops.m
        place = m.next_place()
        return Later(m, lambda a, b: scaled(self.ops, a, b, place), y, n)

    def grown(self, y: Any, n: Any, dtype: str) -> Later:
        """y * 2**n."""
        return self._further(y, n, True, dtype)

    def grown_from(self, y: Any, n: Any, shift: int, dtype: str) -> Later:
        """y * 2**(n - shift)."""
        self.ops.expect(dtype)
        m = self.ops.m
        place = m.next_place()
        left = n - float(shift)
        return Later(m, lambda a, b: moved(self.ops, a, b, place), y, left)

    def shrunk(self, y: Any, n: Any, dtype: str) -> Later:
        """y * 2**-n."""
        return self._further(y, -n, False, dtype)

    def _further(self, y: Any, n: Any, up: bool, dtype: str) -> Later:
        self.ops.expect(dtype)
        m = self.ops.m
        place = m.next_place()
        return Later(m, lambda a, b: further(self.ops, a, b, up, place), y, n)

    def split(self, t: Any, root: int, dtype: str) -> tuple[Later, ...]:
        """m, n."""
        self.ops.expect(dtype)
        m = self.ops.m
        place = m.next_place()
        both = Later(m, lambda a: split_exponent(self.ops, a, root, place), t)
        return tuple(Later(m, itemgetter(i), both) for i in (0, 1))
