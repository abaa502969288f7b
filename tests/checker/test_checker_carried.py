"""Closed forms in pairs of floats are the certificate's, statement for
statement: a row is a body, or a certificate, that is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from checking import findings
from checking import made
from keras import ops
from keras_stablef.generator.checker import check
from keras_stablef.generator.checker import folds
from keras_stablef.generator.checker.assumptions import read_assumed
from keras_stablef.generator.checker.bodies import Body
from keras_stablef.generator.checker.carried import carried_forms
from keras_stablef.generator.checker.carried import meant
from keras_stablef.generator.checker.claims import get_format
from keras_stablef.generator.checker.claims import read_plans
from keras_stablef.generator.checker.later import Later
from keras_stablef.generator.checker.later import value
from keras_stablef.generator.checker.machine import Machine
from keras_stablef.generator.checker.machine import Real
from keras_stablef.generator.checker.roundoff import truncation_of_closed
from keras_stablef.generator.checker.running import Number
from keras_stablef.generator.checker.source import Module
from keras_stablef.generator.checker.source import NotRunnable

from keras_stablef.runtime.kernels import pair_log

pytestmark = pytest.mark.once

FORMS = {
    "exprel": ("(exp(x)-1)/x", "-oo", "oo", 1),
    "bernoulli": ("x/(exp(x)-1)", "-oo", "oo", 1),
    "log1prel": ("log(1+x)/x", "-1", "oo", 1),
    "tanhc": ("tanh(x)/x", "-oo", "oo", 1),
    "log_sinhc": ("log(sinh(x)/x)", "-oo", "oo", 1),
    "differences": ("exp(x)-2+exp(-x)", "-oo", "oo", 1),
}
WORD = '"float32"'
GROWN = f"    z0 = _grown(y_0, en_0, {WORD})\n"
TAIL = "    v2t_0 = v2l_0 + em_0[1]\n"
SUM = "    v2_0, v2l_0 = _two_sum(em_0[0], v2n_0)\n"
# Of a form: what stands there, and what is written instead.
BODIES: dict[str, tuple[str, str, str]] = {
    "a larger tail": (
        "exprel",
        f"v2_0 + _apart(v2t_0, {WORD})",
        f"v2_0 + _apart(1000.0 * v2t_0, {WORD})",
    ),
    "no tail": ("exprel", f"v2_0 + _apart(v2t_0, {WORD})", "v2_0"),
    "no tail of a sum": ("exprel", TAIL, "    v2t_0 = v2l_0\n"),
    "a tail of another sign": ("exprel", TAIL, TAIL.replace("+", "-")),
    "a tail that is not fixed": (
        "exprel",
        f"v2_0 + _apart(v2t_0, {WORD})",
        "v2_0 + v2t_0",
    ),
    "heads for tails": (
        "exprel",
        SUM,
        SUM.replace("v2_0, v2l_0", "v2l_0, v2_0"),
    ),
    "terms swapped": (
        "exprel",
        SUM,
        SUM.replace("(em_0[0], v2n_0)", "(v2n_0, em_0[0])"),
    ),
    "one part for the other": ("exprel", TAIL, TAIL.replace("[1]", "[0]")),
    "another unit": ("exprel", "v2n_0 = -w_0", "v2n_0 = -(2.0 * w_0)"),
    "a unit of no exponent": (
        "exprel",
        f"_unit_of(en_0, {WORD})",
        f"_unit_of(c0, {WORD})",
    ),
    "a unit that is 1": (
        "exprel",
        f"w_0 = _unit_of(en_0, {WORD})",
        f"w_0 = _constant(1.0, {WORD})",
    ),
    "an exponent left out": ("exprel", GROWN, "    z0 = y_0\n"),
    "an exponent twice": (
        "exprel",
        GROWN,
        GROWN + GROWN.replace("y_0", "z0"),
    ),
    "an exponent and one more": (
        "exprel",
        GROWN,
        GROWN.replace("en_0", "en_0 + 1.0"),
    ),
    "shrunk for grown": ("exprel", "z0 = _grown", "z0 = _shrunk"),
    "another's exponent": ("exprel", GROWN, GROWN.replace("en_0", "c0")),
    "a choice": (
        "exprel",
        GROWN,
        GROWN + "    z0 = ops.where(en_0 > 9.5, 0.5 * z0, z0)\n",
    ),
    "a choice between": (
        "exprel",
        TAIL,
        TAIL + "    v2t_0 = ops.where(c0 > 9.5, 0.5 * v2t_0, v2t_0)\n",
    ),
    "a clip between": (
        "exprel",
        TAIL,
        TAIL + "    v2t_0 = ops.clip(v2t_0, -1.0, 1.0)\n",
    ),
    "the input clipped between": (
        "exprel",
        TAIL,
        TAIL + "    c0 = ops.clip(c0, -50.0, 50.0)\n",
    ),
    "the input of the exponential": (
        "exprel",
        "_signed_exp((c0, None)",
        "_signed_exp((t, None)",
    ),
    "another kernel": ("exprel", "en_0 = _signed_exp(", "en_0 = _pair_exp("),
    "a statement more": ("exprel", TAIL, TAIL + "    q = v2_0\n"),
    "a part taken later": (
        "exprel",
        GROWN,
        GROWN + "    y = y + 0.0 * v2t_0\n",
    ),
    "an exponent taken later": (
        "exprel",
        GROWN,
        GROWN + "    y = y + 0.0 * en_0\n",
    ),
    "the same again": ("exprel", GROWN, GROWN * 2),
    "a name before": (
        "exprel",
        "    between =",
        "    v2t_0 = t\n    between =",
    ),
    "a form that does not end": (
        "exprel",
        GROWN + "    y = ops.where(between, y, z0)\n",
        "",
    ),
    "t of its own": (
        "log1prel",
        "    v0_0, v0l_0 = _two_sum(c0, 1.0)\n",
        "    t = y\n    v0_0, v0l_0 = _two_sum(c0, 1.0)\n",
    ),
    "a quotient without its rest": (
        "bernoulli",
        f"_short_quotient((c0, None), (v2_0, v2t_0), {WORD})",
        f"_short_quotient((c0, None), (v2_0, None), {WORD})",
    ),
    "a quotient alone": (
        "bernoulli",
        f"    ys_0 = y_0 + _apart(yl_0, {WORD})\n",
        f"    ys_0 = _once(_quotient(c0, v2_0, {WORD}), {WORD})\n",
    ),
    "a correction left out": (
        "tanhc",
        "    y_0 = yq_0 + yr_0\n",
        "    y_0 = yq_0\n",
    ),
    "a correction with less": (
        "tanhc",
        "v4l_0 - yq_0 * v6l_0",
        "v4l_0",
    ),
    "a log without its tail": (
        "log1prel",
        "v1t_0 = v1l_0 + v1r_0",
        "v1t_0 = v1l_0",
    ),
    "a limit elsewhere": (
        "log1prel",
        f"t > _constant(3.4028235e38, {WORD})",
        f"t > _constant(1e38, {WORD})",
    ),
    "another limit": (
        "log1prel",
        f"_constant(0.0, {WORD}), y_0",
        f"_constant(1.0, {WORD}), y_0",
    ),
    "another number": ("log_sinhc", ", -0.6931472)", ", -0.69314724)"),
    "another tail of a number": (
        "log_sinhc",
        " + 1.9046542e-09",
        " + 1.9046552e-09",
    ),
    "no tail of a number": ("log_sinhc", " + 1.9046542e-09", ""),
    "an exponent of the other sign": ("differences", "-en_0", "en_0"),
    "half of an exponent": ("differences", "-en_0", "-0.5 * en_0"),
    "an exponential's other part": (
        "differences",
        "(em_0[0], em_0[1])",
        "(em_0[0], em_0[0])",
    ),
}


@pytest.mark.parametrize("lie", BODIES)
def test_no_other_statement(lie: str) -> None:
    name, old, new = BODIES[lie]
    text, source = made(*FORMS[name])
    assert old in source
    report = check(text, source.replace(old, new, 1), first=True)
    (what,) = (f.what for f in report.findings)
    assert "shape" in what or "unexpected" in what


@pytest.mark.parametrize("name", FORMS)
def test_what_lowering_writes_is_confirmed(name: str) -> None:
    text, source = made(*FORMS[name])
    assert check(text, source).ok


def form_of(name: str, order: int = 0) -> tuple[dict[str, Any], str]:
    """The certificate and the module of one of these."""
    text, source = made(*FORMS[name])
    assert json.loads(text)["plans"][order]["closed"]
    return json.loads(text), source


def changed(data: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Its forms with other fields."""
    for piece in data["plans"][0]["closed"]:
        piece.update(fields)
    return data


