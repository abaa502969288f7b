"""What the checker is given may be anybody's: a finding, at once."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checking import findings
from keras_stablef.generator.checker.__main__ import check_file
from keras_stablef.generator.checker.__main__ import main as command_line
from keras_stablef.generator.checker.__main__ import printable
from keras_stablef.generator.checker.__main__ import shipped
from keras_stablef.generator.checker.check import Finding

import keras_stablef
from keras_stablef.runtime import tables

pytestmark = pytest.mark.once

HOSTILE: dict[str, tuple[dict[str, Any], str]] = {
    # what the certificate says instead, and what is added to the module
    "a tower": ({"expression": "9**9**9**9*x"}, ""),
    "a tower of pi": ({"expression": "exp(pi**60000)*x"}, ""),
    "depth": ({"expression": "-" * 3000 + "x"}, ""),
    "brackets": ({"expression": "(" * 500 + "x" + ")" * 500}, ""),
    "an exponent": ({"domain": ["-1e9999999999", "1"]}, ""),
    "an end of powers": ({"domain": ["-10**10**10", "1"]}, ""),
    "digits": ({"domain": ["9" * 6000, "1"]}, ""),
    "no plans": ({"plans": "none"}, ""),
    "a domain of numbers": ({"domain": [1, 2]}, ""),
    "a domain of nothing": ({"domain": [None, []]}, ""),
    "a list of bounds": ({"narrowed": []}, ""),
    "bounds in lists": ({"narrowed": {"float16": []}}, ""),
    "half a character": ({"name": "\ud800"}, ""),
    "no name of a file": ({"name": "a\0b"}, ""),
    "a power": ({}, "ZZ = 9**9**9"),
    "a list": ({}, "ZZ = [0] * 10000000000"),
    "a loop": ({}, "for i in range(10**18):\n    pass"),
    "many steps": ({}, "ZZ = [0 for i in range(65536 + 65536)]"),
}


@pytest.mark.parametrize("row", HOSTILE)
def test_hostile_certificates_end(row: str, tmp_path: Path) -> None:
    """A finding at once, where there was none for hours."""
    changes, line = HOSTILE[row]
    data = json.loads((shipped() / "asinh.json").read_text())
    source = (shipped() / "asinh.py").read_text()
    path = tmp_path / "asinh.json"
    path.write_text(json.dumps({**data, **changes}))
    path.with_suffix(".py").write_text(f"{source}\n{line}\n")
    assert check_file(path).findings


MALFORMED: tuple[dict[str, Any], ...] = (
    {"domain": [1, 2]},
    {"narrowed": []},
    {"name": "\ud800"},
    {"plans": [{"order": float("inf"), "dtype": "float32"}]},
)


@pytest.mark.parametrize("change", MALFORMED, ids=lambda c: next(iter(c)))
def test_the_command_says_what_is_malformed(
    change: dict[str, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = json.loads((shipped() / "asinh.json").read_text())
    path = tmp_path / "asinh.json"
    path.write_text(json.dumps({**data, **change}))
    path.with_suffix(".py").write_text((shipped() / "asinh.py").read_text())
    assert command_line([str(path)]) == 1
    said = capfd.readouterr().out
    assert "expected" in said and "received" in said


def test_what_is_printed_is_text() -> None:
    """Findings hold what files say, and terminals obey escapes."""
    found = Finding("f", "\x1b[2J \ud800 \n \xb1")
    assert printable(found) == "f: \\x1b[2J \\ud800 \\n \\xb1"


TWICE = b'{"name": "f", "name": "g"}'


@pytest.mark.parametrize("data", [b"[" * 10**5, b"\xff\xfe", b"null", TWICE])
def test_files_that_are_no_certificates(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    path.write_bytes(data)
    path.with_suffix(".py").write_bytes(data)
    assert check_file(path).findings


@pytest.mark.parametrize("name", ["stablef", "no/such/file.json"])
def test_certificates_that_are_not_there(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        command_line([name])
    assert stopped.value.code == 2
    assert "there is no file" in capsys.readouterr().err


def _looked_up() -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """A certificate that ships, and a plan of it with a table of bins."""
    folder = Path(keras_stablef.__file__).parent / "generated"
    for path in sorted(folder.glob("*.json")):
        data = json.loads(path.read_text())
        for plan in data["plans"]:
            rows = plan.get("rows", {})
            if plan["dtype"] == "float32" and rows.get("grid"):
                return path, data, plan
    raise AssertionError("no table of bins")


# What a certificate may say of the tables that a module takes from it.
TABLES: dict[str, Callable[[Any], object]] = {
    "too few bins": lambda rows: rows["grid"].__setitem__(2, 3),
    "a coarse grid": lambda rows: rows["grid"].__setitem__(0, 0),
    "a fine grid": lambda rows: rows["grid"].__setitem__(0, 10**6),
    "no grid at all": lambda rows: rows.pop("grid"),
    "endless bins": lambda rows: rows["grid"].__setitem__(2, 10**12),
    "an endless gain": lambda rows: rows["values"][3].__setitem__(
        rows["fields"].index("gain"), 10**30
    ),
    "a huge scale": lambda rows: rows["values"][3].__setitem__(
        rows["fields"].index("scale"), 5000
    ),
}


@pytest.mark.parametrize("lie", TABLES)
def test_tables_that_cannot_be(lie: str) -> None:
    """They end in findings, as all that is no certificate."""
    path, data, plan = _looked_up()
    TABLES[lie](plan["rows"])
    source = path.with_suffix(".py").read_text()
    assert findings(data, source, plan["order"], "float32")


def test_a_divider_without_slopes_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At run time as for the checker, which would confirm it otherwise."""
    plans = copy.deepcopy(tables._plans("exprel"))
    plans["float32", 1]["rows"]["divider"] = 3
    monkeypatch.setattr(tables, "_plans", lambda name: plans)
    assert tables.rows_of("exprel", "float32", 1)[2] is None


