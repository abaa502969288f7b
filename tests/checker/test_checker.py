"""The independent checker: it passes what is shipped, and catches lies."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import CASES
from checking import findings
from checking import made
from flint import arb
from flint import ctx
from keras_stablef.generator.checker import Expected
from keras_stablef.generator.checker import check
from keras_stablef.generator.checker import folds
from keras_stablef.generator.checker.claims import get_format
from keras_stablef.generator.checker.enclosure import regular_chart
from keras_stablef.generator.checker.endcharts import end_chart
from keras_stablef.generator.checker.endcharts import exponential_chart
from keras_stablef.generator.checker.formula import Unreadable
from keras_stablef.generator.checker.formula import read
from keras_stablef.generator.checker.lanes import from_ordinals
from keras_stablef.generator.checker.lanes import ordinals
from keras_stablef.generator.checker.machine import Machine
from keras_stablef.generator.checker.operations import Ops
from keras_stablef.generator.checker.roundoff import ulps
from keras_stablef.generator.checker.running import Number
from keras_stablef.generator.checker.running import constant
from keras_stablef.generator.checker.values import Unknown
from oracle import compiled
from sampling import sampled

import keras_stablef
import keras_stablef as ks

FOLDER = Path(keras_stablef.__file__).parent / "generated"

pytestmark = pytest.mark.once


def parts(name: str) -> tuple[Any, str]:
    """The certificate as data, and the module."""
    data = json.loads((FOLDER / f"{name}.json").read_text())
    return data, (FOLDER / f"{name}.py").read_text()


# All that is shipped is checked by `make check`; a row, an end and a program.
@pytest.mark.parametrize(
    "name, order, dtype",
    [
        ("stablef", 0, "float32"),
        ("log_cosh", 0, "float32"),
        ("log1mexp", 0, "float32"),  # cancels more than the first bits
        ("exprel", 1, "float32"),
        ("softplus_inverse", 1, "float32"),
    ],
)
def test_what_ships_is_confirmed(name: str, order: int, dtype: str) -> None:
    assert findings(*parts(name), order, dtype) == []


@pytest.mark.parametrize(
    "op, dtype, order, compute",
    [
        (ks.ops.stablef, "float32", 1, "float32"),
        (ks.ops.log_cosh, "bfloat16", 0, "float32"),
        (ks.ops.log_cosh.derivative(), "float64", 1, "float64"),
        (ks.stabilize("x - sin(x)", (-1, 1)), "float32", 0, "float32"),
    ],
)
def test_an_op_shows_its_certificate(
    op: ks.StableOp, dtype: str, order: int, compute: str
) -> None:
    claims = op.certificate(dtype, order)
    assert claims["expression"] == op.expression
    assert claims["plan"]["dtype"] == compute
    assert claims["plan"]["ulp"] <= op.error_bound(compute, order)
    assert claims["assumptions"]


# In no list of the engine: a removable point, a zero between floats up to the
# end of the domain, a limit of high order, logarithms at either end, kinks.
UNSEEN = [
    ("(x-sin(x))/(x-tan(x))", "-3/2", "3/2"),
    ("cos(x)-x", "-5", "5"),
    ("(1-cos(sqrt(x)))/x", "0", "100"),
    ("(x**0.3-1)/0.3", "0", "oo"),
    ("log(log(3+x))", "0", "oo"),
    ("1/log(x)", "0", "1/2"),
    # Kinks at 0, at floats and between them; f'' is 0, or a constant.
    ("abs(x**2-2)", "-oo", "oo"),
    ("exp(-abs(x-0.7))", "-oo", "oo"),
    ("sqrt((x-1)**2)", "-3", "3"),
    ("abs(log(x)-1)", "1", "5"),
    ("2*x+1", "-oo", "oo"),
    # Zeros of order 2 between floats; powers beyond the largest number.
    ("(x-sqrt(3))**2", "0", "5"),
    ("1e36*sqrt(x)", "0", "3"),
]


SLOW = {
    "1/log(x)",
    "exp(-abs(x-0.7))",
    "log(log(3+x))",
    "(1-cos(sqrt(x)))/x",
    "(x-sin(x))/(x-tan(x))",
}


@pytest.mark.parametrize(
    ("formula", "low", "high"),
    sampled(UNSEEN, 0, [row for row in UNSEEN if row[0] not in SLOW]),
)
def test_what_was_never_seen_is_confirmed(
    formula: str, low: str, high: str
) -> None:
    expected = Expected(formula, (low, high))
    assert check(*made(formula, low, high), expected=expected).findings == []


@pytest.mark.parametrize("field", ["lead", "high", "truncation", "ulp"])
def test_mutations_of_rows_by_logarithm_are_caught(field: str) -> None:
    text, module = made("log(log(3+x))", "0", "oo")
    data = json.loads(text)
    (end,) = data["plans"][0]["ends"]
    if field == "ulp":
        end["ulp"] *= 0.7
        data["plans"][0]["ulp"] = end["ulp"]
    else:
        at = end["rows"]["fields"].index(field)
        row = end["rows"]["values"][1]
        old = float.fromhex(row[at]) if field != "truncation" else row[at]
        new = old * (0.5 if field == "truncation" else 1 + 2.0**-20)
        row[at] = new if field == "truncation" else new.hex()
    assert findings(data, module, 0, "float32")


def plan_of(data: Any, order: int, dtype: str) -> Any:
    (plan,) = (
        p for p in data["plans"] if (p["order"], p["dtype"]) == (order, dtype)
    )
    return plan


def change_field(
    plan: Any, table: str, index: int, name: str, change: Callable[[Any], Any]
) -> None:
    """Change one number of a piece."""
    group = plan[table]
    if isinstance(group, dict):
        column = group["fields"].index(name)
        row = group["values"][index]
        row[column] = change(row[column])
    else:
        group[index][name] = change(group[index][name])


def moved(ulps: int) -> Callable[[str], str]:
    """So many float32 steps up."""

    def change(text: str) -> str:
        value = np.float32(float.fromhex(text))
        for _ in range(ulps):
            value = np.nextafter(value, np.float32(np.inf))
        return float(value).hex()

    return change


def by_one_ulp_of_f(plan: Any, index: int, power: int) -> None:
    """A coefficient b_k, so that b_k s**k changes by an ulp of f."""
    group = plan["rows"]
    at = {name: k for k, name in enumerate(group["fields"])}
    row = group["values"][index]
    low, high = (float.fromhex(row[at[k]]) for k in ("low", "high"))
    lead = float.fromhex(row[at["lead"]])
    reach = (high - low) / 2
    ulp = float(np.spacing(np.float32(abs(lead))))
    rest = row[at["rest"]]
    value = float.fromhex(rest[power]) + ulp / reach**power
    rest[power] = float(np.float32(value)).hex()


MUTATIONS: dict[str, Callable[[Any], None]] = {
    "lead of a row by an ulp": lambda p: change_field(
        p, "rows", 2, "lead", moved(1)
    ),
    "center of a row by an ulp": lambda p: change_field(
        p, "rows", 2, "center", moved(1)
    ),
    "constant coefficient": lambda p: by_one_ulp_of_f(p, 2, 0),
    "linear coefficient": lambda p: by_one_ulp_of_f(p, 2, 1),
    "quadratic coefficient": lambda p: by_one_ulp_of_f(p, 2, 2),
    "low end of a row": lambda p: change_field(p, "rows", 2, "low", moved(1)),
    "high end of a row": lambda p: change_field(p, "rows", 2, "high", moved(1)),
    "bound of a row": lambda p: change_field(
        p, "rows", 2, "ulp", lambda v: v * 0.6
    ),
    "truncation of a row": lambda p: change_field(
        p, "rows", 2, "truncation", lambda v: v * 0.5
    ),
    "factor of a power": lambda p: change_field(
        p, "powers", 0, "factor", moved(1)
    ),
    "order of a power": lambda p: change_field(
        p, "powers", 0, "order", lambda v: v + 1
    ),
    "interval of a power": lambda p: change_field(
        p, "powers", 0, "high", moved(1)
    ),
    "bound of a power": lambda p: change_field(
        p, "powers", 0, "ulp", lambda v: v * 0.6
    ),
    "truncation of a power": lambda p: change_field(
        p, "powers", 0, "truncation", lambda v: v * 0.9
    ),
    "threshold of an end, outwards": lambda p: change_field(
        p, "ends", 0, "bound", moved(1)
    ),
    "threshold of an end, inwards": lambda p: change_field(
        p, "ends", 0, "bound", lambda v: float(float.fromhex(v) / 2).hex()
    ),
    "truncation of an end": lambda p: change_field(
        p, "ends", 0, "truncation", lambda v: v * 0.9
    ),
    "bound of an end": lambda p: change_field(
        p, "ends", 0, "ulp", lambda v: v * 0.5
    ),
    "limit of an end": lambda p: change_field(
        p, "ends", 0, "limit", lambda v: 1.0
    ),
    "bound of the plan": lambda p: p.update(ulp=p["ulp"] * 0.999),
    "parity": lambda p: p.update(parity=-p["parity"]),
    "derivative": lambda p: p.update(order=1),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_mutations_are_caught(mutation: str) -> None:
    data, source = parts("log_cosh")
    plan = plan_of(data, 0, "float32")
    before = json.dumps(data)
    MUTATIONS[mutation](plan)
    assert json.dumps(data) != before
    assert findings(data, source, plan["order"], "float32") != []


PROGRAM_MUTATIONS: dict[str, Callable[[Any], None]] = {
    "coefficient": lambda p: p["pieces"][0]["statements"][1][1].__setitem__(
        2, {"constant": str(Fraction("-14051627/17592186044416") * 2)}
    ),
    "threshold": lambda p: p["pieces"][1].update(low="19/8"),
    "bound": lambda p: p["pieces"][1].update(ulp=p["pieces"][1]["ulp"] * 0.98),
    "fold": lambda p: p["fold"].update(sign=1),
}


@pytest.mark.parametrize("mutation", PROGRAM_MUTATIONS)
def test_mutations_of_programs_are_caught(mutation: str) -> None:
    data, source = parts("stablef")
    plan = plan_of(data, 0, "float32")
    PROGRAM_MUTATIONS[mutation](plan)
    assert findings(data, source, 0, "float32") != []


@pytest.mark.parametrize(
    "old, new",
    [
        ("t < 0.5)", "t < 0.25)"),
        ('EXPRESSION = "log(cosh(x))"', 'EXPRESSION = "log(cosh(2*x))"'),
    ],
)
def test_a_changed_module_is_caught(old: str, new: str) -> None:
    data, source = parts("log_cosh")
    assert old in source
    assert findings(data, source.replace(old, new), 0, "float32") != []


@pytest.mark.parametrize(
    "text", ["{}", "[]", "not JSON", '{"name": "f", "plans": 3}']
)
def test_what_is_no_certificate(text: str) -> None:
    report = check(text, parts("log_cosh")[1])
    assert not report.ok


@pytest.mark.parametrize(
    "text", ["", "x +", "y", "open('x')", "x.real", "[x]", "f(x)", "x**x**"]
)
def test_formulas_are_read_by_whitelist(text: str) -> None:
    with pytest.raises(Unreadable):
        read(text)


# A sign is that of the interval between floats; across a kink there is none.
@pytest.mark.parametrize(
    "formula, low, high, want",
    [
        ("abs(x-2/3)", "11184811/16777216", "1", "x-2/3"),
        ("abs(x-2/3)", "0", "11184810/16777216", "2/3-x"),
        ("abs(x-2/3)", "1/2", "1", None),
        ("abs(x-1)", "1", "2", "x-1"),
        ("abs(x-1)", "0", "1", "1-x"),
        ("abs(x-1)", "0", "2", None),
        ("abs(x**2-2)", "3/2", "2", "x**2-2"),
        ("abs(x**2-2)", "-1", "1", "2-x**2"),
        ("abs(sin(x))", "3", "3.14159265", "sin(x)"),
        ("abs(sin(x))", "3.1415927", "4", "-sin(x)"),
        ("abs(sin(x))", "3", "4", None),
        ("sqrt((x-2/3)**2)", "1", "2", "x-2/3"),
        ("((x-2/3)**4)**(1/4)", "-1", "0", "2/3-x"),
        ("Abs(x)**3", "-1", "0", "-x**3"),
    ],
)
def test_signs_beside_kinks(
    formula: str, low: str, high: str, want: str | None
) -> None:
    a, b = Fraction(low), Fraction(high)
    before = ctx.prec, ctx.cap
    try:
        ctx.prec, ctx.cap = 200, 6
        chart = regular_chart(a, (a + b) / 2, b, 6)
        if want is None:
            with pytest.raises(Unknown):
                chart.evaluate(read(formula))
            return
        found = chart.evaluate(read(formula)).plain.p.coeffs()
        exact = chart.evaluate(read(want)).plain.p.coeffs()
        assert all(c.overlaps(d) for c, d in zip(found, exact, strict=False))
    finally:
        ctx.prec, ctx.cap = before


@pytest.mark.parametrize("name", list(CASES))
def test_enclosures_hold_the_oracle(name: str) -> None:
    case = CASES[name]
    low, high = Fraction(13, 16), Fraction(15, 16)
    before = ctx.prec, ctx.cap
    try:
        ctx.prec, ctx.cap = 200, 12
        chart = regular_chart(low, (low + high) / 2, high, 12)
        value = chart.evaluate(read(str(case.expr))).plain
        cs = [*value.p.coeffs()[:8], value.q.coeffs()[8]]
        for k in range(9):
            t = low + (high - low) * k / 8
            s = arb(float(t - (low + high) / 2))
            found = sum((c * s**i for i, c in enumerate(cs)), arb(0))
            assert found.overlaps(compiled(case.expr)(arb(float(t))))
    finally:
        ctx.prec, ctx.cap = before


@pytest.mark.parametrize(
    "formula, kind",
    [
        ("1/(1-exp(-x)) - 1/x", "powers"),
        ("sqrt(x+1) - sqrt(x)", "roots"),
        ("log(cosh(x))", "exponentials"),
        ("(exp(x)-1)/x", "exponentials"),
        ("log(x + sqrt(x**2+1))", "powers"),
    ],
)
def test_charts_of_infinity_hold_the_formula(formula: str, kind: str) -> None:
    n = 16
    before = ctx.prec, ctx.cap
    try:
        ctx.prec, ctx.cap = 600, n
        node = read(formula)
        root = 2 if kind == "roots" else 1
        if kind == "exponentials":
            chart = exponential_chart(1, 1, arb(40), n)
        else:
            chart = end_chart(None, 1, root, arb(40) ** (arb(-1) / root), n)
        value = chart.evaluate(node)
        for x in (40, 64, 300):
            w = (
                (-arb(x)).exp()
                if kind == "exponentials"
                else arb(x) ** (arb(-1) / root)
            )
            total = arb(0)
            for j, part in value.parts.items():
                ps, qs = part.p.coeffs(), part.q.coeffs()
                k = n // 2
                series = sum((c * w**i for i, c in enumerate(ps[:k])), arb(0))
                series += (qs[k] if k < len(qs) else 0) * w**k
                total += w.log() ** j * w**part.v * series
            exact = regular_chart(*[Fraction(x)] * 3, 2).evaluate(node)
            assert total.overlaps(exact.plain.p.coeffs()[0])
    finally:
        ctx.prec, ctx.cap = before


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ordinals_are_the_order_of_floats(dtype: str) -> None:
    fmt = get_format(dtype)
    kind = np.dtype(dtype).type
    tiny = np.finfo(kind).smallest_subnormal
    x = np.array([-3.5, -1.0, -tiny, 0.0, tiny, 1.0, 2.0], kind)
    n = ordinals(x, fmt)
    assert list(n) == sorted(n)
    assert list(from_ordinals(n, fmt)) == [float(v) for v in x]
    assert float(from_ordinals(n + 1, fmt)[-1]) == float(
        np.nextafter(kind(2), kind(3))
    )


def test_division_by_a_constant_rounds_twice() -> None:
    """XLA multiplies by the rounded reciprocal; that of 4 is exact."""
    machine = Machine(get_format("float32"), 1, {}, {}, {}, folds)
    x = Ops(machine).clip(constant(machine, 5.0), 0.0, 9.0)
    for number, roundings in ((3.0, 2.0), (4.0, 1.0)):
        once = x / Ops(machine).clip(constant(machine, number), 0.0, 9.0)
        ratio = float((x / number).error[0]) / float(once.error[0])
        assert roundings <= ratio < roundings + 1.5 * (roundings - 1) + 1e-6


@pytest.mark.parametrize(
    ("below", "width", "least", "most"),
    [  # f is so many ulp below the largest number, and up to `width` more
        (0, 0, 0, 0.6),
        (3, 0, 3, 3.6),
        (0, 1000, 1000, 1001),
        (2.0**20, 0, 2.0**20, 2.0**20 + 1),
        (-1e30, 0, 0, 0),  # far above it, where infinity is right
    ],
)
def test_infinity_counts_as_the_largest_number(
    below: float, width: float, least: float, most: float
) -> None:
    fmt = get_format("float32")
    machine = Machine(fmt, 1, {}, {}, {}, folds)
    top = np.float64(np.finfo(np.float32).max)
    high = top - below * 2.0**104
    ends = (machine.fill(v) for v in (high - width * 2.0**104, high))
    last = machine.fill(2.0**103)
    f = Number(machine, *ends, last, {}, None, last, machine.fill(1) > 0)
    found = float(ulps(f, 0.0, fmt)[0])
    assert least <= found <= most
