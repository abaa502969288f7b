"""The little that is needed for `tf.RaggedTensor`."""

from __future__ import annotations

import math
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

    An empty row has no elements to average and counts as 0.  XLA can
    compile it: nothing here takes TensorFlow's ragged ranges.

    Args:
        loss: (y_true, y_pred) -> values, reducing the last axis.
        y_true: ragged with the row lengths of `y_pred`, or dense.

    Raises:
        ValueError: row lengths that differ, where they are known (eagerly).
        tf.errors.InvalidArgumentError: in a graph. XLA cannot raise: there
            the means are nan.
    """
    import tensorflow as tf

    y_pred = tf.cast(y_pred, dtype)
    y_true = tf.cast(y_true, dtype)
    flat = y_pred.flat_values
    same: Any = True
    if is_ragged(y_true):
        same = _check_rows(y_true, y_pred)
        true = y_true.flat_values
    else:
        true = _flat(y_true, y_pred)
    values = loss(
        keras.ops.expand_dims(true, -1),
        keras.ops.expand_dims(flat, -1),
    )
    values = tf.reshape(values, [tf.shape(flat)[0], -1])
    total = tf.reduce_sum(values, axis=1)
    count = tf.ones_like(values[:, :1])[:, 0] * tf.cast(
        tf.shape(values)[1], dtype
    )
    for splits in reversed(y_pred.nested_row_splits):
        total, count = (_row_sums(each, splits) for each in (total, count))
    means = total / tf.maximum(count, 1)
    return means if same is True else tf.where(same, means, math.nan)


def row_weights(y_pred: Any, sample_weight: Any, dtype: Any) -> Any:
    """One weight for each row, ``(batch,)``; None if there are none."""
    if sample_weight is None:
        return None
    weights = keras.ops.convert_to_tensor(sample_weight, dtype=dtype)
    ones = keras.ops.ones((y_pred.nrows(),), dtype=dtype)
    return ones * keras.ops.reshape(weights, (-1,))


def without_rows(dead: Any, *arguments: Any) -> list[Any]:
    """Each of the arguments, ragged or dense, with zeros in dead rows."""
    import tensorflow as tf

    def alive(y: Any) -> Any:
        if is_ragged(y):
            places = tf.range(tf.shape(y.flat_values)[0])
            for splits in reversed(y.nested_row_splits):
                places = _rows(places, splits)
            return y.with_flat_values(
                zeros_where(tf.gather(dead, places), y.flat_values)
            )
        return zeros_where(dead, tf.convert_to_tensor(y))

    def zeros_where(gone: Any, y: Any) -> Any:
        shape = tf.concat([tf.shape(gone), tf.ones(tf.rank(y) - 1, "int32")], 0)
        return tf.where(tf.reshape(gone, shape), tf.zeros_like(y), y)

    return [alive(y) for y in arguments]


def _check_rows(y_true: Any, y_pred: Any) -> Any:
    """Whether the row lengths are equal; in a graph a tensor."""
    import tensorflow as tf

    same: Any = True
    pairs = zip(
        y_true.nested_row_lengths(), y_pred.nested_row_lengths(), strict=True
    )
    for a, b in pairs:
        if not tf.executing_eagerly():
            tf.debugging.assert_equal(
                a, b, "Row lengths of y_true and y_pred differ."
            )
            same = tf.logical_and(same, tf.reduce_all(a == b))
        elif a.shape != b.shape or not bool(tf.reduce_all(a == b)):
            raise ValueError(
                "Row lengths of y_true and y_pred differ: expected "
                f"{b.numpy().tolist()}, received {a.numpy().tolist()}."
            )
    return same


def _flat(dense: Any, like: Any) -> Any:
    """The entries of a dense tensor where a ragged one has any."""
    import tensorflow as tf

    places = tf.range(tf.shape(like.flat_values)[0])
    axes = []
    for splits in reversed(like.nested_row_splits):
        rows = _rows(places, splits)
        starts = tf.cast(tf.gather(splits, rows), places.dtype)
        axes.append(places - starts)
        places = rows
    axes.append(places)
    return tf.gather_nd(dense, tf.stack(axes[::-1], axis=-1))


def _row_sums(flat: Any, splits: Any) -> Any:
    """Sums over the rows that begin at splits[:-1]."""
    import tensorflow as tf

    rows = _rows(tf.range(tf.shape(flat)[0]), splits)
    return tf.math.unsorted_segment_sum(flat, rows, tf.shape(splits)[0] - 1)


def _rows(places: Any, splits: Any) -> Any:
    """Which row each place is in."""
    import tensorflow as tf

    found = tf.searchsorted(tf.cast(splits, places.dtype), places, "right")
    return found - 1
