"""Functions of a `Series`: coefficients by flint, remainders by proof.

exp, sin and cos by majorants; log, atan and erf by the residual of the
differential equation that they solve; roots by the residual of the power.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from flint import arb
from flint import arb_poly
from flint import ctx
from flint import fmpq
from flint import fmpq_poly

from ..errors import NotProvedError
from ..errors import NotRealError
from .floats import to_arb
from .series import OneSidedError
from .series import Poly
from .series import RootNeededError
from .series import Series
from .series import common
from .series import power_series
from .series import to_balls
from .series import upper
from .series import weighted


def _dense(s: Series) -> tuple[Poly, int, arb]:
    """The polynomial from w**0 on, its terms, and bound of the rest."""
    if s.v < 0:
        raise NotProvedError("a pole where none was expected")
    n = s.n + s.v
    poly = s.poly.left_shift(s.v)
    return poly, n, upper(s.error() * s.chart.radius**s.v)


def _kept(s: Series, n: int) -> Series:
    """The series with its terms from w**n on in the remainder, all of them.

    Where even the first is beyond, as of x**40, |f| <= size |w|**v.
    """
    if s.v < n:
        return s.truncated(n - s.v)
    return Series.order(s.chart, n, s.size() * s.chart.radius ** (s.v - n))


def compose(
    s: Series,
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
    poly, n, _ = _dense(s)
    n = min(n, s.chart.terms)
    poly = poly.truncate(n) if poly.length() > n else poly
    cut = _kept(s, n)
    cs = list(poly.coeffs())
    if isinstance(poly, fmpq_poly) and not constant(cs[0] if cs else fmpq(0)):
        poly = to_balls(poly)
        cs = list(poly.coeffs())
    made = rule(power_series(poly, n))
    result = type(poly)(list(made.coeffs())[:n])
    rho, eta = tail(poly, result, n)
    whole = upper(cut.error() * s.chart.radius**cut.v)
    if not whole.is_zero():
        slope = lipschitz(poly, whole)
        # cut's remainder is w**n * rho + w**v * eta.
        rho += slope * cut.rho
        eta += slope * cut.eta * s.chart.radius**cut.v
    return s.changed(0, result, n, rho, eta).normal()


def _exp_tail(s: Series, poly: Poly, n: int) -> arb:
    """sum over k >= n of the majorant exp(|p|), p without constant."""
    r = s.chart.radius
    cs = [arb(0)] + [abs(arb(c)) for c in poly.coeffs()[1:]]
    known = power_series(arb_poly(cs), n).exp()
    total = arb(0)
    for c in reversed(list(known.coeffs())[:n]):
        total = total * r + c
    whole = arb(0)
    for c in reversed(cs):
        whole = whole * r + c
    return upper((whole.exp() - total) / r**n)


def exp(s: Series) -> Series:
    """exp(f) for f without a pole."""

    def head(poly: Poly) -> arb:
        cs = poly.coeffs()
        return arb(cs[0]).exp() if cs else arb(1)

    def tail(poly: Poly, made: Poly, n: int) -> tuple[arb, arb]:
        del made
        return upper(head(poly) * _exp_tail(s, poly, n)), arb(0)

    def slope(poly: Poly, d: arb) -> arb:
        top = weighted(poly.coeffs()[1:], s.chart.radius)
        return upper(head(poly) * (top * s.chart.radius + d).exp())

    return compose(s, lambda s: s.exp(), tail, slope, lambda c: c == 0)


def sin(s: Series) -> Series:
    return _circular(s, lambda s: s.sin())


def cos(s: Series) -> Series:
    return _circular(s, lambda s: s.cos())


def _circular(s: Series, rule: Callable[[Any], Any]) -> Series:
    # |sin^(k)| <= 1, so exp(|p|) is a majorant.
    return compose(
        s,
        rule,
        lambda poly, made, n: (_exp_tail(s, poly, n), arb(0)),
        lambda poly, d: arb(1),
        lambda c: c == 0,
    )


def log(s: Series) -> Series:
    """log(f / w**v)."""
    if s.is_order:
        raise NotProvedError("the argument of a log is not known")
    if not arb(s.coefficient(0)) > 0:
        raise NotRealError("the logarithm of a negative number")
    flat = s.shifted(-s.v)
    if not flat.exact and flat.poly.length() == 1:
        near = arb(flat.coefficient(0)).log()
        if near.contains(0):
            return _log_near_1(flat, near)
    inv = Series(s.chart, 0, flat.poly, flat.n, arb(0), arb(0)).inverse_size()

    def tail(poly: Poly, made: Poly, n: int) -> tuple[arb, arb]:
        # L' p - p' = w**(n-1) r, so |log p - L| <= w**n |r| / (n |p|).
        pa, pl = common(poly, made)
        residual = (pl.derivative() * pa - pa.derivative()).coeffs()
        r = s.chart.radius
        high = weighted(residual[n - 1 :], r)
        low = weighted(residual[: n - 1], r)  # 0 but for rounding
        return upper(high * inv / n), upper(low * inv * r)

    def slope(poly: Poly, d: arb) -> arb:
        if not d * inv < 1:
            raise NotProvedError("the argument of a log may vanish")
        return upper(inv / (1 - d * inv))

    return compose(flat, lambda s: s.log(), tail, slope, lambda c: c == 1)


def _log_near_1(s: Series, near: arb) -> Series:
    """The logarithm of a number that cannot be told from 1.

    Of a ball about 0 a series knows no coefficient.  So it gets one, three
    times a radius r of the ball, which is within 4 r of the logarithm.
    """
    radius = upper(arb(near.abs_upper()) + arb((1, -2 * ctx.prec)))
    rest = s.error() / arb(s.coefficient(0))
    if not rest < 1:
        raise NotProvedError("the argument of a log may vanish")
    slope = 1 / (arb(s.coefficient(0)) * (1 - rest))
    poly = arb_poly([3 * radius])
    return s.changed(0, poly, s.n, slope * s.rho, slope * s.eta + 4 * radius)


def root(s: Series, exponent: Fraction) -> Series:
    """f**exponent for f > 0, an exponent that is not whole."""
    if s.is_order:
        raise NotProvedError("the radicand is not known to any term")
    if not arb(s.coefficient(0)) > 0:
        raise NotRealError("a root of a negative number")
    power = s.v * exponent
    if power.denominator != 1:
        raise RootNeededError(power.denominator)
    if s.v and s.chart.two_sided:
        raise OneSidedError("a root has a branch point here")
    flat = s.shifted(-s.v)
    if not flat.exact and flat.poly.length() == 1:
        return _root_of_number(flat, exponent).shifted(int(power))
    logs = log(flat).scaled(exponent)
    if exponent.denominator == 2 and flat.exact:
        kept = _exact_sqrt(flat, exponent)
        if kept is not None:
            return kept.shifted(int(power))
    return exp(logs).shifted(int(power))


def _root_of_number(s: Series, exponent: Fraction) -> Series:
    """The same where only one number is known, and what else there may be.

    Its logarithm may be a ball about 0, of which a series knows nothing.
    (1 + d)**a is within |a| |d| (1 - |d|)**(-|a| - 1) of 1.
    """
    head = arb(s.coefficient(0))
    rest = s.error() / abs(head)
    if not rest < 1:
        raise NotProvedError("a radicand may vanish")
    power = to_arb(exponent)
    made = (head.log() * power).exp()
    size = abs(power) * (1 - rest) ** (-abs(power) - 1) * made / abs(head)
    return s.changed(0, arb_poly([made]), s.n, size * s.rho, size * s.eta)


def _exact_sqrt(s: Series, exponent: Fraction) -> Series | None:
    """The same with rational coefficients, if f(0) is a square."""
    head = Fraction(int(s.coeffs()[0].p), int(s.coeffs()[0].q))
    if not (_is_square(head.numerator) and _is_square(head.denominator)):
        return None
    first = s.coeffs()[0]  # flint's root wants it to be 1
    root = fmpq(math.isqrt(head.numerator), math.isqrt(head.denominator))
    made = (power_series(s.poly, s.n) * (1 / first)).sqrt() * root
    poly = fmpq_poly(list(made.coeffs())[: s.n])
    r, n = s.chart.radius, s.n
    # S**2 / f = 1 + w**n D, so sqrt f = S (1 + w**n D)**(-1/2).
    inv = s.inverse_size()
    gap = ((poly * poly) - s.poly).coeffs()
    d = upper((weighted(gap[n:], r) + s.rho) * inv)
    eta = upper(s.eta * inv)
    q = upper(d * r**n + eta)
    if not q < 1:
        raise NotProvedError("a radicand may vanish")
    size = weighted(poly.coeffs(), r)
    out = s.changed(0, poly, n, size * d / (1 - q), size * eta / (1 - q))
    for _ in range(abs(exponent.numerator) // 2):
        out = out * s
    return out if exponent > 0 else out.inverse()


def atan(s: Series) -> Series:
    def tail(poly: Poly, made: Poly, n: int) -> tuple[arb, arb]:
        pa, pl = common(poly, made)
        residual = (pl.derivative() * (pa * pa + 1) - pa.derivative()).coeffs()
        r = s.chart.radius
        high = weighted(residual[n - 1 :], r)
        low = weighted(residual[: n - 1], r)  # 0 but for rounding
        return upper(high / n), upper(low * r)

    return compose(
        s, lambda s: s.atan(), tail, lambda p, d: arb(1), lambda c: c == 0
    )


def erf(s: Series) -> Series:
    """erf f."""
    return _error_function(s, 1)


def erfc(s: Series) -> Series:
    """1 - erf f, to the same relative accuracy."""
    return _error_function(s, -1)


def _error_function(s: Series, sign: int) -> Series:
    """erf(p) = erf(p(0)) + 2/sqrt(pi) * integral of exp(-p**2) p'."""
    poly, n, _ = _dense(s)
    n = min(n, s.chart.terms)
    cut = _kept(s, n)
    balls = to_balls(poly.truncate(n) if poly.length() > n else poly)
    flat = Series(s.chart, 0, balls, n, arb(0), arb(0)).normal()
    slope = Series(s.chart, 0, balls.derivative(), n, arb(0), arb(0)).normal()
    factor = 2 / arb.pi().sqrt()
    d = (exp(-(flat * flat)) * slope).scaled(sign * factor)
    head = balls.coeffs()[0] if balls.length() else arb(0)
    made = to_balls(d.poly).left_shift(d.v).integral()
    cs = (arb_poly([head.erf() if sign > 0 else head.erfc()]) + made).coeffs()
    r = s.chart.radius
    # The integral of w**m D is w**(m+1) D / (m + 1); |erf'| <= factor.
    m = d.n + d.v
    rho = weighted(cs[n:], r) + factor * cut.rho
    rho += d.rho * r ** max(m + 1 - n, 0) / (m + 1)
    eta = d.eta * r ** (d.v + 1) + factor * cut.eta * r**cut.v
    if m + 1 < n:
        n, rho = m + 1, rho + weighted(cs[m + 1 :], r)
    return s.changed(0, arb_poly(cs[:n]), n, rho, eta).normal()


def _is_square(value: int) -> bool:
    return value >= 0 and math.isqrt(value) ** 2 == value
