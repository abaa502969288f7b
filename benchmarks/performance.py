"""How fast it is: docs/performance.md.

    python benchmarks/performance.py [--backend NAME ...] [--function NAME ...]
                                     [--repeats N] [--quick]
                                     [--write] [--modes eager]

Every function and what it is compared with take turns in one process for
each backend; ratios are of one turn, their medians are shown, with half the
distance of the quartiles.  CPU time counts: of two cores others may have one.
Nothing is written with --quick, for some functions, or for some backends
without --write.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from speed import BACKENDS
from speed import RUNNERS
from speed import flagship
from speed import inputs
from speed import kept
from speed import textbook
from timing import ratios
from timing import timed

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
SIZES = (10**3, 10**5, 10**6, 10**7)
SIZE = 10**6
REPEATS = 15
OURS, TEXTBOOK = "ours", "textbook"
Row = dict[str, Any]


# -- what one process measures -----------------------------------------------
def flagship_rows(
    backend: str, sizes: tuple[int, ...], n: int, modes: str
) -> Iterator[Row]:
    """stablef beside what people take instead, by size."""
    table = flagship(backend)
    for size in sizes:
        x = inputs(("-oo", "oo"), size)
        for mode, calls in RUNNERS[backend](x, table).items():
            if not mode.startswith(modes):
                continue
            try:
                times = timed(calls, n)
            except Exception as error:  # what is compared with may not compile
                yield {"part": "lost", "mode": mode, "why": repr(error)[:200]}
                continue
            for name, row in ratios(times, "single where").items():
                yield {
                    "part": "flagship",
                    "size": size,
                    "mode": mode,
                    "name": name,
                    **row,
                }


def catalogue_rows(
    backend: str, names: list[str], size: int, n: int, modes: str
) -> Iterator[Row]:
    """Every op beside its textbook formula: time, and the first call."""
    from keras_stablef.generator.formula.catalogue import load_catalogue

    import keras_stablef as ks

    for entry in load_catalogue():
        if names and entry.name not in names:
            continue
        op = getattr(ks.ops, entry.name)
        table = {OURS: op, TEXTBOOK: textbook(entry.formula)}
        for dtype in ("float32", "float64"):
            if dtype == "float64" and backend == "jax":
                continue  # off by default there
            x = inputs(entry.domain, size, dtype)
            for mode, calls in RUNNERS[backend](x, table).items():
                if dtype == "float64" and not mode.endswith("f+b"):
                    continue
                if not mode.startswith(modes):
                    continue
                first = {}
                for name, call in calls.items():
                    start = time.perf_counter()
                    call()
                    first[name] = time.perf_counter() - start
                row = ratios(timed(calls, n), TEXTBOOK)[OURS]
                yield {
                    "part": "catalogue",
                    "name": entry.name,
                    "dtype": dtype,
                    "mode": mode,
                    **row,
                    "first call": first[OURS],
                    "first call of the formula": first[TEXTBOOK],
                }
        few = inputs(entry.domain, 1000)
        held = kept(backend, op, few), kept(backend, table[TEXTBOOK], few)
        if None not in held:
            sizes = [count / few.nbytes for count in held if count is not None]
            row = dict(zip(("bytes", "formula"), sizes, strict=True))
            yield {"part": "kept", "name": entry.name, **row}


def start_rows() -> Iterator[Row]:
    """What an import takes, beside that of keras."""
    start = time.process_time()
    import keras

    keras.ops.abs(keras.ops.ones(2))
    middle = time.process_time()
    import keras_stablef as ks

    imported = time.process_time()
    first = ks.ops.stablef
    yield {
        "part": "start",
        "keras ms": 1e3 * (middle - start),
        "import ms": 1e3 * (imported - middle),
        "first op ms": 1e3 * (time.process_time() - imported),
        "name": first.name,
    }


def fit_rows(n: int) -> Iterator[Row]:
    """An epoch of a small model with the loss, and with the naive one."""
    import keras
    import numpy as np

    import keras_stablef as ks

    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 16)).astype("float32")
    y = rng.uniform(size=(20_000, 1)).astype("float32")

    def naive(y_true: Any, z: Any) -> Any:
        f = 1.0 / (1.0 - keras.ops.exp(-z)) - 1.0 / z
        return keras.ops.square(y_true - f)

    def ours(y_true: Any, z: Any) -> Any:
        return keras.ops.square(y_true - ks.ops.stablef(z))

    calls = {}
    for name, loss in ((TEXTBOOK, naive), (OURS, ours)):
        keras.utils.set_random_seed(0)
        layers = [keras.layers.Dense(64, "relu"), keras.layers.Dense(1)]
        model = keras.Sequential(layers)
        model.compile("sgd", loss)
        calls[name] = lambda m=model: m.fit(
            x, y, batch_size=256, epochs=1, verbose=0
        )
    yield {"part": "fit", **ratios(timed(calls, n), TEXTBOOK)[OURS]}


def worker(backend: str, options: argparse.Namespace) -> None:
    """One process: rows as lines of JSON."""
    n = 5 if options.quick else options.repeats
    sizes = (SIZE // 10,) if options.quick else SIZES
    size = SIZE // 10 if options.quick else SIZE
    modes = options.modes
    parts = [start_rows(), flagship_rows(backend, sizes, n, modes)]
    parts += [catalogue_rows(backend, options.function, size, n, modes)]
    if not options.quick:
        parts.append(fit_rows(5))
    for rows in parts:
        for row in rows:
            print(json.dumps({"backend": backend, **row}), flush=True)


# -- all of them ------------------------------------------------------------
def measured(backend: str, options: argparse.Namespace, told: Any) -> list[Row]:
    """The rows of a process of its own."""
    command = [sys.executable, __file__, "--worker", backend]
    command += ["--repeats", str(options.repeats)]
    command += ["--quick"] if options.quick else []
    command += ["--modes", options.modes] if options.modes else []
    for name in options.function:
        command += ["--function", name]
    rows = []
    process = subprocess.Popen(
        command,
        env={**os.environ, "KERAS_BACKEND": backend},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            rows.append(json.loads(line))
            told(rows[-1])
    if process.wait():
        raise SystemExit(f"{backend}: exit status {process.returncode}")
    return rows


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A table of the page."""
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines] + [""]


