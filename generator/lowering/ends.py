"""The statements of one end of the domain: infinity, or a singular point."""

from __future__ import annotations

from fractions import Fraction

from ..numbers.formats import FORMATS
from ..pieces.end_formula import end_formula
from ..pieces.end_kinds import AnyEnd
from ..pieces.end_kinds import BetweenEnd
from ..pieces.end_kinds import ExponentialEnd
from ..pieces.end_kinds import Factor
from ..pieces.end_kinds import FloatEnd
from ..pieces.end_kinds import LogEnd
from ..pieces.end_kinds import PairEnd
from ..pieces.first_term import first_term
from ..pieces.plan import ORDERS
from ..program.program import Const
from ..program.program import Expr
from ..program.program import Op
from ..program.program import Var
from ..text import at_most
from .body import Assign
from .body import Call
from .body import Coefficients
from .body import Compare
from .body import Group
from .body import Note
from .body import Number
from .body import Part
from .body import Rows
from .body import Table
from .body import Word
from .body import assign
from .body import constant
from .body import ops
from .body import reciprocal
from .body import zeros
from .clips import clamp
from .nearness import Levels
from .nearness import Split
from .nearness import may_be_subnormal
from .nearness import nearness
from .nearness import shifted
from .nearness import split

Statements = list[Assign | Note]
D, M, N, W, Z = Var("d"), Var("m"), Var("n"), Var("w"), Var("z")
A0, A1 = Part("a", 0), Part("a", 1)


def end_statements(
    form: AnyEnd, k: int, dtype: str, order: int, prefix: str
) -> tuple[Statements, list[Table]]:
    """What computes y0, y1, ... near one end, and the tables it needs."""
    fmt = FORMATS[dtype]
    infinite = form.point is None
    name, distance = Var(f"d{k}"), _distance(form, dtype)
    note = (
        f"{len(form.rows)} local polynomials in log t"
        if isinstance(form, LogEnd)
        else form.note
    )
    text = (
        f"{_where(form)}: {end_formula(form)}; {note}. Truncation + roundoff "
        f"<= {at_most(form.ulp)} ulp."
    )
    found: Statements = [Note(text), assign(name.name, distance)]
    limit = constant(form.limit, dtype)
    if isinstance(form, FloatEnd) and form.is_flat:
        return [*found, assign(f"y{k}", limit)], []
    if infinite:
        low, high = form.bound, form.cut
        cut: Expr = constant(form.cut, dtype)
        if isinstance(form, ExponentialEnd):
            cut = Number(form.cut, dtype)
        past = Compare(">", name, cut)
    else:
        low, high = max(form.cut, fmt.smallest_subnormal), form.bound
        past = Compare("<=", name, Number(form.cut, dtype))
        if isinstance(form, BetweenEnd):  # no float is the end
            past = Compare("<", name, Number(form.cut, dtype))
    inner = constant(form.bound, dtype)
    found += [
        assign("past", past),
        assign("d", ops("where", Var("past"), inner, name)),
        assign("d", clamp(D, low, high, dtype)),
    ]
    if isinstance(form, BetweenEnd):
        found += _between(form, dtype)
    if isinstance(form, LogEnd):
        label = f"{prefix}_END{k}"
        tables: list[Table] = [Rows(label, form.rows, k)]
        found += _by_logs(form, k, dtype, label)
    else:
        factors = (form.factor,) if isinstance(form, FloatEnd) else form.factors
        sign = -1 if isinstance(form, FloatEnd) else 1
        own = _coefficients(factors, k, prefix, sign)
        tables = [*own.values()]
        small = {
            j: _small_part(factor, own.get(j), dtype, sign)
            for j, factor in enumerate(factors)
        }
        if isinstance(form, FloatEnd):
            found += _simple(form, k, dtype, small[0])
        else:
            found += _pairs(form, k, dtype, small, order >= ORDERS - 1)
    held = ops("where", Var("past"), limit, Var(f"y{k}"))
    return [*found, assign(f"y{k}", held)], tables


