"""The table of plans, for terminals and for Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping

from rich.table import Table

from ..numbers.floats import FloatFormat
from ..numbers.formats import FORMATS
from ..pieces.cover import AnyPlan
from ..pieces.cover import Cover
from ..pieces.end_kinds import AnyEnd
from ..pieces.plan import Plan
from ..pieces.plan import narrowed_bound
from ..program.program import Op
from ..text import shown_bound

COLUMNS = (
    "function",
    "order",
    "dtype",
    "pieces",
    "degrees",
    "thresholds, ends",
    "proved ulp",
)


def rows(
    plans: Iterable[AnyPlan], formats: Mapping[str, FloatFormat] = FORMATS
) -> list[tuple[str, ...]]:
    """One row for each function, order and format, the narrow ones too."""
    by_key = {(p.name, p.dtype, p.order): p for p in plans}
    orders = sorted({order for _, _, order in by_key})
    found: list[tuple[str, ...]] = []
    for name in dict.fromkeys(n for n, _, _ in by_key):
        for dtype, fmt in formats.items():
            for order in orders:
                plan = by_key.get((name, fmt.compute, order))
                if plan is not None:
                    bound = shown_bound(narrowed_bound(plan.ulp, fmt))
                    found.append(
                        (
                            name,
                            str(order),
                            dtype,
                            *_summary(plan),
                            f"{bound:.4f}",
                        )
                    )
    return found


def _summary(plan: AnyPlan) -> tuple[str, str, str]:
    """Pieces, degrees and thresholds."""
    if isinstance(plan, Cover):
        degrees = [r.degree for r in plan.rows]
        degrees += [r.degree for r in plan.powers]
        ends = [_end(e) for e in plan.ends]
        degree = max(degrees, default=0)
        return (
            str(len(degrees) + len(ends) + len(plan.closed)),
            f"<= {degree}",
            ", ".join(ends) or "none",
        )
    return (
        str(len(plan.pieces)),
        _degrees(plan),
        ", ".join(f"{float(s):g}" for s in plan.seams),
    )


def _end(form: AnyEnd) -> str:
    if form.point is None:
        sign = "" if form.side > 0 else "-"
        return f"{'>' if form.side > 0 else '<'} {sign}{float(form.bound):g}"
    return f"within {float(form.bound):g} of {float(form.point):g}"


def _degrees(plan: Plan) -> str:
    """Degrees of the polynomials; "exp" for a closed form."""
    return ", ".join(
        "exp" if p.kind == "closed" else str(_degree(p.program.statements))
        for p in plan.pieces
    )


def _degree(statements: Iterable[tuple[str, object]]) -> int:
    """Horner steps: additions of a constant to a product."""
    return sum(
        1
        for name, value in statements
        if name == "p"
        and isinstance(value, Op)
        and value.name == "add"
        and isinstance(value.args[0], Op)
    )


def table(
    plans: Iterable[AnyPlan], formats: Mapping[str, FloatFormat] = FORMATS
) -> Table:
    """The rows as a rich table."""
    view = Table(title="Pieces and proved bounds")
    for column in COLUMNS:
        view.add_column(column, justify="right" if "ulp" in column else "left")
    for row in rows(plans, formats):
        view.add_row(*row)
    return view


def bounds_markdown(plans: Iterable[AnyPlan]) -> str:
    """Bounds by function, for docs/ops.md; narrow formats in one line."""
    plans = list(plans)
    orders = sorted({p.order for p in plans})
    wide = [d for d, f in FORMATS.items() if f.compute == d]
    heads = [f"{d} f{chr(39) * k}" for d in wide for k in orders]
    lines = [
        "| `ks.ops.` | " + " | ".join(heads) + " |",
        "|---|" + "---|" * len(heads),
    ]
    worst: dict[str, float] = {}
    for name in dict.fromkeys(p.name for p in plans):
        mine = {(p.dtype, p.order): p for p in plans if p.name == name}
        cells = []
        for dtype in wide:
            for order in orders:
                plan = mine[dtype, order]
                cells.append(f"{shown_bound(plan.ulp)}")
                for narrow, fmt in FORMATS.items():
                    if fmt.compute == dtype != narrow:
                        bound = shown_bound(narrowed_bound(plan.ulp, fmt))
                        worst[narrow] = max(worst.get(narrow, 0.0), bound)
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    rest = ", ".join(f"{d} {b}" for d, b in worst.items())
    return "\n".join(lines) + f"\n\nEvery row, every order: {rest}.\n"
