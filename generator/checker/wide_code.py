"""Bodies that compute in float64, read as formulas with errors.

Of each value: what it is in exact arithmetic, as a formula of x on the box
at hand, and how far what is computed may be from that.  Errors are relative
to the size of each value on the box; nothing is assumed of an operation but
that it is off by at most 2**-52 of its result.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from .claims import Malformed
from .formula import HALF
from .formula import ONE
from .formula import Node
from .formula import X
from .formula import call
from .formula import number
from .values import Unknown

UNIT = 2.0**-52
SPARE = 1 + 2.0**-40  # of bounds, which are computed in floats
TINY = 2.0**-1021
LARGEST = 2.0**1000
GONE = -700.0, 2.0**-1008  # below, exp and what is computed are less
MOST = 709.0
# exp(r) without r**10/10! + ...: |r| <= 0.3466, and r = x for |x| < 0.34.
NEAR, FAR = 0.34, 0.3466
EXP_LEFT = 1.46 / math.factorial(10)
# 2 (s + s**3/3 + ... + s**13/13), |s| <= 0.1716: what is left.
LOG_NEAR = 0.70711, 1.41421
LOG_FAR = 0.1716
LOG_LEFT = 2 * 1.04 / 15

Pair = Callable[[Node], tuple[float, float]]


@dataclass(frozen=True)
class Number:
    """A value of float64 on a box.

    Attributes:
        error: of what is computed, absolute.
        made: how, as far as kernels ask: their name and their argument.
    """

    node: Node
    error: float
    made: tuple[object, ...] = ()


@dataclass(frozen=True)
class Rounded:
    """A value of the narrow dtype: a rounded one, or a number itself."""

    value: Number | float


@dataclass(frozen=True)
class Test:
    """A condition: it holds on the box, or does not."""

    holds: bool


# What is not known of a value matters only where it is taken.
Value = Number | Rounded | Test | float | Unknown


@dataclass(frozen=True)
class Box:
    """The floats from low to high, and what formulas are on them.

    Attributes:
        sizes: the largest and the least |value|.
        span: the least and the largest value.
    """

    low: Fraction
    high: Fraction
    sizes: Pair
    span: Pair


class Reader:
    """One function, box by box.

    Attributes:
        edges: numbers that decide something, of x or its size.
    """

    def __init__(self, function: ast.FunctionDef) -> None:
        (argument,) = function.args.args
        self.input = argument.arg
        self.body = [s for s in function.body if not isinstance(s, ast.Expr)]
        self.edges = [
            node.comparators[0]
            for node in ast.walk(function)
            if isinstance(node, ast.Compare)
        ]

    def thresholds(self) -> set[float]:
        """All numbers that something is compared with."""
        return {_literal(node) for node in self.edges}

    def on(self, box: Box) -> Value:
        """What it returns there."""
        run = _Run(box)
        run.names[self.input] = Rounded(Number(X, 0.0))
        for statement in self.body:
            if isinstance(statement, ast.Return):
                assert statement.value is not None
                return run.value(statement.value)
            run.assign(statement)
        raise Malformed("a function that returns nothing")


def _literal(node: ast.expr) -> float:
    """A number, or a constant of a dtype."""
    if isinstance(node, ast.Call):
        return _literal(node.args[0])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_literal(node.operand)
    if isinstance(node, ast.Constant):
        if isinstance(node.value, (int, float)):
            return float(node.value)
        if node.value in ("inf", "-inf", "nan"):
            return float(node.value)
    raise Malformed(f"a number was expected, received {ast.unparse(node)}")


class _Run:
    def __init__(self, box: Box) -> None:
        self.box = box
        self.names: dict[str, Value] = {}

    def assign(self, statement: ast.stmt) -> None:
        if not (isinstance(statement, ast.Assign)):
            raise Malformed(f"no assignment: {ast.unparse(statement)}")
        (target,) = statement.targets
        if isinstance(target, ast.Tuple):
            self._powers(target, statement.value)
            return
        assert isinstance(target, ast.Name)
        try:
            self.names[target.id] = self.value(statement.value)
        except Unknown as error:
            self.names[target.id] = error

    def _powers(self, target: ast.Tuple, value: ast.expr) -> None:
        if not (isinstance(value, ast.Call) and _name(value) == "wide_powers"):
            raise Malformed(f"two names of {ast.unparse(value)}")
        made: Number | Unknown
        try:
            made = self._number(value.args[0])
        except Unknown as error:
            made = error
        for name, kind in zip(target.elts, ("q", "power"), strict=True):
            assert isinstance(name, ast.Name)
            self.names[name.id] = (
                Number(ONE, math.inf, (kind, made))
                if isinstance(made, Number)
                else made
            )

    # -- expressions ---------------------------------------------------------

    def value(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Name):
            known: Value = self.names[node.id]
            if isinstance(known, Unknown):
                raise known
            return known
        if isinstance(node, ast.Constant):
            return _literal(node)
        if isinstance(node, ast.UnaryOp):
            return self._negative(self.value(node.operand))
        if isinstance(node, ast.BinOp):
            return self._operation(
                type(node.op).__name__,
                self._number(node.left),
                self._number(node.right),
            )
        if isinstance(node, ast.Compare):
            return self._compared(node)
        if isinstance(node, ast.Call):
            return self._called(node)
        raise Malformed(f"not allowed: {ast.unparse(node)}")

    def _number(self, node: ast.expr) -> Number:
        found = self.value(node)
        if isinstance(found, float):
            return Number(number(Fraction(found)), 0.0)
        if isinstance(found, Rounded):
            if isinstance(found.value, Number):
                return found.value
            found = found.value
            if math.isfinite(found):
                return Number(number(Fraction(found)), 0.0)
        if not isinstance(found, Number):
            raise Malformed(f"no number: {ast.unparse(node)}")
        return found

    def _negative(self, a: Value) -> Value:
        if isinstance(a, float):
            return -a
        if isinstance(a, Rounded):
            inner = a.value
            made = self._negative(inner)
            assert isinstance(made, (float, Number))
            return Rounded(made)
        assert isinstance(a, Number)
        return Number(-a.node, a.error, ("neg", a))

    def _called(self, node: ast.Call) -> Value:
        name = _name(node)
        if name == "constant":
            return _literal(node)
        if name == "ops.cast":
            to = node.args[1]
            assert isinstance(to, ast.Constant)
            cast = self._number(node.args[0])
            return cast if to.value == "float64" else Rounded(cast)
        if name == "ops.where":
            test = self.value(node.args[0])
            if not isinstance(test, Test):
                raise Malformed(f"no condition: {ast.unparse(node)}")
            taken = node.args[1 if test.holds else 2]
            found = self.value(taken)
            return Rounded(found) if isinstance(found, float) else found
        if name == "ops.isnan":
            return Test(False)  # of a number of the box
        if name == "ops.abs":
            a = self._number(node.args[0])
            return a if self._sign(a.node) >= 0 else Number(-a.node, a.error)
        if name == "once":
            return self._number(node.args[0])
        if name == "quotient":
            a, b = (self._number(n) for n in node.args[:2])
            return self._operation("Div", a, b)
        if name == "square_root":
            return self._root(self._number(node.args[0]))
        if name == "wide_log":
            a = self._number(node.args[0])
            return self._log(a, a.error)
        if name == "wide_log1p":
            a, v = (self._number(n) for n in node.args)
            self._require_one_plus(a, v)
            return self._log(a, v.error)
        raise Malformed(f"a call of {name}")

    # -- conditions ----------------------------------------------------------

    def _compared(self, node: ast.Compare) -> Test:
        a = self._number(node.left)
        c = Fraction(_literal(node.comparators[0]))
        (sign,) = (type(op).__name__ for op in node.ops)
        if a.error:
            raise Malformed("a condition on what is rounded")
        found = {
            self._holds(sign, _at(a.node, x), c)
            for x in (self.box.low, self.box.high)
        }
        if len(found) > 1:
            raise Unknown("a box on both sides of a number")
        return Test(found.pop())

    def _holds(self, sign: str, a: Fraction, c: Fraction) -> bool:
        if sign == "Lt":
            return a < c
        if sign == "LtE":
            return a <= c
        if sign == "Gt":
            return a > c
        if sign == "GtE":
            return a >= c
        raise Malformed(f"a comparison by {sign}")

    def _sign(self, node: Node) -> int:
        signs = {
            (v > 0) - (v < 0)
            for v in (_at(node, x) for x in (self.box.low, self.box.high))
        }
        signs -= {0}
        if len(signs) > 1:
            raise Unknown("a box on both sides of 0")
        return signs.pop() if signs else 0

    # -- operations ----------------------------------------------------------

    def _rounded(self, node: Node, carried: float) -> Number:
        size, _ = self.box.sizes(node)
        total = (size + carried) * UNIT + carried + TINY
        if not size + carried < LARGEST:
            raise Unknown("a value out of range")
        return Number(node, total * SPARE)

    def _operation(self, name: str, a: Number, b: Number) -> Number:
        if a.made or b.made:
            special = self._of_powers(name, a, b)
            if special is not None:
                return special
        if math.isinf(a.error) or math.isinf(b.error):
            raise Unknown("a power of two by itself")
        sizes = self.box.sizes
        if name in ("Add", "Sub"):
            node = a.node + b.node if name == "Add" else a.node - b.node
            made = self._rounded(node, a.error + b.error)
            if name == "Add" and _is_one(b.node):
                return Number(node, made.error, ("one plus", a))
            return made
        if name == "Mult":
            (p, _), (q, _) = sizes(a.node), sizes(b.node)
            carried = p * b.error + q * a.error + a.error * b.error
            return self._rounded(a.node * b.node, carried)
        if name == "Div":
            node = a.node / b.node
            _, least = sizes(b.node)
            if not least > b.error:
                raise Unknown("a quotient by what may be 0")
            size, _ = sizes(node)
            carried = (a.error + size * b.error) / (least - b.error)
            return self._rounded(node, carried)
        raise Malformed(f"an operation {name}")

    def _root(self, a: Number) -> Number:
        _, least = self.box.sizes(a.node)
        if not least > a.error:
            raise Unknown("a root of what may be 0")
        carried = a.error / math.sqrt(least - a.error)
        return self._rounded(a.node**HALF, carried)

    def _of_powers(self, name: str, a: Number, b: Number) -> Number | None:
        """q 2**n, 2**n - 1, q 2**n + 2**n and q 2**n + (2**n - 1)."""
        kinds = (a.made[:1] + b.made[:1]) if a.made and b.made else ()
        if name == "Mult" and kinds == ("q", "power") and _same(a, b):
            return Number(ONE, math.inf, ("scaled", a.made[1]))
        if name == "Sub" and a.made[:1] == ("power",) and _is_one(b.node):
            return Number(ONE, math.inf, ("power less", a.made[1]))
        if name != "Add" or not _same(a, b):
            return None
        if kinds == ("scaled", "power"):
            return self._exp(a.made[1], False)
        if kinds == ("scaled", "power less"):
            return self._exp(a.made[1], True)
        return None

    def _exp(self, argument: object, less: bool) -> Number:
        assert isinstance(argument, Number)
        made = ("expm1" if less else "exp", argument)
        whole = call("exp", argument.node)
        node = whole - ONE if less else whole
        low, high = self.box.span(argument.node)
        low, high = low - argument.error, high + argument.error
        if high < GONE[0]:
            return Number(node, GONE[1] + (UNIT if less else 0), made)
        if not high < MOST:
            raise Unknown("exp of what is too large")
        size = max(abs(low), abs(high))
        most, _ = self.box.sizes(whole)
        grown = math.expm1(argument.error)
        own = (min(size, MOST) + 3) * UNIT / 2
        if less and size < NEAR:
            value, _ = self.box.sizes(node)
            kept = value * (EXP_LEFT * size**9 + 4 * UNIT)
            return Number(node, (kept + most * grown + TINY) * SPARE, made)
        own += EXP_LEFT * (size if size < NEAR else FAR) ** 10
        error = most * (grown + own * (1 + grown)) + TINY
        if less:
            error += 2 * UNIT * (1 + most)
        else:
            error += most * UNIT
        return Number(node, error * SPARE, made)

    def _log(self, a: Number, plus: float) -> Number:
        node = call("log", a.node)
        size, least = self.box.sizes(a.node)
        near = least - a.error > LOG_NEAR[0] and size + a.error < LOG_NEAR[1]
        off = plus if near else a.error
        if not least > off:
            raise Unknown("a logarithm of what may be 0")
        value, _ = self.box.sizes(node)
        s = min(value / 2, LOG_FAR) if near else LOG_FAR
        own = LOG_LEFT * s**15 + 4 * UNIT * value
        total = off / (least - off) + own + TINY
        return Number(node, total * SPARE)

    def _require_one_plus(self, a: Number, v: Number) -> None:
        """Whether a is computed as 1 + v, by one way or another."""
        if a.made == ("one plus", v):
            return
        inner, other = a.made[1:], v.made[1:]
        if a.made[:1] == v.made[:1] == ("neg",) and inner and other:
            x, y = inner[0], other[0]
            if isinstance(x, Number) and isinstance(y, Number):
                kinds = x.made[:1], y.made[:1]
                if kinds == (("expm1",), ("exp",)) and x.made[1] == y.made[1]:
                    return
        if a.made[:1] == ("expm1",) and v.made[:1] == ("exp",):
            raise Malformed("log(1 + v) of another v")
        raise Malformed("log(1 + v) of what is not 1 + v")


def _name(node: ast.Call) -> str:
    return ast.unparse(node.func)


def _is_one(node: Node) -> bool:
    return node.name == "number" and node.value == 1


def _same(a: Number, b: Number) -> bool:
    return len(a.made) == len(b.made) == 2 and a.made[1] == b.made[1]


def _at(node: Node, x: Fraction) -> Fraction:
    """A rational function's value."""
    if node.name == "x":
        return x
    if node.name == "number":
        return node.value
    parts = [_at(a, x) for a in node.args]
    if node.name == "add":
        return sum(parts, Fraction(0))
    if node.name == "mul":
        return math.prod(parts, start=Fraction(1))
    raise Malformed(f"a condition on {node.name}")
