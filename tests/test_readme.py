"""Every code block and every command of the README."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [
    line.split("#")[0].strip()
    for block in re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]


def test_there_is_something_to_test() -> None:
    assert len(PYTHON) >= 2
    assert len(COMMANDS) >= 6


@pytest.mark.parametrize("code", PYTHON, ids=range(len(PYTHON)))
def test_python_block(code: str) -> None:
    exec(compile(code, "README.md", "exec"), {})
    if keras.backend.backend() == "jax":
        keras.distribution.set_distribution(None)  # not for other tests


@pytest.mark.once
@pytest.mark.parametrize("command", COMMANDS)
def test_command(command: str, tmp_path: Path) -> None:
    """Targets of make exist; the tool's own commands run."""
    if command.startswith("make"):
        # MAKEFLAGS of the make that runs this test would be obeyed too.
        environment = {k: v for k, v in os.environ.items() if "MAKE" not in k}
        subprocess.run(
            ["make", "-n", *command.split()[1:]],
            cwd=ROOT,
            env=environment,
            check=True,
            capture_output=True,
        )
        return
    if command.startswith("python -m examples."):
        # Run to the end by tests/test_examples.py.
        module = command.split()[2]
        subprocess.run(
            [sys.executable, "-m", module, "--help"],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        return
    assert command.startswith("keras-stablef ")
    tool = Path(sys.executable).with_name("keras-stablef")
    out = tmp_path / "out"
    out.mkdir()
    rest = command.removeprefix("keras-stablef ")
    subprocess.run(f"{tool} {rest}", shell=True, check=True, cwd=tmp_path)
    if "generate" in command:
        text = (out / "my_op.py").read_text(encoding="utf-8")
        assert "def my_op(x, order=0" in text
    if "plot" in command:
        assert (out / "log_cosh.png").stat().st_size > 10_000
