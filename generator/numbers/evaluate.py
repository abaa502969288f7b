"""One walk over an expression, for every kind of number."""

from __future__ import annotations

from fractions import Fraction
from typing import Any
from typing import Protocol

import sympy
from flint import acb
from flint import arb

from ..errors import GeneratorError
from . import entire
from .complements import tanh_complemented
from .error_function import by_ends
from .error_function import complemented
from .floats import to_arb
from .special import enclosed
from .special import erfinv
from .special import inverse_enclosed
from .special import inverses_complemented
from .special import order_of


class Algebra(Protocol):
    """What a kind of number must offer to be walked over."""

    def variable(self) -> Any: ...
    def rational(self, value: Fraction) -> Any: ...
    def constant(self, name: str) -> Any: ...
    def add(self, a: Any, b: Any) -> Any: ...
    def mul(self, a: Any, b: Any) -> Any: ...
    def power(self, a: Any, exponent: Fraction) -> Any: ...
    def function(self, name: str, a: Any) -> Any: ...


def _asin(a: sympy.Expr) -> sympy.Expr:
    return sympy.atan(a / sympy.sqrt((1 - a) * (1 + a)))


# Over + * powers exp log sin cos atan erf erfc |.| sign; poles are zeros of
# denominators, and cancellation is left to the expansions.
_REWRITES: dict[type, Any] = {
    sympy.tan: lambda a: sympy.sin(a) / sympy.cos(a),
    sympy.cot: lambda a: sympy.cos(a) / sympy.sin(a),
    sympy.sec: lambda a: 1 / sympy.cos(a),
    sympy.csc: lambda a: 1 / sympy.sin(a),
    sympy.tanh: lambda a: 1 - 2 / (sympy.exp(2 * a) + 1),
    sympy.coth: lambda a: 1 + 2 / (sympy.exp(2 * a) - 1),
    sympy.sech: lambda a: 2 / (sympy.exp(a) + sympy.exp(-a)),
    sympy.csch: lambda a: 2 / (sympy.exp(a) - sympy.exp(-a)),
    sympy.sinh: lambda a: (sympy.exp(a) - sympy.exp(-a)) / 2,
    sympy.cosh: lambda a: (sympy.exp(a) + sympy.exp(-a)) / 2,
    sympy.asin: _asin,
    sympy.acos: lambda a: sympy.pi / 2 - _asin(a),
    sympy.acot: lambda a: sympy.atan(1 / a),
    sympy.asinh: lambda a: sympy.log(a + sympy.sqrt(a**2 + 1)),
    sympy.acosh: lambda a: sympy.log(a + sympy.sqrt(a - 1) * sympy.sqrt(a + 1)),
    sympy.atanh: lambda a: sympy.log((1 + a) / (1 - a)) / 2,
    sympy.acoth: lambda a: sympy.log((a + 1) / (a - 1)) / 2,
    sympy.DiracDelta: lambda a: sympy.Integer(0),
}


def to_primitives(expr: sympy.Expr) -> sympy.Expr:
    """`expr` over + * powers exp log sin cos atan erf erfc |.| and sign."""
    expr = tanh_complemented(expr)
    for kind, rule in _REWRITES.items():
        if expr.has(kind):
            # DiracDelta(x, k) has a second argument; it is 0 off its point.
            expr = expr.replace(kind, lambda *a, rule=rule: rule(a[0]))
    if expr.has(erfinv):
        expr = inverses_complemented(expr)
    return complemented(expr)


def evaluate(
    expr: sympy.Expr,
    algebra: Algebra,
    memo: dict[sympy.Expr, Any] | None = None,
) -> Any:
    """The value of `expr` in `algebra`; shared subexpressions once.

    Args:
        memo: values of parts that are known, such as of symbols beside the
            variable; those that are found are added.
    """
    memo = {} if memo is None else memo

    def walk(node: sympy.Expr) -> Any:
        if node not in memo:
            memo[node] = _node(node, algebra, walk)
        return memo[node]

    return walk(expr)


def _node(node: sympy.Expr, algebra: Algebra, walk: Any) -> Any:
    if node.is_Symbol:
        return algebra.variable()
    if node.is_Rational:
        return algebra.rational(Fraction(int(node.p), int(node.q)))
    if isinstance(node, sympy.Float):
        exact = sympy.Rational(node)
        return algebra.rational(Fraction(int(exact.p), int(exact.q)))
    if node in (sympy.pi, sympy.E):
        return algebra.constant(str(node))
    if node.is_Add or node.is_Mul:
        combine = algebra.add if node.is_Add else algebra.mul
        values = [walk(argument) for argument in node.args]
        total = values[0]
        for value in values[1:]:
            total = combine(total, value)
        return total
    if node.is_Pow and node.exp.is_Rational:
        exponent = Fraction(int(node.exp.p), int(node.exp.q))
        return algebra.power(walk(node.base), exponent)
    if node.is_Pow:
        # Not as exp(a * log(b)) to walk over: sympy makes it b**a again.
        log = algebra.function("log", walk(node.base))
        return algebra.function("exp", algebra.mul(walk(node.exp), log))
    if node.is_Function and len(node.args) == 1:
        return algebra.function(node.func.__name__, walk(node.args[0]))
    raise GeneratorError(
        f"Cannot evaluate: expected arithmetic and functions of one "
        f"argument, received {node}."
    )


class BallAlgebra:
    """Real or complex balls; `x` is an `arb` or an `acb`."""

    def __init__(self, x: arb | acb) -> None:
        self.x = x

    def variable(self) -> arb | acb:
        return self.x

    def rational(self, value: Fraction) -> arb | acb:
        return to_arb(value)

    def constant(self, name: str) -> arb:
        return arb.pi() if name == "pi" else arb.const_e()

    def add(self, a: Any, b: Any) -> Any:
        return a + b

    def mul(self, a: Any, b: Any) -> Any:
        return a * b

    def power(self, a: Any, exponent: Fraction) -> Any:
        if exponent.denominator == 1:
            whole = int(exponent)
            power = _whole_power(a, abs(whole))
            return power if whole >= 0 else 1 / power
        if exponent.denominator == 2:
            root = a.sqrt()
            whole = exponent.numerator
            power = _whole_power(root, abs(whole))
            return power if whole >= 0 else 1 / power
        return a ** to_arb(exponent)

    def function(self, name: str, a: Any) -> Any:
        if name == "Abs":
            return abs(a)
        if name == "sign":
            if isinstance(a, acb):
                return a / abs(a)
            return arb((a > 0) - (a < 0)) if not a.contains(0) else arb(0, 1)
        k = entire.index_of(name)
        if k is not None:
            return entire.value(k, a)
        order = order_of(name)
        if order is not None:
            return enclosed(order, a)
        if name in ("erfinv", "erfcinv"):
            return inverse_enclosed(name, a)
        if name in ("erf", "erfc") and isinstance(a, arb):
            return by_ends(name, a.lower(), a.upper())
        return getattr(a, name)()


def _whole_power(a: Any, n: int) -> Any:
    """a**n by squaring; flint's own power of a ball about 0 is nan."""
    result = None
    while n:
        if n & 1:
            result = a if result is None else result * a
        n >>= 1
        a = a * a if n else a
    return arb(1) if result is None else result
