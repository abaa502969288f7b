"""Plans on disk, by content: safe with several processes and with kills.

A file's name is the hash of everything its plan depends on (the formula, the
domain, format, order, goal and the engine's own sources), so nothing is ever
out of date.  Files are written beside their place and moved over it, and
begin with a checksum; what does not check is derived again.  Only the
dataclasses of plans are read back, nothing else is ever constructed.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

FOLDER_VARIABLE = "KERAS_STABLEF_CACHE"  # "" turns the cache off
_MODULES = (
    "closed",
    "cover",
    "ends",
    "logends",
    "plan",
    "powers",
    "program",
    "rows",
)


def folder() -> Path | None:
    """Where plans are kept; None if nowhere."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named is not None:
        return Path(named) if named else None
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home()))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return base / "keras-stablef"


@cache
def _engine() -> str:
    """Hash of the generator's sources: another engine, other plans."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    measured = (here / "primitives").glob("*.json")
    for path in sorted([*here.glob("*.py"), *here.glob("*.json"), *measured]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def remembered(
    parts: tuple[object, ...],
    make: Callable[[], Any],
    read: bool = True,
) -> Any:
    """`make()`, or what it gave for the same `parts` before.

    Args:
        parts: everything the result depends on, with a faithful `repr`.
        read: False derives anew (and keeps the result).
    """
    place = folder()
    if place is None:
        return make()
    text = repr((_engine(), *parts))
    path = place / f"{hashlib.sha256(text.encode()).hexdigest()}.plan"
    if read:
        found = _load(path)
        if found is not None:
            return found
    made = make()
    _save(path, made)
    return made


class _Reader(pickle.Unpickler):
    """Reads the dataclasses of plans and fractions; refuses the rest."""

    def find_class(self, module: str, name: str) -> Any:
        package = __name__.rpartition(".")[0]
        known = {f"{package}.{m}" for m in _MODULES}
        if module in known or (module, name) == ("fractions", "Fraction"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"unexpected {module}.{name}")


def _load(path: Path) -> Any:
    try:
        data = path.read_bytes()
        if hashlib.sha256(data[32:]).digest() != data[:32]:
            return None
        return _Reader(io.BytesIO(data[32:])).load()
    except (OSError, pickle.UnpicklingError, AttributeError, EOFError):
        return None


def _save(path: Path, value: Any) -> None:
    data = pickle.dumps(value)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new")
    except OSError:
        return  # a folder that cannot be written to is no reason to fail
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(hashlib.sha256(data).digest() + data)
        os.replace(name, path)
    except BaseException as error:
        Path(name).unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
