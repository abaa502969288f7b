"""One way to run, compile and differentiate on the backend at hand."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

Array = np.ndarray
BACKEND = keras.backend.backend()
# Where one mode is enough: JAX compiles each operation by itself in eager
# mode, which takes five times what it takes for all of them together.
SOONEST = "jit" if BACKEND == "jax" else "eager"


def tensor(x: Array):  # type: ignore[no-untyped-def]
    """A tensor of x's own dtype (torch's would become float32)."""
    return keras.ops.convert_to_tensor(x, dtype=str(x.dtype))


def run(fn: Callable, x: Array, mode: str = "eager") -> Array:
    """fn(x) as an array; mode "eager" or "jit" (XLA, jax.jit, inductor)."""
    result = compiled(fn, mode)(tensor(x))
    if str(result.dtype).endswith("bfloat16"):
        result = keras.ops.cast(result, "float32")
    return np.asarray(keras.ops.convert_to_numpy(result))


def array(x: object) -> Array:
    """Its values, from whatever device it is on."""
    return np.asarray(keras.ops.convert_to_numpy(x))


def compiled(fn: Callable, mode: str) -> Callable:
    """`fn` itself or compiled by the backend."""
    if mode == "eager":
        return fn
    if BACKEND == "jax":
        import jax

        return jax.jit(fn)
    if BACKEND == "tensorflow":
        import tensorflow as tf

        return tf.function(fn, jit_compile=True)
    if BACKEND == "torch":
        import torch

        torch._dynamo.reset()  # or it soon refuses to compile once more
        return torch.compile(fn, fullgraph=True)
    raise ValueError(f"No compiler for {BACKEND}.")


def reverse(fn: Callable) -> Callable:
    """x -> d fn / dx, elementwise, by the backend's reverse mode."""
    if BACKEND == "jax":
        import jax

        return jax.grad(lambda x: keras.ops.sum(fn(x)))
    if BACKEND == "tensorflow":
        import tensorflow as tf

        def by_tape(x):  # type: ignore[no-untyped-def]
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = fn(x)
            return tape.gradient(y, x)

        return by_tape
    import torch

    # torch.func nests and compiles; torch.autograd.grad does not compile.
    return lambda x: torch.func.grad(lambda z: fn(z).sum())(x)


def forward(fn: Callable) -> Callable:
    """x -> d fn / dx, elementwise, by the backend's forward mode."""
    if BACKEND == "jax":
        import jax

        return lambda x: jax.jvp(fn, (x,), (keras.ops.ones_like(x),))[1]
    if BACKEND == "tensorflow":
        import tensorflow as tf

        def by_accumulator(x):  # type: ignore[no-untyped-def]
            with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as acc:
                y = fn(x)
            return acc.jvp(y)

        return by_accumulator
    import torch

    return lambda x: torch.func.jvp(fn, (x,), (torch.ones_like(x),))[1]
