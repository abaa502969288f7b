"""Numbers and functions near a point: what enclosures are made of."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import comb

from flint import arb
from flint import arb_series

Scale = tuple[tuple[int, Fraction], ...]  # g: power of 1/w, coefficient


class Unknown(ArithmeticError):  # noqa: N818
    """The box is too wide, or the function is of a kind not handled."""


def ball(value: Fraction) -> arb:
    """A rational as a ball; exact where it is dyadic."""
    bits = value.denominator.bit_length() - 1
    if value.denominator == 1 << bits:
        return arb((value.numerator, -bits))
    return arb(value.numerator) / arb(value.denominator)


def rational(value: arb) -> Fraction:
    """An exact ball as a rational."""
    if not value.is_exact():
        raise Unknown("a number that had to be exact is not")
    man, power = value.man_exp()
    return Fraction(int(man)) * Fraction(2) ** int(power)


@dataclass(frozen=True)
class Part:
    """s**v times a function known by p and q."""

    v: int
    p: arb_series
    q: arb_series


@dataclass(frozen=True)
class Value:
    """exp(scale) (parts[0] + log(w) parts[1] + ...)."""

    parts: dict[int, Part]
    scale: Scale = ()

    @property
    def only(self) -> tuple[int, Part]:
        """The only power of log(w), and its part."""
        if len(self.parts) != 1:
            raise Unknown("a sum of powers of a logarithm")
        ((j, part),) = self.parts.items()
        return j, part

    @property
    def plain(self) -> Part:
        """The only part, where there is nothing else."""
        if self.scale or set(self.parts) != {0}:
            raise Unknown("a function of an exponential or a logarithm")
        return self.parts[0]


def sorted_scale(scale: Scale) -> Scale:
    return tuple(sorted((k, c) for k, c in scale if c))


def scales_sum(a: Scale, b: Scale, sign: int) -> Scale:
    """a + sign * b."""
    total = dict(a)
    for k, c in b:
        total[k] = total.get(k, Fraction(0)) + sign * c
    return sorted_scale(tuple(total.items()))


def negative(a: Value) -> bool:
    """Whether it is below 0 on all of the box."""
    if a.scale or set(a.parts) != {0}:
        return False
    cs = a.parts[0].q.coeffs()
    return bool(cs and cs[0] < 0)


def shorter(series: arb_series) -> arb_series:
    """The derivative of a series: one coefficient less is known."""
    cs = series.coeffs()
    return arb_series(
        [c * k for k, c in enumerate(cs)][1:], max(series.prec - 1, 0)
    )


def series_power(series: arb_series, exponent: arb) -> arb_series:
    return (series.log() * exponent).exp()


def vanishing(gap: Scale, box: arb, n: int) -> Part:
    """exp(g(1/w)) with g -> -oo: every coefficient at 0 is 0.

    Over the box the k-th coefficient is at most exp(g) M_k(1/w) with a
    polynomial M_k of positive coefficients and degree k (J + 1).  For
    y >= y0 it is at most its value at y0 times the largest value of
    (y / y0)**degree exp(-a (y**J - y0**J)).
    """
    y0 = 1 / box.upper()
    top, lead = gap[-1]
    rate = -ball(lead)
    for k, c in gap[:-1]:
        if c > 0:
            rate = rate - ball(c) * y0 ** (k - top)
    rate = rate.lower()
    if not rate > 0:
        raise Unknown("an exponential that is not yet small")
    at = sum((ball(c) * y0**k for k, c in gap), arb(0)).exp()
    steps = [
        sum(
            (abs(ball(c)) * comb(k + i - 1, i) * y0 ** (k + i) for k, c in gap),
            arb(0),
        )
        for i in range(1, n)
    ]
    counts = arb_series([arb(0), *steps], n).exp().coeffs()
    bounds = []
    for i, m in enumerate(counts):
        degree = i * (top + 1)
        peak = arb(degree) / (top * rate)  # of y**J
        factor = arb(1)
        if not peak < y0**top:
            peak = peak.upper()
            grown = (peak / y0**top).log() * degree / top
            factor = (grown - rate * (peak - y0**top)).exp()
            factor = arb(factor.abs_upper()).max(arb(1))
        size = (at * m * factor).abs_upper()
        bounds.append(arb(0, size) if i else size / 2 + arb(0, size / 2))
    zero = arb_series([], n)
    return Part(0, zero, arb_series(bounds, n))
