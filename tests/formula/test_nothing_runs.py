"""Text from outside never becomes code: every way in, with evil payloads.

A payload that ran would set an attribute of `builtins`; and what is rendered
for one has the very shape of what is rendered for a harmless text.
"""

from __future__ import annotations

import ast
import builtins
from pathlib import Path
from typing import Any

import mpmath as mp
import pytest
import sympy
from hypothesis import given
from keras_stablef.generator.cli import main
from keras_stablef.generator.errors import GeneratorError
from keras_stablef.generator.formula.spec import Spec
from keras_stablef.generator.formula.spec import make_spec
from keras_stablef.generator.source.standalone import standalone
from payloads import FORMULAS
from payloads import KNOWN
from payloads import MANY
from payloads import PAYLOADS
from payloads import STRIKE
from payloads import X
from payloads import cover
from payloads import must_be_harmless
from payloads import rendered
from readings import reading

import keras_stablef as ks

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def nothing_struck() -> Any:
    assert not hasattr(builtins, "struck")
    yield
    assert not hasattr(builtins, "struck")


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


def test_what_people_write_computes_what_was_written() -> None:
    accepted = []

    @MANY
    @given(FORMULAS)
    def each(text: str) -> None:
        check_text(text)
        try:
            accepted.append(make_spec(text))
        except GeneratorError:
            pass

    each()
    assert len(accepted) > 150


WRITTEN = [
    "1/(1-exp(-x)) - 1/x",
    "x^2*0.1+1e-3 - .5*x",
    "-x**-2+2**-x",
    "0x1F*x/1_000",
    "softplus(x) - sigmoid(x)*log1p(x**2)",
    "expm1(abs(x)) + cbrt(x*x) + log2(3+x)",
    " ( x ) + ((2)) ",
    "+x--x",
]


@pytest.mark.parametrize("text", WRITTEN)
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
        lambda: standalone(source, payload, "exp(x)", "f"),
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
