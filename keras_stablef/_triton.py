"""Torch tensors on CUDA: a body is one kernel, written in Triton.

Operation by operation a body would take a hundred passes over memory; its
kernel reads x once and writes the result once.  It is launched by an operation
of torch, ``keras_stablef::kernel``, which autograd, `torch.compile`,
`torch.export`, `vmap` and CUDA graphs take as they take torch's own.  Compiled
programs too have the kernel and not the body: inductor's Triton may compute an
operand twice, in two ways, which bodies with pairs of floats do not survive.

Where a kernel cannot run the body does, and one warning says why.
"""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING
from typing import Any

import keras

if TYPE_CHECKING:
    from ._function import Function

Kernel = Callable[[Any], Any]

BLOCK = 512  # elements of a program: four for each thread of four warps
OPTIONS = {
    "num_warps": 4,
    # Or products are fused where their rounding is used again.
    "enable_fp_fusion": False,
}
_functions: dict[str, Function] = {}
_warned: list[str] = []
_failed: set[Any] = set()  # kernels that are not tried again
# Tests run kernels on the CPU, by Triton's interpreter.
_cpu = {"on": False}


def on_cpu(on: bool) -> None:
    """Whether kernels take tensors on the CPU, too: for tests."""
    _cpu["on"] = on


def kernels_of(function: Function, name: str) -> tuple[Kernel, ...] | None:
    """What computes f, f', f'' ... in a format on CUDA, in place of bodies.

    Each takes a tensor and returns None where the body has to do it.  None on
    other backends, and for formats that are more than a dtype of torch.
    """
    compute = function.compute[name]
    if keras.backend.backend() != "torch" or function.rounding.get(name):
        return None
    if name != function.storage[name] or name.startswith("float8"):
        return None
    _functions[function.key] = function
    operation()  # known before somebody traces, or loads an exported program
    return tuple(
        functools.partial(_run, function, name, compute, order)
        for order in range(function.orders)
    )


def _run(
    function: Function, name: str, compute: str, order: int, x: Any
) -> Any:
    import torch

    if not (x.is_cuda or (_cpu["on"] and x.is_cpu)):
        return None
    if (
        x.dtype != getattr(torch, name)
        or not _is_known(x)
        or torch.jit.is_tracing()
        or torch.onnx.is_in_onnx_export()
        or _missing() is not None
    ):
        return None
    if x.is_cuda and torch.cuda.is_available():
        # Here, and not when a CUDA graph is captured, whose memory is its own.
        numbers_of(function.key, compute, order, x.device)
    return operation()(x, function.key, compute, order)


def _is_known(x: Any) -> bool:
    """Whether it is torch's own kind of tensor, or what its tracers make."""
    import torch
    from torch._subclasses.fake_tensor import FakeTensor
    from torch._subclasses.functional_tensor import FunctionalTensor

    known = torch.Tensor, torch.nn.Parameter, FakeTensor, FunctionalTensor
    return type(x) in known


@functools.cache
def _missing() -> str | None:
    """Why there are no kernels; None if there are."""
    import torch

    try:
        if torch.version.hip is not None:
            raise RuntimeError("kernels are for CUDA, not for ROCm")
        importlib.import_module("keras_stablef.runtime_triton.transcendental")
    except Exception as error:  # Triton's own, of any kind, at import
        _warn_once("Triton", error)
        return str(error)
    return None


def _warn_once(what: str, error: Exception) -> None:
    """One line of why, once in a process."""
    if what not in _warned:
        _warned.append(what)
        reason = (str(error).strip() or "no reason given").splitlines()[0]
        warnings.warn(
            f"{what} cannot be used: operations run one by one, which is "
            f"slower. {type(error).__name__}: {reason[:300]}",
            RuntimeWarning,
            stacklevel=3,
        )


def _function(key: str) -> Function:
    """The function that an operation in a graph names."""
    from ._shipped import NAMES
    from ._shipped import shipped

    if key not in _functions and key in NAMES:
        _functions[key] = shipped(key)
    if key not in _functions:
        raise ValueError(
            f"No such function: expected one of {', '.join(NAMES)}, or one "
            f"derived in this process, received {key[:60]!r}."
        )
    return _functions[key]


@functools.cache
def numbers_of(
    key: str, dtype: str, order: int, device: Any
) -> tuple[Any, ...]:
    """The tables that a kernel looks up in, on a device."""
    import torch
    from torch.utils._python_dispatch import _disable_current_modes

    from .runtime_triton.polynomials import laid_out

    _, tables = _function(key).kernel(dtype, order)
    # Real tensors, also where somebody traces.
    with _disable_current_modes():
        return tuple(
            torch.tensor(
                laid_out(table)[1], dtype=getattr(torch, dtype), device=device
            )
            for table in tables
        )


def launch(x: Any, key: str, dtype: str, order: int) -> Any:
    """The kernel on a tensor of any shape and strides."""
    import torch

    kernel, _ = _function(key).kernel(dtype, order)
    numbers = numbers_of(key, dtype, order, x.device)
    y = torch.empty_like(x)
    count = x.numel()
    # y is dense; an x of the same strides is, too, and goes by as memory does.
    source = x if x.stride() == y.stride() else y.copy_(x)
    if count:
        grid = (-(-count // BLOCK),)
        with torch.cuda.device_of(x):
            kernel[grid](source, y, count, BLOCK, *numbers, **OPTIONS)
    return y


@functools.cache
def operation() -> Any:
    """``keras_stablef::kernel``, registered when first asked for."""
    import torch

    @torch.library.custom_op(
        "keras_stablef::kernel",
        mutates_args=(),
        schema="(Tensor x, str function, str compute, int order) -> Tensor",
    )
    def kernel(x: Any, function: str, compute: str, order: int) -> Any:
        asked = function, compute, order, x.device
        if asked not in _failed and _missing() is None:
            try:
                return launch(x, function, compute, order)
            except torch.OutOfMemoryError:
                raise
            except Exception as error:  # Triton's own have no common class
                _failed.add(asked)
                _warn_once("A kernel", error)
        wide = x.to(getattr(torch, compute))
        body = _function(function).bodies[compute][order]
        return torch.empty_like(x).copy_(body(wide))

    @kernel.register_fake
    def _(x: Any, function: str, compute: str, order: int) -> Any:
        return torch.empty_like(x)

    @kernel.register_vmap
    def _(info: Any, axes: Any, x: Any, *rest: Any) -> Any:
        return kernel(x, *rest), axes[0]

    # What an exported program has for a rule; elsewhere `_autodiff` does.
    def keep(ctx: Any, inputs: Any, output: Any) -> None:
        x, *ctx.rest = inputs
        ctx.save_for_backward(x)

    def backward(ctx: Any, gradient: Any) -> Any:
        from ._autodiff import forward_torch

        (x,) = ctx.saved_tensors
        key, compute, order = ctx.rest
        function = _function(key)
        if order + 1 < function.orders:
            slope = kernel(x, key, compute, order + 1)
        else:
            body = function.bodies[compute][order]
            slope = forward_torch(body)(x.to(getattr(torch, compute)))
        wide = getattr(torch, compute)
        product = slope.to(wide) * gradient.to(wide)
        return product.to(x.dtype), None, None, None

    kernel.register_autograd(backward, setup_context=keep)
    return kernel
