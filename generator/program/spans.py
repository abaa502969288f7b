"""Intervals in arrays, one for each box of inputs, rounded outwards.

Extended precision with 64 bits: each operation is off by 2**-64 of itself,
numpy's exp and log by an ulp or two; WIDEN covers both (Moore, *Interval
Analysis*, 1966, chapter 4).  A bound that is no number is infinite.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

Real = np.longdouble
Array = Any  # of Real
WIDEN = Real(2) ** -60


def real(value: Fraction) -> Any:
    """A fraction, to the nearest extended number but for 2**-63 of it."""
    top, bottom = value.numerator.bit_length(), value.denominator.bit_length()
    # Near 1: it may be beyond the floats.
    e = top - bottom
    near = value / Fraction(2) ** e
    head = float(near)
    made = Real(head) + Real(float(near - Fraction(head)))
    return np.ldexp(made, e)


def exponent(size: Array) -> Array:
    """floor(log2 size) of what is not 0."""
    return np.frexp(size)[1] - 1


def power2(e: Array) -> Array:
    """2**e."""
    return np.ldexp(Real(1), np.clip(e, -16400, 16380))


@dataclass(frozen=True)
class Span:
    """low <= value <= high."""

    low: Array
    high: Array

    @staticmethod
    def wide(low: Array, high: Array) -> Span:
        """A little more than [low, high]; all there is where that is nan."""
        low, high = low - np.abs(low) * WIDEN, high + np.abs(high) * WIDEN
        none = np.isnan(low) | np.isnan(high)
        return Span(
            np.where(none, Real(-np.inf), low),
            np.where(none, Real(np.inf), high),
        )

    @property
    def size(self) -> Array:
        """The largest |value|."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    @property
    def least(self) -> Array:
        """The smallest |value|."""
        near = np.minimum(np.abs(self.low), np.abs(self.high))
        return np.where((self.low <= 0) & (self.high >= 0), Real(0), near)

    def __neg__(self) -> Span:
        return Span(-self.high, -self.low)

    def __add__(self, other: Span) -> Span:
        return Span.wide(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Span) -> Span:
        return self + -other

    def __mul__(self, other: Span) -> Span:
        ends = [
            a * b
            for a in (self.low, self.high)
            for b in (other.low, other.high)
        ]
        # 0 times an infinity is 0 here: an end that is not reached.
        ends = [np.where(np.isnan(e), Real(0), e) for e in ends]
        return Span.wide(np.minimum.reduce(ends), np.maximum.reduce(ends))

    def __truediv__(self, other: Span) -> Span:
        bad = (other.low <= 0) & (other.high >= 0)
        one = Real(1)
        low = np.where(bad, one, other.low)
        high = np.where(bad, one, other.high)
        made = self * Span.wide(1 / high, 1 / low)
        return Span(
            np.where(bad, Real(-np.inf), made.low),
            np.where(bad, Real(np.inf), made.high),
        )

    def square(self) -> Span:
        """Never negative."""
        return Span.wide(self.least**2, self.size**2)

    def sqrt(self) -> Span:
        """All there is where it may be negative."""
        return self._monotonic(np.sqrt, self.low >= 0)

    def log(self) -> Span:
        """The same."""
        return self._monotonic(np.log, self.low > 0)

    def exp(self) -> Span:
        """Rising."""
        return self._monotonic(np.exp, self.low < np.inf)

    def _monotonic(self, way: Any, defined: Array) -> Span:
        low = np.where(defined, self.low, Real(1))
        high = np.where(defined, self.high, Real(1))
        made = Span.wide(way(low), way(high))
        # Next to a zero of log the widening is absolute.
        return Span(
            np.where(defined, made.low - WIDEN, Real(-np.inf))
            if way is np.log
            else np.where(defined, made.low, Real(-np.inf)),
            np.where(defined, made.high + WIDEN, Real(np.inf))
            if way is np.log
            else np.where(defined, made.high, Real(np.inf)),
        )

    def scaled(self, factor: Array) -> Span:
        """Times a power of two."""
        return Span(self.low * factor, self.high * factor)

    def within(self, other: Span) -> Span:
        """What both say."""
        return Span(
            np.maximum(self.low, other.low), np.minimum(self.high, other.high)
        )
