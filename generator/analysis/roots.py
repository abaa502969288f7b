"""Real roots of an expression on an interval, none missed.

Interval bisection with a monotonicity test (Moore, Kearfott and Cloud,
Introduction to Interval Analysis, chapter 8); roots are then taken to many
digits by Newton's method, or recognised as short fractions.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import sympy
from flint import arb
from flint import ctx

from ..errors import GeneratorError
from ..errors import NotProvedError
from ..errors import NotRealError
from ..errors import SingularityError
from ..formula.derivative import derivative
from ..limits import stage
from ..numbers.evaluate import BallAlgebra
from ..numbers.evaluate import evaluate
from ..numbers.evaluate import to_primitives
from ..numbers.floats import floor_log2
from ..numbers.floats import to_arb
from ..numbers.floats import to_fraction
from ..numbers.magnitudes import MagnitudeAlgebra
from ..numbers.places import Place
from ..numbers.places import expand
from ..numbers.series import upper

SCAN_BITS = 128
MORE_BITS, MOST_BITS = 4, 2048  # where that leaves doubts: times 4, at most
# Boxes in doubt, one beside the other, after which the whole is scanned again:
# about a multiple root some always are.
DOUBTS = 64
WIDTH = Fraction(1, 2**18)  # relative width at which bisection stops
MAX_BOXES = 6_000
# Roots found in so small a part of an interval that there are too many, if it
# goes on like that: each needs a piece.
MANY, PART = 128, Fraction(1, 64)
MOST_ORDER = 6  # of a root that is looked for
BISECTIONS = 24  # before Newton's method


class _DoubtsError(NotProvedError):
    """More bits may help."""


@dataclass(frozen=True)
class Root:
    """A place where an expression vanishes, or may do so.

    Attributes:
        exact: the root, if it is a short fraction.
        low, high: an interval that contains it.
        multiple: whether the derivative may vanish there too.
    """

    exact: Fraction | None
    low: Fraction
    high: Fraction
    multiple: bool


def ball(expr: sympy.Expr, x: arb) -> arb:
    """The enclosure of `expr` over x; not finite where it is unknown."""
    try:
        value = evaluate(expr, BallAlgebra(x))
    except (ZeroDivisionError, ValueError):
        return arb("nan")
    return value if isinstance(value, arb) else arb(value)


def interval(low: Fraction, high: Fraction) -> arb:
    """A ball that contains [low, high]."""
    return to_arb(low).union(to_arb(high))


def enclosure(
    expr: sympy.Expr, value: arb, low: Fraction, high: Fraction
) -> arb:
    """Values over [low, high] by a short Taylor model.

    A ball forgets that two terms cancel, a Taylor model does not; `value`,
    the ball, is returned where there is none.
    """
    middle = (low + high) / 2
    reach = to_arb((high - low) / 2) * (1 + arb((1, -20)))
    least = arb((1, -2000))
    try:
        with ctx.workprec(3 * ctx.prec):
            made, _ = expand(expr, Place(to_arb(middle), 0), reach, 8, least)
            series = made.plain
            if series is None or series.v < 0:
                return value
            near = arb(series.coefficient(0)) if series.v == 0 else arb(0)
            rest = series.size() - abs(near)
            if series.v:
                rest = series.size() * reach**series.v
            spread = upper(arb(abs(rest).upper()))
            return near + arb(0, spread)
    except (NotProvedError, NotRealError, SingularityError):
        return value


def find_roots(
    expr: sympy.Expr,
    variable: sympy.Symbol,
    low: Fraction,
    high: Fraction,
    most: int = MAX_BOXES,
) -> list[Root]:
    """Every root in [low, high], in order.

    Args:
        most: boxes looked at before it is given up.  If these are few,
            doubts end it too.

    Raises:
        NotProvedError: it takes too many steps.
    """
    stage("a search for zeros", low, high)
    expr = to_primitives(expr)
    slope = to_primitives(derivative(expr, variable))

    def search(a: Fraction, b: Fraction, bits: int) -> list[Root]:
        more = bits * MORE_BITS
        try:
            with ctx.workprec(bits):
                found = _merged(_scan(expr, slope, a, b, most))
        except _DoubtsError:
            if more > MOST_BITS or most < MAX_BOXES:
                raise
            return search(a, b, more)
        out: list[Root] = []
        for root in (_refined(expr, variable, r) for r in found):
            if root.multiple and root.exact is None and more <= MOST_BITS:
                out += search(root.low, root.high, more)
            else:
                out.append(root)
        return out

    return search(low, high, SCAN_BITS)


def _scan(
    expr: sympy.Expr,
    slope: sympy.Expr,
    low: Fraction,
    high: Fraction,
    most: int,
) -> list[Root]:
    stack = [(low, high)]
    found: list[Root] = []
    doubts, beside = 0, high
    for _ in range(most):
        if not stack:
            return sorted(found, key=lambda r: r.low)
        a, b = stack.pop()
        done = high - b
        if len(found) > MANY and done < (high - low) * PART:
            _refuse_many(found, low, high, done)
        x = interval(a, b)
        value = ball(expr, x)
        if value.is_finite() and not value.contains(0):
            continue
        size = evaluate(expr, MagnitudeAlgebra(x))
        if size is not None and not size.may_vanish:
            continue
        value = enclosure(expr, value, a, b)
        if value.is_finite() and not value.contains(0):
            continue
        size = max(abs(a), abs(b), Fraction(1, 2**60))
        # Beside a singular 0 that is not in the box every binade is looked at.
        wide = not value.is_finite() and a * b > 0 and not 1 / 4 < a / b < 4
        narrow = not wide and (
            b - a <= size * WIDTH or b - a <= Fraction(1, 2**70)
        )
        if value.is_finite():
            rate = ball(slope, x)
            if not rate.is_finite() or rate.contains(0):
                rate = enclosure(slope, rate, a, b)
            if rate.is_finite() and not rate.contains(0):
                ends = ball(expr, to_arb(a)), ball(expr, to_arb(b))
                if all(e.is_finite() and not e.contains(0) for e in ends):
                    if (ends[0] > 0) != (ends[1] > 0):
                        found.append(Root(None, a, b, False))
                    continue
                narrow = narrow or b - a <= size / 2**10
        if narrow:
            found.append(Root(None, a, b, True))
            # The last first: so the one before lies on the right.
            doubts = doubts if b == beside else 0
            doubts, beside = doubts + value.is_finite(), a
            if doubts > DOUBTS:
                raise _DoubtsError("a search for roots is left in doubt")
            continue
        middle = _between(a, b) if wide else (a + b) / 2
        stack += [(a, middle), (middle, b)]
    raise NotProvedError(
        f"too many steps in a search for roots, about x = {float(a):.6g}"
    )


def _refuse_many(
    found: list[Root], low: Fraction, high: Fraction, done: Fraction
) -> None:
    """Raises where roots are dense: no search would come to an end."""
    count = len(_merged(sorted(found, key=lambda r: r.low)))
    if count > MANY:
        about = int(count * (high - low) / done) if done else count
        digits = 10 ** (len(str(about)) - 1)
        raise NotProvedError(
            f"{count} roots between x = {float(high - done):.6g} and "
            f"{float(high):.6g} and so over {about // digits * digits} in "
            "all, where each needs a piece of its own: take a smaller domain"
        )


def _between(a: Fraction, b: Fraction) -> Fraction:
    """About the geometric mean of two numbers of the same sign."""
    exponent = (floor_log2(abs(a)) + floor_log2(abs(b)) + 1) // 2
    return Fraction(2) ** exponent * (1 if a > 0 else -1)


def _merged(found: list[Root]) -> list[Root]:
    """Neighbours that touch are one root, perhaps a multiple one."""
    out: list[Root] = []
    for r in found:
        if out and r.low <= out[-1].high:
            out[-1] = Root(None, out[-1].low, max(r.high, out[-1].high), True)
        else:
            out.append(r)
    return out


def simplest(low: Fraction, high: Fraction) -> Fraction:
    """The fraction with the least denominator in [low, high].

    By continued fractions: as long as both ends have the same whole part it
    is a term, and the next one is that of the reciprocals.
    """
    if low <= 0 <= high:
        return Fraction(0)
    if high < 0:
        return -simplest(-high, -low)
    terms: list[int] = []
    while (whole := -(-low.numerator // low.denominator)) > high:
        terms.append(whole - 1)
        low, high = 1 / (high - terms[-1]), 1 / (low - terms[-1])
    found = Fraction(whole)
    for term in reversed(terms):
        found = term + 1 / found
    return found


def _refined(expr: sympy.Expr, variable: sympy.Symbol, root: Root) -> Root:
    """Recognised as a fraction, if it is one with at most 24 bits."""
    low, high = root.low, root.high
    if not root.multiple:
        near = to_fraction(polished(expr, variable, root, 120))
        low, high = near - Fraction(1, 2**80), near + Fraction(1, 2**80)
    pad = (high - low) / 4
    guess = simplest(low - pad, high + pad)
    if guess.denominator.bit_length() <= 24:
        with ctx.workprec(400):
            value = ball(expr, to_arb(guess))
            unknown = root.multiple and not value.is_finite()
            if unknown or (value.is_finite() and value.contains(0)):
                return Root(guess, root.low, root.high, root.multiple)
    return root


def polished(
    expr: sympy.Expr, variable: sympy.Symbol, root: Root, bits: int
) -> arb:
    """The root to about `bits` bits, as a ball that may be trusted.

    A simple root is enclosed by a change of sign, one of order m by that of
    the derivative of order m - 1.
    """
    if root.exact is not None:
        return to_arb(root.exact)
    expr = to_primitives(expr)
    slope = to_primitives(derivative(expr, variable))
    if not root.multiple:
        return _enclosed(expr, slope, root, bits)
    reason: NotProvedError | None = None
    for _ in range(MOST_ORDER - 1):
        expr, slope = slope, to_primitives(derivative(slope, variable))
        try:
            return _enclosed(expr, slope, root, bits)
        except NotProvedError as error:
            reason = reason or error
    assert reason is not None
    raise reason


def _enclosed(
    expr: sympy.Expr, slope: sympy.Expr, root: Root, bits: int
) -> arb:
    """By Newton's method, and a change of sign."""
    low, high = root.low, root.high
    if not root.multiple:
        low, high = _bisected(expr, low, high)
    with ctx.workprec(bits + 64):
        x = to_arb((low + high) / 2)
        for _ in range(2 * bits.bit_length() + 40):
            value, rate = ball(expr, x), ball(slope, x)
            if not (value.is_finite() and rate.is_finite()) or rate.contains(0):
                raise NotProvedError("Newton's method met a flat place")
            step = (value / rate).mid()
            x = (x - step).mid()
            if step == 0 or abs(step) < arb((1, -bits)):
                break
        a, b = to_arb(root.low), to_arb(root.high)
        slack = (b - a) * 2
        if not (x > a - slack and x < b + slack):
            raise NotProvedError("Newton's method left its interval")
        delta = arb((1, 8 - bits)) * (1 + abs(x)).mid()
        ends = ball(expr, x - delta), ball(expr, x + delta)
        if not ((ends[0] > 0 and ends[1] < 0) or (ends[0] < 0 and ends[1] > 0)):
            raise NotProvedError("a root could not be enclosed")
        return arb(x.mid(), delta.upper())


def _bisected(
    expr: sympy.Expr, low: Fraction, high: Fraction
) -> tuple[Fraction, Fraction]:
    """A bracket so short that Newton's method does not leave it."""
    with ctx.workprec(SCAN_BITS):
        above = ball(expr, to_arb(high)) > 0
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            value = ball(expr, to_arb(middle))
            if value.contains(0) or not value.is_finite():
                break
            if (value > 0) == above:
                high = middle
            else:
                low = middle
    return low, high


__all__ = [
    "GeneratorError",
    "Root",
    "find_roots",
    "polished",
    "simplest",
    "to_fraction",
]
