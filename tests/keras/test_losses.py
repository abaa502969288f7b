"""Every loss: values, gradients, edges, weights and masks, round trips."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction

import keras
import mpmath
import numpy as np
import pytest
from backends import BACKEND
from backends import reverse
from backends import run
from backends import tensor
from sampling import sampled
from shipped import METRICS

import keras_stablef as ks

AUTODIFF = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="needs autodiff"
)
Number = mpmath.mpf
mpmath.mp.dps = 60


def log_exprel(x: Number) -> Number:
    return mpmath.log(mpmath.expm1(x) / x) if x else mpmath.mpf(0)


def f(x: Number) -> Number:
    return 1 / (1 - mpmath.exp(-x)) - 1 / x if x else mpmath.mpf("0.5")


def log_cosh(e: Number) -> Number:
    return abs(e) + mpmath.log1p(mpmath.exp(-2 * abs(e))) - mpmath.log(2)


def squared(y_true, y_pred):  # type: ignore[no-untyped-def]
    """A base loss of one column; Keras' mean of float64 is a float32 one."""
    return keras.ops.sum(keras.ops.square(y_true - y_pred), axis=-1)


# Loss, its value and its derivative by y_pred, of (y_true, y_pred).
LOSSES: dict[str, tuple[keras.losses.Loss, Callable, Callable]] = {
    "stable_f_loss": (
        ks.losses.StableFLoss(shifts=(0.0,), reduction=None),
        lambda t, p: (t - f(p)) ** 2,
        lambda t, p: -2 * (t - f(p)) * mpmath.diff(f, p),
    ),
    "continuous_bernoulli": (
        ks.losses.ContinuousBernoulli(reduction=None),
        lambda t, p: log_exprel(p) - p * t,
        lambda t, p: f(p) - t,
    ),
    "log_cosh": (
        ks.losses.LogCosh(reduction=None),
        lambda t, p: log_cosh(p - t),
        lambda t, p: mpmath.tanh(p - t),
    ),
    "pseudo_huber": (
        ks.losses.PseudoHuber(delta=0.25, reduction=None),
        lambda t, p: (mpmath.hypot(1, 4 * (p - t)) - 1) / 16,
        lambda t, p: (p - t) / mpmath.hypot(1, 4 * (p - t)),
    ),
}
TWINS = {
    "stable_f_loss": lambda t, p: ks.losses.stable_f_loss(
        t, p, (0.0,), squared
    ),
    "continuous_bernoulli": ks.losses.continuous_bernoulli,
    "log_cosh": ks.losses.log_cosh,
    "pseudo_huber": lambda t, p: ks.losses.pseudo_huber(t, p, 0.25),
}
EACH = pytest.mark.parametrize("name", LOSSES)
# What they inherit, from one class: each on one backend.
SHARED = pytest.mark.parametrize("name", sampled(LOSSES))
PREDICTED = [-300.0, -30.5, -2.0, -1e-3, 1e-7, 0.375, 1.5, 20.0, 700.0]
TARGETS = [0.0, 1e-6, 0.25, 0.75, 1.0]


def value(x: object) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(x))


