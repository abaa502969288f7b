"""One form for exponentials of the same rate, so that equal terms cancel."""

from __future__ import annotations

import sympy

MOST_WORK = 150  # operations that sympy is asked to bring together: a second


def normal_form(expr: sympy.Expr, variable: sympy.Symbol) -> sympy.Expr | None:
    """A quotient in which each exponential is a power of one of its rate.

    exp(x)/(1 + exp(x)) and 1/(1 + exp(-x)) are the same there.  Whatever
    else is no rational function is a variable of its own.

    Returns:
        An equal expression, or None where there is no exponential, or where
        it takes too long.
    """
    if sympy.count_ops(expr) > MOST_WORK:
        return None
    rates = _rates(expr, variable)
    if not rates:
        return None
    names: dict[sympy.Expr, sympy.Symbol] = {}
    made = _renamed(_plain(expr), rates, names)
    if made is None:
        return None
    whole = sympy.cancel(made)
    top, bottom = sympy.fraction(whole)
    whole = sympy.factor(top) / sympy.factor(bottom)
    back = {name: node for node, name in names.items()}
    found = whole.xreplace(back)
    return None if found == expr else found


def _plain(expr: sympy.Expr) -> sympy.Expr:
    """Hyperbolic functions as exponentials."""
    hyperbolic = (sympy.tanh, sympy.sinh, sympy.cosh, sympy.coth)
    if not expr.has(*hyperbolic):
        return expr
    return expr.rewrite(list(hyperbolic), sympy.exp)


def _rates(
    expr: sympy.Expr, variable: sympy.Symbol
) -> dict[sympy.Expr, sympy.Rational]:
    """Of each exponent a power of which its exponential is."""
    bases: dict[sympy.Expr, list[sympy.Rational]] = {}
    for node in _plain(expr).atoms(sympy.exp):
        inner = sympy.expand(node.args[0])
        part = inner.as_independent(variable, as_Add=True)[1]
        if part == 0:
            continue
        number, base = part.as_coeff_Mul()
        if not number.is_Rational:
            number, base = sympy.S.One, part
        bases.setdefault(base, []).append(number)
    return {
        base: sympy.Rational(sympy.gcd_list(found))
        for base, found in bases.items()
    }


def _renamed(
    expr: sympy.Expr,
    rates: dict[sympy.Expr, sympy.Rational],
    names: dict[sympy.Expr, sympy.Symbol],
) -> sympy.Expr | None:
    """Over variables for exponentials and for what is not rational."""

    def named(node: sympy.Expr) -> sympy.Symbol:
        if node not in names:
            positive = True if isinstance(node, sympy.exp) else None
            name = f"v{len(names)}_"
            names[node] = sympy.Symbol(name, real=True, positive=positive)
        return names[node]

    def walk(node: sympy.Expr) -> sympy.Expr:
        if isinstance(node, sympy.exp):
            inner = sympy.expand(node.args[0])
            parts = sympy.Add.make_args(inner)
            result = sympy.S.One
            for part in parts:
                number, base = part.as_coeff_Mul()
                if base in rates and number.is_Rational:
                    unit = rates[base]
                    e = named(sympy.exp(unit * base))
                    result *= e ** (number / unit)
                else:
                    result *= named(sympy.exp(part))
            return result
        if node.is_Add or node.is_Mul:
            return node.func(*map(walk, node.args))
        if node.is_Pow and node.exp.is_Integer:
            return walk(node.base) ** node.exp
        if node.is_Symbol or node.is_Rational:
            return node
        return named(node)

    return walk(expr)
