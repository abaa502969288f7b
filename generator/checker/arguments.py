"""Numbers and arguments as they stand in bodies: see shapes.py."""

from __future__ import annotations

import ast
import math
from abc import ABC
from abc import abstractmethod
from typing import Any

import numpy as np

from .assembly import NotRunnable
from .claims import FORMATS
from .claims import LARGEST as MOST
from .shapes import INPUT
from .shapes import Kind

# Arguments that are looked at as they stand.
WORDS_OF = frozenset(("dtype", "count", "sign", "bare", "levels"))
WORDS = {  # as ast.unparse writes them
    "float('inf')": math.inf,
    "float('-inf')": -math.inf,
    "float('nan')": math.nan,
}


def refused(node: ast.AST, wanted: str) -> NotRunnable:
    text = ast.unparse(node).replace("\n", " ")[:60]
    line = getattr(node, "lineno", 0)
    return NotRunnable(
        f"no body's shape: expected {wanted}, received {text!r}, line {line}"
    )


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def is_name(node: ast.expr) -> bool:
    return isinstance(node, ast.Name)


def call_name(node: ast.expr) -> str:
    """Of what is called; without keywords, "" otherwise."""
    if isinstance(node, ast.Call) and not node.keywords:
        return ast.unparse(node.func)
    return ""


class Arguments(ABC):
    """What a body's operations are given.

    Attributes:
        prefix, tables: what stands above the body, and how it is called.
        names: what each name is at the line at hand.
        narrow: whether its numbers are float32.
    """

    def __init__(
        self, prefix: str, dtype: str, tables: dict[str, ast.expr]
    ) -> None:
        self.prefix, self.dtype, self.tables = prefix, dtype, tables
        self.names = {"x": INPUT}
        self.narrow = dtype == "float32"
        self.normal = 2.0 ** FORMATS[dtype][1]

    @abstractmethod
    def kind(self, node: ast.expr) -> Kind:
        """What an expression is: shaped.py's statements say."""

    def literal(self, node: ast.expr) -> Kind | None:
        """A number as the format reads it; None: something else."""
        sign = 1.0
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            node, sign = node.operand, -1.0
        if isinstance(node, ast.Call) and ast.unparse(node) in WORDS:
            return Kind("literal", (sign * WORDS[ast.unparse(node)],))
        if not (isinstance(node, ast.Constant) and type(node.value) is float):
            return None
        value = sign * node.value
        with np.errstate(all="ignore"):
            made = float(np.float32(value)) if self.narrow else value
        if not math.isfinite(made) or (value and not made):
            raise refused(node, f"a number of {self.dtype}")
        return Kind("literal", (made,))

    def plain(self, literal: Kind) -> bool:
        """Compilers may read subnormals as 0."""
        (value,) = literal.values
        return math.isfinite(value) and not 0 < abs(value) < self.normal

    def is_sign(self, node: ast.expr) -> bool:
        """x < 0 or x > 0."""
        return ast.unparse(node) in ("x < 0", "x > 0") and (
            self.names["x"] == INPUT
        )

    def argument(self, node: ast.expr, names: str) -> Kind | None:
        """The argument's kind, if it is one of these."""
        if names in ("table", "numbers", "sequence"):
            return self._table(node, names)
        if names in WORDS_OF:
            value = getattr(node, "value", None)
            values = (float(value),) if type(value) is int else ()
            return Kind(names, values) if self._stands(node, names) else None
        if names in ("end", "short", "bound"):
            return self._end(node, names)
        if names in ("literals", "factors"):
            return self._literals(node, names == "factors")
        kind = self.kind(node)
        return kind if kind.name in names.split() else None

    def _stands(self, node: ast.expr, name: str) -> bool:
        """Whether an argument is one that is looked at as it stands."""
        value: Any = getattr(node, "value", None)
        if name == "dtype":
            return isinstance(node, ast.Constant) and value == self.dtype
        if name == "count":
            return type(value) is int and 0 < value <= MOST
        if name == "sign":
            return self.is_sign(node)
        if name == "bare":
            return is_name(node) and self.kind(node) == INPUT
        return self._levels(node)

    def _table(self, node: ast.expr, name: str) -> Kind | None:
        """What stands above the body; agreement.py compares rows."""
        text = ast.unparse(node)
        found = self.tables.get(text)
        known = is_name(node) and text.startswith(self.prefix)
        if not known or not isinstance(found, ast.Tuple):
            return None
        if name == "table":
            rows = found.elts[1]
            widths = [
                len(row.elts)
                for row in getattr(rows, "elts", [])
                if isinstance(row, ast.Tuple)
            ]
            return Kind(name, degree=max(widths, default=0))
        kind = self._literals(found, False)
        if kind is None or len(kind.values) < 1 + (name == "sequence"):
            return None
        return kind

    def _levels(self, node: ast.expr) -> bool:
        """Edges, powers of two, what undoes them, and the most."""
        if not isinstance(node, ast.Tuple) or len(node.elts) != 4:
            return False
        *lists, most = node.elts
        if not all(self._literals(part, False) for part in lists):
            return False
        none = isinstance(most, ast.Constant) and most.value is None
        return none or self.kind(most).name == "literal"

    def _literals(self, node: ast.expr, infinite: bool) -> Kind | None:
        """A tuple of numbers."""
        if not isinstance(node, ast.Tuple):
            return None
        found = [self.literal(part) for part in node.elts]
        values = [kind.values[0] for kind in found if kind is not None]
        if len(values) != len(found) or any(map(math.isnan, values)):
            return None
        fine = all(
            self.plain(Kind("literal", (v,))) or (infinite and math.isinf(v))
            for v in values
        )
        return Kind("literals", tuple(values)) if fine else None

    def _end(self, node: ast.expr, name: str) -> Kind | None:
        """An end of a clip; keras.ops makes float32 of some on torch."""
        kind = self.literal(node)
        if kind is None or math.isnan(kind.values[0]):
            return None
        if name == "short":
            return kind if self.narrow and self.plain(kind) else None
        if (
            name == "end"
            and float(np.float32(kind.values[0])) != (kind.values[0])
        ):
            return None
        return kind
