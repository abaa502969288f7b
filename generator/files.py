"""Writing generated files: whole or not at all, and only if changed."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from .errors import OutputError
from .plain import shown

KEPT = {"__init__.py"}  # files of the folder that nobody generates


def write_if_changed(path: Path, text: str) -> bool:
    """Write `text` to `path`; True if that changed it.

    The text goes to a file beside it first and is moved over it, so that
    an interrupt leaves the old file or the new one.

    Raises:
        OutputError: no file can be written there.
    """
    data = text.encode("utf-8")
    try:
        if path.is_file() and path.read_bytes() == data:
            return False
    except OSError as error:
        raise _cannot(path, str(error)) from None
    write_bytes(path, data)
    return True


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all.

    Where `path` is a link the file it leads to is written; a file that is
    there keeps its permissions, a new one has those the umask leaves.

    Raises:
        OutputError: no file can be written there.
    """
    refuse_place(path)
    path = Path(os.path.realpath(path))
    name = path.parent / f".{path.name[:100]}.{secrets.token_hex(8)}"
    try:
        # 0o666: the system takes from it what the umask says.
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except (OSError, ValueError) as error:
        raise _cannot(path, str(error)) from None
    try:
        with os.fdopen(handle, "wb") as stream:
            if path.exists():
                os.chmod(name, stat.S_IMODE(path.stat().st_mode))
            stream.write(data)
        os.replace(name, path)
    except BaseException as error:
        name.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _cannot(path, str(error)) from None
        raise


def refuse_place(path: Path) -> None:
    """Raises where no file can be written, before any work is done for it.

    Raises:
        OutputError: a folder or device, or within no folder or one that is
            not writable.
    """
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG  # as it will be
    except (OSError, ValueError) as error:  # ValueError: a nul in it
        raise _cannot(path, str(error)) from None
    if stat.S_ISDIR(mode):
        raise _cannot(path, "a folder")
    if not stat.S_ISREG(mode):  # a device would be replaced by a file
        raise _cannot(path, "no regular file")
    folder = Path(os.path.realpath(path)).parent  # where a link leads to
    if not folder.is_dir():
        raise _cannot(path, "no folder there")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _cannot(path, "a folder that is not writable")


def refuse_folder(folder: Path) -> None:
    """Raises where no folder is and none can be made.

    Raises:
        OutputError: the first of it that is there is no writable folder.
    """
    for place in (folder, *folder.parents):
        try:
            os.stat(place)
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise _cannot(folder, str(error)) from None
        if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
            raise _cannot(folder, f"{shown(str(place))} is no writable folder")
        return


def make_folder(folder: Path) -> None:
    """Makes a folder, and those it is in.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise _cannot(folder, str(error)) from None


def _cannot(path: Path, why: str) -> OutputError:
    return OutputError(
        "Cannot write: expected a place in a folder that is there and "
        f"writable, received {shown(str(path))}: {why}."
    )


def differences(
    folder: Path, files: dict[str, str], whole: bool = True
) -> list[str]:
    """What is wrong with the generated files of `folder`, a line each.

    Args:
        whole: whether these are all that may be there.
    """
    problems = []
    for name, text in sorted(files.items()):
        path = folder / name
        if not path.is_file():
            problems.append(f"{name} is missing")
        elif path.read_bytes() != text.encode("utf-8"):
            problems.append(f"{name} differs from what the generator makes")
    for path in sorted(folder.iterdir()) if whole else ():
        if path.is_file() and path.name not in files and path.name not in KEPT:
            problems.append(f"{path.name} is an orphan: nothing generates it")
    return problems
