"""Text from outside never becomes code: every way in, with evil payloads.

A payload that ran would set an attribute of `builtins`; and what is rendered
for one has the very shape of what is rendered for a harmless text.
"""

from __future__ import annotations

import ast
import builtins
import dataclasses
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath as mp
import pytest
import sympy
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from keras_stablef.generator.certificate import certify
from keras_stablef.generator.cli import main
from keras_stablef.generator.closed import ClosedForm
from keras_stablef.generator.cover import Cover
from keras_stablef.generator.errors import GeneratorError
from keras_stablef.generator.format_file import formats_with
from keras_stablef.generator.formats import FORMATS
from keras_stablef.generator.plan import Fold
from keras_stablef.generator.plan import Piece
from keras_stablef.generator.plan import Plan
from keras_stablef.generator.program import Const
from keras_stablef.generator.program import Op
from keras_stablef.generator.program import Program
from keras_stablef.generator.program import Var
from keras_stablef.generator.render import render
from keras_stablef.generator.rows import Row
from keras_stablef.generator.spec import Spec
from keras_stablef.generator.spec import make_spec
from keras_stablef.generator.standalone import standalone
from readings import reading

import keras_stablef as ks

pytestmark = pytest.mark.once

STRIKE = "setattr(__import__('builtins'),'struck',1)"
X = sympy.Symbol("x", real=True)

# Each was seen to run, or stands for a kind.
KNOWN = [
    'x*exp(x) # "; __import__("os").system("true"); Z="',
    'exp(x) # the "textbook" form',
    'exp(x) # """',
    "exp(\nx)",
    "x*exp(x)\\",
    "exp(x)\r\n#",
    "x if 1 else x",
    "(lambda: x)()",
    "f'{x}'",
    f'x # "\n{STRIKE}\nZ="',
    f'x # "; {STRIKE}; Z="',
    f'x # """\n{STRIKE}\n"""',
    f"x # '\n{STRIKE}\n'",
    f"x\u2028{STRIKE}",
    f"x\x0c\n{STRIKE}",
    f"{STRIKE} or x",
    f"exp(x){{{{ {STRIKE} }}}}",
    "{% for k in ().__class__.__base__.__subclasses__() %}{% endfor %}",
    "%(x)s",
    "\uff45\uff58\uff50(x)",
    "\uff38",
    "e\u0445p(x)",
    "x\x00",
    "x;x",
    "x:=1",
    "x\\u0022",
    "${x}",
    "`x`",
    "x@x",
    "x//2",
    "x%2",
    "~x",
    "x.__class__",
    "x[0]",
    "exp(*x)",
    "exp(**x)",
    "exp(x=x)",
    "exp.__call__(x)",
    "x<1",
    "x and x",
    "not x",
    "...",
    "None",
    "True",
    "1j*x",
    "'x'",
    "b'x'",
    "__x__",
    "_",
    "await x",
    "yield",
    "x\tif\t1 else x",
]

FRAGMENTS = st.sampled_from(
    [
        *("'", '"', '"""', "'''", "\\", "\n", "\r", "\u2028", "\x85", "\x0b"),
        *("#", "# ", ";", "\x00", "\uff08", "\uff29", "\u00b2", "\u200b"),
        *("{{", "}}", "{%", "%}", "{#", "%s", "%(x)s", "{x}", "$", "`"),
        *("\\x22", "\\N{QUOTATION MARK}", "\\\n", "[", "]", ":", ":=", "@"),
        *(STRIKE, f"\n{STRIKE}\n", f'"\n{STRIKE}\n"', f'"""\n{STRIKE}\n"""'),
        *(f"{{{{{STRIKE}}}}}", "lambda:", " if 1 else ", "__import__"),
        *("x", "x", "exp(x)", "1/x", " + ", "*", "-", "(", ")", "2", "0.1"),
        *("1e3", "**2", "^2", "tanh(x)", " ", "pi", ".5", "0x1F", "1_0"),
    ]
)
PAYLOADS = st.one_of(
    st.lists(FRAGMENTS, min_size=1, max_size=6).map("".join),
    st.text(max_size=12),
    st.tuples(st.sampled_from(["exp(x)", "x*x", "1/x"]), FRAGMENTS, FRAGMENTS)
    .map("".join),
)  # fmt: skip
MANY = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def program() -> Program:
    return Program("t", (("y", Op("exp", (Op("neg", (Var("t"),)),))),))


def closed_form() -> ClosedForm:
    one = Fraction(1)
    return ClosedForm(1, one, 2 * one, program(), 0.7, "exp(-t)")


