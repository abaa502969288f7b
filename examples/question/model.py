"""The model and the optimizer that counts what the loss does to it."""

import keras
from keras import ops

from examples.question.data import FEATURES


class EventMean(keras.layers.Layer):
    """A dense layer on every event, then the mean over the events.

    Takes a padded batch with a mask or, on TensorFlow, a RaggedTensor.
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.dense = keras.layers.Dense(units, activation="relu")

    def build(self, shape):
        self.dense.build((None, shape[-1]))

    def call(self, x, mask=None):
        if hasattr(x, "flat_values"):
            # Keras's Dense fails on ragged inside fit; on the flat events
            # it works, and nothing is padded.
            flat = self.dense(x.flat_values)
            return ops.mean(x.with_flat_values(flat), axis=1)
        hidden = self.dense(x)
        if mask is None:
            return ops.mean(hidden, axis=1)
        real = ops.cast(mask, hidden.dtype)[..., None]
        return ops.sum(hidden * real, axis=1) / ops.sum(real, axis=1)

    def compute_mask(self, x, mask=None):
        return None

    def compute_output_shape(self, shape):
        return (shape[0], self.dense.units)


PER_EVENT = 128
HIDDEN = 128


def build(ragged: bool) -> keras.Model:
    """Events in, one logit per customer out."""
    if ragged:
        events = keras.Input((None, FEATURES), ragged=True)
        hidden = EventMean(PER_EVENT)(events)
    else:
        events = keras.Input((None, FEATURES))
        hidden = EventMean(PER_EVENT)(keras.layers.Masking()(events))
    hidden = keras.layers.Dense(HIDDEN, activation="relu")(hidden)
    return keras.Model(events, keras.layers.Dense(1)(hidden))


class CountingAdam(keras.optimizers.Adam):
    """Adam that counts the steps whose gradient has a nan or inf.

    The gradients are applied all the same: it watches and cures nothing.
    """

    def build(self, variables):
        super().build(variables)
        if not hasattr(self, "bad_steps"):
            self.bad_steps = self.add_variable(
                (), initializer="zeros", dtype="int32", name="bad_steps"
            )

    def apply(self, grads, trainable_variables=None):
        finite = [ops.all(ops.isfinite(g)) for g in grads if g is not None]
        bad = ops.logical_not(ops.all(ops.stack(finite)))
        self.bad_steps.assign_add(ops.cast(bad, "int32"))
        return super().apply(grads, trainable_variables)


class LinkLoss(keras.losses.Loss):
    """Squared error of ``sum of f(y_pred + s)``, for any formula of f."""

    def __init__(self, formula, shifts: tuple[float, ...], dtype=None):
        super().__init__(name="link_loss", dtype=dtype)
        self.formula = formula
        self.shifts = shifts

    def call(self, y_true, y_pred):
        link = sum(self.formula(y_pred + shift) for shift in self.shifts)
        return ops.mean(ops.square(y_true - link), axis=-1)
