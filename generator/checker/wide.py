"""Claims about bodies that compute in float64, derived again.

``wide/NAME.json`` says what is claimed and ``wide/NAME.py`` is the code.  On
boxes that cover the floats of the domain the code is read as a formula with
errors (`wide_code`), and the formula compared with f by Taylor enclosures;
next to the places where it says a polynomial, by those of the quotient.
"""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from flint import arb
from flint import ctx

from .claims import FORMATS
from .claims import Format
from .claims import Malformed
from .claims import Piece
from .claims import exact
from .claims import real
from .enclosure import Chart
from .enclosure import regular_chart
from .formula import Node
from .formula import X
from .formula import number
from .formula import read
from .gaps import Judge
from .gaps import Target
from .limits import check_limit
from .limits import check_value
from .objects import each_once
from .stated import Expected
from .values import Unknown
from .wide_code import UNIT
from .wide_code import Box
from .wide_code import Number
from .wide_code import Reader
from .wide_code import Rounded
from .wide_sight import Sight
from .wide_source import end_of
from .wide_source import functions
from .wide_source import runtime

BITS = 256
# Of series, on boxes of a quarter of a binade and on whole ones.
COEFFICIENTS = 14, 26
PER_BINADE, NEAR_ONE = 4, 24  # boxes; one each further from 1
ROOTS = 1, 2  # of 1/|x|, in which f may have a series at infinity
DEPTH = 24  # halvings: down to single floats
FOUND = (Malformed, Unknown, KeyError, TypeError, ValueError, AssertionError)


@dataclass
class Claimed:
    """What was looked at, and what is not confirmed."""

    boxes: int = 0
    bodies: int = 0
    wrong: list[tuple[str, str]] = field(default_factory=list)
    tightest: float = 0.0


def check_wide(
    certificate: str,
    source: str,
    expected: Expected | None = None,
    only: int | None = None,
) -> Claimed:
    """Derive every claim of bodies in float64 again.

    Args:
        expected: formula and domain that they have to be about.
        only: the order that is looked at; all by default.
    """
    found = Claimed()
    try:
        whole = json.loads(certificate, object_pairs_hook=each_once)
        bodies = functions(source)
        formula = whole["expression"]
        if expected is not None and (
            expected.formula != formula
            or list(expected.domain) != list(whole["domain"])
        ):
            found.wrong.append((whole["name"], "another formula or domain"))
            return found
        node = read(formula)
        first, last = map(end_of, whole["domain"])
        domain = first, last
        for what in runtime():
            found.wrong.append((whole["name"], what))
        for plan in whole["plans"]:
            name = f"{whole['name']}_{plan['order']}_{plan['dtype']}_wide"
            if only not in (None, plan["order"]):
                bodies.pop(name)
                continue
            found.bodies += 1
            try:
                body = _Body(plan, domain, bodies.pop(name), node, found)
                body.check()
            except FOUND as error:
                found.wrong.append((name, str(error) or repr(error)))
        for name in bodies:
            found.wrong.append((name, "a function that nothing is claimed of"))
    except FOUND as error:
        found.wrong.append(("certificate", str(error) or repr(error)))
    return found


