"""Who may import whom: the rooms of generator/ and the package's one door.

A file imports its own room and rooms below, on the floors of `FLOORS`; no
module goes in a circle, none takes a private name of another room, the
checker shares nothing with what it checks, and the package asks the
generator through one module, when it needs it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    """One name that a module takes from another.

    Attributes:
        user, module: dotted, below keras_stablef, which is "" itself.
        name: of what is taken; "" where it is the module.
        inner: within the body of a function.
        types: for type checkers alone.
    """

    user: str
    module: str
    name: str
    inner: bool = False
    types: bool = False

    def __str__(self) -> str:
        user, module = (m or "keras_stablef" for m in (self.user, self.module))
        return f"{user} imports {self.name or 'all'} of {module}"


def modules() -> dict[str, Path]:
    """Every module by its dotted name below keras_stablef."""
    found = {}
    for folder, prefix in (("generator", ["generator"]), ("keras_stablef", [])):
        for path in (ROOT / folder).rglob("*.py"):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            package = parts[-1] == "__init__"
            # A link of checkouts, and the catalogue, which imports ops.
            if parts[0] == "generator" or (
                parts[0] == "generated" and not package
            ):
                continue
            parts = parts[:-1] if package else parts
            found[dotted(*prefix, *parts)] = path
    return found


def dotted(*parts: str) -> str:
    """Parts of a name, of which some may be empty."""
    return ".".join(part for part in parts if part)


def below(name: str) -> str:
    """A whole name as it is below keras_stablef."""
    return f"{name}.".removeprefix("keras_stablef.").rstrip(".")


MODULES = modules()


class Reader:
    """What a text takes from modules, whatever way it is written.

    Names are followed without their scopes, and through attributes of
    modules, getattr and names that are given to them.
    """

    def __init__(self, text: str, user: str, package: str) -> None:
        self.user, self.package = user, package
        self.tree = ast.parse(text)
        self.known: dict[str, str] = {}  # names that are modules of ours
        # Decorators and defaults run when the module is loaded.
        self.inner = self._within(
            *(ast.FunctionDef, ast.AsyncFunctionDef),
            when=lambda node: True,
        )
        self.types = self._within(
            ast.If,
            when=lambda node: (
                ast.unparse(node.test).removeprefix("typing.")
                == "TYPE_CHECKING"
            ),
        )

    def _within(self, *kinds: type, when: Callable[[Any], bool]) -> set[int]:
        nodes: Iterator[Any] = ast.walk(self.tree)
        return {
            id(node)
            for outer in nodes
            if isinstance(outer, kinds) and when(outer)
            for part in outer.body
            for node in ast.walk(part)
        }

    def read(self) -> Iterator[Import]:
        """The statements first: they say which names are modules."""
        nodes = list(ast.walk(self.tree))
        for statements in (True, False):
            for node in nodes:
                found = self._imported if statements else self._used
                where = id(node) in self.inner, id(node) in self.types
                for module, name in found(node):
                    yield Import(self.user, module, name, *where)

    def _imported(self, node: ast.AST) -> Iterator[tuple[str, str]]:
        if isinstance(node, ast.ImportFrom):
            base = self._absolute("." * node.level + (node.module or ""))
            for alias in node.names:
                whole = dotted(base, alias.name)
                if whole in MODULES:
                    self.known[alias.asname or alias.name] = whole
                yield base, alias.name
        elif isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                whole = alias.name if alias.asname else first
                if below(whole) in MODULES:
                    self.known[alias.asname or first] = below(whole)
                yield below(alias.name), ""

    def _absolute(self, name: str, package: str | None = None) -> str:
        level = len(name) - len(name.lstrip("."))
        if not level:
            return below(name)
        above = (self.package if package is None else package).split(".")
        return dotted(*above[: len(above) - level + 1], name[level:])

    def _used(self, node: ast.AST) -> Iterator[tuple[str, str]]:
        if isinstance(node, ast.Attribute):
            module = self._module(node.value)
            if module is not None:
                yield module, node.attr
        elif isinstance(node, ast.Assign):
            module = self._module(node.value)
            for target in node.targets:
                if module is not None and isinstance(target, ast.Name):
                    self.known[target.id] = module
        elif isinstance(node, ast.Call) and node.args:
            function = ast.unparse(node.func).rpartition(".")[2]
            if function == "getattr" and len(node.args) > 1:
                module = self._module(node.args[0])
                if module is not None:
                    yield module, text_of(node.args[1]) or COMPUTED
            elif function in ("import_module", "__import__"):
                yield self._called(node) or COMPUTED, ""

    def _module(self, node: ast.AST) -> str | None:
        """The module of ours that an expression is."""
        found: str | None = None
        if isinstance(node, ast.Name):
            return self.known.get(node.id)
        if isinstance(node, ast.Attribute):
            outer = self._module(node.value)
            found = None if outer is None else dotted(outer, node.attr)
        elif isinstance(node, ast.Call):
            found = self._called(node)
            if ast.unparse(node.func) == "__import__" and found is not None:
                # That of the first part, as `import a.b` gives.
                whole = text_of(node.args[0]) or ""
                found = below(whole.partition(".")[0])
        return found if found in MODULES else None

    def _called(self, node: ast.Call) -> str | None:
        """The module that `import_module` or `__import__` names."""
        function = ast.unparse(node.func).rpartition(".")[2]
        if function not in ("import_module", "__import__") or not node.args:
            return None
        words = [*node.args, *(k.value for k in node.keywords)]
        name, where = (text_of(node) for node in [*words, None][:2])
        if name is None:
            return None
        return self._absolute(name, None if where is None else below(where))


def text_of(node: ast.AST | None) -> str | None:
    """The text that stands there."""
    value = getattr(node, "value", None)
    return value if isinstance(value, str) else None


COMPUTED = "?"  # a name that is not there to be read


def imports(user: str) -> list[Import]:
    """What a module takes from the package and from libraries."""
    path = MODULES[user]
    package = user if path.name == "__init__.py" else user.rpartition(".")[0]
    text = path.read_text(encoding="utf-8")
    return list(Reader(text, user, package).read())


def room_of(module: str) -> str:
    """The room, or the module itself on the ground and at the top."""
    parts = module.split(".")
    return parts[1] if parts[0] == "generator" and len(parts) > 1 else ""


ALL = [item for user in MODULES for item in imports(user)]
ENGINE = [item for item in ALL if room_of(item.user)]
OURS = {name.split(".")[0] for name in MODULES}


def resolved(item: Import) -> str:
    """The module that is meant, also in `from .room import module`."""
    whole = dotted(item.module, item.name)
    return whole if whole in MODULES else item.module


# In generator/words/phrases.py, a line: what it takes besides the modules
# that lead there, and whether only within a function or for types.
WRITTEN = {
    "from ..pieces import rows as r\nr._x": ("generator.pieces.rows", "_x"),
    "from ..pieces.rows import _x": ("generator.pieces.rows", "_x"),
    "from . import report": ("generator.words", "report"),
    "from ... import ops": ("", "ops"),
    "from keras_stablef import generator as g\ng.cli.x": (
        *("generator.cli", "x"),
    ),
    "import keras_stablef.generator.cli": ("generator.cli", ""),
    "import keras_stablef.generator.cli as c\nc._x": ("generator.cli", "_x"),
    "import keras_stablef.generator.cli\nkeras_stablef.ops.x": ("ops", "x"),
    "import keras_stablef as ks\nks.stabilize": ("", "stabilize"),
    "import keras_stablef as ks\nks.generator.cli.x": ("generator.cli", "x"),
    "import keras_stablef as ks\nm = ks.generator\nm.cli": (
        *("generator", "cli"),
    ),
    "from ..pieces import rows\ngetattr(rows, '_x')": (
        *("generator.pieces.rows", "_x"),
    ),
    "import importlib as i\ni.import_module('keras_stablef.generator.cli')": (
        *("generator.cli", ""),
    ),
    "import_module('..pieces', __package__)": ("generator.pieces", ""),
    "import_module('.cli', package='keras_stablef.generator')": (
        *("generator.cli", ""),
    ),
    "import_module('keras_stablef.ops').x": ("ops", "x"),
    "__import__('keras_stablef.generator.cli').ops.x": ("ops", "x"),
    "__import__('flint')": ("flint", ""),
    "import_module(f'{x}.generator')": (COMPUTED, ""),
    "import flint.types": ("flint.types", ""),
    "def f(x=__import__('flint')): pass": ("flint", ""),
    "@__import__('flint').f\ndef f(): pass": ("flint", ""),
    "def f():\n import flint": ("flint", "", True),
    "if TYPE_CHECKING:\n from ..cli import x": (
        *("generator.cli", "x", False, True),
    ),
    "if typing.TYPE_CHECKING:\n pass\nelse:\n from ..cli import x": (
        *("generator.cli", "x"),
    ),
    "if not TYPE_CHECKING:\n from ..cli import x": ("generator.cli", "x"),
}


@pytest.mark.parametrize("text", WRITTEN)
def test_every_way_to_import_is_seen(text: str) -> None:
    user = "generator.words.phrases"
    found = list(Reader(text, user, "generator.words").read())
    assert Import(user, *WRITTEN[text]) in found


def test_no_more_is_seen_than_there_is() -> None:
    text = "from fractions import Fraction\nrows = 1\nrows._x\nf(x)._y"
    found = Reader(text, "generator.cli", "generator").read()
    assert [i.module for i in found] == ["fractions"]


def test_names_of_modules_are_there_to_be_read() -> None:
    """But for what is loaded when it is asked for, and ops by their names."""
    users = {item.user for item in ALL if item.module == COMPUTED}
    assert users == {"", "_shipped"}
    assert {i.module for i in ALL if i.name == COMPUTED} == {"ops"}


def is_special(name: str) -> bool:
    """`__file__`, `__name__`: what every module has."""
    return name.startswith("__") and name.endswith("__")


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
    """Of the package it takes the place where its files are."""
    for item in ENGINE:
        module = resolved(item)
        if room_of(item.user) in CHECKER and module.split(".")[0] in OURS:
            place = not module and item.name in ("", "__file__")
            assert place or room_of(module) in CHECKER, item


def test_no_module_goes_in_a_circle() -> None:
    """Imports within functions count: they hide a circle, not mend it.

    The package itself counts where more than its place is taken of it.
    """
    users = {
        user: {
            resolved(item)
            for item in ALL
            if item.user == user
            if not item.types and (item.name or item.module)
            if not is_special(item.name)
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
    for item in ALL:
        here, there = room_of(item.user), room_of(resolved(item))
        if here == there or not (there or room_of(item.user)):
            continue
        names = {item.name} | {*(resolved(item).split(".") if there else ())}
        private = {n for n in names if n[:1] == "_" and not is_special(n)}
        assert not private, item


@pytest.mark.parametrize("library", ONLY)
def test_a_library_stays_in_its_rooms(library: str) -> None:
    for item in ENGINE:
        if item.module.split(".")[0] == library:
            assert room_of(item.user) in ONLY[library], item


def test_the_package_asks_the_generator_through_one_module() -> None:
    for item in ALL:
        if item.user.split(".")[0] != "generator" and not item.types:
            if resolved(item).split(".")[0] == "generator":
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
