"""The body that computes in float64 what is rounded to float32."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

from ..pieces.cover import Cover
from ..pieces.wide import Near
from ..pieces.wide import Wide
from ..program.enclosed import number_of
from ..program.program import Const
from ..program.program import Expr
from ..program.program import Op
from ..program.program import Program
from ..program.program import Var
from ..program.wide_programs import is_expm1
from ..program.wide_programs import is_one_minus_exp
from ..program.wide_programs import one_plus
from ..program.wide_programs import used
from ..text import at_most
from .body import Assign
from .body import Body
from .body import Call
from .body import Compare
from .body import Group
from .body import Note
from .body import Number
from .body import Word
from .body import assign
from .body import constant
from .body import ops
from .costs import operations
from .costs import weights
from .cover import beyond
from .cover import clipped
from .cover import outside_of
from .shield import shielded

DTYPE = "float64"
LANES = 2  # as many floats of half the width are computed at once
S, T, W, X, Y = map(Var, "stwxy")

Statements = list[Assign | Note]


def wide_cost(cover: Cover, wide: Wide) -> float:
    """In passes over float32, as `costs.cost`."""
    table = weights()
    body = lower_wide(replace(cover, wide=wide))
    return LANES * sum(n * table[k] for k, n in operations(body).items())


def lower_wide(cover: Cover) -> Body:
    """The statements of a cover's twin in float64."""
    wide, dtype = cover.wide, cover.dtype
    assert wide is not None
    found: Statements = [assign("t", ops("abs", X) if cover.parity else X)]
    if cover.outside == "clip":
        found += clipped(outside_of(cover))
    if cover.parity:
        # Compilers may read a subnormal as 0 in one place and not in another:
        # size and sign are of one number.
        found.append(assign("s", ops("cast", X, Word(DTYPE))))
        found.append(assign("w", ops("abs", S)))
        if cover.outside == "clip" and cover.high is not None:
            beyond_it = Compare(">", W, Number(cover.high, DTYPE))
            end = constant(cover.high, DTYPE)
            found.append(assign("w", ops("where", beyond_it, end, W)))
    else:
        found.append(assign("w", ops("cast", T, Word(DTYPE))))
    found += _programs(wide)
    for k, piece in enumerate(wide.near):
        found += _near(piece, k)
    found.append(assign("y", ops("cast", Y, Word(dtype))))
    found += _ends(cover, wide)
    body = Body(
        cover.name, cover.order, DTYPE, wide.ulp, (), tuple(found), Y, dtype
    )
    return shielded(body)


def _programs(wide: Wide) -> Statements:
    texts = wide.formulas
    if len(texts) == 1:
        text = re.sub(r"\bx\b", "t", texts[0])
        about = f"{text} in float64"
    else:
        about = f"t < 0: {texts[0]}, else {texts[1]}, with |t| for t"
    note = Note(f"{about}; rounded, {at_most(wide.ulp)} ulp.")
    source, before = W, list[Assign | Note]()
    if len(wide.programs) > 1:
        source, before = Var("a"), [assign("a", ops("abs", W))]
    made = _Made()
    results = [made.result(program, source) for program in wide.programs]
    found = [note, *before, *made.statements]
    if len(results) == 1:
        return [*found, assign("y", results[0])]
    below = Compare("<", W, Number(Fraction(0), DTYPE))
    return [*found, assign("y", ops("where", below, *results))]