def cover(name: str = "f") -> Cover:
    """Small, with one piece of the kinds that hold text."""
    zero, one = Fraction(0), Fraction(1)
    row = Row(zero, one, zero, one, zero, (one,), 0.0, 0.0, 0.6)
    return Cover(
        name, 0, "float32", 0, zero, 2 * one, (row,), (), (), (closed_form(),)
    )


def closed_plan() -> Plan:
    one = Fraction(1)
    near = Piece(
        -one, one, "series", Program("x", (("y", Var("x") * Var("x")),)),
        "f", "proved", 0.7, 0.5, (one, one),
    )  # fmt: skip
    far = dataclasses.replace(
        near, low=one, high=None, kind="closed", program=program()
    )
    return Plan("f", 0, "float32", near, (far,), Fold(1, Fraction(0)))


def rendered(
    expression: str = "exp(x)",
    domain: tuple[str, str] = ("0", "2"),
    summary: str = "A test.",
    plan: Any = None,
    formats: Any = FORMATS,
) -> str:
    plans = [plan or cover()]
    return render(
        expression, domain, summary, plans, tidy=False, formats=formats
    ).text


def shape(source: str) -> list[str]:
    """What a module is but for its constants."""
    return [type(node).__name__ for node in ast.walk(ast.parse(source))]


SHAPE = shape(rendered())


@pytest.fixture(autouse=True)
def nothing_struck() -> Any:
    assert not hasattr(builtins, "struck")
    yield
    assert not hasattr(builtins, "struck")


def must_be_harmless(source: str) -> dict[str, Any]:
    assert shape(source) == SHAPE
    space: dict[str, Any] = {"__name__": "rendered"}
    exec(compile(source, "rendered", "exec"), space)
    assert not hasattr(builtins, "struck")
    return space


def check_text(payload: str) -> None:
    """A typed error, or a formula that is what was written."""
    try:
        spec = make_spec(payload)
    except GeneratorError as error:
        assert str(error).isascii()
        assert "\n" not in str(error)
        return
    assert make_spec(spec.text).expr == spec.expr
    space = must_be_harmless(rendered(spec.text, spec.domain_text))
    assert space["EXPRESSION"] == spec.text
    with mp.workdps(40):
        for x in (mp.mpf(3) / 7, mp.mpf(-9) / 4):
            try:
                want = reading(payload.replace("_", ""), x)
                value = sympy.Rational(str(x * 28)) / 28
                got = sympy.N(spec.expr.subs(spec.variable, value), 40)
                got = mp.mpmathify(str(got).replace("*I", "j"))
            except (ArithmeticError, ValueError, TypeError):
                continue  # a pole
            assert abs(got - want) <= mp.mpf(10) ** -25 * (1 + abs(want))


@pytest.mark.parametrize("payload", KNOWN)
def test_known_payloads_as_formulas(payload: str) -> None:
    with pytest.raises(GeneratorError, match="received"):
        make_spec(payload)


@MANY
@given(PAYLOADS)
def test_formulas(payload: str) -> None:
    check_text(payload)


