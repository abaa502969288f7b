"""Bodies that take what is outside of the domain for the nearest end."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from checking import findings
from keras_stablef.generator.formula.spec import make_spec
from keras_stablef.generator.pipeline import derive
from keras_stablef.generator.pipeline import to_source
from keras_stablef.generator.source.inline import inlined
from keras_stablef.generator.source.templates import formatted
from keras_stablef.generator.words.certificate import certify

pytestmark = pytest.mark.once

LOG = ("log(1+x)/x", "-1", "3")
CASES = (LOG, ("x-sin(x)", "-3", "3"))


@cache
def _made(formula: str, low: str, high: str) -> tuple[Any, str]:
    spec = make_spec(formula, "f", (low, high))
    plans = [
        replace(derive(spec, "float32", order), outside="clip")
        for order in (0, 1)
    ]
    text = to_source(formula, (low, high), "f.", plans).text
    data = json.loads(certify(formula, (low, high), plans).text)
    return data, formatted(inlined(text))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("order", [0, 1])
def test_confirmed(case: tuple[str, str, str], order: int) -> None:
    data, source = _made(*case)
    assert findings(data, source, order, "float32") == []
    unsaid = json.loads(json.dumps(data))
    del unsaid["plans"][order]["outside"]
    said = findings(unsaid, source, order, "float32")
    assert any("not nan on" in s for s in said)


LIES = (
    (0, "given = t\n", "given = t\n    t = x\n", "not clipped"),
    (0, "    given = t\n", "", "received 'given'"),
    (0, "    return y\n", "    y = y + 0.0 * x\n    return y\n", ""),
    (1, "constant(0.0, ", "constant(1.0, ", "not 0 on"),
)


@pytest.mark.parametrize(("order", "old", "new", "what"), LIES)
def test_lies(order: int, old: str, new: str, what: str) -> None:
    data, source = _made(*LOG)
    assert old in source
    said = findings(data, source.replace(old, new), order, "float32")
    assert said and any(what in s for s in said), said