class _Made:
    """Statements of several programs, none of them twice."""

    def __init__(self) -> None:
        self.statements: Statements = []
        self.known: dict[Expr, Expr] = {}

    def result(self, program: Program, source: Expr) -> Expr:
        names = {program.input: source}
        for name, node in used(program):
            names[name] = self._statement(program, node, names)
        return names[program.statements[-1][0]]

    def _named(self, value: Expr) -> Expr:
        if value not in self.known:
            name = f"v{len(self.known)}"
            self.known[value] = Var(name)
            self.statements.append(assign(name, value))
        return self.known[value]

    def _powers(self, argument: Expr) -> tuple[Expr, Expr]:
        """q 2**n and 2**n, of exp(a) = (1 + q) 2**n."""
        call = Call("wide_powers", (argument,))
        if call not in self.known:
            k = len(self.known)
            self.known[call] = Var(f"q{k}")
            self.known[Group((call,))] = Var(f"n{k}")
            self.statements.append(Assign((f"q{k}", f"n{k}"), call))
        n = self.known[Group((call,))]
        return self._named(self.known[call] * n), n

    def _statement(
        self, program: Program, node: Expr, names: dict[str, Expr]
    ) -> Expr:
        assert isinstance(node, Op)
        one = Const(Fraction(1))
        less = is_expm1(program, node)
        more = is_one_minus_exp(program, node)
        if less is not None or more is not None:
            a, n = self._powers(_operand(less or more, names))
            made = self._named(a + (n - one))
            return made if more is None else self._named(-made)
        if node.name in ("exp", "log") and isinstance(node.args[0], Const):
            return _number(number_of(node))
        args = tuple(_operand(a, names) for a in node.args)
        if node.name == "exp":
            a, n = self._powers(args[0])
            return self._named(a + n)
        if node.name == "log":
            plus = one_plus(program, node.args[0])
            if plus is not None:
                pair = args[0], _operand(plus, names)
                return self._named(Call("wide_log1p", pair))
            return self._named(Call("wide_log", args))
        if node.name == "sqrt":
            # XLA's reciprocal root of float64 takes four times as long.
            root = Call("once", (Op("sqrt", args), Word(DTYPE)))
            return self._named(root)
        return self._named(Op(node.name, args))


def _operand(node: Expr | None, names: dict[str, Expr]) -> Expr:
    if isinstance(node, Const):
        return _number(node.value)
    assert isinstance(node, Var)
    return names[node.name]


def _number(value: Fraction) -> Const:
    return Const(Fraction(float(value)))


def _near(piece: Near, k: int) -> Statements:
    text = (
        f"|t - {float(piece.center):g}| < {float(piece.radius):g}: a "
        f"polynomial; {piece.truncation:.1e} of it are left out."
    )
    found: Statements = [Note(text)]
    h: Expr = W
    if piece.center:
        found.append(assign(f"h{k}", W - _number(piece.center)))
        h = Var(f"h{k}")
    z = h
    if (piece.step == 2 and len(piece.coefficients) > 1) or piece.zero > 1:
        found.append(assign(f"z{k}", h * h))
    if piece.step == 2:
        z = Var(f"z{k}")
    p = Var(f"p{k}")
    *rest, last = piece.coefficients
    made: Expr = _number(last)
    for c in reversed(rest):
        made = made * z + _number(c)
        found.append(assign(p.name, made))
        made = p
    for _ in range(piece.zero // 2):
        made = made * Var(f"z{k}")
    if piece.zero % 2:
        made = made * h
    inside = Compare("<", ops("abs", h), Number(piece.radius, DTYPE))
    if isinstance(made, Const):
        made = constant(made.value, DTYPE)
    found.append(assign("y", ops("where", inside, made, Y)))
    return found


def _ends(cover: Cover, wide: Wide) -> Statements:
    found: Statements = []
    dtype = cover.dtype
    for end in wide.ends:
        sign = ">" if end.side > 0 else "<"
        test = Compare(
            sign if end.beyond else f"{sign}=", T, constant(end.bound, dtype)
        )
        limit = constant(end.limit, dtype)
        found.append(assign("y", ops("where", test, limit, Y)))
    if any(_has_log(p) for p in wide.programs):
        # The bits of nan are those of a number to a logarithm.
        found.append(assign("y", ops("where", ops("isnan", T), T, Y)))
    if cover.parity < 0:
        below = Compare("<", S, Number(Fraction(0), DTYPE))
        found.append(assign("y", ops("where", below, Op("neg", (Y,)), Y)))
    return [*found, *beyond(cover, outside_of(cover))]


def _has_log(program: Program) -> bool:
    return any(
        isinstance(node, Op) and node.name == "log"
        for _, node in program.statements
    )
