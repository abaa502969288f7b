"""The theorems about pairs of floats and tables that checks rely on.

The helpers that are named here are not executed but replaced by what the
theorem says of them; that they are that code, source.py has seen to.  Each
theorem has its conditions, and they are tested in every lane: no sum, product
or split beyond the largest number, no low part below the smallest, nothing
that a compiler sees through.  Where one does not hold nothing is known.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .arithmetic import exact_product
from .arithmetic import exact_quotient
from .arithmetic import exact_sum
from .arithmetic import is_zero
from .arithmetic import off_by
from .arithmetic import product
from .arithmetic import quotient
from .arithmetic import total
from .folds import hidden
from .folds import summed
from .machine import NO_GRID
from .machine import WIDEN
from .machine import Machine
from .machine import Real
from .operations import LAST_BIN
from .operations import Table
from .operations import exponent
from .operations import grids
from .operations import searchable
from .running import Number
from .running import constant
from .source import NotRunnable

Pair = tuple[Number, Number]


class Pairs:
    """What stands for the helpers in a run."""

    def __init__(
        self, machine: Machine, owned: tuple[Any, ...] | None = None
    ) -> None:
        self.m, self.rows = machine, owned
        self.u2 = machine.unit**2
        # 2**s + 1 leaves p - s bits in the high part (Veltkamp).
        bits = (machine.fmt.precision + 1) // 2
        self.divider = Real(2) ** bits + 1
        self.high_bits = machine.fmt.precision - bits

    # -- tables ---------------------------------------------------------
    def find(
        self,
        t: Number,
        seams: Any,
        table: Any,
        dtype: str,
        by_log: bool = False,
    ) -> list[Number]:
        """The row of the table that t lies in, by its specification.

        A grid gives bin floor(t * scale) - first to a row; otherwise row i
        is that of i seams at or below t.
        """
        error = np.where(t.huge, Real(np.inf), t.error)
        searchable(seams)
        low, high = (self._row(v, seams) for v in (t.lo - error, t.hi + error))
        rows = [table[i] for i in range(len(table))]
        last = len(rows) - 1
        low, high = np.clip(low, 0, last), np.clip(high, 0, last)
        unknown = (low != high) | ~np.isfinite(error)
        if hasattr(seams, "rows"):
            unknown |= t.top * Real(seams.scale) >= LAST_BIN
        if by_log and self.rows is not None:
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
                Number(self.m, number, number, lost, {}, grids(values))
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

    # -- conditions -----------------------------------------------------
    def _far(self, *numbers: Number) -> Any:
        """Lanes where one of them may be beyond a quarter of the largest."""
        far = np.zeros(self.m.lanes, bool)
        for a in numbers:
            far |= a.huge | ~(a.top <= self.m.largest / 4)
        return far

    def _unsplit(self, *factors: Number) -> Any:
        """Lanes where divider * a may overflow."""
        far = np.zeros(self.m.lanes, bool)
        for a in factors:
            far |= a.huge | ~(a.top * self.divider <= self.m.largest)
        return far

    def _short(self, a: Number) -> Any:
        """Lanes where all of a is in the high part of its split."""
        top = np.ldexp(Real(1), np.clip(a.grid, -16000, 15900) + self.high_bits)
        return (a.grid > NO_GRID) & (a.top <= top)

    def _flushed(self, a: Number, b: Number) -> Any:
        """What a product loses where the low part of a factor is flushed."""
        lost = self.m.fill(0)
        for x, y in ((a, b), (b, a)):
            least = self.m.normal / self.m.unit * 2
            kept = (x.least - x.error >= least) | self._short(x)
            lost = lost + np.where(kept, Real(0), self.m.normal * y.top)
        return lost

    # -- two floats -----------------------------------------------------
    def two_sum(self, a: Any, b: Any) -> Pair:
        """The rounded sum, and what it lost (Knuth 1969, theorem 4.2.2 B)."""
        if not isinstance(a, Number):
            a = constant(self.m, a)
        b = a.like(b)
        made, exact = total(a, b), exact_sum(a, b)
        # Beside less than a quarter of an ulp the largest number is safe, too
        # (Boldo, Graillat and Muller, ACM TOMS 44 (2017)).
        little = self.m.largest * self.m.unit / 2
        safe = np.minimum(a.top, b.top) <= little
        safe &= ~(a.huge | b.huge | made.huge)
        lost = (self._far(a, b, made) & ~safe) | hidden(a, b)
        high, low = self._parts(made, exact)
        high, low = high.unless(lost), low.unless(lost)
        high.fold = summed(a, b)
        return high, low

    def fast_two_sum(self, a: Any, b: Any) -> Pair:
        """The same in fewer operations, where |a| >= |b| (Dekker 1971).

        Else s - a is rounded, at most by u of itself, and it is b and what
        the sum lost.
        """
        high, low = self.two_sum(a, b)
        if not isinstance(a, Number):
            a = constant(self.m, a)
        b = a.like(b)
        ordered = (a.least - a.error >= b.top) | is_zero(a) | is_zero(b)
        more = self.m.unit * (b.top + 2 * high.last) * (1 + 4 * self.m.unit)
        flushed = np.minimum(more, self.m.normal)
        low.res = low.res + np.where(ordered, Real(0), 2 * more + flushed)
        return high, low

    def two_product(self, a: Number, b: Number, dtype: str) -> Pair:
        """The rounded product, and what it lost (Dekker 1971, section 5).

        Of small products the five parts may be flushed.
        """
        self.expect(dtype)
        made = product(a, b)
        lost = self._unsplit(a, b) | self._far(made)
        high, low = self._parts(made, exact_product(a, b))
        spare = 2 * self.m.fmt.precision + 4
        safe = made.least - made.error >= self.m.normal * Real(2) ** spare
        exact = safe | is_zero(a) | is_zero(b)
        exact |= self._short(a) & self._short(b)
        low.res = low.res + np.where(exact, Real(0), 5 * self.m.normal)
        low.res = low.res + np.where(
            is_zero(a) | is_zero(b), Real(0), self._flushed(a, b)
        )
        return high.unless(lost), low.unless(lost)

    def product_of_halves(self, a: Number, b: Number, dtype: str) -> Pair:
        """The rounded product, and what it lost but for 2**(-p - 9) of it.

        Of p-bit factors high parts have p/2 bits, and their product is exact;
        the other three are below 2**(2 - p/2) of it and meet 3 roundings.
        """
        self.expect(dtype)
        made = product(a, b)
        lost = made.huge | ~(made.top <= self.m.largest / 2)
        more = made.top * self.m.unit * Real(2) ** -9
        made.last = made.last + more
        high, low = self._parts(made, exact_product(a, b))
        spare = 2 * self.m.fmt.precision + 4
        safe = made.least - made.error >= self.m.normal * Real(2) ** spare
        zero = is_zero(a) | is_zero(b)
        low.res = low.res + np.where(safe | zero, Real(0), 5 * self.m.normal)
        flushed = self._flushed(a, b)
        low.res = low.res + np.where(zero, Real(0), flushed + more)
        return high.unless(lost), low.unless(lost)

    def short_quotient(self, x: Any, y: Any, dtype: str) -> Pair:
        """q and what it leaves over, q the rounded quotient of the heads.

        q is x[0] / y[0] but for half an ulp, its product with y[0] known to
        2**(-p - 9) of it; the rest meets one rounding for each of its terms
        and one more, and is divided, rounded, by y[0] instead of all of y.
        """
        self.expect(dtype)
        a, b = self._either(x), self._either(y)
        first = quotient(x[0], y[0])
        gap = np.maximum(y[0].least - y[0].error, 0)
        bad = ~(gap > 0)
        gap = np.where(bad, self.m.fill(1), gap)
        made = exact_quotient(a, b)
        u = self.m.unit
        tail_x, tail_y = (
            self.m.fill(0) if v[1] is None else v[1].top for v in (x, y)
        )
        part = first.top * tail_y
        rest = first.last * 2 * y[0].top + tail_x + part
        own = u * (3 * rest + part) + first.top * y[0].top * u * Real(2) ** -9
        own = own + self._flushed(first, y[0]) + self._flush(x[0].least)
        own = own + np.where(part > 0, np.minimum(part, self.m.normal), 0)
        own = own + 3 * np.minimum(rest, self.m.normal) * (rest > 0) * (
            rest < self.m.normal
        )
        more = rest / gap
        lost = own / gap + u * more + more * tail_y / gap
        lost = lost + np.where(
            more < self.m.normal / u, np.minimum(more, self.m.normal), 0
        )
        back = first.top * y[0].top
        far = bad | x[0].huge | y[0].huge | ~(back <= self.m.largest / 2)
        return self._only(self._loose(made, lost, more), far)

    def short_root(self, x: Any, dtype: str) -> Pair:
        """r and (x - r**2) / 2 r, r the rounded root of the head."""
        self.expect(dtype)
        a = self._either(x)
        u, m = self.m.unit, self.m
        least = np.maximum(x[0].least - x[0].error, 0)
        bad = ~(least >= m.normal / u**2 * 16) | x[0].huge
        least = np.where(bad, m.fill(1), least)
        root = np.sqrt(least) * (1 - 4 * WIDEN)
        tail = m.fill(0) if x[1] is None else x[1].top
        off = 2 * Real(m.ulps["sqrt"]) * u + off_by(m)
        rest = (2 * off + off**2) * x[0].top + tail
        own = u * 2 * rest + x[0].top * (1 + 4 * u) * u * Real(2) ** -9
        own = own + 2 * np.where(rest < m.normal, rest, 0)
        more = rest / (2 * root)
        lost = own / (2 * root) + 2 * u * more + more**2 / root
        flushed = np.where(more < m.normal / u, np.minimum(more, m.normal), 0)
        lo = np.where(bad, m.fill(1), np.maximum(a.lo, 0))
        hi = np.where(bad, m.fill(1), np.maximum(a.hi, 0))
        made = Number(
            m,
            np.sqrt(lo) * (1 - 4 * WIDEN),
            np.sqrt(hi) * (1 + 4 * WIDEN),
            a.error / (2 * root) * (1 + 8 * u),
        )
        return self._only(self._loose(made, lost + flushed, more), bad)

    def _either(self, x: Any) -> Number:
        """The value of a pair, or of one float."""
        return x[0] if x[1] is None else exact_sum(x[0], x[1])

    def _loose(self, exact: Number, more: Any, tail: Any) -> Pair:
        """A pair whose tail is at most `tail`, and need not be half an ulp."""
        key = self.m.noise(tail + more)
        one, zero = self.m.fill(1), self.m.fill(0)
        noise = {**exact.noise, key: (one, one)}
        high = Number(self.m, exact.lo, exact.hi, exact.res + more, noise)
        return high, Number(self.m, zero, zero, zero, {key: (-one, -one)})

    def expect(self, dtype: str) -> None:
        if dtype != self.m.fmt.name:
            raise NotRunnable(f"expected {self.m.fmt.name}, received {dtype!r}")

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
        e = np.maximum(exponent(least), self.m.fmt.emin)
        return np.maximum(known, e + 1 - self.m.fmt.precision)

    def divides(self, divider: float) -> int:
        """The bits that a divider of `split` takes from the high part."""
        log2 = (int(divider) - 1).bit_length() - 1
        if divider != 2**log2 + 1 or not 2 <= log2 <= self.m.fmt.precision - 2:
            raise NotRunnable(f"no divider of a split: {divider!r}")
        return log2

    def split(self, s: Number, divider: float) -> Pair:
        """s = high + low, high of few bits (Boldo 2006, Veltkamp)."""
        bits = self.m.fmt.precision - self.divides(divider)
        size = s.top
        least = np.maximum(s.least - s.error, 0)
        grid = exponent(least) + 1 - bits
        unit = np.ldexp(Real(1), exponent(size) + 1 - bits)
        same = s.grid >= exponent(size) + 1 - bits
        half = np.where(same, Real(0), unit / 2)
        high, low = self._parts(
            Number(self.m, s.lo, s.hi, s.res, s.noise, grid, half), s
        )
        high.grid = np.where(same, np.maximum(s.grid, grid), grid)
        low.grid = s.grid
        low.res = np.where(same, Real(0), low.res)
        lost = s.huge | ~(size * Real(divider) <= self.m.largest)
        return high.unless(lost), low.unless(lost)

    # -- two pairs ------------------------------------------------------
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

    def _only(self, x: Pair, lost: Any) -> Pair:
        return x[0].unless(lost), x[1].unless(lost)

    def _flush(self, size: Any) -> Any:
        """What flushed parts of a small product lose."""
        safe = self.m.normal / self.u2 * 16
        return np.where(size >= safe, Real(0), 8 * self.m.normal)

    def sum(self, x: Pair, y: Pair) -> Pair:
        """3 u**2 of the terms (Joldes et al. 2017, section 3)."""
        a, b = self._joined(x), self._joined(y)
        lost = 4 * self.u2 * (a.size + b.size)
        made = exact_sum(a, b)
        bad = self._far(*x, *y, made) | hidden(x[0], y[0])
        return self._only(self._pair(made, lost), bad)

    def product(self, x: Pair, y: Pair, dtype: str) -> Pair:
        """7 u**2 relatively (Joldes et al. 2017, theorem 5.1 ff.)."""
        self.expect(dtype)
        made = exact_product(self._joined(x), self._joined(y))
        lost = 8 * self.u2 * made.top
        lost = lost + self._flush(made.least) + self._flushed(x[0], y[0])
        bad = self._unsplit(x[0], y[0]) | self._far(made)
        found = self._only(self._pair(made, lost), bad)
        single = is_zero(x[1]) & is_zero(y[1])
        if not single.any():
            return found
        exact = self.two_product(x[0], y[0], dtype)
        return tuple(
            a.where(single, b) for a, b in zip(exact, found, strict=True)
        )  # type: ignore[return-value]

    def quotient(self, x: Pair, y: Pair, dtype: str) -> Pair:
        """15 u**2 relatively (Joldes et al. 2017, theorem 7.1 ff.)."""
        self.expect(dtype)
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
        lost = 16 * self.u2 * made.top
        first = quotient(x[0], y[0])
        # The parts of first * y[0] are flushed, or those of what is left.
        small = self._flush(a.least) + self._flushed(first, y[0])
        lost = lost + self._flush(made.least) + small / gap
        far = self._unsplit(first, y[0]) | self._far(*x, *y, made)
        return self._only(self._pair(made, lost), far)

    def root(self, m: Number, degree: int, dtype: str) -> Pair:
        """One step of Newton's method on a root with a few ulp of error.

        With relative error d before it, (degree - 1) / 2 d**2 is left, the
        correction meets 8 roundings, the power 8 u**2 for each factor.
        """
        self.expect(dtype)
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
        # Its powers are between 1 and m but for their errors, the slope is
        # `degree` of them, and no part of the root itself is flushed.
        room = 16 * self.divider * degree
        bad = m.huge | ~(m.top * room <= self.m.largest)
        least = np.maximum(m.least - m.error, 0)
        bad |= ~(least * u >= 4 * self.m.normal)
        # Of the power's low part; the slope is degree m / r.
        flushed = np.where(least * self.u2 >= 16 * self.m.normal, Real(0),
                           8 * degree * self.m.normal / least)  # fmt: skip
        return self._only(self._pair(root, (left + flushed) * root.size), bad)
