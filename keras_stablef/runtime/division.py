"""Quotients and roots that are rounded to nearest, or as good as that.

On a CPU they are, and so are float64 ones anywhere.  For float32 on a GPU the
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
from .bits import sees_bits
from .constants import constant


def quotient(a: Any, b: Any, dtype: str) -> Any:
    """a / b.

    Error: at most (1/2 + 2**-18) ulp; half an ulp on a CPU and in float64.
    Infinities, zeros and nan as in IEEE 754.  A subnormal operand counts as
    any number below 2**-126, where it may be flushed.
    """
    if dtype == "float64" or rounds_to_nearest(a, b):
        return a / b
    a, b = (constant(v, dtype) if isinstance(v, float) else v for v in (a, b))
    return where_it_runs(divided, divided_twice, a, b)


def square_root(a: Any, dtype: str) -> Any:
    """The square root of a.

    Error: as of `quotient`.
    """
    if dtype == "float64" or rounds_to_nearest(a, a):
        return ops.sqrt(a)
    return where_it_runs(rooted, rooted_twice, a, a)


def rounds_to_nearest(a: Any, b: Any) -> bool:
    """Whether float32 division is, as far as is known where it is traced.

    torch divides by itself so on CUDA, and only what is compiled for it does
    not; JAX decides when a program is lowered for a platform.
    """
    if backend() == "torch":
        import torch
        from torch.fx.experimental.proxy_tensor import get_proxy_mode

        if all(getattr(v, "is_cpu", True) for v in (a, b)):
            return True
        return not torch.compiler.is_compiling() and get_proxy_mode() is None
    if backend() == "tensorflow":
        import tensorflow as tf

        return not tf.config.get_visible_devices("GPU")
    if backend() == "jax":
        import jax

        return jax.default_backend() == "cpu"
    return True


def where_it_runs(near: Any, far: Any, a: Any, b: Any) -> Any:
    """`near` on a CPU, `far` elsewhere."""
    if backend() == "jax":
        import jax

        if sees_bits():
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
    return corrected(q, left_over(a, q, b))


def rooted_twice(a: Any, b: Any) -> Any:
    """A square root of float32, corrected once; b is a, too."""
    r = ops.sqrt(a)
    return corrected(r, 0.5 * left_over(a, r, r))


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

    Error: 2**-21 of itself.  All three are brought to [1, 2) by their bits, a
    then to the binade of the product.  Of the halves of q and b the products
    are exact, and so are the first three differences, multiples of 2**-34
    below 2**-9; fused or not.
    """
    a, q, b = significand(a), significand(q), significand(b)
    (qh, ql), (bh, bl) = halves(q, "float32"), halves(b, "float32")
    twice = ops.abs(q * b) > 1.5 * ops.abs(a)
    a = ops.where(twice, a + a, a)
    return ((((a - qh * bh) - qh * bl) - ql * bh) - ql * bl) / a


def significand(a: Any) -> Any:
    """a times the power of two that brings it to [1, 2), for a float32.

    Error: none of a normal number; of others it is some number there.
    """
    bits = ops.bitwise_and(bits_of(a, "float32"), -0x7F800001)
    return ops.view(ops.bitwise_or(bits, 0x3F800000), "float32")


def halves(a: Any, dtype: str) -> tuple[Any, Any]:
    """a = high + low, high the first bits of a, the others in low.

    Error: none.  float32: 12 and 12 bits; float64: 26 and 27.
    """
    bits = BITS[dtype][1]
    mask = -(2 ** ((bits + 2) // 2))
    high = ops.view(ops.bitwise_and(bits_of(a, dtype), mask), dtype)
    return high, a - high
