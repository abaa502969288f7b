"""Programs over t that compute a `Tail`, each proved equal to it.

The proof is exact algebra on rational functions of t and e; what a form
leaves out is enclosed in balls.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from fractions import Fraction

import sympy
from flint import arb

from ..analysis.tails import E
from ..analysis.tails import T
from ..analysis.tails import Tail
from ..errors import NotProvedError
from ..numbers.floats import to_arb
from ..program.program import Const
from ..program.program import Expr
from ..program.program import Op
from ..program.program import Program
from ..program.program import Var

SERIES_TERMS = (2, 3)  # of B in powers of e; more cost what a division does
U = sympy.Symbol("u", positive=True)  # t, held from some point on


@dataclass(frozen=True)
class TailForm:
    """A program over t that equals a tail.

    Attributes:
        label: "sum", "factored", or "series" where B is cut off after a
            few powers of e.
        program: from `bend` on e stays at its value there, so that t = oo
            needs no case of its own.
        bend: where that begins, None if e is kept everywhere.
        delta: from `bend` on, ``|program - tail| <= delta * t**-power``.
        power: of the leading term.
        dropped: up to `bend`, ``(program - tail) * t**power`` up to sign,
            a rational function of t and e; 0 for an exact form.
        rate: ``e = exp(-rate * t)``.
    """

    label: str
    program: Program
    bend: Fraction | None
    delta: arb
    power: int
    dropped: sympy.Expr
    rate: Fraction


def dropped_bounds(form: TailForm, low: Fraction, high: Fraction) -> arb:
    """Bound of ``|program - tail| * t**power`` on [low, high] <= bend."""
    if form.dropped == 0:
        return arb(0)
    return _enclose(form.dropped, form.rate, low, high)


def forms(tower: Sequence[Tail], order: int, precision: int) -> list[TailForm]:
    """Programs over t for one tail of a tower, equal to it by algebra.

    Args:
        tower: the tails of f, f' ... on one side.  All hold e from one
            point on, so that compilers merge their exponentials.
        order: which of them is wanted.
        precision: of the format; e is held from where its term falls
            below a 64th of an ulp of the leading one.
    """
    item = tower[order]
    if not all(_is_held(other) for other in tower):
        program = _sum_form(item)
        _check(program, item, "sum")
        zero = sympy.S.Zero
        return [TailForm("sum", program, None, arb(0), 0, zero, item.rate)]
    bend = max(_bend(other, precision) for other in tower)
    _, power = _monomial(item.algebraic)
    found = []
    for label, rest in _rests(item):
        cut = replace(item, rest=rest)
        program = _factored_form(cut, bend)
        _check(program, cut, label)
        dropped = sympy.factor((item.rest - rest) * E * T**power)
        delta = 2 * _rest_bound(item, bend)
        delta += _enclose(dropped, item.rate, bend, bend)
        found.append(
            TailForm(
                label,
                program,
                bend,
                delta.abs_upper(),
                power,
                dropped,
                item.rate,
            )
        )
    return found


def _rests(item: Tail) -> list[tuple[str, sympy.Expr]]:
    """B itself, and its first terms in powers of e: no division then."""
    found = [("factored", item.rest)]
    for terms in SERIES_TERMS:
        series = sympy.series(item.rest, E, 0, terms).removeO()
        cut = sympy.factor(series)
        if cut != 0 and sympy.cancel(cut - item.rest) != 0:
            found.append(("series", cut))
    return found


def _is_held(item: Tail) -> bool:
    lead, power = _monomial(item.algebraic)
    return lead is not None and power > 0 and item.rest != 0


def _check(program: Program, item: Tail, label: str) -> None:
    if sympy.cancel(symbolic(program, item.rate) - item.whole) != 0:
        raise NotProvedError(f"The {label} form is not the tail.")


def _bend(item: Tail, precision: int) -> Fraction:
    """Where e may be held: its term is then below a 64th of an ulp."""
    lead, power = _monomial(item.algebraic)
    assert lead is not None
    budget = to_arb(Fraction(abs(int(lead.p)), int(lead.q))) / 2 ** (
        precision + 5
    )
    # The first guess is where the term's logarithm, without B, is the
    # budget's; from there B decides.
    bend = Fraction(1)
    target = float(budget.log())
    while power * math.log(bend) - float(item.rate * bend) > target:
        bend += 1
    while bend < 2**12:
        if _rest_bound(item, bend) <= budget:
            return bend
        bend += 1
    raise NotProvedError("The exponential rest does not become small.")


def _rest_bound(item: Tail, bend: Fraction) -> arb:
    """Supremum of ``t**power e |B|`` over t >= bend.

    Enclosed on every binade up to 2**1024; holding e changes the result
    by at most twice this, in units of t**-power.
    """
    _, power = _monomial(item.algebraic)
    relative = abs(item.rest) * E * T**power
    worst, low = arb(0), bend
    while low < Fraction(2) ** 1024:
        worst = worst.max(_enclose(relative, item.rate, low, 2 * low))
        low *= 2
    return worst.abs_upper()


def _enclose(
    expr: sympy.Expr, rate: Fraction, low: Fraction, high: Fraction
) -> arb:
    """Upper bound of a rational function of t and e on [low, high]."""
    t = to_arb(low).union(to_arb(high))
    small = (-to_arb(rate) * t).exp()

    def of(node: sympy.Expr) -> arb:
        if node == T:
            return t
        if node == E:
            return small
        if node.is_Rational:
            return to_arb(Fraction(int(node.p), int(node.q)))
        if isinstance(node, sympy.Abs):
            return abs(of(node.args[0]))
        if node.is_Pow:
            return of(node.base) ** int(node.exp)
        values = [of(a) for a in node.args]
        total = values[0]
        for value in values[1:]:
            total = total + value if node.is_Add else total * value
        return total

    return of(expr).abs_upper()


def _exponential(item: Tail, bend: Fraction | None) -> list[tuple[str, Expr]]:
    statements: list[tuple[str, Expr]] = []
    t: Expr = Var("t")
    if bend is not None:
        statements.append(("u", Op("minimum", (t, Const(bend)))))
        t = Var("u")
    argument = -t if item.rate == 1 else Const(-item.rate) * t
    return [*statements, ("e", Op("exp", (argument,)))]


def _monomial(algebraic: sympy.Expr) -> tuple[sympy.Rational | None, int]:
    lead, power = algebraic.as_coeff_Mul()
    base, exponent = power.as_base_exp()
    if power != 1 and base == T and exponent.is_Integer:
        return lead, -int(exponent)
    return None, 0


def _sum_form(item: Tail) -> Program:
    rest = item.rest
    if rest == 0:
        return Program("t", (("r", _compile(item.algebraic)),))
    sign, factor = _signed(rest)
    statements = _exponential(item, None)
    statements += _quotient(E * factor, "q")
    if item.algebraic == 0:
        q: Expr = Var("q")
        statements.append(("r", q if sign > 0 else -q))
        return Program("t", tuple(statements))
    algebraic = _compile(item.algebraic)
    small = Var("q")
    total = algebraic + small if sign > 0 else algebraic - small
    statements.append(("r", total))
    return Program("t", tuple(statements))


def _factored_form(item: Tail, bend: Fraction | None) -> Program:
    """(lead + e t**power B) / t / ... / t: one rounding a division.

    ``lead / (t * t)`` rounds the square and then the quotient, up to 1.5
    ulp; two divisions in a row stay under 1.21.
    """
    lead, power = _monomial(item.algebraic)
    assert lead is not None
    statements = _exponential(item, bend)
    value: Expr = Const(Fraction(int(lead.p), int(lead.q)))
    sign, factor = _signed(item.rest)
    numerator, denominator = sympy.fraction(sympy.cancel(factor * T**power))
    quotient = E * sympy.factor(numerator) / sympy.factor(denominator)
    statements += _quotient(quotient.subs(T, T if bend is None else U), "q")
    value = value + Var("q") if sign > 0 else value - Var("q")
    for k in range(power):
        value = value / Var("t")
        if k < power - 1:
            # XLA rewrites (a / b) / c to a / (b * c), which rounds worse
            # and overflows; abs of what is positive keeps them apart.
            value = Op("abs", (value,))
    statements.append(("r", value))
    return Program("t", tuple(statements))


def _signed(expr: sympy.Expr) -> tuple[int, sympy.Expr]:
    """(s, g) with s * g == expr and g > 0 for large t and small e."""
    positive = expr.subs({T: 1000, E: sympy.Rational(1, 10**9)}) > 0
    return (1, expr) if positive else (-1, -expr)


def _quotient(expr: sympy.Expr, target: str) -> list[tuple[str, Expr]]:
    """Statements for a product of powers of polynomials in t and e.

    Powers of e come first: they underflow to 0 and keep every partial
    product finite while t**k alone would overflow.
    """
    numerator, denominator = sympy.fraction(expr)
    top = _factors(numerator, first=E)
    bottom = _factors(denominator, first=E)
    sign = 1
    statements: list[tuple[str, Expr]] = []

    def product(
        factors: list[tuple[sympy.Expr, int]], name: str
    ) -> Expr | None:
        nonlocal sign
        total: Expr | None = None
        for base, count in factors:
            if base.is_Rational:
                if abs(base) == 1:
                    sign *= 1 if base > 0 else (-1) ** count
                    continue
                node: Expr = Const(Fraction(int(base.p), int(base.q)))
            else:
                if base.is_Add and base.subs(E, 0).is_negative:
                    base, sign = -base, sign * (-1) ** count
                node = _compile(base)
                if isinstance(node, Op) and count > 1:
                    statements.append((name, node))
                    node = Var(name)
            for _ in range(count):
                total = node if total is None else total * node
        return total

    above = product(top, "n")
    below = product(bottom, "d")
    value = above if above is not None else Const(Fraction(1))
    if below is not None:
        value = value / below
    statements.append((target, value if sign > 0 else -value))
    return statements


def _factors(
    expr: sympy.Expr, first: sympy.Symbol
) -> list[tuple[sympy.Expr, int]]:
    constant, factors = sympy.factor_list(expr)
    rows = [] if constant == 1 else [(constant, 1)]
    rows += sorted(factors, key=lambda row: (row[0] != first, str(row[0])))
    # The small symbol leads; a constant in front of it costs nothing.
    return rows


def _compile(expr: sympy.Expr) -> Expr:
    """A polynomial or quotient in t and e, as it is written."""
    if expr.is_Rational:
        return Const(Fraction(int(expr.p), int(expr.q)))
    if expr.is_Symbol:
        return Var(str(expr))
    if expr.is_Add and expr.is_polynomial(E) and sympy.degree(expr, E) > 1:
        expr = sympy.horner(expr, wrt=E)
    if expr.is_Add:
        terms = sorted(expr.args, key=lambda a: (_is_negative(a), str(a)))
        total = _compile(terms[0])
        for term in terms[1:]:
            if _is_negative(term):
                total = total - _compile(-term)
            else:
                total = total + _compile(term)
        return total
    if expr.is_Pow and expr.exp.is_Integer:
        base = _compile(expr.base)
        node = base
        for _ in range(abs(int(expr.exp)) - 1):
            node = node * base
        return node if expr.exp > 0 else Const(Fraction(1)) / node
    if expr.is_Mul:
        numerator, denominator = sympy.fraction(expr)
        if denominator != 1:
            return _compile(numerator) / _compile(denominator)
        if _is_negative(expr):
            return -_compile(-expr)
        whole: Expr | None = None
        for factor in expr.as_ordered_factors():
            node = _compile(factor)
            whole = node if whole is None else whole * node
        assert whole is not None
        return whole
    raise NotProvedError(f"{expr} is not rational in t and e.")


def _is_negative(expr: sympy.Expr) -> bool:
    return bool(expr.as_coeff_Mul()[0].is_negative)


def symbolic(program: Program, rate: Fraction) -> sympy.Expr:
    """The program's exact value as a rational function of t and e."""
    env: dict[str, sympy.Expr] = {"t": T}

    def of(node: Expr) -> sympy.Expr:
        if isinstance(node, Var):
            return env[node.name]
        if isinstance(node, Const):
            return sympy.Rational(node.value.numerator, node.value.denominator)
        assert isinstance(node, Op)
        if node.name == "exp":
            argument = of(node.args[0])
            if sympy.expand(argument + T * sympy.Rational(rate)) != 0:
                raise NotProvedError("exp of another argument.")
            return E
        if node.name in ("minimum", "abs"):
            # As long as e is not held, and abs is of what is positive.
            return of(node.args[0])
        args = [of(a) for a in node.args]
        if node.name == "neg":
            return -args[0]
        left, right = args
        return {
            "add": left + right,
            "sub": left - right,
            "mul": left * right,
            "div": left / right,
        }[node.name]

    result: sympy.Expr = T
    for name, value in program.statements:
        result = env[name] = of(value)
    return result
