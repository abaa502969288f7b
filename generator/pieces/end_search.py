"""Where the form of an end begins: as soon as its bound is met."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import sympy
from flint import arb

from ..errors import NotProvedError
from ..numbers.differences import exact_reach
from ..numbers.floats import FloatFormat
from ..numbers.floats import power2
from ..numbers.floats import to_arb
from ..numbers.places import Place
from ..numbers.places import expand
from .ends import Expanded
from .ends import UnsureError
from .ends import form_from

# Distances where f has features of another size than 1.
NEAREST = Fraction(1, 2**100)
FURTHER = [Fraction(2) ** k for k in range(16, 100, 2)]


def distances(point: Fraction | None, side: int) -> list[Fraction]:
    """Where a form may begin, the best place first."""
    if point is None:
        return [Fraction(n, 2) for n in (3, 4, 6, 8, 12, 16, 20, 24, 28)] + [
            Fraction(n)
            for k in range(4, 16)
            for n in (
                2**k,
                5 * 2 ** (k - 2),
                3 * 2 ** (k - 1),
                7 * 2 ** (k - 2),
            )
        ]
    most = exact_reach(point, side)
    return [most / 2**k for k in range(31)]


def end_form(
    expr: sympy.Expr,
    point: Fraction | None,
    side: int,
    fmt: FloatFormat,
    degree: int,
    goal: float,
    terms: int,
    check_time: Callable[[], None] = lambda: None,
    any_scale: bool = False,
    exact: Fraction | arb | None = None,
    further: bool = False,
) -> Expanded:
    """The form that begins soonest and stays below `goal` ulp.

    Args:
        any_scale: whether it may begin nearer to 0 than is usual, where f
            has features far narrower than 1.
        exact: see `form_from`.
        further: whether only distances beyond the usual ones are tried.

    Raises:
        NotProvedError: none does; `UnsureError` where more bits may help.
        SingularityError, NotRealError: there is no expansion.
    """

    def made(distance: Fraction) -> Expanded:
        check_time()
        return form_from(
            expr, point, side, distance, fmt, degree, goal, terms, exact
        )

    reason: Exception | None = None
    tried = distances(point, side)
    if point is not None:
        floats = (_up_to_a_float(point, side, d, fmt) for d in tried)
        tried = [d for d in dict.fromkeys(floats) if d]
    infinite = point is None
    if further:
        tried = FURTHER if infinite else []
    for distance in tried:
        try:
            found = made(distance)
        except UnsureError:
            raise  # wherever it begins
        except NotProvedError as error:
            reason = error
            continue
        if infinite and not further and distance == tried[0]:
            if any_scale or _is_over(expr, side, distance, fmt, terms):
                return _sooner(found, made)
        return found
    raise NotProvedError(f"no form for this end: {reason}")


def _up_to_a_float(
    point: Fraction, side: int, distance: Fraction, fmt: FloatFormat
) -> Fraction:
    """A little less, where rows could not begin at so far from the point."""
    edge = point + side * distance
    return abs((fmt.down(edge) if side > 0 else fmt.up(edge)) - point)


def _is_over(
    expr: sympy.Expr,
    side: int,
    distance: Fraction,
    fmt: FloatFormat,
    terms: int,
) -> bool:
    """Whether the exponential of f is below a rounding from there on.

    Then it falls much nearer to 0, and rows up to there would be many: each
    octave of it takes some.
    """
    least = power2(-fmt.emax - 1)
    made, _ = expand(expr, Place(None, side), to_arb(distance), terms, least)
    frame = made.frame
    return bool(frame.exponent and frame.small < arb((1, -fmt.precision)))


def _sooner(found: Expanded, made: Callable[[Fraction], Expanded]) -> Expanded:
    """The form that begins nearest to 0, to half of its distance."""
    for ratio in (256, 16, 4, 2):
        try:
            while found.bound > NEAREST:
                found = made(found.bound / ratio)
        except NotProvedError:
            continue
    return found
