"""What stands for `keras.ops` and for the helpers of pairs in a run.

The helpers whose exactness is a theorem are not executed but replaced by
what the theorem says; the others run as they are rendered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .running import NO_GRID
from .running import WIDEN
from .running import Machine
from .running import Number
from .running import Real
from .running import _zero
from .running import constant
from .running import exact_product
from .running import exact_sum
from .running import rounded_once

Pair = tuple[Number, Number]


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

    def convert_to_tensor(self, value: Any, dtype: str) -> Any:
        """A number, or a table."""
        if isinstance(value, (list, tuple)):
            return Table(value, self.m, dtype)
        return constant(self.m, value)

    def zeros_like(self, x: Number, dtype: str | None = None) -> Number:
        """0."""
        del dtype
        return constant(x.m, 0.0)

    def cast(self, x: Any, dtype: str) -> Number:
        """Truth values to 0 and 1; to integers by dropping what is behind."""
        if isinstance(x, np.ndarray):
            value = np.where(x, Real(1), Real(0))
            grid = np.zeros(self.m.lanes, int)
            return Number(self.m, value, value, self.m.fill(0), {}, grid)
        if dtype == "int32":
            return self._whole(x, np.trunc)
        return x

    def floor(self, x: Number) -> Number:
        """The integer below."""
        return self._whole(x, np.floor)

    def _whole(self, x: Number, way: Callable[[Any], Any]) -> Number:
        error = x.error
        low, high = way(x.lo - error), way(x.hi + error)
        place = self.m.next_place()
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

    def logical_and(self, a: Any, b: Any) -> Any:
        """Both."""
        return a & b

    def abs(self, x: Number) -> Number:
        """|x|: the sign is known, or both are possible."""
        below, above = x.hi <= 0, x.lo >= 0
        folded = x.folded()
        both = Number(x.m, x.m.fill(0), x.size, folded.res, {}, x.grid, x.last)
        return x.where(above, (-x).where(below, both))

    def clip(self, x: Number, low: Any, high: Any) -> Number:
        """Between two constants."""
        return self.minimum(self.maximum(x, low), high)

    def minimum(self, x: Any, bound: Any) -> Number:
        """The smaller of a number and a constant."""
        return -self.maximum(-x, -bound)

    def maximum(self, x: Any, bound: Any) -> Number:
        """The larger of a number and a constant."""
        limit = constant(self.m, bound)
        error = x.error
        inside = x.lo - error >= limit.lo
        outside = x.hi + error <= limit.lo
        cut = Number(
            x.m,
            np.maximum(x.lo, limit.lo),
            np.maximum(x.hi, limit.lo),
            error,
            {},
            np.where(limit.grid > NO_GRID, np.minimum(x.grid, limit.grid),
                     NO_GRID),
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
        own = Real(self.m.ulps[name]) * np.ldexp(Real(1), e - fmt.precision + 1)
        least = np.minimum(np.abs(wide_a), np.abs(wide_b))
        tiny = self.m.normal * Real(self.m.tiny.get(name, 1.0))
        own = np.where(least < self.m.normal, np.maximum(own, tiny), own)
        res = carried * (1 + 8 * WIDEN) + own
        res = np.where(bad | ~np.isfinite(top), Real(np.inf), res)
        widen = 4 * WIDEN
        return Number(self.m, a - np.abs(a) * widen, b + np.abs(b) * widen, res)

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
            grid = _grids(values)
        return Number(self.m, number, number, unknown, {}, grid)


def _grids(values: Any) -> Any:
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


class Pairs:
    """The theorems about pairs of floats that checks rely on."""

    def __init__(
        self, machine: Machine, owned: tuple[Any, ...] | None = None
    ) -> None:
        self.m, self.rows = machine, owned
        self.u2 = machine.unit**2
        self.by_log = False

    def by_owner(self, log_rows: Callable[..., Pair]) -> Callable[..., Pair]:
        """The helper for rows in a logarithm, which is not quite known."""

        def run(*args: Any) -> Pair:
            self.by_log = True
            try:
                return log_rows(*args)
            finally:
                self.by_log = False

        return run

    def names(self) -> dict[str, Callable[..., Any]]:
        """What is replaced in the module."""
        return {
            "_two_sum": self.two_sum,
            "_two_product": self.two_product,
            "_split": self.split,
            "_sum": self.sum,
            "_product": self.product,
            "_quotient": self.quotient,
            "_root": self.root,
            "_find": self.find,
        }

    def find(
        self, t: Number, seams: Any, table: Any, dtype: str
    ) -> list[Number]:
        """The row of the table that t lies in, by its specification.

        A grid gives bin floor(t * scale) - first to a row; otherwise row i
        is that of i seams at or below t.
        """
        error = t.error
        low, high = (self._row(v, seams) for v in (t.lo - error, t.hi + error))
        rows = [table[i] for i in range(len(table))]
        last = len(rows) - 1
        low, high = np.clip(low, 0, last), np.clip(high, 0, last)
        unknown = (low != high) | ~np.isfinite(error)
        if self.by_log and self.rows is not None:
            # Each row that may be taken owns lanes there: that one here.
            mine, near, center = self.rows
            its = Table([row[0] for row in rows], self.m, dtype).values
            mine = np.where(its[np.clip(mine, 0, last)] == center, mine, -1)
            other = (low < mine - near) | (high > mine + near)
            unknown = np.where(mine < 0, unknown, other | ~np.isfinite(error))
            low = np.where(mine < 0, low, np.clip(mine, 0, last))
        lost = np.where(unknown, Real(np.inf), Real(0))
        columns = []
        for column in zip(*rows, strict=True):
            values = Table(column, self.m, dtype).values[low]
            number = values.astype(Real)
            columns.append(
                Number(self.m, number, number, lost, {}, _grids(values))
            )
        return columns

    def _row(self, t: Any, seams: Any) -> Any:
        if hasattr(seams, "rows"):
            rows = np.array(seams.rows)
            bins = np.floor(t * Real(seams.scale)) - seams.first
            bins = np.clip(np.nan_to_num(bins), 0, len(rows) - 1)
            return rows[bins.astype(np.int64)]
        kind = np.float32 if self.m.fmt.name == "float32" else np.float64
        edges = np.array(seams, dtype=kind).astype(Real)
        return np.searchsorted(edges, t, side="right")

    def two_sum(self, a: Any, b: Any) -> Pair:
        """The rounded sum, and what it lost (Knuth 1969, theorem 4.2.2 B)."""
        if not isinstance(a, Number):
            a = constant(self.m, a)
        b = a.like(b)
        return self._parts(a + b, exact_sum(a, b))

    def two_product(self, a: Number, b: Number, dtype: str) -> Pair:
        """The rounded product, and what it lost (Dekker 1971, section 5).

        Of small products the five parts may be flushed.
        """
        del dtype
        high, low = self._parts(a * b, exact_product(a, b))
        spare = 2 * self.m.fmt.precision + 4
        safe = (a * b).least >= self.m.normal * Real(2) ** spare
        exact = (low.error == 0) | safe
        low.res = low.res + np.where(exact, Real(0), 5 * self.m.normal)
        return high, low

    def _parts(self, rounded: Number, exact: Number) -> Pair:
        """The rounding of `rounded` as an error that both parts know."""
        key = self.m.noise(rounded.last)
        one, zero = self.m.fill(1), self.m.fill(0)
        high = Number(
            self.m,
            rounded.lo,
            rounded.hi,
            exact.res,
            {**exact.noise, key: (one, one)},
            self._grid(rounded.least - rounded.error, rounded.grid),
            rounded.last,
        )
        flushed = np.minimum(rounded.last, self.m.normal)
        lost = np.where(rounded.last >= self.m.normal / self.m.unit,
                        zero, flushed)  # fmt: skip
        low = Number(self.m, zero, zero, lost, {key: (-one, -one)})
        return high, low

    def _grid(self, least: Any, known: Any) -> Any:
        """A float is a multiple of the spacing of floats of its size."""
        e = np.maximum(_exponent(least), self.m.fmt.emin)
        return np.maximum(known, e + 1 - self.m.fmt.precision)

    def split(self, s: Number, divider: float) -> Pair:
        """s = high + low, high of few bits (Boldo 2006, Veltkamp)."""
        bits = self.m.fmt.precision - (int(divider) - 1).bit_length() + 1
        size = s.size + s.error
        least = np.maximum(s.least - s.error, 0)
        grid = _exponent(least) + 1 - bits
        unit = np.ldexp(Real(1), _exponent(size) + 1 - bits)
        same = s.grid >= _exponent(size) + 1 - bits
        half = np.where(same, Real(0), unit / 2)
        high, low = self._parts(
            Number(self.m, s.lo, s.hi, s.res, s.noise, grid, half), s
        )
        high.grid = np.where(same, np.maximum(s.grid, grid), grid)
        low.grid = s.grid
        low.res = np.where(same, Real(0), low.res)
        return high, low

    def _joined(self, x: Pair) -> Number:
        made = exact_sum(x[0], x[1])
        return Number(self.m, made.lo, made.hi, made.error)

    def _pair(self, exact: Number, more: Any) -> Pair:
        """A pair for a value known up to its own error and `more`."""
        error = exact.error + more
        top = exact.size + error
        half = self.m.half_ulp(exact.size, top, exact.least)
        key = self.m.noise(half)
        one, zero = self.m.fill(1), self.m.fill(0)
        none = np.full(self.m.lanes, NO_GRID)
        grid = self._grid(exact.least - error - half, none)
        high = Number(
            self.m, exact.lo, exact.hi, error, {key: (one, one)}, grid, half
        )
        return high, Number(self.m, zero, zero, zero, {key: (-one, -one)})

    def _flush(self, size: Any) -> Any:
        """What flushed parts of a small product lose."""
        safe = self.m.normal / self.u2 * 16
        return np.where(size >= safe, Real(0), 8 * self.m.normal)

    def sum(self, x: Pair, y: Pair) -> Pair:
        """3 u**2 of the terms (Joldes et al. 2017, section 3)."""
        a, b = self._joined(x), self._joined(y)
        lost = 4 * self.u2 * (a.size + b.size)
        return self._pair(exact_sum(a, b), lost)

    def product(self, x: Pair, y: Pair, dtype: str) -> Pair:
        """7 u**2 relatively (Joldes et al. 2017, theorem 5.1 ff.)."""
        made = exact_product(self._joined(x), self._joined(y))
        lost = 8 * self.u2 * (made.size + made.error)
        found = self._pair(made, lost + self._flush(made.least))
        single = _zero(x[1]) & _zero(y[1])
        if not single.any():
            return found
        exact = self.two_product(x[0], y[0], dtype)
        return tuple(
            a.where(single, b) for a, b in zip(exact, found, strict=True)
        )  # type: ignore[return-value]

    def quotient(self, x: Pair, y: Pair, dtype: str) -> Pair:
        """15 u**2 relatively (Joldes et al. 2017, theorem 7.1 ff.)."""
        del dtype
        a, b = self._joined(x), self._joined(y)
        gap = b.least - b.error
        bad = ~(gap > 0)
        one = self.m.fill(1)
        low, high = np.where(bad, one, b.lo), np.where(bad, one, b.hi)
        gap = np.where(bad, one, gap)
        inverse = Number(
            self.m,
            (1 / high) * (1 - WIDEN * np.sign(high)),
            (1 / low) * (1 + WIDEN * np.sign(low)),
            np.where(bad, Real(np.inf), b.error / gap**2),
        )
        made = exact_product(a, inverse)
        lost = 16 * self.u2 * (made.size + made.error)
        return self._pair(made, lost + self._flush(made.least))

    def root(self, m: Number, degree: int, dtype: str) -> Pair:
        """One step of Newton's method on a root with a few ulp of error.

        With relative error d before it, (degree - 1) / 2 d**2 is left, the
        correction meets 8 roundings, the power 8 u**2 for each factor.
        """
        del dtype
        u, size = self.m.unit, np.maximum(np.abs(np.log(m.hi)), 1)
        if degree == 2:
            before = 2 * Real(self.m.ulps["sqrt"]) * u
        else:
            in_log = 2 * Real(self.m.ulps["log"]) + 1
            before = (2 * Real(self.m.ulps["exp"]) + 2) * u
            before = before + in_log * u * size / degree
        error = m.error / m.least
        power = Real(1) / degree
        root = Number(
            self.m,
            np.power(m.lo, power) * (1 - 16 * WIDEN),
            np.power(m.hi, power) * (1 + 16 * WIDEN),
            np.power(m.hi, power) * error * 2 / degree,
        )
        left = before**2 * (degree - 1) + 8 * u * before + 8 * degree * u * u
        return self._pair(root, left * root.size)


def _exponent(size: Any) -> Any:
    """floor(log2 size), far below everything where it is 0."""
    return np.where(size > 0, np.frexp(size)[1] - 1, NO_GRID)


def rounded(value: Number) -> Number:
    """A value after one more rounding."""
    return rounded_once(
        value.m, value.lo, value.hi, value.res, value.noise, value.grid
    )
