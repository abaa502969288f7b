"""Which of two bodies runs: in float32, or by way of float64.

On a CPU float64 is half as fast as float32 and saves more than half of the
operations.  Elsewhere it may be 64 times as slow, or not be there (Metal,
TPU), and what is exported keeps to float32.
"""

from __future__ import annotations

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
    import jax

    # A name of jax itself from 0.8 on.
    home: Any = jax
    if not hasattr(jax, "enable_x64"):
        from jax import experimental as home

    enable = home.enable_x64

    def in_float64(x: Any) -> Any:
        # Programs know no float64 but where they are told to.
        with enable(True):
            return wide(x)

    def run(x: Any) -> Any:
        if not _may():
            return plain(x)
        if jax.default_backend() == "cpu":
            return in_float64(x)
        return jax.lax.platform_dependent(x, cpu=in_float64, default=plain)

    return run


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