def cell(row: Row | None) -> str:
    """A ratio and its spread."""
    if row is None:
        return ""
    return f"{row['cpu']:.2f} ± {row['cpu spread']:.2f}"


def page(rows: list[Row]) -> str:
    """The page, from its rows."""
    import keras

    lines = [
        "# Performance",
        "",
        "Generated by `make bench`; do not edit.  Ratios of CPU time, each of",
        "one turn; the median of the turns, and half of the distance of their",
        "quartiles.  *f* is forward, *f+b* forward and backward.",
        "",
        f"{os.cpu_count()} cores ({platform.machine()}), Python "
        f"{platform.python_version()}, Keras {keras.__version__}.",
        "",
    ]
    lines += _flagship_page([r for r in rows if r["part"] == "flagship"])
    lines += _catalogue_page([r for r in rows if r["part"] == "catalogue"])
    lines += _rest(rows)
    return "\n".join(lines).rstrip() + "\n"


def _flagship_page(rows: list[Row]) -> list[str]:
    lines = ["## stablef beside the single `where`", ""]
    for backend in dict.fromkeys(r["backend"] for r in rows):
        own = [r for r in rows if r["backend"] == backend]
        names = list(dict.fromkeys(r["name"] for r in own))[1:]
        found = {(r["size"], r["mode"], r["name"]): r for r in own}
        body = [
            [mode, f"{size:,}"]
            + [cell(found.get((size, mode, name))) for name in names]
            + [f"{found[size, mode, 'single where']['cpu ms']:.3g}"]
            for mode in dict.fromkeys(r["mode"] for r in own)
            for size in dict.fromkeys(r["size"] for r in own)
            if (size, mode, "single where") in found
        ]
        head = [backend, "size", *names, "single `where`, CPU ms"]
        lines += table(head, body)
    return lines