def _where(form: AnyEnd) -> str:
    """The interval, for people."""
    if form.point is not None:
        return f"{float(form.bound):g} and nearer to {float(form.point):g}"
    if form.side > 0:
        return f"x >= {float(form.bound):g}"
    return f"x <= -{float(form.bound):g}"


def _distance(form: AnyEnd, dtype: str) -> Expr:
    """From the end, or |x|."""
    t: Expr = Var("t")
    if form.side < 0:
        t = -t
    if not form.point:
        return t
    point = Number(abs(form.point), dtype)
    return t - point if (form.point > 0) == (form.side > 0) else t + point


def _between(form: BetweenEnd, dtype: str) -> Statements:
    """d, and z: the part of d that its low part is."""
    first, second = form.offset
    step = Call("fixed", (D, Word(dtype)))  # XLA would add the two numbers
    pair = Call("two_sum", (step, constant(first, dtype)))
    low: Expr = Part("dd", 1)
    if second:
        low = low + Number(second, dtype)
    return [
        assign("dd", pair),
        assign("d", Part("dd", 0)),
        assign("z", low / D),
    ]


def _coefficients(
    factors: tuple[Factor, ...], k: int, prefix: str, sign: int
) -> dict[int, Coefficients]:
    """By factor, those that are more than one number."""
    return {
        j: Coefficients(
            f"{prefix}_END{k}_{j}" if j else f"{prefix}_END{k}",
            tuple(sign * c for c in factor.rest),
            sign,
            ("ends", k, "factors", j, "rest"),
        )
        for j, factor in enumerate(factors)
        if len(factor.rest) > 1
    }


def _small_part(
    factor: Factor, table: Coefficients | None, dtype: str, sign: int
) -> Expr | None:
    """sign * (w * rest + tail), None if there is nothing."""
    found: Expr | None = None
    if table is not None:
        found = W * Call("horner", (Var(table.name), W))
    elif factor.rest:
        found = Number(sign * factor.rest[0], dtype) * W
    if factor.tail:
        tail = Number(sign * factor.tail, dtype)
        found = tail if found is None else found + tail
    return found


def _simple(
    form: FloatEnd, k: int, dtype: str, small: Expr | None
) -> Statements:
    factor = form.factor
    sign = -1 if form.point is None else 1
    power = Fraction(sign * form.power, form.root)
    if abs(power) not in (0, 1):
        return _first_term(form, k, dtype, power)
    found: Statements = []
    head, a = Number(factor.head, dtype), Var("a")
    if factor.rest:
        assert small is not None
        found.append(assign("w", reciprocal("d") if form.point is None else D))
        if factor.tail:
            # TensorFlow folds head - (p + tail) to (head - tail) - p.
            small = Call("fixed", (small, Word(dtype)))
        found.append(assign("a", head - small))
    else:  # head + tail, rounded; a tensor, or torch would make it float32
        found.append(assign("a", head + zeros("d")))
    value: Expr = a
    if power > 0:
        value = a * D
    elif power and factor.head == 1 and not factor.rest:
        value = (-a) / (-D)  # see `body.reciprocal`
    elif power:
        value = a / D
    return [*found, assign(f"y{k}", value)]


def _first_term(
    form: FloatEnd, k: int, dtype: str, power: Fraction
) -> Statements:
    """head * d**power, by one product or quotient after the other.

    Its size first: `once` leaves what is positive as it is, and behind it
    XLA makes no a / (d d) of (a / d) / d, of which d d may be out of range.
    """
    size, negative = abs(form.factor.head), form.factor.head < 0
    program = first_term(power, size, form.point is None, FORMATS[dtype])
    assert program is not None
    found: Statements = []
    values: dict[str, Expr] = {program.input: D}

    def of(node: Expr) -> Expr:
        if isinstance(node, Const):  # a tensor, or torch would take 1 / d
            return Number(node.value, dtype) + zeros("d")
        assert isinstance(node, Var)
        return values[node.name]

    for i, (name, node) in enumerate(program.statements):
        assert isinstance(node, Op)
        args = [of(part) for part in node.args]
        first = node.args[0]
        if node.name == "div" and first == Const(Fraction(1)):
            args = [-args[0], -args[1]]  # see `body.reciprocal`
        if node.name == "mul" and isinstance(first, Const):
            args[0] = Number(first.value, dtype)
        value: Expr = Op(node.name, tuple(args))
        if i < len(program.statements) - 1:
            value = Call("once", (value, Word(dtype)))
        found.append(assign(f"{name}_{k}", value))
        values[name] = Var(f"{name}_{k}")
    last = values[program.statements[-1][0]]
    return [*found, assign(f"y{k}", -last if negative else last)]


