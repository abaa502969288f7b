"""The `Plan`: which candidate on which interval, with a proved bound."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ..numbers.floats import FloatFormat
from ..numbers.formats import FORMATS
from ..program.program import Program

ORDERS = 3  # f, f' and f'' have plans; the last one's derivative is autodiff's


@dataclass(frozen=True)
class Piece:
    """One interval with one way to compute f there.

    Attributes:
        low, high: ends of the interval of |x|; None for oo.
        kind: "series" or "closed".
        program: the operations, over x or over t = |x|.
        formula: what they are, for people.
        proof: how the truncation error is bounded, for people.
        ulp: proved bound of the total error, in ulp of f^(order).
        roundoff: the part of it from rounding, where it is attained.
        worst: a short interval of the coordinate where it is attained.
    """

    low: Fraction
    high: Fraction | None
    kind: str
    program: Program
    formula: str
    proof: str
    ulp: float
    roundoff: float
    worst: tuple[Fraction, Fraction]


@dataclass(frozen=True)
class Fold:
    """How f^(order) on x > 0 follows from h(t) = f^(order)(-t).

    sign 1: it is h itself (even); sign -1: ``constant - h`` (odd about a
    point).
    """

    sign: int
    constant: Fraction


@dataclass(frozen=True)
class Plan:
    """f^(order) for one format: a piece about 0 in x, the rest in |x|."""

    name: str
    order: int
    dtype: str
    near: Piece
    far: tuple[Piece, ...]
    fold: Fold

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """All pieces from the origin outwards."""
        return (self.near, *self.far)

    @property
    def seams(self) -> tuple[Fraction, ...]:
        """Where pieces meet, in |x|."""
        return tuple(p.low for p in self.far)

    @property
    def ulp(self) -> float:
        """The bound over the whole domain."""
        return max(p.ulp for p in self.pieces)


def narrowed_bound(ulp: float, fmt: FloatFormat) -> float:
    """Bound in `fmt` where its compute format's bound is `ulp`.

    One rounding of half an ulp more, and the error before it in units
    that are 2**(p_compute - p) times larger.
    """
    wide = FORMATS[fmt.compute]
    if wide.name == fmt.name:
        return ulp
    return 0.5 + ulp * 2.0 ** (fmt.precision - wide.precision)


def max_ulp_of(order: int) -> float:
    """The bound aimed at: 2 ulp for f and f', doubling from f'' on."""
    return 2.0 ** max(1, order)
