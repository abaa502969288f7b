"""Activations by name and the continuous Bernoulli distribution."""

from __future__ import annotations

import itertools
from pathlib import Path

import keras
import mpmath
import numpy as np
import pytest
from backends import BACKEND
from backends import reverse
from backends import run
from backends import tensor
from oracle import exact
from oracle import ulp_error
from points import filled
from sampling import sampled

import keras_stablef as ks

AUTODIFF = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="needs autodiff"
)
mpmath.mp.dps = 60


def value(x: object) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(x))


# By one class for all of them: each on one backend, the first on all.
@pytest.mark.parametrize("name", sampled(ks.ops.__all__, always=["stablef"]))
def test_every_op_is_an_activation(name: str) -> None:
    x = filled(np.array([0.25, 0.5, 0.75], "float32"))
    activation = getattr(ks.activations, name)
    np.testing.assert_array_equal(
        value(activation(x)), value(getattr(ks.ops, name)(x))
    )
    assert keras.activations.get(activation) is activation
    config = keras.activations.serialize(activation)
    assert keras.activations.deserialize(config) is activation


def test_unknown_activation() -> None:
    with pytest.raises(AttributeError, match="expected one of"):
        ks.activations.no_such  # noqa: B018


@AUTODIFF
def test_in_a_saved_model_by_name(tmp_path: Path) -> None:
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(4, activation=ks.activations.tanhc),
            keras.layers.Activation(ks.activations.log_cosh),
            ks.layers.StableF(),
        ]
    )
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    x = np.linspace(-3, 3, 12, dtype="float32").reshape(4, 3)
    np.testing.assert_array_equal(
        model.predict(x, verbose=0), again.predict(x, verbose=0)
    )
    assert again.layers[0].activation is ks.activations.tanhc


LOGITS = [
    -1e30, -1e6, -88.8, -30.0, -3.0, -1.0, -0.999, -1e-3, -1e-9, 0.0, 1e-9,
    1e-3, 0.5, 2.0, 5.0, 20.0, 65.0, 88.8, 1e3, 1e6, 1e30,
]  # fmt: skip
CHANCES = [0.0, 1e-7, 1e-3, 0.3, 0.5, 0.9, 0.999]


def exact_quantile(logit: float, u: float) -> mpmath.mpf:
    n, p = mpmath.mpf(logit), mpmath.mpf(u)
    if n == 0:
        return p
    if n > 1000:
        return 1 + mpmath.log(p + (1 - p) * mpmath.exp(-n)) / n
    return mpmath.log(1 + p * mpmath.expm1(n)) / n


@pytest.mark.parametrize("u", CHANCES)
def test_quantile(u: float) -> None:
    logits = np.array(LOGITS, "float32")
    chance = np.float32(u)
    d = ks.distributions.ContinuousBernoulli(logits)
    got = value(d.quantile(chance))
    assert ((got >= 0) & (got <= 1)).all()
    for logit, x in zip(logits, got, strict=True):
        want = exact_quantile(float(logit), float(chance))
        # 64 * 0.7 of cancellation at most where exp(l) would overflow.
        limit = 1e-5 if logit > 64 and u < 1e-6 else 1e-6
        if chance == 0:
            assert x == 0
        else:
            assert abs(float(x) - want) <= limit * max(want, 1e-37)


OUTSIDE = [-np.inf, -1.0, -1e-30, np.nextafter(1.0, 2.0, dtype="float32"),
           1.5, np.inf, np.nan]  # fmt: skip


@pytest.mark.parametrize("mode", ["eager", "jit"])
def test_quantile_at_the_ends_and_outside(mode: str) -> None:
    if mode == "jit" and BACKEND == "torch":
        pytest.skip("Inductor takes minutes for two tables of pieces")
    u = np.array([0.0, 1.0, *OUTSIDE], "float32")[:, None]
    logits = tensor(np.array([*LOGITS, np.inf, -np.inf, np.nan], "float32"))

    def of(u):  # type: ignore[no-untyped-def]
        return ks.distributions.ContinuousBernoulli(logits).quantile(u)

    got = run(of, u, mode)
    assert (got[0, :-1] == 0).all() and (got[1, :-1] == 1).all()
    assert np.isnan(got[2:]).all() and np.isnan(got[:, -1]).all()


@AUTODIFF
def test_gradient_of_the_quantile_at_the_ends_is_0() -> None:
    def of(n):  # type: ignore[no-untyped-def]
        d = ks.distributions.ContinuousBernoulli(n)
        return d.quantile([[0.0], [1.0], [-1.0], [2.0], [-9.0], [9.0]])

    slope = run(reverse(of), np.array(LOGITS, "float32"))
    assert (slope == 0).all()