def test_tables_of_another_certificate(tmp_path: Path) -> None:
    """A module reads those of its NAME from the package's own folder."""
    folder = Path(keras_stablef.__file__).parent / "generated"
    for kind in ("json", "py"):
        text = (folder / f"so3_cubic.{kind}").read_text()
        (tmp_path / f"so3_cubic.{kind}").write_text(text)
    report = check_file(tmp_path / "so3_cubic.json", None, (0, "float32"))
    assert [f for f in report.findings if "tables" in f.what]


# A module that ships, and what is changed in it: each computes something else.
IN_BODIES: dict[str, tuple[str, str]] = {
    "ops as a parameter": (
        "BODIES = {",
        "def g(ops):\n    return ops.gi_frame\n\n\nBODIES = {",
    ),
    **{
        # What a primitive calls, which is not run but taken at its word.
        f"its own {name}": (
            "BODIES = {",
            f"def {name}(x):\n    return x > 0.0\n\n\nBODIES = {{",
        )
        for name in ("int", "isinstance", "float", "range", "len")
    },
    "a local primitive": (
        "    t = x\n",
        "    _constant = x\n    t = constant(x, 'float32')\n",
    ),
    "NAME of another": (
        'NAME = "exprel"',
        'NAME = "exprel"\n\n\ndef h(x):\n    NAME = "tanhc"\n'
        '    return rows_of(NAME, "float32", 0)\n',
    ),
    "a table of its own": (
        "local_polynomials(s, EXPREL_1_FLOAT32,",
        "local_polynomials(s, EXPREL_0_FLOAT32,",
    ),
    "a table by another name": (
        "BODIES = {",
        "OTHER = EXPREL_1_FLOAT32\n\nBODIES = {",
    ),
    "an inner row": (
        'EXPREL_1_FLOAT32, "float32")\n',
        'EXPREL_1_FLOAT32, "float32")\n'
        "    here = ops.logical_and(t >= 0.25, t < 0.5)\n"
        "    y = ops.where(here, 1.5 * y, y)\n",
    ),
    "loops": (
        "BODIES = {",
        "A = [0 for i in range(60000) for j in range(60000)]\n\nBODIES = {",
    ),
    "growing integers": (
        "    t = x\n",
        "    t = x\n    k = 7\n    k = k * k\n",
    ),
    "text times a number": ("BODIES = {", "A = 'x' * 60000\n\nBODIES = {"),
    "signs": ("BODIES = {", f"A = {'-' * 1200}1.0\n\nBODIES = {{"),
    "signs of an order": (
        'rows_of(NAME, "float32", 1)',
        f'rows_of(NAME, "float32", {"-" * 1200}1)',
    ),
}


@pytest.mark.parametrize("lie", IN_BODIES)
def test_modules_that_compute_something_else(lie: str) -> None:
    folder = Path(keras_stablef.__file__).parent / "generated"
    data = json.loads((folder / "exprel.json").read_text())
    source = (folder / "exprel.py").read_text()
    old, new = IN_BODIES[lie]
    assert old in source
    assert findings(data, source.replace(old, new), 1, "float32")
