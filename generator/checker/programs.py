"""Plans of straight-line programs: one piece about 0, the rest in |x|.

Such a plan states no truncation error of its own, only totals.  The gap
between each program and f is bounded on short intervals, on both sides of
0, and enters the running error analysis there.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from fractions import Fraction
from math import ceil
from typing import Any

import numpy as np
from flint import arb
from flint import ctx

from .agreement import differs
from .assumptions import Assumed
from .carried import meant
from .claims import Piece
from .claims import Plan
from .claims import exact
from .claims import program_formula
from .decisions import runs
from .enclosure import Chart
from .enclosure import regular_chart
from .endcharts import end_chart
from .endcharts import exponential_chart
from .formula import Node
from .formula import X
from .formula import number
from .gaps import Judge
from .gaps import Target
from .lanes import Lanes
from .lanes import Span
from .lanes import before
from .lanes import lanes_of
from .lanes import span_of
from .machine import Real
from .roundoff import check_lanes
from .roundoff import truncation_of_closed
from .running import Number
from .source import Module
from .tails import chart_gap
from .tolerances import EQUAL_BITS
from .values import Unknown
from .values import ball

FARTHER = 2**7  # times 1: octaves are not divided
NEAR = 8  # exp(-NEAR)**COUNT is below what is claimed
MOST_OCTAVES = 2**11  # of exponentials: those of float64
WIDE = 2**6  # times its low end: an interval in octaves
PARTS = 64  # of a piece, on which its gap is bounded; ends are floats
FAR = 2  # the chart of infinity begins at so many times the last bend
COUNT = 16  # coefficients there
BITS = 4500  # of them


@dataclass
class Found:
    """What the check of one plan showed."""

    lanes: int = 0
    tightest: float = 0.0
    wrong: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Strip:
    """|program - f| <= size |x|**order, or relative to f, on an interval."""

    low: Fraction
    high: Fraction
    size: float
    relative: bool
    order: int = 0


def check_closed(plan: Plan, piece: Piece, target: Target) -> str | None:
    """Whether a closed form of a cover equals f where it is used."""
    side = piece.whole("side")
    t = X if side > 0 else number(-1) * X
    own = meant(piece.data, plan.fmt)
    formula = program_formula(own, piece.raw("input"), t)
    claim = arb(2) ** -(plan.fmt.precision + EQUAL_BITS)
    claim = claim.max(arb(truncation_of_closed(piece, plan.fmt)))
    judge = Judge(target, formula, 16, claim, plan.fmt.spacing, relative=True)
    low, high = sorted((side * piece["low"], side * piece["high"]))
    if low < 0 < high:
        raise Unknown("a closed form on both sides of 0")
    way = 1 if high > 0 else -1
    near, last = sorted((abs(low), abs(high)))
    for end, chart, octaves in _far_charts(way, near, last):
        try:
            size = _far_gap(chart, formula, target, octaves)
        except Unknown:
            continue
        if arb(size) <= claim:
            last = end
            break
    for a, b in _parts(near, last):
        ends = sorted((way * a, way * b))
        for c, d in _graded(ends[0], ends[1], plan):
            judge.over(c, d)
    return None


def _far_charts(
    way: int, near: Fraction, last: Fraction
) -> Iterator[tuple[Fraction, Chart, int]]:
    """Where they begin, charts of infinity, and octaves in them to `last`.

    In powers of 1/x, of its root, of exp(-|x|) and of its root.
    """
    if near <= 0:
        return
    end = FAR * max(near, Fraction(32))
    if end < last and last > FARTHER:
        for root in (1, 2):
            chart = _from_infinity(way, end, root)
            yield end, chart, ceil_log2(last / end) + 1
    end = max(near, Fraction(NEAR))
    if end < last <= MOST_OCTAVES:
        for unit in (1, 2):
            chart = exponential_chart(way, unit, ball(end), COUNT)
            yield end, chart, ceil((last - end) * 3 / 2 / unit) + 2


def _graded(
    low: Fraction, high: Fraction, plan: Plan
) -> list[tuple[Fraction, Fraction]]:
    """Parts that are no longer than they are far from an end."""
    found = []
    if plan.low is not None and 0 < low - plan.low < high - low:
        while low < high:
            upper = min(2 * low - plan.low, high)
            found.append((low, upper))
            low = upper
    elif plan.high is not None and 0 < plan.high - high < high - low:
        while low < high:
            lower = max(2 * high - plan.high, low)
            found.append((lower, high))
            high = lower
    return found or [(low, high)]


def _from_infinity(side: int, end: Fraction, root: int = 1) -> Chart:
    return end_chart(None, side, root, 1 / ball(end), COUNT)


def _far_gap(
    chart: Chart, formula: Node, target: Target, octaves: int
) -> float:
    """|formula / f - 1| on so many octaves of what the chart reaches."""
    before = ctx.prec, ctx.cap
    try:
        ctx.prec, ctx.cap = BITS, COUNT
        f = target.on(chart)
        leads = []
        for part in f.parts.values():
            with contextlib.suppress(Unknown):  # a logarithm that is not there
                leads.append(chart.settled(part).v)
        if not leads:
            raise Unknown("nothing but zeros in sight")
        return chart_gap(chart, formula, target, min(leads), octaves)
    finally:
        ctx.prec, ctx.cap = before


def ceil_log2(ratio: Fraction) -> int:
    """Roughly, from above."""
    return ratio.numerator.bit_length() - ratio.denominator.bit_length() + 1


def _parts(low: Fraction, high: Fraction) -> list[tuple[Fraction, Fraction]]:
    """Of an interval, of one length each; or parts of its octaves, if many."""
    if low <= 0 or high <= WIDE * low:
        width = (high - low) / PARTS
        edges = [low + width * i for i in range(PARTS + 1)]
        return list(itertools.pairwise(edges))
    found = []
    while low < high:
        step = Fraction(5, 4) if 1 / FARTHER <= low <= FARTHER else 2
        upper = min(low * step, high)
        found.append((low, upper))
        low = upper
    return found


def check_program(
    plan: Plan, node: Node, module: Module, assumed: Assumed
) -> Found:
    """All pieces of a plan, on both sides."""
    found = Found()
    strips: list[list[Strip]] = []
    sides: list[Span] = []
    formulas: dict[tuple[int, int, bool], Node] = {}
    fold = plan.data["fold"]
    sign, shift = int(fold["sign"]), number(exact(fold["constant"]))
    target = Target(node, plan.order)
    previous: Fraction | None = None
    for k, piece in enumerate(plan.pieces):
        high = piece.raw("high")
        top = plan.fmt.max_finite if high is None else exact(high)
        statements, name = piece.raw("statements"), piece.raw("input")
        if previous is not None and piece["low"] != previous:
            found.wrong.append((piece.label, "it does not adjoin the last"))
        previous = top
        mine: list[Strip] = []
        if k == 0:
            formula = program_formula(statements, name, X)
            formulas[k, 0, True] = formula
            sides.append(span_of(-top, top, k, plan.fmt))
            mine += _near(plan, formula, target, top)
            strips.append(mine)
            continue
        for side in (-1, 1):
            for low, upper, below in _ranges(piece, top):
                formula = program_formula(
                    statements, name, number(side) * X, below
                )
                if side > 0:
                    formula = shift + number(sign) * formula
                formulas[k, side, below] = formula
                mine += _far(plan, formula, target, side, low, upper)
        sides += _sides(piece["low"], top, k, plan)
        strips.append(mine)
    _values(plan, module, assumed, sides, formulas, found)
    lanes = lanes_of(plan, sides)
    taus = [_Tau(s) for s in strips]
    worst = check_lanes(module, plan, lanes, 1, assumed, [t.of for t in taus])
    found.lanes = len(lanes)
    claims = np.array([p.ulp for p in plan.pieces])
    found.tightest = float((worst.by_piece / claims).max())
    for owner, low_x, high_x, ulp in worst.failures[:3]:
        piece = plan.pieces[owner]
        what = f"error {ulp:.6g} ulp on [{low_x!r}, {high_x!r}], claimed "
        found.wrong.append((piece.label, what + f"{piece.ulp:.6g}"))
    return found


def _sides(low: Fraction, high: Fraction, k: int, plan: Plan) -> list[Span]:
    """low <= |x| < high; the last piece has the largest number too."""
    right = span_of(low, high, k, plan.fmt, closed=True)
    if right.high == float(high) and high < plan.fmt.max_finite:
        right = replace(right, high=before(right.high, plan.fmt))
    return [Span(-right.high, -right.low, k), right]


def _values(
    plan: Plan,
    module: Module,
    assumed: Assumed,
    sides: list[Span],
    formulas: dict[tuple[int, int, bool], Node],
    found: Found,
) -> None:
    """The code in exact arithmetic against the certified programs.

    Wherever it decides alike; a piece bends where it decides, too.
    """
    for run in runs(module, plan, 1, assumed, sides):
        piece = plan.pieces[run.owner]
        limits = bends(piece.raw("statements"))
        edge = float(min(limits)) if limits else float("inf")
        side = 0 if run.owner == 0 else (1 if run.high > 0 else -1)
        below = max(abs(run.low), abs(run.high)) <= edge
        if (run.owner, side, below) not in formulas:
            found.wrong.append((piece.label, f"no program at {run.low!r}"))
            continue
        formula = formulas[run.owner, side, below]
        wrong = differs(module, plan, run, formula)
        if wrong:
            found.wrong.append((piece.label, wrong))


def _ranges(
    piece: Piece, top: Fraction
) -> list[tuple[Fraction, Fraction, bool]]:
    """Between bends: low, high, whether minimum(t, c) is t there."""
    cuts = sorted({c for c in bends(piece.raw("statements"))})
    if len(cuts) > 1:
        raise Unknown("a program with two bends")
    low = piece["low"]
    if not cuts or cuts[0] >= top:
        return [(low, top, True)]
    return [(low, cuts[0], True), (cuts[0], top, False)]


def _near(
    plan: Plan, formula: Node, target: Target, high: Fraction
) -> list[Strip]:
    """About 0, where f may vanish if the program does."""
    order, size = _lead(formula)
    at_zero = Judge(
        target,
        formula,
        30,
        size * arb(2) ** -(plan.fmt.precision - 2),
        plan.fmt.spacing,
        zero=Fraction(0),
        order=order,
        tight=True,
    )
    strips = []
    step = high / PARTS
    edges = [-high + 2 * step * i for i in range(PARTS // 2)]
    edges = [*edges[:-1], -step, step, *(-e for e in reversed(edges[:-1]))]
    edges = sorted({*edges, high, -high})
    for low, up in itertools.pairwise(edges):
        for gap in at_zero.over(low, up):
            strips.append(
                Strip(gap.low, gap.high, float(gap.size), False, at_zero.order)
            )
    return strips


def _lead(formula: Node) -> tuple[int, arb]:
    """0 and the program's value at 0, or 1 and its slope there."""
    zero = Fraction(0)
    part = regular_chart(zero, zero, zero, 3).evaluate(formula).plain
    cs = [*part.p.coeffs(), arb(0), arb(0)]
    order = int(cs[0] == 0)
    return order, abs(cs[order])


