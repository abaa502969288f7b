"""The losses in Keras' own training loops, on the backend at hand."""

from __future__ import annotations

import itertools
from pathlib import Path

import keras
import numpy as np
import pytest
from backends import BACKEND
from sampling import sampled
from shipped import LOSSES

import keras_stablef as ks

pytestmark = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="needs training"
)
# What they inherit, from one class: each on one backend.
SHARED = pytest.mark.parametrize("name", sampled(LOSSES))


def data(rows: int = 32) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 3)).astype("float32")
    return x, (x[:, :1] > 0).astype("float32")


def dense(**arguments: object) -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(**{"optimizer": keras.optimizers.Adam(0.05), **arguments})
    return model


def predicted(model: keras.Model, x: np.ndarray) -> np.ndarray:
    return np.asarray(model.predict(x, verbose=0))


def loss_of(loss: keras.losses.Loss, y: np.ndarray, p: np.ndarray) -> float:
    return float(keras.ops.convert_to_numpy(loss(y, p)))


@SHARED
def test_fit_evaluate_predict_and_metrics(name: str) -> None:
    x, y = data()
    loss = LOSSES[name]()
    model = dense(loss=loss, metrics=[LOSSES[name](name="again")])
    first, *_ = model.train_on_batch(x, y)
    history = model.fit(x, y, epochs=4, batch_size=8, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert history["loss"][-1] < first
    score = model.evaluate(x, y, batch_size=32, verbose=0, return_dict=True)
    want = loss_of(loss, y, predicted(model, x))
    np.testing.assert_allclose(score["loss"], want, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(score["again"], want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "twin",
    [ks.losses.log_cosh, ks.losses.continuous_bernoulli],
    ids=lambda twin: twin.__name__,
)
def test_twins_as_loss_and_metric(twin: object) -> None:
    x, y = data()
    model = dense(loss=twin, metrics=[twin])
    model.fit(x, y, verbose=0)
    score = model.evaluate(x, y, verbose=0)
    np.testing.assert_allclose(score[0], score[1], rtol=1e-5)


@SHARED
def test_sample_and_class_weights(name: str) -> None:
    x, y = data()
    weights = np.arange(len(x), dtype="float32") % 3
    loss = LOSSES[name]()
    model = dense(loss=loss)
    score = model.evaluate(x, y, sample_weight=weights, verbose=0)
    p = predicted(model, x)
    want = float(keras.ops.convert_to_numpy(loss(y, p, weights)))
    np.testing.assert_allclose(score, want, rtol=1e-5, atol=1e-6)
    first = predicted(model, x)
    history = model.fit(
        x, y, class_weight={0: 0.0, 1: 2.0}, batch_size=32, verbose=0
    ).history["loss"]
    double = float(keras.ops.convert_to_numpy(loss(y, first, 2 * y[:, 0])))
    np.testing.assert_allclose(history, double, rtol=1e-5, atol=1e-6)


@SHARED
def test_garbage_in_padded_targets_changes_nothing(name: str) -> None:
    x, y = data()
    weights = np.ones(len(x), "float32")
    weights[::4] = 0.0
    spoiled = y.copy()
    spoiled[::4] = np.resize([0.0, 1e30, -1e30, np.inf, np.nan], (8, 1))
    ends = []
    for targets in (y, spoiled):
        model = dense(loss=LOSSES[name]())
        model.fit(x, targets, sample_weight=weights, shuffle=False, verbose=0)
        ends.append(predicted(model, x))
    assert np.isfinite(ends[1]).all()
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-6)


def sequences(kind: str) -> tuple[keras.Model, np.ndarray, np.ndarray]:
    """A model with a mask, its inputs, and which steps are padding."""
    keras.utils.set_random_seed(0)
    lengths = np.array([5, 2, 3, 1])
    padding = np.arange(5) >= lengths[:, None]
    if kind == "embedding":
        x = np.arange(1, 21).reshape(4, 5) * ~padding
        inputs = keras.Input((5,), dtype="int32")
        h = keras.layers.Embedding(32, 4, mask_zero=True)(inputs)
    else:
        x = np.random.default_rng(1).normal(size=(4, 5, 3)).astype("float32")
        x[padding] = 0.0
        inputs = keras.Input((5, 3))
        h = keras.layers.Masking()(inputs)
    y = keras.layers.Dense(1)(h)
    return keras.Model(inputs, y), x, padding


MASKS = ("embedding", "masking")


# The mask is Keras' affair and the backend's, the same for all losses.
@pytest.mark.parametrize(
    ("name", "kind"),
    [row for k in MASKS for row in sampled((name, k) for name in LOSSES)],
)
def test_masks(name: str, kind: str) -> None:
    model, x, padding = sequences(kind)
    y = np.full((4, 5, 1), 0.25, "float32")
    loss = LOSSES[name]()
    model.compile(keras.optimizers.SGD(0.1), loss)
    clean = model.evaluate(x, y, verbose=0)
    # Keras averages over what the mask leaves.
    alive = ~padding
    p = predicted(model, x)
    want = loss_of(loss, y[alive], p[alive])
    np.testing.assert_allclose(clean, want, rtol=1e-5)
    start = model.get_weights()
    model.fit(x, y, verbose=0)
    after = model.get_weights()
    model.set_weights(start)
    y[padding] = np.resize([1e30, -1e30, np.inf, np.nan, 0.0], (9, 1))
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), clean)
    model.fit(x, y, verbose=0)
    for a, b in zip(model.get_weights(), after, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    y[0, 0] = np.nan  # not padding
    assert np.isnan(model.evaluate(x, y, verbose=0))


def test_nested_outputs() -> None:
    x, y = data()
    inputs = keras.Input((3,))
    model = keras.Model(
        inputs,
        {
            "a": keras.layers.Dense(1, name="a")(inputs),
            "b": keras.layers.Dense(1, name="b")(inputs),
        },
    )
    model.compile(
        "adam",
        {
            "a": ks.losses.ContinuousBernoulli(),
            "b": ks.losses.LogCosh(),
        },
        loss_weights={"a": 2.0, "b": 1.0},
    )
    history = model.fit(x, {"a": y, "b": y}, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_custom_train_step() -> None:
    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, x):  # type: ignore[no-untyped-def]
            return self.dense(x)

        def compute_loss(self, x, y, y_pred, *rest, **kwargs):  # type: ignore[no-untyped-def]
            del x, rest, kwargs
            return ks.losses.LogCosh()(y, y_pred)

    x, y = data()
    model = Model()
    model.compile("adam")
    history = model.fit(x, y, epochs=3, verbose=0).history["loss"]
    assert np.isfinite(history).all() and history[-1] < history[0]


class TensorFlowStep(keras.Sequential):
    """A training step of one's own, with a tape."""

    def train_step(self, batch):  # type: ignore[no-untyped-def]
        import tensorflow as tf

        x, y = batch
        with tf.GradientTape() as tape:
            loss = ks.losses.StableFLoss()(y, self(x, training=True))
        found = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(found, self.trainable_variables)
        return {"loss": loss}


class TorchStep(keras.Sequential):
    """The same with backward()."""

    def train_step(self, batch):  # type: ignore[no-untyped-def]
        import torch

        x, y = batch
        self.zero_grad()
        loss = ks.losses.StableFLoss()(y, self(x, training=True))
        loss.backward()
        variables = list(self.trainable_variables)
        with torch.no_grad():
            found = [v.value.grad for v in variables]
            self.optimizer.apply(found, variables)
        return {"loss": loss}


class JaxStep(keras.Sequential):
    """The same without state."""

    def train_step(self, state, batch):  # type: ignore[no-untyped-def]
        import jax

        trainable, rest, slots, metrics = state
        x, y = batch

        def loss_of(trainable, rest):  # type: ignore[no-untyped-def]
            p, rest = self.stateless_call(trainable, rest, x, training=True)
            return ks.losses.StableFLoss()(y, p), rest

        value = jax.value_and_grad(loss_of, has_aux=True)
        (loss, rest), found = value(trainable, rest)
        trainable, slots = self.optimizer.stateless_apply(
            slots, found, trainable
        )
        return {"loss": loss}, (trainable, rest, slots, metrics)


STEPS = {"tensorflow": TensorFlowStep, "torch": TorchStep, "jax": JaxStep}


def test_custom_train_step_of_the_backend() -> None:
    x, y = data()
    model = STEPS[BACKEND]([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.05))
    loss = ks.losses.StableFLoss()
    before = loss_of(loss, y, predicted(model, x))
    model.fit(x, y, epochs=5, verbose=0)
    assert loss_of(loss, y, predicted(model, x)) < before


@pytest.mark.parametrize("kind", ["accumulation", "scaling"])
def test_optimizers(kind: str) -> None:
    x, y = data()
    if kind == "accumulation":
        optimizer = keras.optimizers.Adam(0.05, gradient_accumulation_steps=4)
    else:
        optimizer = keras.optimizers.LossScaleOptimizer(
            keras.optimizers.Adam(0.05), initial_scale=2.0**10
        )
    model = dense(loss=ks.losses.ContinuousBernoulli(), optimizer=optimizer)
    history = model.fit(x, y, batch_size=8, epochs=6, verbose=0).history["loss"]
    assert np.isfinite(history).all() and history[-1] < history[0]


COPIES = list(itertools.product(LOSSES, ("file", "clone", "weights")))


@pytest.mark.parametrize(
    ("name", "copies"),
    sampled(COPIES, 5, [("stable_f_loss", "file")]),
)
def test_saved_and_cloned(name: str, copies: str, tmp_path: Path) -> None:
    x, y = data()
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(4, activation=ks.activations.stablef),
            ks.layers.StableF(),
            keras.layers.Dense(1),
        ]
    )
    model.compile("adam", LOSSES[name]())
    model.fit(x, y, verbose=0)
    if copies == "file":
        model.save(tmp_path / "model.keras")
        again = keras.models.load_model(
            tmp_path / "model.keras", safe_mode=True
        )
        assert type(again.loss) is LOSSES[name]
    else:
        again = keras.models.clone_model(model)
        if copies == "weights":
            model.save_weights(tmp_path / "model.weights.h5")
            again.load_weights(tmp_path / "model.weights.h5")
        else:
            again.set_weights(model.get_weights())
        again.compile("adam", LOSSES[name]())
    np.testing.assert_allclose(
        again.evaluate(x, y, verbose=0), model.evaluate(x, y, verbose=0)
    )
    np.testing.assert_array_equal(predicted(again, x), predicted(model, x))


