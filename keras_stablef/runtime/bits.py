"""Floats seen as integers, where a program can do that."""

from __future__ import annotations

from sys import _getframe
from typing import Any

from keras import ops
from keras.config import backend

# Of each dtype the integers of its width, bits behind the exponent, bias.
BITS = {"float32": ("int32", 23, 127), "float64": ("int64", 52, 1023)}


def sees_bits() -> bool:
    """Whether what is run, or traced, may look at the bits of a float.

    ONNX has BitCast from opset 26 on, and no converter uses it; LiteRT has no
    bitwise and.  One of them is at work where torch says so, or Keras with its
    export is among the callers.  All else has both, but for numpy, where Keras
    (3.15) makes int32 of int64.
    """
    if backend() == "numpy":
        return False
    if backend() == "openvino":  # it has none
        return False
    if backend() == "torch":
        import torch

        return not torch.onnx.is_in_onnx_export()
    frame = _getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        home = str(frame.f_globals.get("__name__"))
        if home.startswith("keras.") and home.endswith((".onnx", ".litert")):
            return False
    return True


def bits_of(t: Any, dtype: str) -> Any:
    """The bits of t as an integer, without a derivative.  Error: none."""
    return reinterpret(ops.stop_gradient(t), BITS[dtype][0])


def reinterpret(t: Any, dtype: str) -> Any:
    """The bits of t as a number of a dtype of the same width.  Error: none.

    On TensorFlow not by Keras (3.15), which asks for the size of the last
    axis, and a graph may not know it.
    """
    if backend() == "tensorflow":
        import tensorflow as tf

        return tf.bitcast(t, dtype)
    return ops.view(t, dtype)
