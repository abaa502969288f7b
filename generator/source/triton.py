"""Triton kernels from bodies: the statements of `printer`, laid out anew."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import fields
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from keras_stablef import runtime_triton
from keras_stablef.runtime.polynomials import FEW

from ..errors import GeneratorError
from ..lowering.body import Assign
from ..lowering.body import Body
from ..lowering.body import Call
from ..lowering.body import Rows
from ..lowering.body import Table
from ..program.program import Expr
from ..program.program import Op
from ..program.program import Var
from .printer import body_lines
from .render import Source
from .render import prime
from .templates import environment
from .templates import formatted


@dataclass(frozen=True)
class _Kernel:
    """What the template lays out of one body.

    Attributes:
        tables: those whose rows are looked up in memory.
        numbers: the arguments that lead to them, in the same order.
    """

    function: str
    dtype: str
    title: str
    lines: list[str]
    tables: list[str]
    numbers: list[str]


def render_triton(
    name: str, expression: str, bodies: Sequence[Body], shipped: bool = True
) -> Source:
    """The module with a kernel for each body of one function.

    Its tables are those of the module that `render` makes of the same bodies.

    Args:
        shipped: that module ships and is imported, and this one is formatted
            for people; else it is given as `plain`.

    Raises:
        GeneratorError: a body or a text holds what cannot be written as a
            number, a name or plain text.
    """
    planned = list(dict.fromkeys(b.dtype for b in bodies))
    kernels = {b.function: _kernel(b) for b in bodies}
    text = (
        environment()
        .get_template("triton.py.j2")
        .render(
            name=name,
            expression=expression,
            shipped=shipped,
            imports=_imports(bodies),
            tables=[
                (table.name, _reader(table))
                for body in bodies
                for table in body.tables
            ],
            kernels=list(kernels.values()),
            by_dtype={
                dtype: [kernels[b.function] for b in bodies if b.dtype == dtype]
                for dtype in planned
            },
        )
    )
    return Source(name, formatted(text) if shipped else text)


def _kernel(body: Body) -> _Kernel:
    tables = [t.name for t in body.tables if _reader(t) == "many"]
    numbers = [f"numbers_{k}" for k in range(len(tables))]
    leads = dict(zip(tables, numbers, strict=True))
    statements = tuple(
        replace(s, value=_led(s.value, leads))
        for s in body.statements
        if isinstance(s, Assign)
    )
    # Notes stand in the module that Keras runs.
    bare = replace(body, statements=statements, result=_led(body.result, leads))
    return _Kernel(
        body.function,
        body.dtype,
        f"{prime(body.order)} in {body.dtype}.",
        body_lines(bare),
        tables,
        numbers,
    )


def _led(node: Any, leads: dict[str, str]) -> Any:
    """With the numbers of each table behind the arguments it is among.

    And with a minus by name: Triton's own is 0 - v, which is 0 of 0.
    """
    if isinstance(node, tuple):
        return tuple(_led(item, leads) for item in node)
    if not isinstance(node, Expr):
        return node
    own = {f.name: getattr(node, f.name) for f in fields(node)}  # type: ignore[arg-type]
    made = type(node)(**{k: _led(v, leads) for k, v in own.items()})
    if isinstance(made, Call):
        names = [a.name for a in made.args if isinstance(a, Var)]
        found = [Var(leads[name]) for name in names if name in leads]
        return replace(made, args=(*made.args, *found))
    if isinstance(made, Op) and made.name == "neg":
        return Call("ops.negative", made.args)
    return made


def _reader(table: Table) -> str:
    """What makes of a table what a kernel reads."""
    if not isinstance(table, Rows):
        return "known"
    return "few" if len(table.rows) <= FEW else "many"


def _imports(bodies: Sequence[Body]) -> list[tuple[str, str]]:
    """Modules of the twins, and what is taken from them."""
    needed = {call for body in bodies for call in body.calls}
    needed |= {_reader(table) for body in bodies for table in body.tables}
    homes = _homes()
    lost = sorted(needed - set(homes))
    if lost:
        raise GeneratorError(
            "No kernel: expected primitives that runtime_triton has, too, "
            f"received {', '.join(lost)}."
        )
    return sorted((homes[name], name) for name in needed)


@cache
def _homes() -> dict[str, str]:
    """The module of each device function, read: Triton may not be there."""
    folder = Path(runtime_triton.__file__).parent
    return {
        node.name: path.stem
        for path in sorted(folder.glob("*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
