"""The cheaper primitives of closed forms, against multiple precision.

Each error that a docstring states, eager and compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from backends import BACKEND
from backends import compiled
from keras import ops

from keras_stablef.runtime import exponents
from keras_stablef.runtime import kernels
from keras_stablef.runtime import pairs

pytestmark = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="compiled backends"
)
PRECISION = {"float32": 24, "float64": 53}
HALVES = 9  # bits beyond p, of a product
# TensorFlow's graphs are rewritten before they run, also without XLA.
MODES = (
    ("eager", "jit", "graph") if BACKEND == "tensorflow" else ("eager", "jit")
)
Numbers = np.ndarray[Any, np.dtype[Any]]


def inputs(dtype: str) -> Numbers:
    """Two heads and two tails below half an ulp of theirs."""
    rng = np.random.default_rng(3)
    heads = rng.uniform(1, 2, (2, 500)) * np.exp2(rng.integers(-9, 9, (2, 500)))
    heads = heads.astype(dtype)
    tails = heads * rng.uniform(-1, 1, heads.shape) * 2.0 ** -PRECISION[dtype]
    return np.concatenate([heads, tails.astype(dtype)])


def run(way: Callable[..., Any], x: Numbers, dtype: str, mode: str) -> Numbers:
    packed = ops.convert_to_tensor(x, dtype=dtype)
    count = len(x)
    function = lambda v: list(way(*(v[i] for i in range(count))))  # noqa: E731
    if mode == "graph":
        import tensorflow as tf

        found = tf.function(function)(packed)
    else:
        found = compiled(function, mode)(packed)
    return np.stack([np.asarray(ops.convert_to_numpy(f)) for f in found])


def worst(got: Numbers, exact: list[Any]) -> float:
    """The largest relative error of pairs."""
    off = [
        abs((mpmath.mpf(float(h)) + mpmath.mpf(float(t))) / e - 1)
        for h, t, e in zip(got[0], got[1], exact, strict=True)
    ]
    return float(max(off))


PAIRS = {
    # name: what it computes, the exact value, bits beyond p
    "product_of_halves": (
        lambda a, b, x, y, d: pairs.product_of_halves(a, b, d),
        lambda a, b, x, y: a * b,
        HALVES,
    ),
    "short_quotient": (
        lambda a, b, x, y, d: pairs.short_quotient((a, x), (b, y), d),
        lambda a, b, x, y: (a + x) / (b + y),
        HALVES - 1,
    ),
    "short_quotient of floats": (
        lambda a, b, x, y, d: pairs.short_quotient((a, None), (b, None), d),
        lambda a, b, x, y: a / b,
        HALVES - 1,
    ),
    "short_root": (
        lambda a, b, x, y, d: pairs.short_root((a, x), d),
        lambda a, b, x, y: mpmath.sqrt(a + x),
        HALVES - 1,
    ),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", list(PRECISION))
@pytest.mark.parametrize("name", list(PAIRS))
def test_pairs_are_as_good_as_stated(name: str, dtype: str, mode: str) -> None:
    way, exact, bits = PAIRS[name]
    x = inputs(dtype)
    got = run(lambda a, b, c, e: way(a, b, c, e, dtype), x, dtype, mode)
    with mpmath.workprec(300):
        columns = [[mpmath.mpf(float(v)) for v in row] for row in x]
        values = [exact(*c) for c in zip(*columns, strict=True)]
        assert worst(got, values) <= 2.0 ** (-PRECISION[dtype] - bits)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("dtype", "least", "most"),
    [("float32", -87.0, 104.0), ("float64", -708.0, 745.0)],
)
def test_signed_exp(dtype: str, least: float, most: float, mode: str) -> None:
    """A pair and an exponent that is not negative; far down, next to 0."""
    x = np.linspace(least, most, 999).astype(dtype)

    def way(v: Any) -> list[Any]:
        (h, t), n = kernels.signed_exp((v, None), dtype)
        return [h, t, n]

    h, t, n = run(way, x[None], dtype, mode)
    assert (n >= 0).all()
    assert (n[x < 0] == 0).all()
    with mpmath.workprec(300):
        exact = [
            mpmath.exp(mpmath.mpf(float(v))) * mpmath.mpf(2) ** int(-k)
            for v, k in zip(x, n, strict=True)
        ]
        normal = x > least / 2
        off = worst(
            np.stack([h, t])[:, normal],
            [e for e, use in zip(exact, normal, strict=True) if use],
        )
    assert off <= 0.46 * 2.0 ** -PRECISION[dtype]
    below = np.array([4 * least, -1e30, -np.finfo(dtype).max], dtype)
    h, t, n = run(way, below[None], dtype, mode)
    assert (np.abs(h + t) <= 2 * np.finfo(dtype).smallest_normal).all()
    assert (n == 0).all()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", list(PRECISION))
def test_powers_of_two_are_exact(dtype: str, mode: str) -> None:
    most = {"float32": 140, "float64": 1040}[dtype]
    n = np.arange(0, most, 3).astype(dtype)
    y = np.linspace(1, 2, len(n)).astype(dtype)
    limit = {"float32": 126, "float64": 1022}[dtype]

    def way(v: Any, k: Any, small: Any, large: Any) -> list[Any]:
        return [
            exponents.grown(small, k, dtype),
            exponents.grown_from(v, k, 40, dtype),
            exponents.shrunk(large, k, dtype),
            exponents.unit_of(k, dtype),
            *exponents.pair_by_power((v, v), -k, dtype),
        ]

    # Of numbers as such: those of a product are gathered with others.
    rows = [y, n, y * 2.0**-40, y * 2.0**40]
    got = run(way, np.stack(rows), dtype, mode)
    for i, (v, k) in enumerate(zip(y, n, strict=True)):
        one, e = Fraction(float(v)), int(k)
        scaled = one * Fraction(2) ** (e - 40)
        assert [Fraction(float(g)) for g in got[:2, i]] == [scaled, scaled]
        if e - 40 <= limit:
            assert Fraction(float(got[2, i])) == one * Fraction(2) ** (40 - e)
        held = Fraction(2) ** -min(e, limit)
        assert Fraction(float(got[3, i])) == held
        if e <= limit:
            pair = [Fraction(float(g)) for g in got[4:, i]]
            assert pair == [one * held] * 2


@pytest.mark.parametrize("bits", [True, False])
@pytest.mark.parametrize("dtype", list(PRECISION))
def test_roots_of_the_largest_numbers(
    dtype: str, bits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Halves that are rounded, and not cut, would overflow when squared."""
    if not bits:
        monkeypatch.setattr(pairs, "sees_bits", lambda: False)
    last = np.finfo(dtype).max
    x = np.array([last, np.nextafter(last, np.array(0, dtype)), last / 3])
    x = x.astype(dtype)
    got = run(lambda a: pairs.short_root((a, None), dtype), x[None], dtype,
              "eager")  # fmt: skip
    with mpmath.workprec(300):
        exact = [mpmath.sqrt(mpmath.mpf(float(v))) for v in x]
        assert worst(got, exact) <= 2.0 ** (-PRECISION[dtype] - HALVES + 1)
