"""Writing generated files: whole or not at all, and only if changed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

KEPT = {"__init__.py"}  # files of the folder that nobody generates


def write_if_changed(path: Path, text: str) -> bool:
    """Write `text` to `path`; True if that changed it.

    The text goes to a file beside it first and is moved over it, so that
    an interrupt leaves the old file or the new one.
    """
    data = text.encode("utf-8")
    if path.is_file() and path.read_bytes() == data:
        return False
    write_bytes(path, data)
    return True


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def differences(folder: Path, files: dict[str, str]) -> list[str]:
    """What is wrong with the generated files of `folder`, a line each."""
    problems = []
    for name, text in sorted(files.items()):
        path = folder / name
        if not path.is_file():
            problems.append(f"{name} is missing")
        elif path.read_bytes() != text.encode("utf-8"):
            problems.append(f"{name} differs from what the generator makes")
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name not in files and path.name not in KEPT:
            problems.append(f"{path.name} is an orphan: nothing generates it")
    return problems
