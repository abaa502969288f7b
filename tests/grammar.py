"""Random functions, as text for `stabilize` and over balls for the oracle.

A function is a tree; its text is all that the project sees, and its values
and derivatives come from python-flint's power series over the same tree:
neither sympy nor anything of ours takes part.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb
from flint import arb_series
from flint import ctx

TERMS = 3  # f, f' and f''
CERTAIN_BITS = 100
TINY = arb((1, -1200))  # 0 to every format
# bits, and the power of two beside the input where that is not enough: at a
# removable point the formula itself has no value
TRIES = ((160, 0), (700, 0), (4000, 0), (14000, 2600))

UNARY: dict[str, Callable[[arb_series], arb_series]] = {
    "exp": lambda a: a.exp(),
    "atan": lambda a: a.atan(),
    "erfc": lambda a: a.erfc(),
    "cosh": lambda a: (a.exp() + (-a).exp()) / 2,
    "sinh": lambda a: (a.exp() - (-a).exp()) / 2,
    "log": lambda a: a.log(),
    "sin": lambda a: a.sin(),
    "cos": lambda a: a.cos(),
    "sqrt": lambda a: a.sqrt(),
    "tanh": lambda a: 1 - 2 / ((2 * a).exp() + 1),
    "erf": lambda a: a.erf(),
    "abs": lambda a: a if _head(a) > 0 else -a,
}
NAMED: dict[str, Callable[[], arb]] = {"pi": arb.pi, "E": arb.const_e}
BINARY: dict[str, Callable[[arb_series, arb_series], arb_series]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": lambda a, b: (a.log() * b).exp(),
}
SYMBOLS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


class UnknownError(ArithmeticError):
    """These bits do not decide the value."""


def _head(a: arb_series) -> arb:
    """The constant term, of a sign that is known."""
    if not (a[0] > 0 or a[0] < 0):
        raise UnknownError
    return a[0]


@dataclass(frozen=True)
class Node:
    """x, a number, a function of one argument, or an operation.

    Attributes:
        name: "x", the text of a number, a key of `UNARY` or `BINARY`, or
            "**" with a whole exponent.
        args: of the function.
        power: the exponent.
    """

    name: str
    args: tuple[Node, ...] = ()
    power: int = 0

    def __str__(self) -> str:
        if not self.args:
            return f"({self.name})" if self.name[0] == "-" else self.name
        if self.name == "**":
            return f"({self.args[0]})**{self.power}"
        if len(self.args) == 1:
            return f"{self.name}({self.args[0]})"
        return f"({self.args[0]}{self.name}{self.args[1]})"

    def series(self, x: arb_series) -> arb_series:
        """About x, at the precision of the call."""
        if self.name == "x":
            return x
        if self.name in NAMED:
            return arb_series([NAMED[self.name]()], TERMS)
        if not self.args:
            return arb_series([_number(self.name)], TERMS)
        values = [a.series(x) for a in self.args]
        if self.name == "**":
            result = values[0]
            for _ in range(self.power - 1):
                result = result * values[0]
            return result
        if len(values) == 1:
            return UNARY[self.name](values[0])
        return BINARY[self.name](values[0], values[1])

    def parts(self) -> Iterator[Node]:
        """The node and all below it."""
        yield self
        for a in self.args:
            yield from a.parts()


def _number(text: str) -> arb:
    value = Fraction(text)
    return arb(value.numerator) / arb(value.denominator)


X = Node("x")


def num(text: str) -> Node:
    return Node(text)


def parsed(text: str) -> Node:
    """The tree of a formula as people write it."""

    def walk(node: Any) -> Node:
        if isinstance(node, ast.Expression):
            return walk(node.body)
        if isinstance(node, ast.Name):
            return Node(node.id)
        if isinstance(node, ast.Constant):
            return Node(str(node.value))
        if isinstance(node, ast.UnaryOp):
            return Node("-", (Node("0"), walk(node.operand)))
        if isinstance(node, ast.Call):
            return Node(ast.unparse(node.func), (walk(node.args[0]),))
        a, b = walk(node.left), walk(node.right)
        if not isinstance(node.op, ast.Pow):
            return Node(SYMBOLS[type(node.op)], (a, b))
        if b.name.isdigit():
            return Node("**", (a,), int(b.name))
        return Node("^", (a, b))

    return walk(ast.parse(text, mode="eval"))


def exact(tree: Node, order: int, x: float) -> arb | None:
    """f^(order)(x) to `CERTAIN_BITS` bits; None where that is not found.

    Beside a removable point f hardly changes, beside a pole or a logarithm
    it does: two steps must tell the same.
    """
    cap = ctx.cap
    ctx.cap = TERMS
    try:
        for bits, shift in TRIES:
            with ctx.workprec(bits):
                value = _value(tree, order, x, shift)
                if value is None:
                    continue
                tiny = value.abs_upper() < TINY
                if not tiny and value.rel_accuracy_bits() <= CERTAIN_BITS:
                    continue
                if not shift:
                    return value
                other = _value(tree, order, x, shift // 2)
                if other is None:
                    return None
                change = abs(other - value)
                if tiny and change < TINY:
                    return arb(0)
                close = change < abs(value) * arb((1, -CERTAIN_BITS))
                return value if close else None
    finally:
        ctx.cap = cap
    return None


def _value(tree: Node, order: int, x: float, shift: int) -> arb | None:
    top, bottom = Fraction(x).as_integer_ratio()
    place = arb(top) / arb(bottom)
    if shift:
        place += arb((1, -shift))
    try:
        made = tree.series(arb_series([place, 1], TERMS))
    except (ArithmeticError, ValueError):
        return None
    value = made[order] * (1, 1, 2)[order]
    return value if value.is_finite() else None


# -- drawing ---------------------------------------------------------------

# Places of kinks and zeros: floats, fractions that are none, and roots.
PLACES = ("1", "1/2", "2/3", "-1/3", "7/10", "-3", "pi", "12/7", "1/1000")
SCALES = ("2", "3", "1/2", "1/3", "7/5", "100", "1/100", "1000000")
EXTREMES = ("100000000000000000000", "1/100000000000000000000")
DOMAINS = (
    ("-oo", "oo"),
    ("-oo", "oo"),
    ("0", "oo"),
    ("-oo", "1"),
    ("1/3", "4"),
    ("-3", "5"),
    ("-1", "1"),
    ("1", "10"),
    ("-20", "20"),
    ("1/10", "oo"),
)


@dataclass(frozen=True)
class Drawn:
    """A function with its domain."""

    tree: Node
    domain: tuple[str, str]

    def __str__(self) -> str:
        return f"{self.tree} on ({self.domain[0]}, {self.domain[1]})"


def drawn(seed: int, index: int) -> Drawn:
    """The function of that number, whatever was drawn before."""
    rng = random.Random(f"{seed}/{index}")
    return Drawn(_tree(rng, rng.choice((1, 2, 2, 3))), rng.choice(DOMAINS))


def _tree(rng: random.Random, depth: int) -> Node:
    if depth == 0:
        return _leaf(rng)
    kind = rng.choice(
        ("one", "one", "sum", "product", "quotient", "kink", "zero", "power")
    )
    if kind == "one":
        name = rng.choice(("exp", "sin", "cos", "tanh", "erf", "log", "sqrt"))
        inner = _tree(rng, depth - 1)
        if name in ("log", "sqrt") and rng.random() < 0.8:
            inner = Node("+", (num("1"), Node("abs", (inner,))))
        return Node(name, (inner,))
    if kind == "kink":
        return Node("abs", (_vanishing(rng, depth - 1),))
    if kind == "zero":
        return Node("**", (_vanishing(rng, depth - 1),), rng.choice((2, 2, 3)))
    if kind == "power":
        return Node("**", (_leaf(rng),), rng.choice((4, 7, 20, 40)))
    a, b = _tree(rng, depth - 1), _tree(rng, depth - 1)
    if kind == "quotient":
        below = Node("+", (num("1"), Node("**", (b,), 2)))
        return Node("/", (a, rng.choice((below, below, X))))
    sign = rng.choice("+-") if kind == "sum" else "*"
    return Node(sign, (a, b))


def _vanishing(rng: random.Random, depth: int) -> Node:
    """Something with a simple zero, often at a place that is no float."""
    if depth > 0 and rng.random() < 0.4:
        inner = _tree(rng, depth - 1)
    else:
        inner = rng.choice(
            (X, X, X, Node("sin", (X,)), Node("**", (X,), 2), Node("exp", (X,)))
        )
    return Node("-", (inner, num(rng.choice(PLACES))))


def _leaf(rng: random.Random) -> Node:
    if rng.random() < 0.5:
        return X
    if rng.random() < 0.15:
        return Node("*", (num(rng.choice(EXTREMES)), X))
    scaled = Node("*", (num(rng.choice(SCALES)), X))
    return rng.choice((scaled, Node("-", (X, num(rng.choice(PLACES))))))


def smaller(drawn: Drawn) -> Iterator[Drawn]:
    """Functions with one thing less, to look for the least that fails."""
    for tree in _smaller(drawn.tree):
        if any(n.name == "x" for n in tree.parts()):
            yield Drawn(tree, drawn.domain)


def _smaller(node: Node) -> Iterator[Node]:
    yield from node.args
    for i, a in enumerate(node.args):
        for other in _smaller(a):
            args = (*node.args[:i], other, *node.args[i + 1 :])
            yield Node(node.name, args, node.power)
