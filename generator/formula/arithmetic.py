"""Operations in sympy whose sizes are bounded before sympy evaluates them.

sympy computes while it builds: (2**64)**64 is a number of 4096 bits the
moment it is written, and three such powers more fill the memory of a machine
within one operation of the interpreter, which nothing can stop.  Sizes grow
only sum by sum where operations add them up, and a text is short; what
multiplies them is asked here first: powers, and multiples of logarithms in
exponents.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy
from flint import arb
from flint import ctx

from ..numbers.evaluate import BallAlgebra
from ..numbers.evaluate import evaluate

# Bits of a number, and of its numerator and denominator: four times the
# range of binary64, 2**-1074 to 2**1024, so that no formula that is of use
# in a format meets it.
MAX_BITS = 4096
MAX_EXPONENT = 64  # |a| in a power x**a
MAX_DEGREE = MAX_EXPONENT**2  # of a power of sums, were it multiplied out
# A cancellation is told from 0 up to the size that a number may have.
_PRECISIONS = (128, 1024, 2 * MAX_BITS)


class RefusedError(ArithmeticError):
    """Why an operation is not carried out; for whoever knows the text."""


class UnrealError(RefusedError):
    """It made a number that is not real."""


def add(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """a + b."""
    return _bounded(a + b)


def subtract(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """a - b."""
    return _bounded(a - b)


def multiply(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """a b."""
    return _bounded(a * b)


def divide(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """a / b, b not 0."""
    if b == 0:
        raise RefusedError("a division by zero")
    return _bounded(a / b)


def larger(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """The larger of two, with a kink where they meet."""
    return _chosen(a, b, 1)


def smaller(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """The smaller of two."""
    return _chosen(a, b, -1)


def _chosen(a: sympy.Expr, b: sympy.Expr, side: int) -> sympy.Expr:
    """a where a - b has that sign, b elsewhere.

    Where it is b the difference is taken 0 times, in derivatives too; with
    |a - b| it would be left to cancel.
    """
    if a.is_number:
        a, b = b, a
    u = a - b
    return _bounded(b + u * ((1 + side * sympy.sign(u)) / 2))


def power(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """a**b of bounded size."""
    if not b.is_number:
        _refuse_long_logarithms(b)
        return _bounded(_in_proportion(a**b))
    size = value_of(b)
    most = float(abs(size).upper())
    if a == 0 and not size > 0:
        raise RefusedError("a non-positive power of zero")
    if not a.is_Rational and most > MAX_EXPONENT:
        raise RefusedError(f"an exponent beyond {MAX_EXPONENT}")
    # (c t)**n becomes c**n t**n, of n times as many bits.
    if _bits(a.as_coeff_Mul()[0]) * most > MAX_BITS:
        raise RefusedError(f"an exponent that makes over {MAX_BITS} bits")
    if _degree(a) * most > MAX_DEGREE:
        raise RefusedError(f"an exponent that makes a degree over {MAX_DEGREE}")
    made = _in_proportion(a**b)
    _, exponent = made.as_base_exp()  # (x**n)**m is x**(n m)
    if not made.is_number and exponent.is_number:
        if abs(value_of(exponent)).upper() > MAX_EXPONENT:
            raise RefusedError(f"an exponent beyond {MAX_EXPONENT}")
    return _bounded(made)


def call(function: Callable[[Any], Any], a: sympy.Expr) -> sympy.Expr:
    """function(a) of bounded size."""
    _refuse_long_logarithms(a)
    return _bounded(function(a))


def value_of(number: sympy.Expr) -> arb:
    """A ball about a real number, finite and within proportion.

    Raises:
        RefusedError: it is none.
    """
    value = _ball(number)
    if value is None:
        raise RefusedError("a number that is not real or not finite")
    for edge, sign in ((value.abs_upper(), 1), (value.abs_lower(), -1)):
        man, exp = (int(part) for part in edge.man_exp())
        if man and sign * (exp + man.bit_length()) > MAX_BITS:
            raise RefusedError("a number out of proportion")
    return value


def _ball(number: sympy.Expr) -> arb | None:
    """A finite ball, one without 0 if there is such a one."""
    found = None
    for bits in _PRECISIONS:
        with ctx.workprec(bits):
            try:
                value = evaluate(number, BallAlgebra(arb(0)))
            except (ArithmeticError, AttributeError, ValueError):
                return None
        if value.is_finite():
            found = value
            if value.is_zero() or not value.contains(0):
                break
    return found


def _in_proportion(made: sympy.Expr) -> sympy.Expr:
    """A power; (3**(x + n))**m is 3**(m x + n m), and 3**(n m) at x = 0."""
    _, exponent = made.as_base_exp()
    if not exponent.is_number:
        if abs(exponent.as_coeff_Add()[0]) > MAX_BITS:
            raise RefusedError(f"an exponent beyond {MAX_BITS}")
    return made


def _bounded(expr: sympy.Expr) -> sympy.Expr:
    """`expr`, if its numbers are in proportion."""
    for part in (expr, *expr.args):
        if part.is_Rational and _bits(part) > MAX_BITS:
            raise RefusedError("a number out of proportion")
    if expr.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo):
        raise RefusedError("a number that is not finite")
    if expr.has(sympy.I) or (expr.is_number and expr.is_real is False):
        raise UnrealError("a number that is not real")
    if expr.is_number:
        value_of(expr)
    return expr


def _bits(number: sympy.Expr) -> int:
    return max(int(number.p).bit_length(), int(number.q).bit_length())


def _degree(expr: sympy.Expr) -> float:
    """Of the polynomial that multiplying out would make, at most."""
    if expr.is_number:
        return 0
    if expr.is_Pow and expr.exp.is_Rational:
        return _degree(expr.base) * abs(float(expr.exp))
    if expr.is_Mul:
        return sum(_degree(a) for a in expr.args)
    return max((1, *(_degree(a) for a in expr.args)))


def _refuse_long_logarithms(exponent: sympy.Expr) -> None:
    """Raises for n log(3) in an exponent, n large: sympy makes it 3**n."""
    for node in sympy.preorder_traversal(exponent):
        if not node.has(sympy.log):
            continue
        whole = [node] if node.is_number else []
        parts = [a for a in node.args if a.is_number] if node.is_Mul else []
        for number in whole or ([sympy.Mul(*parts)] if parts else []):
            if number.has(sympy.log) and abs(value_of(number)) > MAX_BITS:
                raise RefusedError(
                    f"a multiple of a logarithm beyond {MAX_BITS} in an "
                    "exponent"
                )
