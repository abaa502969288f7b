"""Lines of Python for the ends of a domain; no decisions."""

from __future__ import annotations

from fractions import Fraction

from ..numbers.formats import FORMATS
from ..numbers.literals import number
from ..numbers.literals import tuple_text
from ..pieces.end_formula import end_formula
from ..pieces.ends import EndForm
from ..pieces.ends import Factor
from ..pieces.logends import LogForm
from ..text import at_most
from .lines import clamp
from .lines import comment
from .nearness import Levels
from .nearness import Split
from .nearness import nearness

# 1.0 / d would become an operation of its own in TensorFlow's graphs, which
# is 2.75 ulp off in float32; this is the same number, rounded once.
RECIPROCAL = "w = -1.0 / -{0}"


def end_lines(
    form: EndForm | LogForm,
    k: int,
    dtype: str,
    needs: set[str],
    label: str,
    last: bool = False,
) -> list[str]:
    """The lines that compute y0, y1, ... near one end of the domain."""
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
    if infinite and not (isinstance(form, EndForm) and form.level):
        past = f"d{k} > _number({number(form.cut, dtype)}, {dtype!r})"
    note = (
        f"{len(form.rows)} local polynomials in log t"
        if isinstance(form, LogForm)
        else form.note
    )
    text = (
        f"{where}: {end_formula(form)}; {note}. Truncation + roundoff "
        f"<= {at_most(form.ulp)} ulp."
    )
    lines = ["", *comment(text), f"d{k} = {distance}"]
    limit = f"_number({number(form.limit, dtype)}, {dtype!r})"
    if isinstance(form, EndForm) and form.is_flat:
        return [*lines, f"y{k} = {limit}"]
    lines += [
        f"past = {past}",
        f"d = ops.where(past, _number({number(form.bound, dtype)}, {dtype!r}), "
        f"d{k})",
        f"d = {clamp('d', low, high, dtype)}",
    ]
    if isinstance(form, LogForm):
        lines += _by_logs(form, k, dtype, needs, label)
    elif form.simple:
        lines += _simple(form, k, dtype)
    else:
        lines += _pairs(form, k, dtype, needs, last)
    lines.append(f"y{k} = ops.where(past, {limit}, y{k})")
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
            parts.append(f"w * _horner({tuple_text(rest, dtype)}, w)")
    if factor.tail:
        parts.append(number(sign * factor.tail, dtype))
    return " + ".join(parts)


def _simple(form: EndForm, k: int, dtype: str) -> list[str]:
    (factor,) = form.factors
    lines = []
    small = _small_part(factor, dtype, negated=True)
    head = number(factor.head, dtype)
    if factor.rest:
        lines.append(RECIPROCAL.format("d") if form.point is None else "w = d")
        # TensorFlow folds head - (p + tail) to (head - tail) - p.
        small = f"_fixed({small}, {dtype!r})" if factor.tail else f"({small})"
        lines.append(f"a = {head} - {small}")
    else:  # head + tail, rounded; a tensor, or torch would make it float32
        lines.append(f"a = {head} + ops.zeros_like(d)")
    power = -form.power if form.point is None else form.power
    if power:
        call = f"a {'*' if power > 0 else '/'} d"
        if factor.head == 1 and not factor.rest and power < 0:
            call = "-a / -d"  # see RECIPROCAL
        lines.append(f"y{k} = {call}")
    else:
        lines.append(f"y{k} = a")
    return lines


