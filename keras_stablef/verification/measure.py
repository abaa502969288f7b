"""Run elementary functions on the backend at hand, and judge the results.

What `verify` and the calibration (``keras_stablef.generator.calibration``)
share.  Needs keras and numpy only.

An exact value is given as two floats, ``high`` (it rounded to the dtype) and
``low`` (the rest, a float64), so that an error is ``(got - high) - low``
without cancellation.
"""

from __future__ import annotations

import operator
import platform
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import keras
import numpy as np

from .._dtypes import FORMATS
from .._dtypes import Array
from .._dtypes import largest
from .._dtypes import scalar
from ..runtime.division import quotient
from ..runtime.division import square_root

# How a function may be run.  TensorFlow's graph optimizer rewrites where XLA
# does not; single functions are the same kernels in "graph" as in "eager".
MODES = {
    "jax": ("eager", "jit"),
    "tensorflow": ("eager", "graph", "jit"),
    "torch": ("eager", "jit"),
}
# What rendered bodies call and bounds rest on, by the name in the tables.
# `keras.ops.floor` and casts to int32 are called too, but for whole numbers
# that are exact, or for guesses (of a row, of an exponent) where the next
# one does as well.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": lambda x: keras.ops.exp(x),
    "log": lambda x: keras.ops.log(x),
    # What modules call: on torch it is another one, on a GPU a corrected one.
    "sqrt": lambda x: square_root(x, keras.backend.standardize_dtype(x.dtype)),
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": lambda a, b: _quotient(a, b),
}
EXACT = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
}
ARITHMETIC = tuple(EXACT)  # of two arguments
CORRECT = 0.5  # ulp: the error of correct rounding
# Of what is corrected on a GPU (runtime/division.py) it may be this more, and
# bounds count it everywhere.
CORRECTED = {("sqrt", "float32"): 2.0**-18, ("divide", "float32"): 2.0**-18}


@dataclass(frozen=True)
class Exact:
    """Exact values as ``high + low``; see the module."""

    high: Array
    low: Array


def _quotient(a: Any, b: Any) -> Any:
    """As modules divide, which have no quotients of narrower formats."""
    dtype = keras.backend.standardize_dtype(a.dtype)
    return quotient(a, b, dtype) if dtype in ("float32", "float64") else a / b


def device(kind: str) -> AbstractContextManager[Any]:
    """The backend's device "cpu" or "gpu", for the length of a `with`."""
    scope: AbstractContextManager[Any] = keras.device(f"{kind}:0")
    return scope


def default_device() -> str:
    """The name of the device that the backend puts tensors on."""
    backend = keras.backend.backend()
    if backend == "torch":
        return str(keras.ops.zeros(1).device.type)
    if backend == "jax":
        import jax

        return str(jax.devices()[0].platform)
    if backend == "tensorflow":
        import tensorflow as tf

        return "gpu" if tf.config.list_physical_devices("GPU") else "cpu"
    return "cpu"


def device_name(kind: str) -> str:
    """What the device calls itself: its model, or a CPU's instructions."""
    backend = keras.backend.backend()
    if kind != "cpu":
        if backend == "torch":
            import torch

            return str(torch.cuda.get_device_name(0))
        if backend == "jax":
            import jax

            return str(jax.devices()[0].device_kind)
        import tensorflow as tf

        gpu = tf.config.list_physical_devices("GPU")[0]
        details = tf.config.experimental.get_device_details(gpu)
        return str(details.get("device_name", "gpu"))
    found = np.show_config("dicts")["SIMD Extensions"].get("found", [])
    return " ".join([platform.machine(), *found])


def versions() -> dict[str, str]:
    """Of keras and the backend, as installed."""
    backend = keras.backend.backend()
    return {name: version(name) for name in ("keras", backend)}


def compiled(function: Callable[..., Any], mode: str) -> Callable[..., Any]:
    """`function` as it is, as a graph, or compiled by the backend."""
    if mode == "eager":
        return function
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        made: Callable[..., Any] = jax.jit(function)
    elif backend == "tensorflow":
        import tensorflow as tf

        made = tf.function(function, jit_compile=mode == "jit")
    else:
        import torch

        torch._dynamo.reset()  # or it soon refuses to compile once more
        made = torch.compile(function, fullgraph=True)
    return made


def tensors(*arrays: Array) -> list[Any]:
    """Tensors of the arrays' own dtypes (torch's would become float32)."""
    return [keras.ops.convert_to_tensor(x, dtype=str(x.dtype)) for x in arrays]


def array(tensor: Any) -> Array:
    """The tensor's values, in its own dtype."""
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    if dtype == "bfloat16":  # torch has no NumPy arrays of it
        tensor = keras.ops.cast(tensor, "float32")
        return np.asarray(keras.ops.convert_to_numpy(tensor)).astype(
            scalar(dtype)
        )
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def errors(got: Array, exact: Exact, dtype: str) -> tuple[Array, Array]:
    """Errors in ulp of the exact value, and where that underflows.

    Returns:
        In ulp where the exact value is normal, else 0; absolute and in
        units of the smallest normal number where it is not, else 0.  What
        is beyond the format's range counts as right.
    """
    precision, emin = FORMATS[dtype]
    high, value = exact.high.astype(np.float64), got.astype(np.float64)
    with np.errstate(all="ignore"):
        difference = np.abs((value - high) - exact.low)
        difference[np.isnan(difference)] = np.inf
        difference[value == high] = np.abs(exact.low)[value == high]
    fraction, exponent = np.frexp(np.abs(high))
    # `high` may have been rounded up to a power of two.
    inside = np.sign(exact.low) * np.sign(high)
    exponent = exponent - 1 - ((fraction == 0.5) & (inside < 0))
    last = np.abs(high) == largest(dtype)
    reachable = np.isfinite(high) & ~(last & (inside > 0))
    normal = (exponent >= emin) & (high != 0)
    unit = np.ldexp(1.0, np.maximum(exponent, emin) - precision + 1)
    ulp = np.where(reachable & normal, difference / unit, 0.0)
    with np.errstate(over="ignore"):
        tiny = np.where(normal, 0.0, np.ldexp(difference, -emin))
    return ulp, tiny


def arithmetic(name: str, a: Array, b: Array, dtype: str) -> Exact:
    """What + - * / round to.

    NumPy's own float64 is the processor's, which is IEEE 754's; a narrower
    result is the float64 one rounded again, which is the same as rounding
    once since 53 >= 2 * 24 + 2 (Figueroa, When is double rounding innocuous?,
    1995).  So equal to `high` means correctly rounded.
    """
    with np.errstate(all="ignore"):
        value = EXACT[name](a.astype(np.float64), b.astype(np.float64))
        return rounded(value, dtype)


def rounded(value: Array, dtype: str) -> Exact:
    """`Exact` values from float64 ones."""
    with np.errstate(all="ignore"):
        high = value.astype(scalar(dtype))
        low = value - high.astype(np.float64)
    return Exact(high, np.where(np.isfinite(low), low, 0.0))
