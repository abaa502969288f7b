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
from cases import CASES
from cases import OTHERS
from cases import X
from flint import acb
from flint import arb
from flint import ctx

CERTAIN_BITS = 100
# precision, exponent of the smallest normal number
FORMATS = {
    "float16": (11, -14),
    "bfloat16": (8, -126),
    "float32": (24, -126),
    "float64": (53, -1022),
}


@functools.cache
def _function(name: str, order: int) -> Callable[[arb], arb]:
    case = CASES.get(name) or OTHERS[name]
    return compiled(sympy.diff(case.expr, X, order))


_BALLS = {
    name: (lambda a, name=name: getattr(arb(a), name)())
    for name in (
        *("exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh"),
        *("tanh", "asin", "acos", "atan", "asinh", "acosh", "atanh"),
        *("erf", "erfc", "cot", "sec", "csc", "coth", "sech", "csch"),
    )
} | {
    "Abs": lambda a: abs(arb(a)),
    **{
        name: (lambda a, name=name: getattr(arb(a), name)())
        for name in ("lgamma", "digamma", "erfinv")
    },
    **{
        f"polygamma{n}": (lambda a, n=n: acb(arb(a)).polygamma(n).real)
        for n in range(1, 4)
    },
}


def _ball(number: sympy.Expr) -> arb:
    if number.is_Rational:
        return arb(int(number.p)) / arb(int(number.q))
    return arb.pi() if number == sympy.pi else arb.const_e()


def compiled(expr: sympy.Expr) -> Callable[[arb], arb]:
    """The formula over balls; it is read at the precision of the call.

    Fractions that are no floats, pi and e are made balls too: lambdify
    would print 1/3 as a division of Python's.
    """
    # Python's sign of 0 would be 0; a derivative of it is 0 off its point.
    expr = expr.replace(sympy.sign, lambda a: a / sympy.Abs(a))
    expr = expr.replace(sympy.DiracDelta, lambda *a: sympy.S(0))
    numbers = [
        n
        for n in sorted(expr.atoms(sympy.Number, sympy.NumberSymbol), key=str)
        if not (n.is_Rational and n.q & (n.q - 1) == 0)
    ]
    names = [sympy.Dummy() for _ in numbers]
    bare = expr.xreplace(dict(zip(numbers, names, strict=True)))
    run = sympy.lambdify([X, *names], bare, [_BALLS])
    return lambda x: arb(run(x, *map(_ball, numbers)))


def _dyadic(value: float | Fraction) -> arb:
    top, bottom = Fraction(value).as_integer_ratio()
    with ctx.workprec(4096):
        return arb(top) / arb(bottom)


def exact(name: str, order: int, x: float) -> arb | None:
    """f^(order)(x), certain to `CERTAIN_BITS` bits; None if it is not found.

    Where the formula cannot be evaluated, at a removable point, it is
    evaluated 2**-4000 beside it.
    """
    return at(_function(name, order), x)


def at(function: Callable[[arb], arb], x: float) -> arb | None:
    """The value of a function over balls; see `exact`."""
    if not np.isfinite(x):
        return None
    for bits, shift in ((256, 0), (1200, 0), (6000, 0), (30000, 4000)):
        with ctx.workprec(bits):
            step = arb((1, -shift)) if shift else arb(0)
            try:
                value = arb(function(_dyadic(x) + step))
            except ZeroDivisionError:
                continue
            if not value.is_finite():
                continue
            if value.rel_accuracy_bits() > CERTAIN_BITS:
                if shift and _moves(function, x, value, shift // 2):
                    return None
                # 2**-4000 beside a zero is a zero.
                tiny = shift and value.abs_upper() < arb((1, -2500))
                return arb(0) if tiny else value
            if value.abs_upper() < arb((1, -1100)):
                return value
    return None


def _moves(
    function: Callable[[arb], arb], x: float, value: arb, shift: int
) -> bool:
    """Whether a step to a singularity is not the limit: a pole, a logarithm."""
    other = arb(function(_dyadic(x) + arb((1, -shift))))
    change = abs(other - value)
    close = change < abs(value) * arb((1, -CERTAIN_BITS))
    return not (close or change < arb((1, -1100)))


def _floor_log2(value: arb) -> int:
    man, exp = value.mid().man_exp()
    return int(exp) + int(man).bit_length() - 1


def ulp_error(got: float, want: arb, dtype: str) -> float:
    """``|got - want| / ulp(want)``; a flushed subnormal is exact."""
    precision, emin = FORMATS[dtype]
    emax = {11: 15, 8: 127, 24: 127, 53: 1023}[precision]
    with ctx.workprec(2400):
        top = (2 - arb((1, 1 - precision))) * arb((1, emax))
        if abs(want) > top:  # inf of the right sign is exact
            right = np.isinf(got) and (got > 0) == bool(want > 0)
            return 0.0 if right else 1.0 if abs(got) == float(top) else np.inf
        if not np.isfinite(got):
            return np.inf
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
    rows = []
    for x, y in zip(xs, got, strict=True):
        want = exact(name, order, float(x))
        if want is not None:
            rows.append((ulp_error(float(y), want, dtype), float(x)))
    return max(rows)
