"""Eager tensors: a body runs as one program.

A backend that dispatches operations one by one takes a pass over memory for
each of them, a hundred and more in a body.  TensorFlow runs bodies compiled
by XLA; torch by `torch.compile`, where that is asked for, else in blocks.
Inside a program the body is part of it, as it is.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable
from typing import Any

Body = Callable[..., Any]

LEAST = 2**10  # elements; below, a call takes as long whatever their number
BLOCK = 2**14  # elements that torch runs at once
EXACT = 4  # sizes a body is compiled for as they are
# What tracers and compilers raise; inductor and Dynamo RuntimeErrors.
FAILURES = (
    *(ArithmeticError, AssertionError, AttributeError, ImportError),
    *(LookupError, OSError, RuntimeError, TypeError, ValueError),
)

# A tracer of torch replaces methods of torch.nn.Module for the whole process;
# TensorFlow would trace in each of the threads that call first, and warn.
_tracing = threading.RLock()
_torch = {"compile": os.environ.get("KERAS_STABLEF_TORCH_COMPILE") == "1"}
_warned: list[str] = []


def compile_torch(on: bool = True) -> None:
    """Whether eager torch compiles bodies, see `config`."""
    if not isinstance(on, bool):
        raise TypeError(
            f"Bad switch: expected True or False, received {type(on).__name__}."
        )
    _torch["compile"] = on


def padded_size(size: int) -> int:
    """The next m * 2**k, m from 4 to 7, at least LEAST.

    Each size is compiled anew by XLA, in 0.1 to 0.5 s: here four in an
    octave, and at most a quarter is computed in vain, a tenth on average.
    """
    step = 2 ** max((size - 1).bit_length() - 3, 0)
    return max(LEAST, -(-size // step) * step)


def _warn_once(what: str, error: Exception) -> None:
    """One line of why, once in a process."""
    if what not in _warned:
        _warned.append(what)
        reason = (str(error).strip() or "no reason given").splitlines()[0]
        warnings.warn(
            f"{what} fails: operations run one by one, which is slower. "
            f"{type(error).__name__}: {reason[:300]}",
            RuntimeWarning,
            stacklevel=3,
        )


def fused_tensorflow(body: Body) -> Body:
    """`body` by XLA for eager tensors: one trace for each dtype.

    Lengths may change with each call: those after the first EXACT are
    padded to `padded_size`.
    """
    import tensorflow as tf

    programs: dict[Any, Any] = {}
    exact: set[int] = set()

    def program_of(x: Any, rest: tuple[Any, ...]) -> Any:
        with _tracing:
            if x.dtype not in programs:
                column = tf.TensorSpec([None, 1], x.dtype)
                scalars = [tf.TensorSpec([], r.dtype) for r in rest]
                program = tf.function(
                    body,
                    autograph=False,
                    jit_compile=True,
                    input_signature=[column, *scalars],
                )
                program.get_concrete_function()
                programs[x.dtype] = program
            return programs[x.dtype]

    def compiled(x: Any, rest: tuple[Any, ...]) -> Any:
        size = int(tf.size(x))
        if size >= LEAST and len(exact) < EXACT:
            exact.add(size)
        more = 0 if size in exact else padded_size(size) - size
        column = tf.reshape(x, [-1, 1])
        if more:
            column = tf.pad(column, [[0, more], [0, 0]])
        y = program_of(x, rest)(column, *rest)
        return tf.reshape(y[:size] if more else y, x.shape)

    def run(x: Any, *rest: Any) -> Any:
        if not tf.executing_eagerly():
            return body(x, *rest)
        if (
            programs.get(x.dtype, run) is None
            or x.dtype.size == 1  # TensorFlow cannot pad float8
            or tf.config.functions_run_eagerly()
            or any(r.shape.rank != 0 for r in rest)
        ):
            return body(x, *rest)
        # No tape may look into a program: it would keep all that is in it.
        x, *others = (tf.stop_gradient(t) for t in (x, *rest))
        try:
            with tf.device(x.device):
                return compiled(x, tuple(others))
        except tf.errors.ResourceExhaustedError:
            raise
        except (*FAILURES, tf.errors.OpError) as error:
            y = body(x, *others)
            programs[x.dtype] = None  # what is the body's fault is raised
            _warn_once("XLA", error)
            return y

    return run


def fused_torch(body: Body) -> Body:
    """`body` for eager tensors on the CPU: traced, or compiled if asked for.

    Traced it is the same operations on the same numbers, of blocks of BLOCK:
    without Keras, which takes 0.1 s to look at a table of 450 rows at each
    call (3.15), and in the processor's cache (a third of the time, exprel of
    a million float32).
    """
    import torch
    from torch.fx.experimental.proxy_tensor import get_proxy_mode

    traced: dict[Any, Any] = {}
    compiled: dict[Any, Any] = {}

    def program_of(x: Any, rest: tuple[Any, ...]) -> Any:
        from torch.fx.experimental.proxy_tensor import make_fx

        with _tracing:
            if x.dtype not in traced:
                example = torch.ones(BLOCK, dtype=x.dtype, device="cpu")
                trace = make_fx(body, tracing_mode="symbolic")
                traced[x.dtype] = trace(example, *rest)
        return traced[x.dtype]

    def by_blocks(x: Any, rest: tuple[Any, ...]) -> Any:
        program = program_of(x, rest)
        if len(x) <= BLOCK:
            return program(x, *rest)
        y = torch.empty_like(x)
        for part, to in zip(x.split(BLOCK), y.split(BLOCK), strict=True):
            # Of one element a program would be another.
            whole = len(part) > 1
            to.copy_((program if whole else body)(part, *rest))
        return y

    def at_once(x: Any, rest: tuple[Any, ...]) -> Any:
        if x.dtype not in compiled:
            # Of the trace: Dynamo would read a body's tables for minutes.
            compiled[x.dtype] = torch.compile(program_of(x, rest))
        torch._dynamo.maybe_mark_dynamic(x, 0)
        return compiled[x.dtype](x, *rest)

    def run(x: Any, *rest: Any) -> Any:
        if (
            torch.compiler.is_compiling()
            or torch.jit.is_tracing()
            or get_proxy_mode() is not None  # somebody traces us
            # A tensor of a tracer is of a class of its own.
            or type(x) not in (torch.Tensor, torch.nn.Parameter)
            or x.device.type != "cpu"
            or x.numel() < 2  # of which programs would be made of their own
            or traced.get(x.dtype, run) is None
            or any(r.dim() for r in rest)
        ):
            return body(x, *rest)
        with torch.no_grad():
            # No view: Dynamo makes a program for each kind of base.
            flat = x.reshape(-1).data
            try:
                program_of(flat, rest)
            except FAILURES as error:
                y = body(x, *rest)  # what is the body's fault is raised
                traced[x.dtype] = None
                _warn_once("make_fx", error)
                return y
            if _torch["compile"]:
                try:
                    return at_once(flat, rest).view(x.shape)
                except FAILURES as error:
                    _torch["compile"] = False
                    _warn_once("torch.compile", error)
            return by_blocks(flat, rest).view(x.shape)

    return run
