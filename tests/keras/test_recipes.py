"""Recipes: value and every partial derivative, on and beside their lines."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import ml_dtypes
import numpy as np
import pytest
from backends import BACKEND
from backends import compiled
from backends import tensor
from mpmath import mp
from mpmath import mpf
from recipe_oracle import errors
from recipe_oracle import with_partials
from recipe_rows import NAMES
from recipe_rows import ROWS
from recipe_rows import Row
from sampling import sampled

import keras_stablef as ks

DIFFERENTIATES = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="needs autodiff"
)
INF = float("inf")
BIG = float(np.finfo("float32").max)
PAGE = Path(__file__).parents[2] / "docs/recipes.md"


def arrays(results: tuple) -> list[np.ndarray]:
    return [np.asarray(keras.ops.convert_to_numpy(y)) for y in results]


def traced(function: Callable, mode: str) -> Callable:
    """Compiled; on torch up to inductor, which takes minutes for one row."""
    if (BACKEND, mode) != ("torch", "jit"):
        return compiled(function, mode)
    import torch

    torch._dynamo.reset()
    return torch.compile(function, fullgraph=True, backend="aot_eager")


def worst(row: Row, dtype: str, mode: str) -> list[float]:
    run = traced(with_partials(row.recipe), mode)
    got = arrays(run(*map(tensor, row.arguments(dtype))))
    assert all(str(y.dtype) == dtype for y in got)
    return errors(row, dtype, got)


@DIFFERENTIATES
@pytest.mark.parametrize("name", sampled(NAMES))
def test_value_and_partial_derivatives(name: str) -> None:
    row = ROWS[NAMES.index(name)]
    found = worst(row, "float32", "eager")
    assert max(found) <= row.most, found


@DIFFERENTIATES
@pytest.mark.parametrize("name", sampled(NAMES, 3))
def test_compiled(name: str) -> None:
    row = ROWS[NAMES.index(name)]
    found = worst(row, "float32", "jit")
    assert max(found) <= row.most, found


@pytest.mark.slow
@pytest.mark.skipif(BACKEND != "torch", reason="others in test_compiled")
def test_compiled_by_inductor() -> None:
    row = ROWS[NAMES.index("log_sub_exp")]
    run = compiled(with_partials(row.recipe), "jit")
    found = errors(
        row, "float32", arrays(run(*map(tensor, row.arguments("float32"))))
    )
    assert max(found) <= row.most, found


@DIFFERENTIATES
@pytest.mark.parametrize("name", sampled(NAMES, 6))
def test_float64(name: str) -> None:
    row = ROWS[NAMES.index(name)]
    found = worst(row, "float64", "eager")
    assert max(found) <= (row.most_double or row.most), found


def test_every_recipe_has_a_row_and_a_docstring() -> None:
    assert sorted(NAMES) == sorted(ks.recipes.__all__)
    for name in NAMES:
        text = inspect.getdoc(getattr(ks.recipes, name)) or ""
        for part in ("Args:", "Returns:", "Raises:", "Example:", "Source:"):
            assert part in text, name


@pytest.mark.parametrize("name", NAMES)
def test_the_example_runs(name: str) -> None:
    text = inspect.getdoc(getattr(ks.recipes, name)) or ""
    (code,) = re.findall(r">>> (.*)", text)
    assert np.isfinite(keras.ops.convert_to_numpy(eval(code, {"ks": ks}))).any()


# Edges: the arguments, and value and partial derivatives there; None is not
# looked at.
EDGES = [
    ("poisson_deviance", (0.0, 2.0), (4.0, -BIG, 2.0)),
    ("poisson_deviance", (2.0, 2.0), (0.0, 0.0, 0.0)),
    ("bernoulli_deviance", (0.0, 0.5), (2 * np.log(2), -BIG, 4.0)),
    ("bernoulli_deviance", (1.0, 0.5), (2 * np.log(2), BIG, -4.0)),
    ("negative_binomial_deviance", (0.0, 1.0, 0.0), (2.0, -BIG, 2.0, -1.0)),
    ("tweedie_deviance", (0.0, 1.0, 1.5), (4.0, -BIG, 2.0, 8.0)),
    ("tweedie_deviance", (0.0, 1.0, 1.0), (2.0, -BIG, 2.0, 2.0)),
    ("log_sub_exp", (1.0, -INF), (1.0, 1.0, 0.0)),
    ("log_sub_exp", (1.0, 1.0), (-INF, BIG, -BIG)),
    ("log_sub_exp", (-INF, -INF), (-INF, 1.0, 0.0)),
    ("logarithmic_mean", (0.0, 3.0), (0.0, BIG, 0.0)),
    ("logarithmic_mean", (3.0, 3.0), (3.0, 0.5, 0.5)),
    ("box_cox_inverse", (-2.0, 0.5), (0.0, 0.0, 0.0)),
    ("box_cox_inverse", (-1.0, 1.0), (0.0, 1.0, 0.0)),
    ("yeo_johnson", (0.0, 0.0), (0.0, 1.0, 0.0)),
    ("gpd_log_prob", (0.0, 0.0, 1.0), (0.0, -1.0, 0.0, -1.0)),
    ("gpd_quantile", (0.0, 0.0, 2.0), (0.0, 2.0, 0.0, 0.0)),
    ("vasicek_log_price", (0.1, 0.0, 0.0, 0.0, 0.0), (0, 0, 0, 0, 0, -0.1)),
    (
        "truncated_normal_log_prob",
        (0.0, 0.0, 1.0, -INF, INF),
        (-np.log(2 * np.pi) / 2, 0.0, 0.0, -1.0, 0.0, 0.0),
    ),
    (
        "truncated_normal_log_prob",
        (0.0, 0.0, 1.0, 0.0, INF),
        (-np.log(np.pi / 2) / 2, 0.0, None, None, None, 0.0),
    ),
]
# Outside of the domain: nan with gradient 0.
OUTSIDE = [
    ("box_cox", (0.0, 1.0)),
    ("box_cox", (np.nan, 1.0)),
    ("box_cox_inverse", (-3.0, 1.0)),
    ("yeo_johnson", (INF, 1.0)),
    ("yeo_johnson_inverse", (9.0, -1.0)),
    ("gpd_log_prob", (-1.0, 0.0, 1.0)),
    ("gpd_cdf", (3.0, -0.5, 1.0)),
    ("gpd_quantile", (1.0, 0.0, 1.0)),
    ("gev_log_prob", (0.0, 0.0, 0.0, 0.0)),
    ("gev_cdf", (-3.0, 0.5, 0.0, 1.0)),
    ("gev_quantile", (0.0, 0.0, 0.0, 1.0)),
    ("log_sub_exp", (0.0, 1.0)),
    ("exp_divided_difference", (INF, 1.0)),
    ("logarithmic_mean", (-1.0, 1.0)),
    ("poisson_deviance", (-1.0, 1.0)),
    ("gamma_deviance", (0.0, 1.0)),
    ("bernoulli_deviance", (0.5, 0.0)),
    ("negative_binomial_deviance", (1.0, 1.0, -1.0)),
    ("tweedie_deviance", (0.0, 1.0, 2.0)),
    ("vasicek_duration", (1.0, -1.0)),
    ("vasicek_log_price", (0.1, 1.0, 0.1, np.nan, 1.0)),
    ("truncated_normal_log_prob", (2.0, 0.0, 1.0, 0.0, 1.0)),
    ("discretized_logistic_log_prob", (0.0, 0.0, 1.0, 0.0)),
]


def at(
    name: str, place: tuple, function: object = None, mode: str = "eager"
) -> list[float]:
    args = [tensor(np.array([v], "float32")) for v in place]
    run = with_partials(function or getattr(ks.recipes, name))
    if mode != "eager":
        run = traced(run, mode)
    return [float(y[0]) for y in arrays(run(*args))]


@DIFFERENTIATES
@pytest.mark.parametrize(("name", "place", "wanted"), EDGES)
def test_edges(name: str, place: tuple, wanted: tuple) -> None:
    for got, want in zip(at(name, place), wanted, strict=True):
        if want is not None:
            np.testing.assert_allclose(got, want, 1e-6, 1e-6)


# Where a step on the way leaves the range of float32, and the result does not
# (or does: infinite).
FAR = [
    ("exp_divided_difference", (90.0, 0.0)),
    ("exp_divided_difference", (90.0, 89.0)),
    ("poisson_deviance", (1e30, 1e-30)),
    ("poisson_deviance", (1e-30, 1e30)),
    ("gamma_deviance", (1e-30, 1e30)),
    ("gamma_deviance", (1e30, 1e-30)),
    ("poisson_deviance", (1.9e38, 2.6e30)),
    ("gamma_deviance", (1.7e38, 7.9e33)),
    ("bernoulli_deviance", (1e-30, 1e-10)),
    ("logarithmic_mean", (1e-30, 1e30)),
    ("logarithmic_mean", (1e30, 1e-30)),
    ("box_cox", (1e20, 2.0)),
    ("box_cox", (1.0625, 1500.0)),
    ("box_cox_inverse", (3e38, 3.0)),
    ("box_cox_inverse", (1e20, 4.0)),
    ("yeo_johnson_inverse", (3e38, 3.0)),
    ("yeo_johnson_inverse", (-3e38, -1.0)),
    ("gpd_log_prob", (1e25, 3.0, 1.0)),
    ("gpd_cdf", (1e30, 2.0, 1.0)),
    ("gev_log_prob", (1e38, 30.0, 0.0, 1.0)),
    ("truncated_normal_log_prob", (2e-25, 1e-25, 1e-25, 0.0, 3e-25)),
    ("vasicek_duration", (1e20, 1e20)),
]


@DIFFERENTIATES
@pytest.mark.parametrize("mode", ["eager", "jit"])
@pytest.mark.parametrize(("name", "place"), FAR)
def test_far_from_1(name: str, place: tuple, mode: str) -> None:
    row = ROWS[NAMES.index(name)]
    exact = [mpf(float(np.float32(v))) for v in place]
    with mp.workdps(150):
        wanted = [row.textbook(*exact)]
        for i, v in enumerate(exact):
            step = (abs(v) or 1) * mpf("1e-50")
            ends = [
                row.textbook(*exact[:i], v + s, *exact[i + 1 :])
                for s in (step, -step)
            ]
            wanted.append((ends[0] - ends[1]) / (2 * step))
    value, *slopes = at(name, place, mode=mode)
    most = INF if abs(wanted[0]) > BIG else float(wanted[0])
    np.testing.assert_allclose(value, most, 1e-5)
    for got, want in zip(slopes, wanted[1:], strict=True):
        bounded = float(min(max(want, -BIG), BIG))
        np.testing.assert_allclose(got, bounded, 1e-5, 1e-37)


# What a compiler traces first: nothing is made within it that it cannot see.
FIRST = """
import keras, numpy as np
import keras_stablef as ks
from backends import compiled
x = keras.ops.convert_to_tensor(np.array([0.5, 2.0], "float16"))
run = compiled(lambda v: ks.recipes.box_cox(v, 1.0), "jit")
print(keras.ops.convert_to_numpy(run(x)).tolist())
"""


@DIFFERENTIATES
def test_compiled_before_anything_else() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIRST],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip().endswith("[-0.5, 1.0]")


@DIFFERENTIATES
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_edges_of_16_bits_are_finite(dtype: str) -> None:
    run = with_partials(ks.recipes.poisson_deviance)
    _, by_y, by_mean = run(
        *(keras.ops.convert_to_tensor([v], dtype) for v in (0.0, 2.0))
    )
    most = float(ml_dtypes.finfo(dtype).max)
    assert float(keras.ops.cast(by_y, "float32")[0]) == -most
    assert float(keras.ops.cast(by_mean, "float32")[0]) == 2


@DIFFERENTIATES
@pytest.mark.parametrize(("name", "place"), OUTSIDE)
def test_outside_nothing_leaks(name: str, place: tuple) -> None:
    value, *slopes = at(name, place)
    assert np.isnan(value)
    assert slopes == [0.0] * len(slopes)

    def masked(*args):  # type: ignore[no-untyped-def]
        y = getattr(ks.recipes, name)(*args)
        return keras.ops.where(keras.ops.isnan(y), keras.ops.zeros_like(y), y)

    assert at(name, place, masked) == [0.0] * (len(slopes) + 1)


def test_all_domains_are_tested_from_outside() -> None:
    assert {name for name, _ in OUTSIDE} == set(NAMES)


@DIFFERENTIATES
def test_broadcasting() -> None:
    x = tensor(np.linspace(0.5, 2, 3, dtype="float32").reshape(3, 1))
    lmbda = tensor(np.array([0.0, 1.0], "float32"))
    y, by_x, by_lmbda = arrays(with_partials(ks.recipes.box_cox)(x, lmbda))
    assert y.shape == (3, 2)
    assert by_x.shape == (3, 1) and by_lmbda.shape == (2,)
    np.testing.assert_allclose(by_x[:, 0], [3.0, 1.8, 1.5], 1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_narrow_dtypes_are_rounded_once(dtype: str) -> None:
    x = keras.ops.convert_to_tensor([0.5, 1.001, 3.0], dtype=dtype)
    y = ks.recipes.box_cox(x, 0.0)
    assert keras.backend.standardize_dtype(y.dtype) == dtype
    wide = keras.ops.log(keras.ops.cast(x, "float32"))
    gap = keras.ops.cast(y, "float32") - wide
    bound = 2.0 ** {"float16": -11, "bfloat16": -8}[dtype]
    gap, wide = map(keras.ops.convert_to_numpy, (gap, wide))
    assert (np.abs(gap) <= bound * np.abs(wide)).all()


def test_numbers_lists_and_integers_become_floatx() -> None:
    y = ks.recipes.poisson_deviance([0, 3], 1)
    assert keras.backend.standardize_dtype(y.dtype) == "float32"
    assert tuple(y.shape) == (2,)


def test_what_is_refused() -> None:
    with pytest.raises(TypeError, match="complex"):
        ks.recipes.box_cox(1j, 1.0)
    with pytest.raises(ValueError, match="x and lmbda do not go together"):
        ks.recipes.box_cox(np.ones(3), np.ones(2))
    with pytest.raises(TypeError, match="in the `call` of a layer"):
        ks.recipes.box_cox(keras.KerasTensor((2,)), 1.0)


@DIFFERENTIATES
def test_second_derivatives_and_vmap() -> None:
    """Of box_cox by lmbda at 0: log(x)**3/3."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        lmbda = tf.zeros(2)
        with tf.GradientTape() as outer:
            outer.watch(lmbda)
            with tf.GradientTape() as inner:
                inner.watch(lmbda)
                y = ks.recipes.box_cox(2.0, lmbda)
            slope = inner.gradient(y, lmbda)
        found = outer.gradient(slope, lmbda)
    elif BACKEND == "jax":
        import jax

        curve = jax.grad(jax.grad(ks.recipes.box_cox, 1), 1)
        found = jax.vmap(curve, (None, 0))(2.0, np.zeros(2, "float32"))
        assert jax.hessian(ks.recipes.box_cox, (0, 1))(2.0, 0.0)
    else:
        import torch

        curve = torch.func.grad(torch.func.grad(ks.recipes.box_cox, 1), 1)
        found = torch.func.vmap(curve, (None, 0))(
            torch.tensor(2.0), torch.zeros(2)
        )
    found = keras.ops.convert_to_numpy(found)
    np.testing.assert_allclose(found, np.full(2, np.log(2) ** 3 / 3), 1e-5)


