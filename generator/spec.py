"""Stage 1: what f is."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass

import sympy

from .errors import DomainError
from .errors import GeneratorError
from .errors import NotAnExpressionError
from .errors import VariableError
from .parse import parse

_INFINITY = {"oo": sympy.oo, "+oo": sympy.oo, "-oo": -sympy.oo}


@dataclass(frozen=True)
class Spec:
    """A function of one real variable.

    Attributes:
        name: a Python identifier.
        text: the formula as it was given, for comments and messages.
        expr: the formula in sympy.
        variable: its one symbol.
        domain: ends of the interval, ±oo allowed.
    """

    name: str
    text: str
    expr: sympy.Expr
    variable: sympy.Symbol
    domain: tuple[sympy.Expr, sympy.Expr]


def make_spec(
    formula: str | sympy.Expr,
    name: str = "f",
    domain: tuple[object, object] = ("-oo", "oo"),
) -> Spec:
    """A `Spec` from text or from a sympy expression.

    Raises:
        NotAnExpressionError, UnknownFunctionError: see `parse`.
        VariableError: no variable, or more than one.
        DomainError: the domain is no interval.
        GeneratorError: the name is no identifier.
    """
    if (
        not isinstance(name, str)
        or not re.fullmatch(r"[a-z][a-z0-9_]*", name)
        or keyword.iskeyword(name)
    ):
        raise GeneratorError(
            "Bad name: expected a lower-case Python identifier, "
            f"received {name!r}."
        )
    if isinstance(formula, sympy.Expr):
        text, expr = str(formula), formula
    elif isinstance(formula, str):
        text, expr = formula.strip(), parse(formula)
    else:
        raise NotAnExpressionError(
            "Not an expression: expected text or a sympy expression, "
            f"received {type(formula).__name__}."
        )
    symbols = sorted(expr.free_symbols, key=str)
    if len(symbols) != 1:
        found = ", ".join(map(str, symbols)) or "none"
        raise VariableError(
            f"Expected a formula in one variable, received {found} in {text!r}."
        )
    real = sympy.Symbol(str(symbols[0]), real=True)
    expr = expr.xreplace({symbols[0]: real})
    return Spec(name, text, expr, real, _interval(domain))


def _interval(domain: tuple[object, object]) -> tuple[sympy.Expr, sympy.Expr]:
    try:
        low, high = domain
    except (TypeError, ValueError):
        raise DomainError(
            f"Bad domain: expected a pair of ends, received {domain!r}."
        ) from None
    ends = _end(low), _end(high)
    if not bool(sympy.N(ends[0]) < sympy.N(ends[1])):
        raise DomainError(
            "Bad domain: expected its lower end below its upper end, "
            f"received {low} and {high}."
        )
    return ends


def _end(value: object) -> sympy.Expr:
    if isinstance(value, str):
        if value.strip() in _INFINITY:
            return _INFINITY[value.strip()]
        value = parse(value)
    try:
        end = sympy.nsimplify(value) if isinstance(value, float) else value
        end = sympy.S(end) if isinstance(end, int) else end
    except (TypeError, ValueError, sympy.SympifyError):
        end = None
    if (
        not isinstance(end, sympy.Expr)
        or not end.is_number
        or not end.is_extended_real
    ):
        raise DomainError(
            "Bad domain: expected a real number or 'oo' at each end, "
            f"received {value!r}."
        )
    return end
