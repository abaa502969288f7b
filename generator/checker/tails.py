"""End forms against f, in a chart of the end (enclosure.py).

With f = exp(g) w**v (A_0 + log(w) A_1 + ...) and the form alike with
polynomials P_j, the relative gap is that of the sums, octave by octave of
w down to the last float:

    |sum log(w)**j (P_j - A_j)| / |sum log(w)**j A_j|.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from flint import arb
from flint import arb_poly
from flint import ctx

from .claims import Format
from .claims import Piece
from .claims import end_formula
from .claims import exact
from .enclosure import Chart
from .endcharts import end_chart
from .endcharts import exponential_chart
from .formula import Node
from .gaps import Judge
from .gaps import Target
from .gaps import scaled
from .polynomials import upwards
from .values import Part
from .values import Unknown
from .values import Value
from .values import ball

BITS = 4500  # what cancels at 1/max_finite has to be seen to cancel
CHOICE_BITS = 53
OCTAVE_BITS = 128  # for the size of f, octave by octave
COUNTS = (8, 16, 28, 44, 70)  # coefficients, tried in turn
SLICES = 12
FINE = 128  # parts of the first octave
MOST_OCTAVES = 8  # by which the chart of an end may begin further out


def sum_at(parts: dict[int, Part], v: int, w: arb) -> arb:
    """sum log(w)**j w**(v_j - v) A_j(w) over an interval of w."""
    total = arb(0)
    for j, part in parts.items():
        total += w.log() ** j * _at(part, v, w)
    return total


def _at(part: Part, v: int, w: arb) -> arb:
    """w**(part.v - v) A(w); what is below w**v has to be tiny."""
    shift = part.v - v
    ps, qs = part.p.coeffs(), part.q.coeffs()
    tiny = arb(0)
    for k, c in enumerate(ps[: max(0, -shift)]):
        if c != 0:
            tiny += abs(c) * w.lower() ** (k + shift)
    known = range(max(0, -shift), min(part.p.prec, part.q.prec))
    if not known:
        raise Unknown("too few coefficients")
    with ctx.workprec(CHOICE_BITS):  # which k is chosen proves nothing
        sizes = upwards(qs, w.upper())
        sizes += [arb(0)] * (known.stop - len(sizes))
        n = min(known, key=sizes.__getitem__)
    q = qs[n] if n < len(qs) else arb(0)
    poly = arb_poly([*([arb(0)] * max(0, shift)), *ps[max(0, -shift) : n]])
    return poly(w) + q * w ** (n + shift) + arb(0, tiny.abs_upper())


def chart_of(end: Piece, bound: Fraction, n: int) -> Chart:
    """The chart that reaches from the end to `bound`."""
    point, root = end.raw("point"), end.whole("root")
    t = ball(bound)
    radius = t.root(root) if root > 1 else t
    if point is None:
        radius = 1 / radius
    at = None if point is None else exact(point)
    return end_chart(at, end.whole("side"), root, radius, n)


def check_form(end: Piece, target: Target, fmt: Format, claim: float) -> float:
    """Bound of |form / f - 1| from the form's bound to its cut.

    Far out in a chart of the end, nearer in box by box; with exponentials
    of multiples of x in powers of exp(-|x|).

    Raises:
        Unknown: it is above the claim, or could not be found.
    """
    infinite = end.raw("point") is None
    bound = end["bound"]
    reason: Unknown | None = None
    if end.whole("level") and _is_of_x(end):
        return _exponential_form(end, target, claim)
    start = bound
    for _ in range(MOST_OCTAVES):
        try:
            found = relative_gap(end, target, fmt, start, claim)
        except Unknown as error:
            reason = error
        else:
            if found <= claim:
                return max(found, _boxes(end, target, fmt, claim, start))
            reason = Unknown(f"gap {found:.4g}, expected {claim:.4g}")
        start = start * 2 if infinite else start / 2
    raise reason or Unknown("no chart")


def _is_of_x(end: Piece) -> bool:
    """Whether exponentials are those of multiples of x."""
    exponents = {int(p): exact(c) for p, c in end.raw("exponent")}
    return (
        end.raw("point") is None
        and set(exponents) == {1}
        and bool(exponents[1])
    )


def _exponential_form(end: Piece, target: Target, claim: float) -> float:
    """The same in powers of exp(-|x|)."""
    rate = exact(end.raw("exponent")[0][1]) * end.whole("level")
    reason: Unknown | None = None
    for n in COUNTS[:2]:
        before = ctx.prec, ctx.cap
        try:
            ctx.prec, ctx.cap = BITS, n
            unit = rate.denominator
            bound = ball(end["bound"])
            chart = exponential_chart(end.whole("side"), unit, bound, n)
            v = int(rate * unit)
            octaves = math.ceil(float(end["cut"] - end["bound"]) * 1.45 / unit)
            piece = end_formula(end)
            found = chart_gap(chart, piece, target, v, octaves + 2, claim)
            if found <= claim:
                return found
            reason = Unknown(f"gap {found:.4g}, expected {claim:.4g}")
        except Unknown as error:
            reason = error
        finally:
            ctx.prec, ctx.cap = before
    raise reason or Unknown("no chart")


def _boxes(
    end: Piece,
    target: Target,
    fmt: Format,
    claim: float,
    start: Fraction,
) -> float:
    """The same from the bound to where the chart begins, box by box."""
    bound = end["bound"]
    if bound == start:
        return 0.0
    side = end.whole("side")
    at = Fraction(0) if end.raw("point") is None else exact(end.raw("point"))
    tau = ball(Fraction(claim))
    judge = Judge(target, end_formula(end), 16, tau, fmt.spacing, relative=True)
    low, high = sorted((bound, start))
    worst, edge = 0.0, low
    while edge < high:
        after = min(2 * edge, high)
        ends = sorted((at + side * edge, at + side * after))
        for gap in judge.over(*ends):
            worst = max(worst, float(gap.size))
        edge = after
    return worst


def relative_gap(
    end: Piece, target: Target, fmt: Format, bound: Fraction, enough: float
) -> float:
    """Bound of |form / f - 1| between `bound` and the end.

    Raises:
        Unknown: f has no such expansion, or it could not be enclosed.
    """
    best = math.inf
    reason: Unknown | None = None
    before = ctx.prec, ctx.cap
    try:
        for n in COUNTS:
            ctx.prec, ctx.cap = BITS, n
            try:
                best = min(best, _once(end, target, fmt, bound, n, enough))
            except Unknown as error:
                reason = error
                continue
            if best <= enough:
                return best
    finally:
        ctx.prec, ctx.cap = before
    if math.isinf(best):
        raise reason or Unknown("no expansion")
    return best


def _once(
    end: Piece,
    target: Target,
    fmt: Format,
    bound: Fraction,
    n: int,
    enough: float,
) -> float:
    chart = chart_of(end, bound, n)
    count = _octaves(chart, end, fmt)
    v = end.whole("power")
    return chart_gap(chart, end_formula(end), target, v, count, enough)


def chart_gap(
    chart: Chart,
    piece: Node,
    target: Target,
    v: int,
    octaves: int,
    enough: float | None = None,
) -> float:
    """Bound of |piece / f - 1| on so many octaves of w.

    Args:
        v: f is about w**v.
        enough: what need not be made smaller; None for the best.

    Raises:
        Unknown: it is more than enough.
    """
    f = target.on(chart)
    gap = chart.add(chart.evaluate(piece), scaled(chart, f, -1))
    if f.scale != gap.scale:
        raise Unknown("exponentials of two kinds")
    high = chart.box.upper()
    least = high * arb(2) ** -octaves
    gaps = {j: _Gap.of(p, v, chart, least) for j, p in gap.parts.items()}
    worst = arb(0)
    before = ctx.prec
    try:
        ctx.prec = OCTAVE_BITS
        past, width = 0.0, 1 / FINE
        aim = arb(math.ulp(0.0))  # what is smaller is returned as 0
        while high > least:
            # Fine at first: there gaps are largest, logarithms vary most.
            # Further out as wide as leaves the bound what it is.
            narrow = min(1.0, max(1 / FINE, math.sqrt(2 * past / FINE)))
            low = high * arb(2) ** -max(width, narrow)
            found = _gap_over(gaps, f, v, low, high)
            if not found <= aim.max(worst if enough is None else arb(enough)):
                if width > narrow:
                    width /= 2
                    continue
                if enough is not None:
                    raise Unknown(f"gap {found.str(5)}, expected {enough:.4g}")
            worst = worst.max(found)
            high, past = arb(low.mid()), past + max(width, narrow)
            width = 2 * max(width, narrow)
    finally:
        ctx.prec = before
    if not worst.is_finite():
        raise Unknown("f may vanish near an end")
    return float(worst.upper()) * (1 + 1e-12)


def _gap_over(
    gaps: dict[int, _Gap], f: Value, v: int, low: arb, high: arb
) -> arb:
    """The bound for low <= w <= high; infinite where f may vanish."""
    small, large = abs(high.log()), abs(low.log())
    above = sum(
        (
            g.at(high) * (large if j > 0 else small) ** j
            for j, g in gaps.items()
        ),
        arb(0),
    )
    return arb((above / _relative_sum(f, v, low, high)).abs_upper())


def _relative_sum(f: Value, v: int, low: arb, high: arb) -> arb:
    """A lower bound of |sum log(w)**j w**(v_j - v) A_j|."""
    least = arb("inf")
    for i in range(2):
        a, b = low + (high - low) * i / 2, low + (high - low) * (i + 1) / 2
        total = sum_at(f.parts, v, a.union(b))
        least = least.min(arb(abs(total).abs_lower()))
    return least if least > 0 else arb(0)


def _octaves(chart: Chart, end: Piece, fmt: Format) -> int:
    """From the bound to the last float, or to the cut."""
    far = fmt.max_finite if end.raw("point") is None else 1 / fmt.smallest
    cut = end["cut"]
    if end.raw("point") is None:
        far = min(far, cut)
    elif cut:
        far = 1 / cut
    depth = ball(far).log() / arb(2).log() / abs(end.whole("root"))
    start = -chart.box.upper().log() / arb(2).log()
    if not (depth - start).is_finite():
        raise Unknown("no chart of this end")
    return max(1, math.ceil(float(depth - start)) + 1)


@dataclass(frozen=True)
class _Gap:
    """|w**-v part| <= start + rise w for 0 <= w <= radius."""

    start: arb
    rise: arb

    @classmethod
    def of(cls, part: Part, v: int, chart: Chart, least: arb) -> _Gap:
        """From its coefficients; what is below w**v has to be tiny."""
        shift = part.v - v
        ps, qs = part.p.coeffs(), part.q.coeffs()
        radius = chart.box.upper()
        start = arb(0)
        higher: dict[int, arb] = {}
        prec = min(part.p.prec, part.q.prec)
        best, kept = arb("inf"), 0
        for n in range(max(1, 1 - shift), prec):
            q = qs[n] if n < len(qs) else arb(0)
            size = arb((abs(q) * radius ** (n + shift - 1)).abs_upper())
            if size < best:
                best, kept = size, n
        if not best.is_finite():
            raise Unknown("too few coefficients")
        for k, c in enumerate(ps[:kept]):
            e = k + shift
            if c == 0:
                continue
            if e <= 0:
                start += abs(c) * least**e
            else:
                higher[e - 1] = c
        rise = arb(0)
        cs = [higher.get(i, arb(0)) for i in range(max(higher, default=0) + 1)]
        poly = arb_poly(cs)
        for i in range(SLICES):
            half = radius / (2 * SLICES)
            moved = poly(arb_poly([half * (2 * i + 1), half])).coeffs()
            rise = rise.max(
                arb(sum((abs(c) for c in moved), arb(0)).abs_upper())
            )
        return cls(arb(start.abs_upper()), arb((rise + best).abs_upper()))

    def at(self, w: arb) -> arb:
        """The bound at w."""
        return self.start + self.rise * w
