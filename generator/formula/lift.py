"""A Python function over `keras.ops` to a sympy expression.

The function is called once with a symbolic tensor of Keras; the graph that
this records is read back.  Nothing of the function's source is looked at.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any

import sympy

from ..errors import NotAnExpressionError
from ..limits import within
from ..plain import shown
from .arithmetic import RefusedError
from .arithmetic import add
from .arithmetic import call
from .arithmetic import divide
from .arithmetic import larger
from .arithmetic import multiply
from .arithmetic import power
from .arithmetic import smaller
from .arithmetic import subtract
from .shorthand import gelu
from .shorthand import gelu_tanh
from .shorthand import sigmoid
from .shorthand import silu
from .shorthand import softplus
from .written import formula_of
from .written import refuse_size

X = sympy.Symbol("x", real=True)

_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "Add": add,
    "Subtract": subtract,
    "Multiply": multiply,
    "Divide": divide,
    "TrueDivide": divide,
    "Power": power,
    "Maximum": larger,
    "Minimum": smaller,
}
_UNARY: dict[str, Callable[[Any], Any]] = {
    "Negative": lambda a: -a,
    "Absolute": sympy.Abs,
    "Abs": sympy.Abs,
    "Exp": sympy.exp,
    "Expm1": lambda a: sympy.exp(a) - 1,
    "Exp2": lambda a: power(sympy.Integer(2), a),
    "Log": sympy.log,
    "Log1p": lambda a: sympy.log(1 + a),
    "Log2": lambda a: sympy.log(a) / sympy.log(2),
    "Log10": lambda a: sympy.log(a) / sympy.log(10),
    "Sqrt": sympy.sqrt,
    "Cbrt": lambda a: a ** sympy.Rational(1, 3),
    "Rsqrt": lambda a: 1 / sympy.sqrt(a),
    "Square": lambda a: power(a, sympy.Integer(2)),
    "Reciprocal": lambda a: 1 / a,
    "Sin": sympy.sin,
    "Cos": sympy.cos,
    "Tan": sympy.tan,
    "Arcsin": sympy.asin,
    "Arccos": sympy.acos,
    "Arctan": sympy.atan,
    "Sinh": sympy.sinh,
    "Cosh": sympy.cosh,
    "Tanh": sympy.tanh,
    "Arcsinh": sympy.asinh,
    "Arccosh": sympy.acosh,
    "Arctanh": sympy.atanh,
    "Erf": sympy.erf,
    "Sign": sympy.sign,
    "Sigmoid": sigmoid,
    "LogSigmoid": lambda a: -softplus(-a),
    "Softplus": softplus,
    "Silu": silu,
    "Gelu": gelu,
    "GeluApproximate": gelu_tanh,
    "Relu": lambda a: larger(a, sympy.Integer(0)),
    "Sinc": lambda a: sympy.sin(sympy.pi * a) / (sympy.pi * a),
}


def lift(function: Callable[[Any], Any], seconds: float) -> sympy.Expr | str:
    """The formula that `function` computes; as text where it is a number.

    Args:
        seconds: of computing, for the call and for what it recorded.

    Raises:
        NotAnExpressionError: it cannot be called with one tensor, branches
            on its value, or uses an operation that is no formula (a
            `where`, a reduction); or the formula is too large.
        TimeLimitError: it takes more time or memory.
    """
    label = shown(getattr(function, "__name__", function)).strip("'")
    with no_branches(label) as refuse:
        return within(seconds, lambda: _lifted(function, label, refuse))


def _lifted(
    function: Callable[[Any], Any], label: str, refuse: Callable[[], None]
) -> sympy.Expr | str:
    import keras

    x = keras.KerasTensor((None,), dtype=keras.config.floatx())
    try:
        y = function(x)
    except Exception as error:
        refuse()
        raise NotAnExpressionError(
            f"Cannot read {label}: expected a function of one tensor over "
            f"keras.ops, received {type(error).__name__}: {error}"
        ) from error
    refuse()
    if not isinstance(y, keras.KerasTensor):
        raise NotAnExpressionError(
            f"Cannot read {label}: expected one tensor that depends on its "
            f"argument, received {shown(type(y).__name__)}."
        )
    formula = _read(y, {id(x): X}, label)
    # A number in sympy would be a formula in no variable.
    return formula if formula.free_symbols else f"{formula_of(formula)}+0*{X}"


def _read(y: Any, known: dict[int, Any], label: str) -> sympy.Expr:
    """The formula of a tensor, by those that it was made from.

    Each tensor once, without recursion and with a limit of the formula's
    size: one that is used twice in every step doubles it with each.

    Args:
        known: the formulas of tensors, by identity.
    """
    import keras

    stack = [y]
    while stack:
        tensor = stack[-1]
        if id(tensor) in known:
            stack.pop()
            continue
        operation, args = _made_by(tensor, label)
        symbolic = [a for a in args if isinstance(a, keras.KerasTensor)]
        missing = [a for a in symbolic if id(a) not in known]
        if missing:
            stack += missing
            continue
        kind = type(operation).__name__
        if kind == "Gelu" and operation.approximate:
            kind = "GeluApproximate"
        parts = [
            known[id(a)]
            if isinstance(a, keras.KerasTensor)
            else _number(a, kind, label)
            for a in args
        ]
        made = _apply(kind, parts, label)
        refuse_size(made)
        known[id(tensor)] = made
    formula: sympy.Expr = known[id(y)]
    return formula


def _made_by(tensor: Any, label: str) -> tuple[Any, Sequence[Any]]:
    """The operation of Keras whose result it is, and its arguments.

    An operation has a node for each of its calls.
    """
    history = getattr(tensor, "_keras_history", None)
    operation = getattr(history, "operation", None)
    nodes = getattr(operation, "_inbound_nodes", ())
    node = nodes[history.node_index] if history and nodes else None
    if node is None or not node.input_tensors:
        raise NotAnExpressionError(
            f"Cannot read {label}: expected tensors that are made from its "
            "argument, received another one."
        )
    whose = type(operation).__module__.partition(".")[0]
    name = shown(type(operation).__name__).strip("'")
    if whose != "keras" or len(node.output_tensors) != 1:
        raise NotAnExpressionError(
            f"Cannot read {label}: expected operations of Keras with one "
            f"result, received {name}."
        )
    if node.arguments.kwargs:
        raise NotAnExpressionError(
            f"Cannot read {label}: expected {name} with its tensors alone, "
            f"received {shown(sorted(node.arguments.kwargs))} too."
        )
    return operation, node.arguments.args


def _number(value: Any, kind: str, label: str) -> Any:
    if isinstance(value, sympy.Expr):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise NotAnExpressionError(
            f"Cannot read {label}: expected numbers and tensors in {kind}, "
            f"received {type(value).__name__}."
        )
    if value in (float("inf"), float("-inf")) or value != value:
        raise NotAnExpressionError(
            f"Cannot read {label}: expected finite numbers in {kind}, "
            f"received {value}."
        )
    # The decimal that was written: 0.1 means one tenth.
    return sympy.Rational(
        repr(float(value)) if isinstance(value, float) else value
    )


def _apply(kind: str, args: list[Any], label: str) -> Any:
    try:
        if kind in _BINARY and len(args) == 2:
            return _BINARY[kind](*args)
        if kind in _UNARY and len(args) == 1:
            return call(_UNARY[kind], args[0])
    except RefusedError as error:
        raise NotAnExpressionError(
            f"Cannot read {label}: expected numbers in proportion, received "
            f"{error} in {kind}."
        ) from None
    known = ", ".join(sorted([*_BINARY, *_UNARY]))
    raise NotAnExpressionError(
        f"Cannot read {label}: expected one of {known}; received {kind}."
    )


# Which function this thread reads, and what it branched on.
_READING = threading.local()
_PATCHING = threading.Lock()
_patched = 0  # by how many threads


@contextmanager
def no_branches(label: str) -> Iterator[Callable[[], None]]:
    """Within it a tensor compared with ``==`` or taken as a bool is refused.

    Keras compares symbolic tensors by identity: ``x if x == 0 else 2*x`` is
    2*x in silence.  The results of operations are Keras' own tensors too, so
    that it is their class that must know, in this thread alone.  Gives a
    function that raises again what the caller's code may have caught.
    """
    global _patched
    import keras

    kind = keras.KerasTensor
    before = getattr(_READING, "branches", None)
    branches: list[NotAnExpressionError] = []

    def refuse() -> None:
        if branches:
            raise branches[0] from None

    with _PATCHING:
        if not _patched:
            for name in _SPECIAL:
                _ORIGINAL[name] = vars(kind).get(name)
                setattr(kind, name, _refusing(name, getattr(kind, name)))
        _patched += 1
    _READING.branches, _READING.label = branches, label
    try:
        yield refuse
    finally:
        _READING.branches = before
        with _PATCHING:
            _patched -= 1
            if not _patched:
                for name, own in _ORIGINAL.items():
                    if own is None:
                        delattr(kind, name)
                    else:
                        setattr(kind, name, own)


_SPECIAL = {"__eq__": "a comparison with ==", "__bool__": "the truth value"}
_ORIGINAL: dict[str, Any] = {}


def _refusing(name: str, own: Callable[..., Any]) -> Callable[..., Any]:
    """A method of tensors that does as before in every other thread."""

    def method(self: Any, *others: Any) -> Any:
        branches = getattr(_READING, "branches", None)
        if branches is None:
            return own(self, *others)
        error = NotAnExpressionError(
            f"Cannot read {_READING.label}: expected one formula on all of "
            f"the domain, received {_SPECIAL[name]} of a tensor. It has no "
            "value here to branch on: use one formula, with abs at a kink, "
            "or give each branch and its domain to stabilize."
        )
        branches.append(error)
        raise error

    return method
