"""From text to Spec: what is accepted, what is refused and how."""

from __future__ import annotations

from pathlib import Path

import pytest
import sympy

from keras_stablef.generator import errors
from keras_stablef.generator.analysis import analyse
from keras_stablef.generator.formats import get_format
from keras_stablef.generator.parse import parse
from keras_stablef.generator.spec import make_spec

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


@pytest.mark.parametrize(
    "domain", [("1", "0"), ("0",), "oo", ("x", "oo"), (0, "I")]
)
def test_bad_domain(domain: object) -> None:
    with pytest.raises(errors.GeneratorError, match="received"):
        make_spec("x", "f", domain)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "F", "1f", "a b", "lambda", "a-b", 3])
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
