"""What compilers make of two constants in a row.

Seen in what XLA and TensorFlow's graph optimizer compile (versions and forms
in tests/test_checker_folds.py): c1, c2 constants of the source, a, b, c any
numbers,

    (a + c1) + c2 -> a + (c1 + c2)      a / (b / c) -> (a * c) / b
    (a * c1) * c2 -> a * (c1 * c2)      (a / b) / c -> a / (b * c)
    a / c1 -> a * (1 / c1)

and the like with differences: c2 - (a + c1) by TensorFlow, though not by XLA.
What is on the right is rounded elsewhere.  So both sides are computed, and
the larger error counts.  A choice or a clip in between is not looked through.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from .machine import NO_GRID
from .machine import Real

if TYPE_CHECKING:
    from .running import Number


def negated(a: Number, made: Number) -> Number:
    """-a with what is known of a."""
    from .running import Fold

    if a.literal is not None:
        made.literal = -a.literal
    if a.fold is not None:
        base, value, other = a.fold.base, a.fold.value, a.fold.other
        if a.fold.kind == "product":
            made.fold = Fold("product", base, -value)
        elif a.fold.kind == "sum":
            made.fold = Fold("sum", -base, -value)
        else:
            made.fold = Fold("quotient", -base, other=other)
    return made


def added(a: Number, b: Number) -> Number:
    """a + b."""
    from .arithmetic import total
    from .running import Fold

    made = total(a, b)
    if _both(a, b, made, lambda x, y: x + y):
        return made
    for one, c in ((a, b), (b, a)):
        if c.literal is None or not np.isfinite(c.literal):
            continue
        made.fold = Fold("sum", one, Fraction(c.literal))
        if one.fold is not None and one.fold.kind == "sum":
            value = one.fold.value + Fraction(c.literal)
            joined, made.fold = _joined(made, one.fold, value, "sum")
            return _worse(made, total(one.fold.base, joined))
    return made


def multiplied(a: Number, b: Number) -> Number:
    """a * b."""
    from .arithmetic import product
    from .running import Fold

    made = product(a, b)
    if _both(a, b, made, lambda x, y: x * y):
        return made
    for one, c in ((a, b), (b, a)):
        if c.literal is None or not np.isfinite(c.literal) or not c.literal:
            continue
        made.fold = Fold("product", one, Fraction(c.literal))
        if one.fold is not None and one.fold.kind == "product":
            value = one.fold.value * Fraction(c.literal)
            joined, made.fold = _joined(made, one.fold, value, "product")
            return _worse(made, product(one.fold.base, joined))
    return made


def divided(a: Number, b: Number) -> Number:
    """a / b."""
    from .arithmetic import product
    from .arithmetic import quotient
    from .running import Fold
    from .running import Number

    if b.literal is not None and b.literal and np.isfinite(b.literal):
        value = 1 / Fraction(b.literal)
        divisor = b
        if not _is_power_of_two(value):
            # XLA multiplies by the rounded reciprocal of a constant.
            unit = b.size * b.m.unit * (1 + 4 * b.m.unit)
            divisor = Number(b.m, b.lo, b.hi, b.res + unit)
        made = quotient(a, divisor)
        if _both(a, b, made, lambda x, y: x / y):
            return made
        made.fold = Fold("product", a, value)
        if a.fold is not None and a.fold.kind == "product":
            joined, made.fold = _joined(
                made, a.fold, a.fold.value * value, "product", 3
            )
            made = _worse(made, product(a.fold.base, joined))
        return made
    made = quotient(a, b)
    if b.fold is not None and b.fold.kind == "quotient":
        assert b.fold.other is not None
        made = _worse(made, quotient(product(a, b.fold.other), b.fold.base))
    if a.fold is not None and a.fold.kind == "quotient":
        assert a.fold.other is not None
        made = _worse(made, quotient(a.fold.base, product(a.fold.other, b)))
    made.fold = Fold("quotient", a, other=b)
    return made


def summed(a: Number, b: Number) -> Any:
    """How the high part of `_two_sum` was made."""
    from .running import Fold

    for one, c in ((a, b), (b, a)):
        if c.literal is not None and np.isfinite(c.literal):
            return Fold("sum", one, Fraction(c.literal))
    return None


def hidden(a: Number, b: Number) -> Any:
    """Lanes where a compiler may see through a + b, b added to a.

    Then s = a + b, v = s - a, (a - (s - v)) + (b - v) is not what it loses:
    constants a are folded with what is taken away again, and constants b
    into a, where a is itself something and a constant.
    """
    none = np.zeros(a.m.lanes, bool)
    if a.literal is not None and b.literal is not None:
        return none
    if a.literal is not None:
        return ~none
    if b.literal is not None and a.fold is not None and a.fold.kind == "sum":
        return ~none
    return none


def _both(
    a: Number, b: Number, made: Number, way: Callable[[Any, Any], Any]
) -> bool:
    """Whether both are constants; then the result is one, too."""
    from .running import in_format

    if a.literal is None or b.literal is None:
        return False
    kind: Any = np.float32 if a.m.fmt.name == "float32" else np.float64
    with np.errstate(all="ignore"):
        made.literal = in_format(a.m, way(kind(a.literal), kind(b.literal)))
    return True


def _is_power_of_two(value: Fraction) -> bool:
    top, bottom = abs(value.numerator), value.denominator
    return top & (top - 1) == 0 and bottom & (bottom - 1) == 0


def _joined(
    made: Number, fold: Any, value: Fraction, kind: str, roundings: int = 1
) -> tuple[Number, Any]:
    """Two constants made one, and the fold that the result is then."""
    from .arithmetic import down
    from .arithmetic import up
    from .running import Fold
    from .running import Number
    from .running import in_format

    m = made.m
    try:
        first = float(value)
        rounded = in_format(m, first)
    except OverflowError:
        first, rounded = np.inf, np.inf
    exact = m.fill(first)
    if np.isfinite(first):  # two doubles: more bits than are kept
        exact = m.fill(Real(first) + Real(float(value - Fraction(first))))
    size = abs(exact[0])
    kept = np.isfinite(rounded) and (
        kind == "sum" or not value or abs(rounded) >= float(m.normal)
    )
    if not kept:  # the constant itself leaves the range
        lost = Number(m, exact, exact, m.fill(np.inf))
        return lost, Fold(kind, fold.base, value)
    error, grid = m.fill(0), None
    if Fraction(rounded) == value:
        low, bottom = rounded.as_integer_ratio()
        grid = m.fill(0).astype(int) + (
            (low & -low).bit_length() - bottom.bit_length() if low else 10**5
        )
        lo = hi = m.fill(rounded)
    else:
        error = m.fill(size * m.unit * roundings * (1 + 8 * m.unit))
        lo, hi = down(down(exact)), up(up(exact))
        grid = m.fill(0).astype(int) + NO_GRID
    return Number(m, lo, hi, error, {}, grid), Fold(kind, fold.base, value)


def _worse(made: Number, other: Number) -> Number:
    """The same number, with the larger error of two ways to compute it."""
    from .running import Number

    same = made.noise.keys() == other.noise.keys() and all(
        np.array_equal(made.noise[k], other.noise[k]) for k in made.noise
    )
    if same:
        res = np.maximum(made.res, other.res)
    else:
        spread = np.where(
            np.isfinite(made.error), made.error - made.res, Real(0)
        )
        res = np.maximum(made.res, other.error + spread)
    # What may be lost here has been said of one rounding only.
    last = np.where(other.res > made.res, Real(0), made.last)
    worse = Number(
        made.m,
        made.lo,
        made.hi,
        res,
        made.noise,
        np.where(made.grid == other.grid, made.grid, NO_GRID),
        last,
        made.huge | other.huge,
    )
    worse.fold = made.fold
    return worse
