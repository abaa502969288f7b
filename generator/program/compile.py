"""From a sympy expression to the straight-line program that is rendered."""

from __future__ import annotations

from fractions import Fraction

import sympy

from ..numbers.floats import FloatFormat
from .program import Const
from .program import Expr
from .program import Op
from .program import Program
from .program import Var

MOST_POWER = 4  # of repeated multiplication
FUNCTIONS = {sympy.exp: "exp"}


class CannotCompileError(ValueError):
    """It has a function or a number that programs do not have."""


def compiled(
    expr: sympy.Expr, variable: sympy.Symbol, fmt: FloatFormat
) -> Program:
    """+ - * / sqrt and exp over one variable, common parts once.

    Raises:
        CannotCompileError: anything else, or a constant that is no float.
    """
    shared, (result,) = sympy.cse([expr], list=True)
    name = str(variable)
    statements = [
        (str(target), _node(value, name, fmt)) for target, value in shared
    ]
    final = _node(result, name, fmt)
    if isinstance(final, (Var, Const)):
        raise CannotCompileError("nothing to compute")
    return Program(name, (*statements, ("y", final)))


def _node(expr: sympy.Expr, variable: str, fmt: FloatFormat) -> Expr:
    if expr.is_Symbol:
        return Var(str(expr))
    if expr.is_Rational:
        return _constant(Fraction(int(expr.p), int(expr.q)), fmt)
    if expr.is_Add:
        return _sum(expr, variable, fmt)
    if expr.is_Mul:
        return _product(expr, variable, fmt)
    if expr.func in FUNCTIONS:
        inner = _node(expr.args[0], variable, fmt)
        return Op(FUNCTIONS[expr.func], (inner,))
    if expr.is_Pow and expr.exp.is_Rational:
        return _power(expr, variable, fmt)
    raise CannotCompileError(str(expr))


def _constant(value: Fraction, fmt: FloatFormat) -> Expr:
    if fmt.round(value) != value:
        raise CannotCompileError(f"{value} is no {fmt.name}")
    return Const(value)


def _sum(expr: sympy.Expr, variable: str, fmt: FloatFormat) -> Expr:
    """Positive terms first, numbers last: fewer signs to write."""
    terms = sorted(
        expr.args,
        key=lambda a: (a.is_number, a.could_extract_minus_sign(), str(a)),
    )
    total = _node(terms[0], variable, fmt)
    for term in terms[1:]:
        if term.could_extract_minus_sign():
            total = total - _node(-term, variable, fmt)
        else:
            total = total + _node(term, variable, fmt)
    return total


def _product(expr: sympy.Expr, variable: str, fmt: FloatFormat) -> Expr:
    above, below = sympy.fraction(expr)
    if below == 1:
        coefficient, rest = above.as_coeff_Mul()
        if coefficient == -1:
            return -_node(rest, variable, fmt)
        factors = [_node(a, variable, fmt) for a in _factors(above)]
        total = factors[0]
        for factor in factors[1:]:
            total = total * factor
        return total
    if above.could_extract_minus_sign():
        positive = _node(-above, variable, fmt)
        return -(positive / _node(below, variable, fmt))
    return _node(above, variable, fmt) / _node(below, variable, fmt)


def _factors(expr: sympy.Expr) -> list[sympy.Expr]:
    return sorted(
        sympy.Mul.make_args(expr), key=lambda a: (not a.is_number, str(a))
    )


def _power(expr: sympy.Expr, variable: str, fmt: FloatFormat) -> Expr:
    base, exponent = expr.base, expr.exp
    if exponent < 0:
        return Const(Fraction(1)) / _node(base**-exponent, variable, fmt)
    inner = _node(base, variable, fmt)
    if exponent.q == 2:
        root = Op("sqrt", (inner,))
        whole = exponent.p // 2
        return root if not whole else _times(inner, whole) * root
    if exponent.q != 1 or exponent > MOST_POWER:
        raise CannotCompileError(str(expr))
    return _times(inner, int(exponent))


def _times(base: Expr, n: int) -> Expr:
    total = base
    for _ in range(n - 1):
        total = total * base
    return total
