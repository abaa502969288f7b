"""The little that is needed for `tf.RaggedTensor`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import keras


def is_ragged(x: Any) -> bool:
    """Whether x is a `tf.RaggedTensor`; never imports TensorFlow."""
    tf = sys.modules.get("tensorflow")
    return tf is not None and isinstance(x, tf.RaggedTensor)


def ragged_row_means(
    loss: Callable[[Any, Any], Any], y_true: Any, y_pred: Any, dtype: Any
) -> Any:
    """The mean of an elementwise loss over each row of ragged values.

    An empty row has no elements to average and counts as 0.

    Args:
        loss: (y_true, y_pred) -> values, reducing the last axis.
        y_true: ragged with the row lengths of `y_pred`, or dense.
    """
    import tensorflow as tf

    y_pred = tf.cast(y_pred, dtype)
    y_true = tf.cast(y_true, dtype)
    if not is_ragged(y_true):
        y_true = tf.RaggedTensor.from_tensor(
            tf.convert_to_tensor(y_true), lengths=y_pred.nested_row_lengths()
        )
    values = loss(
        keras.ops.expand_dims(y_true.flat_values, -1),
        keras.ops.expand_dims(y_pred.flat_values, -1),
    )
    each = y_pred.with_flat_values(
        keras.ops.reshape(values, keras.ops.shape(y_pred.flat_values))
    )
    axes = tuple(range(1, each.shape.rank))
    total = tf.reduce_sum(each, axis=axes)
    count = tf.reduce_sum(tf.ones_like(each), axis=axes)
    return total / tf.maximum(count, 1)
