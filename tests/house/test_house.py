"""The house: generated files, the wheel, what is committed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
import zipfile
from email.parser import BytesParser
from importlib import metadata
from pathlib import Path

import pytest
from keras_stablef.generator import errors
from keras_stablef.generator.cli import main
from keras_stablef.generator.files import differences
from keras_stablef.generator.files import write_if_changed
from keras_stablef.generator.formula.catalogue import Entry
from keras_stablef.generator.formula.catalogue import load_catalogue
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.once


def tracked(*patterns: str) -> list[Path]:
    result = subprocess.run(
        ["git", "ls-files", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in result.stdout.splitlines()]


def test_no_path_of_a_machine_is_committed() -> None:
    place = re.compile(r"(/home/|/root/|/Users/|site-packages/)\w")
    for path in tracked("*.py", "*.j2", "*.md", "*.toml", "*.json", "Makefile"):
        if path.name == "test_house.py":
            continue
        text = path.read_text(encoding="utf-8")
        assert str(ROOT) not in text, path
        assert not place.search(text), path


def test_files_are_small_enough_to_read() -> None:
    for path in tracked("*.py"):
        if path.parent.name not in ("generated", "kernels"):
            lines = path.read_text(encoding="utf-8").count("\n")
            assert lines <= 450, f"{path.name}: {lines} lines"


def test_no_private_keras() -> None:
    for path in tracked(
        "keras_stablef/*.py", "generator/*.py", "examples/*.py"
    ):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"keras\.(src|_)", text), path


def test_generated_headers_say_who_and_not_when() -> None:
    for folder, template in (("generated", "module"), ("kernels", "triton")):
        for path in tracked(f"keras_stablef/{folder}/*.py"):
            if path.name == "__init__.py":
                continue
            head = path.read_text(encoding="utf-8").splitlines()[:2]
            assert f"templates/{template}.py.j2" in head[0]
            assert "make generate" in head[1]
            assert not re.search(r"20\d\d-\d\d", " ".join(head))


def test_constants_read_back_exactly() -> None:
    """Every literal of a float32 body is a float32."""
    import numpy as np

    text = (ROOT / "keras_stablef/generated/stablef.py").read_text()
    for body in re.findall(r"def \w+_float32\(x\):.*?\n\n\n", text, re.DOTALL):
        code = re.sub(r'#.*|""".*?"""', "", body)
        for number in re.findall(r"(?<![\w.])\d+\.\d+(?:e-?\d+)?", code):
            assert float(np.float32(number)) == float(number)


def test_write_if_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    assert write_if_changed(path, "x\n")
    before = path.stat().st_mtime_ns
    assert not write_if_changed(path, "x\n")
    assert path.stat().st_mtime_ns == before
    assert write_if_changed(path, "y\n")
    assert [p.name for p in tmp_path.iterdir()] == ["a.py"]


def test_differences_and_orphans_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("old")
    (tmp_path / "lost.py").write_text("")
    (tmp_path / "__init__.py").write_text("")
    found = "\n".join(differences(tmp_path, {"a.py": "new", "b.py": "b"}))
    assert "a.py differs" in found
    assert "b.py is missing" in found
    assert "lost.py is an orphan" in found
    assert "__init__" not in found


BAD_COMMANDS = [
    ["generate", "exp(x", "--out", "OUT"],
    ["generate", "__import__('os').getcwd()", "--out", "OUT"],
    ["generate", "x + y", "--out", "OUT"],
    ["generate", "1/x", "--out", "OUT"],
    ["generate", "sin(1/x)", "--out", "OUT"],
    ["generate", "log(x)", "--out", "OUT"],
    ["plot", "1/(1-exp(-x)) - 1/x", "--dtype", "float31", "--out", "OUT"],
    ["generate", "1/x", "--out", "OUT/no/folder.py"],
    ["generate", "1/(1-exp(-x)) - 1/x", "--out", "/dev/null/folder.py"],
]


@pytest.mark.parametrize("command", BAD_COMMANDS, ids=lambda c: c[1])
def test_bad_input_leaves_no_file(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.py"
    code = main([part.replace("OUT", str(out)) for part in command])
    assert code == 2
    message = " ".join(capsys.readouterr().err.split())
    assert message.startswith("error:")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="none here")
def test_output_that_cannot_be_written() -> None:
    command = [sys.executable, "-m", "keras_stablef.generator.cli", "list"]
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error:")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("shell", "code"), [("| true", 141), (">&-", 0)])
def test_output_that_nobody_reads(shell: str, code: int) -> None:
    """The pipe is closed before anything is written."""
    command = f"{sys.executable} -m keras_stablef.generator.cli list"
    if shell == ">&-":
        done = subprocess.run(
            ["sh", "-c", f"{command} {shell}"],
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    else:
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            command.split(),
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        os.close(writing)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_interrupts_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle of a write: the old file or none, and 130."""
    from keras_stablef.generator import files
    from keras_stablef.generator.store import store

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out.py"
    command = ["generate", "x + 1", "--dtypes", "float32", "--out", str(out)]
    monkeypatch.setenv(store.FOLDER_VARIABLE, "")
    monkeypatch.setattr(files.os, "replace", interrupted)
    assert main(command) == 130
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    monkeypatch.setenv(store.FOLDER_VARIABLE, "")
    assert main(command) == 0
    whole = out.read_text(encoding="utf-8")
    monkeypatch.setattr(files.os, "replace", interrupted)
    assert main([*command[:2], "--name", "g", *command[2:]]) == 130
    assert out.read_text(encoding="utf-8") == whole
    assert [p.name for p in tmp_path.iterdir()] == ["out.py"]


