"""However narrow: where a body decides something, it is looked at again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from checking import findings
from checking import made
from keras_stablef.generator.checker import check
from keras_stablef.generator.checker.__main__ import check_file
from keras_stablef.generator.checker.__main__ import shipped
from keras_stablef.generator.checker.assumptions import read_assumed
from keras_stablef.generator.checker.claims import read_plans
from keras_stablef.generator.checker.decisions import runs
from keras_stablef.generator.checker.lanes import spans
from keras_stablef.generator.checker.source import Module

pytestmark = pytest.mark.once

ROWS = '    y = local_polynomials(s, SINC_0_FLOAT32, "float32")\n'
NEAR = "    y0 = 0.5 + x0 * p0\n"
FAR = '    y1 = quotient(1.0 - q1, t1, "float32")\n'
# A module, a line of its body, and what follows: each computes something else
# on some floats, where no point was looked at.
NARROW: dict[str, tuple[str, str, str]] = {
    "in an inner row": (
        "sinc",
        ROWS,
        "here = ops.logical_and(t >= 50.0, t < 50.0001)\n"
        "    y = ops.where(here, 1.5 * y, y)",
    ),
    "in the first row": (
        "sinc",
        ROWS,
        "here = ops.logical_and(t >= 0.3, t < 0.3001)\n"
        "    y = ops.where(here, 1.5 * y, y)",
    ),
    "by clips": (
        "sinc",
        ROWS,
        "up, down = ops.maximum(t - 50.0, 0.0), ops.maximum(50.0001 - t, 0.0)\n"
        "    y = y + 0.001 * ops.minimum(up, down)",
    ),
    "by an absolute value": (
        "sinc",
        ROWS,
        "y = y + 0.001 * ops.maximum(0.0001 - ops.abs(t - 50.0), 0.0)",
    ),
    "by whole numbers": (
        "sinc",
        ROWS,
        "y = y + 0.001 * (ops.floor(t - 50.0) - ops.floor(t - 50.0001))",
    ),
    "at one float": (
        "sinc",
        ROWS,
        'y = ops.where(x == 3.5, constant(7.0, "float32"), y)',
    ),
    "but at one float": (
        "sinc",
        ROWS,
        'y = ops.where(x != 3.5, y, constant(7.0, "float32"))',
    ),
    "where a sum is rounded up": (
        "sinc",
        ROWS,
        "y = ops.where((t + 100000000.0) - 100000000.0 > t, 1.5 * y, y)",
    ),
    "where a product is rounded down": (
        "sinc",
        ROWS,
        "y = y * (1.0 + ops.floor((t * 0.1) * 10.0 - t))",
    ),
    "in a program": (
        "stablef",
        NEAR,
        "y0 = ops.where(x0 > 1.5, ops.where(x0 < 1.5001, 0.5 * y0, y0), y0)",
    ),
    "beyond a bend": (
        "stablef",
        FAR,
        "y1 = ops.where(t > 40.0, ops.where(t < 40.0001, 0.5 * y1, y1), y1)",
    ),
}


@pytest.mark.parametrize("row", NARROW)
def test_narrow_lies(row: str) -> None:
    name, line, more = NARROW[row]
    data = json.loads((shipped() / f"{name}.json").read_text())
    source = (shipped() / f"{name}.py").read_text()
    assert line in source
    changed = source.replace(line, f"{line}    {more}\n", 1)
    assert findings(data, changed, 0, "float32")


def test_decisions_that_change_nothing() -> None:
    """The module that ships, and one that asks for what it does not need."""
    data = json.loads((shipped() / "sinc.json").read_text())
    source = (shipped() / "sinc.py").read_text()
    more = "    y = ops.where(t > 50.0, y, y)\n"
    same = source.replace(ROWS, ROWS + more, 1)
    for text in (source, same):
        assert not findings(data, text, 0, "float32")


def test_runs_are_where_a_body_decides() -> None:
    text = (shipped() / "sinc.json").read_text()
    source = (shipped() / "sinc.py").read_text()
    more = "    y = ops.where(t >= 50.0, y, 1.0 * y)\n"
    whole, plans = read_plans(text)
    (plan,) = (p for p in plans if (p.order, p.fmt.name) == (0, "float32"))
    line, _ = spans(plan)
    found = {}
    for changed in (source, source.replace(ROWS, ROWS + more, 1)):
        module = Module.read(changed, json.loads(text))[0]
        assumed = read_assumed(whole, "float32")
        found[changed] = runs(module, plan, 1, assumed, line)
    plain, divided = found.values()
    assert len(divided) == len(plain) + 1
    (left,) = (s for s in divided if s not in plain and s.high < 50.0)
    assert left.high == np.nextafter(np.float32(50.0), np.float32(0.0))


def test_an_import_that_is_missing() -> None:
    """Here it is given to the module, and nobody gives it to it there."""
    text = (shipped() / "sinc.json").read_text()
    source = (shipped() / "sinc.py").read_text()
    line = "from keras import ops\n"
    assert line in source
    report = check(text, source.replace(line, ""), only=lambda p: p.order == 0)
    assert any("No import" in f.what for f in report.findings)


def test_tables_of_another_certificate_in_other_words(tmp_path: Path) -> None:
    """Python reads `a. b` as a.b."""
    for kind in ("json", "py"):
        text = (shipped() / f"so3_cubic.{kind}").read_text()
        text = text.replace(
            "keras_stablef.runtime.t", "keras_stablef.runtime .t"
        )
        (tmp_path / f"so3_cubic.{kind}").write_text(text)
    report = check_file(tmp_path / "so3_cubic.json", None, (0, "float32"))
    assert [f for f in report.findings if "tables" in f.what]


@pytest.mark.parametrize("low", ["3/10", "1/3"])
def test_a_domain_that_begins_between_two_floats(low: str) -> None:
    """No float is there that nothing would cover."""
    text, source = made("x - sin(x)", low, "7/10", 1)
    assert check(text, source).ok
