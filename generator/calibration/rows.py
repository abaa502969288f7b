"""Tables of a device from the rows that were measured on it.

    python -m keras_stablef.generator.calibration.rows ROWS.jsonl \\
        --backend torch --versions keras=3.15.1 torch=2.11.0+cu130

A row is a line of JSON: ``{"stage": "prim", "backend": "torch", "mode":
"eager", "name": "exp", "worst": 1.931, "at": -13.899314880371094}``, the worst
error of float32 over all inputs, judged in float64 on the device itself.
`make gpu` prints such rows, too, with what is off below the normal range.  A
table has exp and log alone: quotients and roots are corrected on a GPU, and
what they are off by there is proved (`runtime.division`).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_stablef.verification.measure import CORRECT

from ..program.assumed import FOLDER
from .inputs import count
from .table import Header
from .table import Row
from .table import at_least
from .table import write_table

RECIPE = 0  # judged in float64 on the device: `make calibrate` tries it again
DTYPE = "float32"
DEVICES = {"jax": "gpu", "torch": "cuda"}  # what the backends call it
# By what rows say; "kernel" is a Triton kernel of ours.
MODES = {"eager": "eager", "jit": "jit", "compiled": "jit", "kernel": "kernel"}
PLAIN = ("exp", "log")  # called by modules as they are
DIGITS = 5e-4  # what a worst that was rounded to three decimals may have lost


def functions(
    rows: Iterable[Mapping[str, Any]], backend: str
) -> dict[str, Row]:
    """The table of one backend; the worst mode of each function."""
    seen: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        if "prim" not in (row.get("stage"), row.get("kind")):
            continue
        if row.get("backend") != backend or row.get("mode") not in MODES:
            continue
        if row["name"] in PLAIN:
            seen.setdefault(row["name"], {})[MODES[row["mode"]]] = row
    return {name: _row(name, modes) for name, modes in seen.items()}


def _row(name: str, modes: Mapping[str, Mapping[str, Any]]) -> Row:
    mode = max(modes, key=lambda m: float(modes[m]["worst"]))
    worst = modes[mode]
    at = worst["at"]
    under = [row.get("underflow") for row in modes.values()]
    known = [float(u) for u in under if u is not None]
    return Row(
        ulp=_ulp(worst),
        at=tuple(
            float(x).hex() for x in (at if isinstance(at, list) else [at])
        ),
        mode=mode,
        modes={m: _ulp(row) for m, row in modes.items()},
        underflow=at_least(max(known)) if known else None,
        inputs=int(worst.get("inputs", 0)) or count(name, DTYPE),
        exhaustive=bool(worst.get("exhaustive", True)),
    )


def _ulp(row: Mapping[str, Any]) -> float:
    worst = float(row["worst"])
    if worst <= CORRECT:
        return CORRECT
    return at_least(worst + (0.0 if row.get("rounded") == "up" else DIGITS))


def write(
    rows: Sequence[Mapping[str, Any]],
    backend: str,
    name: str,
    versions: Mapping[str, str],
    folder: Path = FOLDER,
) -> Path | None:
    """The table of a backend, if there are rows of it."""
    found = functions(rows, backend)
    if not found:
        return None
    device = DEVICES[backend]
    header = Header(backend, device, name, DTYPE, dict(versions), RECIPE)
    return write_table(header, found, folder)


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a file; lines that are none are passed over."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            found.append(row)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the tables; 2 if the file has no row of the backend."""
    parser = argparse.ArgumentParser(description="Tables from measured rows.")
    parser.add_argument("rows", type=Path)
    parser.add_argument("--backend", required=True, choices=tuple(DEVICES))
    parser.add_argument(
        "--device-name", help="default: what the file says in `device`"
    )
    parser.add_argument(
        "--versions", nargs="+", required=True, help="name=version"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args(arguments)
    rows = read(options.rows)
    names = [str(row["device"]) for row in rows if row.get("device")]
    name = options.device_name or (names[0] if names else "")
    versions = dict(pair.split("=", 1) for pair in options.versions)
    path = write(rows, options.backend, name, versions, options.folder)
    if path is None:
        print(
            f"No rows: expected some of stage prim of {options.backend}, "
            f"received {len(rows)} others.",
            file=sys.stderr,
        )
        return 2
    print(path.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
