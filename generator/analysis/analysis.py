"""Stage 2: what is hard about f."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import sympy

from ..errors import GeneratorError
from ..errors import NotProvedError
from ..errors import SingularityError
from ..formula.spec import Spec
from ..numbers.jets import Laurent
from ..numbers.jets import jet
from .tails import Tail
from .tails import tail

SHOWN_TERMS = 8


@dataclass(frozen=True)
class RemovablePoint:
    """A point where the formula fails and f has a limit.

    Attributes:
        point: where.
        value: the limit, exact where rational.
        series: the Taylor series of the filled-in function, for people.
    """

    point: Fraction
    value: sympy.Expr
    series: str


@dataclass(frozen=True)
class Symmetry:
    """``f(-x) = constant + sign * f(x)``, proved by algebra.

    sign 1 and constant 0: even; sign -1: odd about (0, constant / 2).
    """

    sign: int
    constant: Fraction

    def derivative(self) -> Symmetry:
        """The symmetry of f'."""
        return Symmetry(-self.sign, Fraction(0))

    def __str__(self) -> str:
        if self.sign == 1:
            return "f(-x) = f(x)"
        return (
            f"f(x) + f(-x) = {self.constant}"
            if self.constant
            else "f(-x) = -f(x)"
        )


@dataclass(frozen=True)
class Analysis:
    """What the later stages need to know of f, and what people ask.

    Attributes:
        spec: f.
        removable: points filled in.
        symmetry: about 0, or None.
        tails: f at -oo and +oo, None where no closed tail was found.
        orders: f and its first ``orders - 1`` derivatives are wanted.
    """

    spec: Spec
    removable: tuple[RemovablePoint, ...]
    symmetry: Symmetry | None
    tails: tuple[Tail | None, Tail | None]
    orders: int

    @property
    def points(self) -> tuple[Fraction, ...]:
        """The removable points."""
        return tuple(r.point for r in self.removable)


def analyse(spec: Spec, orders: int = 3) -> Analysis:
    """The `Analysis` of f and its first `orders` - 1 derivatives.

    Raises:
        SingularityError: a pole or branch point inside the domain.
        GeneratorError: a kind of function this engine has no means for.
    """
    removable = tuple(_removable(spec, p) for p in _suspects(spec))
    tails = _tail(spec, -1), _tail(spec, 1)
    return Analysis(
        spec,
        removable,
        _symmetry(*tails),
        tails,
        orders,
    )


def _suspects(spec: Spec) -> list[Fraction]:
    """Real zeros of denominators and of arguments of log, in the domain."""
    x = spec.variable
    bases = set()
    for node in sympy.preorder_traversal(spec.expr):
        if node.is_Pow and node.exp.is_negative:
            bases.add(node.base)
        elif node.func in (sympy.coth, sympy.cot):
            bases.add(node.args[0])
    found: set[Fraction] = set()
    interval = sympy.Interval(*spec.domain)
    for base in bases:
        if not base.has(x):
            continue
        roots = sympy.solveset(base, x, interval)
        if roots is sympy.EmptySet:
            continue
        if not isinstance(roots, sympy.FiniteSet) or not all(
            r.is_Rational for r in roots
        ):
            raise GeneratorError(
                f"Zeros of a denominator: expected finitely many rational "
                f"ones, received {roots} for {base}."
            )
        found |= {Fraction(int(r.p), int(r.q)) for r in roots}
    return sorted(found)


def _removable(spec: Spec, point: Fraction) -> RemovablePoint:
    try:
        series, exact = jet(spec.expr, point, SHOWN_TERMS)
    except SingularityError as error:
        raise SingularityError(
            f"At {spec.variable} = {point}: {error}"
        ) from None
    if series.valuation < 0:
        raise SingularityError(
            f"Pole of order {-series.valuation} at {spec.variable} = {point}, "
            f"inside the domain of {spec.text!r}: not removable."
        )
    value = sympy.S.Zero
    if series.valuation == 0:
        lead = series.coefficients[0]
        value = (
            sympy.Rational(int(lead.p), int(lead.q))
            if exact
            else sympy.Float(str(lead.mid()))
        )
    return RemovablePoint(point, value, _show(series, point, spec.variable))


def _show(series: Laurent, point: Fraction, x: sympy.Symbol) -> str:
    y = f"{x}" if point == 0 else f"({x} - {point})"
    terms = []
    for k, value in enumerate(series.coefficients):
        power = series.valuation + k
        if value != 0:
            factor = "" if power == 0 else y if power == 1 else f"{y}**{power}"
            terms.append(f"{value}" + (f" {factor}" if factor else ""))
    return " + ".join(terms).replace("+ -", "- ") + " + ..."


def _tail(spec: Spec, side: int) -> Tail | None:
    if spec.domain[0 if side < 0 else 1] != side * sympy.oo:
        return None
    try:
        return tail(spec.expr, spec.variable, side, 0)
    except NotProvedError:
        return None


def _symmetry(left: Tail | None, right: Tail | None) -> Symmetry | None:
    """From the exact rational functions of t and e on both sides."""
    if left is None or right is None or left.rate != right.rate:
        return None
    if sympy.cancel(left.whole - right.whole) == 0:
        return Symmetry(1, Fraction(0))
    constant = sympy.cancel(left.whole + right.whole)
    if constant.is_Rational:
        return Symmetry(-1, Fraction(int(constant.p), int(constant.q)))
    return None
