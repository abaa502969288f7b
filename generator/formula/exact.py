"""The exact values of a formula and its derivatives, by ball arithmetic.

No plan is used, so that what is measured against them is no circle.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from functools import cache
from typing import Any

import sympy
from flint import arb
from flint import ctx

from ..numbers.evaluate import BallAlgebra
from ..numbers.evaluate import evaluate
from ..numbers.floats import power2
from .derivative import derivative

ExactFunction = Callable[[int, float], arb | None]

ESCALATION = (300, 1200, 6000)  # bits
CERTAIN_BITS = 80
# Where the formula is 0/0 at x itself it is evaluated so near to x that no
# format sees the step, with bits enough for a cancellation of 6th order; at
# two distances and on both sides, since at a pole, jump or log they differ.
STEPS, STEP_BITS = (-4000, -4400), 30000
VANISHED = -1200  # a value below 2**VANISHED is 0 to every format


def without_deltas(expr: sympy.Expr) -> sympy.Expr:
    """Derivatives of sign(x) are 0 but at one point."""
    return expr.replace(sympy.DiracDelta, lambda *_: sympy.Integer(0))


class Balls(BallAlgebra):
    """With flint's own functions, none rewritten."""

    def function(self, name: str, a: Any) -> Any:
        if name in ("acot", "acoth"):
            return getattr(1 / a, "a" + name[1:].replace("cot", "tan"))()
        return a.sgn() if name == "sign" else super().function(name, a)


def exact_function(
    expr: sympy.Expr,
    variable: sympy.Symbol,
    holes: Collection[float] | None = None,
) -> ExactFunction:
    """f^(order)(x) to `CERTAIN_BITS` bits, by ball arithmetic.

    The function it returns gives None where nothing is certain: outside
    the domain, at poles, at jumps.  Removable points are filled in.

    Args:
        holes: the only places where one is looked for, which takes its
            time; everywhere by default.

    Example:
        >>> exact = exact_function((sympy.exp(X) - 1) / X, X)
        >>> float(exact(0, 0.0)), float(exact(1, 0.0))
        (1.0, 0.5)
    """

    @cache
    def derived(order: int) -> sympy.Expr:
        return without_deltas(derivative(expr, variable, order))

    def at(order: int, x: arb) -> arb | None:
        try:
            value = evaluate(derived(order), Balls(x))
        except (ArithmeticError, ValueError):
            return None
        return value if value.is_finite() else None

    def exact(order: int, x: float) -> arb | None:
        for bits in ESCALATION:
            with ctx.workprec(bits):
                value = at(order, arb(x))
                if value is not None and is_certain(value):
                    return value
        if holes is not None and x not in holes:
            return None
        near: list[arb] = []
        with ctx.workprec(STEP_BITS):
            for side in (1, -1):
                for step in STEPS:
                    value = at(order, arb(x) + side * power2(step))
                    if value is not None and is_certain(value):
                        near.append(value)
            same = all(_agree(near[0], value) for value in near[1:])
        return near[0] if len(near) > 1 and same else None

    return exact


def is_certain(value: arb) -> bool:
    """Whether a ball says more than any format holds."""
    if value.rel_accuracy_bits() > CERTAIN_BITS:
        return True
    return bool(value.abs_upper() < power2(VANISHED))


def _agree(a: arb, b: arb) -> bool:
    gap = abs(a - b).upper()
    return bool(
        gap < power2(VANISHED) or gap < abs(a).lower() * power2(-CERTAIN_BITS)
    )
