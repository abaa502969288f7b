"""The programs that may compute f in float64, the cheap ones first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

import sympy

from ..pieces.spellings import HYPERBOLIC
from ..pieces.spellings import MOST_WORK
from ..pieces.spellings import E
from ..pieces.spellings import Spelling
from ..pieces.spellings import T
from ..pieces.spellings import X
from ..pieces.spellings import signed_spellings
from ..pieces.spellings import spellings
from ..pieces.spellings import spellings_of_logs
from ..program.compile import CannotCompileError
from ..program.flat import ONE
from ..program.flat import flattened
from ..program.program import Op
from ..program.program import Program
from ..program.wide_programs import used

# In operations of float32, compiled: lanes are half as many.
WEIGHTS = {
    **{"add": 2, "sub": 2, "mul": 2, "neg": 1},
    **{"div": 14, "sqrt": 16, "exp": 44, "log": 64},
}
INVERSE = [sympy.asinh, sympy.acosh, sympy.atanh]
MOST_OPERATIONS = 40


@dataclass(frozen=True)
class Spelled:
    """A program and the formula that it is, for people."""

    program: Program
    text: str

    @property
    def cost(self) -> int:
        return cost_of(self.program)


def cost_of(*programs: Program) -> int:
    """Of what they do, each operation once."""
    done: set[tuple[object, ...]] = set()
    total = 0
    for program in programs:
        names: dict[str, object] = {program.input: 0}
        kept = {name for name, _ in used(program)}
        for name, node in program.statements:
            assert isinstance(node, Op)
            args = (names.get(getattr(a, "name", ""), a) for a in node.args)
            key = (node.name, *args)
            names[name] = key
            if key not in done and name in kept:
                done.add(key)
                total += WEIGHTS[node.name]
    return total


def of_both_signs(expr: sympy.Expr) -> list[Spelled]:
    """Programs of x.

    Args:
        expr: of `spellings.X`.
    """
    expr = expr.rewrite(INVERSE, sympy.log)
    plain = expr.rewrite(HYPERBOLIC, sympy.exp)
    simple = (Spelling(e) for e in (expr, plain, *_together(plain)))
    return _compiled(
        chain(simple, signed_spellings(expr), spellings_of_logs(expr)), X
    )


def of_one_sign(expr: sympy.Expr) -> list[Spelled]:
    """Programs of t = |x|.

    Args:
        expr: of `spellings.T`.
    """
    return _compiled(spellings(expr.rewrite(INVERSE, sympy.log)), T)


def _together(expr: sympy.Expr) -> Iterator[sympy.Expr]:
    if sympy.count_ops(expr) > MOST_WORK:
        return
    with suppress(sympy.PolynomialError):
        whole = sympy.together(expr)
        yield whole
        if not expr.has(sympy.exp):  # whose numbers may have many digits
            yield sympy.factor(whole)


def _compiled(
    found: Iterator[Spelling], variable: sympy.Symbol
) -> list[Spelled]:
    made: dict[Program, Spelled] = {}
    with suppress(sympy.PolynomialError):
        for spelling in found:
            expr = spelling.expr.xreplace({ONE: sympy.Integer(1)})
            if spelling.scaled is not None:
                expr = expr.xreplace({E: spelling.scaled})
            try:
                program, _ = flattened(expr, variable)
            except CannotCompileError:
                continue
            if len(program.statements) <= MOST_OPERATIONS:
                made.setdefault(program, Spelled(program, str(expr)))
    return sorted(made.values(), key=lambda s: s.cost)
