"""What an import of the package takes and brings, seen in a process apart."""

from __future__ import annotations

from collections.abc import Iterable

IMPORT = """
import sys, time, keras
before = set(sys.modules)
start = time.process_time()
import keras_stablef as ks
seconds = time.process_time() - start
new = {m.split(".")[0] for m in set(sys.modules) - before}
"""
HEAVY = {"sympy", "flint", "jinja2", "tensorflow", "jax", "torch"}


def check_import(seconds: float, names: Iterable[str]) -> None:
    """Under 0.2 s over keras; neither sympy nor another backend.

    Of the processor: others may be busy with something else.
    """
    assert not HEAVY & set(names)
    assert seconds < 0.2
