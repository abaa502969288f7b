"""Coefficients of the two kernels that end forms are evaluated with.

log(1 + r) = r - r**2/2 + r**3 P(r) and exp(r) = 1 + r + r**2 P(r), derived
like everything else: expansion, economization, rounding.  The constants of
the argument reduction are log 2 in three parts, the first two so short that
their products with n are exact (Cody and Waite 1980).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import sympy
from flint import arb
from flint import ctx

from ..errors import NotProvedError
from ..numbers.chebyshev import Economized
from ..numbers.evaluate import to_primitives
from ..numbers.floats import FloatFormat
from ..numbers.floats import floor_log2
from ..numbers.floats import power2
from ..numbers.floats import to_fraction
from ..numbers.places import Place
from ..numbers.places import expand
from ..numbers.series import to_balls

_X = sympy.Symbol("x", real=True)
# name: formula of P, largest |r|, the power of r that P is multiplied by
KERNELS = {
    "log": ((sympy.log(1 + _X) - _X + _X**2 / 2) / _X**3, arb("0.4143"), 3),
    "exp": ((sympy.exp(_X) - 1 - _X) / _X**2, arb("0.3467"), 2),
}


@dataclass(frozen=True)
class Kernel:
    """P in floats, and log 2 in three parts."""

    coefficients: tuple[Fraction, ...]
    log2: tuple[Fraction, Fraction, Fraction]


@lru_cache(maxsize=8)
def kernel(name: str, fmt: FloatFormat) -> Kernel:
    """The kernel in that format.

    Its error is below a quarter of the least unit that ends.py counts for
    it: 2**-(p + 4) of the function.
    """
    formula, reach, power = KERNELS[name]
    with ctx.workprec(600):
        made, _ = expand(
            to_primitives(formula),
            Place(Fraction(0), 0),
            reach,
            90,
            power2(fmt.emin - fmt.precision),
        )
        series = made.plain
        assert series is not None
        low, high = -reach, reach
        if name == "log":  # m is between sqrt(1/2) and sqrt(2)
            low = arb("-0.2930")
        economized = Economized(to_balls(series.poly), low, high)
        weight = float(reach) ** power
        goal = 2.0 ** (-fmt.precision - 6) / weight
        base = float(series.error())
        for degree in range(60):
            if economized.dropped(degree) + base < goal:
                break
        else:
            raise NotProvedError(f"no kernel for {name} in {fmt.name}")
        exact = [to_fraction(c) for c in economized.cut(degree).coeffs()]
        log2 = to_fraction(arb(2).log())
    bits = fmt.precision - math.ceil(math.log2(4 * fmt.emax))
    one = _head(log2, bits)
    two = _head(log2 - one, bits)
    return Kernel(
        tuple(fmt.round(c) for c in exact),
        (one, two, fmt.round(log2 - one - two)),
    )


def _head(value: Fraction, bits: int) -> Fraction:
    unit = Fraction(2) ** (floor_log2(value) - bits + 1)
    return round(value / unit) * unit
