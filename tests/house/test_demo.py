"""The question's nan, met and cured, on the active backend."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
BACKEND = os.environ.get("KERAS_BACKEND", "tensorflow")
DYING = {
    "single where",
    "learning rate / 10",
    "float64",
    "three-branch where",
    "-(x+expm1(-x))/(x expm1(-x))",
    "-x/(2 expm1(-x))",
}
NEVER = {"sigmoid for f", "StableFLoss"}


def printed(*options: str) -> str:
    """What the example prints on the active backend."""
    command = (sys.executable, "-m", "examples.question", *options)
    done = subprocess.run(
        [*command, f"--backend={BACKEND}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict:
    out = tmp_path_factory.mktemp("demo")
    text = printed(f"--out={out}")
    assert (out / f"{BACKEND}.png").stat().st_size > 10_000
    # A pipe gets the tables and no cursor movements.
    assert "\x1b" not in text
    return json.loads((out / f"{BACKEND}.json").read_text()) | {"printed": text}


def test_every_run_has_a_row(demo):
    runs = {run["name"]: run for run in demo["runs"]}
    assert set(runs) == DYING | NEVER
    for name, run in runs.items():
        assert name in demo["printed"]
        # Stopped when all is nan.
        last = run["first_nan"] or demo["epochs"]
        steps = runs["StableFLoss"]["steps"]
        assert len(run["loss"]) == last
        assert run["steps"] * demo["epochs"] == steps * last


def test_the_attempts_meet_nan_and_the_cure_does_not(demo):
    runs = {run["name"]: run for run in demo["runs"]}
    for name in DYING:
        assert runs[name]["first_nan"] is not None, name
        assert runs[name]["bad_steps"][-1] > 0
    for name in NEVER:
        assert runs[name]["first_nan"] is None, name
        assert runs[name]["bad_steps"][-1] == 0
    # The same logits that killed the others.
    assert runs["StableFLoss"]["lowest_logit"][-1] < -88.8


def test_the_cure_learns(demo):
    """On held-out customers, more than a constant and the sigmoid do."""
    runs = {run["name"]: run for run in demo["runs"]}
    constant = demo["best_constant"]
    assert runs["StableFLoss"]["validation"][-1] < 0.9 * constant
    assert runs["sigmoid for f"]["validation"][-1] > constant


def test_ulp_table(demo):
    rows = {row["name"]: row for row in demo["ulps"]}
    expected = {"naive", "single where", "three-branch where"}
    expected |= {"keras_stablef stablef", "sigmoid for f"}
    if BACKEND == "torch":
        expected.add("torch ContinuousBernoulli.mean")
    assert expected <= set(rows)
    cured = rows["keras_stablef stablef"]
    assert cured["value_bad"] == [] == cured["gradient_bad"]
    assert cured["value_ulp"] <= 2 and cured["gradient_ulp"] <= 2
    (near, far) = sorted(rows["single where"]["gradient_bad"], reverse=True)
    assert near[0] <= 0 <= near[1]
    assert far[1] == pytest.approx(-88.7228, abs=1e-3)


def test_other_splits() -> None:
    """Two that no setting was chosen by, one of those of the page."""
    found = [int(v) for v in re.findall(r"(-?\d+)%", printed("--splits=2"))]
    assert len(found) == 2
    assert min(found) > 0
