"""FPCore 2.0 of one argument, in which the field's benchmarks are written.

Read into a formula's text and a domain, which go on to `parse` and
`domain` like any other; and a formula written as FPCore.  Source: Damouche
and others, *Toward a standard benchmark format and suite for floating-point
analysis*, 2016; fpbench.org/spec/fpcore-2.0.html.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy

from ..errors import NotAnExpressionError
from ..plain import shown
from .parse import MAX_DEPTH
from .parse import is_variable

MAX_TEXT = 20_000  # characters
_TOKEN = re.compile(
    r"\s*(?:;[^\n]*\n\s*)*"
    r'(?P<found>[()\[\]]|"[^"\\]*"|[^\s()\[\]";]+)',
    re.ASCII,
)
_REST = re.compile(r"\s*(?:;[^\n]*(?:\n\s*|\Z))*")  # comments, at the end
_NUMBER = re.compile(
    r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?:/\d+)?", re.ASCII
)
_CALLS = {
    **{
        name: name
        for name in (
            *("exp", "expm1", "exp2", "log", "log1p", "log2", "log10"),
            *("sqrt", "cbrt", "sin", "cos", "tan", "asin", "acos", "atan"),
            *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf"),
            "erfc",
        )
    },
    "fabs": "abs",
}
_TWO = {"pow": "pow", "fmax": "max", "fmin": "min"}
_CONSTANTS = {
    "PI": "pi",
    "E": "E",
    "PI_2": "(pi/2)",
    "PI_4": "(pi/4)",
    "M_1_PI": "(1/pi)",
    "M_2_PI": "(2/pi)",
    "M_2_SQRTPI": "(2/sqrt(pi))",
    "LN2": "log(2)",
    "LN10": "log(10)",
    "LOG2E": "(1/log(2))",
    "LOG10E": "(1/log(10))",
    "SQRT2": "sqrt(2)",
    "SQRT1_2": "sqrt(1/2)",
}


@dataclass(frozen=True)
class Core:
    """What an FPCore says.

    Attributes:
        formula: as text.
        domain: by its :pre; all reals without one.
        name: by its :name, or None.
    """

    formula: str
    domain: tuple[str, str]
    name: str | None


def is_fpcore(text: str) -> bool:
    """Whether a text is one, and no formula."""
    return re.match(r"\s*(;[^\n]*\n\s*)*\(FPCore\b", text) is not None


def read_fpcore(text: str) -> Core:
    """The formula, the domain and the name of an FPCore in one argument.

    Raises:
        NotAnExpressionError: it is none, or has what no formula has (a
            loop, a condition, several arguments).
    """
    try:
        return _read(text)
    except NotAnExpressionError:
        raise
    except (ValueError, TypeError, LookupError):  # of lists of other lengths
        raise _refused("an FPCore", text) from None


def _read(text: str) -> Core:
    tree = _tree(text)
    items = tree[1:]
    name = None
    if items and isinstance(items[0], str):
        name, items = items[0], items[1:]
    if not items or not isinstance(items[0], list) or len(items[0]) != 1:
        raise _refused("one argument", items[0] if items else "nothing")
    argument = items[0][0]
    if isinstance(argument, list):  # (! :precision binary32 x)
        argument = argument[-1]
    *rest, body = items[1:] or [None]
    if body is None or len(rest) % 2:
        raise _refused("properties and one expression", shown(text))
    properties = dict(zip(rest[::2], rest[1::2], strict=True))
    variable = str(argument)
    if not is_variable(variable):
        variable = "x"
    formula = _infix(body, {str(argument): variable}, 0)
    low, high = _interval(properties.get(":pre"), str(argument))
    label = properties.get(":name")
    named = label.strip('"') if isinstance(label, str) else name
    return Core(formula, (low, high), _identifier(named))


def _identifier(name: str | None) -> str | None:
    """A name that an op may have, made of a title."""
    words = re.findall(r"[a-z0-9]+", (name or "").lower())
    found = "_".join(words)
    return found if found[:1].isalpha() else None


def _refused(expected: str, received: Any) -> NotAnExpressionError:
    return NotAnExpressionError(
        f"Cannot read this FPCore: expected {expected}, received "
        f"{shown(_plain(received))}."
    )


def _plain(tree: Any) -> str:
    if isinstance(tree, list):
        return f"({' '.join(map(_plain, tree))})"
    return str(tree)


def _tree(text: str) -> list[Any]:
    """The lists of an FPCore's text; the first is the whole."""
    if len(text) > MAX_TEXT:
        raise _refused(f"at most {MAX_TEXT} characters", f"{len(text)}")
    stack: list[list[Any]] = [[]]
    at = 0
    while _REST.fullmatch(text, at) is None:
        found = _TOKEN.match(text, at)
        if found is None:
            raise _refused("tokens of FPCore", text[at : at + 20])
        at, token = found.end(), found["found"]
        if token in "([":
            stack.append([])
            if len(stack) > MAX_DEPTH:
                raise _refused(f"at most {MAX_DEPTH} nested lists", "more")
        elif token in ")]":
            if len(stack) < 2:
                raise _refused("one list", "a bracket too many")
            made = stack.pop()
            stack[-1].append(made)
        else:
            stack[-1].append(token)
    if len(stack) != 1 or len(stack[0]) != 1 or not stack[0][0]:
        raise _refused("one list", f"{len(stack[0])} of them, or one open")
    whole: list[Any] = stack[0][0]
    return whole


