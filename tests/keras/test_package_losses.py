"""`StableFLoss` and its twin against NumPy on exact values."""

from __future__ import annotations

import itertools
from pathlib import Path

import keras
import numpy as np
import pytest
from backends import BACKEND
from backends import reverse
from backends import run
from backends import tensor
from oracle import exact

import keras_stablef as ks

AUTODIFF = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="needs autodiff"
)
HARD = [0.0, -50.0, -88.8, -104.0, -1e30, 1e30, 3.0, -0.5]


def f(x: float) -> float:
    return float(exact("stablef", 0, float(np.float32(x))).mid())


def value(x: object) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(x))


BASES = [
    ("mean_squared_error", lambda e: e**2),
    ("mean_absolute_error", abs),
    (keras.losses.MeanSquaredError(), lambda e: e**2),
    (keras.losses.mean_absolute_error, abs),
    (
        {"class_name": "MeanSquaredError", "config": {}},
        lambda e: e**2,
    ),
]


@pytest.mark.parametrize(("loss", "formula"), BASES, ids=range(len(BASES)))
@pytest.mark.parametrize("shifts", [(0.0, 50.0), [0], (1, -2.5, 3)])
def test_values(loss: object, formula: object, shifts: object) -> None:
    y_pred = np.array(HARD, np.float32).reshape(4, 2)
    y_true = np.linspace(0, 1, 8, dtype=np.float32).reshape(4, 2)
    total = np.vectorize(
        lambda x: sum(f(np.float32(x) + np.float32(s)) for s in shifts)  # type: ignore[attr-defined]
    )(y_pred)
    want = formula(y_true - total).mean(axis=-1)  # type: ignore[operator]
    got = ks.losses.StableFLoss(shifts=shifts, loss=loss, reduction=None)(  # type: ignore[arg-type]
        y_true, y_pred
    )
    np.testing.assert_allclose(value(got), want, rtol=2e-5, atol=1e-7)
    twin = ks.losses.stable_f_loss(y_true, y_pred, shifts=shifts, loss=loss)  # type: ignore[arg-type]
    np.testing.assert_allclose(value(twin), value(got), rtol=1e-6)


# Inductor takes seconds for each.
INDUCTOR = [("jit", None)] if BACKEND == "torch" else []
GRADIENTS = [
    pytest.param(*row, marks=[pytest.mark.slow] if row in INDUCTOR else [])
    for row in itertools.product(("eager", "jit"), (None, "mask"))
]


@AUTODIFF
@pytest.mark.parametrize(("mode", "weight"), GRADIENTS)
def test_gradients_are_finite(mode: str, weight: object) -> None:
    x = np.array([[v] for v in [*HARD, np.inf, -np.inf]], np.float32)
    weights = None
    if weight:
        weights = tensor(np.arange(len(x), dtype=np.float32) % 2)
    loss = ks.losses.StableFLoss()

    def of(y_pred):  # type: ignore[no-untyped-def]
        return loss(keras.ops.zeros_like(y_pred), y_pred, weights)

    assert np.isfinite(run(of, x, mode)).all()
    slope = run(reverse(of), x, mode)
    assert np.isfinite(slope).all()
    if weights is not None:
        assert (slope[value(weights) == 0] == 0).all()


@pytest.mark.parametrize("true_shape", [(4,), (4, 1)])
@pytest.mark.parametrize("pred_shape", [(4,), (4, 1)])
def test_vectors_and_columns_do_not_make_a_matrix(
    true_shape: tuple[int, ...], pred_shape: tuple[int, ...]
) -> None:
    y_true = np.array([0.0, 1.0, 0.0, 1.0], np.float32)
    y_pred = np.array([1.0, 2.0, 3.0, 4.0], np.float32)
    want = np.mean(
        [
            (t - f(p) - f(p + 50)) ** 2
            for t, p in zip(y_true, y_pred, strict=True)
        ]
    )
    got = ks.losses.StableFLoss()(
        y_true.reshape(true_shape), y_pred.reshape(pred_shape)
    )
    np.testing.assert_allclose(value(got), want, rtol=1e-5)


@pytest.mark.parametrize(
    ("true_shape", "pred_shape"),
    [((4, 2), (4, 3)), ((4,), (4, 4)), ((2, 2, 2), (2, 2))],
)
def test_other_shapes_are_refused(true_shape: tuple, pred_shape: tuple) -> None:
    with pytest.raises(ValueError, match="expected equal ones, received"):
        ks.losses.StableFLoss()(np.zeros(true_shape), np.zeros(pred_shape))


