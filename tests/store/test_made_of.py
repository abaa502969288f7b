"""The record of what generated files were made of."""

from __future__ import annotations

from pathlib import Path

import pytest
from keras_stablef.generator import made_of
from keras_stablef.generator.formula.catalogue import load_catalogue

pytestmark = pytest.mark.once


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With two files and a page, as recorded."""
    made = tmp_path / "made"
    made.mkdir()
    texts = {"a.py": "A = 1\n", "a.json": "{}\n"}
    for name, text in texts.items():
        (made / name).write_text(text, encoding="utf-8")
    (tmp_path / "page.md").write_text("a page\n", encoding="utf-8")
    record = tmp_path / "made_of.json"
    monkeypatch.setattr(made_of, "RECORD", record)
    text = made_of.record({made: texts}, [tmp_path / "page.md"])
    record.write_text(text, encoding="utf-8")
    return made


def asked(folder: Path) -> int | None:
    return made_of.as_recorded([folder], [folder.parent / "page.md"])


def test_as_they_were(folder: Path) -> None:
    (folder / "__init__.py").touch()  # nobody makes it
    assert asked(folder) == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("made/a.py", "A = 2\n"),
        ("made/b.py", ""),
        ("made/a.json", None),
        ("page.md", "another\n"),
        ("made_of.json", None),
        ("made_of.json", "no JSON"),
        ("made_of.json", "[]"),
        ("made_of.json", '{"sources": 1}'),
    ],
)
def test_anything_else_is_made_anew(
    folder: Path, name: str, text: str | None
) -> None:
    path = folder.parent / name
    if text is None:
        path.unlink()
    else:
        path.write_text(text, encoding="utf-8")
    assert asked(folder) is None


def test_other_sources_are_made_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made_of, "libraries", lambda: ("sympy 0",))
    assert asked(folder) is None


def test_some_are_made_all_the_same() -> None:
    entries = load_catalogue()
    picked = made_of.sample(entries)
    assert len(set(e.name for e in picked)) == made_of.SAMPLE
    assert all(e in entries for e in picked)
