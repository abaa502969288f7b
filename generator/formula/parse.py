"""Text to sympy through a whitelist over `ast`; nothing is evaluated.

What is kept of a text are its tokens, each matched against the grammar and
printed anew: comments, line breaks, backslashes and letters that only look
like ASCII's (Python reads a fullwidth x as x) are in none of them.
"""

from __future__ import annotations

import ast
import keyword
import re
import warnings
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import sympy

from ..errors import NotAnExpressionError
from ..errors import NotRealError
from ..errors import UnknownFunctionError
from ..numbers.special import digamma
from ..numbers.special import erfinv
from ..numbers.special import lgamma
from ..plain import shown
from .arithmetic import RefusedError
from .arithmetic import UnrealError
from .arithmetic import add
from .arithmetic import call
from .arithmetic import divide
from .arithmetic import larger
from .arithmetic import multiply
from .arithmetic import power
from .arithmetic import smaller
from .arithmetic import subtract
from .shorthand import gelu
from .shorthand import ndtr
from .shorthand import relu
from .shorthand import sigmoid
from .shorthand import silu
from .shorthand import softplus

MAX_LENGTH = 2000  # characters
MAX_DEPTH = 60  # nested operations; CPython's own parser stops near 100
MAX_DIGITS = 40  # of one number: more than any format resolves
MAX_TENS = 400  # |e| in 1e400: beyond the range of every format

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
    "square": lambda a: power(a, sympy.Integer(2)),
    "sigmoid": sigmoid,
    "expit": sigmoid,
    "logit": lambda a: sympy.log(divide(a, 1 - a)),
    "log_sigmoid": lambda a: -softplus(-a),
    "softplus": softplus,
    "silu": silu,
    "swish": silu,
    "gelu": gelu,
    "relu": relu,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "cot": sympy.cot,
    "sec": sympy.sec,
    "csc": sympy.csc,
    "asin": sympy.asin,
    "arcsin": sympy.asin,
    "acos": sympy.acos,
    "arccos": sympy.acos,
    "atan": sympy.atan,
    "arctan": sympy.atan,
    "sinh": sympy.sinh,
    "cosh": sympy.cosh,
    "tanh": sympy.tanh,
    "coth": sympy.coth,
    "sech": sympy.sech,
    "csch": sympy.csch,
    "asinh": sympy.asinh,
    "arcsinh": sympy.asinh,
    "acosh": sympy.acosh,
    "arccosh": sympy.acosh,
    "atanh": sympy.atanh,
    "arctanh": sympy.atanh,
    "erf": sympy.erf,
    "erfc": sympy.erfc,
    "erfinv": erfinv,
    "ndtr": ndtr,
    "log_ndtr": lambda a: sympy.log(ndtr(a)),
    "lgamma": lgamma,
    "gammaln": lgamma,
    "loggamma": lgamma,
    "digamma": digamma,
    "psi": digamma,
    "abs": sympy.Abs,
    "Abs": sympy.Abs,
    "sign": sympy.sign,
}
OF_TWO: dict[str, Callable[[Any, Any], sympy.Expr]] = {
    "pow": power,
    "max": larger,
    "maximum": larger,
    "min": smaller,
    "minimum": smaller,
}
JUMPS = ("floor", "ceil", "round", "trunc")  # at every whole number
CONSTANTS = {"pi": sympy.pi, "E": sympy.E, "e": sympy.E}
OPERATORS: dict[type, Callable[[sympy.Expr, sympy.Expr], sympy.Expr]] = {
    ast.Add: add,
    ast.Sub: subtract,
    ast.Mult: multiply,
    ast.Div: divide,
    ast.Pow: power,
}

_WORD = r"[A-Za-z_][A-Za-z0-9_]*"
# Not the e of 1e5, nor the x of 0x1.
_NAME = re.compile(rf"(?<![A-Za-z0-9_.]){_WORD}", re.ASCII)
_TOKEN = re.compile(
    r"(?P<space>[ \t]+)"
    r"|0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+"
    r"|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9_]+)?"
    rf"|{_WORD}"
    r"|\*\*|[-+*/^(),]",
    re.ASCII,
)
_EXAMPLE = "a formula in one variable such as '(exp(x)-1)/x'"


