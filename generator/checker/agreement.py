"""Whether the rendered module is the one that the certificate speaks of.

Tables of rows are compared number by number.  Every other piece is
evaluated at its ends and between, by the module's own code in exact
arithmetic (balls of 2400 bits, where pairs of floats have no low part) and
by the certificate's formula: they agree to 2**-2000, or the piece, a
threshold or the order in which pieces are chosen is not the one certified.
"""

from __future__ import annotations

import ast
import dataclasses
import itertools
import math
import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb
from flint import ctx

from .carried import meant
from .claims import Format
from .claims import Piece
from .claims import Plan
from .claims import end_formula
from .claims import log_formula
from .claims import power_formula
from .claims import program_formula
from .claims import row_formula
from .enclosure import regular_chart
from .formula import Node
from .formula import X
from .formula import number
from .lanes import Span
from .lanes import from_ordinals
from .lanes import ordinals
from .source import Module
from .source import NotRunnable
from .values import ball

# With them no rational function of the degree that bodies may have is f at the
# points of a span and another on more than a fiftieth of it (Remez).
BITS = 2400
AGREE = 2000  # bits
POINTS = 6  # of a span, beside its ends
ROWS = 6  # of a table
ENDS = ("end", "logrow")


class ExactOps:
    """`keras.ops` over single balls; comparisons have to be decided."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype

    def convert_to_tensor(self, value: Any, dtype: str) -> Any:
        """A number or a list."""
        del dtype
        if isinstance(value, (list, tuple)):
            return value
        return _ball(value)

    def zeros_like(self, x: arb, dtype: str | None = None) -> arb:
        """0."""
        del x, dtype
        return arb(0)

    def cast(self, x: Any, dtype: str) -> arb:
        """Truth values to numbers; integers by truncation."""
        if isinstance(x, bool):
            return arb(int(x))
        if dtype != "int32":
            return x
        whole = self.floor(abs(x))
        return whole if x > 0 or x == 0 else -whole

    def floor(self, x: arb) -> arb:
        """The integer below."""
        return arb(x.mid()).floor().mid()

    def where(self, truth: bool, a: Any, b: Any) -> arb:
        """A choice."""
        return _ball(a) if truth else _ball(b)

    def isnan(self, x: arb) -> bool:
        """Never."""
        del x
        return False

    def logical_and(self, a: bool, b: bool) -> bool:
        """Both."""
        return a and b

    def abs(self, x: arb) -> arb:
        """|x|."""
        return abs(x)

    def clip(self, x: arb, low: Any, high: Any) -> arb:
        """Between two constants."""
        return self.minimum(self.maximum(x, low), high)

    def minimum(self, x: arb, bound: Any) -> arb:
        """The smaller."""
        return x if x < _ball(bound) else _ball(bound)

    def maximum(self, x: arb, bound: Any) -> arb:
        """The larger."""
        return x if x > _ball(bound) else _ball(bound)

    def exp(self, x: arb) -> arb:
        """exp."""
        return x.exp()

    def log(self, x: arb) -> arb:
        """log."""
        return x.log()

    def sqrt(self, x: arb) -> arb:
        """sqrt."""
        return x.sqrt()

    def take(self, table: Any, index: Any, axis: int | None = None) -> Any:
        """An entry."""
        del axis
        return _ball(table[int(float(index))])


def _ball(value: Any) -> arb:
    return value if isinstance(value, arb) else arb(value)


def _helpers() -> dict[str, Any]:
    """Pairs in exact arithmetic: there is nothing in the low part."""
    zero = arb(0)

    def joined(x: Any) -> arb:
        return _ball(x[0]) if x[1] is None else x[0] + x[1]

    def split(t: arb, root: int, dtype: str) -> tuple[arb, arb]:
        del dtype
        n = root * math.floor(math.log2(abs(float(t))) / root + 0.5)
        return t / arb(2) ** n, arb(n)

    def exponential(x: Any, dtype: str) -> tuple[tuple[arb, arb], arb]:
        """With an n of its own: what a body does with it is seen."""
        del dtype
        n = (joined(x) * 1.4426950408889634 + 0.5).mid().floor().mid()
        return (joined(x).exp() / arb(2) ** n, zero), n

    def signed(x: Any, dtype: str) -> tuple[tuple[arb, arb], arb]:
        """With that n, where it is none below 0."""
        _, n = exponential(x, dtype)
        n = n if n > 0 else zero
        return (joined(x).exp() / arb(2) ** n, zero), n

    return {
        "_two_sum": lambda a, b: (_ball(a) + _ball(b), zero),
        "_fast_two_sum": lambda a, b: (_ball(a) + _ball(b), zero),
        "_two_product": lambda a, b, dtype: (a * b, zero),
        "_product_of_halves": lambda a, b, dtype: (_ball(a) * b, zero),
        "_short_quotient": lambda x, y, dtype: (joined(x) / joined(y), zero),
        "_short_root": lambda x, dtype: (joined(x).sqrt(), zero),
        "_signed_exp": signed,
        "_grown": lambda y, n, dtype: y * arb(2) ** n,
        "_grown_from": lambda y, n, k, dtype: y * arb(2) ** (n - k),
        "_shrunk": lambda y, n, dtype: y * arb(2) ** -n,
        "_unit_of": lambda n, dtype: arb(2) ** -n,
        "_pair_by_power": lambda y, n, dtype: (
            y[0] * arb(2) ** n,
            y[1] * arb(2) ** n,
        ),
        "_split": lambda s, divider, dtype: (s, zero),
        "_split_exponent": split,
        "_scale_by_power": lambda y, n, dtype: y * arb(2) ** n,
        "_quotient": lambda a, b, dtype: _ball(a) / b,
        "_square_root": lambda a, dtype: a.sqrt(),
        "_pair_sum": lambda x, y: (joined(x) + joined(y), zero),
        "_pair_product": lambda x, y, dtype: (joined(x) * joined(y), zero),
        "_pair_quotient": lambda x, y, dtype: (joined(x) / joined(y), zero),
        "_pair_root": lambda m, degree, dtype: (m.root(degree), zero),
        # The kernels are polynomials for log and exp: here they are exact,
        # their truncation is checked on its own.
        "_pair_log": lambda m, n, dtype: (m.log() + n * arb(2).log(), zero),
        "_pair_exp": exponential,
    }


def _rounded(node: Any) -> Any:
    """A copy of a tree, its numbers as float32 reads them."""
    if isinstance(node, list):
        return [_rounded(part) for part in node]
    if not isinstance(node, ast.AST):
        return node
    value = getattr(node, "value", None)
    if isinstance(node, ast.Constant):
        if isinstance(value, float) and abs(value) < 2.0**128:
            value = float(np.float32(value))
        return ast.copy_location(ast.Constant(value), node)
    fields = {name: _rounded(part) for name, part in ast.iter_fields(node)}
    return ast.copy_location(type(node)(**fields), node)


def exact_body(module: Module, plan: Plan) -> tuple[Any, dict[str, Any]]:
    """f^(order) of the module over single balls, and the module's names."""
    own = module
    if plan.fmt.name == "float32":
        if "float32" not in module.rounded:
            module.rounded["float32"] = dataclasses.replace(
                module, tree=_rounded(module.tree)
            )
        own = module.rounded["float32"]
    space = own.run({"ops": ExactOps(plan.fmt.name)})
    for name, helper in _helpers().items():
        if name in space:
            space[name] = helper
    return space["BODIES"][plan.fmt.name][plan.order], space


