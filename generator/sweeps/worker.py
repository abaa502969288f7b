"""Units one after the other in this process, each kept when it is done."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

import keras
from rich.console import Console
from rich.progress import BarColumn
from rich.progress import Progress
from rich.progress import TaskProgressColumn
from rich.progress import TextColumn
from rich.progress import TimeRemainingColumn

from ..errors import GeneratorError
from .check import check_job
from .check import check_reference
from .evaluator import device_name
from .results import Result
from .results import append
from .results import read
from .run import Sweep
from .server import Server
from .server import serving
from .units import Job
from .units import units

Report = Callable[[int], None]


def work(
    jobs: Sequence[Job],
    shard: tuple[int, int],
    path: Path,
    console: Console,
) -> int:
    """Do what of the jobs' units falls to the shard and is not in `path`.

    Returns:
        1 if a result is above its bound, or nan, else 0.

    Raises:
        GeneratorError: the jobs are not of this process's backend, there is
            no such device, or a reference is wrong.
    """
    backend = keras.backend.backend()
    for job in jobs:
        if job.backend != backend:
            raise GeneratorError(
                "Wrong process: expected KERAS_BACKEND to be "
                f"{job.backend}, received {backend}."
            )
        if job.device == "gpu" and not device_name(backend):
            raise GeneratorError(
                f"No GPU visible to {backend}: expected a CUDA device, "
                "received none."
            )
    done = read(path)
    mine = [u for job in jobs for u in units(job)][shard[0] :: shard[1]]
    todo = [u for u in mine if u.key not in done]
    kept = [done[u.key] for u in mine if u.key in done]
    console.print(
        f"{backend}: {len(todo)} units to do, {len(kept)} done before",
        highlight=False,
    )
    failed = sum(_failed(r, console) for r in kept)
    if not todo:
        return min(failed, 1)
    total = sum(u.piece.size for u in todo)
    with serving() as server, _progress(console, total) as (say, report):
        sweep: Sweep | None = None
        for unit in todo:
            say(f"{unit.job.name} {unit.part + 1}/{unit.parts}")
            if sweep is None or sweep.job != unit.job:
                if unit.job.dtype == "float32":
                    _check(unit.job, server, path)
                sweep = Sweep(unit.job, server)
            result = sweep.run(unit, report)
            append(path, result)
            if not console.is_terminal:
                console.print(_line(result), highlight=False, soft_wrap=True)
            failed += _failed(result, console)
    return min(failed, 1)


def _check(job: Job, server: Server, path: Path) -> None:
    """The fast reference, if that has not been done before."""
    check = check_job(job.function, job.order)
    if check.key(0, 1) not in read(path):
        append(path, check_reference(check, server, lambda _: None))


def _line(r: Result) -> str:
    rate = r.inputs / max(r.seconds, 1e-9) / 1e6
    primes = "'" * r.order
    return (
        f"{r.function}{primes} {r.dtype} {r.backend} {r.part + 1}/{r.parts}: "
        f"{r.inputs} inputs, {r.seconds:.1f} s, {rate:.2f} M/s, worst "
        f"{r.worst:.4f} ulp at {r.where}"
    )


def _failed(result: Result, console: Console) -> bool:
    """Says so where a result is not as claimed."""
    import keras_stablef as ks

    op = getattr(ks.ops, result.function)
    bound = op.error_bound(result.dtype, result.order)
    claims = (
        (max(result.worst, result.subnormal) > bound, f"above {bound} ulp"),
        (result.bad > 0, f"{result.bad} nan or inf, {result.bad_where}"),
        (
            result.bad_gradient > 0,
            f"{result.bad_gradient} gradients nan or inf, "
            f"{result.bad_gradient_where}",
        ),
        (result.kept > 0, f"{result.kept} not nan outside the domain"),
    )
    for broken, text in claims:
        if broken:
            console.print(
                f"[red]violation:[/red] {_line(result)}: {text}",
                highlight=False,
                soft_wrap=True,
            )
    return any(broken for broken, _ in claims)


@contextmanager
def _progress(
    console: Console, total: int
) -> Iterator[tuple[Callable[[str], None], Report]]:
    """How far, how fast and how long still, on a terminal."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]:.2f} M/s"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    began, done = time.monotonic(), 0
    with bar:
        task = bar.add_task("starting", total=total, rate=0.0)

        def report(inputs: int) -> None:
            nonlocal done
            done += inputs
            rate = done / (time.monotonic() - began) / 1e6
            bar.update(task, advance=inputs, rate=rate)

        yield lambda text: bar.update(task, description=text), report
