"""nan, what lies outside of the domain, infinities, and limits.

The body is executed once more with few words: a number of the format that is
known (nan among them), an interval of numbers, or anything at all.  Numbers
are computed as in the format, to nearest; an interval is followed through
what is monotonic.  So "nan in, nan out" and "nan outside of the domain" are
shown for every such input, and limits for all of the piece that gives one.

nan goes through + - * /, clip, minimum, maximum, abs and functions, as on
every backend; a comparison with it is false; as an integer it may be any.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from flint import ctx

from .claims import Plan
from .claims import real
from .clipped import check_clipped
from .gaps import Target
from .lanes import Span
from .lanes import after
from .limits import limit_of
from .limits import point_chart
from .source import Module
from .source import NotRunnable
from .values import Unknown

FUNCTIONS = {"exp": np.exp, "log": np.log, "sqrt": np.sqrt}
COUNT = 16  # coefficients at infinity


class Sketch:
    """A known number, an interval of numbers, or anything.

    Attributes:
        kind: the numpy type of the format.
        lo, hi: equal where the number is known, which may be nan; an
            interval holds no nan.
        free: whether it may be anything, nan too.
    """

    __array_ufunc__ = None

    def __init__(self, kind: Any, lo: Any, hi: Any, free: bool = False) -> None:
        self.kind, self.lo, self.hi, self.free = kind, kind(lo), kind(hi), free

    @property
    def nan(self) -> bool:
        """Whether it is nan for certain."""
        return not self.free and bool(np.isnan(self.lo))

    @property
    def known(self) -> bool:
        """Whether it is one number."""
        return not self.free and (self.nan or bool(self.lo == self.hi))

    def like(self, value: Any) -> Sketch:
        """A constant."""
        if isinstance(value, Sketch):
            return value
        return Sketch(self.kind, value, value)

    def anything(self) -> Sketch:
        """What nothing is known of."""
        if self.kind is np.int64:
            return Sketch(self.kind, -(2**31), 2**31 - 1)
        return Sketch(self.kind, -np.inf, np.inf, True)

    def _two(self, other: Any, way: Any, monotonic: bool) -> Sketch:
        other = self.like(other)
        if self.nan or other.nan:
            return self.like(np.nan)
        if self.known and other.known:
            return self.like(way(self.lo, other.lo))
        if self.free or other.free or not monotonic:
            return self.anything()
        if not (self.known or other.known):
            return self.anything()
        ends = [way(a, b) for a in (self.lo, self.hi)
                for b in (other.lo, other.hi)]  # fmt: skip
        if any(np.isnan(e) for e in ends):
            return self.anything()
        return Sketch(self.kind, min(ends), max(ends))

    def __neg__(self) -> Sketch:
        return Sketch(self.kind, -self.hi, -self.lo, self.free)

    def __add__(self, other: Any) -> Sketch:
        return self._two(other, lambda a, b: a + b, True)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Sketch:
        return self._two(other, lambda a, b: a - b, True)

    def __rsub__(self, other: Any) -> Sketch:
        return self.like(other) - self

    def __mul__(self, other: Any) -> Sketch:
        return self._two(other, lambda a, b: a * b, True)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Sketch:
        return self._two(other, lambda a, b: a / b, False)

    def __rtruediv__(self, other: Any) -> Sketch:
        return self.like(other) / self

    def compared(self, other: Any, way: Any) -> bool | None:
        """A truth value; None where it is open."""
        other = self.like(other)
        if self.nan or other.nan:
            return False
        if self.free or other.free:
            return None
        ends = {bool(way(a, b)) for a in (self.lo, self.hi)
                for b in (other.lo, other.hi)}  # fmt: skip
        return ends.pop() if len(ends) == 1 else None

    def __lt__(self, other: Any) -> Any:
        return self.compared(other, lambda a, b: a < b)

    def __le__(self, other: Any) -> Any:
        return self.compared(other, lambda a, b: a <= b)

    def __gt__(self, other: Any) -> Any:
        return self.compared(other, lambda a, b: a > b)

    def __ge__(self, other: Any) -> Any:
        return self.compared(other, lambda a, b: a >= b)


class SketchOps:
    """`keras.ops` over sketches."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind

    def convert_to_tensor(self, value: Any, dtype: str) -> Any:
        """A number, or a table."""
        if isinstance(value, (list, tuple)):
            return value
        kind = np.int64 if dtype == "int32" else self.kind
        return Sketch(kind, value, value)

    def zeros_like(self, x: Sketch, dtype: str | None = None) -> Sketch:
        """0."""
        kind = np.int64 if dtype == "int32" else x.kind
        return Sketch(kind, 0, 0)

    def cast(self, x: Any, dtype: str) -> Sketch:
        """Truth values to 0 and 1; to integers by dropping what is behind."""
        kind = np.int64 if dtype == "int32" else self.kind
        if x is None:
            return Sketch(kind, 0, 1)
        if isinstance(x, bool):
            return Sketch(kind, int(x), int(x))
        far = 2.0**31
        if kind is np.int64 and (
            x.free or x.nan or not (-far < x.lo and x.hi < far)
        ):
            return Sketch(kind, -(2**31), 2**31 - 1)
        if x.nan or x.free:
            return x
        way = np.trunc if kind is np.int64 else (lambda v: v)
        return Sketch(kind, way(x.lo), way(x.hi))

    def floor(self, x: Sketch) -> Sketch:
        """The integer below."""
        return self._monotonic(np.floor, x)

    def abs(self, x: Sketch) -> Sketch:
        """|x|."""
        if x.nan or x.free or x.known:
            return Sketch(x.kind, abs(x.lo), abs(x.hi), x.free)
        ends = sorted((abs(x.lo), abs(x.hi)))
        low = x.kind(0) if x.lo <= 0 <= x.hi else ends[0]
        return Sketch(x.kind, low, ends[1])

    def where(self, truth: bool | None, a: Any, b: Any) -> Sketch:
        """A choice."""
        made = a if isinstance(a, Sketch) else b
        if not isinstance(made, Sketch):
            made = Sketch(self.kind, 0, 0)
        a, b = made.like(a), made.like(b)
        if truth is not None:
            return a if truth else b
        if a.nan and b.nan:
            return a
        if a.free or b.free or a.nan or b.nan:
            return made.anything()
        return Sketch(a.kind, min(a.lo, b.lo), max(a.hi, b.hi))

    def isnan(self, x: Sketch) -> bool | None:
        """Whether it is nan."""
        return None if x.free else x.nan

    def logical_and(self, a: bool | None, b: bool | None) -> bool | None:
        """Both."""
        if a is False or b is False:
            return False
        return True if a and b else None

    def clip(self, x: Sketch, low: Any, high: Any) -> Sketch:
        """Between two numbers."""
        return self.minimum(self.maximum(x, low), high)

    def minimum(self, x: Sketch, bound: Any) -> Sketch:
        """The smaller."""
        return self._bounded(min, x, bound)

    def maximum(self, x: Sketch, bound: Any) -> Sketch:
        """The larger."""
        return self._bounded(max, x, bound)

    def _bounded(self, way: Any, x: Sketch, bound: Any) -> Sketch:
        other = x.like(bound)
        if x.nan or other.nan:
            return x if x.nan else other
        if x.free or other.free:
            return x.anything()
        return Sketch(x.kind, way(x.lo, other.lo), way(x.hi, other.hi))

    def exp(self, x: Sketch) -> Sketch:
        """exp."""
        return self._monotonic(np.exp, x)

    def log(self, x: Sketch) -> Sketch:
        """log."""
        return self._monotonic(np.log, x)

    def sqrt(self, x: Sketch) -> Sketch:
        """sqrt."""
        return self._monotonic(np.sqrt, x)

    def _monotonic(self, way: Any, x: Sketch) -> Sketch:
        if x.known:
            return x.like(way(x.lo))
        return x.anything()

    def take(self, table: Any, index: Sketch, axis: int | None = None) -> Any:
        """An entry."""
        del axis
        whole = all(isinstance(v, int) for v in table)
        kind = np.int64 if whole else self.kind
        last = len(table) - 1
        low, high = (int(min(max(v, 0), last)) for v in (index.lo, index.hi))
        if index.known:
            return Sketch(kind, table[low], table[low])
        some = [kind(v) for v in table[low : high + 1]]
        return Sketch(kind, min(some), max(some))


