"""The first term of an expansion alone, where the others are too small.

f = w**v (head + w P(w) + log(w) w P_1(w) + ...) is head w**v but for
w (sum |c| w**i + ...) / |head|, which falls with w as long as |log w|**j w
does.  Next to an end a closed form need go no nearer than to where that is
below 2**-(p + 4), and head t**(v / q) is a quotient or two (`first_term`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Iterator
from fractions import Fraction

from ..numbers.floats import FloatFormat
from ..numbers.floats import floor_log2
from ..program.program import Program
from .end_kinds import AnyEnd
from .end_kinds import BetweenEnd
from .end_kinds import ExponentialEnd
from .end_kinds import Factor
from .end_kinds import FloatEnd
from .end_kinds import LogEnd
from .end_kinds import PairEnd
from .first_term import bound_of
from .first_term import first_term
from .rows import SPARE

LEFT_OUT = 4  # bits below half an ulp
OFF = 2.0**-18  # of a quotient or root, beyond its rounding, in ulp
# Of the least normal number: where 0 takes over f is below it.
BELOW = 1 - Fraction(1, 2**20)


def bare(end: AnyEnd, fmt: FloatFormat, goal: float) -> FloatEnd | None:
    """Its first term, from as soon as that is all; None if it is not enough.

    Products and quotients go from the first number to the result one after
    the other, in one direction: none is out of range where neither of the
    two is.
    """
    if not may_be_bare(end, fmt):
        return None
    assert isinstance(end, (FloatEnd, PairEnd))
    factors, head = _factors(end), _head(end)
    infinite = end.point is None
    for distance in _distances(infinite, end.bound, fmt):
        w = float(distance) ** ((-1 if infinite else 1) / end.root)
        left = _left(factors, w) + end.truncation
        if left <= 2.0 ** (-fmt.precision - LEFT_OUT):
            break
    else:
        return None
    truncation = left / (1 - left) * SPARE
    cut = _cut(end, distance, fmt)
    if cut is None:
        return None
    ulp = _ulps(end, distance, cut, fmt, truncation, goal)
    if ulp is None:
        return None
    return FloatEnd(
        point=end.point,
        side=end.side,
        bound=distance,
        cut=cut,
        limit=end.limit,
        power=end.power,
        root=end.root,
        factor=Factor(head, Fraction(0), ()),
        ulp=ulp,
        note=f"its other terms are below {truncation:.1e} of the first",
        truncation=truncation,
    )


def may_be_bare(end: AnyEnd, fmt: FloatFormat) -> bool:
    """Whether its first term may be all of it, from somewhere on."""
    if isinstance(end, (BetweenEnd, ExponentialEnd, LogEnd)):
        return False
    first, *logs = _factors(end)
    if not first.head or any(f.head or f.tail for f in logs) or end.root > 2:
        return False
    if not (first.tail or first.rest or logs):
        return False
    head = _head(end)
    inside = fmt.smallest_normal <= abs(head) <= fmt.max_finite
    return inside and (end.power == 0 or _program(end, fmt) is not None)


def _program(end: FloatEnd | PairEnd, fmt: FloatFormat) -> Program | None:
    power = power_of(end)
    return first_term(power, abs(_head(end)), end.point is None, fmt)


def power_of(end: FloatEnd | PairEnd) -> Fraction:
    """Of the distance."""
    sign = -1 if end.point is None else 1
    return Fraction(sign * end.power, end.root)


def _factors(end: FloatEnd | PairEnd) -> tuple[Factor, ...]:
    return (end.factor,) if isinstance(end, FloatEnd) else end.factors


def _head(end: FloatEnd | PairEnd) -> Fraction:
    gain = 0 if isinstance(end, FloatEnd) else end.gain
    return _factors(end)[0].head * Fraction(2) ** -gain


def _cut(
    end: FloatEnd | PairEnd, bound: Fraction, fmt: FloatFormat
) -> Fraction | None:
    """Where the first term leaves the normal numbers; None if it has by then.

    Out there it may be flushed, and a quotient c / t that is computed as c
    (1 / t) all the more.
    """
    if end.power <= 0:
        return end.cut
    # (|head| / normal)**q is t**p there, or t**-p.
    size = (abs(_head(end)) / fmt.smallest_normal / BELOW) ** end.root
    infinite = end.point is None

    def is_normal(t: Fraction) -> bool:
        power = t**end.power
        return power <= size if infinite else power * size >= 1

    far = end.cut if infinite else fmt.smallest_subnormal
    if not is_normal(bound):
        return None
    if is_normal(far):
        return end.cut
    last, first = _turn(is_normal, bound, far, fmt)
    # The last normal one at infinity, the first that is none at 0.
    return last if infinite else first


def _least(
    end: FloatEnd | PairEnd, bound: Fraction, fmt: FloatFormat
) -> Fraction:
    """The least normal distance of which the first term is no infinity."""
    size = (abs(_head(end)) / fmt.max_finite) ** end.root
    least = fmt.smallest_normal

    def is_finite(t: Fraction) -> bool:
        return size <= t**-end.power

    if end.power >= 0 or is_finite(least) or not is_finite(bound):
        return least
    return _turn(is_finite, bound, least, fmt)[0]


def _turn(
    holds: Callable[[Fraction], bool],
    near: Fraction,
    far: Fraction,
    fmt: FloatFormat,
) -> tuple[Fraction, Fraction]:
    """The floats between which it ceases to hold, from near to far."""
    while True:
        middle = fmt.round(_between(near, far))
        if middle in (near, far):
            return near, far
        near, far = (middle, far) if holds(middle) else (near, middle)


def _between(a: Fraction, b: Fraction) -> Fraction:
    """Half way, in binades as long as they are two."""
    one, two = floor_log2(a), floor_log2(b)
    if abs(one - two) > 1:
        return Fraction(2) ** ((one + two) // 2)
    return (a + b) / 2


def _distances(
    infinite: bool, bound: Fraction, fmt: FloatFormat
) -> Iterator[Fraction]:
    """Powers of two from the end's bound on, the least first."""
    for k in range(fmt.emax):
        distance = Fraction(2) ** (k if infinite else -k)
        if (distance >= bound) if infinite else (distance <= bound):
            yield distance


