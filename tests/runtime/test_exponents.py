"""Exponents are taken out and put back exactly, by bits and by floats."""

from __future__ import annotations

import itertools
import types

import numpy as np
import pytest
from backends import BACKEND
from backends import compiled
from keras import ops
from sampling import sampled

from keras_stablef.runtime import bits
from keras_stablef.runtime import exponents

pytestmark = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="autodiff backends"
)
WAYS = ("bits", "floats")  # floats: what is exported to ONNX
MODES = ("eager", "jit")
DTYPES = ("float32", "float64")


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "floats":
        if BACKEND == "torch" and "jit" in request.node.name:
            pytest.skip("torch.compile never meets them")
        monkeypatch.setattr(exponents, "sees_bits", lambda: False)
    return str(request.param)


def inputs(dtype: str, subnormal: bool) -> np.ndarray:
    """Numbers of every size, powers of two and of their roots among them."""
    info = np.finfo(dtype)
    low = info.minexp - (info.nmant if subnormal else 0)
    rng = np.random.default_rng(3)
    some = np.exp2(rng.uniform(low, info.maxexp - 1e-3, 4000))
    whole = np.exp2(np.arange(low, info.maxexp, dtype="float64"))
    near = np.nextafter(whole.astype(dtype), np.zeros(1, dtype))
    edges = [info.tiny, info.max, np.sqrt(0.5), np.sqrt(2.0)]
    every = np.concatenate([some, whole, near, edges]).astype(dtype)
    least = 0 if subnormal else info.tiny * (1 - info.eps)
    return every[every > least][: 2**13]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_powers_of_two_are_exact(dtype: str, mode: str, way: str) -> None:
    last = 126 if dtype == "float32" else 1022
    n = np.arange(-last, last + 1)
    integer = bits.BITS[dtype][0]
    power = compiled(lambda n: exponents.power_of_two(n, dtype), mode)
    got = power(ops.convert_to_tensor(n, dtype=integer))
    want = np.ldexp(np.ones(len(n), dtype), n)
    np.testing.assert_array_equal(ops.convert_to_numpy(got), want)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_floats_are_integers(dtype: str, mode: str, way: str) -> None:
    last = 2 ** ({"float32": 24, "float64": 53}[dtype] - 2) - 1
    n = np.unique(np.linspace(-last, last, 999).round())
    n = np.concatenate([n, np.arange(-1100.0, 1100.0), [-0.0]]).astype(dtype)
    whole = compiled(lambda n: exponents.whole(n, dtype), mode)
    got = ops.convert_to_numpy(whole(ops.convert_to_tensor(n, dtype=dtype)))
    assert got.dtype == bits.BITS[dtype][0]
    np.testing.assert_array_equal(got, n.astype(got.dtype))


SPLIT = list(itertools.product(DTYPES, (1, 2, 3, 7), MODES))


@pytest.mark.parametrize(
    ("dtype", "root", "mode"),
    sampled(
        SPLIT, always=[r for r in SPLIT if r[1:] in ((1, "jit"), (3, "jit"))]
    ),
)
def test_a_split_number_is_what_it_was(
    dtype: str, root: int, mode: str, way: str
) -> None:
    t = inputs(dtype, False)
    split = compiled(lambda t: exponents.split_exponent(t, root, dtype), mode)
    m, n = map(ops.convert_to_numpy, split(ops.convert_to_tensor(t, dtype)))
    assert m.dtype == n.dtype == dtype
    whole = n.astype(int)
    assert (whole == n).all() and not (whole % root).any()
    np.testing.assert_array_equal(np.ldexp(m.astype(np.longdouble), whole), t)
    off = 0.0 if way == "bits" else 2.0**-13
    # A power of two apart, the floats next to an irrational number.
    most = 2.0 ** (root / 2 + off) * (1 + 2 * np.finfo(dtype).eps)
    assert m.max() <= most and m.min() >= 1 / most


@pytest.mark.parametrize("dtype", DTYPES)
def test_subnormal_numbers_are_split(dtype: str) -> None:
    if BACKEND != "torch":
        pytest.skip("XLA and TensorFlow read a subnormal number as 0")
    t = inputs(dtype, True)
    assert (t < np.finfo(dtype).tiny).any()
    for root in (1, 2, 5):
        m, n = exponents.split_subnormal(
            ops.convert_to_tensor(t, dtype), root, dtype
        )
        m, n = map(ops.convert_to_numpy, (m, n))
        whole = n.astype(int)
        assert not (whole % root).any()
        back = np.ldexp(m.astype(np.longdouble), whole)
        np.testing.assert_array_equal(back, t)
        most = 2.0 ** (root / 2) * (1 + 2 * np.finfo(dtype).eps)
        assert m.max() <= most and m.min() >= 1 / most


@pytest.mark.parametrize("dtype", DTYPES)
def test_nan_stays_nan(dtype: str, way: str) -> None:
    nan = ops.convert_to_tensor([np.nan], dtype=dtype)
    for split in (exponents.split_exponent, exponents.split_subnormal):
        assert np.isnan(ops.convert_to_numpy(split(nan, 1, dtype)[0])).all()
    one = ops.ones_like(nan)
    for y, n in ((nan, one), (nan, nan)):
        got = ops.convert_to_numpy(exponents.scale_by_power(y, n, dtype))
        assert np.isnan(got).all()


def test_of_any_size_is_scaled() -> None:
    tiny, large = 2.0**-100, 2.0**100
    y = ops.convert_to_tensor([tiny, -tiny, large, 1.0], "float32")
    n = ops.convert_to_tensor([200.0, 200.0, -200.0, 300.0], "float32")
    got = ops.convert_to_numpy(exponents.scale_by_power(y, n, "float32"))
    assert got[:3].tolist() == [2.0**100, -(2.0**100), 2.0**-100]
    assert np.isinf(got[3])


def ask() -> bool:
    return bits.sees_bits()


def exported_now() -> bool:
    """`sees_bits`, asked by a function of Keras's export: a frame of that."""
    space = {"__name__": "keras.somewhere.onnx", "bits": bits}
    asked: bool = types.FunctionType(ask.__code__, space)()
    return asked


def test_an_export_to_onnx_is_seen() -> None:
    assert bits.sees_bits()
    assert BACKEND == "torch" or not exported_now()  # torch is asked itself
