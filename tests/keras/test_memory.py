"""What waits for the backward pass: x, and nothing else of its size."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from backends import BACKEND
from sampling import sampled

import keras_stablef as ks

FOLDER = Path(__file__).parent.parent.parent / "benchmarks"
X = np.linspace(0.1, 0.9, 1024, dtype="float32")
pytestmark = pytest.mark.skipif(
    BACKEND not in ("jax", "torch"), reason="says what it keeps"
)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Any:
    """As `make bench` counts it."""
    monkeypatch.syspath_prepend(str(FOLDER))
    speed = importlib.import_module("speed")
    return lambda f: speed.kept(BACKEND, f, X)


@pytest.mark.parametrize("name", sampled(ks.ops.__all__, 8))
def test_only_x_is_kept(name: str, kept: Any) -> None:
    assert kept(getattr(ks.ops, name)) == X.nbytes


def test_a_formula_keeps_more(kept: Any) -> None:
    """The count can fail."""
    assert kept(lambda v: keras.ops.exp(v) / v) > X.nbytes
