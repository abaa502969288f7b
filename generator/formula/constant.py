"""Formulas that are one number, such as ``sin(x)**2 + cos(x)**2``.

What is built of these operations is analytic in the complex plane but for
countably many points, which divide it nowhere: where its derivative is 0 as
a formula, it is the same number on every interval.  Roots, logarithms and
absolute values have several branches and are not asked.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import sympy
from flint import arb
from flint import ctx

from ..numbers.evaluate import BallAlgebra
from ..numbers.evaluate import evaluate
from .derivative import derivative

ONE_BRANCH = (
    *(sympy.exp, sympy.sin, sympy.cos, sympy.tan, sympy.cot, sympy.sec),
    *(sympy.csc, sympy.sinh, sympy.cosh, sympy.tanh, sympy.coth, sympy.sech),
    *(sympy.csch, sympy.erf, sympy.erfc),
)
# Where it is seen, cheaply, that nearly all formulas are none.
PLACES = tuple(Fraction(n, 8) for n in (-21, -5, 3, 11))
MOST_WORK = 60  # operations that sympy is asked to simplify: a second
BITS = 200


def without_variable(expr: sympy.Expr, variable: sympy.Symbol) -> sympy.Expr:
    """The number that a formula is everywhere; the formula, if it is none."""
    if not (_has_one_branch(expr) and _looks_constant(expr)):
        return expr
    slope = derivative(expr, variable)
    if slope != 0:
        if sympy.count_ops(slope) > MOST_WORK or sympy.simplify(slope) != 0:
            return expr
    for place in (0, 1, -1, 2):
        value = expr.subs(variable, place)
        if value.is_number and value.is_finite and value.is_real:
            return sympy.simplify(value)
    return expr


def _has_one_branch(expr: sympy.Expr) -> bool:
    return all(
        node.is_Atom
        or node.is_Add
        or node.is_Mul
        or isinstance(node, ONE_BRANCH)
        or (node.is_Pow and (node.exp.is_Integer or node.base.is_number))
        for node in sympy.preorder_traversal(expr)
    )


def _looks_constant(expr: sympy.Expr) -> bool:
    """Whether its values at some places may be equal."""
    values = []
    with ctx.workprec(BITS):
        for place in PLACES:
            try:
                x = arb(place.numerator) / place.denominator
                value = evaluate(expr, BallAlgebra(x))
            except (ArithmeticError, AttributeError, ValueError):
                continue
            if value.is_finite():
                values.append(value)
    return len(values) > 1 and all(a.overlaps(b) for a, b in pairwise(values))
