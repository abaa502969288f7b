"""Stage 5: Python source from plans alone; the template only lays out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from .. import plain
from ..lowering.emit import cover_text
from ..lowering.emit import kernel_text
from ..lowering.lines import comment
from ..numbers.floats import FloatFormat
from ..numbers.formats import FORMATS
from ..numbers.literals import number
from ..pieces.cover import AnyPlan
from ..pieces.cover import Cover
from ..pieces.lookup import FEW
from ..pieces.plan import Fold
from ..pieces.plan import Piece
from ..pieces.plan import Plan
from ..pieces.plan import max_ulp_of
from ..pieces.plan import narrowed_bound
from ..pieces.sound import require_sound
from ..pieces.sound import require_sound_format
from ..program.program import Expr
from ..program.program import Op
from ..program.program import Program
from ..program.program import Var
from ..program.program import renamed
from ..text import shown_bound
from .templates import environment
from .templates import formatted


@dataclass(frozen=True)
class Source:
    """A rendered module.

    Attributes:
        name: of the function and of the module.
        text: the whole file, formatted.
    """

    name: str
    text: str


@dataclass(frozen=True)
class _Body:
    function: str
    title: str
    tables: list[str]
    lines: list[str]


def render(
    expression: str,
    domain: tuple[str, str],
    summary: str,
    plans: Sequence[AnyPlan],
    tidy: bool = True,
    formats: Mapping[str, FloatFormat] = FORMATS,
) -> Source:
    """The module with every plan of one function.

    It is safe by itself: every field of the plans is checked, and every
    text, whoever made them.

    Args:
        formats: those it serves, if computed in one that has a plan.
        tidy: format it, for people.

    Raises:
        GeneratorError: a plan, a format or a text holds what cannot be
            written as a number, a name or plain text.
    """
    for given in plans:
        require_sound(given)
    name = plans[0].name
    by_key = {(p.dtype, p.order): p for p in plans}
    orders = sorted({p.order for p in plans})
    planned = sorted({p.dtype for p in plans}, key=list(FORMATS).index)
    served = {d: f for d, f in formats.items() if f.compute in planned}
    for d, f in served.items():
        plain.name(d, "name of a format")
        require_sound_format(f)
    needs: set[str] = set()
    bodies = []
    for dtype in planned:
        for order in orders:
            plan = by_key.get((dtype, order))
            if isinstance(plan, Cover):
                last = order == orders[-1]
                bodies.append(_cover_body(plan, needs, last))
            elif plan is not None:
                low = _shared_low(by_key.values(), dtype)
                bodies.append(_body(plan, low))
    text = (
        environment()
        .get_template("module.py.j2")
        .render(
            name=name,
            expression=expression,
            domain=domain,
            summary=textwrap.wrap(plain.text(summary, "summary"), 76),
            bodies=bodies,
            needs=needs,
            few=FEW,
            kernels={
                k: kernel_text(k, planned) for k in ("log", "exp") if k in needs
            },
            table={
                dtype: [
                    _function(name, order, dtype)
                    for order in orders
                    if (dtype, order) in by_key
                ]
                for dtype in planned
            },
            computes={d: f.compute for d, f in served.items()},
            storages={d: f.storage for d, f in served.items()},
            roundings={
                d: {
                    k: str(v) if isinstance(v, int) else number(v)
                    for k, v in steps.items()
                }
                for d, f in served.items()
                if (steps := f.rounding(FORMATS[f.compute]))
            },
            bounds={
                d: [
                    shown_bound(narrowed_bound(by_key[f.compute, order].ulp, f))
                    for order in orders
                    if (f.compute, order) in by_key
                ]
                for d, f in served.items()
            },
        )
    )
    return Source(name, formatted(text) if tidy else text)


def _function(name: str, order: int, dtype: str) -> str:
    return f"{name}_{order}_{dtype}"


def _prime(order: int) -> str:
    return "f" + "'" * order if order < 4 else f"f^({order})"


def _shared_low(plans: Iterable[AnyPlan], dtype: str) -> Fraction:
    """Where the first closed tail of the tower begins.

    All closed tails are clipped there, further in than their own seams, so
    that f, f' and f'' have one exponential in common; they are finite
    wherever one of them is used.
    """
    return min(
        p.far[-1].low for p in plans if isinstance(p, Plan) and p.dtype == dtype
    )


def _title(plan: AnyPlan) -> str:
    return (
        f"{_prime(plan.order)} in {plan.dtype}, proved within "
        f"{shown_bound(plan.ulp)} ulp."
    )


def _cover_body(plan: Cover, needs: set[str], last: bool) -> _Body:
    function = _function(plan.name, plan.order, plan.dtype)
    text = cover_text(plan, function, last)
    needs |= text.needs
    return _Body(function, _title(plan), text.tables, text.lines)


def _body(plan: Plan, shared_low: Fraction) -> _Body:
    lines = ["t = ops.abs(x)", *_near_text(plan, plan.near)]
    for k, piece in enumerate(plan.far, 1):
        low = shared_low if piece.kind == "closed" else piece.low
        lines += _far_text(plan, k, piece, low)
    return _Body(
        _function(plan.name, plan.order, plan.dtype),
        _title(plan),
        [],
        [*lines, "", *_choice(plan)],
    )


def _near_text(plan: Plan, piece: Piece) -> list[str]:
    assert piece.high is not None
    edge = number(piece.high)
    code = [f"x0 = ops.clip(x, -{edge}, {edge})"]
    code += _statements(piece.program, {"x": "x0"}, 0, plan.dtype)
    return [
        "",
        *_comment(plan, piece, f"|x| < {number(piece.high, 'float64')}"),
        *code,
    ]


def _far_text(
    plan: Plan, index: int, piece: Piece, clip_low: Fraction
) -> list[str]:
    t = f"t{index}"
    interval = f"{number(piece.low, 'float64')} <= |x|"
    if piece.high is None:
        # A little below the seam: where the piece is taken its input is
        # strictly above, so no gradient is split at a tie.  Exact in
        # float32, to which torch rounds it for float64 too.
        low = number(clip_low - clip_low / 2**20)
        value = _bounded("t", "maximum", low, plan.dtype)
    else:
        # A polynomial is finite on all of [0, high].
        value = _bounded("t", "minimum", number(piece.high), plan.dtype)
        interval += f" < {number(piece.high, 'float64')}"
    code = [f"{t} = {value}"]
    code += _statements(piece.program, {"t": t}, index, plan.dtype)
    return ["", *_comment(plan, piece, interval), *code]


def _statements(
    program: Program, names: dict[str, str], index: int, dtype: str
) -> list[str]:
    """The program's statements, its names made the piece's own."""
    lines = []
    names = dict(names)
    for target, value in program.statements[:-1]:
        text = _show(value, names, dtype)
        names[target] = f"{target}{index}"
        lines.append(f"{names[target]} = {text}")
    text = _show(program.statements[-1][1], names, dtype)
    return [*lines, f"y{index} = {text}"]


def _bounded(name: str, operation: str, end: str, dtype: str) -> str:
    """minimum or maximum of a nonnegative value and a number.

    On torch both make float32 of float64 (Keras 3.15); clip does not, but
    costs twice as much, so it is kept for the formats that need it.
    """
    if dtype == "float32":
        return f"ops.{operation}({name}, {end})"
    if operation == "minimum":
        return f"ops.clip({name}, 0.0, {end})"
    return f'ops.clip({name}, {end}, float("inf"))'


def _show(node: Expr, names: dict[str, str], dtype: str) -> str:
    if isinstance(node, Op) and node.name == "minimum":
        value, end = node.args
        assert isinstance(value, Var)
        return _bounded(names[value.name], "minimum", str(end), dtype)
    return str(renamed(node, names))


def _comment(plan: Plan, piece: Piece, interval: str) -> list[str]:
    text = (
        f"{interval}: {piece.formula}. {piece.proof[0].upper()}"
        f"{piece.proof[1:]}. Truncation + roundoff <= "
        f"{piece.ulp - piece.roundoff:.3f} + {piece.roundoff:.3f} = "
        f"{piece.ulp:.3f} <= {max_ulp_of(plan.order):g} ulp."
    )
    return comment(text)


def _choice(plan: Plan) -> list[str]:
    last = len(plan.far)
    lines, y = [], f"y{last}"
    for k in range(last - 1, 0, -1):
        high = plan.far[k - 1].high
        assert high is not None
        lines.append(f"y = ops.where(t < {number(high, 'float64')}, y{k}, {y})")
        y = "y"
    unfolded = _unfold(plan.fold, y, plan.dtype)
    if unfolded:
        lines += unfolded
        y = "y"
    assert plan.near.high is not None
    edge = number(plan.near.high)
    lines.append(f"return ops.where(t < {edge}, y0, {y})")
    return lines


def _unfold(fold: Fold, y: str, dtype: str) -> list[str]:
    """``constant - y`` for x > 0 and y itself elsewhere, by arithmetic.

    The factor is exactly -1 or 1 and the term exactly the constant or 0,
    so only the subtraction rounds.  A `where` would use y twice, which
    costs XLA one more pass over memory.
    """
    if fold.sign > 0:
        return []
    mirrored = f"(1.0 - 2.0 * up) * {y}"
    if fold.constant == 1:
        mirrored = f"up + {mirrored}"
    elif fold.constant:
        mirrored = f"{number(fold.constant, 'float64')} * up + {mirrored}"
    return [f'up = ops.cast(x > 0, "{dtype}")', f"y = {mirrored}"]
