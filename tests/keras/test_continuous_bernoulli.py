"""The distribution's probabilities and moments, near 1/2 and in both tails."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from backends import BACKEND
from backends import tensor
from mpmath import mp
from mpmath import mpf
from recipe_oracle import errors
from recipe_oracle import with_partials
from recipe_rows import Row

import keras_stablef as ks

DIFFERENTIATES = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="needs autodiff"
)
Distribution = ks.distributions.ContinuousBernoulli
NEAR = [0.0, 1e-20, 1e-7, -1e-4, 1e-3, 0.1, -0.1, 1.0, -1.0]
MIDDLE = [-2.1, 3.9, -4.1, 5.0, -12.0, 20.0, -20.0, 60.0, -63.9, 64.1]
FAR = [100.0, -100.0, 1e6, -1e6, 1e12]
INSIDE = [1e-6, 0.1, 0.4999, 0.5, 0.5001, 0.9, 0.99999]


def f(a: mpf) -> mpf:
    return 1 / (1 - mp.exp(-a)) - 1 / a


def variance(a: mpf) -> mpf:
    return 1 / a**2 - mp.exp(-a) / (1 - mp.exp(-a)) ** 2


def log_exprel(a: mpf) -> mpf:
    return mp.log((mp.exp(a) - 1) / a)


def divergence(p: mpf, q: mpf) -> mpf:
    return (p - q) * f(p) - log_exprel(p) + log_exprel(q)


def probability(x: mpf, a: mpf) -> mpf:
    return a * mp.exp(a * x) / (mp.exp(a) - 1)


def of(method: str) -> object:
    def function(x: object, logits: object) -> object:
        return getattr(Distribution(logits), method)(x)

    return function


PAIRS = [([v], [v * 1.0001, v * 1.25, v * 2.1, v * 7]) for v in MIDDLE + FAR]
ROWS = [
    Row(
        "prob",
        probability,
        [(INSIDE, NEAR + MIDDLE[:6])],
        "",
        (1,),
        most=20,
        terms={1: lambda x, a: probability(x, a) * x},
        function=of("prob"),
    ),
    Row(
        "cdf",
        lambda x, a: (mp.exp(a * x) - 1) / (mp.exp(a) - 1),
        [(INSIDE, NEAR + MIDDLE[:6])],
        "",
        (1,),
        most=20,
        function=of("cdf"),
    ),
    Row(
        "entropy",
        lambda a: log_exprel(a) - a * f(a),
        [(NEAR + MIDDLE + FAR,)],
        "",
        (0,),
        function=lambda a: Distribution(a).entropy(),
    ),
    Row(
        "stddev",
        lambda a: mp.sqrt(variance(a)),
        [(NEAR + MIDDLE + FAR,)],
        "",
        (0,),
        function=lambda a: Distribution(a).stddev(),
    ),
    Row(
        "kl_divergence",
        divergence,
        [
            ([*NEAR, 30.0, -30.0], [0.0, 1e-5, -0.01, 1.3, 7.0, -50.0, 1e6]),
            *PAIRS,
        ],
        "",
        (0, 1),
        most=16,
        function=lambda p, q: Distribution(p).kl_divergence(Distribution(q)),
    ),
]
EACH = pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])


def arrays(results: tuple) -> list[np.ndarray]:
    return [np.asarray(keras.ops.convert_to_numpy(y)) for y in results]


@DIFFERENTIATES
@EACH
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_value_and_gradient(row: Row, dtype: str) -> None:
    run = with_partials(row.recipe)
    got = arrays(run(*map(tensor, row.arguments(dtype))))
    assert all(str(y.dtype) == dtype for y in got)
    found = errors(row, dtype, got)
    assert max(found) <= row.most, found


def test_at_infinite_and_nan_logits() -> None:
    d = Distribution(np.array([-np.inf, np.inf, np.nan], "float32"))
    for name, wanted in (
        ("stddev", [0.0, 0.0, np.nan]),
        ("mode", [0.0, 1.0, np.nan]),
        ("mean", [0.0, 1.0, np.nan]),
    ):
        found = keras.ops.convert_to_numpy(getattr(d, name)())
        np.testing.assert_allclose(found, wanted, atol=1e-37)
    found = keras.ops.convert_to_numpy(d.entropy())
    assert np.isfinite(found[:2]).all() and np.isnan(found[2])


def test_mode() -> None:
    d = Distribution([-1e-9, 0.0, 2.0])
    found = keras.ops.convert_to_numpy(d.mode())
    assert found.tolist() == [0.0, 0.5, 1.0]


@DIFFERENTIATES
@pytest.mark.parametrize("name", ["prob", "cdf"])
def test_outside_and_at_the_ends(name: str) -> None:
    x = tensor(np.array([-1.0, 0.0, 1.0, 2.0, np.nan], "float32"))
    logits = tensor(np.full(5, 3.0, "float32"))
    value, by_x, by_logit = arrays(with_partials(of(name))(x, logits))
    start = 3 / np.expm1(3.0)
    inner = {"prob": [start, start * np.exp(3)], "cdf": [0, 1]}[name]
    ends = {"prob": [0, 0], "cdf": [0, 1]}[name]
    wanted = [ends[0], *inner, ends[1], np.nan]
    np.testing.assert_allclose(value, wanted, 1e-6)
    for slope in (by_x, by_logit):
        assert slope[0] == 0 == slope[3] and np.isfinite(slope).all()
    if name == "cdf":
        assert by_logit[1] == 0 == by_logit[2]


def test_they_go_with_what_was_there() -> None:
    d = Distribution(np.linspace(-30, 30, 13, dtype="float32"))
    u = 0.3
    back = keras.ops.convert_to_numpy(d.cdf(d.quantile(u)))
    np.testing.assert_allclose(back, u, 1e-5)
    prob = keras.ops.convert_to_numpy(keras.ops.exp(d.log_prob(u)))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(d.prob(u)), prob, 1e-5
    )
    wide = keras.ops.convert_to_numpy(d.stddev()) ** 2
    np.testing.assert_allclose(
        wide, keras.ops.convert_to_numpy(d.variance()), 1e-6
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_narrow_dtypes(dtype: str) -> None:
    d = Distribution(keras.ops.convert_to_tensor([-3.0, 0.0], dtype=dtype))
    for found in (d.prob(0.5), d.cdf(0.5), d.entropy(), d.kl_divergence(d)):
        assert keras.backend.standardize_dtype(found.dtype) == dtype
        assert not np.isnan(
            keras.ops.convert_to_numpy(keras.ops.cast(found, "float32"))
        ).any()


def test_repr_and_what_is_refused() -> None:
    d = Distribution(np.zeros((4, 2), "float32"))
    shown = "<ContinuousBernoulli: logits of shape (4, 2), float32>"
    assert repr(d) == shown
    with pytest.raises(TypeError, match=r"a ContinuousBernoulli, received 'li"):
        d.kl_divergence([0.0])
    with pytest.raises(ValueError, match="do not go together"):
        d.kl_divergence(Distribution(np.zeros(3)))
    with pytest.raises(TypeError, match="complex"):
        d.cdf(1j)
