"""Closed forms, some of whose values are carried in pairs of floats.

A form that loses too much in one float is good where the roundings that hurt
are carried along and added once: which ones, the analysis decides.  All that
is carried to begin with says how far the form reaches at best; then one value
after the other is given up, the dearest first, as long as the bound holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
import sympy

from ..numbers.floats import FloatFormat
from ..numbers.floats import floor_log2
from ..program.assumed import primitive_errors
from ..program.bounds import SPARE
from ..program.carried import PairAnalyzer
from ..program.flat import UNIT
from ..program.forms import Boxes
from ..program.forms import Form
from ..program.forms import boxes_of
from ..program.forms import is_power_of_two
from ..program.program import Const
from ..program.program import Op
from ..program.program import Program
from ..program.spans import Array
from ..program.spans import Real

PER_BINADE = 16  # boxes, near 1
NEAR = 8  # binades from 1 that are near
PARTS = 4  # of a box that is divided
ROUNDS = 16  # of dividing: down to single floats
CLEAR = 3  # rounds after which a bound is what it is, but at powers of two
LATE = 6
NEARLY = 1.6  # times the goal: what may come down at single floats
SAMPLES = 40  # inputs at which a form is looked for
TRIES = 8
FEWER = 3  # where there is a form already
TIGHTER = 0.96  # is the goal at single inputs in each next try
STRICTER = 0.8  # where that was no other form
MOST_BAD = 4  # boxes that a next try looks at
MOST_BOXES = 20_000
MOST_PARTS = 100_000  # more than may be spent on any form
# Of a search, in values of boxes, by precision: about 3 s, and 1 s where forms
# are found soon or never.  A look at any takes as long as EACH of them.
MOST_SPENT = {24: 2_500_000, 53: 400_000}
EACH = 1000

# What a value costs in operations, in one float and in a pair.
WEIGHTS = {
    "add": (1, 8),
    "sub": (1, 8),
    "mul": (1, 15),
    "div": (5, 27),
    "sqrt": (5, 27),
    "exp": (12, 45),
    "log": (14, 75),
    "neg": (0, 0),
}
CORRECTED = 12


class SearchEndedError(Exception):
    """What may be spent on it is spent."""


def cost(form: Form) -> int:
    """Roughly, in operations."""
    total = 0
    for name, node in form.program.statements:
        assert isinstance(node, Op)
        plain, pair = WEIGHTS[node.name]
        if name in form.rounded:
            total += CORRECTED
        else:
            total += pair if name in form.pairs else plain
    return total


def everything(form: Form) -> Form:
    """All of it in pairs."""
    names = frozenset(name for name, _ in form.program.statements)
    return replace(form, pairs=names, rounded=frozenset())


@lru_cache(maxsize=64)
def divided(low: Fraction, high: Fraction, rate: float) -> tuple[Array, Array]:
    """[low, high] in parts of binades, ascending.

    Args:
        rate: of exponentials, which change by exp(1/2) in a part at most.
    """
    edges = [float(low)]
    while edges[-1] < high:
        edge = Fraction(edges[-1])
        e = floor_log2(edge)
        binade = Fraction(2) ** e
        part = binade / (PER_BINADE if abs(e) <= NEAR else 1)
        while part * rate > Fraction(1, 2) and e <= NEAR:
            part /= 2
        upper = min(binade + ((edge - binade) // part + 1) * part, high)
        edges.append(float(upper))
        if len(edges) > MOST_PARTS:
            raise SearchEndedError
    ends = np.array(edges)
    return ends[:-1].astype(Real), ends[1:].astype(Real)


@dataclass
class Search:
    """The search for one plan: what it is for, and what it has found so far.

    It ends after so many values of so many boxes: a clock would make plans of
    slow machines others.

    Attributes:
        goal: the bound that forms have to have.
        most: what may be claimed of them.
        known: programs by formula.
        left: what may be spent yet.
    """

    fmt: FloatFormat
    goal: float
    most: float
    check_time: Callable[[], None]
    known: dict[sympy.Expr, list[Programs]] = field(default_factory=dict)
    left: int = 0

    def __post_init__(self) -> None:
        self.left = MOST_SPENT[self.fmt.precision]

    def spend(self, boxes: int, values: int) -> None:
        """Raises once nothing is left."""
        self.check_time()
        self.left -= boxes * values + EACH
        if self.left < 0:
            raise SearchEndedError


class Programs:
    """One program, and what is known of it.

    Attributes:
        base: the one of which it is another order of operations.
    """

    def __init__(
        self,
        form: Form,
        search: Search,
        text: str,
        truncation: float = 0.0,
        base: Program | None = None,
    ) -> None:
        self.base = form.program if base is None else base
        self.form, self.fmt, self.text = form, search.fmt, text
        self.search = search
        self.truncation = truncation
        self.primitives = primitive_errors(search.fmt.name)
        self.first: dict[tuple[bytes, bytes], Boxes] = {}

    def boxes(self, low: Array, high: Array) -> Boxes:
        """Their exact values; those that are asked for first are kept."""
        key = low.tobytes(), high.tobytes()
        if key not in self.first:
            with np.errstate(all="ignore"):
                self.first[key] = boxes_of(self.form, low, high)
        return self.first[key]

    def ulps(self, form: Form, boxes: Boxes) -> Array:
        """In each box."""
        self.search.spend(len(boxes.low), len(form.program.statements))
        made = PairAnalyzer(
            form, self.fmt, self.primitives, boxes, self.truncation
        )
        return made.ulps()

    def bound(
        self, form: Form, low: Array, high: Array, goal: float
    ) -> float | tuple[Array, Array]:
        """The bound over all of it, or boxes in which it is above the goal.

        Boxes above it are divided: those in which f crosses a power of two
        down to single floats, of which none may be as near to it as what is
        carried there would have to be.
        """
        boxes = self.boxes(low, high)
        worst, goal = 0.0, goal / SPARE
        for step in range(ROUNDS):
            found = self.ulps(form, boxes)
            good = found <= goal
            worst = max(worst, float(found[good].max(initial=0.0)))
            if good.all():
                return worst * SPARE
            bad = ~good
            lost = bad & boxes.point
            tiny = boxes.exact[self.form.program.statements[-1][0]].size
            if step >= CLEAR:
                # By then what is left lies at powers of two.
                most = goal * (NEARLY if step < LATE else 4)
                near = (found <= most) | (tiny < self._least())
                lost |= bad & ~near
            owner = np.unique(boxes.owner[lost if lost.any() else bad])
            low, high = low[owner], high[owner]
            if lost.any():
                return low, high
            low, high = self._parts(low, high)
            if len(low) > MOST_BOXES:
                break
            with np.errstate(all="ignore"):
                boxes = boxes_of(self.form, low, high)
        return low[:1], high[:1]

    def samples(self, low: Array, high: Array) -> Boxes:
        """Single inputs, as if not known to be single.

        Rounding errors are what they may be at such an input.
        """
        with np.errstate(all="ignore"):
            made = boxes_of(self.form, low, high)
        return replace(made, point=made.point & False)

    def _least(self) -> Array:
        """Below it results may be flushed."""
        return Real(2) ** (self.fmt.emin + 2)

    def _parts(self, low: Array, high: Array) -> tuple[Array, Array]:
        """Each box in parts that begin and end at floats, or in its floats."""
        kind = np.float32 if self.fmt.name == "float32" else np.float64
        near = np.nextafter(low.astype(kind), kind(np.inf)).astype(Real)
        two = (near >= high) & (low < high)
        wide = low + (high - low) * np.arange(PARTS + 1)[:, None] / PARTS
        edges = wide.astype(kind).astype(Real)
        edges[0], edges[-1] = low, high
        first, last = edges[:-1][:, ~two].ravel(), edges[1:][:, ~two].ravel()
        kept = (first < last) | (low == high)[~two].repeat(1)[
            np.tile(np.arange((~two).sum()), PARTS)
        ]
        return (
            np.concatenate([first[kept], low[two], high[two]]),
            np.concatenate([last[kept], low[two], high[two]]),
        )


def cheapest(
    known: Programs, low: Array, high: Array, goal: float, most: float
) -> tuple[Form, float] | None:
    """The form with as little carried as the bound allows.

    It is looked for at single inputs, and proved on all of the boxes; inputs
    at which that fails are looked at in the next try.

    Args:
        most: what it may cost; dearer ones are of no use.
    """
    kind = np.float32 if known.fmt.name == "float32" else np.float64
    step = max(len(low) // SAMPLES, 1)
    inputs = np.unique(
        np.concatenate([low[::step], high[-1:], high[:1]]).astype(kind)
    ).astype(Real)
    looked = known.samples(inputs, inputs)
    strict: list[tuple[Array, Array]] = []
    asked, failed = goal, set[Form]()
    for _ in range(TRIES if most == float("inf") else FEWER):
        form = _greedy(known, looked, strict, asked)
        if form is None or cost(form) >= most:
            return None
        if form in failed:  # not at single inputs, but at too many of them
            asked *= STRICTER
            continue
        bound = known.bound(form, low, high, goal)
        if isinstance(bound, float):
            return form, bound
        failed.add(form)
        asked *= TIGHTER
        step = max(len(bound[0]) // MOST_BAD, 1)
        strict.insert(0, (bound[0][::step], bound[1][::step]))
    form = everything(known.form)
    if cost(form) < most:
        bound = known.bound(form, low, high, goal)
        if isinstance(bound, float):
            return form, bound
    return None


def _is_scaling(node: Op) -> bool:
    """By a power of two."""
    return node.name == "mul" and any(map(is_power_of_two, node.args))


def _greedy(
    known: Programs,
    looked: Boxes,
    strict: list[tuple[Array, Array]],
    goal: float,
) -> Form | None:
    best = everything(known.form)
    statements = [
        (name, node)
        for name, node in best.program.statements
        if isinstance(node, Op)
        and node.name != "neg"
        and not all(isinstance(a, Const) for a in node.args)
        and not _is_scaling(node)
        and name != UNIT
    ]
    if not statements:
        return None

    def may_hold(form: Form) -> bool:
        if not (known.ulps(form, looked) <= goal / SPARE).all():
            return False
        return all(
            isinstance(known.bound(form, *boxes, goal), float)
            for boxes in strict
        )

    last, node = statements[-1]
    end, final = best.program.statements[-1]
    if isinstance(final, Op) and _is_scaling(final):
        # Rounded before it is scaled back, when nothing is small yet.
        best = replace(best, pairs=best.pairs - {end})
    # Where parts are flushed in a quotient a single float may do.
    single = replace(best, pairs=best.pairs - {last})
    tries = [best, single]
    if node.name == "div":
        tries.append(replace(single, rounded=frozenset({last})))
    for best in tries:
        if may_hold(best):
            break
    else:
        return None
    savings = sorted(
        statements,
        key=lambda s: WEIGHTS[s[1].name][0] - WEIGHTS[s[1].name][1],
    )
    for name, node in savings:
        if name not in best.pairs:
            continue
        options = [replace(best, pairs=best.pairs - {name})]
        if node.name == "div":
            options.append(replace(options[0], rounded=best.rounded | {name}))
        for option in options:
            if may_hold(option):
                best = option
                break
    return best
