"""`expand`: the expansion of a formula at a place."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import sympy
from flint import arb

from ..errors import NotProvedError
from .entire import index_of
from .evaluate import evaluate
from .expansion import Expansion
from .floats import to_arb
from .frame import Frame
from .frame import ScaleNeededError
from .rooted import rooted
from .series import Chart
from .series import OneSidedError
from .series import RootNeededError
from .series import Series
from .series import upper
from .special import order_of
from .special_series import gamma_expansion
from .special_series import inverse_expansion


class ExpansionAlgebra:
    """The numbers of `evaluate`: expansions in one frame."""

    def __init__(self, frame: Frame, x: Expansion) -> None:
        self.frame, self.x = frame, x

    def variable(self) -> Expansion:
        return self.x

    def rational(self, value: Fraction) -> Expansion:
        return Expansion.number(self.frame, value)

    def constant(self, name: str) -> Expansion:
        value = arb.pi() if name == "pi" else arb.const_e()
        return Expansion.number(self.frame, value)

    def add(self, a: Expansion, b: Expansion) -> Expansion:
        return a + b

    def mul(self, a: Expansion, b: Expansion) -> Expansion:
        return a * b

    def power(self, a: Expansion, exponent: Fraction) -> Expansion:
        return a.power(exponent)

    def function(self, name: str, a: Expansion) -> Expansion:
        if name == "Abs":
            return a.absolute()
        if name == "sign":
            return Expansion.number(self.frame, Fraction(a.sign()))
        k = index_of(name)
        if k is not None:
            return rooted(a, k)
        order = order_of(name)
        if order is not None:
            return gamma_expansion(order, a)
        if name in ("erfinv", "erfcinv"):
            return inverse_expansion(name, a)
        if name not in ("exp", "log", "sin", "cos", "atan", "erf", "erfc"):
            raise NotProvedError(f"no expansion of {name} is known")
        result: Expansion = getattr(a, name)()
        return result


@dataclass(frozen=True)
class Place:
    """Where to expand.

    Attributes:
        point: the point; None for infinity.
        side: +1 for x above the point (or +oo), -1 below, 0 both.
        root: q, where w**q is the distance, or w**-q is |x|.
    """

    point: arb | Fraction | None
    side: int
    root: int = 1


def expand(
    expr: sympy.Expr, place: Place, distance: arb, terms: int, least: arb
) -> tuple[Expansion, Place]:
    """The expansion of `expr` valid up to `distance` from the place.

    Args:
        expr: over the primitives of `evaluate.to_primitives`.
        distance: the largest distance, or the least |x| at infinity.
        least: the least distance of a float (1/max at infinity).

    Raises:
        NotProvedError: it is not valid that far.
        NotRealError: there is none.
    """
    exponent: dict[int, Fraction] = {}
    scale = arb(1)
    for _ in range(8):
        q = place.root
        reach = distance if place.point is not None else 1 / distance
        nearest = arb(least)
        if q > 1:
            reach, nearest = reach.root(q), nearest.root(q)
        radius = upper(reach)
        chart = Chart(radius, terms, place.side == 0, arb(nearest.lower()))
        small = arb(0)
        if exponent:
            g = sum(
                (to_arb(c) / radius**p for p, c in exponent.items()), arb(0)
            )
            g *= scale
            if not g > 0:
                raise NotProvedError("the exponential is not small here")
            small = upper((-g).exp())
        frame = Frame(chart, exponent, scale, small)
        try:
            x = _variable(frame, place)
            return evaluate(expr, ExpansionAlgebra(frame, x)), place
        except RootNeededError as error:
            if place.side == 0:
                raise OneSidedError("a root has a branch point here") from None
            place = Place(place.point, place.side, q * error.degree)
            exponent = {p * error.degree: c for p, c in exponent.items()}
            if place.root > 12:
                raise NotProvedError("roots too deep") from None
        except ScaleNeededError as error:
            if place.side == 0:
                raise OneSidedError("an essential singularity") from None
            exponent, scale = error.exponent, error.scale
    raise NotProvedError("no chart was found")


def _variable(frame: Frame, place: Place) -> Expansion:
    side = place.side or 1
    if place.point is None:
        one = Series.monomial(frame.chart, side, -place.root)
        return Expansion.of(frame, one)
    step = Series.monomial(frame.chart, side, place.root)
    point = Expansion.number(frame, place.point)
    return point + Expansion.of(frame, step)
