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
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from fractions import Fraction

from flint import arb

from ..numbers.floats import FloatFormat
from ..numbers.floats import floor_log2
from ..numbers.floats import floor_log2_ball
from ..numbers.floats import power2
from ..numbers.floats import to_arb
from ..numbers.floats import to_fraction
from .assumed import PrimitiveErrors
from .enclosed import enclosures
from .flat import UNIT
from .program import Const
from .program import Expr
from .program import Op
from .program import Program
from .program import Var
from .roundoff import Analyzer
from .roundoff import OverflowRiskError
from .roundoff import Value

# Of the kernels in keras_stablef/runtime/kernels.py, in units of 2**-p: see
# their docstrings.
LOG_UNITS = 0.12  # absolute
EXP_UNITS = 0.46  # relative
PAIR_UNITS = 2.0**-10
NOTHING = arb(0)
MARGIN = power2(-10)  # of what is rounded to an exponent


@dataclass(frozen=True)
class Form:
    """A program of single operations, and how its values are carried.

    Attributes:
        program: each statement one operation of names and constants.
        pairs: names of values in pairs.
        rounded: names of quotients that are corrected once.
        scaled: the exponential whose power of two is left out, and put back
            behind the result; the result is a multiple of its `power`-th
            power.
    """

    program: Program
    pairs: frozenset[str] = frozenset()
    rounded: frozenset[str] = frozenset()
    scaled: str | None = None
    power: int = 0


@dataclass(frozen=True)
class Carried:
    """What is known of one value over an interval of inputs."""

    exact: arb
    error: arb
    tail: arb = field(default_factory=lambda: NOTHING)
    grid: int | None = None
    before: arb | None = None  # the error before the last rounding

    @property
    def size(self) -> arb:
        """Of the head, at most."""
        found = self.exact.abs_upper() + self.error + self.tail
        return found.abs_upper()

    @property
    def least(self) -> arb:
        """Of the head, at least; not positive where it may be 0."""
        return (self.exact.abs_lower() - self.error - self.tail).lower()


