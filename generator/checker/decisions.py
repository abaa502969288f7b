"""Where a body decides something: between two such places it is one formula.

A body chooses by comparisons, clips, absolute values and roundings to whole
numbers.  Intervals of inputs are divided until each of these is decided in
all of an interval, or the interval is a single float.  Neighbours in which
all are decided alike make a run: there the body is made of + - * / and
analytic functions alone, and `agreement` looks at each run by itself, however
short it is.

Not decisions are those that change no value: how a pair's exponential is
divided into a power of two and the rest, and what else theorems stand for.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .assumptions import Assumed
from .bodies import CHUNK
from .bodies import Body
from .claims import Plan
from .lanes import Lanes
from .lanes import Span
from .lanes import from_ordinals
from .source import Module
from .source import NotRunnable

ROUNDS = 40  # of dividing: down to single floats
MOST_LANES = 1 << 16
MOST_RUNS = 256  # of a span: those of powers and ends have some tens
NOT_ASKED = np.iinfo(np.int64).min  # a decision on a way that is not gone
Decided = dict[Any, Any]  # by place, a number for each lane


def runs(
    module: Module,
    plan: Plan,
    sign: int,
    assumed: Assumed,
    pieces: list[Span],
) -> list[Span]:
    """The parts of spans in which each decision is the same.

    Raises:
        NotRunnable: there are too many to look at, or one is not decided by
            the input: what is computed may be on either side, and the exact
            value is on one.
    """
    if not pieces:
        return []
    body = Body(module, plan, sign, assumed)
    # On either side of 0: all floats are more than an int64 counts.
    least = float(from_ordinals(np.array(1), plan.fmt))
    ends: list[tuple[float, float, int]] = []
    for k, span in enumerate(pieces):
        if span.low < 0 < span.high:
            ends += [(span.low, -least, k), (0.0, span.high, k)]
        else:
            ends.append((span.low, span.high, k))
    low, high, which = (np.array(v) for v in zip(*ends, strict=True))
    todo = Lanes(low, high, which, np.zeros(len(which), bool))
    owner = np.array([s.owner for s in pieces])
    done: list[tuple[Lanes, Decided]] = []
    for _ in range(ROUNDS):
        decided, open_ = _decided(body, todo, owner)
        for lane in np.nonzero(open_ & (todo.low == todo.high))[0]:
            _decided_alone(body, todo, owner, lane, decided)
            open_[lane] = False
        kept = {place: values[~open_] for place, values in decided.items()}
        done.append((todo.chosen(~open_), kept))
        todo = todo.chosen(open_)
        if not len(todo):
            return _joined(pieces, done)
        todo = todo.divided(plan.fmt)
        if len(todo) > MOST_LANES:
            break
    raise NotRunnable("a body that decides in too many places")


def _decided(body: Body, lanes: Lanes, owner: Any) -> tuple[Decided, Any]:
    """What is decided in each lane, and whether something is not."""
    found: Decided = {}
    open_ = np.zeros(len(lanes), bool)
    own = Lanes(lanes.low, lanes.high, owner[lanes.owner], lanes.margin)
    for group in np.unique(body.group[own.owner]):
        (which,) = np.nonzero(body.group[own.owner] == group)
        for i in range(0, len(which), CHUNK):
            some = which[i : i + CHUNK]
            for place, value, unknown in body.decisions(own.chosen(some)):
                if place not in found:
                    found[place] = np.full(len(lanes), NOT_ASKED)
                found[place][some] = np.asarray(value).astype(np.int64)
                open_[some] |= unknown
    return found, open_


def _decided_alone(
    body: Body, lanes: Lanes, owner: Any, k: Any, decided: Decided
) -> None:
    """The same of one float, which other lanes' pieces do not concern.

    A choice that differs among lanes has both its sides computed in all.
    """
    one = lanes.chosen(np.array([k]))
    alone, open_ = _decided(body, one, owner)
    if open_.any():
        x = float(one.low[0])
        raise NotRunnable(f"a decision that a rounding may turn, at {x!r}")
    for place, values in decided.items():
        values[k] = alone.get(place, [NOT_ASKED])[0]


def _joined(
    pieces: list[Span], done: list[tuple[Lanes, Decided]]
) -> list[Span]:
    """Neighbours in which all is decided alike, in one."""
    owner, low, high = (
        np.concatenate([getattr(lanes, name) for lanes, _ in done])
        for name in ("owner", "low", "high")
    )
    order = np.lexsort((low, owner))
    owner, low, high = owner[order], low[order], high[order]
    new = np.ones(len(low), bool)
    new[1:] = owner[1:] != owner[:-1]
    for place in {place for _, decided in done for place in decided}:
        values = np.concatenate(
            [
                decided.get(place, np.full(len(lanes), NOT_ASKED))
                for lanes, decided in done
            ]
        )[order]
        new[1:] |= values[1:] != values[:-1]
    first = np.nonzero(new)[0]
    last = np.append(first[1:], len(low)) - 1
    count = np.bincount(owner[first], minlength=len(pieces))
    if count.max() > MOST_RUNS:
        raise NotRunnable("a body that decides in too many places")
    return [
        Span(float(low[a]), float(high[b]), pieces[owner[a]].owner)
        for a, b in zip(first, last, strict=True)
    ]
