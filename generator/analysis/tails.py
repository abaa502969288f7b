"""Closed forms far from the origin, in t = |x| and e = exp(-rate t).

As t -> oo, exp makes infinity an essential singularity, so 1/t alone is
no chart.  With every exponential written as a power of the one small
symbol e, f is a rational function F(t, e): F(t, 0) is the asymptotic
expansion, here finite, and ``e B = F - F(t, 0)`` the exponentially small
rest.  No positive power of exp is left, so nothing overflows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import sympy

from ..errors import NotProvedError
from ..numbers.evaluate import to_primitives

T = sympy.Symbol("t", positive=True)
E = sympy.Symbol("e", positive=True)


@dataclass(frozen=True)
class Tail:
    """f^(order)(side * t) = algebraic + e * rest, e = exp(-rate * t).

    Attributes:
        side: -1 for x -> -oo, 1 for x -> +oo.
        algebraic: rational in t, the asymptotic expansion.
        rest: rational in t and e.
        limit: of f^(order) at that end.
    """

    side: int
    order: int
    rate: Fraction
    algebraic: sympy.Expr
    rest: sympy.Expr
    limit: sympy.Expr

    @property
    def whole(self) -> sympy.Expr:
        """algebraic + e * rest."""
        return self.algebraic + E * self.rest


def tail(
    expr: sympy.Expr, variable: sympy.Symbol, side: int, order: int
) -> Tail:
    """The tail of the `order`-th derivative at `side` * oo.

    Raises:
        NotProvedError: f is not rational in x and one exponential.
    """
    whole, rate = _rational(to_primitives(expr), variable, side)
    for _ in range(order):
        # d/dx = side * d/dt, and de/dt = -rate * e.
        slope = sympy.diff(whole, T) - rate * E * sympy.diff(whole, E)
        whole = sympy.cancel(side * slope)
    numerator, denominator = sympy.fraction(sympy.cancel(whole))
    if denominator.subs(E, 0) == 0:
        raise NotProvedError("f grows exponentially at this end.")
    algebraic = sympy.cancel(numerator.subs(E, 0) / denominator.subs(E, 0))
    rest = sympy.cancel((whole - algebraic) / E)
    limit = sympy.limit(algebraic, T, sympy.oo)  # of a rational function
    assert sympy.cancel(whole - algebraic - E * rest) == 0
    return Tail(
        side,
        order,
        Fraction(int(rate.p), int(rate.q)),
        sympy.apart(algebraic, T),
        sympy.factor(rest),
        limit,
    )


def _rational(
    expr: sympy.Expr, variable: sympy.Symbol, side: int
) -> tuple[sympy.Expr, sympy.Rational]:
    expr = expr.subs(variable, side * T)
    exponents = []
    for node in expr.atoms(sympy.exp):
        ratio = sympy.cancel(node.args[0] / T)
        if not ratio.is_Rational:
            raise NotProvedError(f"{node} is not a power of exp(t).")
        exponents.append(ratio)
    if exponents:
        rate = sympy.Rational(
            math.gcd(*(int(r.p * (_lcm(exponents) // r.q)) for r in exponents)),
            _lcm(exponents),
        )
    else:
        rate = sympy.Integer(1)
    swapped = expr.replace(
        sympy.exp, lambda a: E ** (-sympy.cancel(a / T) / rate)
    )
    if not swapped.is_rational_function(T, E):
        raise NotProvedError("f is not rational in x and one exponential.")
    return sympy.cancel(sympy.together(swapped)), rate


def _lcm(values: list[sympy.Rational]) -> int:
    return math.lcm(*(int(v.q) for v in values))
