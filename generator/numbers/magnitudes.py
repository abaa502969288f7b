"""Intervals of log|y|, for numbers that are too large for balls.

flint's balls end near exp(2**127), and one that is wide contains 0.  A
`Magnitude` is a sign and two ends of log|y|, so exp(exp(x)) on [50, 60] is
no trouble; y may be 0 where the lower end is -oo.  Sums that may cancel are
not known: None.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from flint import arb

from . import entire
from .error_function import by_ends
from .error_function import logs_of_erfc
from .evaluate import BallAlgebra
from .floats import power2
from .floats import to_arb

INFINITE = arb("inf")
LARGEST = power2(120)  # exp of it is a finite ball, not so far beyond


@dataclass(frozen=True)
class Magnitude:
    """``sign * exp(l)`` with l in [low, high]; ends exact or infinite."""

    sign: int
    low: arb
    high: arb

    @property
    def may_vanish(self) -> bool:
        """Whether y may be 0."""
        return not self.low > -INFINITE


Number = Magnitude | None  # None: unknown


def _made(sign: int, low: arb, high: arb) -> Number:
    """None if an end is not known (inf - inf)."""
    if low.is_nan() or high.is_nan():
        return None
    return Magnitude(sign, low, high)


def _exp_ends(low: arb, high: arb) -> tuple[arb, arb]:
    """Bounds of exp on [low, high]; 0 and infinity are possible."""
    below = low if low < LARGEST else LARGEST
    bottom = below.exp().lower() if below > -LARGEST else arb(0)
    top = high.exp().upper() if high < LARGEST else INFINITE
    return (bottom if bottom > 0 else arb(0)), top


def _log_ends(low: arb, high: arb) -> tuple[arb, arb]:
    """Bounds of log on [low, high], low >= 0."""
    bottom = low.log().lower() if low > 0 else -INFINITE
    if not high < INFINITE:
        return (bottom if low < INFINITE else INFINITE), INFINITE
    return bottom, high.log().upper() if high > 0 else -INFINITE


def _signed(low: arb, high: arb) -> Number:
    """Of the numbers in [low, high]."""
    if low >= 0:
        return _made(1, *_log_ends(low, high))
    if high <= 0:
        return _made(-1, *_log_ends(-high, -low))
    return None


def magnitude(value: arb) -> Number:
    """Of a ball; None where its sign is not known."""
    if not value.is_finite():
        return None
    return _signed(value.lower(), value.upper())


class MagnitudeAlgebra:
    """The numbers of `evaluate`."""

    def __init__(self, x: arb) -> None:
        self.x = x

    def variable(self) -> Number:
        return magnitude(self.x)

    def rational(self, value: Fraction) -> Number:
        return magnitude(to_arb(value))

    def constant(self, name: str) -> Number:
        return magnitude(arb.pi() if name == "pi" else arb.const_e())

    def add(self, a: Number, b: Number) -> Number:
        if a is None or b is None:
            return None
        if a.sign == b.sign:
            lows = (a, b) if a.low > b.low else (b, a)
            highs = (a, b) if a.high > b.high else (b, a)
            return _made(
                a.sign,
                _log_sum(lows[0].low, lows[1].low).lower(),
                _log_sum(highs[0].high, highs[1].high).upper(),
            )
        if b.low > a.high:
            a, b = b, a
        if not a.low > b.high:
            return None  # they may cancel
        least = 1 - (b.high - a.low).exp().upper()
        most = arb(1)
        if b.low > -LARGEST:
            most -= (b.low - a.high).exp().lower()
        if not least > 0:
            return None
        return _made(
            a.sign,
            (a.low + least.log()).lower(),
            (a.high + most.log()).upper() if a.high < INFINITE else INFINITE,
        )

    def mul(self, a: Number, b: Number) -> Number:
        if a is None or b is None:
            return None
        return _made(
            a.sign * b.sign, (a.low + b.low).lower(), (a.high + b.high).upper()
        )

    def power(self, a: Number, exponent: Fraction) -> Number:
        if a is None or (a.sign < 0 and exponent.denominator != 1):
            return None
        odd = exponent.denominator == 1 and exponent.numerator % 2
        ends = a.low * to_arb(exponent), a.high * to_arb(exponent)
        low, high = ends if exponent > 0 else ends[::-1]
        return _made(a.sign if odd else 1, low.lower(), high.upper())

    def function(self, name: str, a: Number) -> Number:
        if a is None:
            return None
        low, high = _exp_ends(a.low, a.high)
        if name == "exp":
            return _made(1, *((low, high) if a.sign > 0 else (-high, -low)))
        if name == "log":
            return _signed(a.low, a.high) if a.sign > 0 else None
        if name == "Abs":
            return Magnitude(1, a.low, a.high)
        if name == "sign":
            return None if a.may_vanish else Magnitude(a.sign, arb(0), arb(0))
        if name in ("erf", "erfc"):
            return _of_error_function(
                name, *((low, high) if a.sign > 0 else (-high, -low))
            )
        if not high < INFINITE:
            return None
        whole = a.sign * low.union(high)
        k = entire.index_of(name)
        if k is not None:
            return magnitude(entire.value(k, whole))
        return magnitude(BallAlgebra(self.x).function(name, whole))


def _of_error_function(name: str, low: arb, high: arb) -> Number:
    """erf or erfc on [low, high], ends that may be infinite."""
    if name == "erfc":
        return _made(1, *logs_of_erfc(low, high))
    whole = by_ends("erf", low, high)
    return _signed(whole.lower(), whole.upper())


def _log_sum(a: arb, b: arb) -> arb:
    """log(exp(a) + exp(b)) for a >= b; ends may be infinite."""
    if not (a < INFINITE and b > -INFINITE):
        return a
    return a + (b - a).exp().log1p()