def test_catalogue_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.toml"
    path.write_text('[f]\nformula = "x"\n')
    with pytest.raises(errors.GeneratorError, match="expected the fields"):
        load_catalogue(path)
    path.write_text("[f\n")
    with pytest.raises(errors.GeneratorError, match="Cannot read"):
        load_catalogue(path)
    assert all(isinstance(e, Entry) for e in load_catalogue())


WHEEL_PROBE = """
import sys
import keras, numpy as np
import keras_stablef as ks
assert "site-packages" in ks.__file__
assert float(ks.ops.stablef(np.float32(0))) == 0.5
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1),
                          ks.layers.StableF()])
model.compile("sgd", ks.losses.StableFLoss())
model.save("model.keras")
again = keras.models.load_model("model.keras")
x = np.ones((3, 2), "float32")
assert (np.asarray(again(x)) == np.asarray(model(x))).all()
assert again.loss.get_config() == model.loss.get_config()
assert not {"tensorflow", "torch", "sympy"} & set(sys.modules)
# The generator in the same process: another would import keras and JAX again.
import runpy
sys.argv[0] = "generate"
runpy.run_module("keras_stablef.generator.cli", run_name="__main__")
"""


def requirements(wheel: Path, *extras: str) -> set[str]:
    """The distributions that pip would install with a wheel, by name."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("/METADATA"))
        text = archive.read(name).decode("utf-8")
    wanted = BytesParser().parsebytes(text.encode()).get_all("Requires-Dist")
    todo = [(Requirement(r), frozenset(extras)) for r in wanted or []]
    found: set[tuple[str, frozenset[str]]] = set()
    while todo:
        asked, extra = todo.pop()
        if asked.marker is not None and not any(
            asked.marker.evaluate({"extra": e}) for e in extra | {""}
        ):
            continue
        if (asked.name, frozenset(asked.extras)) in found:
            continue
        found.add((asked.name, frozenset(asked.extras)))
        for more in metadata.requires(asked.name) or []:
            todo.append((Requirement(more), frozenset(asked.extras)))
    return {name for name, _ in found}


def linked(wheel: Path, python: Path) -> None:
    """The wheel unpacked, and links to what it says that it needs."""
    (place,) = python.parent.parent.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    for name in requirements(wheel, "generator", "jax"):
        found = metadata.distribution(name)
        for file in found.files or []:
            tool = file.parts[0] == ".." and file.parent.name == "bin"
            part = file if tool else file.parts[0]
            here = python.parent / file.name if tool else place / part
            if not here.exists() and part not in ("..", "__pycache__"):
                here.symlink_to(Path(str(found.locate_file(part))).resolve())


# By links what is installed here; by pip, and from an index, in `test-all`.
@pytest.mark.parametrize(
    "how", ["links", pytest.param("pip", marks=pytest.mark.slow)]
)
def test_wheel_in_an_empty_environment(how: str, tmp_path: Path) -> None:
    """Built, installed beside one backend; op, load_model, generator."""

    def run(*command: str | Path) -> None:
        result = subprocess.run(
            [str(c) for c in command],
            cwd=tmp_path,
            text=True,
            capture_output=True,
            env={"KERAS_BACKEND": "jax", "PATH": "/usr/bin:/bin"},
        )
        assert result.returncode == 0, result.stdout + result.stderr

    build = ("-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path)
    run(sys.executable, *build, ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "env", with_pip=how == "pip")
    python = tmp_path / "env/bin/python"
    if how == "pip":
        pip = ("-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt")
        run(python, *pip, f"{wheel}[generator,jax]")
    else:
        linked(wheel, python)
    out = tmp_path / "again.py"
    options = ("--name", "again", "--dtypes", "float32", "--out", out)
    command = ("generate", "1/(1-exp(-x)) - 1/x", *options)
    run(python, "-c", WHEEL_PROBE, *command)
    assert "def again_1_float32(x):" in out.read_text()