class PairAnalyzer:
    """Bounds one `Form` in one format."""

    def __init__(
        self, form: Form, fmt: FloatFormat, primitives: PrimitiveErrors
    ) -> None:
        self.form, self.fmt = form, fmt
        self.point = False  # whether one input is looked at
        self.plain = Analyzer(form.program, fmt, primitives)
        self.unit = power2(-fmt.precision)
        self.normal = self.plain.normal

    def run(self, low: Fraction, high: Fraction) -> Iterator[Value]:
        """What is known of the result, in each way its exponent may go.

        Without `scaled` there is one way; with it the result is still to be
        multiplied by a power of two.
        """
        for exact in self.enclosed(low, high):
            yield self.over(low, high, exact)

    def enclosed(self, low: Fraction, high: Fraction) -> list[dict[str, arb]]:
        """The exact values, in each way; they depend on the program alone."""
        program, scaled = self.form.program, self.form.scaled
        if scaled is None:
            return [enclosures(program, low, high)]
        exact = enclosures(program, low, high, scaled)
        by_log2 = exact[scaled].log() / arb(2).log()
        first = (by_log2.lower() - MARGIN + arb(0.5)).floor()
        last = (by_log2.upper() + MARGIN + arb(0.5)).floor()
        if not last - first < 3:
            raise OverflowRiskError
        return [
            enclosures(program, low, high, scaled, n)
            for n in range(int(float(first.mid())), int(float(last.mid())) + 1)
        ]

    def over(
        self, low: Fraction, high: Fraction, exact: dict[str, arb]
    ) -> Value:
        """The result's value where all exact ones are enclosed so."""
        near = min(abs(low), abs(high)) if low * high > 0 else Fraction(0)
        grid = self.fmt.ulp_exponent(
            floor_log2(near) if near else self.fmt.emin
        )
        self.point = low == high
        name = self.form.program.input
        made = Carried(exact[name], NOTHING, NOTHING, grid)
        env = {name: made}
        for name, node in self.form.program.statements:
            assert isinstance(node, Op)
            made = env[name] = self._value(name, node, env, exact[name])
        return self._float(made)

    # -- operands -----------------------------------------------------------
    def _operand(self, node: Expr, env: dict[str, Carried]) -> Carried:
        if isinstance(node, Var):
            return env[node.name]
        assert isinstance(node, Const)
        head = self.fmt.round(node.value)
        tail = to_arb(abs(node.value - head))
        lost = tail * self.unit
        grid = None
        if head == node.value:
            grid = 1 - node.value.denominator.bit_length()
        return Carried(to_arb(node.value), lost, tail, grid)

    def _float(self, v: Carried) -> Value:
        """head + tail, rounded once."""
        if v.tail == 0:
            return Value(v.exact, v.error, v.grid, v.before)
        value = self._finished(v.exact, v.error)
        # The head is a float: none that is next to the sum is further off.
        total = value.error.min((v.error + v.tail).abs_upper())
        return Value(value.exact, total, None, value.carried)

    def _finished(self, exact: arb, carried: arb) -> Value:
        """One rounding; of a single number that is known it is known, too."""
        value = self.plain._finish(exact, carried)
        least = exact.abs_lower() - carried
        if not self.point or not least > 4 * self.normal:
            return value
        ends = [to_fraction(exact.lower() - carried)]
        ends.append(to_fraction(exact.upper() + carried))
        off = arb(0)
        for end in ends:  # rounding is monotonic
            off = off.max(abs(to_arb(self.fmt.round(end)) - exact).abs_upper())
        # Contracted, it is not rounded at all.
        error = off.max(carried).min(value.error).abs_upper()
        return Value(exact, error, None, value.carried)

    def _rounding(self, *sizes: arb) -> arb:
        """Half an ulp of a sum of small numbers, or a flush of it."""
        size = sum(sizes, NOTHING).abs_upper()
        if size == 0:
            return NOTHING
        exponent = max(floor_log2_ball(size), self.fmt.emin)
        half = power2(self.fmt.ulp_exponent(exponent) - 1)
        return half.max(size.min(self.normal)).abs_upper()

    # -- operations -----------------------------------------------------------
    def _value(
        self, name: str, node: Op, env: dict[str, Carried], exact: arb
    ) -> Carried:
        if not exact.is_finite():
            raise OverflowRiskError
        args = [self._operand(a, env) for a in node.args]
        if name == UNIT:
            lost = arb(0) if exact.lower() >= self.normal else self.normal
            return Carried(exact, lost)
        if all(isinstance(a, Const) for a in node.args):
            return self._constant(exact)
        if node.name == "neg":
            (a,) = args
            return Carried(exact, a.error, a.tail, a.grid, a.before)
        pair = name in self.form.pairs
        if node.name == "mul" and any(map(is_power_of_two, node.args)):
            return self._scaled_by(node, args, exact, pair)
        if node.name == "div" and name in self.form.rounded:
            return self._corrected(*args, exact)
        if not pair:
            floats = map(self._float, args)
            args = [Carried(v.exact, v.error, NOTHING, v.grid) for v in floats]
        made = self._made(name, node, args, exact, pair)
        if pair:
            return made
        assert made.tail == 0
        return made

    def _made(
        self, name: str, node: Op, args: list[Carried], exact: arb, pair: bool
    ) -> Carried:
        if node.name in ("add", "sub"):
            return self._sum(*args, exact, pair)
        if node.name == "mul":
            return self._product(*args, exact, pair)
        if node.name == "div":
            return self._quotient(node, *args, exact, pair)
        if node.name == "sqrt":
            return self._root(*args, exact, pair)
        if name == self.form.scaled:
            return self._mantissa(*args, exact, pair)
        if node.name == "exp":
            return self._exp(*args, exact, pair)
        if node.name == "log":
            return self._log(*args, exact, pair)
        raise OverflowRiskError

    def _constant(self, exact: arb) -> Carried:
        """A number that is no fraction, in two floats of the module."""
        error = abs(exact).abs_upper() * self.unit * self.unit * 2
        return Carried(exact, error, self._rounding(abs(exact)))

    def _scaled_by(
        self, node: Op, args: list[Carried], exact: arb, pair: bool
    ) -> Carried:
        """By a power of two."""
        k = 0 if is_power_of_two(node.args[0]) else 1
        a, size = args[1 - k], abs(args[k].exact)
        if not pair:
            v = self._float(a)
            a = Carried(v.exact, v.error)
        error, tail = a.error * size, a.tail * size
        error = error + a.size * args[k].error
        if not (a.size * size).abs_upper() <= self.plain.max_finite:
            raise OverflowRiskError
        if not a.least * size >= self.normal:
            error = error + self.normal
        if tail > 0 and size < 1:
            error = error + tail.min(self.normal)
        return Carried(exact, error.abs_upper(), tail)

    def _once(self, exact: arb, carried: arb) -> Carried:
        """One float, rounded once."""
        value = self._finished(exact, carried)
        return Carried(exact, value.error, before=value.carried)

    def _sum(self, a: Carried, b: Carried, exact: arb, pair: bool) -> Carried:
        carried = a.error + b.error
        top = (exact.abs_upper() + carried + a.tail + b.tail).abs_upper()
        # What is above the largest number by less than that rounds to it.
        last = self.plain.max_finite
        if not top <= last * (1 + self.unit / 4):
            raise OverflowRiskError
        if a.tail == 0 and b.tail == 0 and None not in (a.grid, b.grid):
            assert a.grid is not None and b.grid is not None
            grid = min(a.grid, b.grid)
            # A multiple of 2**g below 2**(g + p) is a float.
            if top <= power2(grid + self.fmt.precision):
                return Carried(exact, carried.abs_upper(), NOTHING, grid)
        # A rounded sum is no further from the sum than either operand.
        lost = self._rounding(top).min(a.size.min(b.size)).abs_upper()
        if not pair:
            over = (top - last).max(NOTHING)
            value = self.plain._finish(exact.min(last), carried + over)
            error = value.error.min((carried + lost).abs_upper())
            return Carried(exact, error, before=value.carried)
        tails = [t for t in (lost, a.tail, b.tail) if t > 0]
        own = self._rounding(*tails) * max(len(tails) - 1, 0)
        return Carried(
            exact,
            (carried + own).abs_upper(),
            (sum(tails, NOTHING) + own).abs_upper(),
        )

    def _lost_product(self, a: Carried, b: Carried) -> arb:
        """What flushed parts of an exact product lose."""
        lost = NOTHING
        spare = power2(self.fmt.emin + 2 * self.fmt.precision + 4)
        if not a.least * b.least >= spare:
            lost = lost + 5 * self.normal
        for one, other in ((a, b), (b, a)):
            if not one.least >= self.normal / self.unit * 2:
                lost = lost + self.normal * other.size
        return lost.abs_upper()

    def _product(
        self, a: Carried, b: Carried, exact: arb, pair: bool
    ) -> Carried:
        carried = (
            a.exact.abs_upper() * b.error
            + b.exact.abs_upper() * a.error
            + a.error * b.error
        )
        if not pair:
            return self._once(exact, carried)
        top = (a.size * b.size).abs_upper()
        if not top <= self.plain.max_finite / 2:
            raise OverflowRiskError
        lost = self._rounding(top)
        cross = [t for t in (a.size * b.tail, b.size * a.tail) if t > 0]
        own = sum(map(self._rounding, cross), NOTHING)
        sizes = [lost, *cross]
        own = own + self._rounding(*sizes) * (len(sizes) - 1)
        own = own + a.tail * b.tail + self._lost_product(a, b)
        tail = sum(sizes, NOTHING) + own
        return Carried(exact, (carried + own).abs_upper(), tail.abs_upper())

    def _divided(
        self, a: Carried, b: Carried, exact: arb
    ) -> tuple[arb, arb, arb]:
        """The carried error, the least |divisor|, the largest quotient."""
        least = b.least
        if not least > 0:
            raise OverflowRiskError
        carried = (a.error + exact.abs_upper() * b.error) / least
        q = (exact.abs_upper() + carried) * (1 + 4 * self.unit)
        q = q.max((a.size / least).abs_upper()) if a.tail > 0 else q
        q = (q * (1 + b.tail / least)).abs_upper()
        return carried.abs_upper(), least, q

    def _corrected(self, a: Carried, b: Carried, exact: arb) -> Carried:
        """q + (a[1] - q b[1]) / b[0] with q = a[0] / b[0]."""
        carried, least, q = self._divided(a, b, exact)
        # The float q is off the quotient of the heads by half an ulp.
        heads = (carried + (a.tail + q * b.tail) / least).abs_upper()
        value = self.plain._finish(exact, heads)
        first = (value.error - heads).abs_upper() + q * self.plain.off_by
        part = (q * b.tail).abs_upper()
        rest = (a.tail + part).abs_upper()
        own = self._rounding(part) + self._rounding(rest)
        more = (rest / least).abs_upper()
        second = more * b.tail / least + first * b.tail / least
        lost = own / least + self._rounding(more) + second
        return self._once(exact, (carried + first + lost).abs_upper())

    def _quotient(
        self, node: Op, a: Carried, b: Carried, exact: arb, pair: bool
    ) -> Carried:
        """(q, r / b[0]), r what is left of the dividend."""
        carried, least, q = self._divided(a, b, exact)
        if not pair:
            lost = (exact.abs_upper() + carried) * self.plain.off_by
            number = node.args[0]
            if isinstance(number, Const) and abs(number.value) != 1:
                # torch computes c * (1 / b).
                lost = lost + (exact.abs_upper() + carried) * self.unit
            return self._once(exact, carried + lost)
        first = self._rounding(q) + q * self.plain.off_by
        back = (first * b.size).abs_upper()
        part = (q * b.tail).abs_upper()
        rest = (back + a.tail + part).abs_upper()
        own = self._rounding(back) + self._rounding(part)
        own = own + 2 * self._rounding(rest)
        own = own + self._lost_product(Carried(exact, first), b)
        more = (rest / least).abs_upper()
        lost = own / least + self._rounding(more) + more * b.tail / least
        return Carried(
            exact, (carried + lost).abs_upper(), (more + lost).abs_upper()
        )

    def _root(self, a: Carried, exact: arb, pair: bool) -> Carried:
        """(r, (a - r**2) / 2 r)."""
        if not a.least > 0:
            raise OverflowRiskError
        least = a.least.sqrt().lower()
        carried = (a.error / (2 * least)).abs_upper()
        r = a.size.sqrt().abs_upper()
        if not pair:
            return self._once(exact, carried + r * self.plain.off_by)
        first = self._rounding(r) + r * self.plain.off_by
        back = (2 * r * first + first * first).abs_upper()
        rest = (back + a.tail).abs_upper()
        at = Carried(exact, (first + a.tail / least).abs_upper())
        own = self._rounding(back) + self._rounding(rest)
        own = own + self._lost_product(at, at)
        more = (rest / (2 * least)).abs_upper()
        lost = own / (2 * least) + 2 * self._rounding(more)
        lost = lost + more * more / least
        return Carried(
            exact, (carried + lost).abs_upper(), (more + lost).abs_upper()
        )

    def _exp_error(self, exact: arb, a: Carried) -> arb:
        units = to_arb(Fraction(EXP_UNITS + 2 * PAIR_UNITS)) * self.unit
        top = exact.abs_upper()
        return (top * (a.error.expm1() * (1 + units) + units)).abs_upper()

    def _exp(self, a: Carried, exact: arb, pair: bool) -> Carried:
        """2**n (h, l); an argument below the format's range counts as there."""
        if not exact.abs_upper() <= power2(self.fmt.emax - 1):
            raise OverflowRiskError
        if not pair:
            return self._function("exp", a, exact)
        error = self._exp_error(exact, a)
        if not exact.abs_lower() >= self.normal / self.unit * 4:
            error = error + 3 * self.normal
        tail = self._rounding(exact.abs_upper())
        return Carried(exact, error.abs_upper(), tail)

    def _function(self, name: str, a: Carried, exact: arb) -> Carried:
        """The backend's own, off by what was measured."""
        value = self.plain._function(name, Value(a.exact, a.error))
        return Carried(exact, value.error)

    def _mantissa(self, a: Carried, exact: arb, pair: bool) -> Carried:
        error = self._exp_error(exact, a)
        if not pair:
            return self._once(exact, error)
        return Carried(exact, error, self._rounding(exact.abs_upper()))

    def _log(self, a: Carried, exact: arb, pair: bool) -> Carried:
        """log of the head, plus tail / head."""
        if not a.least >= self.normal:
            raise OverflowRiskError
        if not pair:
            return self._function("log", a, exact)
        carried = (a.error / a.least).abs_upper()
        part = (a.tail / a.least).abs_upper()
        units = to_arb(Fraction(LOG_UNITS)) * self.unit
        top = exact.abs_upper()
        own = units + top * to_arb(Fraction(PAIR_UNITS)) * self.unit
        head = self._rounding(top + part)
        if part > 0:
            own = own + self._rounding(part) * 2 + part * part
            own = own + self._rounding(head, part)
        return Carried(
            exact,
            (carried + own).abs_upper(),
            (head + part + own).abs_upper(),
        )


def is_power_of_two(node: Expr) -> bool:
    """Whether a product with it is exact."""
    if node == Var(UNIT):
        return True
    if not isinstance(node, Const) or not node.value:
        return False
    top = abs(node.value.numerator)
    bottom = node.value.denominator
    return top & (top - 1) == 0 and bottom & (bottom - 1) == 0
