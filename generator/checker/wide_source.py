"""What is read of a module with bodies in float64, and seen to be allowed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from .claims import Malformed
from .enclosure import constant
from .formula import read
from .source import parsed
from .statements_of_wide import WIDE


def end_of(text: str) -> Fraction | None:
    """An end of the domain; None if it is infinite."""
    if text in ("oo", "-oo"):
        return None
    value = constant(read(text))
    if value is None:
        raise Malformed(f"an end that is no fraction: {text}")
    return value


def functions(source: str) -> dict[str, ast.FunctionDef]:
    """By name; nothing else is in the module but imports and tables."""
    found = {}
    for node in parsed(source).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = node
        elif isinstance(node, ast.ImportFrom):
            home = node.module or ""
            if home != "keras" and not home.startswith("keras_stablef.runtime"):
                raise Malformed(f"an import of {home}")
        elif not isinstance(node, (ast.Expr, ast.Assign)):
            raise Malformed(f"not allowed: {ast.unparse(node)[:80]}")
    return found


def runtime() -> Iterator[str]:
    """Kernels that are not the code that their errors were shown for."""
    import keras_stablef

    path = Path(keras_stablef.__file__).parent / "runtime" / "wide.py"
    have, want = (
        {
            n.name if isinstance(n, ast.FunctionDef) else ast.unparse(n): _bare(
                n
            )
            for n in ast.parse(text).body
            if isinstance(n, (ast.FunctionDef, ast.Assign))
        }
        for text in (path.read_text(encoding="utf-8"), WIDE)
    )
    for name, code in want.items():
        if have.get(name) != code:
            yield f"runtime/wide.py: {name[:40]} is other code than was proved"


def _bare(node: ast.stmt) -> str:
    """Without docstrings and annotations."""
    if isinstance(node, ast.FunctionDef):
        body = node.body
        if isinstance(body[0], ast.Expr):
            body = body[1:]
        names = [a.arg for a in node.args.args]
        return f"{names}: " + "; ".join(map(ast.dump, body))
    return ast.dump(node)
