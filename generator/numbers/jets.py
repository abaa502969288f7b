"""Truncated Laurent series of an expression at a point.

At a removable point 0/0 becomes the quotient of two series of the same
valuation.  Where all terms at hand cancel, `jet` raises the order and
repeats, so no symbolic limit is ever taken.
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
from flint import fmpq
from flint import fmpq_series

from ..errors import NotProvedError
from ..errors import SingularityError
from .evaluate import evaluate
from .evaluate import to_primitives
from .floats import to_arb


class UndecidedError(NotProvedError):
    """A coefficient cannot be told from zero in this field or order."""


@dataclass(frozen=True)
class Field:
    """A field of coefficients with flint's series over it."""

    series: Callable[..., Any]
    scalar: Callable[..., Any]
    exact: bool

    def is_zero(self, value: Any) -> bool:
        if self.exact:
            return bool(value == 0)
        if value.is_zero():
            return True
        if value.contains(0):
            raise UndecidedError(
                f"Undecided: a coefficient in {value} may or may not be zero."
            )
        return False


RATIONAL = Field(fmpq_series, fmpq, True)
REAL = Field(arb_series, arb, False)


@dataclass(frozen=True)
class Laurent:
    """``sum coefficients[k] * h**(valuation + k) + O(h**order)``.

    The first coefficient is not zero; an empty tuple is O(h**order).
    """

    valuation: int
    coefficients: tuple[Any, ...]

    @property
    def order(self) -> int:
        return self.valuation + len(self.coefficients)

    def coefficient(self, power: int) -> Any:
        """The coefficient of ``h**power`` (0 below the valuation)."""
        if power >= self.order:
            raise IndexError(
                f"power {power} is at or beyond O(h**{self.order})"
            )
        index = power - self.valuation
        return self.coefficients[index] if index >= 0 else 0


