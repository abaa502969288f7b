"""Functions by the names that people have for them; a row a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sympy
from cases import X
from holding import holding
from keras import ops
from keras_stablef.generator.errors import GeneratorError
from keras_stablef.generator.formula.lift import lift
from keras_stablef.generator.formula.parse import parse
from keras_stablef.generator.formula.spec import make_spec
from sampling import sampled

pytestmark = pytest.mark.once

HALF = sympy.Rational(1, 2)
SIGMOID = 1 / (1 + sympy.exp(-X))
NDTR = (1 + sympy.erf(X / sympy.sqrt(2))) / 2
GELU = X * (1 + sympy.erf(X / sympy.sqrt(2))) / 2
CLIPPED = sympy.Max(X, 0)
TEXTS: list[tuple[str, sympy.Expr]] = [
    ("expit(x)", SIGMOID),
    ("logit(x)", sympy.log(X / (1 - X))),
    ("silu(x)", X * SIGMOID),
    ("swish(x)", X * SIGMOID),
    ("gelu(x)", GELU),
    ("ndtr(x)", NDTR),
    ("log_ndtr(x)", sympy.log(NDTR)),
    ("log_sigmoid(x)", sympy.log(SIGMOID)),
    ("softplus(x)", sympy.log(1 + sympy.exp(X))),
    ("square(x+1)", (X + 1) ** 2),
    ("pow(x,3)", X**3),
    ("pow(2,x)", 2**X),
    ("arcsin(x)", sympy.asin(X)),
    ("arccos(x)", sympy.acos(X)),
    ("arctan(x)", sympy.atan(X)),
    ("arcsinh(x)", sympy.asinh(X)),
    ("arccosh(x)", sympy.acosh(X)),
    ("arctanh(x)", sympy.atanh(X)),
    ("cbrt(x)", X ** sympy.Rational(1, 3)),
    ("max(x,0)", CLIPPED),
    ("maximum(1/2,x)", sympy.Max(X, HALF)),
    ("min(x**2,2)", sympy.Min(X**2, 2)),
    ("minimum(x,-1/2)", sympy.Min(X, -HALF)),
    ("relu(x)", CLIPPED),
    ("sign(x)", sympy.sign(X)),
]
KERAS: list[tuple[Callable[[Any], Any], sympy.Expr]] = [
    (ops.silu, X * SIGMOID),
    (lambda x: ops.gelu(x, approximate=False), GELU),
    (
        ops.gelu,
        X
        * (
            1
            + sympy.tanh(
                sympy.sqrt(2 / sympy.pi)
                * (X + sympy.Rational("0.044715") * X**3)
            )
        )
        / 2,
    ),
    (ops.log_sigmoid, sympy.log(SIGMOID)),
    (ops.relu, CLIPPED),
    (ops.sign, sympy.sign(X)),
    (lambda x: ops.maximum(x, 0.5), sympy.Max(X, HALF)),
    (lambda x: ops.minimum(1.0, x), sympy.Min(X, 1)),
]
PLACES = (sympy.Rational(1, 7), sympy.Rational(5, 3), sympy.Rational(-9, 4))


def agree(made: sympy.Expr, wanted: sympy.Expr) -> bool:
    """At a few places, to 30 digits, complex values too."""
    return all(
        abs(sympy.N((made - wanted).subs(X, p), 30)) < 1e-25 for p in PLACES
    )


@pytest.mark.parametrize(("text", "wanted"), TEXTS)
def test_text(text: str, wanted: sympy.Expr) -> None:
    assert agree(parse(text), wanted)


@pytest.mark.parametrize(("function", "wanted"), KERAS)
def test_keras(function: Callable[[Any], Any], wanted: sympy.Expr) -> None:
    made = lift(function, 10.0).formula
    assert isinstance(made, sympy.Expr)
    assert agree(made, wanted)
    assert agree(parse(make_spec(made).text), wanted)


# Where a maximum is constant so are derivatives of whatever it is of.
HELD = [
    ("gelu(x)", ("-oo", "oo"), 0),
    ("logit(x)", (0, 1), 1),
    ("max(x,0)", ("-oo", "oo"), 0),
    ("min(exp(x),2)", (-5, 5), 1),
    ("max(tanh(x),1/2)", ("-oo", "oo"), 0),
    ("max(x,exp(-x))", (-3, 3), 1),
    ("min(max(x,-1),1)", ("-oo", "oo"), 1),
]


@pytest.mark.parametrize(
    ("text", "domain", "order"),
    sampled(HELD, 4, HELD[3:4], among=("tensorflow",)),
)
def test_bounds_hold(
    text: str, domain: tuple[object, object], order: int
) -> None:
    holding(text, domain, "float32", order)


REFUSED = [
    ("lgamma(x,1)", "lgamma takes one argument"),
    ("floor(x)", "jump, received floor"),
    ("max(x)", "max takes two arguments"),
    ("exp(x,2)", "exp takes one argument"),
    ("max+x", "without its argument"),
    ("logit(1)*x", "division by zero"),
    ("pow(x,10**9)", "exponent"),
    ("square(9)**(9**9)*x", "exponent"),
]


@pytest.mark.parametrize(("text", "what"), REFUSED)
def test_refusals(text: str, what: str) -> None:
    with pytest.raises(GeneratorError, match=what):
        parse(text)
