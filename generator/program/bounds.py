"""The bound of a piece: the worst of its roundoff and truncation.

The input is divided into cells, every cell is judged by `Analyzer`, and
the worst are divided further until floats stand alone.
"""

from __future__ import annotations

import bisect
import heapq
import itertools
from dataclasses import dataclass
from fractions import Fraction

from flint import arb
from flint import ctx

from ..numbers.floats import FloatFormat
from ..numbers.floats import floor_log2
from ..numbers.floats import floor_log2_ball
from ..numbers.floats import power2
from ..numbers.floats import to_arb
from .assumed import PrimitiveErrors
from .program import Const
from .program import Expr
from .program import Op
from .program import Program
from .program import Var
from .roundoff import Analyzer
from .roundoff import OverflowRiskError

PRECISION = 160  # bits of the balls; three times float64's 53
FINE_BINADES = 12  # below the top, those divided finely at once
PER_BINADE = 8  # first subdivision of a binade
SPARE = 1 + 2.0**-8  # for who checks the bound with other cells
MAX_SPLITS = 2500  # refinements of the worst intervals


@dataclass(frozen=True)
class ErrorBound:
    """The worst total error of a piece, and where.

    Attributes:
        ulp: bound of ``|computed - f| / ulp(f)``.
        roundoff: the part of it from rounding, in the same ulp.
        at: the subinterval on which the bound is attained.
    """

    ulp: float
    roundoff: float
    at: tuple[Fraction, Fraction]


@dataclass(frozen=True)
class Truncation:
    """``|program - f| <= deltas[k] |y|**power`` for y in cell k.

    y is the input less `center`; cell k is ``edges[k] <= y <= edges[k+1]``.
    No cells: the program equals f in exact arithmetic.
    """

    center: Fraction = Fraction(0)
    edges: tuple[Fraction, ...] = ()
    deltas: tuple[arb, ...] = ()
    power: int = 0

    def bound(self, low: Fraction, high: Fraction) -> arb:
        """Bound of |program - f| for inputs in [low, high]."""
        if not self.deltas:
            return arb(0)
        low, high = low - self.center, high - self.center
        first = max(bisect.bisect_left(self.edges, low) - 1, 0)
        last = min(bisect.bisect_right(self.edges, high), len(self.deltas))
        worst = arb(0)
        for delta in self.deltas[first:last]:
            worst = worst.max(delta)
        if worst == 0:
            return worst
        ends = sorted((abs(low), abs(high)))
        reach = to_arb(ends[self.power > 0])
        if self.power < 0:
            return (worst / reach ** (-self.power)).abs_upper()
        return (worst * reach**self.power).abs_upper()


def bound_error(
    program: Program,
    fmt: FloatFormat,
    primitives: PrimitiveErrors,
    truncation: Truncation,
    low: Fraction,
    high: Fraction,
    depth: int | None = None,
) -> ErrorBound:
    """Bound of ``|computed - f| / ulp(f)`` for all floats in [low, high].

    Args:
        depth: for a first look, only so many binades below the top one.
    """
    with ctx.workprec(PRECISION):
        return _bound(
            Analyzer(program, fmt, primitives),
            truncation,
            low,
            high,
            depth,
        )


def _judge(
    analyzer: Analyzer,
    truncation: Truncation,
    low: Fraction,
    high: Fraction,
    mirrored: bool,
) -> tuple[float, float]:
    """Total and roundoff in ulp on one subinterval."""
    fmt = analyzer.fmt
    try:
        value = analyzer.run(low, high)
    except OverflowRiskError:
        return float("inf"), float("inf")
    delta = truncation.bound(low, high)
    if mirrored:
        delta = delta.max(truncation.bound(-high, -low)).abs_upper()
    f_low = value.exact.abs_lower() - delta
    f_top = value.exact.abs_upper() + delta
    error = value.error
    slack = 1 + power2(3 - fmt.precision)
    if f_top <= analyzer.normal * slack:
        # Below the smallest normal a flush is allowed, so it is no error;
        # 4 ulp above it a computed value may be below.
        error = (error - analyzer.normal).max(arb(0))
    exponent = floor_log2_ball(f_low.lower()) if f_low > 0 else fmt.emin
    unit = power2(fmt.ulp_exponent(exponent))
    total, roundoff = (error + delta) / unit, error / unit
    edge = power2(exponent + 1)
    straddles = exponent >= fmt.emin and edge <= f_top <= 2 * edge
    if straddles and value.carried is not None:
        # The cell holds both sides of a power of two: the larger error
        # belongs above it, where the ulp is larger too.  Below it see
        # `Analyzer._finish`.
        carried = (value.carried + delta).abs_upper()
        last = unit / 2 if carried <= unit else carried.min(unit)
        below = (carried + last).min(error + delta)
        above = (error + delta) / 2
        total = total.min(below.max(above) / unit)
        roundoff = roundoff.min(total)
    return float(total.abs_upper()), float(roundoff.abs_upper())


