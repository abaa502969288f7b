"""One cheap operation behind each expensive one that has several users.

Why: see the primitive `once`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from ..program.program import Expr
from ..program.program import Op
from ..program.program import Var
from .body import Assign
from .body import Body
from .body import Call
from .body import Note
from .body import Part
from .body import Word
from .body import nodes

# What XLA takes for expensive, as far as bodies have it.
OPERATIONS = frozenset({"div", "exp", "sqrt", "log"})
CALLS = frozenset({"ops.exp", "ops.sqrt", "ops.log"})


def shielded(body: Body) -> Body:
    """The body with `once` around what is expensive and used again."""
    users = _users(body)
    made: list[Assign | Note] = []
    for k, statement in enumerate(body.statements):
        if (
            isinstance(statement, Assign)
            and users[k] > 1
            and _expensive(statement.value)
        ):
            call = Call("once", (statement.value, Word(body.dtype)))
            statement = Assign(statement.targets, call)
        made.append(statement)
    return replace(body, statements=tuple(made))


def _expensive(value: Expr) -> bool:
    return (isinstance(value, Op) and value.name in OPERATIONS) or (
        isinstance(value, Call) and value.name in CALLS
    )


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
