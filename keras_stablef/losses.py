"""Losses beside `keras.losses`: right near their cancellations, never nan.

Each is a class, for ``compile(loss=...)``, and a function without the
reduction over the batch; `keras_stablef.metrics` has them as metrics.
Entries of weight 0 or under a mask may hold anything, see `ElementwiseLoss`.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

import keras

from . import ops
from ._arguments import base_loss
from ._arguments import checked_shifts
from ._continuous_bernoulli import negative_log_likelihood
from ._elementwise import ElementwiseLoss
from ._elementwise import mean_of_last
from ._elementwise import same_rank
from ._elementwise import tensors
from ._pseudo_huber import checked_delta
from ._pseudo_huber import pseudo_huber_of
from ._pseudo_huber import working_dtype

__all__ = [
    "ContinuousBernoulli",
    "LogCosh",
    "PseudoHuber",
    "StableFLoss",
    "continuous_bernoulli",
    "log_cosh",
    "pseudo_huber",
    "stable_f_loss",
]

PACKAGE = "keras_stablef"
# Of the twins: an activation may have the same name.
FUNCTIONS = "keras_stablef.losses"
SHIFTS = (0.0, 50.0)


@keras.saving.register_keras_serializable(package=PACKAGE)
class StableFLoss(ElementwiseLoss):
    """A base loss between ``y_true`` and ``sum over s of f(y_pred + s)``.

    Here ``f(x) = 1/(1 - exp(-x)) - 1/x`` with f(0) = 1/2; with the default
    shifts the prediction is f(y_pred) + f(y_pred + 50).

    Shapes are those of the base loss, the last axis is reduced; ``(batch,)``
    against ``(batch, 1)`` is taken elementwise.  ``y_true`` is cast to the
    dtype of ``y_pred``, any of float16, bfloat16, float32, float64.  A
    ragged ``y_pred`` (TensorFlow) is averaged over its ragged axis.

    The value and every gradient are finite for every ``y_pred``, ±inf
    included (there f is 0 or 1 and its gradient 0), and nan for nan.
    Entries of weight 0 or under a mask may hold anything, nan too.

    Args:
        shifts: finite numbers s, at least one.
        loss: any Keras loss, its name or its configuration.
        reduction: as in `keras.losses.Loss`.
        name: of the loss.
        dtype: of its computations.

    Raises:
        TypeError: shifts that are no numbers, complex numbers, a dtype that
            is none of these.
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
        super().__init__(name, reduction, dtype)
        self.shifts = checked_shifts(shifts)
        self.loss = loss
        self._base = base_loss(loss)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return _of_sum(self._base, self.shifts, y_true, y_pred)

    def get_config(self) -> dict[str, Any]:
        loss = self.loss
        if not isinstance(loss, str):
            loss = keras.losses.serialize(loss)
        return {
            **super().get_config(),
            "shifts": list(self.shifts),
            "loss": loss,
        }


@keras.saving.register_keras_serializable(package=FUNCTIONS)
def stable_f_loss(
    y_true: Any,
    y_pred: Any,
    shifts: Iterable[float] = SHIFTS,
    loss: Any = "mean_squared_error",
) -> Any:
    """`StableFLoss` without the reduction over the batch.

    The base loss between ``y_true`` and ``sum over s of f(y_pred + s)``,
    ``f(x) = 1/(1 - exp(-x)) - 1/x``, f(0) = 1/2, f(-inf) = 0, f(inf) = 1,
    with gradient 1/12, 0, 0 there.

    Args:
        y_true: targets, of y_pred's shape, or ``(batch,)`` against
            ``(batch, 1)``; cast to y_pred's dtype.
        y_pred: a float tensor ``(..., d)``, its dtype is kept.
        shifts: finite numbers s, at least one.
        loss: any Keras loss, its name or its configuration.

    Returns:
        The base loss with the last axis reduced, ``(...)``.

    Raises:
        TypeError, ValueError: as `StableFLoss`.

    Example:
        >>> ks.losses.stable_f_loss([[1.0]], [[0.0]])  # (f(0) + f(50) - 1)**2

    Source: see `StableFLoss`.
    """
    y_true, y_pred = tensors(y_true, y_pred)
    return _of_sum(base_loss(loss), checked_shifts(shifts), y_true, y_pred)