def _left(factors: tuple[Factor, ...], w: float) -> float:
    """What is left out, relative to the first term; inf if it may grow."""
    log = -math.log(w)
    if len(factors) > 1 and log < len(factors):
        return math.inf
    total = abs(float(factors[0].tail))
    for j, factor in enumerate(factors):
        for i, c in enumerate(factor.rest, 1):
            total += abs(float(c)) * w**i * log**j
    return total / abs(float(factors[0].head))


def _ulps(
    end: FloatEnd | PairEnd,
    bound: Fraction,
    cut: Fraction,
    fmt: FloatFormat,
    truncation: float,
    goal: float,
) -> float | None:
    head = _head(end)
    left = truncation * 2.0**fmt.precision
    if not end.power:
        off = 0.0 if fmt.holds(head) else 0.5
        return (off + left) * SPARE
    top, bottom = abs(head.numerator), head.denominator
    exact = top & (top - 1) == 0 and bottom & (bottom - 1) == 0
    if exact and power_of(end) == 1:  # nothing is rounded
        return left * SPARE
    program = _program(end, fmt)
    assert program is not None
    low, high = (bound, cut) if end.point is None else (cut, bound)
    if end.point is not None:  # above the largest number inf is right
        low = max(low, _least(end, bound, fmt))
    found = bound_of(program, low, high, fmt, truncation, goal)
    if found is None:
        return None
    if power_of(end).denominator == 1 and power_of(end) < 0 and not exact:
        found += 1 + 2 * OFF  # c / t may be c (1 / t)
    found *= SPARE
    return found if found <= goal else None
