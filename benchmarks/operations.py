"""What one more operation costs: generator/lowering/costs.json.

    python benchmarks/operations.py [--size N] [--repeats N]

A chain of an operation is timed beside one twice as long; the difference is
what it costs inside a larger expression.  Every backend runs in a process
of its own, eagerly and compiled; figures are ratios to one pass over the
input in the same run (an expression of one operation), and the planner uses
their mean: compiled arithmetic is nearly free, gathers and exp are not.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

BACKENDS = ("jax", "tensorflow", "torch")
PLACE = Path(__file__).parent.parent / "generator" / "lowering" / "costs.json"
CHAIN = 8


def steps() -> dict[str, Callable[[Any, Any], Any]]:
    """By operation: from a value to the next, not too far from 1."""
    import numpy as np
    from keras import ops

    table = np.linspace(1.0, 2.0, 256).astype("float32")

    def take(y: Any, x: Any) -> Any:
        i = ops.cast(y * 100.0, "int32")
        return ops.take(ops.convert_to_tensor(table), i)

    return {
        "add": lambda y, x: y * 0.999 + x,
        "div": lambda y, x: x / y + 1.0,
        "where": lambda y, x: ops.where(y < 1.5, x, y) * 0.999,
        "clip": lambda y, x: ops.clip(y + x, 1.0, 2.0),
        "take": take,
        "exp": lambda y, x: ops.exp(x - y),
        "log": lambda y, x: ops.log(x + y),
        "sqrt": lambda y, x: ops.sqrt(x + y),
    }


EXTRA = {"where": 2, "clip": 1, "take": 2, "exp": 1, "log": 1, "sqrt": 1}
EXTRA |= {"div": 1}  # additions in a step beside the operation itself


def chained(step: Callable[[Any, Any], Any], n: int) -> Callable[[Any], Any]:
    def run(x: Any) -> Any:
        y = x
        for _ in range(n):
            y = step(y, x)
        return y

    return run


def runner(
    backend: str, compiled: bool, f: Callable[[Any], Any], x: Any
) -> Callable[[], Any]:
    """A call that runs once and waits."""
    if backend == "jax":
        import jax

        if not compiled:
            return lambda: jax.block_until_ready(f(x))
        g = jax.jit(f)
        return lambda: jax.block_until_ready(g(x))
    if backend == "tensorflow":
        import tensorflow as tf

        h = tf.function(f, jit_compile=True) if compiled else f
        return lambda: h(x).numpy()
    import torch

    torch._dynamo.reset()
    k = torch.compile(f) if compiled else f
    return lambda: k(x)


def measure(backend: str, size: int, repeats: int) -> dict[str, Any]:
    """Ratios to one pass, by mode and operation."""
    import keras
    import numpy as np

    data = np.random.default_rng(0).uniform(1.0, 2.0, size).astype("float32")
    x = keras.ops.convert_to_tensor(data)
    found: dict[str, Any] = {}
    for mode in ("eager", "compiled"):
        costs: dict[str, float] = {}
        for name, step in steps().items():
            lengths = (1, CHAIN, 2 * CHAIN)
            calls = [
                runner(backend, mode == "compiled", chained(step, n), x)
                for n in lengths
            ]
            times: list[list[float]] = [[] for _ in calls]
            for call in calls:
                call()
                call()
            for _ in range(repeats):
                for call, kept in zip(calls, times, strict=True):
                    start = time.perf_counter()
                    call()
                    kept.append(time.perf_counter() - start)
            once, short, long = map(statistics.median, times)
            if name == "add":  # a product and a sum: two passes in eager
                unit = once / (1 if mode == "compiled" else 2)
            costs[name] = (long - short) / CHAIN / unit
        one = max(costs["add"] / 2, 0.01)
        found[mode] = {
            name: max(value - EXTRA.get(name, 1) * one, one)
            for name, value in costs.items()
        }
    return found


def main() -> None:
    """Measure every backend and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=10**6)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--backend", choices=BACKENDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.backend:
        table = measure(options.backend, options.size, options.repeats)
        print(json.dumps(table))
        return
    measured = {}
    for backend in BACKENDS:
        command = [sys.executable, __file__, "--backend", backend]
        command += ["--size", str(options.size)]
        command += ["--repeats", str(options.repeats)]
        output = subprocess.run(
            command,
            env={**os.environ, "KERAS_BACKEND": backend},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        measured[backend] = json.loads(output.splitlines()[-1])
    rows = [modes[m] for modes in measured.values() for m in modes]
    weights = {
        name: round(statistics.mean(r[name] for r in rows), 2)
        for name in rows[0]
    }
    shown = {
        backend: {
            mode: {k: round(v, 2) for k, v in row.items()}
            for mode, row in modes.items()
        }
        for backend, modes in measured.items()
    }
    text = json.dumps({"weights": weights, "measured": shown}, indent=1)
    PLACE.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
