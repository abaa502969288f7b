"""The losses as metrics: weights, masks, many batches, saving, ragged."""

from __future__ import annotations

import itertools
from pathlib import Path

import keras
import numpy as np
import pytest
from backends import BACKEND
from backends import tensor
from sampling import sampled
from shipped import LOSSES
from shipped import METRICS

import keras_stablef as ks

TRAINS = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="needs training"
)
EACH = pytest.mark.parametrize("name", LOSSES)
# What they inherit, from one class: each on one backend.
SHARED = pytest.mark.parametrize("name", sampled(LOSSES))
GARBAGE = [np.nan, np.inf, -np.inf, 1e30]


def number(x: object) -> float:
    return float(keras.ops.convert_to_numpy(x))


def each(name: str, true: np.ndarray, pred: np.ndarray) -> np.ndarray:
    """The loss of every entry, by itself; all at once of one size."""
    loss = LOSSES[name](reduction=None)
    entries = np.zeros((2, 64, 1), "float32")
    for column, given in zip(entries, (true, pred), strict=True):
        column[: given.size, 0] = given.ravel()
    found = keras.ops.convert_to_numpy(loss(*entries))
    return np.asarray(found, np.float64)[: true.size]


def batch(rows: int, seed: int, steps: int = 3) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    shape = (rows, steps, 1)
    true = rng.uniform(0, 1, shape).astype("float32")
    return true, rng.normal(size=shape).astype("float32")


# Weights: none, one for each sample, one for each step; as arrays and lists.
WEIGHTS = {
    "none": lambda rows: None,
    "samples": lambda rows: np.arange(rows, dtype="float32"),
    "steps": lambda rows: np.arange(rows * 3).reshape(rows, 3) % 4 / 2,
    "steps, last axis": lambda rows: (
        np.arange(rows * 3).reshape(rows, 3, 1) % 4 / 2
    ),
    "list": lambda rows: [1.0] * (rows - 1) + [0.0],
}


@pytest.mark.parametrize(
    ("name", "kind"), sampled(itertools.product(LOSSES, WEIGHTS), 9)
)
def test_weighted_mean_over_batches(name: str, kind: str) -> None:
    metric = METRICS[name]()
    assert number(metric.result()) == 0
    total = count = 0.0
    for rows, seed in ((4, 0), (1, 1), (4, 2)):
        true, pred = batch(rows, seed)
        weights = WEIGHTS[kind](rows)
        factors = np.ones((rows, 3))
        if weights is not None:
            given = np.asarray(weights, np.float64)
            factors = factors * given.reshape(rows, -1)
        dead = factors == 0
        true[dead] = np.resize(GARBAGE, (dead.sum(), 1))
        pred[dead] = np.resize(GARBAGE[::-1], (dead.sum(), 1))
        metric.update_state(tensor(true), tensor(pred), weights)
        values = each(name, true[~dead], pred[~dead])
        total += (values * factors[~dead]).sum()
        count += factors.sum()
    np.testing.assert_allclose(number(metric.result()), total / count, 2e-6)
    metric.reset_state()
    assert number(metric.result()) == 0
    metric.update_state(*batch(4, 3))
    np.testing.assert_allclose(
        number(metric.result()), each(name, *batch(4, 3)).mean(), 2e-6
    )


@SHARED
def test_batches_of_other_lengths_count_by_entries(name: str) -> None:
    metric = METRICS[name]()
    values = []
    for steps in (2, 9):
        true, pred = batch(2, steps, steps)
        metric.update_state(true, pred)
        values.append(each(name, true, pred))
    want = np.concatenate(values).mean()
    np.testing.assert_allclose(number(metric.result()), want, 2e-6)


# y_true, y_pred, sample_weight, and which entries remain.
PLAIN = [
    ([[1.0], [0.0]], [[0.5], [-2.0]], None, [0, 1]),
    ([1.0, 0.0], [0.5, -2.0], None, [0, 1]),
    ([1.0, 0.0], [0.5, -2.0], [0.0, 3.0], [1]),
    ([1.0, np.nan], [0.5, np.inf], [2, 0], [0]),
    ([1.0, 0.0], [0.5, -2.0], 2.0, [0, 1]),
    ([[1], [0]], [[2], [-2]], None, [0, 1]),
]


