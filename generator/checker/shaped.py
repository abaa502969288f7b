"""Whether bodies have the shape that lowering gives them: see shapes.py.

A body is straight-line, so a name is what was assigned to it last; it is
looked at as each backend runs it, with its branches decided.
"""

from __future__ import annotations

import ast
import math
from dataclasses import replace
from typing import Any

import numpy as np

from .assembly import NotRunnable
from .claims import FORMATS
from .claims import LARGEST as MOST
from .shapes import CALLS
from .shapes import EXPONENTS
from .shapes import FLOATS
from .shapes import INPUT
from .shapes import TENSORS
from .shapes import TRUTH
from .shapes import TWO
from .shapes import Kind
from .shapes import computed
from .shapes import number

LONGEST = 4096  # of bodies: those of plans have some hundred lines
# Arguments that are looked at as they stand.
WORDS_OF = frozenset(
    ("dtype", "count", "sign", "bare", "quotient", "levels")
)
WORDS = {  # as ast.unparse writes them
    "float('inf')": math.inf,
    "float('-inf')": -math.inf,
    "float('nan')": math.nan,
}


def check_shapes(tree: ast.Module) -> None:
    """Every body that BODIES lists has that shape.

    Raises:
        NotRunnable: with what is not, and where.
    """
    functions = {
        node.name: node
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }
    tables = {
        ast.unparse(node.targets[0]): node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
    }
    for name, dtype in _listed(tables.get("BODIES")).items():
        if name not in functions:  # another name of one, say
            raise NotRunnable(f"no body's shape: {name} is no function")
        _Shape(name, dtype, tables).check(functions[name])


def _listed(bodies: ast.expr | None) -> dict[str, str]:
    """The dtype of each body."""
    if not isinstance(bodies, ast.Dict):
        raise NotRunnable("no body's shape: expected BODIES by dtype")
    found: dict[str, str] = {}
    for key, row in zip(bodies.keys, bodies.values, strict=True):
        dtype = getattr(key, "value", None)
        for body in row.elts if isinstance(row, ast.Tuple) else [row]:
            if dtype not in FORMATS or not isinstance(body, ast.Name):
                raise _refused(body, "BODIES by dtype")
            if found.setdefault(body.id, dtype) != dtype:
                raise _refused(body, "a body of one dtype")
    return found


def _refused(node: ast.AST, wanted: str) -> NotRunnable:
    text = ast.unparse(node).replace("\n", " ")[:60]
    line = getattr(node, "lineno", 0)
    return NotRunnable(
        f"no body's shape: expected {wanted}, received {text!r}, line {line}"
    )


