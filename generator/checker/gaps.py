"""How far a piece is from f in exact arithmetic, over an interval.

The difference is expanded about a center with a remainder (enclosure.py);
where that does not suffice the interval is halved, or the center moved to
the simplest rational number inside: a removable point has to be a center.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
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
from .polynomials import largest
from .polynomials import upwards
from .values import Part
from .values import Unknown
from .values import Value
from .values import ball

PIECES = 16  # of an interval, on which the least of f is taken
DEPTH = 13  # halvings
BITS = (128, 256, 1024, 4096, 12288)  # tried in turn: cancellation takes bits
LATE, CLOSE = 4, 4  # halvings, and times what is enough
EXTRA = 14  # coefficients beyond the degree of the piece


@dataclass(frozen=True)
class Target:
    """What a piece is to equal: sign * (d/dt)**order of a formula.

    Attributes:
        depths: how often the interval of a piece is halved at once, from
            how often that of the last one, beside it, had to be.
    """

    node: Node
    order: int
    sign: int = 1
    depths: list[int] = field(default_factory=list, compare=False, kw_only=True)

    def on(self, chart: Chart) -> Value:
        """Its enclosure."""
        value = chart.evaluate(self.node)
        for _ in range(self.order):
            value = chart.derivative(value)
        return scaled(chart, value, self.sign)


@dataclass(frozen=True)
class Gap:
    """|piece - f| <= size |x - center|**order for low <= x <= high.

    Attributes:
        loose: whether the remainder is much of it.
    """

    low: Fraction
    high: Fraction
    size: arb
    loose: bool = False


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
        depths: list[int] = []
        first = sum(self.target.depths) if self.zero is None else 0
        parts = 2**first
        edges = [low + (high - low) * k / parts for k in range(parts + 1)]
        stack = [(a, b, first) for a, b in itertools.pairwise(edges)]
        while stack:
            a, b, depth = stack.pop()
            try:
                done.append(self._try(a, b, (low, high), depth))
                depths.append(depth)
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
        if self.zero is None:
            # Without a remainder to speak of half as many would do as well.
            spare = min(depths) > 0 and not any(gap.loose for gap in done)
            self.target.depths[:] = [min(depths) - spare]
        return done

    def _centers(
        self, low: Fraction, high: Fraction, whole: tuple[Fraction, Fraction]
    ) -> Iterator[Fraction]:
        """Where to expand, in turn; round ones are found when asked for."""
        if self.zero is not None and low <= self.zero <= high:
            yield self.zero
            return
        yield (low + high) / 2
        yield simplest(low, high)
        # Also outside: what cancels about a removable point does so in
        # powers of the distance from it alone.
        beside = high - low
        yield simplest(low - beside, high + beside)
        yield simplest(*whole)

    def _try(
        self,
        low: Fraction,
        high: Fraction,
        whole: tuple[Fraction, Fraction],
        depth: int,
    ) -> Gap:
        reason: Unknown | None = None
        tried: set[Fraction] = set()
        for center in self._centers(low, high, whole):
            if center in tried:
                continue
            tried.add(center)
            for bits in BITS:
                try:
                    gap, exact = self._once(low, high, center, bits)
                except Unknown as error:
                    reason = error
                    if bits == BITS[0] and depth >= LATE:
                        continue
                    break
                if gap.size <= self.enough and (exact or not self.tight):
                    return gap
                reason = Unknown(
                    f"gap {gap.size.str(5)}, expected at most "
                    f"{self.enough.str(5)}"
                )
                # More bits would not help, nor another center.  The first
                # ones are few: where it is close, or halved in vain, they may
                # be what the remainder is made of, and next to a removable
                # point another center may do.
                close = depth >= LATE or gap.size <= self.enough * CLOSE
                if exact and (bits > BITS[0] or not close):
                    if depth >= LATE and gap.loose:
                        break
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
            return Gap(low, high, size, loose), exact
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
    blur, top = largest(terms, a, b, reach)
    total = arb((top + blur + rest + tiny).abs_upper())
    return total, bool(blur + tiny <= top + rest), bool(rest * 64 > top)


def _remainder(part: Part, reach: arb, shift: int) -> tuple[arb, int]:
    """The least bound of q_k s**(k + shift), and its k."""
    first, count = max(1, -shift), min(part.p.prec, part.q.prec)
    if first >= count:
        raise Unknown("too few coefficients")
    sizes = upwards(part.q.coeffs(), reach)
    sizes += [arb(0)] * (count - len(sizes))
    kept = min(range(first, count), key=sizes.__getitem__)
    best = arb((sizes[kept] * reach**shift).abs_upper())
    if not best.is_finite():
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
        spread = sum((abs(c) for c in moved[1:]), arb(0))
        least = least.min(arb((abs(moved[0]) - spread - rest).lower()))
    return least if least > 0 else arb(0)


def _slices(a: arb, b: arb) -> list[tuple[arb, arb]]:
    """Middles and half widths of slices that cover [a, b]."""
    half = arb(((b - a) / (2 * PIECES)).abs_upper())
    return [
        (arb((a + half * (2 * i + 1)).mid()), half * arb("1.000001"))
        for i in range(PIECES)
    ]
