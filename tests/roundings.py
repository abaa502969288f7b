"""Rounding to a format by its list of numbers; running ops in float8."""

from __future__ import annotations

import bisect
import functools
from fractions import Fraction

import keras
import ml_dtypes
import numpy as np
import oracle
import sympy
from backends import compiled
from cases import CASES
from cases import X

FLOAT8 = ("float8_e4m3fn", "float8_e5m2")
NORMAL = Fraction(1, 2**126)  # the smallest of float32


def run(fn, x, dtype, mode="eager"):  # type: ignore[no-untyped-def]
    """fn of the numbers x in a dtype, as float32.

    NumPy arrays of float8 are unknown to torch, so casts are the way in and
    out; they are exact.
    """
    z = keras.ops.cast(keras.ops.convert_to_tensor(x), dtype)
    y = keras.ops.cast(compiled(fn, mode)(z), "float32")
    return np.asarray(keras.ops.convert_to_numpy(y))


class Rounding:
    """Rounding to a format by its list of numbers, none of our own code."""

    def __init__(self, positive: list[Fraction], beyond: float) -> None:
        self.positive, self.beyond = positive, beyond

    def __call__(self, value: Fraction) -> float:
        """To nearest; ties to the even place in the list of numbers."""
        size, sign = abs(value), -1.0 if value < 0 else 1.0
        line = self.positive
        over = 2 * line[-1] - line[-2]  # what would come next
        k = bisect.bisect_left(line, size)
        if k == len(line):
            tie = (line[-1] + over) / 2
            stays = size < tie or (size == tie and (k - 1) % 2 == 0)
            return sign * (float(line[-1]) if stays else self.beyond)
        if line[k] == size:
            return sign * float(size)
        tie = (line[k - 1] + line[k]) / 2
        up = size > tie or (size == tie and k % 2 == 0)
        return sign * float(line[k] if up else line[k - 1])


@functools.cache
def float8(dtype: str) -> tuple[np.ndarray, Rounding]:
    """All 256 numbers as float32, and the rounding that ml_dtypes has."""
    scalar = getattr(ml_dtypes, dtype)
    every = np.arange(256, dtype=np.uint8).view(scalar)
    values = every.astype(np.float32)
    positive = values[:128][np.isfinite(values[:128])]
    beyond = float(np.float32(1e9).astype(scalar))
    return values, Rounding([Fraction(float(v)) for v in positive], beyond)


@functools.cache
def exact_rational(name: str, order: int, x: float) -> Fraction | None:
    """f^(order)(x) if sympy finds that it is rational: it may be a tie."""
    expr = sympy.diff(CASES[name].expr, X, order)
    value = sympy.nsimplify(expr.subs(X, sympy.Rational(x)))
    return Fraction(value.p, value.q) if value.is_Rational else None


@functools.cache
def exact_ends(name: str, order: int, x: float) -> tuple[Fraction, Fraction]:
    """Rationals around f^(order)(x), at most 2**-90 of it apart."""
    ball = oracle.exact(name, order, x)
    assert ball is not None, f"{name} {order} at {x}"
    ends = []
    for end in (ball.lower(), ball.upper()):
        man, exp = end.man_exp()
        # Far below every format: nothing is that near but 0.
        low = max(int(exp), -4000)
        ends.append(
            Fraction(0)
            if int(exp) < -3900
            else Fraction(int(man)) * Fraction(2) ** low
        )
    return ends[0], ends[1]


def wanted(
    name: str, order: int, x: float, to: Rounding, end: float
) -> tuple[float, bool]:
    """The correctly rounded value, and whether it is a 0 of either sign.

    Args:
        end: what float32 gives, rounded where the oracle has nothing: at
            the ends of the domain, at infinity and outside.
    """
    if not CASES[name].low < x < CASES[name].high:
        if not end:
            return end, True
        if np.isfinite(end):
            return to(Fraction(end)), False
        return float(np.copysign(to.beyond, end)) if end == end else end, False
    ends = exact_ends(name, order, x)
    low, high = map(to, ends)
    # 0, or a number that float32 flushes to 0.
    free = max(map(abs, ends)) < NORMAL
    if np.array_equal(low, high, equal_nan=True):
        return low, free
    value = exact_rational(name, order, x)
    assert value is not None, f"{name} {order} at {x}: {low} or {high}"
    return to(value), free


def same(got: np.ndarray, want: np.ndarray) -> np.ndarray:
    """Equal bit for bit, any nan being nan."""
    bits = got.view(np.uint32) == want.view(np.uint32)
    return bits | (np.isnan(got) & np.isnan(want))
