"""The losses as metrics: ``compile(metrics=[ks.metrics.LogCosh()])``.

Keras averages a metric by weights that it makes from the mask of y_pred; of a
loss, which is one number by then, it cannot (a loss in ``metrics=`` raises
under a mask, or is nan).  These average the values themselves: over all
batches since `reset_state`, ``sum(weight * value) / sum(weight)``, one value
for each entry of y_pred without its last axis.  Entries of weight 0 or under
a mask are absent, whatever they hold; nan elsewhere gives nan.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras

from . import losses
from ._arguments import check_words
from ._elementwise import ElementwiseLoss
from ._ragged import is_ragged
from ._tensors import as_tensor
from ._tensors import real

__all__ = ["ContinuousBernoulli", "LogCosh", "PseudoHuber", "StableFLoss"]

# The losses have the same names.
PACKAGE = "keras_stablef.metrics"


class ElementwiseMean(keras.metrics.Mean):
    """The mean of an elementwise loss over all that was seen.

    A subclass says in `_made` which loss, of what dtype.
    """

    def __init__(self, name: str, dtype: Any = None) -> None:
        check_words(name)
        super().__init__(name=name, dtype=dtype)
        self.loss = self._made(self.dtype)
        # As Keras' own metrics of losses: EarlyStopping(mode="auto") asks.
        self._direction = "down"

    def _made(self, dtype: str) -> ElementwiseLoss:
        """The loss, with no reduction."""
        raise NotImplementedError

    def update_state(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Adds a batch.

        Args:
            y_true, y_pred: as the loss takes them; `y_pred` may be masked,
                or ragged (TensorFlow: one value for each row).
            sample_weight: one for each sample, or for each value.
        """
        if sample_weight is not None and not is_ragged(y_pred):
            sample_weight = as_tensor(sample_weight, self.dtype)
            # Keras' metrics weigh samples so, its losses would take (b,)
            # for the last axis of (b, steps).
            rank = max(keras.ops.ndim(real(y_pred)) - 1, 1)
            while 0 < len(sample_weight.shape) < rank:
                sample_weight = keras.ops.expand_dims(sample_weight, -1)
        values, weights = self.loss.entries(y_true, y_pred, sample_weight)
        # Flat, as Mean would average over all but the first axis and count
        # a batch of long sequences as one of short ones.
        values = keras.ops.reshape(values, (-1,))
        if weights is not None:
            weights = keras.ops.reshape(weights, (-1,))
        super().update_state(values, sample_weight=weights)


@keras.saving.register_keras_serializable(package=PACKAGE)
class StableFLoss(ElementwiseMean):
    """The mean of `losses.StableFLoss`, weighted, over all batches.

    The base loss between ``y_true`` and ``sum over s of f(y_pred + s)``,
    ``f(x) = 1/(1 - exp(-x)) - 1/x``; 0 before the first batch.

    Args:
        shifts, loss: as in `losses.StableFLoss`.
        name: of the metric.
        dtype: of its computations and of the result.

    Raises:
        TypeError, ValueError: as `losses.StableFLoss`.

    Example:
        >>> model.compile(loss="mse", metrics=[ks.metrics.StableFLoss()])

    Source: see `losses.StableFLoss`.
    """

    def __init__(
        self,
        shifts: Iterable[float] = losses.SHIFTS,
        loss: Any = "mean_squared_error",
        name: str = "stable_f_loss",
        dtype: Any = None,
    ) -> None:
        self._arguments = {"shifts": shifts, "loss": loss}
        super().__init__(name, dtype)

    def _made(self, dtype: str) -> ElementwiseLoss:
        return losses.StableFLoss(
            **self._arguments, reduction=None, dtype=dtype
        )

    def get_config(self) -> dict[str, Any]:
        own = self.loss.get_config()
        return {
            **super().get_config(),
            "shifts": own["shifts"],
            "loss": own["loss"],
        }


@keras.saving.register_keras_serializable(package=PACKAGE)
class ContinuousBernoulli(ElementwiseMean):
    """The mean of `losses.ContinuousBernoulli`, weighted, over all batches.

    ``log((exp(l) - 1)/l) - l*y`` of logits l and targets y in [0, 1]; 0
    before the first batch.

    Args:
        name: of the metric.
        dtype: of its computations and of the result.

    Raises:
        ValueError: shapes that do not go together.

    Example:
        >>> vae.compile("adam", metrics=[ks.metrics.ContinuousBernoulli()])

    Source: see `losses.ContinuousBernoulli`.
    """

    def __init__(
        self, name: str = "continuous_bernoulli", dtype: Any = None
    ) -> None:
        super().__init__(name, dtype)

    def _made(self, dtype: str) -> ElementwiseLoss:
        return losses.ContinuousBernoulli(reduction=None, dtype=dtype)


@keras.saving.register_keras_serializable(package=PACKAGE)
class LogCosh(ElementwiseMean):
    """The mean of `losses.LogCosh`, weighted, over all batches.

    ``log(cosh(y_pred - y_true))``; 0 before the first batch.

    Args:
        name: of the metric.
        dtype: of its computations and of the result.

    Raises:
        ValueError: shapes that do not go together.

    Example:
        >>> model.compile("adam", "mse", metrics=[ks.metrics.LogCosh()])

    Source: see `losses.LogCosh`.
    """

    def __init__(self, name: str = "log_cosh", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def _made(self, dtype: str) -> ElementwiseLoss:
        return losses.LogCosh(reduction=None, dtype=dtype)


@keras.saving.register_keras_serializable(package=PACKAGE)
class PseudoHuber(ElementwiseMean):
    """The mean of `losses.PseudoHuber`, weighted, over all batches.

    ``delta**2 (sqrt(1 + (x/delta)**2) - 1)``, x = y_pred - y_true; 0 before
    the first batch.

    Args:
        delta: as in `losses.PseudoHuber`.
        name: of the metric.
        dtype: of its computations and of the result.

    Raises:
        TypeError, ValueError: as `losses.PseudoHuber`.

    Example:
        >>> model.compile("adam", "mse", metrics=[ks.metrics.PseudoHuber(0.1)])

    Source: see `losses.PseudoHuber`.
    """

    def __init__(
        self,
        delta: float = 1.0,
        name: str = "pseudo_huber",
        dtype: Any = None,
    ) -> None:
        self.delta = delta
        super().__init__(name, dtype)

    def _made(self, dtype: str) -> ElementwiseLoss:
        return losses.PseudoHuber(self.delta, reduction=None, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "delta": self.delta}
