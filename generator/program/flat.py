"""From a sympy expression to a program of single operations."""

from __future__ import annotations

from fractions import Fraction

import sympy

from .compile import CannotCompileError
from .program import Const
from .program import Expr
from .program import Op
from .program import Program
from .program import Var

MOST_POWER = 8
ONE = sympy.Symbol("W", positive=True)  # e / e: 1, or a power of two
UNIT = "w"
FUNCTIONS = {sympy.exp: "exp", sympy.log: "log"}


def flattened(
    expr: sympy.Expr,
    variable: sympy.Symbol,
    scaled: tuple[sympy.Symbol, sympy.Expr] | None = None,
) -> tuple[Program, str | None]:
    """Every operation once, by name; numbers need not be floats.

    Args:
        scaled: a symbol for an exponential, which gets a statement of its
            own, and that exponential.

    Returns:
        The program, and the name of what is scaled.

    Raises:
        CannotCompileError: a function or a number that programs do not have.
    """
    made = _Flat(str(variable))
    name = None
    if scaled is not None:
        argument = made.of(scaled[1].args[0])
        name = "e"
        made.statements.append((name, Op("exp", (argument,))))
        made.symbols[scaled[0]] = Var(name)
        if expr.has(ONE):
            # What is added to it, is to be multiplied by the same power.
            made.statements.append((UNIT, Op("div", (Var(name), Var(name)))))
            made.symbols[ONE] = Var(UNIT)
    result = made.of(expr)
    if not (isinstance(result, Var) and made.statements):
        raise CannotCompileError("nothing to compute")
    last = made.statements[-1][0]
    if result.name != last:
        raise CannotCompileError("a part of another part")
    *before, (_, node) = made.statements
    # An exponential that is the result is scaled under that name.
    left_out = "y" if name == last else name
    return Program(str(variable), (*before, ("y", node))), left_out


def is_unit(node: Expr) -> bool:
    """Whether it is the power of two that is left out of what is scaled."""
    if not (isinstance(node, Op) and node.name == "div"):
        return False
    top, bottom = node.args
    return isinstance(top, Var) and top == bottom


class _Flat:
    def __init__(self, variable: str) -> None:
        self.variable = variable
        self.statements: list[tuple[str, Expr]] = []
        self.known: dict[tuple[object, ...], Var] = {}
        self.symbols: dict[sympy.Symbol, Var] = {}

    def _op(self, name: str, *args: Expr) -> Expr:
        if name == "neg" and isinstance(args[0], Const):
            return Const(-args[0].value)
        key = (name, *args)
        if key not in self.known:
            target = f"v{len(self.statements)}"
            self.statements.append((target, Op(name, args)))
            self.known[key] = Var(target)
        return self.known[key]

    def of(self, expr: sympy.Expr) -> Expr:
        if expr.is_Symbol:
            return self.symbols.get(expr, Var(str(expr)))
        if expr.is_Rational:
            return Const(Fraction(int(expr.p), int(expr.q)))
        if expr.is_Add:
            return self._sum(expr)
        if expr.is_Mul:
            return self._product(expr)
        if expr.func in FUNCTIONS:
            return self._op(FUNCTIONS[expr.func], self.of(expr.args[0]))
        if expr.is_Pow and expr.exp.is_Rational:
            return self._power(expr.base, Fraction(expr.exp.p, expr.exp.q))
        raise CannotCompileError(str(expr))

    def _sum(self, expr: sympy.Expr) -> Expr:
        """Positive terms first, numbers last: fewer signs to write."""
        terms = sorted(
            expr.args,
            key=lambda a: (a.is_number, a.could_extract_minus_sign(), str(a)),
        )
        total = self.of(terms[0])
        for term in terms[1:]:
            if term.could_extract_minus_sign():
                total = self._op("sub", total, self.of(-term))
            else:
                total = self._op("add", total, self.of(term))
        return total

    def _product(self, expr: sympy.Expr) -> Expr:
        if expr.could_extract_minus_sign():
            above, below = sympy.fraction(-expr, exact=True)
            if above.is_Rational and below != 1:
                return self._op("div", self.of(-above), self.of(below))
            return self._op("neg", self.of(-expr))
        number, rest = expr.as_coeff_Mul()
        if number != 1 and rest != 1:
            return self._op("mul", self.of(number), self.of(rest))
        above, below = sympy.fraction(expr, exact=True)
        if below != 1:
            return self._op("div", self.of(above), self.of(below))
        factors = sorted(
            sympy.Mul.make_args(above), key=lambda a: (not a.is_number, str(a))
        )
        total = self.of(factors[0])
        for factor in factors[1:]:
            total = self._op("mul", total, self.of(factor))
        return total

    def _power(self, base: sympy.Expr, exponent: Fraction) -> Expr:
        if exponent < 0:
            return self._op(
                "div", Const(Fraction(1)), self._power(base, -exponent)
            )
        inner = self.of(base)
        if exponent.denominator == 2:
            root = self._op("sqrt", inner)
            whole = exponent.numerator // 2
            if not whole:
                return root
            return self._op("mul", self._times(inner, whole), root)
        if exponent.denominator != 1 or exponent > MOST_POWER:
            raise CannotCompileError(f"{base}**{exponent}")
        return self._times(inner, int(exponent))

    def _times(self, base: Expr, n: int) -> Expr:
        if n == 1:
            return base
        half = self._times(base, n // 2)
        square = self._op("mul", half, half)
        return self._op("mul", square, base) if n % 2 else square