def compare_tables(module: Module, plan: Plan) -> list[str]:
    """What differs between the rows and the module's table."""
    label = f"{plan.name}_{plan.order}_{plan.fmt.name}".upper()
    rows = [p for p in plan.pieces if p.kind == "row"]
    wrong = _compare(module, plan, rows, label) if rows else []
    for k, end in enumerate(plan.data["ends"]):
        if "rows" in end:
            own = [p for p in plan.pieces if p.data.get("end") == k]
            wrong += _compare(module, plan, own, f"{label}_END{k}")
    return wrong


def _compare(
    module: Module, plan: Plan, rows: list[Piece], label: str
) -> list[str]:
    _, space = exact_body(module, plan)
    try:
        seams, table, divider, scales = space[label]
    except (KeyError, TypeError, ValueError):
        return [f"the module has no table {label}"]
    wrong = []
    if len(table) != len(rows):
        return [f"{label}: {len(table)} rows, certified are {len(rows)}"]
    scaled = any(r.whole("scale") or r.whole("gain") for r in rows)
    split = any(r["slope"] for r in rows)
    if (divider is not None, scales) != (split, scaled):
        wrong.append(f"{label}: other columns than certified")
    for i, (row, line) in enumerate(zip(rows, table, strict=True)):
        want = [row["center"]]
        two = Fraction(2)
        if scaled:
            want += [two ** row.whole("scale"), two ** -row.whole("gain")]
        want += [row["lead"], *([row["slope"]] if split else [])]
        want += [-c for c in row.numbers("rest")]
        want += [Fraction(0)] * (len(line) - len(want))
        if [Fraction(v) for v in line] != want:
            wrong.append(f"{row.label}: the module's table differs")
        if i and _seam(seams, i) != row["low"]:
            wrong.append(f"{row.label}: the module's seam differs")
    return wrong


def _seam(seams: Any, i: int) -> Fraction:
    """Where row i begins."""
    if hasattr(seams, "rows"):
        first = seams.rows.index(i) + seams.first
        return Fraction(first) / Fraction(seams.scale)
    return Fraction(seams[i - 1])