def _pairs(
    form: PairEnd,
    k: int,
    dtype: str,
    small: dict[int, Expr | None],
    last: bool,
) -> Statements:
    q, infinite = form.root, form.point is None
    power = -form.power if infinite else form.power
    near = nearness(form, FORMATS[dtype], last)
    between = isinstance(form, BetweenEnd)
    found: Statements = []
    if power or q > 1:
        found += near.begin(q, dtype)
        root = Call("pair_root", (M, Word(q), Word(dtype)))
        found.append(assign("r", root if q > 1 else Group((M, zeros("m")))))
        if between:  # (1 + z)**(1/q)
            part = Z if q == 1 else Z / Const(Fraction(q))
            low = Part("r", 1) + Part("r", 0) * part
            found.append(assign("r", Group((Part("r", 0), low))))
    if any(f.rest for f in form.factors):
        if q == 1:
            found.append(assign("w", reciprocal("d") if infinite else D))
        else:
            scaled = near.scaled(Part("r", 0), Fraction(1, q), dtype)
            found.append(assign("w", scaled))
            found += [assign("w", reciprocal("w"))] if infinite else []
    if len(form.factors) > 1:
        # The kernel wants sqrt(1/2) <= m <= sqrt(2).
        found += [
            Assign(
                ("m1", "n1"),
                split(may_be_subnormal(form, FORMATS[dtype]), 1, dtype),
            ),
            assign(
                "logs", Call("pair_log", (Var("m1"), Var("n1"), Word(dtype)))
            ),
        ]
        if between:  # log(1 + z)
            low = Part("logs", 1) + Z
            found.append(assign("logs", Group((Part("logs", 0), low))))
        ratio = Fraction(-1 if infinite else 1, q)
        found += _by_rational("logs", ratio, dtype)
    found += _sum(form, dtype, small)
    whole: Expr = A0 + A1
    if power:
        times = Call("pair_power", (Var("r"), Word(abs(power)), Word(dtype)))
        call = "pair_product" if power > 0 else "pair_quotient"
        found += [
            assign("b", times),
            assign("a", Call(call, (Var("a"), Var("b"), Word(dtype)))),
        ]
    if isinstance(form, ExponentialEnd):
        found += _exponential(form, dtype, near)
        # Together: either of them alone may leave the range of the format.
        n: Expr = Var("n2")
        if power:
            n = n + near.exponent(Fraction(power, q), dtype)
        if form.gain:
            n = shifted(n, -form.gain)
        whole = Call("scale_by_power", (whole, n, Word(dtype)))
    elif power:
        whole = near.scaled(whole, Fraction(power, q), dtype, -form.gain)
    else:
        whole = _unscaled(whole, form, dtype)
    return [*found, assign(f"y{k}", whole)]


