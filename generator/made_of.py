"""What the generated files were made of: made_of.json.

`make generate` writes down a hash of every source that they depend on and of
each file; where both are as they were nothing else could come out, and
`check` derives a few functions anew, others after each change of a source.
With ``--fresh`` it derives all of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .errors import GeneratorError
from .files import KEPT
from .formula.catalogue import Entry
from .store.store import libraries
from .store.store import sources_hash

RECORD = Path(__file__).resolve().with_suffix(".json")
RENDERERS = "jinja2", "ruff"
SAMPLE = 3  # of the catalogue's functions that are derived all the same
# No file is made by these.
WITHOUT = ("made_of.json", "checker", "sweeps", "calibration", "shell", "pages")

Files = Mapping[Path, Mapping[str, str]]


def sources() -> str:
    """A hash of all that files are made of, versions of libraries too."""
    import keras_stablef

    here = Path(__file__).resolve().parent
    roots = [
        here,
        here.parent / "templates",
        Path(keras_stablef.__file__).parent / "runtime",
    ]
    found = sources_hash([r for r in roots if r.is_dir()], WITHOUT)
    text = repr((found, libraries(), *map(version, RENDERERS)))
    return hashlib.sha256(text.encode()).hexdigest()


def record(files: Files, pages: Sequence[Path]) -> str:
    """The text of the record."""
    data = {
        "sources": sources(),
        "files": {
            f"{folder.name}/{name}": _hash(text.encode("utf-8"))
            for folder, texts in files.items()
            for name, text in sorted(texts.items())
        },
        "pages": {page.name: _hash(page.read_bytes()) for page in pages},
    }
    return json.dumps(data, indent=1) + "\n"


def as_recorded(folders: Sequence[Path], pages: Sequence[Path]) -> int | None:
    """How many files are there as recorded; None if anything is not."""
    try:
        known: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
        found = {
            f"{folder.name}/{path.name}": _hash(path.read_bytes())
            for folder in folders
            for path in folder.iterdir()
            if path.is_file() and path.name not in KEPT
        }
        of_pages = {page.name: _hash(page.read_bytes()) for page in pages}
        wanted = known["sources"], known["files"], known["pages"]
    except (OSError, ValueError, KeyError, TypeError, GeneratorError):
        return None
    return len(found) if wanted == (sources(), found, of_pages) else None


def sample(entries: Sequence[Entry]) -> list[Entry]:
    """A few, others for other sources."""
    start = int(sources(), 16) % len(entries)
    return [entries[(start + k) % len(entries)] for k in range(SAMPLE)]


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
