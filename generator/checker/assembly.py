"""A module as one piece of code: with the primitives and tables it refers to.

A module that ships imports primitives from ``keras_stablef/runtime`` and takes
its tables from the certificate.  Here the text of the primitives and the
numbers of the certificate are put in their places, so that what is looked at
is one tree in which everything stands, as in a file that was saved.  Nothing
is imported: the runtime is read as text, by the names of a closed list.
"""

from __future__ import annotations

import ast
import copy
import functools
import re
from collections.abc import Callable
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import keras_stablef

RUNTIME = "keras_stablef.runtime."
FOLDER = Path(keras_stablef.__file__).parent / "runtime"
MODULES = (
    *("constants", "bits", "lookup", "exponents", "division", "pairs"),
    *("polynomials", "kernel_numbers", "kernels", "powers"),
)
TABLES = "tables"  # the one module that is not read: its calls are resolved
# PEP 263, and the only encoding in which comments are nothing but comments.
CODING = re.compile(r"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
UTF8 = ("utf-8", "utf8")
MOST_COLUMNS = 200  # of a row
MOST = 2**31  # bins are int32


class NotRunnable(ValueError):  # noqa: N818
    """The module does more than a body may."""


def parsed(source: str) -> ast.Module:
    """The tree of a text that Python reads from a file alike.

    Raises:
        NotRunnable: it is none, or says that its bytes mean something else.
    """
    for line in re.split(r"\r\n|\r|\n", source, maxsplit=2)[:2]:
        found = CODING.match(line)
        if found and found[1].lower().replace("_", "-") not in UTF8:
            raise NotRunnable(
                f"Another encoding: expected utf-8, received {found[1]!r}."
            )
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NotRunnable(
            "Not a module: expected Python source, received "
            f"{type(error).__name__} {error}."
        ) from None


def assembled(tree: ast.Module, whole: dict[str, Any] | None) -> ast.Module:
    """The module's tree, with nothing left in it of the runtime's imports.

    Args:
        whole: the certificate, for the tables that it refers to.

    Raises:
        NotRunnable: it imports what is no primitive, or refers to no table
            of the certificate.  What it binds itself is for `grammar`: a
            primitive's name is one with an underscore there.
    """
    wanted: set[str] = set()
    resolved: dict[str, Callable[..., ast.expr]] = {}
    rest: list[ast.stmt] = []
    for node in tree.body:
        if not _of_runtime(node):
            rest.append(node)
            continue
        assert isinstance(node, ast.ImportFrom) and node.module
        home = node.module.removeprefix(RUNTIME)
        for alias in node.names:
            known = RESOLVERS if home == TABLES else _homes().get(home, {})
            if alias.asname or alias.name not in known:
                raise NotRunnable(
                    "Unexpected import: expected a primitive of "
                    f"{RUNTIME.rstrip('.')}, received {ast.unparse(node)!r}."
                )
            if home == TABLES:
                resolved[alias.name] = RESOLVERS[alias.name]
            else:
                wanted.add(alias.name)
    if not (wanted or resolved):
        return tree
    needed = _closure(wanted)
    rename = _Renamed(needed)
    tables = _Resolved(resolved, whole)
    # References stand in constants of the module: a function could bind NAME.
    own = [
        rename.visit(tables.visit(n) if isinstance(n, ast.Assign) else n)
        for n in rest
    ]
    first = [
        _Renamed(needed, True).visit(copy.deepcopy(definition))
        for home in MODULES
        for name, definition in _homes()[home].items()
        if name in needed
    ]
    return ast.fix_missing_locations(ast.Module([*first, *own], []))


def reads_tables(source: str) -> bool:
    """Whether a module takes its tables from a certificate of the package."""
    try:
        tree = parsed(source)
    except NotRunnable:
        return False  # nothing of it is run
    return any(
        isinstance(node, ast.ImportFrom) and node.module == RUNTIME + TABLES
        for node in ast.walk(tree)
    )


def _of_runtime(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and bool(
        node.module and node.module.startswith(RUNTIME) and not node.level
    )


@functools.cache
def _homes() -> dict[str, dict[str, ast.stmt]]:
    """What each module of the runtime defines, by name."""
    found: dict[str, dict[str, ast.stmt]] = {}
    for home in MODULES:
        text = (FOLDER / f"{home}.py").read_text(encoding="utf-8")
        found[home] = {}
        for node in ast.parse(text).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                found[home][node.name] = node
            elif isinstance(node, ast.Assign):
                (target,) = node.targets
                assert isinstance(target, ast.Name)
                found[home][target.id] = node
    return found


def primitive(name: str, defined: set[str]) -> ast.stmt | None:
    """The runtime's own, as a module has it that defines these names."""
    plain = name.removeprefix("_")
    for own in _homes().values():
        if plain in own and plain != name:
            names = {n.removeprefix("_") for n in defined if n[:1] == "_"}
            found = copy.deepcopy(own[plain])
            made: ast.stmt = _Renamed(names, True).visit(found)
            return made
    return None


def _closure(wanted: set[str]) -> set[str]:
    """Also what these use, and what that uses."""
    every = {n: node for own in _homes().values() for n, node in own.items()}
    found: set[str] = set()
    todo = list(wanted)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += [
                part.id
                for part in ast.walk(every[name])
                if isinstance(part, ast.Name) and part.id in every
            ]
    return found


class _Renamed(ast.NodeTransformer):
    """The primitives under the names that they have in a saved file.

    Attributes:
        trusted: it is the runtime's own text, whose annotations are none of
            its code.
    """

    def __init__(self, names: set[str], trusted: bool = False) -> None:
        self.names, self.trusted = names, trusted

    def _name(self, name: str) -> str:
        return f"_{name}" if name in self.names else name

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.copy_location(ast.Name(self._name(node.id), node.ctx), node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self._name(node.name)
        if self.trusted:
            node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.arg = self._name(node.arg) if not self.trusted else node.arg
        if self.trusted:
            node.annotation = None
        self.generic_visit(node)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.name = self._name(node.name)
        return self.generic_visit(node)


class _Resolved(ast.NodeTransformer):
    """References to the certificate as the numbers that stand there."""

    def __init__(
        self,
        resolvers: dict[str, Callable[..., ast.expr]],
        whole: dict[str, Any] | None,
    ) -> None:
        self.resolvers, self.whole = resolvers, whole

    def visit_Call(self, node: ast.Call) -> ast.AST:
        call = node.func
        if not (isinstance(call, ast.Name) and call.id in self.resolvers):
            return self.generic_visit(node)
        try:
            if node.keywords or self.whole is None:
                raise ValueError
            first, dtype, order, *more = node.args
            if not (isinstance(first, ast.Name) and first.id == "NAME"):
                raise ValueError
            plan = _plan(self.whole, _word(dtype), _word(order))
            place = [_word(part) for part in more]
            made = self.resolvers[call.id](plan, *place)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise NotRunnable(
                "No such table: expected one of the certificate, received "
                f"{ast.unparse(node)[:80]!r} ({error})"
            ) from None
        return ast.copy_location(made, node)


def _plan(whole: dict[str, Any], dtype: str, order: int) -> Any:
    (found,) = (
        plan
        for plan in whole["plans"]
        if (plan["dtype"], plan["order"]) == (dtype, order)
    )
    return found


def _rows(plan: Any, end: int | None = None) -> ast.expr:
    """Seams, table, divider and whether rows are scaled."""
    rows = (plan if end is None else plan["ends"][end])["rows"]
    lines = [
        dict(zip(rows["fields"], line, strict=True)) for line in rows["values"]
    ]
    scaled = any(line["scale"] or line["gain"] for line in lines)
    split = any(_float(line["slope"]) for line in lines)
    width = max(2, *(len(line["rest"]) for line in lines))
    if width > MOST_COLUMNS:
        raise ValueError(f"{width} columns")
    table = []
    for line in lines:
        row = [_float(line["center"])]
        if scaled:
            row += [2.0 ** line["scale"], 2.0 ** -line["gain"]]
        row.append(_float(line["lead"]))
        row += [_float(line["slope"])] if split else []
        rest = [0.0 - _float(c) for c in line["rest"]]
        table.append([*row, *rest, *[0.0] * (width - len(rest))])
    lows = [_float(line["low"]) for line in lines[1:]]
    return ast.Tuple(
        [
            _seams(lows, rows["grid"]),
            ast.Tuple([_tuple(row) for row in table], ast.Load()),
            _constant(rows["divider"] if split else None),
            _constant(scaled),
        ],
        ast.Load(),
    )


def _seams(lows: list[float], grid: Any) -> ast.expr:
    """The seams, or how many bins each row has."""
    if grid is None:
        return _tuple(lows)
    k, first, stop = grid
    if any(type(n) is not int or abs(n) > MOST for n in grid) or abs(k) > 1100:
        raise ValueError("no grid")
    edges = [Fraction(first)]
    edges += [Fraction(low) * Fraction(2) ** k for low in lows]
    counts = [
        int(b - a)
        for a, b in zip(edges, [*edges[1:], Fraction(stop)], strict=True)
    ]
    values = [_constant(2.0**k), _constant(first), _tuple(counts)]
    return ast.Call(ast.Name("Grid", ast.Load()), values, [])


def _numbers(plan: Any, sign: int, *place: Any) -> ast.expr:
    """Coefficients times a sign."""
    found = plan
    for key in place:
        if isinstance(found, dict) and "fields" in found:
            line = found["values"][key]
            found = dict(zip(found["fields"], line, strict=True))
        else:
            found = found[key]
    if not isinstance(found, list) or len(found) > MOST_COLUMNS:
        raise ValueError("no coefficients")
    return _tuple([0.0 + sign * _float(text) for text in found])


RESOLVERS: dict[str, Callable[..., ast.expr]] = {
    "rows_of": _rows,
    "numbers_of": _numbers,
}


def _word(node: ast.expr) -> Any:
    """A text or a small whole number as it stands in the source."""
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node, sign = node.operand, -1
    if not isinstance(node, ast.Constant):
        raise ValueError("no text and no number")
    if isinstance(node.value, str) and sign == 1:
        return node.value
    if type(node.value) is not int or node.value > MOST_COLUMNS:
        raise ValueError("no text and no number")
    return sign * node.value


def _float(text: Any) -> float:
    if not isinstance(text, str):
        raise ValueError("no number in hexadecimal")
    return float.fromhex(text)


def _tuple(values: list[Any]) -> ast.Tuple:
    return ast.Tuple([*_constants(values)], ast.Load())


def _constants(values: list[Any]) -> Iterator[ast.expr]:
    return map(_constant, values)


def _constant(value: Any) -> ast.expr:
    if isinstance(value, float) and value < 0:  # as a parser has it
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)
