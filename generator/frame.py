"""A chart and the one exponential that decays on it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from flint import arb

from .errors import NotProvedError
from .formats import to_arb
from .series import Chart
from .series import upper


class ScaleNeededError(NotProvedError):
    """The exponential to expand in is another one than was assumed."""

    def __init__(self, exponent: dict[int, Fraction]) -> None:
        super().__init__("another exponential is needed")
        self.exponent = exponent


@dataclass(frozen=True)
class Frame:
    """A chart with its exponential.

    Attributes:
        chart: of the series.
        exponent: g as {power of 1/w: coefficient}, leading one positive;
            empty where no exponential occurs.
        small: an upper bound of e over the chart.
    """

    chart: Chart
    exponent: dict[int, Fraction]
    small: arb

    def key_power(self, polar: dict[int, Fraction]) -> int:
        """k with exp(polar) = e**k."""
        top = max(polar)
        if not self.exponent:
            sign = 1 if polar[top] > 0 else -1
            raise ScaleNeededError({p: sign * c for p, c in polar.items()})
        ratios = {
            polar.get(p, Fraction(0)) / c for p, c in self.exponent.items()
        }
        if len(ratios) > 1 or set(polar) - set(self.exponent):
            raise NotProvedError("exponentials of two kinds")
        (ratio,) = ratios
        if ratio.denominator != 1:
            raise ScaleNeededError(
                {p: c / ratio.denominator for p, c in self.exponent.items()}
            )
        return -int(ratio)

    def absorb(self, k: int, v: int) -> arb:
        """Bound of ``e**k * |w|**v`` over the chart, k >= 0."""
        r = self.chart.radius
        if k == 0:
            if v < 0:
                raise NotProvedError("a bound is infinite at w = 0")
            return upper(r**v)
        # t**m exp(-k g(t)) decreases once k t g'(t) >= m, where t = 1/w.
        slope = sum(
            (to_arb(c) * p / r**p for p, c in self.exponent.items()),
            arb(0),
        )
        if v < 0 and not slope * k >= -v:
            raise NotProvedError("the chart is too wide for its exponential")
        return upper(self.small**k * r**v)