def _infix(tree: Any, known: dict[str, str], depth: int) -> str:
    """An expression as a formula's text.

    Args:
        known: the text of each name.
    """
    made = _text(tree, known, depth)
    if len(made) > MAX_TEXT:  # names of names double it at each step
        raise _refused(f"a formula of at most {MAX_TEXT} characters", "more")
    return made


def _text(tree: Any, known: dict[str, str], depth: int) -> str:
    if isinstance(tree, str):
        return _atom(tree, known)
    if not tree or not isinstance(tree[0], str):
        raise _refused("a call", tree)
    head, *args = tree
    if head in ("let", "let*") and len(args) == 2:
        inner = dict(known)
        for name, value in args[0]:
            scope = inner if head == "let*" else known
            inner[str(name)] = f"({_infix(value, scope, depth + 1)})"
        return _infix(args[1], inner, depth + 1)
    if head in ("!", "cast"):
        return _infix(args[-1], known, depth + 1)
    texts = [_infix(a, known, depth + 1) for a in args]
    if sum(map(len, texts)) > MAX_TEXT:
        raise _refused(f"a formula of at most {MAX_TEXT} characters", "more")
    calls = [f"({t})" for t in texts]
    texts = [t if t.isalnum() else f"({t})" for t in texts]
    if head == "-" and len(texts) == 1:
        return f"-{texts[0]}"
    if head in ("+", "-", "*", "/") and len(texts) >= 2:
        return head.join(texts)
    if head == "fma" and len(texts) == 3:
        return f"{texts[0]}*{texts[1]}+{texts[2]}"
    if head == "hypot" and len(texts) == 2:
        return f"sqrt({texts[0]}**2+{texts[1]}**2)"
    if head in _CALLS and len(texts) == 1:
        return f"{_CALLS[head]}{calls[0]}".replace("exp2(", "pow(2,")
    if head in _TWO and len(texts) == 2:
        return f"{_TWO[head]}({','.join(texts)})"
    raise _refused(
        f"one of + - * / fma hypot let {' '.join((*_CALLS, *_TWO))}", tree
    )


def _atom(token: str, known: dict[str, str]) -> str:
    if token in known:
        return known[token]
    if token in _CONSTANTS:
        return _CONSTANTS[token]
    if _NUMBER.fullmatch(token):
        return token if token.isalnum() else f"({token.replace('+', '')})"
    raise _refused("a number, a constant or its argument", token)


