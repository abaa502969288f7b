"""Names of modules that nothing asks for."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OWN = ("generator", "keras_stablef")
pytestmark = pytest.mark.once


def tracked(*patterns: str) -> Iterator[tuple[str, str]]:
    """Committed files and their text."""
    command = ["git", "ls-files", *patterns]
    listed = subprocess.check_output(command, cwd=ROOT, text=True)
    for path in listed.splitlines():
        yield path, (ROOT / path).read_text(encoding="utf-8")


def defined(node: ast.stmt) -> set[str]:
    """What a statement of a module gives names to, but for `__all__`..."""
    names: set[str] = set()
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        names = {node.name}
    elif isinstance(node, (ast.Assign, ast.AnnAssign)):
        names = {
            part.id
            for part in ast.walk(node)
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
        }
    return {name for name in names if not name.startswith("__")}


def asked(tree: ast.AST) -> Counter[str]:
    """Names that are read, imported or in a text; docstrings are no use."""
    found: Counter[str] = Counter()
    nodes = list(ast.walk(tree))
    said = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
            found[node.id] += 1
        elif isinstance(node, ast.Attribute):
            found[node.attr] += 1
        elif isinstance(node, ast.alias):
            found[node.name] += 1
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in said:
                found.update(re.findall(r"\w+", node.value))
    return found


def dead(sources: dict[str, str], others: str = "") -> list[str]:
    """Names that stand nowhere but where they are defined.

    Args:
        sources: Python files by path; those of `OWN` are looked at.
        others: text in which a name is a use of it.
    """
    used = Counter(re.findall(r"\w+", others))
    names: list[tuple[str, str, int]] = []
    for path, text in sources.items():
        for node in ast.parse(text).body:
            own = asked(node)
            used.update(own)
            if path.split("/")[0] in OWN:
                names += [(path, name, own[name]) for name in defined(node)]
    return [f"{path}: {name}" for path, name, n in names if used[name] <= n]


def test_dead_names_are_found() -> None:
    sources = {
        "generator/a.py": '"""f g."""\n\n__all__ = ["G"]\nG, H = 1, 2\n'
        "def f(): return f()\n\ndef g(): 'g'\n\nclass K: pass\n\n"
        "def h(): pass",
        "tests/t.py": "from a import K\nclass unseen: pass\na.h()",
    }
    assert dead(sources, "H") == ["generator/a.py: f", "generator/a.py: g"]


def test_no_name_is_dead() -> None:
    """In tests it may be asked for, and in generated files and templates."""
    files = dict(tracked("*.py"))
    # Long, and most of them numbers: words will do.
    long = {path for path in files if "/generated/" in path}
    others = [files.pop(path) for path in long]
    others += [text for _, text in tracked("*.j2", "*.toml")]
    assert not dead(files, "\n".join(others))