CERTIFICATES: dict[str, dict[str, Any]] = {
    "no power": {"power": 0},
    "another power": {"power": 2},
    "a power that is none": {"power": True},
    "a power of another sign": {"power": -1},
    "no exponential that is scaled": {"scaled": None},
    "another scaled": {"scaled": "v2"},
    "one that is not there": {"scaled": "v9"},
    "no pairs": {"pairs": []},
    "one pair less": {"pairs": ["e", "w"]},
    "corrected": {"rounded": ["y"]},
    "not signed": {"signed": False},
    "another side": {"side": -1},
    "a name of code": {"input": "x)\ny = (x"},
    "another limit": {"limit": 0.0},
    "pairs of what is not there": {"pairs": ["e", "v2", "w", "ghost"]},
    "corrected what is not there": {"rounded": ["ghost"]},
    "a sum that is corrected": {"rounded": ["v2"]},
    "signed by a word": {"signed": "no"},
    "signed by a number": {"signed": 2},
    "a side that is a truth": {"side": True},
    "a side that is a float": {"side": 1.0},
}


@pytest.mark.parametrize("lie", CERTIFICATES)
def test_no_other_fields(lie: str) -> None:
    data, source = form_of("exprel")
    assert findings(changed(data, **CERTIFICATES[lie]), source, 0, "float32")


