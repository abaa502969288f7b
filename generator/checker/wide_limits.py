"""Numbers that bodies of float64 return, against the limits of f."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from .claims import Format
from .claims import Piece
from .gaps import Target
from .limits import check_limit
from .limits import check_value

# Of the distance from a point, or of 1/|x|, in which f may have a series.
ROOTS = 1, 2


def at_point(
    point: Fraction,
    inward: int,
    value: float,
    target: Target,
    fmt: Format,
    ulps: float,
) -> str | None:
    """What is wrong with f having that limit at a point, if anything.

    Args:
        ulps: how far it may be from that.
    """
    return _by_some_root(
        lambda root: check_value(
            _end(point, inward, value, abs(point), root), target, fmt, ulps
        )
    )


def at_infinity(
    side: int, value: float, target: Target, fmt: Format, ulps: float
) -> str | None:
    """The same at an infinity."""
    return _by_some_root(
        lambda root: check_value(
            _end(None, side, value, fmt.max_finite, root), target, fmt, ulps
        )
    )


def beyond(
    low: Fraction, high: Fraction, value: float, target: Target, fmt: Format
) -> str | None:
    """The same of floats from one to another, of one sign."""
    near, far = sorted((abs(low), abs(high)))
    side = 1 if low + high > 0 else -1
    return _by_some_root(
        lambda root: check_limit(
            _end(None, side, value, near, root), target, fmt, near, far
        )
    )


def _by_some_root(reason: Callable[[int], str | None]) -> str | None:
    """None if nothing is wrong for one of them, else what is for the last."""
    for root in ROOTS[:-1]:
        if not reason(root):
            return None
    return reason(ROOTS[-1])


def _end(
    point: Fraction | None,
    side: int,
    limit: float,
    bound: Fraction,
    root: int,
) -> Piece:
    """A limit as certificates have it."""
    data: dict[str, object] = {
        "point": None if point is None else str(point),
        "side": side,
        "root": root,
        "level": 0,
        "exponent": [],
        "limit": str(limit),
        "bound": str(bound),
        "cut": str(bound),
    }
    return Piece("end", "", data)
