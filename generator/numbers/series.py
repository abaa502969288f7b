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

from dataclasses import dataclass
from dataclasses import replace
from fractions import Fraction
from typing import Any

from flint import arb
from flint import arb_poly
from flint import arb_series
from flint import ctx
from flint import fmpq
from flint import fmpq_poly
from flint import fmpq_series

from ..errors import NotProvedError


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
        return Series(chart, 0, poly, chart.terms, arb(0), arb(0)).normal()

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

    def changed(self, v: int, poly: Poly, n: int, rho: arb, eta: arb) -> Series:
        return Series(self.chart, v, poly, n, upper(rho), upper(eta))

    def normal(self) -> Series:
        """The leading coefficient made nonzero."""
        if self.exact:
            cs = self.coeffs()
            drop = next((i for i, c in enumerate(cs) if c != 0), None)
            if drop == 0:
                return self
            if drop is None:
                if self._sure:
                    return self.changed(
                        0, fmpq_poly([]), self.n, arb(0), arb(0)
                    )
                return self._to_order()
            eta = self.eta / self.chart.least**drop
            return self.changed(
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
        return self.changed(
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
        return self.changed(self.v, poly, n, rho, self.eta)

    # -- arithmetic ------------------------------------------------------

    def __neg__(self) -> Series:
        return self.changed(self.v, -self.poly, self.n, self.rho, self.eta)

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
            return self.changed(a.v, a.poly, n, rho, a.eta).normal()
        pa, pb = common(a.poly, b.poly)
        poly = pa + pb.left_shift(shift)
        rho = a.rho + b.rho
        eta = a.eta + b.eta * r**shift
        return self.changed(a.v, poly, n, rho, eta).normal()

    def __mul__(self, other: Series) -> Series:
        if self.is_zero or other.is_zero:
            return self if self.is_zero else other
        n = min(self.n, other.n)
        a, b, r = self, other, self.chart.radius
        pa, pb = common(a.poly, b.poly)
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
        return self.changed(a.v + b.v, type(pa)(full[:n]), n, rho, eta).normal()

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
        return made.normal(), upper(bound)

    def blurred(self, eta: arb) -> Series:
        """Times something within exp(eta) - 1 of 1."""
        if eta.is_zero():
            return self
        more = upper(self.size() * eta.exp() * eta)
        return self.changed(
            self.v, self.poly, self.n, self.rho, self.eta + more
        )

    def shifted(self, v: int) -> Series:
        """Times w**v."""
        return self.changed(self.v + v, self.poly, self.n, self.rho, self.eta)

    def stretched(self, k: int) -> Series:
        """The same function of ``w * 2**k``."""
        if k == 0:
            return self
        up = arb((1, k))
        chart = replace(
            self.chart,
            radius=self.chart.radius * up,
            least=self.chart.least * up,
        )
        cs = [
            arb(c) * arb((1, -k * i))
            for i, c in enumerate(self.coeffs(), self.v)
        ]
        rho = self.rho * arb((1, -k * (self.n + self.v)))
        eta = self.eta * arb((1, -k * self.v))
        return Series(chart, self.v, arb_poly(cs), self.n, rho, eta)

    def lifted(self, k: int) -> Series:
        """Times 2**k."""
        if k == 0:
            return self
        up = arb((1, k))
        cs = [arb(c) * up for c in self.coeffs()]
        return Series(
            self.chart,
            self.v,
            arb_poly(cs),
            self.n,
            self.rho * up,
            self.eta * up,
        )

    def inverse(self) -> Series:
        """1/f; raises where f may vanish off w = 0."""
        inv = self._inverse_poly()
        d, eta = self._residual(inv)
        q = upper(d * self.chart.radius**self.n + eta)
        if not q < 1:
            raise NotProvedError("a denominator may vanish")
        size = weighted(inv.coeffs(), self.chart.radius)
        return self.changed(
            -self.v, inv, self.n, size * d / (1 - q), size * eta / (1 - q)
        )

    def _inverse_poly(self) -> Poly:
        if self.is_order:
            raise NotProvedError("a denominator is not known to any term")
        if self.exact:
            series = power_series(self.poly, self.n)
            return fmpq_poly(list(series.inv().coeffs()))
        inv = power_series(self.poly, self.n).inv()
        return arb_poly(list(inv.coeffs()))

    def _residual(self, inv: Poly) -> tuple[arb, arb]:
        """d, eta with ``f/w**v * inv = 1 + w**n * D + H``."""
        r, n = self.chart.radius, self.n
        pa, pi = common(self.poly, inv)
        full = (pa * pi).coeffs()
        size = weighted(inv.coeffs(), r)
        low = [c - (1 if i == 0 else 0) for i, c in enumerate(full[:n])]
        eta = weighted(low, r) + self.eta * size
        return upper(weighted(full[n:], r) + self.rho * size), upper(eta)

    def inverse_size(self) -> arb:
        """Bound of ``|w**v / f|``."""
        return self.inverse().size()


def common(a: Poly, b: Poly) -> tuple[Poly, Poly]:
    """Both in rationals if both are, else both in balls."""
    if isinstance(a, fmpq_poly) and isinstance(b, fmpq_poly):
        return a, b
    return to_balls(a), to_balls(b)


def power_series(poly: Poly, n: int) -> Any:
    """As a power series of flint's with n terms."""
    ctx.cap = max(ctx.cap, n)  # flint's own limit of terms, 10 at first
    cs = list(poly.coeffs()) or [0]
    if isinstance(poly, fmpq_poly):
        return fmpq_series(cs, 1, n)
    return arb_series(cs, n)
