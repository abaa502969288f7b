"""The oracle: multiple precision from the formula, none of our own code.

The formula is differentiated by sympy and evaluated in balls by
python-flint, at a precision doubled until 100 bits of the result are
certain.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
import sympy
from flint import arb
from flint import ctx

X = sympy.Symbol("x", real=True)
CERTAIN_BITS = 100
FORMULAS = {"stablef": 1 / (1 - sympy.exp(-X)) - 1 / X}
# Limits of f^(k) where the formula cannot be evaluated, by hand.
LIMITS = {
    ("stablef", 0): {0.0: 0.5, -np.inf: 0.0, np.inf: 1.0},
    ("stablef", 1): {0.0: Fraction(1, 12), -np.inf: 0.0, np.inf: 0.0},
    ("stablef", 2): {0.0: 0.0, -np.inf: 0.0, np.inf: 0.0},
    ("stablef", 3): {0.0: Fraction(-1, 120), -np.inf: 0.0, np.inf: 0.0},
}
# precision, exponent of the smallest normal number
FORMATS = {
    "float16": (11, -14),
    "bfloat16": (8, -126),
    "float32": (24, -126),
    "float64": (53, -1022),
}


@functools.cache
def _function(name: str, order: int) -> Callable[[arb], arb]:
    expr = sympy.diff(FORMULAS[name], X, order)
    modules = [{"exp": lambda a: a.exp()}]
    return sympy.lambdify(X, expr, modules)


def _dyadic(value: float | Fraction) -> arb:
    top, bottom = Fraction(value).as_integer_ratio()
    with ctx.workprec(4096):
        return arb(top) / arb(bottom)


def exact(name: str, order: int, x: float) -> arb:
    """f^(order)(x), certain to `CERTAIN_BITS` bits."""
    limits = LIMITS[name, order]
    if x in limits:
        return _dyadic(limits[x])
    bits = 256
    while bits < 2**16:
        with ctx.workprec(bits):
            value = _function(name, order)(_dyadic(x))
            if value.is_finite() and value.rel_accuracy_bits() > CERTAIN_BITS:
                return value
            if value.is_finite() and value.abs_upper() < arb((1, -1100)):
                return value
        bits *= 2
    raise ArithmeticError(f"{name} order {order} at {x}: no certain value.")


def _floor_log2(value: arb) -> int:
    man, exp = value.mid().man_exp()
    return int(exp) + int(man).bit_length() - 1


def ulp_error(got: float, want: arb, dtype: str) -> float:
    """``|got - want| / ulp(want)``; a flushed subnormal is exact."""
    precision, emin = FORMATS[dtype]
    if not np.isfinite(got):
        return np.inf
    with ctx.workprec(2400):
        if got == 0 and want.abs_upper() < arb((1, emin)):
            return 0.0
        size = want.abs_upper()
        exponent = _floor_log2(size) if size > 0 else emin
        unit = arb((1, max(exponent, emin) - precision + 1))
        return float((abs(_dyadic(float(got)) - want) / unit).abs_upper())


def worst(
    name: str, order: int, dtype: str, xs: Iterable[float], got: Iterable[float]
) -> tuple[float, float]:
    """The largest error in ulp and the x where it is."""
    rows = (
        (ulp_error(float(y), exact(name, order, float(x)), dtype), float(x))
        for x, y in zip(xs, got, strict=True)
    )
    return max(rows)
