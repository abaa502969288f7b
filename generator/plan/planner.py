"""Stage 4: choose pieces, each where its own bound holds.

A piece about the origin reaches as far as its bound allows, the closed
tail comes in from infinity as far as its bound allows, and what is left
between them is covered by local polynomials, as few as possible.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

from ..analysis.analysis import Analysis
from ..analysis.analysis import Symmetry
from ..analysis.tails import Tail
from ..analysis.tails import tail
from ..errors import BoundNotMetError
from ..errors import GeneratorError
from ..errors import NotProvedError
from ..numbers.floats import FloatFormat
from ..numbers.floats import floor_log2
from ..numbers.formats import get_format
from ..pieces.candidates import Candidate
from ..pieces.candidates import good_center
from ..pieces.candidates import near_model
from ..pieces.candidates import series_candidate
from ..pieces.plan import Fold
from ..pieces.plan import Piece
from ..pieces.plan import Plan
from ..pieces.plan import max_ulp_of
from ..pieces.tail_forms import TailForm
from ..pieces.tail_forms import dropped_bounds
from ..pieces.tail_forms import forms
from ..program.assumed import PrimitiveErrors
from ..program.assumed import primitive_errors
from ..program.bounds import ErrorBound
from ..program.bounds import Truncation
from ..program.bounds import bound_error
from ..program.program import Const
from ..program.program import Op
from ..program.program import Program
from ..program.program import Var
from ..program.program import rewritable

LOOK = 7  # binades of a first look at a candidate; all are proved at the end
MAX_PIECES = 16
SEAM_BITS = 3  # seams are (8..15)/8 times a power of two


def make_plan(
    analysis: Analysis, dtype: str, order: int, max_ulp: float | None = None
) -> Plan:
    """The `Plan` of f^(order) in `dtype`, which must be its own compute
    format.

    Raises:
        UnknownDtypeError: no such format.
        BoundNotMetError: no cover of the domain within `max_ulp`.
    """
    fmt = get_format(dtype)
    if fmt.compute != fmt.name:
        raise GeneratorError(
            f"{dtype} is computed in {fmt.compute}: plan that one."
        )
    return _Planner(analysis, fmt, order, max_ulp or max_ulp_of(order)).plan()


class _Planner:
    def __init__(
        self, analysis: Analysis, fmt: FloatFormat, order: int, max_ulp: float
    ) -> None:
        symmetry, left = analysis.symmetry, analysis.tails[0]
        if symmetry is None or left is None or analysis.points != (0,):
            raise BoundNotMetError(
                "Not covered yet: expected a function on all reals with a "
                "symmetry, one removable point at 0 and a tail rational in "
                f"x and an exponential; received {analysis.spec.text!r}."
            )
        self.analysis, self.fmt, self.order = analysis, fmt, order
        self.expr, self.variable = analysis.spec.expr, analysis.spec.variable
        self.max_ulp = max_ulp
        self.primitives: PrimitiveErrors = primitive_errors(fmt.name)
        self.fold = _fold(symmetry, order)
        self.tower: tuple[Tail, ...] = tuple(
            tail(self.expr, self.variable, -1, k)
            for k in range(max(analysis.orders, order + 1))
        )
        self.tail = self.tower[order]

    def plan(self) -> Plan:
        spec = self.analysis.spec
        start, form = self._tail_start()
        reach = self._near_reach(start)
        near = self._near(reach, depth=None)
        assert near is not None
        far: list[Piece] = []
        edge = reach
        while edge < start:
            if len(far) >= MAX_PIECES:
                raise BoundNotMetError(
                    f"More than {MAX_PIECES} pieces between {float(reach)} "
                    f"and {float(start)}: {spec.text!r}, order {self.order}."
                )
            piece = self._local(edge, start)
            far.append(piece)
            assert piece.high is not None
            edge = piece.high
        far.append(self._tail_piece(edge, form))
        plan = Plan(
            spec.name, self.order, self.fmt.name, near, tuple(far), self.fold
        )
        if plan.ulp > self.max_ulp:
            worst = max(plan.pieces, key=lambda p: p.ulp)
            raise BoundNotMetError(
                f"Bound not met: expected {self.max_ulp} ulp for order "
                f"{self.order} in {self.fmt.name}, best found {worst.ulp:.3f} "
                f"near {float(worst.worst[0]):.6g}."
            )
        return plan

    # -- bounds -----------------------------------------------------------

    def _bound(
        self,
        program: Program,
        truncation: Truncation,
        low: Fraction,
        high: Fraction,
        depth: int | None = None,
    ) -> ErrorBound:
        """The worse of h itself and of what the fold makes of it."""
        rewritten = rewritable(program)
        if rewritten:
            raise NotProvedError(f"XLA would not keep {rewritten}.")
        best = bound_error(
            program,
            self.fmt,
            self.primitives,
            truncation,
            low,
            high,
            depth,
        )
        if self.fold.constant and low >= 0 and program.input == "t":
            other = bound_error(
                unfolded(program, self.fold),
                self.fmt,
                self.primitives,
                truncation,
                low,
                high,
                depth,
            )
            best = max(best, other, key=lambda b: b.ulp)
        return best

    def _piece(
        self,
        low: Fraction,
        high: Fraction | None,
        candidate: Candidate,
        bound: ErrorBound,
    ) -> Piece:
        return Piece(
            low,
            high,
            candidate.kind,
            candidate.program,
            candidate.formula,
            candidate.proof,
            bound.ulp,
            bound.roundoff,
            bound.at,
        )

    # -- the piece about 0 ------------------------------------------------

    def _near(self, reach: Fraction, depth: int | None) -> Piece | None:
        try:
            model = near_model(
                self.expr,
                self.variable,
                self.analysis.points,
                Fraction(0),
                reach,
                self.order,
                self.fmt,
            )
        except NotProvedError:
            return None
        candidate = series_candidate(model, -reach, reach, self.fmt, "x", True)
        if candidate is None:
            return None
        bound = self._bound(
            candidate.program, candidate.truncation, -reach, reach, depth
        )
        return self._piece(Fraction(0), reach, candidate, bound)

    def _near_reach(self, start: Fraction) -> Fraction:
        """The widest seam up to `start` within the bound, by bisection."""

        def holds(reach: Fraction) -> bool:
            piece = self._near(reach, LOOK)
            return piece is not None and piece.ulp <= self.max_ulp

        seams = seam_grid(start / 64, start)
        best = _last(seams, holds)
        if best is None:
            raise BoundNotMetError(
                f"No series about 0 is within {self.max_ulp} ulp for order "
                f"{self.order} in {self.fmt.name}."
            )
        return best

    # -- the tail ---------------------------------------------------------

    def _truncation(self, form: TailForm, start: Fraction) -> Truncation:
        if form.bend is None:
            return Truncation()
        edges = [s for s in seam_grid(start, form.bend) if s > start]
        edges = sorted({start, max(start, form.bend), *edges})
        deltas = [dropped_bounds(form, *ends) for ends in pairwise(edges)]
        return Truncation(
            Fraction(0),
            (*edges, self.fmt.max_finite),
            (*deltas, form.delta),
            -form.power,
        )

    def _tail_start(self) -> tuple[Fraction, TailForm]:
        """The closed form that reaches furthest in, and how far."""
        top = Fraction(2) ** LOOK
        best: tuple[Fraction, TailForm] | None = None
        for form in forms(self.tower, self.order, self.fmt.precision):
            if rewritable(form.program):
                continue

            def holds(start: Fraction, form: TailForm = form) -> bool:
                truncation = self._truncation(form, start)
                bound = self._bound(form.program, truncation, start, top)
                return bound.ulp <= self.max_ulp

            seams = seam_grid(Fraction(1, 4), top / 2)
            start = _last(seams[::-1], holds)
            if start is None:
                continue
            rank = (start, form.program.cost)
            if best is None or rank < (best[0], best[1].program.cost):
                best = start, form
        if best is None:
            raise BoundNotMetError(
                f"No closed form of the tail is within {self.max_ulp} ulp for "
                f"order {self.order} in {self.fmt.name}."
            )
        return best

    def _tail_piece(self, start: Fraction, form: TailForm) -> Piece:
        truncation = self._truncation(form, start)
        bound = self._bound(
            form.program, truncation, start, self.fmt.max_finite
        )
        rate = "" if self.tail.rate == 1 else f"{self.tail.rate} "
        proof = "equal to f as a rational function of t and e (exact algebra)"
        if form.label == "series":
            proof += ", but for higher powers of e, enclosed in balls"
        if form.bend is not None:
            proof += (
                f"; e is held at t = {float(form.bend):g}, from where on its "
                f"term is below {float(form.delta):.2g} t**-{form.power}"
            )
        candidate = Candidate(
            "closed",
            form.program,
            truncation,
            f"{self.tail.algebraic} + e * "
            f"({self.tail.rest}), e = exp(-{rate}t)",
            proof,
        )
        return self._piece(start, None, candidate, bound)

    # -- in between -------------------------------------------------------

    def _local(self, low: Fraction, start: Fraction) -> Piece:
        """A polynomial from `low` as far as the bound allows."""
        found: dict[Fraction, Piece] = {}

        def holds(high: Fraction) -> bool:
            piece = self._polynomial(low, high)
            if piece is not None and piece.ulp <= self.max_ulp:
                found[high] = piece
                return True
            return False

        seams = [s for s in seam_grid(low, start) if s > low]
        best = _last(seams, holds)
        if best is None:
            raise BoundNotMetError(
                f"No polynomial from {float(low)} on is within {self.max_ulp} "
                f"ulp for order {self.order} in {self.fmt.name}."
            )
        return found[best]

    def _polynomial(self, low: Fraction, high: Fraction) -> Piece | None:
        # h(t) = f(-t): the local coordinate is that of f reflected.
        expr = self.expr.subs(self.variable, -self.variable)
        half = (high - low) / 2 * Fraction(33, 32)  # room to move the center
        try:
            model = near_model(
                expr,
                self.variable,
                self.analysis.points,
                (low + high) / 2,
                half,
                self.order,
                self.fmt,
            )
            center = good_center(model, low, high, self.fmt)
            model = near_model(
                expr,
                self.variable,
                self.analysis.points,
                center,
                half,
                self.order,
                self.fmt,
            )
        except NotProvedError:
            return None
        if self.order % 2:
            model = model.negated()  # d/dx = -d/dt, once for every order
        candidate = series_candidate(model, low, high, self.fmt, "t", False)
        if candidate is None:
            return None
        bound = self._bound(candidate.program, candidate.truncation, low, high)
        return self._piece(low, high, candidate, bound)


def _fold(symmetry: Symmetry, order: int) -> Fold:
    for _ in range(order):
        symmetry = symmetry.derivative()
    return Fold(symmetry.sign, symmetry.constant)


def unfolded(program: Program, fold: Fold) -> Program:
    """The program for x > 0, the reflection included."""
    result = Var(program.statements[-1][0])
    value = (
        Const(fold.constant) - result if fold.constant else Op("neg", (result,))
    )
    return Program(program.input, (*program.statements, ("r", value)))


def seam_grid(low: Fraction, high: Fraction) -> list[Fraction]:
    """Short binary fractions in [low, high], ascending."""
    steps = 2**SEAM_BITS
    seams = []
    for exponent in range(floor_log2(low), floor_log2(high) + 1):
        for j in range(steps):
            seam = Fraction(steps + j, steps) * Fraction(2) ** exponent
            if low <= seam <= high:
                seams.append(seam)
    return seams


def _last(
    values: list[Fraction], holds: Callable[[Fraction], bool]
) -> Fraction | None:
    """The last value that holds, taking `holds` to fail from there on."""
    low, high = -1, len(values)
    while high - low > 1:
        middle = (low + high) // 2
        if holds(values[middle]):
            low = middle
        else:
            high = middle
    return values[low] if low >= 0 else None
