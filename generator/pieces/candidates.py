"""Stage 3: ways to compute f on an interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import sympy
from flint import arb
from flint import ctx

from ..errors import NotProvedError
from ..numbers.floats import FloatFormat
from ..numbers.floats import floor_log2
from ..numbers.floats import to_arb
from ..numbers.floats import to_fraction
from ..numbers.minimax import Shape
from ..numbers.minimax import fit
from ..numbers.minimax import shape_of
from ..program.bounds import Truncation
from ..program.program import Const
from ..program.program import Expr
from ..program.program import Program
from ..program.program import Var
from ..program.program import horner
from .taylor import PRECISION
from .taylor import TaylorModel
from .taylor import difference_cells
from .taylor import taylor_model

MAX_TERMS = 24  # coefficients of one piece; beyond, the interval is split
BUDGET = 1 / 16  # of an ulp for the truncation error, at most
CENTERS = 1024  # floats tried for a center where f is nearly a float


@dataclass(frozen=True)
class Candidate:
    """One way to compute f^(k), and what is proved of it.

    Attributes:
        kind: "series", "closed" or "constant".
        program: the operations, over the coordinate ``program.input``.
        truncation: proved bound of |program - f| in exact arithmetic.
        formula: what the program is, for people.
        proof: how the truncation bound was established.
    """

    kind: str
    program: Program
    truncation: Truncation
    formula: str
    proof: str


def _float_lead(shape: Shape, fmt: FloatFormat) -> bool:
    return all(fmt.round(c) == c for _, c in shape.lead)


def _ulp_weight(
    model: TaylorModel, fmt: FloatFormat, mirrored: bool
) -> Callable[[arb], arb]:
    """1 / ulp(f), with ulp smoothed to 2**(1-p) |f|.

    A piece on both sides of its center is judged by the smaller |f|.
    """
    scale = to_arb(Fraction(2) ** (fmt.precision - 1))

    def weight(y: arb) -> arb:
        size = abs(model(y)).mid()
        if mirrored:
            size = size.min(abs(model(-y)).mid())
        return scale / size

    return weight


def series_candidate(
    model: TaylorModel,
    low: Fraction,
    high: Fraction,
    fmt: FloatFormat,
    coordinate: str,
    symmetric: bool,
) -> Candidate | None:
    """A minimax polynomial on [low, high] (on ±[0, high] if symmetric).

    None where no polynomial of `MAX_TERMS` terms is within `BUDGET`.
    """
    exact = [
        None if c is None and not model.coefficients[n].is_zero() else c
        for n, c in enumerate(model.exact)
    ]
    shape = shape_of(exact[:12]) if symmetric else Shape((), 0, 1)
    if not _float_lead(shape, fmt):
        shape = Shape((), min(p for p, _ in shape.lead), 1)
    center = model.center
    y_low, y_high = low - center, high - center
    fit_low = Fraction(0) if symmetric and shape.stride == 2 else y_low
    lead = dict(shape.lead)

    def target(y: arb) -> arb:
        value = model(y)
        for power, c in lead.items():
            value = value - to_arb(c) * y**power
        return value

    weight = _ulp_weight(model, fmt, symmetric)
    for count in range(2, MAX_TERMS + 1):
        found = fit(target, weight, shape, fit_low, y_high, count, fmt, BUDGET)
        if found is not None:
            break
    else:
        return None
    polynomial = dict(lead)
    for k, c in enumerate(found.coefficients):
        polynomial[shape.power + k * shape.stride] = c
    truncation = difference_cells(model, polynomial, y_low, y_high, shape.power)
    program = _polynomial_program(coordinate, center, shape, found.coefficients)
    disc = model.disc
    proof = (
        f"analytic in |x - {_short(disc.center)}| < {_short(disc.radius)} "
        f"(argument principle, {disc.arcs} arcs"
        + (
            f", removable at {', '.join(_short(p) for p in disc.points)}"
            if disc.points
            else ""
        )
        + f"), |f| <= {float(disc.maximum):.3g} there; Taylor polynomial of "
        f"{len(model.coefficients)} terms, Cauchy remainder <= "
        f"{float(model.remainder):.2g}"
    )
    return Candidate(
        "series",
        program,
        truncation,
        _describe(shape, len(found.coefficients), center, coordinate),
        proof,
    )


def _short(value: Fraction) -> str:
    return f"{float(value):.6g}"


def _describe(shape: Shape, count: int, center: Fraction, name: str) -> str:
    y = name if center == 0 else "s"
    inner = y if shape.stride == 1 else f"{y}**{shape.stride}"
    text = f"P({inner})"
    if shape.power:
        factor = y if shape.power == 1 else f"{y}**{shape.power}"
        text = f"{factor} * {text}"
    for power, c in shape.lead:
        text = f"{c}{f' * {y}**{power}' if power else ''} + {text}"
    degree = count - 1
    if center != 0:
        text += f", s = {name} - {_short(center)}"
    return f"{text}, minimax P of degree {degree}"


def _polynomial_program(
    name: str,
    center: Fraction,
    shape: Shape,
    coefficients: tuple[Fraction, ...],
) -> Program:
    statements: list[tuple[str, Expr]] = []
    x: Expr = Var(name)
    y = name
    if center != 0:
        sign = x - Const(center) if center > 0 else x + Const(-center)
        statements.append(("s", sign))
        y = "s"
    inner = y
    if shape.stride > 1:
        power: Expr = Var(y)
        for _ in range(shape.stride - 1):
            power = power * Var(y)
        inner = "w"
        statements.append((inner, power))
    statements += horner(list(coefficients), inner, "p")
    result: Expr = Var("p")
    for _ in range(shape.power):
        result = Var(y) * result
    for power_of_lead, c in shape.lead:
        if power_of_lead:
            raise NotProvedError("A lead of positive power is not rendered.")
        result = Const(c) + result
    if result != Var("p"):
        statements.append(("p", result))
    return Program(name, tuple(statements))


def near_model(
    expr: sympy.Expr,
    variable: sympy.Symbol,
    points: tuple[Fraction, ...],
    center: Fraction,
    half_width: Fraction,
    order: int,
    fmt: FloatFormat,
) -> TaylorModel:
    """The Taylor model a piece about `center` is fitted and proved with."""
    return taylor_model(
        expr, variable, points, center, half_width, order, fmt.precision + 24
    )


def good_center(
    model: TaylorModel, low: Fraction, high: Fraction, fmt: FloatFormat
) -> Fraction:
    """A float near the middle at which f is very nearly a float.

    The constant term of the local polynomial is then exact to a small
    fraction of an ulp (Gal's accurate tables, ACM TOMS 17 (1991) 26-45).
    """
    with ctx.workprec(PRECISION):
        return _good_center(model, low, high, fmt)


def _good_center(
    model: TaylorModel, low: Fraction, high: Fraction, fmt: FloatFormat
) -> Fraction:
    middle = fmt.round((low + high) / 2)
    unit = Fraction(2) ** fmt.ulp_exponent(floor_log2(high))
    # Coarse steps keep x - center exact and spread the values of f.
    best, best_distance = middle, Fraction(1)
    step = unit * 7
    for k in range(CENTERS):
        place = middle + step * (k if k % 2 else -k)
        exact = to_fraction(model(to_arb(place - model.center)))
        ulp = Fraction(2) ** fmt.ulp_exponent(floor_log2(exact))
        distance = abs(exact - fmt.round(exact)) / ulp
        if distance < best_distance:
            best, best_distance = place, distance
    return best