def test_quantile_of_a_number_is_float64_where_the_logits_are() -> None:
    if BACKEND == "numpy":
        pytest.skip("Keras computes in float32 there")
    d = ks.distributions.ContinuousBernoulli(np.array([0.0]))
    assert value(d.quantile(0.1)) == [0.1]


SHAPES = [((), (2,)), (5, (5, 2)), ((5,), (5, 2)), ([3, 1], (3, 1, 2)),
          (np.int64(5), (5, 2)), (0, (0, 2))]  # fmt: skip


# JAX compiles the quantile for each.
@pytest.mark.parametrize("row", sampled(range(len(SHAPES)), always=(0, 3)))
def test_shape_of_samples(row: int) -> None:
    shape, want = SHAPES[row]
    d = ks.distributions.ContinuousBernoulli([0.0, 1.0])
    assert tuple(d.sample(shape, seed=1).shape) == want


BAD_SHAPES = [
    (-1, ValueError), ((2, -3), ValueError), (-(10**5000), ValueError),
    (1.5, TypeError), ("5", TypeError), (None, TypeError), ((1.0,), TypeError),
    (keras.KerasTensor((2,)), TypeError),
    # More than an array's bytes can be counted: C++ would end the process.
    (2**62, ValueError), (10**30, ValueError), (10**5000, ValueError),
    ((2**40, 2**40), ValueError), ((0, 2**62), ValueError),
    ((1,) * 100, ValueError), (itertools.repeat(1), ValueError),
]  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "error"), BAD_SHAPES, ids=range(len(BAD_SHAPES))
)
def test_bad_shape_of_samples(shape: object, error: type[Exception]) -> None:
    d = ks.distributions.ContinuousBernoulli([0.0, 1.0])
    with pytest.raises(error, match=r"Bad shape: expected.*received"):
        d.sample(shape)


BAD_SEEDS = [
    (-1, ValueError), (2**32, ValueError), (10**400, ValueError),
    (-(10**5000), ValueError), (1.5, TypeError), ("1", TypeError),
    (True, TypeError),
]  # fmt: skip


@pytest.mark.parametrize(
    ("seed", "error"), BAD_SEEDS, ids=range(len(BAD_SEEDS))
)
def test_bad_seed_of_samples(seed: object, error: type[Exception]) -> None:
    d = ks.distributions.ContinuousBernoulli([0.0, 1.0])
    with pytest.raises(error, match=r"Bad seed: expected.*received"):
        d.sample(3, seed)


def test_seeds() -> None:
    d = ks.distributions.ContinuousBernoulli([0.0, 1.0])
    one, two = d.sample(3, 2**32 - 1), d.sample(3, np.uint32(2**32 - 1))
    np.testing.assert_array_equal(value(one), value(two))
    assert d.sample(3, keras.random.SeedGenerator(1)).shape == (3, 2)


UNREAL = [
    (np.array([0.5j]), TypeError), ([0.5j], TypeError),
    (10**400, ValueError), ([10**5000], ValueError),
]  # fmt: skip


@pytest.mark.parametrize(("x", "error"), UNREAL, ids=range(len(UNREAL)))
def test_numbers_that_are_not_real(x: object, error: type[Exception]) -> None:
    kind = ks.distributions.ContinuousBernoulli
    d = kind([1.0])
    for call in (kind, d.log_prob, d.quantile):
        with pytest.raises(error, match=r"expected.*received"):
            call(x)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (3, 3), (2, 2, 1, 3)])
def test_shapes_that_do_not_broadcast(shape: tuple[int, ...]) -> None:
    d = ks.distributions.ContinuousBernoulli(np.zeros((4, 2)))
    for call in (d.log_prob, d.quantile):
        with pytest.raises(ValueError, match=r"expected.*received") as caught:
            call(np.zeros(shape))
        assert f"received {shape} and (4, 2)" in str(caught.value)


def test_nan_logits_give_nan() -> None:
    d = ks.distributions.ContinuousBernoulli([np.nan, np.nan])
    for y in (d.mean(), d.variance(), d.log_normalizer(), d.log_prob(0.5),
              d.quantile(0.5), d.sample((5,), seed=1)):  # fmt: skip
        assert np.isnan(value(y)).all()


