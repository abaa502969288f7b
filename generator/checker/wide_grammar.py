"""Every expression of a body in float64, whether a box takes it or not.

What Python would run is looked at once, before any box: names that are bound,
calls and how many arguments they have, and the dtype of each value.  A number
stands beside a tensor, never alone, since Keras would make it floatx.
"""

from __future__ import annotations

import ast
import math

import numpy as np

from .claims import Malformed

# Calls, how many arguments they take, and which name a dtype last.
ARGUMENTS = {
    **{"ops.cast": 2, "ops.where": 3, "ops.isnan": 1, "ops.abs": 1},
    **{"constant": 2, "once": 2, "quotient": 3, "square_root": 2},
    **{"wide_log": 1, "wide_log1p": 2},
}
TYPED = {"once", "quotient", "square_root"}
WIDE = "float64"
KINDS = {"float32": np.float32}
MOST_STATEMENTS = 200
OPERATIONS = (ast.Add, ast.Sub, ast.Mult, ast.Div)
COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def check_body(statements: list[ast.stmt], dtype: str) -> set[str]:
    """The names that a body calls.

    Args:
        dtype: the narrow one, of x and of the result.

    Raises:
        Malformed: it holds anything else than is told here.
    """
    if len(statements) > MOST_STATEMENTS:
        raise Malformed(f"{len(statements)} statements")
    walk = _Walk(dtype)
    for statement in statements[:-1]:
        assert isinstance(statement, ast.Assign)
        (target,) = statement.targets
        if isinstance(target, ast.Tuple):
            (argument,) = arguments(statement.value, "wide_powers", 1)
            walk.require(argument, WIDE)
            walk.called.add("wide_powers")
            if len(target.elts) != 2:
                raise Malformed("wide_powers: expected two names")
            kinds = [(name, WIDE) for name in target.elts]
        else:
            kinds = [(target, walk.kind(statement.value))]
        for name, kind in kinds:
            assert isinstance(name, ast.Name)
            walk.names[name.id] = kind
    last = statements[-1]
    assert isinstance(last, ast.Return) and last.value is not None
    walk.require(last.value, dtype)
    return walk.called


class _Walk:
    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self.names = {"x": dtype}
        self.called: set[str] = set()

    def require(self, node: ast.expr, kind: str) -> None:
        found = self.kind(node)
        if found != kind:
            raise Malformed(
                f"expected {kind}, received {found}: {ast.unparse(node)[:80]}"
            )

    def kind(self, node: ast.expr) -> str:
        """The dtype of a tensor."""
        if isinstance(node, ast.Name):
            if node.id not in self.names:
                raise Malformed(f"a name that is not bound: {node.id[:80]}")
            return self.names[node.id]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return self.kind(node.operand)
        if isinstance(node, ast.BinOp) and isinstance(node.op, OPERATIONS):
            self._beside(node.left, node.right)
            return WIDE
        if isinstance(node, ast.Call):
            return self._call(node)
        raise Malformed(f"not allowed: {ast.unparse(node)[:80]}")

    def _beside(self, *operands: ast.expr) -> None:
        """Two of float64, of which one may be a number."""
        tensors = [node for node in operands if not is_number(node)]
        if not tensors:
            raise Malformed("an operation of two numbers")
        for node in tensors:
            self.require(node, WIDE)

    def _call(self, node: ast.Call) -> str:
        name = ast.unparse(node.func)
        count = ARGUMENTS.get(name)
        if count is None or name == "ops.isnan":
            raise Malformed(f"a call of {name[:80]}")
        args = arguments(node, name, count)
        self.called.add(name.split(".")[0])
        if name == "constant":
            return self._constant(args)
        if name == "ops.cast":
            self.kind(args[0])
            return self._dtype(args[1])
        if name == "ops.where":
            self._test(args[0])
            kind = self.kind(args[1])
            self.require(args[2], kind)
            return kind
        if name == "ops.abs":
            return self.kind(args[0])
        if name in TYPED and word(args.pop()) != WIDE:
            raise Malformed(f"{name} of another dtype than {WIDE}")
        if name == "quotient":
            self._beside(*args)
        else:
            for each in args:
                self.require(each, WIDE)
        return WIDE

    def _constant(self, args: list[ast.expr]) -> str:
        kind = self._dtype(args[1])
        number_in(args[0], kind)
        return kind

    def _dtype(self, node: ast.expr) -> str:
        found = word(node)
        if found not in (WIDE, self.dtype):
            raise Malformed(f"a dtype that is none here: {found[:80]}")
        return found

    def _test(self, node: ast.expr) -> None:
        """A comparison with a number, or whether x is nan."""
        if isinstance(node, ast.Call):
            (argument,) = arguments(node, "ops.isnan", 1)
            self.called.add("ops")
            self.require(argument, self.dtype)
            return
        if not isinstance(node, ast.Compare) or len(node.ops) != 1:
            raise Malformed(f"no condition: {ast.unparse(node)[:80]}")
        if not isinstance(node.ops[0], COMPARISONS):
            raise Malformed(f"a comparison: {ast.unparse(node)[:80]}")
        threshold_in(node, self.kind(node.left))
        if isinstance(node.comparators[0], ast.Call):
            self.called.add("constant")


def threshold_in(node: ast.Compare, kind: str) -> float:
    """What a value of that dtype is compared with."""
    (other,) = node.comparators
    if kind != WIDE:
        other, dtype = arguments(other, "constant", 2)
        if word(dtype) != kind:
            raise Malformed(f"a threshold of {word(dtype)[:80]}")
    value = number_in(other, kind)
    if not math.isfinite(value):
        raise Malformed(f"a threshold {value}")
    return value


def is_number(node: ast.expr) -> bool:
    """Whether it is one by itself."""
    while isinstance(node, ast.UnaryOp):
        node = node.operand
    return isinstance(node, ast.Constant)


def number_in(node: ast.expr, kind: str = WIDE) -> float:
    """A float literal, with a minus or not, or float("inf") and its kin.

    Of float32 what it is rounded to.
    """
    value = _number(node)
    if kind == WIDE or not math.isfinite(value):
        return value
    with np.errstate(over="ignore"):
        rounded = float(KINDS[kind](value))
    if math.isinf(rounded) or (value and not rounded):
        raise Malformed(f"a number that {kind} does not hold: {value}")
    return rounded


def _number(node: ast.expr) -> float:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        if isinstance(node.operand, ast.Constant):
            return -_number(node.operand)
    if isinstance(node, ast.Constant) and type(node.value) is float:
        return node.value
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "float":
        words = ("inf", "-inf", "nan")
        (text,) = arguments(node, "float", 1)
        if isinstance(text, ast.Constant) and text.value in words:
            return float(text.value)
    raise Malformed(f"no number: {ast.unparse(node)[:80]}")


def word(node: ast.expr) -> str:
    """The name of a dtype."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise Malformed(f"no dtype: {ast.unparse(node)[:80]}")


def arguments(node: ast.expr, name: str, count: int) -> list[ast.expr]:
    """Of a call of that name, by position."""
    if not isinstance(node, ast.Call) or ast.unparse(node.func) != name:
        raise Malformed(f"expected a call of {name}")
    if node.keywords or len(node.args) != count:
        raise Malformed(f"{name}: expected {count} arguments")
    if any(isinstance(a, ast.Starred) for a in node.args):
        raise Malformed(f"{name}: a starred argument")
    return list(node.args)
