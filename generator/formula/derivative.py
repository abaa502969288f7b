"""Derivatives of real formulas with absolute values.

Of ``|u|`` sympy takes the derivative of a complex u wherever it does not see
that u is real, as in ``|log(x) - 1|``, and ends in terms that nothing here
evaluates.  Here f is real on its domain, and off the kinks

    |u|' = sign(u) u',    sign(u)' = 0.
"""

from __future__ import annotations

from typing import Any

import sympy


class _Sign(sympy.Function):  # type: ignore[misc]
    def fdiff(self, argindex: int = 1) -> Any:
        del argindex
        return sympy.Integer(0)


class _Abs(sympy.Function):  # type: ignore[misc]
    def fdiff(self, argindex: int = 1) -> Any:
        del argindex
        return _Sign(self.args[0])


def derivative(
    expr: sympy.Expr, variable: sympy.Symbol, order: int = 1
) -> sympy.Expr:
    """The derivative of that order off the kinks; f itself for 0."""
    if not order:
        return expr
    if not expr.has(sympy.Abs, sympy.sign):
        return expr.diff(variable, order)
    hidden = expr.replace(sympy.Abs, _Abs).replace(sympy.sign, _Sign)
    made = hidden.diff(variable, order)
    return made.replace(_Sign, sympy.sign).replace(_Abs, sympy.Abs)