def _helpers(kind: Any) -> dict[str, Any]:
    """The primitives that look at bits; of an nan it is some power."""
    most = np.finfo(kind).maxexp - 2

    def power(n: Sketch) -> Sketch:
        ends = np.ldexp(kind(1), np.clip([n.lo, n.hi], -most, most).astype(int))
        return Sketch(kind, ends[0], ends[1])

    def scale(y: Any, n: Sketch, dtype: str) -> Sketch:
        del dtype
        if n.nan or n.free:
            some = Sketch(kind, 2.0**-most, 2.0**most)
            return some * y * some
        half = Sketch(kind, np.floor(n.lo / 2), np.floor(n.hi / 2))
        return y * power(half) * power(n - half)

    def split(t: Sketch, root: int, dtype: str) -> tuple[Sketch, Sketch]:
        n = t.anything()
        if t.known and 0 < t.lo < np.inf:
            log2 = np.log2(np.longdouble(t.lo)) / root
            n = t.like(root * np.floor(log2 + 0.5))
        return scale(t, -n, dtype), n

    def by_power(y: Any, n: Sketch, dtype: str) -> tuple[Any, Any]:
        return scale(y[0], n, dtype), scale(y[1], n, dtype)

    def parted(s: Any, divider: float, dtype: str) -> tuple[Any, Any]:
        if not s.known:
            return (s, s) if s.nan else (s.anything(), s.anything())
        high = s.like(divider * s.lo)
        high = high - (high - s)
        return high, s - high

    def halves(a: Any, b: Any, dtype: str) -> tuple[Any, Any]:
        p = a * b
        return p, p if p.nan else p.anything()

    def divided(x: Any, y: Any, dtype: str) -> tuple[Any, Any]:
        q = x[0] / y[0]
        return q, q if q.nan else q.anything()

    def rooted(x: Any, dtype: str) -> tuple[Any, Any]:
        r = SketchOps(kind).sqrt(x[0])
        return r, r if r.nan else r.anything()

    return {
        "_split": parted,
        "_short_quotient": divided,
        "_short_root": rooted,
        "_grown": scale,
        "_grown_from": lambda y, n, k, dtype: scale(y, n - k, dtype),
        "_shrunk": lambda y, n, dtype: scale(y, -n, dtype),
        "_unit_of": lambda n, dtype: scale(Sketch(kind, 1, 1), -n, dtype),
        "_pair_by_power": by_power,
        "_product_of_halves": halves,
        "_scale_by_power": scale,
        "_split_exponent": split,
        "_quotient": lambda a, b, dtype: a / b,
        "_square_root": lambda a, dtype: SketchOps(kind).sqrt(a),
    }


