"""What the machine has, and what it lacks.

A machine with a GPU often has no network, and Python with torch and JAX alone:
the rest is brought as wheels, 30 MB (`make gpu-wheels`), and unpacked beside
the results, where nothing else sees them.  The package itself is a folder of
links, with the generator in it, as a wheel of it has.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# Importable name -> the project that has it.  Without those of NEEDED nothing
# runs; without the others, some stage does not.
NEEDED = {
    "keras": "keras",
    "numpy": "numpy",
    "absl": "absl-py",
    "h5py": "h5py",
    "ml_dtypes": "ml_dtypes",
    "namex": "namex",
    "optree": "optree",
    "packaging": "packaging",
    "rich": "rich",
    "typing_extensions": "typing_extensions",
}
SOME = {
    "flint": "python-flint",
    "hypothesis": "hypothesis",
    "jinja2": "jinja2",
    "mpmath": "mpmath",
    "pytest": "pytest",
    "ruff": "ruff",
    "scipy": "scipy",
    "sympy": "sympy",
}
BACKENDS = ("torch", "jax")
# What those ask for in their turn, and the machine may lack too.
THEIRS = {
    "rich": ("markdown-it-py", "mdurl", "pygments"),
    "jinja2": ("markupsafe",),
    "pytest": ("pluggy", "iniconfig", "pygments"),
    "hypothesis": ("sortedcontainers",),
}
# Large, and where torch and JAX are so are these.
PRESENT = ("numpy", "scipy", "sympy", "mpmath")


def missing(names: Iterable[str]) -> list[str]:
    """Those that this Python cannot import."""
    return [name for name in names if importlib.util.find_spec(name) is None]


def projects(names: Iterable[str]) -> list[str]:
    """What to install for them, with what that needs."""
    found: dict[str, None] = {}
    for name in names:
        project = {**NEEDED, **SOME}[name]
        found |= dict.fromkeys((project, *THEIRS.get(project, ())))
    return list(found)


def advice(names: Iterable[str]) -> str:
    """How to bring what is missing to a machine without a network."""
    return (
        f"missing: {', '.join(names)}. With a network: "
        f"{sys.executable} -m pip install {' '.join(projects(names))}. "
        "Without: `make gpu-wheels WHEELS=wheels` on a machine that has one, "
        "bring the folder along, and `make gpu WHEELS=wheels`"
    )


def download(folder: Path, python: str = "3.12") -> int:
    """The wheels that a machine with torch, JAX and NumPy may lack."""
    names = [n for n in (*NEEDED, *SOME) if n not in PRESENT]
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "-q"]
    command += ["--dest", str(folder), "--only-binary=:all:"]
    command += ["--python-version", python, "--implementation", "cp"]
    for platform in ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64"):
        command += ["--platform", platform]
    command += ["-c", str(ROOT / "constraints.txt"), *projects(names)]
    code = subprocess.run(command, check=False).returncode
    size = sum(f.stat().st_size for f in folder.glob("*.whl")) / 2**20
    print(f"{folder}: {len(list(folder.glob('*.whl')))} wheels, {size:.0f} MiB")
    return code


def unpack(names: Iterable[str], wheels: Path, site: Path) -> str:
    """Install what is missing from a folder of wheels; what went wrong.

    All at once, which is fast; or else each by itself, so that of a project
    without a wheel for this Python the others do not suffer.
    """
    site.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps"]
    command += ["--no-index", "--find-links", str(wheels), "--upgrade"]
    command += ["--disable-pip-version-check", "--target", str(site)]

    def install(*wanted: str) -> str:
        done = subprocess.run(
            [*command, *wanted], capture_output=True, text=True, check=False
        )
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        return lines[-1] if done.returncode else ""

    wanted = projects(names)
    if not install(*wanted):
        return ""
    lost = {project: install(project) for project in wanted}
    return "; ".join(f"{name}: {why}" for name, why in lost.items() if why)


def linked_package(folder: Path) -> Path:
    """The package with the generator in it, as links into the checkout."""
    if folder.exists():
        shutil.rmtree(folder)
    package = folder / "keras_stablef"
    for source, target, without in (
        (ROOT / "keras_stablef", package, ("generator", "__pycache__")),
        (ROOT / "generator", package / "generator", ("templates",)),
    ):
        target.mkdir(parents=True)
        for path in source.iterdir():
            if path.name not in (*without, "__pycache__"):
                (target / path.name).symlink_to(path)
    (package / "generator" / "templates").symlink_to(ROOT / "templates")
    return folder
