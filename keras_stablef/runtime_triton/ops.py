"""Of keras.ops what bodies call, as keras.ops does it on torch."""

import triton
import triton.language as tl
from triton.language.extra import libdevice


@triton.jit
def _probe():
    pass


# The interpreter runs Python itself: it has no libdevice, and numbers that
# are known when a kernel is compiled are nothing but numbers there.
INTERPRETED = not isinstance(_probe, triton.runtime.JITFunction)


def known(value):
    """A number or table that a device function may look up by name."""
    return value if INTERPRETED else tl.constexpr(value)


@triton.jit
def places(block: tl.constexpr):
    """The numbers of the elements that one program computes."""
    return tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)


@triton.jit
def read(x, at, count, dtype: tl.constexpr):
    """Elements in the dtype of the computation; 16 bits are exact in it."""
    value = tl.load(x + at, mask=at < count, other=0.0)
    if x.dtype.element_ty == tl.bfloat16:
        bits = value.to(tl.int16, bitcast=True).to(tl.int32) << 16
        value = bits.to(tl.float32, bitcast=True)
    return value.to(dtype)


@triton.jit
def write(y, at, count, value):
    """Elements, rounded once to nearest, ties to even.

    To bfloat16 by their bits, since Triton's interpreter cuts them off: half
    of the last bit that is kept, or a little less where that is even, carries
    into it.  The same bits as of a cast, but for those of nan.
    """
    if y.dtype.element_ty == tl.bfloat16:
        bits = value.to(tl.int32, bitcast=True)
        bits = (bits + (0x7FFF + ((bits >> 16) & 1))) >> 16
        bits = tl.where(value == value, bits, 0x7FC0)
        value = bits.to(tl.int16).to(tl.bfloat16, bitcast=True)
    tl.store(y + at, value.to(y.dtype.element_ty), mask=at < count)


@triton.jit
def clip(t, low, high):
    """t within [low, high]; nan stays nan."""
    return minimum(maximum(t, low), high)


@triton.jit
def maximum(a, b):
    """The larger; nan where one is."""
    b = tl.cast(b, a.dtype) if isinstance(b, tl.tensor) else _as(b, a)
    return tl.maximum(a, b, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def minimum(a, b):
    """The smaller; nan where one is."""
    b = tl.cast(b, a.dtype) if isinstance(b, tl.tensor) else _as(b, a)
    return tl.minimum(a, b, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def _as(value: tl.constexpr, like):
    """A number of the dtype of `like`."""
    return tl.full((), value, like.dtype)


@triton.jit
def where(condition, a, b):
    """a where the condition holds, else b."""
    return tl.where(condition, a, b)


@triton.jit
def logical_and(a, b):
    """Both."""
    return a & b


@triton.jit
def negative(t):
    """-t; of 0, too."""
    return t * -1.0


@triton.jit
def abs(t):
    """|t|."""
    return tl.abs(t)


@triton.jit
def floor(t):
    """The next whole number below."""
    return tl.floor(t)


@triton.jit
def zeros_like(t):
    """0."""
    return tl.zeros_like(t)


@triton.jit
def cast(v, dtype: tl.constexpr):
    """v as a number of the dtype."""
    return v.to(tl.float32 if dtype == "float32" else tl.float64)


if INTERPRETED:

    @triton.jit
    def exp(t):
        """NumPy's."""
        return tl.exp(t)

    @triton.jit
    def log(t):
        """NumPy's."""
        return tl.log(t)

else:

    @triton.jit
    def exp(t):
        """CUDA's own, as torch calls it."""
        return libdevice.exp(t)

    @triton.jit
    def log(t):
        """CUDA's own, as torch calls it."""
        return libdevice.log(t)
