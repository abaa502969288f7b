"""Series and expansions of lgamma, the derivatives of digamma, and erfinv.

Stirling's series, whose remainder is below the first term left out (DLMF
5.11(ii)); next to 0 the recurrence (5.5.2).  About a positive number c the
Taylor coefficients of psi^(m) are (m + k)! zeta(m + k + 1, c) / k! in size
(5.15.1, with lgamma as m = -1), and

    zeta(s, c) <= c**-s (1 + c / (s - 1)).
"""

from __future__ import annotations

from fractions import Fraction
from math import factorial
from typing import Any

from flint import arb
from flint import arb_poly
from flint import arb_series
from flint import ctx
from flint import fmpq

from ..errors import NotProvedError
from ..errors import NotRealError
from . import special
from .expansion import Expansion
from .frame import to_fraction_exact
from .series import Poly
from .series import Series
from .series import power_series
from .series import to_balls
from .series import upper
from .series import weighted
from .series_functions import compose
from .series_functions import exp


def gamma_series(order: int, s: Series) -> Series:
    """psi^(order) f for f > 0; lgamma f for -1."""
    head = arb(s.coefficient(0)) if s.v == 0 else arb(0)
    if not head > 0:
        if head < 0:
            raise NotRealError("the gamma function of a negative number")
        raise NotProvedError("the gamma function next to a pole")

    def rule(series: Any) -> Any:
        n = series.prec
        center, *rest = list(series.coeffs())
        outer = arb_series(special.coefficients(order, center, n), n)
        if not rest:
            return arb_series([outer[0]], n)
        return outer(arb_series([arb(0), *rest], n))

    def tail(poly: Poly, made: Poly, n: int) -> tuple[arb, arb]:
        del made
        r = s.chart.radius
        inner = [arb(0), *(abs(arb(c)) for c in poly.coeffs()[1:])]
        sizes = [abs(c) for c in special.coefficients(order, head, n)]
        known = _composed(sizes, inner, n)
        whole = weighted(inner, r)
        total = sum((c * whole**k for k, c in enumerate(sizes)), arb(0))
        kept = sum((c * r**k for k, c in enumerate(known)), arb(0))
        return upper((total - kept + _rest(order, head, whole, n)) / r**n), arb(
            0
        )

    def slope(poly: Poly, d: arb) -> arb:
        reach = weighted([0, *poly.coeffs()[1:]], s.chart.radius) + d
        ends = [head - reach, head + reach]
        if not ends[0] > 0:
            raise NotProvedError("the gamma function next to a pole")
        sizes = [abs(special.at(order + 1, end)) for end in ends]
        return upper(sizes[0].max(sizes[1]))

    return compose(s, rule, tail, slope, lambda c: False)


def inverse_series(name: str, s: Series) -> Series:
    """erfinv f or erfcinv f.

    With erf(Y) = p + F for the polynomial Y that is kept, what is left out
    is erfinv(p) - erfinv(p + F); F' = 2/sqrt(pi) exp(-Y**2) Y' - p'.  Of
    erfc the signs are others.
    """
    head = arb(s.coefficient(0)) if s.v == 0 else arb(0)
    sign = 1 if name == "erfinv" else -1
    factor = sign * 2 / arb.pi().sqrt()
    if not special.inverse_at(name, head).is_finite():
        if abs(head) > 1 if sign > 0 else (head < 0 or head > 2):
            raise NotRealError("an inverse of erf beyond its range")
        raise NotProvedError("an inverse of erf next to its ends")

    def rule(series: Any) -> Any:
        n = series.prec
        center, *rest = list(series.coeffs()) or [arb(0)]
        outer = arb_series(special.inverse_coefficients(name, center, n), n)
        if not rest:
            return arb_series([outer[0]], n)
        return outer(arb_series([arb(0), *rest], n))

    def steepest(poly: Poly, d: arb) -> arb:
        reach = weighted([0, *poly.coeffs()[1:]], s.chart.radius) + d
        ends = (head - reach).lower(), (head + reach).upper()
        with ctx.workprec(special.SPARE_BITS):
            edges = [special.inverse_at(name, end) for end in ends]
            slopes = [upper((y * y).exp() / factor) for y in edges]
        return slopes[0].max(slopes[1])

    def tail(poly: Poly, made: Poly, n: int) -> tuple[arb, arb]:
        r = s.chart.radius
        y = Series(s.chart, 0, to_balls(made), n, arb(0), arb(0)).normal()
        slope = Series(
            s.chart, 0, to_balls(made).derivative(), n, arb(0), arb(0)
        ).normal()
        d = (exp(-(y * y)) * slope).scaled(factor)
        left = to_balls(d.poly).left_shift(d.v) - to_balls(poly).derivative()
        cs = left.coeffs()
        high = weighted(cs[n - 1 :], r)
        low = weighted(cs[: n - 1], r)
        m = d.n + d.v
        high += d.rho * r ** max(m - n + 1, 0)
        if m < n - 1:
            raise NotProvedError("too few terms")
        low += d.eta * r**d.v
        most = upper(high * r**n / n + low * r)
        steep = steepest(poly, most)
        return upper(steep * high / n), upper(steep * low * r)

    return compose(s, rule, tail, steepest, lambda c: False)


