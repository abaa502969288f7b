"""Weighted minimax polynomials with coefficients of the format.

Remez' exchange (Powell, *Approximation Theory and Methods*, chapter 9),
one coefficient rounded at a time from the lowest up and the rest fitted
again around it by weighted least squares, so that a rounding is made good
by what follows (the idea of Brisebarre and Chevillard's fpminimax, in its
greedy form).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from flint import arb
from flint import arb_mat
from flint import ctx

from .floats import FloatFormat
from .floats import to_arb
from .floats import to_fraction

SAMPLES = 16  # grid points per coefficient
PRECISION = 256  # bits; the systems lose about one a coefficient and binade
EXCHANGES = 6  # a reference settles in 3 or 4


@dataclass(frozen=True)
class Shape:
    """``lead + y**power * P(y**stride)`` in the local coordinate y."""

    lead: tuple[tuple[int, Fraction], ...]
    power: int
    stride: int


@dataclass(frozen=True)
class Fit:
    """Coefficients of P, floats of the format, and the weighted error."""

    coefficients: tuple[Fraction, ...]
    error: float


class _Problem:
    """The samples of one fit: residual, weight and monomials."""

    def __init__(
        self,
        target: Callable[[arb], arb],
        weight: Callable[[arb], arb],
        shape: Shape,
        low: Fraction,
        high: Fraction,
        count: int,
    ) -> None:
        total = SAMPLES * count
        mid, half = to_arb((low + high) / 2), to_arb((high - low) / 2)
        self.points = [
            (mid - half * (arb.pi() * (2 * k + 1) / (2 * total)).cos()).mid()
            for k in range(total)
        ]
        self.weights = [weight(y).mid() for y in self.points]
        self.residual = [target(y).mid() for y in self.points]
        self.basis = []
        for y in self.points:
            step, value, row = y**shape.stride, y**shape.power, []
            for _ in range(count):
                row.append(value.mid())
                value = value * step
            self.basis.append(row)

    def fix(self, index: int, value: Fraction) -> None:
        """Move a rounded coefficient from the unknowns to the residual."""
        number = to_arb(value)
        for k, row in enumerate(self.basis):
            self.residual[k] = (self.residual[k] - number * row[index]).mid()

    def solve(
        self, first: int, last: int, reference: list[int]
    ) -> tuple[list[arb], list[arb]]:
        """Coefficients levelling the error on `reference`; all errors."""
        rows, rhs = [], []
        for sign, k in enumerate(reference):
            rows.append(
                [self.weights[k] * v for v in self.basis[k][first:last]]
                + [arb(-1) if sign % 2 else arb(1)]
            )
            rhs.append([self.weights[k] * self.residual[k]])
        solution = arb_mat(rows).solve(arb_mat(rhs))
        found = [solution[k, 0].mid() for k in range(last - first)]
        errors = []
        for k, row in enumerate(self.basis):
            value = self.residual[k]
            for c, v in zip(found, row[first:last], strict=True):
                value = value - c * v
            errors.append((self.weights[k] * value).mid())
        return found, errors

    def least_squares(self, first: int, last: int) -> list[arb]:
        """Coefficients of least weighted squares at Chebyshev points.

        After a rounding the error at y = 0 cannot be levelled any more
        and an exchange would chase it; least squares does not.
        """
        rows = [
            [w * v for v in row[first:last]]
            for w, row in zip(self.weights, self.basis, strict=True)
        ]
        rhs = [
            [w * r] for w, r in zip(self.weights, self.residual, strict=True)
        ]
        matrix = arb_mat(rows)
        transposed = matrix.transpose()
        solution = (transposed * matrix).solve(transposed * arb_mat(rhs))
        return [solution[k, 0].mid() for k in range(last - first)]

    def start(self, count: int) -> list[int]:
        """Chebyshev extrema among the samples."""
        top = len(self.points) - 1
        return [round(top * k / (count - 1)) for k in range(count)]


def _exchange(errors: list[arb], count: int) -> list[int] | None:
    """The extrema of alternating sign, the `count` largest in a row."""
    runs: list[int] = []
    for k, value in enumerate(errors):
        if runs and (value > 0) == (errors[runs[-1]] > 0):
            if abs(value) > abs(errors[runs[-1]]):
                runs[-1] = k
        else:
            runs.append(k)
    while len(runs) > count:
        runs.pop(0 if abs(errors[runs[0]]) < abs(errors[runs[-1]]) else -1)
    return runs if len(runs) == count else None


def _remez(
    problem: _Problem, first: int, last: int, reference: list[int]
) -> tuple[list[arb], float]:
    count = last - first + 1
    found, errors = problem.solve(first, last, reference)
    for _ in range(EXCHANGES):
        improved = _exchange(errors, count)
        if improved is None or improved == reference:
            break
        reference = improved
        found, errors = problem.solve(first, last, reference)
    return found, max(abs(float(e)) for e in errors)


def fit(
    target: Callable[[arb], arb],
    weight: Callable[[arb], arb],
    shape: Shape,
    low: Fraction,
    high: Fraction,
    count: int,
    fmt: FloatFormat,
    budget: float,
) -> Fit | None:
    """`count` coefficients with a weighted error near the least.

    Args:
        target: f minus the lead, as a function of y.
        weight: what an absolute error is multiplied by.
        budget: give up at once (None) where even unrounded coefficients
            exceed this weighted error.
    """
    with ctx.workprec(PRECISION):
        return _fit(target, weight, shape, low, high, count, fmt, budget)


def _fit(
    target: Callable[[arb], arb],
    weight: Callable[[arb], arb],
    shape: Shape,
    low: Fraction,
    high: Fraction,
    count: int,
    fmt: FloatFormat,
    budget: float,
) -> Fit | None:
    problem = _Problem(target, weight, shape, low, high, count)
    reference = problem.start(count + 1)
    found, error = _remez(problem, 0, count, reference)
    if error > budget:
        return None
    rounded: list[Fraction] = []
    for index in range(count):
        value = fmt.round(to_fraction(found[0]))
        rounded.append(value)
        problem.fix(index, value)
        left = count - index - 1
        if left == 0:
            break
        # Refitting pays while a rounding is felt: a coefficient whose
        # half ulp changes the error by under 1% leaves the rest alone.
        felt = max(
            float(abs(w * row[index]))
            for w, row in zip(problem.weights, problem.basis, strict=True)
        )
        change = abs(float(to_fraction(found[0]) - value)) * felt
        if change > 0.01 * error:
            found = problem.least_squares(index + 1, count)
        else:
            found = found[1:]
    final = max(
        float(abs(w * r))
        for w, r in zip(problem.weights, problem.residual, strict=True)
    )
    return Fit(tuple(rounded), final)


def shape_of(coefficients: list[Fraction | None]) -> Shape:
    """The sparsest `Shape` that has all nonzero Taylor coefficients.

    Args:
        coefficients: exact ones; None for one that is not zero and not
            known exactly.
    """
    powers = [k for k, c in enumerate(coefficients) if c is None or c != 0]
    if len(powers) < 3:
        return Shape((), powers[0] if powers else 0, 1)
    stride = math.gcd(*(b - powers[0] for b in powers[1:]))
    if stride > 1:
        return Shape((), powers[0], stride)
    rest = powers[1:]
    stride = math.gcd(*(b - rest[0] for b in rest[1:]))
    lead = coefficients[powers[0]]
    if stride > 1 and lead is not None:
        return Shape(((powers[0], lead),), rest[0], stride)
    return Shape((), powers[0], 1)
