"""Speed of stablef beside the single `where` and the sigmoid.

    python benchmarks/speed.py [--size N] [--repeats N] [--json FILE]

Every backend runs in a process of its own; the three functions take turns
in one loop and the medians are printed as ratios to the single `where`.
Ratios mean something on a noisy machine, milliseconds little.
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
NAMES = ("stablef", "single where", "sigmoid")
SCALE = 20.0  # inputs are normal with this deviation


def functions() -> dict[str, Callable[[Any], Any]]:
    """The three functions over keras.ops."""
    from keras import ops

    import keras_stablef as ks

    def single_where(x: Any) -> Any:
        naive = 1.0 / (1.0 - ops.exp(-x)) - 1.0 / x
        return ops.where(ops.abs(x) < 0.1, 0.5 + x / 12.0, naive)

    return dict(
        zip(NAMES, (ks.ops.stablef, single_where, ops.sigmoid), strict=True)
    )


def runners(
    backend: str, size: int
) -> dict[str, dict[str, Callable[[], None]]]:
    """By mode, by function: a call that runs once and waits for it."""
    import numpy as np

    data = np.random.default_rng(0).normal(size=size) * SCALE
    return RUNNERS[backend](data.astype("float32"), functions())


Table = dict[str, Callable[[Any], Any]]


def _jax(x: Any, table: Table) -> dict[str, dict[str, Callable[[], None]]]:
    import jax

    x = jax.numpy.asarray(x)

    def both(fn: Callable[[Any], Any]) -> Any:
        return jax.jit(jax.value_and_grad(lambda v: fn(v).sum()))

    def once(compiled: Any) -> Callable[[], None]:
        return lambda: jax.block_until_ready(compiled(x))

    return {
        "jit forward": {n: once(jax.jit(f)) for n, f in table.items()},
        "jit forward+backward": {n: once(both(f)) for n, f in table.items()},
    }


def _tensorflow(
    x: Any, table: Table
) -> dict[str, dict[str, Callable[[], None]]]:
    import tensorflow as tf

    x = tf.constant(x)

    def both(fn: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def run(v: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(v)
                total = tf.reduce_sum(fn(v))
            return total, tape.gradient(total, v)

        return run

    def once(fn: Callable[[Any], Any]) -> Callable[[], None]:
        return lambda: tf.nest.map_structure(lambda t: t.numpy, fn(x))

    def xla(fn: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return tf.function(fn, jit_compile=True)

    return {
        "eager forward": {n: once(f) for n, f in table.items()},
        "eager forward+backward": {n: once(both(f)) for n, f in table.items()},
        "XLA forward": {n: once(xla(f)) for n, f in table.items()},
        "XLA forward+backward": {
            n: once(xla(both(f))) for n, f in table.items()
        },
    }


def _torch(x: Any, table: Table) -> dict[str, dict[str, Callable[[], None]]]:
    import torch

    plain = torch.from_numpy(x)

    def both(fn: Callable[[Any], Any]) -> Callable[[], None]:
        def run() -> None:
            v = plain.detach().requires_grad_(True)
            fn(v).sum().backward()

        return run

    def once(fn: Callable[[Any], Any]) -> Callable[[], None]:
        return lambda: fn(plain)

    # Each with a lambda of its own: dynamo caches by code object.
    compiled = {n: torch.compile(_own(f)) for n, f in table.items()}
    return {
        "eager forward": {n: once(f) for n, f in table.items()},
        "eager forward+backward": {n: both(f) for n, f in table.items()},
        "compile forward": {n: once(f) for n, f in compiled.items()},
        "compile forward+backward": {n: both(f) for n, f in compiled.items()},
    }


def _own(fn: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: fn(x)


RUNNERS = {"jax": _jax, "tensorflow": _tensorflow, "torch": _torch}


def measure(backend: str, size: int, repeats: int) -> dict[str, Any]:
    """Median milliseconds, by mode and function."""
    return timed(runners(backend, size), repeats)


def timed(
    modes: dict[str, dict[str, Callable[[], None]]], repeats: int
) -> dict[str, dict[str, float]]:
    """The same for any calls; they take turns in one loop."""
    result = {}
    for mode, calls in modes.items():
        times: dict[str, list[float]] = {name: [] for name in calls}
        for call in calls.values():
            call()
            call()
        for _ in range(repeats):
            for name, call in calls.items():
                start = time.perf_counter()
                call()
                times[name].append(1e3 * (time.perf_counter() - start))
        result[mode] = {n: statistics.median(t) for n, t in times.items()}
    return result


def main() -> None:
    """Measure every backend and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=10**6)
    parser.add_argument("--repeats", type=int, default=31)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--backend", choices=BACKENDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.backend:
        print(
            json.dumps(measure(options.backend, options.size, options.repeats))
        )
        return
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    table = Table(title=f"{options.size:,} float32; ratio to the single where")
    for column in ("backend", "mode", *NAMES, "single where, ms"):
        table.add_column(column)
    everything = {}
    for backend in track(BACKENDS, console=Console(stderr=True)):
        command = [
            sys.executable,
            __file__,
            "--backend",
            backend,
            "--size",
            str(options.size),
            "--repeats",
            str(options.repeats),
        ]
        output = subprocess.run(
            command,
            env={**os.environ, "KERAS_BACKEND": backend},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        everything[backend] = json.loads(output.splitlines()[-1])
        for mode, times in everything[backend].items():
            base = times["single where"]
            ratios = [f"{times[name] / base:.2f}" for name in NAMES]
            table.add_row(backend, mode, *ratios, f"{base:.2f}")
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    main()
