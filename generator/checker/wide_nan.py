"""What a body in float64 makes of nan."""

from __future__ import annotations

import ast
import math

from .wide_code import Reader
from .wide_grammar import number_in


def nan_gives_nan(reader: Reader) -> bool:
    """Whether the result of nan is nan: only then is it known."""
    names = {"x": True}

    def is_nan(node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return names.get(node.id, False)
        if isinstance(node, ast.UnaryOp):
            return is_nan(node.operand)
        if isinstance(node, ast.BinOp):
            return is_nan(node.left) or is_nan(node.right)
        if not isinstance(node, ast.Call):
            return False
        name = ast.unparse(node.func)
        if name == "constant":
            return math.isnan(number_in(node.args[0]))
        if name == "ops.where":
            test, first, second = node.args
            if isinstance(test, ast.Compare) and is_nan(test.left):
                return is_nan(second)
            if isinstance(test, ast.Call) and is_nan(test.args[0]):  # isnan
                return is_nan(first)
            return is_nan(first) and is_nan(second)
        if name in ("wide_log", "wide_log1p"):
            return False  # reads the bits
        return any(map(is_nan, node.args))

    for statement in reader.body:
        if isinstance(statement, ast.Return):
            assert statement.value is not None
            return is_nan(statement.value)
        assert isinstance(statement, ast.Assign)
        (target,) = statement.targets
        if isinstance(target, ast.Tuple):  # 2**n is a number, whatever n is
            q, power = target.elts
            assert isinstance(q, ast.Name) and isinstance(power, ast.Name)
            assert isinstance(statement.value, ast.Call)
            names[q.id] = is_nan(statement.value.args[0])
            names[power.id] = False
        else:
            assert isinstance(target, ast.Name)
            names[target.id] = is_nan(statement.value)
    return False
