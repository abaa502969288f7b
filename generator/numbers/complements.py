"""1 + tanh(u) and 1 - tanh(u), which are no differences.

1 - 2 / (exp(2 u) + 1) cancels where tanh is next to -1; the sum with 1 is
2 / (1 + exp(-2 u)), and so for multiples of both.
"""

from __future__ import annotations

import sympy


def tanh_complemented(expr: sympy.Expr) -> sympy.Expr:
    """`expr` with a + a tanh(u) as one quotient."""
    if not expr.has(sympy.tanh):
        return expr
    return expr.replace(lambda e: e.is_Add, _sum)


def _sum(total: sympy.Expr) -> sympy.Expr:
    inner = {
        factor
        for term in total.args
        for factor in sympy.Mul.make_args(term)
        if isinstance(factor, sympy.tanh)
    }
    for one in sorted(inner, key=sympy.default_sort_key):
        total = _chosen(total, one)
    return total


def _chosen(total: sympy.Expr, one: sympy.Expr) -> sympy.Expr:
    """rest + a tanh(u) without the part of the rest that a is, if there is."""
    a = rest = sympy.Integer(0)
    for term in sympy.Add.make_args(total):
        if one in sympy.Mul.make_args(term):
            a += term / one
        else:
            rest += term
    if a.has(one):
        return total
    for sign in (1, -1):
        left = sympy.expand(rest - sign * a)
        if _terms(left) < _terms(rest):
            u = one.args[0]
            return left + sign * 2 * a / (1 + sympy.exp(-2 * sign * u))
    return total


def _terms(expr: sympy.Expr) -> int:
    return 0 if expr == 0 else len(sympy.Add.make_args(expr))
