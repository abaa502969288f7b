"""A kernel that stores what it loads."""

import triton
import triton.language as tl

from keras_stablef.runtime_triton import ops


@triton.jit
def copy(x, y, count, block: tl.constexpr):
    """float32 to the dtype of y."""
    at = ops.places(block)
    ops.write(y, at, count, ops.read(x, at, count, tl.float32))


@triton.jit
def exp(x, y, count, block: tl.constexpr):
    """As bodies call it."""
    at = ops.places(block)
    ops.write(y, at, count, ops.exp(ops.read(x, at, count, tl.float32)))


@triton.jit
def log(x, y, count, block: tl.constexpr):
    """As bodies call it."""
    at = ops.places(block)
    ops.write(y, at, count, ops.log(ops.read(x, at, count, tl.float32)))
