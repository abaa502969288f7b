"""The pseudo-Huber loss at every delta a dtype has, against arb."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from backends import BACKEND
from backends import reverse
from backends import run
from backends import tensor
from flint import arb
from flint import ctx
from oracle import ulp_error
from sampling import sampled

import keras_stablef as ks
from keras_stablef._dtypes import FORMATS
from keras_stablef._dtypes import largest
from keras_stablef._dtypes import scalar
from keras_stablef._pseudo_huber import SLOPE_ULP
from keras_stablef._pseudo_huber import VALUE_ULP

AUTODIFF = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="needs autodiff"
)
MODES = ["eager", "jit"]
# Moderate ones, those that failed, and both ends of the range.
DELTAS = [
    ("float16", [0.1, 1.0, 300.0, 6e4, 65504.0, 1e-3, 2.0**-14, 2.0**-24]),
    ("bfloat16", [0.1, 1.0, 300.0, 1e20, 3e38, 1e-20, 2.0**-126]),
    ("float32", [0.1, 1.0, 300.0, 1e20, 3e38, largest("float32"), 1e-20,
                 2.0**-126]),
    ("float64", [0.1, 1.0, 1e160, 1e300, largest("float64"), 1e-160,
                 2.0**-1022]),
]  # fmt: skip
CASES = [
    (dtype, delta, mode)
    for dtype, row in DELTAS
    for delta in row
    for mode in MODES
    # Inductor takes seconds for each: there the ends of the range.
    if mode == "eager" or BACKEND != "torch" or delta in row[-2:]
]


def ball(x: float) -> arb:
    top, bottom = float(x).as_integer_ratio()
    return arb(top) / arb(bottom)


def exact(x: float, delta: float) -> tuple[arb, arb]:
    """The loss and its slope; (x/delta)**2 may be 2**-4098."""
    with ctx.workprec(4400):
        a, d = ball(x), ball(delta)
        root = (1 + (a / d) ** 2).sqrt()
        return d**2 * (root - 1), a / root


def points(dtype: str, delta: float) -> np.ndarray:
    """Every few binades, both sides of delta, and both ends."""
    precision, emin = FORMATS[dtype]
    rng = np.random.default_rng(7)
    step = max(1, -emin // 60)
    sizes = 2.0 ** np.arange(emin, -emin + 1, step)
    sizes = sizes * rng.uniform(1, 2, len(sizes))
    near = delta * np.concatenate(
        [1 + 2.0 ** -np.arange(1.0, precision), rng.uniform(0.25, 4, 40)]
    )
    ends = [2.0**emin, largest(dtype)]
    with np.errstate(over="ignore"):
        x = np.concatenate([sizes, near, ends]).astype(scalar(dtype))
        wide = x.astype(np.float64)
    x = x[np.isfinite(wide) & (np.abs(wide) >= 2.0**emin)]
    return np.concatenate([x, -x, np.zeros(1, x.dtype)])


def bound(dtype: str, ulp: float) -> float:
    """16 bits: computed in float32 and rounded once."""
    precision, _ = FORMATS[dtype]
    if dtype in ("float32", "float64"):
        return ulp
    return 0.5 + ulp * 2.0 ** (precision - 24)


def loss_of(dtype: str, delta: float):  # type: ignore[no-untyped-def]
    def loss(p):  # type: ignore[no-untyped-def]
        p = keras.ops.cast(p, dtype)
        y = ks.losses.pseudo_huber(keras.ops.zeros_like(p), p, delta)
        assert keras.backend.standardize_dtype(y.dtype) == dtype
        return y

    return loss


@AUTODIFF
@pytest.mark.parametrize(("dtype", "delta", "mode"), sampled(CASES, 15))
def test_value_and_gradient(dtype: str, delta: float, mode: str) -> None:
    x = points(dtype, delta)[:, None]
    loss = loss_of(dtype, delta)
    if dtype == "bfloat16":  # torch takes no such arrays
        given = x.astype("float32")
    else:
        given = x
    values = run(loss, given, mode).ravel()
    slopes = run(reverse(loss), given, mode).ravel()
    for a, value, slope in zip(x.ravel(), values, slopes, strict=True):
        want, wanted = exact(float(a), delta)
        error = ulp_error(float(value), want, dtype)
        assert error <= bound(dtype, VALUE_ULP), (a, value, want)
        error = ulp_error(float(slope), wanted, dtype)
        assert error <= bound(dtype, SLOPE_ULP), (a, slope, wanted)


@AUTODIFF
@pytest.mark.parametrize("mode", MODES)
def test_edges(mode: str) -> None:
    x = np.array([[0.0], [np.inf], [-np.inf], [np.nan]], "float32")
    loss = loss_of("float32", 1e20)
    np.testing.assert_array_equal(
        run(loss, x, mode), [0.0, np.inf, np.inf, np.nan]
    )
    end = np.float32(1e20)
    np.testing.assert_array_equal(
        run(reverse(loss), x, mode).ravel(), [0.0, end, -end, np.nan]
    )


@AUTODIFF
@pytest.mark.parametrize("delta", [0.25, 1.0, 300.0])
def test_second_derivative(delta: float) -> None:
    x = np.array([[-700.0], [-0.2], [0.0], [1e-3], [0.25], [5.0]])
    curve = run(reverse(reverse(loss_of("float64", delta))), x)
    want = (1 + (x / delta) ** 2) ** -1.5
    np.testing.assert_allclose(curve, want, rtol=1e-14)


OUTSIDE = [
    ("float16", 1e5), ("float16", 1e-8), ("float32", 1e39), ("float32", 1e-39),
    ("bfloat16", 1e39), ("float64", 1e-310), ("float32", 10**400),
    ("float32", 10**5000), ("float64", -(10**5000)),
    ("float32", 0.0), ("float32", -1.0), ("float32", np.inf),
    ("float32", np.nan),
]  # fmt: skip


@pytest.mark.parametrize(("dtype", "delta"), OUTSIDE, ids=range(len(OUTSIDE)))
@pytest.mark.parametrize("kind", ["loss", "twin", "metric"])
def test_delta_out_of_range(dtype: str, delta: float, kind: str) -> None:
    zero = keras.ops.zeros((1, 1), dtype=dtype)
    with pytest.raises(ValueError, match=r"Bad delta: expected.*received"):
        if kind == "twin":
            ks.losses.pseudo_huber(zero, zero, delta)
        elif kind == "loss":
            ks.losses.PseudoHuber(delta, dtype=dtype)
        else:
            ks.metrics.PseudoHuber(delta, dtype=dtype)


@AUTODIFF
def test_trained_in_float16_with_a_large_delta() -> None:
    """Gradients were inf from the first step on."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    x = np.linspace(-1, 1, 32, dtype="float32")[:, None]
    loss = ks.losses.PseudoHuber(delta=300.0, dtype="float16")
    model.compile(keras.optimizers.SGD(0.1), loss)
    history = model.fit(x, 4 * x, epochs=8, verbose=0).history["loss"]
    assert np.isfinite(history).all() and history[-1] < history[0]


def test_a_batch_is_the_mean_of_its_entries() -> None:
    x = np.array([[3.0, 4.0], [0.0, 1.0]], "float32")
    got = ks.losses.PseudoHuber(delta=2.0, reduction=None)(
        np.zeros_like(x), tensor(x)
    )
    want = (4 * (np.sqrt(1 + (x.astype(float) / 2) ** 2) - 1)).mean(-1)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(got), want, rtol=1e-6)
