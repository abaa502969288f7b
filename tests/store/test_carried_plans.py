"""Kept plans of forms in pairs: what is read is rendered and runs.

A row is a form that has the right shape, and may not be what it says.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from backends import run
from keras_stablef.generator.errors import StoredPlanError
from keras_stablef.generator.formula.spec import make_spec
from keras_stablef.generator.pieces.closed import ClosedForm
from keras_stablef.generator.pieces.cover import Cover
from keras_stablef.generator.pieces.rows import Row
from keras_stablef.generator.pipeline import derive
from keras_stablef.generator.pipeline import to_source
from keras_stablef.generator.program.program import Const
from keras_stablef.generator.program.program import Expr
from keras_stablef.generator.program.program import Op
from keras_stablef.generator.program.program import Program
from keras_stablef.generator.program.program import Var
from keras_stablef.generator.store.plan_fits import check_fits
from keras_stablef.generator.store.plan_json import dumped
from keras_stablef.generator.store.plan_json import loaded

pytestmark = pytest.mark.once
T, Q, E, W, V = map(Var, "tqewv")
X = np.array([-3.0, 0.5, 2.0, 1e30, np.nan], np.float32)


def number(value: float | str) -> Const:
    return Const(Fraction(value))


def op(name: str, *args: Expr) -> Op:
    return Op(name, args)


def of_number(name: str, value: float | str) -> list[tuple[str, Expr]]:
    return [("q", op(name, number(value))), ("y", op("add", Q, T))]


def form(statements: Any, **fields: Any) -> ClosedForm:
    low, high = Fraction(1), Fraction(4)
    made = ClosedForm(
        1, low, high, Program("t", tuple(statements)), 2.0, "f", ("y",)
    )
    return replace(made, **fields)


def cover(*closed: ClosedForm, rows: tuple[Row, ...] = ()) -> Cover:
    low, high = Fraction(-4), Fraction(4)
    return Cover("f", 0, "float32", 0, low, high, rows, (), (), closed)


def twins(made: ClosedForm) -> tuple[ClosedForm, ClosedForm]:
    left = replace(made, low=Fraction(-4), high=Fraction(-1), signed=True)
    return left, replace(left, low=made.low, high=made.high)


SCALED: dict[str, Any] = {"scaled": "e", "power": 1}
REFUSED: dict[str, Cover] = {
    **{
        f"{name} of {value}": cover(form(of_number(name, value)))
        for name, value in (
            *(("log", -1), ("log", 0), ("log", 1), ("sqrt", -1)),
            *(("exp", 100), ("exp", 10**7), ("exp", -(10**7))),
            ("log", "1e400"),
        )
    },
    "a sum of numbers": cover(
        form([("q", op("add", number(1), number(2))), ("y", op("add", Q, T))])
    ),
    "a quotient of numbers": cover(
        form([("q", op("div", number(1), number(0))), ("y", op("add", Q, T))])
    ),
    "a unit before what is scaled": cover(
        form(
            [("w", op("neg", T)), ("e", op("exp", T)), ("y", op("add", E, W))],
            **SCALED,
        )
    ),
    "a scaled exponential of a number": cover(
        form(
            [
                ("e", op("exp", number(1))),
                ("w", op("div", E, E)),
                ("y", op("add", W, T)),
            ],
            **SCALED,
        )
    ),
    "a keyword": cover(
        form([("if", op("neg", T)), ("y", op("exp", Var("if")))])
    ),
    "twins and nothing between": cover(
        *twins(form([("y", op("exp", T))], pairs=()))
    ),
}
RUN: dict[str, Cover] = {
    "a number": cover(form(of_number("exp", 1))),
    "a number near 0": cover(form(of_number("exp", -60))),
    "a root": cover(form(of_number("sqrt", 2))),
    "a unit": cover(
        form(
            [
                ("e", op("exp", T)),
                ("w", op("div", E, E)),
                ("y", op("sub", E, W)),
            ],
            **SCALED,
        )
    ),
    "exponentials of exponentials": cover(
        form(
            [("q0", op("exp", T))]
            + [(f"q{k}", op("exp", Var(f"q{k - 1}"))) for k in range(1, 40)]
            + [("y", op("neg", Var("q39")))],
            pairs=tuple(f"q{k}" for k in range(40)),
        )
    ),
}


@pytest.mark.parametrize("which", REFUSED)
def test_what_does_not_fit_is_refused(which: str) -> None:
    with pytest.raises(StoredPlanError, match="expected"):
        check_fits(loaded(dumped(REFUSED[which])))


@pytest.mark.parametrize("which", RUN)
def test_what_fits_runs(which: str) -> None:
    plan = loaded(dumped(RUN[which]))
    check_fits(plan)
    _computed(plan)


def test_a_derived_plan_fits_and_runs() -> None:
    plan = derive(make_spec("(exp(x)-1)/x", "f", ("-oo", "oo")), "float32")
    assert any(made.signed for made in plan.closed)
    check_fits(loaded(dumped(plan)))
    got = _computed(plan)
    want = np.expm1(X[:3].astype(float)) / X[:3]
    np.testing.assert_allclose(got[:3], want, rtol=3e-7)


def _computed(plan: Any) -> np.ndarray:
    text = to_source("x", ("-oo", "oo"), "Test.", [plan], tidy=False).text
    space: dict[str, Any] = {"__name__": "rendered"}
    exec(compile(text, "rendered", "exec"), space)  # what was just rendered
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return run(space["BODIES"]["float32"][0], X)
