"""What operations of Keras compute, by the names of their classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from ..numbers.special import erfinv
from .arithmetic import add
from .arithmetic import divide
from .arithmetic import larger
from .arithmetic import multiply
from .arithmetic import power
from .arithmetic import smaller
from .arithmetic import subtract
from .derivative import derivative
from .meant import number
from .parse import parse
from .shorthand import elu
from .shorthand import gelu
from .shorthand import gelu_tanh
from .shorthand import hard_sigmoid
from .shorthand import log_of_sum
from .shorthand import relu
from .shorthand import sigmoid
from .shorthand import silu
from .shorthand import softplus

Two = Callable[[sympy.Expr, sympy.Expr], sympy.Expr]

BINARY: dict[str, Two] = {
    "Add": add,
    "Subtract": subtract,
    "Multiply": multiply,
    "Divide": divide,
    "TrueDivide": divide,
    "DivideNoNan": divide,
    "Power": power,
    "Maximum": larger,
    "Minimum": smaller,
    "Logaddexp": lambda a, b: log_of_sum([a, b]),
    "Logaddexp2": lambda a, b: (
        sympy.log(add(power(sympy.Integer(2), a), power(sympy.Integer(2), b)))
        / sympy.log(2)
    ),
    "Hypot": lambda a, b: sympy.sqrt(add(multiply(a, a), multiply(b, b))),
}
UNARY: dict[str, Callable[[Any], sympy.Expr]] = {
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
    "Reciprocal": lambda a: divide(sympy.Integer(1), a),
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
    "Deg2rad": lambda a: a * sympy.pi / 180,
    "Rad2deg": lambda a: a * 180 / sympy.pi,
    "Erf": sympy.erf,
    "Erfinv": erfinv,
    "Sign": sympy.sign,
    "Sigmoid": sigmoid,
    "LogSigmoid": lambda a: -softplus(-a),
    "Softplus": softplus,
    "Softsign": lambda a: a / (1 + sympy.Abs(a)),
    "TanhShrink": lambda a: a - sympy.tanh(a),
    "Silu": silu,
    "Gelu": gelu,
    "GeluApproximate": gelu_tanh,
    "Relu": relu,
    "Relu6": lambda a: smaller(relu(a), sympy.Integer(6)),
    "HardTanh": lambda a: smaller(
        larger(a, sympy.Integer(-1)), sympy.Integer(1)
    ),
    "HardSigmoid": hard_sigmoid,
    "HardSilu": lambda a: a * hard_sigmoid(a),
    "Selu": lambda a: (
        sympy.Rational("1.0507009873554805")
        * (elu(a, sympy.Rational("1.6732632423543772")))
    ),
    "Sinc": lambda a: sympy.sin(sympy.pi * a) / (sympy.pi * a),
    "OnesLike": lambda a: sympy.Integer(1),
    "ZerosLike": lambda a: sympy.Integer(0),
    # What keeps every number as it is.
    "Array": lambda a: a,
    "Cast": lambda a: a,
    "ConvertToTensor": lambda a: a,
    "Real": lambda a: a,
    "StopGradient": lambda a: a,
}


def of_number(made: Two, name: str) -> Any:
    """An operation with a number among its attributes."""

    def apply(operation: Any, a: sympy.Expr) -> sympy.Expr | None:
        value = number(getattr(operation, name, None))
        return None if value is None else made(a, value)

    return apply


def _relu_layer(operation: Any, a: sympy.Expr) -> sympy.Expr | None:
    """keras.activations.relu with its arguments."""
    most = operation.max_value
    parts = [number(operation.negative_slope), number(operation.threshold)]
    if parts[1] != 0 or parts[0] is None:
        return None
    made = relu(a) + parts[0] * smaller(a, sympy.Integer(0))
    top = number(most)
    return made if most is None or top is None else smaller(made, top)


# With the operation itself, since it has numbers of its own.
CONFIGURED: dict[str, Callable[[Any, sympy.Expr], sympy.Expr | None]] = {
    "Elu": of_number(elu, "alpha"),
    "Celu": of_number(
        lambda a, s: (
            relu(a) + s * (sympy.exp(smaller(a, sympy.Integer(0)) / s) - 1)
        ),
        "alpha",
    ),
    "LeakyRelu": of_number(
        lambda a, s: relu(a) + s * smaller(a, sympy.Integer(0)),
        "negative_slope",
    ),
    "Squareplus": of_number(lambda a, b: (a + sympy.sqrt(a**2 + b)) / 2, "b"),
    "ReLU": _relu_layer,
}

REDUCTIONS: dict[str, Callable[[list[sympy.Expr]], sympy.Expr]] = {
    "Logsumexp": lambda parts: log_of_sum(parts),
    "Sum": lambda parts: sympy.Add(*parts),
    "Mean": lambda parts: sympy.Add(*parts) / len(parts),
    "Prod": lambda parts: sympy.Mul(*parts),
    "Max": lambda parts: _folded(larger, parts),
    "Min": lambda parts: _folded(smaller, parts),
}


def _folded(two: Two, parts: list[sympy.Expr]) -> sympy.Expr:
    made = parts[0]
    for part in parts[1:]:
        made = two(made, part)
    return made


COMPARISONS = {
    "Less": "<",
    "LessEqual": "<=",
    "Greater": ">",
    "GreaterEqual": ">=",
    "Equal": "==",
    "NotEqual": "!=",
}
TRUTHS = {"Isnan": "nan", "Isfinite": "finite", "Isinf": "inf"}
JUMPS = ("Floor", "Ceil", "Round", "Trunc", "FloorDivide", "Mod", "Fmod")
SHAPES = (
    *("Reshape", "Squeeze", "ExpandDims", "Transpose", "BroadcastTo"),
    *("Concatenate", "Flip", "Tile", "Repeat", "GetItem", "Ravel"),
)


def composed(operation: Any) -> Callable[[sympy.Expr], sympy.Expr]:
    """The formula of an op of this package, or its derivative."""
    expr = parse(operation.expression)
    (variable,) = expr.free_symbols
    slope = derivative(expr, variable, operation.order)
    return lambda a: slope.xreplace({variable: a})


def hint(kind: str) -> str:
    """What to do about an operation that no formula has; a sentence."""
    if kind in REDUCTIONS or kind in ("Var", "Std", "Norm", "Cumsum"):
        return (
            " One number goes in and one comes out: leave the reduction out, "
            "and apply it to what the op gives."
        )
    if kind in JUMPS:
        return " It jumps at whole numbers: give one step, and its domain."
    if kind in ("Cast", "ConvertToTensor", "Array"):
        return " It rounds to whole numbers: cast to floats alone."
    if kind in SHAPES:
        return " Leave shapes to who calls the op, which keeps them."
    known = ", ".join(
        sorted(
            [
                *(k for k in BINARY if k != "Divide"),
                *(k for k in UNARY if k != "GeluApproximate"),
                *CONFIGURED,
                *COMPARISONS,
                *("Where", "Clip", "NanToNum", "FullLike"),
            ]
        )
    )
    return f" Known are {known}."


def is_single(operation: Any, tensor: Any) -> bool:
    """Whether a reduction is over axes of one number each."""
    axis = operation.axis
    if axis is None or getattr(operation, "initial", None) is not None:
        return False
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    return all(tensor.shape[k] == 1 for k in axes)
