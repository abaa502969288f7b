"""One op on the backend of this process: value, gradient, textbook.

The backend is that of `KERAS_BACKEND`.  Ops are compiled by it; by
torch.compile only where a plan has few pieces, since inductor takes minutes
for hundreds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy

from ..formula.spec import Spec
from .floats import Array
from .floats import FloatOrder

# Inductor took 14 s for 7 pieces of degree 9 and their derivative, 4 minutes
# for 89, on one core of two.
MOST_PIECES = 8

Function = Callable[[Any], Any]


def versions(backend: str) -> str:
    """The backend and its version, with the device's name on a GPU."""
    import importlib.metadata

    text = f"{backend} {importlib.metadata.version(backend)}"
    return text + (f", {device_name(backend)}" if device_name(backend) else "")


def device_name(backend: str) -> str:
    """The GPU that `backend` sees; empty without one."""
    if backend == "torch":
        import torch

        return torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    if backend == "jax":
        import jax

        try:
            found = jax.devices("gpu")
        except RuntimeError:
            return ""
        return str(found[0].device_kind)
    return ""


class Evaluator:
    """f^(order) as shipped, its gradient, and the textbook formula.

    Args:
        op: the shipped op of f.
        spec: of f, for the textbook formula.
        order: of the derivative.
        floats: of the format.
        pieces: of the plan and of the next derivative's.
        gpu: whether the device is one.
        batch: inputs of one call; fewer are filled up, so that nothing is
            compiled twice.
    """

    def __init__(
        self,
        op: Any,
        spec: Spec,
        order: int,
        floats: FloatOrder,
        pieces: tuple[int, int],
        gpu: bool,
        batch: int,
    ) -> None:
        import keras

        self.backend = keras.backend.backend()
        self.floats, self.gpu, self.batch = floats, gpu, batch
        derived = op.derivative(order)
        textbook = textbook_formula(spec)
        for _ in range(order):
            textbook = self._reverse(textbook)
        few = [count <= MOST_PIECES for count in pieces]
        self.value, self.mode = self._compiled(derived, few[0])
        self.gradient: Function | None = None
        # TensorFlow differentiates no float8 tensor.
        if self.backend != "tensorflow" or floats.bits > 8:
            self.gradient, _ = self._compiled(self._reverse(derived), few[1])
        self.textbook, _ = self._compiled(textbook, False)

    def __call__(self, function: Function, x: Array) -> Array:
        """The results of a function as float64, for at most `batch` inputs."""
        filled = np.full(self.batch, x[0], x.dtype)
        filled[: len(x)] = x
        y = self._numpy(function(self._tensor(filled)))
        return np.asarray(y, np.float64)[: len(x)]

    def textbook_results(self, x: Array) -> Array | None:
        """None where the backend has no such function for the dtype."""
        try:
            return self(self.textbook, x)
        except Exception as error:
            # Each backend has a class of its own for that; float8 only.
            if self.floats.bits > 8:
                raise error
            return None

    def _tensor(self, x: Array) -> Any:
        import keras

        if self.backend != "torch":
            return keras.ops.convert_to_tensor(x, dtype=str(x.dtype))
        import torch

        # torch.from_numpy knows no ml_dtypes: by the bits.
        bits = torch.from_numpy(x.view(f"i{x.dtype.itemsize}"))
        tensor = bits.view(getattr(torch, self.floats.fmt.storage))
        return tensor.cuda() if self.gpu else tensor

    def _numpy(self, y: Any) -> Array:
        if self.backend != "torch":
            return np.asarray(y)
        import torch

        whole = getattr(torch, f"int{self.floats.bits}")
        bits = y.detach().contiguous().view(whole).cpu().numpy()
        return np.asarray(bits.view(self.floats.scalar))

    def _compiled(self, function: Function, few: bool) -> tuple[Function, str]:
        if self.backend == "jax":
            import jax

            return jax.jit(function), "jit"
        if self.backend == "tensorflow":
            import tensorflow as tf

            return tf.function(function, jit_compile=True), "jit"
        import torch

        if not few or self.floats.bits < 32:
            return function, "eager"
        torch._dynamo.reset()  # or it soon refuses to compile once more
        return torch.compile(function, fullgraph=True), "inductor"

    def _reverse(self, function: Function) -> Function:
        """x -> the gradient of the sum of function(x)."""
        import keras

        if self.floats.bits == 8:  # torch adds no float8
            narrow = function

            def function(x: Any) -> Any:
                return keras.ops.cast(narrow(x), "float32")

        if self.backend == "jax":
            import jax

            return jax.grad(lambda x: function(x).sum())
        if self.backend == "tensorflow":
            import tensorflow as tf

            def by_tape(x: Any) -> Any:
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    y = function(x)
                return tape.gradient(y, x)

            return by_tape
        import torch

        return lambda x: torch.func.grad(lambda z: function(z).sum())(x)


def textbook_formula(spec: Spec) -> Function:
    """The formula as one would type it over keras.ops."""
    from keras import ops

    names = ("exp", "log", "sin", "cos", "tan", "tanh", "cosh", "sinh", "sqrt")
    table = {name: getattr(ops, name) for name in names}
    table |= {f"a{name}": getattr(ops, f"arc{name}") for name in names[2:5]}
    table |= {"Abs": ops.abs, "erf": ops.erf, "pi": math.pi, "E": math.e}
    made: Function = sympy.lambdify([spec.variable], spec.expr, [table])
    return made
