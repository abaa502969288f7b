"""What stands for `keras.ops` in a run over lanes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .arithmetic import off_by
from .machine import NO_GRID
from .machine import WIDEN
from .machine import Machine
from .machine import Real
from .running import Number
from .running import constant
from .source import NotRunnable

LAST_BIN = 2**31  # an int32 holds the number of a bin


class Table:
    """A constant array of the source, by index."""

    def __init__(self, values: Any, machine: Machine, dtype: str) -> None:
        self.whole = dtype == "int32"
        kind = np.float32 if machine.fmt.name == "float32" else np.float64
        cast = np.int64 if self.whole else kind
        self.values = np.array(values, dtype=cast)


class Ops:
    """The functions of `keras.ops` that bodies call."""

    def __init__(self, machine: Machine) -> None:
        self.m = machine
        self.at: int | None = None  # the place of the operation at hand

    def expect(self, dtype: str | None) -> None:
        """A body computes in its own format, and looks up by integers."""
        if dtype not in (None, "int32", self.m.fmt.name):
            raise NotRunnable(
                f"expected {self.m.fmt.name} or int32, received {dtype!r}"
            )

    def convert_to_tensor(self, value: Any, dtype: str) -> Any:
        """A number, or a table."""
        self.expect(dtype)
        if isinstance(value, (list, tuple)):
            return Table(value, self.m, dtype)
        return constant(self.m, value)

    def zeros_like(self, x: Number, dtype: str | None = None) -> Number:
        """0."""
        self.expect(dtype)
        del x
        return constant(self.m, 0.0)

    def cast(self, x: Any, dtype: str, place: int | None = None) -> Number:
        """Truth values to 0 and 1; to integers by dropping what is behind."""
        self.expect(dtype)
        if isinstance(x, np.ndarray):
            value = np.where(x, Real(1), Real(0))
            grid = np.zeros(self.m.lanes, int)
            return Number(self.m, value, value, self.m.fill(0), {}, grid)
        if dtype == "int32":
            return self.whole(x, np.trunc, place)
        return x

    def floor(self, x: Number, place: int | None = None) -> Number:
        """The integer below."""
        return self.whole(x, np.floor, place)

    def whole(
        self, x: Number, way: Callable[[Any], Any], place: int | None
    ) -> Number:
        error = np.where(x.huge, Real(np.inf), x.error)
        low, high = way(x.lo - error), way(x.hi + error)
        open_ = low != high
        wide = ~(high - low <= 1)
        taken = self.m.choice(place, open_ & ~wide)
        value = np.where(open_ & ~wide, low + taken, low)
        value = np.where(np.isfinite(value), value, Real(0))
        grid = np.zeros(self.m.lanes, int)
        return Number(self.m, value, value, self._unless(wide), {}, grid)

    def _unless(self, wide: Any) -> Any:
        """No error, but where a lane is too wide to say anything."""
        return np.where(wide, Real(np.inf), Real(0))

    def where(self, truth: Any, a: Any, b: Any) -> Number:
        """A choice, decided in every lane."""
        a = a if isinstance(a, Number) else constant(self.m, a)
        b = b if isinstance(b, Number) else constant(self.m, b)
        return a.where(truth, b)

    def isnan(self, x: Number) -> Any:
        """Never: outside.py looks at nan."""
        del x
        return np.zeros(self.m.lanes, bool)

    def logical_and(self, a: Any, b: Any) -> Any:
        """Both."""
        return a & b

    def abs(self, x: Number) -> Number:
        """|x|: the sign is known, or both are possible."""
        below, above = x.hi <= 0, x.lo >= 0
        self.m.decides((self.at, "abs"), above, ~(below | above))
        folded = x.folded()
        both = Number(
            x.m, x.m.fill(0), x.size, folded.res, {}, x.grid, x.last, x.huge
        )
        return x.where(above, (-x).where(below, both))

    def clip(self, x: Number, low: Any, high: Any) -> Number:
        """Between two constants."""
        return self.minimum(self.maximum(x, low), high)

    def minimum(self, x: Any, bound: Any) -> Number:
        """The smaller of a number and a constant."""
        return -self._larger(-x, -bound, "minimum")

    def maximum(self, x: Any, bound: Any) -> Number:
        """The larger of a number and a constant."""
        return self._larger(x, bound, "maximum")

    def _larger(self, x: Any, bound: Any, name: str) -> Number:
        known = isinstance(bound, Number)
        limit = bound if known else constant(self.m, bound)
        error = x.error
        inside = x.lo - error >= limit.lo
        outside = x.hi + error <= limit.lo
        if self.at is not None:
            # No float is beyond the largest but by an overflow.
            most = limit.lo * (1 + Real(2) ** -50)
            within = (limit.lo == -self.m.largest) & (x.lo >= most)
            taken = inside | (within & ~x.huge)
            self.m.decides((self.at, name), taken, ~(taken | outside))
        cut = Number(
            x.m,
            np.maximum(x.lo, limit.lo),
            np.maximum(x.hi, limit.lo),
            error,
            {},
            np.where(limit.grid > NO_GRID, np.minimum(x.grid, limit.grid),
                     NO_GRID),
            huge=x.huge & (x.hi > 0),
        )  # fmt: skip
        return x.where(inside, limit.where(outside, cut))

    def exp(self, x: Number) -> Number:
        """exp with its assumed error."""
        return self._function("exp", np.exp, x)

    def log(self, x: Number) -> Number:
        """log with its assumed error."""
        return self._function("log", np.log, x)

    def sqrt(self, x: Number) -> Number:
        """sqrt with its assumed error."""
        return self._function("sqrt", np.sqrt, x)

    def _function(
        self, name: str, function: Callable[[Any], Any], x: Number
    ) -> Number:
        error, fmt = x.error, self.m.fmt
        low, high = x.lo - error, x.hi + error
        if name != "exp":
            bad = ~(low > 0)
            low = np.where(bad, Real(1), low)
            high = np.where(bad, Real(1), high)
            lo = np.where(bad, Real(1), np.maximum(x.lo, low))
            hi = np.where(bad, Real(1), np.maximum(x.hi, low))
        else:
            bad, lo, hi = np.zeros(self.m.lanes, bool), x.lo, x.hi
        a, b = function(lo), function(hi)
        wide_a, wide_b = function(low), function(high)
        carried = np.maximum(np.abs(wide_a - a), np.abs(wide_b - b))
        if name == "exp":
            carried = np.maximum(b * np.expm1(error), wide_b - b)
        else:  # the slope is largest at the lower end
            slope = 1 / low if name == "log" else 1 / (2 * np.sqrt(low))
            carried = np.where(error > 0, slope * error, Real(0))
        top = np.maximum(np.abs(wide_a), np.abs(wide_b))
        e = np.maximum(
            np.frexp(np.maximum(top, self.m.normal))[1] - 1, fmt.emin
        )
        ulps = Real(self.m.ulps[name])
        if name == "sqrt":
            ulps = ulps + off_by(self.m) / self.m.unit / 2
        own = ulps * np.ldexp(Real(1), e - fmt.precision + 1)
        least = np.minimum(np.abs(wide_a), np.abs(wide_b))
        tiny = self.m.normal * Real(self.m.tiny.get(name, 1.0))
        own = np.where(least < self.m.normal, np.maximum(own, tiny), own)
        res = carried * (1 + 8 * WIDEN) + own
        res = np.where(bad | ~np.isfinite(top), Real(np.inf), res)
        huge = top + own >= self.m.beyond
        if name == "exp":  # of an infinity it is one, or 0
            huge |= x.huge & (x.lo > 0)
        else:
            res = np.where(x.huge, Real(np.inf), res)
        widen = 4 * WIDEN
        return Number(
            self.m,
            a - np.abs(a) * widen,
            b + np.abs(b) * widen,
            res,
            huge=huge & np.isfinite(res),
        )

    def take(self, table: Any, index: Any, axis: int | None = None) -> Number:
        """The entry at an index that is known in every lane."""
        del axis
        if not isinstance(table, Table):
            table = Table(table, self.m, "int32")
        last = len(table.values) - 1
        a = np.clip(index.lo.astype(np.int64), 0, last)
        b = np.clip(index.hi.astype(np.int64), 0, last)
        values = table.values[a]
        unknown = self._unless(
            (values != table.values[b]) | ~np.isfinite(index.error)
        )
        number = values.astype(Real)
        if table.whole:
            grid = np.zeros(self.m.lanes, int)
        else:
            grid = grids(values)
        return Number(self.m, number, number, unknown, {}, grid)


def grids(values: Any) -> Any:
    """The power of two of which a float is an odd multiple."""
    wide = values.astype(np.float64)
    finite = np.isfinite(wide) & (wide != 0)
    m, e = np.frexp(np.where(finite, wide, 1.0))
    whole = np.abs(np.ldexp(m, 53)).astype(np.int64)
    low = whole & -whole
    trailing = np.frexp(low.astype(np.float64))[1] - 1
    return np.where(
        finite, e - 53 + trailing, np.where(wide == 0, 10**5, NO_GRID)
    )


def exponent(size: Any) -> Any:
    """floor(log2 size), far below everything where it is 0."""
    return np.where(size > 0, np.frexp(size)[1] - 1, NO_GRID)


def searchable(seams: Any) -> None:
    """Raises where `_find` would not find what it is said to find."""
    if hasattr(seams, "rows"):
        scale = float(seams.scale)
        if np.frexp(scale)[0] != 0.5:  # t * scale would be rounded
            raise NotRunnable(f"a grid by no power of two: {scale!r}")
        if not 0 <= abs(seams.first) + len(seams.rows) < LAST_BIN:
            raise NotRunnable("a grid beyond the integers")
    elif any(b < a for a, b in zip(seams, list(seams)[1:], strict=False)):
        raise NotRunnable("seams that do not ascend")
