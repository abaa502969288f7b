"""What computes f near an end of its domain: a noun for each kind.

t is the distance from the end, or |x| at infinity; w is t, or 1/t there, or
a root of it.  P_j(w) = head + tail + w (rest[0] + rest[1] w + ...).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .rows import Row


@dataclass(frozen=True)
class Factor:
    """P_j(w) = head + tail + w (rest[0] + rest[1] w + ...), in floats."""

    head: Fraction
    tail: Fraction
    rest: tuple[Fraction, ...]


@dataclass(frozen=True, kw_only=True)
class End:
    """What all kinds have.

    Attributes:
        point: the end; None at infinity.
        side: +1 where x > point, or x -> +oo; -1 else.
        bound: t <= bound near a point, t >= bound at infinity.
        cut: beyond it (further out, nearer in) the result is `limit`.
        limit: of f at the end, as a float.
        ulp: proved bound.
    """

    point: Fraction | None
    side: int
    bound: Fraction
    cut: Fraction
    limit: float
    ulp: float


@dataclass(frozen=True, kw_only=True)
class FloatEnd(End):
    """w**power P_0(w): one float is enough throughout.

    Attributes:
        root: q, as of a `PairEnd`; beyond 1 and powers beyond -1, 0 and 1
            there is one number in P_0.
        note: how it was proved, for people.
        truncation: bound of |form / f - 1| between `bound` and `cut`.
    """

    power: int
    factor: Factor
    note: str
    truncation: float = 0.0
    root: int = 1

    @property
    def is_flat(self) -> bool:
        """Whether the result is `limit` throughout."""
        if self.power or self.factor.rest:
            return False
        past = (self.bound - self.cut) * (-1 if self.point is not None else 1)
        empty = past > 0 or (past == 0 and self.point is not None)
        return empty or self.limit == float(self.factor.head)


@dataclass(frozen=True, kw_only=True)
class PairEnd(End):
    """w**power (P_0(w) + log(w) P_1(w) + ...), its heads in pairs of floats.

    Attributes:
        root: q, w = t**(1/q), at infinity t**(-1/q).
        factors: by the power of log w.
        note, truncation: as of a `FloatEnd`.
        gain: the factors are those of f * 2**gain.
    """

    root: int
    power: int
    factors: tuple[Factor, ...]
    note: str
    truncation: float = 0.0
    gain: int = 0


@dataclass(frozen=True, kw_only=True)
class ExponentialEnd(PairEnd):
    """The same times exp(-level * g(1/w)).

    Attributes:
        exponent: g, by powers.
    """

    exponent: tuple[tuple[int, Fraction], ...]
    level: int


@dataclass(frozen=True, kw_only=True)
class BetweenEnd(PairEnd):
    """The same about a place between two floats; `point` is the inner one.

    `bound` is of t = |x - point|, and every such float has a distance that
    is a pair, t and what the place is off by.

    Attributes:
        offset: |place - point|, in two floats.
    """

    offset: tuple[Fraction, Fraction]


@dataclass(frozen=True, kw_only=True)
class LogEnd(End):
    """t**power G(log t), G by local polynomials.

    Attributes:
        rows: of G * 2**gain in z = log t.
        gain: what keeps the product with t**power in range; 0 where it is.
    """

    power: int
    rows: tuple[Row, ...]
    gain: int = 0


AnyEnd = FloatEnd | PairEnd | ExponentialEnd | BetweenEnd | LogEnd
