"""Ends of a domain where f is a constant to every float.

Where f has no expansion as x -> oo (two exponentials, neither a power of the
other; x**x; exponentials of exponentials) it leaves the range of the format
after a while, or settles.  From there on the result is 0, an infinity or a
constant; before that, rows will do.  That f stays there is shown in interval
arithmetic, box by box up to the last float.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import sympy
from flint import arb
from flint import ctx

from ..analysis.roots import ball
from ..analysis.roots import interval
from ..errors import NotProvedError
from ..numbers.evaluate import evaluate
from ..numbers.floats import FloatFormat
from ..numbers.floats import floor_log2
from ..numbers.floats import power2
from ..numbers.floats import to_arb
from ..numbers.floats import to_fraction
from ..numbers.magnitudes import MagnitudeAlgebra
from .end_kinds import Factor
from .end_kinds import FloatEnd

STARTS = [Fraction(3, 2) ** k for k in range(-2, 24)]
NEARER = [Fraction(3, 2) ** k for k in range(-80, -2)]
DEPTH = 12  # halvings of one box
MOST_BOXES = 12_000  # looked at in all: a few seconds
FINER = 5  # bisections of the place where the end begins
SETTLED = 6  # f within 2**-(p + SETTLED) of its limit, relatively


@dataclass(frozen=True)
class _Target:
    """What f is to be: 0, an infinity, or next to a number."""

    fmt: FloatFormat
    limit: float
    near: arb | None = None

    def holds(self, expr: sympy.Expr, x: arb) -> bool:
        """Whether f is that on all of x."""
        size = evaluate(expr, MagnitudeAlgebra(x))
        if size is not None:
            if math.isinf(self.limit):
                high = to_arb(self.fmt.max_finite).log()
                return bool(size.low > high and size.sign * self.limit > 0)
            if self.near is None and size.high < power2(self.fmt.emin).log():
                return True
        value = ball(expr, x)
        if self.near is None:
            small = value.is_finite() and math.isfinite(self.limit)
            return bool(small and value.abs_upper() < power2(self.fmt.emin))
        reach = power2(-self.fmt.precision - SETTLED)
        if value.is_finite():
            gap = abs(value / self.near - 1)
            if gap.upper() < reach:
                return True
        if size is None or (size.sign > 0) != bool(self.near > 0):
            return False
        middle = abs(self.near).log()
        return bool(size.low > middle - reach and size.high < middle + reach)


def _target(expr: sympy.Expr, x: Fraction, fmt: FloatFormat) -> _Target | None:
    """What f is at x."""
    size = evaluate(expr, MagnitudeAlgebra(to_arb(x)))
    if size is not None and size.low > to_arb(fmt.max_finite).log():
        return _Target(fmt, size.sign * math.inf)
    value = ball(expr, to_arb(x))
    if size is not None and size.high < power2(fmt.emin).log():
        return _Target(fmt, 0.0)
    if not value.is_finite():
        return None
    if value.abs_upper() < power2(fmt.emin):
        return _Target(fmt, 0.0)
    if value.contains(0):
        return None
    near = arb(value.mid())
    return _Target(fmt, float(fmt.round(to_fraction(near))), near)


def zero_form(
    side: int, fmt: FloatFormat, bound: Fraction = Fraction(0)
) -> FloatEnd:
    """0 on a half-line, such as the third derivative of x**2."""
    target = _Target(fmt, 0.0)
    return _form(None, side, bound, fmt.max_finite, target, "f is 0")


def flat_form(
    expr: sympy.Expr,
    variable: sympy.Symbol,
    point: Fraction | None,
    side: int,
    fmt: FloatFormat,
    bits: int,
    check_time: Callable[[], None] = lambda: None,
    most: int = MOST_BOXES,
    any_scale: bool = False,
) -> FloatEnd:
    """The form for x -> point (None: infinity) from that side.

    Args:
        most: boxes looked at before it is given up.
        any_scale: whether it may begin much nearer to 0 than is usual.

    Raises:
        NotProvedError: f does not become constant, or it could not be shown
            that it stays so.
    """
    last = fmt.max_finite
    if point is None:
        moved = expr.xreplace({variable: side * variable})
    else:  # t = 1/u goes to 0
        base = sympy.Rational(point.numerator, point.denominator)
        moved = expr.xreplace({variable: base + side / variable})
        last = 1 / fmt.smallest_subnormal
    boxes = _Boxes(moved, last, check_time, most)
    with ctx.workprec(bits):
        begun, target = Fraction(0), None
        before = Fraction(0)
        for start in (NEARER + STARTS) if any_scale else STARTS:
            target = _target(moved, start * 3 / 2, fmt)
            if target and boxes.always(start, target):
                begun = start
                break
            before = start
        if not begun or target is None:
            raise NotProvedError("f does not become constant")
        for _ in range(FINER):
            middle = (before + begun) / 2
            if boxes.stay(middle, begun, target):
                begun = middle
            else:
                before = middle
    bound = begun if point is None else 1 / begun
    # On a grid that every format has, outwards.
    unit = Fraction(2) ** (floor_log2(bound) - 8)
    steps = -(-bound // unit) if point is None else bound // unit
    bound = steps * unit
    word = "within a rounding of its limit"
    if target.near is None:
        word = "above the largest number" if target.limit else "below 2**emin"
    cut = bound - unit / 2 if point is None else bound
    note = f"|f| is {word} of {fmt.name}, shown box by box"
    return _form(point, side, bound, cut, target, note)


def _form(
    point: Fraction | None,
    side: int,
    bound: Fraction,
    cut: Fraction,
    target: _Target,
    note: str,
) -> FloatEnd:
    head = Fraction(target.limit) if target.near is not None else Fraction(0)
    ulp = 0.5 + 2.0 ** (1 - SETTLED) if head else 0.0
    return FloatEnd(
        point=point,
        side=side,
        bound=bound,
        cut=cut,
        limit=target.limit,
        power=0,
        factor=Factor(head, Fraction(0), ()),
        ulp=ulp,
        note=note,
    )


@dataclass
class _Boxes:
    """Boxes of x on which f is asked to be a target.

    Attributes:
        last: the last float, where the search ends.
        left: how many may still be looked at.
    """

    expr: sympy.Expr
    last: Fraction
    check_time: Callable[[], None]
    left: int

    def stay(self, a: Fraction, b: Fraction, target: _Target) -> bool:
        """Whether f is the target to the format on all of [a, b]."""
        stack = [(a, b, 0)]
        while stack:
            low, high, depth = stack.pop()
            self.left -= 1
            if self.left < 0:
                raise NotProvedError("too many steps in a search for an end")
            if target.holds(self.expr, interval(low, high)):
                continue
            if depth == DEPTH:
                return False
            middle = (low + high) / 2
            stack += [(middle, high, depth + 1), (low, middle, depth + 1)]
        return True

    def always(self, start: Fraction, target: _Target) -> bool:
        """The same on [start, last], in boxes that double."""
        low = start
        while low < self.last:
            self.check_time()
            high = min(2 * low, self.last)
            if not self.stay(low, high, target):
                return False
            low = high
        return True