def check_outside(
    plan: Plan, module: Module, target: Target, line: list[Span]
) -> Iterator[str]:
    """What is wrong at nan, outside, at infinity, and where limits are.

    Args:
        line: the spans of a cover; none of a program.
    """
    kind: Any = np.float32 if plan.fmt.name == "float32" else np.float64
    space = module.run({"ops": SketchOps(kind)})
    for name, helper in _helpers(kind).items():
        if name in space:
            space[name] = helper
    body = space["BODIES"][plan.fmt.name][plan.order]

    def value(low: Any, high: Any) -> Sketch:
        with np.errstate(all="ignore"):
            try:
                y = body(Sketch(kind, low, high))
            except Exception as error:
                raise NotRunnable(
                    f"Cannot run the body: expected operations of keras.ops, "
                    f"received {type(error).__name__}: {error}"
                ) from error
        if not isinstance(y, Sketch):
            raise NotRunnable(f"expected a tensor, the body returns {y!r:.60}")
        return y

    if not value(np.nan, np.nan).nan:
        yield "nan in does not give nan out"
    if plan.data.get("outside") == "clip":
        ends = [
            (
                Sketch(kind, min(a, b), max(a, b)),
                np.nextafter(kind(a), kind(-b)),
            )
            for a, b in _beyond(plan)
        ]
        yield from check_clipped(plan, module, space, ends)
    else:
        for low, high in map(sorted, _beyond(plan)):
            if not value(low, high).nan:
                yield f"not nan on [{low!r}, {high!r}], outside of the domain"
    for span in line:
        if not span.limit:
            continue
        piece = plan.pieces[span.owner]
        limit = kind(real(piece.raw("limit")))
        low, high = span.low, span.high
        yield from _limit(value(low, high), limit, low, high)
        if plan.parity:
            low, high = -high, -low
            yield from _limit(value(low, high), plan.parity * limit, low, high)
    for side in (-1, 1):
        if (plan.low if side < 0 else plan.high) is None:
            yield from _at_infinity(plan, target, side, value)


def _limit_at(target: Target, side: int) -> float | None:
    """By powers of 1/x, or of its root.

    Raises:
        Unknown: it has no such expansion.
    """
    try:
        return limit_of(target.on(point_chart(side, COUNT)))
    except Unknown:
        return limit_of(target.on(point_chart(side, COUNT, 2)))


def _limit(y: Sketch, limit: Any, low: float, high: float) -> Iterator[str]:
    if not (y.known and y.lo == limit):
        yield (
            f"limit on [{low!r}, {high!r}]: expected {float(limit)!r}, "
            f"received {float(y.lo)!r} to {float(y.hi)!r}"
        )


def _beyond(plan: Plan) -> Iterator[tuple[float, float]]:
    """Inputs outside of the domain: the first ones, and infinities."""
    for side, end in ((-1, plan.low), (1, plan.high)):
        if end is None:
            continue
        first = float(after(side * end, plan.fmt))
        if Fraction(first) <= plan.fmt.max_finite:
            yield side * first, side * float("inf")


def _at_infinity(
    plan: Plan, target: Target, side: int, value: Any
) -> Iterator[str]:
    """The result at an infinity against the limit of f there."""
    limit: float | None = None
    own = side * 1 if not plan.parity else 1
    for piece in plan.pieces:
        if piece.kind in ("end", "logrow") and piece.raw("point") is None:
            if piece.whole("side") == own:
                limit = real(piece.raw("limit"))
                limit *= plan.parity if plan.parity and side < 0 else 1
    if limit is None:
        before = ctx.prec, ctx.cap
        try:
            ctx.prec, ctx.cap = 600, COUNT
            limit = _limit_at(target, side)
        except Unknown as error:
            yield f"the limit at {side} oo is not known: {error}"
            return
        finally:
            ctx.prec, ctx.cap = before
        limit = 0.0 if limit is None else limit
    y = value(side * np.inf, side * np.inf)
    unit = (
        float(plan.fmt.spacing(Fraction(limit)))
        if (math.isfinite(limit) and limit)
        else 0.0
    )
    near = y.known and (
        y.lo == limit or abs(float(y.lo) - limit) <= plan.ulp * unit
    )
    if not near:
        yield f"at {side} oo: expected {limit!r}, received {float(y.lo)!r}"
