"""The catalogue as activations: ``Dense(8, activation=ks.activations.tanhc)``.

``keras_stablef.activations.NAME`` is ``keras_stablef.ops.NAME`` as a plain
function, registered with Keras under "keras_stablef.activations>NAME": a
saved model names it and loads without ``custom_objects``, in safe mode too.
Formula, domain and bounds are those of the op, whose module is loaded at the
first call.  Outside its domain the value is nan, so as an activation of
unbounded values take one that is defined on all reals.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from . import ops

__all__ = list(ops.__all__)

PACKAGE = "keras_stablef.activations"


def _activation(name: str) -> Callable[[Any], Any]:
    def activation(x: Any) -> Any:
        op = getattr(ops, name)
        return op(x)

    activation.__name__ = activation.__qualname__ = name
    activation.__doc__ = f"""`keras_stablef.ops.{name}` as an activation.

    Any shape; float16, bfloat16, float32, float64 and float8 are kept.
    ``keras_stablef.ops.{name}`` says formula, domain, edges and bounds.

    Example:
        >>> keras.layers.Dense(8, activation=ks.activations.{name})
    """
    register = keras.saving.register_keras_serializable(package=PACKAGE)
    return register(activation)  # type: ignore[no-any-return]


# All of them at import: `load_model` finds only what is registered.
globals().update({name: _activation(name) for name in __all__})


def __getattr__(name: str) -> Callable[[Any], Any]:
    raise AttributeError(
        f"No activation named {name!r}: expected one of {', '.join(__all__)}."
    )
