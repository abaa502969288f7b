"""Evenness and oddness, by exact algebra only."""

from __future__ import annotations

import sympy

from ..numbers.evaluate import to_primitives


def parity_of(expr: sympy.Expr, variable: sympy.Symbol) -> int:
    """1 even, -1 odd, 0 not shown to be either; by exact algebra only."""
    flipped = expr.xreplace({variable: -variable})
    flipped = flipped.doit() if hasattr(flipped, "doit") else flipped
    if flipped == expr:
        return 1
    if flipped == -expr:
        return -1
    one = _rational(to_primitives(expr), variable)
    two = _rational(to_primitives(flipped), variable)
    if one is None or two is None:
        return 0
    if sympy.cancel(one - two) == 0:
        return 1
    return -1 if sympy.cancel(one + two) == 0 else 0


def _rational(expr: sympy.Expr, variable: sympy.Symbol) -> sympy.Expr | None:
    """`expr` as a rational function of x and exp(x), if it is one."""
    e = sympy.Symbol("e_", positive=True)

    def rule(argument: sympy.Expr) -> sympy.Expr:
        ratio = sympy.expand(argument / variable)
        return e**ratio if ratio.is_Integer else sympy.exp(argument)

    out = expr.replace(sympy.exp, rule)
    if sympy.count_ops(out) > 60 or not out.is_rational_function(variable, e):
        return None
    return out
