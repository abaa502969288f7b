"""Running error analysis of a `Program`, in balls.

For every operation: an enclosure of its exact value over a small interval
of inputs, and a bound of the distance between the computed and the exact
value, from the errors of its arguments and one rounding of its own
(Higham, *Accuracy and Stability of Numerical Algorithms*, section 3.3).
A rounding is bounded by half an ulp of the binade at hand and not by
``u |y|``, which would be up to twice as much.
"""

from __future__ import annotations

import bisect
import heapq
import itertools
from dataclasses import dataclass
from fractions import Fraction

from flint import arb
from flint import ctx

from .formats import FloatFormat
from .formats import floor_log2
from .formats import to_arb
from .primitives import PrimitiveErrors
from .program import Const
from .program import Expr
from .program import Op
from .program import Program
from .program import Var

PRECISION = 160  # bits of the balls; three times float64's 53
FINE_BINADES = 12  # below the top, those divided finely at once
PER_BINADE = 8  # first subdivision of a binade
MAX_SPLITS = 2500  # refinements of the worst intervals


class OverflowRiskError(ArithmeticError):
    """An intermediate value may be beyond the format's range."""


@dataclass(frozen=True)
class Value:
    """What is known of a computed value over an interval of inputs."""

    exact: arb  # encloses the value in exact arithmetic
    error: arb  # >= |computed - exact|
    grid: int | None = None  # the computed value is a multiple of 2**grid
    carried: arb | None = None  # the error before the last rounding


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


def _floor_log2(value: arb) -> int:
    man, exp = value.man_exp()
    return int(exp) + int(man).bit_length() - 1


def _power2(exponent: int) -> arb:
    return arb((1, exponent))


