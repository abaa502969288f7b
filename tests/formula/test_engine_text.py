"""From text to Spec: what is accepted, what is refused and how."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import sympy
from keras_stablef.generator import errors
from keras_stablef.generator.analysis.analysis import analyse
from keras_stablef.generator.formula.parse import parse
from keras_stablef.generator.formula.spec import checked_goal
from keras_stablef.generator.formula.spec import make_spec
from keras_stablef.generator.numbers.formats import formats_with
from keras_stablef.generator.numbers.formats import get_format

pytestmark = pytest.mark.once
X = sympy.Symbol("x", real=True)

ACCEPTED = [
    ("1/(1-exp(-x)) - 1/x", 1 / (1 - sympy.exp(-X)) - 1 / X),
    ("x^2 + 0.1", X**2 + sympy.Rational(1, 10)),
    ("expm1(x)/x", (sympy.exp(X) - 1) / X),
    ("log1p(x)", sympy.log(1 + X)),
    ("-x**-1", -1 / X),
    ("sqrt(pi)*erf(x)", sympy.sqrt(sympy.pi) * sympy.erf(X)),
    ("1e-3*x", X / 1000),
    ("1e400*x", sympy.Integer(10) ** 400 * X),
    ("1e-400*x", sympy.Integer(10) ** -400 * X),
    ("2**-1074*x", sympy.Integer(2) ** -1074 * X),
    (f"{'7' * 40}*x", int("7" * 40) * X),
    ("0xFF*x", 255 * X),
    ("x", X),
    ("y + 1_0", sympy.Symbol("y", real=True) + 10),
    ("\t x\n", X),
]

REFUSED = [
    ("x + y", errors.VariableError, "x, y"),
    ("3", errors.VariableError, "none"),
    ("foo(x)", errors.UnknownFunctionError, "foo"),
    ("exp(x", errors.NotAnExpressionError, "exp(x"),
    ("__import__('os').getcwd()", errors.NotAnExpressionError, "__import__"),
    ("", errors.NotAnExpressionError, "empty"),
    ("x if x else 1", errors.NotAnExpressionError, "IfExp"),
    ("[x]", errors.NotAnExpressionError, "List"),
    ("'x'", errors.NotAnExpressionError, "str"),
    ("x.real", errors.NotAnExpressionError, "Attribute"),
    ("lambda x: x", errors.NotAnExpressionError, "Lambda"),
    ("exp(x, x)", errors.NotAnExpressionError, "one argument"),
    ("exp", errors.NotAnExpressionError, "without its argument"),
    ("x**(10**9)", errors.NotAnExpressionError, "exponent"),
    ("9**9**9", errors.NotAnExpressionError, "exponent"),
    ("x + 1e9999", errors.NotAnExpressionError, "proportion"),
    ("x/0", errors.NotAnExpressionError, "zero"),
    ("(" * 250 + "x" + ")" * 250, errors.NotAnExpressionError, ""),
    ("-" * 80 + "x", errors.NotAnExpressionError, "nested"),
    ("x" + "+x" * 2000, errors.NotAnExpressionError, "long"),
    ("_x", errors.NotAnExpressionError, "_"),
    ("exp(x) # why", errors.NotAnExpressionError, "'#' at 7"),
    ("exp(\nx)", errors.NotAnExpressionError, "one line"),
    ("x\\", errors.NotAnExpressionError, "character"),
    ("x\x00", errors.NotAnExpressionError, "character"),
    ("\uff58 + 1", errors.NotAnExpressionError, "ASCII"),
    ("x\u00b2", errors.NotAnExpressionError, "ASCII"),
    ("x + " + "7" * 41, errors.NotAnExpressionError, "proportion"),
    ("x + 0x" + "7" * 41, errors.NotAnExpressionError, "proportion"),
    ("x**65", errors.NotAnExpressionError, "exponent"),
    ("(x**8)**9", errors.NotAnExpressionError, "exponent"),
    ("2**5000*x", errors.NotAnExpressionError, "exponent"),
    ("x + log(0)", errors.NotAnExpressionError, "finite"),
    ("sqrt(-4)*x", errors.NotRealError, "sqrt(-4)"),
    ("x*log(-1)", errors.NotRealError, "log(-1)"),
    ("(-8)**(1/3)*x", errors.NotRealError, "(-8)**(1/3)"),
    ("stablef", errors.NotAnExpressionError, "stablef"),
    ("logcosh", errors.NotAnExpressionError, "did you mean log_cosh"),
    ("softpluss", errors.NotAnExpressionError, "did you mean softplus"),
    ("(expx)", errors.NotAnExpressionError, "A name is no formula"),
    (3.5, errors.NotAnExpressionError, "float"),
]


@pytest.mark.parametrize(("text", "expr"), ACCEPTED)
def test_accepted(text: str, expr: sympy.Expr) -> None:
    assert sympy.simplify(parse(text) - expr) == 0


@pytest.mark.parametrize(("text", "error", "said"), REFUSED)
def test_refused(text: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error) as caught:
        make_spec(text)
    assert said in str(caught.value)
    assert "expected" in str(caught.value).lower()
    assert "received" in str(caught.value)


def test_nothing_is_evaluated(tmp_path: Path) -> None:
    target = tmp_path / "written"
    with pytest.raises(errors.NotAnExpressionError):
        make_spec(f"open({str(target)!r}, 'w')")
    assert not target.exists()


def test_sympy_expression_is_a_formula_too() -> None:
    y = sympy.Symbol("y")
    spec = make_spec((sympy.exp(y) - 1) / y, "g")
    assert str(spec.variable) == "y"
    assert spec.variable.is_real


def nested(depth: int) -> sympy.Expr:
    expr = Y
    for _ in range(depth):
        expr = sympy.sin(expr)
    return expr


Y = sympy.Symbol("y")
WRITTEN = [
    (Y**2 + 1, "y**2 + 1"),
    (sympy.sqrt(Y**2 * X**2 / X**2) + 1, "abs(y) + 1"),
    (sympy.Abs(Y), "abs(y)"),
    (sympy.exp(0.1 * Y), "exp(y/10)"),
    (sympy.Float("0.1", 40) * Y, "y/10"),
    (sympy.exp(1) * Y, "E*y"),
    (sympy.Symbol("e") + 1, "x + 1"),
    (sympy.Symbol("exp") + 1, "x + 1"),
    (sympy.Symbol("lambda") + 1, "x + 1"),
    (sympy.Symbol("\u03b8") + 1, "x + 1"),
    (sympy.Symbol("x_{1}") + 1, "x + 1"),
    (sympy.Symbol("theta"), "x"),
    (sympy.Symbol("theta") + 1, "theta + 1"),
    (sympy.Dummy("t") + 1, "t + 1"),
    (sympy.Mul(2, Y + 1, evaluate=False), "2*y + 2"),
    (2 * (Y + 1) * sympy.exp(Y), "(2*y + 2)*exp(y)"),
    (sympy.Rational(1, 3) ** Y, "(1/3)**y"),
    (Y ** sympy.Rational(-2, 3), "y**(-2/3)"),
    (nested(50), str(nested(50))),
]


@pytest.mark.parametrize(("given", "text"), WRITTEN)
def test_sympy_is_written_and_read_back(given: sympy.Expr, text: str) -> None:
    spec = make_spec(given)
    assert spec.text == text
    again = make_spec(spec.text)
    assert (again.text, again.expr) == (spec.text, spec.expr)
    (symbol,) = given.free_symbols
    for value in (sympy.Rational(3, 7), sympy.Rational(19, 4)):
        want = sympy.N(given.subs(symbol, value), 30)
        got = sympy.N(spec.expr.subs(spec.variable, value), 30)
        assert abs(want - got) < 1e-14  # what a Float of sympy keeps


g = sympy.Function("g")
NO_FORMULAS = [
    (g(Y), errors.UnknownFunctionError, "received g"),
    (sympy.LambertW(Y), errors.UnknownFunctionError, "LambertW"),
    (sympy.gamma(Y), errors.UnknownFunctionError, "gamma"),
    (g(Y).diff(Y), errors.NotAnExpressionError, "Derivative"),
    (sympy.Integral(g(Y), Y), errors.NotAnExpressionError, "Integral"),
    (sympy.O(Y), errors.NotAnExpressionError, "Order"),
    (sympy.exp(Y) + sympy.O(Y**3), errors.NotAnExpressionError, "Order"),
    (
        sympy.Piecewise((Y, Y > 0), (1, True)),
        errors.NotAnExpressionError,
        "Piecewise",
    ),
    (sympy.Max(Y, 1), errors.NotAnExpressionError, "Max"),
    (sympy.zoo * Y, errors.NotAnExpressionError, "ComplexInfinity"),
    (sympy.I * Y, errors.NotRealError, "I"),
    (sympy.Matrix([Y]), errors.NotAnExpressionError, "Matrix"),
    (sympy.ImmutableMatrix([Y]), errors.NotAnExpressionError, "Matrix"),
    (sympy.MatrixSymbol("a", 2, 2), errors.NotAnExpressionError, "Matrix"),
    (Y > 0, errors.NotAnExpressionError, "GreaterThan"),
    (sympy.exp, errors.NotAnExpressionError, "Exp"),
    (sympy.EulerGamma * Y, errors.NotAnExpressionError, "EulerGamma"),
    (nested(300), errors.NotAnExpressionError, "301"),
    (Y + 10**5000, errors.NotAnExpressionError, "proportion"),
    (Y / 10**5000, errors.NotAnExpressionError, "proportion"),
    (sympy.Symbol("a", commutative=False) + 1, errors.NotRealError, "'a'"),
    (sympy.Symbol("a", imaginary=True) + 1, errors.NotRealError, "'a'"),
    (X + Y, errors.VariableError, "x, y"),
    (sympy.nan, errors.VariableError, "none"),
    ([1], errors.NotAnExpressionError, "list"),
    (None, errors.NotAnExpressionError, "NoneType"),
]


@pytest.mark.parametrize(("given", "error", "said"), NO_FORMULAS)
def test_sympy_that_is_no_formula(
    given: object, error: type[Exception], said: str
) -> None:
    with pytest.raises(error) as caught:
        make_spec(given)  # type: ignore[arg-type]
    assert said in str(caught.value)
    assert "received" in str(caught.value)


R = sympy.Rational
DOMAINS = [
    ((0.1, "0.1000000001"), R(0.1)),
    ((np.float64(0.1), 1), R(0.1)),
    ((sympy.Float(0.1), 1), R(0.1)),
    ((np.float32(0.1), 1), R(13421773, 2**27)),
    ((np.float16(0.1), 1), R(819, 2**13)),
    ((ml_dtypes.bfloat16(0.1), 1), R(205, 2**11)),
    (("0.1", 1), R(1, 10)),
    ((" 1/10 ", 1), R(1, 10)),
    ((Decimal("0.1"), 1), R(1, 10)),
    ((Fraction(1, 10), 1), R(1, 10)),
    ((np.int64(-3), np.int8(1)), R(-3)),
    ((1e-300, 1), R(1e-300)),
    ((5e-324, 1e-300), R(1, 2**1074)),
    (("5e-324", 1), 5 * R(10) ** -324),
    ((-1.7976931348623157e308, 0), -(2**1024) + 2**971),
    ((0.1234567890123456, 1), R(0.1234567890123456)),
    ((1.0000000000000002, 2), 1 + R(1, 2**52)),
    (("1", "1.00000001"), R(1)),
    (("exp(1000)", "oo"), sympy.exp(1000)),
    (("pi", "355/113"), sympy.pi),
    (("-pi/2", sympy.pi / 2), -sympy.pi / 2),
    ((sympy.sqrt(2), 2), sympy.sqrt(2)),
    ((-0.0, 1), R(0)),
    (("-oo", 1), -sympy.oo),
    (("-inf", 1), -sympy.oo),
    (("-Infinity", "+inf"), -sympy.oo),
    ((-np.inf, np.float32("inf")), -sympy.oo),
    ((-sympy.oo, sympy.oo), -sympy.oo),
    ((Decimal("-Infinity"), 0), -sympy.oo),
]


@pytest.mark.parametrize(("domain", "low"), DOMAINS)
def test_domains_are_exact_and_come_back(domain: Any, low: Any) -> None:
    spec = make_spec("exp(x)", "f", domain)
    assert spec.domain[0] == low
    again = make_spec("exp(x)", "f", spec.domain_text)
    assert again.domain == spec.domain
    assert again.domain_text == spec.domain_text


BAD_DOMAINS = [
    *[("1", "0"), ("0",), "oo", ("x", "oo"), (0, "I"), 3, None, (1, 2, 3)],
    *[(1, 1), (0.1, R(0.1)), ("oo", "inf"), ("oo", "-oo"), ("oo", 1)],
    *[(np.nan, 1), ("nan", 1), (Decimal("nan"), 1), (sympy.nan, 1)],
    *[(True, 2), (np.True_, 2), (0, None), (0, [1]), (0, 1j), (b"0", 1)],
    *[(0, sympy.zoo), (0, sympy.I), (0, sympy.Symbol("y"))],
    *[("1/0", 2), ("sqrt(-1)", 2), ("log(0)", 2), ("0 # x", 2), ("", 2)],
    *[("exp(exp(exp(9)))", "oo"), (-(10**5000), 1), ("9" * 1999, "oo")],
    *[(Decimal("-1e999999999"), 1), (0, Decimal("1e-999999999"))],
    *[(0, sympy.Integral(sympy.exp(-Y), (Y, 0, 1)))],
    *[("pi", sympy.pi), ("exp(1)", "2.71828182845904523536028747135266249")],
]


@pytest.mark.parametrize("domain", BAD_DOMAINS)
def test_bad_domain(domain: Any) -> None:
    with pytest.raises(errors.DomainError, match="received"):
        make_spec("x", "f", domain)


@pytest.mark.parametrize("bad", ["2", b"2", -1, 0, np.nan, np.inf, True, [1]])
def test_bad_goal(bad: object) -> None:
    with pytest.raises(errors.GeneratorError, match="positive finite") as got:
        checked_goal(bad)
    assert "received" in str(got.value)


@pytest.mark.parametrize("good", [2, 1.5, np.float32(3), Fraction(1, 2)])
def test_good_goal(good: Any) -> None:
    assert checked_goal(good) == float(good)


@pytest.mark.parametrize(
    "source",
    [3, 2.5, [1], True, b"x", {1: {}}, {"a": 3}, {None: {}}, {}, "/dev/zero",
     "/", "no\0file", "no_file.toml"],
)  # fmt: skip
def test_formats_of_a_wrong_kind(source: Any) -> None:
    with pytest.raises(errors.FormatError, match="received"):
        formats_with(source)


@pytest.mark.parametrize(
    "text",
    [
        *("[a", "a = 1", "x = " + "[" * 5000, "# " + "x" * 2**17, "\0"),
        "a." * 32760 + "a=1",  # 22 s of tomllib
    ],
)
def test_files_that_hold_no_formats(text: str, tmp_path: Path) -> None:
    path = tmp_path / "formats.toml"
    path.write_text(text)
    with pytest.raises(errors.FormatError, match="received"):
        formats_with(path)


@pytest.mark.parametrize(
    "name",
    ["", "F", "1f", "a b", "lambda", "a-b", 3, "f\n", "\uff46", "f" * 101],
)
def test_bad_name(name: object) -> None:
    with pytest.raises(errors.GeneratorError, match="name"):
        make_spec("x", name)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", ["float31", "", None, "FLOAT32"])
def test_unknown_dtype(dtype: object) -> None:
    with pytest.raises(errors.UnknownDtypeError, match="expected one of"):
        get_format(dtype)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "place"), [("1/x", "x = 0"), ("sin(1/x)", "x = 0")]
)
def test_singularities_are_refused_with_their_place(
    text: str, place: str
) -> None:
    with pytest.raises(errors.SingularityError) as caught:
        analyse(make_spec(text))
    assert place in str(caught.value)


def test_errors_have_one_base() -> None:
    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, Exception):
            assert issubclass(value, errors.GeneratorError)
