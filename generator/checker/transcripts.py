"""Programs of a certificate, statement for statement as a body has them.

Closed forms take exponentials and quotients of anything.  What they are is
stated: a body has these very statements, in their order, under names of their
own that nothing else is bound to.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from .carried import is_carried
from .claims import exact

TWO = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul"}
CALLS = {  # of a body, with how many of its arguments count
    "ops.exp": ("exp", 1),
    "ops.log": ("log", 1),
    "ops.abs": ("abs", 1),
    "ops.minimum": ("minimum", 2),
    "_quotient": ("div", 2),
    "_square_root": ("sqrt", 1),
}
Tree = tuple[Any, ...]


@dataclass
class Transcript:
    """What is left of one program.

    Attributes:
        input: the name of what it is computed of.
        statements: names, and what is assigned to them.
        result: the name of the last one, the only one that is read elsewhere.
    """

    input: str
    statements: list[tuple[str, Tree]]
    result: str


def transcripts(plan: dict[str, Any]) -> list[Transcript]:
    """The programs of a plan, under the names that bodies give them.

    Those of forms that are carried in pairs are in carried.py.
    """
    found = []
    for k, piece in enumerate(plan.get("closed", ())):
        if not is_carried(piece):
            found.append(_transcript(piece, f"c{k}", f"_{k}", None))
    for k, piece in enumerate(plan.get("pieces", ())):
        name = f"{piece['input']}{k}"
        found.append(_transcript(piece, name, str(k), f"y{k}"))
    return found


def _transcript(
    piece: dict[str, Any], name: str, suffix: str, result: str | None
) -> Transcript:
    names = {piece["input"]: name}
    made = []
    last = len(piece["statements"]) - 1
    for k, (target, tree) in enumerate(piece["statements"]):
        value = _stated(tree, names)
        own = result if result and k == last else f"{target}{suffix}"
        names[target] = own
        made.append((own, value))
    return Transcript(name, made, made[-1][0])


def _stated(tree: Any, names: dict[str, str]) -> Tree:
    """An expression of the certificate, as it is printed."""
    if isinstance(tree, str):
        return ("name", names[tree])
    if isinstance(tree, dict):
        return ("constant", exact(tree["constant"]))
    way, *parts = tree
    args = [_stated(part, names) for part in parts]
    if way == "neg" and args[0][0] == "constant":
        return ("constant", -args[0][1])
    if way == "add" and args[1][0] == "constant" and args[1][1] < 0:
        return ("sub", args[0], ("constant", -args[1][1]))
    if way == "div" and args[0] == ("constant", 1):
        # 1 / a is another operation in TensorFlow's graphs.
        return ("div", ("constant", Fraction(-1)), ("neg", args[1]))
    return (way, *args)


def written(node: ast.expr, narrow: bool) -> Tree | None:
    """An expression of a body; None: nothing that a program has.

    Args:
        narrow: its numbers are float32.
    """
    if isinstance(node, ast.Name):
        return ("name", node.id)
    if isinstance(node, ast.Constant) and type(node.value) is float:
        with np.errstate(all="ignore"):
            value = float(np.float32(node.value)) if narrow else node.value
        finite = abs(value) < float("inf")
        return ("constant", Fraction(value)) if finite else None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = written(node.operand, narrow)
        if inner is not None and inner[0] == "constant":
            return ("constant", -inner[1])
        return None if inner is None else ("neg", inner)
    if isinstance(node, ast.BinOp) and type(node.op) in TWO:
        parts = [written(n, narrow) for n in (node.left, node.right)]
        return (TWO[type(node.op)], *parts) if all(parts) else None
    if isinstance(node, ast.Call) and not node.keywords:
        return _called(ast.unparse(node.func), node.args, narrow)
    return None


def _called(name: str, args: list[ast.expr], narrow: bool) -> Tree | None:
    made = [written(a, narrow) for a in args]
    # Of a primitive the dtype is the last argument.
    word = getattr(args[-1], "value", None) if args else None
    if name.startswith("_") and word != ("float32" if narrow else "float64"):
        return None
    if name == "_once" and len(args) == 2:
        return made[0]
    if name == "ops.clip" and made[1:2] == [("constant", 0)]:
        name, made = "ops.minimum", [made[0], *made[2:]]
    way, count = CALLS.get(name, ("", 0))
    parts = made[:count]
    return (way, *parts) if parts and all(parts) else None
