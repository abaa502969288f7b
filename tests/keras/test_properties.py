"""Properties of f and its derivatives, on inputs hypothesis looks for."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from backends import forward
from backends import reverse
from backends import run
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from test_accuracy import SEAMS

import keras_stablef as ks

pytestmark = pytest.mark.skipif(
    keras.backend.backend() not in ("tensorflow", "jax", "torch"),
    reason="autodiff backends",
)
settings.register_profile(
    "op", max_examples=30, deadline=None, derandomize=True
)
settings.load_profile("op")

WIDTHS = {"float32": 32, "float64": 64}
DTYPES = pytest.mark.parametrize("dtype", sorted(WIDTHS))


def batches(dtype: str) -> st.SearchStrategy[np.ndarray]:
    """Arrays of one length (one compilation), any finite floats."""
    width = WIDTHS[dtype]
    anything = st.floats(width=width, allow_nan=False, allow_infinity=False)
    moderate = st.floats(-128, 128, width=width)
    return arrays(dtype, 64, elements=st.one_of(anything, moderate))


def _ulp(values: np.ndarray) -> np.ndarray:
    tiny = np.finfo(values.dtype).tiny
    return np.spacing(np.maximum(np.abs(values), tiny))


@DTYPES
@given(data=st.data())
def test_symmetry(dtype: str, data: st.DataObject) -> None:
    """f(x) + f(-x) = 1 to a rounding, f' even and f'' odd to the bit."""
    x = data.draw(batches(dtype))
    f = [run(ks.ops.stablef.derivative(k), x) for k in range(3)]
    g = [run(ks.ops.stablef.derivative(k), -x) for k in range(3)]
    assert (np.abs(f[0] + g[0] - 1) <= 2 * np.finfo(dtype).eps).all()
    np.testing.assert_array_equal(f[1], g[1])
    np.testing.assert_array_equal(f[2], -g[2])


@DTYPES
@given(data=st.data())
def test_monotonicity(dtype: str, data: st.DataObject) -> None:
    """f increases: a step down is no more than the two bounds."""
    x = np.sort(data.draw(batches(dtype)))
    y = run(ks.ops.stablef, x)
    allowed = 2 * ks.ops.stablef.error_bound(dtype) * _ulp(y[:-1])
    assert (np.diff(y) >= -allowed).all()
    assert ((y >= 0) & (y <= 1)).all()


@DTYPES
@given(data=st.data())
def test_forward_mode_is_reverse_mode(dtype: str, data: st.DataObject) -> None:
    x = data.draw(batches(dtype))
    np.testing.assert_array_equal(
        run(forward(ks.ops.stablef), x), run(reverse(ks.ops.stablef), x)
    )
    np.testing.assert_array_equal(
        run(reverse(ks.ops.stablef), x),
        run(ks.ops.stablef.derivative(), x),
    )


@DTYPES
@given(data=st.data())
def test_elementwise(dtype: str, data: st.DataObject) -> None:
    """A value depends on its input alone, wherever it stands."""
    x = data.draw(batches(dtype))
    order = data.draw(st.permutations(range(len(x))))
    y = run(ks.ops.stablef, x)
    np.testing.assert_array_equal(run(ks.ops.stablef, x[order]), y[order])


@DTYPES
@pytest.mark.parametrize("order", range(3))
def test_continuity_across_seams(dtype: str, order: int) -> None:
    """Neighbours on either side of a seam differ by their two bounds."""
    scalar = np.dtype(dtype).type
    op = ks.ops.stablef.derivative(order)
    bound = ks.ops.stablef.error_bound(dtype, order=order)
    for seam in SEAMS[dtype]:
        for sign in (-1, 1):
            at = scalar(sign * seam)
            x = np.array([np.nextafter(at, scalar(0)), at])
            y = run(op, x)
            # f changes by less than half an ulp of x there, |f'/f| <= 1.
            allowed = (2 * bound + 2) * _ulp(y).max()
            assert abs(float(y[1]) - float(y[0])) <= allowed
