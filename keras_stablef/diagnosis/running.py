"""A function of one tensor and its gradient, eagerly, on the backend."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from .._derived import refusal

Array = np.ndarray[Any, Any]
EXPECTED = (
    "expected a function that takes a tensor and gives one of its shape, of "
    "floats, on the active backend"
)
PROBES = np.array([0.375, 1.625, -2.75])
LONGEST = 200  # characters of what others say


class _UnfitError(Exception):
    """What a function gave is no such tensor; says so."""


def _reason(error: BaseException) -> str:
    """What a foreign error says, on one line and not at length."""
    try:
        said = " ".join(str(error).split())
    except Exception:  # of a foreign __str__
        said = ""
    said = said[:LONGEST] + ("..." if len(said) > LONGEST else "")
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


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
        """By order, at each number.

        Raises:
            GeneratorError: the function fails, or gives no such numbers.
        """
        x = self.tensor(xs)
        with np.errstate(all="ignore"):
            try:
                if len(self.orders) == 1:
                    return [self._flat(self._called(x), xs)]
                value, (slope,) = pulled(self._called, [x])
            except (Exception, SystemExit) as error:  # whatever it raises
                if isinstance(error, _UnfitError):
                    raise refusal(str(error)) from None
                raise refusal(
                    f"Cannot diagnose {self.name}: {EXPECTED}, received "
                    f"{_reason(error)}"
                ) from error
        return [self._flat(value, xs), self._flat(slope, xs)]

    @property
    def name(self) -> str:
        found = getattr(self.function, "__name__", None)
        return found if isinstance(found, str) else "this"

    def _called(self, x: Any) -> Any:
        """What the function makes of a tensor, if that is one like it."""
        y = self.function(x)
        if keras.ops.is_tensor(y):
            kind = keras.backend.standardize_dtype(y.dtype)
            shape, own = tuple(y.shape), tuple(x.shape)
            fits = shape in (own, own[:1], (*own, 1))
            if fits and keras.backend.is_float_dtype(kind):
                return y
            received = f"one of shape {shape} of {own} and dtype {kind}"
        else:
            received = f"a {type(y).__name__}"
        raise _UnfitError(
            f"Cannot diagnose {self.name}: {EXPECTED}, received {received}."
        )

    def refuse_others(self) -> None:
        """Raises for a function that is not elementwise, or not one.

        Raises:
            GeneratorError: a number alone gives another result than among
                others.
        """
        together = self.run(PROBES)[0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on a softmax of one number
            alone = np.array(
                [self.run(PROBES[k : k + 1])[0][0] for k in range(3)]
            )
        near = np.isclose(together, alone, rtol=1e-2, atol=0, equal_nan=True)
        if not near.all():
            k = int(np.argmin(near))
            raise refusal(
                f"Cannot diagnose {self.name}: expected a function that "
                f"computes each number by itself, received {alone[k]:.6g} "
                f"of {PROBES[k]} alone and {together[k]:.6g} of it beside "
                "others."
            )

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
