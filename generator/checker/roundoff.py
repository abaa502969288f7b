"""The total error of every lane, against what its piece claims."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

import numpy as np

from .assumptions import Assumed
from .bodies import CHUNK
from .bodies import Body
from .carried import meant
from .claims import Format
from .claims import Piece
from .claims import Plan
from .claims import claimed
from .claims import exact
from .lanes import Lanes
from .machine import Real
from .machine import power_of_two
from .running import Number
from .source import Module
from .source import NotRunnable
from .tolerances import EQUAL_BITS
from .tolerances import truncation_of_power

ROUNDS = 24  # of dividing lanes that exceed their claim
NUMBER_BITS = 12  # of what numbers that are no floats may lose
MOST_LANES = 1 << 15  # above their claim after a division
PROBES = 64  # floats that are tried before lanes are divided
# What may follow the line that turns the sign of an odd function.
OUTSIDE = re.compile(
    r"return y|y = ops\.where\(t [<>]=? _?constant\(-?[\d.e+-]+, '\w+'\), "
    r"_?constant\(float\('nan'\), '\w+'\), y\)"
)


def by_size(module: Module, plan: Plan) -> bool:
    """Whether a body of an even or odd function takes |x| and a sign alone.

    Then what is rounded at x is what is rounded at -x.  Otherwise both are
    run.
    """
    space = module.constants()
    name = space["BODIES"][plan.fmt.name][plan.order].__name__
    (body,) = (
        node
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef) and node.name == name
    )
    x = body.args.args[0].arg
    first = (
        f"t = ops.abs({x})",
        f"t = (1.0 - 2.0 * ops.cast({x} < 0, {plan.fmt.name!r})) * {x}",
    )
    lines = [ast.unparse(line) for line in body.body]
    sign = f"y = ops.where({x} < 0, -y, y)"
    if sign in lines:  # what follows it could see the sign of y
        at = lines.index(sign)
        if not all(map(OUTSIDE.fullmatch, lines[at + 1 :])):
            return False
    others = [line for line in body.body if ast.unparse(line) not in first]
    return not any(
        isinstance(node, ast.Name) and node.id == x
        for line in others
        if ast.unparse(line) != sign
        for node in ast.walk(line)
    )


def ulps(y: Number, truncation: Any, fmt: Format) -> Any:
    """Bound of |computed - f| in ulp of f, |exact - f| <= truncation.

    Where f lies just below a power of two and the computed value above it,
    an error of at most an ulp before the last rounding rounds to the power
    itself, so that it counts half an ulp and not one.
    """
    normal = Real(2) ** fmt.emin
    last = y.last
    carried = np.maximum(y.error - last, 0) + truncation
    low = np.maximum(y.least - truncation, 0)
    top = y.size + truncation
    unit = _unit(np.maximum(low, normal), fmt)
    slack = normal * (1 + Real(2) ** (3 - fmt.precision))
    flushed = np.where(
        top <= slack, np.maximum(carried + last - normal, 0), np.inf
    )
    high_unit = _unit(np.maximum(top, normal), fmt)
    own = carried / unit
    plain = (carried + last) / unit
    # f in the lower binade, and in the upper one.
    rounding = np.where(own <= 1, np.minimum(last / unit, 0.5), last / unit)
    below = own + rounding
    above = (carried + last) / high_unit
    two = np.maximum(below, above)
    straddles = (high_unit == 2 * unit) & (top < 4 * np.maximum(low, normal))
    total = np.where(straddles, np.minimum(two, plain), plain)
    total = np.minimum(total, flushed / unit)
    # Above the largest number infinity is right, and nothing else is left.
    last_number = (2 - Real(2) ** (1 - fmt.precision)) * Real(2) ** fmt.emax
    over = (low > last_number) & (carried + last < low / 4)
    # Infinity for an f below it counts as the largest number would: what
    # `error_bound` promises.
    short = np.maximum(last_number - low, 0) / _unit(last_number, fmt)
    total = np.where(y.huge, np.maximum(total, short), total)
    total = np.where(over, Real(0), total)
    return total * (1 + Real(2) ** -40)


def _unit(size: Any, fmt: Format) -> Any:
    e = np.maximum(np.frexp(size)[1] - 1, fmt.emin)
    return power_of_two(e - fmt.precision + 1)


def truncation_of(
    piece: Piece, fmt: Format, middle: float | None = None
) -> Callable[[Lanes, Number], Any]:
    """Its claimed |piece - f| over lanes.

    Args:
        middle: what it is at the center of a row about a zero, if that is
            known to be less than is claimed.
    """
    if piece.kind == "row":
        gain = Real(2) ** -piece.whole("gain")
        tau = Real(piece.bound("truncation")) * gain
        absolute = Real(piece.bound("absolute")) * gain
        if not piece["slope"]:
            return lambda lanes, y: np.full(len(lanes), tau + absolute)
        scale = Real(2) ** piece.whole("scale")
        center = Real(float(piece["center"]))
        least = absolute if middle is None else min(Real(middle), absolute)

        def bound(lanes: Lanes, y: Number) -> Any:
            del y
            far = _far(lanes, center)
            return np.where(far == 0, least, absolute + tau * scale * far)

        return bound
    if piece.kind == "power":
        zero = Real(float(piece["center"]))
        first, second = piece.numbers("offset")
        offset = Real(float(first)) + Real(float(second))
        tau = Real(truncation_of_power(piece, fmt))
        tau *= Real(2) ** -piece.gain
        order = piece.whole("order")
        return lambda lanes, y: tau * (_far(lanes, zero) + abs(offset)) ** order
    if piece.kind == "end":
        tau = Real(piece.bound("truncation"))
        return lambda lanes, y: y.size * tau * (1 + 2 * tau)
    if piece.kind == "logrow":
        return _log_truncation(piece)
    # Equal to f: the check allows so little.
    tau = Real(2) ** -(fmt.precision + EQUAL_BITS)
    if piece.kind == "closed":
        tau = max(tau, Real(truncation_of_closed(piece, fmt)))
    return lambda lanes, y: y.size * tau


def truncation_of_closed(piece: Piece, fmt: Format) -> float:
    """Of |closed form / f - 1|; of numbers that are no floats a part is lost.

    The certificate counts that as roundoff.
    """
    claim = claimed(piece.data.get("truncation", 0.0))
    lost = piece.data["statements"] != [
        list(row) for row in meant(piece.data, fmt)
    ]
    return max(claim, 2.0 ** -(fmt.precision + NUMBER_BITS)) if lost else claim


def _log_truncation(row: Piece) -> Callable[[Lanes, Number], Any]:
    """t**power times that of the row."""
    back = Real(2) ** -(row.whole("gain") + row.whole("shift"))
    tau = Real(row.bound("truncation")) * back
    point, power = row.raw("point"), row.whole("power")
    at = Real(0 if point is None else float(exact(point)))

    def bound(lanes: Lanes, y: Number) -> Any:
        del y
        ends = [
            np.abs(edge.astype(Real) - at) for edge in (lanes.low, lanes.high)
        ]
        scale = np.maximum(*(e**power for e in ends)) if power else Real(1)
        return tau * scale

    return bound


def _far(lanes: Lanes, center: Any) -> Any:
    return np.maximum(
        np.abs(lanes.low.astype(Real) - center),
        np.abs(lanes.high.astype(Real) - center),
    )


@dataclass
class Worst:
    """What the lanes of one plan showed.

    Attributes:
        by_piece: the worst error, in ulp.
        failures: lanes that exceed their piece's claim: piece, low, high,
            ulp.
        left: lanes of ends whose result is 0 or infinite since it left the
            range of the format: piece, low, high, result.
    """

    by_piece: Any
    failures: list[tuple[int, float, float, float]]
    left: list[tuple[int, float, float, float]]


def check_lanes(
    module: Module,
    plan: Plan,
    lanes: Lanes,
    sign: int,
    assumed: Assumed,
    truncations: list[Callable[[Lanes, Number], Any]],
) -> Worst:
    """Every lane against its piece's claim; those above it are divided."""
    body = Body(module, plan, sign, assumed)
    search = _Search(body, truncations)
    group = body.group[lanes.owner]
    for k in np.unique(group):
        same = lanes.chosen(group == k)
        for i in range(0, len(same), CHUNK):
            search.over(same.chosen(slice(i, i + CHUNK)))
    return Worst(search.worst, search.failures, search.left)


