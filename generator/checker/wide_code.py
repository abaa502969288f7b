"""Bodies that compute in float64, read as formulas with errors.

Of each value: what it is in exact arithmetic, as a formula of x on the box
at hand, and how far what is computed may be from that.  Errors are relative
to the size of each value on the box; nothing is assumed of an operation but
that it is off by at most 2**-52 of its result.
"""

from __future__ import annotations

import ast
import math
from fractions import Fraction

from .claims import Malformed
from .formula import HALF
from .formula import ONE
from .formula import Node
from .formula import X
from .formula import call
from .values import Unknown
from .wide_grammar import WIDE
from .wide_grammar import is_number
from .wide_grammar import number_in
from .wide_grammar import threshold_in
from .wide_grammar import word
from .wide_source import statements_of
from .wide_values import Box
from .wide_values import Narrow
from .wide_values import Number
from .wide_values import Rounded
from .wide_values import Value
from .wide_values import exact_number

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


class Reader:
    """One function of a module that `wide_source` has read, box by box.

    Attributes:
        dtype: the narrow one.
    """

    def __init__(self, function: ast.FunctionDef, dtype: str) -> None:
        self.body, self.dtype = statements_of(function), dtype

    def thresholds(self) -> set[float]:
        """All numbers that something is compared with."""
        found = set()
        for statement in self.body:
            for node in ast.walk(statement):
                if isinstance(node, ast.Compare):
                    (other,) = node.comparators
                    call = isinstance(other, ast.Call)
                    found.add(threshold_in(node, self.dtype if call else WIDE))
        return found

    def on(self, box: Box) -> Value:
        """What it returns there."""
        run = _Run(box, self.dtype)
        for statement in self.body:
            if isinstance(statement, ast.Return):
                assert statement.value is not None
                return run.value(statement.value)
            run.assign(statement)
        raise Malformed("a function that returns nothing")