@AUTODIFF
@pytest.mark.parametrize(
    "mode",
    # Inductor takes minutes for two tables of pieces.
    ["eager"] if BACKEND == "torch" else ["eager", "jit"],
)
def test_samples_carry_the_gradient(mode: str) -> None:
    """A row for each u, which are compiled together."""
    chances = np.array(CHANCES[1:], "float32")[:, None]
    logits = np.tile(np.array(LOGITS, "float32"), (len(chances), 1))

    def of(n):  # type: ignore[no-untyped-def]
        return ks.distributions.ContinuousBernoulli(n).quantile(chances)

    slopes = run(reverse(of), logits, mode)
    assert np.isfinite(slopes).all()
    for u, slope in zip(CHANCES[1:], slopes, strict=True):
        check_slopes(u, slope)


def check_slopes(u: float, slope: np.ndarray) -> None:
    logits = np.array(LOGITS, "float32")
    for k in (3, 4, 5, 7, 12, 13, 14, 15):
        p = mpmath.mpf(float(np.float32(u)))
        want = mpmath.diff(
            lambda n, p=p: mpmath.log(1 + p * mpmath.expm1(n)) / n,
            mpmath.mpf(float(logits[k])),
        )
        # A difference whose second term is x/l, about u/2 near l = 0.
        x = exact_quantile(float(logits[k]), float(p))
        size = abs(want) + min(x / abs(float(logits[k])), p)
        assert abs(slope[k] - want) <= 8 * 2.0**-23 * size
    middle = LOGITS.index(0.0)
    p = float(np.float32(u))
    # u/2 - u**2/2, each rounded: 1/(1 - u) times the error of one.
    limit = 4 * 2.0**-23 / (1 - p)
    np.testing.assert_allclose(slope[middle], p * (1 - p) / 2, rtol=limit)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_moments(dtype: str) -> None:
    logits = tensor(np.array([-1e4, -5.0, 0.0, 0.5, 3.0], "float32"))
    logits = keras.ops.cast(logits, dtype)
    d = ks.distributions.ContinuousBernoulli(logits)
    exactly = value(keras.ops.cast(logits, "float32")).tolist()
    for got, name, order in (
        (d.mean(), "stablef", 0),
        (d.variance(), "stablef", 1),
        (d.log_normalizer(), "log_exprel", 0),
    ):
        assert keras.backend.standardize_dtype(got.dtype) == dtype
        bound = getattr(ks.ops, name).error_bound(dtype, order=order)
        wide = value(keras.ops.cast(got, "float32"))
        for x, y in zip(exactly, wide.tolist(), strict=True):
            assert ulp_error(y, exact(name, order, x), dtype) <= bound


def test_samples_have_these_moments() -> None:
    logits = np.array([-300.0, -2.0, 0.0, 4.0], "float32")
    d = ks.distributions.ContinuousBernoulli(logits)
    x = value(d.sample((50_000,), seed=3))
    assert x.shape == (50_000, 4)
    assert ((x >= 0) & (x <= 1)).all()
    error = np.sqrt(value(d.variance()) / len(x))
    assert (np.abs(x.mean(0) - value(d.mean())) <= 5 * error).all()
    np.testing.assert_allclose(x.var(0), value(d.variance()), rtol=0.05)
    seeded = value(d.sample((3,), seed=3))
    np.testing.assert_array_equal(seeded, value(d.sample((3,), seed=3)))


def test_log_prob() -> None:
    d = ks.distributions.ContinuousBernoulli(np.zeros(1, "float32"))
    x = np.array([0.0, 0.5, 1.0, -0.1, 1.1, np.inf, np.nan], "float32")
    got = value(d.log_prob(x))
    np.testing.assert_array_equal(
        got, [0, 0, 0, -np.inf, -np.inf, -np.inf, np.nan]
    )
    logits = np.array([-20.0, 3.0, 0.25], "float32")
    d = ks.distributions.ContinuousBernoulli(logits)
    want = [
        0.25 * n - mpmath.log(mpmath.expm1(n) / n)
        for n in map(mpmath.mpf, logits.tolist())
    ]
    got = value(d.log_prob(0.25))
    np.testing.assert_allclose(got, np.array(want, float), rtol=1e-6)


@AUTODIFF
def test_gradient_of_log_prob_outside_is_0() -> None:
    def of(n):  # type: ignore[no-untyped-def]
        d = ks.distributions.ContinuousBernoulli(n)
        return d.log_prob(np.array([0.5, 1.5, -np.inf], "float32"))

    slope = run(reverse(of), np.array([0.0, 1.0, 2.0], "float32"))
    assert slope.tolist() == [0.0, 0.0, 0.0]


def test_complex_logits_are_refused() -> None:
    with pytest.raises(TypeError, match="expected a real dtype"):
        ks.distributions.ContinuousBernoulli(1j)
