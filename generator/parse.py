"""Text to sympy through a whitelist over `ast`; nothing is evaluated."""

from __future__ import annotations

import ast
from collections.abc import Callable
from fractions import Fraction

import sympy

from .errors import NotAnExpressionError
from .errors import UnknownFunctionError

MAX_LENGTH = 2000  # characters
MAX_DEPTH = 60  # nested operations; CPython's own parser stops near 100
MAX_DIGITS = 40  # of one number: more than any format resolves
MAX_EXPONENT = 64  # |a| in a power x**a

FUNCTIONS: dict[str, Callable[..., sympy.Expr]] = {
    "exp": sympy.exp,
    "log": sympy.log,
    "ln": sympy.log,
    "sqrt": sympy.sqrt,
    "cbrt": lambda a: a ** sympy.Rational(1, 3),
    "expm1": lambda a: sympy.exp(a) - 1,
    "log1p": lambda a: sympy.log(1 + a),
    "log2": lambda a: sympy.log(a) / sympy.log(2),
    "log10": lambda a: sympy.log(a) / sympy.log(10),
    "sigmoid": lambda a: 1 / (1 + sympy.exp(-a)),
    "softplus": lambda a: sympy.log(1 + sympy.exp(a)),
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "cot": sympy.cot,
    "sec": sympy.sec,
    "csc": sympy.csc,
    "asin": sympy.asin,
    "acos": sympy.acos,
    "atan": sympy.atan,
    "sinh": sympy.sinh,
    "cosh": sympy.cosh,
    "tanh": sympy.tanh,
    "coth": sympy.coth,
    "sech": sympy.sech,
    "csch": sympy.csch,
    "asinh": sympy.asinh,
    "acosh": sympy.acosh,
    "atanh": sympy.atanh,
    "erf": sympy.erf,
    "erfc": sympy.erfc,
    "abs": sympy.Abs,
    "Abs": sympy.Abs,
}
CONSTANTS = {"pi": sympy.pi, "E": sympy.E, "e": sympy.E}
OPERATORS = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
}


def parse(text: str) -> sympy.Expr:
    """A sympy expression from text such as ``"1/(1-exp(-x)) - 1/x"``.

    Accepted: numbers, one-word names, ``+ - * / **`` (``^`` is read as
    ``**``), parentheses, the constants pi and E, and the functions in
    `FUNCTIONS`.

    Raises:
        NotAnExpressionError: the text is anything else, or too large.
        UnknownFunctionError: it calls a function that is not listed.
    """
    if not isinstance(text, str):
        raise NotAnExpressionError(
            f"Not an expression: expected text, received {type(text).__name__}."
        )
    if not text.strip():
        raise NotAnExpressionError(
            "Not an expression: expected a formula in one variable such as "
            "'(exp(x)-1)/x', received empty text."
        )
    if len(text) > MAX_LENGTH:
        raise NotAnExpressionError(
            f"Expression too long: expected at most {MAX_LENGTH} "
            f"characters, received {len(text)}."
        )
    text = text.strip().replace("^", "**")
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = getattr(error, "msg", None) or type(error).__name__
        raise NotAnExpressionError(
            f"Not an expression ({reason}): expected a formula in one "
            f"variable such as '(exp(x)-1)/x', received {_shown(text)}."
        ) from None
    return _convert(tree.body, text, 0)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _reject(node: ast.AST, text: str, what: str) -> NotAnExpressionError:
    segment = ast.get_source_segment(text, node) or text  # type: ignore[arg-type]
    return NotAnExpressionError(
        f"Not mathematics ({what}): expected numbers, a variable, "
        f"+ - * / ** and known functions, received {_shown(segment)}."
    )


def _number(node: ast.Constant, text: str) -> sympy.Expr:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _reject(node, text, f"a {type(value).__name__}")
    # The literal as written: 0.1 means one tenth, not the nearest double.
    literal = (ast.get_source_segment(text, node) or repr(value)).replace(
        "_", ""
    )
    digits = sum(c.isdigit() for c in literal.lower().split("e")[0])
    exponent = literal.lower().split("e")[1] if "e" in literal.lower() else "0"
    if literal.lower().startswith(("0x", "0b", "0o")):
        literal, exponent = str(value), "0"
    if digits > MAX_DIGITS or abs(int(exponent)) > 400:
        raise _reject(node, text, "a number out of proportion")
    exact = Fraction(literal)
    return sympy.Rational(exact.numerator, exact.denominator)


def _convert(node: ast.AST, text: str, depth: int) -> sympy.Expr:
    if depth > MAX_DEPTH:
        raise _reject(node, text, f"nested deeper than {MAX_DEPTH}")
    if isinstance(node, ast.Constant):
        return _number(node, text)
    if isinstance(node, ast.Name):
        if node.id in CONSTANTS:
            return CONSTANTS[node.id]
        if node.id in FUNCTIONS:
            raise _reject(node, text, "a function without its argument")
        if node.id.startswith("_"):
            raise _reject(node, text, "a name beginning with _")
        return sympy.Symbol(node.id, real=True)
    if isinstance(node, ast.UnaryOp):
        inner = _convert(node.operand, text, depth + 1)
        if isinstance(node.op, ast.USub):
            return -inner
        if isinstance(node.op, ast.UAdd):
            return inner
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        left = _convert(node.left, text, depth + 1)
        right = _convert(node.right, text, depth + 1)
        return _binary(node, text, left, right)
    if isinstance(node, ast.Call):
        return _call(node, text, depth)
    raise _reject(node, text, type(node).__name__)


def _binary(
    node: ast.BinOp, text: str, left: sympy.Expr, right: sympy.Expr
) -> sympy.Expr:
    operator = OPERATORS[type(node.op)]
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return left * right
    if operator == "/":
        if right == 0:
            raise _reject(node, text, "a division by zero")
        return left / right
    if right.is_number and not (
        right.is_real and abs(sympy.N(right)) <= MAX_EXPONENT
    ):
        raise _reject(node, text, f"an exponent beyond {MAX_EXPONENT}")
    if left == 0 and right.is_number and right <= 0:
        raise _reject(node, text, "a non-positive power of zero")
    power = left**right
    _, exponent = power.as_base_exp()
    if exponent.is_number and abs(sympy.N(exponent)) > MAX_EXPONENT:
        raise _reject(node, text, f"an exponent beyond {MAX_EXPONENT}")
    return power


def _call(node: ast.Call, text: str, depth: int) -> sympy.Expr:
    if not isinstance(node.func, ast.Name):
        raise _reject(node, text, "a call of something that is no name")
    name = node.func.id
    if name.startswith("_"):
        raise _reject(node, text, "a name beginning with _")
    if name not in FUNCTIONS:
        raise UnknownFunctionError(
            f"Unknown function: expected one of "
            f"{', '.join(sorted(FUNCTIONS))}; received {_shown(name)}."
        )
    if len(node.args) != 1 or node.keywords:
        raise _reject(node, text, f"{name} takes one argument")
    return FUNCTIONS[name](_convert(node.args[0], text, depth + 1))
