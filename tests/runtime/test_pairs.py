"""Error-free transformations stay error-free, eager and compiled.

The pairs of floats of generated modules rest on it: a compiler that
reorders sums, or folds constants through them, would break their bounds.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from backends import BACKEND
from backends import compiled
from keras import ops

from keras_stablef.runtime import pairs

pytestmark = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="autodiff backends"
)
# TensorFlow's graph optimizer works where XLA does not.
MODES = (
    ("eager", "jit", "graph") if BACKEND == "tensorflow" else ("eager", "jit")
)


def numbers(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    a = rng.standard_normal(400) * np.exp2(rng.integers(-20, 20, 400))
    b = rng.standard_normal(400)
    return a.astype(dtype), b.astype(dtype)


def made(function, mode: str):  # type: ignore[no-untyped-def]
    if mode == "graph":
        import tensorflow as tf

        return tf.function(function, jit_compile=False)
    return compiled(function, mode)


def exactly(pair: tuple) -> list[Fraction]:
    high, low = (np.asarray(ops.convert_to_numpy(p)) for p in pair)
    return [
        Fraction(float(h)) + Fraction(float(k))
        for h, k in zip(high, low, strict=True)
    ]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_and_products_are_exact(dtype: str, mode: str) -> None:
    a, b = numbers(dtype)

    def both(packed):  # type: ignore[no-untyped-def]
        x, y = packed[0], packed[1]
        one = pairs.two_sum(x, 1.0)
        product = pairs.two_product(x, y, dtype)
        a, b = ops.abs(x), ops.abs(y)
        fast = pairs.fast_two_sum(ops.where(a < b, b, a), -b)
        return [*pairs.two_sum(x, y), *product, *one, *fast]

    packed = ops.convert_to_tensor(np.stack([a, b]), dtype=dtype)
    got = made(both, mode)(packed)
    exact = [
        (Fraction(float(x)), Fraction(float(y)))
        for x, y in zip(a, b, strict=True)
    ]
    assert exactly(got[0:2]) == [x + y for x, y in exact]
    assert exactly(got[2:4]) == [x * y for x, y in exact]
    assert exactly(got[4:6]) == [x + 1 for x, _ in exact]
    fast = [max(abs(x), abs(y)) - abs(y) for x, y in exact]
    assert exactly(got[6:8]) == fast


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fast_sums_in_the_other_order(dtype: str, mode: str) -> None:
    """What is lost where the second term is larger, as stated."""
    a, b = numbers(dtype)
    packed = ops.convert_to_tensor(np.stack([a * 2.0**-9, b]), dtype=dtype)
    got = made(lambda p: list(pairs.fast_two_sum(p[0], p[1])), mode)(packed)
    unit = Fraction(1, 2 ** {"float32": 24, "float64": 53}[dtype])
    for x, y, total in zip(a * 2.0**-9, b, exactly(got), strict=True):
        x, y = Fraction(float(x)), Fraction(float(y))
        lost = unit * (abs(y) + unit * abs(x + y))
        assert abs(total - x - y) <= (2 + 4 * unit) * lost


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pairs_keep_twice_the_precision(dtype: str, mode: str) -> None:
    """Where operands come from products too, and are used again.

    XLA once contracted x * x - h * h to fma(x, x, -h * h): the exact square
    where its rounding error was wanted.
    """
    a, b = numbers(dtype)

    def all_of_them(packed):  # type: ignore[no-untyped-def]
        x, y = packed[0], packed[1]
        zero = ops.zeros_like(x)
        square = pairs.two_product(x, x, dtype)
        moved = pairs.two_product(x * y, x * y, dtype)
        cube = pairs.pair_power((x, zero), 3, dtype)
        ratio = pairs.pair_quotient((y, zero), cube, dtype)
        total = pairs.pair_sum(cube, ratio)
        return [x * y, *square, *moved, *cube, *ratio, *total]

    packed = ops.convert_to_tensor(np.stack([a, b]), dtype=dtype)
    got = made(all_of_them, mode)(packed)
    xy = [Fraction(float(v)) for v in ops.convert_to_numpy(got[0])]
    unit = Fraction(1, 2 ** (2 * {"float32": 24, "float64": 53}[dtype]))
    xs, ys = ([Fraction(float(v)) for v in part] for part in (a, b))
    assert exactly(got[1:3]) == [x * x for x in xs]
    assert exactly(got[3:5]) == [v * v for v in xy]
    for x, y, cube, ratio, total in zip(
        xs, ys, exactly(got[5:7]), exactly(got[7:9]), exactly(got[9:11]),
        strict=True,
    ):  # fmt: skip
        assert abs(cube - x**3) <= 8 * unit * abs(x**3)
        assert abs(ratio - y / x**3) <= 32 * unit * abs(y / x**3)
        size = abs(x**3) + abs(y / x**3)
        assert abs(total - x**3 - y / x**3) <= 48 * unit * size
