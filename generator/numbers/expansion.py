"""Expansions at a point or at infinity, in powers, logs and exponentials.

An `Expansion` is a sum of ``e**k * log(w)**j * S_kj(w)`` with `Series` S_kj,
where w is a root of the distance to the point (of 1/x at infinity) and
``e = exp(-g(1/w))`` is one exponential that decays there.  Everything from
``e**(kmin + LEVELS)`` on is kept as a bound.  This is a one-scale transseries
with rigorous remainders; see Salvy and Shackell, Symbolic asymptotics:
multiseries of inverse functions, 1999, for the formal part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb

from ..errors import NotProvedError
from . import series_functions as functions
from .coefficients import cosine
from .coefficients import fraction
from .coefficients import inverse_factorial
from .coefficients import sine
from .composition import small_series
from .floats import to_arb
from .frame import Frame
from .series import OneSidedError
from .series import RootNeededError
from .series import Series
from .series import upper

LEVELS = 5  # powers of e kept before they become a bound
MAX_LOGS = 6  # powers of log w kept

Key = tuple[int, int]


@dataclass(frozen=True)
class Expansion:
    """See the module's docstring."""

    frame: Frame
    terms: dict[Key, Series]

    # -- making ----------------------------------------------------------

    @staticmethod
    def of(frame: Frame, series: Series) -> Expansion:
        return Expansion(frame, {} if series.is_zero else {(0, 0): series})

    @staticmethod
    def number(frame: Frame, value: Fraction | arb) -> Expansion:
        return Expansion.of(frame, Series.constant(frame.chart, value))

    @property
    def plain(self) -> Series | None:
        """The series, where there are no exponentials and logs."""
        if not self.terms:
            return Series.constant(self.frame.chart, Fraction(0))
        return self.terms.get((0, 0)) if len(self.terms) == 1 else None

    def _cut(self) -> Expansion:
        """High powers of e and of logs turned into bounds."""
        if len(self.terms) <= 1 and all(j == 0 for _, j in self.terms):
            return self
        known = [k for (k, _), s in self.terms.items() if not s.is_order]
        if not known:
            return self
        last = min(known) + LEVELS
        out: dict[Key, Series] = {}
        for (k, j), s in self.terms.items():
            if j > MAX_LOGS or (k >= last and (j or not s.is_order)):
                s, j = self._without_log(s, j), 0
            if k > last:
                v = s.v
                bound = s.size() * self.frame.absorb(k - last, 0)
                s, k = Series.order(s.chart, v, upper(bound)), last
            elif k == last and not s.is_order:
                s = Series.order(s.chart, s.v, s.size())
            out[k, j] = out[k, j] + s if (k, j) in out else s
        return Expansion(self.frame, _clean(out))

    def _without_log(self, s: Series, j: int) -> Series:
        """|w * log(w)**j| <= max at w = exp(-j), (j / e)**j, for w < 1."""
        if j == 0:
            return s
        if not self.frame.chart.radius < 1:
            raise NotProvedError("the chart is too wide for its logarithm")
        bound = (arb(j) / arb.const_e()) ** j
        return Series.order(s.chart, s.v - 1, upper(s.size() * bound))

    # -- arithmetic ------------------------------------------------------

    def __neg__(self) -> Expansion:
        return Expansion(self.frame, {k: -s for k, s in self.terms.items()})

    def __add__(self, other: Expansion) -> Expansion:
        out = dict(self.terms)
        for key, s in other.terms.items():
            out[key] = out[key] + s if key in out else s
        return Expansion(self.frame, _clean(out))._cut()

    def __mul__(self, other: Expansion) -> Expansion:
        out: dict[Key, Series] = {}
        for (k, j), s in self.terms.items():
            for (m, i), t in other.terms.items():
                key, product = (k + m, j + i), s * t
                out[key] = out[key] + product if key in out else product
        return Expansion(self.frame, _clean(out))._cut()

    def scaled(self, value: Fraction) -> Expansion:
        return self * Expansion.number(self.frame, value)

    def lead(self) -> tuple[int, Series]:
        """k and the series of the term that dominates as w -> 0."""
        if not self.terms:
            raise NotProvedError("the expression is zero here")
        k = min(k for k, _ in self.terms)
        own = {j: s for (m, j), s in self.terms.items() if m == k}
        if 0 not in own or own[0].is_order:
            raise NotProvedError("a logarithm or an unknown term leads")
        if any(s.v <= own[0].v for j, s in own.items() if j):
            raise NotProvedError("a logarithm leads")
        return k, own[0]

    def _relative(self) -> tuple[int, Series, Expansion]:
        """k, S, X with the whole equal to ``e**k S (1 + X)``."""
        k, s = self.lead()
        rest = {key: t for key, t in self.terms.items() if key != (k, 0)}
        if not rest:
            return k, s, Expansion(self.frame, {})
        inv = s.inverse()
        out = {(m - k, j): t * inv for (m, j), t in rest.items()}
        return k, s, Expansion(self.frame, _clean(out))._cut()

    def _level(self, k: int) -> Expansion:
        """Times e**k."""
        return Expansion(
            self.frame, {(m + k, j): s for (m, j), s in self.terms.items()}
        )

    def bound(self) -> arb:
        """Bound of |f| over the chart; every term must stay bounded."""
        total = arb(0)
        for (k, j), s in self.terms.items():
            if j:
                s = self._without_log(s, j)
            if k < 0:
                raise NotProvedError("an exponential grows here")
            total += s.size() * self.frame.absorb(k, s.v)
        return upper(total)

    def inverse(self) -> Expansion:
        """1/f."""
        k, s, x = self._relative()
        head = Expansion.of(self.frame, s.inverse())
        one_over = small_series(x, lambda m: Fraction((-1) ** m), arb(1))
        return (head * one_over)._level(-k)

    def power(self, exponent: Fraction) -> Expansion:
        """f**exponent."""
        if exponent.denominator == 1:
            return self._whole_power(int(exponent))
        k, s, x = self._relative()
        level = k * exponent
        if level.denominator != 1:
            raise self.frame.divided(level.denominator)
        coefficients = [Fraction(1)]
        for m in range(1, 80):
            step = (exponent - m + 1) / m
            coefficients.append(coefficients[-1] * step)
        top = max(abs(c) for c in coefficients)
        # |binomial(a, m)| does not grow with m once m > |a|.
        tail = to_arb(max(top, Fraction(1)))
        head = Expansion.of(self.frame, functions.root(s, exponent))
        return (head * small_series(x, lambda m: coefficients[m], tail))._level(
            int(level)
        )

    def _whole_power(self, n: int) -> Expansion:
        if n < 0:
            return self._whole_power(-n).inverse()
        result = Expansion.number(self.frame, Fraction(1))
        base = self
        while n:
            result = result * base if n & 1 else result
            n >>= 1
            base = base * base if n else base
        return result

    # -- functions ---------------------------------------------------------

    def log(self) -> Expansion:
        """log f for f > 0."""
        k, s, x = self._relative()
        chart = self.frame.chart
        out = Expansion.of(self.frame, functions.log(s))
        if s.v:
            if chart.two_sided:
                raise OneSidedError("a logarithm has a branch point here")
            logs = Series.constant(chart, Fraction(s.v))
            out = out + Expansion(self.frame, {(0, 1): logs})
        if k:
            out = out + self._exponent().scaled(Fraction(-k))
        small = small_series(
            x,
            lambda m: Fraction((-1) ** (m + 1), m) if m else Fraction(0),
            arb(1),
        )
        return out + small

    def _exponent(self) -> Expansion:
        """g(1/w)."""
        total = Expansion(self.frame, {})
        irrational = self.frame.scale != 1
        for p, c in self.frame.exponent.items():
            one = Series.monomial(self.frame.chart, 1, -p).scaled(c)
            one = one.scaled(self.frame.scale) if irrational else one
            total = total + Expansion.of(self.frame, one)
        return total

    def _split(
        self,
    ) -> tuple[dict[int, Any], Fraction, Series, Expansion, arb]:
        """Polar part, multiple of log w, regular series, small rest.

        The last is a bound of what else there may be, an absolute one.
        """
        chart = self.frame.chart
        zero = Series.constant(chart, Fraction(0))
        base = self.terms.get((0, 0), zero)
        polar: dict[int, Any] = {}
        regular, blur = base, arb(0)
        if not base.is_zero and base.v < 0:
            if base.n + base.v <= 0:
                raise NotProvedError("too few terms")
            cs = base.coeffs()
            for i, c in enumerate(cs[: -base.v]):
                polar[-base.v - i] = c
            regular, blur = base.tail(-base.v)
        rest = {key: s for key, s in self.terms.items() if key != (0, 0)}
        multiple = Fraction(0)
        logs = rest.pop((0, 1), None)
        if logs is not None:
            if logs.v < 0 or logs.is_order:
                raise NotProvedError("exp of a logarithm times a power")
            if logs.v == 0:
                c = logs.coefficient(0)
                if isinstance(c, arb):
                    raise NotProvedError("a power that is not rational")
                multiple = fraction(c)
                logs = logs + Series.constant(chart, -multiple)
            if not logs.is_zero:
                rest[0, 1] = logs
        for (k, j), s in rest.items():
            if k < 0 or (k == 0 and j and s.v <= 0):
                raise NotProvedError("an exponential of an exponential")
        polar = {p: c for p, c in polar.items() if c != 0}
        return polar, multiple, regular, Expansion(self.frame, rest), blur

    def exp(self) -> Expansion:
        """exp f."""
        polar, multiple, regular, x, eta = self._split()
        level = 0
        if polar:
            if self.frame.chart.two_sided:
                raise OneSidedError("exp has an essential singularity")
            level, more = self.frame.level_of(polar)
            eta += more
        if multiple.denominator != 1:
            raise RootNeededError(multiple.denominator)
        head = functions.exp(regular).blurred(eta).shifted(int(multiple))
        small = small_series(x, inverse_factorial, arb(1))
        return (Expansion.of(self.frame, head) * small)._level(level)

    def _circular(self) -> tuple[Series, Expansion] | None:
        """The regular part and the small rest; None where f is unbounded."""
        if any(
            k < 0 or (k == 0 and j and s.v <= 0)
            for (k, j), s in self.terms.items()
        ):
            return None
        polar, multiple, regular, x, _ = self._split()
        return None if polar or multiple else (regular, x)

    def _bounded(self) -> Expansion:
        """Something between -1 and 1: all that is known of sin(1/w)."""
        return Expansion.of(
            self.frame, Series.order(self.frame.chart, 0, arb(1))
        )

    def sin(self) -> Expansion:
        """sin f."""
        return self._circle(functions.sin, functions.cos, 1)

    def cos(self) -> Expansion:
        """cos f."""
        return self._circle(functions.cos, functions.sin, -1)

    def _circle(
        self,
        own: Callable[[Series], Series],
        other: Callable[[Series], Series],
        sign: int,
    ) -> Expansion:
        """own(s + x) = own(s) cos x + sign other(s) sin x."""
        parts = self._circular()
        if parts is None:
            return self._bounded()
        s, x = parts
        head = Expansion.of(self.frame, own(s))
        if not x.terms:
            return head
        turned = Expansion.of(self.frame, other(s)).scaled(Fraction(sign))
        cosines = small_series(x, cosine, arb(1))
        return head * cosines + turned * small_series(x, sine, arb(1))

    def _grows(self) -> int:
        """The sign of f where it goes to infinity as w -> 0, else 0."""
        if not self.terms:
            return 0
        k = min(k for k, _ in self.terms)
        own = [(s.v, -j, s) for (m, j), s in self.terms.items() if m == k]
        v, minus_j, s = min(own, key=lambda item: item[:2])
        if k > 0 or (k == 0 and (v > 0 or (v == 0 and minus_j == 0))):
            return 0
        if s.is_order:
            raise NotProvedError("a term that leads is not known")
        sign = 1 if arb(s.coefficient(0)) > 0 else -1
        if minus_j % 2:  # log w < 0
            sign = -sign
        if self.frame.chart.two_sided:
            raise OneSidedError("a function has two limits here")
        return sign

    def atan(self) -> Expansion:
        """atan f."""
        sign = self._grows()
        if sign:
            half_pi = Expansion.number(self.frame, arb.pi() * sign / 2)
            return half_pi + (-self.inverse().atan())
        _, _, s, x, _ = self._split()
        head = Expansion.of(self.frame, functions.atan(s))
        if not x.terms:
            return head
        one = Expansion.number(self.frame, Fraction(1))
        base = Expansion.of(self.frame, s)
        y = x * (one + base * (base + x)).inverse()
        return head + small_series(
            y,
            lambda m: Fraction((-1) ** (m // 2), m) if m % 2 else Fraction(0),
            arb(1),
        )

    def erf(self) -> Expansion:
        """erf f."""
        sign = self._grows()
        if sign:
            one = Expansion.number(self.frame, Fraction(sign))
            return one + self._erfc(sign).scaled(Fraction(-sign))
        _, _, s, x, _ = self._split()
        if x.terms:
            raise NotProvedError("erf of an exponential")
        return Expansion.of(self.frame, functions.erf(s))

    def erfc(self) -> Expansion:
        """1 - erf f, which keeps its digits where erf f is next to 1."""
        sign = self._grows()
        if sign > 0:
            return self._erfc(1)
        if sign < 0:
            two = Expansion.number(self.frame, Fraction(2))
            return two + (-self._erfc(-1))
        _, _, s, x, _ = self._split()
        if x.terms:
            raise NotProvedError("erfc of an exponential")
        return Expansion.of(self.frame, functions.erfc(s))

    def _erfc(self, sign: int) -> Expansion:
        """erfc(|f|) for f that goes to infinity.

        exp(-f**2) / (|f| sqrt(pi)) * (1 - 1/(2 f**2) + ...), in error by
        less than the first term left out (DLMF 7.12(i)).
        """
        square = self * self
        y = square.inverse().scaled(Fraction(1, 2))
        total = Expansion.number(self.frame, Fraction(1))
        power, factor = total, Fraction(1)
        terms = max(3, self.frame.chart.terms // 2)
        for m in range(1, terms):
            power, factor = power * y, -factor * (2 * m - 1)
            total = total + power.scaled(factor)
        last = (power * y).scaled(abs(factor) * (2 * terms - 1))
        total = total + last.as_bound(arb(1))
        root = Expansion.number(self.frame, 1 / arb.pi().sqrt())
        positive = self.scaled(Fraction(sign))
        return (-square).exp() * positive.inverse() * root * total

    def as_bound(self, factor: arb) -> Expansion:
        """Every term replaced by its size times `factor`."""
        return Expansion(
            self.frame,
            {
                (k, 0): Series.order(s.chart, t.v, upper(t.size() * factor))
                for (k, j), s in self.terms.items()
                for t in [self._without_log(s, j)]
            },
        )

    def absolute(self) -> Expansion:
        """|f|."""
        return self if self.sign() >= 0 else -self

    def sign(self) -> int:
        """1 or -1, the same wherever the chart is; 0 where f is 0.

        Raises:
            OneSidedError: f changes sign at the place itself.
            NotProvedError: it may do so elsewhere.
        """
        if not self.terms:
            return 0
        k = min(k for k, _ in self.terms)
        own = [(s.v, -j, s) for (m, j), s in self.terms.items() if m == k]
        v, minus_j, s = min(own, key=lambda item: item[:2])
        if s.is_order:
            raise NotProvedError("the sign of an absolute value is not known")
        if self.frame.chart.two_sided and v % 2:
            raise OneSidedError("an absolute value has a kink here")
        _, _, x = self._relative()
        if x.terms and not x.bound() < 1:
            raise NotProvedError("an absolute value may change sign")
        s.inverse()  # raises where s may vanish
        sign = 1 if arb(s.coefficient(0)) > 0 else -1
        return sign * (-1) ** (-minus_j)


def _clean(terms: dict[Key, Series]) -> dict[Key, Series]:
    return {key: s for key, s in terms.items() if not s.is_zero}
