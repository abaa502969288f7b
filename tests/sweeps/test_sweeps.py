"""The sweeps: points, judge, reference, results, the document, the commands.

The oracle here is mpmath, which the sweeps do not use.
"""

from __future__ import annotations

import json
import math
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy
from keras_stablef.generator.errors import GeneratorError
from keras_stablef.generator.numbers.formats import FORMATS
from keras_stablef.generator.sweeps import document
from keras_stablef.generator.sweeps import results
from keras_stablef.generator.sweeps import units
from keras_stablef.generator.sweeps.__main__ import main
from keras_stablef.generator.sweeps.floats import FloatOrder
from keras_stablef.generator.sweeps.judge import Exact
from keras_stablef.generator.sweeps.judge import ulp_errors
from keras_stablef.generator.sweeps.reference import Formula

pytestmark = pytest.mark.once
ROOT = Path(__file__).parents[2]
X = sympy.Symbol("x", real=True)


def here(*arguments: str) -> int:
    """The command in this process; its exit code."""
    try:
        return main(arguments)
    except SystemExit as end:  # argparse
        return int(end.code or 0)


def quick(path: Path) -> list[str]:
    return [
        "--quick", "--functions", "stablef", "--orders", "1",
        "--dtypes", "float8_e5m2", "--backend", "tensorflow",
        "--results", str(path),
    ]  # fmt: skip


def test_a_sweep_goes_on_where_it_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At first as it is called, which begins a process for the backend."""
    path = tmp_path / "results.jsonl"
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["sweeps", *quick(path)])
    monkeypatch.delitem(sys.modules, main.__module__)
    with pytest.raises(SystemExit) as end:
        runpy.run_module("keras_stablef.generator.sweeps", run_name="__main__")
    assert end.value.code == 0
    whole = path.read_text(encoding="utf-8")
    (result,) = results.read(path).values()
    assert result.inputs > 100 and result.bad == result.kept == 0
    assert 0.3 < result.worst <= 0.5001
    assert here(*quick(path), "--here") == 0
    assert path.read_text(encoding="utf-8") == whole  # nothing to do
    path.write_text(whole[: len(whole) // 2], encoding="utf-8")  # torn
    assert here(*quick(path), "--here") == 0
    (again_result,) = results.read(path).values()
    assert replace(again_result, seconds=0) == replace(result, seconds=0)


def test_shards_are_all_units_and_none_twice() -> None:
    jobs = list(
        units.jobs(["stablef", "exprel"], [], ["float16"], "jax", "cpu",
                   False, False)
    )  # fmt: skip
    assert len(jobs) == 6
    work = [(j.key(k, 3), k) for j in jobs for k in range(3)]
    assert len(set(work)) == len(work)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--functions", "nothing"], "nothing"),
        (["--dtypes", "float128"], "float128"),
        (["--shard", "2/2"], "shard"),
        (["--shard", "x"], "shard"),
        (["--orders", "7"], "7"),
        (["--backend", "mxnet"], "mxnet"),
    ],
    ids=str,
)
def test_bad_options(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert here(*arguments) == 2
    assert message in capsys.readouterr().err


FORMULAS = [
    ("exp(x)*x", ("-300.5", "0.1", "3")),
    ("(exp(x)-1)/x", ("1e-9", "0", "-40")),
    ("log(1+x)/x", ("-0.5", "0", "1e10")),
    ("(1-cos(x))/x**2", ("0", "1e-4", "2")),
]


@pytest.mark.parametrize(("text", "places"), FORMULAS)
@pytest.mark.parametrize("order", [0, 1, 2])
def test_reference_is_the_derivative(
    text: str, places: tuple[str, ...], order: int
) -> None:
    """Balls from the formula against mpmath's Taylor coefficients."""
    expr = sympy.sympify(text, locals={"x": X})
    formula = Formula(expr)
    f = sympy.lambdify(X, expr, "mpmath")
    with mpmath.workdps(80):
        for place in places:
            value = float(place)
            point = mpmath.mpf(value)
            if not value:  # beside the removable point
                point = mpmath.mpf(10) ** -25
            want = mpmath.diff(f, point, order, h=mpmath.mpf(10) ** -12)
            ball = formula.at(value, order)
            assert ball is not None
            got = float(ball.mid())
            assert abs(got - float(want)) <= 1e-9 * max(abs(float(want)), 1)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e4m3fn"])
