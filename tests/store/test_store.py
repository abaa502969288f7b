"""Plans on disk: exact, atomic, private; what is damaged is derived anew."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import re
import stat
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import plans
import pytest
from keras_stablef.generator.errors import GeneratorError
from keras_stablef.generator.errors import StoredPlanError
from keras_stablef.generator.pieces.cover import AnyPlan
from keras_stablef.generator.program.program import Op
from keras_stablef.generator.program.program import Var
from keras_stablef.generator.store import private_folder
from keras_stablef.generator.store import store
from keras_stablef.generator.store.plan_fits import check_fits
from keras_stablef.generator.store.plan_json import MAX_BYTES
from keras_stablef.generator.store.plan_json import MAX_NESTING
from keras_stablef.generator.store.plan_json import NODES
from keras_stablef.generator.store.plan_json import dumped
from keras_stablef.generator.store.plan_json import loaded

import keras_stablef as ks

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions"),
]
ASKED = ("f", "float32", 0)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder that is not there yet; warnings start anew."""
    path = tmp_path / "cache"
    monkeypatch.setenv(store.FOLDER_VARIABLE, str(path))
    monkeypatch.setattr(private_folder, "_warned", set())
    return path


def ask(calls: list[int] | None = None, **kwargs: Any) -> AnyPlan:
    def make() -> AnyPlan:
        if calls is not None:
            calls.append(1)
        return plans.folded()

    return store.remembered(ASKED, ("key",), make, **kwargs)


# -- the text --------------------------------------------------------------


@pytest.mark.parametrize("kind", plans.KINDS)
def test_plans_read_back_exactly(kind: str) -> None:
    plan = plans.plan(kind)
    text = dumped(plan)
    again = loaded(text)
    check_fits(again)
    assert again == plan
    assert repr(again) == repr(plan)
    if kind in plans.DERIVED:
        for piece in plans.DERIVED[kind][-1]:
            assert f'"is":"{piece}"' in text


def test_every_kind_of_piece_is_tried() -> None:
    text = "".join(dumped(plans.plan(kind)) for kind in plans.KINDS)
    assert set(re.findall(r'"is":"(\w+)"', text)) == set(NODES)


# A row: what is wrong, and how the text comes to it.
DAMAGED: list[tuple[str, Callable[[str], str]]] = [
    ("cut", lambda t: t[:-3]),
    ("empty", lambda t: ""),
    ("no object", lambda t: "[]"),
    ("no plan", lambda t: '{"is":"Row"}'),
    ("null", lambda t: "null"),
    ("a key twice", lambda t: t.replace("{", '{"order":0,', 1)),
    ("a key more", lambda t: t.replace("{", '{"more":0,', 1)),
    ("a key less", lambda t: t.replace('"order":0,', "", 1)),
    ("NaN", lambda t: t.replace('"order":0', '"order":NaN', 1)),
    ("no integer", lambda t: t.replace('"order":0', '"order":0.0', 1)),
    ("a truth", lambda t: t.replace('"order":0', '"order":false', 1)),
    ("below 0", lambda t: t.replace('"order":0', '"order":-1', 1)),
    ("digits", lambda t: t.replace('"order":0', f'"order":{10**4000}', 1)),
    ("a class", lambda t: t.replace('"is":"Fold"', '"is":"os.system"', 1)),
    ("another", lambda t: t.replace('"is":"Fold"', '"is":"Const"', 1)),
    ("an operation", lambda t: t.replace('"exp"', '"expm1"', 1)),
    ("arguments", lambda t: t.replace('"exp"', '"add"', 1)),
    ("unbound", lambda t: t.replace('"name":"u"', '"name":"z"', 1)),
    ("no name", lambda t: t.replace('"name":"u"', '"name":"u)"', 1)),
    ("a line more", lambda t: t.replace("by hand", "by\\nhand", 1)),
    ("a quote", lambda t: t.replace("by hand", r"by \"hand", 1)),
    ("not ASCII", lambda t: t.replace("by hand", r"by \u0430", 1)),
    ("dtype", lambda t: t.replace("float32", "float16", 1)),
    ("divided by 0", lambda t: t.replace('"1/2"', '"1/0"', 1)),
    ("nan", lambda t: t.replace((1.5).hex(), "nan", 1)),
    ("infinite", lambda t: t.replace((1.5).hex(), "inf")),
    ("out of range", lambda t: t.replace('"1/2"', f'"1{"0" * 300}/1"', 1)),
    ("too long", lambda t: t.replace('"1/2"', f'"{"1" * 9999}/1"', 1)),
    ("a gap", lambda t: t.replace('"low":"1/2"', '"low":"3/4"', 1)),
    ("deep", lambda t: "[" * 10**6),
    ("deep and closed", lambda t: "[" * 200 + "]" * 200),
    ("large", lambda t: t + " " * MAX_BYTES),
]


