"""Even functions of a root are real, and analytic, where the root is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from backends import SOONEST
from backends import run
from keras_stablef.generator.errors import NotRealError
from keras_stablef.generator.formula.spec import make_spec
from keras_stablef.generator.pipeline import derive
from keras_stablef.generator.pipeline import to_source

M = mpmath.mp
SQ = M.sqrt
pytestmark = pytest.mark.once
Function = Callable[[Any], Any]
# Formula, domain, and what mpmath has for it, complex roots and all.
CASES: tuple[tuple[str, str, str, Function], ...] = (
    ("(1-cos(sqrt(x)))/x", "-40", "20", lambda x: (1 - M.cos(SQ(x))) / x),
    ("tanh(sqrt(x))/sqrt(x)", "-2", "oo", lambda x: M.tanh(SQ(x)) / SQ(x)),
    ("sin(sqrt(x))/sqrt(x)", "-50", "50", lambda x: M.sin(SQ(x)) / SQ(x)),
    (
        "(sqrt(x)-sin(sqrt(x)))/sqrt(x)**3",
        "-40",
        "30",
        lambda x: (SQ(x) - M.sin(SQ(x))) / SQ(x) ** 3,
    ),
    ("cosh(sqrt(x))", "-2", "oo", lambda x: M.cosh(SQ(x))),
    ("sqrt(x)/tan(sqrt(x))", "-oo", "9", lambda x: SQ(x) / M.tan(SQ(x))),
    (
        "log(sinh(sqrt(x))/sqrt(x))",
        "-9",
        "oo",
        lambda x: M.log(M.sinh(SQ(x)) / SQ(x)),
    ),
    (
        "(cosh(sqrt(1-x**2))-1)/(1-x**2)",
        "-3",
        "3",
        lambda x: (M.cosh(SQ(1 - x * x)) - 1) / (1 - x * x),
    ),
    (
        "sqrt(x)/(exp(sqrt(x))-1)+sqrt(x)/2",
        "-9",
        "9",
        lambda x: SQ(x) / M.expm1(SQ(x)) + SQ(x) / 2,
    ),
)
NEAR = (1e-30, 1e-7, 0.01, 0.3)  # 0, where the root ends
COUNT = 60
QUICK = 1  # of them takes seconds, all a minute


def _inputs(low: float, high: float, kind: Any) -> np.ndarray:
    rng = np.random.default_rng(3)
    a, b = max(low, -60.0), min(high, 60.0)
    xs = [*rng.uniform(a, b, COUNT), *NEAR, *(-v for v in NEAR), a, b]
    # Off the domain's own ends, where the oracle would need a limit.
    made = np.unique(np.array(xs, kind))
    return made[(made != 1) & (made != -1)]


def _end(text: str) -> float:
    return float(text.replace("oo", "inf"))


def _worst(exact: Function, order: int, xs: np.ndarray, ys: np.ndarray) -> Any:
    kind, worst = xs.dtype, 0.0
    with M.workdps(110):
        for x, y in zip(xs, ys, strict=True):
            at = M.mpf(float(x))
            want = M.re(M.diff(exact, at, order, h=M.mpf(10) ** -45))
            unit = np.spacing(abs(kind.type(float(want))))
            worst = max(worst, float(abs(M.mpf(float(y)) - want) / unit))
    return worst


@pytest.mark.parametrize(
    ("text", "low", "high", "exact"),
    [
        *CASES[:QUICK],
        *(pytest.param(*c, marks=pytest.mark.slow) for c in CASES[QUICK:]),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_within_the_bound(
    text: str, low: str, high: str, exact: Function, dtype: str, order: int
) -> None:
    plan = derive(make_spec(text, "f", (low, high)), dtype, order)
    assert plan.ulp <= 2 * max(1, order)
    source = to_source(text, (low, high), "f.", [plan], tidy=False).text
    space: dict[str, Any] = {"__name__": "even"}
    exec(compile(source, "even", "exec"), space)
    xs = _inputs(_end(low), _end(high), np.dtype(dtype).type)
    ys = run(space["BODIES"][dtype][0], xs, SOONEST)
    assert _worst(exact, order, xs, ys) <= plan.ulp


@pytest.mark.parametrize(
    "text", ["sqrt(x)", "sin(sqrt(x))", "exp(sqrt(x))", "sqrt(x)*cos(x)"]
)
def test_what_is_not_even_is_refused(text: str) -> None:
    with pytest.raises(NotRealError, match="none on"):
        derive(make_spec(text, "f", ("-1", "1")), "float32")