class _Shape:
    """The statements of one body; names are what they are at that line."""

    def __init__(
        self, name: str, dtype: str, tables: dict[str, ast.expr]
    ) -> None:
        self.prefix, self.dtype, self.tables = name.upper(), dtype, tables
        self.names = {"x": INPUT}
        self.known: dict[ast.expr, Kind] = {}  # each is looked at once
        self.normal = 2.0 ** FORMATS[dtype][1]

    def check(self, node: ast.FunctionDef) -> None:
        """Raises where a statement or an expression has no kind."""
        first, *rest = node.body
        if not (isinstance(first, ast.Expr) and _is_text(first.value)):
            rest = node.body
        *rest, last = rest
        if len(rest) > LONGEST:
            raise _refused(last, f"at most {LONGEST} statements")
        for statement in rest:
            if isinstance(statement, ast.Assign):
                self._assigned(statement)
            elif not isinstance(statement, ast.Pass):
                raise _refused(statement, "an assignment")
        if not isinstance(last, ast.Return) or last.value is None:
            raise _refused(last, "return at the end")
        self._expect(last.value, FLOATS)

    def _assigned(self, node: ast.Assign) -> None:
        (target,) = node.targets
        kind = self.kind(node.value)
        name = _call_name(node.value)
        if "x" in ast.unparse(target).strip("()").split(", "):
            raise _refused(node, "an x that is not bound again")
        if isinstance(target, ast.Name) and name not in TWO:
            self.names[target.id] = kind
        elif isinstance(target, ast.Tuple) and name in TWO:
            kinds = TWO[name], kind
            for part, own in zip(target.elts, kinds, strict=True):
                self.names[ast.unparse(part)] = own
        else:
            raise _refused(node, "a name for each result")

    def _expect(self, node: ast.expr, names: str) -> Kind:
        kind = self.kind(node)
        if kind.name not in names.split():
            raise _refused(node, names)
        return kind

    # -- expressions ------------------------------------------------------
    def kind(self, node: ast.expr) -> Kind:
        """What it is.

        Raises:
            NotRunnable: nothing that lowering writes.
        """
        if node not in self.known:
            self.known[node] = self._kind(node)
        return self.known[node]

    def _kind(self, node: ast.expr) -> Kind:
        found: Kind | None = None
        literal = self._literal(node)
        if literal is not None:
            found = literal if self._plain(literal) else None
        elif isinstance(node, ast.Name):
            found = self.names.get(node.id)
        elif isinstance(node, ast.UnaryOp):
            found = self._negated(self.kind(node.operand))
        elif isinstance(node, ast.BinOp):
            found = self._computed(node)
        elif isinstance(node, ast.Compare):
            found = self._compared(node)
        elif isinstance(node, ast.Tuple):
            found = self._pair(node)
        elif isinstance(node, ast.Subscript):
            found = self._high(node)
        elif isinstance(node, ast.Call):
            found = self._called(node)
        if found is None:
            raise _refused(node, "what lowering writes")
        return found

    def _literal(self, node: ast.expr) -> Kind | None:
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
            made = float(np.float32(value)) if self._narrow() else value
        if not math.isfinite(made) or (value and not made):
            raise _refused(node, f"a number of {self.dtype}")
        return Kind("literal", (made,))

    def _narrow(self) -> bool:
        return self.dtype == "float32"

    def _plain(self, literal: Kind) -> bool:
        """Compilers may read subnormals as 0."""
        (value,) = literal.values
        return math.isfinite(value) and not 0 < abs(value) < self.normal

    def _negated(self, a: Kind) -> Kind | None:
        if a.name == "filled":
            return replace(a, values=tuple(-v for v in a.values))
        known = ("number", "input", "whole", "mantissa")
        return a if a.name in known else None

    def _compared(self, node: ast.Compare) -> Kind | None:
        """The input, by what exact steps made of it, and a number."""
        (right,) = node.comparators
        if self._is_sign(node):
            return TRUTH
        if self.kind(node.left).name != "input":
            raise _refused(node, "a comparison of the input with a number")
        other = self.kind(right)
        if other.name not in ("literal", "constant"):
            raise _refused(node, "a comparison of the input with a number")
        return TRUTH if math.isfinite(other.values[0]) else None

    def _is_sign(self, node: ast.expr) -> bool:
        """x < 0 or x > 0."""
        return ast.unparse(node) in ("x < 0", "x > 0") and (
            self.names["x"] == INPUT
        )

    def _pair(self, node: ast.Tuple) -> Kind | None:
        """A float and a constant that it lost, or a pair negated."""
        if len(node.elts) != 2:
            return None
        if all(isinstance(n, ast.UnaryOp) for n in node.elts):
            parts = [getattr(n, "operand", n) for n in node.elts]
            if self._whole_pair(*parts):
                return replace(self.kind(parts[0]), name="pair")
        first, second = map(self.kind, node.elts)
        if second.name == "constant":
            return Kind("factor") if first.name == "constant" else None
        if second.name == "filled" and first.name in FLOATS.split():
            return Kind("pair", degree=first.degree, simple=first.simple)
        return None

    def _high(self, node: ast.expr) -> Kind | None:
        """The first part of a pair."""
        if self._part(node) != 0:
            return None
        assert isinstance(node, ast.Subscript)
        pair = self.kind(node.value)
        return number(pair.degree, pair.simple)

    def _part(self, node: ast.expr) -> int | None:
        """Which part of a pair it is."""
        if not (isinstance(node, ast.Subscript) and _is_name(node.value)):
            return None
        if self.kind(node.value).name not in ("pair", "logs"):
            return None
        index = getattr(node.slice, "value", None)
        return index if type(index) is int else None

    def _whole_pair(self, first: ast.expr, second: ast.expr) -> bool:
        """name[0] and name[1]: a low part alone means nothing."""
        if (self._part(first), self._part(second)) != (0, 1):
            return False
        assert isinstance(first, ast.Subscript)
        assert isinstance(second, ast.Subscript)
        return ast.unparse(first.value) == ast.unparse(second.value)

    def _computed(self, node: ast.BinOp) -> Kind | None:
        way = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}.get(type(node.op), "")
        if not way:  # quotients are a primitive
            return None
        if way == "+" and self._whole_pair(node.left, node.right):
            return self.kind(node.left)
        a, b = self.kind(node.left), self.kind(node.right)
        return computed(way, a, b)

    # -- calls ------------------------------------------------------------
    def _called(self, node: ast.Call) -> Kind | None:
        name = _call_name(node)
        if name == "_constant" and len(node.args) == 2:
            value = self._literal(node.args[0])
            if value is None or not self._is(node.args[1], "dtype"):
                return None
            known = self._plain(value) or not math.isfinite(value.values[0])
            return replace(value, name="constant") if known else None
        if name == "ops.where" and len(node.args) == 3:
            return self._chosen(*node.args)
        for wanted, result in [*EXPONENTS.get(name, []), *CALLS.get(name, [])]:
            if len(wanted) != len(node.args):
                continue
            kinds = [
                self._is(part, names)
                for part, names in zip(node.args, wanted, strict=True)
            ]
            if all(kinds):
                made = result if isinstance(result, Kind) else result(*kinds)
                if made is not None:
                    return made
        return None

    def _chosen(
        self, truth: ast.expr, one: ast.expr, other: ast.expr
    ) -> Kind | None:
        """The input or a number of the domain: still exact."""
        self._expect(truth, "truth")
        a, b = self._expect(one, TENSORS), self._expect(other, TENSORS)
        known = all(
            kind.name == "input"
            or (kind.name == "constant" and math.isfinite(kind.values[0]))
            for kind in (a, b)
        )
        if known and "input" in (a.name, b.name):
            return replace(INPUT, steps=max(a.steps, b.steps, 1))
        return number(max(a.degree, b.degree))

    def _is(self, node: ast.expr, names: str) -> Kind | None:
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
            return self._is_sign(node)
        if name == "bare":
            return _is_name(node) and self.kind(node) == INPUT
        if name == "quotient":
            return _call_name(node) == "_quotient" and (
                self.kind(node).name == "number"
            )
        return self._levels(node)

    def _table(self, node: ast.expr, name: str) -> Kind | None:
        """What stands above the body; agreement.py compares rows."""
        text = ast.unparse(node)
        found = self.tables.get(text)
        known = _is_name(node) and text.startswith(self.prefix)
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
        found = [self._literal(part) for part in node.elts]
        values = [kind.values[0] for kind in found if kind is not None]
        if len(values) != len(found) or any(map(math.isnan, values)):
            return None
        fine = all(
            self._plain(Kind("literal", (v,))) or (infinite and math.isinf(v))
            for v in values
        )
        return Kind("literals", tuple(values)) if fine else None

    def _end(self, node: ast.expr, name: str) -> Kind | None:
        """An end of a clip; keras.ops makes float32 of some on torch."""
        kind = self._literal(node)
        if kind is None or math.isnan(kind.values[0]):
            return None
        if name == "short":
            return kind if self._narrow() and self._plain(kind) else None
        if (
            name == "end"
            and float(np.float32(kind.values[0])) != (kind.values[0])
        ):
            return None
        return kind


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_name(node: ast.expr) -> bool:
    return isinstance(node, ast.Name)


def _call_name(node: ast.expr) -> str:
    """Of what is called; without keywords, "" otherwise."""
    if isinstance(node, ast.Call) and not node.keywords:
        return ast.unparse(node.func)
    return ""
