"""What a body gives at an infinity is the limit of f there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from backends import run
from keras_stablef.generator.formula.spec import make_spec
from keras_stablef.generator.pipeline import derive
from keras_stablef.generator.pipeline import to_source

pytestmark = pytest.mark.once

INF = float("inf")
CASES = (
    ("sqrt(x)", "0", INF),  # one closed form, without pairs, for all x
    ("sqrt(x+1)", "-1", INF),
    ("sqrt(x)/(1+x)", "0", 0.0),
)


@pytest.mark.parametrize(("formula", "low", "want"), CASES)
def test_limit(formula: str, low: str, want: float) -> None:
    plan = derive(make_spec(formula, "f", (low, "oo")), "float32")
    text = to_source(formula, (low, "oo"), "f.", [plan], tidy=False).text
    space: dict[str, Any] = {"__name__": "limit"}
    exec(compile(text, "limit", "exec"), space)
    x = np.array([INF, 4.0], np.float32)
    got = run(space["BODIES"]["float32"][0], x)
    assert got[0] == want and np.isfinite(got[1])
