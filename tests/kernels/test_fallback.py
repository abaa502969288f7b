"""Where kernels run, and what happens where they cannot."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from typing import Any

import keras
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import keras_stablef as ks
from keras_stablef import _triton
from keras_stablef._shipped import shipped

OP = ks.ops.exprel
X = torch.linspace(-3, 3, 50)


@pytest.fixture(autouse=True)
def afresh() -> Iterator[None]:
    """Nothing is known of Triton yet, and nothing after."""
    missing = _triton._missing

    def forget() -> None:
        missing.cache_clear()
        _triton._warned.clear()
        _triton._failed.clear()

    forget()
    _triton.on_cpu(True)
    with keras.device("cpu"):  # where X is, on a machine with a GPU, too
        yield
    _triton.on_cpu(False)
    forget()


def test_without_triton_a_warning_says_so_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [n for n in sys.modules if "runtime_triton" in n]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "triton", None)
    with pytest.warns(RuntimeWarning, match="Triton cannot be used: .*triton"):
        y = OP(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(OP(X), y)
        # A program that was exported where there is Triton runs all the same.
        again = _triton.operation()(X, "exprel", "float32", 0)
    assert torch.equal(again, shipped("exprel").bodies["float32"][0](X))
    # On a CPU the op may take the way by float64.
    assert torch.allclose(y, again, rtol=2.0**-21, atol=0)


def test_a_kernel_that_fails_is_tried_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []

    def failing(*which: Any) -> Any:
        calls.append(which)
        raise RuntimeError("no such architecture")

    monkeypatch.setattr(_triton, "_missing", lambda: None)
    monkeypatch.setattr(_triton, "launch", failing)
    narrow = X.to(torch.bfloat16)
    with pytest.warns(RuntimeWarning, match="A kernel .* no such architecture"):
        y, other = OP(X), OP(narrow)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(OP(X), y)
        assert torch.equal(OP(narrow), other)
    assert len(calls) == 1  # both are computed in float32
    _triton.on_cpu(False)
    # On a CPU the op may take the way by float64.
    assert torch.allclose(OP(X), y, rtol=2.0**-21, atol=0)
    assert torch.equal(OP(narrow), other)


def test_memory_that_is_out_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def failing(*which: Any) -> Any:
        raise torch.OutOfMemoryError("of 3 GiB")

    monkeypatch.setattr(_triton, "_missing", lambda: None)
    monkeypatch.setattr(_triton, "launch", failing)
    with pytest.raises(torch.OutOfMemoryError):
        OP(X)


def test_names_in_graphs_are_data() -> None:
    for name in ("os", "..exprel", "exprel.json", "", "f" * 10**4):
        with pytest.raises(ValueError, match="No such function") as error:
            _triton._function(name)
        assert len(str(error.value)) < 600


def test_formats_that_have_kernels() -> None:
    function = shipped("exprel")
    able = {n for n in function.compute if _triton.kernels_of(function, n)}
    assert able == {"float16", "bfloat16", "float32", "float64"}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_tensors_on_cuda_have_kernels(
    dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default; seen of fakes, which need no GPU."""
    _triton.on_cpu(False)
    asked = []

    def operation(x: Any, *which: Any) -> Any:
        asked.append(which)
        return torch.empty_like(x)

    monkeypatch.setattr(_triton, "_missing", lambda: None)
    monkeypatch.setattr(_triton, "operation", lambda: operation)
    with FakeTensorMode():
        x = torch.empty(3, 4, dtype=getattr(torch, dtype), device="cuda")
        y = OP.derivative()(x)
        assert y.dtype == x.dtype and y.device == x.device
        OP(torch.empty(3, 4, dtype=x.dtype))
    wide = "float64" if dtype == "float64" else "float32"
    assert asked == [("exprel", wide, 1)]


def test_other_tensors_have_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a class that torch does not make its own, and for ONNX."""

    class Own(torch.Tensor):
        pass

    monkeypatch.setattr(_triton, "_missing", lambda: None)
    (first, *_) = _triton.kernels_of(shipped("exprel"), "float32") or ()
    assert first(X.as_subclass(Own)) is None
    assert first(X.to(torch.float64)) is None
    monkeypatch.setattr(torch.onnx, "is_in_onnx_export", lambda: True)
    assert first(X) is None
