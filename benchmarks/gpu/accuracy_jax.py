"""All shipped rows on all 2**32 float32 inputs, jitted by JAX."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import as_completed
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import keras_stablef as ks

from . import worker

BIG = float(np.finfo(np.float32).max)
EVERY = 2**32


def compiled(name: str, order: int, count: int, step: int) -> Any:
    """The worst of `count` inputs from a bit pattern on, by `step`."""
    op = getattr(ks.ops, name).derivative(order)

    def chunk(start: Any) -> Any:
        bits = start + jnp.uint32(step) * jnp.arange(count, dtype=jnp.uint32)
        x = jax.lax.bitcast_convert_type(bits, jnp.float32)
        # Or what is asked of x for the judge would be asked of the op, too.
        x = jax.lax.optimization_barrier(x)
        y = jax.lax.optimization_barrier(op(x)).astype(jnp.float64)
        r = op(x.astype(jnp.float64))
        size = jnp.abs(r)
        e = jnp.maximum(jnp.frexp(size)[1] - 1, -126)
        off = jnp.abs(y - r) / jnp.ldexp(jnp.float64(1), e - 23)
        near = jnp.abs(jnp.abs(y) - BIG) < BIG * 2.0**-22
        beyond = jnp.isinf(y) & (jnp.sign(y) == jnp.sign(r)) | near
        low = (size < 2.0**-126) & (y == 0)  # flushed
        subnormal = (jnp.abs(x) < 2.0**-126) & (x != 0)
        right = (size > BIG) & beyond | low | jnp.isinf(r) & (y == r)
        off = jnp.where(right | subnormal, 0.0, off)
        bad = (jnp.isnan(y) != jnp.isnan(r)) & ~subnormal
        off = jnp.where(jnp.isnan(off), 0.0, off)
        i = jnp.argmax(off)
        return off[i], x[i], y[i], jnp.sum(bad)

    start = jax.ShapeDtypeStruct((), jnp.uint32)
    return jax.jit(chunk).lower(start).compile()


def sweep(run: Any, count: int, step: int, work: worker.Work) -> Any:
    """The worst of all chunks, and how many are nan or not by mistake."""
    worst, wrong = (0.0, 0.0, 0.0), 0
    starts = range(0, EVERY, count * step)
    for first in range(0, len(starts), 16):
        work.look()
        parts = [run(np.uint32(s)) for s in starts[first : first + 16]]
        for off, x, y, bad in parts:
            wrong += int(bad)
            if float(off) > worst[0]:
                worst = float(off), float(x), float(y)
    return worst, wrong


def main() -> None:
    """A row for each function and order, as they are compiled."""
    jax.config.update("jax_enable_x64", True)
    work = worker.Work()
    count = 2**12 if work.quick else 2**25
    step = 2**14 if work.quick else 1
    todo = [(n, k) for n in work.names() for k in worker.ORDERS]
    if work.quick:
        todo = [(n, k) for n, k in todo if k < 2]
    worker.planned(worker.label(n, k, "float32", "jit") for n, k in todo)
    pool = ThreadPoolExecutor(work.workers(10))
    jobs = {pool.submit(compiled, n, k, count, step): (n, k) for n, k in todo}
    try:
        for done in worker.within(work, as_completed(jobs, work.left())):
            name, order = jobs[done]
            try:
                found = sweep(done.result(), count, step, work)
            except worker.TimeOverError:
                raise
            except Exception as error:
                worker.failed(
                    worker.label(name, order, "float32", "jit"), error
                )
                continue
            inputs = EVERY // step
            worker.accuracy(name, order, "float32", "jit", inputs, *found)
            del jobs[done], done
    except worker.TimeOverError:
        pass
    worker.leave()


if __name__ == "__main__":
    main()
