"""The runtime's primitives as text: a saved file needs nothing but keras."""

from __future__ import annotations

import ast
import inspect
import io
import tokenize
from collections.abc import Iterable
from types import ModuleType

from keras_stablef import runtime

from ..errors import GeneratorError

RUNTIME = "keras_stablef.runtime."


def inlined(module: str) -> str:
    """A rendered module with the primitives that it imports written out.

    They, and what they need of one another, get a name that begins with an
    underscore, in the module too.
    """
    tree = ast.parse(module)
    imports = [
        node
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith(RUNTIME)
    ]
    wanted = {alias.name for node in imports for alias in node.names}
    if not wanted:
        return module
    pieces = {n: t for m in runtime.MODULES for n, t in _pieces(m).items()}
    needed = _closure(wanted, pieces)
    drop = {node.lineno for node in imports}
    kept = [
        line for k, line in enumerate(module.splitlines(), 1) if k not in drop
    ]
    # After the three constants that say what the module is.
    last = next(
        k for k, line in enumerate(kept) if line.startswith("DOMAIN = ")
    )
    texts = [pieces[name] for name in pieces if name in needed]
    whole = [*kept[: last + 1], *_blocks(texts), *kept[last + 1 :]]
    text = _renamed("\n".join(whole) + "\n", needed)
    ops = "from keras import ops\n"
    if "backend()" in text:
        both = f"{ops}from keras.config import backend\n"
        text = text.replace(ops, both, 1)
    if "_getframe()" in text:
        text = text.replace(ops, f"from sys import _getframe\n\n{ops}", 1)
    return text


def _blocks(texts: Iterable[str]) -> list[str]:
    return [line for text in texts for line in ("", "", *text.splitlines())]


def _pieces(module: ModuleType) -> dict[str, str]:
    """The text of each definition, with the comment above it."""
    source = inspect.getsource(module)
    lines = source.splitlines()
    found = {}
    end = 0
    for node in ast.parse(source).body:
        assert node.end_lineno is not None
        name = None
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            name = node.name
        elif isinstance(node, ast.Assign):
            (target,) = node.targets
            assert isinstance(target, ast.Name)
            name = target.id
        if name is not None:
            first = node.lineno - 1
            while first > end and lines[first - 1].startswith("#"):
                first -= 1
            text = "\n".join(lines[first : node.end_lineno])
            found[name] = _without_hints(text)
        end = node.end_lineno
    return found


def _without_hints(text: str) -> str:
    """A definition without annotations, which would need imports."""
    lines = text.splitlines()
    spans = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.arg) and node.annotation is not None:
            start = node.lineno, node.col_offset + len(node.arg)
            spans.append((start, _end(node.annotation)))
        elif isinstance(node, ast.FunctionDef) and node.returns is not None:
            row, column = node.returns.lineno, node.returns.col_offset
            arrow = lines[row - 1].rindex(" ->", 0, column)
            spans.append(((row, arrow), _end(node.returns)))
    for (row, column), (last, end) in sorted(spans, reverse=True):
        if row != last:
            raise GeneratorError(f"An annotation of two lines: {text[:60]!r}.")
        line = lines[row - 1]
        lines[row - 1] = line[:column] + line[end:]
    return "\n".join(lines)


def _end(node: ast.expr) -> tuple[int, int]:
    assert node.end_lineno is not None and node.end_col_offset is not None
    return node.end_lineno, node.end_col_offset


def _closure(wanted: set[str], pieces: dict[str, str]) -> set[str]:
    """Also what these use, and what that uses."""
    found: set[str] = set()
    todo = list(wanted)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        todo += [
            node.id
            for node in ast.walk(ast.parse(pieces[name]))
            if isinstance(node, ast.Name) and node.id in pieces
        ]
    return found


def _renamed(text: str, names: set[str]) -> str:
    """With an underscore before each of the names; words stay words."""
    lines = text.splitlines(keepends=True)
    marks = [
        token.start
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.NAME and token.string in names
    ]
    for row, column in reversed(marks):
        line = lines[row - 1]
        lines[row - 1] = f"{line[:column]}_{line[column:]}"
    return "".join(lines)
