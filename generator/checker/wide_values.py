"""Values of bodies in float64, as the checker reads them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from .claims import Malformed
from .formula import Node
from .formula import number
from .values import Unknown

Pair = Callable[[Node], tuple[float, float]]


@dataclass(frozen=True)
class Number:
    """A value of float64 on a box.

    Attributes:
        error: of what is computed, absolute.
        made: how, as far as kernels ask: their name and their argument.
    """

    node: Node
    error: float
    made: tuple[object, ...] = ()


@dataclass(frozen=True)
class Narrow:
    """x, or |x|, in the narrow dtype: exact."""

    node: Node


@dataclass(frozen=True)
class Rounded:
    """A result in the narrow dtype: a rounded value, or a number itself."""

    value: Number | float


# What is not known of a value matters only where it is taken.
Value = Number | Narrow | Rounded | Unknown


@dataclass(frozen=True)
class Box:
    """The floats from low to high, and what formulas are on them.

    Attributes:
        sizes: the largest and the least |value|.
        span: the least and the largest value.
        unit: of the narrow format at the least |x|, of which x is a multiple.
    """

    low: Fraction
    high: Fraction
    sizes: Pair
    span: Pair
    unit: Fraction


def exact_number(value: float) -> Number:
    if not math.isfinite(value):
        raise Malformed(f"a number {value} in float64")
    return Number(number(Fraction(value)), 0.0)
