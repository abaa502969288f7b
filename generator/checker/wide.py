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
from dataclasses import dataclass
from dataclasses import field
from fractions import Fraction
from typing import Any

from flint import arb
from flint import ctx

from .claims import FORMATS
from .claims import FOUND
from .claims import Format
from .claims import Malformed
from .claims import exponent_of
from .claims import real
from .dominant import START
from .dominant import dominant
from .enclosure import Chart
from .enclosure import regular_chart
from .formula import Node
from .formula import read
from .gaps import Target
from .objects import each_once
from .stated import Expected
from .values import Unknown
from .wide_boxes import MOST_HALVINGS
from .wide_boxes import PER_BINADE
from .wide_boxes import Boxes
from .wide_code import TINY
from .wide_code import UNIT
from .wide_code import Reader
from .wide_expected import unlike
from .wide_limits import at_infinity
from .wide_limits import at_point
from .wide_limits import beyond
from .wide_nan import nan_gives_nan
from .wide_places import Spoken
from .wide_places import double
from .wide_places import judge_place
from .wide_places import polynomial
from .wide_places import same_tree
from .wide_sight import Sight
from .wide_source import end_of
from .wide_source import runtime
from .wide_source import source_of
from .wide_values import Box
from .wide_values import Number
from .wide_values import Rounded
from .wide_values import exact_number

