"""Singular points inside the domain: found, classified, refused."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import sympy
from flint import arb
from flint import ctx

from ..errors import NotProvedError
from ..errors import NotRealError
from ..errors import SingularityError
from ..numbers.evaluate import evaluate
from ..numbers.floats import FloatFormat
from ..numbers.floats import ends_of_ball
from ..numbers.floats import floor_log2
from ..numbers.floats import to_arb
from ..numbers.floats import to_fraction
from ..numbers.magnitudes import MagnitudeAlgebra
from ..numbers.places import Place
from ..numbers.places import expand
from ..numbers.series import OneSidedError
from ..numbers.special import erfcinv
from ..numbers.special import erfinv
from ..numbers.special import lgamma
from .roots import MAX_BOXES
from .roots import Root
from .roots import ball
from .roots import find_roots
from .roots import polished
from .roots import simplest
from .work import Work
from .work import least
from .work import local
from .work import shown

# A guess at what is checked exactly: below it lie all the fractions that two
# floats of 64 bits can bound, and finer ones take their time.
FINEST = Fraction(1, 2**2400)
STEPS = (8, 16, 24, 48, 96)  # as near as other places may be, in bits


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
        elif isinstance(node, (sympy.log, sympy.Abs, sympy.sign, lgamma)):
            inner = node.args[0]
        elif isinstance(node, erfcinv):
            inner = node.args[0] * (2 - node.args[0])
        elif isinstance(node, erfinv):
            inner = (1 - node.args[0]) * (1 + node.args[0])
        if inner is not None and inner.free_symbols:
            found[inner] = None
    return sorted(found, key=sympy.count_ops)  # the innermost first


def _named(work: Work, inner: sympy.Expr) -> str:
    """A part of f, if it is one of what was asked for."""
    if work.plain.has(inner):
        return str(inner)[:60]
    return f"a denominator, root or logarithm of {str(work.plain)[:60]}"


@dataclass(frozen=True)
class Special:
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

    def beside(self, fmt: FloatFormat) -> tuple[Fraction, Fraction]:
        """The floats next to it, the greatest below and the least above.

        Both are the place itself where that is a float.

        Raises:
            NotProvedError: it may be a float, or lie on either side of one.
        """
        point = self.exact
        low, high = (
            (point, point) if point is not None else ends_of_ball(self.at)
        )
        below, above = fmt.down(low), fmt.up(high)
        if below != above and max(-low, high) < fmt.smallest_normal:
            # Its float would be subnormal, which XLA reads as 0.
            raise NotProvedError(
                f"a kink at x = {shown(self.near)}, nearer to 0 than any "
                "normal number"
            )
        if point is None and (below, above) != (fmt.down(high), fmt.up(low)):
            raise NotProvedError(
                f"a kink at x = {shown(self.near)} that cannot be told from "
                f"a {fmt.name}"
            )
        return below, above


def specials_of(
    work: Work, low: Fraction, high: Fraction, most: int = MAX_BOXES
) -> list[Special]:
    """Places where a part of f may be singular, in order.

    Args:
        most: boxes looked at for each part before it is given up.

    Raises:
        SingularityError: it was given up.
    """
    out: list[Special] = []
    for inner in critical(work.expr):
        work.check_time()
        try:
            roots = find_roots(inner, work.variable, low, high, most)
        except NotProvedError as error:
            raise SingularityError(
                "Singularities without number: expected few places where "
                f"{_named(work, inner)} vanishes, received {error}."
            ) from None
        for root in roots:
            if root.exact is None and root.multiple and _known(root, out):
                continue  # only unknown there because of what is inside
            with ctx.workprec(work.high_bits):
                at = polished(inner, work.variable, root, work.high_bits - 80)
                if any(abs(s.at - at) < arb((1, -300)) for s in out):
                    continue
                exact = _rational(inner, work.variable, root, at)
                if exact is not None:
                    root, at = replace(root, exact=exact), to_arb(exact)
            out.append(Special(root, at, inner))
    return sorted(out, key=lambda s: s.near)


def _rational(
    inner: sympy.Expr, variable: sympy.Symbol, root: Root, at: arb
) -> Fraction | None:
    """The root as a fraction, if exact algebra shows that it is one.

    A kink may be any float, such as the 55 bits of Python's 0.1: which side
    a float is on must then be decided where no ball decides it.
    """
    if root.exact is not None:
        return root.exact
    low, high = ends_of_ball(at)
    guess = simplest(low - FINEST, high + FINEST)
    number = sympy.Rational(guess.numerator, guess.denominator)
    return guess if inner.xreplace({variable: number}) == 0 else None


def _has_values(work: Work, a: Fraction, b: Fraction) -> bool:
    def is_known(x: arb) -> bool:
        if ball(work.expr, x).is_finite():
            return True
        # exp(10**300) is real, if too large for a ball.
        return evaluate(work.expr, MagnitudeAlgebra(x)) is not None

    with ctx.workprec(work.bits):
        return any(
            is_known(to_arb(a + (b - a) * part))
            for part in (Fraction(3, 7), Fraction(5, 8), Fraction(1, 9))
        )


def _known(root: Root, found: list[Special]) -> bool:
    with ctx.workprec(200):
        return any(root.low <= s.near <= root.high for s in found)


def refuse(
    work: Work,
    specials: list[Special],
    first: Fraction,
    last: Fraction,
    low: Fraction | None,
    high: Fraction | None,
    parity: int,
) -> None:
    """Errors for what no plan can mend, with their places."""
    edges = [first, *(s.near for s in specials), last]
    gaps = [(a, b) for a, b in pairwise(edges) if a < b]
    unreal = [not _has_values(work, a, b) for a, b in gaps]
    if any(unreal):
        start = unreal.index(True)
        stop = start
        while stop + 1 < len(gaps) and unreal[stop + 1]:
            stop += 1
        left = low if start == 0 else gaps[start][0]
        right = high if stop == len(gaps) - 1 else gaps[stop][1]
        mirrored = left == 0 and parity
        raise NotRealError(
            "Not real: expected real values on the whole domain, received "
            f"none on ({'-' if mirrored else ''}"
            f"{shown(right if mirrored else left, -1 if not mirrored else 1)}"
            f", {shown(right)})."
        )
    for s in specials:
        if s.near in (low, high) and not (parity and s.near == 0):
            continue
        _classify(work, s)


class _BranchPointError(NotProvedError):
    """No expansion on one side at least, as far as was asked."""


def _classify(work: Work, special: Special) -> None:
    """Raises where the singularity is not removable."""
    place = special.exact if special.exact is not None else special.at
    where = shown(special.near)
    reason: NotProvedError | None = None
    series = None
    with ctx.workprec(work.high_bits):
        for exponent in STEPS:
            step = arb((1, floor_log2(1 + abs(special.near)) - exponent))
            try:
                series = local(work, place, step, 0)
                break
            except OneSidedError:
                try:
                    _kink(work, special, step)
                    return
                except NotProvedError as error:
                    reason = error
            except NotProvedError as error:
                reason = reason or error
    if series is None and isinstance(reason, _BranchPointError):
        raise SingularityError(
            f"Branch point at {where}: expected f analytic inside the "
            f"domain, received {reason}."
        )
    if series is None:
        raise SingularityError(
            f"Singularity at {where}: expected a removable one, "
            f"received one that no expansion resolves ({reason})."
        )
    if series.is_zero:
        return
    if series.is_order:
        raise SingularityError(
            f"Essential singularity at {where}: expected f analytic there "
            "once it is filled in, received a function without an expansion."
        )
    if series.v < 0:
        raise SingularityError(
            f"Pole at {where}: expected f finite inside the domain, received "
            f"f ~ c/(x - {where})**{-series.v}; leave the point out of the "
            "domain."
        )


def _kink(work: Work, special: Special, step: arb) -> None:
    place = special.exact if special.exact is not None else special.at
    where = shown(special.near)
    values = []
    for side in (-1, 1):
        try:
            made, at = expand(
                work.expr, Place(place, side), step, work.terms, least(work)
            )
        except NotProvedError as error:
            raise _BranchPointError(str(error)) from None
        series = made.plain
        if series is not None and series.is_zero:
            values.append(arb(0))
            continue
        if series is not None and series.is_order:
            raise SingularityError(
                f"Essential singularity at {where}: expected f analytic "
                "there once it is filled in, received a function without an "
                "expansion."
            )
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
