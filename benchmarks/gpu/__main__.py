"""``python -m gpu``: all stages, and the page.

Exit codes: 0 all was reached and is as claimed, 1 something is not, 2 nothing
can run here.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

from . import machine
from . import page
from .run import Row
from .run import Run
from .stages import SECONDS
from .stages import Group
from .stages import chosen

ASK = """
import json, os
found = {}
try:
    import torch
    found["torch"] = ""
    if torch.cuda.is_available():
        found["torch"] = torch.cuda.get_device_name()
except ImportError:
    pass
try:
    import jax
    found["jax"] = ""
    if jax.devices()[0].platform in ("gpu", "cuda"):
        found["jax"] = jax.devices()[0].device_kind
except ImportError:
    pass
print(json.dumps(found))
"""


def environment(out: Path, site: Path) -> dict[str, str]:
    """Of every stage: the checkout's package first, then what was brought."""
    linked = machine.linked_package(out / "package")
    root = machine.ROOT
    path = [linked, root / "benchmarks", root / "tests", root, site]
    more = os.environ.get("PYTHONPATH")
    before = [more] if more else []
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*map(str, path), *before]),
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # several share the device
        # Empty, since first calls are timed.
        "TRITON_CACHE_DIR": str(out / "caches" / "triton"),
        "TORCHINDUCTOR_CACHE_DIR": str(out / "caches" / "inductor"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def devices(env: Mapping[str, str]) -> dict[str, str]:
    """The GPU that each backend sees, "" if none; those that are there."""
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    found: dict[str, str] = json.loads(lines[-1]) if lines else {}
    return found


def lacks(
    groups: Sequence[Group], found: Mapping[str, str], device: str
) -> dict[str, str]:
    """Why a stage cannot run, by its name."""
    why = {}
    for stage in (s for group in groups for s in group.stages):
        gone = machine.missing(stage.needs)
        if stage.backend not in found:
            why[stage.name] = f"{stage.backend} is not installed"
        elif device == "cuda" and not found[stage.backend]:
            why[stage.name] = f"{stage.backend} sees no GPU"
        elif gone:
            why[stage.name] = machine.advice(gone)
    return why


def versions() -> dict[str, str]:
    """Of what counts."""
    found = {"Python": ".".join(map(str, sys.version_info[:3]))}
    for name in ("keras", "torch", "triton", "jax", "numpy"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """The checkout's, where git is."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],
            cwd=machine.ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
    except OSError:
        return ""
    name = done.stdout.strip()
    return f"Commit {name}." if done.returncode == 0 and name else ""


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make gpu", description=__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument(
        "--quick", action="store_true", help="few numbers, some functions"
    )
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--wheels", type=Path, default=Path("wheels"))
    parser.add_argument("--out", type=Path, default=Path("out") / "gpu")
    parser.add_argument("--docs", type=Path, default=machine.ROOT / "docs")
    parser.add_argument("--stages", nargs="+", default=[])
    parser.add_argument(
        "--download", type=Path, metavar="FOLDER", help="wheels, and no more"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Everything; the exit code."""
    start = time.monotonic()
    asked = options(arguments)
    if asked.download:
        asked.download.mkdir(parents=True, exist_ok=True)
        return machine.download(asked.download)
    try:
        groups = chosen(asked.stages)
    except ValueError as error:
        return refuse(str(error))
    out = asked.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    (out / "rows.jsonl").write_text("")
    shutil.rmtree(out / "caches", ignore_errors=True)
    site = out / "site"
    gone = machine.missing((*machine.NEEDED, *machine.SOME))
    if gone and asked.wheels.is_dir():
        lost = machine.unpack(gone, asked.wheels, site)
        print(f"unpacked {', '.join(gone)} into {site}. {lost}", flush=True)
        sys.path.append(str(site))
    if machine.missing(machine.NEEDED):
        return refuse(machine.advice(machine.missing(machine.NEEDED)))
    env = environment(out, site)
    found = devices(env)
    if asked.device == "cuda" and not any(found.values()):
        return refuse(
            "no GPU: expected a CUDA device that torch or JAX sees, received "
            f"none ({', '.join(found) or 'neither is installed'}). On a CPU: "
            "--device cpu --quick"
        )
    about: Row = {
        "device": next(filter(None, found.values()), "CPU"),
        "versions": versions(),
        "quick": asked.quick,
        "commit": commit(),
    }
    if asked.device == "cpu":
        about["device"] = "CPU"
    docs = asked.docs if asked.device == "cuda" and not asked.quick else out
    target = docs / f"gpu-{page.title(about['device'])}.md"

    def written(rows: list[Row]) -> None:
        target.write_text(page.page(rows, about), encoding="utf-8")

    given = ["--device", asked.device, "--out", str(out)]
    given += ["--quick"] if asked.quick else []
    run = Run(out, given, env, start + asked.seconds, written)
    run.keep({"stage": "start", **about, "found": found})
    # The page is written all the same.
    signal.signal(signal.SIGTERM, lambda *_: run.stop())
    run.all(groups, lacks(groups, found, asked.device))
    print("\n".join(page.summary(run.rows)))
    print(f"{target}: {time.monotonic() - start:.0f} s", flush=True)
    wrong = [row for row in run.rows if row.get("lost") or not row.get("ok", 1)]
    return int(bool(wrong or any(page.unreached(run.rows).values())))


def refuse(why: str) -> int:
    """Say why nothing runs."""
    print(f"error: {why}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