BITS = 256
# Of series, on boxes of a quarter of a binade, on whole ones, and where these
# were too few: sqrt(x + 1) - sqrt(x) takes 40 at 1e30 to be seen to cancel.
COEFFICIENTS = 14, 26, 48
LONG = 16  # boxes of as many coefficients, then fewer are tried again
MOST_BOXES = 30_000  # of one body; true ones take up to 6,000
MOST_PLACES = 16
HALVES = 30  # of a radius, next to a zero
MOST_FORMULAS = 4  # that one place may have, on its sides
SAMPLES = 7  # points at which a parity is looked at
BEYOND = Fraction(2) ** 2000  # where infinity is looked at


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
        module = source_of(source)
        for what in [*unlike(whole, module, expected), *runtime()]:
            found.wrong.append((str(whole["name"])[:100], what))
        if found.wrong:
            return found
        node = read(whole["expression"])
        first, last = map(end_of, whole["domain"])
        for plan in whole["plans"]:
            if only not in (None, plan["order"]):
                continue
            found.bodies += 1
            name = module.bodies[plan["dtype"], plan["order"]]
            try:
                function = module.functions[name]
                _Body(plan, (first, last), function, node, found).check()
            except (*FOUND, AssertionError) as error:
                found.wrong.append((name, str(error) or repr(error)))
    except (*FOUND, AssertionError) as error:
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
        self.left, self.long = MOST_BOXES, 0
        self.fmt = Format(plan["dtype"], *FORMATS[plan["dtype"]])
        self.target = Target(node, plan["order"])
        self.far = {
            side: Target(dominant(node, side), plan["order"])
            for side in (-1, 1)
        }
        self.reader = Reader(function, plan["dtype"])
        self.claim = real(plan["ulp"]) - 0.5
        near = plan["near"]
        if len(near) > MOST_PLACES:
            raise Malformed(f"{len(near)} places")
        self.places = [
            (double(n["center"]), double(n["radius"]), n) for n in near
        ]
        self.boxes = Boxes(self.fmt, self._numbers())

    def wrong(self, what: str) -> None:
        self.found.wrong.append((self.name, what))

    def check(self) -> None:
        if not 0 < self.claim < 2:
            raise Malformed(f"a bound of {self.plan['ulp']} ulp")
        self._require_parity()
        for center, radius, piece in self.places:
            polynomial(piece, center, radius, 1, self.plan["parity"])
        if not nan_gives_nan(self.reader):
            self.wrong("nan may give a number")
        for side in (-1, 1):
            self._at_infinity(side)
        flat: dict[float, list[tuple[Fraction, Fraction]]] = {}
        spoken: dict[tuple[int, int], list[Spoken]] = {}
        for low, high in self.boxes:
            near = self._near(low, high)
            try:
                if near is not None and self._within(low, high):
                    self._spoken(low, high, spoken.setdefault(near, []))
                    continue
                value = self._judged(low, high)
            except (*FOUND, AssertionError) as error:
                self.wrong(f"on [{float(low):.9g}, {float(high):.9g}]: {error}")
                return
            if value is not None and not math.isnan(value):
                flat.setdefault(value, []).append((low, high))
        for place, formulas in spoken.items():
            k, side = place
            for one in formulas:
                self._place(*self.places[k], side, one)
        for value, parts in flat.items():
            self._flat(value, parts)

    def _require_parity(self) -> None:
        """That what is stated of f(-x) is not false somewhere."""
        parity = self.plan["parity"]
        if parity not in (-1, 0, 1) or type(parity) is not int:
            raise Malformed(f"a parity of {parity!r}")
        for k in range(SAMPLES if parity else 0):
            at = [Fraction(2 * k + 1, 2 * SAMPLES) * s for s in (1, -1)]
            one, other = map(self._f, at)
            if not (one - parity * other).contains(0):
                raise Malformed(f"f({float(-at[0])}) is not {parity} f(-x)")

    def _f(self, x: Fraction) -> arb:
        """f at one point."""
        before = ctx.prec, ctx.cap
        try:
            ctx.prec, ctx.cap = BITS, COEFFICIENTS[0]
            value = self.target.on(regular_chart(x, x, x, ctx.cap)).plain
            if value.v:
                raise Unknown("a point where f may be 0")
            return sum(value.p.coeffs()[:1], arb(0))
        finally:
            ctx.prec, ctx.cap = before

    def _within(self, low: Fraction, high: Fraction) -> bool:
        """Whether they are of the domain."""
        first, last = self.domain
        return (first is None or first <= low) and (
            last is None or high <= last
        )

    def _at_infinity(self, side: int) -> None:
        """The limit where the domain is infinite, nan where it ends."""
        x = side * BEYOND
        value = self._read(x, x)
        if not (isinstance(value, Rounded) and isinstance(value.value, float)):
            self.wrong("no number at infinity")
            return
        limit = value.value
        if self.domain[(side + 1) // 2] is not None:
            if not math.isnan(limit):
                self.wrong(f"{limit} at infinity, outside of the domain")
            return
        reason: str | None = "nan"
        if not math.isnan(limit):
            reason = at_infinity(
                side, limit, self.target, self.fmt, self.claim + 0.5
            )
        if reason:
            self.wrong(f"{limit} at infinity: {reason}")

    def _read(self, low: Fraction, high: Fraction) -> Any:
        before = ctx.prec, ctx.cap
        try:
            ctx.prec, ctx.cap = BITS, COEFFICIENTS[0]
            return self.reader.on(self._box(low, high)[0])
        finally:
            ctx.prec, ctx.cap = before

    def _box(self, low: Fraction, high: Fraction) -> tuple[Box, Chart, Sight]:
        middle = (low + high) / 2
        chart = regular_chart(low, middle, high, ctx.cap)
        sight = Sight(chart, low - middle, high - middle)
        least = min(abs(low), abs(high)) if low * high > 0 else Fraction(0)
        unit = self.fmt.smallest
        if least >= Fraction(2) ** self.fmt.emin:
            unit = Fraction(2) ** (exponent_of(least) - self.fmt.precision + 1)
        return Box(low, high, sight.sizes, sight.span, unit), chart, sight

    # -- boxes ---------------------------------------------------------------

    def _numbers(self) -> set[float]:
        """What decides: thresholds, places and ends."""
        numbers = {x for t in self.reader.thresholds() for x in (t, -t)}
        for c, r, piece in self.places:
            around = {float(c), float(c - r), float(c + r)}
            if piece["zero"]:  # boxes on which it varies little
                halves = (float(r) * 2.0**-k for k in range(HALVES))
                around |= {float(c) + s * h for h in halves for s in (-1, 1)}
            numbers |= around | {-x for x in around}
        return numbers | {float(e) for e in self.domain if e is not None}

    def _near(self, low: Fraction, high: Fraction) -> tuple[int, int] | None:
        """The place that they are next to, and on which side of 0."""
        sides = (1, -1) if self.plan["parity"] else (1,)
        for k, (c, r, _) in enumerate(self.places):
            for side in sides:
                if all(abs(side * x - c) < r for x in (low, high)):
                    if side * (low + high) >= 0 or not self.plan["parity"]:
                        return k, side
        return None

    # -- what the program says ----------------------------------------------

    def _judged(
        self, low: Fraction, high: Fraction, depth: int = 0
    ) -> float | None:
        """A number that the result is, or None where it is f."""
        self.found.boxes += 1
        self.left -= 1
        if not self.left:
            raise Malformed(f"more than {MOST_BOXES} boxes")
        narrow = 0 if high - low <= abs(low + high) / (2 * PER_BINADE) else 1
        for count in (COEFFICIENTS[narrow], COEFFICIENTS[2])[self.long > 0 :]:
            try:
                found = self._once(low, high, count, not depth)
            except Unknown as error:
                reason = error
                continue
            # Where few were too few they will be beside it.
            few = count != COEFFICIENTS[2]
            self.long = 0 if few else (self.long or LONG) - 1
            self.boxes.judged(depth)
            return found
        middle = self.boxes.float(low, high)
        if low == high or depth == MOST_HALVINGS or middle is None:
            raise reason
        middle = min(max(middle, low), self.boxes.next(high, -1))
        parts = (low, middle), (self.boxes.next(middle, 1), high)
        values = {self._judged(*part, depth + 1) for part in parts}
        if len(values) > 1:
            raise Malformed("a number on one half, and none on the other")
        return values.pop()

    def _once(
        self, low: Fraction, high: Fraction, count: int, first: bool
    ) -> float | None:
        before = ctx.prec, ctx.cap
        try:
            ctx.prec, ctx.cap = BITS, count
            box, chart, sight = self._box(low, high)
            value = self.reader.on(box)
            inside = self._within(low, high)
            if not isinstance(value, Rounded):
                raise Malformed("a result that is not rounded")
            if isinstance(value.value, float):
                if not inside and math.isnan(value.value):
                    return value.value
                alone = low == high and first
                return self._number(value.value, alone, box, chart, sight)
            if not inside:
                raise Malformed("a result outside of the domain")
            self._compare(value.value, box, chart, sight)
            return None
        finally:
            ctx.prec, ctx.cap = before

    def _number(
        self, value: float, alone: bool, box: Box, chart: Chart, sight: Sight
    ) -> float | None:
        """A limit, or a number that f is near enough to."""
        if math.isnan(value):
            raise Malformed("nan within the domain")
        if math.isinf(value) or not value or alone:
            return value
        own = exact_number(value)
        self._compare(own, box, chart, sight, rounded=True)
        return None

    def _compare(
        self,
        value: Number,
        box: Box,
        chart: Chart,
        sight: Sight,
        rounded: bool = False,
    ) -> None:
        claim = self.claim + 0.5 if rounded else self.claim
        low, high = box.low, box.high
        target = self.target
        if min(abs(low), abs(high)) >= START and low * high > 0:
            target = self.far[1 if low > 0 else -1]
        f = target.on(chart)
        _, least = sight.of(f.plain)
        minus = chart.mul(f, chart.number(arb(-1)))
        gap, _ = sight.of(chart.add(chart.evaluate(value.node), minus).plain)
        _, e = math.frexp(max(least, 2.0**self.fmt.emin))
        total = (gap + value.error) / 2.0 ** (e - self.fmt.precision)
        if not total <= claim:
            raise Unknown(f"{total:.4g} ulp, claimed {claim:.4g}")
        self.found.tightest = max(self.found.tightest, total / claim)

    # -- polynomials ---------------------------------------------------------

    def _spoken(
        self, low: Fraction, high: Fraction, known: list[Spoken]
    ) -> None:
        """Reads the code on a box of a place; one formula for many of them."""
        value = self._read(low, high)
        self.found.boxes += 1
        if not (isinstance(value, Rounded) and isinstance(value.value, Number)):
            raise Malformed("no polynomial next to a place")
        node, error = value.value.node, value.value.error
        size, _ = self._box(low, high)[2].sizes(node)
        # As much as is taken off the claim, next to zeros on such boxes.
        if not error <= self._rounded(size):
            raise Malformed(f"next to a place {error:.3g} of rounding")
        for one in known:
            if same_tree(one.node, node):
                one.low, one.high = min(one.low, low), max(one.high, high)
                return
        if len(known) >= MOST_FORMULAS:
            raise Malformed("too many formulas next to a place")
        known.append(Spoken(node, low, high))

    def _rounded(self, size: float) -> float:
        """What statements next to a place may be off by, of that size."""
        return 2 * len(self.reader.body) * (UNIT * size + TINY)

    def _place(
        self,
        center: Fraction,
        radius: Fraction,
        piece: dict[str, Any],
        side: int,
        one: Spoken,
    ) -> None:
        """The code's formula there, and the one that is stated."""
        own = polynomial(piece, center, radius, side, self.plan["parity"])
        # Where it varies by 2**order on a box so do its errors.
        off = self._rounded(float(own.size / own.least)) * 2.0**own.order
        room = self.claim * 2.0**-self.fmt.precision - off
        if not room > 0:
            raise Unknown("a polynomial's roundoff above its claim")
        claim = arb(float(own.least) * room / 2)
        for formula in (own.formula, one.node):
            judge_place(self.target, formula, own, one, claim, self.fmt)

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
            if low == high:
                first, _ = self.domain
                inward = 1 if first is not None and low <= first else -1
                reason = at_point(
                    low, inward, value, self.target, self.fmt, self.claim + 0.5
                )
            else:
                reason = beyond(low, high, value, self.target, self.fmt)
            if reason:
                self.wrong(
                    f"{value} on [{float(low):g}, {float(high):g}]: {reason}"
                )
