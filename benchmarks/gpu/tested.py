"""The tests that a device can change, a process of pytest for each file.

They are what runs ops, primitives and rules on the backend; the engine's own
tests, and those of files, do not see a device.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import as_completed
from pathlib import Path

from . import worker
from .machine import ROOT

BOTH = (
    "tests/runtime/test_pairs.py",
    "tests/runtime/test_division.py",
    "tests/runtime/test_exponents.py",
    "tests/runtime/test_short_pairs.py",
    "tests/keras/test_package_op.py",
    "tests/keras/test_verify.py",
    "tests/keras/test_pseudo_huber.py",
    "tests/keras/test_stabilize.py",
    "tests/keras/test_saved.py",
    "tests/keras/test_losses.py",
    "tests/keras/test_metrics.py",
    "tests/keras/test_eager.py",
    "tests/keras/test_transforms.py",
    "tests/keras/test_training.py",
    "tests/keras/test_catalogue.py",
    "tests/keras/test_accuracy.py",
    "tests/keras/test_properties.py",
    "tests/numbers/test_formats.py",
    "tests/checker/test_checker_running.py",
    "tests/lowering/test_pieces_compiled.py",
)
OWN = {
    "torch": (
        "tests/kernels/test_on_cuda.py",
        "tests/kernels/test_fallback.py",
    ),
    "jax": (),
}
QUICK = ("tests/runtime/test_short_pairs.py",)
COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped|deselected)")


def files(work: worker.Work) -> Sequence[str]:
    """Those of the backend; a device's own first."""
    return QUICK if work.quick else (*OWN[work.backend], *BOTH)


def run(file: str, folder: Path, quick: bool) -> dict[str, object]:
    """One file; what failed, by name."""
    command = [sys.executable, "-m", "pytest", "-rfE", "--tb=short"]
    command += ["-m", "not slow", "-p", "no:cacheprovider", file]
    command += ["-k", "eager"] if quick else []  # compilers take minutes
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    text = done.stdout
    log = folder / f"{file.replace('/', '-')}.log"
    log.write_text(text)
    lines = text.strip().splitlines() or [""]
    failing = [
        line.split(" ", 1)[1][:200]
        for line in lines
        if line.startswith(("FAILED ", "ERROR "))
    ]
    counts = {word: int(n) for n, word in COUNT.findall(lines[-1])}
    # 5: all of them are skipped here, or run with another backend.
    return {"counts": counts, "failing": failing, "code": done.returncode}


def main() -> None:
    """A row for each file, as they end."""
    work = worker.Work()
    todo = files(work)
    worker.planned(todo)
    folder = Path(work.out) / f"tests-{work.backend}"
    folder.mkdir(parents=True, exist_ok=True)
    pool = ThreadPoolExecutor(work.workers(5))
    jobs = {pool.submit(run, file, folder, work.quick): file for file in todo}
    for done in worker.within(work, as_completed(jobs, work.left())):
        found = done.result()
        ok = found["code"] in (0, 5)
        worker.say(label=jobs[done], kind="tests", ok=ok, **found)
    worker.leave()  # the parent ends those that still run


if __name__ == "__main__":
    main()
