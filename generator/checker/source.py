"""The rendered source: what may stand in it, and what is run of it.

A module consists of constants and functions.  Helpers for which the analysis
has a theorem (operations.py, kernels.py) are not run: they have to be, tree
for tree, the code that the theorem is about (statements.py).  Everything else
is run as it stands, once for each backend that the code tells from others.
Nothing in a module can reach further than keras.ops: names, attributes and
statements are held to closed lists before anything is executed.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from functools import cached_property
from typing import Any

from .assembly import NotRunnable
from .assembly import assembled
from .statements import STATED
from .statements import plain

BACKENDS = ("jax", "tensorflow", "torch")
ANY = "any"  # backend, where a helper's branches are known to be right
LARGEST_INTEGER = 2**16  # of a body, beside its floats
IMPORTS = {("keras", "ops"), ("keras.config", "backend")}
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
# What a body may consist of: no loop without end, nothing that is bound
# elsewhere, and no way to tell this run from that of a backend.
STATEMENTS = (
    *(ast.Assign, ast.Expr, ast.For, ast.FunctionDef, ast.If, ast.Return),
)
EXPRESSIONS = (
    *(ast.Attribute, ast.BinOp, ast.BoolOp, ast.Call, ast.Compare),
    *(ast.Constant, ast.Dict, ast.GeneratorExp, ast.IfExp, ast.List),
    *(ast.ListComp, ast.Name, ast.Slice, ast.Starred, ast.Subscript),
    *(ast.Tuple, ast.UnaryOp),
)

HARMLESS = (ast.Load, ast.Tuple, ast.UnaryOp, ast.USub)


@dataclass(frozen=True)
class Module:
    """A module as one or several backends run it.

    Attributes:
        source: its text.
        backends: the names for which it is this code.
        tree: its syntax tree without imports and questions for the backend.
        wrong: helpers that are not the code their theorem is about.
        rounded: by dtype, with the numbers of the source as it reads them.
    """

    source: str
    backends: tuple[str, ...]
    tree: ast.Module
    wrong: list[str] = field(default_factory=list)
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
        asking = [_asks_at_all(node) for node in tree.body]
        by_text: dict[str, tuple[list[ast.stmt], list[str]]] = {}
        for name in sorted({*BACKENDS, *_names_asked(tree)}):
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


def _allowed(source: str, whole: dict[str, Any] | None) -> ast.Module:
    """The syntax tree without imports, if nothing in it is forbidden."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise NotRunnable(
            f"Not a module: expected Python source, received {error}."
        ) from None
    tree = assembled(tree, whole)
    kept: list[ast.stmt] = []
    bound: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            _import(node)
            continue
        name = _binds(node)
        if name is not None:
            if name in bound or name in ("ops", "backend"):
                raise NotRunnable(f"{name} is bound twice")
            bound.add(name)
        if name not in STATED:
            _only_known(node)
        kept.append(node)
    tree.body = kept
    return tree


def _import(node: ast.ImportFrom) -> None:
    for alias in node.names:
        if (node.module, alias.name) not in IMPORTS or alias.asname:
            shown = ", ".join(f"{b} of {a}" for a, b in sorted(IMPORTS))
            raise NotRunnable(
                f"Unexpected import: expected {shown}, received "
                f"{ast.unparse(node)!r}."
            )


def _binds(node: ast.stmt) -> str | None:
    """The name that a statement of the module defines."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return node.name
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        (target,) = node.targets
        if isinstance(target, ast.Name):
            return target.id
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return None  # the docstring
    raise NotRunnable(f"unexpected {ast.unparse(node)[:60]!r}")


def _only_known(tree: ast.AST) -> None:
    """Raises where anything stands that a body has no need of."""
    own = tree.targets[0] if isinstance(tree, ast.Assign) else None
    for node in ast.walk(tree):
        bad = False
        if type(node) in HARMLESS:  # most of a table
            continue
        if isinstance(node, ast.stmt):
            bad = not isinstance(node, STATEMENTS)
        elif isinstance(node, ast.expr):
            bad = not isinstance(node, EXPRESSIONS)
        if isinstance(node, ast.FunctionDef):
            extra = node.args
            bad |= bool(node.decorator_list)
            bad |= not all(isinstance(d, ast.Constant) for d in extra.defaults)
            bad |= bool(extra.kw_defaults or extra.kwonlyargs or extra.kwarg)
            bad |= node.name.startswith("__")
            bad |= node.returns is not None
        elif isinstance(node, ast.arg):
            # Run when the module is loaded, but not here: `compile` inherits
            # the future of this file.
            bad = node.annotation is not None
            bad |= node.arg in ("ops", "backend") or node.arg.startswith("_")
        elif isinstance(node, ast.Name):
            bad = node.id.startswith("__") or node.id == "isinstance"
            if isinstance(node.ctx, ast.Store):
                bad |= node.id in ("ops", "backend") or node.id in STATED
                # A local one would mean something else than the primitive.
                bad |= (
                    node is not own
                    and node.id.startswith("_")
                    and (node.id != "_")
                )
        elif isinstance(node, ast.Attribute):
            of_ops = isinstance(node.value, ast.Name) and node.value.id == "ops"
            bad = node.attr.startswith("_") or isinstance(node.ctx, ast.Store)
            bad |= not of_ops
        elif isinstance(node, ast.Subscript):
            bad = isinstance(node.ctx, ast.Store)
        elif isinstance(node, ast.BinOp):
            # 9**9**9 takes for ever; a power of a float overflows.
            power = isinstance(node.op, ast.Pow)
            bad = power and not _is_float(node.left)
        elif isinstance(node, ast.Constant):
            bad = type(node.value) is int and abs(node.value) > LARGEST_INTEGER
        if bad:
            line = getattr(node, "lineno", 0)
            raise NotRunnable(f"unexpected {ast.unparse(node)[:60]!r}, {line}")


def _stated(tree: ast.Module) -> list[str]:
    """Helpers that are not what the theorems are about."""
    wrong = []
    for node in tree.body:
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            if (name := _binds(node)) in STATED:
                wrong.append(f"{name} is not the helper of that name")
            continue
        if node.name not in STATED:
            continue
        own = copy.deepcopy(node)
        if plain(own) != STATED[node.name]:
            wrong.append(f"{node.name} is not the helper of that name")
    return wrong


def _is_float(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


def _range(*ends: int) -> range:
    """A range of as many numbers as a body has a use for."""
    found = range(*ends)
    if len(found) > LARGEST_INTEGER:
        raise ValueError(f"a loop of {len(found)} steps")
    return found


def _names_asked(tree: ast.AST) -> Iterator[str]:
    """The backends that a module tells from others."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and _asks(node):
            (name,) = node.comparators
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield name.value


def _asks_at_all(tree: ast.AST) -> bool:
    """Whether the backend's name is in it."""
    return any(
        isinstance(node, ast.Name) and node.id == "backend"
        for node in ast.walk(tree)
    )


def _asks(node: ast.Compare) -> bool:
    return ast.unparse(node.left) == "backend()" and len(node.ops) == 1


class _Decided(ast.NodeTransformer):
    """Questions for the backend answered, and what is not run left out."""

    def __init__(self, backend: str) -> None:
        self.backend = backend

    def _answer(self, test: ast.expr) -> bool | None:
        if not (isinstance(test, ast.Compare) and _asks(test)):
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