@pytest.mark.parametrize("row", DAMAGED, ids=lambda row: row[0])
def test_what_is_no_plan(row: tuple[str, Callable[[str], str]]) -> None:
    text = dumped(plans.folded())
    damaged = row[1](text)
    assert damaged != text
    with pytest.raises(StoredPlanError, match=r"expected .* received"):
        check_fits(loaded(damaged))


@pytest.mark.parametrize(
    "text", ['"' + '\\"' * 2_000_000, '"' + "\\\n" * 2_000_000, '["' * 999_999]
)
def test_open_strings_cost_their_length(text: str) -> None:
    """Their square would be days: this test would not end."""
    with pytest.raises(StoredPlanError):
        loaded(text)


def test_plans_that_cannot_be_kept() -> None:
    plan = plans.folded()
    changed = [
        {"name": "F"},
        {"order": 10**6},
        {"fold": None},
        {"near": plan},
        {"far": ({"is": "Piece"},)},
    ]
    for change in changed:
        with pytest.raises(StoredPlanError):
            dumped(type(plan)(**{**vars(plan), **change}))


def test_nesting_of_formulas_fits() -> None:
    """The deepest formula that `parse` takes is within the limit."""
    from keras_stablef.generator.formula.parse import MAX_DEPTH

    node: Any = Var("x")
    for _ in range(MAX_DEPTH):
        node = Op("neg", (node,))
    plan = plans.folded()
    program = type(plan.near.program)("x", (("p", node),))
    near = type(plan.near)(**{**vars(plan.near), "program": program})
    deep = type(plan)(**{**vars(plan), "near": near})
    assert loaded(dumped(deep)) == deep
    assert 2 * MAX_DEPTH < MAX_NESTING


@pytest.mark.parametrize("name", ["exp if 1 else ops.exp", "system", "add"])
def test_the_printer_knows_its_operations(name: str) -> None:
    with pytest.raises(GeneratorError, match="No such operation"):
        str(Op(name, (Var("x"),)))


# -- files -----------------------------------------------------------------


def test_kept_and_found(place: Path) -> None:
    calls: list[int] = []
    assert ask(calls) == ask(calls) == plans.folded()
    assert len(calls) == 1
    assert ask(calls, read=False) == plans.folded()
    assert len(calls) == 2
    (path,) = place.iterdir()
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text(encoding="ascii")).keys() == {
        "sha256",
        "plan",
    }


def test_damaged_files_are_replaced(place: Path) -> None:
    calls: list[int] = []
    ask(calls)
    (path,) = place.iterdir()
    whole = path.read_bytes()
    digit = whole.replace(b"0x1.8", b"0x1.9", 1)  # a plan, but another
    for bad in (whole[:-3], b"", b"x" * len(whole), digit, whole * 2):
        path.write_bytes(bad)
        assert ask(calls) == plans.folded()
        assert path.read_bytes() == whole
    assert len(calls) == 6


def test_a_plan_of_another_function_is_none(place: Path) -> None:
    ask()
    (path,) = place.iterdir()
    for asked in [
        ("g", "float32", 0),
        ("f", "float64", 0),
        ("f", "float32", 1),
    ]:
        data = path.read_bytes()
        assert store._read(data, asked) is None
    assert store._read(path.read_bytes(), ASKED) == plans.folded()