class _Body:
    def __init__(
        self,
        plan: dict[str, Any],
        domain: tuple[Fraction | None, Fraction | None],
        function: ast.FunctionDef,
        node: Node,
        found: Claimed,
    ) -> None:
        self.plan, self.name, self.found = plan, function.name, found
        self.domain = domain
        self.reached = 0  # halvings, on the box at hand
        self.fmt = Format(plan["dtype"], *FORMATS[plan["dtype"]])
        self.target = Target(node, plan["order"])
        self.reader = Reader(function)
        self.claim = real(plan["ulp"]) - 0.5
        self.kind = {"float32": np.float32}[plan["dtype"]]
        self.places = [
            (exact(n["center"]), exact(n["radius"]), n) for n in plan["near"]
        ]

    def wrong(self, what: str) -> None:
        self.found.wrong.append((self.name, what))

    def check(self) -> None:
        if not 0 < self.claim < 2:
            raise Malformed(f"a bound of {self.plan['ulp']} ulp")
        flat: dict[float, list[tuple[Fraction, Fraction]]] = {}
        polynomials: set[int] = set()
        for low, high in self._finer():
            near = self._near(low, high)
            if near is not None:
                polynomials.add(near)
                continue
            try:
                value = self._judged(low, high)
            except FOUND as error:
                self.wrong(f"on [{float(low):.9g}, {float(high):.9g}]: {error}")
                return
            if value is not None:
                flat.setdefault(value, []).append((low, high))
        for k in sorted(polynomials):
            self._polynomial(k)
        for value, parts in flat.items():
            self._flat(value, parts)

    # -- boxes ---------------------------------------------------------------

    def _finer(self) -> Iterator[tuple[Fraction, Fraction]]:
        """Boxes, in as many parts as those before them turned out to need."""
        level = 0
        for low, high in self._boxes():
            parts, self.reached = 2**level, 0
            a = low
            for k in range(1, parts + 1):
                edge = low + (high - low) * k / parts
                b = high if k == parts else self._float(float(edge))
                if b is not None and a <= b:
                    yield a, b
                    a = self._next(b, 1)
            if low < high:
                more = self.reached - 1
                level = level + more if self.reached else max(level - 1, 0)

    def _float(self, value: float) -> Fraction | None:
        with np.errstate(over="ignore"):
            made = float(self.kind(value))
        return None if math.isinf(made) else Fraction(made)

    def _next(self, x: Fraction, side: int) -> Fraction:
        with np.errstate(over="ignore", under="ignore"):
            made = np.nextafter(self.kind(float(x)), self.kind(side * math.inf))
        return Fraction(float(made)) if np.isfinite(made) else x

    def _boxes(self) -> Iterator[tuple[Fraction, Fraction]]:
        """From one edge to the float before the next."""
        top = self.fmt.max_finite
        first, last = (e for e in self.domain)
        first = -top if first is None else max(first, -top)
        last = top if last is None else min(last, top)
        edges = {first, last, Fraction(0)}
        numbers = {x for t in self.reader.thresholds() for x in (t, -t)}
        for c, r, _ in self.places:
            numbers |= {float(c), float(c - r), float(c + r)}
        for value in numbers:
            at = None if math.isnan(value) else self._float(value)
            if at is not None:
                edges |= {at, self._next(at, 1), self._next(at, -1)}
        for e in range(self.fmt.emin - self.fmt.precision, self.fmt.emax + 1):
            count = PER_BINADE if abs(e) <= NEAR_ONE else 1
            for k in range(count):
                edge = Fraction(2) ** e * (1 + Fraction(k, count))
                edges |= {edge, -edge}
        ends = sorted(e for e in edges if first <= e <= last)
        # Numbers that decide have their neighbours beside them.
        for a, b in pairwise(ends):
            yield a, self._next(b, -1)
        yield ends[-1], ends[-1]

    def _near(self, low: Fraction, high: Fraction) -> int | None:
        for k, (c, r, _) in enumerate(self.places):
            sides = (1, -1) if self.plan["parity"] else (1,)
            if any(abs(s * x - c) < r for s in sides for x in (low, high)):
                return k
        return None

    # -- what the program says ----------------------------------------------

    def _judged(
        self, low: Fraction, high: Fraction, depth: int = 0
    ) -> float | None:
        """A number that the result is, or None where it is f."""
        self.found.boxes += 1
        self.reached = max(self.reached, depth)
        try:
            return self._once(low, high)
        except Unknown:
            middle = self._float(float((low + high) / 2))
            if low == high or depth == DEPTH or middle is None:
                raise
        middle = min(max(middle, low), self._next(high, -1))
        parts = (low, middle), (self._next(middle, 1), high)
        found = {self._judged(*part, depth + 1) for part in parts}
        if len(found) > 1:
            raise Malformed("a number on one half, and none on the other")
        return found.pop()

    def _once(self, low: Fraction, high: Fraction) -> float | None:
        before = ctx.prec, ctx.cap
        try:
            middle = (low + high) / 2
            narrow = high - low <= abs(middle) / PER_BINADE
            count = COEFFICIENTS[0 if narrow else 1]
            ctx.prec, ctx.cap = BITS, count
            chart = regular_chart(low, middle, high, count)
            sight = Sight(chart, low - middle, high - middle)
            box = Box(low, high, sight.sizes, sight.span)
            value = self.reader.on(box)
            if not isinstance(value, Rounded):
                raise Malformed("a result that is not rounded")
            if isinstance(value.value, float):
                return self._number(value.value, chart, sight)
            self._compare(value.value, chart, sight)
            return None
        finally:
            ctx.prec, ctx.cap = before

    def _number(self, value: float, chart: Chart, sight: Sight) -> float | None:
        """A limit, or a number that f is near enough to."""
        if math.isnan(value):
            raise Malformed("nan within the domain")
        alone = chart.reach is not None and chart.reach[0] == chart.reach[1]
        if math.isinf(value) or not value or alone:
            return value
        own = Number(number(Fraction(value)), 0.0)
        self._compare(own, chart, sight, rounded=True)
        return None

    def _compare(
        self,
        value: Number,
        chart: Chart,
        sight: Sight,
        rounded: bool = False,
    ) -> None:
        f = self.target.on(chart)
        _, least = sight.of(f.plain)
        minus = chart.mul(f, chart.number(arb(-1)))
        gap, _ = sight.of(chart.add(chart.evaluate(value.node), minus).plain)
        smallest = 2.0**self.fmt.emin
        _, e = math.frexp(max(least, smallest))
        unit = 2.0 ** (e - self.fmt.precision)
        total = (gap + value.error) / unit
        claim = self.claim + 0.5 if rounded else self.claim
        if not total <= claim:
            raise Unknown(f"{total:.4g} ulp, claimed {claim:.4g}")
        self.found.tightest = max(self.found.tightest, total / claim)

    # -- polynomials ---------------------------------------------------------

    def _polynomial(self, k: int) -> None:
        center, radius, piece = self.places[k]
        code = self._formula(center, radius)
        zero, step = int(piece["zero"]), int(piece["step"])
        terms = [exact(c) for c in piece["coefficients"]]
        h = X - number(center) if center else X
        z = h * h if step == 2 else h
        stated = number(terms[-1])
        for c in reversed(terms[:-1]):
            stated = stated * z + number(c)
        for _ in range(zero):
            stated = stated * h
        least = abs(terms[0]) - sum(
            abs(c) * radius ** (n * step) for n, c in enumerate(terms) if n
        )
        size = 2 * abs(terms[0]) - least
        if not least > 0 or code is None:
            raise Malformed("a polynomial that may vanish near its place")
        degree = len(terms) * step
        # Two operations a coefficient and one a factor, of at most `size`.
        off = (2 * len(terms) + zero + 6) * UNIT * float(size / least)
        room = self.claim * 2.0**-self.fmt.precision - off
        if not room > 0:
            raise Unknown("a polynomial's roundoff above its claim")
        claim = arb(float(least) * room / 2)
        for formula in (stated, code):
            judge = Judge(
                self.target,
                formula,
                degree + zero,
                claim,
                self.fmt.spacing,
                center,
                zero,
            )
            low = exact(self.plan["low"])
            low = low if not self.plan["parity"] else -radius
            judge.over(
                max(center - radius, low),
                min(center + radius, exact(self.plan["high"])),
            )

    def _formula(self, center: Fraction, radius: Fraction) -> Node | None:
        """What the code says there, as it is on the right of the place."""
        inner = self._float(float(center + radius / 2))
        if inner is None or not self.plan["low"]:
            return None
        if inner > exact(self.plan["high"]):
            inner = self._float(float(center - radius / 2))
        assert inner is not None

        def nothing(node: Node) -> tuple[float, float]:
            return 1.0, 1.0

        value = self.reader.on(Box(inner, inner, nothing, nothing))
        if isinstance(value, Rounded) and isinstance(value.value, Number):
            return value.value.node
        return None

    # -- numbers -------------------------------------------------------------

    def _flat(
        self, value: float, parts: list[tuple[Fraction, Fraction]]
    ) -> None:
        """Results that are a number: f has to be that to the format."""
        for side in (-1, 1):
            own = [
                p
                for p in parts
                if side * (p[0] + p[1]) > 0 or (p[0] + p[1] == 0 and side > 0)
            ]
            if not own:
                continue
            low, high = min(p[0] for p in own), max(p[1] for p in own)
            point = self._singular(low, high)
            data: dict[str, Any] = {
                "point": None if point is None else str(point),
                "side": side if point is None else self._inward(point),
                "root": 1,
                "level": 0,
                "exponent": [],
                "limit": str(value),
                "bound": str(min(abs(low), abs(high))),
                "cut": str(min(abs(low), abs(high))),
            }
            if point is not None:
                reason = check_value(
                    Piece("end", "", data), self.target, self.fmt
                )
            else:
                near, far = sorted((abs(low), abs(high)))
                for root in ROOTS:
                    piece = Piece("end", "", {**data, "root": root})
                    reason = check_limit(
                        piece, self.target, self.fmt, near, far
                    )
                    if not reason:
                        break
            if reason:
                self.wrong(
                    f"{value} on [{float(low):g}, {float(high):g}]: {reason}"
                )

    def _singular(self, low: Fraction, high: Fraction) -> Fraction | None:
        return low if low == high else None

    def _inward(self, point: Fraction) -> int:
        return 1 if point <= exact(self.plan["low"]) else -1
