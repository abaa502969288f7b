"""Who may import whom: the rooms of generator/ and the package's one door.

A file imports its own room and rooms below, on the floors of `FLOORS`; no
module goes in a circle, none takes a private name of another room, the
checker shares nothing with what it checks, and the package asks the
generator through one module, when it needs it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = next(
    p for p in Path(__file__).parents if (p / "pyproject.toml").exists()
)
pytestmark = pytest.mark.once

# From the ground up; rooms of one floor do not know each other.
FLOORS = (
    ("errors",),
    ("plain", "text"),
    ("limits", "files"),
    ("numbers",),
    ("formula",),
    ("program",),
    ("analysis",),
    ("pieces",),
    ("lowering", "words"),
    ("plan", "source"),
    ("store", "pipeline"),
    ("build",),
    ("sweeps", "calibration"),
    ("cli",),
)
FLOOR = {room: k for k, rooms in enumerate(FLOORS) for room in rooms}
# Libraries, and the only rooms that may load them.
ONLY = {
    "jinja2": {"source"},
    "matplotlib": {"words"},
    "rich": {"words", "cli", "sweeps", "calibration", "checker"},
    "sympy": {
        *("numbers", "formula", "program", "analysis", "pieces"),
        *("words", "checker", "sweeps"),
    },
    "flint": {
        *("numbers", "formula", "program", "analysis", "pieces"),
        *("words", "checker", "sweeps", "calibration"),
    },
}
CHECKER = {"checker"}
DOOR = "_derived"  # the package's only module that asks the generator


@dataclass(frozen=True)
class Import:
    """One name that a module takes from another."""

    user: str  # dotted, below keras_stablef
    module: str
    name: str
    inner: bool  # within a function
    types: bool  # for type checkers alone

    def __str__(self) -> str:
        return f"{self.user} imports {self.name} of {self.module}"


def modules() -> dict[str, Path]:
    """Every module by its dotted name below keras_stablef."""
    found = {}
    for folder, prefix in (("generator", "generator."), ("keras_stablef", "")):
        for path in (ROOT / folder).rglob("*.py"):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            if parts[0] in ("generated", "generator"):
                continue
            name = prefix + ".".join(parts)
            found[name.removesuffix(".__init__")] = path
    return found


MODULES = modules()


def imports(user: str) -> Iterator[Import]:
    """What a module takes from the package, whatever way it is written."""
    path = MODULES[user]
    package = user if path.name == "__init__.py" else user.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(function)
    }
    types = {
        id(node)
        for test in ast.walk(tree)
        if isinstance(test, ast.If)
        and ast.unparse(test.test) == "TYPE_CHECKING"
        for node in ast.walk(test)
    }
    for node in ast.walk(tree):
        where = id(node) in inner, id(node) in types
        if isinstance(node, ast.ImportFrom):
            base = (node.module or "").removeprefix("keras_stablef.")
            if node.level:
                above = package.split(".")
                above = above[: len(above) - node.level + 1]
                base = ".".join([*filter(None, above), *filter(None, [base])])
            for alias in node.names:
                yield Import(user, base, alias.name, *where)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(user, alias.name, "", *where)


def room_of(module: str) -> str:
    """The room, or the module itself on the ground and at the top."""
    parts = module.split(".")
    return parts[1] if parts[0] == "generator" and len(parts) > 1 else ""


ALL = [item for user in MODULES for item in imports(user)]
ENGINE = [item for item in ALL if item.user.startswith("generator.")]


def resolved(item: Import) -> str:
    """The module that is meant, also in `from .room import module`."""
    whole = f"{item.module}.{item.name}"
    return whole if whole in MODULES else item.module


def test_a_file_imports_its_own_room_and_rooms_below() -> None:
    wrong = []
    for item in ENGINE:
        here, there = room_of(item.user), room_of(resolved(item))
        if not there or here == there or CHECKER & {here, there}:
            continue
        if there not in FLOOR or FLOOR[there] >= FLOOR[here]:
            wrong.append(str(item))
    assert not wrong


def test_nothing_but_commands_asks_the_checker() -> None:
    for item in ENGINE:
        if room_of(resolved(item)) in CHECKER:
            assert room_of(item.user) in CHECKER | {"cli", "sweeps"}, item


def test_the_checker_imports_nothing_of_the_engine() -> None:
    for item in ENGINE:
        if room_of(item.user) in CHECKER:
            assert room_of(resolved(item)) in CHECKER | {""}, item
            assert not item.module.startswith("generated"), item


def test_no_module_goes_in_a_circle() -> None:
    """Imports within functions count: they hide a circle, not mend it."""
    users = {
        user: {
            resolved(item)
            for item in ALL
            if item.user == user and not item.types
        }
        & ({*MODULES} - {user})
        for user in MODULES
    }
    while True:
        free = {user for user, needs in users.items() if not needs & {*users}}
        if not free:
            break
        users = {u: n for u, n in users.items() if u not in free}
    assert not users


def test_no_private_names_across_rooms() -> None:
    for item in ENGINE:
        if room_of(item.user) != room_of(item.module):
            assert not item.name.startswith("_"), item


@pytest.mark.parametrize("library", ONLY)
def test_a_library_stays_in_its_rooms(library: str) -> None:
    for item in ENGINE:
        if item.module.split(".")[0] == library:
            assert room_of(item.user) in ONLY[library], item


def test_the_package_asks_the_generator_through_one_module() -> None:
    for item in ALL:
        if not item.user.startswith("generator") and not item.types:
            if item.module.split(".")[0] == "generator":
                assert item.user == DOOR, item
                assert item.inner, f"{item}, when it is loaded"


def test_every_room_says_what_it_owns() -> None:
    for name, path in MODULES.items():
        if name.startswith("generator.") and path.name == "__init__.py":
            text = ast.get_docstring(ast.parse(path.read_text())) or ""
            assert 5 <= len(text.splitlines()) <= 15, name
            assert "Owns" in text and "Entry" in text, name


def test_every_package_is_in_the_wheel() -> None:
    import tomllib

    data = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = set(data["tool"]["setuptools"]["packages"])
    for name, path in MODULES.items():
        if path.name == "__init__.py":
            dotted = ".".join(filter(None, ["keras_stablef", name]))
            dotted = dotted.removesuffix(".__init__")
            assert dotted in packages, dotted
