"""A chart and the one exponential that decays on it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb
from flint import fmpq

from ..errors import NotProvedError
from .floats import to_arb
from .floats import to_fraction
from .series import Chart
from .series import upper


class ScaleNeededError(NotProvedError):
    """The exponential to expand in is another one than was assumed."""

    def __init__(self, exponent: dict[int, Fraction], scale: arb) -> None:
        super().__init__("another exponential is needed")
        self.exponent, self.scale = exponent, scale


@dataclass(frozen=True)
class Frame:
    """A chart with its exponential.

    Attributes:
        chart: of the series.
        exponent: g / scale as {power of 1/w: coefficient}, leading one
            positive; empty where no exponential occurs.
        scale: 1, or the irrational number that all exponents share, such
            as pi in exp(pi * x).
        small: an upper bound of e over the chart.
    """

    chart: Chart
    exponent: dict[int, Fraction]
    scale: arb
    small: arb

    def level_of(self, polar: dict[int, Any]) -> tuple[int, arb]:
        """k with exp(polar) = e**k, and a bound of what is left over.

        Balls that hold a short fraction (times the scale) are taken for it;
        the rest of the ball, times 1/w at its largest, is in the bound.
        """
        top = max(polar)
        if not self.exponent:
            raise ScaleNeededError(*_shape(polar))
        if set(polar) != set(self.exponent):
            raise NotProvedError("exponentials of two kinds")
        own = self.scale * to_arb(self.exponent[top])
        if self.scale == 1 and isinstance(polar[top], fmpq):
            ratio = to_fraction_exact(polar[top]) / self.exponent[top]
        else:
            ratio = _short(arb(polar[top]) / own)
        left = arb(0)
        for p, c in polar.items():
            want = ratio * self.exponent[p]
            if self.scale == 1 and isinstance(c, fmpq):
                if to_fraction_exact(c) != want:
                    raise NotProvedError("exponentials of two kinds")
                continue
            gap = arb(c) - self.scale * to_arb(want)
            if not gap.contains(0):
                raise NotProvedError("exponentials of two kinds")
            left += abs(gap) / self.chart.least**p
        if ratio.denominator != 1:
            raise ScaleNeededError(
                {p: c / ratio.denominator for p, c in self.exponent.items()},
                self.scale,
            )
        return -int(ratio), upper(left)

    def divided(self, degree: int) -> ScaleNeededError:
        """What to raise where e**(1/degree) is needed."""
        return ScaleNeededError(
            {p: c / degree for p, c in self.exponent.items()}, self.scale
        )

    def terms(self) -> dict[int, arb]:
        """g by powers of 1/w."""
        return {p: self.scale * to_arb(c) for p, c in self.exponent.items()}

    def absorb(self, k: int, v: int) -> arb:
        """Bound of ``e**k * |w|**v`` over the chart, k >= 0."""
        r = self.chart.radius
        if k == 0:
            if v < 0:
                raise NotProvedError("a bound is infinite at w = 0")
            return upper(r**v)
        # t**m exp(-k g(t)) decreases once k t g'(t) >= m, where t = 1/w.
        slope = sum(
            (c * p / r**p for p, c in self.terms().items()),
            arb(0),
        )
        if v < 0 and not slope * k >= -v:
            raise NotProvedError("the chart is too wide for its exponential")
        return upper(self.small**k * r**v)


def to_fraction_exact(value: fmpq) -> Fraction:
    """A rational of flint's as a fraction."""
    return Fraction(int(value.p), int(value.q))


def _short(value: arb) -> Fraction:
    near = to_fraction(value).limit_denominator(1000)
    if not value.contains(to_arb(near)):
        raise NotProvedError("exponentials of two kinds")
    return near


def _shape(polar: dict[int, Any]) -> tuple[dict[int, Fraction], arb]:
    """|polar| as fractions times one number, 1 if that will do."""
    top = max(polar)
    sign = 1 if arb(polar[top]) > 0 else -1
    try:
        plain = {
            p: to_fraction_exact(c) if isinstance(c, fmpq) else _short(c)
            for p, c in polar.items()
        }
        return {p: sign * c for p, c in plain.items()}, arb(1)
    except NotProvedError:
        scale = abs(arb(polar[top]))
        parts = {p: _short(arb(c) / scale) for p, c in polar.items()}
        return {p: sign * c for p, c in parts.items()}, scale
