"""What devices and compilers need: quotients by name, and one user each.

Division and square roots are primitives, which are rounded to nearest (but for
2**-18 ulp) on every device.  Behind each expensive operation that has several
users one cheap one is put: the primitive `once` says why.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from ..program.program import Const
from ..program.program import Expr
from ..program.program import Op
from ..program.program import Var
from .body import Assign
from .body import Body
from .body import Call
from .body import Compare
from .body import Group
from .body import Note
from .body import Number
from .body import Part
from .body import Word
from .body import nodes

# What XLA takes for expensive, as far as bodies have it.
CALLS = frozenset({"quotient", "square_root", "ops.exp", "ops.log"})


def shielded(body: Body) -> Body:
    """The body with these in their places."""
    users = _users(body)
    made: list[Assign | Note] = []
    for k, statement in enumerate(body.statements):
        if isinstance(statement, Assign):
            value = _named(statement.value, body.dtype)
            if users[k] > 1 and isinstance(value, Call) and value.name in CALLS:
                value = Call("once", (value, Word(body.dtype)))
            statement = Assign(statement.targets, value)
        made.append(statement)
    result = _named(body.result, body.dtype)
    return replace(body, statements=tuple(made), result=result)


def _named(node: Expr, dtype: str) -> Expr:
    """Quotients and roots as calls of the primitives."""
    if isinstance(node, Op):
        args = tuple(_named(a, dtype) for a in node.args)
        if node.name == "div":
            return _quotient(args[0], args[1], dtype)
        if node.name == "sqrt":
            return Call("square_root", (*args, Word(dtype)))
        if node.name == "exp":
            return Call("ops.exp", args)
        return Op(node.name, args)
    if isinstance(node, Call):
        args = tuple(_named(a, dtype) for a in node.args)
        return Call(node.name, args)
    if isinstance(node, Compare):
        left, right = _named(node.left, dtype), _named(node.right, dtype)
        return Compare(node.sign, left, right)
    if isinstance(node, Group):
        return Group(tuple(_named(a, dtype) for a in node.items))
    return node


def _quotient(a: Expr, b: Expr, dtype: str) -> Expr:
    if isinstance(a, Const) and a.value == 1:
        # 1 / b is another operation in TensorFlow's graphs: `program.infix`.
        a, b = Number(-1.0, dtype), -b
    return Call("quotient", (a, b, Word(dtype)))


def _users(body: Body) -> Counter[int]:
    """How often what each statement assigns is used; names are used again."""
    found: Counter[int] = Counter()
    bound: dict[str, int] = {}
    for k, statement in enumerate(body.statements):
        if isinstance(statement, Assign):
            _count(statement.value, bound, found)
            bound |= dict.fromkeys(statement.targets, k)
    _count(body.result, bound, found)
    return found


def _count(value: Expr, bound: dict[str, int], found: Counter[int]) -> None:
    for node in nodes(value):
        if isinstance(node, (Var, Part)) and node.name in bound:
            found[bound[node.name]] += 1
        # A primitive uses what it is given as often as it likes.
        if isinstance(node, Call) and not node.name.startswith("ops."):
            for part in node.args:
                if isinstance(part, Var) and part.name in bound:
                    found[bound[part.name]] += 1
