"""f and its derivatives in multiple precision, from the formula alone.

The formula becomes a list of operations once, and runs on balls (python-
flint's `arb`) or on power series over balls, whose coefficients are the
derivatives.  No plan of ours is used, and no symbolic derivative.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy
from flint import arb
from flint import arb_series
from flint import ctx

from ..numbers.evaluate import BallAlgebra
from ..numbers.evaluate import evaluate
from ..numbers.evaluate import to_primitives
from ..numbers.floats import floor_log2_ball
from ..numbers.floats import power2
from ..numbers.floats import to_arb

CERTAIN_BITS = 100
# Bits, and -log2 of a step to the side: at a removable point the formula is
# 0/0 itself, and 2**-4000 beside it no format sees the step.  A cancellation
# of 7th order then takes 28000 bits.
ATTEMPTS = (
    *((bits, 0) for bits in (256, 512, 1024, 2048, 3072, 4096, 6144)),
    (30000, 4000),
)
NEAR = 32  # binades of x that take about as many bits
VANISHED = -1100  # a value below 2**VANISHED is 0 to every format
ABOVE = 1100  # and one above 2**ABOVE an infinity
ZERO_SCALE = 200  # of a 0: its unit, 2**-1074, has an inverse then

Number = Any  # an arb or an arb_series
Step = tuple[Callable[..., Number], tuple[Any, ...]]


class _Recorder:
    """An algebra whose numbers are places in a list of operations."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def _add(self, operation: Callable[..., Number], *args: Any) -> int:
        self.steps.append((operation, args))
        return len(self.steps) - 1

    def variable(self) -> int:
        return self._add(lambda regs, x: x)

    def rational(self, value: Fraction) -> int:
        return self._add(lambda regs, x: to_arb(value))

    def constant(self, name: str) -> int:
        made = {"pi": arb.pi, "E": arb.const_e}[name]
        return self._add(lambda regs, x: made())

    def add(self, a: int, b: int) -> int:
        return self._add(lambda regs, x: regs[a] + regs[b])

    def mul(self, a: int, b: int) -> int:
        return self._add(lambda regs, x: regs[a] * regs[b])

    def power(self, a: int, exponent: Fraction) -> int:
        return self._add(lambda regs, x: _power(regs[a], exponent))

    def function(self, name: str, a: int) -> int:
        if name == "Abs":
            return self._add(lambda regs, x: _absolute(regs[a]))
        return self._add(lambda regs, x: getattr(regs[a], name)())


_BALLS = BallAlgebra(arb(0))


def _power(a: Number, exponent: Fraction) -> Number:
    if isinstance(a, arb_series) and exponent.denominator > 2:
        return (a.log() * to_arb(exponent)).exp()
    return _BALLS.power(a, exponent)


def _absolute(a: Number) -> Number:
    """|a|; of a series, where its first coefficient is not 0."""
    if not isinstance(a, arb_series):
        return abs(a)
    first = a[0]
    if first > 0:
        return a
    return -a if first < 0 else a * arb("nan")


@dataclass(frozen=True)
class Split:
    """A number as ``(high + low) * 2**-scale``, high and low floats."""

    high: float
    low: float
    scale: int


class Formula:
    """A formula in one variable, to be run on balls and series.

    Example:
        >>> f = Formula(sympy.sin(X) / X)
        >>> float(f.at(2.0, 0)), float(f.at(0.0, 2))
        (0.4546487134128409, -0.3333333333333333)
    """

    def __init__(self, expr: sympy.Expr) -> None:
        recorder = _Recorder()
        evaluate(to_primitives(expr), recorder)
        self._steps = recorder.steps
        self._first: dict[tuple[int, int], int] = {}

    def run(self, x: Number) -> Number:
        """The formula at a ball or a series, at the precision at hand.

        Raises:
            ArithmeticError, ValueError: it is not defined there.
        """
        registers: list[Number] = []
        for operation, _ in self._steps:
            registers.append(operation(registers, x))
        return registers[-1]

    def derivatives(self, x: arb, first: int, count: int) -> list[arb] | None:
        """f^(m)(x) / (m - first)! for m = first, first + 1, ...

        They are the Taylor coefficients of f^(first) at x; None where one
        is not finite.
        """
        length = first + count
        cap, ctx.cap = ctx.cap, length
        try:
            # A quotient of series that vanish at x is short of coefficients.
            series = self.run(arb_series([x, 1], length))
            if not isinstance(series, arb_series):
                series = arb_series([series], length)
            if series.prec < length:
                return None
            found = [series[m] for m in range(first, length)]
        except (ArithmeticError, ValueError):
            return None
        finally:
            ctx.cap = cap
        if not all(a.is_finite() for a in found):
            return None
        factor, scaled = arb(math.factorial(first)), []
        for m, a in enumerate(found, first):
            scaled.append(a * factor)
            factor = factor * (m + 1) / (m + 1 - first)
        return scaled

    def at(self, x: float, order: int) -> arb | None:
        """f^(order)(x), certain to `CERTAIN_BITS` bits.

        Removable points are filled in; None where nothing is certain.
        """
        where = order, math.frexp(x)[1] // NEAR
        start = self._first.get(where, 0)
        for attempt in range(start, len(ATTEMPTS)):
            bits, shift = ATTEMPTS[attempt]
            with ctx.workprec(bits):
                place = arb(x) + (power2(-shift) if shift else arb(0))
                found = self.derivatives(place, order, 1)
                if found is None:
                    continue
                value = found[0]
                certain = value.rel_accuracy_bits() > CERTAIN_BITS
                if certain or value.abs_upper() < power2(VANISHED):
                    if not shift:  # else it is the point itself
                        self._first[where] = attempt
                    return value
        return None

    def split_at(self, x: float, order: int) -> Split | None:
        """f^(order)(x) in two floats, with a scale so that none underflows.

        Above every format's largest number it is an infinity.
        """
        value = self.at(x, order)
        return None if value is None else split(value)


def split(value: arb) -> Split:
    """A ball's midpoint; see `Formula.split_at`."""
    with ctx.workprec(CERTAIN_BITS + 64):
        if value.abs_upper() < power2(VANISHED):
            return Split(0.0, 0.0, ZERO_SCALE)
        exponent = floor_log2_ball(value)
        if exponent > ABOVE:
            return Split(math.copysign(math.inf, float(value.sgn())), 0.0, 0)
        scaled = value.mid() * power2(-exponent)
        high = float(scaled)
        return Split(high, float(scaled - arb(high)), -exponent)
