"""The rendered source: what may stand in it, and what is run of it.

A module consists of constants, primitives of the runtime and bodies
(grammar.py).  Primitives for which the analysis has a theorem (operations.py,
kernels.py) are not run: they have to be, tree for tree, the code that the
theorem is about (statements.py).  Everything else is run as it stands, once
for each backend that the code tells from others.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from functools import cached_property
from typing import Any

from .assembly import NotRunnable
from .assembly import assembled
from .assembly import parsed
from .grammar import LARGEST_INTEGER
from .grammar import asks
from .grammar import binds
from .grammar import check_grammar
from .statements import STATED
from .statements import plain

BACKENDS = ("jax", "tensorflow", "torch")
OTHER = "any other"  # backend: what it gets is looked at, too
ANY = "any"  # backend, where a helper's branches are known to be right
IMPORTS = {
    *(("keras", "ops"), ("keras.config", "backend")),
    ("sys", "_getframe"),  # of a stated primitive, which is not run
}
BUILTINS: dict[str, Any] = {
    "__build_class__": __build_class__,
    "__name__": "rendered",
    "enumerate": enumerate,
    "float": float,
    "isinstance": isinstance,
    "len": len,
    "list": list,
    "range": lambda *ends: _range(*ends),
    "zip": zip,
}


@dataclass(frozen=True)
class Module:
    """A module as one or several backends run it.

    Attributes:
        source: its text.
        backends: the names for which it is this code.
        tree: its syntax tree without imports and questions for the backend.
        wrong: helpers that are not the code their theorem is about.
        seed: of both texts, for points that nobody chose.
        rounded: by dtype, with the numbers of the source as it reads them.
    """

    source: str
    backends: tuple[str, ...]
    tree: ast.Module
    wrong: list[str] = field(default_factory=list)
    seed: str = ""
    rounded: dict[str, Module] = field(default_factory=dict)

    @cached_property
    def code(self) -> Any:
        """What is executed."""
        return compile(self.tree, "<rendered>", "exec", dont_inherit=True)

    @staticmethod
    def read(source: str, whole: dict[str, Any] | None = None) -> list[Module]:
        """The module, once for each group of backends that run the same.

        Args:
            whole: the certificate that its tables may stand in.

        Raises:
            NotRunnable: it does more than a body may.
        """
        tree = _allowed(source, whole)
        wrong = _stated(tree)
        if wrong:  # nothing of it is run
            raise NotRunnable("; ".join(wrong))
        seed = _seed(source, whole)
        asking = [_asks_at_all(node) for node in tree.body]
        by_text: dict[str, tuple[list[ast.stmt], list[str]]] = {}
        for name in sorted({*BACKENDS, OTHER, *_names_asked(tree)}):
            # Tables are most of a module and are not copied.
            own = [
                _Decided(name).visit(copy.deepcopy(node)) if asks else node
                for node, asks in zip(tree.body, asking, strict=True)
            ]
            key = "\n".join(
                ast.dump(node)
                for node, asks in zip(own, asking, strict=True)
                if asks
            )
            by_text.setdefault(key, (own, []))[1].append(name)
        return [
            Module(
                source,
                tuple(names),
                ast.fix_missing_locations(ast.Module(own, [])),
                wrong,
                seed,
            )
            for own, names in by_text.values()
        ]

    def run(self, names: dict[str, Any]) -> dict[str, Any]:
        """Executes the module, and returns what it defines."""
        space: dict[str, Any] = {"__builtins__": BUILTINS, **names}
        try:
            exec(self.code, space)
        except Exception as error:
            raise NotRunnable(
                f"Cannot run the module: expected constants and functions, "
                f"received {type(error).__name__}: {error}"
            ) from error
        return space

    def constants(self) -> dict[str, Any]:
        """What the module defines."""
        return self.run({"ops": None})


def _seed(source: str, whole: dict[str, Any] | None) -> str:
    """A digest of module and certificate: a change of either is another."""
    text = f"{source}\0{json.dumps(whole, sort_keys=True)}"
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def _allowed(source: str, whole: dict[str, Any] | None) -> ast.Module:
    """The syntax tree without imports, if nothing in it is forbidden."""
    tree = parsed(source)
    _missing(tree)
    tree = assembled(tree, whole)
    kept: list[ast.stmt] = []
    bound: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            _import(node)
            continue
        name = binds(node)
        if name in bound:
            raise NotRunnable(f"{name} is bound twice")
        bound |= {name} if name else set()
        kept.append(node)
    tree.body = kept
    check_grammar(tree)
    return tree


def _missing(tree: ast.Module) -> None:
    """What it uses without an import is given to it here, and not there."""
    known = {name for _, name in IMPORTS}
    used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} & known
    there = {
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and not node.level
        for alias in node.names
    }
    if not used <= there:
        raise NotRunnable(
            f"No import: expected one of {', '.join(sorted(used - there))}, "
            "received none."
        )


def _import(node: ast.ImportFrom) -> None:
    for alias in node.names:
        known = not node.level and (node.module, alias.name) in IMPORTS
        if not known or alias.asname:
            shown = ", ".join(f"{b} of {a}" for a, b in sorted(IMPORTS))
            raise NotRunnable(
                f"Unexpected import: expected {shown}, received "
                f"{ast.unparse(node)!r}."
            )


def _stated(tree: ast.Module) -> list[str]:
    """Helpers that are not what the theorems are about."""
    wrong = []
    for node in tree.body:
        name = binds(node)
        if name in STATED and plain(copy.deepcopy(node)) != STATED[name]:
            wrong.append(f"{name} is not the helper of that name")
    return wrong


def _range(*ends: int) -> range:
    """A range of as many numbers as a body has a use for."""
    found = range(*ends)
    if len(found) > LARGEST_INTEGER:
        raise ValueError(f"a loop of {len(found)} steps")
    return found


def _names_asked(tree: ast.AST) -> Iterator[str]:
    """The backends that a module tells from others."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and asks(node):
            (name,) = node.comparators
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield name.value


def _asks_at_all(tree: ast.AST) -> bool:
    """Whether the backend's name is in it."""
    return any(
        isinstance(node, ast.Name) and node.id == "backend"
        for node in ast.walk(tree)
    )


class _Decided(ast.NodeTransformer):
    """Questions for the backend answered, and what is not run left out."""

    def __init__(self, backend: str) -> None:
        self.backend = backend

    def _answer(self, test: ast.expr) -> bool | None:
        if not (isinstance(test, ast.Compare) and asks(test)):
            return None
        (name,), (way,) = test.comparators, test.ops
        if not isinstance(name, ast.Constant):
            return None
        if isinstance(way, (ast.Eq, ast.NotEq)):
            return (name.value == self.backend) == isinstance(way, ast.Eq)
        return None

    def visit_If(self, node: ast.If) -> Any:
        answer = self._answer(node.test)
        if answer is None:
            return self.generic_visit(node)
        taken = node.body if answer else node.orelse
        made = [self.visit(part) for part in taken]
        flat = [p for m in made for p in (m if isinstance(m, list) else [m])]
        return flat or ast.Pass()

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        answer = self._answer(node.test)
        if answer is None:
            return self.generic_visit(node)
        return self.visit(node.body if answer else node.orelse)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if node.name not in STATED or self.backend == ANY:
            return self.generic_visit(node)
        # Every branch of it was compared: which one is run is all the same.
        return _Decided(ANY).visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id == "backend" and isinstance(node.ctx, ast.Load):
            raise NotRunnable("a question for the backend that is not ==")
        return node
