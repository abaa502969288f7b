"""What the losses have in common: weights, masks, ranks, ragged values.

Keras multiplies a loss by its weights and mask, and 0 * inf is nan: one
padded entry that holds inf makes the loss nan and with it every gradient.
Here such entries are replaced before the loss is computed, so that neither
its value nor its derivatives see them (the double where).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from typing import NamedTuple

import keras

from ._arguments import check_words
from ._dtypes import FORMATS
from ._ragged import is_ragged
from ._ragged import ragged_row_means
from ._ragged import row_weights
from ._ragged import without_rows
from ._tensors import as_float_tensor
from ._tensors import as_tensor
from ._tensors import checked_dtype
from ._tensors import real

Loss = Callable[[Any, Any], Any]


class _Weighted(NamedTuple):
    """Targets, and the weight of each value of the loss."""

    y_true: Any
    weights: Any


class ElementwiseLoss(keras.losses.Loss):
    """A Keras loss whose entries of weight 0 do not exist.

    A subclass has `values(y_true, y_pred)`, which reduces the last axis.
    Both arguments come to it as tensors of the loss's dtype.

    Where ``sample_weight`` or the mask of ``y_pred`` is 0, whatever
    ``y_true`` and ``y_pred`` hold there (nan and ±inf too) changes nothing:
    not the loss, not its gradient.  nan elsewhere gives nan.  A ragged
    ``y_pred`` (TensorFlow) is averaged over its ragged axis, row by row.
    Lists and numbers count as tensors.
    """

    def __init__(self, name: str, reduction: Any, dtype: Any) -> None:
        check_words(name, reduction)
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        checked_dtype(self.dtype, FORMATS, type(self).__name__)
        self._dtype_argument = dtype

    def values(self, y_true: Any, y_pred: Any) -> Any:
        """The loss with its last axis reduced."""
        raise NotImplementedError

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if isinstance(y_true, _Weighted):
            y_true, y_pred = _without_dead(*y_true, y_pred)
        return self.values(y_true, y_pred)

    def __call__(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> Any:
        _refuse_unreal(y_true, y_pred, sample_weight)
        if is_ragged(y_pred):
            means, _ = self.entries(y_true, y_pred, sample_weight)
            given = Given(reduction=self.reduction, dtype=self.dtype)
            return given(means, means, sample_weight)
        y_true, y_pred = self._as_tensors(y_true, y_pred)
        weights = self._weights(y_pred, sample_weight)
        if weights is not None:
            y_true = _Weighted(y_true, weights)
        return super().__call__(y_true, y_pred, sample_weight)

    def entries(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> tuple[Any, Any]:
        """The values before any weighting, and their weights.

        Returns:
            Two tensors of one shape, that of y_pred without its last axis;
            for vectors theirs, for ragged values ``(batch,)``.  No weights:
            None.  Values of weight 0 are finite, whatever is there.
        """
        _refuse_unreal(y_true, y_pred, sample_weight)
        if is_ragged(y_pred):
            weights = row_weights(y_pred, sample_weight, self.dtype)
            if weights is not None:
                dead = keras.ops.equal(weights, 0)
                y_true, y_pred = without_rows(dead, y_true, y_pred)
            means = ragged_row_means(self.values, y_true, y_pred, self.dtype)
            return means, weights
        y_true, y_pred = self._as_tensors(y_true, y_pred)
        weights = self._weights(y_pred, sample_weight)
        y_true, y_pred = (
            keras.ops.convert_to_tensor(y, dtype=self.dtype)
            for y in (y_true, y_pred)
        )
        if len(y_pred.shape) == 1:
            y_pred = keras.ops.expand_dims(y_pred, -1)
        if weights is None:
            return self.values(y_true, y_pred), None
        # Of a vector there may be one weight for all.
        shape = keras.ops.shape(y_pred)[:-1]
        if len(weights.shape) == 0:
            weights = keras.ops.broadcast_to(weights, shape)
        weights = keras.ops.reshape(weights, shape)
        values = self.values(*_without_dead(y_true, weights, y_pred))
        return values, weights

    def _as_tensors(self, *arguments: Any) -> list[Any]:
        """Lists and numbers as tensors; Keras would map over the lists."""
        return [
            y if hasattr(y, "shape") else as_tensor(y, self.dtype)
            for y in arguments
        ]

    def _weights(self, y_pred: Any, sample_weight: Any) -> Any:
        """Weight and mask of each value together; None if there is neither.

        Keras alone knows where it keeps a mask (on JAX not with the tensor):
        a loss of ones shows both.
        """
        if len(y_pred.shape) == 0:
            return None
        # One for each value; the last axis may be empty.
        like = keras.ops.convert_to_tensor(y_pred, dtype=self.dtype)
        ones = 1.0 + keras.ops.sum(keras.ops.zeros_like(like), axis=-1)
        weigh = Ones(reduction=None, dtype=self.dtype)
        weights = weigh(ones, y_pred, sample_weight)
        return None if weights is ones else weights

    def get_config(self) -> dict[str, Any]:
        # Keras leaves the dtype out.
        dtype = self._dtype_argument
        if dtype is not None and not isinstance(dtype, str):
            dtype = keras.dtype_policies.serialize(dtype)
        return {**super().get_config(), "dtype": dtype}


class Given(keras.losses.Loss):
    """Weights and reduces values that are there already."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        del y_true
        return y_pred