FORMULAS = [
    "1/(1-exp(-x)) - 1/x",
    "x^2*0.1+1e-3 - .5*x",
    "-x**-2+2**-x",
    "0x1F*x/1_000",
    "softplus(x) - sigmoid(x)*log1p(x**2)",
    "expm1(abs(x)) + cbrt(x*x) + log2(3+x)",
    " ( x ) + ((2)) ",
    "+x--x",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_compute_what_was_written(text: str) -> None:
    make_spec(text)  # accepted
    check_text(text)


@pytest.mark.parametrize("payload", KNOWN)
def test_ops_of_known_payloads(payload: str) -> None:
    for formula, extra in (
        (payload, {}),
        ("exp(x)", {"name": payload}),
        ("exp(x)", {"domain": (payload, "oo")}),
        ("exp(x)", {"formats": {payload: {}}}),
        ("exp(x)", {"formats": payload}),
        ("exp(x)", {"max_ulp": payload}),
        (sympy.Symbol(payload) + sympy.Symbol("other"), {}),
    ):
        with pytest.raises(GeneratorError, match="received"):
            ks.stabilize(formula, **extra)


@MANY
@given(PAYLOADS)
def test_symbols_and_functions_of_sympy(payload: str) -> None:
    spec = make_spec(sympy.exp(sympy.Symbol(payload)) - 1)
    assert spec.expr == sympy.exp(spec.variable) - 1
    assert make_spec(spec.text).expr == spec.expr
    must_be_harmless(rendered(spec.text))
    if "\x00" not in payload and payload.isprintable():  # a class has it
        with pytest.raises(GeneratorError):
            make_spec(sympy.Function(payload)(X))
    with pytest.raises(GeneratorError):
        make_spec(sympy.Symbol(payload) + sympy.Symbol("other"))


@MANY
@given(PAYLOADS)
def test_names(payload: str) -> None:
    source = rendered()
    for made in (
        lambda: make_spec("exp(x)", payload).name,
        lambda: Spec(payload, "x", X, X, (-sympy.oo, sympy.oo)).name,
        lambda: rendered(plan=cover(payload)),
        lambda: standalone(source, payload, "exp(x)"),
    ):
        try:
            text = made()
        except GeneratorError:
            continue
        assert payload.isidentifier()
        assert payload.isascii()
        ast.parse(text)


@MANY
@given(PAYLOADS)
def test_domains(payload: str) -> None:
    try:
        spec = make_spec("exp(x)", "f", (payload, "oo"))
    except GeneratorError:
        return
    low = spec.domain_text[0]
    assert make_spec("exp(x)", "f", (low, "oo")).domain == spec.domain
    must_be_harmless(rendered(domain=spec.domain_text))
    if spec.domain[0].is_finite:
        with mp.workdps(40):
            want = reading(payload.strip().replace("_", ""), mp.nan)
            got = mp.mpf(str(sympy.N(spec.domain[0], 40)))
            assert abs(got - want) <= mp.mpf(10) ** -30 * abs(want)


@MANY
@given(PAYLOADS)
def test_texts_that_are_rendered(payload: str) -> None:
    """`render` by itself, and the files made of it."""
    for made in (
        lambda: rendered(payload),
        lambda: rendered(domain=(payload, "1")),
        lambda: rendered(summary=payload or "."),
    ):
        try:
            source = made()
        except GeneratorError:
            continue
        must_be_harmless(source)
    spec = (payload, X, X, (-sympy.oo, sympy.oo))
    try:
        text = certify(payload, (payload, payload), [cover()]).text
        Spec("f", *spec)
    except GeneratorError:
        return
    data = json.loads(text)
    assert data["expression"] == payload
    assert data["domain"] == [payload] * 2
    assert set(data) == set(json.loads(certify("", ("", ""), [cover()]).text))


def _entry(plan: Any, **changes: Any) -> Any:
    closed = dataclasses.replace(closed_form(), **changes)
    return dataclasses.replace(plan, closed=(closed,))


def _row(plan: Any, **changes: Any) -> Any:
    row = dataclasses.replace(plan.rows[0], **changes)
    return dataclasses.replace(plan, rows=(row,))


def _near(**changes: Any) -> Any:
    plan = closed_plan()
    return dataclasses.replace(
        plan, near=dataclasses.replace(plan.near, **changes)
    )


PLACES: dict[str, Callable[[Any], Any]] = {
    "name": lambda p: dataclasses.replace(cover(), name=p),
    "dtype": lambda p: dataclasses.replace(cover(), dtype=p),
    "order": lambda p: dataclasses.replace(cover(), order=p),
    "parity": lambda p: dataclasses.replace(cover(), parity=p),
    "high": lambda p: dataclasses.replace(cover(), high=p),
    "side": lambda p: _entry(cover(), side=p),
    "bound": lambda p: _entry(cover(), ulp=p),
    "formula": lambda p: _entry(cover(), formula=f"{p}\n{p}"),
    "input": lambda p: _entry(cover(), program=Program(p, (("y", Var(p)),))),
    "operation": lambda p: _entry(
        cover(), program=Program("t", (("y", Op(f"{p}.", (Var("t"),))),))
    ),
    "variable": lambda p: _entry(
        cover(), program=Program("t", (("y", Var(f"{p}(")),))
    ),
    "target": lambda p: _entry(
        cover(), program=Program("t", ((f"{p} =", Var("t")),))
    ),
    "constant": lambda p: _entry(
        cover(), program=Program("t", (("y", Const(p)),))
    ),
    "center": lambda p: _row(cover(), center=p),
    "rest": lambda p: _row(cover(), rest=(Fraction(1), p)),
    "scale": lambda p: _row(cover(), scale=p),
    "fold": lambda p: dataclasses.replace(closed_plan(), fold=Fold(p, p)),
    "proof": lambda p: _near(proof=f"{p}\n{p}"),
    "a plan": lambda p: p,
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "payload", [STRIKE, f'"""\n{STRIKE}\n"""', f"0\n{STRIKE}", "{{x}}", "\x00"]
)
def test_plans_that_nobody_derived(place: str, payload: str) -> None:
    plan = PLACES[place](payload)
    with pytest.raises(GeneratorError, match="received"):
        rendered(plan=plan)
    with pytest.raises(GeneratorError, match="received"):
        certify("exp(x)", ("0", "2"), [plan])


def test_the_plans_above_are_sound_before() -> None:
    """So that each refusal is for the payload."""
    must_be_harmless(rendered())
    ast.parse(rendered(plan=closed_plan()))


KEYS = ("precision", "emin", "emax", "compute", "storage", "overflow")
GOOD = {
    "precision": 11, "emin": -126, "emax": 127,
    "compute": "float32", "storage": "float32",
}  # fmt: skip


@MANY
@given(PAYLOADS, st.sampled_from(("name", *KEYS)))
def test_formats(payload: str, place: str) -> None:
    assert "mine" in formats_with({"mine": GOOD})
    tables = {"mine": {**GOOD, place: payload}}
    if place == "name":
        tables = {payload: GOOD}
    try:
        formats = formats_with(tables)
    except GeneratorError as error:
        assert "received" in str(error)
        return
    assert payload.isidentifier()
    ast.parse(rendered(formats=formats))


@pytest.mark.parametrize("field", ["name", "storage", "emin", "precision"])
@pytest.mark.parametrize("payload", [STRIKE, '"', "\n", "a b"])
def test_formats_that_nobody_read(field: str, payload: str) -> None:
    fmt = formats_with({"mine": GOOD})["mine"]
    evil = dataclasses.replace(fmt, **{field: payload})
    name = payload if field == "name" else "mine"
    with pytest.raises(GeneratorError, match="received"):
        rendered(formats={name: evil})


@MANY
@given(PAYLOADS)
def test_files_of_formats(tmp_path_factory: Any, payload: str) -> None:
    path = tmp_path_factory.getbasetemp() / "evil.toml"
    path.write_text(payload, encoding="utf-8", errors="replace")
    with pytest.raises(GeneratorError, match="received"):
        formats_with(path)
    path.write_text(f"[mine]\ncompute = {json.dumps(payload)}\n")
    with pytest.raises(GeneratorError, match="received"):
        formats_with(path)


@pytest.mark.parametrize("payload", KNOWN)
def test_the_command_line(
    payload: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out.py")
    for command in (
        ["generate", payload, "--out", out],
        ["generate", "exp(x)", "--name", payload, "--out", out],
        ["generate", "exp(x)", "--domain", payload, "oo", "--out", out],
        ["generate", "exp(x)", "--dtypes", payload, "--out", out],
        ["generate", "exp(x)", "--formats", payload, "--out", out],
        ["explain", payload],
    ):
        assert main(command) == 2
        said = " ".join(capsys.readouterr().err.split())
        assert "error:" in said
        assert "received" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["ops", "keras", "zip", "narrow", "dict"])
def test_names_that_a_saved_module_uses_itself(name: str) -> None:
    with pytest.raises(GeneratorError, match="received"):
        standalone(rendered(plan=cover(name)), name, "exp(x)")
    assert "def f(x" in standalone(rendered(), "f", "exp(x)")


DERIVED = [
    (" exp(x)/ ( 1+x^2 ) ", (-1, 2)),
    (sympy.exp(sympy.Symbol(STRIKE)) * sympy.Float(0.1), (-1, 2)),
    (sympy.log(1 + sympy.Symbol('"""')), ("0", 2)),
]


@pytest.mark.parametrize(("formula", "domain"), DERIVED)
def test_what_is_accepted_is_computed(
    formula: Any, domain: Any, tmp_path: Path
) -> None:
    op = ks.stabilize(formula, domain, name="made")
    path = tmp_path / "made.py"
    op.save(path, ["float32"])
    space: dict[str, Any] = {"__name__": "made"}
    exec(compile(path.read_text(encoding="utf-8"), "made", "exec"), space)
    assert space["EXPRESSION"] == op.expression
    for x in (0.25, 0.5, 1.5):
        want = reading(op.expression, mp.mpf(x))
        if isinstance(formula, str):
            assert mp.almosteq(want, reading(formula, mp.mpf(x)))
        for function in (op, space["made"]):
            got = float(function(x))
            assert abs(got - want) <= 2**-22 * abs(want)
