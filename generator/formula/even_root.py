"""Formulas that are even in a root, and so need none.

(1 - cos(sqrt(x))) / x is analytic across 0: every number with a root in it
is a + b r with r = sqrt(u), and where b is 0 in the end f is a function of u
alone.  cos r and sin r / r are functions of u that are entire (`entire`); so
f is what it is for u > 0, continued to where u < 0.
"""

from __future__ import annotations

from fractions import Fraction

import sympy
from flint import arb

from ..numbers.entire import entire
from ..numbers.evaluate import BallAlgebra
from ..numbers.evaluate import evaluate
from ..numbers.evaluate import to_primitives
from ..numbers.floats import to_arb

Pair = tuple[sympy.Expr, sympy.Expr]  # a + b r

MOST_WORK = 200  # operations of a formula that sympy is asked to cancel
# Of a domain, where a radicand is looked at.
PARTS = [Fraction(n, 1000) for n in (1, 300, 500, 700, 999)]
FAR = [Fraction(10) ** n for n in (-9, -3, 0, 3, 9)]
ZERO, ONE = sympy.S.Zero, sympy.S.One
# By sine and cosine, ordinary or hyperbolic.
QUOTIENTS = {
    sympy.tan: (sympy.sin, sympy.cos),
    sympy.cot: (sympy.cos, sympy.sin),
    sympy.sec: (None, sympy.cos),
    sympy.csc: (None, sympy.sin),
    sympy.tanh: (sympy.sinh, sympy.cosh),
    sympy.coth: (sympy.cosh, sympy.sinh),
    sympy.sech: (None, sympy.cosh),
    sympy.csch: (None, sympy.sinh),
}


class _OddError(Exception):
    """What is no a + b r, as far as this goes."""


def real_form(
    expr: sympy.Expr,
    variable: sympy.Symbol,
    low: Fraction | None,
    high: Fraction | None,
) -> sympy.Expr:
    """The formula, without a root of what is negative on a domain.

    It is as it was where it has none, or is not seen to be even in it.

    Args:
        low, high: the ends, None for infinity.
    """
    for base in _radicands(expr, variable):
        made = to_primitives(base)
        for place in _places(low, high):
            value = evaluate(made, BallAlgebra(to_arb(place)))
            if isinstance(value, arb) and value < 0:
                found = continued(expr, variable)
                return expr if found is None else found
    return expr


def _places(low: Fraction | None, high: Fraction | None) -> list[Fraction]:
    """Some of a domain: near its ends, and between them."""
    if low is not None and high is not None:
        return [low + (high - low) * part for part in PARTS]
    end = low if high is None else high
    if end is None:
        return [side * d for d in FAR for side in (1, -1)]
    side = 1 if high is None else -1
    return [end + side * d for d in FAR]


def continued(expr: sympy.Expr, variable: sympy.Symbol) -> sympy.Expr | None:
    """An equal formula that is real also where the root was not.

    Returns:
        None where there is no root, or where f is not seen to be even in it.
    """
    found = expr
    for base in _radicands(expr, variable):
        try:
            a, b = _Walk(base).pair(found)
        except _OddError:
            return None
        if b != 0 and sympy.count_ops(b) < MOST_WORK:
            b = sympy.cancel(b)
        if b != 0:
            return None
        found = a
    return None if found == expr else _tidy(found)


def _radicands(expr: sympy.Expr, variable: sympy.Symbol) -> list[sympy.Expr]:
    """What square roots are taken of, the innermost first."""
    found = {
        node.base
        for node in expr.atoms(sympy.Pow)
        if node.exp.is_Rational and node.exp.q == 2 and node.base.has(variable)
    }
    return sorted(found, key=lambda e: (sympy.count_ops(e), str(e)))


def _tidy(expr: sympy.Expr) -> sympy.Expr:
    if sympy.count_ops(expr) < MOST_WORK:
        return sympy.factor_terms(sympy.cancel(expr))
    return expr