def _catalogue_page(rows: list[Row]) -> list[str]:
    lines = [f"## Every op over its textbook formula, {SIZE:,} numbers", ""]
    for backend in dict.fromkeys(r["backend"] for r in rows):
        own = [r for r in rows if r["backend"] == backend]
        kinds = list(dict.fromkeys((r["dtype"], r["mode"]) for r in own))
        found = {(r["name"], r["dtype"], r["mode"]): r for r in own}
        names = list(dict.fromkeys(r["name"] for r in own))
        body = [[n, *(cell(found.get((n, *k))) for k in kinds)] for n in names]
        for word, way in (("median", statistics.median), ("worst", max)):
            values = [
                way([found[n, *k]["cpu"] for n in names if (n, *k) in found])
                for k in kinds
            ]
            body.append([f"**{word}**", *(f"**{v:.2f}**" for v in values)])
        firsts = [
            statistics.median(
                found[n, *k]["first call"]
                / found[n, *k]["first call of the formula"]
                for n in names
            )
            for k in kinds
        ]
        body.append(["first call, median", *(f"{v:.1f}" for v in firsts)])
        longest = [
            max(found[n, *k]["first call"] for n in names) for k in kinds
        ]
        body.append(["first call, longest", *(f"{v:.1f} s" for v in longest)])
        head = [
            backend,
            *(m if d == "float32" else f"{m}, {d}" for d, m in kinds),
        ]
        lines += table(head, body)
    return lines


def _rest(rows: list[Row]) -> list[str]:
    starts = [r for r in rows if r["part"] == "start"]
    lines = ["## Import and first use, CPU ms", ""]
    lines += table(
        ["backend", "keras", "keras_stablef", "first op"],
        [
            [r["backend"]]
            + [f"{r[k]:.0f}" for k in ("keras ms", "import ms", "first op ms")]
            for r in starts
        ],
    )
    fits = [r for r in rows if r["part"] == "fit"]
    if fits:
        lines += ["## An epoch of `fit`, over that with the formula", ""]
        body = [[r["backend"], cell(r)] for r in fits]
        lines += table(["backend", "ratio"], body)
    held = [r for r in rows if r["part"] == "kept"]
    if held:
        lines += [
            "## Kept for the backward pass, in sizes of the input",
            "",
            "The most of all ops, and of their textbook formulas.",
            "",
        ]
        body = [
            [b]
            + [
                f"{max(r[k] for r in held if r['backend'] == b):.1f}"
                for k in ("bytes", "formula")
            ]
            for b in dict.fromkeys(r["backend"] for r in held)
        ]
        lines += table(["backend", "ops", "formulas"], body)
    return lines


def kept_rows(others: Sequence[str]) -> list[Row]:
    """What the page has of all backends but some."""
    data = PAGE.with_suffix(".json")
    if not data.is_file():
        return []
    rows: list[Row] = json.loads(data.read_text(encoding="utf-8"))
    return [row for row in rows if row["backend"] not in others]


def main() -> None:
    """Measure, print, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", nargs="+", choices=BACKENDS)
    parser.add_argument("--function", action="append", default=[])
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument(
        "--write",
        action="store_true",
        help="of some backends: in place of what the page has of them",
    )
    parser.add_argument("--modes", default="", help="those that begin so")
    parser.add_argument("--worker", choices=BACKENDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(options.worker, options)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    rows: list[Row] = []
    aside = Console(stderr=True)
    for backend in options.backend or BACKENDS:
        with aside.status(backend) as status:
            rows += measured(
                backend,
                options,
                lambda r: status.update(
                    f"{r['backend']} {r['part']} {r.get('name', '')} "
                    f"{r.get('mode', '')}"
                ),
            )
    for row in rows:
        if row["part"] == "lost":
            aside.print(f"{row['backend']} {row['mode']}: {row['why']}")
    if options.write:
        rows += kept_rows(options.backend or BACKENDS)
        rows.sort(key=lambda row: BACKENDS.index(row["backend"]))
    text = page(rows)
    Console().print(Markdown(text))
    some = options.backend and not options.write
    if not (options.quick or options.function or some):
        PAGE.write_text(text, encoding="utf-8")
        # For reports (keras_stablef/_report.py).
        lines = ",\n".join(json.dumps(row) for row in rows)
        data = PAGE.with_suffix(".json")
        data.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
