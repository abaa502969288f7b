"""Plans in words, for somebody who wants to know why each number is there."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

import sympy

from ..formula.derivative import derivative
from ..formula.spec import Spec
from ..formula.spec import make_spec
from ..numbers.evaluate import to_primitives
from ..numbers.floats import FloatFormat
from ..numbers.formats import FORMATS
from ..pieces.closed import ClosedForm
from ..pieces.cover import Cover
from ..pieces.plan import Plan
from ..pieces.plan import narrowed_bound
from ..pieces.powers import PowerRow
from ..pieces.rows import Row
from ..text import at_most
from .phrases import WIDTH
from .phrases import Said
from .phrases import closed_text
from .phrases import end_text
from .phrases import headed
from .phrases import piece_text
from .phrases import power_text
from .phrases import real
from .phrases import run_text
from .phrases import wrapped

METHODS = {
    "rows": "Local polynomials: Taylor models with relative remainders "
    "(Chevillard, Harrison, Joldes and Lauter 2011), shortened by Chebyshev "
    "economization (Mason and Handscomb, section 6.4), the leading "
    "coefficient apart from the small rest; roundoff by running error "
    "analysis (Higham, section 5.1).",
    "zeros": "About a simple zero slope * (x - c) leads; x - c is split in "
    "two (Dekker 1971), so that this product is exact.",
    "powers": "About a zero at 0, or a multiple one, d**m and its product "
    "with the leading coefficient are pairs of floats (Dekker 1971); d is the "
    "distance.",
    "ends": "Ends: one-scale transseries with rigorous remainders (formally "
    "as in Salvy and Shackell 1999); the leading numbers in pairs of floats "
    "(Joldes, Muller and Popescu 2017).",
    "forms": "Closed forms: the formula rewritten (conjugates, common "
    "denominators, exp(-t) as a variable), used where running error analysis "
    "in balls (Higham, section 3.3) holds the goal and the whole plan gets "
    "cheaper.",
    "closed": "Closed forms in exp(-|x|) and minimax polynomials (Remez; "
    "coefficients rounded one by one as in Brisebarre and Chevillard 2007); "
    "roundoff by running error analysis in balls (Higham, section 3.3).",
}


def explain(
    spec_text: str,
    domain: tuple[str, str],
    plans: Sequence[Plan | Cover],
    formats: Mapping[str, FloatFormat] = FORMATS,
) -> str:
    """What f is and how each plan computes it, in at most 80 columns.

    Args:
        formats: the bounds of those computed in a plan's are stated too.

    Example:
        >>> plan = derive(make_spec("(exp(x)-1)/x", "exprel"), "float32")
        >>> print(explain("(exp(x)-1)/x", ("-oo", "oo"), [plan]))
    """
    spec = make_spec(spec_text, domain=domain)
    low, high = (str(end) for end in spec.domain)
    where = f"{low} {_less(low)} x {_less(high)} {high}"
    if (low, high) == ("-oo", "oo"):
        where = "all real x"
    said: list[Said | str] = [Said(f"f(x) = {spec_text}", 0, 4)]
    clipped = any(isinstance(p, Cover) and p.outside == "clip" for p in plans)
    said += [
        f"domain: {where}{', x is clipped to it' if clipped else ''}",
        "",
    ]
    used = [key for key in METHODS if any(_uses(p, key) for p in plans)]
    for key in used:
        said += wrapped(METHODS[key], 0, 2)
    said += [""] if used else []
    said += wrapped(
        "A piece reaches as far as its proved bound (truncation and roundoff "
        "together) stays below the goal of its plan, with a polynomial of "
        "limited degree; there, at a short number, the next begins. Bounds "
        "are in ulp of the exact value, rounded up.",
        0,
        0,
    )
    for plan in sorted(plans, key=lambda p: (p.order, p.dtype)):
        title, *pieces = pieces_of(spec, plan, formats)
        said += ["", title, "=" * WIDTH, *pieces]
    lines: list[str] = []
    for part in said:
        lines += [part] if isinstance(part, str) else part.lines()
    return "\n".join(lines) + "\n"


def pieces_of(
    spec: Spec,
    plan: Plan | Cover,
    formats: Mapping[str, FloatFormat] = FORMATS,
) -> list[Said]:
    """One plan: its title, what is said of it, its pieces along the line."""
    expr = derivative(spec.expr, spec.variable, plan.order)
    if isinstance(plan, Cover):
        pieces = [*_cover(plan, to_primitives(expr)), *_wide(plan)]
    else:
        pieces = _plan(plan)
    return [*_title(plan, formats), *pieces]


def _less(end: str) -> str:
    return "<" if "oo" in end else "<="


def _uses(plan: Plan | Cover, key: str) -> bool:
    if isinstance(plan, Plan):
        return key == "closed"
    return {
        "rows": bool(plan.rows),
        "zeros": any(r.slope for r in plan.rows),
        "powers": bool(plan.powers),
        "ends": bool(plan.ends),
        "forms": bool(plan.closed),
        "closed": False,
    }[key]


def _many(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def _title(
    plan: Plan | Cover, formats: Mapping[str, FloatFormat]
) -> list[Said]:
    prime = "f" + "'" * plan.order
    if isinstance(plan, Cover):
        count = len(plan.rows) + len(plan.powers) + len(plan.ends)
        count += len(plan.closed)
    else:
        count = len(plan.pieces)
    text = f"{prime} in {plan.dtype}: {_many(count, 'piece')}"
    lines = headed(text, plan.ulp, 0)
    narrow = [
        f"{at_most(narrowed_bound(plan.ulp, fmt), 4)} in {name}"
        for name, fmt in formats.items()
        if fmt.compute == plan.dtype and name != plan.dtype
    ]
    if narrow:
        lines += wrapped(f"Rounded once more: {', '.join(narrow)}.", 0, 0)
    return lines


def _wide(plan: Cover) -> list[Said]:
    """What is computed in float64 instead, where that is at hand."""
    wide = plan.wide
    if wide is None:
        return []
    lines = headed("On a CPU: in float64, then rounded", wide.ulp, 2)
    if len(wide.formulas) == 1:
        lines += wrapped(f"f = {wide.formulas[0]}", 6, 8)
    else:
        for sign, text in zip("<>", wide.formulas, strict=True):
            lines += wrapped(f"x {sign} 0: {text}, t = |x|", 6, 8)
    for piece in wide.near:
        lines += wrapped(
            f"|x - {float(piece.center):g}| < {float(piece.radius):.3g}: a "
            f"polynomial, {_many(len(piece.coefficients), 'coefficient')}",
            6,
            8,
        )
    return lines


def _is_left(closed: ClosedForm, plan: Cover) -> bool:
    """Whether it lies on the left of the rows."""
    if closed.side < 0:
        return True
    inner = [r.low for r in plan.rows] + [p.low for p in plan.powers]
    return closed.signed and closed.high <= min(inner, default=closed.low)


def _cover(plan: Cover, expr: sympy.Expr) -> list[Said]:
    prime = "f" + "'" * plan.order
    t = "|x|" if plan.parity else "x"
    lines = wrapped(
        {
            0: f"No symmetry is known of {prime}: the pieces lie along x.",
            1: f"{prime} is even: the pieces lie along |x|.",
            -1: f"{prime} is odd: the pieces lie along |x|, the sign of x "
            "is put back at the end.",
        }[plan.parity],
        0,
        0,
    )
    # Along the line: what comes in from the left, the middle, the right.
    for form in plan.ends:
        if (form.point is None) == (form.side < 0):
            lines += end_text(form, t)
    for closed in plan.closed:
        if _is_left(closed, plan):
            lines += closed_text(closed, t)
    middle: list[Row | PowerRow] = [*plan.rows, *plan.powers]
    run: list[Row] = []
    for piece in sorted(middle, key=lambda p: p.low):
        if isinstance(piece, PowerRow) or (run and piece.low != run[-1].high):
            lines += run_text(run, t, expr, plan)
            run = []
        if isinstance(piece, PowerRow):
            lines += power_text(piece, t, expr, plan)
        else:
            run.append(piece)
    lines += run_text(run, t, expr, plan)
    for closed in plan.closed:
        if not _is_left(closed, plan):
            lines += closed_text(closed, t)
    for form in plan.ends:
        if (form.point is None) == (form.side > 0):
            lines += end_text(form, t)
    low = None if plan.parity else plan.low
    outside = [f"{t} < {real(low)}"] if low is not None else []
    outside += [f"{t} > {real(plan.high)}"] if plan.high is not None else []
    if outside:
        lines += wrapped(f"{' or '.join(outside)}: nan.", 2, 6)
    return lines


def _plan(plan: Plan) -> list[Said]:
    prime = "f" + "'" * plan.order
    if plan.fold.sign > 0:
        text = f"{prime} is even"
    elif not plan.fold.constant:
        text = f"{prime} is odd"
    else:
        text = f"{prime}(x) + {prime}(-x) = {plan.fold.constant}"
    lines = wrapped(
        f"{text}: the first piece takes x itself, the others |x|; what is "
        "computed there is the branch of x < 0, and folded for x > 0.",
        0,
        0,
    )
    for piece in plan.pieces:
        lines += piece_text(piece, piece is plan.near)
    return lines
