"""Who may import whom: the rooms of generator/ and the package's doors.

A file imports its own room and rooms below, on the floors of `FLOORS`; no
module goes in a circle, none takes a private name of another room, the
checker shares nothing with what it checks, and the package asks the
generator through two modules, when it needs it.
"""

from __future__ import annotations

import ast

import pytest
from imported import COMPUTED
from imported import MODULES
from imported import ROOT
from imported import Import
from imported import Reader
from imported import dotted
from imported import imports
from imported import is_special

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
    ("plan", "source", "wide"),
    ("pages", "store", "pipeline"),
    ("build", "made_of"),
    ("sweeps", "calibration", "making"),
    ("options",),
    ("cli",),
    ("shell",),
)
FLOOR = {room: k for k, rooms in enumerate(FLOORS) for room in rooms}
# Libraries, and the only rooms that may load them.
ONLY = {
    "jinja2": {"source", "pages"},
    "matplotlib": {"words"},
    "rich": {"words", "making", "sweeps", "calibration", "checker"},
    "sympy": {
        *("numbers", "formula", "program", "analysis", "pieces"),
        *("wide", "words", "checker", "sweeps"),
    },
    "flint": {
        *("numbers", "formula", "program", "analysis", "pieces"),
        *("wide", "words", "checker", "sweeps", "calibration"),
    },
}
CHECKER = {"checker"}
DOORS = {"_derived", "_exact"}  # the only modules that ask the generator


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
    "i.import_module(name='keras_stablef.generator.cli')": (
        *("generator.cli", ""),
    ),
    "from importlib import import_module as load\nload('flint')": (
        *("flint", ""),
    ),
    "__import__('cli', globals(), locals(), ['x'], 2)": ("generator.cli", ""),
    "__import__('cli', level=2)": ("generator.cli", ""),
    "from ..pieces.rows import Row\nRow._private": (
        *("generator.pieces.rows", "_private"),
    ),
    "TYPE_CHECKING = True\nif TYPE_CHECKING:\n from ..cli import x": (
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
    """But for what is loaded when it is asked for, and ops by their names.

    And for the caller's own module, which `diagnose` is told.
    """
    users = {item.user for item in ALL if item.module == COMPUTED}
    assert users == {"", "_shipped", "generator.cli"}
    assert {i.module for i in ALL if i.name == COMPUTED} == {"ops"}


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


def test_the_package_asks_the_generator_through_two_modules() -> None:
    for item in ALL:
        if item.user.split(".")[0] != "generator" and not item.types:
            if resolved(item).split(".")[0] == "generator":
                assert item.user in DOORS, item
                assert item.inner, f"{item}, when it is loaded"


def test_every_room_says_what_it_owns() -> None:
    for name, path in MODULES.items():
        if name.startswith("generator.") and path.name == "__init__.py":
            text = ast.get_docstring(ast.parse(path.read_text())) or ""
            assert 5 <= len(text.splitlines()) <= 15, name
            assert "Owns" in text and "Entry" in text, name


def test_every_package_is_in_the_wheel() -> None:
    """By its folder: that of the shell has a name of its own."""
    import tomllib

    data = tomllib.loads((ROOT / "pyproject.toml").read_text())
    tools = data["tool"]["setuptools"]
    folders = set()
    for package in tools["packages"]:
        parts, rest = package.split("."), list[str]()
        while ".".join(parts) not in tools["package-dir"]:
            rest.insert(0, parts.pop())
        folders.add(ROOT.joinpath(tools["package-dir"][".".join(parts)], *rest))
    for name, path in MODULES.items():
        if path.name == "__init__.py":
            assert path.parent in folders, name
    assert all(folder.is_dir() for folder in folders)
