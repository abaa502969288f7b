"""Plans in words: which piece is where, why, and how far off it can be."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from fractions import Fraction

from .cover import Cover
from .derive import AnyPlan
from .emit import end_formula
from .ends import EndForm
from .plan import Plan
from .powers import PowerRow
from .rows import Row

WIDTH = 78
METHOD = (
    "Method: every piece starts from a Taylor model or an expansion of the "
    "formula with a rigorous remainder (Chevillard, Harrison, Joldes and "
    "Lauter, 2011), is economized and rounded, and its rounding errors are "
    "bounded by running error analysis (Higham, Accuracy and Stability, "
    "section 3.3); leading terms far out and about zeros at 0 are computed "
    "in pairs of floats (Dekker, 1971)."
)


def explain(
    expression: str, domain: tuple[str, str], plans: Sequence[AnyPlan]
) -> str:
    """The plans of one function as plain text, 78 columns wide.

    Example:
        >>> spec = make_spec("log(1+x)/x", "rel", ("-1", "oo"))
        >>> plan = derive(spec, "float32", 0)
        >>> print(explain(spec.text, ("-1", "oo"), [plan]))
    """
    left = "(" if domain[0] == "-oo" else "["
    right = ")" if domain[1] == "oo" else "]"
    lines = [
        f"f(x) = {expression} on {left}{domain[0]}, {domain[1]}{right}",
        "",
        *textwrap.wrap(METHOD, WIDTH),
    ]
    for plan in plans:
        primes = "'" * plan.order
        lines += ["", f"f{primes} in {plan.dtype}: within {plan.ulp:.3f} ulp"]
        body = _cover(plan) if isinstance(plan, Cover) else _closed(plan)
        for item in body:
            lines += textwrap.wrap(
                item,
                WIDTH,
                initial_indent="  - ",
                subsequent_indent="    ",
                break_on_hyphens=False,
            )
    return "\n".join(lines) + "\n"


def _number(value: Fraction) -> str:
    return f"{float(value):.9g}"


def _cover(plan: Cover) -> list[str]:
    name = "|x|" if plan.parity else "x"
    out = []
    if plan.parity:
        kind = "even" if plan.parity > 0 else "odd"
        out.append(
            f"f{chr(39) * plan.order} is {kind}, by exact algebra: only "
            "|x| is computed with"
            + (", the sign is put back at the end." if plan.parity < 0 else ".")
        )
    pieces: list[tuple[float, str]] = []
    pieces += [(_place(e), _end(e)) for e in plan.ends]
    pieces += [(float(p.low), _power(p, name)) for p in plan.powers]
    pieces += _rows(plan.rows, name)
    out += [text for _, text in sorted(pieces, key=lambda item: item[0])]
    if plan.low is not None and not plan.parity:
        out.append(f"Below {_number(plan.low)} the result is nan.")
    if plan.high is not None:
        out.append(f"Where {name} > {_number(plan.high)} the result is nan.")
    return out


def _place(form: EndForm) -> float:
    if form.point is None:
        return form.side * float("inf")
    return float(form.point)


def _end(form: EndForm) -> str:
    formula = end_formula(form)
    if form.point is None:
        compare = ">=" if form.side > 0 else "<= -"
        where = f"x {compare}{' ' if form.side > 0 else ''}" + _number(
            form.bound
        )
        why = (
            f"an expansion at {'+' if form.side > 0 else '-'}infinity; what "
            "it leaves out is below a fraction of an ulp from there on, and "
            "nearer in it is not"
        )
        last = f"|x| > {_number(form.cut)}"
    else:
        point = _number(form.point)
        away = f"x + {point[1:]}" if form.point < 0 else f"x - {point}"
        away = away if form.point else "x"
        where = f"|{away}| < {_number(form.bound)}, t = |{away}|"
        why = f"f is singular at {point}: its singular factor is split off"
        last = f"x = {point}"
    how = "one float throughout" if form.simple else "leading terms in pairs"
    return (
        f"{where}: {formula}. Why: {why}. {how[0].upper()}{how[1:]}, "
        f"<= {form.ulp:.3f} ulp; the limit {form.limit:g} for {last}."
    )


def _power(piece: PowerRow, name: str) -> str:
    order = {1: "simple", 2: "double", 3: "triple"}.get(
        piece.order, f"{piece.order}-fold"
    )
    between = ", which lies between two floats" if piece.offset[0] else ""
    factor = f"({name} - c)" if piece.center else name
    factor += f"**{piece.order}" if piece.order > 1 else ""
    center = f", c = {_number(piece.center)}" if piece.center else ""
    return (
        f"{_number(piece.low)} <= {name} < {_number(piece.high)}: "
        f"{factor} times a polynomial of degree {piece.degree}{center}. "
        f"Why: a {order} zero of f{between}; the power is computed in pairs "
        f"of floats, so that the result is relatively exact down to the last "
        f"float, <= {piece.ulp:.3f} ulp."
    )


def _rows(rows: Sequence[Row], name: str) -> list[tuple[float, str]]:
    """Runs of regular rows together, rows about a zero one by one."""
    out: list[tuple[float, str]] = []
    run: list[Row] = []

    def close() -> None:
        if run:
            out.append((float(run[0].low), _run(run, name)))
            run.clear()

    for row in rows:
        if row.slope:
            close()
            out.append(
                (
                    float(row.low),
                    f"{_number(row.low)} <= {name} < {_number(row.high)}: "
                    f"polynomial of degree {row.degree} about "
                    f"{_number(row.center)}. Why: f has a simple zero next "
                    "to that float; it is expanded there, so x - c is exact "
                    f"and f keeps its digits, <= {row.ulp:.3f} ulp.",
                )
            )
        else:
            if run and run[-1].high != row.low:
                close()
            run.append(row)
    close()
    return out


def _run(run: Sequence[Row], name: str) -> str:
    widths = [float(r.high - r.low) for r in run]
    degrees = sorted({r.degree for r in run})
    degree = (
        f"degree {degrees[0]}"
        if len(degrees) == 1
        else f"degree {degrees[0]} to {degrees[-1]}"
    )
    count = (
        "one local polynomial"
        if len(run) == 1
        else f"{len(run)} local polynomials, {min(widths):.3g} to "
        f"{max(widths):.3g} wide, found by index,"
    )
    return (
        f"{_number(run[0].low)} <= {name} < {_number(run[-1].high)}: {count} "
        f"of {degree}. Why: f is analytic there once it is filled in and has "
        "no zero; each is as wide as its bound allows, "
        f"<= {max(r.ulp for r in run):.3f} ulp."
    )


def _closed(plan: Plan) -> list[str]:
    out = []
    for piece in plan.pieces:
        high = "" if piece.high is None else f" < {_number(piece.high)}"
        out.append(
            f"{_number(piece.low)} <= |x|{high}: {piece.formula} "
            f"({piece.kind}). Why: {piece.proof}; <= {piece.ulp:.3f} ulp, "
            f"{piece.roundoff:.3f} of it roundoff."
        )
    fold = plan.fold
    how = (
        "the same value"
        if fold.sign > 0
        else f"{fold.constant} minus the value"
        if fold.constant
        else "minus the value"
    )
    out.append(f"For x > 0 outside the first piece: {how} at -x.")
    return out
