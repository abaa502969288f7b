"""`outside="clip"`: the value at the nearest end, and a gradient of 0."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from backends import run
from keras_stablef.generator.errors import GeneratorError

import keras_stablef as ks

INF, NAN = float("inf"), float("nan")
# Formula, domain, inputs, and the floats of float32 that stand for them.
CASES = (
    ("asin(x)/x", ("-1", "1"), (1.0000001, -1.5, INF, 0.5), (1, -1, 1, 0.5)),
    ("x-sin(x)", ("-3", "3"), (4, -INF, 3.0000002, 1), (3, -3, 3, 1)),
    ("log(1+x)/x", ("-1", "oo"), (-1.0000001, -INF, 2), (-1, -1, 2)),
    ("sqrt(x)", (0, "oo"), (-1e-30, -5, 4), (0, 0, 4)),
    ("log(x)", ("1/8", "2"), (0, -0.0, 3, 1), (0.125, 0.125, 2, 1)),
    ("exp(-x)", ("0.1", "oo"), (0, 0.1), (0.10000000149011612,) * 2),
)


def _op(formula: str, domain: Any, outside: str = "clip") -> Any:
    return ks.stabilize(formula, domain, outside=outside)


@pytest.mark.parametrize(("formula", "domain", "xs", "ends"), CASES)
@pytest.mark.parametrize("mode", ["eager", "jit"])
def test_values(
    formula: str, domain: Any, xs: Any, ends: Any, mode: str
) -> None:
    orders: tuple[int, ...] = (0, 1, 2)
    if mode == "jit" and keras.backend.backend() == "torch":
        if formula != "sqrt(x)":
            pytest.skip("torch.compile takes a minute for each")
        orders = (0, 1)
    op, plain = _op(formula, domain), _op(formula, domain, "nan")
    given = np.array([*xs, NAN], np.float32)
    held = np.array([*ends, NAN], np.float32)
    for order in orders:
        got = run(op.derivative(order), given, mode)
        want = run(plain.derivative(order), held, mode)
        if order:
            want = np.where(given == held, want, np.float32(0))
            want[-1] = NAN
        np.testing.assert_array_equal(got, want)


def test_gradient_is_that_of_a_clip() -> None:
    op = _op("sqrt(x)", (0, "oo"))
    x = np.array([-2, -1e-3, 4, NAN], np.float32)
    np.testing.assert_array_equal(_gradient(op, x), [0, 0, 0.25, NAN])


def _gradient(op: Any, x: np.ndarray) -> np.ndarray:
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            given = tf.constant(x)
            with tf.GradientTape() as tape:
                tape.watch(given)
                y = op(given)
            return np.asarray(tape.gradient(y, given))
        case "jax":
            import jax

            return np.asarray(jax.grad(lambda v: op(v).sum())(x))
        case "torch":
            import torch

            given = torch.tensor(x, requires_grad=True)
            op(given).sum().backward()
            return given.grad.numpy()  # type: ignore[union-attr]
    pytest.skip("no autodiff")


def test_narrow_formats_and_float64() -> None:
    op = _op("asin(x)/x", ("-1", "1"))
    for dtype in ("bfloat16", "float16", "float64"):
        x = keras.ops.cast(keras.ops.convert_to_tensor([1.5, 1.0]), dtype)
        y = keras.ops.cast(op(x), "float32")
        a, b = keras.ops.convert_to_numpy(y)
        assert a == b == pytest.approx(np.pi / 2, rel=0.01)


def test_saved_module(tmp_path: Path) -> None:
    op = ks.stabilize("log(1+x)/x", (-1, 3), name="held", outside="clip")
    op.save(tmp_path / "held.py", "float32")
    spec = importlib.util.spec_from_file_location("held", tmp_path / "held.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    x = keras.ops.convert_to_tensor(np.array([-2, 3.5, 1, NAN], np.float32))
    for order in (0, 1):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(module.held(x, order=order)),
            keras.ops.convert_to_numpy(op.derivative(order)(x)),
        )


def test_saved_model(tmp_path: Path) -> None:
    op = _op("asin(x)/x", ("-1", "1"))
    inputs = keras.Input((3,))
    model = keras.Model(inputs, op(inputs))
    path = tmp_path / "model.keras"
    model.save(path)
    x = np.array([[-2, 0.5, 1.5]], np.float32)
    np.testing.assert_array_equal(
        keras.models.load_model(path).predict(x, verbose=0),
        keras.ops.convert_to_numpy(op(x)),
    )
    again = ks.ops.log_cosh.from_config(op.get_config())
    assert again.function is op.function


@pytest.mark.once
def test_said() -> None:
    clipped, plain = (
        _op("asin(x)/x", ("-1", "1"), outside) for outside in ("clip", "nan")
    )
    assert clipped.function.key != plain.function.key
    assert "x clipped to (-1, 1)" in repr(clipped)
    assert "clip" not in repr(plain)
    assert "x is clipped to it" in clipped.explain("float32")
    assert clipped.certificate("float32")["plan"]["outside"] == "clip"
    assert "outside" not in plain.certificate("float32")["plan"]
    assert "outside" not in plain.get_config()
    # Of one formula one plan is derived.
    first, second = (
        f.function.plan("float32", 0).rows for f in (clipped, plain)
    )
    assert first == second


@pytest.mark.once
def test_shipped_by_name_and_decorator() -> None:
    op = ks.stabilize("log1prel", outside="clip")
    assert op.domain == ("-1", "oo")
    assert np.isposinf(keras.ops.convert_to_numpy(op(np.float32(-3))))

    @ks.stabilize(domain=(0, 1), outside="clip")
    def root(x: Any) -> Any:
        return keras.ops.sqrt(x)

    assert float(keras.ops.convert_to_numpy(root(np.float32(2)))) == 1


@pytest.mark.once
@pytest.mark.parametrize("outside", ["Clip", None, 0, ["clip"], "nan "])
def test_other_words_are_refused(outside: Any) -> None:
    with pytest.raises(GeneratorError, match="one of nan, clip"):
        ks.stabilize("exp(x)", (0, 1), outside=outside)
    config = _op("asin(x)/x", ("-1", "1")).get_config()
    with pytest.raises(ValueError, match="outside"):
        ks.ops.log_cosh.from_config({**config, "outside": outside})
