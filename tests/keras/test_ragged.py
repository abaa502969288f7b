"""Ragged data on TensorFlow, without and with XLA."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
from backends import BACKEND
from sampling import sampled
from shipped import LOSSES

import keras_stablef as ks

pytestmark = pytest.mark.skipif(
    BACKEND != "tensorflow", reason="ragged is TensorFlow's"
)
ROWS = [[-1e30, 0.0, 2.0], [1.0], [], [-88.8, 50.0, 1e-9, 3.0]]
EACH = pytest.mark.parametrize("name", LOSSES)
XLA = pytest.mark.parametrize("xla", [False, True])


def ragged(rows: list = ROWS):  # type: ignore[no-untyped-def]
    import tensorflow as tf

    return tf.ragged.constant(rows, dtype="float32")


@XLA
def test_ops_keep_the_rows(xla: bool) -> None:
    import tensorflow as tf

    x = ragged()
    y = tf.function(lambda x: ks.ops.stablef(x), jit_compile=xla)(x)
    assert y.row_splits.numpy().tolist() == x.row_splits.numpy().tolist()
    want = keras.ops.convert_to_numpy(ks.ops.stablef(x.flat_values))
    np.testing.assert_allclose(y.flat_values, want, rtol=3e-7)


ROW_MEANS = list(itertools.product(LOSSES, (False, True), ("ragged", "dense")))
# Both ways to compile and both kinds of target, of each loss in two pairs.
IN_PAIRS = [
    row
    for row in ROW_MEANS
    if (list(LOSSES).index(row[0]) + row[1] + (row[2] == "dense")) % 2
]


@pytest.mark.parametrize(
    ("name", "xla", "target"), sampled(ROW_MEANS, 0, IN_PAIRS)
)
def test_loss_is_the_mean_over_each_row(
    name: str, xla: bool, target: str
) -> None:
    """The same as padded values with a mask, row by row."""
    import tensorflow as tf

    x = ragged()
    true = x.with_flat_values(tf.fill(tf.shape(x.flat_values), 0.25))
    if target == "dense":
        true = tf.fill((4, 4), 0.25)
    loss = LOSSES[name](reduction=None)

    def slopes(x):  # type: ignore[no-untyped-def]
        with tf.GradientTape() as tape:
            tape.watch(x.flat_values)
            each = loss(true, x)
        return each, tape.gradient(each, x.flat_values)

    each, slope = tf.function(slopes, jit_compile=xla)(x)
    assert np.isfinite(slope).all()
    for row, got in zip(ROWS, each.numpy(), strict=True):
        if not row:
            assert got == 0
            continue
        column = np.array(row, "float32")[:, None]
        want = LOSSES[name]()(np.full(column.shape, 0.25), column)
        np.testing.assert_allclose(got, float(want), rtol=1e-5)


@EACH
@XLA
def test_ragged_equals_padded_and_masked(name: str, xla: bool) -> None:
    import tensorflow as tf

    x = ragged([row for row in ROWS if row])
    true = x.with_flat_values(tf.fill(tf.shape(x.flat_values), 0.25))
    total = tf.function(
        lambda t, x: LOSSES[name](reduction="sum")(t, x), jit_compile=xla
    )(true, x)
    lengths = x.row_lengths().numpy()
    padding = np.arange(lengths.max()) >= lengths[:, None]
    padded = x.to_tensor(default_value=np.inf).numpy()
    weights = np.where(padding, 0, 1 / lengths[:, None]).astype("float32")
    want = LOSSES[name](reduction="sum")(
        np.full((*padded.shape, 1), 0.25, "float32"), padded[..., None], weights
    )
    np.testing.assert_allclose(total, want, rtol=1e-5)


FITS = list(itertools.product(LOSSES, (False, True)))


# A step is like another: each loss is compiled above.
@pytest.mark.parametrize(
    ("name", "xla"),
    sampled(FITS, 0, [("log_cosh", True), ("stable_f_loss", False)]),
)
def test_fit_evaluate_predict(name: str, xla: bool) -> None:
    """A model that is ragged to its end: every step an output of its own."""
    import tensorflow as tf

    class Scale(keras.layers.Layer):
        def build(self, shape):  # type: ignore[no-untyped-def]
            del shape
            self.scale = self.add_weight(shape=(), initializer="ones")

        def call(self, x):  # type: ignore[no-untyped-def]
            return x.with_flat_values(x.flat_values * self.scale)

        def compute_output_spec(self, x):  # type: ignore[no-untyped-def]
            return keras.KerasTensor(
                x.shape, x.dtype, ragged=True, ragged_rank=1
            )

    x = ragged([[-8.0, 0.0, 2.0], [1.0], [-3.0, 5.0, 1e-9, 3.0]])
    y = x.with_flat_values(tf.fill(tf.shape(x.flat_values), 0.25))
    inputs = keras.Input((None,), ragged=True)
    layer = keras.layers.Activation(ks.activations.asinh)
    model = keras.Model(inputs, layer(Scale()(inputs)))
    model.compile(keras.optimizers.SGD(0.1), LOSSES[name](), jit_compile=xla)
    history = model.fit(x, y, epochs=3, verbose=0).history["loss"]
    assert np.isfinite(history).all() and history[-1] < history[0]
    assert np.isfinite(model.evaluate(x, y, verbose=0))
    assert model.predict(x, verbose=0).shape[0] == 3


def test_rows_that_differ_are_refused() -> None:
    true = ragged([[1.0], [1.0, 2.0]])
    pred = ragged([[1.0, 2.0], [1.0]])
    with pytest.raises(ValueError, match=r"expected.*received"):
        ks.losses.LogCosh()(true, pred)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_rows_that_differ_in_a_graph(dtype: str) -> None:
    """TensorFlow's error; under XLA, which cannot raise one, nan."""
    import tensorflow as tf

    true = ragged([[1.0], [1.0, 2.0]])
    pred = ragged([[1.0, 2.0], [1.0]])
    loss = ks.losses.LogCosh(dtype=dtype)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Row lengths"):
        tf.function(loss)(true, pred)
    compiled = tf.function(loss, jit_compile=True)
    assert np.isnan(compiled(true, pred))
    assert np.isfinite(compiled(pred, pred))