class Ones(keras.losses.Loss):
    """A loss whose values are given as targets."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        del y_pred
        return y_true


def _without_dead(y_true: Any, weights: Any, y_pred: Any) -> tuple[Any, Any]:
    """Zeros where the weight is 0, in both."""
    dead = keras.ops.equal(weights, 0)

    def alive(y: Any) -> Any:
        rank, have = len(y.shape), len(dead.shape)
        if rank not in (have, have + 1):
            return y
        gone = dead if rank == have else keras.ops.expand_dims(dead, -1)
        return keras.ops.where(gone, keras.ops.zeros_like(y), y)

    return alive(y_true), alive(y_pred)


def _refuse_unreal(y_true: Any, y_pred: Any, sample_weight: Any) -> None:
    """Raises for complex numbers, before Keras casts them to the dtype."""
    real(y_true)
    real(y_pred)
    if sample_weight is not None:
        real(sample_weight)


def tensors(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Both as tensors of y_pred's dtype; floatx if that is no float."""
    y_pred = as_float_tensor(y_pred, keras.config.floatx())
    return as_tensor(y_true, y_pred.dtype), y_pred


def same_rank(
    y_true: Any, y_pred: Any, sparse: bool = False
) -> tuple[Any, Any]:
    """(batch,) against (batch, 1) made equal; other ranks refused.

    Broadcasting would make a (batch, batch) matrix of them in silence.

    Args:
        sparse: y_true may be class numbers, without the last axis.

    Raises:
        ValueError: other ranks, or none.
    """
    true_shape, pred_shape = tuple(y_true.shape), tuple(y_pred.shape)
    if not pred_shape:
        raise ValueError(
            "Bad y_pred: expected at least one axis, which the loss averages "
            f"over, received shapes {true_shape} of y_true and () of y_pred."
        )
    if len(true_shape) == len(pred_shape) + 1 and true_shape[-1] == 1:
        y_true = keras.ops.squeeze(y_true, -1)
    elif len(true_shape) + 1 == len(pred_shape) and pred_shape[-1] == 1:
        y_true = keras.ops.expand_dims(y_true, -1)
    elif len(true_shape) != len(pred_shape) or any(
        None not in (a, b) and a != b
        for a, b in zip(true_shape, pred_shape, strict=True)
    ):
        if not (sparse and true_shape == pred_shape[:-1]):
            raise ValueError(
                "Shapes of y_true and y_pred do not go together: expected "
                f"equal ones, received {true_shape} and {pred_shape}."
            )
    return y_true, y_pred


def mean_of_last(values: Any) -> Any:
    """The mean over the last axis, as every Keras loss has it.

    `keras.ops.mean` makes a float32 mean of float64 (JAX and torch, Keras
    3.15), and is right for 16 bits, whose sums may overflow.
    """
    if keras.backend.standardize_dtype(values.dtype) != "float64":
        return keras.ops.mean(values, axis=-1)
    count = keras.ops.cast(keras.ops.shape(values)[-1], "float64")
    return keras.ops.sum(values, axis=-1) / count
