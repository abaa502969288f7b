"""Quotients and roots hold their bound where division is off by 2 ulp.

A GPU divides so when compiled for (runtime/division.py).  Here numpy does,
at random, with every product and sum of two of them fused at random.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable
from fractions import Fraction
from math import isqrt
from typing import Any

import keras
import numpy as np
import pytest
from backends import BACKEND
from backends import compiled
from backends import tensor
from keras import ops

from keras_stablef import runtime
from keras_stablef.runtime import division

pytestmark = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="autodiff backends"
)
OFF = Fraction(1, 2) + Fraction(1, 2**18)  # ulp
Array = np.ndarray


class Hostile:
    """float32 numbers whose quotients and roots are off by up to 2 ulp.

    A product is kept exactly beside its rounding, and what is added to it is
    added to either, as a compiler contracts.
    """

    __array_ufunc__ = None
    random = np.random.default_rng(5)

    def __init__(self, value: Any, exact: Array | None = None) -> None:
        self.value = np.asarray(value, "float32")
        self.exact = exact

    def _plain(self, other: Any, way: Callable[..., Any]) -> Hostile:
        other = other if isinstance(other, Hostile) else Hostile(other)
        a, b = (
            x.value.astype("float64")
            if x.exact is None or self.random.random() < 0.5
            else x.exact
            for x in (self, other)
        )
        return Hostile(way(a, b))

    def __add__(self, other: Any) -> Hostile:
        return self._plain(other, operator.add)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Hostile:
        return self._plain(other, operator.sub)

    def __mul__(self, other: Any) -> Hostile:
        other = other if isinstance(other, Hostile) else Hostile(other)
        exact = self.value.astype("float64") * other.value  # 48 bits
        return Hostile(exact, exact)

    __rmul__ = __mul__

    def __truediv__(self, other: Hostile) -> Hostile:
        return self._off(self.value / other.value)

    def _off(self, value: Array) -> Hostile:
        steps = self.random.integers(-1, 2, value.shape)  # and half an ulp
        return Hostile(value + steps * np.spacing(value))

    def __lt__(self, other: float) -> Array:
        return self.value < other

    def __ge__(self, other: float) -> Array:
        return self.value >= other

    def __gt__(self, other: Hostile) -> Array:
        return self.value > other.value


class HostileOps:
    """The operations that the corrections use."""

    def convert_to_tensor(self, value: float, dtype: str) -> Hostile:
        return Hostile(value)

    def stop_gradient(self, x: Hostile) -> Hostile:
        return x

    def abs(self, x: Hostile) -> Hostile:
        return Hostile(np.abs(x.value))

    def minimum(self, a: Hostile, b: Hostile) -> Hostile:
        return Hostile(np.minimum(a.value, b.value))

    def sqrt(self, x: Hostile) -> Hostile:
        return x._off(np.sqrt(x.value))

    def where(self, truth: Array, a: Hostile, b: Hostile) -> Hostile:
        return Hostile(np.where(truth, a.value, b.value))

    def view(self, x: Any, dtype: str) -> Any:
        if dtype == "int32":
            return x.value.view("int32")
        return Hostile(x.astype("int32").view("float32"))

    def bitwise_and(self, x: Array, mask: int) -> Array:
        return x & np.int32(mask)

    def logical_and(self, a: Array, b: Array) -> Array:
        return a & b


HOSTILE = runtime.primitives(
    ops=HostileOps(), backend=lambda: "numpy", sees_bits=lambda: True
)


def numbers(count: int, low: int, high: int, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    sizes = np.exp2(rng.uniform(low, high, count))
    return sizes.astype("float32")


def ulp_of(exact: Fraction) -> Fraction:
    e = exact.numerator.bit_length() - exact.denominator.bit_length()
    e -= Fraction(2) ** e > exact
    return Fraction(2) ** (max(e, -126) - 23)


def beside_powers(count: int) -> tuple[Array, Array]:
    """a, b or a / b is all but a power of two, where exponents change."""
    steps = 2.0**-23 * np.arange(-3, 4)
    ones = (1 + steps).astype("float32")
    a, b = (v.ravel() for v in np.meshgrid(ones, numbers(count, -1, 1, 4)))
    near = (b.astype("float64") * a).astype("float32")
    return np.concatenate([a, b, near, a]), np.concatenate([b, a, b, a[::-1]])


ENDS = [(-8, 8), (-126, 127), (60, 127), (-126, -60), None]


@pytest.mark.parametrize("ends", ENDS)
def test_a_quotient_is_corrected(ends: tuple[int, int] | None) -> None:
    a, b = beside_powers(200)
    if ends is not None:
        a, b = numbers(3000, *ends, 1), numbers(3000, *ends, 2)
    with np.errstate(all="ignore"):
        got = HOSTILE["divided_twice"](Hostile(a), Hostile(b)).value
        plain = (Hostile(a) / Hostile(b)).value
    worst = worst_plain = Fraction(0)
    for x, y, z, w in zip(*(v.tolist() for v in (a, b, got, plain)),
                          strict=True):  # fmt: skip
        exact = Fraction(x) / Fraction(y)
        if not 2.0**-126 <= exact < 3.4e38:
            continue
        ulp = ulp_of(exact)
        worst = max(worst, abs(Fraction(z) - exact) / ulp)
        worst_plain = max(worst_plain, abs(Fraction(w) - exact) / ulp)
    assert worst <= OFF
    assert worst_plain > 1  # the division is as bad as it is said to be


def test_what_is_left_over_is_known() -> None:
    """Also where low halves are largest, and the differences longest."""
    b = 2 - 2.0**-23 * np.arange(1, 2**10 + 1)
    q = 2 - 2.0**-11 * np.arange(64)[:, None] - 2.0**-23  # ends in ones
    ulps = 2.0**-23 * np.arange(-2, 3)[:, None, None]
    b, q, a = (v.ravel() for v in np.broadcast_arrays(b, q, (q + ulps) * b))
    a, q, b = (v.astype("float32") for v in (a, q, b))
    wide = a.astype("float64")
    exact = (wide - q.astype("float64") * b) / wide  # 48 bits, and a rounding
    for _ in range(8):
        e = HOSTILE["left_over"](Hostile(a), Hostile(q), Hostile(b)).value
        assert (np.abs(e - exact) <= 2.0**-21 * np.abs(exact)).all()


@pytest.mark.parametrize("ends", [(-8, 8), (-126, 127)])
def test_a_root_is_corrected(ends: tuple[int, int]) -> None:
    a = numbers(3000, *ends, 3)
    with np.errstate(all="ignore"):
        got = HOSTILE["rooted_twice"](Hostile(a), Hostile(a)).value
    for x, z in zip(a.tolist(), got.tolist(), strict=True):
        square = Fraction(x) * 2**400
        exact = Fraction(isqrt(int(square)), 2**200)  # to 2**-130 of it
        assert abs(Fraction(z) - exact) <= OFF * ulp_of(exact)


SPECIAL = (0.0, -0.0, 1.0, -3.0, np.inf, -np.inf, np.nan, 3.4028235e38, 1e-30)


@pytest.mark.parametrize("mode", ["eager", "jit"])
def test_special_operands(mode: str) -> None:
    """As in IEEE 754; with the correction too, whatever it makes of them."""
    a, b = (v.ravel() for v in np.meshgrid(SPECIAL, SPECIAL))
    a, b = a.astype("float32"), b.astype("float32")
    with np.errstate(all="ignore"):
        want, root = a / b, np.sqrt(a)

    def both(x):  # type: ignore[no-untyped-def]
        return [
            division.quotient(x[0], x[1], "float32"),
            division.divided_twice(x[0], x[1]),
            division.square_root(x[0], "float32"),
            division.rooted_twice(x[0], x[0]),
        ]

    packed = ops.convert_to_tensor(np.stack([a, b]), dtype="float32")
    got = [ops.convert_to_numpy(v) for v in compiled(both, mode)(packed)]
    for one in got[:2]:
        near = np.abs(want) >= 2.0**-126  # below, flushed or not
        np.testing.assert_array_equal(one[near | (want == 0)],
                                      want[near | (want == 0)])  # fmt: skip
        np.testing.assert_array_equal(np.isnan(one), np.isnan(want))
        zero = want == 0
        np.testing.assert_array_equal(np.signbit(one[zero]),
                                      np.signbit(want[zero]))  # fmt: skip
    # The root of the largest number is half an ulp and 2**-26 from two floats.
    plain = a != 3.4028235e38
    np.testing.assert_array_equal(got[2], root)
    np.testing.assert_array_equal(got[3][plain], root[plain])


SMALL = (2.0**-149, -1.5 * 2.0**-127, 2.0**-126, 2.0**-100, 1.0, 3.0)


@pytest.mark.parametrize("mode", ["eager", "jit"])
def test_subnormal_operands(mode: str) -> None:
    """The device's own quotient: of these, or of the zeros they are taken for.

    The bits of a subnormal number are not those of its logarithm.
    """
    a, b = (v.ravel() for v in np.meshgrid(SMALL, SMALL))
    a, b = a.astype("float32"), b.astype("float32")

    def both(x: Any) -> list[Any]:
        y = division.divided_twice(x[0], x[1])
        return [y, division.rooted_twice(ops.abs(x[0]), ops.abs(x[0]))]

    packed = ops.convert_to_tensor(np.stack([a, b]), dtype="float32")
    y, root = map(ops.convert_to_numpy, compiled(both, mode)(packed))

    def flushed(v: Any) -> Any:
        return np.where(np.abs(v) < 2.0**-126, np.copysign(0, v), v)

    known = np.zeros(a.shape, bool)
    with np.errstate(all="ignore"):
        for p, q in itertools.product((a, flushed(a)), (b, flushed(b))):
            want = (p / q).astype("float32")
            for one in (want, flushed(want)):
                known |= (y == one) | (np.isnan(y) & np.isnan(one))
    np.testing.assert_array_equal(known, True)
    size = np.abs(a)
    right = np.sqrt(size)
    near = np.abs(root - right) <= 2 * np.spacing(right)
    assert (near | ((root == 0) & (size < 2.0**-126))).all()


def test_nothing_is_corrected_on_a_cpu() -> None:
    """There the native quotient is taken: on JAX once it is lowered for one."""
    x = ops.convert_to_tensor([1.0, 2.0], "float32")
    if BACKEND != "jax":
        assert division.rounds_to_nearest(x, x)
        return
    import jax

    def halved(x: Any) -> Any:
        return division.quotient(x, 3.0 * x, "float32")

    for platform, divisions in (("cpu", 1), ("cuda", 2)):
        exported = jax.export.export(jax.jit(halved), platforms=[platform])(x)
        assert exported.mlir_module().count("stablehlo.divide") == divisions


@pytest.mark.parametrize("mode", ["eager", "jit"])
def test_roots_are_rounded_to_nearest(mode: str) -> None:
    """torch's own on a CPU are off by 0.75 ulp."""
    bits = np.arange(2**23, 3 * 2**23, 131) + 127 * 2**23
    a = bits.astype("int32").view("float32")

    def root(x):  # type: ignore[no-untyped-def]
        return division.square_root(x, "float32")

    got = compiled(root, mode)(ops.convert_to_tensor(a, dtype="float32"))
    np.testing.assert_array_equal(ops.convert_to_numpy(got), np.sqrt(a))


@pytest.mark.skipif(BACKEND != "torch", reason="torch runs them")
@pytest.mark.parametrize("way", ["export", "aot_eager"])
def test_roots_that_torch_runs_later(way: str) -> None:
    """What is traced, and run operation by operation: by MKL, by itself."""
    import torch

    class Root(torch.nn.Module):
        def forward(self, x):  # type: ignore[no-untyped-def]
            return division.square_root(x, "float32")

    bits = np.arange(127 * 2**23, 129 * 2**23, 131)
    a = bits.astype("int32").view("float32")
    with keras.device("cpu"):
        x = tensor(a)
        if way == "export":
            got = torch.export.export(Root(), (x,)).module()(x)
        else:
            got = torch.compile(Root(), backend=way)(x)
    np.testing.assert_array_equal(ops.convert_to_numpy(got), np.sqrt(a))
