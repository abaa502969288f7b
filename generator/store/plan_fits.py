"""What rendering and running a plan takes for granted, as a check.

Our own planners keep all of it; a plan that was read from a file has only
the right shape (`plan_json`).  Here its parts are seen to fit together: so
rendering it neither fails, nor loops for ever, nor fills the memory.  That
its numbers are the right ones is not looked at: that is for the checker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from keyword import iskeyword

from ..numbers.expansion import MAX_LOGS
from ..numbers.floats import FloatFormat
from ..numbers.formats import FORMATS
from ..pieces.closed import ClosedForm
from ..pieces.cover import Cover
from ..pieces.end_kinds import AnyEnd
from ..pieces.end_kinds import BetweenEnd
from ..pieces.end_kinds import ExponentialEnd
from ..pieces.end_kinds import Factor
from ..pieces.end_kinds import FloatEnd
from ..pieces.end_kinds import LogEnd
from ..pieces.end_kinds import PairEnd
from ..pieces.plan import Piece
from ..pieces.plan import Plan
from ..pieces.powers import MAX_ORDER
from ..pieces.powers import PowerRow
from ..pieces.rows import Row
from ..program.flat import UNIT
from ..program.program import Op
from ..program.program import Var
from .program_fits import check_double
from .program_fits import check_program
from .program_fits import check_single
from .program_fits import need
from .wide_fits import check_wide

# Products of pairs in a rendered body, which unrolls powers: some 20
# operations each, so below 10**5 together.
MOST_PRODUCTS = 2**12
MOST_PIECES = 2**10  # that are lines of their own, besides rows of tables
MOST_SCALED = 8  # a power of an exponential

Special = PowerRow | ClosedForm | AnyEnd


def check_fits(plan: Plan | Cover) -> None:
    """
    Raises:
        StoredPlanError: the plan cannot be rendered as it is.
    """
    fmt = FORMATS[plan.dtype]
    need(0 <= plan.order <= MAX_ORDER, "order", "from 0 on", plan.order)
    if isinstance(plan, Cover):
        _check_cover(plan, fmt)
    else:
        _check_folded(plan, fmt)


def _check_bound(piece: Row | Special | Piece, fmt: FloatFormat) -> None:
    """Beyond 2**p ulp not a bit is right, and no planner goes on."""
    most = 2.0**fmt.precision
    need(0 <= piece.ulp <= most, "a bound", f"0 to {most:g} ulp", piece.ulp)


def _check_interval(low: Fraction | None, high: Fraction | None) -> None:
    need(
        low is None or high is None or low < high,
        "an interval",
        "its lower end below its upper end",
        [low, high],
    )


# -- covers ----------------------------------------------------------------


def _check_cover(cover: Cover, fmt: FloatFormat) -> None:
    _check_interval(cover.low, cover.high)
    seams = [edge for row in cover.rows for edge in (row.low, row.high)]
    for edge in (cover.low, cover.high, *seams):
        held = edge is None or fmt.holds(edge)
        need(held, "an end", f"a number of {fmt.name}", edge)
    need(cover.parity in (-1, 0, 1), "parity", "-1, 0 or 1", cover.parity)
    pieces: list[Special] = [*cover.powers, *cover.closed, *cover.ends]
    need(
        0 < len(pieces) + len(cover.rows) and len(pieces) <= MOST_PIECES,
        "pieces",
        f"1 to {MOST_PIECES}",
        len(pieces),
    )
    _check_rows(cover.rows, fmt)
    for piece in (*cover.rows, *pieces):
        _check_bound(piece, fmt)
    for piece in pieces:
        _check_held(piece, fmt)
    for power in cover.powers:
        _check_power(power, fmt)
    for form in cover.closed:
        _check_closed(form)
    _check_twins(cover.closed)
    signed = any(form.signed for form in cover.closed)
    between = bool(cover.rows or cover.powers) or not signed
    need(between, "a form on both sides", "rows between them", cover.closed)
    for end in cover.ends:
        _check_end(end, fmt)
    if cover.wide is not None:
        check_wide(cover.wide, fmt)
    products = sum(map(_unrolled, pieces))
    need(
        products <= MOST_PRODUCTS,
        "powers",
        f"at most {MOST_PRODUCTS} products",
        products,
    )


def _check_held(piece: Row | Special, fmt: FloatFormat) -> None:
    """Numbers that are printed as they are."""
    if isinstance(piece, Row):
        values = [piece.center, piece.lead, piece.slope, *piece.rest]
    elif isinstance(piece, PowerRow):
        values = [piece.low, piece.high, piece.center, piece.factor]
        values += [*piece.offset, *piece.rest, *piece.edges]
        values += [piece.most] if piece.most is not None else []
    elif isinstance(piece, ClosedForm):
        values = [piece.low, piece.high]
    else:
        values = [piece.bound, piece.cut]
        values += [piece.point] if piece.point is not None else []
        values += piece.offset if isinstance(piece, BetweenEnd) else ()
        for factor in _factors(piece):
            values += [factor.head, factor.tail, *factor.rest]
    for value in values:
        need(fmt.holds(value), "a number", f"one of {fmt.name}", value)


def _factors(form: AnyEnd) -> Sequence[Factor]:
    if isinstance(form, FloatEnd):
        return (form.factor,)
    return () if isinstance(form, LogEnd) else form.factors


def _unrolled(piece: Special) -> int:
    """How many products of pairs the piece is rendered to, about."""
    if isinstance(piece, PowerRow):
        return piece.order
    if isinstance(piece, (LogEnd, FloatEnd)):
        return abs(piece.power)
    if not isinstance(piece, PairEnd):
        return 0
    powers = 0
    if isinstance(piece, ExponentialEnd):
        powers = sum(p for p, _ in piece.exponent)
    return abs(piece.power) + piece.root + powers + len(piece.factors)


def _check_rows(rows: Sequence[Row], fmt: FloatFormat) -> None:
    """They are in order: a grid counts the bins from one to the next."""
    for row in rows:
        _check_interval(row.low, row.high)
        _check_held(row, fmt)
        need(
            max(abs(row.scale), abs(row.gain)) < fmt.emax,
            "scale, gain",
            f"below {fmt.emax} in size",
            [row.scale, row.gain],
        )
    for a, b in pairwise(rows):
        need(a.high <= b.low, "rows", "ascending ones", [a.high, b.low])


def _check_power(power: PowerRow, fmt: FloatFormat) -> None:
    _check_interval(power.low, power.high)
    need(
        1 <= power.order <= MAX_ORDER,
        "order of a zero",
        f"1 to {MAX_ORDER}",
        power.order,
    )
    need(
        len(power.scales) == len(power.edges) + 1
        and all(a < b for a, b in pairwise(power.edges)),
        "scales",
        "ascending edges, and one more than these",
        [power.edges, power.scales],
    )
    most = max(map(abs, (*power.backs, *power.scales, power.gain)))
    need(
        most <= fmt.emax,
        "scales, gain",
        f"at most {fmt.emax} in size with the power",
        [power.scales, power.gain],
    )
    need(bool(power.rest), "coefficients", "one at least", power.rest)


def _check_closed(form: ClosedForm) -> None:
    _check_interval(form.low, form.high)
    need(form.side in (-1, 1), "side", "-1 or 1", form.side)
    if form.is_carried:
        _check_carried(form)
    else:
        check_program(form.program)
    last = form.program.statements[-1][0]
    need(last == "y", "the result of a closed form", "'y'", last)


def _check_carried(form: ClosedForm) -> None:
    """Single operations, some of which are in pairs, or corrected."""
    check_program(form.program, check_single)
    table = dict(form.program.statements)
    count = len(form.program.statements)
    need(len(table) == count, "names", "each one once", count)
    for name in (form.program.input, *table):
        need(not iskeyword(name), "a name", "one that is no keyword", name)
    for name in (*form.pairs, *form.rounded):
        need(name in table, "a name in pairs", "one of a statement", name)
    for name in form.rounded:
        node = table[name]
        known = isinstance(node, Op) and node.name == "div"
        need(known, "what is corrected", "a quotient", name)
    if form.scaled is not None:
        node = table.get(form.scaled, form.program.statements[-1][1])
        known = (
            isinstance(node, Op)
            and node.name == "exp"
            and isinstance(node.args[0], Var)
        )
        need(known, "what is scaled", "an exponential", form.scaled)
    if UNIT in table:
        unit = Op("div", (Var(str(form.scaled)),) * 2)
        need(table[UNIT] == unit, "a unit", "that of what is scaled", UNIT)
    free = form.scaled is not None or not (form.power or UNIT in table)
    need(free, "what is scaled", "an exponential", form.scaled)
    most = abs(form.power) <= MOST_SCALED
    need(most, "power", f"at most {MOST_SCALED} in size", form.power)


def _check_twins(closed: Sequence[ClosedForm]) -> None:
    """A signed one stands beside the same for the other side."""
    k = 0
    while k < len(closed):
        form = closed[k]
        if form.signed:
            twin = closed[k + 1] if k + 1 < len(closed) else form
            same = twin == replace(
                form,
                low=twin.low,
                high=twin.high,
                limit=twin.limit,
                ulp=twin.ulp,
            )
            need(
                same and form.side > 0 and form.high < twin.low,
                "a form on both sides",
                "its like after it",
                form.formula,
            )
            k += 1
        k += 1


def _check_end(form: AnyEnd, fmt: FloatFormat) -> None:
    need(form.side in (-1, 1), "side", "-1 or 1", form.side)
    if isinstance(form, FloatEnd):
        return
    need(
        abs(form.gain) <= 2 * fmt.emax,
        "gain",
        f"at most {2 * fmt.emax} in size",
        form.gain,
    )
    if isinstance(form, LogEnd):
        need(bool(form.rows), "rows of a logarithm", "one at least", form.rows)
        _check_rows(form.rows, fmt)
        return
    count = len(form.factors)
    most = MAX_LOGS + 1
    need(1 <= count <= most, "factors", f"1 to {most}", count)
    need(form.root >= 1, "root", "at least 1", form.root)
    need(
        any(f.head or f.tail or f.rest for f in form.factors),
        "factors",
        "one that is not 0",
        form.factors,
    )
    if isinstance(form, BetweenEnd):
        first, second = form.offset
        need(
            form.point is not None and 0 <= abs(second) < first,
            "the offset of an end",
            "two positive numbers beside a point",
            form.offset,
        )
    if not isinstance(form, ExponentialEnd):
        return
    need(form.level != 0, "level", "one that is not 0", form.level)
    need(bool(form.exponent), "exponent", "one at least", form.exponent)
    for power, c in form.exponent:
        need(power >= 1, "a power in an exponent", "at least 1", power)
        need(
            abs(form.level * c) <= fmt.max_finite,
            "an exponent's coefficient",
            f"one within {fmt.name}",
            form.level * c,
        )


# -- folded plans ----------------------------------------------------------


def _check_folded(plan: Plan, fmt: FloatFormat) -> None:
    need(1 <= len(plan.far) <= MOST_PIECES, "pieces", "some", len(plan.far))
    need(plan.fold.sign in (-1, 1), "sign", "-1 or 1", plan.fold.sign)
    check_double(plan.fold.constant)
    for a, b in pairwise(plan.pieces):
        need(
            a.high is not None and a.low < a.high == b.low,
            "pieces",
            "adjoining ones",
            [a.low, a.high, b.low],
        )
        check_double(b.low)
    last = plan.far[-1]
    need(last.high is None, "the last piece", "no end", last.high)
    # As it is rendered, a little below the seam.
    check_double(last.low - last.low / 2**20)
    _check_piece(plan.near, "x")
    for piece in plan.pieces:
        _check_bound(piece, fmt)
    for piece in plan.far:
        _check_piece(piece, "t")


def _check_piece(piece: Piece, variable: str) -> None:
    check_program(piece.program)
    need(
        piece.program.input == variable,
        "the input of a piece",
        repr(variable),
        piece.program.input,
    )
