"""Taylor models with relative remainders, about one point.

A `Series` encloses a function of w for every w of the chart:

    w**v * (sum(c_i * w**i, i < n) + w**n * D + H),  |D| <= rho, |H| <= eta.

The remainder is relative to w**(v + n), so subtracting two series whose
leading terms cancel loses terms and not the enclosure.  Sources: Chevillard,
Harrison, Joldes and Lauter, Efficient and accurate computation of upper
bounds of approximation errors, 2011 (relative remainders); majorants and
residuals of differential equations as in Tucker, Validated Numerics.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb
from flint import arb_poly
from flint import arb_series
from flint import ctx
from flint import fmpq
from flint import fmpq_poly
from flint import fmpq_series

from .errors import NotProvedError
from .errors import NotRealError


class OneSidedError(NotProvedError):
    """The function has no expansion on both sides of the point at once."""


class RootNeededError(NotProvedError):
    """The expansion goes in a root of w; says which."""

    def __init__(self, degree: int) -> None:
        super().__init__(f"the expansion needs w**(1/{degree})")
        self.degree = degree


@dataclass(frozen=True)
class Chart:
    """Where series live: 0 < w <= radius, or |w| <= radius.

    Attributes:
        radius: the largest |w|, exact.
        terms: coefficients kept.
        two_sided: whether w < 0 belongs to it.
        least: a lower bound of |w| over the floats that are meant.  A
            coefficient that is not told apart from 0 then costs at most
            |c| / least**k, which is kept in eta.
    """

    radius: arb
    terms: int
    two_sided: bool
    least: arb


Poly = Any  # fmpq_poly or arb_poly


def upper(value: arb) -> arb:
    """An exact upper bound of |value|."""
    bound = abs(value).upper()
    if not bound.is_finite():
        raise NotProvedError("a bound is infinite")
    return bound


def to_balls(poly: Poly) -> arb_poly:
    """The polynomial with ball coefficients."""
    if isinstance(poly, arb_poly):
        return poly
    return arb_poly([arb(c) for c in poly.coeffs()])


def weighted(coeffs: list[Any], radius: arb) -> arb:
    """sum(|c_i| * radius**i), an upper bound."""
    total = arb(0)
    for c in reversed(coeffs):
        total = total * radius + upper(arb(c))
    return upper(total)


@dataclass(frozen=True)
class Series:
    """See the module's docstring; `poly` has at most `n` coefficients."""

    chart: Chart
    v: int
    poly: Poly
    n: int
    rho: arb
    eta: arb

    # -- making ----------------------------------------------------------

    @staticmethod
    def constant(chart: Chart, value: Fraction | arb) -> Series:
        if isinstance(value, arb):
            poly: Poly = arb_poly([value])
        else:
            poly = fmpq_poly([fmpq(value.numerator, value.denominator)])
        return Series(chart, 0, poly, chart.terms, arb(0), arb(0))._normal()

    @staticmethod
    def monomial(chart: Chart, coefficient: int, v: int) -> Series:
        one = fmpq_poly([coefficient])
        return Series(chart, v, one, chart.terms, arb(0), arb(0))

    @staticmethod
    def order(chart: Chart, v: int, bound: arb) -> Series:
        """Something of size at most ``bound * |w|**v``."""
        return Series(chart, v, fmpq_poly([]), 0, bound, arb(0))

    # -- looking ---------------------------------------------------------

    @property
    def is_zero(self) -> bool:
        """Exactly zero, and known to be."""
        return self.poly.length() == 0 and self._sure

    @property
    def _sure(self) -> bool:
        """No remainder at all (every arb is true to `bool`)."""
        return bool(self.rho.is_zero() and self.eta.is_zero())

    @property
    def is_order(self) -> bool:
        """Only a bound is known."""
        return self.poly.length() == 0

    @property
    def exact(self) -> bool:
        return isinstance(self.poly, fmpq_poly)

    def coeffs(self) -> list[Any]:
        """The known coefficients, trailing zeros dropped."""
        return list(self.poly.coeffs())

    def coefficient(self, index: int) -> Any:
        cs = self.coeffs()
        return cs[index] if index < len(cs) else fmpq(0)

    def size(self) -> arb:
        """Bound of ``|f / w**v|``."""
        r = self.chart.radius
        whole = weighted(self.coeffs(), r)
        return upper(whole + self.rho * r**self.n + self.eta)

    def error(self) -> arb:
        """Bound of ``|f / w**v - polynomial|``."""
        r = self.chart.radius
        return upper(self.rho * r**self.n + self.eta)

    def _with(self, v: int, poly: Poly, n: int, rho: arb, eta: arb) -> Series:
        return Series(self.chart, v, poly, n, upper(rho), upper(eta))

    def _normal(self) -> Series:
        """The leading coefficient made nonzero."""
        if self.exact:
            cs = self.coeffs()
            drop = next((i for i, c in enumerate(cs) if c != 0), None)
            if drop == 0:
                return self
            if drop is None:
                if self._sure:
                    return self._with(0, fmpq_poly([]), self.n, arb(0), arb(0))
                return self._to_order()
            eta = self.eta / self.chart.least**drop
            return self._with(
                self.v + drop,
                fmpq_poly(cs[drop:]),
                self.n - drop,
                self.rho,
                eta,
            )
        cs = self.coeffs()
        drop = next((i for i, c in enumerate(cs) if not c.contains(0)), None)
        if drop == 0:
            return self
        if drop is None:
            return self._to_order()
        least = self.chart.least
        eta = self.eta / least**drop
        for i, c in enumerate(cs[:drop]):
            eta += upper(c) / least ** (drop - i)
        return self._with(
            self.v + drop, arb_poly(cs[drop:]), self.n - drop, self.rho, eta
        )

    def _to_order(self) -> Series:
        """Nothing is known but a bound: w**(v + n) * D."""
        least = self.chart.least
        rho = self.rho + self.eta / least**self.n
        for i, c in enumerate(self.coeffs()):
            rho += upper(arb(c)) / least ** (self.n - i)
        return Series.order(self.chart, self.v + self.n, upper(rho))

    def truncated(self, n: int) -> Series:
        """At most `n` known coefficients; the rest goes into rho."""
        if n >= self.n:
            return self
        n = max(n, 0)
        cs, r = self.coeffs(), self.chart.radius
        rho = self.rho * r ** (self.n - n) + weighted(cs[n:], r)
        poly = type(self.poly)(cs[:n])
        return self._with(self.v, poly, n, rho, self.eta)

    # -- arithmetic ------------------------------------------------------

    def __neg__(self) -> Series:
        return self._with(self.v, -self.poly, self.n, self.rho, self.eta)

    def __add__(self, other: Series) -> Series:
        if self.is_zero:
            return other
        if other.is_zero:
            return self
        a, b = (self, other) if self.v <= other.v else (other, self)
        shift = b.v - a.v
        n = min(a.n, b.n + shift)
        a, b = a.truncated(n), b.truncated(n - shift)
        r = self.chart.radius
        if n < shift:  # b is wholly below a's remainder
            rho = a.rho + b.size() * r ** (shift - n)
            return self._with(a.v, a.poly, n, rho, a.eta)._normal()
        pa, pb = _common(a.poly, b.poly)
        poly = pa + pb.left_shift(shift)
        rho = a.rho + b.rho
        eta = a.eta + b.eta * r**shift
        return self._with(a.v, poly, n, rho, eta)._normal()

    def __mul__(self, other: Series) -> Series:
        if self.is_zero or other.is_zero:
            return self if self.is_zero else other
        n = min(self.n, other.n)
        a, b, r = self, other, self.chart.radius
        pa, pb = _common(a.poly, b.poly)
        full = (pa * pb).coeffs()
        am, bm = weighted(a.coeffs(), r), weighted(b.coeffs(), r)
        rho = (
            weighted(full[n:], r)
            + a.rho * bm * r ** (a.n - n)
            + b.rho * am * r ** (b.n - n)
            + a.rho * b.rho * r ** (a.n + b.n - n)
        )
        eta = arb(0)
        if not (a.eta.is_zero() and b.eta.is_zero()):
            eta = a.eta * b.size() + b.eta * a.size()
        return self._with(a.v + b.v, type(pa)(full[:n]), n, rho, eta)._normal()

    def scaled(self, value: Fraction | arb) -> Series:
        return self * Series.constant(self.chart, value)

    def tail(self, drop: int) -> tuple[Series, arb]:
        """The terms from w**0 on, where v = -drop, and an absolute bound.

        Coefficients that cannot be told from 0 and eta are in the bound.
        """
        cs, n = self.coeffs()[drop:], self.n - drop
        bound = self.eta / self.chart.least**drop
        zero = all(not self.exact and c.contains(0) for c in cs)
        if zero and cs:
            bound += weighted(cs, self.chart.radius)
            cs = []
        poly = type(self.poly)(cs) if cs else fmpq_poly([])
        made = Series(self.chart, 0, poly, n, self.rho, arb(0))
        return made._normal(), upper(bound)

    def blurred(self, eta: arb) -> Series:
        """Times something within exp(eta) - 1 of 1."""
        if eta.is_zero():
            return self
        more = upper(self.size() * eta.exp() * eta)
        return self._with(self.v, self.poly, self.n, self.rho, self.eta + more)

    def shifted(self, v: int) -> Series:
        """Times w**v."""
        return self._with(self.v + v, self.poly, self.n, self.rho, self.eta)

    def inverse(self) -> Series:
        """1/f; raises where f may vanish off w = 0."""
        inv = self._inverse_poly()
        d, eta = self._residual(inv)
        q = upper(d * self.chart.radius**self.n + eta)
        if not q < 1:
            raise NotProvedError("a denominator may vanish")
        size = weighted(inv.coeffs(), self.chart.radius)
        return self._with(
            -self.v, inv, self.n, size * d / (1 - q), size * eta / (1 - q)
        )

    def _inverse_poly(self) -> Poly:
        if self.is_order:
            raise NotProvedError("a denominator is not known to any term")
        if self.exact:
            series = _series(self.poly, self.n)
            return fmpq_poly(list(series.inv().coeffs()))
        inv = _series(self.poly, self.n).inv()
        return arb_poly(list(inv.coeffs()))

    def _residual(self, inv: Poly) -> tuple[arb, arb]:
        """d, eta with ``f/w**v * inv = 1 + w**n * D + H``."""
        r, n = self.chart.radius, self.n
        pa, pi = _common(self.poly, inv)
        full = (pa * pi).coeffs()
        size = weighted(inv.coeffs(), r)
        low = [c - (1 if i == 0 else 0) for i, c in enumerate(full[:n])]
        eta = weighted(low, r) + self.eta * size
        return upper(weighted(full[n:], r) + self.rho * size), upper(eta)

    def inverse_size(self) -> arb:
        """Bound of ``|w**v / f|``."""
        return self.inverse().size()

    # -- functions of a series with v >= 0 --------------------------------

    def split_constant(self) -> tuple[Any, Series]:
        """The value at w = 0, and the rest."""
        if self.is_zero or self.v > 0:
            return fmpq(0), self
        if self.v < 0:
            raise NotProvedError("a pole where none was expected")
        if self.n == 0:
            raise NotProvedError("too few terms")
        cs = self.coeffs()
        head = cs[0] if cs else fmpq(0)
        if self.n == 1:
            return head, Series(
                self.chart, 1, fmpq_poly([]), 0, self.rho, arb(0)
            )._plus_eta(self.eta)
        rest = Series(
            self.chart,
            1,
            type(self.poly)(cs[1:]),
            self.n - 1,
            self.rho,
            arb(0),
        )
        # eta stays a constant: relative to w it would be divided by least.
        return head, rest._plus_eta(self.eta)

    def _plus_eta(self, eta: arb) -> Series:
        if eta.is_zero():
            return self._normal()
        small = upper(eta / self.chart.least)
        return self._with(
            self.v, self.poly, self.n, self.rho, self.eta + small
        )._normal()

    def _dense(self) -> tuple[Poly, int, arb]:
        """The polynomial from w**0 on, its terms, and bound of the rest."""
        if self.v < 0:
            raise NotProvedError("a pole where none was expected")
        n = self.n + self.v
        poly = self.poly.left_shift(self.v)
        return poly, n, upper(self.error() * self.chart.radius**self.v)

    def _compose(
        self,
        rule: Callable[[Any], Any],
        tail: Callable[[Poly, Poly, int], tuple[arb, arb]],
        lipschitz: Callable[[Poly, arb], arb],
        constant: Callable[[Any], bool],
    ) -> Series:
        """g(f): coefficients by `rule`, remainder by `tail`, in rho.

        Args:
            rule: from a power series of flint's to that of g.
            tail: rho and eta of ``g(p) - truncated``.
            lipschitz: bound of ``|g(p + d) - g(p)| / |d|`` for |d| <= it.
            constant: whether g keeps a rational constant term rational.
        """
        poly, n, _ = self._dense()
        n = min(n, self.chart.terms)
        poly = poly.truncate(n) if poly.length() > n else poly
        cut = self.truncated(n - self.v) if self.v < n else self
        cs = list(poly.coeffs())
        if isinstance(poly, fmpq_poly) and not constant(
            cs[0] if cs else fmpq(0)
        ):
            poly = to_balls(poly)
            cs = list(poly.coeffs())
        made = rule(_series(poly, n))
        result = type(poly)(list(made.coeffs())[:n])
        rho, eta = tail(poly, result, n)
        whole = upper(cut.error() * self.chart.radius**self.v)
        if not whole.is_zero():
            slope = lipschitz(poly, whole)
            # cut's remainder is w**n * rho + w**v * eta.
            rho += slope * cut.rho
            eta += slope * cut.eta * self.chart.radius**self.v
        return self._with(0, result, n, rho, eta)._normal()

    def _exp_tail(self, poly: Poly, n: int) -> arb:
        """sum over k >= n of the majorant exp(|p|), p without constant."""
        r = self.chart.radius
        cs = [arb(0)] + [abs(arb(c)) for c in poly.coeffs()[1:]]
        known = _series(arb_poly(cs), n).exp()
        total = arb(0)
        for c in reversed(list(known.coeffs())[:n]):
            total = total * r + c
        whole = arb(0)
        for c in reversed(cs):
            whole = whole * r + c
        return upper((whole.exp() - total) / r**n)

    def exp(self) -> Series:
        """exp(f) for f without a pole."""

        def head(poly: Poly) -> arb:
            cs = poly.coeffs()
            return arb(cs[0]).exp() if cs else arb(1)

        def tail(poly: Poly, made: Poly, n: int) -> tuple[arb, arb]:
            del made
            return upper(head(poly) * self._exp_tail(poly, n)), arb(0)

        def slope(poly: Poly, d: arb) -> arb:
            top = weighted(poly.coeffs()[1:], self.chart.radius)
            return upper(head(poly) * (top * self.chart.radius + d).exp())

        return self._compose(lambda s: s.exp(), tail, slope, lambda c: c == 0)

    def sin(self) -> Series:
        return self._circular(lambda s: s.sin())

    def cos(self) -> Series:
        return self._circular(lambda s: s.cos())

    def _circular(self, rule: Callable[[Any], Any]) -> Series:
        # |sin^(k)| <= 1, so exp(|p|) is a majorant.
        return self._compose(
            rule,
            lambda poly, made, n: (self._exp_tail(poly, n), arb(0)),
            lambda poly, d: arb(1),
            lambda c: c == 0,
        )

    def log(self) -> Series:
        """log(f / w**v)."""
        if self.is_order:
            raise NotProvedError("the argument of a log is not known")
        if not arb(self.coefficient(0)) > 0:
            raise NotRealError("the logarithm of a negative number")
        flat = self.shifted(-self.v)
        inv = Series(
            self.chart, 0, flat.poly, flat.n, arb(0), arb(0)
        ).inverse_size()

        def tail(poly: Poly, made: Poly, n: int) -> tuple[arb, arb]:
            # L' p - p' = w**(n-1) r, so |log p - L| <= w**n |r| / (n |p|).
            pa, pl = _common(poly, made)
            residual = (pl.derivative() * pa - pa.derivative()).coeffs()
            r = self.chart.radius
            high = weighted(residual[n - 1 :], r)
            low = weighted(residual[: n - 1], r)  # 0 but for rounding
            return upper(high * inv / n), upper(low * inv * r)

        def slope(poly: Poly, d: arb) -> arb:
            if not d * inv < 1:
                raise NotProvedError("the argument of a log may vanish")
            return upper(inv / (1 - d * inv))

        return flat._compose(lambda s: s.log(), tail, slope, lambda c: c == 1)

    def root(self, exponent: Fraction) -> Series:
        """f**exponent for f > 0, an exponent that is not whole."""
        if self.is_order:
            raise NotProvedError("the radicand is not known to any term")
        if not arb(self.coefficient(0)) > 0:
            raise NotRealError("a root of a negative number")
        power = self.v * exponent
        if power.denominator != 1:
            raise RootNeededError(power.denominator)
        if self.v and self.chart.two_sided:
            raise OneSidedError("a root has a branch point here")
        flat = self.shifted(-self.v)
        logs = flat.log().scaled(exponent)
        if exponent.denominator == 2 and flat.exact:
            kept = flat._exact_sqrt(exponent)
            if kept is not None:
                return kept.shifted(int(power))
        return logs.exp().shifted(int(power))

    def _exact_sqrt(self, exponent: Fraction) -> Series | None:
        """The same with rational coefficients, if f(0) is a square."""
        head = Fraction(int(self.coeffs()[0].p), int(self.coeffs()[0].q))
        if not (_is_square(head.numerator) and _is_square(head.denominator)):
            return None
        first = self.coeffs()[0]  # flint's root wants it to be 1
        root = fmpq(math.isqrt(head.numerator), math.isqrt(head.denominator))
        made = (_series(self.poly, self.n) * (1 / first)).sqrt() * root
        poly = fmpq_poly(list(made.coeffs())[: self.n])
        r, n = self.chart.radius, self.n
        # S**2 / f = 1 + w**n D, so sqrt f = S (1 + w**n D)**(-1/2).
        inv = self.inverse_size()
        gap = ((poly * poly) - self.poly).coeffs()
        d = upper((weighted(gap[n:], r) + self.rho) * inv)
        eta = upper(self.eta * inv)
        q = upper(d * r**n + eta)
        if not q < 1:
            raise NotProvedError("a radicand may vanish")
        size = weighted(poly.coeffs(), r)
        s = self._with(0, poly, n, size * d / (1 - q), size * eta / (1 - q))
        for _ in range(abs(exponent.numerator) // 2):
            s = s * self
        return s if exponent > 0 else s.inverse()

    def atan(self) -> Series:
        def tail(poly: Poly, made: Poly, n: int) -> tuple[arb, arb]:
            pa, pl = _common(poly, made)
            residual = (
                pl.derivative() * (pa * pa + 1) - pa.derivative()
            ).coeffs()
            r = self.chart.radius
            high = weighted(residual[n - 1 :], r)
            low = weighted(residual[: n - 1], r)  # 0 but for rounding
            return upper(high / n), upper(low * r)

        return self._compose(
            lambda s: s.atan(), tail, lambda p, d: arb(1), lambda c: c == 0
        )

    def erf(self) -> Series:
        """erf(p) = erf(p(0)) + 2/sqrt(pi) * integral of exp(-p**2) p'."""
        poly, n, _ = self._dense()
        n = min(n, self.chart.terms)
        cut = self.truncated(n - self.v) if self.v < n else self
        balls = to_balls(poly.truncate(n) if poly.length() > n else poly)
        flat = Series(self.chart, 0, balls, n, arb(0), arb(0))._normal()
        slope = Series(
            self.chart, 0, balls.derivative(), n, arb(0), arb(0)
        )._normal()
        factor = 2 / arb.pi().sqrt()
        d = ((-(flat * flat)).exp() * slope).scaled(factor)
        head = balls.coeffs()[0] if balls.length() else arb(0)
        made = to_balls(d.poly).left_shift(d.v).integral()
        cs = (arb_poly([head.erf()]) + made).coeffs()
        r = self.chart.radius
        # The integral of w**m D is w**(m+1) D / (m + 1); |erf'| <= factor.
        m = d.n + d.v
        rho = weighted(cs[n:], r) + factor * cut.rho
        rho += d.rho * r ** max(m + 1 - n, 0) / (m + 1)
        eta = d.eta * r ** (d.v + 1) + factor * cut.eta * r**self.v
        if m + 1 < n:
            n, rho = m + 1, rho + weighted(cs[m + 1 :], r)
        return self._with(0, arb_poly(cs[:n]), n, rho, eta)._normal()


def _common(a: Poly, b: Poly) -> tuple[Poly, Poly]:
    """Both in rationals if both are, else both in balls."""
    if isinstance(a, fmpq_poly) and isinstance(b, fmpq_poly):
        return a, b
    return to_balls(a), to_balls(b)


def _series(poly: Poly, n: int) -> Any:
    """As a power series of flint's with n terms."""
    ctx.cap = max(ctx.cap, n)  # flint's own limit of terms, 10 at first
    cs = list(poly.coeffs()) or [0]
    if isinstance(poly, fmpq_poly):
        return fmpq_series(cs, 1, n)
    return arb_series(cs, n)


def _is_square(value: int) -> bool:
    return value >= 0 and math.isqrt(value) ** 2 == value
