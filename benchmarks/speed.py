"""What is measured: functions, and how each backend runs them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

Function = Callable[[Any], Any]
Table = dict[str, Function]
Modes = dict[str, dict[str, Callable[[], Any]]]
BACKENDS = ("jax", "tensorflow", "torch")
SCALE = 20.0  # inputs are normal with this deviation


def flagship(backend: str) -> Table:
    """stablef, and what people take instead; the first is the base."""
    from keras import ops

    import keras_stablef as ks

    def single_where(x: Any) -> Any:
        naive = 1.0 / (1.0 - ops.exp(-x)) - 1.0 / x
        return ops.where(ops.abs(x) < 0.1, 0.5 + x / 12.0, naive)

    table: Table = {
        "single where": single_where,
        "stablef": ks.ops.stablef,
        "sigmoid": ops.sigmoid,
    }
    if backend == "tensorflow":
        import tensorflow_probability as tfp

        def of_tfp(x: Any) -> Any:
            return tfp.distributions.ContinuousBernoulli(logits=x).mean()

        table["TFP"] = of_tfp
    if backend == "torch":
        import torch

        def of_torch(x: Any) -> Any:
            kind = torch.distributions.ContinuousBernoulli
            return kind(logits=x, validate_args=False).mean

        table["torch"] = of_torch
    return table


def textbook(formula: str) -> Function:
    """The formula over keras.ops."""
    import sympy
    from keras import ops
    from keras_stablef.generator.formula.parse import parse

    expr = parse(formula)
    names = ("exp", "log", "sin", "cos", "tan", "tanh", "cosh", "sinh", "sqrt")
    table = {name: getattr(ops, name) for name in names}
    table |= {"atan": ops.arctan, "Abs": ops.abs}
    made: Function = sympy.lambdify(list(expr.free_symbols), expr, [table])
    return made


def inputs(domain: tuple[str, str], size: int, dtype: str = "float32") -> Any:
    """Numbers of the domain."""
    import numpy as np

    low, high = (float(end.replace("oo", "inf")) for end in domain)
    rng = np.random.default_rng(0)
    x = rng.normal(size=size) * SCALE
    if math.isfinite(low) and math.isfinite(high):
        x = rng.uniform(low, high, size)
    elif math.isfinite(low):
        x = low + np.abs(x)
    return x.astype(dtype)


def _jax(x: Any, table: Table) -> Modes:
    import jax

    x = jax.numpy.asarray(x)

    def both(fn: Function) -> Function:
        return jax.value_and_grad(lambda v: fn(v).sum())

    def once(fn: Function) -> Callable[[], None]:
        return lambda: jax.block_until_ready(fn(x))

    return {
        "eager f": {n: once(f) for n, f in table.items()},
        "eager f+b": {n: once(both(f)) for n, f in table.items()},
        "jit f": {n: once(jax.jit(f)) for n, f in table.items()},
        "jit f+b": {n: once(jax.jit(both(f))) for n, f in table.items()},
    }


def _tensorflow(x: Any, table: Table) -> Modes:
    import tensorflow as tf

    x = tf.constant(x)

    def both(fn: Function) -> Function:
        def run(v: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(v)
                total = tf.reduce_sum(fn(v))
            return total, tape.gradient(total, v)

        return run

    def once(fn: Function) -> Callable[[], None]:
        return lambda: tf.nest.map_structure(lambda t: t.numpy, fn(x))

    def xla(fn: Function) -> Function:
        made: Function = tf.function(fn, jit_compile=True, autograph=False)
        return made

    return {
        "eager f": {n: once(f) for n, f in table.items()},
        "eager f+b": {n: once(both(f)) for n, f in table.items()},
        "XLA f": {n: once(xla(f)) for n, f in table.items()},
        "XLA f+b": {n: once(xla(both(f))) for n, f in table.items()},
    }


def _torch(x: Any, table: Table) -> Modes:
    import torch

    # Each function is one more program of the lambda below.
    torch._dynamo.config.recompile_limit = 10**6
    torch._dynamo.config.accumulated_recompile_limit = 10**6
    plain = torch.from_numpy(x)

    def both(fn: Function) -> Callable[[], None]:
        def run() -> None:
            v = plain.detach().requires_grad_(True)
            fn(v).sum().backward()

        return run

    def once(fn: Function) -> Callable[[], Any]:
        return lambda: fn(plain)

    def compiled(fn: Function) -> Function:
        # With a lambda of its own: dynamo caches by code object.
        made: Function = torch.compile(lambda v: fn(v))
        return made

    return {
        "eager f": {n: once(f) for n, f in table.items()},
        "eager f+b": {n: both(f) for n, f in table.items()},
        "compile f": {n: once(compiled(f)) for n, f in table.items()},
        "compile f+b": {n: both(compiled(f)) for n, f in table.items()},
    }


RUNNERS = {"jax": _jax, "tensorflow": _tensorflow, "torch": _torch}


def kept(backend: str, fn: Function, x: Any) -> int | None:
    """Bytes that wait for the backward pass; None where nothing tells."""
    if backend == "jax":
        import jax

        _, back = jax.vjp(fn, jax.numpy.asarray(x))
        leaves = jax.tree_util.tree_leaves(back)
        return sum(leaf.nbytes for leaf in leaves if leaf.size > 1)
    if backend == "torch":
        import torch

        seen: dict[int, int] = {}

        def pack(t: Any) -> Any:
            if t.numel() > 1:
                seen[t.data_ptr()] = t.untyped_storage().nbytes()
            return t

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            fn(torch.from_numpy(x).requires_grad_(True))
        return sum(seen.values())
    return None
