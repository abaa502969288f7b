"""Proof that f is analytic in a disc, and its maximum on the circle.

Every node of the expression is followed around the circle in balls.  A
denominator's zeros inside are counted by the argument principle; the
proof goes through only if all of them lie at known points, where the
Laurent series of f shows that no pole is left.  A log or a root needs its
argument free of zeros and poles, and its image of the circle off the
negative axis: the winding number about every point of that axis is then
the same, and 0 far out, so no point of the disc is mapped to the cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy
from flint import acb
from flint import arb
from flint import fmpz

from ..errors import NotProvedError
from ..errors import SingularityError
from ..numbers.evaluate import BallAlgebra
from ..numbers.evaluate import evaluate
from ..numbers.evaluate import to_primitives
from ..numbers.floats import to_arb
from ..numbers.jets import jet

ENTIRE = frozenset({"exp", "sin", "cos", "erf", "erfc"})


@dataclass(frozen=True)
class Disc:
    """A disc in which f is analytic (after filling removable points).

    Attributes:
        center, radius: the disc, exact.
        maximum: an upper bound of |f| on the circle, so in the disc.
        points: removable points inside, filled in.
        arcs: into how many balls the circle was divided.
    """

    center: Fraction
    radius: Fraction
    maximum: arb
    points: tuple[Fraction, ...]
    arcs: int


@dataclass(frozen=True)
class _Node:
    """A node's values: on each arc, and at each point between arcs."""

    arcs: tuple[acb, ...]
    ends: tuple[acb, ...]
    expr: sympy.Expr


