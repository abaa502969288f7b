"""The gamma function's logarithm, its derivatives, and the inverse of erf.

They are functions of sympy's here, as sympy's own turn into others while
formulas are built.  Of negative numbers they are not taken: log |gamma| has
a pole at every whole one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sympy
from flint import acb
from flint import arb
from flint import arb_series
from flint import ctx

SPARE_BITS = 64  # beyond those that a ball knows


class lgamma(sympy.Function):  # type: ignore[misc]  # noqa: N801
    """log(gamma(x)) for x > 0."""

    order = -1

    def fdiff(self, argindex: int = 1) -> Any:
        del argindex
        return derivative_of_digamma(self.order + 1)(self.args[0])

    def _eval_is_real(self) -> bool:
        return True


class digamma(lgamma):  # noqa: N801
    """The derivative of lgamma."""

    order = 0


class erfinv(sympy.Function):  # type: ignore[misc]  # noqa: N801
    """The inverse of erf."""

    sign = 1

    def fdiff(self, argindex: int = 1) -> Any:
        del argindex
        return self.sign * sympy.sqrt(sympy.pi) / 2 * sympy.exp(self**2)

    def _eval_is_real(self) -> bool:
        return True


class erfcinv(erfinv):  # noqa: N801
    """The inverse of erfc: next to 0 what erfinv is next to 1."""

    sign = -1


def inverses_complemented(expr: sympy.Expr) -> sympy.Expr:
    """erfinv(1 - v) as erfcinv(v), and erfinv(v - 1) as -erfcinv(v)."""

    def turned(u: sympy.Expr) -> sympy.Expr:
        number, rest = u.as_coeff_Add()
        if abs(number) != 1 or rest == 0:
            return erfinv(u)
        return number * erfcinv(-number * rest)

    return expr.replace(lambda e: e.func is erfinv, lambda e: turned(*e.args))


@lru_cache
def derivative_of_digamma(order: int) -> Any:
    """The function by the order of the derivative; -1 for lgamma."""
    if order < 1:
        return (digamma, lgamma)[-order]

    def shown(self: Any, printer: Any) -> str:
        return f"polygamma({order}, {printer._print(self.args[0])})"

    return type(
        f"polygamma{order}",
        (lgamma,),
        {"order": order, "_sympystr": shown},
    )


def order_of(name: str) -> int | None:
    """Of a name of this family; None for others."""
    if name in ("lgamma", "digamma"):
        return -1 if name == "lgamma" else 0
    head, _, digits = name.partition("polygamma")
    return int(digits) if not head and digits.isdigit() else None


def at(order: int, x: arb) -> arb:
    """The value at a positive ball; nan at others."""
    if not x > 0:
        return arb("nan")
    if order < 1:
        return x.digamma() if order == 0 else x.lgamma()
    return coefficients(order, x, 1)[0]


def coefficients(order: int, x: arb, n: int) -> list[arb]:
    """Taylor coefficients at a positive ball."""
    more = n + order + 1
    ctx.cap = max(ctx.cap, more)  # flint's own limit of terms
    cs = list(arb_series([x, arb(1)], more).lgamma().coeffs())
    cs += [arb(0)] * (more - len(cs))
    for _ in range(order + 1):
        cs = [c * k for k, c in enumerate(cs)][1:]
    return cs[:n]


def enclosed(order: int, x: arb | acb) -> Any:
    """The value over a ball: all but lgamma are monotonic for x > 0."""
    if isinstance(x, acb):
        if order < 1:
            return x.digamma() if order == 0 else x.lgamma()
        return x.polygamma(order)
    low, high = x.lower(), x.upper()
    if not (low > 0 and high.is_finite()):
        return arb("nan")
    if order < 0 and not (low.digamma() > 0 or high.digamma() < 0):
        return x.lgamma()
    return at(order, low).union(at(order, high))


def inverse_at(name: str, x: arb) -> arb:
    """erfinv or erfcinv; nan where it is not known to be real."""
    inside = abs(x) < 1 if name == "erfinv" else 0 < x < 2
    return getattr(x, name)() if inside else arb("nan")


def inverse_enclosed(name: str, x: arb | acb) -> Any:
    """The same over a ball, as both are monotonic."""
    if isinstance(x, acb):
        return acb("nan")
    bits = min(ctx.prec, max(x.rel_accuracy_bits(), 0) + SPARE_BITS)
    with ctx.workprec(bits):  # a wide ball needs few
        return inverse_at(name, x.lower()).union(inverse_at(name, x.upper()))


def inverse_coefficients(name: str, x: arb, n: int) -> list[arb]:
    """Taylor coefficients: the series of erf or erfc, reversed."""
    n = max(n, 2)
    ctx.cap = max(ctx.cap, n)
    y = inverse_at(name, x)
    series = arb_series([y, arb(1)], n)
    cs = list((series.erf() if name == "erfinv" else series.erfc()).coeffs())
    made = list(arb_series([arb(0), *cs[1:]], n).reversion().coeffs())
    return [y, *made[1:]]
