"""Spans hold every value that they stand for."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from keras_stablef.generator.program.spans import Real
from keras_stablef.generator.program.spans import Span

FLOATS = st.floats(-1e6, 1e6, allow_nan=False, allow_subnormal=False)
SHARE = st.floats(0, 1)
TWO = {
    "add": (lambda a, b: a + b, lambda a, b: a + b),
    "sub": (lambda a, b: a - b, lambda a, b: a - b),
    "mul": (lambda a, b: a * b, lambda a, b: a * b),
    "div": (lambda a, b: a / b, lambda a, b: a / b if b else None),
}
ONE = {
    "square": (lambda a: a.square(), lambda a: a * a),
    "sqrt": (lambda a: a.sqrt(), lambda a: mpmath.sqrt(a) if a >= 0 else None),
    "log": (lambda a: a.log(), lambda a: mpmath.log(a) if a > 0 else None),
    "exp": (
        lambda a: a.scaled(Real(2) ** -10).exp(),
        lambda a: mpmath.exp(a / 1024),
    ),
}


def span(a: float, b: float) -> Span:
    low, high = sorted((a, b))
    return Span(np.array([low]).astype(Real), np.array([high]).astype(Real))


def inside(a: float, b: float, share: float) -> float:
    low, high = sorted((a, b))
    return min(max(low + (high - low) * share, low), high)


def holds(found: Span, value: mpmath.mpf | None) -> bool:
    if value is None:
        return True
    ends = [
        mpmath.mpf(np.format_float_scientific(v[0], 30, trim="k"))
        if np.isfinite(v[0])
        else mpmath.mpf(float(v[0]))
        for v in (found.low, found.high)
    ]
    return bool(ends[0] <= value <= ends[1])


@pytest.mark.parametrize("name", list(TWO))
@settings(max_examples=60, deadline=None)
@given(FLOATS, FLOATS, FLOATS, FLOATS, SHARE, SHARE)
def test_two(
    name: str, a: float, b: float, c: float, d: float, p: float, q: float
) -> None:
    way, exact = TWO[name]
    found = way(span(a, b), span(c, d))
    with mpmath.workdps(60):
        x, y = mpmath.mpf(inside(a, b, p)), mpmath.mpf(inside(c, d, q))
        assert holds(found, exact(x, y))


@pytest.mark.parametrize("name", list(ONE))
@settings(max_examples=60, deadline=None)
@given(FLOATS, FLOATS, SHARE)
def test_one(name: str, a: float, b: float, p: float) -> None:
    way, exact = ONE[name]
    with np.errstate(all="ignore"):
        found = way(span(a, b))
    with mpmath.workdps(60):
        assert holds(found, exact(mpmath.mpf(inside(a, b, p))))
