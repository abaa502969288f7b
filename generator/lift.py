"""A Python function over `keras.ops` to a sympy expression.

The function is called once with a symbolic tensor of Keras; the graph that
this records is read back.  Nothing of the function's source is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from .arithmetic import RefusedError
from .arithmetic import add
from .arithmetic import call
from .arithmetic import divide
from .arithmetic import multiply
from .arithmetic import power
from .arithmetic import subtract
from .errors import NotAnExpressionError
from .plain import shown

X = sympy.Symbol("x", real=True)

_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "Add": add,
    "Subtract": subtract,
    "Multiply": multiply,
    "Divide": divide,
    "TrueDivide": divide,
    "Power": power,
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
    "Sigmoid": lambda a: 1 / (1 + sympy.exp(-a)),
    "Softplus": lambda a: sympy.log(1 + sympy.exp(a)),
    "Sinc": lambda a: sympy.sin(sympy.pi * a) / (sympy.pi * a),
}


def lift(function: Callable[[Any], Any]) -> sympy.Expr:
    """The formula that `function` computes.

    Raises:
        NotAnExpressionError: it cannot be called with one tensor, or uses
            an operation that is no formula (a `where`, a reduction).
    """
    import keras

    x = keras.KerasTensor((None,), dtype=keras.config.floatx())
    label = shown(getattr(function, "__name__", function)).strip("'")
    try:
        y = function(x)
    except Exception as error:
        raise NotAnExpressionError(
            f"Cannot read {label}: expected a function of one tensor over "
            f"keras.ops, received {type(error).__name__}: {error}"
        ) from error
    if not keras.utils.is_keras_tensor(y):
        raise NotAnExpressionError(
            f"Cannot read {label}: expected one tensor that depends on its "
            f"argument, received {type(y).__name__}."
        )
    known: dict[int, Any] = {id(x): X}
    for operation in keras.Function(x, y).operations:
        kind = type(operation).__name__
        if kind == "InputLayer":
            continue
        node = operation._inbound_nodes[0]
        args = [known.get(id(a), a) for a in node.arguments.args]
        args = [_number(a, kind, label) for a in args]
        (output,) = node.output_tensors
        known[id(output)] = _apply(kind, args, label)
    return known[id(y)]


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
