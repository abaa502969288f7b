"""Which of two bodies runs: in float32, or by way of float64.

On a CPU float64 is half as fast as float32 and saves more than half of the
operations.  Elsewhere it may be 64 times as slow, or not be there (Metal,
TPU), and what is exported keeps to float32.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import keras

from .runtime.bits import sees_bits

Body = Callable[..., Any]

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


def either(plain: Body, wide: Body | None) -> Body:
    """`wide` on a CPU, `plain` elsewhere, and where there is no `wide`."""
    if wide is None:
        return plain
    choose = _CHOICES.get(keras.backend.backend())
    return plain if choose is None else choose(plain, wide)


def _jax(plain: Body, wide: Body) -> Body:
    primitive = _jax_primitive()
    pair = plain, wide

    def run(x: Any) -> Any:
        return primitive.bind(x, pair=pair) if _may() else plain(x)

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

    primitive.def_impl(lambda x, *, pair: program(pair)(x))
    primitive.def_abstract_eval(lambda x, *, pair: x.update(weak_type=False))
    batching.primitive_batchers[primitive] = mapped
    mlir.register_lowering(primitive, kept)
    mlir.register_lowering(primitive, lowered, platform="cpu")
    return primitive


def _torch(plain: Body, wide: Body) -> Body:
    def run(x: Any) -> Any:
        near = x.device.type == "cpu" and _may()
        return (wide if near else plain)(x)

    return run


def _tensorflow(plain: Body, wide: Body) -> Body:
    import tensorflow as tf

    def run(x: Any) -> Any:
        near = _may() and not tf.config.get_visible_devices("GPU")
        return (wide if near else plain)(x)

    return run


_CHOICES: dict[str, Callable[[Body, Body], Body]] = {
    "jax": _jax,
    "torch": _torch,
    "tensorflow": _tensorflow,
}
