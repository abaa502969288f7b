"""Names of ops in place of formulas, and places that no file can go to."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from keras_stablef.generator import errors
from keras_stablef.generator.cli import main
from keras_stablef.generator.files import refuse_place
from keras_stablef.generator.files import write_bytes
from keras_stablef.generator.files import write_if_changed
from keras_stablef.generator.formula.catalogue import load_catalogue
from keras_stablef.generator.numbers.formats import get_format
from keras_stablef.generator.words.picture import draw

import keras_stablef as ks

pytestmark = pytest.mark.once


@pytest.mark.parametrize("name", [e.name for e in load_catalogue()])
def test_a_name_is_the_op_that_ships(name: str) -> None:
    assert ks.stabilize(name) is getattr(ks.ops, name)


def test_a_name_with_more_is_its_formula() -> None:
    op = ks.stabilize("tanhc", name="mine")
    assert (op.expression, op.domain) == ("tanh(x)/x", ("-oo", "oo"))
    assert op.function.name == "mine"
    op = ks.stabilize("log1prel", ("-1/2", 2))
    assert (op.expression, op.domain) == ("log(1+x)/x", ("-1/2", "2"))
    assert op.function.name == "log1prel"


MISSPELT = [
    ("logcosh", "log_cosh"),
    ("stable_f", "stablef"),
    ("log1pexp", "log1p"),
    ("tanhx", "tanh"),
    ("zzz", "'zzz'"),
]


@pytest.mark.parametrize(("name", "said"), MISSPELT)
def test_a_misspelt_name_is_no_formula(
    name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(errors.NotAnExpressionError) as caught:
        ks.stabilize(name)
    assert said in str(caught.value)
    assert "received" in str(caught.value)
    assert main(["explain", name]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_a_letter_is_the_identity() -> None:
    assert ks.stabilize("x").expression == "x"
    assert ks.stabilize("t").expression == "t"


PLACES = [
    "",  # the folder itself
    "no/out.py",
    "file/out.py",
    "no\0name.py",
    "x" * 300 + ".py",
    "/proc/out.py",
]


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    (tmp_path / "file").write_text("kept")
    yield tmp_path
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("place", PLACES)
def test_places_that_cannot_be_written_to(place: str, folder: Path) -> None:
    path = folder / place
    with pytest.raises(errors.OutputError, match="received"):
        write_if_changed(path, "text")
    with pytest.raises(errors.OutputError, match="received"):
        write_bytes(path, b"text")


# A folder that is not there it makes, when all else is done.
@pytest.mark.parametrize("place", [p for p in PLACES if p != "no/out.py"])
def test_the_command_says_so(
    place: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["generate", "x", "--dtypes", "float32"], ["plot", "x"]):
        out = str(folder / place)
        if command[0] == "plot" and place:
            out = out.replace(".py", ".png")
        assert main([*command, "--out", out]) == 2
        said = " ".join(capsys.readouterr().err.split())
        assert "error:" in said and "received" in said


@pytest.mark.parametrize("kind", ["device", "fifo", "to a device"])
def test_what_is_no_file_is_not_replaced(kind: str, tmp_path: Path) -> None:
    place = tmp_path / "out.py"
    if kind == "device":
        place = Path("/dev/null")
    elif kind == "fifo":
        os.mkfifo(place)
    else:
        place.symlink_to("/dev/null")
    before = place.lstat().st_mode
    with pytest.raises(errors.OutputError, match="no regular file"):
        write_bytes(place, b"text")
    assert place.lstat().st_mode == before


@pytest.mark.parametrize("there", [True, False])
def test_links_and_permissions_stay(there: bool, tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    if there:
        target.write_text("old")
        target.chmod(0o600)
    before = os.umask(0o027)
    try:
        write_bytes(link, b"new")
    finally:
        os.umask(before)
    assert link.is_symlink() and target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == (0o600 if there else 0o640)


def test_nothing_of_the_working_folder_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder or file there with the name of what formats modules."""
    sentinel = tmp_path / "ran"
    evil = f"open({str(sentinel)!r}, 'w')"
    (tmp_path / "ruff").mkdir()
    for name in ("ruff/__init__.py", "ruff/__main__.py", "sysconfig.py"):
        (tmp_path / name).write_text(evil)
    monkeypatch.chdir(tmp_path)
    ks.stabilize("(exp(x)-1)/x", (-1, 1)).save("op.py")
    assert "def " in (tmp_path / "op.py").read_text()
    assert not sentinel.exists()


def test_places_are_refused_before_any_work(folder: Path) -> None:
    for place in ("", "no/out.py", "file/out.py", "no\0name.py"):
        with pytest.raises(errors.OutputError, match="received"):
            refuse_place(folder / place)
    refuse_place(folder / "out.py")


@pytest.mark.parametrize("name", ["a", "a.py", "a.gif", "a.png.gz"])
def test_kinds_of_pictures(name: str, folder: Path) -> None:
    nothing: dict[int, Any] = {}
    with pytest.raises(errors.GeneratorError, match=r"\.png, \.svg, \.pdf"):
        draw(
            folder / name, title="$x$", textbook=nothing, ours=nothing,
            seams=nothing, fmt=get_format("float32"), domain=(0, 1),
            bounds=nothing,
            exact=lambda order, x: None,
        )  # fmt: skip


ARGUMENTS = [
    (["generate", "[x]", "--out", "out.py"], "[x]"),
    (["generate", "x[/red]", "--out", "out.py"], "x[/red]"),
    (["generate", "x", "--max-ulp", "-1", "--out", "out.py"], "-1"),
    (["generate", "x", "--max-ulp", "nan", "--out", "out.py"], "nan"),
    (["generate", "x", "--dtypes", "[b]", "--out", "out.py"], "[b]"),
    (["generate", "x", "--name", "[x]", "--out", "out.py"], "[x]"),
    (["generate", "x", "--domain", "2", "1", "--out", "out.py"], "'2'"),
    (["verify", "[/red]"], "[/red]"),
    (["all", "--dtypes", "float32", "--out", "file/x"], "file/x"),
]


@pytest.mark.parametrize(("arguments", "said"), ARGUMENTS)
def test_what_was_received_is_said(
    arguments: list[str],
    said: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where the console would take it for markup."""
    monkeypatch.chdir(folder)
    assert main(arguments) == 2
    shown = " ".join(capsys.readouterr().err.split())
    assert said in shown
    assert "received" in shown


def test_tables_are_not_cut_in_a_pipe(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, entry in ((e.name, e) for e in load_catalogue()):
        (line,) = [k for k in lines if k.split()[:1] == [name]]
        assert entry.formula in line and entry.meaning in line