def test_powers_are_put_back() -> None:
    """Else a form is another one wherever its power of two is not 1."""
    data, source = form_of("exprel")
    changed(data, power=0)
    lie = source.replace(GROWN, "    z0 = y_0\n")
    (what,) = findings(data, lie, 0, "float32")
    assert "not put back" in what
    # f times exp(x) where only one of both is scaled.
    (piece, _) = data["plans"][0]["closed"]
    rows = piece["statements"]
    rows[1:1] = [["v1", ["exp", "e"]]]
    with pytest.raises(NotRunnable, match="exp of what is scaled"):
        meant(piece, get_format("float32"))


Rows = Callable[[list[Any]], object]
PROGRAMS: dict[str, Rows] = {
    "an operation of operations": lambda r: r.append(
        ["z", ["add", "y", ["exp", "x"]]]
    ),
    "an operation of none": lambda r: r.append(["z", ["tan", "y"]]),
    "too many parts": lambda r: r.append(["z", ["sqrt", "y", "y"]]),
    "a name twice": lambda r: r.append(["y", ["neg", "y"]]),
    "a name that is made": lambda r: r.append(["v2t", ["neg", "y"]]),
    "a name of code": lambda r: r.append(["y = 1; z", ["neg", "y"]]),
    "a name that is not there": lambda r: r.append(["z", ["neg", "v7"]]),
    "a name before it is there": lambda r: r.insert(0, ["z", ["neg", "y"]]),
    "a second unit": lambda r: r.append(["u", {"constant": "1"}]),
    "a unit that is not 1": lambda r: r[1].__setitem__(1, {"constant": "2"}),
    "an operation of numbers": lambda r: r.append(
        ["z", ["add", {"constant": "1"}, {"constant": "2"}]]
    ),
    "a number beyond the largest": lambda r: r.append(
        ["z", ["add", "y", {"constant": "1" + "0" * 40}]]
    ),
    **{
        f"{way} of {value}": lambda r, way=way, value=value: r.insert(  # type: ignore[misc]
            2, ["q", [way, {"constant": value}]]
        )
        for way, value in (
            *(("exp", "1e10"), ("exp", "-1e10"), ("exp", "1e999")),
            *(("exp", "-1e999"), ("log", "-1"), ("log", "0"), ("sqrt", "-1")),
        )
    },
    "nothing": lambda r: r.clear(),
}


