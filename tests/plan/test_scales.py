"""Features of another size than 1, ends between floats, hidden zeros."""

from __future__ import annotations

from typing import Any

import pytest
from backends import BACKEND
from cases import X
from holding import holding
from keras_stablef.generator.formula.normal import normal_form
from keras_stablef.generator.formula.parse import parse
from keras_stablef.generator.formula.spec import make_spec
from keras_stablef.generator.pieces.cover import Cover
from keras_stablef.generator.pieces.end_kinds import BetweenEnd
from keras_stablef.generator.pipeline import derive
from keras_stablef.generator.store.plan_json import dumped
from keras_stablef.generator.store.plan_json import loaded
from keras_stablef.generator.words.certificate import certify
from keras_stablef.generator.words.explain import explain
from sampling import shared

Row = tuple[str, tuple[Any, Any]]
INF = ("-oo", "oo")

# by kind, the shortest first
KINDS: dict[str, list[Row]] = {
    "leading coefficients far from 1": [
        ("1e20*x**2", (-2, 2)),
        ("1e30*x**3", (-1, 1)),
        ("1e-25*x**2", (-1000, 1000)),
        ("1e15*sin(x)", (-3, 3)),
    ],
    "exponentials that are soon over": [
        ("tanh(100*x)", INF),
        ("1/(1+exp(-500*x))", INF),
        ("log(1+exp(200*x))/200", INF),
        ("exp(-1e6*x**2)", INF),
    ],
    "poles next to the reals": [
        ("1/(x**2+1e-10)", INF),
        ("sqrt(x**2+1e-12)", INF),
        ("log(1+1e10*x)", (0, "oo")),
        ("atan(1e4*x)", INF),
    ],
    "exponentials that go on": [
        ("tanh(x/1e6)", INF),
    ],
    "zeros next to 0": [
        ("x+1e-20", INF),
        ("x**2-1e-20", INF),
    ],
    "singular ends between floats": [
        ("log(cos(x))", ("-pi/2", "pi/2")),
        ("sqrt(x-pi)", ("pi", "oo")),
        ("log(x-0.1)", ("0.1", "oo")),
        ("log(pi-x)", (0, "pi")),
        ("(x-1/3)**1.5", ("1/3", 10)),
        ("1/(x-pi)", ("pi", "oo")),
    ],
    "zeros at ends between floats": [
        ("x-0.1", ("0.1", 1)),
        ("(x-0.1)**2", ("0.1", 1)),
        ("exp(x)-3", ("log(3)", 5)),
    ],
    "terms that cancel under other names": [
        ("log(1+exp(x))-x/(1+exp(-x))", (-5, 5)),
        ("x/(1+exp(-x))-log(1+exp(x))", INF),
    ],
}
# On one backend the first of each kind, with `test-all` the others.
HERE = shared([rows[0][0] for rows in KINDS.values()])
ROWS = [
    pytest.param(
        *row,
        dtype,
        id=f"{row[0]} {dtype}",
        marks=() if row[0] in HERE and dtype == "float32" else pytest.mark.slow,
    )
    for rows in KINDS.values()
    for row in rows
    for dtype in ("float32", "float64")
]


@pytest.mark.parametrize(("text", "domain", "dtype"), ROWS)
def test_bounds_hold(text: str, domain: tuple[Any, Any], dtype: str) -> None:
    if (BACKEND, dtype) == ("numpy", "float64"):
        pytest.skip("keras.ops computes it in float32 there")
    for order in range(3):
        holding(text, domain, dtype, order)


@pytest.mark.once
@pytest.mark.parametrize(
    ("text", "domain", "kept"),
    [
        ("1e20*x**2", (-2, 2), "gain"),
        ("sqrt(x-pi)", ("pi", "oo"), "offset"),
    ],
)
def test_plans_are_kept_and_told(
    text: str, domain: tuple[Any, Any], kept: str
) -> None:
    plan = derive(make_spec(text, "f", domain), "float32")
    assert isinstance(plan, Cover)
    assert loaded(dumped(plan)) == plan
    ends = tuple(map(str, domain))
    assert f'"{kept}"' in certify(text, ends, [plan]).text
    assert explain(text, ends, [plan])


@pytest.mark.once
def test_an_end_between_floats_is_a_pair() -> None:
    plan = derive(make_spec("sqrt(x-pi)", "f", ("pi", 10)), "float32")
    assert isinstance(plan, Cover)
    (end,) = plan.ends
    assert isinstance(end, BetweenEnd)
    assert end.point == plan.low
    # The float above pi, less pi.
    assert float(sum(end.offset)) == pytest.approx(8.742278e-08, rel=1e-6)


NORMAL = [
    ("exp(x)/(1+exp(x))-1/(1+exp(-x))-x*exp(-x)/(1+exp(-x))**2", True),
    ("tanh(x)+2/(1+exp(2*x))-1", True),
    ("1/(exp(x/2)+1)+1/(exp(-x/2)+1)+x", True),
    ("x**2+1", False),
    ("exp(x)", False),
]


@pytest.mark.once
@pytest.mark.parametrize(("text", "shorter"), NORMAL)
def test_one_exponential_for_each_rate(text: str, shorter: bool) -> None:
    expr = parse(text).subs({s: X for s in parse(text).free_symbols})
    found = normal_form(expr, X)
    assert (found is not None) == shorter
    if found is not None:
        assert len(str(found)) < len(str(expr))
        for value in (-2, 1, 3):
            gap = (found - expr).subs(X, value)
            assert abs(gap.evalf(30, maxn=200)) < 1e-25
