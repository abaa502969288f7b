"""Which decisions of a hostile compiler a wrong result needs, and where.

One lane is looked for in which the result is off, and its decisions are taken
back one after the other, as long as it stays so; a division is exact then.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hostile_compiler import Array
from hostile_compiler import Habits
from hostile_ops import HostileOps
from hostile_ops import run

# Files that tell nothing.
OWN = [f"hostile_{name}.py" for name in ("compiler", "ops", "replay")]


class Replay(HostileOps):
    """Keeps its decisions, or makes those that are wanted in every lane."""

    wanted: frozenset[int] | None = None

    def __init__(
        self, dtype: str, lanes: int, seed: int, habits: Habits
    ) -> None:
        super().__init__(dtype, lanes, seed, habits)
        self.made: list[Array] = []
        self.places: dict[int, str] = {}

    def coin(self, often: Array | float = 0.5) -> Array:
        made = super().coin(often)
        if self.wanted is not None:
            here = len(self.made)
            made = np.full(self.lanes, here in self.wanted)
            if here in self.wanted:
                self.places[here] = _place()
        self.made.append(made)
        return made

    def steps(self, most: float) -> Array:
        return super().steps(most) * (self.wanted is None)


def _place() -> str:
    frames = [
        frame
        for frame in traceback.extract_stack()
        if Path(frame.filename).name not in OWN
    ]
    return " > ".join(f"{f.name}: {f.line}" for f in frames[-2:])


def culprits(
    function: Any,
    dtype: str,
    x: float,
    habits: Habits,
    error_of: Callable[[Array], Array],
    bound: float,
    instead: Any = (),
    lanes: int = 20000,
) -> list[str]:
    """The decisions without which the error at x is within its bound.

    Args:
        error_of: errors in ulp of results, all at x.
    """

    def error(replay: Replay) -> Array:
        xs = np.full(replay.lanes, x, dtype)
        return error_of(run(function, replay, xs, instead=instead)[0])

    def one(wanted: frozenset[int]) -> Replay:
        replay = Replay(dtype, 1, 0, habits)
        replay.wanted = wanted
        return replay

    replay = Replay(dtype, lanes, 0, habits)
    lane = int(np.argmax(error(replay)))
    wanted = frozenset(k for k, made in enumerate(replay.made) if made[lane])
    if error(one(wanted))[0] <= bound:
        return ["not without divisions that are off"]
    for k in sorted(wanted):
        if error(one(wanted - {k}))[0] > bound:
            wanted -= {k}
    last = one(wanted)
    error(last)
    return list(last.places.values())
