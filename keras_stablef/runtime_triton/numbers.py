"""Constants, division and powers of two: see `runtime.constants` and so on."""

import triton
import triton.language as tl

from . import ops


@triton.jit
def constant(value: tl.constexpr, dtype: tl.constexpr):
    """A constant of the dtype itself."""
    return tl.full((), value, tl.float32 if dtype == "float32" else tl.float64)


@triton.jit
def clamp(t, low: tl.constexpr, high: tl.constexpr, dtype: tl.constexpr):
    """t where low <= t <= high, else the nearer end; nan stays nan."""
    t = tl.where(t < low, constant(low, dtype), t)
    return tl.where(t > high, constant(high, dtype), t)


@triton.jit
def fixed(p, dtype: tl.constexpr):
    """The largest number where p is infinite, as keras.ops.clip makes it.

    That is what the clip of the twin comes to where nothing is contracted; of
    float64 its ends are infinite, since Keras has them as float32 on torch.
    """
    if dtype == "float32":
        return ops.clip(p, -3.4028234663852886e38, 3.4028234663852886e38)
    else:
        return p


@triton.jit
def apart(v, dtype: tl.constexpr):
    """v, as on torch."""
    return v


@triton.jit
def once(v, dtype: tl.constexpr):
    """v, as on torch."""
    return v


@triton.jit
def quotient(a, b, dtype: tl.constexpr):
    """a / b.  Error: half an ulp, by ``div.rn`` in either dtype."""
    if dtype == "float32":
        return tl.div_rn(a, b)
    else:
        return a / b


@triton.jit
def square_root(a, dtype: tl.constexpr):
    """The square root of a.  Error: half an ulp, by ``sqrt.rn``."""
    if dtype == "float32":
        return tl.sqrt_rn(a)
    else:
        return tl.sqrt(a)


@triton.jit
def bits_of(t, dtype: tl.constexpr):
    """The bits of t as an integer."""
    return t.to(tl.int32 if dtype == "float32" else tl.int64, bitcast=True)


@triton.jit
def reinterpret(n, dtype: tl.constexpr):
    """The float that has these bits."""
    return n.to(tl.float32 if dtype == "float32" else tl.float64, bitcast=True)


@triton.jit
def whole(n, dtype: tl.constexpr):
    """The integer that a float is."""
    if dtype == "float32":
        return bits_of(n + 12582912.0, dtype) - 0x4B400000
    else:
        return bits_of(n + 6755399441055744.0, dtype) - 0x4338000000000000


@triton.jit
def power_of_two(n, dtype: tl.constexpr):
    """2**n of integers."""
    if dtype == "float32":
        return reinterpret((n + 127) << 23, dtype)
    else:
        return reinterpret((n + 1023) << 52, dtype)


@triton.jit
def scale_by_power(y, n, dtype: tl.constexpr):
    """y * 2**n in two steps, since 2**n itself may overflow."""
    if dtype == "float32":
        return _by_whole(y, whole(ops.clip(n, -252.0, 252.0), dtype), dtype)
    else:
        return _by_whole(y, whole(ops.clip(n, -2044.0, 2044.0), dtype), dtype)


@triton.jit
def _by_whole(y, n, dtype: tl.constexpr):
    """y * 2**n of integers."""
    half = n >> 1
    return (y * power_of_two(half, dtype)) * power_of_two(n - half, dtype)


@triton.jit
def grown(y, n, dtype: tl.constexpr):
    """y * 2**n, n >= 0, in two steps."""
    if dtype == "float32":
        return (y * 16777216.0) * power_of_two(whole(n, dtype) - 24, dtype)
    else:
        up = power_of_two(whole(n, dtype) - 53, dtype)
        return (y * 9007199254740992.0) * up


@triton.jit
def grown_from(y, n, shift: tl.constexpr, dtype: tl.constexpr):
    """y * 2**(n - shift)."""
    return y * power_of_two(whole(n, dtype) - shift, dtype)


@triton.jit
def shrunk(y, n, dtype: tl.constexpr):
    """y * 2**-n, n >= 0, in two steps."""
    if dtype == "float32":
        down = power_of_two(24 - whole(n, dtype), dtype)
        return (y * 5.9604644775390625e-08) * down
    else:
        down = power_of_two(53 - whole(n, dtype), dtype)
        return (y * 1.1102230246251565e-16) * down


@triton.jit
def pair_by_power(y, n, dtype: tl.constexpr):
    """y * 2**n of a pair."""
    p = power_of_two(whole(n, dtype), dtype)
    return y[0] * p, y[1] * p


@triton.jit
def unit_of(n, dtype: tl.constexpr):
    """2**-n, n >= 0."""
    if dtype == "float32":
        return power_of_two(-whole(ops.minimum(n, 126.0), dtype), dtype)
    else:
        return power_of_two(-whole(ops.minimum(n, 1022.0), dtype), dtype)


@triton.jit
def split_exponent(t, root: tl.constexpr, dtype: tl.constexpr):
    """m, n with t = m * 2**n, n a multiple of `root`, by the bits of t."""
    up: tl.constexpr = (root + 1) // 2
    part: tl.constexpr = 2.0 ** (up - 0.5 * root) - 1.0
    if dtype == "float32":
        n = bits_of(t, dtype) - (8388608 * (127 - up) + int(8388608 * part))
        n = _multiple(n >> 23, root)
        return _by_whole(t, -n, dtype), n.to(tl.float32)
    else:
        first: tl.constexpr = 4503599627370496 * (1023 - up)
        n = bits_of(t, dtype) - (first + int(4503599627370496 * part))
        n = _multiple(n >> 52, root)
        return _by_whole(t, -n, dtype), n.to(tl.float64)


@triton.jit
def _multiple(n, root: tl.constexpr):
    """The next multiple of root that is not above n; ``//`` cuts here."""
    if root == 1:
        return n
    else:
        rest = n - (n // root) * root
        return n - rest - tl.where(rest < 0, root, 0)


@triton.jit
def split_subnormal(t, root: tl.constexpr, dtype: tl.constexpr):
    """`split_exponent` of a t that may be subnormal."""
    bits: tl.constexpr = 24 if dtype == "float32" else 53
    least: tl.constexpr = -125 if dtype == "float32" else -1021
    n: tl.constexpr = root * ((bits + root - 1) // root)
    small = t < 2.0 ** (least + n)
    up = tl.where(small, constant(2.0**n, dtype), constant(1.0, dtype))
    more = tl.where(small, constant(1.0 * n, dtype), constant(0.0, dtype))
    m, k = split_exponent(t * up, root, dtype)
    return m, k - more


@triton.jit
def level_of(d, edges, factors, dtype: tl.constexpr):
    """factors[j] where edges[j - 1] <= d < edges[j]."""
    y = constant(factors[0], dtype)
    count: tl.constexpr = len(edges)
    for k in tl.static_range(count):
        y = tl.where(d >= edges[k], constant(factors[k + 1], dtype), y)
    return y
