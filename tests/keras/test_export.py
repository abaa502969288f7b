"""Exported models: TensorFlow's, ONNX, LiteRT and torch's formats."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from backends import BACKEND
from backends import array
from backends import tensor
from oracle import exact
from oracle import ulp_error
from sampling import sampled

import keras_stablef as ks

NAMES = ("stablef", "exprel", "log1mexp")
X = np.array([-1e30, -88.8, -1e-3, 0.0, 1e-9, 0.5, 3.0, 60.0, 1e4], "float32")[
    :, None
]


def model_of(name: str) -> keras.Model:
    inputs = keras.Input((1,), name="x")
    return keras.Model(inputs, getattr(ks.ops, name)(inputs))


def check(name: str, got: np.ndarray) -> None:
    """Within the bound of the op, in its domain."""
    op = getattr(ks.ops, name)
    bound = op.error_bound("float32")
    assert bound <= 2
    for x, y in zip(X.ravel().tolist(), got.ravel().tolist(), strict=True):
        low, high = (float(e.replace("oo", "inf")) for e in op.domain)
        if low < x < high:
            if np.isinf(y):
                assert float(exact(name, 0, x).mid()) > 3.4e38
            else:
                assert ulp_error(y, exact(name, 0, x), "float32") <= bound


RELOAD = """
import sys
import numpy as np, tensorflow as tf
artifact = tf.saved_model.load(sys.argv[1])
x = np.linspace(-90, 3, 64, dtype="float32")[:, None]
losses = []
for _ in range(20):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((artifact.serve(x) - 0.75) ** 2)
    variables = artifact.trainable_variables
    slopes = tape.gradient(loss, variables)
    assert all(np.isfinite(g).all() for g in slopes)
    for v, g in zip(variables, slopes):
        v.assign_sub(0.05 * g)
    losses.append(float(loss))
assert losses[-1] < losses[0], losses
assert "keras_stablef" not in sys.modules
print(repr(artifact.serve(np.zeros((1, 1), "float32")).numpy().ravel()[0]))
"""


# In a process apart, which takes seconds to import TensorFlow: of what JAX
# exports in this one, where it has been imported, and without the package.
APART = [
    pytest.param(
        apart,
        marks=() if apart == (BACKEND == "tensorflow") else pytest.mark.slow,
    )
    for apart in (True, False)
]


@pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax"), reason="Keras exports from these"
)
@pytest.mark.parametrize("apart", APART)
def test_saved_model_is_trained_in_plain_tensorflow(
    apart: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = keras.Sequential(
        [
            keras.Input((1,)),
            keras.layers.Dense(
                1, kernel_initializer="ones", activation=ks.activations.stablef
            ),
        ]
    )
    model.export(tmp_path / "served", format="tf_saved_model", verbose=False)
    if not apart:
        for name in [n for n in sys.modules if n.startswith("keras_stablef")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setattr(sys, "argv", ["", str(tmp_path / "served")])
        script = tmp_path / "reload.py"
        script.write_text(RELOAD, encoding="utf-8")
        runpy.run_path(str(script))
        return
    done = subprocess.run(
        [sys.executable, "-c", RELOAD, str(tmp_path / "served")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"),
    reason="Keras exports from these",
)
@pytest.mark.parametrize("name", sampled(ks.ops.__all__, 3, NAMES[:1]))
def test_onnx(name: str, tmp_path: Path) -> None:
    """Also of a model that was used: what was traced then sees bits."""
    runtime = pytest.importorskip("onnxruntime")
    path = str(tmp_path / "model.onnx")
    model = model_of(name)
    check(name, model.predict(X, verbose=0))
    model.export(
        path, format="onnx", verbose=False,
        input_signature=[keras.InputSpec(shape=X.shape, dtype="float32")],
    )  # fmt: skip
    session = runtime.InferenceSession(path)
    (got,) = session.run(None, {session.get_inputs()[0].name: X})
    check(name, got)


@pytest.mark.skipif(
    BACKEND != "tensorflow", reason="from torch Keras needs litert-torch"
)
@pytest.mark.parametrize("name", NAMES)
def test_litert(name: str, tmp_path: Path) -> None:
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    path = str(tmp_path / "model.tflite")
    model_of(name).export(path, format="litert", verbose=False)
    interpreter = litert.Interpreter(path)
    entry = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(entry, X.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(entry, X)
    interpreter.invoke()
    out = interpreter.get_output_details()[0]["index"]
    got = interpreter.get_tensor(out)
    # LiteRT's converter makes the largest number of a constant inf.
    got = np.where(got == np.finfo("float32").max, np.float32(np.inf), got)
    check(name, got)


@pytest.mark.skipif(BACKEND != "torch", reason="torch's own format")
@pytest.mark.parametrize("name", NAMES)
def test_torch_export(name: str, tmp_path: Path) -> None:
    import torch

    x = tensor(X)
    program = torch.export.export(model_of(name), (x,))
    torch.export.save(program, tmp_path / "model.pt2")
    again = torch.export.load(tmp_path / "model.pt2")
    check(name, array(again.module()(x).detach()))