def _bound(
    analyzer: Analyzer,
    truncation: Truncation,
    low: Fraction,
    high: Fraction,
    depth: int | None,
) -> ErrorBound:
    heap: list[tuple[float, int, Fraction, Fraction, float]] = []
    serial = 0
    mirrored = low < 0 < high and parity(analyzer.program) is not None

    def push(a: Fraction, b: Fraction) -> float:
        nonlocal serial
        total, roundoff = _judge(analyzer, truncation, a, b, mirrored)
        serial += 1
        heapq.heappush(heap, (-total, serial, a, b, roundoff))
        return total

    if mirrored:
        # Rounding to nearest is symmetric: an even or odd program computes
        # exactly ±its value at -x, and one side stands for both.
        low, high = Fraction(0), max(-low, high)
    cells = _grid(low, high, analyzer.fmt, depth)
    bend = scale_free_from(analyzer.program)
    if bend is not None and low > 0:
        cells = [c for c in cells if not _repeats(analyzer, c, bend)]
    for a, b in cells:
        push(a, b)
    splits = 0
    while True:
        worst, _, a, b, roundoff = heap[0]
        if a == b or splits >= MAX_SPLITS:
            return ErrorBound(-worst * SPARE, roundoff, (a, b))
        heapq.heappop(heap)
        splits += 1
        unit = Fraction(2) ** analyzer.fmt.ulp_exponent(floor_log2(b))
        if b - a <= 8 * unit:
            # So narrow a cell is its floats, one by one.
            first = -(-a // unit)
            points = [unit * n for n in range(first, int(b // unit) + 1)]
            pairs = [(x, x) for x in points]
        else:
            cuts = [a + (b - a) * k / 8 for k in range(9)]
            pairs = list(itertools.pairwise(cuts))
        for pair in pairs:
            push(*pair)


def _grid(
    low: Fraction, high: Fraction, fmt: FloatFormat, depth: int | None
) -> list[tuple[Fraction, Fraction]]:
    """Subintervals: the binades of the input, divided."""
    if low < 0 < high:
        return [
            *_grid(low, Fraction(0), fmt, depth),
            *_grid(Fraction(0), high, fmt, depth),
        ]
    if low < 0:
        return [(-b, -a) for a, b in _grid(-high, -low, fmt, depth)]
    cells: list[tuple[Fraction, Fraction]] = []
    if low == 0:
        low = fmt.smallest_subnormal
        cells.append((Fraction(0), Fraction(0)))
        if depth is not None:
            low = high / 2**depth
    # Far below the top of a piece that reaches 0 little changes from one
    # binade to the next; the worst are divided further on demand.
    shallow = high / 2**FINE_BINADES if cells else low
    edge = low
    while edge < high:
        base = Fraction(2) ** floor_log2(edge)
        parts = PER_BINADE if edge >= shallow else PER_BINADE // 4
        for k in range(parts):
            upper = base + base * (k + 1) / parts
            if upper > edge:
                cells.append((edge, min(upper, high)))
                edge = min(upper, high)
            if edge >= high:
                break
    return cells


def scale_free_from(program: Program) -> Fraction | None:
    """From where on the program is constants times a power of its input.

    Beyond c in ``minimum(t, c)``, if sums are of constants only, doubling
    t multiplies every value, computed or exact, by a power of two.
    """
    bend: Fraction | None = None
    degrees: dict[str, int | None] = {program.input: 1}

    def of(node: Expr) -> int | None:
        nonlocal bend
        if isinstance(node, Var):
            return degrees[node.name]
        if isinstance(node, Const):
            return 0
        assert isinstance(node, Op)
        if node.name == "minimum":
            assert isinstance(node.args[1], Const)
            bend = node.args[1].value
            return 0
        parts = [of(a) for a in node.args]
        if None in parts:
            return None
        first, last = parts[0] or 0, parts[-1] or 0
        if node.name == "mul":
            return first + last
        if node.name == "div":
            return first - last
        if node.name in ("neg", "abs"):
            return first
        return 0 if not any(parts) else None

    for name, value in program.statements:
        degrees[name] = of(value)
    return bend if degrees[program.statements[-1][0]] is not None else None


def _repeats(
    analyzer: Analyzer, cell: tuple[Fraction, Fraction], bend: Fraction
) -> bool:
    """Whether a cell only repeats, scaled, one that is looked at anyway."""
    if cell[0] < 4 * bend:
        return False
    smallest = analyzer.run(*cell).exact.abs_lower()
    return bool(smallest > analyzer.normal * power2(8))


def parity(program: Program) -> int | None:
    """0 for a program even in its input, 1 for an odd one, else None."""
    known: dict[str, int | None] = {program.input: 1}

    def of(node: Expr) -> int | None:
        if isinstance(node, Var):
            return known[node.name]
        if isinstance(node, Const):
            return 0
        assert isinstance(node, Op)
        parts = [of(a) for a in node.args]
        if None in parts:
            return None
        if node.name in ("mul", "div"):
            return sum(p for p in parts if p is not None) % 2
        if node.name in ("add", "sub"):
            return parts[0] if parts[0] == parts[1] else None
        if node.name == "neg":
            return parts[0]
        return 0 if parts[0] == 0 else None

    result: int | None = 1
    for name, value in program.statements:
        result = known[name] = of(value)
    return result
