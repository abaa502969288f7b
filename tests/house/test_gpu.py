"""`make gpu` without one: what ends, what fails, what is said about it."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parent.parent.parent

# name of a stage -> what it runs; `row` prints a row.
HEAD = (
    "import json, sys, time\nrow = lambda **r: print(json.dumps(r), flush=1)\n"
)
SCRIPTS = {
    "whole": "print('noise'); row(planned=['a']); row(label='a', ok=True)",
    "wrong": "row(planned=['b']); "
    "row(label='b', kind='failed', why='E: no', ok=False)",
    "fails": "row(planned=['c', 'd']); row(label='c', ok=True); 1 / 0",
    "leaves": "import subprocess; row(planned=['f']); row(label='f', ok=True);"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])",
    "late": "row(planned=['e']); time.sleep(60)",
    "after": "row(seen=sys.argv[1:])",
}


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return lambda name: importlib.import_module(f"gpu.{name}")


@pytest.fixture
def ran(gpu: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The scripts, as stages of two groups that have 6 seconds and 2."""
    run, stages = gpu("run"), gpu("stages")
    monkeypatch.setattr(run, "GRACE", 0.1)
    first = [stages.Stage(name, name, "torch") for name in (*SCRIPTS, "lost")]
    last = first.pop(-2)
    pages: list[int] = []
    made = run.Run(
        tmp_path,
        ["--device", "cpu"],
        os.environ,
        time.monotonic() + 8,
        lambda rows: pages.append(len(rows)),
        lambda stage: [sys.executable, "-c", HEAD + SCRIPTS[stage.module]],
    )
    groups = [stages.Group(6, tuple(first)), stages.Group(2, (last,))]
    made.all(groups, {"lost": "no such thing"})
    assert len(pages) == 2
    lines = (tmp_path / "rows.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == made.rows
    return made.rows


def test_a_stage_that_fails_or_is_late_ends_no_other(
    ran: Any, gpu: Any
) -> None:
    lost = {row["stage"]: row["lost"] for row in ran if row.get("lost")}
    assert set(lost) == {"fails", "late", "lost"}
    assert "ZeroDivisionError" in lost["fails"]
    assert lost["late"].startswith("ended after")
    assert lost["lost"] == "no such thing"
    (seen,) = [row["seen"] for row in ran if "seen" in row]
    # What is left of the 8 seconds.
    assert seen[::2] == ["--seconds", "--device"] and 1 <= int(seen[1]) <= 8
    (took,) = [r["took"] for r in ran if r["stage"] == "leaves" and "took" in r]
    assert took < 5  # with a process that would sleep on
    left = gpu("page").unreached(ran)
    assert left.pop("whole") == left.pop("wrong") == left.pop("leaves") == []
    assert left == {"fails": ["d"], "late": ["e"]}
    text = "\n".join(gpu("page").summary(ran))
    for line in (
        "- wrong, not as claimed: b (E: no)",
        "- fails, not reached: d",
        "- late, not reached: e",
        "- lost: no such thing",
    ):
        assert line in text, line


def accuracy(name: str, **more: Any) -> dict[str, Any]:
    row = {"stage": "jax accuracy", "backend": "jax", "kind": "accuracy"}
    row |= {"label": name, "order": 1, "dtype": "float32", "mode": "jit"}
    row |= {"inputs": 2**32, "worst": 1.25, "at": -3.5, "exact": 1.24}
    return {**row, "bound": 2.0, "nan": 0, "ok": True, "name": name, **more}


def test_the_page_says_what_was_measured(gpu: Any) -> None:
    speed = {"stage": "torch speed", "backend": "torch", "ok": True}
    speed |= {"dtype": "float32"}
    rows = [
        accuracy("f"),
        accuracy("g", worst=2.5, ok=False, exact=None),
        {"stage": "jax functions", "backend": "jax", "kind": "prim",
         "name": "exp", "label": "exp, jit", "mode": "jit", "worst": 1.9,
         "assumed": 1.64, "at": [-13.5], "underflow": 1.0, "inputs": 9,
         "ok": False},
        {**speed, "kind": "flagship", "label": "s", "mode": "eager",
         "size": 9, "stablef": 3.0, "sigmoid": 2.0, "copy": 2.5},
        {**speed, "kind": "catalogue", "label": "c", "mode": "eager f+b",
         "name": "f", "ours": 3.0, "textbook": 2.0, "ratio": 1.5,
         "first": 0.3},
        {"stage": "kernels", "backend": "torch", "kind": "first call",
         "label": "k", "seconds": 0.7, "workers": 4, "ok": True},
    ]  # fmt: skip
    about = {"device": "NVIDIA H100 80GB HBM3", "versions": {"jax": "1"}}
    about |= {"quick": False, "commit": "Commit abc."}
    page = gpu("page")
    text = page.page(rows, about)
    for line in (
        "NVIDIA H100 80GB HBM3; jax 1. Commit abc.",
        "- jax accuracy, not as claimed: g (2.5 ulp at -3.5, 2.0 claimed)",
        "- jax functions, not as claimed: exp, jit (1.9 ulp, 1.64 assumed)",
        "| f' | jax, jit | 4,294,967,296 | 2.0000 | 1.2500 | -3.5 | 1.24",
        "| torch, eager, float32 | 9 | 3.0 | 2.0 | 2.5 | 1.50 | 1.20 |",
        "| f | 3.0 / 2.0 = 1.50 |",
        "longest 0.70 s.",
    ):
        assert line in text, line
    assert page.title(about["device"]) == "nvidia-h100-80gb-hbm3"


def test_what_is_missing_is_named_with_its_remedy(gpu: Any) -> None:
    machine = gpu("machine")
    assert machine.missing(["json", "no_such_module"]) == ["no_such_module"]
    text = machine.advice(["flint", "rich"])
    for word in ("flint, rich", "python-flint", "mdurl", "make gpu-wheels"):
        assert word in text, word


def test_the_package_is_found_with_its_generator(
    gpu: Any, tmp_path: Path
) -> None:
    """As a checkout has no link to it."""
    linked = gpu("machine").linked_package(tmp_path / "package")
    names = ["generated", "generator.checker", "generator.templates"]
    for name in names:
        path = linked.joinpath("keras_stablef", *name.split("."))
        assert path.is_dir() and list(path.iterdir()), name
    assert not (linked / "keras_stablef" / "generator").is_symlink()


def test_the_script_fits_a_command() -> None:
    """Of 2,000 characters; and it is one."""
    path = ROOT / "benchmarks" / "gpu" / "device.sh"
    assert len(path.read_text()) <= 2000
    subprocess.run(["sh", "-n", str(path)], check=True)


def test_no_gpu_is_said(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gpu", "--out", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "benchmarks"),
             "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "no GPU: expected a CUDA device" in done.stderr


@pytest.mark.slow
def test_every_stage_runs_on_a_cpu(tmp_path: Path) -> None:
    """On few numbers: nothing lost, nothing above its bound."""
    done = subprocess.run(
        [sys.executable, "-m", "gpu", "--device", "cpu", "--quick",
         "--seconds", "900", "--out", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "benchmarks")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    text = (tmp_path / "gpu-cpu.md").read_text()
    assert "All of it was reached, and is as claimed." in text
