"""The documentation as a site: what is on it, and that its links hold."""

from __future__ import annotations

import importlib
import importlib.util
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import keras_stablef as ks

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parents[2]
BUILD = runpy.run_path(str(ROOT / "docs/site/build.py"))


def test_everything_public_is_in_the_reference() -> None:
    """Names of the package, and modules whose `__all__` is shown."""
    shown = {
        name
        for _, _, objects in BUILD["REFERENCE"].values()
        for name in objects
    }
    known = {f"keras_stablef.{name}" for name in ks.__all__}
    # Their names are made from the catalogue, and so are their pages.
    known -= {"keras_stablef.ops", "keras_stablef.activations"}
    assert known <= shown
    for name in shown:
        home, _, last = name.rpartition(".")
        assert hasattr(importlib.import_module(home), last), name


# Pages by name, and what is said of their links.
LINKED: list[tuple[dict[str, str], list[str]]] = [
    ({"a.html": '<a href="b.html#x">', "b.html": '<p id="x">'}, []),
    (
        {"a.html": '<a href="b.html#y">', "b.html": '<p id="x">'},
        ["#y, a place"],
    ),
    ({"a.html": '<a href="c.html">'}, ["c.html, which is not there"]),
    ({"a.html": '<a href="../a.html">'}, ["../a.html, which is not there"]),
    ({"a.html": '<img src="no.png">'}, ["no.png, which is not there"]),
    ({"a.html": '<script src="https://x.y/z.js">'}, ["loads https://x.y/z.js"]),
    ({"a.html": '<link href="//x.y/z.css">'}, ["loads //x.y/z.css"]),
    ({"a.html": '<a href="https://x.y"><img src="data:,">'}, []),
    ({"a.html": '<a href="sub/">', "sub/index.html": ""}, []),
]


@pytest.mark.parametrize(("pages", "said"), LINKED, ids=range(len(LINKED)))
def test_links_are_followed(
    pages: dict[str, str], said: list[str], tmp_path: Path
) -> None:
    for name, text in pages.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = list(BUILD["broken"](tmp_path))
    assert len(found) == len(said)
    assert all(a in b for a, b in zip(said, found, strict=True))


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("mkdocstrings") is None,
    reason="no mkdocs: pip install -e .[docs]",
)
def test_the_site_is_built() -> None:
    """In out/, strictly, with every link followed; `make docs` has more."""
    done: Any = subprocess.run(
        [sys.executable, ROOT / "docs/site/build.py", "--without-pages"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    page = ROOT / "out/docs/site/reference/package.html"
    text = page.read_text(encoding="utf-8")
    assert "decorator for such a function" in text
    assert "&gt;&gt;&gt; " in text