def _circled(expr: sympy.Expr) -> sympy.Expr:
    """With H_0(v)**2 + v H_1(v)**2 = 1, as of cosine and sine, made use of."""
    if sympy.count_ops(expr) > MOST_WORK:
        return expr
    sine, cosine = entire(1), entire(0)

    def lowered(base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
        if not isinstance(base, sine) or not exponent.is_Integer:
            return base**exponent
        (v,) = base.args
        twice, once = divmod(int(exponent), 2)
        return base**once * ((1 - cosine(v) ** 2) / v) ** twice

    return sympy.expand(sympy.expand(expr).replace(sympy.Pow, lowered))


class _Walk:
    """One formula and one root."""

    def __init__(self, radicand: sympy.Expr) -> None:
        self.u = radicand
        self.known: dict[sympy.Expr, Pair] = {}

    def pair(self, node: sympy.Expr) -> Pair:
        """a and b of a + b r."""
        if node not in self.known:
            self.known[node] = self._made(node)
        return self.known[node]

    def _made(self, node: sympy.Expr) -> Pair:
        if not node.args or not self._has_root(node):
            return node, ZERO
        if node.is_Add:
            pairs = [self.pair(arg) for arg in node.args]
            return sympy.Add(*(a for a, _ in pairs)), sympy.Add(
                *(b for _, b in pairs)
            )
        if node.is_Mul:
            made: Pair = ONE, ZERO
            for arg in node.args:
                made = self._times(made, self.pair(arg))
            return made
        if isinstance(node, sympy.exp):
            return self._exp(*self.pair(node.args[0]))
        if node.is_Pow:
            return self._power(node.base, node.exp)
        if node.is_Function and len(node.args) == 1:
            return self._function(node.func, self.pair(node.args[0]))
        raise _OddError

    def _has_root(self, node: sympy.Expr) -> bool:
        return any(
            p.base == self.u and p.exp.is_Rational and p.exp.q == 2
            for p in node.atoms(sympy.Pow)
        )

    def _times(self, one: Pair, other: Pair) -> Pair:
        (a, b), (c, d) = one, other
        return a * c + b * d * self.u, a * d + b * c

    def _inverse(self, pair: Pair) -> Pair:
        a, b = pair
        if b == 0:
            return 1 / a, ZERO
        if a == 0:
            return ZERO, 1 / (b * self.u)
        norm = _circled(a**2 - b**2 * self.u)
        return a / norm, -b / norm

    def _power(self, base: sympy.Expr, exponent: sympy.Expr) -> Pair:
        if base == self.u and exponent.is_Rational and exponent.q == 2:
            return ZERO, self.u ** ((exponent.p - 1) // 2)
        pair = self.pair(base)
        if exponent.is_Integer and abs(exponent) <= 64:
            made: Pair = ONE, ZERO
            for _ in range(abs(int(exponent))):
                made = self._times(made, pair)
            return made if exponent > 0 else self._inverse(made)
        if pair[1] == 0 and not self._has_root(exponent):
            return pair[0] ** exponent, ZERO
        raise _OddError

    def _exp(self, a: sympy.Expr, b: sympy.Expr) -> Pair:
        v = -(b**2) * self.u
        return (
            sympy.exp(a) * entire(0)(v),
            sympy.exp(a) * b * entire(1)(v),
        )

    def _function(self, function: type, pair: Pair) -> Pair:
        a, b = pair
        if b == 0:
            return function(a), ZERO
        if function in QUOTIENTS:
            top, bottom = QUOTIENTS[function]
            upper = self._function(top, pair) if top else (ONE, ZERO)
            return self._times(
                upper, self._inverse(self._function(bottom, pair))
            )
        if function in (sympy.sinh, sympy.cosh):
            sign = 1 if function is sympy.cosh else -1
            up, down = self._exp(a, b), self._exp(-a, -b)
            return (
                (up[0] + sign * down[0]) / 2,
                (up[1] + sign * down[1]) / 2,
            )
        if function in (sympy.sin, sympy.cos):
            v = b**2 * self.u
            c, s = entire(0)(v), b * entire(1)(v)
            if function is sympy.sin:
                return sympy.sin(a) * c, sympy.cos(a) * s
            return sympy.cos(a) * c, -sympy.sin(a) * s
        raise _OddError
