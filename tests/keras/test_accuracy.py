"""Value and derivatives against multiple precision, on this backend.

The public op, its derivative ops and the backend's own autodiff, eager and
compiled; the bound is the one the package states, and a bound more than
four times what is seen here fails as well.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from backends import BACKEND
from backends import forward
from backends import reverse
from backends import run
from judge import exact
from judge import worst
from points import all_16_bit
from points import sample
from points import scalar_type
from sampling import sampled

import keras_stablef as ks
from keras_stablef.generated import stablef as generated

ORDERS = (0, 1, 2)
WIDE = ("float32", "float64")
NARROW = ("float16", "bfloat16")
MODES = ("eager", "jit")
AIMS = {0: 2.0, 1: 2.0, 2: 4.0}
CERTIFICATE = json.loads(
    Path(generated.__file__).with_suffix(".json").read_text(encoding="utf-8")
)
SEAMS = {
    dtype: tuple(
        sorted(
            {
                float(Fraction(piece["low"]))
                for plan in CERTIFICATE["plans"]
                if plan["dtype"] == dtype
                for piece in plan["pieces"][1:]
            }
        )
    )
    for dtype in WIDE
}
SAMPLES = 4000

pytestmark = pytest.mark.skipif(
    keras.backend.backend() not in ("tensorflow", "jax", "torch"),
    reason="autodiff backends",
)


@functools.cache
def points(dtype: str) -> np.ndarray:
    return sample(dtype, SEAMS[dtype], SAMPLES)


def once_compiled(*ways: Iterable) -> list[Any]:
    """Both formats both ways, but float64 compiled on one backend each."""
    rows = list(itertools.product(WIDE, *ways, MODES))
    last = [r for r in rows if (r[0], r[-1]) == ("float64", "jit")]
    return sampled(rows, always=[r for r in rows if r not in last])


@pytest.mark.parametrize(("dtype", "order", "mode"), once_compiled(ORDERS))
def test_derivative_ops(dtype: str, order: int, mode: str) -> None:
    op = ks.ops.stablef.derivative(order)
    bound = ks.ops.stablef.error_bound(dtype, order=order)
    xs = points(dtype)
    got = run(op, xs, mode)
    assert got.dtype == np.dtype(dtype)
    error, where = worst("stablef", order, dtype, xs, got)
    assert error <= bound <= AIMS[order], f"{error} ulp at {where!r}"
    assert bound <= 4 * error, f"a loose bound: {bound} for {error}"


@pytest.mark.parametrize(
    ("dtype", "differentiate", "mode"), once_compiled((reverse, forward))
)
def test_autodiff_of_the_value(
    dtype: str, differentiate: object, mode: str
) -> None:
    xs = points(dtype)
    got = run(differentiate(ks.ops.stablef), xs, mode)  # type: ignore[operator]
    assert got.dtype == np.dtype(dtype)
    error, where = worst("stablef", 1, dtype, xs, got)
    assert error <= ks.ops.stablef.error_bound(dtype, order=1), where


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", WIDE)
def test_second_order_autodiff(dtype: str, mode: str) -> None:
    xs = points(dtype)
    got = run(reverse(reverse(ks.ops.stablef)), xs, mode)
    error, where = worst("stablef", 2, dtype, xs, got)
    assert error <= ks.ops.stablef.error_bound(dtype, order=2), where


def finite(dtype: str) -> np.ndarray:
    xs = all_16_bit(dtype)
    return xs[np.isfinite(xs.astype(np.float32))]


NARROWED = list(itertools.product(NARROW, ORDERS, MODES))


# One rounding of what is judged in float32 above, in each format and mode.
@pytest.mark.parametrize(
    ("dtype", "order", "mode"),
    sampled(NARROWED, always=[(t, 0, "jit") for t in NARROW]),
)
def test_all_inputs_of_16_bits(dtype: str, order: int, mode: str) -> None:
    xs = finite(dtype)
    got = run(ks.ops.stablef.derivative(order), xs, mode)
    error, where = worst("stablef", order, dtype, xs, got)
    bound = ks.ops.stablef.error_bound(dtype, order=order)
    assert error <= bound <= 0.51, where


@pytest.mark.parametrize("dtype", NARROW)
def test_gradient_of_all_inputs_of_16_bits(dtype: str) -> None:
    xs = finite(dtype)
    got = run(reverse(ks.ops.stablef), xs, "jit")
    error, where = worst("stablef", 1, dtype, xs, got)
    assert error <= 0.51, where


ALL_MODES = list(itertools.product((*NARROW, *WIDE), MODES))


# Four orders take inductor and XLA seconds; other formats are casts more.
NOT_LONG = [r for r in ALL_MODES if r[1] == "eager" or r[0] == "float32"]
LONG = [r for r in ALL_MODES if r not in NOT_LONG]
SINGLE = [
    r
    for r in NOT_LONG
    if r[0] == "float32" and (r[1] == "eager" or BACKEND != "torch")
]


@pytest.mark.parametrize(
    ("dtype", "mode"),
    [*sampled(NOT_LONG, always=SINGLE), *sampled(LONG, 0)],
)
def test_nothing_is_nan_or_infinite(dtype: str, mode: str) -> None:
    """f(x) + f(x + 50) and three derivatives, at every kind of input."""
    special = [0.0, -0.0, -50.0, -88.8, -104.0, -1e30, 1e30, np.inf, -np.inf]
    with np.errstate(over="ignore"):
        xs = np.array(special).astype(scalar_type(dtype))
        more = points(dtype) if dtype in WIDE else finite(dtype)
    xs = np.concatenate([xs, more])

    def total(x):  # type: ignore[no-untyped-def]
        return ks.ops.stablef(x) + ks.ops.stablef(x + 50.0)

    fn = total
    for _ in range(4):
        got = run(fn, xs, mode)
        assert np.isfinite(got.astype(np.float64)).all()
        fn = reverse(fn)


@pytest.mark.parametrize("dtype", (*NARROW, *WIDE))
def test_limits_and_nan(dtype: str) -> None:
    xs = np.array([-np.inf, np.inf, 0.0, np.nan]).astype(scalar_type(dtype))
    values = run(ks.ops.stablef, xs)
    slopes = run(reverse(ks.ops.stablef), xs)
    curves = run(reverse(reverse(ks.ops.stablef)), xs)
    assert values[:3].tolist() == [0.0, 1.0, 0.5]
    twelfth = float(np.array(1 / 12).astype(scalar_type(dtype)))
    assert slopes[:3].tolist() == [0.0, 0.0, twelfth]
    assert curves[:3].tolist() == [0.0, 0.0, 0.0]
    assert np.isnan([values[3], slopes[3], curves[3]]).all()


def test_third_order_at_and_about_zero() -> None:
    """Autodiff through the last generated body; no bound is claimed."""
    xs = np.array([-1.0, -1e-3, 0.0, 1e-3, 1.0, 5.0, -5.0], np.float64)
    third = reverse(reverse(reverse(ks.ops.stablef)))
    got = run(third, xs)
    want = exact("stablef", 3, xs).floats
    np.testing.assert_allclose(got, want, rtol=1e-8)