def _far(
    plan: Plan,
    formula: Node,
    target: Target,
    side: int,
    low: Fraction,
    high: Fraction,
) -> list[Strip]:
    """Further out, relative to f; the last one reaches infinity."""
    strips = []
    end = high
    if high == plan.fmt.max_finite:
        end = FAR * max(low, Fraction(32))
        chart = _from_infinity(side, end)
        size = _far_gap(chart, formula, target, plan.fmt.emax + 2)
        ends = sorted((side * end, side * high))
        strips.append(Strip(ends[0], ends[1], size, True))
    judge = Judge(
        target,
        formula,
        30,
        arb(2) ** -(plan.fmt.precision - 2),
        plan.fmt.spacing,
        relative=True,
        tight=True,
    )
    for i in range(PARTS):
        a = low + (end - low) * i / PARTS
        b = low + (end - low) * (i + 1) / PARTS
        for gap in judge.over(*sorted((side * a, side * b))):
            strips.append(Strip(gap.low, gap.high, float(gap.size), True))
    return strips


class _Tau:
    """The largest gap of the strips that a lane meets."""

    def __init__(self, strips: list[Strip]) -> None:
        self.strips = sorted(strips, key=lambda s: s.low)
        self.lows = np.array([float(s.low) for s in self.strips])
        if any(Fraction(float(s.low)) != s.low for s in self.strips):
            raise Unknown("a strip that does not begin with a float")

    def of(self, lanes: Lanes, y: Number) -> Any:
        """Bounds of |program - f|, lane by lane."""
        first = np.searchsorted(self.lows, lanes.low, side="right") - 1
        last = np.searchsorted(self.lows, lanes.high, side="right")
        reach = np.maximum(np.abs(lanes.low), np.abs(lanes.high)).astype(Real)
        result = np.zeros(len(lanes), dtype=Real)
        for k, strip in enumerate(self.strips):
            size = Real(strip.size)
            if strip.relative:
                bound = size * y.size * (1 + 2 * size)
            else:
                bound = size * reach**strip.order
            inside = (first <= k) & (k < last)
            result = np.where(inside, np.maximum(result, bound), result)
        return result


def bends(tree: Any) -> list[Fraction]:
    """The constants c of every minimum(t, c) in a program."""
    if isinstance(tree, list):
        found = [c for part in tree for c in bends(part)]
        if tree and tree[0] == "minimum":
            found.append(exact(tree[2]["constant"]))
        return found
    return []
