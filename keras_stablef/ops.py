"""The catalogue of ops, one for each generated module.

``keras_stablef.ops.NAME`` is a `StableOp`; its module is loaded when the
name is first used.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil

from . import generated
from ._op import StableOp

__all__ = sorted(m.name for m in pkgutil.iter_modules(generated.__path__))


@functools.cache
def _load(name: str) -> StableOp:
    module = importlib.import_module(f".generated.{name}", __package__)
    return StableOp(module)  # type: ignore[arg-type]


def __getattr__(name: str) -> StableOp:
    if name in __all__:
        return _load(name)
    raise AttributeError(
        f"No op named {name!r}: expected one of {', '.join(__all__)}."
    )


def __dir__() -> list[str]:
    return [*__all__, "StableOp"]