@EACH
@pytest.mark.parametrize("case", PLAIN, ids=str)
def test_lists_and_vectors(name: str, case: tuple) -> None:
    true, pred, weights, kept = case
    metric = METRICS[name]()
    metric.update_state(true, pred, weights)
    want = each(
        name,
        np.ravel(true)[kept].astype("float32"),
        np.ravel(pred)[kept].astype("float32"),
    ).mean()
    np.testing.assert_allclose(number(metric.result()), want, 2e-6)


@EACH
@pytest.mark.parametrize("where", ["y_true", "y_pred"])
def test_nan_with_a_weight_shows(name: str, where: str) -> None:
    true, pred = batch(3, 0)
    (true if where == "y_true" else pred)[1, 1] = np.nan
    weights = np.ones((3, 3), "float32")
    metric = METRICS[name]()
    metric.update_state(true, pred, weights)
    assert np.isnan(number(metric.result()))
    metric.reset_state()
    weights[1, 1] = 0
    metric.update_state(true, pred, weights)
    assert np.isfinite(number(metric.result()))


@EACH
def test_nothing_that_counts(name: str) -> None:
    """All of weight 0, and no entries at all: as before the first batch."""
    metric = METRICS[name]()
    metric.update_state([[np.nan]], [[np.nan]], [0.0])
    metric.update_state(np.zeros((0, 1)), np.zeros((0, 1)))
    assert number(metric.result()) == 0


ARGUMENTS = [
    (ks.metrics.StableFLoss, {}),
    (ks.metrics.StableFLoss, {"shifts": (1, 2.5), "loss": "log_cosh"}),
    # Not Huber: Keras 3.15 saves it without its delta.
    (
        ks.metrics.StableFLoss,
        {
            "loss": keras.losses.CategoricalCrossentropy(
                from_logits=True, label_smoothing=0.25
            )
        },
    ),
    (ks.metrics.ContinuousBernoulli, {"name": "mine"}),
    (ks.metrics.LogCosh, {"dtype": "float64"}),
    (ks.metrics.PseudoHuber, {"delta": 0.25, "dtype": "float16"}),
]


@pytest.mark.parametrize(
    ("kind", "arguments"), ARGUMENTS, ids=range(len(ARGUMENTS))
)
def test_round_trip_by_behaviour(kind: type, arguments: dict) -> None:
    metric = kind(**arguments)
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert type(again) is kind
    for m in (metric, again):
        m.update_state([[0.25, 1.0]], [[-4.0, 0.5]])
    a, b = metric.result(), again.result()
    assert str(a.dtype) == str(b.dtype)
    assert number(a) == number(b) != 0
    assert again.name == metric.name
    assert again.get_config() == metric.get_config()


def masked_model() -> tuple[keras.Model, np.ndarray, np.ndarray]:
    keras.utils.set_random_seed(0)
    padding = np.arange(5) >= np.array([5, 2, 3, 1])[:, None]
    x = np.random.default_rng(1).normal(size=(4, 5, 3)).astype("float32")
    x[padding] = 0.0
    inputs = keras.Input((5, 3))
    y = keras.layers.Dense(1)(keras.layers.Masking()(inputs))
    return keras.Model(inputs, y), x, padding


@TRAINS
@SHARED
@pytest.mark.parametrize(
    ("which", "size"), [("metrics", 2), ("weighted_metrics", 4)]
)
def test_under_a_mask(name: str, which: str, size: int) -> None:
    model, x, padding = masked_model()
    y = np.random.default_rng(2).uniform(size=(4, 5, 1)).astype("float32")
    model.compile("sgd", LOSSES[name](), **{which: [METRICS[name]()]})
    pred = np.asarray(model.predict(x, verbose=0))
    want = each(name, y[~padding], pred[~padding]).mean()
    y[padding] = np.resize(GARBAGE, (padding.sum(), 1))
    score = model.evaluate(x, y, batch_size=size, verbose=0, return_dict=True)
    np.testing.assert_allclose(score[METRICS[name]().name], want, 1e-5)
    if BACKEND != "jax":  # see the next test
        history = model.fit(x, y, batch_size=size, verbose=0).history
        assert all(np.isfinite(v).all() for v in history.values())
    y[0, 0] = np.nan  # no padding
    score = model.evaluate(x, y, verbose=0, return_dict=True)
    assert np.isnan(score[METRICS[name]().name])


