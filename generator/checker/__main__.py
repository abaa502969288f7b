"""Check certificates: ``python -m keras_stablef.generator.checker``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import as_completed
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from .check import Report
from .check import check


def shipped() -> Path:
    """The folder of the shipped modules, in a checkout or a wheel."""
    import keras_stablef

    return Path(keras_stablef.__file__).parent / "generated"


def check_file(path: Path) -> Report:
    """A certificate and the module beside it."""
    certificate = path.read_text(encoding="utf-8")
    source = path.with_suffix(".py").read_text(encoding="utf-8")
    return check(certificate, source)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if every claim was confirmed."""
    parser = argparse.ArgumentParser(
        prog="keras_stablef.generator.checker",
        description="Derive every claim of certificates again.",
    )
    parser.add_argument(
        "certificates",
        nargs="*",
        type=Path,
        help="JSON files; default: everything shipped",
    )
    options = parser.parse_args(arguments)
    paths = options.certificates or sorted(shipped().glob("*.json"))
    # The dear ones first, so that the processes end together.
    paths = sorted(paths, key=lambda p: -p.stat().st_size)
    reports = _all(paths)
    plans = sum(r.plans for r in reports)
    pieces = sum(r.pieces for r in reports)
    lanes = sum(r.lanes for r in reports)
    for report in sorted(reports, key=lambda r: r.name):
        for finding in report.findings:
            print(finding)
    wrong = sum(len(r.findings) for r in reports)
    print(
        f"checked {plans} plans of {len(reports)} functions: {pieces} pieces, "
        f"{lanes} intervals of inputs; not confirmed: {wrong} claims"
    )
    return 1 if wrong else 0


def _all(paths: list[Path]) -> list[Report]:
    console = Console(stderr=True)
    workers = min(len(paths), os.cpu_count() or 1)
    reports = []
    with (
        Progress(console=console, disable=not console.is_terminal) as bar,
        ProcessPoolExecutor(workers) as pool,
    ):
        task = bar.add_task("checking certificates", total=len(paths))
        futures = [pool.submit(check_file, path) for path in paths]
        for future in as_completed(futures):
            reports.append(future.result())
            bar.advance(task)
    return reports


if __name__ == "__main__":
    sys.exit(main())
