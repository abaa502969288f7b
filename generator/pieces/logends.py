"""Ends of a domain where f has no expansion in powers and exponentials.

There f = t**p G(log t) with G slowly varying, such as 1/log t.  The floats
end, so z = log t runs over a bounded interval, and G is a row of local
polynomials in z; z itself and the product with t**p are pairs of floats.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import product

import sympy
from flint import ctx

from ..analysis.roots import ball
from ..analysis.work import Work
from ..errors import NotProvedError
from ..numbers.differences import exact_reach
from ..numbers.evaluate import to_primitives
from ..numbers.floats import floor_log2_ball
from ..numbers.floats import to_arb
from .end_kinds import LogEnd
from .ends import LOG_UNITS
from .rows import Row

GRID = Fraction(1, 64)
CANCELLED = 16  # bits of a sum

Marcher = Callable[[Work, Fraction, Fraction], list[Row]]


def log_form(
    work: Work, point: Fraction | None, side: int, march: Marcher
) -> LogEnd:
    """The form for the end at `point`, None for infinity.

    Raises:
        NotProvedError: f is no power times something slow.
    """
    fmt = work.fmt
    z = sympy.Symbol("z_", real=True)
    t = sympy.exp(z)
    base = (
        0
        if point is None
        else sympy.Rational(point.numerator, point.denominator)
    )
    moved = work.plain.xreplace({work.variable: base + side * t})
    sign = 1 if point is None else -1
    last = _log(fmt.max_finite) if point is None else _log(fmt.smallest_normal)
    if not _is_known(replace(work, plain=moved, variable=z), last):
        moved = _conjugated(moved, last, work.high_bits)
    power, limit = _power(work, moved, z, sign)
    slow, gain = moved, 0
    if power:
        gain = -_octave(work, moved * sympy.exp(-power * z), sign)
        slow = moved * sympy.exp(-power * z) * sympy.Integer(2) ** gain
    # In ulp of f: a pair that meets t**p changes its binade, twice the ulp.
    goal = work.goal if power == 0 else (work.goal - 1.0) / 2 + 0.5
    blur = LOG_UNITS * 2.0**-fmt.precision
    inner = replace(work, plain=slow, variable=z, goal=goal, blur=blur)
    reason: Exception | None = None
    # Terms that cancel in f need more bits; few functions have any.
    for bits, exponent in product(
        (work.bits + 100, work.high_bits), (1, 2, 3, 4, 6, 8)
    ):
        inner = replace(inner, more_bits=bits)
        bound = Fraction(2) ** (sign * exponent)
        if point is not None:
            bound = min(bound, exact_reach(point, side))
        # Outwards by more than `_log` rounds.
        if point is None:
            low, high = _log(bound) - GRID, _log(fmt.max_finite) + 1
        else:
            low, high = _log(fmt.smallest_subnormal) - 1, _log(bound) + GRID
        if not _is_known(inner, high if point is None else low):
            reason = NotProvedError(f"terms that cancel beyond {bits} bits")
            continue
        try:
            rows = march(inner, low, high)
        except NotProvedError as error:
            reason = error
            continue
        worst = max(r.ulp for r in rows)
        ulp = worst if power == 0 else 1.0 + 2 * (worst - 0.5)
        cut = fmt.max_finite if point is None else Fraction(0)
        return LogEnd(
            point=point,
            side=side,
            bound=bound,
            cut=cut,
            limit=limit,
            power=power,
            rows=tuple(rows),
            ulp=ulp,
            gain=gain,
        )
    raise NotProvedError(f"no form by logarithms: {reason}")


def _is_known(work: Work, z: Fraction) -> bool:
    """Whether the bits leave one number where most of them cancel."""
    with ctx.workprec(work.bits):
        value = ball(work.expr, to_arb(z))
    return value.rel_accuracy_bits() >= work.fmt.precision


def _conjugated(expr: sympy.Expr, z: Fraction, bits: int) -> sympy.Expr:
    """Sums of a root and what all but cancels it, as (a**2 - b**2) / (a - b).

    No series is known well enough of a difference of large numbers.
    """

    def turned(node: sympy.Expr) -> sympy.Expr:
        roots = [t for t in node.args if _has_root(t)]
        if len(roots) != 1:
            return node
        a, b = roots[0], node - roots[0]
        with ctx.workprec(bits):
            whole, part = (ball(to_primitives(n), to_arb(z)) for n in (node, a))
        if not abs(whole) * 2**CANCELLED < abs(part):
            return node
        return sympy.cancel(sympy.expand(a**2 - b**2)) / (a - b)

    found: sympy.Expr = expr.replace(lambda n: n.is_Add, turned)
    return found


def _has_root(node: sympy.Expr) -> bool:
    powers = node.atoms(sympy.Pow)
    return any(p.exp.is_Rational and p.exp.q == 2 for p in powers)


def _log(value: Fraction) -> Fraction:
    """log(value) on a coarse grid, to less than one step of it."""
    exact = math.log(value.numerator) - math.log(value.denominator)
    return round(exact / GRID) * GRID


def _octave(work: Work, slow: sympy.Expr, sign: int) -> int:
    """floor(log2 |G|) where z is 8, |G| being slow."""
    with ctx.workprec(work.high_bits):
        size = ball(slow, to_arb(Fraction(8 * sign)))
    if not size.is_finite() or size.contains(0):
        raise NotProvedError("f has no size at the end of the domain")
    return floor_log2_ball(size)


def _power(
    work: Work, moved: sympy.Expr, z: sympy.Symbol, sign: int
) -> tuple[int, float]:
    """p with f about t**p, and the limit of f."""
    far = 60 if work.fmt.precision < 30 else 500
    with ctx.workprec(work.high_bits):
        sizes = [
            ball(moved, to_arb(Fraction(sign * k))) for k in (far, far + 1)
        ]
        if not all(s.is_finite() and not s.contains(0) for s in sizes):
            raise NotProvedError("f has no size at the end of the domain")
        exponent = float((abs(sizes[1]) / abs(sizes[0])).log()) * sign
        p = round(exponent)
        if abs(exponent - p) > 0.51:
            raise NotProvedError(f"f grows like t**{exponent:.3g} there")
        growing = abs(sizes[1]) > abs(sizes[0])
        value = float(sizes[1])
        # 1/log t goes to 0 and log t to infinity, however slowly.
        change = float((sizes[1] - sizes[0]) / sizes[1])
    if abs(change) < 2.0 ** (-work.fmt.precision - 8):
        head = work.fmt.round(Fraction(value))
        return p, float(head)
    return p, math.copysign(math.inf if growing else 0.0, value)
