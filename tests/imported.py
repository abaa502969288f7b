"""What modules take from one another, whatever way it is written."""

from __future__ import annotations

import ast
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = next(
    p for p in Path(__file__).parents if (p / "pyproject.toml").exists()
)


def is_special(name: str) -> bool:
    """`__file__`, `__name__`: what every module has."""
    return name.startswith("__") and name.endswith("__")


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
        self.taken: dict[str, str] = {}  # classes of ours: their modules
        self.importers = {"import_module", "__import__"}
        # Decorators and defaults run when the module is loaded.
        self.inner = self._within(
            *(ast.FunctionDef, ast.AsyncFunctionDef),
            when=lambda node: True,
        )
        self.types = self._within(
            ast.If,
            when=lambda node: (
                ast.unparse(node.test).removeprefix("typing.") == TYPES
            ),
        )
        if any(
            isinstance(node, ast.Name)
            and node.id == TYPES
            and not isinstance(node.ctx, ast.Load)
            for node in ast.walk(self.tree)
        ):
            self.types = set()  # bound to what may be true

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
                name = alias.asname or alias.name
                if whole in MODULES:
                    self.known[name] = whole
                elif base in MODULES and alias.name[:1].isupper():
                    self.taken[name] = base
                if alias.name in ("import_module", "__import__"):
                    self.importers.add(name)
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
            # What is private of a class is that of its module.
            if isinstance(node.value, ast.Name) and node.attr[:1] == "_":
                if node.value.id in self.taken and not is_special(node.attr):
                    yield self.taken[node.value.id], node.attr
        elif isinstance(node, ast.Assign):
            module = self._module(node.value)
            for target in node.targets:
                if module is not None and isinstance(target, ast.Name):
                    self.known[target.id] = module
        elif isinstance(node, ast.Call):
            function = ast.unparse(node.func).rpartition(".")[2]
            if function == "getattr" and len(node.args) > 1:
                module = self._module(node.args[0])
                if module is not None:
                    yield module, text_of(node.args[1]) or COMPUTED
            elif function in self.importers:
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
            if ast.unparse(node.func) == "__import__" and node.args:
                # That of the first part, as `import a.b` gives.
                whole = text_of(node.args[0]) or found or ""
                found = below(whole.partition(".")[0])
        return found if found in MODULES else None

    def _called(self, node: ast.Call) -> str | None:
        """The module that `import_module` or `__import__` names."""
        function = ast.unparse(node.func).rpartition(".")[2]
        if function not in self.importers:
            return None
        named = {k.arg: k.value for k in node.keywords}
        places = dict(zip(("name", "package"), node.args, strict=False))
        if function == "__import__":  # name, globals, locals, fromlist, level
            level = named.get("level", (*node.args, *[None] * 5)[4])
            up = getattr(level, "value", 0)
            places.pop("package", None)
        else:
            up = 0
        words = {**named, **places}
        name, where = (text_of(words.get(k)) for k in ("name", "package"))
        if name is None or type(up) is not int:
            return None
        return self._absolute(
            "." * up + name, None if where is None else below(where)
        )


def text_of(node: ast.AST | None) -> str | None:
    """The text that stands there."""
    value = getattr(node, "value", None)
    return value if isinstance(value, str) else None


TYPES = "TYPE_CHECKING"
COMPUTED = "?"  # a name that is not there to be read


def imports(user: str) -> list[Import]:
    """What a module takes from the package and from libraries."""
    path = MODULES[user]
    package = user if path.name == "__init__.py" else user.rpartition(".")[0]
    text = path.read_text(encoding="utf-8")
    return list(Reader(text, user, package).read())
