"""Expansions of even functions of a root, see `entire`."""

from __future__ import annotations

from fractions import Fraction

from flint import arb

from ..errors import NotProvedError
from .entire import series
from .expansion import Expansion
from .series import Series

HALF = Fraction(1, 2)


def rooted(u: Expansion, k: int) -> Expansion:
    """H_k(u)."""
    sign = u._grows()
    if sign and k > 1:  # by those of k - 1 and k - 2
        m = Fraction(2 * k - 1) * (2 * k - 3)
        gap = rooted(u, k - 1) + (-rooted(u, k - 2))
        return gap * u.inverse().scaled(m)
    if sign > 0:
        some = Series.order(u.frame.chart, 0, arb(1))
        circle = Expansion.of(u.frame, some)  # of a cosine, or a sine
        return circle * u.power(-HALF) if k else circle
    if sign < 0:
        root = (-u).power(HALF)
        grown = root.exp()
        fallen = (-root).exp()
        if k:
            gap = grown + (-fallen)
            return (gap * root.inverse()).scaled(HALF)
        return (grown + fallen).scaled(HALF)
    _, _, s, x, _ = u._split()
    if x.terms:
        raise NotProvedError("an even function of a root of an exponential")
    return Expansion.of(u.frame, series(s, k))
