"""Quotients and roots that are rounded to nearest, or as good as that.

On a CPU quotients are, and so are float64 ones anywhere.  Roots are, but for
torch's own on a CPU, which are MKL's, off by 0.77 ulp in float32 and 0.73 in
float64 (program/measured).  Of float32 they are taken in float64 there: of a
number of 53 bits that is off by an ulp the one of 24 bits is off by half an
ulp and 2**-28.

For float32 on a GPU the
compilers emit approximations: XLA and Triton ``div.full.f32``, off by 2 ulp
(its contract in PTX), and XLA a square root off by 0.95 ulp (measured, all
inputs, H200).  There one correction follows: with q off by 2 ulp, a - q b is
computed to one rounding, since q and b are divided into halves whose products
are exact.  e = (a - q b) / a is at most 2**-22 and known to 2**-21 of itself,
and q + q e is off by half an ulp and by the (2**-43 + e**2) q that were left,
below 2**-18 ulp.

Source: Markstein, *IA-64 and Elementary Functions*, 2000, chapter 8.
"""

from __future__ import annotations

from typing import Any

from keras import ops
from keras.config import backend

from .bits import BITS
from .bits import bits_of
from .bits import reinterpret
from .bits import sees_bits
from .constants import constant


def quotient(a: Any, b: Any, dtype: str) -> Any:
    """a / b.

    Error: at most (1/2 + 2**-18) ulp; half an ulp on a CPU and in float64.
    Infinities, zeros and nan as in IEEE 754.  A subnormal operand may be
    flushed to 0.  The device's own, uncorrected, are quotients of subnormal
    operands, and those that it has below 2**-126 or infinite: such a result
    may be flushed, or be the largest number, all the same.
    """
    if dtype == "float64" or rounds_to_nearest(a, b):
        return a / b
    a, b = (constant(v, dtype) if isinstance(v, float) else v for v in (a, b))
    return where_it_runs(divided, divided_twice, a, b)


def square_root(a: Any, dtype: str) -> Any:
    """The square root of a.

    Error: as of `quotient`; of float64 on torch and a CPU what was measured.
    """
    if dtype == "float32" and has_mkl_roots(a):
        return ops.cast(ops.sqrt(ops.cast(a, "float64")), dtype)
    if dtype != "float32" or rounds_to_nearest(a, a):
        return ops.sqrt(a)
    return where_it_runs(rooted, rooted_twice, a, a)


def rounds_to_nearest(a: Any, b: Any) -> bool:
    """Whether float32 division is, as far as is known where it is traced.

    On CUDA torch itself divides so, and only what is compiled for it does not.
    JAX decides when a program is lowered for a platform.  What is exported to
    ONNX, which sees no bits, is divided as its runtime does.
    """
    if not sees_bits():
        return True
    if backend() == "jax":
        return False
    if backend() == "torch":
        import torch
        from torch.fx.experimental.proxy_tensor import get_proxy_mode

        if all(getattr(v, "is_cpu", True) for v in (a, b)):
            return True
        if torch.compiler.is_compiling() or get_proxy_mode() is not None:
            return False
        return all(v.is_cpu or v.is_cuda for v in (a, b) if torch.is_tensor(v))
    if backend() == "tensorflow":
        import tensorflow as tf

        return not tf.config.get_visible_devices("GPU")
    return True


def has_mkl_roots(a: Any) -> bool:
    """Whether torch may take the root itself, on a CPU.

    So it may where it compiles: what was exported, and what other backends
    than inductor make, is run operation by operation.
    """
    if backend() == "torch":
        import torch

        if torch.onnx.is_in_onnx_export():
            return False
        return getattr(a, "is_cpu", True)
    return False


def where_it_runs(near: Any, far: Any, a: Any, b: Any) -> Any:
    """`near` on a CPU, `far` elsewhere."""
    if backend() == "jax":
        import jax

        return jax.lax.platform_dependent(a, b, cpu=near, default=far)
    return far(a, b)


def divided(a: Any, b: Any) -> Any:
    """The backend's own."""
    return a / b


def rooted(a: Any, b: Any) -> Any:
    """The backend's own; b is a, too."""
    return ops.sqrt(a)


def divided_twice(a: Any, b: Any) -> Any:
    """A quotient of float32, corrected once."""
    q = a / b
    e = left_over(a, q, b)
    return ops.where(is_normal(a, b), corrected(q, e), q)


def rooted_twice(a: Any, b: Any) -> Any:
    """A square root of float32, corrected once; b is a, too."""
    r = ops.sqrt(a)
    # The root of the largest number, of which one ulp up the square overflows.
    most = constant(2.0**64 - 2.0**40, "float32")
    r = ops.where(a < float("inf"), ops.minimum(r, most), r)
    e = 0.5 * left_over(a, r, r)
    return ops.where(is_normal(a, a), corrected(r, e), r)


def is_normal(a: Any, b: Any) -> Any:
    """Whether neither is subnormal, or 0: `left_over` reads their bits."""
    least = ops.minimum(ops.abs(a), ops.abs(b))
    return least >= 2.0**-126


def corrected(q: Any, e: Any) -> Any:
    """q + q * e; q itself where it is 0, subnormal, infinite or nan."""
    size = ops.abs(q)
    normal = ops.logical_and(size >= 2.0**-126, size < float("inf"))
    # Of a small q the product would be subnormal, and flushed.
    small, one = size < 2.0**-60, constant(1.0, "float32")
    z = q * ops.where(small, constant(2.0**60, "float32"), one)
    z = (z + z * e) * ops.where(small, constant(2.0**-60, "float32"), one)
    return ops.where(normal, z, q)


def left_over(a: Any, q: Any, b: Any) -> Any:
    """(a - q * b) / a, where q * b is a but for some ulp.

    Error: 2**-21 of itself.  q and b are brought to [1, 2) by their bits, and
    a by the same powers of two, to a rest below 2**-21.  Of the halves of q
    and b the products are exact, fused or not, and so are the first three
    differences: multiples of 2**-23 below 2**-9, then of 2**-34 below 2**-10
    (the rest and ql b, at most 2**-11), then of 2**-34 below 2**-20.
    """
    _, bits, bias = BITS["float32"]
    exponent, one = (2 * bias + 1) * 2**bits, bias * 2**bits
    a, q, b = (bits_of(v, "float32") for v in (a, q, b))
    eq, eb = (ops.bitwise_and(v, exponent) for v in (q, b))
    a = reinterpret(((a - eq) + one) - eb + one, "float32")
    (qh, ql), (bh, bl) = halves((q - eq) + one), halves((b - eb) + one)
    return ((((a - qh * bh) - qh * bl) - ql * bh) - ql * bl) / a


def halves(bits: Any) -> tuple[Any, Any]:
    """a = high + low, both of 12 bits, |low| <= 2**-12 for 1 <= |a| < 2.

    Error: none, of the float32 a that has these bits.  It is rounded, not cut:
    half of the low part's size is what the differences of `left_over` need.
    """
    half = 2 ** ((BITS["float32"][1] - 1) // 2)
    high = ops.bitwise_and(bits + half, -2 * half)
    a, high = (reinterpret(v, "float32") for v in (bits, high))
    return high, a - high
