"""The kernels of exp and log against exp and log.

The module has log(1 + r) = r - r**2/2 + r**3 P(r) and exp(r) = 1 + r +
r**2 P(r), with log 2 in three parts.  Bounds of |kernel - function| / |r|**k
are derived from the module's numbers, and enter the running analysis.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb
from flint import ctx

from .claims import Format
from .claims import polynomial
from .formula import HALF
from .formula import ONE
from .formula import X
from .formula import call
from .formula import number
from .gaps import Judge
from .gaps import Target
from .later import Later
from .machine import Real
from .running import Number
from .values import ball

# Largest |r|: m = d 2**-n is in [sqrt(1/2), sqrt(2)] but for the errors of
# log and of products, 8 ulp of 128; r of exp is at most log(2) / 2 with the
# same care.
REACHES = {
    "log": (Fraction(-2931, 10000), Fraction(4145, 10000), 3),
    "exp": (Fraction(-3468, 10000), Fraction(3468, 10000), 2),
}
PARTS = 8


@dataclass(frozen=True)
class Kernel:
    """A bound of its truncation error.

    Attributes:
        factor: of |kernel - function| / |r|**order.
        order: 3 for log, 2 for exp.
        split: how far the three parts are from log 2.
    """

    factor: float
    order: int
    split: float


@functools.cache
def kernel(
    coefficients: tuple[Fraction, ...],
    log2: tuple[Fraction, ...],
    name: str,
    fmt: Format,
) -> Kernel:
    """The bound for a kernel of these numbers."""
    low, high, order = REACHES[name]
    inner = polynomial(list(coefficients), X)
    head = X - number(HALF) * X**2 if name == "log" else ONE + X
    function = call("log", ONE + X) if name == "log" else call("exp", X)
    judge = Judge(
        Target(function, 0),
        head + X**order * inner,
        len(coefficients) + order,
        arb(2) ** -fmt.precision,
        lambda _: fmt.smallest,
        zero=Fraction(0),
        order=order,
    )
    size = 0.0
    edges = [low + (high - low) * k / PARTS for k in range(PARTS + 1)]
    for a, b in itertools.pairwise(edges):
        size = max(size, *(float(g.size) for g in judge.over(a, b)))
    before = ctx.prec
    try:
        ctx.prec = 400
        total = sum((ball(v) for v in log2), arb(0))
        split = float(abs(total - arb(2).log()).upper())
    finally:
        ctx.prec = before
    return Kernel(size * (1 + 1e-9), order, split)


def _numbers(
    table: Any, fmt: Format
) -> tuple[tuple[Fraction, ...], tuple[Fraction, ...]]:
    """The coefficients and the parts of log 2, as the format reads them."""
    kind = np.float32 if fmt.name == "float32" else np.float64
    cs, log2 = table[fmt.name]
    return (
        tuple(Fraction(float(kind(c))) for c in cs),
        tuple(Fraction(float(kind(c))) for c in log2),
    )


def around_log(
    original: Callable[..., Any], found: Kernel
) -> Callable[..., Any]:
    """The rendered _pair_log, with its truncation error.

    What m is off by, but for roundings that are known by name, is a shift of
    m: its parts r, r**2 and r**3 are off by that together, and log m by at
    most that divided by m.
    """

    def settled(m: Number) -> Number:
        lo, hi = m.lo - m.res, m.hi + m.res
        return Number(m.m, lo, hi, m.m.fill(0), m.noise, m.grid, None, m.huge)

    def more(high: Number, m: Number, n: Number) -> Number:
        r = np.maximum(np.abs(m.lo - 1), np.abs(m.hi - 1)) + m.error
        lost = Real(found.factor) * r**found.order
        lost = lost + n.size * Real(found.split)
        least = m.lo - m.res
        shift = m.res / np.where(least > 0, least, Real(1))
        lost = lost + np.where(least > 0, shift, Real(np.inf))
        a, b, _ = REACHES["log"]
        outside = (m.lo - 1 < float(a)) | (m.hi - 1 > float(b))
        return _more(high, np.where(outside, Real(np.inf), lost))

    def log(m: Later, n: Later, dtype: str) -> Any:
        high, low = original(Later(m.m, settled, m), n, dtype)
        return Later(m.m, more, high, m, n), low

    return log


def around_exp(
    original: Callable[..., Any], found: Kernel
) -> Callable[..., Any]:
    """The rendered _pair_exp, with its truncation error."""

    def more(high: Number, n: Number, x: Number) -> Number:
        most = Real(float(REACHES["exp"][1]))
        none = (n.lo == 0) & (n.hi == 0) & (n.error == 0)
        r = np.where(none, np.minimum(x.top, most), most)
        lost = Real(found.factor) * r**found.order
        lost = lost + 2 * n.size * Real(found.split)
        return _more(high, lost)

    def exp(x: Any, dtype: str) -> Any:
        (high, low), n = original(x, dtype)
        return (Later(n.m, more, high, n, x[0]), low), n

    return exp


def below_normal(original: Callable[..., Any]) -> Callable[..., Any]:
    """The rendered _signed_exp, whose argument is held above a least one.

    What exp is below that, and the power that is normal beside it, is at most
    the smallest normal number each.
    """

    def more(high: Number, x: Number) -> Number:
        m = high.m
        near = x.lo - x.error < m.fmt.emin * math.log(2) + 1
        made = _more(high, np.where(near, 2 * m.normal, Real(0)))
        made.lo = np.where(near, Real(0), made.lo)
        return made

    def exp(x: Any, dtype: str) -> Any:
        (high, low), n = original(x, dtype)
        return (Later(n.m, more, high, x[0]), low), n

    return exp


def with_kernels(space: dict[str, Any], fmt: Format) -> dict[str, Any]:
    """What replaces _pair_log and _pair_exp in a module's names."""
    made: dict[str, Any] = {}
    for name, around in (("log", around_log), ("exp", around_exp)):
        if f"_pair_{name}" in space:
            numbers = _numbers(space[f"_{name.upper()}"], fmt)
            helper = space[f"_pair_{name}"]
            made[f"_pair_{name}"] = around(helper, kernel(*numbers, name, fmt))
    return made


def _more(number_: Number, error: Any) -> Number:
    """With a larger residual."""
    return Number(
        number_.m,
        number_.lo,
        number_.hi,
        number_.res + error,
        number_.noise,
        number_.grid,
        number_.last,
    )