def _unscaled(value: Expr, form: PairEnd, dtype: str) -> Expr:
    """Times 2**-gain, by two numbers where one is out of range."""
    if not form.gain:
        return value
    whole = -form.gain
    parts = [whole]
    if not FORMATS[dtype].emin <= whole <= FORMATS[dtype].emax:
        parts = [whole // 2, whole - whole // 2]
    for n in parts:
        value = value * Number(Fraction(2) ** n, dtype)
    return value


def _by_rational(name: str, ratio: Fraction, dtype: str) -> Statements:
    """A pair times a rational."""
    if ratio == 1:
        return []
    if ratio == -1:
        return [assign(name, Group((-Part(name, 0), -Part(name, 1))))]
    fmt = FORMATS[dtype]
    high = fmt.round(ratio)
    low = fmt.round(ratio - high)
    pair = Group((constant(high, dtype), constant(low, dtype)))
    call = Call("pair_product", (Var(name), pair, Word(dtype)))
    return [assign(name, call)]


def _sum(
    form: PairEnd, dtype: str, small: dict[int, Expr | None]
) -> Statements:
    """a = sum of log(w)**j (head_j + small_j), by Horner in pairs."""
    found: Statements = []
    a, logs, nothing = Var("a"), Var("logs"), zeros("d")
    for j in reversed(range(len(form.factors))):
        factor, more = form.factors[j], small[j]
        if found:
            call = Call("pair_product", (a, logs, Word(dtype)))
            found.append(assign("a", call))
        head = Number(factor.head, dtype)
        term: Expr | None = None
        if more is not None and not factor.rest:
            # Already a pair; as Python numbers they would add in float64.
            low = Number(factor.tail, dtype)
            term = Group((head + nothing, low + nothing))
        elif more is not None and factor.head:
            held = Call("fixed", (more, Word(dtype)))
            term = Call("two_sum", (held, head))
        elif more is not None:
            term = Group((more, nothing))
        elif factor.head:
            term = Group((head + nothing, nothing))
        if term is not None:
            value = Call("pair_sum", (a, term)) if found else term
            found.append(assign("a", value))
    return found


def _exponential(
    form: ExponentialEnd, dtype: str, near: Levels | Split
) -> Statements:
    """a, n2 with a * 2**n2 = a * exp(-level * g)."""
    q, infinite = form.root, form.point is None
    nothing, b = zeros("d"), Var("b")
    parts: list[Expr] = [D, nothing]
    if q > 1:
        parts = [
            near.scaled(Part("r", i), Fraction(1, q), dtype) for i in (0, 1)
        ]
    found: Statements = [assign("b", Group(tuple(parts)))]
    if not infinite:
        one = Group((constant(Fraction(1), dtype) + nothing, nothing))
        call = Call("pair_quotient", (one, b, Word(dtype)))
        found.append(assign("b", call))
    for i, (p, c) in enumerate(form.exponent):
        name = "h" if i else "g"
        call = Call("pair_power", (b, Word(p), Word(dtype)))
        found.append(assign(name, call))
        found += _by_rational(name, -form.level * c, dtype)
        if i:
            found.append(assign("g", Call("pair_sum", (Var("g"), Var("h")))))
    product = Call("pair_product", (Var("a"), Var("e"), Word(dtype)))
    return [
        *found,
        Assign(("e", "n2"), Call("pair_exp", (Var("g"), Word(dtype)))),
        assign("a", product),
    ]


def _by_logs(form: LogEnd, k: int, dtype: str, table: str) -> Statements:
    rows = Call("log_rows", (Var("logs"), Var(table), Word(dtype)))
    found: Statements = [
        Assign(
            ("m", "n"), split(may_be_subnormal(form, FORMATS[dtype]), 1, dtype)
        ),
        assign("logs", Call("pair_log", (M, N, Word(dtype)))),
        assign("a", rows),
    ]
    if not form.power:  # scaled row by row
        return [*found, assign(f"y{k}", A0 + A1)]
    call = "pair_product" if form.power > 0 else "pair_quotient"
    last = Fraction(2 * (FORMATS[dtype].emax - 1))
    times = Group((M, zeros("m")))
    power = Call("pair_power", (times, Word(abs(form.power)), Word(dtype)))
    n = Const(Fraction(form.power)) * N - Const(Fraction(form.gain))
    ends = Number(-last, dtype), Number(last, dtype)
    back = Call("scale_by_power", (A0 + A1, Var("scale"), Word(dtype)))
    return [
        *found,
        assign("b", power),
        assign("a", Call(call, (Var("a"), Var("b"), Word(dtype)))),
        assign("scale", Call("clamp", (n, *ends, Word(dtype)))),
        assign(f"y{k}", back),
    ]