def parse(text: str) -> sympy.Expr:
    """A sympy expression from text such as ``"1/(1-exp(-x)) - 1/x"``.

    Accepted: numbers, one-word names, ``+ - * / **`` (``^`` is read as
    ``**``), parentheses, the constants pi and E, and the functions in
    `FUNCTIONS`, in ASCII and on one line.  A number is what is written,
    ``0.1`` one tenth.

    Raises:
        NotAnExpressionError: the text is anything else, or too large.
        UnknownFunctionError: it calls a function that is not listed.
        NotRealError: it has a number that is not real.
    """
    text = retyped(text)
    try:
        tree = _tree(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = getattr(error, "msg", None) or type(error).__name__
        raise NotAnExpressionError(
            f"Not an expression ({reason}): expected {_EXAMPLE}, received "
            f"{shown(text)}."
        ) from None
    return _convert(tree.body, text, 0)


def retyped(text: str) -> str:
    """The tokens of a formula's text, with a space where there were any.

    Raises:
        NotAnExpressionError: no text, too long, or with a character that
            no formula has.
    """
    if not isinstance(text, str):
        raise NotAnExpressionError(
            f"Not an expression: expected text, received {type(text).__name__}."
        )
    if len(text) > MAX_LENGTH:
        raise NotAnExpressionError(
            f"Expression too long: expected at most {MAX_LENGTH} "
            f"characters, received {len(text)}."
        )
    stripped = text.strip(" \t\r\n")
    if not stripped:
        raise NotAnExpressionError(
            f"Not an expression: expected {_EXAMPLE}, received empty text."
        )
    tokens = []
    at = 0
    while at < len(stripped):
        found = _TOKEN.match(stripped, at)
        if found is None:
            raise _odd_character(stripped, at)
        token = found[0].replace("^", "**")
        tokens.append(" " if found["space"] else token)
        at = found.end()
    return "".join(tokens)


def variables_of(text: str) -> list[sympy.Symbol]:
    """The variables that are written in a formula's text, in order."""
    names = {name for name in _NAME.findall(text) if is_variable(name)}
    return [sympy.Symbol(name, real=True) for name in sorted(names)]


def is_variable(name: str) -> bool:
    """Whether a formula's text may call its variable so."""
    return (
        re.fullmatch(_WORD, name, re.ASCII) is not None
        and not name.startswith("_")
        and not keyword.iskeyword(name)
        and name not in FUNCTIONS
        and name not in OF_TWO
        and name not in CONSTANTS
    )


def _tree(text: str) -> ast.Expression:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "1if" is refused, not warned of
        return ast.parse(text, mode="eval")


def _odd_character(text: str, at: int) -> NotAnExpressionError:
    """Says what the text is, if it is Python, or which character is odd."""
    try:
        nodes = list(ast.walk(_tree(text).body))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        nodes = []
    for node in nodes:
        if isinstance(node, ast.Constant):
            if type(node.value) not in (int, float):
                return _reject(node, text, f"a {type(node.value).__name__}")
        elif isinstance(node, (ast.expr, ast.comprehension)) and not isinstance(
            node, (ast.Name, ast.UnaryOp, ast.BinOp, ast.Call)
        ):
            return _reject(node, text, type(node).__name__)
    return NotAnExpressionError(
        f"Not an expression (the character {text[at]!a} at {at}): "
        f"expected {_EXAMPLE}, in ASCII, on one line and without comments, "
        f"received {shown(text)}."
    )


def _reject(node: ast.AST, text: str, what: str) -> NotAnExpressionError:
    segment = ast.get_source_segment(text, node) or text  # type: ignore[arg-type]
    return NotAnExpressionError(
        f"Not mathematics ({what}): expected numbers, a variable, "
        f"+ - * / ** and known functions, received {shown(segment)}."
    )


def _number(node: ast.Constant, text: str) -> sympy.Expr:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _reject(node, text, f"a {type(value).__name__}")
    if isinstance(value, int):
        mantissa, tens = str(value), "0"
    else:
        # As written: 0.1 means one tenth, not the nearest double.
        literal = ast.get_source_segment(text, node) or repr(value)
        mantissa, _, tens = literal.lower().replace("_", "").partition("e")
    digits = sum(c.isdigit() for c in mantissa)
    if digits > MAX_DIGITS or abs(int(tens or "0")) > MAX_TENS:
        raise _reject(node, text, "a number out of proportion")
    exact = Fraction(f"{mantissa}e{tens or 0}")
    return sympy.Rational(exact.numerator, exact.denominator)


def _convert(node: ast.AST, text: str, depth: int) -> sympy.Expr:
    if depth > MAX_DEPTH:
        raise _reject(node, text, f"nested deeper than {MAX_DEPTH}")
    if isinstance(node, ast.Constant):
        return _number(node, text)
    if isinstance(node, ast.Name):
        if node.id in CONSTANTS:
            return CONSTANTS[node.id]
        if node.id in FUNCTIONS or node.id in OF_TWO:
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
        operation = OPERATORS[type(node.op)]
        return _made(lambda: operation(left, right), node, text)
    if isinstance(node, ast.Call):
        return _call(node, text, depth)
    raise _reject(node, text, type(node).__name__)


def _made(
    operation: Callable[[], sympy.Expr], node: ast.AST, text: str
) -> sympy.Expr:
    """The result of an operation on numbers and functions of the variable."""
    try:
        return operation()
    except UnrealError:
        segment = ast.get_source_segment(text, node)  # type: ignore[arg-type]
        raise NotRealError(
            "Not real: expected a formula whose numbers are real, received "
            f"{shown(segment or text)}."
        ) from None
    except RefusedError as error:
        raise _reject(node, text, str(error)) from None


def _call(node: ast.Call, text: str, depth: int) -> sympy.Expr:
    if not isinstance(node.func, ast.Name):
        raise _reject(node, text, "a call of something that is no name")
    name = node.func.id
    if name.startswith("_"):
        raise _reject(node, text, "a name beginning with _")
    if name in JUMPS:
        raise UnknownFunctionError(
            f"Not continuous: expected functions that do not jump, received "
            f"{name}, which does at whole numbers; give one step and its "
            "domain."
        )
    if name not in FUNCTIONS and name not in OF_TWO:
        raise UnknownFunctionError(
            f"Unknown function: expected one of "
            f"{', '.join(sorted({*FUNCTIONS, *OF_TWO}))}; received "
            f"{shown(name)}."
        )
    count = 2 if name in OF_TWO else 1
    if len(node.args) != count or node.keywords:
        what = f"{name} takes {('one argument', 'two arguments')[count - 1]}"
        raise _reject(node, text, what)
    args = [_convert(a, text, depth + 1) for a in node.args]
    if count == 2:
        return _made(lambda: OF_TWO[name](*args), node, text)
    return _made(lambda: call(FUNCTIONS[name], *args), node, text)
