"""What is left to an end where a closed form reaches far out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from flint import ctx

from ..analysis.work import Work
from ..errors import NotProvedError
from ..errors import NotRealError
from ..errors import SingularityError
from ..numbers.floats import FloatFormat
from ..numbers.floats import floor_log2
from .bare import bare
from .bare import may_be_bare
from .end_kinds import AnyEnd
from .end_kinds import BetweenEnd
from .end_kinds import ExponentialEnd
from .end_kinds import Factor
from .end_kinds import FloatEnd
from .end_kinds import PairEnd
from .ends import form_from

# Where one float may do: a term less than 2**-p of the first is none.
FAR = [Fraction(2) ** k for k in (8, 12, 16, 20, 24, 28, 32, 40, 52, 60)]


@dataclass(frozen=True)
class Distant:
    """What a closed form has to reach, and what stands beyond.

    Attributes:
        end: the form beyond, if there are numbers.
        bound: where it begins, in distances from the end.
        limit: the result at infinity, where no end is left.
    """

    end: AnyEnd | None
    bound: Fraction
    limit: float | None = None


def distant(work: Work, end: AnyEnd) -> list[Distant]:
    """What may stand there, the cheapest first; the end itself at last."""
    if isinstance(end, ExponentialEnd) and end.point is None:
        left = _left(work, end)
        return [Distant(left, left.bound)]
    if isinstance(end, BetweenEnd):
        return [Distant(end, end.bound)]
    found = []
    if end.point == 0 and end.side > 0:  # where nothing of it is out of range
        found.append(beside(work, end))
    lone = _lone(work, end)
    if lone is not None:
        found.append(Distant(lone, lone.bound))
    if not isinstance(end, PairEnd):
        return [*found, Distant(end, end.bound)]
    for far in FAR:
        made = _from(work, end, far)
        if isinstance(made, FloatEnd):
            return [*found, Distant(made, made.bound)]
    if end.point is not None:
        return [*found, Distant(end, end.bound)]
    zero = _vanished(work, end)
    if zero is not None:
        return [*found, Distant(zero, zero.bound)]
    return [*found, Distant(None, work.fmt.max_finite, end.limit)]


def beside(work: Work, end: AnyEnd) -> Distant:
    """The limit at a point, and how far from it the next float is."""
    point, fmt = end.point, work.fmt
    assert point is not None
    if point:
        tiny = fmt.smallest_subnormal / 2
        near = point + end.side * tiny
        first = fmt.up(near) if end.side > 0 else fmt.down(near)
    else:
        first = end.side * fmt.smallest_subnormal
    bound = abs(first - point)
    flat = FloatEnd(
        point=point,
        side=end.side,
        bound=bound,
        cut=bound,
        limit=end.limit,
        power=0,
        root=getattr(end, "root", 1),
        factor=Factor(Fraction(0), Fraction(0), ()),
        ulp=0.0,
        note="the limit, where there is no float in between",
    )
    return Distant(flat, bound)


def farthest(work: Work, end: AnyEnd) -> Distant:
    """Where f is 0 or infinite to the format; else the largest number."""
    if isinstance(end, ExponentialEnd) and end.point is None:
        left = _left(work, end)
        return Distant(left, left.bound)
    if end.point is not None or getattr(end, "is_flat", False):
        return Distant(end, end.bound)
    if isinstance(end, (PairEnd, FloatEnd)):
        zero = _vanished(work, end)
        if zero is not None:
            return Distant(zero, zero.bound)
        return Distant(None, work.fmt.max_finite, end.limit)
    return Distant(end, end.bound)


def _left(work: Work, end: ExponentialEnd) -> FloatEnd:
    """0 or infinity, where f has left the format's range.

    f is exp(-level g) w**power P_0(w), P_0 between half and twice its first
    coefficient; log |f| is monotonic where t g'(t) is above |power / level|,
    and so it is from there on, for g without negative coefficients.
    """
    fmt = work.fmt
    word = "above the largest number" if end.limit else "below 2**emin"
    bound = end.cut
    (factor, *others) = end.factors
    rest = abs(factor.tail) + sum(map(abs, factor.rest))
    plain = not others and all(c > 0 for _, c in end.exponent)
    if plain and end.root == 1 and not end.gain:
        t = max(end.bound, Fraction(1))
        while t < end.cut:
            size = math.log(abs(factor.head)) - end.power * math.log(t)
            slope = Fraction(0)
            for p, c in end.exponent:
                size -= end.level * float(c * t**p)
                slope += c * p * t**p
            near = 2 * rest / t < abs(factor.head)
            rising = slope * abs(end.level) > abs(end.power)
            if near and rising and _is_out(size, end, fmt):
                bound = t
                break
            t += Fraction(1, 4)
    return FloatEnd(
        point=None,
        side=end.side,
        bound=bound,
        cut=bound - Fraction(1, 8),
        limit=end.limit,
        power=0,
        factor=Factor(Fraction(0), Fraction(0), ()),
        ulp=0.0,
        note=f"|f| is {word} of {fmt.name}, by its expansion",
    )


def _is_out(size: float, end: ExponentialEnd, fmt: FloatFormat) -> bool:
    """Whether log |f| = size is out of range, with a factor of 2 to spare."""
    if end.limit:
        return size > (fmt.emax + 2) * math.log(2)
    return size < (fmt.emin - 1) * math.log(2)


def _lone(work: Work, end: AnyEnd) -> FloatEnd | None:
    """The first term of the expansion there."""
    found = bare(end, work.fmt, work.goal)
    if found is not None or not may_be_bare(end, work.fmt):
        return found
    for far in FAR:  # what was left out there is less further out
        made = _from(work, end, far)
        if made is not None:
            found = bare(made, work.fmt, work.goal)
        if found is not None:
            return found
    return None


def _from(work: Work, end: AnyEnd, far: Fraction) -> AnyEnd | None:
    """The form that begins there."""
    distance = far if end.point is None else 1 / far
    try:
        with ctx.workprec(work.high_bits):
            return form_from(
                work.expr,
                end.point,
                end.side,
                distance,
                work.fmt,
                work.degree + 3,
                work.goal,
                work.terms + 6,
            )
    except (NotProvedError, NotRealError, SingularityError):
        return None


def _vanished(work: Work, end: PairEnd | FloatEnd) -> FloatEnd | None:
    """0, where |f| is below the smallest normal number.

    |f| <= sum |c| w**i |log w|**j w**power, which falls with w = t**(-1/q).
    """
    fmt = work.fmt
    factors: tuple[Factor, ...] = ()
    left = True
    if isinstance(end, FloatEnd):
        factors, left = (end.factor,), False
    elif end.root <= 2 and not end.gain:
        factors, left = end.factors, False
    if left or end.power < 1:
        return None
    # |log w| < emax + 1.
    logs = [Fraction(fmt.emax + 1) ** j for j in range(len(factors))]
    heads = [abs(f.head) * most for f, most in zip(factors, logs, strict=True)]
    rests = [
        (abs(f.tail) + sum(map(abs, f.rest))) * most
        for f, most in zip(factors, logs, strict=True)
    ]
    head, rest = sum(heads), sum(rests)
    bound = Fraction(2) ** (-fmt.emin * end.root // end.power - 1)
    while bound <= fmt.max_finite:
        # 1/w or a little less: a root of integers.
        near = bound if end.root == 1 else Fraction(math.isqrt(int(bound)))
        # The truncation is relative to the first term.
        size = head * (1 + Fraction(end.truncation)) + rest / near
        # With 1% to spare: it is shown a little before the bound.
        size *= Fraction(101, 100) ** end.power
        if size / near**end.power < fmt.smallest_normal:
            break
        bound += Fraction(2) ** (floor_log2(bound) - 3)
    if bound > fmt.max_finite or bound < end.bound:
        return None
    return FloatEnd(
        point=None,
        side=end.side,
        bound=bound,
        cut=bound - Fraction(2) ** (floor_log2(bound) - 8),
        limit=0.0,
        power=0,
        root=1 if isinstance(end, FloatEnd) else end.root,
        factor=Factor(Fraction(0), Fraction(0), ()),
        ulp=0.0,
        note=f"|f| is below 2**emin of {fmt.name}, by its expansion",
    )
