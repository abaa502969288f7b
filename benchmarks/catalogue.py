"""Every function of the catalogue beside its textbook formula, in time.

    python benchmarks/catalogue.py [--size N] [--repeats N] [NAME ...]

Ratios of medians in one run, float32; the formula is what a user would type
over keras.ops, nan and all.  Every function runs in a process of its own,
for each backend.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from speed import BACKENDS
from speed import RUNNERS
from speed import timed


def textbook(formula: str) -> Callable[[Any], Any]:
    """The formula over keras.ops."""
    import sympy
    from keras import ops
    from keras_stablef.generator.formula.parse import parse

    expr = parse(formula)
    names = ("exp", "log", "sin", "cos", "tan", "tanh", "cosh", "sinh", "sqrt")
    table = {name: getattr(ops, name) for name in names}
    table |= {"atan": ops.arctan, "Abs": ops.abs}
    made: Callable[[Any], Any] = sympy.lambdify(
        list(expr.free_symbols), expr, [table]
    )
    return made


def inputs(domain: tuple[str, str], size: int) -> Any:
    """float32 numbers of the domain."""
    import numpy as np

    low, high = (float(end.replace("oo", "inf")) for end in domain)
    rng = np.random.default_rng(0)
    x = rng.normal(size=size) * 20
    if math.isfinite(low) and math.isfinite(high):
        x = rng.uniform(low, high, size)
    elif math.isfinite(low):
        x = low + np.abs(x)
    return x.astype("float32")


def measure(
    backend: str, name: str, size: int, repeats: int
) -> dict[str, float]:
    """Our time over the formula's, by mode."""
    from keras_stablef.generator.formula.catalogue import load_catalogue

    import keras_stablef as ks

    (entry,) = [e for e in load_catalogue() if e.name == name]
    x = inputs(entry.domain, size)
    ours = getattr(ks.ops, name)
    table = {"ours": ours, "textbook": textbook(entry.formula)}
    result = timed(RUNNERS[backend](x, table), repeats)
    return {m: t["ours"] / t["textbook"] for m, t in result.items()}


def main() -> None:
    """Measure and print a table for each backend."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--size", type=int, default=10**6)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--backend", choices=BACKENDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.backend:
        (name,) = options.names
        print(
            json.dumps(
                measure(options.backend, name, options.size, options.repeats)
            )
        )
        return
    from keras_stablef.generator.formula.catalogue import load_catalogue
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    names = options.names or [e.name for e in load_catalogue()]
    for backend in BACKENDS:
        rows: dict[str, dict[str, float]] = {}
        for name in track(names, backend, console=Console(stderr=True)):
            command = [sys.executable, __file__, name, "--backend", backend]
            command += ["--size", str(options.size)]
            command += ["--repeats", str(options.repeats)]
            output = subprocess.run(
                command,
                env={**os.environ, "KERAS_BACKEND": backend},
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            ).stdout
            rows[name] = json.loads(output.splitlines()[-1])
        modes = list(next(iter(rows.values())))
        table = Table("function", *modes, title=f"{backend}: times textbook")
        for name, row in rows.items():
            table.add_row(name, *(f"{row[m]:.1f}" for m in modes))
        middle = [statistics.median(r[m] for r in rows.values()) for m in modes]
        table.add_row("median", *(f"{v:.1f}" for v in middle))
        Console().print(table)


if __name__ == "__main__":
    main()
