"""A sympy expression as a formula's text, which `parse` reads back.

sympy holds much that no formula has (integrals, sets of cases, symbols named
as code): what is printed has been walked over first, node by node.
"""

from __future__ import annotations

from fractions import Fraction
from functools import reduce

import sympy
from flint import arb
from flint import ctx
from mpmath.libmp import repr_dps
from mpmath.libmp import to_str
from sympy.printing.str import StrPrinter

from ..errors import NotAnExpressionError
from ..errors import NotRealError
from ..errors import UnknownFunctionError
from ..numbers.evaluate import BallAlgebra
from ..numbers.evaluate import evaluate
from ..numbers.special import digamma
from ..numbers.special import erfinv
from ..numbers.special import lgamma
from ..plain import shown
from .arithmetic import MAX_BITS
from .arithmetic import RefusedError
from .arithmetic import add
from .arithmetic import call
from .arithmetic import multiply
from .arithmetic import power
from .parse import FUNCTIONS
from .parse import MAX_DEPTH
from .parse import MAX_LENGTH
from .parse import is_variable
from .parse import parse

# The functions of sympy that a text can call by their own name.
_KNOWN = {
    kind
    for kind in FUNCTIONS.values()
    if isinstance(kind, sympy.core.function.FunctionClass)
}
# Where a text read back is compared with what it was printed from.
_PLACES = tuple(Fraction(n, 7) for n in (-30, -11, -4, -1, 2, 5, 13, 40))
_BITS = 200


# What sympy has of another name, or turns into something else.
_SAME = {
    sympy.loggamma: lgamma,
    sympy.digamma: digamma,
    sympy.erfinv: erfinv,
}


class _Printer(StrPrinter):
    def _print_Abs(self, expr: sympy.Expr) -> str:  # noqa: N802
        return f"abs({self._print(expr.args[0])})"


def formula_of(expr: sympy.Expr) -> str:
    """The text of a formula in at most one real variable.

    The variable keeps its name if a text may call it so and is x otherwise.
    A float stands for the shortest decimal that reads back as it, 0.1 for
    one tenth, as text and a function over keras.ops have it.

    Raises:
        NotAnExpressionError: a node that no formula has, or too many.
        UnknownFunctionError: a function that no text can call.
        NotRealError: a number that is not real.
    """
    refuse_size(expr)
    try:
        plain = _Plain(is_symbol=isinstance(expr, sympy.Symbol)).of(expr)
    except RefusedError as error:
        raise NotAnExpressionError(
            f"Not an expression ({error}): expected numbers, a variable and "
            f"known functions, received {shown(expr)}."
        ) from None
    text: str = _Printer().doprint(plain)
    _compare(plain, parse(text), text)
    return text


def refuse_size(expr: sympy.Basic) -> None:
    """Raises for what is too deep to walk over, or too long to print.

    Without recursion, which would not end where sympy's own does not; by
    identity, as a hash recurses too.  A part that occurs often counts as
    often, since it is printed as often.
    """
    sizes: dict[int, tuple[int, int]] = {}
    stack: list[tuple[sympy.Basic, bool]] = [(expr, False)]
    while stack:
        node, ready = stack.pop()
        if id(node) in sizes:
            continue
        if not ready:
            stack.append((node, True))
            stack += [(a, False) for a in node.args]
            continue
        below = [sizes[id(a)] for a in node.args]
        sizes[id(node)] = (
            1 + max((d for d, _ in below), default=0),
            1 + sum(n for _, n in below),
        )
    deep, long = sizes[id(expr)]
    if deep > MAX_DEPTH or long > MAX_LENGTH:
        raise NotAnExpressionError(
            f"Expression too large: expected at most {MAX_DEPTH} nested "
            f"operations and {MAX_LENGTH} in all, received {deep} and {long}."
        )