@pytest.mark.parametrize("lie", PROGRAMS)
def test_programs_that_are_none(lie: str) -> None:
    data, source = form_of("exprel")
    for piece in data["plans"][0]["closed"]:
        PROGRAMS[lie](piece["statements"])
    (what,) = findings(data, source, 0, "float32")
    assert "shape" in what or "Not a" in what or "expected" in what


def test_exponents_that_are_dropped_are_0() -> None:
    """Of exp(-v) where v may be negative they are not."""
    data, _ = form_of("differences")
    (piece,) = data["plans"][0]["closed"]
    assert meant(piece, get_format("float32"))
    below = {
        **piece,
        "pairs": ["v1", "y"],
        "scaled": None,
        "power": 0,
        "rounded": [],
        "statements": [
            ["v0", ["sub", "t", {"constant": "9"}]],
            ["v2", ["neg", "v0"]],
            ["v1", ["exp", "v2"]],
            ["y", ["add", "v1", "t"]],
        ],
    }
    with pytest.raises(NotRunnable, match="what may be positive"):
        meant(below, get_format("float32"))


def test_numbers_are_two_floats() -> None:
    """What is looked at is what the body has, not what it stands for."""
    data, _ = form_of("log_sinhc")
    (piece,) = data["plans"][0]["closed"]
    rows = meant(piece, get_format("float32"))
    assert rows != piece["statements"]
    numbers = [
        Fraction(part["constant"])
        for _, tree in rows
        for part in tree
        if isinstance(part, dict)
    ]
    assert max(n.denominator for n in numbers) <= 2**60
    plan = read_plans(made(*FORMS["log_sinhc"])[0])[1][0]
    (closed,) = (p for p in plan.pieces if p.kind == "closed")
    assert 0 < truncation_of_closed(closed, plan.fmt) < 2.0**-30
    data, _ = form_of("exprel")
    for piece in data["plans"][0]["closed"]:
        own = [list(row) for row in meant(piece, get_format("float32"))]
        assert own == piece["statements"]


def test_forms_are_of_one_plan() -> None:
    """Twins are one form, of the number of the first."""
    data, _ = form_of("exprel")
    (form,) = carried_forms(data["plans"][0])
    assert form.input == "c0" and form.result == "z0"
    assert not any(re.search("_1$", name) for name in form.names)
    closed = data["plans"][0]["closed"]
    closed[1]["power"] = 2
    with pytest.raises(NotRunnable, match="two sides"):
        list(carried_forms(data["plans"][0]))


def test_logs_of_what_is_off() -> None:
    """As much as that divided by it, and not what its parts are off by."""
    text, source = made(*FORMS["log1prel"])
    (module,) = Module.read(source, json.loads(text))
    plan = read_plans(text)[1][0]
    body = Body(module, plan, 1, read_assumed(json.loads(text), "float32"))
    m = np.linspace(0.72, 1.4, 500).astype("float32")
    off = 5 * 2.0**-23
    machine = Machine(plan.fmt, len(m), {}, {}, {}, folds)
    body.ops.m = body.pairs.m = machine
    exact = m.astype(Real)
    of = Number(machine, exact, exact, machine.fill(off))
    n = Number(machine, *[machine.fill(0)] * 3)
    log = body.function.__globals__["_pair_log"]
    pair = log(Later.of(of), Later.of(n), "float32")
    bound = sum(value(part).error for part in pair)
    assert (bound < off / (m - off) + 2.0**-22).all()
    for way in (-1, 1):
        other = m + np.float32(way * off)
        zero = ops.zeros_like(ops.convert_to_tensor(other))
        high, low = map(
            ops.convert_to_numpy,
            pair_log(ops.convert_to_tensor(other), zero, "float32"),
        )
        found = high.astype(Real) + low.astype(Real)
        assert (np.abs(found - np.log(exact)) <= bound).all()
