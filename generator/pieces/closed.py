"""Closed forms: the formula rewritten until it neither cancels nor overflows.

Candidates are algebraically equal to f for t > 0; each is judged on every
binade by running error analysis (`Analyzer`), never by its looks, and used
where its bound holds.  Rewriting: conjugates of roots, common denominators,
factors, and exp(-c t) as a variable E whose limit E = 0 is split off
(Hamming, Numerical Methods for Scientists and Engineers, chapter 3).
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import sympy
from flint import ctx

from ..numbers.floats import FloatFormat
from ..numbers.floats import floor_log2
from ..numbers.floats import to_fraction
from ..program.assumed import primitive_errors
from ..program.bounds import SPARE
from ..program.compile import CannotCompileError
from ..program.compile import compiled
from ..program.program import Const
from ..program.program import Op
from ..program.program import Program
from ..program.program import rewritable
from ..program.roundoff import Analyzer
from ..program.roundoff import OverflowRiskError

PRECISION = 160  # bits of the balls
LEAST = Fraction(1, 64)  # a piece begins at a multiple of it
PER_BINADE = 4  # boxes
DEPTH = 5  # halvings of a box
MOST_OPERATIONS = 40  # of a candidate; rows are cheaper
MOST_WORK = 120  # operations that sympy is asked to simplify: a second

T = sympy.Symbol("t", positive=True)
E = sympy.Symbol("E", positive=True)


@dataclass(frozen=True)
class ClosedForm:
    """f(side * t) = program(t) for low <= t <= high.

    Attributes:
        ulp: proved bound.
        truncation: of |program / f - 1| in exact arithmetic, mostly 0.
        formula: for people.
        limit: of f at infinity, if the form reaches so far.
        pairs, rounded, scaled, power: of a `carried.Form`; where there are
            pairs the program is one of single operations.
        signed: the program takes x itself (side is 1), and there is one like
            it beyond the pieces that lie in between.
    """

    side: int
    low: Fraction
    high: Fraction
    program: Program
    ulp: float
    formula: str
    pairs: tuple[str, ...] = ()
    rounded: tuple[str, ...] = ()
    scaled: str | None = None
    power: int = 0
    limit: float | None = None
    truncation: float = 0.0
    signed: bool = False

    @property
    def is_carried(self) -> bool:
        """Whether some values, or numbers, are more than one float."""
        return bool(
            self.pairs
            or self.rounded
            or self.scaled
            or any(not _is_double(c) for c in _numbers(self.program))
        )


def _numbers(program: Program) -> Iterator[Fraction]:
    """All constants."""
    nodes = [node for _, node in program.statements]
    while nodes:
        node = nodes.pop()
        if isinstance(node, Const):
            yield node.value
        elif isinstance(node, Op):
            nodes += node.args


def _is_double(value: Fraction) -> bool:
    return Fraction(float(value)) == value


def closed_form(
    expr: sympy.Expr,
    variable: sympy.Symbol,
    side: int,
    edge: Fraction,
    fmt: FloatFormat,
    goal: float,
    check_time: Callable[[], None],
) -> ClosedForm | None:
    """The candidate that is good from t = edge down to the least t.

    None where none holds the bound between 2 and the edge.
    """
    moved = expr.xreplace({variable: side * T})
    best: ClosedForm | None = None
    for form in _candidates(moved):
        check_time()
        try:
            program = compiled(form, T, fmt)
        except CannotCompileError:
            continue
        if program.cost > MOST_OPERATIONS or rewritable(program):
            continue
        made = _judged(form, program, side, edge, fmt, goal)
        if made and (best is None or _rank(made) < _rank(best)):
            best = made
    return best


def _rank(form: ClosedForm) -> tuple[Fraction, int]:
    return form.low, form.program.cost


# -- rewriting -------------------------------------------------------------


def _candidates(expr: sympy.Expr) -> Iterator[sympy.Expr]:
    """Forms equal to `expr` for t > 0, each once."""
    if sympy.count_ops(expr) > MOST_WORK:
        return
    seen: set[sympy.Expr] = set()
    for form in _all_forms(expr):
        if form.free_symbols == {T} and form not in seen:
            seen.add(form)
            yield form


def _all_forms(expr: sympy.Expr) -> Iterator[sympy.Expr]:
    yield expr
    if expr.has(sympy.exp):
        yield from _damped(expr)
        return
    if not _is_algebraic(expr):
        return
    whole = sympy.together(expr)
    yield whole
    yield sympy.factor(whole)
    for start in (expr, whole):
        conjugated = _conjugated(start)
        if conjugated is not None:
            yield conjugated
            yield sympy.factor(conjugated)


def _is_algebraic(expr: sympy.Expr) -> bool:
    return all(
        node.is_Add
        or node.is_Mul
        or node.is_Atom
        or (node.is_Pow and node.exp.is_Rational and node.exp.q in (1, 2))
        for node in sympy.preorder_traversal(expr)
    )


def _conjugated(expr: sympy.Expr) -> sympy.Expr | None:
    """(a**2 - b**2) / (a - b) for a sum a + b with roots in it."""
    numerator, denominator = sympy.fraction(expr)
    terms = sympy.Add.make_args(sympy.expand(numerator))
    roots = [
        i
        for i, term in enumerate(terms)
        if any(
            p.is_Pow and p.exp.is_Rational and p.exp.q == 2
            for p in sympy.preorder_traversal(term)
        )
    ]
    if not roots or len(terms) < 2:
        return None
    a = terms[roots[-1]]
    b = sympy.Add(*(t for i, t in enumerate(terms) if i != roots[-1]))
    above = sympy.simplify(sympy.expand(a**2 - b**2))
    return above / ((a - b) * denominator)


def _damped(expr: sympy.Expr) -> Iterator[sympy.Expr]:
    """With E = exp(-c t): its limit E = 0, and what is left over E."""
    rates = []
    for node in expr.atoms(sympy.exp):
        rate = node.args[0] / T
        if not rate.is_Rational:
            return
        rates.append(abs(rate))
    c = sympy.Rational(sympy.gcd_list(rates))
    table = {
        node: E ** (-node.args[0] / T / c) for node in expr.atoms(sympy.exp)
    }
    small = sympy.exp(-c * T)
    rational = expr.xreplace(table)
    if not rational.is_rational_function(T, E):
        return
    whole = sympy.factor(sympy.cancel(rational))
    yield whole.xreplace({E: small})
    limit = sympy.limit(whole, E, 0)
    if not limit.is_finite or limit.has(E):
        return
    rest = sympy.factor(sympy.cancel((rational - limit) / E))
    heads = (limit, sympy.factor(limit), sympy.expand(limit))
    for head in dict.fromkeys(heads):  # a set's order is not the same twice
        yield (head + E * rest).xreplace({E: small})


# -- judging ---------------------------------------------------------------


def _judged(
    form: sympy.Expr,
    program: Program,
    side: int,
    edge: Fraction,
    fmt: FloatFormat,
    goal: float,
) -> ClosedForm | None:
    """Inwards from the edge, as far as the bound holds."""
    analyzer = Analyzer(program, fmt, primitive_errors(fmt.name))
    worst = 0.0
    low = edge
    with ctx.workprec(PRECISION):
        for a, b in _boxes(edge):
            ulp = _box_ulp(analyzer, a, b, fmt, goal / SPARE)
            if ulp is None or ulp * SPARE > goal:
                break
            worst = max(worst, ulp * SPARE)
            low = a
    low = -(-low // LEAST) * LEAST
    if low >= min(edge, Fraction(2)):
        return None
    return ClosedForm(side, low, edge, program, worst, str(form))


def _boxes(edge: Fraction) -> Iterator[tuple[Fraction, Fraction]]:
    """From the edge down to `LEAST`, `PER_BINADE` to a binade."""
    high = edge
    while high > LEAST:
        binade = Fraction(2) ** floor_log2(high)
        if binade == high:
            binade /= 2
        part = binade / PER_BINADE
        low = binade + ((high - binade) / part).__ceil__() * part - part
        yield low, high
        high = low


def _box_ulp(
    analyzer: Analyzer,
    low: Fraction,
    high: Fraction,
    fmt: FloatFormat,
    goal: float,
    depth: int = DEPTH,
) -> float | None:
    """The bound on one box, halved where it is too wide; None if none."""
    ulp = _undivided(analyzer, low, high, fmt)
    if depth == 0 or (ulp is not None and ulp <= goal):
        return ulp
    middle = (low + high) / 2
    worst = 0.0
    for a, b in ((low, middle), (middle, high)):
        part = _box_ulp(analyzer, a, b, fmt, goal, depth - 1)
        if part is None or part > goal:
            return part
        worst = max(worst, part)
    return worst


def _undivided(
    analyzer: Analyzer, low: Fraction, high: Fraction, fmt: FloatFormat
) -> float | None:
    try:
        value = analyzer.run(low, high)
    except (OverflowRiskError, ArithmeticError, ValueError):
        return None
    if not value.exact.is_finite() or value.exact.contains(0):
        return None
    least = to_fraction(value.exact.abs_lower())
    exponent = max(floor_log2(least), fmt.emin)
    error = value.error
    if value.exact.abs_upper() < 2.0**fmt.emin and value.carried is not None:
        error = value.carried  # it may be flushed
    unit = Fraction(2) ** fmt.ulp_exponent(exponent)
    return float(error.abs_upper()) / float(unit) * (1 + 1e-9)
