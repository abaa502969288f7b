"""Numerically stable Keras 3 ops, derived and bounded from a formula.

    import keras_stablef as ks

    ks.ops.stablef(x)                  # any backend, any float dtype
    ks.ops.stablef.derivative()(x)     # f', with a bound of its own
    ks.losses.LogCosh()                # Keras losses
    ks.metrics.LogCosh()               # the same as Keras metrics
    ks.layers.StableF()                # a Keras layer
    ks.activations.tanhc               # the ops as Dense(activation=...)
    ks.distributions.ContinuousBernoulli(logits)
    ks.recipes.box_cox(x, lmbda)       # functions of several tensors
    ks.stabilize("log(1+x)/x", (-1, "oo"))  # an op from your own formula
    ks.diagnose(loss)                  # why a loss is nan, and what cures it
    ks.config.compile_torch()          # eager torch compiles what it runs
    ks.clear_cache()                   # the plans that are kept on disk
    ks.verify()                        # whether the bounds hold on this machine

The generator (``keras_stablef.generator``, which needs sympy) is loaded when
`stabilize` is first called, a function of the catalogue when it is first
used.
"""

from __future__ import annotations

import importlib
from types import ModuleType

__version__ = "0.1.0"
__all__ = [
    "activations",
    "clear_cache",
    "config",
    "diagnose",
    "distributions",
    "layers",
    "losses",
    "metrics",
    "ops",
    "recipes",
    "stabilize",
    "verify",
]

# `load_model` looks classes up by their registered name, so a process that
# only imports keras_stablef has to have them registered: the modules are
# small and import keras alone.
from . import activations
from . import config
from . import distributions
from . import layers
from . import losses
from . import metrics
from . import ops
from . import recipes
from ._cache import clear_cache
from ._stabilize import stabilize
from .diagnosis import diagnose
from .verification import verify


def __getattr__(name: str) -> ModuleType:
    if name == "generator":
        return importlib.import_module(f"{__name__}.generator")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
