"""Exact Taylor coefficients of exp, sin and cos."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from flint import fmpq


def fraction(value: Any) -> Fraction:
    if isinstance(value, fmpq):
        return Fraction(int(value.p), int(value.q))
    return Fraction(int(value))


def inverse_factorial(m: int) -> Fraction:
    out = Fraction(1)
    for i in range(2, m + 1):
        out /= i
    return out


def cosine(m: int) -> Fraction:
    return inverse_factorial(m) * (0 if m % 2 else (-1) ** (m // 2))


def sine(m: int) -> Fraction:
    return inverse_factorial(m) * ((-1) ** (m // 2) if m % 2 else 0)
