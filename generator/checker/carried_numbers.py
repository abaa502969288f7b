"""Numbers of carried forms: as floats, as text, and what is special of them."""

from __future__ import annotations

from fractions import Fraction

from .assembly import NotRunnable
from .claims import Format
from .claims import exponent_of

# From 1: see program/forms; a smaller factor is looked at by folds.py.
FAR = 2**8


def none(what: str) -> NotRunnable:
    return NotRunnable(f"no body's shape: no carried form, {what}")


def text_of(value: Fraction) -> str:
    """A float, which may stand anywhere."""
    made = float(value)
    return f"({made!r})" if made < 0 else repr(made)


def tree_of(value: Fraction) -> dict[str, str]:
    return {"constant": str(value)}


def is_power_of_two(value: Fraction) -> bool:
    top, bottom = abs(value.numerator), value.denominator
    return top > 0 and not (top & (top - 1) or bottom & (bottom - 1))


def is_far(value: Fraction) -> bool:
    """From 1: such a product stands behind a clip."""
    return value != 0 and not Fraction(1, FAR) < abs(value) < FAR


def nearest(value: Fraction, fmt: Format) -> Fraction:
    """The float next to a number, ties to even."""
    if not value:
        return value
    last = max(exponent_of(value), fmt.emin) - fmt.precision + 1
    unit = Fraction(2) ** last
    made = round(value / unit) * unit
    if abs(made) > fmt.max_finite:
        raise none("a number beyond the largest")
    return made
