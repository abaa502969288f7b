"""erf and erfc, so that what is left of 1 is known however small it is.

1 + erf(u) for u -> -oo is erfc(-u), and 2 - erfc(u) is so too: sums are
written in the one of erf(u), erfc(u) and erfc(-u) that leaves least beside
it.  Enclosures are those of the ends, since both functions are monotonic,
and for large u the asymptotic series' first terms (DLMF 7.12.1; it
alternates, and is in error by less than the first term left out).
"""

from __future__ import annotations

from typing import Any

import sympy
from flint import arb

from .floats import power2

# Of u: erfc is no finite ball far beyond, and the series is good from here.
LARGE = power2(10)


class erfc(sympy.Function):  # type: ignore[misc]  # noqa: N801
    """The same as sympy's, which makes 2 - erfc(u) of erfc(-u)."""

    def fdiff(self, argindex: int = 1) -> Any:
        del argindex
        return -2 * sympy.exp(-(self.args[0] ** 2)) / sympy.sqrt(sympy.pi)


def complemented(expr: sympy.Expr) -> sympy.Expr:
    """`expr` with its error functions as near to 0 as they can be."""
    if not expr.has(sympy.erf, sympy.erfc):
        return expr
    made = expr.replace(lambda e: e.is_Add, _sum)
    return made.replace(sympy.erfc, erfc)


def _sum(total: sympy.Expr) -> sympy.Expr:
    """A sum, each of its error functions chosen in turn."""
    inner = {
        a.args[0]
        for term in total.args
        for a in sympy.Mul.make_args(term)
        if isinstance(a, (sympy.erf, sympy.erfc))
    }
    for u in sorted(inner, key=sympy.default_sort_key):
        total = _chosen(total, u)
    return total


def _chosen(total: sympy.Expr, u: sympy.Expr) -> sympy.Expr:
    """rest + a erf(u) + b erfc(u) in one function, if the rest is shorter."""
    one, two = sympy.erf(u), sympy.erfc(u)
    a = b = rest = sympy.Integer(0)
    for term in sympy.Add.make_args(total):
        factors = sympy.Mul.make_args(term)
        if one in factors:
            a += term / one
        elif two in factors:
            b += term / two
        else:
            rest += term
    if (a + b).has(one, two):
        return total
    ways = [
        (sympy.expand(rest + b), (a - b) * one),
        (sympy.expand(rest + a), (b - a) * erfc(u)),
        (sympy.expand(rest + 2 * b - a), (a - b) * erfc(-u)),
    ]
    left = [0 if r == 0 else len(sympy.Add.make_args(r)) for r, _ in ways]
    best = left.index(min(left))
    before = 0 if rest == 0 else len(sympy.Add.make_args(rest))
    if left[best] >= before:
        return total
    return sympy.Add(*ways[best])


def by_ends(name: str, low: arb, high: arb) -> arb:
    """The ball of erf or erfc over [low, high], ends that may be infinite."""
    return _at(name, low).union(_at(name, high))


def _at(name: str, u: arb) -> arb:
    if u.is_finite() or u.is_nan():
        return getattr(u, name)()
    if name == "erf":
        return arb(1 if u > 0 else -1)
    return arb(0 if u > 0 else 2)


def logs_of_erfc(low: arb, high: arb) -> tuple[arb, arb]:
    """Bounds of log(erfc(u)) for u in [low, high]."""
    return _log_erfc(high).lower(), _log_erfc(low).upper()


def _log_erfc(u: arb) -> arb:
    if not u > LARGE:
        return _at("erfc", u).log()
    if not u.is_finite():
        return -arb("inf")
    # 1 - 1 / (2 u**2) < erfc(u) u sqrt(pi) exp(u**2) < 1
    rest = (1 - (1 / (2 * u * u))).log()
    return -u * u - (u * arb.pi().sqrt()).log() + rest.union(arb(0))
