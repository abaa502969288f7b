"""What can be switched, as `ks.config`."""

from __future__ import annotations

from ._eager import compile_torch as _compile_torch
from ._wide import by_float64 as _by_float64


def compile_torch(on: bool = True) -> None:
    """Whether eager torch runs the ops as compiled programs; off by default.

    On, an op of a CPU tensor is one pass over memory where it is a hundred:
    `torch.compile` makes a program of each of f, f' and f'' at its first use
    (seconds, a C++ compiler), which serves tensors of every shape.  Where
    that fails there is one warning, and all runs as if it were off.  Within
    `torch.compile` and `torch.export`, and for tensors elsewhere, nothing
    changes.  KERAS_STABLEF_TORCH_COMPILE=1 in the environment turns it on,
    for files that `op.save` wrote too; on other backends it means nothing.

    Args:
        on: True or False.

    Raises:
        TypeError: neither.

    Example:
        >>> ks.config.compile_torch(True)
        >>> ks.ops.stablef(torch.randn(10**6))
    """
    _compile_torch(on)


def by_float64(on: bool = True) -> None:
    """Whether float32 may be computed by way of float64; on by default.

    On a CPU that is twice as fast as in pairs of float32, and nearer:
    `error_bound` is what both hold, `explain` says what either does.  On
    GPUs and other devices, and in what is exported to ONNX and LiteRT or
    saved by `op.save`, ops keep to float32 in any case.  Say it before the
    first call: programs that are compiled stay as they are.
    KERAS_STABLEF_FLOAT64=0 in the environment turns it off.

    Args:
        on: True or False.

    Raises:
        TypeError: neither.

    Example:
        >>> ks.config.by_float64(False)
        >>> ks.ops.exprel(1.0)
    """
    _by_float64(on)
