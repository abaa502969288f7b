"""A function of one tensor and its gradient, eagerly, on the backend."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

Array = np.ndarray[Any, Any]
DIFFERENTIATE = ("jax", "tensorflow", "torch")


@dataclass(frozen=True)
class Runner:
    """How a function is called.

    Attributes:
        function: from a tensor to a tensor, elementwise.
        dtype: of both.
        column: whether its argument has an axis of one number, which it
            reduces, as losses do.
    """

    function: Callable[[Any], Any]
    dtype: str
    column: bool = False

    @property
    def orders(self) -> tuple[int, ...]:
        """The value, and the gradient where the backend has one."""
        return (0, 1) if keras.backend.backend() in DIFFERENTIATE else (0,)

    def tensor(self, xs: Array) -> Any:
        """Numbers as the function takes them."""
        wide = "float64" if self.dtype == "float64" else "float32"
        shaped = xs.astype(wide)[:, None] if self.column else xs.astype(wide)
        given = keras.ops.convert_to_tensor(shaped, dtype=wide)
        return keras.ops.cast(given, self.dtype)

    def run(self, xs: Array) -> list[Array]:
        """By order, at each number."""
        x = self.tensor(xs)
        with np.errstate(all="ignore"):
            if len(self.orders) == 1:
                return [self._flat(self.function(x), xs)]
            value, (slope,) = pulled(self.function, [x])
        return [self._flat(value, xs), self._flat(slope, xs)]

    def _flat(self, y: Any, xs: Array) -> Array:
        found = as_array(y).astype(np.float64)
        return np.broadcast_to(found.reshape(-1), xs.shape).copy()


def as_array(tensor: Any) -> Array:
    """A tensor's numbers."""
    y = tensor.detach() if hasattr(tensor, "detach") else tensor
    if keras.backend.standardize_dtype(y.dtype) == "bfloat16":
        y = keras.ops.cast(y, "float32")
    return np.asarray(keras.ops.convert_to_numpy(y))


def pulled(
    function: Callable[..., Any],
    tensors: Sequence[Any],
    upstream: Any = None,
) -> tuple[Any, list[Any]]:
    """The value, and what reaches each tensor backwards.

    Args:
        upstream: what comes back to the value, by default 1 everywhere.
    """
    kind = keras.backend.backend()
    if kind == "jax":
        import jax

        value, pull = jax.vjp(function, *tensors)
        ones = keras.ops.ones_like(value) if upstream is None else upstream
        return value, list(pull(ones))
    if kind == "torch":
        import torch

        leaves = [t.detach().clone().requires_grad_() for t in tensors]
        value = function(*leaves)
        ones = torch.ones_like(value) if upstream is None else upstream
        if not value.requires_grad:
            return value, [torch.zeros_like(t) for t in leaves]
        found = torch.autograd.grad(value, leaves, ones, allow_unused=True)
        return value, [
            torch.zeros_like(t) if g is None else g
            for g, t in zip(found, leaves, strict=True)
        ]
    import tensorflow as tf

    with tf.GradientTape() as tape:
        for t in tensors:
            tape.watch(t)
        value = function(*tensors)
    found = tape.gradient(value, list(tensors), upstream)
    return value, [
        tf.zeros_like(t) if g is None else tf.convert_to_tensor(g)
        for g, t in zip(found, tensors, strict=True)
    ]
