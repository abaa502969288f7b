"""The body of a `Plan`: a piece about 0 in x, the others in |x|."""

from __future__ import annotations

from fractions import Fraction

from ..numbers.floats import floor_log2
from ..numbers.literals import number
from ..pieces.plan import Fold
from ..pieces.plan import Piece
from ..pieces.plan import Plan
from ..pieces.plan import max_ulp_of
from ..program.program import Const
from ..program.program import Expr
from ..program.program import Op
from ..program.program import Program
from ..program.program import Var
from ..program.program import renamed
from .body import Assign
from .body import Body
from .body import Compare
from .body import Note
from .body import Number
from .body import Word
from .body import assign
from .body import ops

Statements = list[Assign | Note]
T, X, Y = Var("t"), Var("x"), Var("y")


def lower_plan(plan: Plan) -> Body:
    """The statements of a plan of closed forms."""
    found: Statements = [assign("t", ops("abs", X)), *_near(plan, plan.near)]
    for k, piece in enumerate(plan.far, 1):
        found += _far(plan, k, piece)
    chosen, result = _choice(plan)
    return Body(
        plan.name,
        plan.order,
        plan.dtype,
        plan.ulp,
        (),
        (*found, *chosen),
        result,
    )


def _near(plan: Plan, piece: Piece) -> Statements:
    assert piece.high is not None
    edge = Const(piece.high)
    return [
        _note(plan, piece, f"|x| < {edge}"),
        assign("x0", ops("clip", X, Const(-piece.high), edge)),
        *_statements(piece.program, {"x": "x0"}, 0, plan.dtype),
    ]


def _far(plan: Plan, index: int, piece: Piece) -> Statements:
    t = f"t{index}"
    interval = f"{number(piece.low)} <= |x|"
    if piece.high is None:
        # Below the seam: where the piece is taken its input is strictly
        # above, so no gradient is split at a tie.  A power of two below the
        # first piece's end: f, f' and f'' clip there alike, and compilers
        # take one exponential for all.
        assert plan.near.high is not None
        low = Fraction(2) ** floor_log2(plan.near.high)
        value = _bounded(T, "maximum", low, plan.dtype)
    else:
        # A polynomial is finite on all of [0, high].
        value = _bounded(T, "minimum", piece.high, plan.dtype)
        interval += f" < {number(piece.high)}"
    return [
        _note(plan, piece, interval),
        assign(t, value),
        *_statements(piece.program, {"t": t}, index, plan.dtype),
    ]


def _statements(
    program: Program, names: dict[str, str], index: int, dtype: str
) -> Statements:
    """The program's statements, its names made the piece's own."""
    found: Statements = []
    names = dict(names)
    last = len(program.statements) - 1
    for k, (target, value) in enumerate(program.statements):
        own = _held(value, names, dtype)
        names[target] = f"y{index}" if k == last else f"{target}{index}"
        found.append(assign(names[target], own))
    return found


def _bounded(value: Expr, operation: str, end: Fraction, dtype: str) -> Expr:
    """minimum or maximum of a nonnegative value and a number.

    On torch both make float32 of float64 (Keras 3.15); clip does not, but
    costs twice as much, so it is kept for the formats that need it.
    """
    if dtype == "float32":
        return ops(operation, value, Const(end))
    if operation == "minimum":
        return ops("clip", value, Const(Fraction(0)), Const(end))
    return ops("clip", value, Const(end), Number(float("inf"), dtype))


def _held(node: Expr, names: dict[str, str], dtype: str) -> Expr:
    if isinstance(node, Op) and node.name == "minimum":
        value, end = node.args
        assert isinstance(value, Var) and isinstance(end, Const)
        return _bounded(Var(names[value.name]), "minimum", end.value, dtype)
    return renamed(node, names)


def _note(plan: Plan, piece: Piece, interval: str) -> Note:
    return Note(
        f"{interval}: {piece.formula}. {piece.proof[0].upper()}"
        f"{piece.proof[1:]}. Truncation + roundoff <= "
        f"{piece.ulp - piece.roundoff:.3f} + {piece.roundoff:.3f} = "
        f"{piece.ulp:.3f} <= {max_ulp_of(plan.order):g} ulp."
    )


def _choice(plan: Plan) -> tuple[Statements, Expr]:
    last = len(plan.far)
    found: Statements = [Note("")]
    y = Var(f"y{last}")
    for k in range(last - 1, 0, -1):
        high = plan.far[k - 1].high
        assert high is not None
        below = Compare("<", T, Const(high))
        found.append(assign("y", ops("where", below, Var(f"y{k}"), y)))
        y = Y
    unfolded = _unfold(plan.fold, y, plan.dtype)
    if unfolded:
        found += unfolded
        y = Y
    assert plan.near.high is not None
    below = Compare("<", T, Const(plan.near.high))
    return found, ops("where", below, Var("y0"), y)


def _unfold(fold: Fold, y: Var, dtype: str) -> Statements:
    """``constant - y`` for x > 0 and y itself elsewhere, by arithmetic.

    The factor is exactly -1 or 1 and the term exactly the constant or 0,
    so only the subtraction rounds.  A `where` would use y twice, which
    costs XLA one more pass over memory.
    """
    if fold.sign > 0:
        return []
    up = Var("up")
    mirrored = (Const(Fraction(1)) - Const(Fraction(2)) * up) * y
    if fold.constant == 1:
        mirrored = up + mirrored
    elif fold.constant:
        mirrored = Const(fold.constant) * up + mirrored
    above = Compare(">", X, Word(0))
    return [
        assign("up", ops("cast", above, Word(dtype))),
        assign("y", mirrored),
    ]
