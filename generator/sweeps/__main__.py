"""The command line of the sweeps; see `make certify`.

    python -m keras_stablef.generator.sweeps --quick
    python -m keras_stablef.generator.sweeps --functions stablef \\
        --orders 0 1 --dtypes float32 --exhaustive --shard 0/2

Exit codes: 0 done and nothing above its bound, 1 something is, 2 the
input cannot be used or there is no such device, 130 interrupted (run again
to go on).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ..errors import GeneratorError
from ..sweeps import document
from ..sweeps import worker
from .units import BACKENDS
from .units import jobs
from .units import shard_of

RESULTS = Path("out/certify.jsonl")


def parser() -> argparse.ArgumentParser:
    """All options."""
    made = argparse.ArgumentParser(
        prog="python -m keras_stablef.generator.sweeps",
        description="Every shipped op against multiple precision.",
        epilog="A sweep that was killed goes on where it was: run it again.",
    )
    add = made.add_argument
    add("--functions", nargs="*", default=[], help="default: all")
    add("--orders", nargs="*", type=int, default=[], help="default: 0 1 2")
    add("--dtypes", nargs="*", default=[], help="default: all")
    add(
        "--backend",
        action="append",
        help="may be repeated; default: all three",
    )
    add("--device", choices=("cpu", "gpu"), default="cpu")
    add("--shard", default="0/1", help="i/n: the i-th of n parts of the work")
    add("--results", type=Path, default=RESULTS, help="lines of JSON")
    add(
        "--exhaustive",
        action="store_true",
        help="float32 at all 2**32 inputs instead of 2**24 and the seams",
    )
    add("--quick", action="store_true", help="few inputs, for a first look")
    add(
        "--document",
        nargs="+",
        type=Path,
        metavar="RESULTS",
        help="sweep nothing: docs/accuracy from these files, of all shards",
    )
    add(
        "--docs",
        type=Path,
        default=Path("docs/accuracy.json"),
        help="where --document writes; the .md goes beside it",
    )
    add("--here", action="store_true", help=argparse.SUPPRESS)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = parser().parse_args(arguments)
    console = Console(stderr=True)
    try:
        if options.document:
            return document.write(options.document, options.docs, console)
        shard_of(options.shard)
        backends = options.backend or list(BACKENDS)
        for backend in backends:  # before the first of them runs for hours
            list(_jobs(options, backend))
        if options.here:
            (backend,) = backends
            return worker.work(
                list(_jobs(options, backend)),
                shard_of(options.shard),
                options.results,
                console,
            )
        given = sys.argv[1:] if arguments is None else list(arguments)
        return max(_apart(given, b, options.device) for b in backends)
    except GeneratorError as error:
        console.print(f"[red]error:[/red] {error}", highlight=False)
        return 2
    except KeyboardInterrupt:
        console.print("interrupted: run the same command again to go on")
        return 130


def _jobs(options: argparse.Namespace, backend: str):  # type: ignore[no-untyped-def]
    return jobs(
        options.functions,
        options.orders,
        options.dtypes,
        backend,
        options.device,
        options.exhaustive,
        options.quick,
    )


def _apart(given: Sequence[str], backend: str, device: str) -> int:
    """Sweep one backend in a process of its own: keras has one for life."""
    kept = [a for i, a in enumerate(given) if not _is_backend(given, i)]
    command = [sys.executable, "-m", __package__ or "", *kept]
    settings = {
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "JAX_ENABLE_X64": "1",  # or float64 becomes float32
    }
    if device == "cpu":
        settings |= {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(
        [*command, "--backend", backend, "--here"],
        env={**os.environ, **settings},
        check=False,
    ).returncode


def _is_backend(given: Sequence[str], i: int) -> bool:
    return given[i].startswith("--backend") or (
        i > 0 and given[i - 1] == "--backend"
    )


if __name__ == "__main__":
    sys.exit(main())
