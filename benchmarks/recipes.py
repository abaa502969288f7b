"""How far off recipes are: the table of docs/recipes.md.

    python benchmarks/recipes.py [--backend NAME ...]

Each recipe at the places of tests/recipe_rows.py, float32, eager, a process
for each backend; the worst of them in ulp against mpmath.  Nothing is
written for some backends.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "recipes.md"
BACKENDS = ("tensorflow", "jax", "torch")
BEGIN, END = "<!-- measured:begin -->", "<!-- measured:end -->"


def measured() -> dict[str, list[float]]:
    """The worst errors on this process's backend, by recipe."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    import keras
    from backends import tensor
    from recipe_oracle import errors
    from recipe_oracle import with_partials
    from recipe_rows import ROWS

    found = {}
    for row in ROWS:
        run = with_partials(row.recipe)
        results = run(*map(tensor, row.arguments("float32")))
        got = [keras.ops.convert_to_numpy(y) for y in results]
        found[row.name] = errors(row, "float32", got)
    return found


def table(worst: dict[str, list[float]]) -> str:
    """The page's table."""
    import inspect

    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    from recipe_rows import ROWS

    lines = [
        "| `ks.recipes.` | singular at | places | value | by each argument |",
        "|---|---|---:|---:|---|",
    ]
    for row in ROWS:
        names = list(inspect.signature(row.recipe).parameters)
        value, *slopes = worst[row.name]
        marks = ["" if k - 1 not in row.terms else "*" for k in range(9)]
        parts = [
            f"{name} {slope:.1f}{mark}"
            for name, slope, mark in zip(
                names, slopes, marks[1:][: len(names)], strict=True
            )
        ]
        lines.append(
            f"| `{row.name}` | {row.line} | {len(row.arguments('float32')[0])} "
            f"| {value:.1f}{marks[0]} | {', '.join(parts)} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", choices=BACKENDS, action="append")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        print(json.dumps(measured()))
        return
    worst: dict[str, list[float]] = {}
    for backend in arguments.backend or BACKENDS:
        done = subprocess.run(
            [sys.executable, __file__, "--here"],
            env={**os.environ, "KERAS_BACKEND": backend},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        for name, found in json.loads(done.stdout.splitlines()[-1]).items():
            worst[name] = [*map(max, worst.get(name, found), found)]
    made = table(worst)
    print(made)
    if not arguments.backend:
        text = PAGE.read_text(encoding="utf-8")
        before, rest = text.split(BEGIN)
        _, after = rest.split(END)
        PAGE.write_text(
            f"{before}{BEGIN}\n{made}\n{END}{after}", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
