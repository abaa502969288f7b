"""Benchmarks print what they measured: ratios, medians, tables."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.once

FOLDER = Path(__file__).parent.parent.parent / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module


def test_ratios_are_of_one_turn(benchmark: Any) -> None:
    """A machine that is slow for a while is so for both."""
    timing = benchmark("timing")
    base = {"cpu": [1.0, 9.0, 1.0, 1.0], "wall": [1.0, 9.0, 1.0, 1.0]}
    own = {"cpu": [2.0, 18.0, 2.0, 2.0], "wall": [2.0, 9.0, 4.0, 4.0]}
    found = timing.ratios({"a": base, "b": own}, "a")
    assert found["a"]["cpu"] == 1 and found["a"]["cpu spread"] == 0
    assert found["b"]["cpu"] == 2 and found["b"]["cpu spread"] == 0
    assert found["b"]["wall"] == 3 and found["b"]["wall spread"] > 0
    assert found["b"]["cpu ms"] == 2000


def test_calls_take_turns(benchmark: Any) -> None:
    timing = benchmark("timing")
    made: list[str] = []
    calls = {name: lambda n=name: made.append(n) for name in "ab"}
    times = timing.timed(calls, 3)
    assert all(len(times[n][c]) == 3 for n in "ab" for c in ("cpu", "wall"))
    turns = "".join(made).lstrip("ab"[0]).count("ab")
    assert turns == 3  # a's, b's, again and again


def row(name: str, ratio: float, **more: Any) -> dict[str, Any]:
    clock = {"cpu": ratio, "cpu spread": 0.25, "cpu ms": 4.0}
    own = {"backend": "jax", "part": "catalogue", "dtype": "float32"}
    first = {"first call": 3.0, "first call of the formula": 1.5}
    return {**own, **clock, **first, "name": name, "mode": "jit f+b", **more}


def test_the_page_has_medians_and_the_worst(benchmark: Any) -> None:
    performance = benchmark("performance")
    rows = [row("f", 1.0), row("g", 2.0), row("h", 7.0)]
    where = {"part": "flagship", "size": 1000, "mode": "jit f"}
    rows += [row(n, v, **where) for n, v in (("single where", 1), ("s", 1.5))]
    rows.append({"part": "kept", "backend": "jax", "bytes": 1.0, "formula": 4})
    page = performance.page(rows)
    for line in (
        "| jax | jit f+b |",
        "| f | 1.00 ± 0.25 |",
        "| **median** | **2.00** |",
        "| **worst** | **7.00** |",
        "| first call, median | 2.0 |",
        "| jit f | 1,000 | 1.50 ± 0.25 | 4 |",
        "| jax | 1.0 | 4.0 |",
    ):
        assert line in page, line


def test_a_formula_is_that_of_the_catalogue(benchmark: Any) -> None:
    import numpy as np

    speed = benchmark("speed")
    got = speed.textbook("(exp(x)-1)/x")(np.float64(2.0))
    assert float(got) == pytest.approx(3.1945280494653252)
    x = speed.inputs(("0", "oo"), 1000)
    assert x.dtype == np.float32 and (x >= 0).all()
