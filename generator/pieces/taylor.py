"""Taylor models: a polynomial in balls plus a proved remainder."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from dataclasses import replace
from fractions import Fraction
from functools import cache

import sympy
from flint import arb
from flint import arb_poly
from flint import ctx

from ..analysis.analyticity import Disc
from ..analysis.analyticity import prove_disc
from ..errors import NotProvedError
from ..errors import SingularityError
from ..numbers.floats import to_arb
from ..numbers.jets import derivative_coefficient
from ..numbers.jets import jet
from ..program.bounds import Truncation

PRECISION = 320  # bits of the balls: 53 + the cancellation of a fit
RATIOS = (2, 3, 4, 6, 8, 12)  # radius tried, in half widths


@dataclass(frozen=True)
class TaylorModel:
    """f^(order) on |x - center| <= half_width.

    ``|f^(k)(x) - sum c[n] (x - center)**n| <= remainder`` there, by
    Cauchy's estimate on the circle of `disc`.
    """

    center: Fraction
    half_width: Fraction
    order: int
    coefficients: tuple[arb, ...]
    exact: tuple[Fraction | None, ...]
    remainder: arb
    disc: Disc

    def __call__(self, y: arb) -> arb:
        """The polynomial at ``x - center = y``."""
        total = arb(0)
        for value in reversed(self.coefficients):
            total = total * y + value
        return total

    def negated(self) -> TaylorModel:
        """The model of -f^(order)."""
        with ctx.workprec(PRECISION):  # even a negation rounds in arb
            return replace(
                self,
                coefficients=tuple(-c for c in self.coefficients),
                exact=tuple(None if c is None else -c for c in self.exact),
            )


@cache
def _jet(
    expr: sympy.Expr, center: Fraction, terms: int
) -> tuple[tuple[arb, ...], tuple[Fraction | None, ...]]:
    series, exact = jet(expr, center, terms)
    if series.valuation < 0:
        raise SingularityError(
            f"Pole of order {-series.valuation} at {center}."
        )
    values = [0] * series.valuation + list(series.coefficients)
    values = values[:terms]
    if not exact:
        return tuple(arb(v) for v in values), (None,) * len(values)
    rational = [
        Fraction(int(v.p), int(v.q)) if v != 0 else Fraction(0) for v in values
    ]
    return tuple(to_arb(v) for v in rational), tuple(rational)


@cache
def _disc(
    expr: sympy.Expr,
    variable: sympy.Symbol,
    center: Fraction,
    radius: Fraction,
    points: tuple[Fraction, ...],
) -> Disc | None:
    try:
        return prove_disc(expr, variable, center, radius, points)
    except NotProvedError:
        return None


def taylor_model(
    expr: sympy.Expr,
    variable: sympy.Symbol,
    points: tuple[Fraction, ...],
    center: Fraction,
    half_width: Fraction,
    order: int,
    bits: int,
) -> TaylorModel:
    """The model of the `order`-th derivative, good to `bits` bits.

    Raises:
        NotProvedError: no disc of twice the half width is analytic.
    """
    with ctx.workprec(PRECISION):
        return _model(expr, variable, points, center, half_width, order, bits)


def _model(
    expr: sympy.Expr,
    variable: sympy.Symbol,
    points: tuple[Fraction, ...],
    center: Fraction,
    half_width: Fraction,
    order: int,
    bits: int,
) -> TaylorModel:
    best: tuple[int, Disc] | None = None
    for ratio in RATIOS:
        disc = _disc(expr, variable, center, ratio * half_width, points)
        if disc is None:
            break
        size = max(float(disc.maximum.log()), -700.0) / math.log(2)
        # A twentieth of the radius is given up to bound the derivative.
        terms = (bits + size + 6 * order) / math.log2(ratio * 0.95)
        if best is None or terms < best[0]:
            best = max(4, math.ceil(terms)), disc
    if best is None:
        raise NotProvedError(
            f"No disc about {center} of radius {RATIOS[0] * half_width} is "
            f"proved analytic."
        )
    terms, disc = best
    values, exact = _jet(expr, center, terms + order)
    shrunk = disc.radius * Fraction(19, 20) if order else disc.radius
    maximum = disc.maximum
    if order:
        gap = to_arb(disc.radius - shrunk)
        maximum = maximum * math.factorial(order) / gap**order
    ratio_ball = to_arb(half_width / shrunk)
    remainder = maximum * ratio_ball**terms / (1 - ratio_ball)
    shifted = derivative_coefficient(list(values), order)
    known = [
        None if v is None else v * math.perm(n, order)
        for n, v in enumerate(exact)
    ][order:]
    return TaylorModel(
        center,
        half_width,
        order,
        tuple(shifted[:terms]),
        tuple(known[:terms]),
        remainder.abs_upper(),
        disc,
    )


def difference_cells(
    model: TaylorModel,
    polynomial: dict[int, Fraction],
    low: Fraction,
    high: Fraction,
    power: int,
    cells: int = 64,
) -> Truncation:
    """Bounds of ``|p - f| / |y|**power`` for y in [low, high].

    Both sides are polynomials with balls for coefficients up to the
    remainder; their difference is expanded about the middle of each of
    `cells` subintervals.
    """
    with ctx.workprec(PRECISION):
        size = max(len(model.coefficients), max(polynomial) + 1)
        difference = []
        for n in range(size):
            value = to_arb(polynomial.get(n, Fraction(0)))
            if n < len(model.coefficients):
                value = value - model.coefficients[n]
            difference.append(value)
        if any(not v.is_zero() for v in difference[:power]):
            raise NotProvedError("The lead of the polynomial is not exact.")
        difference = difference[power:]
        whole = arb_poly(difference)
        reach = to_arb(max(abs(low), abs(high)))
        # |R(y)| / |y|**power = sum |a_n| |y|**(n - power) over n >= terms
        # grows with |y|, so the end of the interval bounds it.
        remainder = (model.remainder / reach**power).abs_upper()
        edges = [low + (high - low) * k / cells for k in range(cells + 1)]
        deltas = []
        for left, right in itertools.pairwise(edges):
            mid, radius = to_arb((left + right) / 2), to_arb((right - left) / 2)
            shifted = whole(arb_poly([mid, 1]))
            height = remainder
            for power_of_radius, value in enumerate(shifted.coeffs()):
                height += value.abs_upper() * radius**power_of_radius
            deltas.append(height.abs_upper())
        return Truncation(model.center, tuple(edges), tuple(deltas), power)
