"""The templates, the filters on what they lay out, and ruff on the result."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import jinja2

from .. import plain
from ..errors import GeneratorError


@cache
def environment() -> jinja2.Environment:
    """Templates, and the filters that every text in them goes through."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template_folder()),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters.update(
        literal=plain.literal,
        plain=plain.text,
        name=plain.name,
        code=plain.code,
    )
    return made


def template_folder() -> Path:
    here = Path(__file__).parent.parent
    inside = here / "templates"  # in a wheel
    return inside if inside.is_dir() else here.parent / "templates"


def formatted(text: str) -> str:
    """`text` as ruff formats it, whatever lies about in the working folder."""
    return _ruff(text, "format", "--line-length", "80")


def with_sorted_imports(text: str) -> str:
    """`text`, its imports in ruff's order."""
    return _ruff(text, "check", "--select", "I", "--fix", "--quiet")


def _ruff(text: str, *command: str) -> str:
    """What ruff makes of a module.

    Neither configuration (--isolated) nor a folder `ruff` or a module of
    the standard library's name in the working folder (-P) has a say in it.
    """
    result = subprocess.run(
        [
            *(sys.executable, "-P", "-m", "ruff", *command, "--isolated"),
            *("--stdin-filename", "module.py", "-"),
        ],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise GeneratorError(
            f"ruff could not {command[0]} the module: {result.stderr.strip()}"
        )
    return result.stdout
