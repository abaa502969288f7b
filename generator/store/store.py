"""Plans on disk, by content: safe with several processes and with kills.

A file's name is the hash of everything its plan depends on (the formula, the
domain, format, order, goal, the engine's own sources and the libraries it
computes with), so nothing is ever out of date.  Files are written beside
their place and moved over it, into a folder that only the user can write to
(`private_folder`).

They are data: JSON that `plan_json` reads and `plan_fits` looks at.  What
does not pass is derived again and replaced.  The checksum is for disks, it
is no signature: a file that its owner made by hand can at worst give that
owner wrong numbers.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path

from keras_stablef import runtime

from ..errors import StoredPlanError
from ..pieces.cover import AnyPlan
from .plan_fits import check_fits
from .plan_json import MAX_BYTES
from .plan_json import dumped
from .plan_json import loaded
from .private_folder import PrivateFolder

FOLDER_VARIABLE = "KERAS_STABLEF_CACHE"  # "" turns the cache off
_ADVICE = (
    "Plans are derived anew each time. Remove it, or set "
    f"{FOLDER_VARIABLE} to a folder of your own with mode 0700, or to '' "
    "for none."
)
_SOURCES = {".py", ".j2", ".json", ".toml"}
# Rooms and files of the generator that no plan depends on.
AFTER_PLANS = (
    *("build.py", "calibration", "checker", "cli.py", "files.py"),
    *("limits.py", "made_of.json", "made_of.py", "making.py"),
    *("options.py", "pages", "shell"),
    *("formula/catalogue.toml", "source", "store", "sweeps"),
    *("templates", "words"),
)
_LIBRARIES = ("sympy", "python-flint", "numpy")
_NAME = re.compile(r"[0-9a-f]{64}\.json")
_HEAD = re.compile(rb'\{"sha256":"([0-9a-f]{64})","plan":')


def folder() -> Path | None:
    """Where plans are kept; None if nowhere."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named is not None:
        return Path(named) if named else None
    base = _user_folder()
    return base / "keras-stablef" if base else _temporary()


def _user_folder() -> Path | None:
    """Where a user's programs keep such things; None without a home."""
    variable = {"win32": "LOCALAPPDATA", "darwin": ""}.get(
        sys.platform, "XDG_CACHE_HOME"
    )
    # A relative one is to be ignored (XDG Base Directory Specification):
    # the working folder may be anybody's.
    named = Path(os.environ.get(variable, "")) if variable else Path()
    if named.is_absolute():
        return named
    try:
        home = Path.home()
    except RuntimeError:  # neither HOME nor an entry for the user
        return None
    if not home.is_absolute():
        return None
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache")


def _temporary() -> Path | None:
    """A folder of the user's own among everybody's temporary ones."""
    if not hasattr(os, "geteuid"):
        return None
    try:
        return Path(tempfile.gettempdir()) / f"keras-stablef-{os.geteuid()}"
    except OSError:
        return None


def sources_hash(roots: Iterable[Path], without: Collection[str] = ()) -> str:
    """Of every source below some folders: names and contents.

    Args:
        without: files and folders of a root that are passed over.
    """
    digest = hashlib.sha256()
    for root in roots:
        found = sorted(
            path.relative_to(root).as_posix()
            for path in root.rglob("*")
            if path.suffix in _SOURCES and path.is_file()
        )
        for name in found:
            if any(name == n or name.startswith(f"{n}/") for n in without):
                continue
            data = (root / name).read_bytes()
            digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


@cache
def _engine() -> tuple[str, ...]:
    """Another engine, other plans; primitives are weighed by it too.

    What is made *of* plans changes none, and the catalogue's formulas are
    parts of the question: a function that is added derives that one alone.
    """
    digests = (
        sources_hash([Path(__file__).parent.parent], AFTER_PLANS),
        sources_hash([Path(runtime.__file__).parent]),
    )
    return *digests, *libraries()


def libraries() -> tuple[str, ...]:
    """The versions that plans depend on."""
    return tuple(map(version, _LIBRARIES))


def remembered(
    asked: tuple[str, str, int],
    parts: tuple[object, ...],
    make: Callable[[], AnyPlan],
    read: bool = True,
) -> AnyPlan:
    """`make()`, or what it gave for the same question before.

    Args:
        asked: name, dtype and order of the plan.
        parts: everything else that it depends on, with a faithful `repr`.
        read: False derives anew (and keeps the result).
    """
    path = folder()
    if path is None:
        return make()
    place = PrivateFolder(path, _ADVICE)
    text = repr((_engine(), asked, parts))
    name = f"{hashlib.sha256(text.encode()).hexdigest()}.json"
    if read:
        found = _read(place.read(name, MAX_BYTES), asked)
        if found is not None:
            return found
    made = make()
    try:
        place.write(name, _written(made))
    except StoredPlanError:
        pass  # larger than a file may be: derived each time
    return made


def forgotten() -> int:
    """Empties the folder of plans; how many there were.

    Nothing else is removed, whatever lies there.
    """
    path = folder()
    if path is None:
        return 0
    return PrivateFolder(path, _ADVICE).emptied(_NAME)


def _written(plan: AnyPlan) -> bytes:
    body = dumped(plan).encode("ascii")
    checksum = hashlib.sha256(body).hexdigest().encode("ascii")
    return b'{"sha256":"' + checksum + b'","plan":' + body + b"}\n"


def _read(data: bytes | None, asked: tuple[str, str, int]) -> AnyPlan | None:
    """The plan of a file, if it is one, whole, and the one asked for."""
    head = _HEAD.match(data) if data else None
    if not data or not head:
        return None
    body = data[head.end() : -2]
    checksum = hashlib.sha256(body).hexdigest().encode("ascii")
    if data[-2:] != b"}\n" or checksum != head[1]:
        return None
    try:
        plan = loaded(body.decode("ascii"))
        check_fits(plan)
    except (StoredPlanError, UnicodeDecodeError):
        return None
    return plan if (plan.name, plan.dtype, plan.order) == asked else None
