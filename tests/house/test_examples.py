"""Every example runs to its end and draws its picture."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from backends import BACKEND

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        BACKEND not in ("tensorflow", "jax", "torch"), reason="needs training"
    ),
]


def run(name: str, tmp_path: Path, *arguments: str) -> str:
    picture = tmp_path / "picture.png"
    done = subprocess.run(
        [sys.executable, "-m", f"examples.{name}", *arguments,
         "--out", str(picture)],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "KERAS_BACKEND": BACKEND},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert picture.stat().st_size > 10_000
    return done.stdout


def test_autoencoder(tmp_path: Path) -> None:
    printed = run("vae", tmp_path, "--epochs", "4")
    found = dict(re.findall(r"^(.*): first .*, last (.*)$", printed, re.M))
    full = float(found["keras_stablef, float32"])
    half = float(found["keras_stablef, float16"])
    assert full < -0.5 and abs(half - full) < 0.05 * abs(full)
    assert found["textbook, float16"] == "nan"


def test_integrator(tmp_path: Path) -> None:
    printed = run("integrator", tmp_path)
    found = dict(re.findall(r"^(.*): rate (\S+) ", printed, re.M))
    assert abs(float(found["keras_stablef"]) - 2e-3) < 1e-5
    assert abs(float(found["textbook"]) - 2e-3) > 1e-5