class _BoundaryAlgebra:
    def __init__(
        self,
        center: Fraction,
        radius: Fraction,
        count: int,
        points: tuple[Fraction, ...],
        variable: sympy.Symbol,
    ) -> None:
        self.points, self.symbol, self.count = points, variable, count
        mid, r = acb(to_arb(center)), to_arb(radius)
        step = 2 * arb.pi() / count
        angles = [step * k for k in range(count)]
        unit = [acb(a.cos(), a.sin()) for a in angles]
        wide = [(a + step / 2 + arb(0, (step / 2).abs_upper())) for a in angles]
        self.x = _Node(
            tuple(mid + r * acb(a.cos(), a.sin()) for a in wide),
            tuple(mid + r * u for u in unit),
            variable,
        )

    def _map(self, expr: sympy.Expr, fn: Any, *nodes: _Node) -> _Node:
        return _Node(
            tuple(fn(*v) for v in zip(*(n.arcs for n in nodes), strict=True)),
            tuple(fn(*v) for v in zip(*(n.ends for n in nodes), strict=True)),
            expr,
        )

    def variable(self) -> _Node:
        return self.x

    def _const(self, value: Any, expr: sympy.Expr) -> _Node:
        return _Node(
            (acb(value),) * self.count, (acb(value),) * self.count, expr
        )

    def rational(self, value: Fraction) -> _Node:
        return self._const(
            to_arb(value), sympy.Rational(value.numerator, value.denominator)
        )

    def constant(self, name: str) -> _Node:
        value = BallAlgebra(arb(0)).constant(name)
        return self._const(value, sympy.pi if name == "pi" else sympy.E)

    def add(self, a: _Node, b: _Node) -> _Node:
        return self._map(a.expr + b.expr, lambda u, v: u + v, a, b)

    def mul(self, a: _Node, b: _Node) -> _Node:
        return self._map(a.expr * b.expr, lambda u, v: u * v, a, b)

    def power(self, a: _Node, exponent: Fraction) -> _Node:
        power = sympy.Rational(exponent.numerator, exponent.denominator)
        expr = a.expr**power
        if exponent < 0 or exponent.denominator != 1:
            zeros = self._zeros(a)
            if exponent.denominator != 1:
                self._off_cut(a, zeros, "a root")
        ball = BallAlgebra(arb(0))
        return self._map(expr, lambda u: ball.power(u, exponent), a)

    def function(self, name: str, a: _Node) -> _Node:
        expr = getattr(sympy, name)(a.expr)
        if name in ENTIRE:
            self._no_pole(a, name)
        elif name == "log":
            self._off_cut(a, self._zeros(a), "a log")
        elif name in ("atan", "asin", "acos", "asinh"):
            self._no_pole(a, name)
            self._off_inverse_cut(a, name)
        else:
            raise NotProvedError(f"{name} is not analytic by any rule here.")
        return self._map(expr, lambda u: getattr(u, name)(), a)

    def _valuation(self, expr: sympy.Expr, point: Fraction) -> int:
        if not expr.has(self.symbol):
            return 0
        return jet(expr, point, 1)[0].valuation

    def _no_pole(self, a: _Node, name: str) -> None:
        for point in self.points:
            if self._valuation(a.expr, point) < 0:
                raise SingularityError(f"{name} of a pole at {point}.")

    def _winding(self, a: _Node) -> int:
        total = arb(0)
        for k in range(self.count):
            if not a.arcs[k].abs_lower() > 0:
                raise NotProvedError("A denominator's ball contains 0.")
            # Both ends lie in one ball without 0, so in a half plane: the
            # argument changes by less than pi between them.
            total += (a.ends[(k + 1) % self.count] / a.ends[k]).arg()
        turns = (total / (2 * arb.pi())).unique_fmpz()
        if turns is None or not isinstance(turns, (int, fmpz)):
            raise NotProvedError("The winding number is not decided.")
        return int(turns)

    def _zeros(self, a: _Node) -> dict[Fraction, int]:
        """Orders of `a` at the known points; no other zero is inside."""
        orders = {p: self._valuation(a.expr, p) for p in self.points}
        if self._winding(a) != sum(orders.values()):
            raise NotProvedError(
                f"{a.expr} has zeros in the disc beside those at "
                f"{[str(p) for p in self.points]}."
            )
        return orders

    def _off_cut(
        self, a: _Node, orders: dict[Fraction, int], what: str
    ) -> None:
        if any(orders.values()):
            raise SingularityError(f"Branch point of {what} in the disc.")
        for ball in a.arcs:
            if not (ball.real > 0 or ball.imag > 0 or ball.imag < 0):
                raise NotProvedError(f"The argument of {what} meets its cut.")

    def _off_inverse_cut(self, a: _Node, name: str) -> None:
        for ball in a.arcs:
            across, along = ball.real, ball.imag
            if name in ("asin", "acos"):
                across, along = ball.imag, ball.real
            off = across > 0 or across < 0 or abs(along) < 1
            if not off:
                raise NotProvedError(f"The argument of {name} meets its cut.")


def prove_disc(
    expr: sympy.Expr,
    variable: sympy.Symbol,
    center: Fraction,
    radius: Fraction,
    points: tuple[Fraction, ...],
    arcs: int = 64,
) -> Disc:
    """The disc with a bound of |f|, or `NotProvedError`.

    Args:
        points: candidate singular points; those inside must turn out
            removable, those elsewhere are ignored.
    """
    inside = tuple(p for p in points if abs(p - center) < radius)
    for point in inside:
        series, _ = jet(expr, point, 1)
        if series.valuation < 0:
            raise SingularityError(
                f"Pole of order {-series.valuation} at {variable} = {point}."
            )
    primitive = to_primitives(expr)
    count, failure = arcs, None
    while count <= 16 * arcs:
        boundary = _BoundaryAlgebra(center, radius, count, inside, variable)
        try:
            node = evaluate(primitive, boundary)
        except SingularityError:
            raise
        except NotProvedError as error:
            failure, count = error, count * 4
            continue
        maximum = arb(0)
        for ball in node.arcs:
            maximum = maximum.max(ball.abs_upper())
        if maximum.is_finite():
            return Disc(center, radius, maximum.abs_upper(), inside, count)
        count *= 4
    raise NotProvedError(
        f"Not proved analytic in |{variable} - {center}| < {radius}: "
        f"{failure or 'f is not finite on the circle'}"
    )
