"""Programs of single operations, and boxes of inputs to look at them on."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .enclosed import enclosures
from .flat import UNIT
from .program import Const
from .program import Expr
from .program import Op
from .program import Program
from .program import Var
from .spans import Array
from .spans import Real
from .spans import Span
from .spans import exponent
from .spans import power2

MARGIN = Real(2) ** -10  # of what is rounded to an exponent
FAR = 2**8
MOST_WAYS = 3  # of an exponent in one box


@dataclass(frozen=True)
class Form:
    """A program of single operations, and how its values are carried.

    Attributes:
        program: each statement one operation of names and constants.
        pairs: names of values in pairs.
        rounded: names of quotients that are corrected once.
        scaled: the exponential whose power of two is left out, and put back
            behind the result; the result is a multiple of its `power`-th
            power.
        signed: only powers of two above 1 are left out.
    """

    program: Program
    pairs: frozenset[str] = frozenset()
    rounded: frozenset[str] = frozenset()
    scaled: str | None = None
    power: int = 0
    signed: bool = False


@dataclass(frozen=True)
class Boxes:
    """Intervals of inputs, and the exact values of a program on them.

    Attributes:
        owner: the interval that was asked for, of each box here.
        point: whether it is a single number.
    """

    low: Array
    high: Array
    exact: dict[str, Span]
    owner: Array
    point: Array


def boxes_of(form: Form, low: Array, high: Array) -> Boxes:
    """The boxes of a form's program, its result on one side of powers of two.

    Ulps differ there by a factor of 2: what is rounded above one is compared
    with the larger ones.  With `scaled` there is a box for each exponent.
    """
    low, high = np.asarray(low, Real), np.asarray(high, Real)
    owner = np.arange(len(low))
    program, scaled = form.program, form.scaled
    n = np.zeros(len(low), np.int64)
    if scaled is not None:
        by_log2 = enclosures(program, low, high, scaled)[scaled].log()
        unit = np.log(Real(2))
        first = np.floor(by_log2.low / unit - MARGIN + Real(0.5))
        last = np.floor(by_log2.high / unit + MARGIN + Real(0.5))
        first = np.nan_to_num(first, nan=0.0, posinf=0.0, neginf=0.0)
        count = np.clip(np.nan_to_num(last - first + 1), 1, MOST_WAYS + 1)
        ways = [(owner, first + k, count > k) for k in range(MOST_WAYS + 1)]
        owner = np.concatenate([o[use] for o, _, use in ways])
        n = np.concatenate([v[use] for _, v, use in ways]).astype(np.int64)
        low, high = low[owner], high[owner]
        if form.signed:
            n = np.maximum(n, 0)
    exact = enclosures(program, low, high, scaled, n)
    names = _results(program)
    value = exact[program.statements[-1][0]]
    known = (value.least > 0) & np.isfinite(value.size)
    edge = power2(exponent(np.where(known, value.least, Real(1))) + 1)
    crossing = known & (edge < value.size)
    size_low = np.where(known, value.least, Real(0))
    below = Span(size_low, np.where(crossing, edge, value.size))
    above = Span(edge, value.size)
    sign = np.where(value.high < 0, Real(-1), Real(1))
    both = np.concatenate([np.arange(len(low)), np.nonzero(crossing)[0]])
    sizes = Span(
        np.concatenate([below.low, above.low[crossing]]),
        np.concatenate([below.high, above.high[crossing]]),
    )
    spread = {
        name: Span(span.low[both], span.high[both])
        for name, span in exact.items()
    }
    held = known[both]
    for name, turned in names.items():
        s = sign[both] * turned
        ends = sizes.low * s, sizes.high * s
        mine = Span(np.minimum(*ends), np.maximum(*ends))
        old = spread[name]
        spread[name] = Span(
            np.where(held, mine.low, old.low),
            np.where(held, mine.high, old.high),
        )
    return Boxes(
        low[both], high[both], spread, owner[both], (low == high)[both]
    )


def _results(program: Program) -> dict[str, int]:
    """The result and what it is the negative of, with their signs."""
    (name, node), sign = program.statements[-1], 1
    table = dict(program.statements)
    names = {name: 1}
    while isinstance(node, Op) and node.name == "neg":
        (inner,) = node.args
        if not isinstance(inner, Var) or inner.name not in table:
            break
        sign = -sign
        names[inner.name] = sign
        node = table[inner.name]
    return names


def is_power_of_two(node: Expr) -> bool:
    """Whether a product with it is exact."""
    if node == Var(UNIT):
        return True
    if not isinstance(node, Const) or not node.value:
        return False
    top = abs(node.value.numerator)
    bottom = node.value.denominator
    return top & (top - 1) == 0 and bottom & (bottom - 1) == 0


def is_far(node: Expr) -> bool:
    """Whether it is a number so far from 1 that a product stands behind a
    clip: graphs make (c a) b into (c b) a.

    Of others the analysis counts what that may lose, and saves the clip.
    """
    if not isinstance(node, Const) or not node.value:
        return False
    return not Fraction(1, FAR) < abs(node.value) < FAR