def test_floats_in_order(dtype: str) -> None:
    floats = FloatOrder(FORMATS[dtype])
    top = floats.index(np.inf)
    # -0 comes before 0.
    every = floats.floats(np.arange(-top - 1, top + 1)).astype(np.float64)
    assert np.isfinite(every).all()
    assert (np.diff(every) > 0).sum() == 2 * top
    np.testing.assert_array_equal(every, -every[::-1])
    np.testing.assert_array_equal(
        floats.indices(floats.floats(np.arange(-5, 6))), np.arange(-5, 6)
    )


def test_judge_counts_ulp() -> None:
    got = np.array([1.0, 1.5, 2.0, -3.0], np.float64)
    want = Exact(
        np.array([1.0, 1.5, 2.0, -3.0]), np.array([2.0**-24, 0, 0, 2.0**-22])
    )
    found = ulp_errors(got, want, FORMATS["float32"])
    assert found.tolist() == [0.5, 0.0, 0.0, 1.0]
    missing = ulp_errors(np.array([np.nan]), want, FORMATS["float32"])[:1]
    assert not missing[0] <= 2


def row(**changes: object) -> results.Result:
    found = results.Result(
        key="k", code=units.code_hash("stablef", "float32", 0),
        function="stablef", order=0, dtype="float32", backend="jax",
        device="cpu", part=0, parts=1, exhaustive=False, quick=False,
        mode="jit", versions="jax 0", inputs=1000, worst=1.5, where="0x1p+0",
        total=500.0,
    )  # fmt: skip
    return replace(found, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"worst": 2.5}, "above the bound"),
        ({"subnormal": 99.0}, "above the bound"),
        ({"bad": 3}, "3 values nan"),
        ({"bad_gradient": 2}, "2 gradients nan"),
        ({"kept": 1}, "outside the domain"),
    ],
)
def test_what_is_wrong_is_said(changes: dict, words: str) -> None:
    assert document.violations(document.row_of([row()])) == []
    (found,) = document.violations(document.row_of([row(**changes)]))
    assert words in found


def test_rows_keep_what_is_complete_and_shipped() -> None:
    good = row()
    halves = [row(part=0, parts=2, dtype="float64")]
    stale = row(code="other", backend="torch")
    (only,) = document.rows_of([good, *halves, stale, row(quick=True)])
    assert only["backend"] == "jax" and only["dtype"] == "float32"
    # All of the inputs say more than a sample.
    (kept,) = document.rows_of([row(inputs=10)], known=[only])
    assert kept["inputs"] == 1000
    # The bound is the one that ships now.
    (same,) = document.rows_of([], known=[{**only, "bound": 99.0}])
    assert same == only
    (new,) = document.rows_of([row(inputs=2000, exhaustive=True)], [only])
    assert new["inputs"] == 2000 and new["exhaustive"]


def test_document_of_nothing_and_of_rubbish(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match="expected results"):
        results.merged([tmp_path / "none.jsonl"])
    rubbish = tmp_path / "rubbish.jsonl"
    rubbish.write_text('{"a": 1}\n', encoding="utf-8")
    with pytest.raises(GeneratorError, match=r"expected the fields.*received"):
        results.read(rubbish)


def test_docs_are_of_what_ships() -> None:
    """Every row within its bound; proofs that are loose are named."""
    rows = json.loads((ROOT / "docs/accuracy.json").read_text("utf-8"))
    text = (ROOT / "docs/accuracy.md").read_text("utf-8")
    assert rows
    ratios = []
    for each in rows:
        assert not document.violations(each), each
        assert each["code"] == document._code(
            each["function"], each["dtype"], each["order"]
        ), "swept code no longer ships: make certify"
        assert each["bound"] == document.bound_of(
            each["function"], each["dtype"], each["order"]
        ), "another bound ships now: make certify"
        if each["device"] == document.DEVICE:
            continue  # checks of float64 plans, with bounds of their own
        if (found := document.ratio(each)) is not None:
            ratios.append(found)
    loose = sum(found > document.AIM for found in ratios)
    assert f"Rows above 4: {loose}." in text
    assert float(np.median(ratios)) <= 2
    exhaustive = {
        (each["order"], each["backend"])
        for each in rows
        if each["function"] == "stablef"
        and each["dtype"] == "float32"
        and each["exhaustive"]
    }
    assert exhaustive == {
        (order, backend) for order in (0, 1) for backend in units.BACKENDS
    }
    assert all(math.isfinite(r) for r in ratios)
