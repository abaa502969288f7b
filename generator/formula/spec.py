"""Stage 1: what f is."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import sympy

from .. import plain
from ..errors import GeneratorError
from ..errors import NotAnExpressionError
from ..errors import VariableError
from .constant import without_variable
from .domain import end_text
from .domain import interval
from .parse import FUNCTIONS
from .parse import parse
from .parse import retyped
from .parse import variables_of
from .written import formula_of
from .written import refuse_size


@dataclass(frozen=True)
class Spec:
    """A function of one real variable.

    Attributes:
        name: a Python identifier.
        text: the formula as it was read: its tokens, or a sympy
            expression printed; `parse` makes `expr` of it.
        expr: the formula in sympy.
        variable: its one symbol.
        domain: ends of the interval, ±oo allowed.
    """

    name: str
    text: str
    expr: sympy.Expr
    variable: sympy.Symbol
    domain: tuple[sympy.Expr, sympy.Expr]

    def __post_init__(self) -> None:
        plain.name(self.name)
        plain.text(self.text, "formula")

    @property
    def domain_text(self) -> tuple[str, str]:
        """The ends as text, which `make_spec` reads back exactly."""
        low, high = self.domain
        return end_text(low), end_text(high)


def make_spec(
    formula: str | sympy.Expr,
    name: str = "f",
    domain: tuple[object, object] = ("-oo", "oo"),
) -> Spec:
    """A `Spec` from text or from a sympy expression.

    Args:
        formula: see `parse` and `formula_of`.
        domain: its ends.  A float (of Python, NumPy or sympy) is that float
            exactly; text is exact as it is in formulas, "0.1" one tenth;
            "oo", "inf" and "infinity" are infinity, with either sign.

    Raises:
        NotAnExpressionError, UnknownFunctionError, NotRealError: see
            `parse` and `formula_of`.
        VariableError: no variable, or more than one.
        DomainError: the domain is no interval.
        GeneratorError: the name is no identifier.
    """
    plain.name(name)
    if isinstance(formula, sympy.Expr):
        refuse_size(formula)
        _one_variable(formula)
        text = formula_of(formula)
    elif isinstance(formula, str):
        text = retyped(formula)
    else:
        raise NotAnExpressionError(
            "Not an expression: expected text or a sympy expression, "
            f"received {type(formula).__name__}."
        )
    expr = parse(text)
    variable = _one_variable(expr, text)
    expr = without_variable(expr, variable)
    if not expr.free_symbols:  # plainly, so that nobody need find it again
        text = f"{formula_of(expr)}+0*{variable}"
    if expr == variable and sum(c.isalpha() for c in variable.name) > 1:
        raise _bare_name(variable.name)
    return Spec(name, text, expr, variable, interval(domain))


def checked_goal(max_ulp: object) -> float | None:
    """A bound that an op is to meet, in ulp; None for the default.

    Raises:
        GeneratorError: it is no positive finite number.
    """
    if max_ulp is None:
        return None
    try:
        if isinstance(max_ulp, (str, bytes, bool, np.bool_)):
            raise TypeError
        value = float(max_ulp)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not 0 < value < math.inf:
        raise GeneratorError(
            "Bad max_ulp: expected a positive finite number of ulp, received "
            f"{plain.shown(max_ulp)}."
        )
    return value


def nearest(name: str, known: Collection[str]) -> str:
    """ ", did you mean ...", or nothing, for a message."""
    found = difflib.get_close_matches(name, sorted(known), 3)
    return f"; did you mean {' or '.join(found)}?" if found else ""


SEVERAL = (
    "ks.recipes has functions of several tensors (Box-Cox, Tweedie, "
    "log(exp(a) - exp(b)) ...), and docs/recipes.md says how to compose one "
    "of your own."
)


def _one_variable(expr: sympy.Expr, text: str = "") -> sympy.Symbol:
    """Of the expression, or of its text, where it has cancelled."""
    symbols = sorted(expr.free_symbols, key=str)
    symbols = symbols or variables_of(text)
    if len(symbols) != 1:
        names = ", ".join(str(s) for s in symbols) or "none"
        found = plain.shown(names).strip("'")
        several = f" {SEVERAL}" if len(symbols) > 1 else ""
        raise VariableError(
            f"Expected a formula in one variable, received {found} in "
            f"{plain.shown(expr)}.{several}"
        )
    return symbols[0]


def _bare_name(name: str) -> NotAnExpressionError:
    from .catalogue import load_catalogue

    known = {*FUNCTIONS, *(entry.name for entry in load_catalogue())}
    return NotAnExpressionError(
        "A name is no formula: expected a formula in one variable such as "
        "'(exp(x)-1)/x', or the name of an op that ships, received "
        f"{plain.shown(name)}{nearest(name, known)}"
    )
