"""A formula as MathML, which browsers lay out by themselves."""

from __future__ import annotations

import html
import re

import sympy
from markupsafe import Markup
from sympy.printing.mathml import MathMLPresentationPrinter

from ..formula.derivative import derivative
from ..formula.exact import without_deltas
from ..formula.spec import Spec

LONGEST = 6000  # characters of MathML: more is no formula to look at
_E = "\N{DOUBLE-STRUCK ITALIC SMALL E}"


def mathml(spec: Spec, order: int) -> Markup | None:
    """f^(order)(x) as presentation MathML; None if that is too long.

    sympy's printer makes it of the expression that was read, by an XML
    document, whose texts are escaped.
    """
    expr = without_deltas(derivative(spec.expr, spec.variable, order))
    if order:
        expr = _shorter(expr)
    try:
        printer = MathMLPresentationPrinter({"order": None})
        text = printer.doprint(_in_x(expr, spec))
    except (NotImplementedError, RecursionError, TypeError, ValueError):
        return None
    if len(text) > LONGEST:
        return None
    # Entities of MathML that XML has not are characters; the five that both
    # have stay, as they are what escapes.
    text = re.sub(r"&(?!(?:amp|lt|gt|quot|apos);)\w+;", _character, text)
    return Markup(text.replace("<mo>-</mo>", "<mo>\N{MINUS SIGN}</mo>"))


def _character(entity: re.Match[str]) -> str:
    character = html.unescape(entity[0])
    return "e" if character == _E else html.escape(character)


def _in_x(expr: sympy.Expr, spec: Spec) -> sympy.Expr:
    return expr.xreplace({spec.variable: sympy.Symbol("x", real=True)})


def _shorter(expr: sympy.Expr) -> sympy.Expr:
    """Whichever of two ways to write a derivative has fewer operations."""
    together = sympy.together(expr)
    return min(expr, together, key=lambda e: (sympy.count_ops(e), str(e)))
