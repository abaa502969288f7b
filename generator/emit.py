"""The body of a function from a `Cover`: lines of Python, no decisions."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .cover import Cover
from .ends import EndForm
from .ends import Factor
from .formats import FORMATS
from .kernels import kernel
from .plan import at_most
from .powers import PowerRow
from .rows import splitter

WIDTH = 72  # of comments


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


def number(value: Fraction | float, dtype: str) -> str:
    """The shortest decimal that reads back as this float."""
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if dtype == "float32":
        text = str(np.float32(float(value)))
    else:
        text = repr(float(value))
    return text if any(c in text for c in ".en") else text + ".0"


def _tuple(values: Sequence[Fraction], dtype: str) -> str:
    body = ", ".join(number(v, dtype) for v in values)
    return f"({body},)"


def cover_text(cover: Cover, function: str) -> CoverText:
    """Tables, body and needs of one function."""
    dtype = cover.dtype
    tables: list[str] = []
    needs: set[str] = set()
    lines = ["t = ops.abs(x)" if cover.parity else "t = x"]
    chosen = ""
    if cover.rows:
        needs.add("rows")
        tables += _row_tables(cover, function)
        lines += _row_lines(cover, function)
        chosen = "y"
    for k, power in enumerate(cover.powers):
        needs |= {"power", "pairs"}
        lines += _power_lines(power, k, dtype)
        inside = (
            f"ops.logical_and(t >= {number(power.low, dtype)}, "
            f"t < {number(power.high, dtype)})"
        )
        lines.append(
            f"y = ops.where({inside}, p{k}, y)" if chosen else f"y = p{k}"
        )
        chosen = "y"
    for k, form in enumerate(cover.ends):
        lines += _end_lines(form, k, dtype, needs)
        compare = "<" if form.point is not None else ">="
        here = f"d{k} {compare} {number(form.bound, dtype)}"
        lines.append(
            f"y = ops.where({here}, y{k}, y)" if chosen else f"y = y{k}"
        )
        chosen = "y"
    if cover.parity < 0:
        lines.append("y = ops.where(x < 0, -y, y)")
    outside = []
    if cover.low is not None and not cover.parity:
        outside.append(f"t < _number({number(cover.low, dtype)}, {dtype!r})")
    if cover.high is not None:
        outside.append(f"t > _number({number(cover.high, dtype)}, {dtype!r})")
    for test in outside:
        lines.append(
            f'y = ops.where({test}, _number(float("nan"), {dtype!r}), y)'
        )
    lines.append("return y")
    return CoverText(tables, lines, needs)


def _comment(text: str) -> list[str]:
    return [
        "# " + line
        for line in textwrap.wrap(text, WIDTH, break_on_hyphens=False)
    ]


def _row_tables(cover: Cover, function: str) -> list[str]:
    dtype, rows = cover.dtype, cover.rows
    width = max(len(r.rest) for r in rows)
    columns: list[list[Fraction]] = [
        [r.center for r in rows],
        [r.lead for r in rows],
        [r.slope for r in rows],
    ]
    zero = Fraction(0)
    for i in range(width):
        columns.append([-r.rest[i] if i < len(r.rest) else zero for r in rows])
    upper = function.upper()
    lines = [
        "# fmt: off",
        f"_{upper}_SEAMS = (",
        *_wrapped([r.low for r in rows[1:]], dtype, 4),
        ")",
        f"_{upper}_TABLE = (",
    ]
    for column in columns:
        lines += ["    (", *_wrapped(column, dtype, 8), "    ),"]
    return [*lines, ")", "# fmt: on"]


def _wrapped(values: Sequence[Fraction], dtype: str, indent: int) -> list[str]:
    text = ", ".join(number(v, dtype) for v in values)
    return textwrap.wrap(
        text + "," if text else "",
        80,
        initial_indent=" " * indent,
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


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
        *_comment(text),
        f"s = _clamp(t, {number(low, dtype)}, {number(high, dtype)}, "
        f"{dtype!r})",
        f"y = _rows(s, _{upper}_SEAMS, _{upper}_TABLE, {divider}, {dtype!r})",
    ]


def _power_lines(piece: PowerRow, k: int, dtype: str) -> list[str]:
    text = (
        f"{float(piece.low):g} <= t < {float(piece.high):g}: a zero of order "
        f"{piece.order} at {float(piece.center):g}, its power in pairs of "
        f"floats. Truncation + roundoff <= {at_most(piece.ulp)} ulp."
    )
    rest = _tuple([-c for c in piece.rest], dtype)
    step = f" - {number(piece.center, dtype)}" if piece.center else ""
    return [
        "",
        *_comment(text),
        f"s = _clamp(t, {number(piece.low, dtype)}, "
        f"{number(piece.high, dtype)}, {dtype!r}){step}",
        f"p{k} = _power_row(s, {_tuple(piece.offset, dtype)}, {piece.order}, "
        f"{number(piece.factor, dtype)}, {rest}, "
        f"{number(piece.tiny, dtype)}, {piece.scale}, {dtype!r})",
    ]


def end_formula(form: EndForm) -> str:
    """What the form computes, for people."""
    t = "|x|" if form.point is None else "t"
    sign = -1 if form.point is None else 1
    terms = []
    for j, factor in enumerate(form.factors):
        if not factor.head and not factor.rest:
            continue
        w = "1/" + t if form.point is None else t
        if form.root > 1:
            w = f"({w})**(1/{form.root})"
        inner = f"{float(factor.head):g}" if factor.head else ""
        if factor.rest:
            more = (
                f"{w} P_{j}({w})"
                if len(factor.rest) > 1
                else (f"{float(factor.rest[0]):g} {w}")
            )
            inner = f"{inner} + {more}" if inner else more
        log = f"log({w})" + (f"**{j}" if j > 1 else "")
        if j:
            inner = f"{log} ({inner})" if " " in inner else f"{inner} {log}"
            inner = inner.removeprefix("1 ")
        terms.append(inner)
    body = " + ".join(terms).replace("+ -1 ", "- ").replace("+ -", "- ")
    power = Fraction(form.power * sign, form.root)
    if power:
        body = f"({body})" if " " in body else body
        body = _power(t, power) if body == "1" else f"{_power(t, power)} {body}"
    if form.level:
        g = " + ".join(
            _times(-form.level * c, _power(t, Fraction(-sign * p, form.root)))
            for p, c in form.exponent
        )
        body = f"exp({g})" if body == "1" else f"exp({g}) {body}"
    return body


def _power(base: str, exponent: Fraction) -> str:
    if exponent == 1:
        return base
    whole = exponent.denominator == 1 and exponent > 0
    return f"{base}**{exponent}" if whole else f"{base}**({exponent})"


def _times(factor: Fraction, text: str) -> str:
    if abs(factor) == 1:
        return text if factor > 0 else f"-{text}"
    return f"{factor} {text}"


def _end_lines(form: EndForm, k: int, dtype: str, needs: set[str]) -> list[str]:
    fmt = FORMATS[dtype]
    infinite = form.point is None
    if infinite:
        distance = "t" if form.side > 0 else "-t"
        where = (
            f"x >= {float(form.bound):g}"
            if form.side > 0
            else f"x <= -{float(form.bound):g}"
        )
        low, high = form.bound, form.cut
        past = f"d{k} > {number(form.cut, dtype)}"
    else:
        assert form.point is not None
        point = number(abs(form.point), dtype)
        sign = "-" if form.point > 0 else "+"
        flat = "t" if form.side > 0 else "-t"
        if form.side < 0:
            sign = "+" if form.point > 0 else "-"
        distance = f"{flat} {sign} {point}" if form.point else flat
        where = f"{float(form.bound):g} and nearer to {float(form.point):g}"
        low = max(form.cut, fmt.smallest_subnormal)
        high = form.bound
        past = f"d{k} <= {number(form.cut, dtype)}"
    if infinite and not form.level:
        past = f"d{k} > _number({number(form.cut, dtype)}, {dtype!r})"
    text = (
        f"{where}: {end_formula(form)}; {form.note}. Truncation + roundoff "
        f"<= {at_most(form.ulp)} ulp."
    )
    lines = [
        "",
        *_comment(text),
        f"d{k} = {distance}",
        f"past = {past}",
        f"d = ops.where(past, _number({number(form.bound, dtype)}, {dtype!r}), "
        f"d{k})",
        f"d = _clamp(d, {number(low, dtype)}, {number(high, dtype)}, "
        f"{dtype!r})",
    ]
    lines += (
        _simple(form, k, dtype)
        if form.simple
        else _pairs(form, k, dtype, needs)
    )
    lines.append(
        f"y{k} = ops.where(past, _number({number(form.limit, dtype)}, "
        f"{dtype!r}), y{k})"
    )
    return lines


def _small_part(factor: Factor, dtype: str, negated: bool) -> str:
    """tail + w * rest as text, '' if there is none."""
    sign = -1 if negated else 1
    parts = []
    if factor.rest:
        rest = [sign * c for c in factor.rest]
        if len(rest) == 1:
            parts.append(f"{number(rest[0], dtype)} * w")
        else:
            parts.append(f"w * _horner({_tuple(rest, dtype)}, w)")
    if factor.tail:
        parts.append(number(sign * factor.tail, dtype))
    return " + ".join(parts)


def _simple(form: EndForm, k: int, dtype: str) -> list[str]:
    (factor,) = form.factors
    lines = []
    small = _small_part(factor, dtype, negated=True)
    if small:
        lines.append("w = 1.0 / d" if form.point is None else "w = d")
        lines.append(f"a = {number(factor.head, dtype)} - ({small})")
    else:
        lines.append(f"a = {number(factor.head, dtype)} + ops.zeros_like(d)")
    power = -form.power if form.point is None else form.power
    if power:
        lines.append(f"y{k} = a {'*' if power > 0 else '/'} d")
    else:
        lines.append(f"y{k} = a")
    return lines


def _pairs(form: EndForm, k: int, dtype: str, needs: set[str]) -> list[str]:
    needs |= {"scale", "pairs"}
    q, infinite = form.root, form.point is None
    lines = []
    if form.power or q > 1 or len(form.factors) > 1:
        lines.append(f"m, n = _split_exponent(d, {q}, {dtype!r})")
    if q > 1:
        needs.add("root")
        lines.append(f"r = _root(m, {q}, {dtype!r})")
    else:
        if form.power:
            lines.append("r = (m, ops.zeros_like(m))")
    if any(f.rest for f in form.factors):
        if q == 1:
            lines.append("w = 1.0 / d" if infinite else "w = d")
        else:
            lines.append(f"w = _scale(r[0], n / {q}.0, {dtype!r})")
            if infinite:
                lines.append("w = 1.0 / w")
    if len(form.factors) > 1:
        needs.add("log")
        lines.append(f"logs = _log(m, n, {dtype!r})")
        ratio = Fraction(-1 if infinite else 1, q)
        lines += _by_rational("logs", ratio, dtype)
    lines += _sum_lines(form, dtype)
    power = -form.power if infinite else form.power
    lines.append("scale = ops.zeros_like(d)")
    if power:
        lines.append(f"b = _pair_power(r, {abs(power)}, {dtype!r})")
        call = "_product" if power > 0 else "_quotient"
        lines.append(f"a = {call}(a, b, {dtype!r})")
        shift = Fraction(power, q)
        if shift.denominator == 1:
            factor = f"{int(shift)}.0 * n"
        else:
            factor = f"{power}.0 * (n / {q}.0)"
        lines.append(f"scale = {factor}")
    if form.level:
        needs.add("exp")
        lines += _exponential(form, dtype)
    last = FORMATS[dtype].emax - 1
    lines.append(
        f"scale = _clamp(scale, {-2 * last}.0, {2 * last}.0, {dtype!r})"
    )
    lines.append(f"y{k} = _scale(a[0] + a[1], scale, {dtype!r})")
    return lines


def _by_rational(name: str, ratio: Fraction, dtype: str) -> list[str]:
    """A pair times a rational."""
    if ratio == 1:
        return []
    if ratio == -1:
        return [f"{name} = (-{name}[0], -{name}[1])"]
    fmt = FORMATS[dtype]
    high = fmt.round(ratio)
    low = fmt.round(ratio - high)
    pair = (
        f"(_number({number(high, dtype)}, {dtype!r}), "
        f"_number({number(low, dtype)}, {dtype!r}))"
    )
    return [f"{name} = _product({name}, {pair}, {dtype!r})"]


def _sum_lines(form: EndForm, dtype: str) -> list[str]:
    """a = sum of log(w)**j (head_j + small_j), by Horner in pairs."""
    lines: list[str] = []
    started = False
    for j in reversed(range(len(form.factors))):
        factor = form.factors[j]
        if started:
            lines.append(f"a = _product(a, logs, {dtype!r})")
        small = _small_part(factor, dtype, negated=False)
        head = number(factor.head, dtype)
        term = ""
        if small and factor.head:
            term = f"_two_sum({small}, {head})"
        elif small:
            term = f"({small}, ops.zeros_like(d))"
        elif factor.head:
            term = f"({head} + ops.zeros_like(d), ops.zeros_like(d))"
        if term:
            lines.append(f"a = _sum(a, {term})" if started else f"a = {term}")
            started = True
    return lines


def _exponential(form: EndForm, dtype: str) -> list[str]:
    """a = a * exp(-level * g), the power of two into `scale`."""
    q, infinite = form.root, form.point is None
    lines = []
    if q == 1:
        lines.append("b = (d, ops.zeros_like(d))")
    else:
        lines.append(f"b = tuple(_scale(c, n / {q}.0, {dtype!r}) for c in r)")
    if not infinite:
        lines.append(
            f"b = _quotient((_number(1.0, {dtype!r}) + ops.zeros_like(d), "
            f"ops.zeros_like(d)), b, {dtype!r})"
        )
    first = True
    for p, c in form.exponent:
        name = "g" if first else "h"
        lines.append(f"{name} = _pair_power(b, {p}, {dtype!r})")
        lines += _by_rational(name, -form.level * c, dtype)
        if not first:
            lines.append("g = _sum(g, h)")
        first = False
    lines += [
        f"e, n2 = _exp(g, {dtype!r})",
        f"a = _product(a, e, {dtype!r})",
        "scale = scale + n2",
    ]
    return lines


def kernel_text(name: str, dtypes: Sequence[str]) -> str:
    """The dictionary of a kernel's numbers by dtype, as source."""
    items = []
    for dtype in dtypes:
        k = kernel(name, FORMATS[dtype])
        items.append(
            f"{dtype!r}: ({_tuple(k.coefficients, dtype)}, "
            f"{_tuple(k.log2, dtype)})"
        )
    return "{" + ", ".join(items) + "}"