class _Run:
    def __init__(self, box: Box, dtype: str) -> None:
        self.box, self.dtype = box, dtype
        self.names: dict[str, Value] = {"x": Narrow(X)}

    def assign(self, statement: ast.stmt) -> None:
        assert isinstance(statement, ast.Assign)
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
        assert isinstance(value, ast.Call)
        (argument,) = value.args
        made: Number | Unknown
        try:
            made = self._number(argument)
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
            known = self.names[node.id]
            if isinstance(known, Unknown):
                raise known
            return known
        if isinstance(node, ast.UnaryOp):
            return self._negative(self.value(node.operand))
        if isinstance(node, ast.BinOp):
            return self._operation(
                type(node.op).__name__,
                self._operand(node.left),
                self._operand(node.right),
            )
        assert isinstance(node, ast.Call)
        return self._called(node)

    def _operand(self, node: ast.expr) -> Number:
        """A value of float64, or a number beside one."""
        if is_number(node):
            return exact_number(number_in(node))
        return self._number(node)

    def _number(self, node: ast.expr) -> Number:
        found = self.value(node)
        if not isinstance(found, Number):
            raise Malformed(f"no float64: {ast.unparse(node)[:80]}")
        return found

    def _negative(self, a: Value) -> Value:
        if isinstance(a, Rounded):
            inner = a.value
            if isinstance(inner, float):
                return Rounded(-inner)
            return Rounded(Number(-inner.node, inner.error))
        if not isinstance(a, Number):
            raise Malformed("a minus before what is no number")
        return Number(-a.node, a.error, ("neg", a))

    def _called(self, node: ast.Call) -> Value:
        name, args = ast.unparse(node.func), node.args
        if name == "constant":
            dtype = word(args[1])
            value = number_in(args[0], dtype)
            return exact_number(value) if dtype == WIDE else Rounded(value)
        if name == "ops.cast":
            return self._cast(self.value(args[0]), word(args[1]))
        if name == "ops.where":
            taken = self.value(args[1 if self._test(args[0]) else 2])
            if isinstance(taken, Narrow):  # x itself, where it is nan
                raise Malformed("x as a result")
            return taken
        if name == "ops.abs":
            return self._size(self.value(args[0]))
        if name == "once":
            return self._number(args[0])
        if name == "quotient":
            return self._operation("Div", *map(self._operand, args[:2]))
        if name == "square_root":
            return self._root(self._number(args[0]))
        a = self._number(args[0])
        if name == "wide_log":
            return self._log(a, a.error)
        v = self._number(args[1])
        self._require_one_plus(a, v)
        return self._log(a, v.error)

    def _cast(self, a: Value, dtype: str) -> Value:
        if isinstance(a, Narrow) and dtype == WIDE:
            return Number(a.node, 0.0)
        if isinstance(a, Number) and dtype == self.dtype:
            return Rounded(a)
        raise Malformed(f"a cast to {dtype}")

    def _size(self, a: Value) -> Value:
        if not isinstance(a, (Narrow, Number)):
            raise Malformed("a size of what is no number")
        if isinstance(a, Number) and math.isinf(a.error):
            raise Unknown("the size of a power by itself")
        node = a.node if self._sign(a.node) >= 0 else -a.node
        # How it was made does not last: next to 0 it may be minus that.
        return Narrow(node) if isinstance(a, Narrow) else Number(node, a.error)

    # -- conditions ----------------------------------------------------------

    def _test(self, node: ast.expr) -> bool:
        """Whether a condition holds on the box, whose numbers are no nan."""
        if isinstance(node, ast.Call):
            if not isinstance(self.value(node.args[0]), Narrow):
                raise Malformed("isnan of what is not x")
            return False
        assert isinstance(node, ast.Compare)
        left = self.value(node.left)
        off, kind = Fraction(0), self.dtype
        if isinstance(left, Number):
            if not math.isfinite(left.error):
                raise Unknown("a condition on a power of two")
            off, kind = Fraction(left.error), WIDE
        elif not isinstance(left, Narrow):
            raise Malformed("a condition on a result")
        c = threshold_in(node, kind)
        sign = type(node.ops[0]).__name__
        found = {
            self._holds(sign, _at(left.node, x) + side * off, Fraction(c))
            for x in (self.box.low, self.box.high)
            for side in (-1, 1)
        }
        if len(found) > 1:
            raise Unknown("a box on both sides of a number")
        return found.pop()

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
            error = 0.0
            if not self._is_exact(a, b, node):
                error = self._rounded(node, a.error + b.error).error
            if name == "Add" and _is_one(b.node):
                return Number(node, error, ("one plus", a))
            return Number(node, error)
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

    def _is_exact(self, a: Number, b: Number, node: Node) -> bool:
        """Whether a difference of x and a number takes no rounding.

        Both are multiples of a power of two of which it is at most 2**53.
        """
        if (
            a.error
            or b.error
            or b.node.name != "number"
            or not _is_line(a.node)
        ):
            return False
        unit = min(self.box.unit, Fraction(1, b.node.value.denominator))
        size, _ = self.box.sizes(node)
        return size < 2.0**53 * unit

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
        if a.made[:1] == ("one plus",) and a.made[1] is v:
            return
        inner, other = a.made[1:], v.made[1:]
        if a.made[:1] == v.made[:1] == ("neg",) and inner and other:
            x, y = inner[0], other[0]
            if isinstance(x, Number) and isinstance(y, Number):
                kinds = x.made[:1], y.made[:1]
                if kinds == (("expm1",), ("exp",)) and x.made[1] is y.made[1]:
                    return
        if a.made[:1] == ("expm1",) and v.made[:1] == ("exp",):
            raise Malformed("log(1 + v) of another v")
        raise Malformed("log(1 + v) of what is not 1 + v")


def _is_one(node: Node) -> bool:
    return node.name == "number" and node.value == 1


def _same(a: Number, b: Number) -> bool:
    return len(a.made) == len(b.made) == 2 and a.made[1] is b.made[1]


def _is_line(node: Node) -> bool:
    """x or -x."""
    if node.name == "mul":
        first, second = node.args
        return first.name == "number" and _is_line(second)
    return node.name == "x"


def _plain(node: Node) -> Fraction | None:
    """A number, or minus one."""
    if node.name == "number":
        return node.value
    if node.name == "mul" and all(a.name == "number" for a in node.args):
        return node.args[0].value * node.args[1].value
    return None


def _at(node: Node, x: Fraction) -> Fraction:
    """The value of what is linear in x, and so monotonic.

    One x, and not ``x + x`` or ``0.0 * x``: what they are at infinity is not
    what they are of large numbers.
    """
    if node.name == "x":
        return x
    if node.name in ("add", "mul"):
        a, b = node.args
        a, b = (b, a) if _plain(a) is not None else (a, b)
        value = _plain(b)
        if value is not None and (value or node.name == "add"):
            found = _at(a, x)
            return found + value if node.name == "add" else found * value
    raise Malformed("a condition on what is not linear in x")
