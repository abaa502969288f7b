"""Keras layers that apply the ops."""

from __future__ import annotations

from typing import Any

import keras

from . import ops
from ._dtypes import FORMATS
from ._tensors import checked_dtype

PACKAGE = "keras_stablef"


@keras.saving.register_keras_serializable(package=PACKAGE)
class StableF(keras.layers.Layer):
    """The activation ``f(x) = 1/(1 - exp(-x)) - 1/x``, f(0) = 1/2.

    It maps the reals onto (0, 1) as the sigmoid does, but with the slow
    algebraic tails -1/x and 1 - 1/x: the mean of the continuous Bernoulli
    distribution as a function of its logit.

    Input and output have any shape, and the layer's compute dtype
    (float16, bfloat16, float32 or float64).  Edges: f(-inf) = 0,
    f(inf) = 1, f(0) = 1/2; the gradient there is 0, 0 and 1/12.  nan gives
    nan.

    Raises:
        TypeError: a compute dtype that is none of these.

    Example:
        >>> layer = ks.layers.StableF()
        >>> layer(keras.ops.array([-1e30, 0.0, 1e30]))  # 0, 0.5, 1

    Source: Loaiza-Ganem and Cunningham, *The continuous Bernoulli*,
    NeurIPS 2019, equation (8).
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        checked_dtype(self.compute_dtype, FORMATS, type(self).__name__)
        self.supports_masking = True
        self.op = ops.stablef  # loaded here and not under a compiler

    def call(self, inputs: Any) -> Any:
        return self.op(inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape
