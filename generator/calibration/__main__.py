"""``python -m keras_stablef.generator.calibration``: every backend here."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn
from rich.progress import Progress
from rich.progress import TaskID
from rich.progress import TextColumn
from rich.progress import TimeElapsedColumn
from rich.progress import TimeRemainingColumn

from keras_stablef._dtypes import FORMATS

BACKENDS = ("jax", "tensorflow", "torch")
# torch's functions are MKL's, which chooses among kernels by the processor:
# with AVX-512 its float32 sqrt is 0.56 ulp off, on older ones 0.79.  So they
# are measured as on those too: by samples, and eagerly, since inductor takes
# its instructions from the processor as it is.
OLDER = {
    "avx2": {
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
    },
    "sse4": {
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "ATEN_CPU_CAPABILITY": "default",
    },
}


WIDE = ("float32", "float64")  # narrower ones are computed in float32


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; 0 if every backend was, 2 if one could not."""
    options = _parser().parse_args(arguments)
    backends = options.backend or [
        name for name in BACKENDS if importlib.util.find_spec(name)
    ]
    console = Console(stderr=True)
    with (
        Progress(
            TextColumn("{task.description:<28}"),
            BarColumn(),
            TextColumn("{task.percentage:3.0f}%"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
        ) as bar,
        ThreadPoolExecutor(options.jobs) as pool,
    ):
        waiting = [
            pool.submit(_run, _Backend(name, kind, bar), options)
            for kind in ("", *OLDER)
            for name in backends
            if not kind or _has_older(name, options)
        ]
        codes = [task.result() for task in waiting]
    return max(codes, default=0)


def _has_older(backend: str, options: argparse.Namespace) -> bool:
    """Whether the backend would use other kernels on other processors."""
    intel = platform.machine().lower() in ("x86_64", "amd64")
    return backend == "torch" and intel and options.device != "gpu"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make calibrate",
        description="Measure the backends' elementary functions.",
    )
    parser.add_argument(
        "--backend",
        nargs="+",
        choices=BACKENDS,
        help="default: those installed",
    )
    parser.add_argument(
        "--dtype",
        nargs="+",
        choices=tuple(FORMATS),
        default=list(FORMATS),
        help="default: all of them",
    )
    parser.add_argument(
        "--device",
        choices=("cpu", "gpu"),
        default="",
        help="default: what the backend chooses",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="also where a table is current"
    )
    parser.add_argument(
        "--jobs", type=int, default=2, help="backends at a time (default: 2)"
    )
    return parser


@dataclass
class _Backend:
    """Shows what a worker says."""

    name: str
    kind: str  # of older processor, one of `OLDER`; "" for this one
    bar: Progress
    task: TaskID | None = None
    dtype: str = ""

    def show(self, lines: Iterable[str]) -> None:
        for line in lines:
            try:
                said = json.loads(line)
            except ValueError:
                continue  # a library's own message
            if isinstance(said, dict):
                self._one(said)

    def _label(self) -> str:
        return f"{self.name} {self.kind}".strip()

    def _one(self, said: dict[str, Any]) -> None:
        if "begun" in said:
            self.dtype = said["begun"]
            self.task = self.bar.add_task(
                f"{self._label()} {self.dtype}", total=said["total"]
            )
        elif "done" in said and self.task is not None:
            self.bar.advance(self.task, said["done"])
        elif "row" in said:
            self.bar.console.print(
                f"{self._label()} {self.dtype} {said['row']}: "
                f"{said['ulp']} ulp "
                f"({said['mode']})"
            )
        elif "kept" in said:
            self.bar.console.print(
                f"{self._label()} {said['kept']}: is current"
            )
        elif "error" in said:
            self.bar.console.print(f"{self._label()}: {said['error']}")


def _run(backend: _Backend, options: argparse.Namespace) -> int:
    dtypes = [d for d in options.dtype if not backend.kind or d in WIDE]
    command = [
        sys.executable,
        "-m",
        f"{__package__}.worker",
        "cpu" if backend.kind else options.device,
        backend.kind,
        "fresh" if options.fresh else "resume",
        *dtypes,
    ]
    environment = {
        **os.environ,
        **OLDER.get(backend.kind, {}),
        "KERAS_BACKEND": backend.name,
        "JAX_ENABLE_X64": "1",  # or there is no float64
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1",  # of another processor
    }
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        backend.show(process.stdout)
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
