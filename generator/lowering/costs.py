"""What a body costs to run: its operations, weighted as measured.

The statements of a `Body` are gone through with a stand-in for tensors that
only counts, and so are the runtime primitives that they call; the weights are
in ``costs.json``, written by ``benchmarks/operations.py``: the time of one
more operation, in passes over the input, over backends and modes.
"""

from __future__ import annotations

import json
import operator
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from keras_stablef import runtime

from ..pieces.cover import Cover
from ..program.program import Const
from ..program.program import Expr
from ..program.program import Op
from ..program.program import Var
from .body import Assign
from .body import Body
from .body import Call
from .body import Compare
from .body import Group
from .body import Number
from .body import Part
from .body import Rows
from .body import Word
from .lower import lower
from .tables import evaluated
from .tables import row_table

BINARY = {"add": operator.add, "sub": operator.sub, "mul": operator.mul}
SIGNS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@cache
def weights() -> dict[str, float]:
    """By operation, in passes: means over backends, eager and compiled."""
    path = Path(__file__).with_name("costs.json")
    found: dict[str, float] = json.loads(path.read_text("utf-8"))["weights"]
    return found


def cost(plan: Cover) -> float:
    """In passes over the input."""
    table = weights()
    return sum(n * table[kind] for kind, n in operations(lower(plan)).items())


def operations(body: Body) -> Counter[str]:
    """The passes over the input that a body makes, by kind."""
    tape = _Tape()
    primitives = runtime.primitives(
        ops=tape,
        backend=lambda: "jax",
        # On a CPU, where nothing has to be corrected.
        rounds_to_nearest=lambda a, b: True,
    )
    names: dict[str, Any] = {"x": _Counted(tape)}
    for table in body.tables:
        if isinstance(table, Rows):
            rows = row_table(table.rows, body.dtype)
            names[table.name] = evaluated(rows)
        else:
            names[table.name] = tuple(map(float, table.values))
    run = _Run(names, primitives, tape)
    for statement in body.statements:
        if isinstance(statement, Assign):
            value = run(statement.value)
            if len(statement.targets) == 1:
                value = (value,)
            names.update(zip(statement.targets, value, strict=True))
    run(body.result)
    return tape.counts


class _Run:
    """One expression after the other, by the names bound so far."""

    def __init__(
        self,
        names: dict[str, Any],
        primitives: dict[str, Callable[..., Any]],
        tape: _Tape,
    ) -> None:
        self.names, self.primitives, self.tape = names, primitives, tape

    def __call__(self, node: Expr) -> Any:
        if isinstance(node, Var):
            return self.names[node.name]
        if isinstance(node, (Const, Number)):
            return float(node.value)
        if isinstance(node, Word):
            return node.value
        if isinstance(node, Part):
            return self.names[node.name][node.index]
        if isinstance(node, Group):
            return tuple(map(self, node.items))
        if isinstance(node, Compare):
            return SIGNS[node.sign](self(node.left), self(node.right))
        if isinstance(node, Call):
            name = node.name.removeprefix("ops.")
            found = self.tape if name != node.name else None
            call = getattr(found, name) if found else self.primitives[name]
            return call(*map(self, node.args))
        assert isinstance(node, Op)
        return self._operation(node)

    def _operation(self, node: Op) -> Any:
        args = list(map(self, node.args))
        if node.name == "neg":
            return -args[0]
        if node.name in BINARY:
            return BINARY[node.name](*args)
        return getattr(self.tape, node.name)(*args)


class _Counted:
    """A tensor that only counts what is done with it."""

    def __init__(self, tape: _Tape) -> None:
        self.tape = tape

    def _plain(self, *_: object) -> _Counted:
        return self.tape.result("add")

    def _divided(self, *_: object) -> _Counted:
        return self.tape.result("div")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _plain
    __neg__ = __lt__ = __le__ = __gt__ = __ge__ = _plain
    __truediv__ = __rtruediv__ = _divided


class _Tape:
    """The part of `keras.ops` that bodies use."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def result(self, kind: str) -> _Counted:
        self.counts[kind] += 1
        return _Counted(self)

    def convert_to_tensor(self, value: object, dtype: str) -> object:
        del dtype
        return value

    def zeros_like(self, x: object, dtype: str = "") -> float:
        del x, dtype
        return 0.0

    def cast(self, x: Any, dtype: str) -> Any:
        """Mostly to the dtype that it has."""
        del dtype
        return x

    def stop_gradient(self, x: Any) -> Any:
        """No pass; nor is another view of the bits."""
        return x

    def view(self, x: Any, dtype: str) -> Any:
        """See `stop_gradient`."""
        del dtype
        return x

    def __getattr__(self, name: str) -> Any:
        kind = name if name in weights() else "add"
        return lambda *args, **kwargs: self.result(kind)