class _Plain:
    """An expression built anew of what a formula has; each part once."""

    def __init__(self, is_symbol: bool) -> None:
        self.is_symbol = is_symbol
        self.made: dict[sympy.Basic, sympy.Expr] = {}

    def of(self, node: sympy.Basic) -> sympy.Expr:
        if node not in self.made:
            self.made[node] = self._node(node)
        return self.made[node]

    def _symbol(self, symbol: sympy.Symbol) -> sympy.Symbol:
        if symbol.is_commutative is False or symbol.is_extended_real is False:
            raise NotRealError(
                "Not real: expected a real variable, received "
                f"{shown(symbol.name)}, which is none by its assumptions."
            )
        # A bare name of several letters is no formula in text either.
        short = len(symbol.name) == 1 or not self.is_symbol
        fit = is_variable(symbol.name) and short
        return sympy.Symbol(symbol.name if fit else "x", real=True)

    def _node(self, node: sympy.Basic) -> sympy.Expr:
        if isinstance(node, sympy.Symbol):
            return self._symbol(node)
        if isinstance(node, sympy.Float):
            return _decimal(node)
        if isinstance(node, sympy.Rational) or node in (sympy.pi, sympy.E):
            return add(node, sympy.Integer(0))
        if node is sympy.I:
            raise NotRealError(
                "Not real: expected a formula whose numbers are real, "
                "received I."
            )
        if type(node) in (sympy.Add, sympy.Mul, sympy.Pow, *_KNOWN):
            return self._operation(node)
        if type(node) in _SAME:
            return call(_SAME[type(node)], self.of(node.args[0]))
        if isinstance(node, sympy.polygamma) and node.args[0] == 0:
            return call(digamma, self.of(node.args[1]))
        called = isinstance(node, sympy.Function) and len(node.args) == 1
        kind = shown(type(node).__name__).strip("'")
        if called:
            raise UnknownFunctionError(
                "Unknown function: expected one of "
                f"{', '.join(sorted(FUNCTIONS))}; received {kind}."
            )
        raise NotAnExpressionError(
            "Not an expression: expected numbers, a variable, + - * / ** and "
            f"known functions, received {kind}: {shown(node)}."
        )

    def _operation(self, node: sympy.Expr) -> sympy.Expr:
        args = tuple(self.of(a) for a in node.args)
        if isinstance(node, sympy.Pow):
            return power(*args)
        if type(node) in _KNOWN:
            if len(args) != 1:
                raise RefusedError(f"{type(node).__name__} of {len(args)}")
            return call(type(node), *args)
        operation = add if isinstance(node, sympy.Add) else multiply
        reduce(operation, args)  # in proportion
        # At once, as it was: one by one distributes a number over a sum.
        return type(node)(*args)


def refuse_float(value: sympy.Float) -> None:
    """Raises for what has no value, or one of more bits than are read.

    Before it is asked for anything: of 2**(10**9) a comparison takes minutes.
    """
    _, mantissa, exponent, bits = value._mpf_
    if not mantissa and exponent:  # how inf and nan are kept
        raise RefusedError("a number that is not finite")
    if abs(exponent) + bits > MAX_BITS:
        raise RefusedError("a number out of proportion")


def _decimal(value: sympy.Float) -> sympy.Rational:
    """The shortest decimal that reads back as this float."""
    refuse_float(value)
    most = repr_dps(value._prec)
    for digits in range(1, most + 1):
        exact = Fraction(to_str(value._mpf_, digits))
        found = sympy.Rational(exact.numerator, exact.denominator)
        if sympy.Float(found, precision=value._prec)._mpf_ == value._mpf_:
            return found
    raise RefusedError("a float that no decimal stands for")


def _compare(expr: sympy.Expr, again: sympy.Expr, text: str) -> None:
    """Raises unless a text read back is the expression it stands for."""
    if expr == again:
        return
    for place in _PLACES:
        with ctx.workprec(_BITS):
            try:
                x = arb(place.numerator) / place.denominator
                one = evaluate(expr, BallAlgebra(x))
                two = evaluate(again, BallAlgebra(x))
            except (ArithmeticError, AttributeError, ValueError):
                continue
            if one.is_finite() and two.is_finite() and not one.overlaps(two):
                raise NotAnExpressionError(
                    "Not an expression: expected one that its own text "
                    f"stands for, received {shown(text)}."
                )
