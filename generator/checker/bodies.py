"""A body of the module over lanes, in every way its open decisions may go.

Where a comparison or a rounding to an integer is not decided in a lane, both
results are followed.  The lanes of all ways are run together: a way is a
number for each lane, whose bits are what is taken at the places that are
open there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import folds
from .assumptions import Assumed
from .bitwise import LaterBitwise
from .claims import Piece
from .claims import Plan
from .kernels import below_normal
from .kernels import with_kernels
from .lanes import Lanes
from .later import Later
from .later import LaterOps
from .later import LaterPairs
from .later import value
from .machine import Machine
from .machine import Real
from .operations import Ops
from .operations import grids
from .pairs import Pairs
from .running import Number
from .source import Module
from .source import NotRunnable

CHUNK = 1 << 12  # lanes at a time: their arrays stay in the cache
MOST_PLACES = 8  # undecided places: 256 ways of a few lanes
Judge = Callable[[Lanes, Number], Any]


class Body:
    """f^(order) of a module over lanes of inputs with a sign.

    Attributes:
        group: of each piece; the lanes of a group need the same code.
    """

    def __init__(
        self, module: Module, plan: Plan, sign: int, assumed: Assumed
    ) -> None:
        self.plan, self.sign, self.assumed = plan, sign, assumed
        machine = self._machine(0, {})
        self.ops, self.pairs = Ops(machine), Pairs(machine)
        later = LaterPairs(self.pairs)
        later_ops = LaterOps(self.ops)
        space = module.run({"ops": later_ops})
        bitwise = LaterBitwise(self.ops)
        for name, helper in {**later.names(), **bitwise.names()}.items():
            if name in space:
                space[name] = helper
        if "_apart" in space:
            space["_apart"] = later_ops.apart
        if "_log_rows" in space:
            space["_log_rows"] = later.by_owner(space["_log_rows"])
        space.update(with_kernels(space, plan.fmt))
        if "_pair_exp" in space:
            space["_pair_exp"] = later_ops.changing_nothing(space["_pair_exp"])
        if "_signed_exp" in space:
            helper = later_ops.changing_nothing(space["_signed_exp"])
            space["_signed_exp"] = below_normal(helper)
        self.function = space["BODIES"][plan.fmt.name][plan.order]
        own = [
            (p.whole("index"), float(p["center"]))
            if p.kind == "logrow"
            else (-1, 0.0)
            for p in plan.pieces
        ]
        self.index = np.array([index for index, _ in own])
        self.center = np.array([center for _, center in own])
        self.group = np.array([_group(p, k) for k, p in enumerate(plan.pieces)])

    def _machine(self, lanes: int, choices: dict[int, Any]) -> Machine:
        ulps, tiny = self.assumed.ulps, self.assumed.tiny
        return Machine(self.plan.fmt, lanes, ulps, tiny, choices, folds)

    def worst(self, lanes: Lanes, judge: Judge) -> Any:
        """The worst `judge` of each lane over all ways.

        Let `open` be what was open in a lane in any of its ways, and follow
        what a backend computes there: its decisions at the places in `open`
        are one of the ways, and up to the first place outside of them it is
        that way.  So there is no such place, once all ways of `open` were
        run and nothing new was open.
        """
        with np.errstate(all="ignore"):
            result, undecided = self._run(lanes, {}, judge)
            places = sorted(undecided)
            open_ = _bits(undecided, places, len(lanes))
            done = np.zeros(len(lanes), np.int64)
            while (open_ & ~done).any():
                which, way = _ways(open_, done, places)
                done = open_.copy()
                for i in range(0, len(which), CHUNK):
                    some, bits = which[i : i + CHUNK], way[i : i + CHUNK]
                    choices = {p: bits >> k & 1 for k, p in enumerate(places)}
                    more, undecided = self._run(
                        lanes.chosen(some), choices, judge
                    )
                    np.maximum.at(result, some, more)
                    places += sorted(set(undecided) - set(places))
                    found = _bits(undecided, places, len(some))
                    np.bitwise_or.at(open_, some, found)
            return result

    def decisions(self, lanes: Lanes) -> list[tuple[Any, Any, Any]]:
        """Places, what is decided there in each lane, and where it is not."""
        seen: list[tuple[Any, Any, Any]] = []
        with np.errstate(all="ignore"):
            self._run(lanes, {}, lambda _, y: y.lo, seen)
        return seen

    def _run(
        self,
        lanes: Lanes,
        choices: dict[int, Any],
        judge: Judge,
        seen: list[tuple[Any, Any, Any]] | None = None,
    ) -> tuple[Any, dict[int, Any]]:
        fmt = self.plan.fmt
        machine = self._machine(len(lanes), choices)
        machine.seen = seen
        self.ops.m = self.pairs.m = machine
        owner = lanes.owner
        self.pairs.rows = self.index[owner], lanes.margin, self.center[owner]
        a, b = lanes.low.astype(Real), lanes.high.astype(Real)
        if self.sign < 0:
            a, b = -b, -a
        near = np.where(np.abs(a) < np.abs(b), a, b).astype(np.float64)
        one = a == b
        grid = np.where(
            one & (near != 0),
            grids(near),
            np.maximum(
                np.frexp(np.abs(near))[1] - fmt.precision,
                fmt.emin - fmt.precision + 1,
            ),
        )
        grid = np.where(one & (near == 0), 10**5, grid)
        x = Number(machine, a, b, machine.fill(0), {}, grid)
        return judge(lanes, self._called(x)), machine.undecided

    def _called(self, x: Number) -> Number:
        """The body's value; what it cannot do ends the check of its plan."""
        try:
            y = value(self.function(Later.of(x)))
        except NotRunnable:
            raise
        except Exception as error:
            raise NotRunnable(
                f"Cannot run the body: expected operations of keras.ops, "
                f"received {type(error).__name__}: {error}"
            ) from error
        if not isinstance(y, Number):
            raise NotRunnable(f"expected a tensor, the body returns {y!r:.60}")
        return y


def _group(piece: Piece, k: int) -> int:
    """All rows of a table are looked up by the same code."""
    if piece.kind == "row":
        return -1
    return -2 - int(piece.data["end"]) if piece.kind == "logrow" else k


def _bits(undecided: dict[int, Any], places: list[int], lanes: int) -> Any:
    """For each lane the places that are open in it, as bits."""
    if len(places) > MOST_PLACES:
        raise NotRunnable("too many undecided comparisons")
    found = np.zeros(lanes, np.int64)
    for k, place in enumerate(places):
        if place in undecided:
            found |= undecided[place].astype(np.int64) << k
    return found


def _ways(open_: Any, done: Any, places: list[int]) -> tuple[Any, Any]:
    """Lanes with the ways that were not run: all bits of what is open."""
    which: list[Any] = []
    ways: list[Any] = []
    for way in range(1, 1 << len(places)):
        (lanes,) = np.nonzero((way & ~open_ == 0) & (way & ~done != 0))
        which.append(lanes)
        ways.append(np.full(len(lanes), way))
    return np.concatenate(which), np.concatenate(ways)
