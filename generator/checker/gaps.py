"""How far a piece is from f in exact arithmetic, over an interval.

The difference is expanded about a center with a remainder (enclosure.py);
where that does not suffice the interval is halved, or the center moved to
the simplest rational number inside: a removable point has to be a center.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from flint import arb
from flint import arb_poly
from flint import ctx

from .enclosure import Chart
from .enclosure import regular_chart
from .formula import Node
from .formula import X
from .formula import number
from .formula import replaced
from .values import Part
from .values import Unknown
from .values import Value
from .values import ball

PIECES = 16  # of an interval, on which a polynomial's range is taken
DEPTH = 13  # halvings
BITS = (256, 1024, 4096, 12288)  # tried in turn: cancellation takes bits
EXTRA = 14  # coefficients beyond the degree of the piece


@dataclass(frozen=True)
class Target:
    """What a piece is to equal: sign * (d/dt)**order of a formula + shift."""

    node: Node
    order: int
    sign: int = 1

    def on(self, chart: Chart) -> Value:
        """Its enclosure."""
        value = chart.evaluate(self.node)
        for _ in range(self.order):
            value = chart.derivative(value)
        return scaled(chart, value, self.sign)


@dataclass(frozen=True)
class Gap:
    """|piece - f| <= size |x - center|**order for low <= x <= high."""

    low: Fraction
    high: Fraction
    size: arb


def scaled(chart: Chart, value: Value, sign: int) -> Value:
    """sign * value."""
    if sign == 1:
        return value
    return chart.mul(value, chart.number(arb(sign)))


def mirrored(node: Node) -> Node:
    """f(-x)."""
    return replaced(node, number(-1) * X)


def simplest(low: Fraction, high: Fraction) -> Fraction:
    """The rational number of least denominator in [low, high]."""
    if low <= 0 <= high:
        return Fraction(0)
    if high < 0:
        return -simplest(-high, -low)
    whole = -(-low.numerator // low.denominator)
    if whole <= high:
        return Fraction(whole)
    floor = whole - 1
    return floor + 1 / simplest(1 / (high - floor), 1 / (low - floor))


@dataclass
class Judge:
    """Bounds the gap of one piece.

    Attributes:
        piece: its formula.
        degree: of it, a guide for how many coefficients to take.
        zero: the place where f and the piece vanish, if the gap is to be
            relative to a power of the distance from it; None elsewhere.
        order: that power.
        relative: bound |piece / f - 1| instead; f does not vanish.
        tight: take as many bits as make the gap as small as it is.
        enough: a gap that need not be made smaller.
        spacing: the least distance of another float from a center.
    """

    target: Target
    piece: Node
    degree: int
    enough: arb
    spacing: Callable[[Fraction], Fraction]
    zero: Fraction | None = None
    order: int = 0
    relative: bool = False
    tight: bool = False

    def over(self, low: Fraction, high: Fraction) -> list[Gap]:
        """Gaps of intervals that cover [low, high].

        Raises:
            Unknown: f could not be enclosed well enough; the text says
                where, and the best that was found.
        """
        done: list[Gap] = []
        home = simplest(low, high)
        stack = [(low, high, 0)]
        while stack:
            a, b, depth = stack.pop()
            try:
                done.append(self._try(a, b, home))
                continue
            except Unknown as error:
                reason = error
            if depth == DEPTH:
                raise Unknown(
                    f"on [{float(a):.6g}, {float(b):.6g}]: {reason}"
                ) from None
            middle = (a + b) / 2
            if self.zero is not None and a < self.zero < b:
                middle = self.zero
            stack += [(middle, b, depth + 1), (a, middle, depth + 1)]
        return done

    def _try(self, low: Fraction, high: Fraction, home: Fraction) -> Gap:
        centers = [(low + high) / 2]
        if self.zero is not None and low <= self.zero <= high:
            centers = [self.zero]
        else:
            # Also outside: what cancels about a removable point does so in
            # powers of the distance from it alone.
            beside = high - low
            wider = simplest(low - beside, high + beside)
            for round_one in (simplest(low, high), wider, home):
                if round_one not in centers:
                    centers.append(round_one)
        reason: Unknown | None = None
        for center in centers:
            for bits in BITS:
                try:
                    gap, exact = self._once(low, high, center, bits)
                except Unknown as error:
                    reason = error
                    break
                if gap.size <= self.enough and (exact or not self.tight):
                    return gap
                reason = Unknown(
                    f"gap {gap.size.str(5)}, expected at most "
                    f"{self.enough.str(5)}"
                )
                if exact:  # more bits would not help, nor another center
                    raise reason
        raise reason or Unknown("no center")

    def _once(
        self, low: Fraction, high: Fraction, center: Fraction, bits: int
    ) -> tuple[Gap, bool]:
        n = self.degree + EXTRA
        before = ctx.prec, ctx.cap
        ctx.prec, ctx.cap = bits, n
        try:
            chart = regular_chart(low, center, high, n)
            f = self.target.on(chart)
            p = chart.evaluate(self.piece)
            difference = chart.add(p, scaled(chart, f, -1))
            part, by_least = difference.plain, self.relative
            if self.relative:
                try:
                    part = chart.mul(difference, chart.inverse(f)).plain
                    by_least = False
                except Unknown:
                    pass  # an enclosure of f holds 0: divide by its least
            a, b = ball(low - center), ball(high - center)
            nearest = ball(self.spacing(center))
            at_zero = self.zero is not None and center == self.zero
            order = self.order if at_zero else 0
            size, exact, loose = sup(part, a, b, order, nearest)
            if self.tight and loose and size > self.enough * arb(2) ** -10:
                raise Unknown("a box that is too wide for a tight bound")
            if self.zero is not None and not at_zero:
                distance = min(abs(low - self.zero), abs(high - self.zero))
                size = (size / ball(distance) ** self.order).abs_upper()
            if by_least:
                size = arb((size / lower(f.plain, a, b)).abs_upper())
                if not size.is_finite():
                    raise Unknown("f may vanish in the box")
            return Gap(low, high, size), exact
        finally:
            ctx.prec, ctx.cap = before


def sup(
    part: Part, a: arb, b: arb, order: int, nearest: arb
) -> tuple[arb, bool, bool]:
    """Bound of |part| / |s|**order for a <= s <= b, |s| >= nearest or s = 0.

    Terms that would be infinite at s = 0 are the coefficients of a pole
    that is not there, or of a zero, enclosed to so many bits that they do
    not count at the float nearest to it.

    Also whether the coefficients are so exact that more bits would not
    make it much smaller, and whether the remainder is much of it.
    """
    ps = part.p.coeffs()
    shift = part.v - order  # exponent of the first term
    tiny = arb(0)
    for k, c in enumerate(ps[: max(0, -shift)]):
        if c == 0:
            continue
        tiny += abs(c) * nearest ** (k + shift)
    reach = arb(abs(a).abs_upper()).max(arb(abs(b).abs_upper()))
    rest, kept = _remainder(part, reach, shift)
    terms = [*([arb(0)] * max(0, shift)), *ps[max(0, -shift) :]]
    terms = terms[: max(kept + shift, 0)]
    blur = _sum(arb(c.rad()) * reach**k for k, c in enumerate(terms))
    poly = arb_poly([arb(c.mid()) for c in terms])
    top = arb(0)
    for middle, half in _slices(a, b):
        moved = poly(arb_poly([middle, half])).coeffs()
        top = top.max(arb(_sum(abs(c) for c in moved).abs_upper()))
    total = arb((top + blur + rest + tiny).abs_upper())
    return total, bool(blur + tiny <= top + rest), bool(rest * 64 > top)


def _remainder(part: Part, reach: arb, shift: int) -> tuple[arb, int]:
    """The least bound of q_k s**(k + shift), and its k."""
    qs = part.q.coeffs()
    best, kept = None, 0
    for k in range(max(1, -shift), min(part.p.prec, part.q.prec)):
        q = qs[k] if k < len(qs) else arb(0)
        size = arb((abs(q) * reach ** (k + shift)).abs_upper())
        if best is None or size < best:
            best, kept = size, k
    if best is None or not best.is_finite():
        raise Unknown("too few coefficients")
    return best, kept


def lower(part: Part, a: arb, b: arb) -> arb:
    """A lower bound of |f| for a <= s <= b, perhaps 0."""
    if part.v:
        return arb(0)
    reach = arb(abs(a).abs_upper()).max(arb(abs(b).abs_upper()))
    rest, kept = _remainder(part, reach, 0)
    poly = arb_poly(part.p.coeffs()[:kept])
    least = arb("inf")
    for middle, half in _slices(a, b):
        moved = poly(arb_poly([middle, half])).coeffs()
        if not moved:
            return arb(0)
        spread = _sum(abs(c) for c in moved[1:])
        least = least.min(arb((abs(moved[0]) - spread - rest).lower()))
    return least if least > 0 else arb(0)


def _slices(a: arb, b: arb) -> list[tuple[arb, arb]]:
    """Middles and half widths of slices that cover [a, b]."""
    half = arb(((b - a) / (2 * PIECES)).abs_upper())
    return [
        (arb((a + half * (2 * i + 1)).mid()), half * arb("1.000001"))
        for i in range(PIECES)
    ]


def _sum(values: Iterable[arb]) -> arb:
    return sum(values, arb(0))
