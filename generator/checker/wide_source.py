"""What is read of a module with bodies in float64, and seen to be allowed.

A positive grammar: what is not named here is refused, since the checker
reads and never runs a module, and other names would mean other things.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from .claims import Malformed
from .enclosure import constant
from .formula import read
from .statements_of_wide import WIDE
from .wide_grammar import KINDS
from .wide_grammar import check_body
from .wide_grammar import number_in

LONGEST = 2**17  # characters of a source
HOMES = {
    **dict.fromkeys(("constant", "once"), "constants"),
    **dict.fromkeys(("quotient", "square_root"), "division"),
    **dict.fromkeys(("wide_powers", "wide_log", "wide_log1p"), "wide"),
}
RESERVED = {"ops", "float", *HOMES}
LOCAL = re.compile(r"[a-z][0-9]*")
PACKAGE = "keras_stablef.runtime"


@dataclass(frozen=True)
class Source:
    """A module that keeps to the grammar.

    Attributes:
        functions: by name.
        bodies: names by dtype and order.
        bounds: the same of the bounds that it states.
    """

    functions: dict[str, ast.FunctionDef]
    bodies: dict[tuple[str, int], str]
    bounds: dict[tuple[str, int], float]


def source_of(text: str) -> Source:
    """The parts of a module.

    Raises:
        Malformed: it has anything else.
    """
    if len(text) > LONGEST:
        raise Malformed(f"a module of {len(text)} characters")
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Malformed(f"no module: {error}") from None
    body = tree.body[1:] if _is_text(tree.body[:1]) else tree.body
    functions: dict[str, ast.FunctionDef] = {}
    tables: dict[str, ast.Dict] = {}
    for node in body:
        if isinstance(node, ast.ImportFrom):
            _import(node)
        elif isinstance(node, ast.FunctionDef):
            _function(node)
            if node.name in functions:
                raise Malformed(f"{node.name} is bound twice")
            functions[node.name] = node
        else:
            name, table = _table(node)
            if name in tables or name not in ("WIDE", "BOUNDS"):
                raise Malformed(f"a table {name}")
            tables[name] = table
    if set(tables) != {"WIDE", "BOUNDS"} or any(
        isinstance(node, ast.Assign) for node in body[:-2]
    ):
        raise Malformed("expected the tables WIDE and BOUNDS, at the end")
    bodies = {k: _name(n) for k, n in _entries(tables["WIDE"])}
    bounds = {k: number_in(n) for k, n in _entries(tables["BOUNDS"])}
    if set(functions) != set(bodies.values()) or set(bodies) != set(bounds):
        raise Malformed("tables of other functions than there are")
    imported = {
        alias.name
        for node in body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for (dtype, _), name in bodies.items():
        called = check_body(statements_of(functions[name]), dtype)
        if not called <= imported:
            raise Malformed(f"{name}: {called - imported} are not imported")
    return Source(functions, bodies, bounds)


def _is_text(nodes: list[ast.stmt]) -> bool:
    return bool(nodes) and all(
        isinstance(n, ast.Expr)
        and isinstance(n.value, ast.Constant)
        and isinstance(n.value.value, str)
        for n in nodes
    )


def _import(node: ast.ImportFrom) -> None:
    for alias in node.names:
        home = "keras" if alias.name == "ops" else None
        if alias.name in HOMES:
            home = f"{PACKAGE}.{HOMES[alias.name]}"
        if alias.asname or node.level or home is None or node.module != home:
            raise Malformed(f"an import: {ast.unparse(node)[:80]}")


def _function(node: ast.FunctionDef) -> None:
    """One argument, assignments of single names, and a return."""
    a = node.args
    plain = not (a.posonlyargs or a.kwonlyargs or a.vararg or a.kwarg)
    plain = plain and not (a.defaults or a.kw_defaults or node.decorator_list)
    plain = plain and not (node.returns or getattr(node, "type_params", None))
    plain = plain and not any(x.annotation for x in a.args)
    if not plain or [x.arg for x in a.args] != ["x"]:
        raise Malformed(f"{node.name}: expected a function of x alone")
    body = node.body[1:] if _is_text(node.body[:1]) else node.body
    if not body or not isinstance(body[-1], ast.Return):
        raise Malformed(f"{node.name}: expected one return, at its end")
    if not isinstance(body[-1].value, ast.Name):
        raise Malformed(f"{node.name}: expected a name to be returned")
    for statement in body[:-1]:
        if not isinstance(statement, ast.Assign):
            raise Malformed(f"not allowed: {ast.unparse(statement)[:80]}")
        if len(statement.targets) != 1:
            raise Malformed(f"several targets: {ast.unparse(statement)[:80]}")
        (target,) = statement.targets
        names = target.elts if isinstance(target, ast.Tuple) else [target]
        for name in names:
            if not isinstance(name, ast.Name) or not LOCAL.fullmatch(name.id):
                raise Malformed(f"a target: {ast.unparse(target)[:80]}")
            if name.id in ("x", *RESERVED):
                raise Malformed(f"a target that is taken: {name.id}")


def statements_of(node: ast.FunctionDef) -> list[ast.stmt]:
    """Without the docstring."""
    return node.body[1:] if _is_text(node.body[:1]) else node.body


def _table(node: ast.stmt) -> tuple[str, ast.Dict]:
    if (
        isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Dict)
    ):
        return node.targets[0].id, node.value
    raise Malformed(f"not allowed: {ast.unparse(node)[:80]}")


def _entries(table: ast.Dict) -> Iterator[tuple[tuple[str, int], ast.expr]]:
    """All but None, by dtype and order."""
    seen: set[str] = set()
    for key, row in zip(table.keys, table.values, strict=True):
        if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
            raise Malformed("a table of other keys than dtypes")
        if key.value in seen or not isinstance(row, ast.Tuple):
            raise Malformed(f"a row of {key.value}")
        seen.add(key.value)
        if key.value not in KINDS:
            raise Malformed(f"a table of {key.value[:80]}")
        for order, item in enumerate(row.elts):
            if not (isinstance(item, ast.Constant) and item.value is None):
                yield (key.value, order), item


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    raise Malformed(f"no name: {ast.unparse(node)[:80]}")


def stated_bound(ulp: float, stated: float) -> bool:
    """Whether a bound is stated as it is claimed, or rounded up a little."""
    return math.isfinite(stated) and ulp <= stated <= ulp * (1 + 2.0**-10)


def end_of(text: str) -> Fraction | None:
    """An end of the domain; None if it is infinite."""
    if text in ("oo", "-oo"):
        return None
    value = constant(read(text))
    if value is None:
        raise Malformed(f"an end that is no fraction: {text}")
    return value


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
        names = [a.arg for a in node.args.args]
        body = statements_of(node)
        return f"{names}: " + "; ".join(map(ast.dump, body))
    return ast.dump(node)
