"""Float formats as data: adding one is adding an entry to `FORMATS`."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from flint import arb
from flint import fmpq

from .errors import NotProvedError
from .errors import UnknownDtypeError

FAR = 2**17  # exponents beyond are those of exp(-1/w), never of a result


@dataclass(frozen=True)
class FloatFormat:
    """A binary floating-point format.

    Attributes:
        name: the dtype's name in Keras.
        precision: significand bits p, the hidden one included.
        emin: exponent of the smallest normal number, ``2**emin``.
        emax: exponent of the largest binade, ``2**emax <= max_finite``.
        compute: name of the format plans are evaluated in; a narrower
            format is upcast, evaluated once and rounded once.
    """

    name: str
    precision: int
    emin: int
    emax: int
    compute: str

    @cached_property
    def max_finite(self) -> Fraction:
        """Largest finite number, ``(2 - 2**(1-p)) * 2**emax``."""
        return (2 - Fraction(2) ** (1 - self.precision)) * Fraction(
            2
        ) ** self.emax

    @cached_property
    def smallest_normal(self) -> Fraction:
        """``2**emin``."""
        return Fraction(2) ** self.emin

    @cached_property
    def smallest_subnormal(self) -> Fraction:
        """``2**(emin - p + 1)``."""
        return Fraction(2) ** (self.emin - self.precision + 1)

    def ulp_exponent(self, exponent: int) -> int:
        """log2 of ulp(y) where ``floor(log2|y|) == exponent``."""
        return max(exponent, self.emin) - self.precision + 1

    def round(self, value: Fraction) -> Fraction:
        """The nearest number of the format, ties to even."""
        if value == 0:
            return value
        unit = Fraction(2) ** self.ulp_exponent(floor_log2(value))
        return round(value / unit) * unit

    def next_down(self, value: Fraction) -> Fraction:
        """Largest number of the format below the positive `value`."""
        exponent = floor_log2(value)
        if value == Fraction(2) ** exponent:
            exponent -= 1
        return value - Fraction(2) ** self.ulp_exponent(exponent)


def floor_log2(value: Fraction) -> int:
    """floor(log2 |value|), exact, for value != 0."""
    top, bottom = abs(value.numerator), value.denominator
    exponent = top.bit_length() - bottom.bit_length()
    if Fraction(2) ** exponent > abs(value):
        exponent -= 1
    return exponent


def floor_log2_ball(value: arb) -> int:
    """floor(log2 |value|) of a ball's midpoint, which is not 0."""
    man, exp = value.mid().man_exp()
    return int(exp) + abs(int(man)).bit_length() - 1


def power2(exponent: int) -> arb:
    """``2**exponent``, exact."""
    return arb((1, exponent))


def to_arb(value: Fraction | int) -> arb:
    """The ball of a rational; exact where the value is dyadic."""
    value = Fraction(value)
    bits = value.denominator.bit_length() - 1
    if value.denominator == 1 << bits:
        return arb((value.numerator, -bits))
    return arb(fmpq(value.numerator, value.denominator))


def to_fraction(value: arb) -> Fraction:
    """The midpoint of a ball, exactly.

    Raises:
        NotProvedError: it is too far from every format to be written down.
    """
    man, exp = value.mid().man_exp()
    if abs(int(exp)) > FAR:
        raise NotProvedError("a number out of proportion")
    return Fraction(int(man)) * Fraction(2) ** int(exp)


FORMATS = {
    "float16": FloatFormat("float16", 11, -14, 15, "float32"),
    "bfloat16": FloatFormat("bfloat16", 8, -126, 127, "float32"),
    "float32": FloatFormat("float32", 24, -126, 127, "float32"),
    "float64": FloatFormat("float64", 53, -1022, 1023, "float64"),
}


def get_format(name: str) -> FloatFormat:
    """The format of that name, or `UnknownDtypeError`."""
    try:
        return FORMATS[name]
    except (KeyError, TypeError):
        raise UnknownDtypeError(
            f"Unknown dtype: expected one of {', '.join(FORMATS)}; "
            f"received {name!r}."
        ) from None
