"""Which number a value in a function stands for.

A float is the decimal that was written, 0.1 one tenth.  One that has no
short decimal was computed: where it is, to the last bits of its format, a
small fraction or pi, or a root, a logarithm or an exponential of one, it is
that number; np.pi is pi and 1/3 a third.  Next to a small number that is a
float itself, such as 1 - 2**-53, it is what it is, to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

# By the format: digits from which on a decimal was not written by hand (all
# that the format holds, but for those that a computed one may end in zeros),
# its precision, and the largest numerator and denominator that are small.
# So many candidates lie so thinly among its floats that one in ten thousand
# (float32) and one in 2**30 of its numbers are taken for another by chance.
_FORMATS = {"float32": (7, 24, 12), "float64": (15, 53, 100)}
LAST_BITS = 2  # ulp: np.sqrt(1/2) and 1/np.sqrt(2) are two floats


def number(value: Any) -> sympy.Expr | None:
    """The number; None for what is none (a truth value, an array)."""
    if isinstance(value, sympy.Expr):
        return value
    value = _scalar(value)
    if isinstance(value, (bool, np.bool_)):
        return None
    if isinstance(value, (int, np.integer)):
        return sympy.Integer(int(value))
    try:
        size = float(value)
        if not math.isfinite(size):
            return (
                sympy.nan
                if math.isnan(size)
                else sympy.oo * (1 if size > 0 else -1)
            )
    except (TypeError, ValueError, OverflowError):
        return None
    kind = "float64" if isinstance(value, float) else str(value.dtype)
    decimal = _decimal(value, kind)
    if kind in _FORMATS:
        digits, precision, small = _FORMATS[kind]
        if _digits(decimal) >= digits:
            if _is_beside_a_float(size, precision, small):
                exact = Fraction(size)
                return sympy.Rational(exact.numerator, exact.denominator)
            found = _named(size, precision, small)
            if found is not None:
                return found
    return sympy.Rational(decimal.numerator, decimal.denominator)


def _scalar(value: Any) -> Any:
    """A number of Python or NumPy, if it is a tensor of rank 0."""
    import keras

    if isinstance(value, keras.Variable):
        if value.trainable or value.ndim:
            return None
        value = value.value
    if isinstance(value, (bool, int, float, np.generic)):
        return value
    if isinstance(value, keras.KerasTensor):
        return None
    if keras.ops.is_tensor(value) or isinstance(value, np.ndarray):
        if len(value.shape) == 0:
            return np.asarray(keras.ops.convert_to_numpy(value))[()]
    return None


def _decimal(value: Any, kind: str) -> Fraction:
    """The shortest decimal that reads back as this float."""
    if kind in ("float16", "float32", "float64"):
        exact = np.dtype(kind).type(value)
        return Fraction(np.format_float_scientific(exact, unique=True))
    return Fraction(float(value))  # what no NumPy prints


def _digits(decimal: Fraction) -> int:
    """How many a decimal has, without zeros before and after."""
    scale = decimal
    while scale.denominator != 1:
        scale *= 10
    return len(str(abs(scale.numerator)).strip("0"))


def _named(value: float, precision: int, small: int) -> sympy.Expr | None:
    size = abs(value)
    for made in _candidates(size, small):
        exact = sympy.N(made, 40)
        unit = 2.0 ** (math.frexp(size)[1] - precision)
        if abs(float(exact - sympy.Float(size, 40))) <= LAST_BITS * unit:
            return made if value > 0 else -made
    return None


def _is_beside_a_float(value: float, precision: int, small: int) -> bool:
    """Whether it is next to a small number that is a float, but not it.

    Such as 1 - 2**-53: a computed 1 would be 1, so this is meant as it is.
    """
    near = Fraction(value).limit_denominator(small)
    unit = 2.0 ** (math.frexp(value)[1] - precision)
    dyadic = near.denominator & (near.denominator - 1) == 0
    gap = abs(float(near - Fraction(value)))
    return dyadic and 0 < gap <= LAST_BITS * unit and abs(near) <= small


def _candidates(size: float, small: int) -> Iterator[sympy.Expr]:
    """What the fractions next to simple functions of it would make."""
    pi = sympy.pi
    shapes: tuple[
        tuple[Callable[[float], float], Callable[[Any], sympy.Expr]], ...
    ] = (
        (lambda v: v, lambda r: r),
        (lambda v: v / math.pi, lambda r: r * pi),
        (lambda v: v * math.pi, lambda r: r / pi),
        (lambda v: v * v, sympy.sqrt),
        (lambda v: v * v / math.pi, lambda r: sympy.sqrt(r * pi)),
        (lambda v: v * v * math.pi, lambda r: sympy.sqrt(r / pi)),
        (math.log, sympy.exp),
        (math.exp, sympy.log),
        (lambda v: math.exp(1 / v), lambda r: 1 / sympy.log(r)),
        (lambda v: math.exp(2 * v) / math.pi, lambda r: sympy.log(r * pi) / 2),
        (lambda v: math.exp(v) / math.pi, lambda r: sympy.log(r * pi)),
    )
    for transform, made in shapes:
        try:
            near = Fraction(transform(size)).limit_denominator(small)
        except (OverflowError, ValueError, ZeroDivisionError):
            continue
        if 0 < abs(near) <= small:
            number = made(sympy.Rational(near.numerator, near.denominator))
            if number.is_finite and number.is_real:
                yield number
