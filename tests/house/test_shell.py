"""The command: what it loads, what it prints where, and what it makes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from keras_stablef.generator.cli import main
from keras_stablef.generator.formula.catalogue import load_catalogue

ROOT = Path(__file__).resolve().parents[2]
SHELL = ROOT / "keras_stablef_shell.py"
NAMES = [entry.name for entry in load_catalogue()]

pytestmark = pytest.mark.once


def test_the_command_is_the_shell() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    declared = data["project"]["scripts"]["keras-stablef"]
    assert declared == f"{SHELL.stem}:main"
    assert data["tool"]["setuptools"]["py-modules"] == [SHELL.stem]
    tool = Path(sys.executable).with_name("keras-stablef")
    assert os.access(tool, os.X_OK)


# What stands in its way if it is loaded, and what it prints.
HIDING = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Hidden())
sys.path.insert(0, {root!r})
import keras_stablef_shell
sys.argv = ["keras-stablef", *{arguments!r}]
sys.exit(keras_stablef_shell.main())
"""
ALL = ("keras", "flint", "jinja2", "matplotlib", "rich", "sympy")
EXTRA = ("flint", "jinja2", "matplotlib", "sympy")


def hiding(
    hidden: tuple[str, ...], *arguments: str
) -> subprocess.CompletedProcess[str]:
    code = HIDING.format(hidden=hidden, root=str(ROOT), arguments=arguments)
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "numpy"},  # the soonest there
    )


LIGHT = [
    (["list"], "log_cosh"),
    (["list", "--json"], '"log_cosh"'),
    (["--help"], "exit codes"),
    (["generate", "--help"], "- for standard output"),
    (["--version"], "keras-stablef 0."),
]


@pytest.mark.parametrize(("arguments", "said"), LIGHT)
def test_what_needs_nothing(arguments: list[str], said: str) -> None:
    done = hiding(ALL, *arguments)
    assert done.returncode == 0, done.stderr
    assert said in " ".join(done.stdout.split())


@pytest.mark.slow
@pytest.mark.parametrize("command", ["explain log_cosh", "generate x --out -"])
def test_what_is_missing_is_said(command: str) -> None:
    done = hiding(EXTRA, *command.split())
    assert done.returncode == 2
    assert 'pip install "keras-stablef[generator]"' in done.stderr
    assert "Traceback" not in done.stderr


def test_lists_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [entry["name"] for entry in found] == NAMES
    assert all(entry["domain"] for entry in found)


def test_a_file_may_begin_with_a_minus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["generate", "2*x+1", "--dtypes", "float32", "--out", "-f.py"]
    assert main(command) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["-f.py"]


def test_a_module_on_standard_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And nothing else; what is said goes elsewhere."""
    command = ["generate", "-2*x+1", "--dtypes", "float32", "--out", "-"]
    assert main([*command, "--json"]) == 0
    done = capsys.readouterr()
    space: dict[str, object] = {}
    exec(compile(done.out, "f.py", "exec"), space)
    assert callable(space["f"])
    bounds = json.loads(done.err)["bounds"]["float32"]
    assert len(bounds) == 3 and max(bounds) <= 4


def test_folders_are_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a" / "b" / "f.py"
    command = ["generate", "2*x+1", "--dtypes", "float32", "--out", str(out)]
    assert main(command) == 0
    assert "float32: f, f', f'' within" in capsys.readouterr().out
    assert out.is_file()


def test_certificates_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "2*x+1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [c["plan"]["order"] for c in found] == [0, 1, 2]


# What a module does while it is imported, and its name on the command line.
BROKEN = [
    ("raise SystemExit(0)", "broken:f"),
    ("raise RuntimeError('a\\nb')", "broken:f"),
    ("def f(:", "broken:f"),
    ("f = 1", ".broken:f"),
    ("f = 1", "broken:g"),
]


@pytest.mark.parametrize(("text", "target"), BROKEN)
def test_modules_that_cannot_be_diagnosed(
    text: str,
    target: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "broken", raising=False)
    (tmp_path / "broken.py").write_text(text, encoding="utf-8")
    assert main(["diagnose", target]) == 2
    assert "expected module:function" in capsys.readouterr().err
