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

    def fdiff(self, argindex: int = 1) -> Any:
        del argindex
        return sympy.sqrt(sympy.pi) / 2 * sympy.exp(self**2)

    def _eval_is_real(self) -> bool:
        return True


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
