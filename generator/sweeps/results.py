"""Results on disk: a line of JSON for each finished unit.

A line is written whole (one write, flushed and synced) and a torn last line
is not read, so a sweep goes on where it was killed.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from dataclasses import asdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import GeneratorError


@dataclass(frozen=True)
class Result:
    """What one unit showed.

    Attributes:
        key: see `units`; code: hash of what was swept.
        part, parts: which of how many.
        exhaustive: every bit pattern of the format.
        mode: "jit", "inductor" or "eager".
        versions: of the backend, and the device.
        inputs: judged; unknown: not judged, f(x) could not be enclosed.
        worst: error in ulp; where: the input, in hexadecimal.
        total: sum of the finite errors.
        bad: results that are nan or a wrong infinity; bad_gradient: the
            same of gradients; kept: inputs outside the domain, or nan,
            whose result is not nan.
        subnormal: worst error where x is subnormal, which a backend may
            read as 0.
        textbook, textbook_where: worst error of the textbook formula, None
            where the backend has no such function for the dtype.
        again: results that multiple precision judged once more.
        seconds: that it took.
    """

    key: str
    code: str
    function: str
    order: int
    dtype: str
    backend: str
    device: str
    part: int
    parts: int
    exhaustive: bool
    quick: bool
    mode: str
    versions: str
    inputs: int = 0
    unknown: int = 0
    worst: float = 0.0
    where: str = ""
    total: float = 0.0
    bad: int = 0
    bad_where: str = ""
    bad_gradient: int = 0
    bad_gradient_where: str = ""
    kept: int = 0
    subnormal: float = 0.0
    textbook: float | None = None
    textbook_where: str = ""
    again: int = 0
    seconds: float = 0.0


_FIELDS = set(Result.__dataclass_fields__)


def _plain(value: Any) -> Any:
    """JSON has no infinity."""
    return "inf" if isinstance(value, float) and math.isinf(value) else value


def append(path: Path, result: Result) -> None:
    """Add a line to a file, which is made if need be."""
    text = json.dumps({k: _plain(v) for k, v in asdict(result).items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+b") as stream:
        size = stream.seek(0, os.SEEK_END)
        if size:
            stream.seek(size - 1)
            # After a torn line, on a line of its own.
            text = text if stream.read(1) == b"\n" else "\n" + text
        stream.write(text.encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())


def read(path: Path) -> dict[str, Result]:
    """All results of a file by their keys; none if there is no file.

    Raises:
        GeneratorError: a line, not torn, is no result.
    """
    if not path.is_file():
        return {}
    found: dict[str, Result] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            data = json.loads(line)
        except ValueError:
            continue  # torn by a kill
        if not isinstance(data, dict) or set(data) != _FIELDS:
            raise GeneratorError(
                f"{path.name} is no file of sweep results of this version: "
                f"expected the fields {', '.join(sorted(_FIELDS))}; received "
                f"{line[:80]!r}."
            )
        for name in ("worst", "subnormal", "textbook"):
            if data[name] == "inf":
                data[name] = math.inf
        result = Result(**data)
        found[result.key] = result
    return found


def merged(paths: Iterable[Path]) -> dict[str, Result]:
    """The results of several files, of shards for instance.

    Raises:
        GeneratorError: a file is missing, or holds no result.
    """
    found: dict[str, Result] = {}
    for path in paths:
        results = read(path)
        if not results:
            raise GeneratorError(
                f"Nothing to merge: expected results in {path.name}, "
                "received no file or no line."
            )
        found |= results
    return found
