"""Powers of two that bring the distance from an end near to 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ..numbers.floats import FloatFormat
from ..numbers.formats import FORMATS
from ..pieces.end_kinds import AnyEnd
from ..pieces.end_kinds import BetweenEnd
from ..pieces.end_kinds import ExponentialEnd
from ..pieces.end_kinds import PairEnd
from ..program.program import Const
from ..program.program import Expr
from ..program.program import Var
from .body import Assign
from .body import Call
from .body import Group
from .body import Number
from .body import Word
from .body import assign
from .body import ops


@dataclass(frozen=True)
class Levels:
    """Powers of two by which distances are brought near to 1.

    With d * 2**-e the powers of d neither overflow nor lose the low parts
    of their pairs; e depends on d alone, by comparisons.

    Attributes:
        edges: of d, ascending.
        exponents: e, one more than edges.
    """

    edges: tuple[Fraction, ...]
    exponents: tuple[int, ...]

    def begin(self, q: int, dtype: str) -> list[Assign]:
        """m = d * 2**-e."""
        del q
        return [assign("m", self.scaled(Var("d"), Fraction(-1), dtype))]

    def scaled(
        self, value: Expr, times: Fraction, dtype: str, shift: int = 0
    ) -> Expr:
        """value * 2**(e * times + shift)."""
        fmt = FORMATS[dtype]
        values: list[Fraction | float] = []
        for e in self.exponents:
            n = int(e * times) + shift
            # Beyond the format the result is 0 or infinite: `_in_range`.
            if fmt.emin <= n <= fmt.emax:
                values.append(Fraction(2) ** n)
            else:
                values.append(math.inf if n > 0 else 0.0)
        return value * self._chosen(values, dtype)

    def exponent(self, times: Fraction, dtype: str) -> Expr:
        """e * times, a tensor."""
        return self._chosen([e * times for e in self.exponents], dtype)

    def _chosen(self, values: Sequence[Fraction | float], dtype: str) -> Expr:
        edges = Group(tuple(Number(e, dtype) for e in self.edges))
        factors = Group(tuple(Number(v, dtype) for v in values))
        return Call("level_of", (Var("d"), edges, factors, Word(dtype)))


@dataclass(frozen=True)
class Split:
    """The same for high powers, by the exponent of d itself.

    Attributes:
        subnormal: whether d may be.
    """

    subnormal: bool

    def begin(self, q: int, dtype: str) -> list[Assign]:
        """m * 2**n = d."""
        return [Assign(("m", "n"), split(self.subnormal, q, dtype))]

    def scaled(
        self, value: Expr, times: Fraction, dtype: str, shift: int = 0
    ) -> Expr:
        """value * 2**(n * times + shift)."""
        n = self.exponent(times, dtype)
        if shift:
            n = shifted(n, shift)
        return Call("scale_by_power", (value, n, Word(dtype)))

    def exponent(self, times: Fraction, dtype: str) -> Expr:
        """n * times, a tensor."""
        part: Expr = Var("n")
        if times.denominator > 1:
            # n is a multiple of it, but XLA multiplies by the reciprocal,
            # and -105 times the float next to 1/7 is not -15.
            whole = part / _whole(times.denominator) + Const(Fraction(1, 2))
            part = ops("cast", ops("floor", whole), Word(dtype))
        return _whole(times.numerator) * part


def split(subnormal: bool, q: int, dtype: str) -> Call:
    """d by its exponent, a multiple of q."""
    call = "split_subnormal" if subnormal else "split_exponent"
    return Call(call, (Var("d"), Word(q), Word(dtype)))


def may_be_subnormal(form: AnyEnd, fmt: FloatFormat) -> bool:
    """Whether d may be: next to a number floats are as far apart as below it.

    d is what `end_statements` clips: from the cut or from the bound on.
    """
    if isinstance(form, BetweenEnd):
        return False  # nothing is nearer than its offset
    if form.point is None:
        least = form.bound
    else:
        size = abs(form.point)
        spacing = size - fmt.next_down(size) if size else Fraction(0)
        least = max(form.cut, spacing)
    return least < fmt.smallest_normal


def shifted(value: Expr, n: int) -> Expr:
    """value + n."""
    return value + _whole(n) if n > 0 else value - _whole(-n)


def _whole(n: int) -> Const:
    return Const(Fraction(n))


MOST_LEVELS = 4  # beyond, two gathers and a logarithm are cheaper


def nearness(form: PairEnd, fmt: FloatFormat, last: bool) -> Levels | Split:
    """The cheapest way to keep powers of d inside the format.

    Args:
        last: two derivatives are taken by autodiff, which has 1 over the
            square and the cube of the m**|power| divided by.
    """
    unit = 2 * form.root
    room = fmt.emax - fmt.precision - 12  # for m**|power| and its low part
    if last:
        room //= 3
    step = room * form.root // max(abs(form.power), form.root) // unit * unit
    infinite = form.point is None
    reach = fmt.emax + 1 if infinite else fmt.emax + fmt.precision
    if step == 0 or (count := -(-reach // step)) > MOST_LEVELS:
        return Split(may_be_subnormal(form, fmt))
    signs = range(count) if infinite else range(1 - count, 1)
    # 2**-e has to be a number too, also for the subnormal d.
    most = fmt.emax // unit * unit
    exponents = tuple(max(-most, min(step * k, most)) for k in signs)
    if not isinstance(form, ExponentialEnd) and not _in_range(
        form, exponents, step, fmt
    ):
        return Split(may_be_subnormal(form, fmt))
    edges = exponents[1:] if infinite else exponents[:-1]
    return Levels(tuple(Fraction(2) ** e for e in edges), exponents)


def _in_range(
    form: PairEnd, exponents: tuple[int, ...], step: int, fmt: FloatFormat
) -> bool:
    """Whether what the levels cannot scale back is 0 or infinite.

    At a level e the result is a m**v 2**n, n = e v - gain, with m between 1
    and 2**step (infinity) or 2**-step and 1 (a point).  Where 2**n is no
    normal number the least of them has to be above 2**(emax + 1), or the
    largest below 2**emin, which may be flushed.
    """
    radius = float(form.bound) ** (
        (1 if form.point is not None else -1) / form.root
    )
    logs = (fmt.emax + fmt.precision) * math.log(2)  # above |log w|
    most, least = 0.0, 0.0
    for j, factor in enumerate(form.factors):
        head, small = abs(float(factor.head)), abs(float(factor.tail))
        small += sum(
            abs(float(c)) * radius ** (i + 1) for i, c in enumerate(factor.rest)
        )
        most += (head + small) * logs**j
        least = head - small
    if len(form.factors) > 1 or least <= 0:  # a sum with logarithms
        least = 2.0**-fmt.emax
    power = Fraction(form.power, form.root)
    if form.point is None:
        power = -power
    far = int(step * power) * (1 if form.point is None else -1)
    low = math.log2(least) + min(far, 0)
    high = math.log2(most) + max(far, 0)
    for e in exponents:
        n = int(e * power) - form.gain
        flushed, infinite = high + n < fmt.emin, low + n >= fmt.emax + 1
        if not (fmt.emin <= n <= fmt.emax or flushed or infinite):
            return False
    return True