class Analyzer:
    """Bounds one program in one format."""

    def __init__(
        self, program: Program, fmt: FloatFormat, primitives: PrimitiveErrors
    ) -> None:
        self.program, self.fmt, self.primitives = program, fmt, primitives
        self.max_finite = to_arb(fmt.max_finite)
        self.normal = _power2(fmt.emin)

    def run(self, low: Fraction, high: Fraction) -> Value:
        """The result's `Value` for inputs in [low, high]."""
        ball = to_arb(low).union(to_arb(high))
        near = min(abs(low), abs(high)) if low * high > 0 else Fraction(0)
        grid = self.fmt.ulp_exponent(
            floor_log2(near) if near else self.fmt.emin
        )
        env = {self.program.input: Value(ball, arb(0), grid)}
        result = env[self.program.input]
        for name, node in self.program.statements:
            result = env[name] = self._value(node, env)
        return result

    def _value(self, node: Expr, env: dict[str, Value]) -> Value:
        if isinstance(node, Var):
            return env[node.name]
        if isinstance(node, Const):
            return self._constant(node.value)
        assert isinstance(node, Op)
        args = [self._value(a, env) for a in node.args]
        if node.name == "neg":
            return Value(-args[0].exact, args[0].error, args[0].grid)
        if node.name in ("add", "sub"):
            sign = -1 if node.name == "sub" else 1
            return self._sum(args[0], args[1], sign)
        if node.name == "mul":
            power = _power_of_two(node.args)
            return self._product(args[0], args[1], exact=power)
        if node.name == "div":
            return self._quotient(*args)
        if node.name == "minimum":
            return Value(args[0].exact.min(args[1].exact), args[0].error)
        if node.name == "abs":
            return Value(abs(args[0].exact), args[0].error, args[0].grid)
        return self._function(node.name, args[0])

    def _constant(self, value: Fraction) -> Value:
        grid = 1 - value.denominator.bit_length()
        return Value(to_arb(value), arb(0), grid)

    def _finish(self, exact: arb, carried: arb) -> Value:
        """One rounding of a value within `carried` of `exact`."""
        carried = carried.abs_upper()
        size = exact.abs_upper()
        top = (size + carried).abs_upper()
        if top == 0:
            return Value(exact, arb(0), None, arb(0))
        if not top <= self.max_finite:
            raise OverflowRiskError
        fmt = self.fmt
        # A ball's own width must not push a value over a power of two:
        # values at most `excess` above it are counted as on it.
        below = _power2(_floor_log2(size)) if size > 0 else size
        excess = size - below
        if 0 < excess <= size * _power2(-2 * fmt.precision):
            size, carried = below, (carried + excess).abs_upper()
        else:
            excess = arb(0)
        # All exact values are at most `edge`, a power of two.  A value
        # carried beyond it by no more than the ulp below it rounds back to
        # the edge (ties to even), which lies between it and the exact one.
        exponent = _floor_log2(size) if size > 0 else fmt.emin - 1
        if size > _power2(exponent):
            exponent += 1
        edge = _power2(exponent)
        unit = _power2(fmt.ulp_exponent(exponent - 1))
        if top <= edge + unit:
            half = unit / 2
        else:
            half = _power2(fmt.ulp_exponent(_floor_log2(top)) - 1)
        if (exact.abs_lower() - carried) < self.normal:
            half = half.max(top.min(self.normal)).abs_upper()  # XLA flushes
        total = (carried + excess + half).abs_upper()
        return Value(exact, total, None, (carried + excess).abs_upper())

    def _sum(self, a: Value, b: Value, sign: int) -> Value:
        exact = a.exact + sign * b.exact
        carried = a.error + b.error
        if a.grid is not None and b.grid is not None:
            grid = min(a.grid, b.grid)
            top = (exact.abs_upper() + carried).abs_upper()
            # A multiple of 2**g below 2**(g + p) is a float: no rounding
            # (Sterbenz' lemma is a case of this).
            if top <= _power2(grid + self.fmt.precision):
                return Value(exact, carried.abs_upper(), grid)
        value = self._finish(exact, carried)
        # The rounded sum is no further from the sum than either operand.
        top_b = (b.exact.abs_upper() + b.error).abs_upper()
        top_a = (a.exact.abs_upper() + a.error).abs_upper()
        limit = (carried + top_a.min(top_b)).abs_upper()
        return Value(exact, value.error.min(limit), None, carried.abs_upper())

    def _product(self, a: Value, b: Value, exact: bool) -> Value:
        value = a.exact * b.exact
        carried = (
            a.exact.abs_upper() * b.error
            + b.exact.abs_upper() * a.error
            + a.error * b.error
        )
        top = (value.abs_upper() + carried).abs_upper()
        low = value.abs_lower() - carried
        if exact and top <= self.max_finite and low >= self.normal:
            return Value(value, carried.abs_upper())
        return self._finish(value, carried)

    def _quotient(self, a: Value, b: Value) -> Value:
        smallest = b.exact.abs_lower() - b.error
        if not smallest > 0:
            raise OverflowRiskError
        exact = a.exact / b.exact
        carried = (a.error + exact.abs_upper() * b.error) / smallest
        return self._finish(exact, carried)

    def _function(self, name: str, a: Value) -> Value:
        wide = a.exact + arb(0, a.error.abs_upper())
        exact = getattr(a.exact, name)()
        image = getattr(wide, name)()
        if name == "exp":
            carried = exact.abs_upper() * a.error.expm1()
        elif a.error == 0:
            carried = arb(0)
        else:
            slope = {"sqrt": lambda: 1 / (2 * image), "log": lambda: 1 / wide}
            carried = slope[name]().abs_upper() * a.error
        top = image.abs_upper()
        if not top <= self.max_finite:
            raise OverflowRiskError
        exponent = _floor_log2(top) if top > 0 else self.fmt.emin
        own = to_arb(self.primitives.ulp(name)) * _power2(
            self.fmt.ulp_exponent(exponent)
        )
        if image.abs_lower() < self.normal:
            tiny = self.normal * to_arb(self.primitives.underflow(name))
            own = own.max(tiny)
        return Value(exact, (carried + own).abs_upper())


def _power_of_two(args: tuple[Expr, ...]) -> bool:
    for node in args:
        if isinstance(node, Const) and node.value:
            top = abs(node.value.numerator)
            bottom = node.value.denominator
            if top & (top - 1) == 0 and bottom & (bottom - 1) == 0:
                return True
    return False


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
    slack = 1 + _power2(3 - fmt.precision)
    if f_top <= analyzer.normal * slack:
        # Below the smallest normal a flush is allowed, so it is no error;
        # 4 ulp above it a computed value may be below.
        error = (error - analyzer.normal).max(arb(0))
    exponent = _floor_log2(f_low.lower()) if f_low > 0 else fmt.emin
    unit = _power2(fmt.ulp_exponent(exponent))
    total, roundoff = (error + delta) / unit, error / unit
    edge = _power2(exponent + 1)
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
            return ErrorBound(-worst, roundoff, (a, b))
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
    return bool(smallest > analyzer.normal * _power2(8))


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
