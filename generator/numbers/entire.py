"""Even functions of a root, which need none: cos(sqrt(u)) and its kin.

H_k(u) = 0F1(; k + 1/2; -u/4) is entire, and real for every real u:

    H_0 = cos(sqrt(u)),  H_1 = sin(sqrt(u)) / sqrt(u),
    H_k' = -H_(k+1) / (2 (2k + 1)),
    H_(k+1) = (2k + 1) (2k - 1) (H_k - H_(k-1)) / u

(DLMF 16.3 and 10.39).  For u < 0 they are positive and fall with u; for
u >= 0 they are means of cos(t sqrt(u)) (DLMF 10.9.4), at most 1 in size.  And
H_k(-t) falls with k for t > 0, as its coefficients do.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import sympy
from flint import acb
from flint import arb
from flint import arb_poly
from flint import fmpq

from .floats import to_arb
from .series import Poly
from .series import Series
from .series import power_series
from .series import upper
from .series import weighted
from .series_functions import compose

NAME = "entire_"
ONE = arb(1)


@cache
def entire(k: int) -> Any:
    """H_k as a function of sympy."""

    def value(cls: Any, argument: Any) -> Any:
        del cls
        return sympy.S.One if argument == 0 else None

    def fdiff(self: Any, argindex: int = 1) -> Any:
        del argindex
        return -entire(k + 1)(self.args[0]) / (2 * (2 * k + 1))

    parts = {"nargs": 1, "eval": classmethod(value), "fdiff": fdiff}
    return type(f"{NAME}{k}", (sympy.Function,), parts)


def index_of(name: str) -> int | None:
    """k, if it is the name of H_k."""
    rest = name.removeprefix(NAME)
    return int(rest) if rest != name else None


# -- values ------------------------------------------------------------------


def value(k: int, u: arb | acb) -> arb | acb:
    """H_k over a ball."""
    if isinstance(u, acb):
        return (-u / 4).hypgeom_0f1(acb(k) + acb("0.5"))
    if not u.is_finite():
        return arb("nan")
    low, high = u.lower(), u.upper()
    if high <= 0:  # it falls
        return _at(k, low).union(_at(k, high))
    if low >= 0:
        return _where_it_turns(k, u)
    left = _at(k, low).union(ONE)
    return left.union(_where_it_turns(k, arb(0).union(high)))


def _at(k: int, u: arb) -> arb:
    """At a number."""
    if u == 0:
        return ONE
    if k < 2:
        root = abs(u).sqrt()
        if not k:
            return root.cos() if u > 0 else root.cosh()
        return (root.sin() if u > 0 else root.sinh()) / root
    return (-u / 4).hypgeom_0f1(arb(k) + arb("0.5"))


def _where_it_turns(k: int, u: arb) -> arb:
    """Over u >= 0, where it is at most 1 and its slope H_(k+1) too."""
    middle = arb(u.mid())
    spread = arb(0, 1) * upper(arb(u.rad())) / (2 * (2 * k + 1))
    found = _at(k, middle) + spread
    if k < 2 and u > 1:
        root = u.sqrt()
        other = root.sin() / root if k else root.cos()
        found = other if other.rad() < found.rad() else found
    if not found.rad() < 1:
        return arb(0, 1)
    return found


# -- power series ------------------------------------------------------------


def _coefficients(k: int, at: Any, count: int) -> list[Any]:
    """Of H_k about a place: exact about 0."""
    exact = isinstance(at, fmpq)
    found: list[Any] = []
    factor = Fraction(1)
    for m in range(count):
        if exact:
            found.append(fmpq(factor.numerator, factor.denominator))
        else:
            found.append(to_arb(factor) * value(k + m, at))
        factor *= Fraction(-1, 4) / ((k + m + Fraction(1, 2)) * (m + 1))
    return found


def _majorant(k: int, at: arb) -> arb:
    """Of |H_(k+m)(at)|, whatever m is."""
    return upper(value(k, at)) if at < 0 else ONE


def series(s: Series, k: int) -> Series:
    """H_k(f) for f without a pole."""

    def head(poly: Poly) -> Any:
        cs = poly.coeffs()
        return cs[0] if cs else fmpq(0)

    def rule(p: Any) -> Any:
        at = p[0]
        terms = _coefficients(k, at, max(p.prec, 1))
        out = p * 0
        for c in reversed(terms):
            out = out * (p - at) + c
        return out

    def moved(poly: Poly) -> list[arb]:
        return [arb(0)] + [abs(arb(c)) for c in poly.coeffs()[1:]]

    def tail(poly: Poly, made: Poly, n: int) -> tuple[arb, arb]:
        # The coefficients at a place are at most what H_k(-t) has at 0,
        # times what bounds every H_(k+m) there.
        del made
        r = s.chart.radius
        cs = moved(poly)
        p = power_series(arb_poly(cs), n)
        out = p * 0
        terms = [abs(arb(c)) for c in _coefficients(k, fmpq(0), n)]
        for c in reversed(terms):
            out = out * p + c
        whole = _at(k, -_sum(cs, r))
        left = (whole - _sum(list(out.coeffs())[:n], r)) / r**n
        return upper(_majorant(k, arb(head(poly))) * left), arb(0)

    def slope(poly: Poly, d: arb) -> arb:
        reach = weighted(poly.coeffs()[1:], s.chart.radius)
        reach = reach * s.chart.radius + d
        least = arb((arb(head(poly)) - reach).lower())
        top = _at(k + 1, least) if least < 0 else ONE
        return upper(top / (2 * (2 * k + 1)))

    return compose(s, rule, tail, slope, lambda c: c == 0)


def _sum(coefficients: list[Any], radius: arb) -> arb:
    """sum(c_i * radius**i), a ball."""
    total = arb(0)
    for c in reversed(coefficients):
        total = total * radius + c
    return total
