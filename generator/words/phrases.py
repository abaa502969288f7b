"""Single pieces in words."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import sympy
from flint import arb
from flint import ctx

from ..numbers.evaluate import BallAlgebra
from ..numbers.evaluate import evaluate
from ..numbers.floats import FloatFormat
from ..numbers.floats import floor_log2
from ..numbers.floats import to_arb
from ..numbers.formats import FORMATS
from ..pieces.closed import ClosedForm
from ..pieces.cover import Cover
from ..pieces.end_formula import end_formula
from ..pieces.end_kinds import AnyEnd
from ..pieces.end_kinds import ExponentialEnd
from ..pieces.end_kinds import FloatEnd
from ..pieces.end_kinds import LogEnd
from ..pieces.end_search import distances
from ..pieces.plan import Piece
from ..pieces.powers import PowerRow
from ..pieces.rows import Row
from ..text import at_most

WIDTH = 79
MOST = 40  # special rows that are listed one by one


@dataclass(frozen=True)
class Said:
    """A paragraph.

    Attributes:
        first, rest: how far its lines are indented: 0 of a plan, 2 what
            begins a piece, 6 what is said of it.
        ulp: a bound that stands at its right margin.
    """

    text: str
    first: int
    rest: int
    ulp: float | None = None

    @property
    def bound(self) -> str:
        return "" if self.ulp is None else f"<= {at_most(self.ulp)} ulp"

    def lines(self) -> list[str]:
        """In at most `WIDTH` columns."""
        bound = self.bound
        lines = textwrap.wrap(
            self.text,
            WIDTH - (len(bound) + 2 if bound else 0),
            initial_indent=" " * self.first,
            subsequent_indent=" " * self.rest,
            break_on_hyphens=False,
        )
        if bound:
            lines[-1] = lines[-1].ljust(WIDTH - len(bound)) + bound
        return lines


def wrapped(text: str, first: int, rest: int) -> list[Said]:
    return [Said(text, first, rest)]


def headed(text: str, ulp: float, indent: int) -> list[Said]:
    """With the bound at the right margin, on the last line."""
    return [Said(text, indent, indent + 4, ulp)]


def real(value: Fraction | float, digits: int = 9) -> str:
    number = float(value)
    if math.isinf(number):
        return "oo" if number > 0 else "-oo"
    return f"{number:.{digits}g}"


def _span(low: float, high: float) -> str:
    a, b = f"{low:.3g}", f"{high:.3g}"
    return a if a == b else f"{a} to {b}"


def _is_filled(expr: sympy.Expr, center: Fraction, fmt: FloatFormat) -> bool:
    """Whether the formula itself fails at, or a float beside, the center."""
    exponent = fmt.ulp_exponent(floor_log2(center)) if center else -4000
    with ctx.workprec(300):
        near = to_arb(center) + arb(0, arb((1, exponent)))
        try:
            return not evaluate(expr, BallAlgebra(near)).is_finite()
        except (ArithmeticError, ValueError):
            return True


def run_text(
    rows: Sequence[Row], t: str, expr: sympy.Expr, plan: Cover
) -> Iterator[Said]:
    """Adjoining rows, all together; then the special ones among them."""
    if not rows:
        return
    fmt = FORMATS[plan.dtype]
    special = []
    for row in rows:
        if row.slope:
            special.append(_zero(row, t))
        elif _is_filled(expr, row.center, fmt):
            special.append(
                f"{_between(row, t)}, degree {row.degree}: about the "
                f"removable point {real(row.center)}, with the value "
                f"{real(row.lead)} filled in"
            )
    worst = max(r.ulp for r in rows)
    head = f"{real(rows[0].low)} <= {t} <= {real(rows[-1].high)}: "
    if len(rows) == 1:
        head += "a local polynomial"
    else:
        head += f"{len(rows)} local polynomials"
    yield from headed(head, worst, 2)
    widths = [float(r.high - r.low) for r in rows]
    degrees = [r.degree for r in rows]
    text = (
        f"{'Width' if len(rows) == 1 else 'Widths'} "
        f"{_span(min(widths), max(widths))}, degree "
        f"{_span(min(degrees), max(degrees))}, bounds "
        f"{at_most(min(r.ulp for r in rows))} to {at_most(worst)}."
    )
    if len(rows) == 1:
        text = f"Degree {degrees[0]}."
    prime = "f" + "'" * plan.order
    if len(special) < len(rows):
        text += f" {prime} is regular and not 0" + (
            " except:" if special else " here."
        )
    yield from wrapped(text, 6, 6)
    if len(special) > MOST:
        left = len(special) - MOST // 2
        special = [*special[: MOST // 2], f"... and {left} more alike"]
    for line in special:
        yield from wrapped(line, 6, 10)


def _between(piece: Row | PowerRow, t: str) -> str:
    return f"{real(piece.low)} <= {t} <= {real(piece.high)}"


def _zero(row: Row, t: str) -> str:
    text = f"{_between(row, t)}, degree {row.degree}: "
    if not row.rest[0]:
        return text + f"simple zero at {real(row.center)}"
    step = -row.rest[0] / row.slope
    side = "above" if step > 0 else "below"
    return (
        text + f"simple zero between floats, {real(abs(step), 2)} {side} "
        f"{real(row.center)}"
    )


def power_text(
    piece: PowerRow, t: str, expr: sympy.Expr, plan: Cover
) -> Iterator[Said]:
    at = real(piece.center)
    kind = {1: "simple", 2: "double", 3: "triple"}.get(piece.order, "")
    what = f"{kind} zero" if kind else f"zero of order {piece.order}"
    yield from headed(f"{_between(piece, t)}: {what} at {at}", piece.ulp, 2)
    d = t if not piece.center else "d"
    power = f"{d}**{piece.order}" if piece.order > 1 else d
    text = (
        f"{power} ({real(piece.factor)} + small polynomial of degree "
        f"{piece.degree}). "
    )
    if piece.offset != (0, 0):
        text += "The zero is no float; d is a pair. "
    if _is_filled(expr, piece.center, FORMATS[plan.dtype]):
        text += f"{at} is a removable point: the formula fails there. "
    size = d if d == "|x|" else f"|{d}|"
    text += (
        f"Where {size} < {real(piece.edges[0])} it is scaled by "
        f"2**{piece.scales[0]} first."
    )
    if len(piece.edges) > 1:
        text += (
            f" Where {size} >= {real(piece.edges[1])} it is scaled by "
            f"2**{piece.scales[2]}."
        )
    yield from wrapped(text, 6, 6)


def closed_text(piece: ClosedForm, t: str) -> Iterator[Said]:
    x = t if piece.side > 0 else f"-{t}"
    where = f"{real(piece.low)} <= {x} <= {real(piece.high)}"
    yield from headed(f"{where}: closed form", piece.ulp, 2)
    named = "" if piece.signed else f" with t = {x}"
    yield from wrapped(f"{piece.formula}{named}", 6, 10)
    if piece.truncation:
        text = (
            f"f but for {piece.truncation:.2g} of it, terms that fall like "
            "an exponential."
        )
    else:
        text = "Equal to f in exact arithmetic, so its bound is roundoff alone."
    if piece.is_carried:
        count = len(piece.pairs) + len(piece.rounded)
        text += (
            f" {count} of its {len(piece.program.statements)} values are "
            "carried with what their rounding lost."
        )
    yield from wrapped(text, 6, 6)


def end_text(form: AnyEnd, t: str) -> Iterator[Said]:
    infinite = form.point is None
    at = "infinity" if form.point is None else real(form.point)
    if form.point is None:
        bound = real(form.side * form.bound)
        x = t if form.side > 0 else "x"
        where = f"{x} {'>=' if form.side > 0 else '<='} {bound}"
        at = at if t == "|x|" or form.side > 0 else "-infinity"
    else:
        ends = sorted((form.point, form.point + form.side * form.bound))
        less = ("<=", "<") if form.side > 0 else ("<", "<=")
        where = f"{real(ends[0])} {less[0]} {t} {less[1]} {real(ends[1])}"
    yield from headed(f"{where}: expansion at {at}", form.ulp, 2)
    if form.point is not None:
        point = real(abs(form.point))
        minus = "-" if form.point > 0 else "+"
        d = f"{t} {minus} {point}" if form.point else t
        if form.side < 0:
            d = f"{real(form.point)} - {t}"
        yield from wrapped(f"{end_formula(form)} with t = {d}", 6, 10)
    else:
        formula = end_formula(form)
        if form.side > 0:
            formula = formula.replace("|x|", t)
        yield from wrapped(formula, 6, 10)
    if isinstance(form, LogEnd):
        yield from wrapped(
            f"no expansion in powers and exponentials: {len(form.rows)} local "
            "polynomials in the logarithm, itself a pair of floats",
            6,
            10,
        )
        return
    text = ""
    factors = (form.factor,) if isinstance(form, FloatEnd) else form.factors
    degrees = [
        f"P_{j} has degree {len(f.rest) - 1}"
        for j, f in enumerate(factors)
        if len(f.rest) > 1
    ]
    if degrees:
        text += f"{', '.join(degrees)}. "
    first = form.bound == distances(form.point, form.side)[0]
    border = real(form.side * form.bound if infinite else form.bound)
    text += f"From {x} = {border} on" if infinite else f"Within {border} of it"
    text += (
        " its bound is below the goal"
        + (", as near in as any is tried. " if first and infinite else ". ")
        + f"{form.note[0].upper()}{form.note[1:]}. "
    )
    text += _limit(form, t, at)
    yield from wrapped(text, 6, 6)


def _limit(form: AnyEnd, t: str, at: str) -> str:
    limit = real(form.limit)
    if isinstance(form, ExponentialEnd) and form.point is None:
        cut = real(form.side * form.cut)
        more = ">" if form.side > 0 else "<"
        return (
            f"For {t} {more} {cut}, where exp has left the range of the "
            f"format by far, the result is the limit {limit}."
        )
    if form.cut and form.point is not None:
        return f"Nearer to {at} than {real(form.cut)} it is {limit}."
    return f"At {at} itself the result is the limit {limit}."


def piece_text(piece: Piece, near: bool) -> Iterator[Said]:
    low, high = real(piece.low), real(piece.high or math.inf)
    where = f"{low} <= |x|" + ("" if piece.high is None else f" < {high}")
    if near:
        where = f"|x| < {high}"
    yield from headed(f"{where}: {piece.kind}", piece.ulp, 2)
    yield from wrapped(piece.formula, 6, 10)
    a, b = (real(w, 6) for w in piece.worst)
    yield from wrapped(
        f"{piece.proof[0].upper()}{piece.proof[1:]}. Roundoff "
        f"{piece.roundoff:.3f} of the bound, worst near {_span_text(a, b)}.",
        6,
        6,
    )


def _span_text(a: str, b: str) -> str:
    return a if a == b else f"{a} to {b}"
