"""The domain: an interval whose ends are exact, whatever they are given as."""

from __future__ import annotations

import math
import operator
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from ..errors import DomainError
from ..errors import GeneratorError
from ..plain import shown
from .arithmetic import MAX_BITS
from .arithmetic import RefusedError
from .arithmetic import value_of
from .parse import MAX_LENGTH
from .parse import parse
from .written import formula_of
from .written import refuse_float

_INFINITY = re.compile(r"([-+]?)(oo|inf|infinity)", re.ASCII | re.IGNORECASE)
# An end as `end_text` writes it: a float may have a thousand bits.
_QUOTIENT = re.compile(r"([-+]?[0-9]+)(?:/([0-9]+))?", re.ASCII)


def interval(domain: Any) -> tuple[sympy.Expr, sympy.Expr]:
    """Both ends, the lower one first.

    Raises:
        DomainError: it is no interval of the extended reals.
    """
    try:
        low, high = domain
    except Exception:  # of whatever object it is
        raise DomainError(
            f"Bad domain: expected a pair of ends, received {shown(domain)}."
        ) from None
    ends = _end(low), _end(high)
    if not _below(*ends):
        raise DomainError(
            "Bad domain: expected its lower end below its upper end, "
            f"received {shown(low)} and {shown(high)}."
        )
    return ends


def end_text(end: sympy.Expr) -> str:
    """An end as text, which reads back as exactly this number."""
    if _is_infinite(end) or end.is_Rational:
        return str(end)
    return formula_of(end)


def _is_infinite(end: sympy.Expr) -> bool:
    return end in (sympy.oo, -sympy.oo)


def _below(low: sympy.Expr, high: sympy.Expr) -> bool:
    if _is_infinite(low) or _is_infinite(high):
        return low != high and (low == -sympy.oo or high == sympy.oo)
    try:
        return bool(value_of(sympy.Add(high, -low)) > 0)
    except RefusedError:
        return False


def _end(value: object) -> sympy.Expr:
    try:
        end = _read(value)
    except GeneratorError as error:
        raise DomainError(
            "Bad domain: expected a real number or 'oo' at each end, "
            f"received {shown(value)}: {error}"
        ) from None
    except RefusedError as error:
        raise DomainError(
            "Bad domain: expected a real number or 'oo' at each end, of at "
            f"most {MAX_BITS} bits, received {shown(value)}: {error}."
        ) from None
    if end is None:
        raise DomainError(
            "Bad domain: expected a real number or 'oo' at each end, "
            f"received {shown(value)}, a {type(value).__name__}."
        )
    return end


def _read(value: Any) -> sympy.Expr | None:
    """The number, None for what is none."""
    if isinstance(value, str):
        return _from_text(value.strip(" \t"))
    if isinstance(value, np.generic):
        value = value.item()
    infinite = isinstance(value, float) and math.isinf(value)
    if infinite or (isinstance(value, Decimal) and value.is_infinite()):
        return sympy.oo if value > 0 else -sympy.oo
    if isinstance(value, sympy.Float):
        refuse_float(value)
        value = sympy.Rational(value)  # the float itself
    if isinstance(value, sympy.Expr):
        return _from_sympy(value)
    exact = _ratio(value)
    return None if exact is None else _rational(exact)


def _from_text(text: str) -> sympy.Expr | None:
    infinite = _INFINITY.fullmatch(text)
    if infinite:
        return -sympy.oo if infinite[1] == "-" else sympy.oo
    quotient = _QUOTIENT.fullmatch(text)
    if quotient and len(text) <= MAX_LENGTH:
        bottom = int(quotient[2] or 1)
        if bottom == 0:
            return None
        return _rational(Fraction(int(quotient[1]), bottom))
    return _from_sympy(parse(text))


def _from_sympy(value: sympy.Expr) -> sympy.Expr | None:
    if _is_infinite(value):
        return value
    if value.free_symbols or value in (sympy.zoo, sympy.nan):
        return None
    if value.is_Rational:
        return _rational(Fraction(int(value.p), int(value.q)))
    end = parse(formula_of(value))
    value_of(end)
    return end


def _rational(value: Fraction) -> sympy.Expr:
    top, bottom = value.numerator, value.denominator
    if max(abs(top), bottom).bit_length() > MAX_BITS:
        raise RefusedError("a number out of proportion")
    return sympy.Rational(top, bottom)


def _ratio(value: Any) -> Fraction | None:
    """The number itself; None for nan, a truth value and what is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, Decimal) and value.is_finite():
        # Its ratio would have that many digits.
        if max(abs(value.adjusted()), len(value.as_tuple()[1])) > MAX_BITS:
            raise RefusedError("a number out of proportion")
    try:
        return Fraction(operator.index(value))
    except TypeError:
        pass
    try:
        top, bottom = value.as_integer_ratio()
        return Fraction(top, bottom)
    except (AttributeError, TypeError, ValueError, OverflowError):
        return None
