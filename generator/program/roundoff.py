"""Running error analysis of a `Program`, in balls.

For every operation: an enclosure of its exact value over a small interval
of inputs, and a bound of the distance between the computed and the exact
value, from the errors of its arguments and one rounding of its own
(Higham, *Accuracy and Stability of Numerical Algorithms*, section 3.3).
A rounding is bounded by half an ulp of the binade at hand and not by
``u |y|``, which would be up to twice as much.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from flint import arb

from ..numbers.floats import FloatFormat
from ..numbers.floats import floor_log2
from ..numbers.floats import floor_log2_ball
from ..numbers.floats import power2
from ..numbers.floats import to_arb
from .assumed import PrimitiveErrors
from .program import Const
from .program import Expr
from .program import Op
from .program import Program
from .program import Var


class OverflowRiskError(ArithmeticError):
    """An intermediate value may be beyond the format's range."""


@dataclass(frozen=True)
class Value:
    """What is known of a computed value over an interval of inputs."""

    exact: arb  # encloses the value in exact arithmetic
    error: arb  # >= |computed - exact|
    grid: int | None = None  # the computed value is a multiple of 2**grid
    carried: arb | None = None  # the error before the last rounding


class Analyzer:
    """Bounds one program in one format."""

    def __init__(
        self, program: Program, fmt: FloatFormat, primitives: PrimitiveErrors
    ) -> None:
        self.program, self.fmt, self.primitives = program, fmt, primitives
        self.max_finite = to_arb(fmt.max_finite)
        self.normal = power2(fmt.emin)
        # Errors of functions are not measured beyond: see `range_of`.
        self.calibrated = power2(fmt.emax)
        # Of quotients and roots, before they are rounded: 2**-18 ulp.
        off = power2(1 - fmt.precision - 18)
        self.off_by = off if fmt.name == "float32" else arb(0)

    def run(self, low: Fraction, high: Fraction) -> Value:
        """The result's `Value` for inputs in [low, high]."""
        ball = to_arb(low).union(to_arb(high))
        near = min(abs(low), abs(high)) if low * high > 0 else Fraction(0)
        grid = self.fmt.ulp_exponent(
            floor_log2(near) if near else self.fmt.emin
        )
        env = {self.program.input: Value(ball, arb(0), grid)}
        result = env[self.program.input]
        for name, node in self.program.statements:
            result = env[name] = self._value(node, env)
        return result

    def _value(self, node: Expr, env: dict[str, Value]) -> Value:
        if isinstance(node, Var):
            return env[node.name]
        if isinstance(node, Const):
            return self._constant(node.value)
        assert isinstance(node, Op)
        args = [self._value(a, env) for a in node.args]
        if node.name == "neg":
            return Value(-args[0].exact, args[0].error, args[0].grid)
        if node.name in ("add", "sub"):
            sign = -1 if node.name == "sub" else 1
            return self._sum(args[0], args[1], sign)
        if node.name == "mul":
            power = _power_of_two(node.args)
            return self._product(args[0], args[1], exact=power)
        if node.name == "div":
            divisor = node.args[1]
            by_number = isinstance(divisor, Const) and not _power_of_two(
                (divisor,)
            )
            value = self._quotient(args[0], args[1], by_number)
            number = node.args[0]
            if isinstance(number, Const) and abs(number.value) != 1:
                return _worse(value, self._turned(number, args))
            return value
        if node.name == "minimum":
            return Value(args[0].exact.min(args[1].exact), args[0].error)
        if node.name == "abs":
            return Value(abs(args[0].exact), args[0].error, args[0].grid)
        return self._function(node.name, args[0])

    def _constant(self, value: Fraction) -> Value:
        grid = 1 - value.denominator.bit_length()
        return Value(to_arb(value), arb(0), grid)

    def _finish(self, exact: arb, carried: arb) -> Value:
        """One rounding of a value within `carried` of `exact`."""
        carried = carried.abs_upper()
        size = exact.abs_upper()
        top = (size + carried).abs_upper()
        if top == 0:
            return Value(exact, arb(0), None, arb(0))
        if not top <= self.max_finite:
            raise OverflowRiskError
        fmt = self.fmt
        # A ball's own width must not push a value over a power of two:
        # values at most `excess` above it are counted as on it.
        below = power2(floor_log2_ball(size)) if size > 0 else size
        excess = size - below
        if 0 < excess <= size * power2(-2 * fmt.precision):
            size, carried = below, (carried + excess).abs_upper()
        else:
            excess = arb(0)
        # All exact values are at most `edge`, a power of two.  A value
        # carried beyond it by no more than the ulp below it rounds back to
        # the edge (ties to even), which lies between it and the exact one.
        exponent = floor_log2_ball(size) if size > 0 else fmt.emin - 1
        if size > power2(exponent):
            exponent += 1
        edge = power2(exponent)
        unit = power2(fmt.ulp_exponent(exponent - 1))
        if top <= edge + unit:
            half = unit / 2
        else:
            half = power2(fmt.ulp_exponent(floor_log2_ball(top)) - 1)
        if (exact.abs_lower() - carried) < self.normal:
            half = half.max(top.min(self.normal)).abs_upper()  # XLA flushes
        total = (carried + excess + half).abs_upper()
        return Value(exact, total, None, (carried + excess).abs_upper())

    def _sum(self, a: Value, b: Value, sign: int) -> Value:
        exact = a.exact + sign * b.exact
        carried = a.error + b.error
        if a.grid is not None and b.grid is not None:
            grid = min(a.grid, b.grid)
            top = (exact.abs_upper() + carried).abs_upper()
            # A multiple of 2**g below 2**(g + p) is a float: no rounding
            # (Sterbenz' lemma is a case of this).
            if top <= power2(grid + self.fmt.precision):
                return Value(exact, carried.abs_upper(), grid)
        value = self._finish(exact, carried)
        # The rounded sum is no further from the sum than either operand.
        top_b = (b.exact.abs_upper() + b.error).abs_upper()
        top_a = (a.exact.abs_upper() + a.error).abs_upper()
        limit = (carried + top_a.min(top_b)).abs_upper()
        return Value(exact, value.error.min(limit), None, carried.abs_upper())

    def _product(self, a: Value, b: Value, exact: bool) -> Value:
        value = a.exact * b.exact
        carried = (
            a.exact.abs_upper() * b.error
            + b.exact.abs_upper() * a.error
            + a.error * b.error
        )
        top = (value.abs_upper() + carried).abs_upper()
        low = value.abs_lower() - carried
        if exact and top <= self.max_finite and low >= self.normal:
            return Value(value, carried.abs_upper())
        return self._finish(value, carried)

    def _quotient(self, a: Value, b: Value, by_number: bool) -> Value:
        smallest = b.exact.abs_lower() - b.error
        if not smallest > 0:
            raise OverflowRiskError
        exact = a.exact / b.exact
        carried = (a.error + exact.abs_upper() * b.error) / smallest
        if by_number:
            # XLA multiplies by the rounded reciprocal: 0.96 ulp instead of
            # 0.5 was seen (float32).
            carried += (exact.abs_upper() + carried) * power2(
                -self.fmt.precision
            )
        # Where a device has to correct it: runtime/division.py.
        carried += (exact.abs_upper() + carried) * self.off_by
        return self._finish(exact, carried)

    def _turned(self, number: Const, args: list[Value]) -> Value:
        """c / b as c * (1 / b), which is what torch computes for a number c.

        Two roundings: 1.86 half-ulps were seen where one division has 1.
        """
        one = self._constant(Fraction(1))
        reciprocal = self._quotient(one, args[1], by_number=False)
        return self._product(args[0], reciprocal, _power_of_two((number,)))

    def _function(self, name: str, a: Value) -> Value:
        wide = a.exact + arb(0, a.error.abs_upper())
        exact = getattr(a.exact, name)()
        image = getattr(wide, name)()
        if name == "exp":
            carried = exact.abs_upper() * a.error.expm1()
        elif a.error == 0:
            carried = arb(0)
        else:
            slope = {"sqrt": lambda: 1 / (2 * image), "log": lambda: 1 / wide}
            carried = slope[name]().abs_upper() * a.error
        top = image.abs_upper()
        if not top <= self.calibrated:
            raise OverflowRiskError
        exponent = floor_log2_ball(top) if top > 0 else self.fmt.emin
        own = to_arb(self.primitives.ulp(name)) * power2(
            self.fmt.ulp_exponent(exponent)
        )
        if name == "sqrt":
            own += top * self.off_by
        if image.abs_lower() < self.normal:
            tiny = self.normal * to_arb(self.primitives.underflow(name))
            own = own.max(tiny)
        return Value(exact, (carried + own).abs_upper())


def _worse(a: Value, b: Value) -> Value:
    """Either of two ways to compute the same."""
    carried = [v.error if v.carried is None else v.carried for v in (a, b)]
    return Value(
        a.exact,
        a.error.max(b.error).abs_upper(),
        None,
        carried[0].max(carried[1]).abs_upper(),
    )


def _power_of_two(args: tuple[Expr, ...]) -> bool:
    for node in args:
        if isinstance(node, Const) and node.value:
            top = abs(node.value.numerator)
            bottom = node.value.denominator
            if top & (top - 1) == 0 and bottom & (bottom - 1) == 0:
                return True
    return False
