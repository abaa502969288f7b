"""The noun for results of float32 that are computed in float64."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ..program.program import Program


@dataclass(frozen=True)
class Near:
    """f(center + h) = h**zero P(h**step) for |h| < radius.

    Attributes:
        coefficients: of P, in float64.
        ulp: of the result before it is rounded, proved.
        truncation: of |h**zero P / f - 1| in exact arithmetic.
    """

    center: Fraction
    radius: Fraction
    zero: int
    step: int
    coefficients: tuple[Fraction, ...]
    ulp: float
    truncation: float


@dataclass(frozen=True)
class WideEnd:
    """What f is to every float from a bound on, or at a singular end.

    Attributes:
        side: +1 for t >= bound, -1 for t <= bound; with `beyond`, for what
            lies beyond it alone.
    """

    side: int
    bound: Fraction
    limit: float
    beyond: bool = False


@dataclass(frozen=True)
class Wide:
    """f^(order) in float64, of a float32 t and rounded to one.

    Attributes:
        low, high: where t is held.
        programs: one of t, or two of |t|, for t < 0 and for t > 0.
        formulas: of them, for people.
        near: polynomials next to places where the programs cancel.
        ends: where the result is a number.
        ulp: proved bound of the rounded result, in ulp of float32.
    """

    low: Fraction
    high: Fraction
    programs: tuple[Program, ...]
    formulas: tuple[str, ...]
    near: tuple[Near, ...]
    ends: tuple[WideEnd, ...]
    ulp: float
