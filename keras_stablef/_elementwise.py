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

from ._ragged import is_ragged
from ._ragged import ragged_row_means

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
    """

    def __init__(self, name: str, reduction: Any, dtype: Any) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
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
        if is_ragged(y_pred):
            y_pred = ragged_row_means(self.values, y_true, y_pred, self.dtype)
            given = Given(reduction=self.reduction, dtype=self.dtype)
            return given(y_pred, y_pred, sample_weight)
        if keras.ops.ndim(y_pred) > 0:
            ones = keras.ops.ones_like(
                keras.ops.convert_to_tensor(y_pred, dtype=self.dtype)[..., 0]
            )
            # Keras alone knows where it keeps a mask (on JAX not with the
            # tensor): a loss of ones shows weight and mask together.
            weigh = Ones(reduction=None, dtype=self.dtype)
            weights = weigh(ones, y_pred, sample_weight)
            if weights is not ones:
                y_true = _Weighted(y_true, weights)
        return super().__call__(y_true, y_pred, sample_weight)

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


def tensors(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Both as tensors of y_pred's dtype; floatx if that is no float."""
    y_pred = keras.ops.convert_to_tensor(y_pred)
    dtype = keras.backend.standardize_dtype(y_pred.dtype)
    if not keras.backend.is_float_dtype(dtype):
        dtype = keras.config.floatx()
        y_pred = keras.ops.cast(y_pred, dtype)
    y_true = keras.ops.convert_to_tensor(y_true)
    return keras.ops.cast(y_true, dtype), y_pred


def same_rank(
    y_true: Any, y_pred: Any, sparse: bool = False
) -> tuple[Any, Any]:
    """(batch,) against (batch, 1) made equal; other ranks refused.

    Broadcasting would make a (batch, batch) matrix of them in silence.

    Args:
        sparse: y_true may be class numbers, without the last axis.
    """
    true_shape, pred_shape = tuple(y_true.shape), tuple(y_pred.shape)
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
