"""Polynomials next to a place, in bodies of float64, against f there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb

from .claims import Format
from .claims import Malformed
from .formula import Node
from .formula import X
from .formula import number
from .gaps import Judge
from .gaps import Target

MOST_COEFFICIENTS = 64


@dataclass
class Spoken:
    """What the code says on the boxes of a place."""

    node: Node
    low: Fraction
    high: Fraction


@dataclass(frozen=True)
class Stated:
    """A polynomial as a certificate has it.

    Attributes:
        place: where f is removable, on the side that is looked at.
        order: of the zero there.
        degree: a guide for how many coefficients f takes.
        least: of |its cofactor| up to the radius.
        size: the largest.
    """

    formula: Node
    place: Fraction
    radius: Fraction
    order: int
    degree: int
    least: Fraction
    size: Fraction


def polynomial(
    piece: dict[str, Any],
    center: Fraction,
    radius: Fraction,
    side: int,
    parity: int,
) -> Stated:
    """The one of a place, or of what mirrors it.

    Raises:
        Malformed: it is none, or may vanish.
    """
    zero, step = piece["zero"], piece["step"]
    terms = [double(c) for c in piece["coefficients"][:MOST_COEFFICIENTS]]
    plain = type(zero) is int and 0 <= zero <= MOST_COEFFICIENTS
    plain = plain and type(step) is int and step in (1, 2)
    if not plain or not 0 < len(terms) < MOST_COEFFICIENTS:
        raise Malformed("a polynomial that is none")
    t = X if side > 0 else number(-1) * X
    h = t - number(center) if center else t
    z = h * h if step == 2 else h
    formula = number(terms[-1])
    for c in reversed(terms[:-1]):
        formula = formula * z + number(c)
    for _ in range(zero):
        formula = formula * h
    if side < 0 and parity < 0:
        formula = -formula
    least = abs(terms[0]) - sum(
        abs(c) * radius ** (n * step) for n, c in enumerate(terms) if n
    )
    if not least > 0:
        raise Malformed("a polynomial that may vanish near its place")
    size, degree = 2 * abs(terms[0]) - least, len(terms) * step + zero
    return Stated(formula, side * center, radius, zero, degree, least, size)


def judge_place(
    target: Target,
    formula: Node,
    own: Stated,
    spoken: Spoken,
    claim: arb,
    fmt: Format,
) -> None:
    """That a formula is near enough to f on the boxes of a place.

    Raises:
        Unknown: it is not, or f could not be enclosed.
    """
    low, high = min(spoken.low, own.place), max(spoken.high, own.place)
    if low == high:  # f may be known beside it alone
        low, high = own.place - own.radius, own.place + own.radius
    judge = Judge(
        target, formula, own.degree, claim, fmt.spacing, own.place, own.order
    )
    judge.over(low, high)


def double(text: object) -> Fraction:
    """A float64 as certificates have them, in base 16.

    Raises:
        Malformed: it is none; a decimal might have a million digits.
    """
    if isinstance(text, str) and len(text) < 40 and "0x" in text:
        value = float.fromhex(text)
        if math.isfinite(value):
            return Fraction(value)
    raise Malformed(f"no float64: {str(text)[:80]!r}")


def same_tree(
    a: Node, b: Node, known: dict[tuple[int, int], bool] | None = None
) -> bool:
    """Whether two formulas are the same, each pair of parts looked at once."""
    known = {} if known is None else known
    key = id(a), id(b)
    if a is not b and key not in known:
        known[key] = (
            (a.name, a.value, a.numbers) == (b.name, b.value, b.numbers)
            and len(a.args) == len(b.args)
            and all(
                same_tree(p, q, known)
                for p, q in zip(a.args, b.args, strict=True)
            )
        )
    return a is b or known[key]
