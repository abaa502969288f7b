"""Forward and backward, jitted by JAX: the catalogue over its formulas.

`stablef` beside sigmoid, and beside a copy of the same bytes: x read, the
value and the gradient written.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from keras_stablef.generator.formula.catalogue import Entry
from keras_stablef.generator.formula.catalogue import load_catalogue
from speed import inputs
from speed import textbook

import keras_stablef as ks

from . import clock
from . import worker

DTYPES = ("float32", "bfloat16")


def both(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Value and gradient, in one program."""

    def run(x: Any) -> Any:
        y, back = jax.vjp(f, x)
        return y, back(jnp.ones_like(y))[0]

    return run


def compiled(f: Callable[[Any], Any], x: Any) -> tuple[Any, float]:
    """The program, and the seconds that it took to make."""
    start = time.perf_counter()
    shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
    made = jax.jit(f).lower(shape).compile()
    return made, time.perf_counter() - start


def flagship(x: Any, dtype: str) -> None:
    """stablef, sigmoid, and memory alone."""
    half = jnp.zeros(3 * x.size // 2, x.dtype)
    programs = {
        "stablef": compiled(both(ks.ops.stablef), x)[0],
        "sigmoid": compiled(both(jax.nn.sigmoid), x)[0],
        "copy": compiled(lambda v: v + 1, half)[0],
    }
    calls = {
        name: (lambda run=run, v=half if name == "copy" else x: run(v))
        for name, run in programs.items()
    }
    times = clock.rounded(clock.medians(calls, jax.block_until_ready))
    worker.say(
        label=f"stablef, {dtype}, jit",
        kind="flagship",
        dtype=dtype,
        mode="jit",
        size=x.size,
        ok=True,
        **times,
    )


def main() -> None:
    """A row for each function and dtype, as they are compiled."""
    work = worker.Work()
    size = 2**12 if work.quick else 2**24
    wanted = work.names()
    entries = [e for e in load_catalogue() if e.name in wanted]
    dtypes = DTYPES[:1] if work.quick else DTYPES
    todo = [(e, d) for d in dtypes for e in entries]
    worker.planned(
        [f"stablef, {d}, jit" for d in dtypes]
        + [f"{e.name}, {d}, jit f+b" for e, d in todo]
    )
    pool = ThreadPoolExecutor(work.workers(10))
    made: dict[tuple[str, tuple[str, str]], Any] = {}

    def x_of(entry: Entry, dtype: str) -> Any:
        # Those of one domain have the same: to make them takes a second.
        key = dtype, entry.domain
        if key not in made:
            made[key] = jnp.asarray(inputs(entry.domain, size), dtype)
        return made[key]

    jobs: list[tuple[Entry, str, Future[Any], Future[Any]]] = []
    for entry, dtype in todo:
        x = x_of(entry, dtype)
        ours, text = getattr(ks.ops, entry.name), textbook(entry.formula)
        jobs.append(
            (
                entry,
                dtype,
                pool.submit(compiled, both(ours), x),
                pool.submit(compiled, both(text), x),
            )
        )
    # Nothing is timed while others are compiled: threads take the launches.
    for *_, ours_job, text_job in jobs:
        for job in (ours_job, text_job):
            left = work.end - time.monotonic() - 8
            try:
                job.result(timeout=max(left, 0))
            except Exception:  # it is told below, or is not reached
                continue
    pool.shutdown(wait=False, cancel_futures=True)
    rng = np.random.default_rng(0)
    for dtype in dtypes:
        many = rng.normal(size=size if work.quick else 2**26)
        flagship(jnp.asarray(many, dtype), dtype)
    for entry, dtype, ours_job, text_job in jobs:
        if work.is_over():
            break
        about = f"{entry.name}, {dtype}, jit f+b"
        if not (ours_job.done() and text_job.done()):
            continue
        if ours_job.cancelled() or text_job.cancelled():
            continue
        try:
            (a, first), (b, base) = ours_job.result(), text_job.result()
            x = x_of(entry, dtype)
            calls = {"ours": lambda a=a, x=x: a(x)}
            calls["textbook"] = lambda b=b, x=x: b(x)
            times = clock.medians(calls, jax.block_until_ready)
        except Exception as error:
            worker.failed(about, error)
            continue
        worker.say(
            label=about,
            kind="catalogue",
            name=entry.name,
            dtype=dtype,
            mode="jit f+b",
            ratio=round(times["ours"] / times["textbook"], 3),
            first=round(first, 2),
            textbook_first=round(base, 2),
            ok=True,
            **clock.rounded(times),
        )
    worker.leave()


if __name__ == "__main__":
    main()
