"""The command: what it loads, what it prints where, and what it makes."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tomllib
from pathlib import Path

import keras
import pytest
from keras_stablef.generator.cli import RUNS
from keras_stablef.generator.cli import main
from keras_stablef.generator.formula.catalogue import load_catalogue
from keras_stablef.generator.words import floatline

import keras_stablef as ks

ROOT = Path(__file__).resolve().parents[2]
SHELL = "keras_stablef_shell"  # as a wheel has it
FOLDER = "generator/shell"
NAMES = [entry.name for entry in load_catalogue()]

pytestmark = pytest.mark.once


def test_the_command_is_the_shell() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    declared = data["project"]["scripts"]["keras-stablef"]
    assert declared == f"{SHELL}:main"
    tools = data["tool"]["setuptools"]
    assert SHELL in tools["packages"]
    assert tools["package-dir"][SHELL] == FOLDER
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
import importlib.util
spec = importlib.util.spec_from_file_location("keras_stablef_shell", {shell!r})
shell = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shell)
sys.argv = ["keras-stablef", *{arguments!r}]
sys.exit(shell.main())
"""
ALL = ("keras", "flint", "jinja2", "matplotlib", "rich", "sympy")
EXTRA = ("flint", "jinja2", "matplotlib", "sympy")


def hiding(
    hidden: tuple[str, ...], *arguments: str
) -> subprocess.CompletedProcess[str]:
    code = HIDING.format(
        hidden=hidden,
        root=str(ROOT),
        shell=str(ROOT / FOLDER / "__init__.py"),
        arguments=arguments,
    )
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


# What is computed without Keras, in a second.
TOLD = [
    (["explain", "log_cosh"], "f in float32: 8 pieces"),
    (["explain", "2*x+1", "--json"], '"order": 2'),
    (["explain", "log_cosh", "--fpcore"], "(log (cosh x))"),
]


@pytest.mark.parametrize(("arguments", "said"), TOLD)
def test_what_needs_no_keras(arguments: list[str], said: str) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = hiding(("keras", "tensorflow", "jax", "torch"), *arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert after - before < 3


WRONG = [
    ([], "examples:"),
    (["frob"], "invalid choice: 'frob'"),
    (["explain"], "required: formula. See keras-stablef explain --help"),
    (["explain", "log_cosh", "--frob"], "unrecognized arguments: --frob"),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG)
def test_bad_lines_say_what_would_help(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    done = capsys.readouterr()
    assert said in done.err and not done.out


@pytest.mark.parametrize("command", RUNS)
def test_every_command_teaches(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert f"  keras-stablef {command}" in said and "exit codes" in said


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        "explain log_cosh",
        "generate x --out -",
        "plot log_cosh --out -",
        "report --out made",
        "diagnose json:dumps",
    ],
)
def test_what_is_missing_is_said(command: str) -> None:
    done = hiding(EXTRA, *command.split())
    assert done.returncode == 2
    assert 'pip install "keras-stablef[generator]"' in done.stderr
    assert "Traceback" not in done.stderr


LOADING = """
import sys
import keras
import keras_stablef
keras.models.load_model(sys.argv[1])
"""


@pytest.mark.slow
def test_a_derived_op_that_is_loaded_needs_the_generator(
    tmp_path: Path,
) -> None:
    inputs = keras.Input((3,))
    outputs = ks.stabilize("2*x+1", name="line")(inputs)
    keras.Model(inputs, outputs).save(tmp_path / "a.keras")
    head = HIDING[: HIDING.index("import importlib.util")]
    code = head.format(hidden=EXTRA, root=str(ROOT)) + LOADING
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.keras")],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "numpy"},
    )
    assert done.returncode == 1
    assert 'pip install "keras-stablef[generator]"' in done.stderr


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


@pytest.mark.parametrize("made", ["plot f.png", "report f.html"])
def test_pictures_and_pages(
    made: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    monkeypatch.setattr(floatline, "POINTS", 40)
    kind, name = made.split()
    out = tmp_path / "a" / name
    command = [kind, "-x+1", "--domain", "-3", "3", "--out"]
    assert main([*command, str(out), "--json"]) == 0
    assert json.loads(capfdbinary.readouterr().out)["files"] == [str(out)]
    assert main([*command, "-"]) == 0
    sys.stdout.flush()
    assert capfdbinary.readouterr().out[:9] == out.read_bytes()[:9]


def test_data_are_json(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Also what is not finite: Python alone reads Infinity."""
    monkeypatch.chdir(tmp_path)
    text = "import keras\ndef f(x):\n  return keras.ops.exp(x) / x\n"
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    assert main(["diagnose", "mine:f", "--json"]) == 1

    def refused(text: str) -> None:
        raise AssertionError(text)

    data = json.loads(capsys.readouterr().out, parse_constant=refused)
    assert "inf" in {f["high"] for f in data["findings"]}


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
