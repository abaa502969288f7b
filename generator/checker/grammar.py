"""What may stand in a module: constants, the runtime's primitives, bodies.

A body is straight-line: it assigns what + - * /, comparisons, operations of
keras.ops and primitives of the runtime make of x, and returns.  No loop, no
function of its own, no integer that could grow; so nothing reaches further,
and nothing runs for ever.  Primitives are the runtime's, tree for tree.
"""

from __future__ import annotations

import ast
import builtins
import copy
import re
from collections.abc import Iterator

from .assembly import NotRunnable
from .assembly import primitive
from .statements import plain

BUILTINS = frozenset(dir(builtins))
LARGEST_INTEGER = 2**16  # counts of bins; powers and roots are far below
NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)  # what a body may bind
# Of primitives: kernels.py looks at the first two, and of the ways that the
# last one chooses from the one that is taken is run.
NUMBERS = ("_LOG", "_EXP", "_FEW")
OPS = frozenset(
    (
        *("abs", "cast", "clip", "exp", "floor", "isnan", "log"),
        *("logical_and", "maximum", "minimum", "sqrt", "where"),
        "zeros_like",
    )
)
CALLS = frozenset(
    (
        *("_apart", "_clamp", "_constant", "_fixed", "_horner", "_level_of"),
        *("_local_polynomials", "_log_rows", "_pair_exp", "_pair_log"),
        *("_pair_power", "_pair_product", "_pair_quotient", "_pair_root"),
        *("_pair_sum", "_power_row", "_scale_by_power", "_split_exponent"),
        *("_once", "_quotient", "_split_subnormal", "_square_root"),
        *("_product_of_halves", "_pair_by_power", "_grown", "_grown_from"),
        *("_shrunk", "_signed_exp", "_unit_of"),
        *("_short_quotient", "_short_root"),
        *("_two_sum", "_fast_two_sum"),
    )
)
COUNTS = {  # arguments that are integers, by primitive
    "_pair_power": 1,
    "_pair_root": 1,
    "_split_exponent": 1,
    "_split_subnormal": 1,
    "_power_row": 2,
    "_grown_from": 2,
}
TABLES = {"_local_polynomials": "", "_log_rows": "_END"}


def check_grammar(tree: ast.Module) -> None:
    """Raises where a module has anything else.

    Raises:
        NotRunnable: with what it is, and where.
    """
    defined = {name for node in tree.body if (name := binds(node))}
    for node in tree.body:
        name = binds(node)
        if name is None:
            continue  # the docstring
        # What a primitive calls has to be what it is outside of the module.
        if name in ("ops", "backend", "_getframe") or name in BUILTINS:
            raise _unexpected(node)
        helper = name.startswith("_") and name not in NUMBERS
        if helper or isinstance(node, ast.ClassDef):
            _primitive(node, name, defined)
        elif isinstance(node, ast.FunctionDef):
            _Body(node.name).check(node)
        elif isinstance(node, ast.Assign):
            _constant(node.value)


def binds(node: ast.stmt) -> str | None:
    """The name that a statement of the module defines; None: a docstring."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return node.name
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        (target,) = node.targets
        if isinstance(target, ast.Name):
            return target.id
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return None
    raise _unexpected(node)


def own_name(name: str) -> bool:
    """Whether it is one that a module may give to what is its own."""
    taken = name in ("ops", "backend") or name in BUILTINS
    return bool(NAME.fullmatch(name)) and not taken


def _unexpected(node: ast.AST) -> NotRunnable:
    try:
        text = ast.unparse(node)[:60]
    except RecursionError:
        text = type(node).__name__
    return NotRunnable(f"unexpected {text!r}, {getattr(node, 'lineno', 0)}")


def _primitive(node: ast.stmt, name: str, defined: set[str]) -> None:
    """It is the runtime's, under the name that it has in a saved file."""
    known = primitive(name, defined)
    if known is None or plain(copy.deepcopy(node)) != plain(known):
        raise NotRunnable(f"{name} is not the helper of that name")


def _constant(node: ast.expr) -> None:
    """A number, a text, a tuple or dictionary of constants, a grid."""
    if isinstance(node, ast.Constant):
        _small(node)
    elif isinstance(node, ast.Tuple):
        for item in node.elts:
            _constant(item)
    elif isinstance(node, ast.Dict):
        for part in (*node.keys, *node.values):
            if part is None:  # ** of another
                raise _unexpected(node)
            _constant(part)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        if not isinstance(node.operand, ast.Constant):
            raise _unexpected(node)
        _small(node.operand)
    elif isinstance(node, ast.Call) and not node.keywords:
        if ast.unparse(node.func) not in ("_Grid", "float"):
            raise _unexpected(node)
        for item in node.args:
            _constant(item)
    elif not isinstance(node, ast.Name) or not own_name(node.id):
        raise _unexpected(node)  # a name is that of a body, in BODIES


