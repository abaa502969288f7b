"""Modules that `op.save` wrote, compiled by inductor: all float32 inputs.

They have no kernels of ours: what becomes of pairs of floats is Triton's own,
which may fuse a product for one user and not for another (docs/limits.md).
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import keras_stablef as ks

from . import worker
from .accuracy_torch import measure

NAMES = ("stablef", "exprel", "log1prel", "two_frac")  # pairs, in three of them
MODE = "saved and compiled"


def saved(name: str, order: int, folder: Path) -> Callable[[Any], Any]:
    """The function of a module that `op.save` wrote."""
    module = f"saved_{name}"
    if not (folder / f"{module}.py").exists():
        getattr(ks.ops, name).save(folder / f"{module}.py", "float32")
        sys.path.insert(0, str(folder))
    made = getattr(importlib.import_module(module), name)
    return lambda x: made(x, order=order)


def main() -> None:
    """A row for each function and order."""
    work = worker.Work()
    orders = (0,) if work.quick else worker.ORDERS
    names = NAMES[:1] if work.quick else NAMES
    with tempfile.TemporaryDirectory() as folder:

        def compiled(name: str, order: int, mode: str) -> Callable[..., Any]:
            del mode
            module = saved(name, order, Path(folder))
            torch._dynamo.reset()
            return torch.compile(lambda x: module(x), dynamic=False)

        measure([(n, k, MODE) for k in orders for n in names], compiled, work)


if __name__ == "__main__":
    main()