@pytest.mark.parametrize(
    ("shifts", "error"),
    [
        ((), ValueError),
        ((np.inf,), ValueError),
        ((np.nan, 0.0), ValueError),
        ("0", TypeError),
        (5.0, TypeError),
        (("a",), TypeError),
        ((True,), TypeError),
        ((1j,), TypeError),
        (None, TypeError),
        (10**5000, TypeError),
        ([10**400], ValueError),
        ([10**5000], ValueError),
        ([-(10**5000)], ValueError),
        (keras.KerasTensor((2,)), TypeError),
        (itertools.count(), ValueError),
        ([0.0] * 1001, ValueError),
    ],
    ids=range(16),
)
def test_bad_shifts(shifts: object, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"expected.*received"):
        ks.losses.StableFLoss(shifts=shifts)  # type: ignore[arg-type]


class Abstract(keras.losses.Loss):
    """Without a `call`."""


BAD_LOSSES = [
    "no_such_loss", None, 3, 10**5000, {"class_name": "No"}, int,
    keras.losses.Loss, keras.losses.Loss(), Abstract, Abstract(),
    keras.KerasTensor((2,)),
]  # fmt: skip


@pytest.mark.parametrize("loss", BAD_LOSSES, ids=range(len(BAD_LOSSES)))
def test_bad_loss(loss: object) -> None:
    with pytest.raises(ValueError, match=r"expected.*received"):
        ks.losses.StableFLoss(loss=loss)


CONFIGS = [
    {},
    {"shifts": (1.0,), "loss": "mean_absolute_error"},
    {"reduction": None, "name": "mine"},
    {"reduction": "sum"},
    {"dtype": "float64"},
    {"loss": keras.losses.Huber(delta=1.0)},
]


@pytest.mark.parametrize("arguments", CONFIGS, ids=range(len(CONFIGS)))
def test_round_trip_by_behaviour(arguments: dict) -> None:
    loss = ks.losses.StableFLoss(**arguments)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    y_true, y_pred = np.array([[0.3, 0.2]]), np.array([[-4.0, 7.0]])
    a, b = loss(y_true, y_pred), again(y_true, y_pred)
    np.testing.assert_array_equal(value(a), value(b))
    assert value(a).dtype == value(b).dtype
    assert again.name == loss.name
    assert again.get_config() == loss.get_config()


@AUTODIFF
def test_training_and_reloading(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    y = np.full((64, 1), 1.02, "float32")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.1), ks.losses.StableFLoss())
    history = model.fit(x, y, epochs=3, verbose=0).history["loss"]
    assert np.isfinite(history).all()
    assert history[-1] < history[0]
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        again.evaluate(x, y, verbose=0), model.evaluate(x, y, verbose=0)
    )
    again.fit(x, y, verbose=0)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="ragged is TensorFlow's")
def test_ragged_equals_row_means() -> None:
    import tensorflow as tf

    rows = [[-1e30, 0.0, 2.0], [1.0], [-88.8, 50.0]]
    y_pred = tf.ragged.constant(rows)
    y_true = tf.ones_like(y_pred)
    want = [
        np.mean([(1 - f(x) - f(np.float32(x) + 50)) ** 2 for x in r])
        for r in rows
    ]
    loss = ks.losses.StableFLoss(reduction=None)
    np.testing.assert_allclose(loss(y_true, y_pred), want, rtol=1e-5)
    mean = ks.losses.StableFLoss()(y_true, y_pred)
    np.testing.assert_allclose(mean, np.mean(want), rtol=1e-5)
    with tf.GradientTape() as tape:
        tape.watch(y_pred.flat_values)
        total = ks.losses.StableFLoss()(y_true, y_pred)
    assert np.isfinite(tape.gradient(total, y_pred.flat_values)).all()


@pytest.mark.skipif(BACKEND != "tensorflow", reason="ragged is TensorFlow's")
def test_fit_on_ragged_input() -> None:
    import tensorflow as tf

    x = tf.ragged.constant(
        [[[1.0], [2.0]], [[3.0]], [[0.0], [1.0], [5.0]]], ragged_rank=1
    )
    inputs = keras.Input((None, 1), ragged=True)
    y = keras.layers.Lambda(lambda r: tf.reduce_mean(r, axis=1))(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(y))
    model.compile("adam", ks.losses.StableFLoss(), jit_compile=False)
    history = model.fit(x, np.ones((3, 1)), epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_layers_use_the_op_under_mixed_precision() -> None:
    layer = ks.layers.StableF(dtype="mixed_bfloat16")
    y = layer(tensor(np.array([0.0, -np.inf, 1e30], np.float32)))
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    assert value(keras.ops.cast(y, "float32")).tolist() == [0.5, 0.0, 1.0]
