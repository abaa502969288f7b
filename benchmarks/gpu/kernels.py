"""Compile every Triton kernel, in processes of their own: first call times.

What is compiled is kept in Triton's cache, so that what comes after starts at
once.  A first call is timed with as many others going on beside it as there
are processes; of the first kernel of each process Triton's own start is a
part, so it has one that is not counted.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import as_completed
from typing import Any

from . import worker

DTYPES = ("float32", "float64", "bfloat16", "float16")
Task = tuple[str, int, str]


def tasks(work: worker.Work) -> Iterator[Task]:
    """What is asked for first, first."""
    orders = (0, 1) if work.quick else worker.ORDERS
    for dtype in DTYPES[:1] if work.quick else DTYPES:
        for name in work.names():
            for order in orders:
                yield name, order, dtype


def first_call(task: Task, device: str) -> dict[str, Any]:
    """Seconds of an op's first call in this process, and of the second."""
    import torch

    import keras_stablef as ks
    from keras_stablef import _triton

    name, order, dtype = task
    if device == "cuda" and not torch.cuda.is_initialized():
        ks.ops.stablef(torch.ones(2, device=device))  # Triton's start
    x = torch.linspace(1.0, 2.0, 4096, dtype=getattr(torch, dtype))
    x = x.to(device)
    op = getattr(ks.ops, name).derivative(order)
    times = []
    for _ in range(2):
        start = time.perf_counter()
        op(x)
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    lost = "; ".join(_triton._warned)
    return {"seconds": times[0], "again": times[1], "lost": lost}


def main() -> None:
    """A row for each kernel."""
    work = worker.Work()
    todo = list(tasks(work))
    worker.planned(worker.label(n, k, d, "kernel") for n, k, d in todo)
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(work.workers(10), mp_context=context)
    jobs = {pool.submit(first_call, t, work.device): t for t in todo}
    for done in worker.within(work, as_completed(jobs, work.left())):
        name, order, dtype = jobs[done]
        about = worker.label(name, order, dtype, "kernel")
        try:
            found = done.result()
        except Exception as error:
            worker.failed(about, error)
            continue
        worker.say(
            label=about,
            kind="first call",
            name=name,
            order=order,
            dtype=dtype,
            workers=work.workers(10),
            seconds=round(found["seconds"], 3),
            again=round(found["again"], 6),
            ok=not found["lost"],
            why=found["lost"],
        )
    worker.leave()  # the parent ends those that still compile


if __name__ == "__main__":
    main()
