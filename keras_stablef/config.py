"""What can be switched, as `ks.config`."""

from __future__ import annotations

from ._eager import compile_torch as _compile_torch


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