@pytest.mark.skipif(BACKEND != "jax", reason="JAX only")
def test_in_fit_keras_on_jax_loses_the_mask_before_any_metric() -> None:
    """What README says; given as weights it arrives."""
    model, x, padding = masked_model()
    y = np.full((4, 5, 1), 0.25, "float32")
    y[padding] = np.nan
    own, ours = keras.metrics.MeanSquaredError(), ks.metrics.LogCosh()
    loss = ks.losses.LogCosh()
    model.compile("sgd", loss, metrics=[own], weighted_metrics=[ours])
    weights = (~padding).astype("float32")
    history = model.fit(x, y, sample_weight=weights, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert np.isnan(history["mean_squared_error"]).all()
    assert np.isfinite(history["log_cosh"]).all()


@TRAINS
@SHARED
def test_saved_with_a_model(name: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[METRICS[name]()])
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    y = np.full((8, 1), 0.25, "float32")
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(
        again.evaluate(x, y, verbose=0), model.evaluate(x, y, verbose=0), 1e-6
    )


@TRAINS
def test_early_stopping_knows_the_direction() -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[ks.metrics.LogCosh()])
    stop = keras.callbacks.EarlyStopping(monitor="log_cosh", mode="auto")
    x, y = np.ones((4, 3)), np.ones((4, 1))
    model.fit(x, y, epochs=2, callbacks=[stop], verbose=0)
    assert stop.best is not None and np.isfinite(stop.best)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="ragged is TensorFlow's")
@EACH
@pytest.mark.parametrize("target", ["ragged", "dense"])
def test_ragged(name: str, target: str) -> None:
    """A value for each row; a row of weight 0 may hold anything."""
    import tensorflow as tf

    rows = [[0.5, -2.0, 3.0], [np.nan, np.inf], [1.0]]
    pred = tf.ragged.constant(rows, dtype="float32")
    true = pred.with_flat_values(tf.fill(tf.shape(pred.flat_values), 0.25))
    if target == "dense":
        true = tf.constant([[0.25] * 3, [np.nan] * 3, [0.25] * 3])
    weights = [1.0, 0.0, 3.0]
    means = [
        each(name, np.full(len(r), 0.25, "float32"), np.float32(r)).mean()
        for r in (rows[0], rows[2])
    ]
    metric = METRICS[name]()
    metric.update_state(true, pred, weights)
    want = np.average(means, weights=[1.0, 3.0])
    np.testing.assert_allclose(number(metric.result()), want, 2e-6)
    # and the same of the loss, with its gradient
    with tf.GradientTape() as tape:
        tape.watch(pred.flat_values)
        loss = LOSSES[name](reduction="sum")(true, pred, weights)
    np.testing.assert_allclose(loss, means[0] + 3 * means[1], 2e-6)
    slope = tape.gradient(loss, pred.flat_values).numpy()
    assert np.isfinite(slope).all() and (slope[3:5] == 0).all()


# A step is like another: each metric is given such rows above.
@pytest.mark.skipif(BACKEND != "tensorflow", reason="ragged is TensorFlow's")
@pytest.mark.parametrize("name", sampled(LOSSES, 0, ["stable_f_loss"]))
def test_ragged_in_fit(name: str) -> None:
    import tensorflow as tf

    x = tf.ragged.constant([[-8.0, 0.0, 2.0], [1.0], [-3.0, 5.0]])
    y = x.with_flat_values(tf.fill(tf.shape(x.flat_values), 0.25))
    inputs = keras.Input((None,), ragged=True)
    outputs = keras.layers.Activation(ks.activations.asinh)(inputs)
    model = keras.Model(inputs, outputs)
    model.compile(
        "sgd", LOSSES[name](), metrics=[METRICS[name]()], jit_compile=False
    )
    score = model.evaluate(x, y, verbose=0, return_dict=True)
    np.testing.assert_allclose(
        score[METRICS[name]().name], score["loss"], rtol=1e-6
    )
