"""What compilers make of sums, products and quotients.

Seen in what XLA and TensorFlow's graph optimizer compile (forms and proofs of
it in tests/checker/test_checker_running.py): c1, c2 constants of the source,
a, b, c any numbers,

    (a + c1) + c2 -> a + (c1 + c2)      a / (b / c) -> (a * c) / b
    (a * c1) * c2 -> a * (c1 * c2)      (a / b) / c -> a / (b * c)
    (a * c1) * b -> a * (c1 * b)        a / c1 -> a * (1 / c1)

and the like with differences; TensorFlow also over terms in between, as in
((a - c1) - b) - c2, where XLA folds neighbours only, and it gathers additions:
a + (b + c) is summed in any order.  What is on the right is rounded elsewhere.
So both sides are computed, and the larger error counts.  A choice or a clip
in between is not looked through.

A quotient of a number and a tensor, c / a, is c * (1 / a) in torch, eager and
compiled (`Tensor.__rtruediv__`), unless c is 1 or -1.

1 / a becomes an operation of its own in TensorFlow's graphs, 2.75 ulp off in
float32.  No table says how far it may be off: nothing is known of it.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from .arithmetic import down
from .arithmetic import is_zero
from .arithmetic import product
from .arithmetic import quotient
from .arithmetic import total
from .arithmetic import up
from .assembly import NotRunnable
from .machine import NO_GRID
from .machine import Real
from .running import Fold
from .running import Number
from .running import in_format

MOST_TERMS = 64  # of a sum: sums of sums double them, and bodies have few


def negated(a: Number, made: Number) -> Number:
    """-a with what is known of a."""
    if a.literal is not None:
        made.literal = -a.literal
    if a.fold is not None:
        base, value, other = a.fold.base, a.fold.value, a.fold.other
        direct = a.fold.direct
        if a.fold.kind == "product":
            made.fold = Fold("product", base, -value, direct=direct)
        elif a.fold.kind == "sum":
            made.fold = Fold("sum", -base, -value, direct=direct)
        else:
            made.fold = Fold("quotient", -base, other=other)
    return made


def added(a: Number, b: Number, minus: bool = False) -> Number:
    """a + b; `minus` says that b was subtracted, negated."""
    made = total(a, b)
    if _both(a, b, made, lambda x, y: x + y):
        return made
    if not minus:
        made = _in_any_order(a, b, made)
    return _gathered(a, b, made, "sum", total, minus)


def _in_any_order(a: Number, b: Number, made: Number) -> Number:
    """Additions of additions: no order of them is certain.

    Each of the n - 1 sums is at most that of all sizes.
    """
    terms = [*(a.terms or [a]), *(b.terms or [b])]
    if len(terms) > MOST_TERMS:
        raise NotRunnable(f"a sum of more than {MOST_TERMS} numbers")
    made.terms = terms
    if len(terms) < 3:
        return made
    most = sum((t.top for t in terms[1:]), terms[0].top)
    most = most * (1 + made.m.unit * len(terms))
    half = made.m.half_ulp(most, most, most) * (len(terms) - 1)
    res = sum((t.res for t in terms[1:]), terms[0].res) + half
    made.last = np.where(res > made.res, Real(0), made.last)
    made.res = np.maximum(made.res, res)
    return made


def multiplied(a: Number, b: Number) -> Number:
    """a * b."""
    made = product(a, b)
    if _both(a, b, made, lambda x, y: x * y):
        return made
    return _gathered(a, b, made, "product", product)


def _gathered(
    a: Number,
    b: Number,
    made: Number,
    kind: str,
    way: Callable[[Number, Number], Number],
    minus: bool = False,
) -> Number:
    """A sum or product, with all of its constants made one.

    A difference has to have a constant of its own for that: those of both
    its sides stay where they are.
    """
    neutral = Fraction(int(kind == "product"))
    bases: list[Number] = []
    value, constants, folds = neutral, 0, 0
    for one in (a, b):
        part = neutral
        if one.literal is not None and np.isfinite(one.literal):
            part, constants = Fraction(one.literal), constants + 1
        elif one.fold is not None and one.fold.kind == kind:
            part, constants = one.fold.value, constants + 1
            folds += 1
            bases.append(one.fold.base)
        else:
            bases.append(one)
        value = value + part if kind == "sum" else value * part
    if not constants or not value or not bases:
        return made
    if not folds:
        made.fold = Fold(kind, bases[0], value, direct=True)
        return made
    base = bases[0] if len(bases) == 1 else way(*bases)
    if minus and a.literal is None and b.literal is None:
        made.fold = Fold(kind, base, value)
        return made
    joined = _joined(made, value, kind)
    terms, first = made.terms, made
    made = _worse(made, way(base, joined), kind == "sum")
    if kind == "product" and len(bases) == 2:
        for one, other in (bases, bases[::-1]):
            made = _worse(made, way(way(one, joined), other))
        if _is_power_of_two(value):
            made = _scaled(first, bases, value, made)
    made.fold, made.terms = Fold(kind, base, value), terms
    return made


def _scaled(
    made: Number, bases: list[Number], value: Fraction, other: Number
) -> Number:
    """(a c) b of a power of two c: in any order the same, in range.

    Below it a part may be flushed, which is multiplied by what is left; above
    it, the other number.
    """
    m, c = made.m, abs(Real(float(value)))
    tops = [one.top for one in bases]
    leasts = [np.maximum(one.least - one.error, 0) for one in bases]
    sizes = [tops[0] * c, tops[1] * c, tops[0] * tops[1], made.top]
    held = np.all([size <= m.largest / 2 for size in sizes], 0)
    parts = [leasts[0] * c, leasts[1] * c, leasts[0] * leasts[1]]
    small = np.any([part < m.normal for part in [*parts, parts[2] * c]], 0)
    small &= ~(is_zero(bases[0]) | is_zero(bases[1]))
    lost = np.where(small, m.normal * (1 + c + tops[0] + tops[1]), Real(0))
    scaled = Number(
        m,
        made.lo,
        made.hi,
        made.res + lost,
        made.noise,
        made.grid,
        made.last,
        made.huge,
    )
    return scaled.where(held, other)


def divided(a: Number, b: Number) -> Number:
    """a / b."""
    made = quotient(a, _divisor(b))
    if _both(a, b, made, lambda x, y: x / y):
        return made
    if b.literal is not None and b.literal and np.isfinite(b.literal):
        value = 1 / Fraction(b.literal)
        if a.fold is not None and a.fold.kind == "product":
            value *= a.fold.value
            joined = _joined(made, value, "product", 3)
            made = _worse(made, product(a.fold.base, joined))
            made.fold = Fold("product", a.fold.base, value)
        else:
            made.fold = Fold("product", a, value, direct=True)
        return made
    if a.literal == 1:
        return made.unless(np.ones(made.m.lanes, bool))
    if a.literal is not None and a.literal != -1:
        made = _worse(made, product(a, quotient(a.like(1.0), b)))
    if b.fold is not None and b.fold.kind == "quotient":
        assert b.fold.other is not None
        turned = quotient(product(a, b.fold.other), _divisor(b.fold.base))
        made = _worse(made, turned)
    if a.fold is not None and a.fold.kind == "quotient":
        assert a.fold.other is not None
        made = _worse(made, quotient(a.fold.base, product(a.fold.other, b)))
    made.fold = Fold("quotient", a, other=b)
    return made


def _divisor(b: Number) -> Number:
    """XLA multiplies by the rounded reciprocal of a constant."""
    if b.literal is None or not b.literal or not np.isfinite(b.literal):
        return b
    if _is_power_of_two(Fraction(b.literal)):
        return b
    unit = b.size * b.m.unit * (1 + 4 * b.m.unit)
    return Number(b.m, b.lo, b.hi, b.res + unit)


def summed(a: Number, b: Number) -> Any:
    """How the high part of `_two_sum` was made."""
    for one, c in ((a, b), (b, a)):
        if c.literal is not None and np.isfinite(c.literal):
            return Fold("sum", one, Fraction(c.literal), direct=True)
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
        return ~none if a.fold.direct else none
    return none


def _both(
    a: Number, b: Number, made: Number, way: Callable[[Any, Any], Any]
) -> bool:
    """Whether both are constants; then the result is one, too."""
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
    made: Number, value: Fraction, kind: str, roundings: int = 1
) -> Number:
    """Several constants made one, rounded."""
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
        return Number(m, exact, exact, m.fill(np.inf))
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
    return Number(m, lo, hi, error, {}, grid)


def _worse(made: Number, other: Number, sums: bool = False) -> Number:
    """The same number, with the larger error of two ways to compute it.

    Args:
        sums: both are sums of the same numbers, with the same errors of
            theirs.
    """
    same = sums or (
        made.noise.keys() == other.noise.keys()
        and all(
            np.array_equal(made.noise[k], other.noise[k]) for k in made.noise
        )
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
