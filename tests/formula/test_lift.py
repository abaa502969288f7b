"""Functions over keras.ops as people write them: read, guarded, refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import keras
import mpmath
import numpy as np
import pytest
import sympy
import tensorflow as tf
from keras import ops
from keras_stablef.generator.errors import NotAnExpressionError
from keras_stablef.generator.formula.lift import lift
from keras_stablef.generator.formula.meant import number
from keras_stablef.generator.formula.parse import parse

import keras_stablef as ks

pytestmark = pytest.mark.once

X = sympy.Symbol("x", real=True)
PLACES = (sympy.Rational(1, 7), sympy.Rational(5, 3), sympy.Rational(-9, 4))
TWO = ops.convert_to_tensor(2.0)
NAIVE = "1/(1-exp(-x))-1/x"


def naive(x: Any) -> Any:
    return 1 / (1 - ops.exp(-x)) - 1 / x


READ: list[tuple[Callable[[Any], Any], str]] = [
    (lambda x: ops.erf(x / np.sqrt(2)), "erf(x/sqrt(2))"),
    (lambda x: x * np.float32(0.3), "3*x/10"),
    (lambda x: np.float32(0.3) * x, "3*x/10"),
    (lambda x: np.float64(1) - x, "1-x"),
    (lambda x: np.sqrt(2 * np.pi) * x, "sqrt(2*pi)*x"),
    (lambda x: x / ops.sqrt(2.0), "x/sqrt(2)"),
    (lambda x: TWO * x, "2*x"),
    (lambda x: x**TWO, "x**2"),
    (lambda x: ops.sin(np.pi * x) / (x * (1 - x)), "sin(pi*x)/(x*(1-x))"),
    (lambda x: ops.logaddexp(x, 0.0), "log(exp(x)+1)"),
    (
        lambda x: ops.logsumexp(ops.stack([x, ops.zeros_like(x)], 0), axis=0),
        "log(exp(x)+1)",
    ),
    (
        lambda x: ops.max(ops.stack([x, 2 * x], axis=-1), axis=-1),
        "max(x,2*x)",
    ),
    (lambda x: ops.cast(ops.exp(x) - 1, "float32") / x, "(exp(x)-1)/x"),
    (lambda x: ops.convert_to_tensor(x) + ops.ones_like(x), "x+1"),
    (lambda x: ops.full_like(x, 2.0) * x, "2*x"),
    (lambda x: ops.silu(x) + ops.log_sigmoid(x), "silu(x)+log_sigmoid(x)"),
    (lambda x: ops.relu(x) - x * ops.sigmoid(x), "relu(x)-x*sigmoid(x)"),
    (lambda x: ops.relu6(x), "min(relu(x),6)"),
    (lambda x: ops.elu(x), "relu(x)+exp(min(x,0))-1"),
    (lambda x: ops.leaky_relu(x, 0.1), "max(x,x/10)"),
    (lambda x: ops.softsign(x), "x/(1+abs(x))"),
    (lambda x: ops.sign(x) * ops.square(x), "sign(x)*x**2"),
    (lambda x: ops.clip(x, -1, 1), "min(max(x,-1),1)"),
    (lambda x: x * ops.cast(x > 0, "float32"), "relu(x)"),
    (lambda x: ops.where(x > 0, x, 0.1 * x), "max(x,x/10)"),
    (lambda x: ops.where((x > 0) & (x < 1), x * (1 - x), 0.0),
     "max(x,0)*max(1-x,0)"),
    (lambda x: x, "x"),
]  # fmt: skip


def agree(one: sympy.Expr, two: sympy.Expr) -> bool:
    return all(abs(sympy.N((one - two).subs(X, p), 30)) < 1e-25 for p in PLACES)


@pytest.mark.parametrize(("function", "text"), READ, ids=range(len(READ)))
def test_what_is_read(function: Callable[[Any], Any], text: str) -> None:
    found = lift(function, 10.0)
    assert isinstance(found.formula, sympy.Expr)
    assert agree(found.formula, parse(text))
    assert not found.said


NUMBERS: list[tuple[Any, str]] = [
    (0.1, "1/10"),
    (1e-7, "1/10**7"),
    (0.1 + 0.2, "3/10"),
    (1 / 3, "1/3"),
    (np.pi, "pi"),
    (np.float32(np.pi), "pi"),
    (np.e, "E"),
    (1 / np.sqrt(2), "sqrt(1/2)"),
    (np.float32(0.70710678), "sqrt(1/2)"),
    (np.log(2), "log(2)"),
    (math.log(2 * math.pi) / 2, "log(2*pi)/2"),
    (np.sqrt(2 / np.pi), "sqrt(2/pi)"),
    (-np.exp(0.5), "-exp(1/2)"),
    (3.14159, "314159/10**5"),
    (0.70710678, "70710678/10**8"),
    (np.int64(3), "3"),
    (np.float16(0.1), "1/10"),
    # A computed 1 would be 1.
    (1 - 2**-53, "1-2**-53"),
    (1 + 2**-52, "1+2**-52"),
    (np.float32(1 - 2**-24), "1-2**-24"),
]


@pytest.mark.parametrize(("value", "text"), NUMBERS)
def test_which_number_is_meant(value: Any, text: str) -> None:
    found = number(value)
    assert found is not None
    assert sympy.simplify(found - parse(text)) == 0


def no_number_of_ours(value: float) -> bool:
    found = number(value)
    return bool(found is not None and found.is_Rational)


def test_floats_at_random_are_decimals() -> None:
    rng = np.random.default_rng(3)
    values = rng.uniform(0.5, 4.0, 300)
    assert all(no_number_of_ours(float(v)) for v in values)


def double_where(x: Any) -> Any:
    small = ops.abs(x) < 1e-4
    safe = ops.where(small, 1.0, x)
    return ops.where(small, 0.5 + x / 12, naive(safe))


def three_branches(x: Any) -> Any:
    near = ops.where(ops.abs(x) < 0.1, 0.5 + x / 12, naive(x))
    right = ops.where(x > 10.0, 1.0 - 1.0 / x, near)
    return ops.where(x < -10.0, -1.0 / x, right)


# What is meant, what is computed at the worst place, and where that is.
GUARDED: list[
    tuple[Callable[[Any], Any], str, list[tuple[Callable[[Any], Any], float]]]
] = [
    (lambda x: ops.where(x == 0, 0.5, naive(x)), NAIVE, []),
    (lambda x: ops.where(x != 0, naive(x), 0.5), NAIVE, []),
    (
        lambda x: ops.where(ops.abs(x) < 1e-4, 0.5 + x / 12, naive(x)),
        NAIVE,
        [],
    ),
    (double_where, NAIVE, []),
    (
        lambda x: ops.where(ops.abs(x) < 0.1, 0.5 + x / 12, naive(x)),
        NAIVE,
        [(lambda x: 0.5 + x / 12, -0.1)],
    ),
    (lambda x: ops.where(x == 0, 1.0, naive(x)), NAIVE, [(lambda x: 1, 0.0)]),
    (
        three_branches,
        NAIVE,
        [
            (lambda x: -1 / x, -10.0),
            (lambda x: 0.5 + x / 12, -0.1),
            (lambda x: 1 - 1 / x, 10.0),
        ],
    ),
    (
        lambda x: ops.where(x > 20, x, ops.log1p(ops.exp(x))),
        "log(1+exp(x))",
        [],
    ),
    (
        lambda x: ops.where(x > 5, x, ops.log1p(ops.exp(x))),
        "log(1+exp(x))",
        [(lambda x: x, 5.0)],
    ),
    (
        lambda x: ops.where(
            x >= 0, 1 / (1 + ops.exp(-x)), ops.exp(x) / (1 + ops.exp(x))
        ),
        "sigmoid(x)",
        [],
    ),
    (
        lambda x: ops.nan_to_num(ops.expm1(x) / x, nan=1.0),
        "(exp(x)-1)/x",
        [],
    ),
    (
        lambda x: ops.divide_no_nan(ops.sin(x), x),
        "sin(x)/x",
        [(lambda x: 0, 0.0)],
    ),
    (
        lambda x: ops.log(ops.clip(ops.sigmoid(x), 1e-7, 1 - 1e-7)),
        "log(sigmoid(x))",
        [(lambda x: mpmath.log(1e-7), None)],
    ),
]


@pytest.mark.parametrize(
    ("function", "text", "worst"), GUARDED, ids=range(len(GUARDED))
)
def test_guards(
    function: Callable[[Any], Any],
    text: str,
    worst: list[tuple[Callable[[Any], Any], float | None]],
) -> None:
    found = lift(function, 20.0)
    meant = parse(text)
    assert isinstance(found.formula, sympy.Expr)
    assert agree(found.formula, meant)
    assert len(found.said) == len(worst)
    said = " ".join(found.said)
    exact = sympy.lambdify(X, meant, "mpmath")
    for computed, place in worst:
        if place is None:  # there is no largest one
            assert "off by up to 1 of the value" in said
            continue
        with mpmath.workdps(40):
            near = exact(mpmath.mpf(place) or mpmath.mpf("1e-15"))
            off = abs(computed(mpmath.mpf(place)) - near) / max(
                abs(near), abs(computed(mpmath.mpf(place)))
            )
        assert f"off by up to {float(off):.2g} of the value" in said
        assert f"at x = {place:.9g}." in said


def test_the_warning_comes_from_stabilize() -> None:
    with pytest.warns(UserWarning, match=r"wrong: `ops.where\(x == 0, 0.0"):

        @ks.stabilize
        def wrong(x):  # type: ignore[no-untyped-def]
            return ops.where(x == 0, 0.0, ops.expm1(x) / x)

    assert wrong.expression == "(exp(x) - 1)/x"


def test_where_a_guard_hides_what_is_not_real() -> None:
    with pytest.raises(ValueError, match=r"\(line \d+\) was read as a guard"):
        with pytest.warns(UserWarning):
            ks.stabilize(lambda x: ops.log(ops.maximum(1 - ops.exp(-x), 1e-7)))


# The call, and what to write instead.
REFUSED: list[tuple[Callable[..., Any], str, str]] = [
    (lambda x: 1 / np.exp(x), "`np.exp(x)`", "Write keras.ops.exp there"),
    (lambda x: jnp.expm1(x) / x, "`jnp.expm1(x)`", "keras.ops.expm1"),
    (lambda x: tf.math.log1p(x), "`tf.math.log1p(x)`", "keras.ops.log1p"),
    (lambda x: math.exp(x), "`math.exp(x)`", "keras.ops.exp"),
    (lambda x: x if x > 0 else -x, "`x > 0`", "keras.ops.where(condition"),
    (lambda x, y: x * y, "one of 2 (x, y)", "Fix the others as numbers"),
    (lambda x: ops.sum(x), "`ops.sum(x)`", "leave the reduction out"),
    (lambda x: ops.floor(x) / x, "`ops.floor(x)`", "jumps at whole numbers"),
    (lambda x: ops.reshape(x, (-1,)), "`ops.reshape(x, (-1,))`", "shapes"),
    (lambda x: ops.cumsum(x), "`ops.cumsum(x)`", "reduction"),
    (lambda x: ops.where(x > 0, x, 1.0), "`ops.where(x > 0, x, 1.0)`", "jump"),
    (lambda x: x + keras.Variable(1.0), "received Variable", "float(variable)"),
    (lambda x: x + ops.ones((2,)), "`x + ops.ones((2,))`", "shape (2,)"),
    (lambda x: ops.cast(x, "int32") * x, "ops.cast(x,", "whole numbers"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("function", "call", "instead"), REFUSED, ids=range(len(REFUSED))
)
def test_what_cannot_be_read(
    function: Callable[..., Any], call: str, instead: str
) -> None:
    with pytest.raises(NotAnExpressionError, match="received") as error:
        lift(function, 10.0)
    message = str(error.value)
    assert call in message
    assert instead in message
    if "`" in call:
        assert f"line {function.__code__.co_firstlineno}" in message


def test_tensors_are_as_before() -> None:
    x = keras.KerasTensor((1,))
    with pytest.raises(ValueError, match="symbolic"):
        np.exp(x)
    assert not {"__eq__", "__array_ufunc__"} & set(vars(keras.KerasTensor))
    assert "_Hidden" not in repr(vars(keras.KerasTensor)["__jax_array__"])


# What holds on an interval is no question of single points.
UNCLEAR: list[Callable[..., Any]] = [
    lambda x: ops.cast(ops.relu(x) > 0, "float32") * ops.exp(x),
    lambda x: ops.where(x == ops.abs(x), x, 2 * x),
    lambda x: ops.where(ops.equal(ops.sign(x), 1.0), x, 2 * x),
    lambda x: ops.where(ops.isnan(ops.log(x)), 0.0 * x, x),
]


@pytest.mark.parametrize("function", UNCLEAR, ids=range(len(UNCLEAR)))
def test_conditions_that_hold_on_an_interval(
    function: Callable[..., Any],
) -> None:
    with pytest.raises(ValueError, match="Cannot read"):
        lift(function, 10)


NARROW: list[Callable[..., Any]] = [
    lambda x: ops.where(ops.abs(x - 0.75) < 0.05, 5.0, ops.exp(x)),
    lambda x: ops.maximum((x - 0.75) ** 2, 1e-3) + 1,
    lambda x: ops.sqrt(ops.maximum((x - 3) ** 2, 1e-5)),
]


@pytest.mark.parametrize("function", NARROW, ids=range(len(NARROW)))
def test_narrow_patches_are_compared(function: Callable[..., Any]) -> None:
    made = lift(function, 10)
    assert len(made.said) == 1 and "off by up to" in made.said[0]
