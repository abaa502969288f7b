"""What a plan costs to run: its operations, weighted as measured.

A rendered body is run on a stand-in for tensors that only counts; the
weights are in ``costs.json``, written by ``benchmarks/operations.py``: the
time of one more operation, in passes over the input, over backends and modes.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

from ..pieces.cover import Cover


@cache
def weights() -> dict[str, float]:
    """By operation, in passes: means over backends, eager and compiled."""
    path = Path(__file__).with_name("costs.json")
    found: dict[str, float] = json.loads(path.read_text("utf-8"))["weights"]
    return found


def cost(plan: Cover) -> float:
    """In passes over the input."""
    table = weights()
    return sum(n * table[kind] for kind, n in operations(plan).items())


def operations(plan: Cover) -> Counter[str]:
    """The passes over the input that the rendered body makes, by kind."""
    from ..source.render import render

    source = render("", ("", ""), "", [plan], tidy=False).text
    lines = [s for s in source.splitlines() if not s.startswith("from keras")]
    tape = _Tape()
    space: dict[str, Any] = {"ops": tape, "backend": lambda: "jax"}
    exec("\n".join(lines), space)  # our own source
    space["BODIES"][plan.dtype][0](_Counted(tape))
    return tape.counts


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

    def __getattr__(self, name: str) -> Any:
        kind = name if name in weights() else "add"
        return lambda *args, **kwargs: self.result(kind)
