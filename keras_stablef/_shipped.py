"""Functions that ship: a generated module and the certificate beside it."""

from __future__ import annotations

import ast
import functools
import importlib
import json
import pkgutil
from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from . import _derived
from . import generated
from . import wide
from ._function import Function

if TYPE_CHECKING:
    from .generator.numbers.floats import FloatFormat
    from .generator.pieces.cover import AnyPlan


_HOME = "from keras_stablef.runtime."
_READERS = ("numbers_of", "rows_of")  # of tables
_WIDE = frozenset(m.name for m in pkgutil.iter_modules(wide.__path__))
_STATED = (
    *("expression", "domain", "compute", "storage", "rounding"),
    *("bodies", "bounds"),
)
NAMES = sorted(m.name for m in pkgutil.iter_modules(generated.__path__))


class Shipped(Function):
    """A module of ``keras_stablef.generated``, and its certificate.

    The module, which needs Keras, is loaded when something of it is used.
    """

    def __init__(self, name: str) -> None:
        self.name = self.key = name
        self.config = {}
        self._plans: dict[tuple[str, int], AnyPlan] = {}

    @functools.cached_property
    def module(self) -> Any:
        return importlib.import_module(f".generated.{self.name}", __package__)

    def __getattr__(self, name: str) -> Any:
        """What `Function` has, from the module; what both say, from either."""
        if name not in _STATED:
            # Of a copy that is not yet made not even the name is there.
            raise AttributeError(f"{type(self).__name__} has no {name!r}.")
        if name in ("expression", "domain") and "module" not in vars(self):
            value = certificate(self.name)[name]
            return tuple(value) if name == "domain" else value
        value = vars(self)[name] = getattr(self.module, name.upper())
        return value

    @functools.cached_property
    def _twins(self) -> Mapping[str, Sequence[Any]]:
        if self.name not in _WIDE:
            return {}
        home = importlib.import_module(f".wide.{self.name}", __package__)
        found: Mapping[str, Sequence[Any]] = home.WIDE
        return found

    def twin(self, dtype: str, order: int) -> Any:
        return self._twins[dtype][order] if dtype in self._twins else None

    @property
    def orders(self) -> int:
        if "module" in vars(self):
            return super().orders
        plans = certificate(self.name)["plans"]
        return 1 + max(int(plan["order"]) for plan in plans)

    @property
    def text(self) -> str:  # type: ignore[override]
        """Its module, with the numbers of its tables in their places."""
        source = Path(self.module.__file__).read_text(encoding="utf-8")
        return _with_tables(source, vars(self.module))

    @property
    def primitives(self) -> frozenset[tuple[str, str]]:
        """What its bodies call of the runtime: modules and names."""
        found = {
            (home.rpartition(".")[2], name)
            for name, value in vars(self.module).items()
            if callable(value)
            and (home := getattr(value, "__module__", "")).startswith(
                f"{__package__}.runtime."
            )
        }
        return frozenset(found)

    @property
    def formats(self) -> Mapping[str, FloatFormat]:
        return _derived.formats()

    def plan(self, dtype: str, order: int) -> AnyPlan:
        key = dtype, order
        if key not in self._plans:
            claims, twins = certificate(self.name), None
            if self.name in _WIDE:
                twins = certificate(self.name, "wide")
            self._plans[key] = _derived.claimed_plan(claims, twins, *key)
        return self._plans[key]

    def kernel(self, dtype: str, order: int) -> tuple[Any, Sequence[Any]]:
        home = f".kernels.{self.name}"
        kernels = importlib.import_module(home, __package__).KERNELS
        found: tuple[Any, Sequence[Any]] = kernels[dtype][order]
        return found

    def claims(self, dtype: str, order: int) -> dict[str, Any]:
        return dict(certificate(self.name))


@functools.cache
def shipped(name: str) -> Shipped:
    """The function of that name."""
    return Shipped(name)


def _with_tables(source: str, values: Mapping[str, Any]) -> str:
    """A module that reads nothing of its certificate any more."""
    lines: list[str] = source.splitlines()
    home = f"{_HOME}tables import"
    for node in reversed(ast.parse(source).body):
        value = getattr(node, "value", None)
        called = getattr(getattr(value, "func", None), "id", "")
        if not isinstance(node, ast.Assign) or called not in _READERS:
            continue
        (target,) = node.targets
        assert isinstance(target, ast.Name)
        text = f"{target.id} = {_literal(values[target.id])}"
        lines[node.lineno - 1 : node.end_lineno] = [text]
    lines = [line for line in lines if not line.startswith(home)]
    if any("Grid(" in line for line in lines):
        first = next(k for k, t in enumerate(lines) if t.startswith(_HOME))
        lines.insert(first, f"{_HOME}lookup import Grid")
    return "\n".join(lines) + "\n"


def _literal(value: Any) -> str:
    """A table as it would be written."""
    from .runtime.lookup import Grid

    if isinstance(value, Grid):
        found = Counter(value.rows)
        counts = [found[row] for row in range(max(found) + 1)]
        return f"Grid({value.scale!r}, {value.first!r}, {counts!r})"
    if isinstance(value, tuple):
        return f"({''.join(f'{_literal(part)}, ' for part in value)})"
    return repr(value)


def certificate(name: str, kind: str = "generated") -> dict[str, Any]:
    """The certificate that ships beside a module."""
    folder = resources.files(f"{__package__}.{kind}")
    text = (folder / f"{name}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
