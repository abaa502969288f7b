"""Which of two bodies runs: in float32, or by way of float64.

On a CPU float64 is half as fast as float32 and saves more than half of the
operations.  Elsewhere it may be 64 times as slow, or not be there (Metal,
TPU), and what is exported to ONNX and LiteRT keeps to float32.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import keras

from .runtime.bits import sees_bits

Body = Callable[..., Any]
Find = Callable[[], Body | None]

_switch = {"on": os.environ.get("KERAS_STABLEF_FLOAT64") != "0"}


def by_float64(on: bool = True) -> None:
    """See `config`."""
    if not isinstance(on, bool):
        raise TypeError(
            f"Bad switch: expected True or False, received {type(on).__name__}."
        )
    _switch["on"] = on


def _may() -> bool:
    return _switch["on"] and sees_bits()


def either(plain: Body, find: Find) -> Body:
    """The twin on a CPU, `plain` elsewhere, and where there is no twin.

    Args:
        find: the twin of `plain`, or None; asked when it might run.
    """
    choose = _CHOICES.get(keras.backend.backend())
    return plain if choose is None else choose(plain, find)


def _jax(plain: Body, find: Find) -> Body:
    primitive = _jax_primitive()

    def run(x: Any) -> Any:
        twin = find() if _may() else None
        if twin is None:
            return plain(x)
        return primitive.bind(x, pair=(plain, twin))

    return run


@functools.cache
def _jax_primitive() -> Any:
    """One operation of programs, which becomes a body when it is lowered.

    Programs of JAX know no float64 unless everything does: so it is none of
    what is traced, transformed and differentiated, and it is lowered where
    float64 is allowed.
    """
    import jax
    from jax.extend.core import Primitive
    from jax.interpreters import batching
    from jax.interpreters import mlir

    # A name of jax itself from 0.8 on.
    allowed: Any = getattr(jax, "enable_x64", None)
    if allowed is None:
        from jax import experimental

        allowed = experimental.enable_x64

    primitive = Primitive("keras_stablef")

    def lowered(ctx: Any, x: Any, *, pair: tuple[Body, Body]) -> Any:
        if ctx.dim_var_values:
            # Of an export for several platforms, or sizes yet unknown: those
            # are 32 bits outside, and 64 where float64 is allowed.
            return kept(ctx, x, pair=pair)
        with allowed(True):
            way = mlir.lower_fun(pair[1], multiple_results=False)
            return way(ctx, x)

    def kept(ctx: Any, x: Any, *, pair: tuple[Body, Body]) -> Any:
        return mlir.lower_fun(pair[0], multiple_results=False)(ctx, x)

    @functools.cache
    def program(pair: tuple[Body, Body]) -> Any:
        return jax.jit(lambda x: primitive.bind(x, pair=pair))

    def mapped(inputs: Any, axes: Any, *, pair: tuple[Body, Body]) -> Any:
        return primitive.bind(inputs[0], pair=pair), axes[0]

    def alone(x: Any, *, pair: tuple[Body, Body]) -> Any:
        with jax.disable_jit(False):  # or it would come back here
            return program(pair)(x)

    primitive.def_impl(alone)
    primitive.def_abstract_eval(lambda x, *, pair: x.update(weak_type=False))
    batching.primitive_batchers[primitive] = mapped
    mlir.register_lowering(primitive, kept)
    mlir.register_lowering(primitive, lowered, platform="cpu")
    return primitive


def _torch(plain: Body, find: Find) -> Body:
    def run(x: Any) -> Any:
        near = x.device.type == "cpu" and _may()
        return ((find() if near else None) or plain)(x)

    return run


def _tensorflow(plain: Body, find: Find) -> Body:
    import tensorflow as tf

    def run(x: Any) -> Any:
        near = _may() and not tf.config.get_visible_devices("GPU")
        return ((find() if near else None) or plain)(x)

    return run


_CHOICES: dict[str, Callable[[Body, Find], Body]] = {
    "jax": _jax,
    "torch": _torch,
    "tensorflow": _tensorflow,
}