class _Search:
    """Lanes of one body, and what was found of them; see `Worst`."""

    def __init__(
        self, body: Body, truncations: list[Callable[[Lanes, Number], Any]]
    ) -> None:
        self.body, self.truncations = body, truncations
        self.plan = plan = body.plan
        self.claims = np.array([p.ulp for p in plan.pieces], dtype=Real)
        self.worst = np.zeros(len(plan.pieces), dtype=Real)
        self.ends = np.array([p.kind in ("end", "logrow") for p in plan.pieces])
        self.failures: list[tuple[int, float, float, float]] = []
        self.left: list[tuple[int, float, float, float]] = []

    def _judge(self, some: Lanes, y: Number) -> Any:
        fmt = self.plan.fmt
        low, high = _left_low(y, fmt), _left_high(y, fmt)
        out = self.ends[some.owner] & (low | high)
        for i in np.nonzero(out)[0]:
            # What is clamped there has left the format's range by far, and
            # f even more.
            if self.plan.pieces[some.owner[i]].kind == "logrow":
                continue
            where = float(some.low[i]), float(some.high[i])
            sign = 1.0 if y.lo[i] > 0 else -1.0
            result = sign * np.inf if high[i] else 0.0
            self.left.append((int(some.owner[i]), *where, result))
        tau = np.zeros(len(some), dtype=Real)
        for k in np.unique(some.owner):
            mine = some.owner == k
            tau = np.where(mine, self.truncations[int(k)](some, y), tau)
        found = ulps(y, tau, fmt)
        found = np.where(np.isfinite(y.error), found, Real(np.inf))
        return np.where(out, Real(0), found)

    def over(self, todo: Lanes) -> None:
        """Some lanes; with those that are divided some of their floats."""
        tried = todo.chosen(slice(0, 0))
        for step in range(ROUNDS + 1):
            both = self.body.worst(todo.with_more(tried), self._judge)
            got, each = both[: len(todo)], both[len(todo) :]
            # A float that exceeds its claim ends the search in its piece.
            beyond = ~(each <= self.claims[tried.owner])
            self._fail(tried, beyond, each)
            over = ~(got <= self.claims[todo.owner])
            np.maximum.at(self.worst, todo.owner[~over], got[~over])
            over &= ~np.isin(todo.owner, tried.owner[beyond])
            lost = over & ((todo.low == todo.high) | (step == ROUNDS))
            self._fail(todo, lost, got)
            over &= ~lost
            if not over.any():
                return
            got, todo = got[over], todo.chosen(over)
            if len(todo) > MOST_LANES:
                i = int(np.argmax(got))
                raise NotRunnable(
                    f"too many lanes exceed their claim, such as "
                    f"{float(got[i]):.4g} ulp on "
                    f"{float(todo.low[i])!r} to {float(todo.high[i])!r}"
                )
            tried = todo.chosen(slice(None, None, len(todo) // PROBES + 1))
            tried = replace(tried, high=tried.low)
            todo = todo.divided(self.plan.fmt)

    def _fail(self, lanes: Lanes, which: Any, found: Any) -> None:
        """Lanes that exceed their claim; some of them are told."""
        self.failures += _failed(lanes, which, found)
        lost = np.nan_to_num(found[which], nan=np.inf, posinf=np.inf)
        np.maximum.at(self.worst, lanes.owner[which], lost)


def _failed(
    lanes: Lanes, which: Any, found: Any
) -> list[tuple[int, float, float, float]]:
    """Some of the lanes that exceed their claim, as `Worst` has them."""
    return [
        (
            int(lanes.owner[i]),
            float(lanes.low[i]),
            float(lanes.high[i]),
            float(found[i]),
        )
        for i in np.nonzero(which)[0][:20]
    ]


def _left_low(y: Number, fmt: Format) -> Any:
    """Lanes whose result is rounded to 0, or to the number next to it."""
    least = Real(2) ** (fmt.emin - fmt.precision)
    return (y.size < least) & (y.error <= 2 * least)


def _left_high(y: Number, fmt: Format) -> Any:
    """Lanes whose result is infinite by far."""
    same = np.signbit(y.lo) == np.signbit(y.hi)
    known = np.isfinite(y.error) & (y.error < y.least / 4)
    return same & known & (y.least > Real(2) ** (fmt.emax + 1))
