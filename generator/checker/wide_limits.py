"""Numbers that bodies of float64 return, against the limits of f."""

from __future__ import annotations

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
    reason = None
    for root in ROOTS:
        data = _end(point, inward, value, abs(point), root)
        reason = check_value(data, target, fmt, ulps)
        if not reason:
            break
    return reason


def at_infinity(
    side: int, value: float, target: Target, fmt: Format, ulps: float
) -> str | None:
    """The same at an infinity."""
    reason = None
    for root in ROOTS:
        data = _end(None, side, value, fmt.max_finite, root)
        reason = check_value(data, target, fmt, ulps)
        if not reason:
            break
    return reason


def beyond(
    low: Fraction, high: Fraction, value: float, target: Target, fmt: Format
) -> str | None:
    """The same of floats from one to another, of one sign."""
    near, far = sorted((abs(low), abs(high)))
    side, reason = 1 if low + high > 0 else -1, None
    for root in ROOTS:
        data = _end(None, side, value, near, root)
        reason = check_limit(data, target, fmt, near, far)
        if not reason:
            break
    return reason


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