def _interval(tree: Any, argument: str) -> tuple[str, str]:
    """The ends that a :pre gives its argument."""
    low, high = "-oo", "oo"
    if tree is None:
        return low, high
    if not isinstance(tree, list) or not tree:
        raise _refused("comparisons in :pre", tree)
    head, *args = tree
    if head == "and":
        for part in args:
            one, two = _interval(part, argument)
            low, high = _inner(low, one, 1), _inner(high, two, -1)
        return low, high
    if head not in ("<", "<=", ">", ">=") or argument not in args:
        raise _refused("comparisons of its argument in :pre", tree)
    at = args.index(argument)
    before = args[at - 1] if at else None
    after = args[at + 1] if at + 1 < len(args) else None
    if head in (">", ">="):
        before, after = after, before
    if before is not None:
        low = _infix(before, {}, 0)
    if after is not None:
        high = _infix(after, {}, 0)
    return low, high


def _inner(one: str, two: str, side: int) -> str:
    """Of two ends the one that leaves less of the line."""
    if one == two or two in ("-oo", "oo"):
        return one
    if one in ("-oo", "oo"):
        return two
    from .parse import parse

    further = (side * (parse(two) - parse(one))).is_positive
    if further is None:
        raise _refused("ends in :pre that can be compared", f"{one}, {two}")
    return two if further else one


# -- out ---------------------------------------------------------------------

_WRITTEN = {
    sympy.Abs: "fabs",
    **{
        getattr(sympy, name): name
        for name in _CALLS.values()
        if isinstance(getattr(sympy, name, None), sympy.FunctionClass)
    },
}


def to_fpcore(
    expr: sympy.Expr, name: str, domain: tuple[str, str], precision: str
) -> str:
    """An FPCore of a formula in one variable.

    Args:
        domain: its ends, as text.
        precision: as FPCore calls it, such as binary32.

    Raises:
        NotAnExpressionError: a function that FPCore has not.
    """
    (variable,) = expr.free_symbols
    low, high = domain
    ends = [] if low == "-oo" else [f"(<= {_end(low)} {variable})"]
    ends += [] if high == "oo" else [f"(<= {variable} {_end(high)})"]
    pre = f" :pre (and {' '.join(ends)})" if len(ends) == 2 else ""
    pre = f" :pre {ends[0]}" if len(ends) == 1 else pre
    return (
        f'(FPCore ({variable}) :name "{name}" :precision {precision}{pre}\n'
        f"  {_prefix(expr)})\n"
    )


def _end(text: str) -> str:
    from .parse import parse

    return _prefix(parse(text))


def _prefix(node: sympy.Expr) -> str:
    if node.is_Rational:
        value = Fraction(int(node.p), int(node.q))
        if value.denominator == 1:
            return str(value.numerator)
        return f"(/ {value.numerator} {value.denominator})"
    if node is sympy.pi or node is sympy.E:
        return {sympy.pi: "PI", sympy.E: "E"}[node]
    if node.is_Symbol:
        return str(node)
    if node.is_Add or node.is_Mul:
        # FPCore's take two.
        sign = "+" if node.is_Add else "*"
        made = _prefix(node.args[0])
        for part in node.args[1:]:
            made = f"({sign} {made} {_prefix(part)})"
        return made
    if node.is_Pow:
        if node.exp == sympy.Rational(1, 2):
            return f"(sqrt {_prefix(node.base)})"
        if node.exp == -1:
            return f"(/ 1 {_prefix(node.base)})"
        if node.exp.is_Integer and node.exp < 0:
            return f"(/ 1 {_prefix(node.base**-node.exp)})"
        return f"(pow {_prefix(node.base)} {_prefix(node.exp)})"
    if type(node) in _WRITTEN:
        return f"({_WRITTEN[type(node)]} {_prefix(node.args[0])})"
    raise NotAnExpressionError(
        "Cannot write this as FPCore: expected arithmetic and functions that "
        f"it has, received {shown(node)}."
    )
