"""Functions that are none, and models that have no graph."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from backends import BACKEND
from keras import ops
from keras_stablef.generator.errors import GeneratorError

import keras_stablef as ks

pytestmark = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="needs autodiff"
)


def fails(x: Any) -> Any:
    raise RuntimeError("a\n  message " + "of many words " * 99)


def ends(x: Any) -> Any:
    sys.exit(0)


def endless(x: Any) -> Any:
    return endless(x)


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def mute(x: Any) -> Any:
    raise MuteError


# A target, and what the refusal says that it was.
REFUSED: list[tuple[Any, str]] = [
    (fails, r"fails: expected a function that.*received RuntimeError: a mess"),
    (ends, "received SystemExit: 0"),
    (endless, "received RecursionError"),
    (mute, "received MuteError"),
    (lambda x: None, "received a NoneType"),
    (lambda x: 3.0, "received a float"),
    (lambda x: [x, x], "received a list"),
    (ops.sum, r"received one of shape \(\) of \(3,\)"),
    (lambda x: ops.concatenate([x, x]), r"received one of shape \(6,\)"),
    (lambda x: x[:, None] * x[None, :], r"received one of shape \(3, 3\)"),
    (lambda x: ops.cast(x, "int32"), "dtype int32"),
    (lambda x: x > 0, "dtype bool"),
    (lambda: 3, "received TypeError"),
    (ops.add, "received TypeError"),
    (keras.layers.Dense(3), "received ValueError"),
    (ops.softmax, r"each number by itself, received 1 of 0\.375 alone"),
    (ops.cumsum, "each number by itself"),
    (keras.losses.MeanSquaredError, "received <class 'keras"),
    (int, "Cannot diagnose a class"),
]


@pytest.mark.once
@pytest.mark.parametrize(("target", "said"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_function_of_numbers(target: Any, said: str) -> None:
    with pytest.raises(GeneratorError, match=said) as error:
        ks.diagnose(target)
    assert len(str(error.value)) < 450 and "\n" not in str(error.value)


# What is odd, and a function all the same.
TAKEN: list[tuple[Any, str]] = [
    (lambda x, k=2.0: x * k, "nothing found: all is finite"),
    (lambda x: ops.ones_like(x), "beside 1+0*x"),
    (lambda x: ops.reshape(x, (-1, 1)), "nothing found"),
    (lambda x: x * float("nan"), "value is nan"),
]


@pytest.mark.once
@pytest.mark.parametrize(("target", "said"), TAKEN, ids=range(len(TAKEN)))
def test_what_is_one(target: Any, said: str) -> None:
    assert said in str(ks.diagnose(target))


def naive(x: Any) -> Any:
    return 1 / (1 - ops.exp(-x)) - 1 / x


class Own(keras.Model):
    """Two layers, and what the model computes itself between them."""

    def __init__(self, activation: Any, between: Any = None) -> None:
        super().__init__()
        given = {"kernel_initializer": "ones"}
        self.first = keras.layers.Dense(*(4, activation), name="first", **given)
        self.last = keras.layers.Dense(1, name="last", **given)
        self.between = between

    def call(self, x: Any) -> Any:
        h = self.first(x)
        return self.last(h if self.between is None else self.between(h))


FAR = np.array([[1.0, 2.0], [-100.0, -50.0]], "float32")
ZERO = np.zeros((2, 2), "float32")
Y = np.zeros((2, 1), "float32")


def bad_loss(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(ops.sqrt(y_true - 1 - ops.square(y_pred)), axis=-1)


# A model, its loss, a batch, the order, and what is said of the cause.
OWN: list[tuple[Callable[[], Any], Any, Any, int, str]] = [
    (
        *(lambda: Own(naive), "mse", FAR, 1),
        "layer first (Dense): exp(-x) overflows to inf and the backward",
    ),
    (
        *(lambda: Own(naive), "mse", ZERO, 0),
        "layer first (Dense): 1/x divides by 0",
    ),
    (
        *(lambda: Own(None, naive), "mse", FAR, 1),
        "Own.call, after layer first: what it computes itself",
    ),
    (
        *(lambda: Own(None, naive), "mse", ZERO, 0),
        "Own.call, after layer first: what it computes itself",
    ),
    (*(lambda: Own("tanh"), bad_loss, FAR, 0), "loss bad_loss at y_true = 0"),
]


@pytest.mark.parametrize(
    ("model", "loss", "x", "order", "why"), OWN, ids=range(len(OWN))
)
def test_models_without_a_graph(
    model: Callable[[], Any], loss: Any, x: Any, order: int, why: str
) -> None:
    made = model()
    made.compile("sgd", loss)
    seen = ks.diagnose(made, x, Y)
    (found,) = seen.findings
    assert found.order == order and why in found.cause
    assert "nan <= x" not in str(seen)
    assert "call" not in vars(made.first)  # nobody watches any more


def test_a_model_without_a_graph_that_is_well() -> None:
    for activation in ("tanh", ks.activations.stablef):
        model = Own(activation)
        model.compile("sgd", "mse")
        assert ks.diagnose(model, FAR, Y).ok
        assert ks.diagnose(model, FAR).ok
