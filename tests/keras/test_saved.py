"""Saved modules of ops that ship: the module's own text, its numbers in it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from backends import run
from sampling import sampled

import keras_stablef as ks
from keras_stablef._shipped import NAMES
from keras_stablef._shipped import shipped

XS = np.concatenate([s * np.logspace(-6, 3, 40) for s in (-1, 1)])


@pytest.mark.once
@pytest.mark.parametrize("name", sampled(NAMES, 3, ["asinh"]))
def test_saved_without_a_plan(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        type(shipped(name)), "plan", lambda *_: pytest.fail("a plan")
    )
    path = tmp_path / "saved.py"
    getattr(ks.ops, name).save(path)
    spec = importlib.util.spec_from_file_location("saved", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = path.read_text(encoding="utf-8")
    assert "rows_of(" not in text and "import keras_stablef" not in text
    x = XS.astype(np.float32)
    for order in (0, 1, 2):
        np.testing.assert_array_equal(
            run(lambda t, k=order: getattr(module, name)(t, order=k), x),
            run(getattr(ks.ops, name).derivative(order), x),
        )