def formula_of(piece: Piece, fmt: Format) -> Node:
    """What a piece computes, as a formula of t."""
    if piece.kind == "row":
        return row_formula(piece)
    if piece.kind == "power":
        return power_formula(piece)[0]
    if piece.kind == "end":
        return end_formula(piece)
    if piece.kind == "logrow":
        return log_formula(piece)
    side = piece.whole("side")
    t = X if side > 0 else number(-1) * X
    return program_formula(meant(piece.data, fmt), piece.raw("input"), t)


def compare_values(module: Module, plan: Plan, spans: list[Span]) -> list[str]:
    """Where the module's code and the certificate's formulas differ."""
    wrong = []
    plain = [_plain(plan.pieces[span.owner]) for span in spans]
    for i, span in enumerate(spans):
        # The tables agree, and one code serves all rows: looked at closely are
        # the first ones, and those beside something else, the others once.
        inner = plain[i] and all(plain[max(i - 1, 0) : i + 2])
        last = i == len(spans) - 1
        if span.limit:
            continue
        piece = plan.pieces[span.owner]
        once = inner and i >= ROWS and not last
        what = differs(module, plan, span, formula_of(piece, plan.fmt), once)
        if what:
            wrong.append(f"{piece.label}: {what}")
    return wrong


def compare_runs(
    module: Module, plan: Plan, spans: list[Span], found: list[Span]
) -> list[str]:
    """The same in each part of a span that is more than one part."""
    whole = {(s.owner, s.low, s.high) for s in spans}
    wrong = []
    for run in found:
        if (run.owner, run.low, run.high) in whole:
            continue
        piece = plan.pieces[run.owner]
        what = differs(module, plan, run, formula_of(piece, plan.fmt))
        if what:
            wrong.append(f"{piece.label}: {what}")
    return wrong


def _plain(piece: Piece) -> bool:
    """Whether it is a row away from zeros."""
    return piece.kind == "row" and not piece["slope"]


def differs(
    module: Module, plan: Plan, span: Span, node: Node, once: bool = False
) -> str | None:
    """Where the code's value is not the formula's, if anywhere.

    Args:
        once: at one point.
    """
    body, _ = exact_body(module, plan)
    kind = plan.pieces[span.owner].kind
    before = ctx.prec, ctx.cap
    try:
        ctx.prec, ctx.cap = BITS, 2
        for t in _points(span, plan, module.seed, once):
            value = _called(body, t)
            if not _agrees(value, node, t, kind in ENDS, plan.fmt):
                return f"the module computes something else at {float(t)!r}"
            if plan.parity and t and not _mirrors(body, value, t, plan.parity):
                return f"the module computes something else at {-float(t)!r}"
    finally:
        ctx.prec, ctx.cap = before
    return None


def _called(body: Any, t: Fraction) -> arb:
    try:
        return _ball(body(ball(t)))
    except NotRunnable:
        raise
    except Exception as error:
        raise NotRunnable(
            f"Cannot run the body: expected operations of keras.ops, "
            f"received {type(error).__name__}: {error}"
        ) from error


def _mirrors(body: Any, value: arb, t: Fraction, parity: int) -> bool:
    """Whether it is parity * value at -t."""
    other = _called(body, -t) * parity
    return bool(
        (other - value).is_zero()
        or other.overlaps(value)
        or not (value.is_finite() or other.is_finite())
    )


def _points(
    span: Span, plan: Plan, seed: str, once: bool
) -> Iterator[Fraction]:
    """Floats of the span: constants of the format stay what they are.

    Its ends, and one in each part between: what vanishes at all of them
    cannot be written, since they are others for another text.
    """
    low, high = (int(ordinals(v, plan.fmt)) for v in (span.low, span.high))
    draw = random.Random(f"{plan.order} {span.low} {seed}").randint
    edges = [low + (high - low) * k // POINTS for k in range(POINTS + 1)]
    found = {draw(a, b) for a, b in itertools.pairwise(edges)}
    for n in [draw(low, high)] if once else sorted({low, *found, high}):
        yield Fraction(float(from_ordinals(np.array(n), plan.fmt)))


def _agrees(
    value: arb, node: Node, t: Fraction, end: bool, fmt: Format
) -> bool:
    """Whether they are equal to `AGREE` bits.

    At the ends of a domain results may have left the range of the format,
    on purpose: 0 and infinities there are looked at by tails.check_limit.
    """
    if end and (value == 0 or not value.is_finite()):
        return True
    want = regular_chart(t, t, t, 2).evaluate(node).plain
    first = arb(0)
    if want.v == 0 and want.p.coeffs():
        first = want.p.coeffs()[0]
    sizes = abs(value), abs(first)
    if end and (
        all(s < arb(2) ** (fmt.emin - fmt.precision) for s in sizes)
        or all(s > arb(2) ** (fmt.emax + 1) for s in sizes)
    ):
        return True
    gap = arb(abs(value - first).abs_upper())
    return bool(gap <= arb(abs(first).abs_upper()) * arb(2) ** -AGREE)