def _small(node: ast.Constant) -> None:
    value = node.value
    if type(value) is int and abs(value) > LARGEST_INTEGER:
        raise _unexpected(node)
    if type(value) not in (int, float, str, bool, type(None)):
        raise _unexpected(node)


class _Body:
    """The statements of one function."""

    def __init__(self, name: str) -> None:
        self.prefix = name.upper()

    def check(self, node: ast.FunctionDef) -> None:
        """Raises where it is more than a body."""
        only_x = ast.parse(f"def {node.name}(x): pass").body[0]
        assert isinstance(only_x, ast.FunctionDef)
        more = getattr(node, "type_params", None)  # from Python 3.12 on
        extra = node.decorator_list or node.returns is not None or more
        if extra or ast.dump(node.args) != ast.dump(only_x.args):
            raise _unexpected(node)
        self._statements(node.body)

    def _statements(self, nodes: list[ast.stmt]) -> None:
        for node in nodes:
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                for name in _targets(node.targets[0]):
                    if not own_name(name):
                        raise _unexpected(node)
                self._value(node.value)
            elif isinstance(node, ast.Return) and node.value is not None:
                self._value(node.value)
            elif isinstance(node, ast.If) and asks(node.test):
                self._statements([*node.body, *node.orelse])
            elif not (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
            ):
                raise _unexpected(node)

    def _value(self, node: ast.expr) -> None:
        """Floats and tensors; an integer stands only where it counts."""
        if isinstance(node, ast.Name):
            if not own_name(node.id) and not node.id.startswith(self.prefix):
                raise _unexpected(node)
        elif isinstance(node, ast.Constant):
            if type(node.value) not in (float, str, type(None)):
                raise _unexpected(node)
        elif isinstance(node, ast.Tuple):
            for item in node.elts:
                self._value(item)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            self._value(node.operand)
        elif isinstance(node, ast.BinOp) and isinstance(
            node.op, (ast.Add, ast.Sub, ast.Mult, ast.Div)
        ):
            for part in (node.left, node.right):
                if isinstance(part, (ast.Tuple, ast.Constant)) and (
                    type(getattr(part, "value", None)) is not float
                ):
                    raise _unexpected(node)
                self._value(part)
        elif isinstance(node, ast.Compare) and _orders(node):
            self._value(node.left)
            (right,) = node.comparators
            if not _is_integer(right):  # x < 0
                self._value(right)
        elif isinstance(node, ast.Subscript) and _is_integer(node.slice):
            self._value(node.value)
        elif isinstance(node, ast.Call) and not node.keywords:
            self._call(node)
        else:
            raise _unexpected(node)

    def _call(self, node: ast.Call) -> None:
        call = node.func
        name = ""
        if isinstance(call, ast.Attribute) and isinstance(call.value, ast.Name):
            known = call.value.id == "ops" and call.attr in OPS
        else:
            name = call.id if isinstance(call, ast.Name) else ""
            known = name in CALLS or name == "float"
        if not known:
            raise _unexpected(node)
        for k, part in enumerate(node.args):
            if COUNTS.get(name) == k and _is_integer(part):
                continue
            if name in TABLES and k == 1:
                self._table(part, TABLES[name])
            self._value(part)

    def _table(self, node: ast.expr, suffix: str) -> None:
        """The one that is compared with the certificate, by its name."""
        wanted = f"{self.prefix}{suffix}" + ("[0-9]+" if suffix else "")
        if not isinstance(node, ast.Name) or not re.fullmatch(wanted, node.id):
            raise _unexpected(node)


def _targets(node: ast.expr) -> Iterator[str]:
    for part in node.elts if isinstance(node, ast.Tuple) else [node]:
        if not isinstance(part, ast.Name):
            raise _unexpected(node)
        yield part.id


def _orders(node: ast.Compare) -> bool:
    """One of < <= > >=: what stands for tensors here knows no others."""
    known = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
    return len(node.ops) == 1 and isinstance(node.ops[0], known)


def _is_integer(node: ast.expr) -> bool:
    """A whole number of a few digits."""
    return (
        isinstance(node, ast.Constant)
        and type(node.value) is int
        and 0 <= node.value < LARGEST_INTEGER
    )


def asks(node: ast.expr) -> bool:
    """Whether it is a question for the backend: backend() == "torch"."""
    return (
        isinstance(node, ast.Compare)
        and len(node.ops) == 1
        and ast.unparse(node.left) == "backend()"
    )
