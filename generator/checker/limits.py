"""Where results leave the range of the format: f has to as well.

log |f| is enclosed octave by octave in the chart of the end, or box by box
where that says too little.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from flint import arb
from flint import ctx

from .claims import Format
from .claims import Piece
from .claims import exact
from .claims import real
from .enclosure import Chart
from .enclosure import regular_chart
from .endcharts import end_chart
from .endcharts import exponential_chart
from .gaps import Target
from .gaps import lower
from .gaps import sup
from .lanes import Span
from .lanes import from_ordinals
from .lanes import ordinals
from .tails import BITS
from .tails import COUNTS
from .tails import OCTAVE_BITS
from .tails import chart_of
from .tails import sum_at
from .values import Unknown
from .values import Value
from .values import ball
from .values import rational

# Tried in turn: at the edge of the format |f| exceeds it by 2**-53 only, and
# a ball's radius has 30 bits.
STEPS = ("0.75", "0.9", "0.99", "0.999", *(f"0.{'9' * k}" for k in (6, 9, 12)))
STEPS = (*STEPS, *(f"0.{'9' * k}" for k in (15, 18, 21)))


MOST_BOXES = 400  # into which a kink divides an interval at most


@dataclass(frozen=True)
class Tail:
    """f at an end: |sum log(w)**j parts[j]| w**v exp(g(1/w))."""

    chart: Chart
    value: Value

    def lead(self) -> int:
        """The least power of w whose coefficient is not known to be 0."""
        found = []
        for part in self.value.parts.values():
            ps = part.p.coeffs()
            zeros = 0
            while zeros < len(ps) and ps[zeros].contains(0):
                zeros += 1
            found.append(part.v + (zeros if zeros < len(ps) else 0))
        return min(found)

    def size_over(self, low: arb, high: arb) -> tuple[arb, arb]:
        """Bounds of log |f| for low <= w <= high; the first may be -oo."""
        w = low.union(high)
        v = self.lead()
        size = abs(sum_at(self.value.parts, v, w))
        g = sum((ball(c) * w**-k for k, c in self.value.scale), arb(0))
        g += v * low.log().union(high.log())
        top = arb(size.abs_upper()).log() + g
        if not size > 0:
            return arb("-inf"), arb(top.upper())
        return arb((size.log() + g).lower()), arb(top.upper())


def check_limit(
    end: Piece, target: Target, fmt: Format, low: Fraction, high: Fraction
) -> str | None:
    """Whether f is the end's limit, to the format, at such distances.

    Returns:
        what is wrong, or None.
    """
    limit = real(end.raw("limit"))
    before = ctx.prec, ctx.cap
    try:
        ctx.prec, ctx.cap = BITS, COUNTS[1]
        bound = low if end.raw("point") is None else high
        chart = chart_of(end, bound, COUNTS[1])
        f = target.on(chart)
        return _limit(end, target, f, chart, fmt, low, high, limit)
    except Unknown as error:
        return str(error)
    finally:
        ctx.prec, ctx.cap = before


@dataclass(frozen=True)
class Boxed:
    """Bounds of log |f| on one box of x."""

    least: arb
    most: arb

    def size_over(self, low: arb, high: arb) -> tuple[arb, arb]:
        """As of a `Tail`."""
        del low, high
        return self.least, self.most


def _boxed(target: Target, side: int, low: arb, high: arb) -> Boxed:
    """For low <= 1/|x| <= high, where charts know too little."""
    ends = sorted(
        (side * rational(arb((1 / w).mid())) for w in (low, high)),
    )
    # A little wider: the ends were rounded.
    a, b = ends[0] - abs(ends[0]) / 2**60, ends[1] + abs(ends[1]) / 2**60
    middle = (a + b) / 2
    before = ctx.prec
    ctx.prec = BITS
    f = target.on(regular_chart(a, middle, b, ctx.cap)).plain
    ctx.prec = before
    s, t = ball(a - middle), ball(b - middle)
    most, _, _ = sup(f, s, t, 0, arb(1))
    return Boxed(lower(f, s, t).log(), arb(most.log().upper()))


def _beyond(
    tail: Tail | Boxed, low: arb, high: arb, fmt: Format, limit: float
) -> str | None:
    """What keeps f from being its limit for low <= w <= high."""
    least, most = tail.size_over(low, high)
    if math.isinf(limit):
        top = ball(fmt.max_finite).log()
        return None if least > top else "|f| may be finite"
    if limit == 0:
        tiny = ball(Fraction(2) ** fmt.emin).log()
        return None if most < tiny else "|f| may be above 2**emin"
    near = abs(arb(limit)).log()
    reach = arb(2) ** (-fmt.precision)
    if least > near - reach and most < near + reach:
        return None
    return f"f may be further than an ulp from {limit}"


def _limit(
    end: Piece,
    target: Target,
    f: Value,
    chart: Chart,
    fmt: Format,
    low: Fraction,
    high: Fraction,
    limit: float,
) -> str | None:
    root = end.whole("root")
    sign = -1 if end.raw("point") is None else 1
    ws = sorted((ball(t).root(root) ** sign for t in (low, high)), key=float)
    tail = Tail(chart, f)
    w = arb(ws[1])
    ctx.prec = OCTAVE_BITS
    while w > ws[0] * arb("0.9999"):
        # Near the threshold f is near the edge of the format: small steps.
        for part in STEPS:
            step = arb((w * arb(part)).mid())
            wrong = _beyond(tail, arb(step), arb(w), fmt, limit)
            if wrong is not None and part == "0.99" and sign < 0 and root == 1:
                tail_box = _boxed(target, end.whole("side"), step, w)
                wrong = _beyond(tail_box, step, w, fmt, limit)
            if wrong is None:
                break
        else:
            return f"{wrong} at w = {float(w):.4g}"
        w = step
    total = sum_at(f.parts, tail.lead(), arb(ws[1]))
    if limit and math.copysign(1, limit) * float(total.mid()) < 0:
        return "the limit has the wrong sign"
    return None


def is_constant(
    end: Piece, own: list[Span], target: Target, fmt: Format
) -> bool:
    """Whether f and the form are the limit exactly on the form's floats.

    So is f'' where f is linear: its Taylor series has one coefficient, over
    all of an interval.  A kink between two floats divides it.
    """
    if end.kind != "end" or end.whole("power") or end.whole("level"):
        return False
    factors, limit = end.raw("factors"), real(end.raw("limit"))
    if len(factors) != 1 or factors[0]["rest"] or not math.isfinite(limit):
        return False
    if exact(factors[0]["head"]) + exact(factors[0]["tail"]) != limit:
        return False
    stack = [tuple(int(ordinals(v, fmt)) for v in (s.low, s.high)) for s in own]
    tried = 0
    while stack:
        a, b = stack.pop()
        low, high = (Fraction(float(from_ordinals(np.array(n), fmt)))
                     for n in (a, b))  # fmt: skip
        tried += 1
        if _is_flat(target, low, high, limit):
            continue
        if a == b or tried > MOST_BOXES:
            return False
        middle = (a + b) // 2
        stack += [(a, middle), (middle + 1, b)]
    return bool(own)


def _is_flat(
    target: Target, low: Fraction, high: Fraction, limit: float
) -> bool:
    """Whether f is the limit on an interval, exactly."""
    n = 2 + target.order
    before = ctx.prec, ctx.cap
    try:
        ctx.prec, ctx.cap = OCTAVE_BITS, n
        f = target.on(regular_chart(low, (low + high) / 2, high, n)).plain
    except Unknown:
        return False
    finally:
        ctx.prec, ctx.cap = before
    ps, qs = f.p.coeffs(), f.q.coeffs()
    flat = f.v == 0 and all(c == 0 for c in [*ps[1:], *qs[1:]])
    return bool(flat and (ps[0] if ps else 0) == limit)


def check_value(
    end: Piece, target: Target, fmt: Format, ulps: float | None = None
) -> str | None:
    """Whether an end's limit is f's: by the leading term in its chart.

    Args:
        ulps: how far it may be from that; by default as far as 1 ulp is.

    Returns:
        what is wrong, or None.
    """
    limit = real(end.raw("limit"))
    found: float | None = None
    reason = ""
    before = ctx.prec, ctx.cap
    try:
        for n in COUNTS:
            ctx.prec, ctx.cap = BITS, n
            try:
                found, reason = limit_of(target.on(_far_chart(end, n))), ""
            except Unknown as error:
                reason = str(error)
            if found is not None:
                break
    finally:
        ctx.prec, ctx.cap = before
    if reason:
        return reason
    if found is None:
        found = 0.0  # smaller than every power of w
    if math.isinf(limit) or math.isinf(found):
        return None if limit == found else f"the limit is {found}"
    room = abs(found) * 2.0 ** (1 - fmt.precision)
    if ulps is not None:
        _, e = math.frexp(found)
        room = ulps * 2.0 ** (e - fmt.precision)
    near = abs(found - limit) <= room
    return None if near else f"the limit is {found}, claimed {limit}"


def _far_chart(end: Piece, n: int) -> Chart:
    """A chart of the end, no matter how small."""
    if not end.whole("level"):
        far = Fraction(2) ** (-40 if end.raw("point") is not None else 40)
        return chart_of(end, far, n)
    exponents = {int(p): exact(c) for p, c in end.raw("exponent")}
    rate = exponents.get(1, Fraction(0)) * end.whole("level")
    far, unit = 2 * end["bound"], rate.denominator
    return exponential_chart(end.whole("side"), unit, ball(far), n)


def point_chart(side: int, n: int, root: int = 1) -> Chart:
    """A chart of infinity, no matter how far out."""
    return end_chart(None, side, root, ball(Fraction(1, 2**40)), n)


def limit_of(f: Value) -> float | None:
    """Of exp(scale) sum log(w)**j w**v_j A_j as w -> 0.

    None where no coefficient is known not to be 0.
    """
    if f.scale:
        grows = f.scale[-1][1] > 0
        part = f.only[1]
        return (
            math.copysign(math.inf, float(part.p.coeffs()[0])) if grows else 0.0
        )
    leads = []
    for j, part in f.parts.items():
        ps = part.p.coeffs()
        zeros = 0
        while zeros < len(ps) and ps[zeros].contains(0):
            zeros += 1
        if zeros < len(ps):
            leads.append((part.v + zeros, -j, float(ps[zeros].mid())))
    if not leads:
        return None
    v, minus_j, first = min(leads)
    if v > 0:
        return 0.0
    if v == 0 and minus_j == 0:
        return first
    if v == 0 and minus_j > 0:  # 1 / log
        return 0.0
    # log w -> -oo
    return math.copysign(math.inf, first * (-1) ** minus_j)
