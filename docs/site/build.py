"""The documentation as a site of files: `make docs`, into out/docs/site.

    python docs/site/build.py [--without-pages]

Pages of docs/ as they are, the reference from the docstrings, and for each
function of the catalogue the page that ``keras-stablef report`` makes.  Then
every link is followed.  Nothing is loaded from a network.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
PAGES, SITE = ROOT / "out/docs/pages", ROOT / "out/docs/site"
FUNCTIONS = "functions"
# Pages of the reference: a title, what is said first, and whose docstrings.
REFERENCE: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "package": (
        "stabilize, diagnose, verify",
        "`import keras_stablef as ks`.",
        (
            "keras_stablef.stabilize",
            "keras_stablef.diagnose",
            "keras_stablef.diagnosis.findings.Diagnosis",
            "keras_stablef.diagnosis.findings.Finding",
            "keras_stablef.verify",
            "keras_stablef.verification.verify.Verification",
            "keras_stablef.clear_cache",
        ),
    ),
    "ops": (
        "StableOp",
        "What `ks.ops.NAME` and `ks.stabilize(...)` are. "
        f"[Each op has a page](../{FUNCTIONS}.md).",
        ("keras_stablef._op.StableOp",),
    ),
    "losses": ("Losses", "`ks.losses`.", ("keras_stablef.losses",)),
    "metrics": ("Metrics", "`ks.metrics`.", ("keras_stablef.metrics",)),
    "layers": ("Layers", "`ks.layers`.", ("keras_stablef.layers",)),
    "distributions": (
        "Distributions",
        "`ks.distributions`.",
        ("keras_stablef.distributions",),
    ),
    "recipes": (
        "Recipes for several tensors",
        "`ks.recipes`.",
        ("keras_stablef.recipes",),
    ),
    "config": ("Settings", "`ks.config`.", ("keras_stablef.config",)),
}


# -- what is laid out --------------------------------------------------------


def lay_out() -> None:
    """The sources of the site, anew."""
    shutil.rmtree(PAGES, ignore_errors=True)
    (PAGES / "reference").mkdir(parents=True)
    for path in (ROOT / "docs").iterdir():
        if path.suffix in (".md", ".png", ".svg"):
            shutil.copy(path, PAGES / path.name)
    shutil.copy(Path(__file__).with_name("style.css"), PAGES)
    for name in ("README", "CONTRIBUTING", "CHANGELOG"):
        text = (ROOT / f"{name}.md").read_text(encoding="utf-8")
        # As seen from docs/, where these pages are now.
        text = re.sub(r"\]\(docs/", "](", text)
        text = text.replace("](CONTRIBUTING.md)", "](contributing.md)")
        place = "index" if name == "README" else name.lower()
        (PAGES / f"{place}.md").write_text(text, encoding="utf-8")
    for name, (title, said, objects) in REFERENCE.items():
        blocks = "\n\n".join(map(_documented, objects))
        _write(f"reference/{name}.md", f"# {title}\n\n{said}\n\n{blocks}\n")
    _write("reference/activations.md", _activations())
    _write("reference/shell.md", _shell())
    _write(f"{FUNCTIONS}.md", _functions())


def _documented(name: str) -> str:
    """The docstrings of an object; a module's name is the page's."""
    block = f"::: {name}"
    if name.count(".") == 1 and name.rpartition(".")[2] in REFERENCE:
        block += "\n    options:\n      show_root_heading: false"
        block += "\n      show_root_toc_entry: false"
    return block


def _write(place: str, text: str) -> None:
    (PAGES / place).write_text(text, encoding="utf-8")


def _activations() -> str:
    from keras_stablef.generator.formula.catalogue import load_catalogue

    lines = [
        "# Activations\n",
        "`ks.activations.NAME` is `ks.ops.NAME` as a plain function, "
        "registered with Keras, so that a saved model loads without "
        "`custom_objects`. Outside its domain the value is nan.\n",
        "```python",
        "keras.layers.Dense(8, activation=ks.activations.tanhc)",
        "```\n",
        "| `ks.activations.` | f(x) | domain |",
        "|---|---|---|",
    ]
    for entry in load_catalogue():
        low, high = entry.domain
        lines.append(f"| `{entry.name}` | `{entry.formula}` | {low}, {high} |")
    return "\n".join(lines) + "\n"


def _functions() -> str:
    from keras_stablef.generator.formula.catalogue import load_catalogue

    lines = [
        "# A page for each function\n",
        "Formula, graph, proved bounds, errors beside the textbook formula's, "
        "pieces, certificate and source; made by `keras-stablef report`. "
        f"[All of them with their graphs]({FUNCTIONS}/index.html).\n",
        "| function | meaning |",
        "|---|---|",
    ]
    for entry in load_catalogue():
        link = f"[`{entry.name}`]({FUNCTIONS}/{entry.name}.html)"
        meaning = entry.meaning.replace("|x|", "abs(x)").replace("*", r"\*")
        lines.append(f"| {link} | {meaning} |")
    return "\n".join(lines) + "\n"


def _shell() -> str:
    """What each command says of itself."""
    from keras_stablef.generator.options import HELP

    shell = ROOT / "generator/shell/__init__.py"

    def said(*command: str) -> str:
        return subprocess.run(
            [sys.executable, "-P", shell, *command, "--help"],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "COLUMNS": "80"},
        ).stdout

    parts = ["# Shell\n", _block(said())]
    for name in HELP:
        parts += [f"## {name}\n", _block(said(name))]
    return "\n".join(parts)


def _block(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```\n"


# -- links -------------------------------------------------------------------


class _Page(HTMLParser):
    """Where a page leads, and what can be led to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.places = {"", "top"}
        self.feed(text)

    def handle_starttag(
        self, tag: str, attrs: list[tuple[str, str | None]]
    ) -> None:
        for name, value in attrs:
            if name == "id" or (name == "name" and tag == "a"):
                self.places.add(value or "")
            elif name == "href" and tag == "a":
                self.links.append(value or "")
            elif name in ("src", "href"):
                self.loads.append(value or "")


