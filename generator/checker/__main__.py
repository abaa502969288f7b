"""Check certificates: ``python -m keras_stablef.generator.checker``."""

from __future__ import annotations

import argparse
import os
import sys
import tomllib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import as_completed
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from .assembly import reads_tables
from .check import Finding
from .check import Report
from .check import check
from .claims import Malformed
from .claims import read_plans
from .formula import Unreadable
from .stated import KNOWN
from .stated import Expected
from .wide import Claimed
from .wide import check_wide

CATALOGUE = Path(__file__).parent.parent / "formula" / "catalogue.toml"
ORDERS = 3  # f, f' and f'' of everything that ships
COMPUTED = ("float32", "float64")


def shipped() -> Path:
    """The folder of the shipped modules, in a checkout or a wheel."""
    import keras_stablef

    return Path(keras_stablef.__file__).parent / "generated"


def catalogue(path: Path = CATALOGUE) -> dict[str, Expected]:
    """What ships has to be, by name: the declared formulas and domains."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    plans = frozenset((d, k) for d in COMPUTED for k in range(ORDERS))
    return {
        name: Expected(
            table["formula"],
            (table["domain"][0], table["domain"][1]),
            name,
            plans,
            frozenset(KNOWN),
        )
        for name, table in tables.items()
    }


def check_file(
    path: Path,
    expected: Expected | None = None,
    only: tuple[int, str] | None = None,
) -> Report:
    """A certificate and the module beside it.

    Args:
        only: order and dtype of the plans that are looked at; all if None.
    """
    try:
        certificate = path.read_text(encoding="utf-8")
        source = path.with_suffix(".py").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = f"Cannot read: expected a file of UTF-8, received {error}."
        return Report(path.stem, findings=[Finding(path.name, what)])
    if is_twin(path):
        order = None if only is None else only[0]
        return _twin(
            path.stem, check_wide(certificate, source, expected, order)
        )
    report = check(
        certificate,
        source,
        lambda plan: only in (None, (plan.order, plan.fmt.name)),
        expected=expected,
    )
    report.findings += _misplaced(path, report.name, source)
    return report


def twins() -> Path:
    """The folder of the bodies that compute in float64."""
    return shipped().parent / "wide"


def is_twin(path: Path) -> bool:
    """Whether a certificate is of such bodies."""
    return path.resolve().parent == twins().resolve()


def _twin(name: str, found: Claimed) -> Report:
    findings = [Finding(where, what) for where, what in found.wrong]
    return Report(
        f"{name} by way of float64",
        plans=found.bodies,
        lanes=found.boxes,
        findings=findings,
        tightest=found.tightest,
    )


def _misplaced(path: Path, name: str, source: str) -> list[Finding]:
    """A module that would read the tables of another certificate."""
    if not reads_tables(source):
        return []
    read = shipped() / f"{name}.json"
    if path.resolve() == read.resolve():
        return []
    what = (
        f"tables: expected the module beside {read.name} of the package, "
        f"which it reads, received one beside {path.name}"
    )
    return [Finding(name, what)]


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
    parser.add_argument(
        "--formula", help="what the one certificate has to be about"
    )
    parser.add_argument(
        "--domain", nargs=2, metavar=("LOW", "HIGH"), help="and its domain"
    )
    parser.add_argument(
        "--twins",
        action="store_true",
        help="the shipped bodies by way of float64 too; minutes",
    )
    given = sys.argv[1:] if arguments is None else list(arguments)
    # "-oo" is an end; an option has two minus.
    given = [f" {a}" if a.startswith("-oo") else a for a in given]
    options = parser.parse_args(given)
    if (options.formula is None) != (options.domain is None) or (
        options.formula is not None and len(options.certificates) != 1
    ):
        parser.error(
            "--formula and --domain: expected both, with one certificate"
        )
    for path in options.certificates:
        for needed in (path, path.with_suffix(".py")):
            if not needed.is_file():
                parser.error(
                    f"expected a certificate with its module beside it, "
                    f"received {str(path)!r}: there is no file {needed}"
                )
    reports: list[Report] = []
    wanted: dict[Path, Expected | None]
    if options.certificates:
        wanted = {p: _asked(p, options) for p in options.certificates}
    else:
        wanted, absent = _everything(shipped())
        reports += absent
        declared = catalogue()
        for path in sorted(twins().glob("*.json")) if options.twins else ():
            wanted[path] = declared.get(path.stem)
    reports += _all(wanted)
    plans = sum(r.plans for r in reports)
    pieces = sum(r.pieces for r in reports)
    lanes = sum(r.lanes for r in reports)
    for report in sorted(reports, key=lambda r: r.name):
        for finding in report.findings:
            print(printable(finding))
    wrong = sum(len(r.findings) for r in reports)
    print(
        f"checked {plans} plans of {len(reports)} functions: {pieces} pieces, "
        f"{lanes} intervals of inputs; not confirmed: {wrong} claims"
    )
    return 1 if wrong or not plans else 0


def printable(finding: Finding) -> str:
    """Its text in any encoding, and nothing that a terminal obeys."""
    escaped = (c if c.isprintable() else repr(c)[1:-1] for c in str(finding))
    return "".join(escaped).encode("ascii", "backslashreplace").decode("ascii")


def _asked(path: Path, options: argparse.Namespace) -> Expected | None:
    """What is expected of a file that was named.

    A file of the folder of shipped ones is what the catalogue says.
    """
    if options.formula is not None:
        return Expected(options.formula, tuple(options.domain))
    if is_twin(path) or path.resolve().parent == shipped().resolve():
        return catalogue().get(path.stem)
    return None


def _everything(
    folder: Path,
) -> tuple[dict[Path, Expected | None], list[Report]]:
    """Shipped certificates with what they have to be; what there is not."""
    declared = catalogue()
    there = {path.stem: path for path in sorted(folder.glob("*.json"))}
    absent = []
    for names, what in (
        (set(declared) - set(there), "declared, but no certificate is there"),
        (set(there) - set(declared), "a certificate of nothing declared"),
    ):
        absent += [
            Report(name, findings=[Finding(name, what)])
            for name in sorted(names)
        ]
    return {path: declared.get(name) for name, path in there.items()}, absent


def _all(wanted: dict[Path, Expected | None]) -> list[Report]:
    if not wanted:
        return []
    console = Console(stderr=True)
    tasks = _tasks(list(wanted))
    workers = min(len(tasks), os.cpu_count() or 1)
    reports: dict[Path, Report] = {}
    with (
        Progress(console=console, disable=not console.is_terminal) as bar,
        ProcessPoolExecutor(workers) as pool,
    ):
        task = bar.add_task("checking plans", total=len(tasks))
        futures = {
            pool.submit(check_file, path, wanted[path], only): path
            for path, only in tasks
        }
        for future in as_completed(futures):
            path, part = futures[future], future.result()
            reports[path] = (
                reports[path].with_more(part) if path in reports else part
            )
            bar.advance(task)
    return list(reports.values())


def _tasks(paths: list[Path]) -> list[tuple[Path, tuple[int, str] | None]]:
    """Each plan on its own, so that the processes end together.

    The dear ones come first, of the widest format; those of a file one after
    the other, so that a process reads a module once for them.
    """
    found: dict[tuple[Path, tuple[int, str] | None], int] = {}
    for path in sorted(paths, key=lambda p: -p.stat().st_size):
        if is_twin(path):
            found |= {(path, (k, "float32")): 0 for k in range(ORDERS)}
            continue
        try:
            plans = read_plans(path.read_text(encoding="utf-8"))[1]
        except (Malformed, Unreadable, OSError, UnicodeDecodeError):
            plans = []
        if not plans:  # the report says what is wrong
            found[path, None] = 0
        for plan in plans:
            key = plan.order, plan.fmt.name
            found[path, key] = plan.fmt.precision
    return sorted(found, key=lambda task: -found[task])


if __name__ == "__main__":
    sys.exit(main())