@keras.saving.register_keras_serializable(package=PACKAGE)
class ContinuousBernoulli(ElementwiseLoss):
    """Negative log-likelihood of the continuous Bernoulli, from logits.

    ``log((exp(l) - 1)/l) - l*y`` with l = ``y_pred`` and targets y =
    ``y_true`` in [0, 1], the mean over the last axis: the reconstruction
    loss of an autoencoder of data in [0, 1].  It may be negative: it is
    minus the log of a density.

    Its gradient is f(l) - y, ``f(x) = 1/(1 - exp(-x)) - 1/x``, computed
    without cancellation on both sides: as ``f(-|l|) - y`` for l <= 0 and
    ``(1 - y) - f(-|l|)`` for l > 0.  At l = 0 the value is 0 and the
    gradient 1/2 - y.  A logit of ±inf counts as the largest finite number
    (with gradient 0), so that nothing is nan; nan gives nan.

    Shapes: ``(..., d)`` both, or ``(batch,)`` against ``(batch, 1)``; any
    of float16, bfloat16, float32, float64.  Entries of weight 0 or under a
    mask may hold anything.

    Args:
        reduction: as in `keras.losses.Loss`.
        name: of the loss.
        dtype: of its computations.

    Raises:
        TypeError: complex numbers, a dtype that is none of these.
        ValueError: ``y_true`` whose shape does not go with ``y_pred``.

    Example:
        >>> vae.compile("adam", loss=ks.losses.ContinuousBernoulli())

    Source: Loaiza-Ganem and Cunningham, *The continuous Bernoulli: fixing a
    pervasive error in variational autoencoders*, NeurIPS 2019.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "continuous_bernoulli",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return continuous_bernoulli(y_true, y_pred)


@keras.saving.register_keras_serializable(package=FUNCTIONS)
def continuous_bernoulli(y_true: Any, y_pred: Any) -> Any:
    """`ContinuousBernoulli` without the reduction over the batch.

    Args:
        y_true: targets y in [0, 1], of y_pred's shape, or ``(batch,)``
            against ``(batch, 1)``; cast to y_pred's dtype.
        y_pred: logits l, a float tensor ``(..., d)``; its dtype is kept.

    Returns:
        The mean over the last axis of ``log((exp(l) - 1)/l) - l*y``; 0 with
        gradient 1/2 - y at l = 0.

    Raises:
        ValueError: shapes that do not go together.

    Example:
        >>> ks.losses.continuous_bernoulli([[0.2, 0.9]], [[0.0, 3.0]])

    Source: see `ContinuousBernoulli`.
    """
    y_true, logits = same_rank(*tensors(y_true, y_pred))
    return mean_of_last(negative_log_likelihood(y_true, logits))


@keras.saving.register_keras_serializable(package=PACKAGE)
class LogCosh(ElementwiseLoss):
    """log(cosh(y_pred - y_true)), the mean over the last axis.

    A drop-in for `keras.losses.LogCosh`, which computes ``x + softplus(-2x)
    - log 2``: no digit of that is right for errors near 1e-6 in float32,
    and its gradient is 4% off there.  Here, for the error x = y_pred -
    y_true, value and gradient are within the bounds of `ops.log_cosh`: 0
    with gradient 0 at x = 0, ``x**2/2`` beside it, ``|x| - log 2`` with
    gradient ±1 far out, inf at ±inf; nan gives nan.

    Shapes: ``(..., d)`` both, or ``(batch,)`` against ``(batch, 1)``; any
    of float16, bfloat16, float32, float64.  Entries of weight 0 or under a
    mask may hold anything.

    Args:
        reduction: as in `keras.losses.Loss`.
        name: of the loss.
        dtype: of its computations.

    Raises:
        TypeError: complex numbers, a dtype that is none of these.
        ValueError: ``y_true`` whose shape does not go with ``y_pred``.

    Example:
        >>> model.compile("adam", loss=ks.losses.LogCosh())

    Source: Saleh and Saleh, *Statistical properties of the log-cosh loss
    function used in machine learning*, 2022.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "log_cosh",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return log_cosh(y_true, y_pred)