def inverse_expansion(name: str, a: Expansion) -> Expansion:
    """The same of an expansion."""
    polar, multiple, s, x, _ = a._split()
    if polar or multiple or x.terms:
        raise NotProvedError("an inverse of erf of an exponential")
    return Expansion.of(a.frame, inverse_series(name, s))


def _composed(outer: list[arb], inner: list[arb], n: int) -> list[arb]:
    """Coefficients of a composition, n of them."""
    if len(inner) < 2:
        return outer[:1]
    made = power_series(arb_poly(outer), n)(power_series(arb_poly(inner), n))
    return list(made.coeffs())[:n]


def _rest(order: int, head: arb, size: arb, n: int) -> arb:
    """Bound of the terms of a Taylor series from the n-th on."""
    c = arb(head.lower())
    x, s = size / c, order + n + 1
    ratio = x * (s if order > 0 else n + 1) / (n + 1)
    if not (ratio < 1 and s > 1):
        raise NotProvedError("the gamma function next to a pole")
    first = arb(factorial(order + n)) / factorial(n)
    return first * (1 + c / (s - 1)) * x**n / c ** (order + 1) / (1 - ratio)


def gamma_expansion(order: int, a: Expansion) -> Expansion:
    """The same of an expansion."""
    sign = a._grows()
    if sign < 0 or not a.terms:
        raise NotRealError("the gamma function of what is not positive")
    if sign > 0:
        return _stirling(order, a)
    k, lead = a.lead()
    if k > 0 or lead.v > 0:
        if a.frame.chart.two_sided or not arb(lead.coefficient(0)) > 0:
            raise NotRealError("the gamma function of what is not positive")
        one = Expansion.number(a.frame, Fraction(1))
        return gamma_expansion(order, one + a) + _pole(order, a)
    polar, multiple, s, x, _ = a._split()
    if polar or multiple or x.terms:
        raise NotProvedError("the gamma function of an exponential")
    return Expansion.of(a.frame, gamma_series(order, s))


def _pole(order: int, a: Expansion) -> Expansion:
    """psi^(order)(a) - psi^(order)(1 + a)."""
    if order < 0:
        return -a.log()
    power = a.power(Fraction(-order - 1))
    return power.scaled(Fraction(-((-1) ** order) * factorial(order)))


def _stirling(order: int, a: Expansion) -> Expansion:
    frame = a.frame
    inverse = a.inverse()
    square = inverse * inverse
    count = max(3, frame.chart.terms // 2)
    if order < 0:
        half_log = (2 * arb.pi()).log() / 2
        half = Expansion.number(frame, Fraction(-1, 2))
        total = (a + half) * a.log() + (-a)
        total = total + Expansion.number(frame, half_log)
    elif order == 0:
        total = a.log() + inverse.scaled(Fraction(-1, 2))
    else:
        first = inverse.power(Fraction(order))
        sign = (-1) ** (order - 1)
        total = first.scaled(Fraction(sign * factorial(order - 1)))
        half = (first * inverse).scaled(Fraction(sign * factorial(order), 2))
        total = total + half
    power = inverse if order < 0 else square
    if order > 0:
        power = power * inverse.power(Fraction(order))
    for k in range(1, count):
        total = total + power.scaled(_of_stirling(order, k))
        power = power * square
    last = upper(arb(abs(_of_stirling(order, count).numerator)))
    last = last / abs(_of_stirling(order, count).denominator)
    return total + power.as_bound(last)


def _of_stirling(order: int, k: int) -> Fraction:
    """The number before the k-th power."""
    b = to_fraction_exact(fmpq.bernoulli(2 * k))
    if order < 0:
        return b / (2 * k * (2 * k - 1))
    if order == 0:
        return -b / (2 * k)
    sign = (-1) ** (order - 1)
    return sign * b * factorial(2 * k + order - 1) / factorial(2 * k)