class LaurentAlgebra:
    """Arithmetic of `Laurent` for `evaluate.evaluate`."""

    def __init__(self, point: Any, terms: int, field: Field) -> None:
        self.point, self.terms, self.field = point, terms, field

    def _make(self, valuation: int, values: list[Any]) -> Laurent:
        start = 0
        while start < len(values) and self.field.is_zero(values[start]):
            start += 1
        values = values[start : start + self.terms]
        return Laurent(valuation + start, tuple(values))

    def _series(self, a: Laurent, count: int | None = None) -> Any:
        """The unit of `a`, ``a / h**valuation``."""
        values = list(a.coefficients[:count])
        return self.field.series(values, prec=len(values))

    def _list(self, series: Any, count: int) -> list[Any]:
        return [series[k] for k in range(count)]

    def variable(self) -> Laurent:
        one = self.field.scalar(1)
        tail = [self.field.scalar(0)] * (self.terms - 2)
        return self._make(0, [self.point, one, *tail])

    def rational(self, value: Fraction) -> Laurent:
        if self.field.exact:
            scalar = fmpq(value.numerator, value.denominator)
        else:
            scalar = self.field.scalar(to_arb(value))
        zeros = [self.field.scalar(0)] * (self.terms - 1)
        return self._make(0, [scalar, *zeros])

    def constant(self, name: str) -> Laurent:
        if self.field.exact:
            raise UndecidedError(f"{name} is not rational.")
        value = arb.pi() if name == "pi" else arb.const_e()
        zeros = [self.field.scalar(0)] * (self.terms - 1)
        return self._make(0, [self.field.scalar(value), *zeros])

    def add(self, a: Laurent, b: Laurent) -> Laurent:
        low = min(a.valuation, b.valuation)
        order = min(a.order, b.order)
        zero = self.field.scalar(0)
        values = []
        for power in range(low, order):
            left = a.coefficient(power) if power >= a.valuation else zero
            right = b.coefficient(power) if power >= b.valuation else zero
            values.append(left + right)
        if not values:
            return Laurent(order, ())
        return self._make(low, values)

    def mul(self, a: Laurent, b: Laurent) -> Laurent:
        count = min(len(a.coefficients), len(b.coefficients))
        if count == 0:
            return Laurent(
                min(a.order + b.valuation, b.order + a.valuation), ()
            )
        product = self._series(a, count) * self._series(b, count)
        return Laurent(
            a.valuation + b.valuation, tuple(self._list(product, count))
        )

    def power(self, a: Laurent, exponent: Fraction) -> Laurent:
        if not a.coefficients:
            raise UndecidedError("A power of a series that cancelled.")
        if exponent.denominator != 1:
            return self._root(a, exponent)
        result, base, left = None, a, abs(int(exponent))
        while left:
            if left & 1:
                result = base if result is None else self.mul(result, base)
            base, left = self.mul(base, base), left >> 1
        assert result is not None
        if exponent > 0:
            return result
        count = len(result.coefficients)
        inverse = self._series(result).inv()
        return Laurent(-result.valuation, tuple(self._list(inverse, count)))

    def _root(self, a: Laurent, exponent: Fraction) -> Laurent:
        shift = a.valuation * exponent
        if shift.denominator != 1:
            raise SingularityError(
                f"Branch point: a power {exponent} of a function with a zero "
                f"or pole of order {a.valuation} there."
            )
        count = len(a.coefficients)
        unit = self._series(a)
        if exponent.denominator == 2 and not self.field.exact:
            root = self.power(
                Laurent(0, tuple(self._list(unit.sqrt(), count))),
                Fraction(exponent.numerator),
            )
            return Laurent(int(shift), root.coefficients)
        lead = a.coefficients[0]
        if lead != 1:
            raise UndecidedError("The root of a series is not rational.")
        scaled = [c * exponent.numerator for c in self._list(unit.log(), count)]
        scaled = [c / exponent.denominator for c in scaled]
        raised = self.field.series(scaled, prec=count).exp()
        return Laurent(int(shift), tuple(self._list(raised, count)))

    def function(self, name: str, a: Laurent) -> Laurent:
        if name in ("Abs", "sign"):
            raise UndecidedError("|.| is not analytic; split by sign first.")
        if not a.coefficients and a.order <= 0:
            raise UndecidedError("A function of a series that cancelled.")
        if a.valuation < 0:
            raise SingularityError(
                f"Essential singularity or branch point: {name} of a pole of "
                f"order {-a.valuation}."
            )
        zero = self.field.scalar(0)
        values = [zero] * a.valuation + list(a.coefficients)
        if name == "log" and a.valuation > 0:
            raise SingularityError(
                f"Branch point: log of a zero of order {a.valuation}."
            )
        series = self.field.series(values, prec=len(values))
        try:
            result = getattr(series, name)()
        except (ValueError, AttributeError):
            raise UndecidedError(
                f"{name} of this series is not rational."
            ) from None
        values = self._list(result, len(values))
        return self._make(0, values)


def laurent(expr: sympy.Expr, point: Any, terms: int, field: Field) -> Laurent:
    """The Laurent series of `expr` at `point`, at least one term."""
    old_cap = ctx.cap
    try:
        ctx.cap = max(old_cap, 4 * terms + 16)
        return evaluate(
            to_primitives(expr), LaurentAlgebra(point, terms, field)
        )
    finally:
        ctx.cap = old_cap


def jet(expr: sympy.Expr, point: Fraction, terms: int) -> tuple[Laurent, bool]:
    """`terms` coefficients at a rational point; True where exact.

    Exact rationals are tried first; where a constant is irrational the
    series is made of balls.
    """
    attempts = [
        (RATIONAL, fmpq(point.numerator, point.denominator)),
        (REAL, to_arb(point)),
    ]
    undecided: NotProvedError | None = None
    for field, place in attempts:
        count = terms + 4
        for _ in range(5):
            try:
                series = laurent(expr, place, count, field)
            except (UndecidedError, ZeroDivisionError) as error:
                undecided = UndecidedError(str(error))
                if field.exact and "rational" in str(error):
                    break
                count *= 2
                continue
            if len(series.coefficients) >= terms:
                return (
                    Laurent(series.valuation, series.coefficients[:terms]),
                    field.exact,
                )
            count += terms - len(series.coefficients) + 4
    raise UndecidedError(
        f"No series at {point}: {undecided or 'all terms cancel'}."
    )


def derivative_coefficient(coefficients: list[Any], order: int) -> list[Any]:
    """Taylor coefficients of the `order`-th derivative."""
    return [
        value * math.perm(n, order)
        for n, value in enumerate(coefficients)
        if n >= order
    ]
