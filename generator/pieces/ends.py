"""Forms for the ends of a domain: infinity, and singular finite ends.

From its expansion f = e**k w**v (P_0(w) + log(w) P_1(w) + ...) there; the
leading numbers are computed in pairs of floats (Dekker 1971; Joldes, Muller
and Popescu, Tight and rigorous error bounds for basic building blocks of
double-word arithmetic, 2017), what is small beside them in one float.

Two things are called exact.  t - point is where point/2 <= t <= 2 point
(Sterbenz), so a form reaches no further.  Dekker's splits are where
2**(p/2 + 1) times a number is finite, so leading numbers far from 1 are
scaled by a power of two first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from flint import arb
from flint import arb_poly

from ..errors import NotProvedError
from ..numbers.chebyshev import Economized
from ..numbers.expansion import MAX_LOGS
from ..numbers.expansion import Expansion
from ..numbers.floats import FloatFormat
from ..numbers.floats import floor_log2
from ..numbers.floats import floor_log2_ball
from ..numbers.floats import power2
from ..numbers.floats import to_arb
from ..numbers.floats import to_fraction
from ..numbers.frame import Frame
from ..numbers.places import Place
from ..numbers.places import expand
from ..numbers.series import Series
from ..numbers.series import to_balls
from ..numbers.series import upper
from .end_kinds import BetweenEnd
from .end_kinds import ExponentialEnd
from .end_kinds import Factor
from .end_kinds import FloatEnd
from .end_kinds import PairEnd
from .rows import SPARE


class UnsureError(NotProvedError):
    """What cancels is not known to be 0 to enough bits."""


Expanded = FloatEnd | PairEnd | ExponentialEnd | BetweenEnd

# Carried by the kernels of runtime/kernels.py, in units of 2**-p: the
# last term of log(1 + r) is below 0.02 and meets 6 roundings, that of exp r
# below 0.08 (of 0.7) and meets 4; pairs themselves keep 2**(6 - 2 p).
LOG_UNITS = 0.12  # absolute
EXP_UNITS = 0.46  # relative
PAIR_UNITS = 2.0**-10


@dataclass(frozen=True)
class _Draft:
    """A form that is still being judged; the names are those of `end_kinds`.

    Attributes:
        simple: whether one float is enough throughout.
    """

    point: Fraction | None
    side: int
    bound: Fraction
    cut: Fraction
    limit: float
    root: int
    exponent: tuple[tuple[int, Fraction], ...]
    level: int
    power: int
    factors: tuple[Factor, ...] = ()
    simple: bool = True
    gain: int = 0
    offset: tuple[Fraction, Fraction] | None = None

    def made(self, ulp: float, note: str, truncation: float) -> Expanded:
        """The form with its bound."""
        known: dict[str, Any] = {
            "point": self.point,
            "side": self.side,
            "bound": self.bound,
            "cut": self.cut,
            "limit": self.limit,
            "power": self.power,
            "ulp": ulp,
            "note": note,
            "truncation": truncation,
        }
        if self.simple:
            return FloatEnd(factor=self.factors[0], **known)
        known |= {"root": self.root, "factors": self.factors, "gain": self.gain}
        if self.offset is not None:
            return BetweenEnd(offset=self.offset, **known)
        if not self.level:
            return PairEnd(**known)
        return ExponentialEnd(exponent=self.exponent, level=self.level, **known)


def form_from(
    expr: sympy.Expr,
    point: Fraction | None,
    side: int,
    distance: Fraction,
    fmt: FloatFormat,
    degree: int,
    goal: float,
    terms: int,
    exact: Fraction | arb | None = None,
) -> Expanded:
    """The form that begins at a distance.

    Args:
        exact: the place itself where it is no float; `point` is then the
            next one towards the domain.

    Raises:
        NotProvedError: none is below `goal` ulp.
    """
    least = power2(-fmt.emax - 1 if point is None else fmt.emin)
    reach, offset = to_arb(distance), None
    if exact is not None and point is not None:
        offset = _offset(exact, point, side, fmt)
        reach = upper(reach + to_arb(2 * offset[0]))
    where = point if exact is None else exact
    made, place = expand(expr, Place(where, side), reach, terms, least)
    k, v, parts, others = _leading(made)
    lead = min(parts.values(), key=lambda s: s.v)
    if lead.eta > abs(arb(lead.coefficient(0))) * arb((1, -fmt.precision)):
        raise UnsureError("terms that cancel leave a doubt")
    if k and offset is not None:
        raise NotProvedError("an exponential beside a place that is no float")
    frame = made.frame
    # Everything that is left out, relative to e**k w**v.
    left = arb(0)
    for (m, j), s in others.items():
        if j:
            s = made._without_log(s, j)
        left += s.size() * frame.absorb(m - k, s.v - v)
    form = _Draft(
        point,
        side,
        distance,
        *_reach(point, distance, place.root, made, k, v, parts, fmt),
        place.root,
        _numbers(frame) if k else (),
        k,
        v,
        offset=offset,
    )
    tried = []
    # One float, if that is good enough.
    exact_power = form.root == 1 and v in (-1, 0, 1) and offset is None
    for simple in (True, False):
        if simple and not (exact_power and max(parts) == 0 and not k):
            continue
        gain = 0 if simple else _gain(parts, v, fmt)
        factors, cuts = _factors(
            {j: s.lifted(gain) for j, s in parts.items()},
            v,
            frame.chart.radius,
            fmt,
            degree,
        )
        judged = _judged(
            replace(form, factors=factors, simple=simple, gain=gain),
            cuts,
            float(upper(left * arb((1, gain)))),
            fmt,
        )
        if judged.ulp <= goal:
            return judged
        tried.append(judged.ulp)
    raise NotProvedError(f"{min(tried):.3g} ulp at {float(distance):g}")


def _offset(
    exact: Fraction | arb, point: Fraction, side: int, fmt: FloatFormat
) -> tuple[Fraction, Fraction]:
    """|exact - point| in two floats, which leave 2**-p of 2**-p of it.

    Raises:
        NotProvedError: it may be 0, or its second float be flushed.
    """
    place = exact if isinstance(exact, arb) else to_arb(exact)
    gap = (to_arb(point) - place) * side
    if not gap > to_arb(fmt.smallest_normal * 2 ** (3 * fmt.precision)):
        raise NotProvedError("a place that cannot be told from a float")
    whole = to_fraction(gap)
    first = fmt.round(whole)
    return first, fmt.round(whole - first)


def _gain(parts: dict[int, Series], v: int, fmt: FloatFormat) -> int:
    """0, or what brings the largest leading number to [1, 2).

    With room = emax - p - 12 for powers of d (lowering), 2**(p/2 + 2) for a
    split and 2**k > |log w|, k bits of emax, for each logarithm,
    products are finite for leading numbers below 2**(p/2 - 2 - k j).  Low
    parts of quotients, 2**(-p - 8) of a number over 2**room, are normal for
    those above 2**(emin + room + p + 8) <= 2**-3.
    """
    sizes = [
        floor_log2_ball(arb(s.coefficient(0)))
        for s in parts.values()
        if s.v == v
    ]
    most = fmt.precision // 2 - 2 - max(parts) * fmt.emax.bit_length()
    if min(sizes) >= -3 and max(sizes) < max(most, 1):
        return 0
    return -max(sizes)


def _numbers(frame: Frame) -> tuple[tuple[int, Fraction], ...]:
    """g; an irrational coefficient to more digits than a pair has."""
    rational = frame.scale == 1
    return tuple(
        (p, frame.exponent[p] if rational else to_fraction(c))
        for p, c in sorted(frame.terms().items())
    )


def _leading(
    made: Expansion,
) -> tuple[int, int, dict[int, Series], dict[tuple[int, int], Series]]:
    known = [key for key, s in made.terms.items() if not s.is_order]
    if not known:
        raise NotProvedError("nothing is known of the leading term")
    k = min(m for m, _ in known)
    parts = {j: made.terms[m, j] for m, j in known if m == k}
    others = {
        key: s
        for key, s in made.terms.items()
        if key[0] != k or key[1] not in parts
    }
    v = min(s.v for s in parts.values())
    if max(parts) > MAX_LOGS or any(m < k for m, _ in others):
        raise NotProvedError("too many logarithms, or an unknown leading term")
    return k, v, parts, others


def _factors(
    parts: dict[int, Series], v: int, radius: arb, fmt: FloatFormat, degree: int
) -> tuple[tuple[Factor, ...], list[float]]:
    """The polynomials in floats, and bounds of what that changed.

    The bounds are relative: of |change| for the lowest term, of |change|
    / w for the rest.
    """
    factors, cuts = [], []
    for j in range(max(parts) + 1):
        if j not in parts:
            factors.append(Factor(Fraction(0), Fraction(0), ()))
            cuts.append(0.0)
            continue
        s = parts[j]
        poly = to_balls(s.poly).left_shift(s.v - v)
        cs = poly.coeffs()
        head = fmt.round(to_fraction(cs[0])) if cs else Fraction(0)
        left = cs[0] - to_arb(head) if cs else arb(0)
        tail = fmt.round(to_fraction(left)) if left != 0 else Fraction(0)
        rest = arb_poly(cs[1:])
        error = float(upper(s.error() * radius ** (s.v - v)))
        error += float(upper(abs(left - to_arb(tail))))
        kept: tuple[Fraction, ...] = ()
        if rest.length():
            if rest.length() <= degree:
                exact, dropped = rest, 0.0
            else:
                made = Economized(rest, arb(0), radius)
                size = max(float(abs(c).upper()) for c in made.chebyshev)
                for d in range(degree):
                    dropped = made.dropped(d)
                    if dropped * float(radius) <= 2.0 ** (
                        -fmt.precision - 4
                    ) * max(size * float(radius), abs(float(head))):
                        break
                else:
                    raise NotProvedError("the degree does not suffice")
                exact = made.cut(d)
            values = [to_fraction(c) for c in exact.coeffs()]
            kept = tuple(fmt.round(c) for c in values)
            change = sum(
                float(abs(a - b)) * float(radius) ** i
                for i, (a, b) in enumerate(zip(values, kept, strict=True))
            )
            error += (dropped + change) * float(radius) * (1 + 1e-9)
        cuts.append(error)
        factors.append(Factor(head, tail, kept))
    return tuple(factors), cuts


def _reach(
    point: Fraction | None,
    distance: Fraction,
    root: int,
    made: Expansion,
    k: int,
    v: int,
    parts: dict[int, Series],
    fmt: FloatFormat,
) -> tuple[Fraction, float]:
    """Where the result is only its limit, and the limit."""
    lead = parts[max(j for j, s in parts.items() if s.v == v)]
    j = max(j for j, s in parts.items() if s.v == v)
    sign = 1.0 if arb(lead.coefficient(0)) > 0 else -1.0
    if j % 2:
        sign = -sign  # log w -> -oo
    if k < 0 or (k == 0 and (v < 0 or (v == 0 and j))):
        limit = sign * math.inf
    elif k > 0 or v > 0:
        limit = 0.0
    else:
        limit = float(fmt.round(to_fraction(arb(lead.coefficient(0)))))
    if point is not None and not k:
        return Fraction(0), limit
    if point is None and not k:
        return fmt.max_finite, limit
    # exp(-k g) w**v has left the range of the format by far.
    far = (fmt.emax + fmt.precision + 8) * math.log(2)
    t = min(Fraction(1), Fraction(2) ** floor_log2(distance))
    step = Fraction(2) if point is None else Fraction(1, 2)
    while True:
        w = float(t) ** ((1 if point is not None else -1) / root)
        g = sum(float(c) / w**p for p, c in made.frame.terms().items())
        if abs(k) * g > far + abs(v * math.log(w)) + 40:
            return t, limit
        t *= step


def _judged(
    form: _Draft, cuts: list[float], left: float, fmt: FloatFormat
) -> Expanded:
    """The form with its bound."""
    truncation, bound = _bound(form, cuts, left, fmt)
    if not form.simple:  # scaled at the end: subnormals are rounded once more
        bound = max(bound, 0.5 + bound / 2)
    note = (
        f"expansion with remainder, {left + sum(cuts):.1e} relative "
        "to its first term"
    )
    if form.offset is not None:
        note += "; no float is the end, and the distance from it is a pair"
    return form.made(bound, note, truncation)


def _roundings(
    form: _Draft, factor: Factor
) -> Iterator[tuple[int, float, int]]:
    """i, the coefficient of w**i, and how often its term is rounded.

    By Horner: i products, the sums with the numbers up to its own (those
    with 0 are exact), the powers of a rounded w, and one more.
    """
    each = 1 if form.root == 1 else 2  # 1 / d, or a root and its inverse
    each += form.offset is not None  # the head of a pair
    sums = 1 + bool(factor.tail)
    yield 0, float(factor.tail), sums
    for i, c in enumerate(factor.rest, 1):
        if c:
            sums += 1
            yield i, float(c), i * each + i + sums


def _bound(
    form: _Draft,
    cuts: list[float],
    left: float,
    fmt: FloatFormat,
) -> tuple[float, float]:
    """Over octaves of w: error of the sum relative to its least size.

    The truncation error alone, relative, and the whole in ulp.
    """
    radius = float(form.bound) ** (
        (1 if form.point is not None else -1) / form.root
    )
    least = 2.0 ** (-(fmt.emax + 2) / form.root)
    count = math.ceil(math.log2(radius) - math.log2(least)) + 1
    high = radius * 2.0 ** -np.arange(count)
    low = np.append(high[1:], 0.0 if len(form.factors) == 1 else least / 2)
    la = np.log(np.maximum(low, 5e-324))
    lb = np.log(high)
    u = 2.0**-fmt.precision
    size_a, size_b = np.zeros(count), np.zeros(count)
    small, error = np.zeros(count), np.zeros(count)
    biggest, cut = np.zeros(count), np.full(count, left)
    for j, factor in enumerate(form.factors):
        head = float(factor.head)
        ends = np.array([la**j, lb**j]) * head
        size_a += ends.min(axis=0)
        size_b += ends.max(axis=0)
        logs = np.abs(la) ** j
        biggest += np.abs(ends).max(axis=0)
        if j:
            error += LOG_UNITS * u * j * np.abs(head) * np.abs(la) ** (j - 1)
        cut += cuts[j] * logs
        for i, b, roundings in _roundings(form, factor):
            part = abs(b) * high**i * logs
            small += part
            error += (roundings + 4 * bool(j)) * u * part  # log w: 4
    least_size = (
        np.where(size_a > 0, size_a, np.where(size_b < 0, -size_b, 0.0)) - small
    )
    if not np.all(least_size > 0):
        return math.inf, math.inf
    truncation = float(np.max(cut / least_size)) * SPARE
    relative = error / least_size + truncation
    relative += PAIR_UNITS * u * biggest / least_size
    if form.level:
        relative += EXP_UNITS * u
    if form.simple and form.factors[0].rest:
        relative += u if form.power else 0.0  # of the sum, before it
    elif form.simple:  # a number, without its tail
        own_head, tail = form.factors[0].head, form.factors[0].tail
        dropped = abs(float(tail / own_head)) if own_head else 0.0
        truncation += dropped * SPARE
        relative += dropped
        if not form.power:
            return truncation, float(np.max(relative)) / u * (1 + 1e-9)
    own = float(np.max(relative)) / u * (1 + 1e-9)
    return truncation, own + (0.5 if own <= 1 else 1.0)
