"""Those of quotients and roots: see statements.py."""

from __future__ import annotations

DIVISION = """
def _quotient(a, b, dtype):
    if dtype == "float64" or _rounds_to_nearest(a, b):
        return a / b
    a, b = (_constant(v, dtype) if isinstance(v, float) else v for v in (a, b))
    return _where_it_runs(_divided, _divided_twice, a, b)


def _square_root(a, dtype):
    if dtype == "float32" and _has_mkl_roots(a):
        return ops.cast(ops.sqrt(ops.cast(a, "float64")), dtype)
    if dtype != "float32" or _rounds_to_nearest(a, a):
        return ops.sqrt(a)
    return _where_it_runs(_rooted, _rooted_twice, a, a)


def _has_mkl_roots(a):
    if backend() == "torch":
        import torch

        if torch.onnx.is_in_onnx_export():
            return False
        return getattr(a, "is_cpu", True)
    return False


def _rounds_to_nearest(a, b):
    if not _sees_bits():
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


def _where_it_runs(near, far, a, b):
    if backend() == "jax":
        import jax

        return jax.lax.platform_dependent(a, b, cpu=near, default=far)
    return far(a, b)


def _divided(a, b):
    return a / b


def _rooted(a, b):
    return ops.sqrt(a)


def _divided_twice(a, b):
    q = a / b
    e = _left_over(a, q, b)
    return ops.where(_is_normal(a, b), _corrected(q, e), q)


def _rooted_twice(a, b):
    r = ops.sqrt(a)
    most = _constant(2.0**64 - 2.0**40, "float32")
    r = ops.where(a < float("inf"), ops.minimum(r, most), r)
    e = 0.5 * _left_over(a, r, r)
    return ops.where(_is_normal(a, a), _corrected(r, e), r)


def _is_normal(a, b):
    least = ops.minimum(ops.abs(a), ops.abs(b))
    return least >= 2.0**-126


def _corrected(q, e):
    size = ops.abs(q)
    normal = ops.logical_and(size >= 2.0**-126, size < float("inf"))
    small, one = size < 2.0**-60, _constant(1.0, "float32")
    z = q * ops.where(small, _constant(2.0**60, "float32"), one)
    z = (z + z * e) * ops.where(small, _constant(2.0**-60, "float32"), one)
    return ops.where(normal, z, q)


def _left_over(a, q, b):
    _, bits, bias = _BITS["float32"]
    exponent, one = (2 * bias + 1) * 2**bits, bias * 2**bits
    a, q, b = (_bits_of(v, "float32") for v in (a, q, b))
    eq, eb = (ops.bitwise_and(v, exponent) for v in (q, b))
    a = _reinterpret(((a - eq) + one) - eb + one, "float32")
    (qh, ql), (bh, bl) = _halves((q - eq) + one), _halves((b - eb) + one)
    return ((((a - qh * bh) - qh * bl) - ql * bh) - ql * bl) / a


def _halves(bits):
    half = 2 ** ((_BITS["float32"][1] - 1) // 2)
    high = ops.bitwise_and(bits + half, -2 * half)
    a, high = (_reinterpret(v, "float32") for v in (bits, high))
    return high, a - high
"""
