"""Variables, such as a layer's own weights, wherever a tensor may be."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import keras
import numpy as np
import pytest
from backends import BACKEND
from sampling import sampled as sampled_rows

import keras_stablef as ks

pytestmark = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="needs autodiff"
)
OWN = ks.stabilize("(1-cos(x))/x**2", domain=(-3, 3))
START = [0.25, -0.5, 0.75]


def divergence(v):  # type: ignore[no-untyped-def]
    return -ks.distributions.ContinuousBernoulli(v).log_prob(0.125)


def sampled(v):  # type: ignore[no-untyped-def]
    d = ks.distributions.ContinuousBernoulli(v)
    return d.quantile([0.25, 0.5, 0.75]) + d.mean() + d.variance()


# Functions of a variable of three numbers.
USES: dict[str, Callable] = {
    "op": ks.ops.stablef,
    "derivative": ks.ops.stablef.derivative(),
    "last derivative": ks.ops.stablef.derivative(2),
    "pairs": ks.ops.log1prel,
    "activation": ks.activations.tanhc,
    "derived": OWN,
    "derivative of a derived op": OWN.derivative(),
    "layer": ks.layers.StableF(),
    "log_prob": divergence,
    "distribution": sampled,
    "loss": lambda v: ks.losses.PseudoHuber(0.5)([0.5] * 3, v),
    "twin": lambda v: ks.losses.log_cosh([0.5] * 3, v),
}


@pytest.mark.parametrize("name", USES)
def test_the_same_as_of_a_tensor(name: str) -> None:
    v = keras.Variable(np.array(START, "float32"))
    want = USES[name](keras.ops.convert_to_tensor(v))
    got = USES[name](v)
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(got), keras.ops.convert_to_numpy(want)
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_dtypes(dtype: str) -> None:
    v = keras.Variable(np.array(START, "float32"), dtype=dtype)
    y = ks.ops.stablef(v)
    assert keras.backend.standardize_dtype(y.dtype) == dtype


class Weighted(keras.layers.Layer):
    """Adds a function of its own weight to its input."""

    def __init__(self, function: Callable) -> None:
        super().__init__()
        self.function = function
        self.scale = self.add_weight(
            shape=(3,),
            initializer=lambda shape, dtype: keras.ops.convert_to_tensor(
                START, dtype=dtype
            ),
        )

    def call(self, x):  # type: ignore[no-untyped-def]
        return x + self.function(self.scale)


# Each eagerly on one backend; compiled, of TensorFlow's two ways each in one,
# and on JAX, whose only way is XLA, those that TensorFlow has in the other.
WAYS = ("compiled", "xla")
TRAINED = [
    *sampled_rows(
        itertools.product(USES, ("eager",)), always=[("op", "eager")]
    ),
    *sampled_rows(
        itertools.product(USES, WAYS),
        0,
        list(zip(USES, itertools.cycle(WAYS), strict=False)),
    ),
]


@pytest.mark.parametrize(("name", "mode"), TRAINED)
def test_trained_as_a_layers_own_weight(name: str, mode: str) -> None:
    if BACKEND == "torch" and mode != "eager":
        pytest.skip("torch.compile: tests/keras/test_transforms.py")
    if BACKEND == "jax" and mode == "xla":
        pytest.skip("compiled is XLA there")
    layer = Weighted(USES[name])
    model = keras.Sequential([keras.Input((3,)), layer])
    model.compile(
        keras.optimizers.SGD(0.05),
        "mean_squared_error",
        run_eagerly=mode == "eager",
        jit_compile=mode == "xla" or (BACKEND == "jax" and mode != "eager"),
    )
    x = np.zeros((8, 3), "float32")
    history = model.fit(x, x - 1.0, epochs=3, verbose=0).history["loss"]
    assert np.isfinite(history).all()
    assert history[0] > history[1] > history[2]
    assert (np.asarray(layer.get_weights()[0]) != START).any()


PLAIN = [
    pytest.param(name, xla, marks=() if here else pytest.mark.slow)
    for k, name in enumerate(["op", "derivative", "pairs", "derived"])
    for xla in (None, False, True)
    # Eagerly each, and compiled in one of the two ways.
    for here in [xla is None or not k or xla is bool(k % 2)]
]


@pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow's own")
@pytest.mark.parametrize(("name", "xla"), PLAIN)
def test_plain_tensorflow(name: str, xla: bool | None) -> None:
    """tf.Variable: reverse, twice, and forward; eagerly, in graphs, XLA."""
    import tensorflow as tf

    function, v = USES[name], tf.Variable(START)

    def twice():  # type: ignore[no-untyped-def]
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                y = function(v)
            slope = inner.gradient(y, v)
        return slope, outer.gradient(slope, v)

    def forward():  # type: ignore[no-untyped-def]
        ones = tf.ones_like(v)
        with tf.autodiff.ForwardAccumulator(v, ones) as accumulator:
            y = function(v)
        return accumulator.jvp(y)

    def wrapped(f):  # type: ignore[no-untyped-def]
        return f if xla is None else tf.function(f, jit_compile=xla)

    slope, curve = wrapped(twice)()
    x = tf.constant(START)
    want = function.derivative()(x)
    np.testing.assert_allclose(slope, want, rtol=1e-5)
    np.testing.assert_allclose(wrapped(forward)(), want, rtol=1e-5)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function.derivative()(x)
    np.testing.assert_allclose(curve, tape.gradient(y, x), rtol=1e-5)