def grid(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    pred, true = np.meshgrid(PREDICTED, TARGETS)
    return true.reshape(-1, 1).astype(dtype), pred.reshape(-1, 1).astype(dtype)


def worst(got: np.ndarray, exact: Callable, true, pred) -> float:  # type: ignore[no-untyped-def]
    """Largest error relative to |exact| + what rounding y_pred - y_true does.

    That difference is off by half an ulp of it, and slopes are at most 1.
    """
    errors = []
    for g, t, p in zip(got.ravel(), true.ravel(), pred.ravel(), strict=True):
        want = exact(mpmath.mpf(float(t)), mpmath.mpf(float(p)))
        scale = abs(want) + abs(float(t)) * 2**-4
        errors.append(float(abs(mpmath.mpf(float(g)) - want) / scale))
    return max(errors)


VALUES = list(itertools.product(LOSSES, ("float32", "float64")))


@pytest.mark.parametrize(
    ("name", "dtype"),
    sampled(VALUES, always=[row for row in VALUES if row[1] == "float32"]),
)
def test_values_and_gradients(name: str, dtype: str) -> None:
    _, exact, slope = LOSSES[name]
    twin = TWINS[name]
    true, pred = grid(dtype)
    tolerance = 32 * float(np.finfo(dtype).eps)
    targets = tensor(true)
    got = run(lambda p: twin(targets, p), pred)
    assert got.dtype == dtype
    assert worst(got, exact, true, pred) <= tolerance
    if BACKEND in ("tensorflow", "jax", "torch"):
        got = run(reverse(lambda p: twin(targets, p)), pred)
        assert worst(got, slope, true, pred) <= tolerance


@EACH
def test_class_and_twin_agree(name: str) -> None:
    true, pred = grid("float32")
    loss, twin = LOSSES[name][0], TWINS[name]
    np.testing.assert_array_equal(
        value(loss(true, pred)), value(twin(true, tensor(pred)))
    )


def test_keras_log_cosh_has_no_digit_where_ours_is_right() -> None:
    true, pred = np.zeros((1, 1), "float32"), np.full((1, 1), 1e-6, "float32")
    exact = float(np.float32(1e-6)) ** 2 / 2
    ours = float(value(ks.losses.LogCosh()(true, pred)))
    theirs = float(value(keras.losses.LogCosh()(true, pred)))
    assert abs(ours - exact) <= 1e-7 * exact
    assert abs(theirs - exact) > 0.5 * exact


def test_far_logits_do_not_cancel() -> None:
    loss = ks.losses.continuous_bernoulli([[1.0], [0.0]], [[1e6], [-1e6]])
    exact = -np.log(1e6)
    np.testing.assert_allclose(value(loss), [exact, exact], rtol=1e-6)


EDGES = [np.inf, -np.inf, 1e30, -1e30, 0.0]


# Inductor takes minutes for its two bodies.
COMPILED = pytest.param(
    "jit", marks=[pytest.mark.slow] if BACKEND == "torch" else []
)


@AUTODIFF
@pytest.mark.parametrize("mode", ["eager", COMPILED])
def test_continuous_bernoulli_at_every_logit(mode: str) -> None:
    pred = np.array([[x] for x in EDGES for _ in range(3)], "float32")
    true = tensor(np.array([[0.0], [0.5], [1.0]] * len(EDGES), "float32"))

    def loss(p):  # type: ignore[no-untyped-def]
        return ks.losses.continuous_bernoulli(true, p)

    assert np.isfinite(run(loss, pred, mode)).all()
    slope = run(reverse(loss), pred, mode)
    assert np.isfinite(slope).all()
    assert slope[-3:].ravel().tolist() == [0.5, 0.0, -0.5]  # at 0: 1/2 - y


GARBAGE = [0.0, 1e30, -1e30, np.inf, -np.inf, np.nan]


ABSENT = list(itertools.product(LOSSES, ("y_true", "y_pred", "both")))


# Inductor takes a minute for each; what it makes of weights is seen in
# tests/keras/test_package_losses.py.
COMPILED_LOSS = [("log_cosh", "both", "jit")] if BACKEND != "torch" else []


@AUTODIFF
@pytest.mark.parametrize(
    ("name", "where", "mode"),
    [
        *sampled([(*row, "eager") for row in ABSENT]),
        *sampled(
            [(*row, "jit") for row in ABSENT],
            6,
            COMPILED_LOSS,
            among=("tensorflow", "jax"),
        ),
    ],
)
def test_weight_0_is_absent(name: str, where: str, mode: str) -> None:
    loss = type(LOSSES[name][0])()
    count = len(GARBAGE)
    good = np.linspace(0.1, 0.9, count, dtype="float32")
    bad = np.array(GARBAGE, "float32")
    true = np.concatenate([good, bad if where != "y_pred" else good])[:, None]
    pred = np.concatenate([-good, bad if where != "y_true" else good])[:, None]
    weights = np.repeat(np.array([1.0, 0.0], "float32"), count)
    targets, weight = tensor(true), tensor(weights)

    def of(p):  # type: ignore[no-untyped-def]
        return loss(targets, p, weight)

    alone = value(loss(true[:count], pred[:count])) / 2  # over twice as many
    np.testing.assert_allclose(run(of, pred, mode), alone, rtol=1e-6)
    slope = run(reverse(of), pred, mode)
    assert (slope[count:] == 0).all()
    assert (slope[:count] != 0).all() and np.isfinite(slope).all()


@EACH
@pytest.mark.parametrize("where", ["y_true", "y_pred"])
def test_nan_with_a_weight_shows(name: str, where: str) -> None:
    true, pred = grid("float32")
    (true if where == "y_true" else pred)[3] = np.nan
    weights = np.ones(len(true), "float32")
    weights[4] = 0.0
    loss = type(LOSSES[name][0])()
    assert np.isnan(value(loss(true, pred)))
    assert np.isnan(value(loss(true, pred, weights)))


REDUCTIONS = [
    "sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none",
    None,
]  # fmt: skip


@EACH
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_reductions(name: str, reduction: str | None, weighted: bool) -> None:
    true, pred = grid("float32")
    pred = np.clip(pred, -5, 5)
    kind = type(LOSSES[name][0])
    weights = np.arange(len(true), dtype="float32") if weighted else None
    each = value(kind(reduction=None)(true, pred)).astype(np.float64)
    factors = np.ones(len(true)) if weights is None else weights
    total, count = (each * factors).sum(), len(true)
    want = {
        "sum": total,
        "none": each * factors,
        None: each * factors,
        "mean_with_sample_weight": total / factors.sum(),
    }.get(reduction, total / count)
    got = value(kind(reduction=reduction)(true, pred, weights))
    np.testing.assert_allclose(got, want, rtol=1e-5)


ARGUMENTS = [
    (ks.losses.ContinuousBernoulli, {}),
    (ks.losses.ContinuousBernoulli, {"reduction": "sum", "name": "mine"}),
    (ks.losses.ContinuousBernoulli, {"dtype": "float64"}),
    (ks.losses.LogCosh, {"reduction": None}),
    (ks.losses.LogCosh, {"dtype": "bfloat16"}),
    (ks.losses.PseudoHuber, {"delta": 3}),
    (ks.losses.PseudoHuber, {"delta": 1e-3, "dtype": "float16"}),
    (ks.losses.PseudoHuber, {"dtype": keras.DTypePolicy("mixed_float16")}),
]


@pytest.mark.parametrize(("kind", "arguments"), ARGUMENTS, ids=str)
def test_round_trip_by_behaviour(kind: type, arguments: dict) -> None:
    loss = kind(**arguments)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    a = loss([[0.25, 1.0]], [[-4.0, 0.5]])
    b = again([[0.25, 1.0]], [[-4.0, 0.5]])
    assert str(a.dtype) == str(b.dtype)
    np.testing.assert_array_equal(
        value(keras.ops.cast(a, "float32")), value(keras.ops.cast(b, "float32"))
    )
    assert again.name == loss.name
    assert again.get_config() == loss.get_config()


@pytest.mark.parametrize("key", ["name", "reduction"])
@pytest.mark.parametrize("word", [5, [1], {"a": 1}], ids=str)
def test_configurations_of_no_text(key: str, word: object) -> None:
    """Keras takes them unseen, and fails somewhere else."""
    for home in (ks.losses, ks.metrics):
        if key == "reduction" and home is ks.metrics:
            continue
        for kind in ("StableFLoss", "ContinuousBernoulli", "LogCosh"):
            config = {**getattr(home, kind)().get_config(), key: word}
            with pytest.raises(ValueError, match=f"Bad {key}: expected text"):
                getattr(home, kind).from_config(config)


@pytest.mark.parametrize("delta", [0, -1.0, np.inf, np.nan, "1", None, True])
def test_bad_delta(delta: object) -> None:
    error = ValueError if type(delta) in (int, float) else TypeError
    with pytest.raises(error, match=r"expected.*received"):
        ks.losses.PseudoHuber(delta=delta)  # type: ignore[arg-type]


@SHARED
@pytest.mark.parametrize("true_shape", [(4,), (4, 1)])
@pytest.mark.parametrize("pred_shape", [(4,), (4, 1)])
def test_vectors_and_columns(
    name: str, true_shape: tuple[int, ...], pred_shape: tuple[int, ...]
) -> None:
    true = np.array([0.0, 0.5, 0.75, 1.0], "float32")
    pred = np.array([1.0, -2.0, 3.0, 0.0], "float32")
    loss = type(LOSSES[name][0])()
    want = value(loss(true[:, None], pred[:, None]))
    got = value(loss(true.reshape(true_shape), pred.reshape(pred_shape)))
    np.testing.assert_allclose(got, want, rtol=1e-6)
    with pytest.raises(ValueError, match="expected equal ones, received"):
        loss(np.zeros((4, 2)), np.zeros((4, 3)))


# As Keras' own functions take them: y_true, y_pred, sample_weight.
PLAIN = [
    ([[1.0]], [[0.0]], None),
    ([1.0, 0.0], [0.5, -2.0], None),
    (((1.0,), (0.0,)), ((0.5,), (-2.0,)), None),
    ([[1], [0]], [[2], [-2]], None),
    ([[1.0], [0.0]], [[0.5], [-2.0]], [0.0, 3.0]),
    ([[1.0], [0.0]], np.array([[0.5], [-2.0]]), None),
    (np.array([[1.0], [0.0]]), [[0.5], [-2.0]], [1, 2]),
    (np.array([[1], [0]]), np.array([[2], [-2]], "int8"), None),
    ([[True], [False]], np.array([[0.5], [-2.0]], "float16"), None),
]


@SHARED
@pytest.mark.parametrize("case", PLAIN, ids=str)
def test_lists_numbers_and_arrays(name: str, case: tuple) -> None:
    true, pred, weights = case
    arrays = np.asarray(true, "float32"), np.asarray(pred, "float32")
    loss = type(LOSSES[name][0])()
    got = loss(*case)
    # Keras' own take two lists, but not a list and an array.
    theirs = keras.losses.MeanSquaredError()(*arrays, weights)
    assert got.dtype == theirs.dtype
    np.testing.assert_array_equal(value(got), value(loss(*arrays, weights)))
    if weights is None:
        theirs = keras.losses.mean_squared_error(true, pred)
        got = TWINS[name](true, pred)
        assert tuple(got.shape) == tuple(theirs.shape)
        np.testing.assert_allclose(
            value(got).astype("float64"), value(TWINS[name](*arrays)), 2e-3
        )


def complex_tensor() -> object:
    return keras.ops.convert_to_tensor(np.array([[1j]]), dtype="complex64")


ENDLESS: list = []
ENDLESS.append(ENDLESS)
# What no loss is computed of, in any of its arguments.
UNREAL = [
    (lambda: np.array([[1j]]), TypeError, "complex128"),
    (lambda: np.array([[1j]], "complex64"), TypeError, "complex64"),
    (complex_tensor, TypeError, "complex64"),
    (lambda: [[1j]], TypeError, "a complex number"),
    (lambda: [[0.0], [np.complex64(1)]], TypeError, "complex64"),
    (lambda: [[10**400]], ValueError, "10000"),
    (lambda: [[-(10**5000)]], ValueError, "an integer of 16610 bits"),
    (lambda: [[Fraction(10**400)]], ValueError, "Fraction"),
    (lambda: np.array([[10**400]], object), TypeError, "'object'"),
    (lambda: [["1"]], TypeError, "'1'"),
    (lambda: ENDLESS, ValueError, "nested deeper"),
]


@EACH
@pytest.mark.parametrize("where", ["y_true", "y_pred", "sample_weight"])
@pytest.mark.parametrize(
    ("bad", "error", "said"), UNREAL, ids=range(len(UNREAL))
)
def test_numbers_that_are_not_real(
    name: str, where: str, bad: Callable, error: type[Exception], said: str
) -> None:
    zero = np.zeros((1, 1), "float32")
    given = {"y_true": zero, "y_pred": zero, "sample_weight": zero}
    given[where] = bad()
    metric = METRICS[name]()
    calls = [type(LOSSES[name][0])(), metric, metric.update_state]
    if where != "sample_weight":
        del given["sample_weight"]
        calls.append(TWINS[name])
    for call in calls:
        with pytest.raises(error, match=r"expected.*received") as caught:
            call(*given.values())
        assert said in str(caught.value)


@EACH
def test_scalars_have_no_axis_to_average(name: str) -> None:
    metric = METRICS[name]()
    for call in (type(LOSSES[name][0])(), TWINS[name], metric.update_state):
        for pair in ((1.0, 2.0), (np.float32(1), np.float32(2)), ([1.0], 2.0)):
            with pytest.raises(ValueError, match="at least one axis"):
                call(*pair)


@EACH
@pytest.mark.parametrize("dtype", ["int32", "bool", "uint8", "complex64"])
def test_dtypes_that_are_no_floats(name: str, dtype: str) -> None:
    for kind in (type(LOSSES[name][0]), METRICS[name], ks.layers.StableF):
        said = f"Bad dtype for {kind.__name__}: expected.*received {dtype}"
        with pytest.raises(TypeError, match=said):
            kind(dtype=dtype)


def test_numbers_are_not_rounded_on_their_way_to_float64() -> None:
    pred = tensor(np.array([[0.1]]))
    assert value(ks.losses.log_cosh([[0.1]], pred)) == 0


EMPTY = [(0, 1), (0, 3), (0, 5, 2), (2, 0), (0,)]


@SHARED
@pytest.mark.parametrize("shape", EMPTY, ids=str)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_empty_batches_as_keras_does(
    name: str, shape: tuple[int, ...], reduction: str | None, weighted: bool
) -> None:
    y = np.zeros(shape, "float32")
    weights = np.ones(shape[:-1] or shape, "float32") if weighted else None
    theirs = keras.losses.MeanSquaredError(reduction=reduction)(y, y, weights)
    kind = type(LOSSES[name][0])
    ours = kind(reduction=reduction)(y, y, weights)
    np.testing.assert_array_equal(value(ours), value(theirs))


@EACH
def test_empty_batches_have_gradients(name: str) -> None:
    if BACKEND in ("tensorflow", "jax", "torch"):
        loss = type(LOSSES[name][0])(reduction="sum")
        y = np.zeros((0, 2), "float32")
        slope = run(reverse(lambda p: keras.ops.sum(loss(tensor(y), p))), y)
        assert slope.shape == (0, 2)
