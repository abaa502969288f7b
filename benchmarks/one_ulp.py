"""What a plan within 1 ulp would cost, beside the one that ships.

    python benchmarks/one_ulp.py [--size N] [--repeats N] [--ulp 1.0]

Ratios of medians in one run, float32: f = stablef and its gradient under
the tighter bound over the shipped op, for each backend in a process of its
own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys

from speed import BACKENDS
from speed import RUNNERS
from timing import ratios
from timing import timed


def measure(backend: str, size: int, repeats: int, ulp: float) -> dict:
    """Bounds of both, and the tighter one's time over the other's."""
    import numpy as np

    import keras_stablef as ks

    shipped = ks.ops.stablef
    tight = ks.stabilize(shipped.expression, ("-oo", "oo"), max_ulp=ulp)
    x = (np.random.default_rng(0).normal(size=size) * 20).astype("float32")
    table = {"tight": tight, "shipped": shipped}
    modes = RUNNERS[backend](x, table)
    return {
        "bounds": [
            [op.error_bound("float32", order=k) for k in (0, 1)]
            for op in (shipped, tight)
        ],
        "ratios": {
            mode: ratios(timed(calls, repeats), "shipped")["tight"]["cpu"]
            for mode, calls in modes.items()
        },
    }


def main() -> None:
    """Measure and print a line for each backend and mode."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=10**6)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--ulp", type=float, default=1.0)
    parser.add_argument("--backend", choices=BACKENDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.backend:
        found = measure(
            options.backend, options.size, options.repeats, options.ulp
        )
        print(json.dumps(found))
        return
    for backend in BACKENDS:
        command = [sys.executable, __file__, *sys.argv[1:]]
        output = subprocess.run(
            [*command, "--backend", backend],
            env={**os.environ, "KERAS_BACKEND": backend},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        found = json.loads(output.splitlines()[-1])
        print(f"{backend}: bounds of f, f' shipped and tight {found['bounds']}")
        for mode, ratio in found["ratios"].items():
            print(f"  {mode}: {ratio:.2f} times the shipped op")


if __name__ == "__main__":
    main()
