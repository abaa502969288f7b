"""Rows about special points and zeros of f, then over the gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from flint import arb
from flint import arb_poly
from flint import ctx

from ..analysis.beside import Beside
from ..analysis.roots import Root
from ..analysis.roots import find_roots
from ..analysis.roots import polished
from ..analysis.specials import Special
from ..analysis.work import Work
from ..analysis.work import local
from ..analysis.work import shown
from ..errors import NotProvedError
from ..numbers.floats import floor_log2
from ..numbers.floats import to_arb
from ..numbers.floats import to_fraction
from ..numbers.series import OneSidedError
from ..numbers.series import Series
from ..numbers.series import upper
from .grid import lay
from .march import is_held
from .march import snapped
from .powers import PowerRow
from .powers import make_power_row
from .rows import Row
from .rows import make_row
from .single import is_nothing
from .single import nothing
from .single import single

# Halvings and parts of them: features may be 2**-60 of the domain wide.
WIDTHS = 160


def fill(
    work: Work,
    specials: list[Special],
    start: Fraction,
    stop: Fraction,
    beside: Sequence[Beside] = (),
) -> tuple[list[Row], list[PowerRow]]:
    """Rows about every special point and zero, then over the gaps.

    Args:
        beside: zeros next to the ends, outside of them.
    """
    fixed: list[Row | PowerRow] = []
    last: list[Row | PowerRow] = []
    edge = start
    for zero in beside:
        low, high = _about_end(specials, zero, start, stop)
        piece = _widest(work, zero.exact, zero.point, low, high, zero.side)
        if zero.side > 0:
            fixed, edge, start = [piece], piece.high, piece.high
        else:
            last, stop = [piece], piece.low
    first, final = (p.low for p in fixed), (p.high for p in last)
    whole = next(first, start), next(final, stop)
    places = [start, *(s.near for s in specials), stop]
    moving = [not is_nothing(work, a, b) for a, b in pairwise(places)]
    for i, s in enumerate(specials):
        left = _between_two(work, specials[i - 1], s) if i else start
        right = (
            _between_two(work, s, specials[i + 1])
            if i + 1 < len(specials)
            else stop
        )
        seam = s.beside(work.fmt)[1]
        if not moving[i] and edge < seam:
            fixed.append(nothing(edge, seam))
            edge = seam
        made = _about(
            work,
            s,
            max(left, edge),
            min(right, stop),
            (moving[i], moving[i + 1]),
            i + 1 == len(specials),
        )
        if made:
            fixed += _zeros(work, edge, min(p.low for p in made)) + made
            edge = max(p.high for p in made)
    if moving[-1]:
        fixed += _zeros(work, edge, stop)
    elif edge < stop:
        fixed.append(nothing(edge, stop))
    pieces = lay(work, [*fixed, *last], *whole)
    for edge in (e for p in pieces for e in (p.low, p.high)):
        if work.fmt.down(edge) != edge:  # it would be rounded when printed
            raise NotProvedError(f"a seam at {float(edge).hex()}, no number")
    for p in pieces:
        if not is_held(p, work.fmt):
            raise NotProvedError(
                f"numbers beyond {work.fmt.name} about x = {shown(p.center)}"
            )
    return (
        [p for p in pieces if isinstance(p, Row)],
        [p for p in pieces if isinstance(p, PowerRow)],
    )


def _about_end(
    specials: list[Special], zero: Beside, start: Fraction, stop: Fraction
) -> tuple[Fraction, Fraction]:
    """What the piece about a zero next to an end may cover."""
    places = [s.near for s in specials]
    if zero.side > 0:
        other = min([*places, stop])
        return start, (start + other) / 2
    other = max([*places, start])
    return (other + stop) / 2, stop


def _between_two(work: Work, s: Special, t: Special) -> Fraction:
    """The float where what belongs to s ends and what belongs to t begins.

    Floats there are, above s and below t, or both are next to one place.
    """
    above, below = s.beside(work.fmt)[1], t.beside(work.fmt)[0]
    middle = work.fmt.up((s.near + t.near) / 2)
    return max(above, min(middle, below))


def _about(
    work: Work,
    s: Special,
    left: Fraction,
    right: Fraction,
    moving: tuple[bool, bool],
    last: bool,
) -> list[Row | PowerRow]:
    """The pieces about one special point, as wide as they can be.

    Every float is compared with the seam between two pieces, ``t >= seam``.
    So where f has a kink the seam is the least float at or above it, each
    side is expanded about its own float next to the kink, and the piece
    below is proved up to that float alone: there is none before the seam.
    Where the kink is a float, f' there is the limit from above.

    Args:
        moving: whether f is other than 0 below and above.
        last: whether the float at `right` is to be served, too.
    """
    place = s.exact if s.exact is not None else s.at
    below, seam = s.beside(work.fmt)
    center = work.fmt.round(s.near)
    reason: Exception | None = None
    if all(moving) and left < center < right:
        try:
            return [_widest(work, place, center, left, right, 0)]
        except OneSidedError:
            pass
        except NotProvedError as error:
            reason = error
    try:
        pieces: list[Row | PowerRow] = []
        if not moving[0]:
            pass
        elif left < below:
            piece = _widest(work, place, below, left, below, -1)
            pieces.append(replace(piece, high=seam))
        elif left == below < seam:
            pieces.append(replace(single(work, below), high=seam))
        if moving[1] and seam < right:
            pieces.append(_widest(work, place, seam, seam, right, 1))
        elif last and below < seam == right:  # nothing else has that float
            pieces.append(single(work, seam))
        return pieces
    except NotProvedError as error:
        reason = reason or error
    raise NotProvedError(f"none about x = {shown(s.near)}: {reason}")


def _widest(
    work: Work,
    place: Fraction | arb,
    center: Fraction,
    left: Fraction,
    right: Fraction,
    side: int,
) -> Row | PowerRow:
    """The widest piece about a special point inside [left, right]."""
    reason: Exception | None = None
    room = max(center - left, right - center)
    width = min(room, max(Fraction(8), abs(center)))
    width = Fraction(2) ** (floor_log2(width) + 1)
    for k in range(WIDTHS):
        h = width if k % 2 == 0 else width * 3 / 4
        if k % 2:
            width /= 2
        low = max(left, center - snapped(h, h, False)) if side <= 0 else center
        high = (
            min(right, center + snapped(h, h, False)) if side >= 0 else center
        )
        # center + h may take a bit more than a number of the format has.
        low, high = work.fmt.up(low), work.fmt.down(high)
        reach = _reach(place, center, low, high) * (1 + arb((1, -30)))
        try:
            with ctx.workprec(work.high_bits):
                series = local(work, place, reach, side)
                if side < 0:
                    series = _mirrored(series)
                if place == center:
                    with ctx.workprec(4 * work.bits):
                        piece = _piece(work, series, center, low, high)
                else:
                    piece = _between(work, series, place, center, low, high)
            if piece.ulp <= work.goal and is_held(piece, work.fmt):
                return piece
            reason = _reason(work, piece)
        except OneSidedError:
            raise
        except NotProvedError as error:
            reason = error
    raise NotProvedError(str(reason))


def _reason(work: Work, piece: Row | PowerRow) -> NotProvedError:
    """Why a piece is none."""
    if piece.ulp <= work.goal:
        return NotProvedError(
            f"numbers beyond {work.fmt.name} about x = {shown(piece.center)}"
        )
    return NotProvedError(f"{piece.ulp:.3g} ulp")


def _reach(
    place: Fraction | arb, center: Fraction, low: Fraction, high: Fraction
) -> arb:
    """From the center, or the place beside it, to the further end."""
    reach = to_arb(max(center - low, high - center))
    if place == center:
        return reach
    exact = to_arb(place) if isinstance(place, Fraction) else place
    return upper(reach + abs(exact - to_arb(center)))


def _between(
    work: Work,
    series: Series,
    place: Fraction | arb,
    center: Fraction,
    low: Fraction,
    high: Fraction,
) -> Row | PowerRow:
    """The piece about a point that is no float, the center next to it."""
    if series.v >= 2:
        with ctx.workprec(4 * work.bits):
            return make_power_row(
                series, center, low, high, work.fmt, work.degree, place
            )
    zero = series.v == 1
    moved = _recentred(series, place, center)
    with ctx.workprec(4 * work.bits):
        return make_row(moved, center, low, high, work.fmt, work.degree, zero)


def _mirrored(series: Series) -> Series:
    """From the series in w = point - x to that in x - point."""
    cs = [c * (-1) ** (i + series.v) for i, c in enumerate(series.coeffs())]
    return Series(
        series.chart,
        series.v,
        type(series.poly)(cs),
        series.n,
        series.rho,
        series.eta,
    )


def _recentred(
    series: Series, place: Fraction | arb, center: Fraction
) -> Series:
    """About the float next to the point, where the two differ."""
    exact = to_arb(place) if isinstance(place, Fraction) else place
    poly = arb_poly([arb(c) for c in series.coeffs()]).left_shift(
        max(series.v, 0)
    )
    if series.v < 0:
        raise NotProvedError("a pole")
    moved = poly(arb_poly([to_arb(center) - exact, 1]))
    error = series.error() * series.chart.radius**series.v
    return Series(series.chart, 0, moved, moved.length(), arb(0), error)


def _piece(
    work: Work, series: Series, center: Fraction, low: Fraction, high: Fraction
) -> Row | PowerRow:
    if series.v >= 2 or (series.v == 1 and center == 0):
        return make_power_row(series, center, low, high, work.fmt, work.degree)
    zero = series.v == 1
    return make_row(series, center, low, high, work.fmt, work.degree, zero)


def _zeros(work: Work, a: Fraction, b: Fraction) -> list[Row | PowerRow]:
    """The pieces about zeros of f in an interval on which it is analytic."""
    if a >= b:
        return []
    work.check_time()
    zeros = find_roots(work.expr, work.variable, a, b)
    spots = [_spot(work, r) for r in zeros]
    pieces: list[Row | PowerRow] = []
    edge = a
    for i, root in enumerate(zeros):
        left = _seam(work, spots[i - 1], spots[i]) if i else a
        right = _seam(work, spots[i], spots[i + 1]) if i + 1 < len(spots) else b
        pieces.append(_about_zero(work, root, max(left, edge), right))
        edge = pieces[-1].high
    return pieces


def _seam(work: Work, left: Fraction, right: Fraction) -> Fraction:
    """Between two zeros; a float, since inputs are compared with it."""
    return work.fmt.round((left + right) / 2)


def _spot(work: Work, root: Root) -> Fraction:
    """Where a root is, to many more digits than the next one needs."""
    if root.exact is not None:
        return root.exact
    if root.multiple:
        return (root.low + root.high) / 2  # its interval is narrow
    return to_fraction(polished(work.expr, work.variable, root, 120))


def _about_zero(
    work: Work, root: Root, left: Fraction, right: Fraction
) -> Row | PowerRow:
    """The widest piece about a zero of f where f is analytic."""
    with ctx.workprec(work.high_bits):
        at = polished(work.expr, work.variable, root, work.high_bits - 120)
        center = work.fmt.round(to_fraction(at))
    reason: Exception | None = None
    room = max(center - left, right - center, Fraction(1, 2**40))
    width = min(room, max(Fraction(8), abs(center)))
    beyond = left if center > 0 else -right
    if center and beyond <= 0:  # 0 is in none of them
        width = min(width, abs(center))
    width = Fraction(2) ** (floor_log2(width) + 1)
    for k in range(WIDTHS):
        h = width if k % 2 == 0 else width * 3 / 4
        if k % 2:
            width /= 2
        step = snapped(h, h, False)
        low, high = max(left, center - step), min(right, center + step)
        if low != left:
            low = snapped(low, h, True)
        if high != right:
            high = snapped(high, h, False)
        low, high = work.fmt.up(low), work.fmt.down(high)
        if not low <= center <= high:
            continue
        if center and not (low / center > 0 and high / center > 0):
            continue
        reach = _reach(at, center, low, high) * (1 + arb((1, -20)))
        try:
            piece = _zero_piece(work, root, at, center, low, high, reach)
            if piece.ulp <= work.goal and is_held(piece, work.fmt):
                return piece
            reason = _reason(work, piece)
        except NotProvedError as error:
            reason = error
    raise NotProvedError(f"none about the zero {shown(center)}: {reason}")


def _zero_piece(
    work: Work,
    root: Root,
    at: arb,
    center: Fraction,
    low: Fraction,
    high: Fraction,
    reach: arb,
) -> Row | PowerRow:
    """A row about a simple zero, a power row about any other."""
    fmt, degree = work.fmt, work.degree
    at_center = root.exact == center
    if root.multiple and not at_center:
        place = at if root.exact is None else root.exact
        with ctx.workprec(work.high_bits):
            series = local(work, place, reach, 0)
        if series.v >= 2:
            with ctx.workprec(4 * work.bits):
                return make_power_row(
                    series, center, low, high, fmt, degree, place
                )
        if root.exact is None:
            raise NotProvedError("a place where f may vanish or not")
    with ctx.workprec(work.high_bits):
        series = local(work, center, reach, 0)
        if series.v == 0:
            return make_row(series, center, low, high, fmt, degree, True)
        return _piece(work, series, center, low, high)
