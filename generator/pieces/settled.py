"""What is left of f far out, where exponentials hardly matter.

f(t) = F(t, E), E = exp(-c t), F analytic at E = 0.  The first terms of its
Taylor series in E are a form of their own; what they leave out is bounded by
Taylor's theorem, the next derivative enclosed on boxes of t and [0, E].
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import sympy

from ..program.spans import Real
from ..program.spans import Span
from ..program.spans import real
from .spellings import HYPERBOLIC
from .spellings import MOST_WORK
from .spellings import E
from .spellings import T
from .spellings import rate_of
from .spellings import split_logs

MOST_ORDER = 4  # of the first term
# From box to box: near, where sums in t may cancel, and beyond.
STEP, FAR_STEP, FAR = 17 / 16, 2.0, 2.0**10


@dataclass(frozen=True)
class Settled:
    """f(t) = E**order * (start(t, E) + E**terms * rest(t, e)), 0 <= e <= E.

    Attributes:
        head: the first of these, as a function of t alone.
        rate: c of E = exp(-c t).
    """

    head: sympy.Expr
    start: sympy.Expr
    rest: sympy.Expr
    terms: int
    rate: Fraction

    def left_out(self, low: Fraction, high: Fraction) -> float:
        """The most of |f / head - 1|; infinite if it is not known."""
        edges = [float(low)]
        while edges[-1] < high:
            step = STEP if edges[-1] < FAR else FAR_STEP
            edges.append(min(edges[-1] * step, float(high)))
        ends = np.array(edges).astype(Real)
        t = Span(ends[:-1], ends[1:])
        rate = real(self.rate) * np.ones_like(t.low)
        small = (-(Span.wide(rate, rate) * t)).exp()
        top = Span(small.high, small.high)
        box = {T: t, E: Span(0 * t.low, small.high)}
        with np.errstate(all="ignore"):
            known: dict[sympy.Expr, Span] = {}
            start, rest = (
                _enclosed(e, box, known) for e in (self.start, self.rest)
            )
            found = Span(0 * t.low, rest.size) / Span(start.least, start.size)
            for _ in range(self.terms):
                found = found * top
            most = float(np.nan_to_num(found.high, nan=np.inf).max())
        return most * (1 + 2 * most)


def settled(expr: sympy.Expr, terms: int) -> Settled | None:
    """So many terms in E, if f is analytic in it and the first is not 0."""
    expr = expr.rewrite(HYPERBOLIC, sympy.exp)
    if not expr.has(sympy.exp) or sympy.count_ops(expr) > MOST_WORK:
        return None
    c = rate_of(expr)
    if c is None:
        return None
    table = {
        node: E ** (-node.args[0] / T / c) for node in expr.atoms(sympy.exp)
    }
    inner = expr.xreplace(table)
    rational = inner.is_rational_function(T, E)
    if rational:
        inner = sympy.cancel(inner)
    elif inner.has(sympy.log):
        inner = split_logs(inner, c)
    if any(E in power.base.free_symbols and not power.exp.is_Integer
             for power in inner.atoms(sympy.Pow)):  # fmt: skip
        return None
    found: list[sympy.Expr] = []
    order, derived = 0, inner
    while len(found) < terms:
        c_k = derived.xreplace({E: sympy.Integer(0)}) / sympy.factorial(order)
        if not c_k.is_finite and c_k.has(sympy.nan, sympy.zoo, sympy.oo):
            return None
        c_k = sympy.factor(c_k)
        if found or c_k != 0:
            found.append(c_k)
        elif order == MOST_ORDER:
            return None
        derived = sympy.diff(derived, E)
        if rational:
            derived = sympy.cancel(derived)
        order += 1
    first = order - terms
    start = sum((c_k * E**k for k, c_k in enumerate(found)), sympy.Integer(0))
    head = sympy.factor(start * E**first)
    if head == sympy.factor(inner):
        return None
    rest = derived / sympy.factorial(order)
    small = sympy.exp(-c * T)
    rate = Fraction(int(c.p), int(c.q))
    return Settled(head.xreplace({E: small}), start, rest, terms, rate)


def _enclosed(
    expr: sympy.Expr,
    box: dict[sympy.Symbol, Span],
    known: dict[sympy.Expr, Span],
) -> Span:
    """Over boxes; all there is where nothing is known."""
    if expr not in known:
        known[expr] = _made(expr, box, known)
    return known[expr]


def _made(
    expr: sympy.Expr,
    box: dict[sympy.Symbol, Span],
    known: dict[sympy.Expr, Span],
) -> Span:
    one = np.ones_like(box[T].low)
    if expr.is_Symbol:
        return box[expr]
    if expr.is_Rational:
        value = real(Fraction(int(expr.p), int(expr.q))) * one
        return Span.wide(value, value)
    everything = Span(-np.inf * one, np.inf * one)
    if expr.is_number:
        value = Real(str(sympy.N(expr, 30))) if expr.is_real else Real("nan")
        return Span.wide(value * one, value * one)
    args = [_enclosed(a, box, known) for a in expr.args]
    if expr.is_Add or expr.is_Mul:
        made = args[0]
        for other in args[1:]:
            made = made + other if expr.is_Add else made * other
        return made
    if expr.is_Pow and expr.exp.is_Integer:
        power = args[0]
        n = int(expr.exp)
        for _ in range(abs(n) - 1):
            power = power * args[0]
        return power if n > 0 else Span(one, one) / power
    for kind, way in ((sympy.log, Span.log), (sympy.exp, Span.exp)):
        if isinstance(expr, kind):
            return way(args[0])
    return everything
