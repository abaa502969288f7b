"""Quotients and roots that are rounded to nearest, or as good as that.

On a CPU they are, and so are float64 ones anywhere.  For float32 on a GPU the
compilers emit approximations: XLA and Triton ``div.full.f32``, off by 2 ulp
(its contract in PTX), and XLA a square root off by 0.95 ulp (measured, all
inputs, H200).  There one correction follows: with q off by 2 ulp, a - q b is
computed to one rounding, since q and b are divided into halves whose products
are exact, and q + (a - q b) / b is off by half an ulp and 2**-19 more.

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
from .exponents import power_of_two
from .exponents import scale_by_power


def quotient(a: Any, b: Any, dtype: str) -> Any:
    """a / b.

    Error: at most (1/2 + 2**-19) ulp; half an ulp on a CPU and in float64.
    Infinities, zeros and nan as in IEEE 754.
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
    na, nb = towards_one(a), towards_one(b)
    b = b * power_of_two(nb, "float32")
    a = a * power_of_two(na, "float32")
    q = a / b
    more = product_away(a, q, b) / b
    # Not what infinities and zeros leave: nan, or a 0 of another sign.
    q = ops.where(ops.abs(more) > 0.0, q + more, q)
    return scale_by_power(q, nb - na, "float32")


def rooted_twice(a: Any, b: Any) -> Any:
    """A square root of float32, corrected once; b is a, too."""
    n = towards_one(a)
    a = a * power_of_two(n, "float32")
    r = ops.sqrt(a)
    more = 0.5 * (product_away(a, r, r) / r)
    r = ops.where(ops.abs(more) > 0.0, r + more, r)
    return scale_by_power(r, -ops.right_shift(n, 1), "float32")


def towards_one(a: Any) -> Any:
    """n, even, with 2**-26 <= |a| * 2**n < 2**26; an int32.

    So no part of a quotient of two such numbers is subnormal.
    """
    edges, powers = (2.0**-78, 2.0**-26, 2.0**26, 2.0**78), (104, 52, 0, -52)
    n = constant(-104.0, "float32")
    size = ops.abs(a)
    for edge, power in zip(edges[::-1], powers[::-1], strict=True):
        below = size < constant(edge, "float32")
        n = ops.where(below, constant(float(power), "float32"), n)
    return ops.cast(n, "int32")


def product_away(a: Any, q: Any, b: Any) -> Any:
    """a - q * b, where q * b is a but for some ulp.

    Error: u of itself.  The four products are exact and so are the first three
    differences (multiples of 2**-34 |a| below 2**-10 |a|), fused or not.
    """
    (qh, ql), (bh, bl) = halves(q, "float32"), halves(b, "float32")
    return (((a - qh * bh) - qh * bl) - ql * bh) - ql * bl


def halves(a: Any, dtype: str) -> tuple[Any, Any]:
    """a = high + low, high the first bits of a, the others in low.

    Error: none.  float32: 12 and 12 bits; float64: 26 and 27.
    """
    bits = BITS[dtype][1]
    mask = -(2 ** ((bits + 2) // 2))
    high = ops.view(ops.bitwise_and(bits_of(a, dtype), mask), dtype)
    return high, a - high
