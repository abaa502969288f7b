"""Closed forms on intervals: the spellings of f, and which is the cheapest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from itertools import chain

import numpy as np
import sympy

from ..program.bounds import SPARE
from ..program.compile import CannotCompileError
from ..program.flat import flattened
from ..program.forms import Form
from ..program.forms import is_power_of_two
from ..program.program import Const
from ..program.program import Expr
from ..program.program import Op
from ..program.program import Program
from ..program.program import Var
from ..program.spans import Array
from .closed import ClosedForm
from .compensated import WEIGHTS
from .compensated import Programs
from .compensated import Search
from .compensated import SearchEndedError
from .compensated import cheapest
from .compensated import cost
from .compensated import divided
from .settled import Settled
from .spellings import HYPERBOLIC
from .spellings import E
from .spellings import Spelling
from .spellings import T
from .spellings import X
from .spellings import signed_spellings
from .spellings import singular_arguments
from .spellings import spellings
from .spellings import spellings_of_logs

MOST_OPERATIONS = 40
CLAIMED = 1.1  # of a bound: the checker's was seen 9% above it
CLAIMED_OF_LOGS = 1.4  # 38%
FINEST = 24  # 2**-24 is the width of a box beside a singular point
LEFT_OUT = 4  # bits below half an ulp: what a settled form may leave out


def best_form(
    expr: sympy.Expr,
    side: int,
    low: Fraction,
    high: Fraction,
    search: Search,
) -> ClosedForm | None:
    """The cheapest form of f(side * t) on [low, high].

    Args:
        expr: f of side * t, t being `spellings.T`.
    """
    if expr not in search.known:
        search.known[expr] = _made(spellings(expr), T, search)
    rate = max((abs(float(r)) for r in _rates(expr)), default=0.0)
    lows, highs = divided(low, high, rate)
    found = _best(search.known[expr], lows, highs, search)
    if found is None:
        return None
    form, ulp, text = found
    return piece_of(form, ulp, text, side, low, high)


def _best(
    programs: list[Programs],
    lows: Array,
    highs: Array,
    search: Search,
) -> tuple[Form, float, str] | None:
    """The cheapest, its bound and its text."""
    best: tuple[int, Form, float, str] | None = None
    done: set[Program] = set()
    for boxes in [*programs, *_centered(programs, lows, highs, search)]:
        if boxes.base in done:  # another order of it costs more
            continue
        least = sum(
            WEIGHTS[node.name][0]
            for _, node in boxes.form.program.statements
            if isinstance(node, Op)
        )
        if best is not None and least >= best[0]:
            continue
        most = float("inf") if best is None else best[0]
        try:
            found = cheapest(boxes, lows, highs, search.goal, most)
        except SearchEndedError:
            if best is None:
                raise
            break
        if found is None:
            continue
        form, ulp = found
        done.add(boxes.base)
        if best is None or cost(form) < best[0]:
            best = cost(form), form, ulp, boxes.text
    if best is None:
        return None
    _, form, ulp, text = best
    return form, claimed(ulp, form.program, search), text


def claimed(ulp: float, program: Program, search: Search) -> float:
    """What is claimed of a bound, so that other analyses come to it.

    Those know less of how errors belong together.
    """
    nodes = [node for _, node in program.statements]
    logs = any(isinstance(node, Op) and node.name == "log" for node in nodes)
    more = CLAIMED_OF_LOGS if logs else CLAIMED
    return min(ulp * more, search.most)


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
    left: tuple[Fraction, Fraction],
    right: tuple[Fraction, Fraction],
    search: Search,
) -> tuple[ClosedForm, ClosedForm] | None:
    """One form of f(x) on two intervals.

    Args:
        expr: f of `spellings.X`.
    """
    if expr not in search.known:
        found = chain(signed_spellings(expr), spellings_of_logs(expr))
        search.known[expr] = _made(found, X, search)
    if not search.known[expr]:
        return None
    rate = max((abs(float(r)) for r in _rates(expr, X)), default=0.0)
    singular = [-point for point in singular_arguments(expr)]
    parts = [_boxes(*ends, rate, singular) for ends in (left, right)]
    lows = np.concatenate([low for low, _ in parts])
    highs = np.concatenate([high for _, high in parts])
    best = _best(search.known[expr], lows, highs, search)
    if best is None:
        return None
    form, ulp, text = best
    first, second = (
        replace(piece_of(form, ulp, text, 1, *ends), signed=True)
        for ends in (left, right)
    )
    return first, second


def widened(
    piece: ClosedForm, edge: Fraction, expr: sympy.Expr, search: Search
) -> ClosedForm | None:
    """The same form, from `edge` on, if it holds there, too.

    Args:
        edge: between 0 and the piece.
        expr: what the form was made of.
    """
    known = [
        one
        for one in search.known.get(expr, ())
        if one.form.program == piece.program
    ]
    if not known or piece.truncation:
        return None
    form = replace(
        known[0].form,
        pairs=frozenset(piece.pairs),
        rounded=frozenset(piece.rounded),
    )
    ends = (edge, piece.low) if edge > 0 else (piece.high, edge)
    lows, highs = _boxes(*ends, 1.0, [])
    found = known[0].bound(form, lows, highs, search.goal)
    if not isinstance(found, float):
        return None
    ulp = max(piece.ulp, claimed(found, piece.program, search))
    if edge > 0:
        return replace(piece, low=edge, ulp=ulp)
    return replace(piece, high=edge, ulp=ulp)


def _boxes(
    low: Fraction, high: Fraction, rate: float, singular: list[Fraction]
) -> tuple[Array, Array]:
    """As `divided`, of either sign, and finer towards singular points."""
    if high <= 0:
        lows, highs = divided(-high, -low, rate)
        lows, highs = -highs[::-1], -lows[::-1]
    else:
        lows, highs = divided(low, high, rate)
    edges = {*map(float, lows), *map(float, highs)}
    for point in singular:
        for k in range(-1, FINEST):
            for step in (1, -1):
                edge = float(point + Fraction(step, 2**k if k > 0 else 1))
                if low < edge < high:
                    edges.add(edge)
    ends = np.array(sorted(edges)).astype(lows.dtype)
    return ends[:-1], ends[1:]


def settled_form(
    found: Settled,
    side: int,
    low: Fraction,
    high: Fraction,
    search: Search,
) -> ClosedForm | None:
    """The same of what is left of f from `low` on."""
    truncation = found.left_out(low, high)
    if not truncation <= 2.0 ** (-search.fmt.precision - LEFT_OUT):
        return None
    rate = float(found.rate) if found.head.has(sympy.exp) else 0.0
    lows, highs = divided(low, high, rate)
    programs = [
        Programs(p.form, search, p.text, truncation * SPARE, p.base)
        for p in _made(spellings(found.head), T, search)
    ]
    made = _best(programs, lows, highs, search)
    if made is None:
        return None
    form, ulp, text = made
    piece = piece_of(form, ulp, text, side, low, high)
    return replace(piece, truncation=truncation * SPARE)


def _rates(
    expr: sympy.Expr, variable: sympy.Symbol = T
) -> Iterator[sympy.Rational]:
    for node in expr.rewrite(HYPERBOLIC, sympy.exp).atoms(sympy.exp):
        rate = node.args[0] / variable
        if rate.is_Rational:
            yield rate


def _made(
    found: Iterator[Spelling], variable: sympy.Symbol, search: Search
) -> list[Programs]:
    """Programs of spellings, as far as sympy can rewrite f."""
    made: list[Programs] = []
    with suppress(sympy.PolynomialError):
        made.extend(_programs(found, variable, search))
    return made


def _programs(
    found: Iterator[Spelling], variable: sympy.Symbol, search: Search
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
        if len(program.statements) > MOST_OPERATIONS:
            continue
        if (program, name) in seen:
            continue
        seen.add((program, name))
        text = str(spelling.expr).replace("*W", "")
        if spelling.scaled is not None:
            text = text.replace("E", f"({spelling.scaled})")
        program = _sign_inside(program)
        for one in (program, _divided_twice(program)):
            if one is None:
                continue
            form = Form(
                one, scaled=name, power=spelling.power, signed=spelling.signed
            )
            yield Programs(form, search, text, base=program)


def _centered(
    known: list[Programs], low: Array, high: Array, search: Search
) -> list[Programs]:
    """With a power of two in the last quotient, where f goes far from 1.

    Parts of what is far from 1 overflow, or are flushed.
    """
    if not known:
        return []
    sizes = []
    for one in known:  # those that cancel enclose f widely
        name, _ = one.form.program.statements[-1]
        size = one.boxes(low, high).exact[name].size
        size = size[np.isfinite(size) & (size > 0)]
        if len(size):
            sizes.append((size.min(), size.max()))
    if not sizes:
        return []
    ends = [int(np.frexp(min(v))[1]) - 1 for v in zip(*sizes, strict=True)]
    shift = -sum(ends) // 2
    if abs(shift) < search.fmt.emax // 4:
        return []
    found = []
    for each in known:
        form = each.form
        if form.scaled is not None and not (form.signed and form.power == 1):
            continue
        if form.signed and shift < search.fmt.precision:
            continue  # its exponent has to be that of a power of two
        program = _lifted(form.program, shift)
        if program is not None:
            form = replace(form, program=program)
            made = Programs(form, search, each.text, each.truncation, each.base)
            found.append(made)
    return found


def _sign_inside(program: Program) -> Program:
    """-(a / b) as (-a) / b, and 2**n (a / b) as (2**n a) / b.

    Compilers gather the constants of products, those that put an exponent
    back among them.
    """
    *before, (name, node) = program.statements
    if not (isinstance(node, Op) and node.name in ("neg", "mul") and before):
        return program
    *kept, (inner, quotient) = before
    if node.args[-1] != Var(inner) or not isinstance(quotient, Op):
        return program
    if node.name == "mul" and not is_power_of_two(node.args[0]):
        return program
    a, b = quotient.args[0], quotient.args[-1]
    if quotient.name != "div":
        return program
    if isinstance(a, Const):
        factor = node.args[0]
        times = factor.value if isinstance(factor, Const) else Fraction(-1)
        kept.append((name, Op("div", (Const(a.value * times), b))))
        return Program(program.input, tuple(kept))
    kept.append((inner, Op(node.name, (*node.args[:-1], a))))
    kept.append((name, Op("div", (Var(inner), b))))
    return Program(program.input, tuple(kept))


def _divided_twice(program: Program) -> Program | None:
    """a / (p q) as (a / p) / q: the product may be out of range."""
    *before, (name, node) = program.statements
    if not (isinstance(node, Op) and node.name == "div"):
        return None
    a, b = node.args
    product = dict(before).get(b.name) if isinstance(b, Var) else None
    if not (isinstance(product, Op) and product.name == "mul"):
        return None
    p, q = product.args
    if not (isinstance(p, Var) and isinstance(q, Var)):
        return None
    if (isinstance(a, Const) and p == q) or not isinstance(b, Var):
        return None
    if any(b in other.args for _, other in before if isinstance(other, Op)):
        return None
    made = [(n, o) for n, o in before if n != b.name]
    made.append((f"{name}p", Op("div", (a, p))))
    made.append((name, Op("div", (Var(f"{name}p"), q))))
    return Program(program.input, tuple(made))


def _lifted(program: Program, shift: int) -> Program | None:
    """a / b as 2**-shift * ((2**shift * a) / b), for the last operation."""
    *before, (name, node) = program.statements
    if not (isinstance(node, Op) and node.name == "div"):
        return None
    up, down = (Const(Fraction(2) ** n) for n in (shift, -shift))
    made: list[tuple[str, Expr]] = list(before)
    a, b = node.args
    second = None
    if before and before[-1][0] == f"{name}p" and a == Var(f"{name}p"):
        *made, (_, first) = before
        assert isinstance(first, Op)
        second = b
        a, b = first.args
    if isinstance(a, Const):
        a = Const(a.value * up.value)
    else:
        made.append((f"{name}a", Op("mul", (up, a))))
        a = Var(f"{name}a")
    if second is not None:
        made.append((f"{name}p", Op("div", (a, b))))
        a, b = Var(f"{name}p"), second
    made.append((f"{name}b", Op("div", (a, b))))
    made.append((name, Op("mul", (down, Var(f"{name}b")))))
    return Program(program.input, tuple(made))
