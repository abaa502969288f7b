"""Measuring elementary functions: inputs, judging, tables, what is assumed."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import arb
from flint import ctx
from keras_stablef.generator.calibration import inputs
from keras_stablef.generator.calibration import reference
from keras_stablef.generator.calibration import rows
from keras_stablef.generator.calibration import sweep
from keras_stablef.generator.calibration import table
from keras_stablef.generator.errors import GeneratorError
from keras_stablef.generator.numbers.formats import FORMATS
from keras_stablef.generator.program import assumed as primitives

from keras_stablef.verification import inputs as shared
from keras_stablef.verification import measure

pytestmark = pytest.mark.once
ONE_ARGUMENT = ("exp", "log", "sqrt")


@pytest.mark.parametrize("name", ONE_ARGUMENT)
def test_float64_is_a_good_reference_for_float32(name: str) -> None:
    """`reference.wide`: within 4 ulp of float64, against python-flint."""
    x = shared.samples(name, "float32", 2**11)
    near = reference.wide(name, x)
    exact = reference.exact(name, x.astype(np.float64), "float64")
    ulp, _ = measure.errors(near, exact, "float64")
    assert ulp.max() <= 4


# function, dtype, first and last input, how many
RANGES = [
    ("exp", "float32", 0.0, 88.02969, 3257929525),
    ("log", "float32", 2.0**-126, 3.4028235e38, 254 * 2**23),
    ("sqrt", "float16", 2.0**-14, 65504.0, 30 * 2**10),
]


@pytest.mark.parametrize(("name", "dtype", "low", "high", "many"), RANGES)
def test_all_inputs_are_tried(
    name: str, dtype: str, low: float, high: float, many: int
) -> None:
    assert inputs.count(name, dtype) == many
    bits = {"float16": np.uint16, "float32": np.uint32}[dtype]
    first, last = inputs.spans(name, dtype)[0]
    ends = np.array([first, last], bits).view(dtype)
    np.testing.assert_array_equal(ends, np.array([low, high], dtype))
    if dtype == "float16":
        found = np.concatenate(list(inputs.blocks(name, dtype)))
        assert len(np.unique(found)) == many


def test_middles_decide_rounding() -> None:
    x = inputs.middles("float16")
    one = np.float32(1)
    half = one + np.float32(2.0**-11)
    for place in (one, half, np.nextafter(half, np.float32(2))):
        assert place in x
    low = measure.rounded(x.astype(np.float64), "float16")
    with np.errstate(over="ignore"):
        unit = np.spacing(np.abs(low.high)).astype(float)
    tie = np.abs(low.low) == unit / 2
    assert tie.sum() > 60000  # the middles themselves


@pytest.mark.parametrize("precision", [24, 53])
def test_quotients_next_to_middles(precision: int) -> None:
    a, b = shared.near_middles(precision, 200)
    assert len(a) > 300
    for x, y in zip(a.tolist(), b.tolist(), strict=True):
        assert x < 2**precision and y < 2**precision
        scaled = Fraction(x) / Fraction(y) * 2 ** (precision + 1)
        odd = round(scaled)
        assert odd % 2 == 1 and odd.bit_length() == precision + 1
        assert 0 < abs(scaled - odd) * int(y) <= 5


def test_known_hard_cases_are_hard() -> None:
    """exp 2**-60 ulp from a middle, log as near to a float."""
    with ctx.workprec(200):
        exp = arb(float.fromhex(shared.KNOWN["exp"][0])).exp()
        log = arb(float.fromhex(shared.KNOWN["log"][0])).log()
        for value, scale in ((exp, 2**53), (log, 2**44)):
            scaled = value * scale
            off = abs(scaled - scaled.mid().floor() - arb("0.5")) - arb("0.5")
            assert abs(off) < arb(2) ** -57


def _off_by(steps: int, at: float) -> Callable[..., Any]:
    """exp in float32 rounded correctly, but so many floats off at one."""

    def function(x: Any) -> Any:
        x = np.asarray(x)
        y = np.exp(x.astype(np.float64)).astype(np.float32)
        bits = y.view(np.int32)
        bits[x == np.float32(at)] += steps
        return y

    return function


# floats off, at; the error in ulp is that and the rounding of the exact value
BAD = [(2, 1.0), (-3, -80.0), (1, 88.0), (5, -87.33)]


@pytest.mark.parametrize(("steps", "at"), BAD)
def test_a_wrong_result_among_many_is_found(steps: int, at: float) -> None:
    """Both ways of looking, and at the right place."""
    x = np.linspace(-100, 88, 2**16).astype(np.float32)
    x = np.append(x, np.float32(at))
    value = reference.wide("exp", x)
    got = _off_by(steps, at)(x)
    quick, slow = sweep.Worst("float32"), sweep.Worst("float32")
    quick.see_block(got, value, x)
    slow.see(got, measure.rounded(value, "float32"), [x])
    for worst in (quick, slow):
        assert abs(worst.ulp - abs(steps)) <= 0.5
        assert worst.at == (float(np.float32(at)).hex(),)


def test_a_quick_look_misses_nothing() -> None:
    """Random errors of up to three floats, subnormal results, both signs."""
    rng = np.random.default_rng(5)
    for name in ONE_ARGUMENT:
        x = shared.samples(name, "float32", 2**14)
        value = reference.wide(name, x)
        with np.errstate(over="ignore"):
            got = value.astype(np.float32)
        got.view(np.int32)[:] += rng.choice(
            [0, 0, 1, -1, 2, 3], len(x), p=[0.3, 0.3, 0.2, 0.19, 0.005, 0.005]
        ).astype(np.int32)
        got[got != got] = 0  # steps below 0.0
        quick, slow = sweep.Worst("float32"), sweep.Worst("float32")
        for part in np.array_split(np.arange(len(x)), 5):
            quick.see_block(got[part], value[part], x[part])
        slow.see(got, measure.rounded(value, "float32"), [x])
        assert quick.ulp == slow.ulp > 2
        assert quick.underflow == slow.underflow


# computed, exact, in units of float32's ulp at 1: the error in ulp
JUDGED = [
    (1.0, 1.0, 0.0),
    (1.0 + 2.0**-23, 1.0, 1.0),
    (1.0, 1.0 - 2.0**-26, 0.25),  # below 1 the ulp is half of it
    (1.0, 1.0 + 2.0**-25, 0.25),
    (np.inf, 1.0, np.inf),
    (np.nan, 1.0, np.inf),
    (np.inf, 2.0**128, 0.0),  # beyond the format
]


@pytest.mark.parametrize(("got", "exact", "ulp"), JUDGED)
def test_errors_in_ulp(got: float, exact: float, ulp: float) -> None:
    want = measure.rounded(np.array([exact]), "float32")
    found, _ = measure.errors(np.array([got], np.float32), want, "float32")
    assert found[0] == ulp


def test_flushing_is_one_smallest_normal_at_most() -> None:
    tiny = 2.0**-126
    want = measure.rounded(np.array([tiny * 0.75, tiny / 4]), "float32")
    ulp, under = measure.errors(np.zeros(2, np.float32), want, "float32")
    assert ulp.tolist() == [0.0, 0.0]
    assert under.tolist() == [0.75, 0.25]


ROW = table.Row(0.9, ("0x1p+0",), "jit", {"jit": 0.9}, 1.0, 5, True)
RIGHT = table.Row(0.5, (), "jit", {"jit": 0.5}, 0.0, 5, True)


def _header(backend: str, dtype: str = "float32") -> table.Header:
    return table.Header(backend, "cpu", "a chip", dtype, {"keras": "3"})


def test_tables_are_kept_while_current(tmp_path: Path) -> None:
    header = _header("jax")
    assert not table.is_current(header, tmp_path)
    path = table.write_table(header, {"exp": ROW}, tmp_path)
    assert path.name == "jax-cpu-float32.json"
    assert table.is_current(header, tmp_path)
    newer = table.Header("jax", "cpu", "a chip", "float32", {"keras": "4"})
    assert not table.is_current(newer, tmp_path)
    path.write_text(path.read_text()[:40])
    assert not table.is_current(header, tmp_path)


def test_the_worst_of_all_tables_is_assumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worse = table.Row(1.1, ("0x1p+1",), "eager", {}, 2.0, 5, True)
    table.write_table(_header("jax"), {"exp": ROW, "sqrt": RIGHT}, tmp_path)
    table.write_table(_header("torch"), {"exp": worse, "sqrt": RIGHT}, tmp_path)
    other = _header("jax", "bfloat16")
    table.write_table(other, {"exp": RIGHT, "sqrt": RIGHT}, tmp_path)
    monkeypatch.setattr(primitives, "FOLDER", tmp_path)
    found = primitives.primitive_errors.__wrapped__("float32")
    assert found.ulp("exp") == Fraction(138, 100)  # 1.1 * 1.25, upwards
    assert found.ulp("sqrt") == Fraction(1, 2)  # no factor where correct
    assert found.underflow("exp") == Fraction(5, 2)
    # Of a device, some functions, and not what they are off by below normal.
    far = table.Row(1.9, ("0x1p+1",), "jit", {}, None, 5, True)
    near = table.Row(0.5, (), "jit", {}, 3.0, 5, True)
    device = table.Header("jax", "gpu", "a chip", "float32", {})
    table.write_table(device, {"exp": far, "log": near}, tmp_path)
    found = primitives.primitive_errors.__wrapped__("float32")
    assert found.ulp("exp") == Fraction(238, 100)
    assert found.underflow("exp") == Fraction(5, 2)
    assert found.underflow("log") == Fraction(15, 4)
    with pytest.raises(GeneratorError, match="expected one of exp, sqrt, log"):
        found.ulp("tan")
    with pytest.raises(GeneratorError, match="found none"):
        primitives.primitive_errors.__wrapped__("float16")
    (tmp_path / "jax-cpu-float32.json").write_text("{")
    with pytest.raises(GeneratorError, match="Cannot read"):
        primitives.primitive_errors.__wrapped__("float32")


MEASURED = [
    {"stage": "prim", "backend": "torch", "mode": mode, "name": name,
     "worst": worst, "at": at}
    for mode, name, worst, at in (
        ("eager", "exp", 1.931, -13.899314880371094),
        ("compiled", "exp", 1.7, 2.0),
        ("eager", "log", 0.5, 0.75),
        ("compiled", "sqrt", 0.944, 2.0),
        ("compiled", "a/b", 2.1, [1.5, 1.25]),
    )
]  # fmt: skip


def test_rows_of_a_device_are_a_table(tmp_path: Path) -> None:
    """Of what modules call; a worst that was rounded is rounded up again."""
    lines = ["no row", *map(json.dumps, MEASURED), '{"stage": "speed"}']
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(lines))
    given = [str(path), "--device-name", "a chip", "--folder", str(tmp_path)]
    given += ["--versions", "torch=2.11", "--backend"]
    assert rows.main([*given, "torch"]) == 0
    assert rows.main([*given, "jax"]) == 2
    data = json.loads((tmp_path / "torch-cuda-float32.json").read_text())
    assert data["device_name"] == "a chip"
    assert data["versions"] == {"torch": "2.11"}
    found = data["functions"]
    assert set(found) == {"exp", "log"}
    assert found["exp"]["modes"] == {"eager": 1.932, "jit": 1.701}
    assert found["exp"]["at"] == [(-13.899314880371094).hex()]
    assert found["exp"]["inputs"] == inputs.count("exp", "float32")
    assert found["log"]["ulp"] == 0.5 and found["log"]["underflow"] is None
    # What `make gpu` says is rounded up already, and may have more.
    more = {"kind": "prim", "rounded": "up", "underflow": 1.0, "inputs": 2**32}
    (row,) = rows.functions([{**MEASURED[0], **more}], "torch").values()
    assert (row.ulp, row.underflow, row.inputs) == (1.931, 1.0, 2**32)


def test_what_is_corrected_counts_as_half_an_ulp() -> None:
    """By theorem, and 2**-18 beside (runtime/division.py)."""
    seen = sweep.Worst("float32")
    seen.ulp = 0.5 + 2.0**-19
    row = sweep._row({"jit": seen}, 5, "divide", "float32", False)
    assert row.ulp == 0.5
    assert sweep._row({"jit": seen}, 5, "exp", "float32", False).ulp == 0.501


def test_shipped_tables() -> None:
    """Three backends, all inputs up to float32, + - * / correct."""
    for dtype in measure.FORMATS:
        found = [
            t for t in primitives.tables(dtype) if t["device"][:3] == "cpu"
        ]
        assert {t["backend"] for t in found} == {"jax", "tensorflow", "torch"}
        for data in found:
            assert list(data["functions"]) == sweep.names(dtype)
            for name, row in data["functions"].items():
                assert row["ulp"] == max(row["modes"].values()) < 3.5, name
                modes = (
                    {"eager", "jit"} if data["device"] == "cpu" else {"eager"}
                )
                assert set(row["modes"]) == modes
                if name in measure.ARITHMETIC:
                    assert row["ulp"] == 0.5
                elif dtype != "float64" and data["device"] == "cpu":
                    assert row["exhaustive"]
                assert row["exhaustive"] or row["inputs"] >= 2**20


@pytest.mark.parametrize("name", ["float32", "float64"])
def test_guesses_by_log_are_good_enough(name: str) -> None:
    """runtime/exponents.py, split_exponent: t = m 2**n, n from a log.

    Kernels are made for m up to 1 + 0.4143, sqrt(2) is 1.41421: n may be a
    half and log2(1.4143 / sqrt(2)) = 8.8e-5 off.
    """
    fmt = FORMATS[name]
    unit = 2.0 ** -(fmt.precision - 1)
    most = fmt.emax * np.log(2)  # |log t|, of the binade at 64 or 512
    binade = 2.0 ** np.floor(np.log2(most))
    of_log = float(primitives.primitive_errors(name).ulp("log"))
    off = of_log * unit * binade / np.log(2)
    off += 2 * unit / 2 * fmt.emax * 2  # the product, and its constant
    assert off < np.log2(1.4143 / np.sqrt(2))


def test_tables_name_no_machine() -> None:
    for path in primitives.FOLDER.glob("*.json"):
        data = json.loads(path.read_text())
        assert "/" not in data["device_name"]
        recipes = {table.RECIPE, rows.RECIPE}
        assert data["recipe"] in recipes, f"{path.name}: make calibrate"
