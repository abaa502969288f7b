"""Code blocks and commands of README, docs/keras.md and the tutorial."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import keras
import pytest
from keras_stablef.generator.cli import main

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/keras.md", "docs/tutorial.md")
TEXTS = {p: (ROOT / p).read_text(encoding="utf-8") for p in PAGES}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXTS[page], re.DOTALL)


PYTHON = [
    pytest.param(code, id=f"{page} {i}")
    for page in PAGES
    for i, code in enumerate(blocks(page, "python"))
]
COMMANDS = [
    line.split("#")[0].strip()
    for page in PAGES
    for block in blocks(page, "bash")
    for line in block.splitlines()
    if line.strip()
]


def test_there_is_something_to_test() -> None:
    assert len(PYTHON) >= 5
    assert len(COMMANDS) >= 8
    assert "```\n\n```text\nf, float32 on jax," in TEXTS["README.md"]
    assert len(TEXTS["README.md"].splitlines()) <= 130


def in_words(text: str) -> list[str]:
    """Lines without their numbers, which another machine may have others of."""
    return [
        re.sub(r"[-+]?[0-9.]+(e[-+]?[0-9]+)?", "#", x).strip()
        for x in text.splitlines()
    ]


@pytest.mark.parametrize("code", PYTHON)
def test_python_block(
    code: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    shown = re.search(
        re.escape(code) + r"```\n\n```text\n(.*?)```",
        "".join(TEXTS.values()),
        re.DOTALL,
    )
    if shown and f"on {keras.backend.backend()}," in shown[1]:
        assert in_words(capsys.readouterr().out) == in_words(shown[1])
    if keras.backend.backend() == "jax":
        keras.distribution.set_distribution(None)  # not for other tests


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", TEXTS[page]):
        assert "://" in target or ((ROOT / page).parent / target).exists()


@pytest.mark.once
@pytest.mark.parametrize("command", COMMANDS)
def test_command(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it stands; what others test to the end, up to its options."""
    if command.startswith("keras-stablef "):
        # In this process: its start takes longer than all that is done.
        monkeypatch.chdir(tmp_path)
        assert main(shlex.split(command)[1:]) == 0
        if "generate" in command:
            text = (tmp_path / "my_op.py").read_text(encoding="utf-8")
            assert "def my_op(x, order=0" in text
        if " plot " in command:
            assert (tmp_path / "log_cosh.png").stat().st_size > 10_000
        return
    tools = Path(sys.executable).parent
    # MAKEFLAGS of the make that runs this test would be obeyed too.
    environment = {k: v for k, v in os.environ.items() if "MAKE" not in k}
    environment["KERAS_BACKEND"] = "numpy"  # the soonest there
    environment["PATH"] = f"{tools}{os.pathsep}{environment['PATH']}"
    if command.startswith("make"):
        command = command.replace("make", "make -n", 1)
    elif command.startswith("pip install"):  # what is there already is kept
        command += " --dry-run --quiet --no-deps --no-build-isolation"
    else:
        assert command.startswith("python -m examples.")
        # Run to the end by tests/house/test_examples.py; here, up to its
        # options, in this process: to import keras takes seconds.
        monkeypatch.syspath_prepend(str(ROOT))
        monkeypatch.setattr(sys, "argv", ["", "--help"])
        with pytest.raises(SystemExit) as end:
            runpy.run_module(command.split()[2], run_name="__main__")
        assert end.value.code == 0
        return
    subprocess.run(command, shell=True, check=True, cwd=ROOT, env=environment)
