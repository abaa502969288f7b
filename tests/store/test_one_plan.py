"""One formula, one plan: what it is called is no part of the question."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from keras_stablef.generator import pipeline
from keras_stablef.generator.store import store

import keras_stablef as ks

pytestmark = pytest.mark.once

SAME = [
    ("log(1+t)/t", "other"),
    ("log(x+1)/x", "third"),
    ("log1p(u)/u", "fourth"),
]


def test_one_derivation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, ...]] = []

    def derive(spec: Any, *more: Any) -> Any:
        asked.append((spec.name, *more))
        return own(spec, *more)

    own = pipeline.derive
    monkeypatch.setenv(store.FOLDER_VARIABLE, str(tmp_path / "plans"))
    monkeypatch.setattr(pipeline, "derive", derive)
    first = ks.stabilize("log(1+x)/x", (-1, 5), name="first")
    made = len(asked)
    assert made == 2  # f and f'
    for formula, name in SAME:
        op = ks.stabilize(formula, (-1, 5), name=name)
        assert op.function.plan("float32", 0).name == name
        assert op(0.5) == first(0.5)
    assert len(asked) == made
    ks.stabilize("log(1+x)/x", (-1, 6), name="first")
    assert len(asked) == 2 * made