def textbook(x):  # type: ignore[no-untyped-def]
    one = keras.ops.ones_like(x)
    zero = keras.ops.equal(x, 0)
    safe = keras.ops.where(zero, one, x)
    return keras.ops.where(
        zero, 0.5 * one, 1 / (1 - keras.ops.exp(-safe)) - 1 / safe
    )


POLICIES = [
    "float16", "bfloat16", "float32", "float64", "mixed_float16",
    "mixed_bfloat16",
]  # fmt: skip


# Casts before and after one of these two.
@pytest.mark.parametrize(
    "policy", sampled(POLICIES, always=["float32", "mixed_float16"])
)
def test_200_steps_where_the_textbook_formula_is_nan(policy: str) -> None:
    """Logits below the textbook formula's edge, in every precision."""
    keras.utils.set_random_seed(0)
    edge = {"float16": 12.0, "mixed_float16": 12.0, "float64": 720.0}
    start = -edge.get(policy, 95.0)
    x = np.tile(np.linspace(0.5, 1, 32, dtype="float32"), 200)[:, None]
    y = np.full(x.shape, 0.5, "float32")

    def train(activation):  # type: ignore[no-untyped-def]
        layer = keras.layers.Dense(
            1,
            kernel_initializer=keras.initializers.Constant(2 * start),
            activation=activation,
            dtype=policy,
        )
        output = keras.layers.Activation("linear", dtype="float32")
        model = keras.Sequential([keras.Input((1,)), layer, output])
        model.compile(keras.optimizers.SGD(0.01), "mean_squared_error")
        model.fit(x, y, batch_size=32, shuffle=False, verbose=0)
        return np.asarray(layer.kernel)

    assert np.isfinite(train(ks.activations.stablef).astype(float)).all()
    assert np.isnan(train(textbook).astype(float)).all()


def test_remat() -> None:
    x, y = data()

    @keras.remat
    def block(h):  # type: ignore[no-untyped-def]
        return ks.ops.stablef(ks.ops.log_cosh(h))

    class Checkpointed(keras.layers.Layer):
        def call(self, h):  # type: ignore[no-untyped-def]
            return block(h)

    ends = []
    for layer in (
        Checkpointed(),
        keras.layers.Lambda(lambda h: ks.ops.stablef(ks.ops.log_cosh(h))),
    ):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [keras.Input((3,)), keras.layers.Dense(4), layer,
             keras.layers.Dense(1)]
        )  # fmt: skip
        model.compile("sgd", ks.losses.LogCosh())
        model.fit(x, y, epochs=2, verbose=0)
        ends.append(predicted(model, x))
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-5)
