"""A body that takes what is outside of the domain for the nearest end.

Its first statements make t of x, and t the end where it is outside; what
comes after sees t alone.  Then what it computes there is what it computes at
the end, which is a number of the domain and looked at as such.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from .claims import Plan
from .source import Module
from .source import NotRunnable

HEAD, HELD = "t", "given"


def body_of(module: Module, name: str) -> ast.FunctionDef:
    """The function of that name.

    Raises:
        NotRunnable: there is none.
    """
    for node in module.tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
    raise NotRunnable(f"expected a function {name}, received none")


def check_clipped(
    plan: Plan,
    module: Module,
    space: dict[str, Any],
    beyond: list[tuple[Any, Any]],
) -> Iterator[str]:
    """What is wrong outside of the domain of a plan that clips.

    Args:
        space: what the module defines, over sketches.
        beyond: for each side a sketch of the inputs outside, and the float
            that is the nearest of the domain.
    """
    run = space["BODIES"][plan.fmt.name][plan.order]
    node = body_of(module, run.__name__)
    count = _clipping(node.body)
    if not count or _seen_later(node.body[count:], plan):
        yield "x is not clipped before it is used"
        return
    head = _head(node, count, space)
    for x, end in beyond:
        t, y = head(x), run(x)
        nearest = abs(end) if plan.parity else end
        if not (t.known and t.lo == nearest):
            yield f"not clipped to {float(nearest)!r} on [{x.lo!r}, {x.hi!r}]"
        if plan.order and not (y.known and y.lo == 0):
            yield f"not 0 on [{x.lo!r}, {x.hi!r}], where x is clipped"


def _clipping(body: list[ast.stmt]) -> int:
    """How many statements make t of x and clip it; 0 where none do.

    A docstring; t of x; given = t; t = where(a comparison, a number, t).
    """
    texts = [ast.unparse(s) for s in body]
    start = 1 if isinstance(body[0], ast.Expr) else 0
    held = f"{HELD} = {HEAD}"
    if held not in texts[: start + 3]:
        return 0
    count = texts.index(held) + 1
    while count < len(texts) and texts[count].startswith(
        f"{HEAD} = ops.where({HEAD} "
    ):
        count += 1
    return count


def _seen_later(body: list[ast.stmt], plan: Plan) -> bool:
    """Whether x, or what it was, is used for more than a sign, or a 0."""
    sign = "y = ops.where(x < 0, -y, y)"
    for statement in body:
        names = {
            node.id
            for node in ast.walk(statement)
            if isinstance(node, ast.Name)
        }
        text = ast.unparse(statement)
        if names & {"x"} and not (plan.parity and text == sign):
            return True
        if HELD in names and not (
            plan.order and text.startswith(f"y = ops.where({HELD} ")
        ):
            return True
    return False


def _head(node: ast.FunctionDef, count: int, space: dict[str, Any]) -> Any:
    """t as the function of x that it is behind the first statements."""
    result = ast.Return(ast.Name(HEAD, ast.Load()))
    made = ast.FunctionDef(
        "head_", node.args, [*node.body[:count], result], [], None, None
    )
    made.type_params = []  # type: ignore[attr-defined]
    tree = ast.fix_missing_locations(ast.Module([made], []))
    own = dict(space)
    exec(compile(tree, "<head>", "exec", dont_inherit=True), own)
    return own["head_"]
