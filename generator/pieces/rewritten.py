"""Closed forms on intervals: the spellings of f, and which is the cheapest."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import sympy

from ..numbers.floats import FloatFormat
from ..program.compile import CannotCompileError
from ..program.enclosed import enclosures
from ..program.flat import flattened
from ..program.forms import Form
from ..program.program import Const
from ..program.program import Expr
from ..program.program import Op
from ..program.program import Program
from ..program.program import Var
from ..program.spans import Array
from .closed import ClosedForm
from .compensated import WEIGHTS
from .compensated import Programs
from .compensated import cheapest
from .compensated import cost
from .compensated import divided
from .spellings import HYPERBOLIC
from .spellings import E
from .spellings import Settled
from .spellings import Spelling
from .spellings import T
from .spellings import X
from .spellings import signed_spellings
from .spellings import spellings

MOST_OPERATIONS = 40
LEFT_OUT = 4  # bits below half an ulp: what a settled form may leave out


def best_form(
    expr: sympy.Expr,
    side: int,
    low: Fraction,
    high: Fraction,
    fmt: FloatFormat,
    goal: float,
    known: dict[sympy.Expr, list[Programs]],
    check_time: Callable[[], None],
) -> ClosedForm | None:
    """The cheapest form of f(side * t) on [low, high].

    Args:
        expr: f of side * t, t being `spellings.T`.
        known: programs of expr, with what is known of them.
    """
    if expr not in known:
        known[expr] = list(_programs(expr, fmt))
    rate = max((abs(float(r)) for r in _rates(expr)), default=0.0)
    lows, highs = divided(low, high, rate)
    programs = known[expr] + _centered(known[expr], lows, highs, fmt)
    found = _best(programs, lows, highs, goal, check_time)
    if found is None:
        return None
    form, ulp, text = found
    return piece_of(form, ulp, text, side, low, high)


def _best(
    programs: list[Programs],
    lows: Array,
    highs: Array,
    goal: float,
    check_time: Callable[[], None],
) -> tuple[Form, float, str] | None:
    """The cheapest, its bound and its text."""
    best: tuple[int, Form, float, str] | None = None
    for boxes in programs:
        check_time()
        least = sum(
            WEIGHTS[node.name][0]
            for _, node in boxes.form.program.statements
            if isinstance(node, Op)
        )
        if best is not None and least >= best[0]:
            continue
        most = float("inf") if best is None else best[0]
        found = cheapest(boxes, lows, highs, goal, most)
        if found is None:
            continue
        form, ulp = found
        if best is None or cost(form) < best[0]:
            best = cost(form), form, ulp, boxes.text
    return None if best is None else best[1:]


def piece_of(
    form: Form, ulp: float, text: str, side: int, low: Fraction, high: Fraction
) -> ClosedForm:
    """What plans hold of a form."""
    return ClosedForm(
        side,
        low,
        high,
        form.program,
        ulp,
        text,
        tuple(sorted(form.pairs)),
        tuple(sorted(form.rounded)),
        form.scaled,
        form.power,
        signed=form.signed,
    )


def forms_on_both_sides(
    expr: sympy.Expr,
    least: Fraction,
    edges: tuple[Fraction, Fraction],
    fmt: FloatFormat,
    goal: float,
    known: dict[sympy.Expr, list[Programs]],
    check_time: Callable[[], None],
) -> tuple[ClosedForm, ClosedForm] | None:
    """One form of f(x) from -edges[0] to edges[1], but for |x| < least.

    Args:
        expr: f of `spellings.X`.
    """
    if expr not in known:
        made = _made(signed_spellings(expr), X, fmt)
        known[expr] = list(made)
    rate = max((abs(float(r)) for r in _rates(expr, X)), default=0.0)
    left, right = (divided(least, edge, rate) for edge in edges)
    lows = np.concatenate([-left[1][::-1], right[0]])
    highs = np.concatenate([-left[0][::-1], right[1]])
    programs = known[expr] + _centered(known[expr], lows, highs, fmt)
    found = _best(programs, lows, highs, goal, check_time)
    if found is None:
        return None
    form, ulp, text = found
    first, second = (
        piece_of(form, ulp, text, side, least, edge)
        for side, edge in zip((-1, 1), edges, strict=True)
    )
    return first, second


def settled_form(
    found: Settled,
    side: int,
    low: Fraction,
    high: Fraction,
    fmt: FloatFormat,
    goal: float,
    check_time: Callable[[], None],
) -> ClosedForm | None:
    """The same of what is left of f from `low` on."""
    lows, highs = divided(low, high, 0.0)
    try:
        program, _ = flattened(found.more, T)
    except CannotCompileError:
        return None
    with np.errstate(all="ignore"):
        over = enclosures(program, lows, highs)[program.statements[-1][0]]
    most = float(over.size.max()) * (1 + 1e-9)
    if not most <= 2.0 ** (-fmt.precision - LEFT_OUT):
        return None
    # |program / f - 1| for f = program (1 + more).
    truncation = most * (1 + 2 * most)
    known = {
        found.head: [
            Programs(p.form, fmt, p.text, truncation)
            for p in _programs(found.head, fmt)
        ]
    }
    form = best_form(found.head, side, low, high, fmt, goal, known, check_time)
    return form and replace(form, truncation=truncation)


def _rates(
    expr: sympy.Expr, variable: sympy.Symbol = T
) -> Iterator[sympy.Rational]:
    for node in expr.rewrite(HYPERBOLIC, sympy.exp).atoms(sympy.exp):
        rate = node.args[0] / variable
        if rate.is_Rational:
            yield rate


def _programs(expr: sympy.Expr, fmt: FloatFormat) -> Iterator[Programs]:
    yield from _made(spellings(expr), T, fmt)


def _made(
    found: Iterator[Spelling], variable: sympy.Symbol, fmt: FloatFormat
) -> Iterator[Programs]:
    seen = set()
    for spelling in found:
        scaled = None
        if spelling.scaled is not None:
            scaled = E, spelling.scaled
        try:
            program, name = flattened(spelling.expr, variable, scaled)
        except CannotCompileError:
            continue
        if len(program.statements) > MOST_OPERATIONS or program in seen:
            continue
        seen.add(program)
        text = str(spelling.expr).replace("*W", "")
        if spelling.scaled is not None:
            text = text.replace("E", f"({spelling.scaled})")
        form = Form(
            program, scaled=name, power=spelling.power, signed=spelling.signed
        )
        yield Programs(form, fmt, text)


def _centered(
    known: list[Programs], low: Array, high: Array, fmt: FloatFormat
) -> list[Programs]:
    """With a power of two in the last quotient, where f goes far from 1.

    Parts of what is far from 1 overflow, or are flushed.
    """
    if not known:
        return []
    first = known[0]
    exact = first.boxes(low, high).exact[first.form.program.statements[-1][0]]
    sizes = exact.size[np.isfinite(exact.size) & (exact.size > 0)]
    if not len(sizes):
        return []
    ends = [int(np.frexp(v)[1]) - 1 for v in (sizes.min(), sizes.max())]
    shift = -sum(ends) // 2
    if abs(shift) < fmt.emax // 4:
        return []
    found = []
    for each in known:
        form = each.form
        if form.scaled is not None and not (form.signed and form.power == 1):
            continue
        if form.signed and shift < fmt.precision:
            continue  # its exponent has to be that of a power of two
        program = _lifted(form.program, shift)
        if program is not None:
            form = replace(form, program=program)
            found.append(Programs(form, fmt, each.text, each.truncation))
    return found


def _lifted(program: Program, shift: int) -> Program | None:
    """a / b as 2**-shift * ((2**shift * a) / b), for the last operation."""
    *before, (name, node) = program.statements
    if not (isinstance(node, Op) and node.name == "div"):
        return None
    a, b = node.args
    up, down = (Const(Fraction(2) ** n) for n in (shift, -shift))
    made: list[tuple[str, Expr]] = list(before)
    if isinstance(a, Const):
        a = Const(a.value * up.value)
    else:
        made.append((f"{name}a", Op("mul", (up, a))))
        a = Var(f"{name}a")
    made.append((f"{name}b", Op("div", (a, b))))
    made.append((name, Op("mul", (down, Var(f"{name}b")))))
    return Program(program.input, tuple(made))
