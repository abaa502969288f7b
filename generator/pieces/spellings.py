"""The same function spelled so that little of it cancels or overflows.

For t > 0: exp(-c t) as a variable E, of which a power that leads is taken out;
logarithms of products as sums; common denominators, factors, conjugates.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import sympy

from ..program.flat import ONE
from .closed import _conjugated
from .closed import _is_algebraic

T = sympy.Symbol("t", positive=True)
E = sympy.Symbol("E", positive=True)
X = sympy.Symbol("x", real=True)
MOST_WORK = 200
HYPERBOLIC = [sympy.sinh, sympy.cosh, sympy.tanh, sympy.coth]


@dataclass(frozen=True)
class Spelling:
    """expr, in which E stands for `scaled`, a factor to the `power`-th.

    With `signed` it is a function of X, and powers of E are multiplied by
    those of ONE: E**j ONE**k, j + k the same for all terms of a sum.
    """

    expr: sympy.Expr
    scaled: sympy.Expr | None = None
    power: int = 0
    signed: bool = False


def spellings(expr: sympy.Expr) -> Iterator[Spelling]:
    """Each once."""
    if sympy.count_ops(expr) > MOST_WORK:
        return
    seen: set[Spelling] = set()
    for made in _all(expr):
        if made not in seen:
            seen.add(made)
            yield made


def _all(expr: sympy.Expr) -> Iterator[Spelling]:
    yield Spelling(expr)
    expr = expr.rewrite(HYPERBOLIC, sympy.exp)
    if expr.has(sympy.exp):
        yield from _damped(expr)
        return
    for one in _common(expr):
        yield Spelling(one)
    if _is_algebraic(expr):
        for start in (expr, sympy.together(expr)):
            conjugated = _conjugated(start)
            if conjugated is not None:
                yield Spelling(conjugated)
                yield Spelling(sympy.factor(conjugated))


def _common(expr: sympy.Expr) -> Iterator[sympy.Expr]:
    whole = sympy.together(expr)
    yield whole
    yield sympy.factor(whole)
    above, below = sympy.fraction(whole)
    yield sympy.expand(above) / sympy.factor(below)
    # Of a polynomial over a power of t, in 1/t: powers of t may overflow.
    poly = sympy.expand(above)
    if not (below.has(T) and below.is_polynomial(T) and poly.is_polynomial(T)):
        return
    power = sympy.degree(below, T)
    if sympy.expand(below / sympy.LC(below, T) - T**power) == 0:
        degree = sympy.degree(poly, T)
        lead = sympy.LC(below, T) * T ** (power - degree)
        inner = sympy.expand(poly / T**degree).subs(T, 1 / T)
        yield sympy.horner(inner, T).subs(T, 1 / T) / lead


def rate_of(expr: sympy.Expr) -> sympy.Rational | None:
    """c, if all exponentials are powers of exp(-c t)."""
    rates = []
    for node in expr.atoms(sympy.exp):
        rate = node.args[0] / T
        if not rate.is_Rational:
            return None
        rates.append(abs(rate))
    return sympy.Rational(sympy.gcd_list(rates))


def _damped(expr: sympy.Expr) -> Iterator[Spelling]:
    c = rate_of(expr)
    if c is None:
        return
    table = {
        node: E ** (-node.args[0] / T / c) for node in expr.atoms(sympy.exp)
    }
    small = sympy.exp(-c * T)
    inner = expr.xreplace(table)
    if inner.has(sympy.log):
        for one in _split(inner, c):
            yield Spelling(one.xreplace({E: small}))
        return
    if not inner.is_rational_function(T, E):
        return
    whole = sympy.factor(sympy.cancel(inner))
    power = _order(whole)
    if power < 0:
        yield from _grown(whole, c, power)
    rest = sympy.factor(sympy.cancel(whole / E**power))
    for one in _rational(rest):
        yield from _with(one, power, small)
    if power:
        return
    limit = sympy.limit(whole, E, 0)
    if not limit.is_finite or limit.has(E) or limit == 0:
        return
    more = sympy.factor(sympy.cancel((inner - limit) / E))
    heads = (limit, sympy.factor(limit), sympy.expand(limit))
    for head in dict.fromkeys(heads):
        yield Spelling((head + E * more).xreplace({E: small}))


def _grown(
    whole: sympy.Expr, c: sympy.Rational, power: int
) -> Iterator[Spelling]:
    """(A E**-1 + B) / C, with exp(c t) itself and no exponential in C.

    What is added to it is multiplied by the power of two that is left out.
    """
    above, below = sympy.fraction(sympy.together(whole))
    if power != -1:
        return
    poly = sympy.Poly(above, E)
    floor = sympy.Poly(below, E)
    if poly.degree() > 1 or len(floor.monoms()) > 1:
        return
    if floor.monoms()[0][0] != 1:
        return
    a, b = poly.coeff_monomial(1), poly.coeff_monomial(E)
    divisor = sympy.factor(floor.LC())
    big = sympy.exp(c * T)
    for a1, b1 in (
        (sympy.factor(a), sympy.factor(b)),
        (sympy.horner(a), sympy.horner(b)),
    ):
        first = E if a1 == 1 else sympy.Mul(E, a1, evaluate=False)
        yield Spelling((first + b1 * ONE) / divisor, big, 1)


def _with(
    expr: sympy.Expr, power: int, small: sympy.Expr
) -> Iterator[Spelling]:
    """expr * E**power."""
    above, below = sympy.fraction(expr)
    above, below = (e.xreplace({E: small}) for e in (above, below))
    if not power:
        yield Spelling(above / below)
        return
    # Unevaluated: exponentials would be gathered again.
    if power > 0:
        yield Spelling(above * E**power / below, small, power)
    else:
        yield Spelling(above / (below * E**-power), small, power)


def _order(whole: sympy.Expr) -> int:
    """Of the zero at E = 0."""
    above, below = sympy.fraction(whole)
    return _least(above) - _least(below)


def _least(expr: sympy.Expr) -> int:
    poly = sympy.Poly(expr, E)
    return int(min(m[0] for m in poly.monoms()))


def _rational(expr: sympy.Expr) -> Iterator[sympy.Expr]:
    """Spellings of a rational function of t and E."""
    yield expr
    above, below = sympy.fraction(expr)
    expanded = sympy.expand(above)
    tidy = sympy.collect(expanded, E, sympy.factor)
    yield tidy / below
    yield sympy.collect(expanded, E) / below
    yield sympy.collect(expanded, E, sympy.horner) / below
    yield expanded / below
    yield tidy / sympy.expand(below)


def _split(expr: sympy.Expr, c: sympy.Rational) -> Iterator[sympy.Expr]:
    """Logarithms of products as sums, exp(-c t) as -c t."""
    made = split_logs(expr, c)
    yield made
    yield sympy.expand(made)
    yield sympy.together(made)
    yield from (expr, sympy.together(expr))


def split_logs(expr: sympy.Expr, c: sympy.Rational) -> sympy.Expr:
    """Logarithms of products as sums, those of E and t among them."""
    return expr.replace(sympy.log, lambda u: _log(u, c))


def _log(u: sympy.Expr, c: sympy.Rational) -> sympy.Expr:
    if not u.is_rational_function(T, E):
        return sympy.log(u)
    whole = sympy.factor(sympy.cancel(sympy.together(u)))
    total = sympy.Integer(0)
    number = sympy.Integer(1)
    kept = sympy.Integer(1)
    for factor in sympy.Mul.make_args(whole):
        base, exponent = factor.as_base_exp()
        if base == E:
            total -= c * T * exponent
        elif base == T:
            total += exponent * sympy.log(T)
        elif factor.is_number:
            number *= factor
        else:
            at = base.subs(E, 0)
            if at.is_number and at < 0:
                base, number = -base, -number
            kept *= base**exponent
    if number < 0:
        kept, number = -kept, -number
    if kept != 1:
        total += sympy.log(kept)
    if number != 1:
        above, below = sympy.fraction(number)
        if above == 1:
            total -= sympy.log(below)
        else:
            total += sympy.log(number)
    return total


def signed_spellings(expr: sympy.Expr) -> Iterator[Spelling]:
    """Of rational functions of x and exp(c x), for x of either sign.

    Args:
        expr: of X.
    """
    expr = expr.rewrite(HYPERBOLIC, sympy.exp)
    if not expr.has(sympy.exp) or sympy.count_ops(expr) > MOST_WORK:
        return
    rates = [node.args[0] / X for node in expr.atoms(sympy.exp)]
    if not all(rate.is_Rational for rate in rates):
        return
    c = sympy.Rational(sympy.gcd_list([abs(rate) for rate in rates]))
    inner = expr.xreplace({sympy.exp(r * X): E ** (r / c) for r in rates})
    if not inner.is_rational_function(X, E):
        return
    whole = sympy.factor(sympy.cancel(inner))
    above, below = sympy.fraction(whole)
    power = _degree(above) - _degree(below)
    big = sympy.exp(c * X)
    seen: set[sympy.Expr] = set()
    for a in _homogeneous(above):
        for b in _homogeneous(below):
            made = a / b
            if made not in seen:
                seen.add(made)
                yield Spelling(made, big, power, True)
    if power or not inner.is_Add:
        return
    total = sympy.Integer(0)
    for term in inner.args:
        a, b = sympy.fraction(sympy.factor(sympy.cancel(term)))
        if _degree(a) != _degree(b):
            return
        total += next(_homogeneous(a)) / next(_homogeneous(b))
    yield Spelling(total, big, 0, True)


def _degree(expr: sympy.Expr) -> int:
    return int(sympy.Poly(expr, E).degree())


def _homogeneous(expr: sympy.Expr) -> Iterator[sympy.Expr]:
    """A polynomial in E, its factors or all of it, with powers of ONE."""
    kept = sympy.Integer(1)
    for factor in sympy.Mul.make_args(sympy.factor(expr)):
        base, exponent = factor.as_base_exp()
        kept *= _powers_of_one(base, sympy.factor) ** exponent
    yield kept
    for way in (sympy.expand, sympy.horner):
        yield _powers_of_one(sympy.expand(expr), way)


def _powers_of_one(
    expr: sympy.Expr, way: Callable[[sympy.Expr], sympy.Expr]
) -> sympy.Expr:
    poly = sympy.Poly(expr, E)
    degree = poly.degree()
    least = min(m[0] for m in poly.monoms())
    total = sympy.Integer(0)
    for (k,), a in poly.terms():
        a = way(a) if a.has(X) else a
        unit = E ** (k - least) * ONE ** (degree - k)
        total += sympy.Mul(a, unit, evaluate=False) if a != 1 else unit
    return total * E**least


def singular_arguments(expr: sympy.Expr) -> list[Fraction]:
    """c, of each logarithm of x + c."""
    found = []
    for node in sympy.expand_log(expr, force=True).atoms(sympy.log):
        argument = node.args[0]
        if not (argument.has(X) and argument.is_polynomial(X)):
            continue
        inner = sympy.Poly(argument, X)
        if inner.degree() == 1:
            a, b = inner.all_coeffs()
            if (b / a).is_Rational:
                found.append(Fraction(int((b / a).p), int((b / a).q)))
    return found


def spellings_of_logs(expr: sympy.Expr) -> Iterator[Spelling]:
    """Of logarithms and rational functions, for x of either sign."""
    if not expr.has(sympy.log) or expr.has(sympy.exp):
        return
    if sympy.count_ops(expr) > MOST_WORK:
        return
    seen: set[sympy.Expr] = set()
    for start in (expr, sympy.expand_log(expr, force=True)):
        for one in (start, *_common(start), *_over_common(start)):
            if one not in seen:
                seen.add(one)
                yield Spelling(one, None, 0, True)


def _over_common(expr: sympy.Expr) -> Iterator[sympy.Expr]:
    """Divided by what divides most: x / (x + 1) - log(x + 1), over x**2."""
    logs = sorted(expr.atoms(sympy.log), key=str)
    if not logs:
        return
    collected = sympy.collect(
        sympy.expand(sympy.together(expr)), logs, evaluate=False
    )
    if any(key != 1 and key not in logs for key in collected):
        return
    of_log = [sympy.factor(v) for key, v in collected.items() if key != 1]
    rest = sympy.factor(collected.get(sympy.Integer(1), sympy.Integer(0)))
    if not rest.is_rational_function(X):
        return
    lead = of_log[0]
    inner = sympy.factor(sympy.cancel(rest / lead))
    terms = [
        key * sympy.factor(sympy.cancel(v / lead))
        for key, v in collected.items()
        if key != 1
    ]
    below = 1 / sympy.factor(lead)
    yield (sympy.Add(*terms) + inner) / below
    if inner.is_Mul or inner.is_Add:
        yield (sympy.Add(*terms) + sympy.apart(inner, X)) / below
