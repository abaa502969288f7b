"""A folder of small files that only its owner can have written.

Nothing is read from, or written to, a folder that somebody else owns, that
others may write to, or that is a symbolic link; one warning says so.  All
is done relative to a descriptor of the folder that was looked at: whoever
may rename the folders above cannot put another one in its place in between.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# What Windows lacks is 0 there; its folders are kept apart by their lists of
# access rights, which those in a user's profile inherit.
_POSIX = os.open in os.supports_dir_fd and hasattr(os, "geteuid")
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _NOFOLLOW
_BINARY = getattr(os, "O_BINARY", 0) | _NOFOLLOW
# A pipe under a file's name would be waited for.
_READ = os.O_RDONLY | _BINARY | getattr(os, "O_NONBLOCK", 0)
_NEW = re.compile(r"\.new-\d+-[0-9a-f]{16}", re.ASCII)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH

_warned: set[str] = set()


class _UnsafeError(Exception):
    """Why the folder is not used: what was expected, what was received."""


@dataclass(frozen=True)
class PrivateFolder:
    """See the module's docstring.

    Attributes:
        path: it need not exist; it is created with mode 0700.
        advice: what helps if it cannot be used, for the warning.
    """

    path: Path
    advice: str

    def read(self, name: str, most: int) -> bytes | None:
        """What a file holds; None without one, or with one to distrust.

        Args:
            most: bytes; a longer file is none.
        """
        try:
            with self._opened(create=False) as folder:
                handle = os.open(folder.at(name), _READ, **folder.where)
                with os.fdopen(handle, "rb") as stream:
                    status = os.fstat(handle)
                    if not stat.S_ISREG(status.st_mode) or _fault(status):
                        return None
                    data = stream.read(most + 1)
        except OSError:
            return None
        except _UnsafeError as error:
            self._warn(error)
            return None
        return data if len(data) <= most else None

    def write(self, name: str, data: bytes) -> None:
        """All of it under that name, or nothing; also when it is killed.

        A folder that cannot be written to is no reason to fail.
        """
        try:
            with self._opened(create=True) as folder:
                new = f".new-{os.getpid()}-{secrets.token_hex(8)}"
                handle = os.open(folder.at(new), _CREATE, 0o600, **folder.where)
                try:
                    with os.fdopen(handle, "wb") as stream:
                        stream.write(data)
                    folder.rename(new, name)
                except BaseException:
                    folder.remove(new)
                    raise
        except OSError:
            return
        except _UnsafeError as error:
            self._warn(error)

    def emptied(self, name: re.Pattern[str]) -> int:
        """Removes the files of such names; how many it could.

        And those that a killed writer has left.
        """
        try:
            with self._opened(create=False) as folder:
                found = [
                    entry
                    for entry in os.listdir(
                        self.path if folder.handle is None else folder.handle
                    )
                    if name.fullmatch(entry) or _NEW.fullmatch(entry)
                ]
                removed = [e for e in found if folder.remove(e)]
        except OSError:
            return 0
        except _UnsafeError as error:
            self._warn(error)
            return 0
        return sum(name.fullmatch(entry) is not None for entry in removed)

    @contextmanager
    def _opened(self, create: bool) -> Iterator[_Opened]:
        if create:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self.path.mkdir(mode=0o700)
            except FileExistsError:
                pass
        if not _POSIX:
            yield _Opened(self.path, None)
            return
        kind = os.lstat(self.path).st_mode
        if not stat.S_ISDIR(kind):
            received = "a symbolic link" if stat.S_ISLNK(kind) else "a file"
            raise _UnsafeError(f"expected a folder, received {received}")
        handle = os.open(self.path, _FOLDER)
        try:
            fault = _fault(os.fstat(handle))
            if fault:
                raise _UnsafeError(fault)
            yield _Opened(self.path, handle)
        finally:
            os.close(handle)

    def _warn(self, error: _UnsafeError) -> None:
        text = (
            f"The cache folder {str(self.path)!r} is not used: {error}. "
            f"{self.advice}"
        )
        if text not in _warned:
            _warned.add(text)
            warnings.warn(text, RuntimeWarning, stacklevel=2)


@dataclass(frozen=True)
class _Opened:
    """The folder by its descriptor; by its path where there are none."""

    path: Path
    handle: int | None

    def at(self, name: str) -> str:
        """A file's path, as `os.open` takes it."""
        return name if self.handle is not None else str(self.path / name)

    @property
    def where(self) -> dict[str, int]:
        """What `os.open` is told besides."""
        return {} if self.handle is None else {"dir_fd": self.handle}

    def rename(self, old: str, new: str) -> None:
        """Over what is there; a symbolic link is replaced, not followed."""
        if self.handle is None:
            os.replace(self.path / old, self.path / new)
        else:
            os.replace(old, new, src_dir_fd=self.handle, dst_dir_fd=self.handle)

    def remove(self, name: str) -> bool:
        """Whether it could be removed."""
        try:
            os.unlink(self.at(name), **self.where)
        except OSError:
            return False
        return True


def _fault(status: os.stat_result) -> str:
    """Who besides the user may write to it; '' if nobody."""
    if not _POSIX:
        return ""
    if status.st_uid != os.geteuid():
        return (
            f"expected it to belong to user {os.geteuid()}, received user "
            f"{status.st_uid}"
        )
    if status.st_mode & OTHERS_WRITE:
        return (
            "expected nobody else to be able to write to it (mode 0700), "
            f"received mode {stat.S_IMODE(status.st_mode):04o}"
        )
    return ""