@keras.saving.register_keras_serializable(package=FUNCTIONS)
def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """`LogCosh` without the reduction over the batch.

    Args:
        y_true: targets, of y_pred's shape, or ``(batch,)`` against
            ``(batch, 1)``; cast to y_pred's dtype.
        y_pred: a float tensor ``(..., d)``; its dtype is kept.

    Returns:
        The mean over the last axis of ``log(cosh(y_pred - y_true))``; 0
        with gradient 0 where both are equal.

    Raises:
        ValueError: shapes that do not go together.

    Example:
        >>> ks.losses.log_cosh([[0.0]], [[1e-6]])  # 5e-13

    Source: see `LogCosh`.
    """
    y_true, y_pred = same_rank(*tensors(y_true, y_pred))
    return mean_of_last(ops.log_cosh(y_pred - y_true))


@keras.saving.register_keras_serializable(package=PACKAGE)
class PseudoHuber(ElementwiseLoss):
    """delta**2 (sqrt(1 + (x/delta)**2) - 1), x = y_pred - y_true.

    The smooth relative of `keras.losses.Huber`: the mean over the last axis
    of a loss that is ``x**2/2`` near x = 0, where ``sqrt(1 + t) - 1`` as
    typed is 0 from |x| < 2e-4 delta on in float32, and ``delta |x|`` far
    out.  Value and gradient are 0 at x = 0, the gradient ±delta far out;
    inf at ±inf; nan gives nan.  For every delta in range and every finite x
    the value is within 6.3 ulp and the gradient within 4.3 ulp of the exact
    one of x and delta (first order, on CPUs; 16 bits are computed in float32
    and rounded once); neither overflows where the exact one does not.

    Shapes: ``(..., d)`` both, or ``(batch,)`` against ``(batch, 1)``; any
    of float16, bfloat16, float32, float64.  Entries of weight 0 or under a
    mask may hold anything.

    Args:
        delta: where the loss turns from square to linear; a positive
            number of the dtype, from the smallest normal one (float16: the
            smallest) to the largest.
        reduction: as in `keras.losses.Loss`.
        name: of the loss.
        dtype: of its computations.

    Raises:
        TypeError: a delta that is no number, complex numbers, a dtype that
            is none of these.
        ValueError: one that is not positive and finite or out of range, or
            ``y_true`` whose shape does not go with ``y_pred``.

    Example:
        >>> model.compile("adam", loss=ks.losses.PseudoHuber(delta=0.1))

    Source: Charbonnier, Blanc-Feraud, Aubert and Barlaud, *Deterministic
    edge-preserving regularization in computed imaging*, IEEE Trans. Image
    Processing 6, 1997.
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "pseudo_huber",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.delta = checked_delta(delta, self.dtype)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return pseudo_huber(y_true, y_pred, self.delta)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "delta": self.delta}


@keras.saving.register_keras_serializable(package=FUNCTIONS)
def pseudo_huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """`PseudoHuber` without the reduction over the batch.

    Args:
        y_true: targets, of y_pred's shape, or ``(batch,)`` against
            ``(batch, 1)``; cast to y_pred's dtype.
        y_pred: a float tensor ``(..., d)``; its dtype is kept.
        delta: positive, in the range of y_pred's dtype.

    Returns:
        The mean over the last axis of ``delta**2 (sqrt(1 + (x/delta)**2) -
        1)``, x = y_pred - y_true; 0 with gradient 0 where both are equal.

    Raises:
        TypeError, ValueError: as `PseudoHuber`.

    Example:
        >>> ks.losses.pseudo_huber([[0.0]], [[1e-6]])  # 5e-13

    Source: see `PseudoHuber`.
    """
    y_true, y_pred = same_rank(*tensors(y_true, y_pred))
    dtype = keras.backend.standardize_dtype(y_pred.dtype)
    delta = checked_delta(delta, dtype)
    wide = working_dtype(dtype)
    x = keras.ops.cast(y_pred, wide) - keras.ops.cast(y_true, wide)
    return keras.ops.cast(mean_of_last(pseudo_huber_of(x, delta)), dtype)


def _of_sum(
    base: Callable[[Any, Any], Any],
    shifts: tuple[float, ...],
    y_true: Any,
    y_pred: Any,
) -> Any:
    sparse = "sparse" in getattr(base, "__name__", "").lower()
    y_true, y_pred = same_rank(y_true, y_pred, sparse)
    total = ops.stablef(y_pred + shifts[0])
    for shift in shifts[1:]:
        total = total + ops.stablef(y_pred + shift)
    return base(y_true, total)
