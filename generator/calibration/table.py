"""The file of one backend, device and dtype."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path

from ..files import write_if_changed
from ..program.assumed import FOLDER

RECIPE = 1  # raised when other inputs are tried, or errors judged otherwise


@dataclass(frozen=True)
class Header:
    """What was measured, and with what.

    Attributes:
        backend: its name in Keras.
        device: "cpu", "cuda", "gpu"; "cpu_avx2" where it is made to look
            like a processor without more.
        device_name: its model; for a CPU, its instruction sets, which
            decide between the backends' kernels.
        dtype: of arguments and results.
        versions: of keras and of the backend.
        recipe: which inputs were tried.
    """

    backend: str
    device: str
    device_name: str
    dtype: str
    versions: dict[str, str]
    recipe: int = RECIPE

    def path(self, folder: Path = FOLDER) -> Path:
        """Where the table is kept."""
        return folder / f"{self.backend}-{self.device}-{self.dtype}.json"


@dataclass(frozen=True)
class Row:
    """One function.

    Attributes:
        ulp: worst error where the result is normal; 0.5 where every result
            was correctly rounded.
        at: the input of the worst, a hexadecimal float for each argument;
            empty if all were correctly rounded.
        mode: how it was run then: "eager" or "jit".
        modes: the worst of each mode.
        underflow: worst absolute error where the result is below the
            smallest normal number, in units of that; None where it was not
            measured.
        inputs: how many were tried in each mode.
        exhaustive: whether these are all a plan may pass.
    """

    ulp: float
    at: tuple[str, ...]
    mode: str
    modes: dict[str, float]
    underflow: float | None
    inputs: int
    exhaustive: bool


def write_table(
    header: Header, rows: dict[str, Row], folder: Path = FOLDER
) -> Path:
    """Write the file, whole or not at all."""
    folder.mkdir(exist_ok=True)
    data = {
        **dataclasses.asdict(header),
        "functions": {k: dataclasses.asdict(v) for k, v in rows.items()},
    }
    path = header.path(folder)
    write_if_changed(path, json.dumps(data, indent=1) + "\n")
    return path


def is_current(header: Header, folder: Path = FOLDER) -> bool:
    """Whether a table of the same header is there already."""
    try:
        data = json.loads(header.path(folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    mine = dataclasses.asdict(header)
    return isinstance(data, dict) and all(
        data.get(key) == value for key, value in mine.items()
    )


def at_least(value: float) -> float:
    """Rounded up to three decimals: still a bound of what was seen."""
    return math.ceil(value * 1000) / 1000 if value < 1e9 else value
