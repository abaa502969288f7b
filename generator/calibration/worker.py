"""One backend, in a process of its own: measures and writes its tables.

Prints a line of JSON for each step, which the parent shows as progress.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import keras

from keras_stablef.verification.measure import default_device
from keras_stablef.verification.measure import device
from keras_stablef.verification.measure import device_name
from keras_stablef.verification.measure import versions

from ..errors import GeneratorError
from .sweep import names
from .sweep import row_of
from .sweep import work
from .table import Header
from .table import is_current
from .table import write_table


def measure(kind: str, older: str, dtypes: list[str], fresh: bool) -> None:
    """Tables of the dtypes that have none, or all of them if `fresh`.

    Args:
        kind: "cpu", "gpu", or "" for the device the backend chooses.
        older: what the processor is made to look like, "" for itself; a
            part of the file's name.  Tried on samples only.

    Raises:
        GeneratorError: the backend sees no such device.
    """
    found = default_device()
    if kind == "gpu" and found == "cpu":
        raise GeneratorError(
            f"No GPU: expected one that {keras.backend.backend()} sees, "
            "received cpu only."
        )
    name = found if kind in ("", "gpu") else kind
    with device("cpu" if name == "cpu" else "gpu"):
        for dtype in dtypes:
            header = Header(
                keras.backend.backend(),
                f"{name}_{older}" if older else name,
                device_name(name),
                dtype,
                versions(),
            )
            if not fresh and is_current(header):
                _say(kept=dtype)
                continue
            every = not older
            total = sum(work(n, dtype, every) for n in names(dtype))
            _say(begun=dtype, total=total)
            rows = {}
            for n in names(dtype):
                rows[n] = row_of(n, dtype, lambda k: _say(done=k), every)
                _say(row=n, ulp=rows[n].ulp, mode=rows[n].mode)
            _say(written=write_table(header, rows).name)


def _say(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


if __name__ == "__main__":
    try:
        kind, older, how, *dtypes = sys.argv[1:]
        measure(kind, older, dtypes, how == "fresh")
    except GeneratorError as error:
        _say(error=str(error))
        sys.exit(2)
