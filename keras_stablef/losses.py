"""Losses beside `keras.losses`."""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Iterable
from numbers import Real
from typing import Any

import keras

from . import ops
from ._ragged import is_ragged
from ._ragged import ragged_row_means

PACKAGE = "keras_stablef"
SHIFTS = (0.0, 50.0)


@keras.saving.register_keras_serializable(package=PACKAGE)
class StableFLoss(keras.losses.Loss):
    """A base loss between ``y_true`` and ``sum over s of f(y_pred + s)``.

    Here ``f(x) = 1/(1 - exp(-x)) - 1/x`` with f(0) = 1/2; with the default
    shifts the prediction is f(y_pred) + f(y_pred + 50).

    Shapes are those of the base loss, the last axis is reduced; ``(batch,)``
    against ``(batch, 1)`` is taken elementwise.  ``y_true`` is cast to the
    dtype of ``y_pred``, any of float16, bfloat16, float32, float64.  A
    ragged ``y_pred`` (TensorFlow) is averaged over its ragged axis.

    The value and every gradient are finite for every ``y_pred``, ±inf
    included (there f is 0 or 1 and its gradient 0), and nan for nan.

    Args:
        shifts: finite numbers s, at least one.
        loss: any Keras loss, its name or its configuration.
        reduction: as in `keras.losses.Loss`.
        name: of the loss.
        dtype: of its computations.

    Raises:
        TypeError: shifts that are no numbers.
        ValueError: no shift, one that is not finite, an unknown loss,
            ``y_true`` whose shape does not go with ``y_pred``.

    Example:
        >>> model.compile(loss=ks.losses.StableFLoss(loss="log_cosh"))

    Source: f is the mean of the continuous Bernoulli distribution,
    Loaiza-Ganem and Cunningham, NeurIPS 2019, equation (8).
    """

    def __init__(
        self,
        shifts: Iterable[float] = SHIFTS,
        loss: Any = "mean_squared_error",
        reduction: str | None = "sum_over_batch_size",
        name: str = "stable_f_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.shifts = _checked_shifts(shifts)
        self.loss = loss
        self._base = _base_loss(loss)
        self._dtype_argument = dtype

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return _loss(self._base, self.shifts, y_true, y_pred)

    def __call__(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> Any:
        if not is_ragged(y_pred):
            return super().__call__(y_true, y_pred, sample_weight)
        rows = ragged_row_means(self.call, y_true, y_pred, self.dtype)
        given = _Given(reduction=self.reduction, dtype=self.dtype)
        return given(rows, rows, sample_weight)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        loss = self.loss
        if not isinstance(loss, str):
            loss = keras.losses.serialize(loss)
        dtype = self._dtype_argument
        if dtype is not None and not isinstance(dtype, str):
            dtype = keras.dtype_policies.serialize(dtype)
        return {
            **config,
            "shifts": list(self.shifts),
            "loss": loss,
            "dtype": dtype,
        }


def stable_f_loss(
    y_true: Any,
    y_pred: Any,
    shifts: Iterable[float] = SHIFTS,
    loss: Any = "mean_squared_error",
) -> Any:
    """`StableFLoss` without the reduction over the batch.

    Example:
        >>> ks.losses.stable_f_loss([[1.0]], [[0.0]])  # (f(0) + f(50) - 1)**2

    Returns:
        The base loss with the last axis reduced.
    """
    y_pred = keras.ops.convert_to_tensor(y_pred)
    y_true = keras.ops.convert_to_tensor(y_true, dtype=y_pred.dtype)
    return _loss(_base_loss(loss), _checked_shifts(shifts), y_true, y_pred)


class _Given(keras.losses.Loss):
    """Weights and reduces values that are there already."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        del y_true
        return y_pred


def _loss(
    base: Callable[[Any, Any], Any],
    shifts: tuple[float, ...],
    y_true: Any,
    y_pred: Any,
) -> Any:
    y_true = keras.ops.cast(y_true, y_pred.dtype)
    y_true, y_pred = _same_rank(y_true, y_pred, base)
    total = ops.stablef(y_pred + shifts[0])
    for shift in shifts[1:]:
        total = total + ops.stablef(y_pred + shift)
    return base(y_true, total)


def _same_rank(
    y_true: Any, y_pred: Any, base: Callable[[Any, Any], Any]
) -> tuple[Any, Any]:
    """(batch,) against (batch, 1) made equal; other ranks refused.

    Broadcasting would make a (batch, batch) matrix of them in silence.
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
        sparse = "sparse" in getattr(base, "__name__", "").lower()
        if not (sparse and true_shape == pred_shape[:-1]):
            raise ValueError(
                "Shapes of y_true and y_pred do not go together: expected "
                f"equal ones, received {true_shape} and {pred_shape}."
            )
    return y_true, y_pred


def _checked_shifts(shifts: Iterable[float]) -> tuple[float, ...]:
    if isinstance(shifts, (str, bytes)) or not isinstance(shifts, Iterable):
        raise TypeError(
            f"Bad shifts: expected a sequence of numbers, received {shifts!r}."
        )
    found = tuple(shifts)
    for shift in found:
        if isinstance(shift, bool) or not isinstance(shift, Real):
            raise TypeError(
                f"Bad shifts: expected real numbers, received {shift!r} "
                f"in {found!r}."
            )
    numbers = tuple(float(s) for s in found)
    if not numbers or not all(math.isfinite(s) for s in numbers):
        raise ValueError(
            "Bad shifts: expected at least one number, all finite; "
            f"received {found!r}."
        )
    return numbers


def _base_loss(loss: Any) -> Callable[[Any, Any], Any]:
    """The function (y_true, y_pred) -> values, last axis reduced."""
    try:
        found = keras.losses.get(loss)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            "Unknown loss: expected a Keras loss, its name or its "
            f"configuration, received {loss!r} ({error})."
        ) from None
    if isinstance(found, type):
        found = found()
    if isinstance(found, keras.losses.Loss):
        return found.call  # type: ignore[no-any-return]
    if not callable(found):
        raise ValueError(
            f"Unknown loss: expected a Keras loss, its name or its "
            f"configuration, received {loss!r}."
        )
    return found  # type: ignore[no-any-return]
