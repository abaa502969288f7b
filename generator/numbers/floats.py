"""Float formats and exact arithmetic on their numbers.

Source of the terms: IEEE 754-2019, section 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from flint import arb
from flint import fmpq

from ..errors import NotProvedError

FAR = 2**17  # exponents beyond are those of exp(-1/w), never of a result


@dataclass(frozen=True)
class FloatFormat:
    """A binary floating-point format.

    Attributes:
        name: the format's name, the dtype's in Keras if it has one.
        precision: significand bits p, the hidden one included.
        emin: exponent of the smallest normal number, ``2**emin``.
        emax: exponent of the largest binade, ``2**emax <= max_finite``.
        compute: name of the format plans are evaluated in; a narrower
            format is upcast, evaluated once and rounded once.
        storage: the Keras dtype that holds it.
        infinities, nan: whether it has them.
        overflow: what a number becomes that rounds to no finite one: "inf",
            "nan" or "saturate".
        largest: the largest finite number, where it is not the last of the
            last binade.
    """

    name: str
    precision: int
    emin: int
    emax: int
    compute: str
    storage: str
    infinities: bool = True
    nan: bool = True
    overflow: str = "inf"
    largest: Fraction | None = None

    @cached_property
    def max_finite(self) -> Fraction:
        """Largest finite number, usually ``(2 - 2**(1-p)) * 2**emax``."""
        if self.largest is not None:
            return self.largest
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

    def up(self, value: Fraction) -> Fraction:
        """The least number at or above `value`, as if there were no largest."""
        return -self.down(-value)

    def down(self, value: Fraction) -> Fraction:
        """The greatest number at or below, as if there were no largest."""
        if value == 0:
            return value
        unit = Fraction(2) ** self.ulp_exponent(floor_log2(value))
        return value // unit * unit

    def holds(self, value: Fraction) -> bool:
        """Whether it is a finite number of the format."""
        return self.round(value) == value and abs(value) <= self.max_finite

    def next_down(self, value: Fraction) -> Fraction:
        """Largest number of the format below the positive `value`."""
        exponent = floor_log2(value)
        if value == Fraction(2) ** exponent:
            exponent -= 1
        return value - Fraction(2) ** self.ulp_exponent(exponent)

    def last_rounding_down(self, wide: FloatFormat) -> Fraction:
        """The largest number of `wide` that rounds to a finite one.

        Half an ulp above the largest finite number is a tie: it goes down
        if that number is even, as 448 of float8_e4m3fn is, and otherwise
        over.
        """
        unit = Fraction(2) ** self.ulp_exponent(floor_log2(self.max_finite))
        tie = self.max_finite + unit / 2
        even = (self.max_finite / unit) % 2 == 0
        return tie if even else wide.next_down(tie)

    def rounding(self, wide: FloatFormat) -> dict[str, float]:
        """How results of `wide` are rounded to this format.

        Returns:
            Arguments of ``keras_stablef._rounding.narrow`` besides the
            tensor and the storage: what a cast does not do by itself.
            Empty where it does all.
        """
        steps: dict[str, float] = {}
        by_hand = self.storage != self.name
        if by_hand or self.overflow != "inf":
            steps["limit"] = float(self.last_rounding_down(wide))
            steps["beyond"] = {
                "inf": float("inf"),
                "nan": float("nan"),
                "saturate": float(self.max_finite),
            }[self.overflow]
        if by_hand:
            steps["dropped"] = wide.precision - self.precision
            steps["emin"] = self.emin
        return steps


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


def ends_of_ball(value: arb) -> tuple[Fraction, Fraction]:
    """The least and the greatest number of a ball, exactly.

    Raises:
        NotProvedError: it is too far from every format to be written down.
    """
    middle = to_fraction(value)
    radius = to_fraction(value.rad()) if value.rad() > 0 else Fraction(0)
    return middle - radius, middle + radius
