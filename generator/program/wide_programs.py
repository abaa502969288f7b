"""What is read into programs that run in float64."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from .enclosed import enclosures
from .enclosed import value_of
from .program import Const
from .program import Expr
from .program import Op
from .program import Program
from .program import Var
from .spans import Array
from .spans import Span


def wide_enclosures(
    program: Program, low: Array, high: Array
) -> dict[str, Span]:
    """Each value, also from what its arguments turned out to be.

    exp(a) - 1 and log(1 + v) keep their precision as a and v go to 0.
    """
    narrow = enclosures(program, low, high)
    one = np.ones_like(low)
    env = {program.input: Span(low, high)}
    for name, node in program.statements:
        made = value_of(node, env, one).within(narrow[name])
        less, more = is_expm1(program, node), is_one_minus_exp(program, node)
        if isinstance(less, Var):
            made = made.within(_rising(np.expm1, env[less.name]))
        elif isinstance(more, Var):
            made = made.within(-_rising(np.expm1, env[more.name]))
        elif isinstance(node, Op) and node.name == "log":
            plus = one_plus(program, node.args[0])
            if isinstance(plus, Var):
                made = made.within(_rising(np.log1p, env[plus.name]))
        env[name] = made
    return env


def _rising(way: Callable[[Array], Array], a: Span) -> Span:
    """All there is where it is not defined."""
    return Span.wide(way(a.low), way(a.high))


def one_plus(program: Program, argument: Expr) -> Expr | None:
    """v, of a logarithm's argument 1 + v."""
    node = dict(program.statements).get(getattr(argument, "name", ""))
    one = Const(Fraction(1))
    if isinstance(node, Op) and node.name == "add" and node.args[1] == one:
        return node.args[0]
    return None


def is_expm1(program: Program, node: Expr) -> Expr | None:
    """a, of a statement exp(a) - 1."""
    one = Const(Fraction(1))
    if not (isinstance(node, Op) and node.name in ("sub", "add")):
        return None
    first, second = node.args
    if second != (one if node.name == "sub" else Const(Fraction(-1))):
        return None
    inner = dict(program.statements).get(getattr(first, "name", ""))
    if isinstance(inner, Op) and inner.name == "exp":
        return inner.args[0]
    return None


def is_one_minus_exp(program: Program, node: Expr) -> Expr | None:
    """a, of a statement 1 - exp(a), as (-exp(a)) + 1."""
    if not (isinstance(node, Op) and node.name == "add"):
        return None
    first, second = node.args
    table = dict(program.statements)
    inner = table.get(getattr(first, "name", ""))
    if second != Const(Fraction(1)) or not isinstance(inner, Op):
        return None
    if inner.name != "neg":
        return None
    whole = table.get(getattr(inner.args[0], "name", ""))
    if isinstance(whole, Op) and whole.name == "exp":
        return whole.args[0]
    return None


def used(program: Program) -> list[tuple[str, Expr]]:
    """The statements that are computed: kernels have taken some in."""
    needed = {program.statements[-1][0]}
    kept = []
    for name, node in reversed(program.statements):
        if name not in needed:
            continue
        kept.append((name, node))
        inner = is_expm1(program, node) or is_one_minus_exp(program, node)
        args = node.args if isinstance(node, Op) else ()
        if inner is not None:
            args = (inner,)
        elif isinstance(node, Op) and node.name == "log":
            args += tuple(filter(None, [one_plus(program, node.args[0])]))
        needed |= {a.name for a in args if isinstance(a, Var)}
    return kept[::-1]
