"""What the steps of one derivation share."""

from __future__ import annotations

import time
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import sympy
from flint import arb

from ..errors import NotProvedError
from ..errors import TimeLimitError
from ..limits import told
from ..numbers.evaluate import to_primitives
from ..numbers.floats import FloatFormat
from ..numbers.places import Place
from ..numbers.places import expand
from ..numbers.series import Series

DEGREE = {24: 9, 53: 16}  # of rows, by precision; a few more for end forms


@dataclass(frozen=True)
class Work:
    """One derivation: what its steps share.

    Attributes:
        plain: f^(order) as it was asked for.
        goal: ulp.
        deadline: of the thread's own time.
        blur: what a row's variable is off by, absolute.
        more_bits: of a ball, where the usual ones do not do.
        more_degree: of rows, where none is looked up.
        any_scale: whether forms at infinity may begin at any distance.
    """

    plain: sympy.Expr
    variable: sympy.Symbol
    fmt: FloatFormat
    order: int
    goal: float
    deadline: float
    blur: float = 0.0
    more_bits: int | None = None
    more_degree: int = 0
    any_scale: bool = False

    @cached_property
    def expr(self) -> sympy.Expr:
        """The same in functions that have a series."""
        return to_primitives(self.plain)

    @property
    def degree(self) -> int:
        """The largest of a row."""
        return DEGREE[self.fmt.precision] + self.more_degree

    @property
    def terms(self) -> int:
        """Of a power series."""
        return self.degree + 14

    @property
    def bits(self) -> int:
        """Of a ball, where f is of its usual size."""
        return self.more_bits or 3 * self.fmt.precision + 100

    @property
    def high_bits(self) -> int:
        """Of a ball, at the ends of the format's range."""
        return 10 * (self.fmt.precision + self.fmt.emax // 2) + 200

    def check_time(self) -> None:
        if time.thread_time() > self.deadline:
            raise TimeLimitError(
                told(
                    "Derivation too slow: expected it to end within its time "
                    f"limit, received {str(self.plain)[:80]!r}."
                )
            )


def shown(value: Fraction | None, sign: int = 1) -> str:
    if value is None:
        return "oo" if sign > 0 else "-oo"
    if value.denominator < 10**6:
        return str(value)
    return f"{float(value):.10g}"


def least(work: Work) -> arb:
    return arb((1, work.fmt.emin - work.fmt.precision))


def local(work: Work, place: Fraction | arb, reach: arb, side: int) -> Series:
    """The series of f about a finite point; no logs, no exponentials."""
    series = _series(work, place, reach, side, work.terms)
    if series.n:
        return series
    # f vanishes there to an order above the number of terms.
    return _series(work, place, reach, side, 3 * work.terms)


def _series(
    work: Work, place: Fraction | arb, reach: arb, side: int, terms: int
) -> Series:
    work.check_time()
    made, at = expand(work.expr, Place(place, side), reach, terms, least(work))
    series = made.plain
    if series is None or at.root != 1:
        raise NotProvedError("a branch point")
    return series