def _pairs(
    form: EndForm, k: int, dtype: str, needs: set[str], last: bool
) -> list[str]:
    needs.add("pairs")
    q, infinite = form.root, form.point is None
    power = -form.power if infinite else form.power
    near = nearness(form, FORMATS[dtype], last)
    needs |= near.needs
    lines = []
    if power or q > 1:
        lines += near.begin(q, dtype)
        if q > 1:
            needs.add("root")
            lines.append(f"r = _root(m, {q}, {dtype!r})")
        else:
            lines.append("r = (m, ops.zeros_like(m))")
    if any(f.rest for f in form.factors):
        if q == 1:
            lines.append(RECIPROCAL.format("d") if infinite else "w = d")
        else:
            lines.append(f"w = {near.scaled('r[0]', Fraction(1, q), dtype)}")
            lines += [RECIPROCAL.format("w")] if infinite else []
    if len(form.factors) > 1:
        needs |= {"log", "scale"}
        # The kernel wants sqrt(1/2) <= m <= sqrt(2).
        lines.append(
            f"logs = _log(*_split_exponent(d, 1, {dtype!r}), {dtype!r})"
        )
        ratio = Fraction(-1 if infinite else 1, q)
        lines += _by_rational("logs", ratio, dtype)
    lines += _sum_lines(form, dtype)
    if power:
        lines.append(f"b = _pair_power(r, {abs(power)}, {dtype!r})")
        call = "_product" if power > 0 else "_quotient"
        lines.append(f"a = {call}(a, b, {dtype!r})")
    if form.level:
        needs |= {"exp", "scale"}
        lines += _exponential(form, dtype, near)
        # Together: either of them alone may leave the range of the format.
        whole = "n2"
        if power:
            whole += f" + {near.exponent(Fraction(power, q), dtype)}"
        if form.gain:
            whole += f" - {form.gain}.0"
        lines.append(f"y{k} = _scale(a[0] + a[1], {whole}, {dtype!r})")
    elif power:
        times = Fraction(power, q)
        back = near.scaled("(a[0] + a[1])", times, dtype, -form.gain)
        lines.append(f"y{k} = {back}")
    else:
        lines.append(f"y{k} = {_unscaled('a[0] + a[1]', form, dtype)}")
    return lines


def _unscaled(text: str, form: EndForm, dtype: str) -> str:
    """Times 2**-gain, by two numbers where one is out of range."""
    if not form.gain:
        return text
    whole = -form.gain
    parts = [whole]
    if not FORMATS[dtype].emin <= whole <= FORMATS[dtype].emax:
        parts = [whole // 2, whole - whole // 2]
    factors = [number(Fraction(2) ** n, dtype) for n in parts]
    return " * ".join([f"({text})", *factors])


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
        if small and not factor.rest:
            # Already a pair; as Python numbers they would add in float64.
            low = number(factor.tail, dtype)
            term = f"({head} + ops.zeros_like(d), {low} + ops.zeros_like(d))"
        elif small and factor.head:
            term = f"_two_sum(_fixed({small}, {dtype!r}), {head})"
        elif small:
            term = f"({small}, ops.zeros_like(d))"
        elif factor.head:
            term = f"({head} + ops.zeros_like(d), ops.zeros_like(d))"
        if term:
            lines.append(f"a = _sum(a, {term})" if started else f"a = {term}")
            started = True
    return lines


def _exponential(form: EndForm, dtype: str, near: Levels | Split) -> list[str]:
    """a, n2 with a * 2**n2 = a * exp(-level * g)."""
    q, infinite = form.root, form.point is None
    lines = []
    if q == 1:
        lines.append("b = (d, ops.zeros_like(d))")
    else:
        parts = [near.scaled(f"r[{i}]", Fraction(1, q), dtype) for i in (0, 1)]
        lines.append(f"b = ({parts[0]}, {parts[1]})")
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
    ]
    return lines


def _by_logs(
    form: LogForm, k: int, dtype: str, needs: set[str], label: str
) -> list[str]:
    needs |= {"scale", "pairs", "log", "rows", "logrows"}
    lines = [
        f"m, n = _split_exponent(d, 1, {dtype!r})",
        f"logs = _log(m, n, {dtype!r})",
        f"a = _log_rows(logs, {label}_SEAMS, {label}_TABLE, "
        f"{any(r.scale or r.gain for r in form.rows)}, {dtype!r})",
    ]
    if not form.power:  # scaled row by row
        return [*lines, f"y{k} = a[0] + a[1]"]
    call = "_product" if form.power > 0 else "_quotient"
    last = FORMATS[dtype].emax - 1
    return [
        *lines,
        f"b = _pair_power((m, ops.zeros_like(m)), {abs(form.power)}, "
        f"{dtype!r})",
        f"a = {call}(a, b, {dtype!r})",
        f"scale = _clamp({form.power}.0 * n - {form.gain}.0, {-2 * last}.0, "
        f"{2 * last}.0, {dtype!r})",
        f"y{k} = _scale(a[0] + a[1], scale, {dtype!r})",
    ]