SEVERAL = r"received .*a.*b.*ks\.recipes .*docs/recipes\.md"


@pytest.mark.once
@pytest.mark.parametrize(
    "formula",
    ["log(exp(a) - exp(b))", lambda a, b: keras.ops.exp(a) - keras.ops.exp(b)],
)
def test_two_variables_are_sent_here(formula: object) -> None:
    with pytest.raises(ValueError, match=SEVERAL):
        ks.stabilize(formula)


def blocks() -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("k", range(2))
def test_blocks_of_the_page(k: int) -> None:
    exec(compile(blocks()[k], "recipes.md", "exec"), {})


def test_the_page_has_every_recipe() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(blocks()) == 2
    rows = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert sorted(rows) == sorted(NAMES)


@DIFFERENTIATES
def test_it_trains() -> None:
    """A dispersion and a mean, from nan in a masked place."""
    y = np.array([0.0, 1.0, 5.0, np.nan], "float32")
    alive = tensor(np.array([1.0, 1.0, 1.0, 0.0], "float32"))

    def loss(log_mean, alpha):  # type: ignore[no-untyped-def]
        mean = keras.ops.exp(log_mean)
        each = ks.recipes.negative_binomial_deviance(tensor(y), mean, alpha)
        return keras.ops.where(alive > 0, each, keras.ops.zeros_like(each))

    args = [tensor(np.array(v, "float32")) for v in (0.0, 0.0)]
    value, *slopes = arrays(with_partials(loss)(*args))
    assert np.isnan(value).sum() == 0
    np.testing.assert_allclose(slopes, [2 * (3 - 6), -(1 + 0 + 16)], 1e-6)
