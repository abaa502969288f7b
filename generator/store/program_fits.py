"""What is taken for granted of a program that was read, as a check."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NoReturn

from ..errors import StoredPlanError
from ..plain import shown
from ..program.program import ARITY
from ..program.program import Const
from ..program.program import Expr
from ..program.program import Op
from ..program.program import Program
from ..program.program import Var

FAR_FROM_1 = 64  # exp(64) < 2**93
SINGLE = ("add", "sub", "mul", "div", "neg", "sqrt", "exp", "log")


def need(right: bool, what: str, expected: str, received: object) -> None:
    if not right:
        _refuse(what, expected, received)


def _refuse(what: str, expected: str, received: object) -> NoReturn:
    raise StoredPlanError(
        f"Not a plan: {what}: expected {expected}, received {shown(received)}."
    )


def check_double(value: Fraction) -> None:
    need(Fraction(float(value)) == value, "a number", "a double", value)


def check_program(
    program: Program, check: Callable[[Expr, set[str]], None] | None = None
) -> None:
    """Every name is bound before, every operation has its arguments."""
    need(bool(program.statements), "statements", "one at least", program.input)
    known = {program.input}
    for target, value in program.statements:
        (check or _check_node)(value, known)
        known.add(target)


def check_single(node: Expr, known: set[str]) -> None:
    """One operation of names and numbers, which may be any fractions."""
    need(isinstance(node, Op), "a statement", "an operation", node)
    assert isinstance(node, Op)
    need(node.name in SINGLE, "an operation", ", ".join(SINGLE), node.name)
    _check_count(node)
    for argument in node.args:
        if isinstance(argument, Var):
            bound = argument.name in known
            need(bound, "a name", "one bound before", argument.name)
        else:
            fine = isinstance(argument, Const)
            need(fine, "an argument", "a name or a number", argument)
    if not any(isinstance(argument, Var) for argument in node.args):
        _check_number(node)


def _check_number(node: Op) -> None:
    """exp, log or sqrt of a number, in two floats of any format.

    Between 2**-126 and 2**126 by far, and as far from 0 as its digits tell.
    """
    values = [a.value for a in node.args if isinstance(a, Const)]
    near, far = Fraction(1, 2**FAR_FROM_1), Fraction(2) ** FAR_FROM_1
    within = {
        "exp": abs(values[0]) < FAR_FROM_1,
        "log": near < values[0] < far and abs(values[0] - 1) > near,
        "sqrt": near < values[0] < far,
    }
    known = within.get(node.name, False)
    need(known, "a number", "exp, log or sqrt of one within reach", node)


def _check_count(node: Op) -> None:
    need(
        len(node.args) == ARITY[node.name],
        f"arguments of {node.name}",
        str(ARITY[node.name]),
        len(node.args),
    )


def _check_node(node: Expr, known: set[str]) -> None:
    if isinstance(node, Var):
        need(node.name in known, "a name", "one bound before", node.name)
    elif isinstance(node, Const):
        check_double(node.value)
    elif isinstance(node, Op):
        _check_count(node)
        if node.name == "minimum":  # rendered as a clip, which has a bound
            kinds = [type(a) for a in node.args]
            need(kinds == [Var, Const], "minimum", "of x and a number", kinds)
        for argument in node.args:
            _check_node(argument, known)
