"""Where a formula is not real: looked for before anything is expanded."""

from __future__ import annotations

from fractions import Fraction

from flint import acb
from flint import ctx

from ..errors import NotRealError
from ..numbers.evaluate import BallAlgebra
from ..numbers.evaluate import evaluate
from ..numbers.floats import to_arb
from .roots import ball
from .roots import simplest
from .work import Work
from .work import shown

SAMPLES = 61
OFFSET = Fraction(37, 101)  # of a sample in its cell: no special point is there
BITS = 200
CERTAIN = 30  # bits of a complex value that is believed
STEPS = 60  # of bisection


def refuse_unreal(
    work: Work,
    first: Fraction,
    last: Fraction,
    low: Fraction | None,
    high: Fraction | None,
    mirrored: bool,
) -> None:
    """Raises where f is complex, with the interval.

    Args:
        low, high: ends of the domain, None for infinity.
        mirrored: whether [0, high] stands for [-high, high].

    Raises:
        NotRealError: f is not real at one of `SAMPLES` places.
    """
    step = (last - first) / SAMPLES
    xs = [first + (i + OFFSET) * step for i in range(SAMPLES)]
    with ctx.workprec(BITS):
        bad = [_is_unreal(work, x) for x in xs]
        if not any(bad):
            return
        start = bad.index(True)
        stop = start
        while stop + 1 < SAMPLES and bad[stop + 1]:
            stop += 1
        left = _edge(work, xs[start], xs[start - 1]) if start else low
        if stop + 1 < SAMPLES:
            right: Fraction | None = _edge(work, xs[stop], xs[stop + 1])
        else:
            right = high
    whole = mirrored and left == 0
    ends = (right, right) if whole else (left, right)
    raise NotRealError(
        "Not real: expected real values on the whole domain, received none "
        f"on ({'-' if whole else ''}{shown(ends[0], 1 if whole else -1)}, "
        f"{shown(ends[1])})."
    )


def _is_unreal(work: Work, x: Fraction) -> bool:
    """Whether the formula has a value at x, but a complex one."""
    if ball(work.expr, to_arb(x)).is_finite():
        return False
    try:
        value = evaluate(work.expr, BallAlgebra(acb(to_arb(x))))
    except (ArithmeticError, ValueError):
        return False
    # Beyond exp(2**127) a ball is not finite either, but knows no digit.
    sure = value.is_finite() and value.rel_accuracy_bits() > CERTAIN
    return bool(sure and not value.imag.contains(0))


def _edge(work: Work, unreal: Fraction, real: Fraction) -> Fraction:
    """Where the one becomes the other, as a short fraction if it is one."""
    for _ in range(STEPS):
        middle = (unreal + real) / 2
        if _is_unreal(work, middle):
            unreal = middle
        else:
            real = middle
    gap = abs(unreal - real)
    return simplest(min(unreal, real) - gap, max(unreal, real) + gap)
