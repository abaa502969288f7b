"""The catalogue of ops, one for each generated module.

``keras_stablef.ops.NAME`` is a `StableOp`; its module is loaded when the
name is first used.
"""

from __future__ import annotations

from ._op import StableOp
from ._op import shared_ops
from ._shipped import NAMES
from ._shipped import shipped

__all__ = NAMES.copy()


def __getattr__(name: str) -> StableOp:
    if name in __all__:
        op = shared_ops(shipped(name))[0]
        globals()[name] = op  # found without this function from now on
        return op
    raise AttributeError(
        f"No op named {name!r}: expected one of {', '.join(__all__)}."
    )


def __dir__() -> list[str]:
    return [*__all__, "StableOp"]
