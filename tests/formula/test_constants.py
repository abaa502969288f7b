"""Formulas that are one number; f' and f'' are 0, and nan stays nan."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy
from backends import run
from checking import findings
from checking import made
from keras import ops
from keras_stablef.generator.errors import VariableError
from keras_stablef.generator.formula.spec import make_spec

import keras_stablef as ks

XS = np.array([-1e30, -3.0, 0.0, 1.0, 1.5, 1e30, np.inf, np.nan], "float32")
# A formula, its number, and a domain.
ROWS: list[tuple[str | Callable[[Any], Any], float, tuple[object, object]]] = [
    ("(1+x)-x", 1.0, ("-oo", "oo")),
    ("sin(x)**2+cos(x)**2", 1.0, ("-oo", "oo")),
    ("exp(x)*exp(-x)", 1.0, ("-oo", "oo")),
    ("1/(1+exp(x))+1/(1+exp(-x))", 1.0, ("-oo", "oo")),
    ("x-x", 0.0, ("-oo", "oo")),
    ("0*t+pi", float(np.float32(np.pi)), (-3, 5)),
    (lambda x: ops.exp(x) * ops.exp(-x) / 3, float(np.float32(1 / 3)), (1, 2)),
]


@pytest.mark.parametrize(("formula", "value", "domain"), ROWS)
def test_value_and_derivatives(
    formula: Any, value: float, domain: tuple[object, object]
) -> None:
    op = ks.stabilize(formula, domain)
    low, high = (float(sympy.sympify(str(e))) for e in domain)
    inside = (low <= XS) & (high >= XS)
    for order, wanted in enumerate((value, 0.0, 0.0)):
        got = run(op.derivative(order) if order else op, XS)
        np.testing.assert_array_equal(got, np.where(inside, wanted, np.nan))


@pytest.mark.once
@pytest.mark.parametrize("formula", ["exp(x)*exp(-x)", "sin(x)**2+cos(x)**2"])
def test_the_checker_agrees(formula: str) -> None:
    certificate, source = made(make_spec(formula).text, "-3", "5")
    for order in range(3):
        assert not findings(json.loads(certificate), source, order, "float32")


@pytest.mark.once
@pytest.mark.parametrize(
    "formula", ["atan(x)+atan(1/x)", "abs(x)/x", "log(x**2)-2*log(x)"]
)
def test_what_may_jump_is_no_number(formula: str) -> None:
    assert make_spec(formula).expr.free_symbols


@pytest.mark.once
@pytest.mark.parametrize("formula", ["1e5", "0x1F", "pi", "1.e5"])
def test_numbers_have_no_variable(formula: str) -> None:
    with pytest.raises(VariableError, match="none"):
        make_spec(formula)
