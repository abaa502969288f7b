"""The body of a function from a `Cover`: lines of Python, no decisions."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ..numbers.formats import FORMATS
from ..numbers.literals import number
from ..numbers.literals import tuple_text
from ..numbers.literals import wrapped
from ..pieces.closed import ClosedForm
from ..pieces.cover import Cover
from ..pieces.ends import EndForm
from ..pieces.kernels import kernel
from ..pieces.logends import LogForm
from ..pieces.lookup import lookup_of
from ..pieces.powers import PowerRow
from ..pieces.rows import Row
from ..pieces.rows import splitter
from ..program.program import renamed
from ..text import at_most
from .emit_ends import end_lines
from .lines import clamp
from .lines import comment


@dataclass(frozen=True)
class CoverText:
    """What the template lays out.

    Attributes:
        tables: definitions above the function.
        lines: the body.
        needs: which helpers it calls.
    """

    tables: list[str]
    lines: list[str]
    needs: set[str]


def cover_text(cover: Cover, function: str, last: bool) -> CoverText:
    """Tables, body and needs of one function.

    Args:
        last: its derivative is taken by autodiff of the body, for which
            the slope of abs at 0 is 0.
    """
    dtype = cover.dtype
    tables: list[str] = []
    needs = {"base"}
    lines = ["t = ops.abs(x)" if cover.parity else "t = x"]
    if cover.parity and last:
        lines = [f"t = (1.0 - 2.0 * ops.cast(x < 0, {dtype!r})) * x"]
    chosen = ""
    if cover.rows:
        needs.add("rows")
        tables += _tables(f"_{function.upper()}", cover.rows, dtype)
        lines += _row_lines(cover, function)
        chosen = "y"
    for k, power in enumerate(cover.powers):
        needs |= {"power", "pairs"}
        # Nothing else holds that x, but for the row of one float.
        closed_end = power.high == cover.high and not any(
            r.low == cover.high for r in cover.rows
        )
        lines += _power_lines(power, k, dtype, bool(chosen), closed_end)
        lines.append(
            f"y = ops.where(inside, p{k}, y)" if chosen else f"y = p{k}"
        )
        chosen = "y"
    for k, closed in enumerate(cover.closed):
        lines += _closed_lines(closed, k, dtype, bool(chosen))
        lines.append(
            f"y = ops.where(inside, z{k}, y)" if chosen else f"y = z{k}"
        )
        chosen = "y"
    for k, form in enumerate(cover.ends):
        label = f"_{function.upper()}_END{k}"
        if isinstance(form, LogForm):
            tables += _tables(label, form.rows, dtype)
        lines += end_lines(form, k, dtype, needs, label, last)
        compare = "<" if form.point is not None else ">="
        here = f"d{k} {compare} {number(form.bound, dtype)}"
        if chosen:
            lines.append(f"y = ops.where({here}, y{k}, y)")
        elif isinstance(form, EndForm) and _is_constant(form):
            # Of what nan goes through first, nothing else depends on t.
            lines.append(f"y = ops.where(ops.isnan(t), t, y{k})")
        else:
            lines.append(f"y = y{k} + ops.zeros_like(t)")
        chosen = "y"
    if cover.parity < 0:
        lines.append("y = ops.where(x < 0, -y, y)")
    outside = _outside(cover)
    for test in outside:
        lines.append(
            f'y = ops.where({test}, _number(float("nan"), {dtype!r}), y)'
        )
    lines.append("return y")
    return CoverText(tables, lines, needs)


def _is_constant(form: EndForm) -> bool:
    """Whether what it computes takes no number from t."""
    moving = form.power or form.level or len(form.factors) > 1
    return form.is_flat or not (moving or form.factors[0].rest)


def _outside(cover: Cover) -> list[str]:
    """Tests of t for what lies outside the domain.

    An end that is subnormal is compared by its outer neighbour: compilers
    may read subnormals as 0, and 0 is then no number of the domain.
    """
    dtype, fmt = cover.dtype, FORMATS[cover.dtype]
    tests = []
    if cover.low is not None and not cover.parity:
        tests.append(("<", cover.low, -1))
    if cover.high is not None:
        tests.append((">", cover.high, 1))
    made = []
    for compare, end, side in tests:
        if 0 < -side * end < fmt.smallest_normal:
            end += side * fmt.smallest_subnormal
            compare += "="
        made.append(f"t {compare} _number({number(end, dtype)}, {dtype!r})")
    return made


def _tables(label: str, rows: Sequence[Row], dtype: str) -> list[str]:
    """Seams and columns of rows, as source."""
    # Two at least: a polynomial of degree 0 would be no tensor.
    width = max(2, *(len(r.rest) for r in rows))
    scaled, split = is_scaled(rows), any(r.slope for r in rows)
    two = Fraction(2)
    lines = ["# fmt: off", *_lookup(label, rows, dtype), f"{label}_TABLE = ("]
    for r in rows:
        rest = [*r.rest, *[Fraction(0)] * (width - len(r.rest))]
        numbers = [r.center]
        numbers += [two**r.scale, two**-r.gain] if scaled else []
        numbers += [r.lead, *([r.slope] if split else []), *(-c for c in rest)]
        lines += [
            f"    {line}"
            for line in textwrap.wrap(
                f"{tuple_text(numbers, dtype)},",
                74,
                subsequent_indent=" ",
                break_on_hyphens=False,
                break_long_words=False,
            )
        ]
    return [*lines, ")", "# fmt: on"]


def _lookup(label: str, rows: Sequence[Row], dtype: str) -> list[str]:
    """What `_find` takes: a grid, or seams."""
    found = lookup_of(rows)
    if not found.counts:
        return [
            f"{label}_SEAMS = (",
            *wrapped(found.seams, dtype, 4),
            ")",
        ]
    counts = textwrap.wrap(", ".join(map(str, found.counts)) + ",", 74)
    scale = number(Fraction(2) ** found.k, dtype)
    return [
        f"{label}_SEAMS = _Grid({scale}, {found.first}, (",
        *(f"    {line}" for line in counts),
        "))",
    ]


def _row_lines(cover: Cover, function: str) -> list[str]:
    dtype, rows = cover.dtype, cover.rows
    name = "|x|" if cover.parity else "x"
    low, high = rows[0].low, rows[-1].high
    worst = max(r.ulp for r in rows)
    zeros = sum(1 for r in rows if r.slope)
    text = (
        f"{float(low):g} <= {name} <= {float(high):g}: {len(rows)} local "
        f"polynomials of degree at most {max(r.degree for r in rows)}"
        + (f", {zeros} of them about a zero of f" if zeros else "")
        + ". Taylor models with relative remainders, economized and rounded; "
        f"truncation + roundoff <= {at_most(worst)} ulp."
    )
    divider = f"{splitter(FORMATS[dtype])[0]}.0" if zeros else "None"
    upper = function.upper()
    return [
        "",
        *comment(text),
        f"s = {clamp('t', low, high, dtype, across=True)}",
        f"y = _rows(s, _{upper}_SEAMS, _{upper}_TABLE, {divider}, "
        f"{is_scaled(rows)}, {dtype!r})",
    ]


def is_scaled(rows: Sequence[Row]) -> bool:
    """Whether the table has columns for scales and gains."""
    return any(r.scale or r.gain for r in rows)


# One tensor is clipped once: the optimizer through which Keras sends ONNX
# files from torch names the bounds of a clip by what is clipped, and loses
# those of one of two (onnxscript 0.7).  The first piece is what nan goes
# through; the others get a number of their own interval instead.


def _power_lines(
    piece: PowerRow, k: int, dtype: str, chosen: bool, closed_end: bool
) -> list[str]:
    below = "<=" if closed_end else "<"
    text = (
        f"{float(piece.low):g} <= t {below} {float(piece.high):g}: a zero of "
        f"order {piece.order} at {float(piece.center):g}, its power in pairs "
        f"of floats. Truncation + roundoff <= {at_most(piece.ulp)} ulp."
    )
    rest = tuple_text([-c for c in piece.rest], dtype)
    step = f" - {number(piece.center, dtype)}" if piece.center else ""
    low, high = number(piece.low, dtype), number(piece.high, dtype)
    if chosen:
        start = [
            f"inside = ops.logical_and(t >= {low}, t {below} {high})",
            f"s = ops.where(inside, t, _number({high}, {dtype!r})){step}",
        ]
    else:
        held = clamp("t", piece.low, piece.high, dtype, across=True)
        start = [f"s = {held}{step}"]
    return [
        "",
        *comment(text),
        *start,
        f"p{k} = _power_row(s, {tuple_text(piece.offset, dtype)}, "
        f"{piece.order}, {number(piece.factor, dtype)}, {rest}, "
        f"{_power_levels(piece, dtype)}, {dtype!r})",
    ]


def _power_levels(piece: PowerRow, dtype: str) -> str:
    """Edges, powers of two, what undoes them, and the most, as source."""
    two = Fraction(2)
    ups = [two**n for n in piece.scales]
    backs = [two ** (-n * piece.order) for n in piece.scales]
    texts = [tuple_text(v, dtype) for v in (piece.edges, ups, backs)]
    most = "None" if piece.most is None else number(piece.most, dtype)
    return f"({', '.join(texts)}, {most})"


def _closed_lines(
    piece: ClosedForm, k: int, dtype: str, chosen: bool
) -> list[str]:
    t = "t" if piece.side > 0 else "-t"
    text = (
        f"{float(piece.low):g} <= {t} <= {float(piece.high):g}: "
        f"{piece.formula} with t = {t}; equal to f in exact arithmetic, "
        f"roundoff <= {at_most(piece.ulp)} ulp."
    )
    lines = ["", *comment(text)]
    if chosen:
        low = number(piece.low, dtype)
        lines += [
            f"inside = {t} >= {low}",
            f"c{k} = ops.where(inside, {t}, _number({low}, {dtype!r}))",
        ]
        t = f"c{k}"
    lines.append(f"c{k} = {clamp(t, piece.low, piece.high, dtype)}")
    names = {piece.program.input: f"c{k}"}
    for target, value in piece.program.statements:
        shown = renamed(value, names)
        names[target] = f"{target}_{k}"
        lines.append(f"{names[target]} = {shown}")
    lines.append(f"z{k} = {names['y']}")
    return lines


def kernel_text(name: str, dtypes: Sequence[str]) -> str:
    """The dictionary of a kernel's numbers by dtype, as source."""
    items = []
    for dtype in dtypes:
        k = kernel(name, FORMATS[dtype])
        items.append(
            f"{dtype!r}: ({tuple_text(k.coefficients, dtype)}, "
            f"{tuple_text(k.log2, dtype)})"
        )
    return "{" + ", ".join(items) + "}"
