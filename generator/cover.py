"""The general planner: any domain covered by rows and end forms."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import sympy
from flint import arb
from flint import arb_poly
from flint import ctx

from .ends import EndForm
from .ends import end_form
from .errors import BoundNotMetError
from .errors import NotProvedError
from .errors import NotRealError
from .errors import SingularityError
from .errors import TimeLimitError
from .evaluate import to_primitives
from .expansion import EssentialError
from .expansion import Place
from .expansion import expand
from .formats import FloatFormat
from .formats import floor_log2
from .formats import to_arb
from .formats import to_fraction
from .powers import PowerRow
from .powers import make_power_row
from .roots import Root
from .roots import ball
from .roots import find_roots
from .roots import polished
from .rows import Row
from .rows import make_row
from .series import OneSidedError
from .series import Series

SEARCH = Fraction(64)  # where singularities are looked for before any tail
DEGREE = {24: 9, 53: 16}  # of rows, by precision; a few more for end forms
SMALLEST = Fraction(1, 2**22)  # relative width of a row that is given up


@dataclass(frozen=True)
class Cover:
    """f^(order) for one format.

    Attributes:
        parity: 1 even, -1 odd (then t = |x|), 0 neither (t = x).
        low, high: the domain in t; None for infinity.
        rows, powers: local polynomials, by their intervals of t.
        ends: forms at infinity and at singular ends.
    """

    name: str
    order: int
    dtype: str
    parity: int
    low: Fraction | None
    high: Fraction | None
    rows: tuple[Row, ...]
    powers: tuple[PowerRow, ...]
    ends: tuple[EndForm, ...]

    @property
    def ulp(self) -> float:
        """The bound over the whole domain."""
        return max(p.ulp for p in (*self.rows, *self.powers, *self.ends))

    @property
    def seams(self) -> tuple[Fraction, ...]:
        """Where pieces meet, in t."""
        edges = {p.low for p in (*self.rows, *self.powers)}
        edges |= {p.high for p in (*self.rows, *self.powers)}
        return tuple(sorted(edges))


@dataclass
class _Work:
    """One derivation: what its steps share."""

    expr: sympy.Expr
    variable: sympy.Symbol
    fmt: FloatFormat
    order: int
    goal: float
    deadline: float

    def __post_init__(self) -> None:
        self.plain = self.expr
        self.expr = to_primitives(self.expr)
        self.degree = DEGREE[self.fmt.precision]
        self.terms = self.degree + 14
        self.high_bits = 10 * (self.fmt.precision + self.fmt.emax // 2) + 200
        self.bits = 3 * self.fmt.precision + 100

    def check_time(self) -> None:
        if time.monotonic() > self.deadline:
            raise TimeLimitError(
                "Derivation too slow: expected it to end within its time "
                f"limit, received {str(self.plain)[:80]!r}."
            )


def make_cover(
    name: str,
    expr: sympy.Expr,
    variable: sympy.Symbol,
    domain: tuple[sympy.Expr, sympy.Expr],
    order: int,
    fmt: FloatFormat,
    goal: float,
    parity: int,
    time_limit: float = 60.0,
) -> Cover:
    """A plan for the `order`-th derivative of `expr`.

    Args:
        expr: of f itself.
        parity: of f itself, if it is known.

    Raises:
        SingularityError, NotRealError: with the place.
        BoundNotMetError: with the best found, and where.
        TimeLimitError: it takes longer than `time_limit` seconds.
    """
    derived = expr.diff(variable, order) if order else expr
    work = _Work(
        derived, variable, fmt, order, goal, time.monotonic() + time_limit
    )
    mine = parity * (-1) ** order
    low, high = _end(domain[0], fmt, -1), _end(domain[1], fmt, 1)
    if mine:
        low = Fraction(0)
    try:
        return _covered(work, name, mine, low, high, domain)
    except NotProvedError as error:
        raise BoundNotMetError(
            f"Bound not met: expected {goal:g} ulp for the derivative of "
            f"order {order} in {fmt.name}, received {error}."
        ) from None


def _end(value: sympy.Expr, fmt: FloatFormat, side: int) -> Fraction | None:
    """The outermost float of the domain, exact where the end is one."""
    if value.is_infinite:
        return None
    if value.is_Rational:
        exact = Fraction(int(value.p), int(value.q))
        if fmt.round(exact) == exact:
            return exact
    with ctx.workprec(400):
        exact = to_fraction(ball(value, arb(0)))
    near = fmt.round(exact)
    step = Fraction(2) ** fmt.ulp_exponent(floor_log2(near)) if near else 0
    while (near - exact) * side > 0:
        near -= side * step
    return near


def critical(expr: sympy.Expr) -> list[sympy.Expr]:
    """What may vanish at a singularity: denominators, arguments of logs."""
    found: dict[sympy.Expr, None] = {}
    for node in sympy.preorder_traversal(expr):
        inner = None
        if node.is_Pow and node.exp.is_Rational:
            if node.exp < 0 or node.exp.q != 1:
                inner = node.base
        elif node.is_Pow and not isinstance(node, sympy.exp):
            inner = node.base
        elif isinstance(node, (sympy.log, sympy.Abs)):
            inner = node.args[0]
        if inner is not None and inner.free_symbols:
            found[inner] = None
    return list(found)


@dataclass(frozen=True)
class _Special:
    """A place inside the domain that needs an expansion of its own."""

    root: Root
    at: arb
    owner: sympy.Expr

    @property
    def exact(self) -> Fraction | None:
        return self.root.exact

    @property
    def near(self) -> Fraction:
        return to_fraction(self.at)


def _specials(work: _Work, low: Fraction, high: Fraction) -> list[_Special]:
    out: list[_Special] = []
    for inner in critical(work.expr):
        work.check_time()
        for root in find_roots(inner, work.variable, low, high):
            with ctx.workprec(work.high_bits):
                at = polished(inner, work.variable, root, work.high_bits - 80)
                if any(abs(s.at - at) < arb((1, -300)) for s in out):
                    continue
            out.append(_Special(root, at, inner))
    return sorted(out, key=lambda s: s.near)


def _covered(
    work: _Work,
    name: str,
    parity: int,
    low: Fraction | None,
    high: Fraction | None,
    domain: tuple[sympy.Expr, sympy.Expr],
) -> Cover:
    first = -SEARCH if low is None else low
    last = SEARCH if high is None else high
    if low is not None and high is None:
        last = max(last, low + SEARCH)
    if high is not None and low is None:
        first = min(first, high - SEARCH)
    specials = _specials(work, first, last)
    _refuse(work, specials, first, last, low, high, parity)
    ends: list[EndForm] = []
    start, stop = first, last
    if high is None:
        form = _end_form(work, None, 1)
        ends.append(form)
        stop = form.bound
    if low is None:
        form = _end_form(work, None, -1)
        ends.append(form)
        start = -form.bound
    if start > stop:
        start = stop = (start + stop) / 2
    if start < first or stop > last:
        specials = _specials(work, min(start, first), max(stop, last))
    singular = {s.exact: s for s in specials if s.exact is not None}
    for point, side in ((low, 1), (high, -1)):
        if point is None or (parity and point == 0):
            continue
        if point in singular and not _regular_end(work, point, side):
            form = _end_form(work, point, side)
            ends.append(form)
            if side > 0:
                start = point + form.bound
            else:
                stop = point - form.bound
    specials = [s for s in specials if start <= s.near <= stop]
    rows, powers = _fill(work, specials, start, stop)
    return Cover(
        name,
        work.order,
        work.fmt.name,
        parity,
        low,
        high,
        tuple(rows),
        tuple(powers),
        tuple(sorted(ends, key=lambda e: (e.point is None, e.side))),
    )


def _shown(value: Fraction | None, sign: int = 1) -> str:
    if value is None:
        return "oo" if sign > 0 else "-oo"
    if value.denominator < 10**6:
        return str(value)
    return f"{float(value):.10g}"


def _refuse(
    work: _Work,
    specials: list[_Special],
    first: Fraction,
    last: Fraction,
    low: Fraction | None,
    high: Fraction | None,
    parity: int,
) -> None:
    """Errors for what no plan can mend, with their places."""
    edges = [first, *(s.near for s in specials), last]
    for i, (a, b) in enumerate(zip(edges, edges[1:], strict=False)):
        if a >= b:
            continue
        with ctx.workprec(work.bits):
            values = [
                ball(work.expr, to_arb(a + (b - a) * f))
                for f in (Fraction(3, 7), Fraction(5, 8), Fraction(1, 9))
            ]
        if not any(v.is_finite() for v in values):
            left = _shown(low if i == 0 and not parity else a, -1)
            right = _shown(high if i == len(edges) - 2 else b)
            raise NotRealError(
                f"Not real: expected real values on the whole domain, "
                f"received none on ({left}, {right})."
            )
    for s in specials:
        if s.near in (low, high) and not (parity and s.near == 0):
            continue
        _classify(work, s)


def _classify(work: _Work, special: _Special) -> None:
    """Raises where the singularity is not removable."""
    place = special.exact if special.exact is not None else special.at
    where = _shown(special.near)
    with ctx.workprec(work.high_bits):
        reason: Exception | None = None
        for exponent in (8, 16, 24):
            step = arb((1, floor_log2(1 + abs(special.near)) - exponent))
            try:
                series = _local(work, place, step, 0)
                break
            except OneSidedError:
                _kink(work, special, step)
                return
            except EssentialError as error:
                raise SingularityError(
                    f"Essential singularity at {where}: expected f analytic "
                    f"or with a limit there, received {error}."
                ) from None
            except NotProvedError as error:
                reason = error
        else:
            raise SingularityError(
                f"Singularity at {where}: expected a removable one, "
                f"received one that no expansion resolves ({reason})."
            )
    if series.v < 0:
        raise SingularityError(
            f"Pole at {where}: expected f finite inside the domain, received "
            f"f ~ c/(x - {where})**{-series.v}; leave the point out of the "
            "domain."
        )


def _kink(work: _Work, special: _Special, step: arb) -> None:
    place = special.exact if special.exact is not None else special.at
    where = _shown(special.near)
    values = []
    for side in (-1, 1):
        try:
            made, at = expand(
                work.expr, Place(place, side), step, work.terms, _least(work)
            )
        except NotProvedError as error:
            raise SingularityError(
                f"Branch point at {where}: expected f analytic inside the "
                f"domain, received {error}."
            ) from None
        series = made.plain
        if series is None or series.v < 0 or at.root != 1:
            raise SingularityError(
                f"Branch point at {where}: expected f analytic inside the "
                "domain, received a root or a logarithm that vanishes there."
            )
        head = arb(series.coefficient(0)) if series.v == 0 else arb(0)
        values.append(head)
    if work.order == 0 and not (values[0] - values[1]).contains(0):
        raise SingularityError(
            f"Jump at {where}: expected f continuous, received the limits "
            f"{float(values[0]):.6g} and {float(values[1]):.6g}."
        )


def _least(work: _Work) -> arb:
    return arb((1, work.fmt.emin - work.fmt.precision))


def _local(work: _Work, place: Fraction | arb, reach: arb, side: int) -> Series:
    """The series of f about a finite point; no logs, no exponentials."""
    work.check_time()
    made, at = expand(
        work.expr, Place(place, side), reach, work.terms, _least(work)
    )
    series = made.plain
    if series is None or at.root != 1:
        raise NotProvedError("a branch point")
    return series


def _end_form(work: _Work, point: Fraction | None, side: int) -> EndForm:
    work.check_time()
    where = _shown(point, side)
    try:
        with ctx.workprec(work.high_bits):
            return end_form(
                work.expr,
                point,
                side,
                work.fmt,
                work.degree + 3,
                work.goal,
                work.terms + 6,
                work.check_time,
            )
    except EssentialError:
        raise SingularityError(
            f"No limit as x -> {where}: expected f to settle there, received "
            "sin or cos of an unbounded argument; give a bounded domain."
        ) from None
    except NotRealError:
        raise NotRealError(
            f"Not real: expected real values on the whole domain, received "
            f"none as x -> {where}."
        ) from None
    except NotProvedError as error:
        raise NotProvedError(f"none as x -> {where}: {error}") from None


def _regular_end(work: _Work, point: Fraction, side: int) -> bool:
    with ctx.workprec(work.high_bits):
        for exponent in (6, 12, 20):
            try:
                step = arb((1, floor_log2(1 + abs(point)) - exponent))
                return _local(work, point, step, side).v >= 0
            except EssentialError:
                return False
            except NotProvedError:
                continue
    return False


def _fill(
    work: _Work, specials: list[_Special], start: Fraction, stop: Fraction
) -> tuple[list[Row], list[PowerRow]]:
    """Rows about every special point and zero, then over the gaps."""
    rows: list[Row] = []
    powers: list[PowerRow] = []
    near = [s.near for s in specials]
    gaps: list[tuple[Fraction, Fraction]] = []
    edge = start
    for i, s in enumerate(specials):
        left = (near[i - 1] + s.near) / 2 if i else start
        right = (s.near + near[i + 1]) / 2 if i + 1 < len(near) else stop
        made = _about(work, s, max(left, start), min(right, stop))
        for piece in made:
            (powers if isinstance(piece, PowerRow) else rows).append(piece)
        gaps.append((edge, min(p.low for p in made)))
        edge = max(p.high for p in made)
    gaps.append((edge, stop))
    for a, b in gaps:
        if a < b:
            more_rows, more_powers = _gap(work, a, b)
            rows += more_rows
            powers += more_powers
    rows.sort(key=lambda r: r.low)
    powers.sort(key=lambda r: r.low)
    return rows, powers


def _snapped(value: Fraction, width: Fraction, up: bool) -> Fraction:
    """On a coarse grid, so that every format has it."""
    unit = Fraction(2) ** (floor_log2(width) - 4)
    steps = value / unit
    return (-(-steps // 1) if up else steps // 1) * unit


def _about(
    work: _Work, s: _Special, left: Fraction, right: Fraction
) -> list[Row | PowerRow]:
    """The pieces about one special point, as wide as they can be."""
    point = s.exact
    center = point if point is not None else work.fmt.round(s.near)
    if point is not None and work.fmt.round(point) != point:
        center = work.fmt.round(point)
    place = point if point is not None else s.at
    reason: Exception | None = None
    for two_sided in (True, False):
        if two_sided and not left < center < right:
            continue
        try:
            if two_sided:
                return [_widest(work, place, center, left, right, 0)]
            pieces = []
            if left < center:
                pieces.append(_widest(work, place, center, left, center, -1))
            if center < right:
                pieces.append(_widest(work, place, center, center, right, 1))
            return pieces
        except OneSidedError:
            continue
        except NotProvedError as error:
            reason = error
    raise NotProvedError(f"none about x = {_shown(s.near)}: {reason}")


def _widest(
    work: _Work,
    place: Fraction | arb,
    center: Fraction,
    left: Fraction,
    right: Fraction,
    side: int,
) -> Row | PowerRow:
    """The widest piece about a special point inside [left, right]."""
    reason: Exception | None = None
    room = max(center - left, right - center)
    width = min(room, Fraction(8))
    width = Fraction(2) ** (floor_log2(width) + 1)
    for k in range(44):
        h = width if k % 2 == 0 else width * 3 / 4
        if k % 2:
            width /= 2
        low = max(left, center - _snapped(h, h, False)) if side <= 0 else center
        high = (
            min(right, center + _snapped(h, h, False)) if side >= 0 else center
        )
        reach = to_arb(max(center - low, high - center)) * (1 + arb((1, -30)))
        try:
            with ctx.workprec(work.high_bits):
                series = _local(work, place, reach, side)
                if side < 0:
                    series = _mirrored(series)
                if place != center:
                    series = _recentred(series, place, center)
            with ctx.workprec(4 * work.bits):
                piece = _piece(work, series, center, low, high)
            if piece.ulp <= work.goal:
                return piece
            reason = NotProvedError(f"{piece.ulp:.3g} ulp")
        except OneSidedError:
            raise
        except NotProvedError as error:
            reason = error
    raise NotProvedError(str(reason))


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
    work: _Work, series: Series, center: Fraction, low: Fraction, high: Fraction
) -> Row | PowerRow:
    if series.v >= 2 or (series.v == 1 and center == 0):
        return make_power_row(series, center, low, high, work.fmt, work.degree)
    zero = series.v == 1
    return make_row(series, center, low, high, work.fmt, work.degree, zero)


def _gap(
    work: _Work, a: Fraction, b: Fraction
) -> tuple[list[Row], list[PowerRow]]:
    """Rows over an interval on which f is analytic."""
    work.check_time()
    zeros = find_roots(work.expr, work.variable, a, b)
    rows: list[Row] = []
    powers: list[PowerRow] = []
    spots = [
        r.exact if r.exact is not None else (r.low + r.high) / 2 for r in zeros
    ]
    edge = a
    for i, root in enumerate(zeros):
        left = (spots[i - 1] + spots[i]) / 2 if i else a
        right = (spots[i] + spots[i + 1]) / 2 if i + 1 < len(spots) else b
        piece = _about_zero(work, root, max(left, edge), right)
        if edge < piece.low:
            rows += _march(work, edge, piece.low)
        (powers if isinstance(piece, PowerRow) else rows).append(piece)
        edge = piece.high
    if edge < b:
        rows += _march(work, edge, b)
    return rows, powers


def _about_zero(
    work: _Work, root: Root, left: Fraction, right: Fraction
) -> Row | PowerRow:
    """The widest piece about a zero of f where f is analytic."""
    with ctx.workprec(work.bits + 200):
        at = polished(work.expr, work.variable, root, work.bits + 120)
    center = work.fmt.round(to_fraction(at))
    reason: Exception | None = None
    room = max(center - left, right - center, Fraction(1, 2**40))
    width = Fraction(2) ** (floor_log2(min(room, Fraction(8))) + 1)
    for k in range(60):
        h = width if k % 2 == 0 else width * 3 / 4
        if k % 2:
            width /= 2
        step = _snapped(h, h, False)
        low, high = max(left, center - step), min(right, center + step)
        if low != left:
            low = _snapped(low, h, True)
        if high != right:
            high = _snapped(high, h, False)
        if not low <= center <= high:
            continue
        if center and not (low / center > 0 and high / center > 0):
            continue
        reach = to_arb(max(center - low, high - center)) * (1 + arb((1, -30)))
        try:
            with ctx.workprec(2 * work.bits + work.fmt.precision):
                series = _local(work, center, reach, 0)
                if series.v == 0:
                    piece: Row | PowerRow = make_row(
                        series, center, low, high, work.fmt, work.degree, True
                    )
                else:
                    piece = _piece(work, series, center, low, high)
            if piece.ulp <= work.goal:
                return piece
            reason = NotProvedError(f"{piece.ulp:.3g} ulp")
        except NotProvedError as error:
            reason = error
    raise NotProvedError(f"none about the zero {_shown(center)}: {reason}")


def _march(work: _Work, a: Fraction, b: Fraction) -> list[Row]:
    """Regular rows from a to b, each about as wide as it can be."""
    rows: list[Row] = []
    width = min(b - a, Fraction(1))
    while a < b:
        row, reason = None, ""
        grown = False
        while row is None:
            end = _next_seam(a, b, width)
            row, reason = _attempt(work, a, end)
            if row is None:
                width = (end - a) * 5 / 8
                grown = True
                if width <= SMALLEST * max(abs(a), abs(b)) / 2**6:
                    raise NotProvedError(
                        f"{reason} at x = {_shown(a)}, on a row "
                        f"{float(width):.2g} wide"
                    )
        while not grown and row.high < b:
            end = _next_seam(a, b, (row.high - a) * 3 / 2)
            wider, _ = _attempt(work, a, end)
            if wider is None:
                grown = True
            else:
                row = wider
        rows.append(row)
        width = (row.high - a) * 9 / 8
        a = row.high
    return rows


def _next_seam(a: Fraction, b: Fraction, width: Fraction) -> Fraction:
    end = _snapped(a + width, width, False)
    # No sliver is left over.
    return b if end >= b - (b - a) / 2**20 or end <= a else min(end, b)


def _attempt(
    work: _Work, low: Fraction, high: Fraction
) -> tuple[Row | None, str]:
    work.check_time()
    center = work.fmt.round((low + high) / 2)
    reach = to_arb(max(center - low, high - center)) * (1 + arb((1, -30)))
    try:
        with ctx.workprec(work.bits):
            series = _local(work, center, reach, 0)
            row = make_row(
                series, center, low, high, work.fmt, work.degree, False
            )
    except (NotProvedError, NotRealError) as error:
        return None, str(error)
    if row.ulp > work.goal:
        return None, f"{row.ulp:.3g} ulp"
    return row, ""


def parity_of(expr: sympy.Expr, variable: sympy.Symbol) -> int:
    """1 even, -1 odd, 0 not shown to be either; by exact algebra only."""
    flipped = expr.xreplace({variable: -variable})
    flipped = flipped.doit() if hasattr(flipped, "doit") else flipped
    if flipped == expr:
        return 1
    if flipped == -expr:
        return -1
    one = _rational(to_primitives(expr), variable)
    two = _rational(to_primitives(flipped), variable)
    if one is None or two is None:
        return 0
    if sympy.cancel(one - two) == 0:
        return 1
    return -1 if sympy.cancel(one + two) == 0 else 0


def _rational(expr: sympy.Expr, variable: sympy.Symbol) -> sympy.Expr | None:
    """`expr` as a rational function of x and exp(x), if it is one."""
    e = sympy.Symbol("e_", positive=True)

    def rule(argument: sympy.Expr) -> sympy.Expr:
        ratio = sympy.expand(argument / variable)
        return e**ratio if ratio.is_Integer else sympy.exp(argument)

    out = expr.replace(sympy.exp, rule)
    if sympy.count_ops(out) > 60 or not out.is_rational_function(variable, e):
        return None
    return out


def tightest(covers: Iterable[Cover]) -> float:
    """The largest bound among several plans."""
    return max(c.ulp for c in covers)
