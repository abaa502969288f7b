"""Formulas as trees, read from text through a whitelist over `ast`.

The trees know few functions: exp, log, sin, cos, atan, asin, erf and abs
(error_function.py makes erfc of some sums),
sums, products, quotients and rational powers.  The others are written in
these, tanh(a) as (exp(2 a) - 1) / (exp(2 a) + 1), and so are roots of even
powers: sqrt(a**2) is abs(a).
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace
from fractions import Fraction


class Unreadable(ValueError):  # noqa: N818
    """The text is no formula that the checker knows."""


@dataclass(frozen=True)
class Node:
    """An operation, its arguments, and a number where it has one.

    Attributes:
        name: "x", "number", "pi", "add", "mul", "div", "pow", "poly" or a
            function.
        args: the arguments.
        value: of a number; the exponent of a power.
        numbers: the coefficients of a polynomial, of degree 0 first.
    """

    name: str
    args: tuple[Node, ...] = ()
    value: Fraction = Fraction(0)
    numbers: tuple[Fraction, ...] = ()

    def __hash__(self) -> int:
        # Trees share parts: a hash that walks them would take for ever.
        return hash((self.name, self.value, tuple(map(id, self.args))))

    def __add__(self, other: Node) -> Node:
        return Node("add", (self, other))

    def __sub__(self, other: Node) -> Node:
        return Node("add", (self, -other))

    def __neg__(self) -> Node:
        return Node("mul", (number(-1), self))

    def __mul__(self, other: Node) -> Node:
        return Node("mul", (self, other))

    def __truediv__(self, other: Node) -> Node:
        if other.name == "div":  # 1 / (sin / cos): cos may vanish
            return Node("div", (self * other.args[1], other.args[0]))
        return Node("div", (self, other))

    def __pow__(self, exponent: Fraction | int) -> Node:
        e = Fraction(exponent)
        if self.name == "pow" and e.denominator != 1:
            inner = self.value
            if inner.denominator == 1 and inner % 2 == 0:  # even powers
                return call("abs", self.args[0]) ** (inner * e)
        if self.name == "abs" and e.denominator == 1 and e % 2 == 0:
            return self.args[0] ** e
        return Node("pow", (self,), e)


X = Node("x")


def number(value: Fraction | int) -> Node:
    """An exact number."""
    return Node("number", (), Fraction(value))


ONE, TWO = number(1), number(2)
MOST_DIGITS, LONGEST_EXPONENT = 5000, 5  # of one number; with its sign
MOST_POWER = 2**16
HALF = Fraction(1, 2)


def call(name: str, a: Node) -> Node:
    """The function `name` of a."""
    return Node(name, (a,))


def exp(a: Node) -> Node:
    """exp(a)."""
    return call("exp", a)


def log(a: Node) -> Node:
    """log(a)."""
    return call("log", a)


def _tanh(a: Node) -> Node:
    e = exp(TWO * a)
    return (e - ONE) / (e + ONE)


def _tan(a: Node) -> Node:
    return call("sin", a) / call("cos", a)


def _sigmoid(a: Node) -> Node:
    return ONE / (ONE + exp(-a))


def _ndtr(a: Node) -> Node:
    return (ONE + call("erf", a / TWO**HALF)) / TWO


def _silu(a: Node) -> Node:
    return a * _sigmoid(a)


def _larger(a: Node, b: Node) -> Node:
    return (a + b + call("abs", a - b)) / TWO


def _smaller(a: Node, b: Node) -> Node:
    return (a + b - call("abs", a - b)) / TWO


_OF_TWO: dict[str, Callable[[Node, Node], Node]] = {
    "max": _larger,
    "maximum": _larger,
    "min": _smaller,
    "minimum": _smaller,
}
_FUNCTIONS: dict[str, Callable[[Node], Node]] = {
    **{
        name: (lambda a, name=name: call(name, a))  # type: ignore[misc]
        for name in ("exp", "log", "sin", "cos", "atan", "asin", "erf", "abs")
    },
    "Abs": lambda a: call("abs", a),
    "ln": log,
    "sqrt": lambda a: a**HALF,
    "cbrt": lambda a: a ** Fraction(1, 3),
    "expm1": lambda a: exp(a) - ONE,
    "log1p": lambda a: log(ONE + a),
    "log2": lambda a: log(a) / log(TWO),
    "log10": lambda a: log(a) / log(number(10)),
    "square": lambda a: a**2,
    "sigmoid": _sigmoid,
    "expit": _sigmoid,
    "logit": lambda a: log(a / (ONE - a)),
    "log_sigmoid": lambda a: -log(ONE + exp(-a)),
    "softplus": lambda a: log(ONE + exp(a)),
    "silu": _silu,
    "swish": _silu,
    "ndtr": _ndtr,
    "log_ndtr": lambda a: log(_ndtr(a)),
    "gelu": lambda a: a * (ONE + call("erf", a / TWO**HALF)) / TWO,
    "relu": lambda a: _larger(a, number(0)),
    "sign": lambda a: a / call("abs", a),
    "tan": _tan,
    "cot": lambda a: call("cos", a) / call("sin", a),
    "sec": lambda a: ONE / call("cos", a),
    "csc": lambda a: ONE / call("sin", a),
    "acos": lambda a: Node("pi") / TWO - call("asin", a),
    "sinh": lambda a: (exp(a) - exp(-a)) / TWO,
    "cosh": lambda a: (exp(a) + exp(-a)) / TWO,
    "tanh": _tanh,
    "coth": lambda a: ONE / _tanh(a),
    "sech": lambda a: TWO / (exp(a) + exp(-a)),
    "csch": lambda a: TWO / (exp(a) - exp(-a)),
    "asinh": lambda a: log(a + (a**2 + ONE) ** HALF),
    "acosh": lambda a: log(a + (a**2 - ONE) ** HALF),
    "atanh": lambda a: log((ONE + a) / (ONE - a)) / TWO,
    "erfc": lambda a: ONE - call("erf", a),
}
for _name in ("sin", "cos", "tan", "sinh", "cosh", "tanh"):
    _FUNCTIONS[f"arc{_name}"] = _FUNCTIONS[f"a{_name}"]


def read(text: str) -> Node:
    """The tree of a formula in x.

    Raises:
        Unreadable: anything else.
    """
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError) as error:
        raise Unreadable(
            f"Not a formula: expected one in x, received {text!r} ({error})."
        ) from None
    try:
        return _Reader(text).node(tree)
    except RecursionError:
        raise Unreadable(
            f"Not a formula: expected one of bounded depth, received "
            f"{text[:80]!r} ..."
        ) from None


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.made: dict[str, Node] = {}
        self.sizes: dict[int, float | None] = {}

    def node(self, tree: ast.expr) -> Node:
        """Equal parts become one node."""
        key = ast.dump(tree)
        if key not in self.made:
            made = self._node(tree)
            try:
                self._size(made)
            except OverflowError:
                raise Unreadable(
                    "A constant out of range: expected one that a float64 "
                    f"may hold, received {ast.unparse(tree)[:80]!r}."
                ) from None
            self.made[key] = made
        return self.made[key]

    def _size(self, node: Node) -> float | None:
        """About what a constant is; None where x is in it.

        Balls take towers of powers such as 9**9**9**9 for ever.

        Raises:
            OverflowError: it is above every float64.
        """
        key = id(node)
        if key not in self.sizes:
            if node.name == "x":
                self.sizes[key] = None
            else:
                parts = [self._size(a) for a in node.args]
                known = [p for p in parts if p is not None]
                whole = len(known) == len(parts)
                self.sizes[key] = _float(node, known) if whole else None
        return self.sizes[key]

    def _node(self, tree: ast.expr) -> Node:
        if isinstance(tree, ast.Constant):
            if type(tree.value) in (int, float):
                shown = ast.get_source_segment(self.text, tree)
                return number(literal(shown or str(tree.value)))
        elif isinstance(tree, ast.Name):
            if tree.id == "x":
                return X
            if tree.id == "pi":
                return Node("pi")
            if tree.id in ("E", "e"):
                return exp(ONE)
        elif isinstance(tree, ast.UnaryOp):
            inner = self.node(tree.operand)
            if isinstance(tree.op, ast.USub):
                return -inner
            if isinstance(tree.op, ast.UAdd):
                return inner
        elif isinstance(tree, ast.BinOp):
            return self._operation(tree)
        elif isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
            name = tree.func.id
            if name in _FUNCTIONS and len(tree.args) == 1:
                return _FUNCTIONS[name](self.node(tree.args[0]))
            if name in _OF_TWO and len(tree.args) == 2:
                return _OF_TWO[name](*map(self.node, tree.args))
            if name == "pow" and len(tree.args) == 2:
                base, exponent = tree.args
                return self._operation(ast.BinOp(base, ast.Pow(), exponent))
        raise Unreadable(
            "Not a formula that the checker knows: expected numbers, x, "
            f"+ - * / ** and functions, received {ast.unparse(tree)!r}."
        )

    def _operation(self, tree: ast.BinOp) -> Node:
        a, b = self.node(tree.left), self.node(tree.right)
        if isinstance(tree.op, ast.Add):
            return a + b
        if isinstance(tree.op, ast.Sub):
            return a - b
        if isinstance(tree.op, ast.Mult):
            return a * b
        if isinstance(tree.op, ast.Div):
            return a / b
        if isinstance(tree.op, ast.Pow):
            exponent = constant(b)
            if exponent is not None and abs(exponent) <= MOST_POWER:
                return a**exponent
            if exponent is None:
                return exp(b * log(a))
        raise Unreadable(f"Unknown operation in {ast.unparse(tree)!r}.")


def _float(node: Node, args: list[float]) -> float:
    """A node of constants in floats, or 1 where there is none."""
    try:
        if node.name == "number":
            return float(node.value)
        if node.name == "pi":
            return math.pi
        if node.name == "add":
            made = args[0] + args[1]
        elif node.name == "mul":
            made = args[0] * args[1]
        elif node.name == "div":
            made = args[0] / args[1]
        elif node.name == "pow":
            made = abs(args[0]) ** float(node.value)
        else:
            made = getattr(math, node.name)(*args)
    except (ValueError, ZeroDivisionError, AttributeError, TypeError):
        return 1.0
    if math.isinf(made):
        raise OverflowError
    return float(made)


def literal(text: str) -> Fraction:
    """A number as it is written.

    Raises:
        ValueError: it is none, or has more digits than any has a use for
            (1e9999999999 is a number of 33 billion bits).
    """
    exponent = text.lower().partition("e")[2]
    if len(text) > MOST_DIGITS or len(exponent) > LONGEST_EXPONENT:
        raise Unreadable(
            "A number out of proportion: expected at most "
            f"{MOST_DIGITS} digits and an exponent of {LONGEST_EXPONENT - 1}, "
            f"received {text[:40]!r} ..."
        )
    return Fraction(text)


def constant(node: Node) -> Fraction | None:
    """The value of a tree of numbers; None where it is not rational."""
    if node.name == "number":
        return node.value
    parts = [constant(a) for a in node.args]
    if not parts or None in parts:
        return None
    values = [p for p in parts if p is not None]
    if node.name == "add":
        return values[0] + values[1]
    if node.name == "mul":
        return values[0] * values[1]
    if node.name == "div" and values[1]:
        return values[0] / values[1]
    return None


def replaced(node: Node, value: Node) -> Node:
    """The formula with x replaced."""
    made: dict[int, Node] = {}

    def of(tree: Node) -> Node:
        if id(tree) not in made:
            args = tuple(of(a) for a in tree.args)
            plain = value if tree.name == "x" else None
            made[id(tree)] = plain or replace(tree, args=args)
        return made[id(tree)]

    return of(node)


def has_kinks(node: Node) -> bool:
    """Whether an absolute value is in it."""
    seen: set[int] = set()
    stack = [node]
    while stack:
        tree = stack.pop()
        if tree.name == "abs":
            return True
        if id(tree) not in seen:
            seen.add(id(tree))
            stack += tree.args
    return False


def polynomial_of(node: Node) -> list[Fraction] | None:
    """Coefficients of a polynomial in x of low degree, exactly."""
    if node.name == "x":
        return [Fraction(0), Fraction(1)]
    if node.name == "number":
        return [node.value]
    if node.name == "pow":
        base, e = polynomial_of(node.args[0]), node.value
        if base is None or e.denominator != 1 or not 0 <= e <= 4:
            return None
        result = [Fraction(1)]
        for _ in range(int(e)):
            result = _times(result, base)
        return result
    if node.name not in ("add", "mul"):
        return None
    a, b = (polynomial_of(arg) for arg in node.args)
    if a is None or b is None:
        return None
    if node.name == "mul":
        return _times(a, b)
    size = max(len(a), len(b))
    a, b = (p + [Fraction(0)] * (size - len(p)) for p in (a, b))
    return [x + y for x, y in zip(a, b, strict=True)]


def _times(a: list[Fraction], b: list[Fraction]) -> list[Fraction]:
    result = [Fraction(0)] * (len(a) + len(b) - 1)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            result[i + j] += x * y
    return result


def conjugate(a: Node, root: Node) -> Node | None:
    """a + sqrt(b) as (b - a**2) / (sqrt(b) - a), for polynomials a, b.

    Where a < 0 the sum cancels, over a box more than at a point.
    """
    if root.name != "pow" or root.value != HALF:
        return None
    p, b = polynomial_of(a), polynomial_of(root.args[0])
    if p is None or b is None:
        return None
    square = [-c for c in _times(p, p)]
    size = max(len(b), len(square))
    cs = [
        (b[k] if k < len(b) else 0) + (square[k] if k < len(square) else 0)
        for k in range(size)
    ]
    top = number(cs[-1])
    for c in cs[-2::-1]:
        top = top * X + number(c) if top.value or top.args else number(c)
    return top / (root - a)
