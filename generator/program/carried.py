"""Running error analysis of programs that carry some values in pairs.

A value is (head, tail): it is head + tail but for `error`.  `pairs` names the
values that are carried so; a quotient of `rounded` is one float, corrected
once for the tails of its operands.  What two floats lose in a sum or product
is known exactly (Knuth 1969, theorem 4.2.2 B; Dekker 1971, section 5), so a
rounding is counted where a tail is rounded, and where a pair becomes a float.

Allowed: products and sums contracted; sums of tails in any order; numbers
below 2**emin flushed to 0.  Sources: Ogita, Rump and Oishi, Accurate sum and
dot product, SIAM J. Sci. Comput. 26 (2005); Joldes, Muller and Popescu, ACM
TOMS 44 (2017).

Bounds are arrays, one for each box of inputs; an infinite error says that
nothing is known.  In extended precision a sum of 20 terms is off by 2**-59 of
itself: SPARE in `bounds` is far above that.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..numbers.floats import FloatFormat
from .assumed import PrimitiveErrors
from .carried_value import GROWN
from .carried_value import Carried
from .enclosed import constant
from .flat import UNIT
from .forms import Boxes
from .forms import Form
from .forms import is_far
from .forms import is_power_of_two
from .kernel_errors import exp_error
from .kernel_errors import log_error
from .program import Const
from .program import Expr
from .program import Op
from .program import Var
from .spans import Array
from .spans import Real
from .spans import Span
from .spans import exponent
from .spans import power2
from .spans import real

HALVES = Real(2) ** -9  # of `product_of_halves`, in units


class PairAnalyzer:
    """Bounds one `Form` in one format, on boxes of its program."""

    def __init__(
        self,
        form: Form,
        fmt: FloatFormat,
        primitives: PrimitiveErrors,
        boxes: Boxes,
        truncation: float = 0.0,
    ) -> None:
        self.form, self.fmt, self.boxes = form, fmt, boxes
        self.truncation = Real(truncation)
        self.primitives = primitives
        self.unit = Real(2) ** -fmt.precision
        self.normal = Real(2) ** fmt.emin
        self.last = real(fmt.max_finite)
        self.zero = np.zeros(len(boxes.low), Real)
        # Of quotients and roots, before they are rounded: 2**-18 ulp.
        off = Real(2) ** (1 - fmt.precision - 18)
        self.off_by = off if fmt.name == "float32" else Real(0)

    def ulps(self) -> Array:
        """The bound in each box, in ulp."""
        with np.errstate(all="ignore"):
            return np.nan_to_num(self._ulps(), nan=np.inf)

    def _ulps(self) -> Array:
        b, name = self.boxes, self.form.program.input
        exact = b.exact[name]
        grid = self._ulp_exponent(np.where(exact.least > 0, exact.least, 0))
        env = {name: Carried(exact, self.zero, None, grid)}
        made = env[name]
        for name, node in self.form.program.statements:
            assert isinstance(node, Op)
            made = env[name] = self._value(name, node, env, b.exact[name])
        return self._in_ulps(self._float(made))

    # -- roundings ------------------------------------------------------------
    def _ulp_exponent(self, size: Array) -> Array:
        e = np.where(size > 0, exponent(size), self.fmt.emin)
        return np.maximum(e, self.fmt.emin) - self.fmt.precision + 1

    def _rounding(self, *sizes: Array) -> Array:
        """Half an ulp of a sum of small numbers, or a flush of it."""
        size = sum(sizes, self.zero) * GROWN
        half = power2(self._ulp_exponent(size) - 1)
        made = np.maximum(half, np.minimum(size, self.normal))
        return np.where(size > 0, made, Real(0))

    def _once(self, exact: Span, carried: Array) -> Carried:
        """One rounding of a value within `carried` of `exact`.

        All exact values are at most `edge`, a power of two: one carried
        beyond it by no more than the ulp below it rounds back to the edge
        (ties to even), which lies between it and the exact one.
        """
        size: Array = exact.size
        carried = carried * GROWN
        top = (size + carried) * GROWN
        # Its own width must not push a value over a power of two.
        below = power2(exponent(np.where(size > 0, size, Real(1))))
        excess = size - below
        on_it = (excess > 0) & (excess <= size * self.unit**2)
        size = np.where(on_it, below, size)
        carried = carried + np.where(on_it, excess, Real(0))
        e: Array = np.where(size > 0, exponent(size), self.fmt.emin - 1)
        e = np.where(size > power2(e), e + 1, e)
        edge = power2(e)
        unit = power2(np.maximum(e - 1, self.fmt.emin) - self.fmt.precision + 1)
        half: Array = np.where(
            top <= edge + unit, unit, power2(self._ulp_exponent(top))
        )
        half = half / 2
        flushed = exact.least - carried < self.normal
        least = np.minimum(top, self.normal)
        half = np.where(flushed, np.maximum(half, least), half)
        total = np.where(top > 0, (carried + half) * GROWN, Real(0))
        total = np.where(top <= self.last, total, Real(np.inf))
        return Carried(exact, total, before=carried)

    def _in_ulps(self, v: Carried) -> Array:
        """Where all of it lies in one binade, or on the edge above it."""
        # What the program leaves out may be on either side of a power of two.
        exact, more = v.exact, v.exact.size * self.truncation
        error = v.error + more
        # Below the smallest normal a flush is allowed, so it is no error;
        # 4 ulp above it a computed value may be below.
        slack = self.normal * (1 + Real(2) ** (3 - self.fmt.precision))
        tiny = exact.size <= slack
        error = np.where(tiny, np.maximum(error - self.normal, 0), error)
        unit = power2(self._ulp_exponent(exact.least - more))
        none = (exact.low <= 0) & (exact.high >= 0) & ~tiny
        return np.where(none, Real(np.inf), error / unit * GROWN)

    def _float(self, v: Carried) -> Carried:
        """head + tail, rounded once."""
        if v.tail is None:
            return v
        made = self._once(v.exact, v.error)
        # The head is a float: none that is next to the sum is further off.
        total = np.minimum(made.error, (v.error + v.tail) * GROWN)
        return replace(made, error=total, factor=v.factor)

    # -- operations -----------------------------------------------------------
    def _operand(self, node: Expr, env: dict[str, Carried]) -> Carried:
        if isinstance(node, Var):
            return env[node.name]
        assert isinstance(node, Const)
        exact = constant(node, self.zero + 1)
        head = self.fmt.round(node.value)
        if head == node.value:
            grid = np.full(
                len(self.zero), 1 - node.value.denominator.bit_length()
            )
            return Carried(exact, self.zero, None, grid)
        tail = self.zero + abs(real(node.value - head))
        return Carried(exact, tail * self.unit, tail)

    def _value(
        self, name: str, node: Op, env: dict[str, Carried], exact: Span
    ) -> Carried:
        args = [self._operand(a, env) for a in node.args]
        if name == UNIT:
            flushed = exact.low < self.normal
            return Carried(exact, np.where(flushed, self.normal, Real(0)))
        if all(isinstance(a, Const) for a in node.args):
            # A number that is no fraction, in two floats of the module.
            error = exact.size * self.unit**2 * 2
            return Carried(exact, error, self._rounding(exact.size))
        if node.name == "neg":
            return replace(args[0], exact=exact)
        pair = name in self.form.pairs
        if not pair and name not in self.form.rounded:
            if not all(map(self._is_exact, node.args)):
                # A body would compute with another number: no rounding.
                return Carried(exact, self.zero + np.inf)
        if node.name == "mul" and any(map(is_power_of_two, node.args)):
            return self._scaled_by(node, args, exact, pair)
        if not pair and name not in self.form.rounded:
            args = [self._float(v) for v in args]
        a, b = args[0], args[-1]
        if name in self.form.rounded:
            return self._corrected(a, b, exact)
        if node.name in ("add", "sub"):
            return self._sum(a, b, exact, pair)
        if node.name == "mul":
            return self._product(a, b, exact, pair)
        if node.name == "div":
            return self._quotient(node, a, b, exact, pair)
        if node.name == "sqrt":
            return self._root(a, exact, pair)
        if name == self.form.scaled:
            return self._mantissa(a, exact, pair)
        if node.name == "exp":
            return self._exp(a, exact, pair)
        assert node.name == "log"
        return self._log(node, a, exact, pair)

    def _is_exact(self, node: Expr) -> bool:
        """Whether one float is all of it."""
        if not isinstance(node, Const):
            return True
        return self.fmt.round(node.value) == node.value

    def _scaled_by(
        self, node: Op, args: list[Carried], exact: Span, pair: bool
    ) -> Carried:
        """By a power of two."""
        k = 0 if is_power_of_two(node.args[0]) else 1
        a = args[1 - k] if pair else self._float(args[1 - k])
        size = args[k].exact.size
        error = a.error * size + a.size * args[k].error
        flushed = a.least * size < self.normal
        error = error + np.where(flushed, self.normal, Real(0))
        tail = None
        if a.tail is not None:
            tail = a.tail * size
            lost = np.minimum(tail, self.normal)
            error = error + np.where(size < 1, lost, Real(0))
        big = a.size * size > self.last
        error = np.where(big, Real(np.inf), error * GROWN)
        number = node.args[k]
        factor = None
        if isinstance(number, Const) and not is_far(number):
            factor = abs(number.value)
        return Carried(exact, error, tail, factor=factor)

    def _sum(self, a: Carried, b: Carried, exact: Span, pair: bool) -> Carried:
        carried = a.error + b.error
        top = (exact.size + carried + a.low_part + b.low_part) * GROWN
        # What is above the largest number by less than that rounds to it.
        over = top > self.last * (1 + self.unit / 4)
        fits = np.zeros(len(top), bool)
        grid = None
        if a.grid is not None and b.grid is not None:
            grid = np.minimum(a.grid, b.grid)
            # A multiple of 2**g below 2**(g + p) is a float.
            fits = top <= power2(grid + self.fmt.precision)
        # A rounded sum is no further from the sum than either operand.
        lost = np.minimum(self._rounding(top), np.minimum(a.size, b.size))
        lost = np.where(fits, Real(0), lost)
        bad = np.where(over, Real(np.inf), Real(0))
        if not pair:
            above = np.maximum(top - self.last, 0)
            made = self._once(
                Span(
                    np.maximum(exact.low, -self.last),
                    np.minimum(exact.high, self.last),
                ),
                carried + above,
            )
            error = np.minimum(made.error, (carried + lost) * GROWN)
            error = np.where(fits, carried, error) + bad
            return Carried(exact, error, None, grid, made.before)
        tails = [lost, *(t.tail for t in (a, b) if t.tail is not None)]
        # What two_sum has lost is a sum of two parts.
        own = self._rounding(lost, *tails) * len(tails)
        own = np.where(sum(tails[1:], self.zero) > 0, own, Real(0))
        total = sum(tails, self.zero) + own
        return Carried(exact, (carried + own) * GROWN + bad, total * GROWN)

    def _lost_product(self, a: Carried, b: Carried) -> Array:
        """What flushed parts of an exact product lose."""
        spare = Real(2) ** (self.fmt.emin + 2 * self.fmt.precision + 4)
        small = ~(np.maximum(a.least, 0) * np.maximum(b.least, 0) >= spare)
        lost = np.where(small, 5 * self.normal, Real(0))
        least = self.normal / self.unit * 2
        for one, other in ((a, b), (b, a)):
            part = np.where(one.least >= least, Real(0), self.normal)
            lost = lost + part * other.size
        return lost

    def _product(
        self, a: Carried, b: Carried, exact: Span, pair: bool
    ) -> Carried:
        carried = (
            a.exact.size * b.error + b.exact.size * a.error + a.error * b.error
        )
        carried = carried + self._reordered(a, b) + self._reordered(b, a)
        if not pair:
            return self._once(exact, carried)
        top = a.size * b.size * GROWN
        lost = self._rounding(top)
        cross = []
        if b.tail is not None:
            cross.append(a.size * b.tail)
        if a.tail is not None:
            cross.append(b.size * a.tail)
        own = sum(map(self._rounding, cross), self.zero)
        sizes = [lost, *cross]
        if cross:
            own = own + self._rounding(*sizes) * len(cross)
        own = own + a.low_part * b.low_part + self._lost_product(a, b)
        own = own + top * self.unit * HALVES
        tail = (sum(sizes, self.zero) + own) * GROWN
        bad = np.where(top > self.last / 2, Real(np.inf), Real(0))
        return Carried(exact, (carried + own) * GROWN + bad, tail)

    def _reordered(self, a: Carried, b: Carried) -> Array:
        """What (c x) b may lose as (x b) c or x (c b), of a number c.

        Grappler puts the smallest operands of a product together.
        """
        if a.factor is None:
            return self.zero
        c = real(a.factor)
        x, y = a.size / c, a.least / c
        most, least = np.maximum(c, x) * b.size, c * b.least
        lost = np.where(y * b.least >= self.normal, Real(0), c * self.normal)
        held = (most <= self.last) & (least >= self.normal)
        return np.where(held, lost, Real(np.inf))

    def _divided(
        self, a: Carried, b: Carried, exact: Span
    ) -> tuple[Array, Array, Array]:
        """The carried error, the least |divisor|, the largest quotient."""
        least = np.where(b.least > 0, b.least, np.nan)
        carried = (a.error + exact.size * b.error) / least * GROWN
        q = (exact.size + carried) * (1 + 4 * self.unit)
        q = q + (a.low_part + exact.size * b.low_part) / least
        return carried, least, q * GROWN

    def _corrected(self, a: Carried, b: Carried, exact: Span) -> Carried:
        """q + (a[1] - q b[1]) / b[0] with q = a[0] / b[0]."""
        carried, least, q = self._divided(a, b, exact)
        # The float q is off the quotient of the heads by half an ulp.
        heads = carried + (a.low_part + q * b.low_part) / least
        first = self._once(exact, heads).error - heads + q * self.off_by
        part = q * b.low_part
        rest = a.low_part + part
        own = self._rounding(part) + self._rounding(rest)
        more = rest / least
        second = (more + first) * b.low_part / least
        lost = own / least + self._rounding(more) + second
        return self._once(exact, (carried + first + lost) * GROWN)

    def _quotient(
        self, node: Op, a: Carried, b: Carried, exact: Span, pair: bool
    ) -> Carried:
        """(q, r / b[0]), r what is left of the dividend."""
        carried, least, q = self._divided(a, b, exact)
        if not pair:
            lost = (exact.size + carried) * self.off_by
            return self._once(exact, carried + lost)
        first = self._rounding(q) + q * self.off_by
        back = first * b.size
        part = q * b.low_part
        rest = back + a.low_part + part
        own = self._rounding(back) + self._rounding(part)
        own = own + 2 * self._rounding(rest)
        own = own + self._lost_product(Carried(exact, first), b)
        own = own + q * b.size * self.unit * HALVES
        more = rest / least
        lost = own / least + self._rounding(more)
        lost = (lost + more * b.low_part / least) * GROWN
        bad = np.where(q * b.size > self.last / 2, Real(np.inf), Real(0))
        return Carried(exact, carried + lost + bad, (more + lost) * GROWN)

    def _root(self, a: Carried, exact: Span, pair: bool) -> Carried:
        """(r, (a - r**2) / 2 r)."""
        least = np.sqrt(np.where(a.least > 0, a.least, np.nan)) / GROWN
        carried = a.error / (2 * least) * GROWN
        r = np.sqrt(a.size) * GROWN
        # Not rounded to nearest everywhere.
        ulp = real(self.primitives.ulp("sqrt"))
        first = ulp * power2(self._ulp_exponent(r)) + r * self.off_by
        if not pair:
            return Carried(exact, (carried + first) * GROWN)
        back = 2 * r * first + first * first
        rest = back + a.low_part
        at = Carried(exact, first + a.low_part / least)
        own = self._rounding(back) + self._rounding(rest)
        own = own + self._lost_product(at, at)
        own = own + r * r * self.unit * HALVES
        more = rest / (2 * least)
        lost = own / (2 * least) + 2 * self._rounding(more)
        lost = (lost + more * more / least) * GROWN
        # Rounded to nearest it is below the root of 2**(emax + 1).
        over = (ulp > Real(0.5)) & ((r + first) ** 2 > self.last)
        lost = np.where(over, Real(np.inf), lost)
        return Carried(exact, carried + lost, (more + lost) * GROWN)

    def _exp_error(self, exact: Span, a: Carried) -> Array:
        return exp_error(a, exact, self.unit) * GROWN

    def _exp(self, a: Carried, exact: Span, pair: bool) -> Carried:
        """2**n (h, l); an argument below the format's range counts as there."""
        bad = np.where(
            exact.size > Real(2) ** (self.fmt.emax - 1), Real(np.inf), Real(0)
        )
        if not pair:
            carried = exact.size * np.expm1(a.error)
            made = self._function("exp", exact, carried)
            return replace(made, error=made.error + bad)
        error = self._exp_error(exact, a) + bad + self._flushed_exp(exact)
        return Carried(exact, error, self._rounding(exact.size))

    def _function(self, name: str, exact: Span, carried: Array) -> Carried:
        """The backend's own, off by what was measured."""
        top = exact.size + carried
        ulp, tiny = (
            real(part(name))
            for part in (self.primitives.ulp, self.primitives.underflow)
        )
        own = ulp * power2(self._ulp_exponent(top))
        small = exact.least - carried < self.normal
        own = np.where(small, np.maximum(own, self.normal * tiny), own)
        return Carried(exact, (carried + own) * GROWN)

    def _mantissa(self, a: Carried, exact: Span, pair: bool) -> Carried:
        error = self._exp_error(exact, a)
        if self.form.signed:
            error = error + self._flushed_exp(exact)
        made = Carried(exact, error, self._rounding(exact.size))
        return made if pair else self._float(made)

    def _flushed_exp(self, exact: Span) -> Array:
        """What is lost of a small pair."""
        flushed = exact.least < self.normal / self.unit * 4
        return np.where(flushed, 3 * self.normal, Real(0))

    def _log(self, node: Op, a: Carried, exact: Span, pair: bool) -> Carried:
        """log of the head, plus tail / head."""
        normal = self.normal
        if pair and node.args[0] == Var(self.form.program.input):
            normal = Real(0)  # `split_subnormal`
        held = (a.least >= normal) & (a.least > 0)
        least = np.where(held, a.least, np.nan)
        carried = a.error / least
        if not pair:
            return self._function("log", exact, carried)
        own = log_error(a, exact.size, self.unit)
        part = a.low_part / least
        head = self._rounding(exact.size + part)
        if a.tail is not None:
            own = own + self._rounding(part) * 2 + part * part
            own = own + self._rounding(head, head, part) * 2
        tail = (head + part + own) * GROWN
        return Carried(exact, (carried + own) * GROWN, tail)
