"""``make gpu``: tests, sweeps and calibration on the CUDA device at hand.

For torch and JAX, whichever sees one: the tests, all inputs of the formats
of 16 bits and fewer, 2**26 float32 and every seam, and the table of the
device's elementary functions.  Results go to docs/gpu-DEVICE.json and .md.

Exit codes: 0 done and nothing above its bound, 1 something is or a test
failed, 2 no GPU.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

BACKENDS = ("torch", "jax")  # TensorFlow's wheel for CUDA is another one
FORMATS = ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "float32")
ASK = (
    "from {package}.evaluator import device_name; print(device_name({name!r}))"
)


def device_of(backend: str) -> str:
    """The GPU that a backend sees; empty if none.

    It is asked in a process of its own, since JAX keeps what it takes.
    """
    if not importlib.util.find_spec(backend):
        return ""
    command = ASK.format(package=__package__, name=backend)
    found = subprocess.run(
        [sys.executable, "-c", command],
        env={**os.environ, "KERAS_BACKEND": backend},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    lines = found.stdout.strip().splitlines()
    return lines[-1].strip() if found.returncode == 0 and lines else ""


def main(find: Callable[[str], str] = device_of) -> int:
    """Run everything; returns the exit code."""
    console = Console(stderr=True)
    devices = {backend: find(backend) for backend in BACKENDS}
    present = [backend for backend in BACKENDS if devices[backend]]
    if not present:
        console.print(
            "[red]error:[/red] no GPU visible to torch or jax: expected a "
            "CUDA device and a build of torch or jax for it, received none",
            highlight=False,
        )
        return 2
    name = re.sub(r"[^a-z0-9]+", "-", devices[present[0]].lower()).strip("-")
    results = Path("out") / f"gpu-{name}.jsonl"
    codes = []
    for backend in present:
        console.rule(f"{backend} on {devices[backend]}")
        codes.append(_run([sys.executable, "-m", "pytest"], backend))
        module = "keras_stablef.generator.calibration"
        options = ["--backend", backend, "--device", "gpu"]
        codes.append(_run([sys.executable, "-m", module, *options], backend))
        sweep = [sys.executable, "-m", str(__package__)]
        options = ["--backend", backend, "--device", "gpu"]
        options += ["--dtypes", *FORMATS, "--results", str(results)]
        codes.append(_run([*sweep, *options], backend))
    target = Path("docs") / f"gpu-{name}.json"
    written = ["--document", str(results), "--docs", str(target)]
    codes.append(
        _run([sys.executable, "-m", str(__package__), *written], "jax")
    )
    return max(min(code, 1) for code in codes)


def _run(command: list[str], backend: str) -> int:
    return subprocess.run(
        command,
        env={**os.environ, "KERAS_BACKEND": backend},
        check=False,
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
