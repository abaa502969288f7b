"""Saved modules of ops that ship: the module's own text, its numbers in it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from backends import run
from sampling import sampled

import keras_stablef as ks
from keras_stablef._eager import fused_tensorflow
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
    module = loaded(path)
    text = path.read_text(encoding="utf-8")
    assert "rows_of(" not in text and "import keras_stablef" not in text
    x = XS.astype(np.float32)
    for order in (0, 1, 2):
        # A saved one keeps to float32.
        np.testing.assert_array_equal(
            run(lambda t, k=order: getattr(module, name)(t, order=k), x),
            run(fused_tensorflow(shipped(name).bodies["float32"][order]), x),
        )


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("saved") / "stablef.py"
    ks.ops.stablef.save(path)
    return loaded(path)


def loaded(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("saved", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ORDERS = [3, -1, True, 1.0, "1", None]


@pytest.mark.once
@pytest.mark.parametrize("order", ORDERS, ids=repr)
def test_orders_that_are_not_there(saved: Any, order: Any) -> None:
    with pytest.raises(ValueError, match=r"expected an order of 0 to 2, rec"):
        saved.stablef(np.float32(1), order=order)


def test_a_graph_of_keras_tensors(saved: Any, tmp_path: Path) -> None:
    """Twice in one model, which is saved and loaded where the module is."""
    inputs = keras.Input((3,))
    outputs = saved.stablef(saved.stablef(inputs), order=1)
    model = keras.Model(inputs, outputs)
    x = np.array([[-1.0, 0.0, 2.0]], "float32")
    op = ks.ops.stablef
    want = keras.ops.convert_to_numpy(op.derivative()(op(x)))
    np.testing.assert_allclose(model.predict(x, verbose=0), want, rtol=1e-6)
    model.save(tmp_path / "a.keras")
    again = keras.models.load_model(tmp_path / "a.keras")
    np.testing.assert_array_equal(
        again.predict(x, verbose=0), model.predict(x, verbose=0)
    )
    for dtype in ("int32", "complex64"):
        with pytest.raises(TypeError, match=r"expected a dtype of float16"):
            saved.stablef(keras.KerasTensor((2,), dtype))


def test_dtypes_are_kept(saved: Any) -> None:
    for dtype in ("float16", "float32"):
        y = saved.stablef(np.ones(2, dtype))
        assert keras.backend.standardize_dtype(y.dtype) == dtype
    for whole in ([1, 2], np.array([1, 2]), 3):
        y = saved.stablef(whole)
        assert keras.backend.standardize_dtype(y.dtype) == "float32"
    for unreal in (1j, np.ones(2) + 0j):
        with pytest.raises(TypeError, match="expected real numbers, rec"):
            saved.stablef(unreal)


# An op, and the line that its file says made it.
MADE = [
    (lambda: ks.ops.stablef, "ks.ops.stablef.save('stablef.py')"),
    (
        lambda: ks.stabilize("2*x+1", (-1, 3), name="line").derivative(),
        "ks.stabilize('2*x+1', ('-1', '3'), name='line').derivative()"
        ".save('line_d1.py')",
    ),
]


@pytest.mark.once
@pytest.mark.parametrize(("op", "line"), MADE)
def test_a_file_says_how_it_was_made(
    op: Any, line: str, tmp_path: Path
) -> None:
    op().save(tmp_path / "a.py", "float32")
    text = (tmp_path / "a.py").read_text(encoding="utf-8")
    head = text.split('"""')[0].replace("\n# ", " ")
    assert line in head and "make generate" not in text