def broken(site: Path) -> Iterator[str]:
    """What is wrong with the links of a folder of pages, a line each."""
    pages = {
        path: _Page(path.read_text(encoding="utf-8"))
        for path in sorted(site.rglob("*.html"))
    }
    for path, page in pages.items():
        here = path.relative_to(site)
        for link in [*page.links, *page.loads]:
            parts = urlsplit(link)
            if parts.scheme in ("data", "mailto"):
                continue
            if parts.scheme or parts.netloc:
                if link in page.loads:
                    yield f"{here} loads {link}"
                continue
            target = path
            if parts.path:
                target = (path.parent / unquote(parts.path)).resolve()
                if target.is_dir():
                    target /= "index.html"
            if not target.is_file() or not target.is_relative_to(site):
                yield f"{here} leads to {link}, which is not there"
            elif target in pages:
                if unquote(parts.fragment) not in pages[target].places:
                    yield f"{here} leads to {link}, a place that is not there"


def main() -> int:
    """Lays out, builds, follows every link; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--without-pages",
        action="store_true",
        help="leave out the page of each function, and the links to them",
    )
    options = parser.parse_args()
    lay_out()
    if options.without_pages:
        (PAGES / f"{FUNCTIONS}.md").write_text("# Left out\n")
    else:
        command = [sys.executable, "-m", "keras_stablef.generator.cli"]
        out = PAGES / FUNCTIONS
        subprocess.run(
            [*command, "report", "--out", out, "--json"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        index = out / "index.html"
        text = index.read_text(encoding="utf-8")
        back = f'<nav><a href="../{FUNCTIONS}.html">Documentation</a></nav>'
        text = text.replace("<main>", f"<main>\n{back}", 1)
        index.write_text(text, encoding="utf-8")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    config = Path(__file__).with_name("mkdocs.yml")
    done = subprocess.run([*build, "--config-file", config])
    if done.returncode:
        return done.returncode
    # Of a server, and no server is asked for.
    (SITE / "404.html").unlink(missing_ok=True)
    found = list(broken(SITE))
    print("\n".join(found) or f"{SITE / 'index.html'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