def _ready() -> None:
    """Done when this module has been imported there."""


def _ask(folder: str) -> str:
    os.environ[store.FOLDER_VARIABLE] = folder
    return ask().name


def test_several_processes(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This one and another, once that has imported what it needs."""
    monkeypatch.setenv("KERAS_BACKEND", "numpy")  # the soonest there
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.apply(_ready)
        theirs = pool.map_async(_ask, [str(place)] * 4)
        assert [ask().name for _ in range(4)] == ["f"] * 4
        assert theirs.get(timeout=300) == ["f"] * 4
    assert len(list(place.iterdir())) == 1


def test_killed_while_writing(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(private_folder.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        ask()
    assert list(place.iterdir()) == []


def test_files_that_are_no_files(place: Path, tmp_path: Path) -> None:
    """A link, a pipe (which would be waited for), one others may write to."""
    ask()
    (path,) = place.iterdir()
    whole = path.read_bytes()
    aside = tmp_path / "aside.json"
    aside.write_bytes(whole)

    def link() -> None:
        path.symlink_to(aside)

    def pipe() -> None:
        os.mkfifo(path)

    def open_to_all() -> None:
        path.write_bytes(whole)
        path.chmod(0o666)

    for make in (link, pipe, open_to_all):
        calls: list[int] = []
        path.unlink()
        make()
        ask(calls)
        ask(calls)
        assert len(calls) == 1, make.__name__  # refused, and replaced
        assert stat.S_ISREG(path.lstat().st_mode)
    assert aside.read_bytes() == whole


# -- the folder ------------------------------------------------------------


def _writable(place: Path, patch: pytest.MonkeyPatch) -> None:
    place.mkdir()
    place.chmod(0o777)


def _group(place: Path, patch: pytest.MonkeyPatch) -> None:
    place.mkdir()
    place.chmod(0o770)


def _link(place: Path, patch: pytest.MonkeyPatch) -> None:
    (place.parent / "other").mkdir(mode=0o700)
    place.symlink_to(place.parent / "other")


def _file(place: Path, patch: pytest.MonkeyPatch) -> None:
    place.write_text("")


def _owner(place: Path, patch: pytest.MonkeyPatch) -> None:
    place.mkdir(mode=0o700)
    patch.setattr(private_folder.os, "geteuid", lambda: os.getuid() + 1)


UNSAFE = [
    (_writable, "received mode 0777"),
    (_group, "received mode 0770"),
    (_link, "received a symbolic link"),
    (_file, "received a file"),
    (_owner, "expected it to belong to user"),
]


@pytest.mark.parametrize("row", UNSAFE, ids=lambda row: row[0].__name__[1:])
def test_folders_to_distrust(
    row: Any, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, message = row
    make(place, monkeypatch)
    calls: list[int] = []
    with pytest.warns(RuntimeWarning, match=message) as warned:
        for _ in range(3):
            assert ask(calls) == plans.folded()
    assert len(calls) == 3  # nothing was kept
    assert len(warned) == 1
    assert "not used" in str(warned[0].message)
    assert store.FOLDER_VARIABLE in str(warned[0].message)
    assert not place.is_dir() or not list(place.iterdir())


def test_nowhere_to_write(place: Path) -> None:
    place.parent.joinpath("file").write_text("")
    calls: list[int] = []
    os.environ[store.FOLDER_VARIABLE] = str(place.parent / "file" / "cache")
    assert ask(calls) == ask(calls)
    os.environ[store.FOLDER_VARIABLE] = ""
    assert ask(calls) == ask(calls)
    assert len(calls) == 4


# A row: the environment, and where plans are kept.
HOMES: list[tuple[dict[str, str], str]] = [
    ({"KERAS_STABLEF_CACHE": "/a/b"}, "/a/b"),
    ({"KERAS_STABLEF_CACHE": "", "HOME": "/h"}, "None"),
    ({"HOME": "/h"}, "/h/.cache/keras-stablef"),
    ({"HOME": "/h", "XDG_CACHE_HOME": "/c"}, "/c/keras-stablef"),
    ({"HOME": "/h", "XDG_CACHE_HOME": ""}, "/h/.cache/keras-stablef"),
    ({"HOME": "/h", "XDG_CACHE_HOME": "c"}, "/h/.cache/keras-stablef"),
    ({"HOME": "h"}, "/t/keras-stablef-UID"),
    ({}, "/t/keras-stablef-UID"),
]


@pytest.mark.skipif(sys.platform != "linux", reason="XDG folders")
@pytest.mark.parametrize("row", HOMES, ids=lambda row: "-".join(row[0]) or "no")
def test_where_plans_are_kept(
    row: tuple[dict[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, expected = row
    for name in (store.FOLDER_VARIABLE, "HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if "HOME" not in environment:

        def no_home() -> Path:
            raise RuntimeError("Could not determine home directory.")

        monkeypatch.setattr(store.Path, "home", no_home)
    monkeypatch.setattr(store.tempfile, "gettempdir", lambda: "/t")
    expected = expected.replace("UID", str(os.geteuid()))
    assert str(store.folder()) == expected


def test_no_temporary_folder_either(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(store.tempfile, "gettempdir", nothing)
    assert store._temporary() is None


def test_the_key_knows_every_source(tmp_path: Path) -> None:
    """Also of folders in folders, but for those that make no plan."""
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    seen = {store.sources_hash([tmp_path])}
    for name in ("c.py", "a/c.json", "a/b/c.j2", "a/b/c.toml"):
        for text in ("x", "y"):
            (tmp_path / name).write_text(text)
            seen.add(store.sources_hash([tmp_path]))
    assert len(seen) == 9
    inner.joinpath("c.pyc").write_text("x")
    assert store.sources_hash([tmp_path]) in seen
    before = store.sources_hash([tmp_path], ["a/b"])
    (inner / "c.toml").write_text("z")
    assert store.sources_hash([tmp_path], ["a/b"]) == before
    root = Path(store.__file__).parent.parent
    for name in store.AFTER_PLANS:
        assert (root / name).exists() or name == "templates"


def test_a_catalogue_that_grows_keeps_its_plans() -> None:
    """What is added is derived; what is there is not derived again."""
    root = Path(store.__file__).parent.parent
    whole = store.sources_hash([root])
    assert store._engine()[0] == store.sources_hash([root], store.AFTER_PLANS)
    assert store._engine()[0] != whole
    assert "formula/catalogue.toml" in store.AFTER_PLANS


def test_clearing_removes_plans_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(store.FOLDER_VARIABLE, str(tmp_path / "kept"))
    assert ks.clear_cache() == 0
    ks.stabilize("3*x+7")
    other = tmp_path / "kept" / "mine.json"
    other.write_text("{}")
    folder = tmp_path / "kept" / f"{'a' * 64}.json"  # no plan, but its name
    folder.mkdir()
    left = tmp_path / "kept" / f".new-1-{'0' * 16}"  # of a killed writer
    left.write_text("")
    assert ks.clear_cache() == 2  # of f and f'
    assert set((tmp_path / "kept").iterdir()) == {other, folder}
    monkeypatch.setenv(store.FOLDER_VARIABLE, "")
    assert ks.clear_cache() == 0


def test_numbers_of_plans_are_exact() -> None:
    """Where a decimal would do, the file has binary: nothing is rounded."""
    third = plans.folded()
    worst = (Fraction(1, 3), Fraction(2) ** 100 / 7)
    near = type(third.near)(**{**vars(third.near), "worst": worst, "ulp": 0.1})
    plan = type(third)(**{**vars(third), "near": near})
    again = loaded(dumped(plan))
    assert again.near.worst == worst  # type: ignore[union-attr]
    assert math.isclose(again.near.ulp, 0.1, rel_tol=0)  # type: ignore[union-attr]
