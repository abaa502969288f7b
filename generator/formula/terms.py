"""Tensors of a function that is read: numbers and truth values.

Each number is kept twice: as it is meant, and literally, with a symbol for
what each guard gives; the two are compared at floats, in balls.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from itertools import product
from typing import Any

import sympy
from flint import arb
from flint import ctx

from ..numbers.evaluate import evaluate
from ..numbers.floats import to_arb
from .exact import Balls

X = sympy.Symbol("x", real=True)


class Point:
    """One x, and what expressions are there.

    Attributes:
        bits: of the balls.
        known: the values of symbols other than the variable.
    """

    def __init__(self, x: Fraction, bits: int) -> None:
        self.x, self.bits = x, bits
        self.known: dict[sympy.Expr, arb] = {}

    def value(self, expr: sympy.Expr) -> arb:
        """Of an expression; nan where it is none."""
        with ctx.workprec(self.bits):
            try:
                algebra = _Signs(to_arb(self.x))
                return evaluate(expr, algebra, self.known)
            except (ArithmeticError, ValueError, AttributeError):
                return arb("nan")


class _Signs(Balls):
    """The sign of 0 is 0."""

    def function(self, name: str, a: Any) -> Any:
        if name == "sign" and a.is_zero():
            return arb(0)
        return super().function(name, a)


MOST_ABS = 4  # of which the signs are tried
MOST_DEGREE = 8  # of polynomials whose roots are asked for
DIGITS = 20


@dataclass(frozen=True)
class Term:
    """A tensor: as it is meant, and as it is computed."""

    meant: sympy.Expr
    literal: sympy.Expr

    @property
    def is_number(self) -> bool:
        return bool(self.meant.is_number)


def both(make: Callable[..., sympy.Expr], *terms: Term) -> Term:
    """What an operation makes of tensors."""
    meant = make(*(t.meant for t in terms))
    if all(t.meant is t.literal for t in terms):
        return Term(meant, meant)
    return Term(meant, make(*(t.literal for t in terms)))


@dataclass(frozen=True)
class Truth:
    """A tensor of truth values.

    Attributes:
        kind: a comparison, "and", "or", "not", or "nan", "finite", "inf".
        parts: what it is of, terms or truths.
    """

    kind: str
    parts: tuple[Any, ...]

    def holds(self, at: Point) -> bool | None:
        """At a point; None where that is not certain."""
        if self.kind in ("and", "or", "not"):
            found = [part.holds(at) for part in self.parts]
            if None in found:
                return None
            if self.kind == "not":
                return not found[0]
            return all(found) if self.kind == "and" else any(found)
        values = [at.value(part.literal) for part in self.parts]
        if self.kind in ("nan", "finite"):
            # What is not finite in exact arithmetic is 0/0 or the like.
            return values[0].is_finite() == (self.kind == "finite")
        if self.kind == "inf":
            return False
        if not all(value.is_finite() for value in values):
            return None
        gap = values[0] - values[1]
        for sign, kinds in (
            (gap.is_zero(), ("<=", ">=", "==")),
            (gap > 0, (">", ">=", "!=")),
            (gap < 0, ("<", "<=", "!=")),
        ):
            if sign:
                return self.kind in kinds
        return None

    def share(self) -> sympy.Expr:
        """1 where it holds and 0 where not, but for single points."""
        if self.kind in ("and", "or", "not"):
            shares = [part.share() for part in self.parts]
            if self.kind == "not":
                return 1 - shares[0]
            p, q = shares
            return p * q if self.kind == "and" else p + q - p * q
        fixed = {"==": 0, "!=": 1, "nan": 0, "finite": 1, "inf": 0}
        if self.kind in fixed:
            return sympy.Integer(fixed[self.kind])
        u = self.parts[0].meant - self.parts[1].meant
        sign = sympy.sign(u if self.kind in (">", ">=") else -u)
        return (1 + sign) / 2

    def is_clear(self) -> bool:
        """Whether it is decided but for single points.

        abs(x) == x holds on an interval, and so may what has a sign or a
        maximum in it; a logarithm or a root may be nan on one.
        """
        if self.kind in ("and", "or", "not"):
            return all(part.is_clear() for part in self.parts)
        if self.kind in ("nan", "finite", "inf"):
            return not any(_may_be_nan(part.meant) for part in self.parts)
        found = list(_branches(self.parts[0].meant - self.parts[1].meant))
        return bool(found) and not any(sympy.expand(u) == 0 for u in found)

    def numbers(self) -> set[Fraction]:
        """The numbers that it compares with, and where they are met."""
        found: set[Fraction] = set()
        if self.kind in ("<", "<=", ">", ">=", "==", "!="):
            found |= meets(self.parts[0].meant - self.parts[1].meant)
        for part in self.parts:
            if isinstance(part, Truth):
                found |= part.numbers()
            elif part.meant.is_Rational:
                found.add(Fraction(int(part.meant.p), int(part.meant.q)))
        return found


def difference(one: arb, two: arb) -> float:
    """Of two numbers, relative to the larger one."""
    size = abs(one) if abs(one) > abs(two) else abs(two)
    return 0.0 if size == 0 else float((abs(one - two) / size).mid())


def _branches(expr: sympy.Expr) -> Iterator[sympy.Expr]:
    """Without absolute values; nothing of what is flat in other ways."""
    if expr.has(sympy.sign, sympy.Max, sympy.Min, sympy.Piecewise):
        return
    nodes = sorted(expr.atoms(sympy.Abs), key=str)
    for signs in product((1, -1), repeat=min(len(nodes), MOST_ABS)):
        inner = [s * n.args[0] for s, n in zip(signs, nodes, strict=False)]
        yield expr.xreplace(dict(zip(nodes, inner, strict=False)))


def meets(expr: sympy.Expr) -> set[Fraction]:
    """Where a polynomial of the argument is 0, to a float or so.

    And half way between: a patch may agree where it begins, and not within.
    """
    found: set[Fraction] = set()
    for u in _branches(expr):
        symbols = u.free_symbols
        if len(symbols) != 1 or not u.is_polynomial(*symbols):
            continue
        poly = sympy.Poly(u, *symbols)
        if not 0 < poly.degree() <= MOST_DEGREE:
            continue
        if not (poly.domain.is_ZZ or poly.domain.is_QQ):
            continue
        for root in poly.real_roots():
            near = sympy.Rational(root.evalf(DIGITS))
            exact = root if root.is_Rational else near
            found.add(Fraction(int(exact.p), int(exact.q)))
    return found | {(a + b) / 2 for a, b in pairwise(sorted(found))}


def _may_be_nan(expr: sympy.Expr) -> bool:
    return any(
        isinstance(node, (sympy.log, sympy.asin, sympy.acos, sympy.acosh))
        or (node.is_Pow and node.exp.is_Rational and node.exp.q != 1)
        for node in sympy.preorder_traversal(expr)
    )
