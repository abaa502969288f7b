"""FPCore in and out; what it has and a formula has not is refused."""

from __future__ import annotations

import pytest
from keras_stablef.generator.errors import NotAnExpressionError
from keras_stablef.generator.formula.catalogue import load_catalogue
from keras_stablef.generator.formula.fpcore import read_fpcore
from keras_stablef.generator.formula.fpcore import to_fpcore
from keras_stablef.generator.formula.parse import parse
from keras_stablef.generator.formula.spec import make_spec

import keras_stablef as ks

pytestmark = pytest.mark.once

# As the field's suites write them, some by hand.
READ = [
    (
        '(FPCore (x) :name "NMSE example 3.7" (- (exp x) 1))',
        "exp(x)-1",
        ("-oo", "oo"),
    ),
    (
        "(FPCore (x)\n ; a comment\n :precision binary64"
        " :pre (and (< 0 x) (< x 1))\n (/ (- (exp x) 1) x))",
        "(exp(x)-1)/x",
        ("0", "1"),
    ),
    (
        "(FPCore (x) :pre (<= -1 x 1/2) (let ([e (expm1 x)]) (* e e)))",
        "(exp(x)-1)**2",
        ("-1", "1/2"),
    ),
    (
        "(FPCore name ((! :precision binary32 eps)) :pre (>= eps 1e-3)"
        " (- (sqrt (+ eps 1)) (fma eps 2.5e-1 (fmax eps PI))))",
        "sqrt(eps+1)-(eps/4+max(eps,pi))",
        ("1/1000", "oo"),
    ),
    ("(FPCore (x) (- (- 3 x 1)))", "-(3-x-1)", ("-oo", "oo")),
    ("(FPCore (x) (pow x 3))", "x**3", ("-oo", "oo")),
]


@pytest.mark.parametrize(("core", "text", "domain"), READ)
def test_what_is_read(core: str, text: str, domain: tuple[str, str]) -> None:
    found = read_fpcore(core)
    spec = make_spec(found.formula, "f", found.domain)
    assert spec.expr == parse(text)
    assert spec.domain_text == domain


# Each name is twice the one before.
DOUBLED = "(a0 x)" + "".join(f"(a{i + 1} (+ a{i} a{i}))" for i in range(36))
REFUSED = [
    ("(FPCore (x y) (+ x y))", "one argument"),
    ("(FPCore (x) (if (< x 0) 1 x))", "one of"),
    ("(FPCore (x) (while (< x 1) ([x x x]) x))", "one of"),
    ("(FPCore (x) (foo x))", "one of"),
    ("(FPCore (x) (+ x z))", "a constant"),
    ("(FPCore (x) (+ x 1)", "one list"),
    ("(FPCore (x) :pre (!= x 0) x)", "comparisons"),
    ("(FPCore (x) __import__)", "a constant"),
    (f"(FPCore (x) {'(- ' * 80}x{')' * 80})", "nested"),
    ("(FPCore (x)", "one list"),
    (f"(FPCore (x) (let* ({DOUBLED}) a36))", "characters"),
    ("(FPCore (x) (let x x))", "an FPCore"),
    ("(FPCore (x) (let ((a)) x))", "an FPCore"),
    ("(FPCore (x) (!))", "an FPCore"),
    ("(FPCore (()) x)", "an FPCore"),
    ("(FPCore (x) (a) b x)", "an FPCore"),
    ("(FPCore (x) (+- x 1))", "one of"),
]


@pytest.mark.parametrize(("core", "said"), REFUSED)
def test_what_is_refused(core: str, said: str) -> None:
    with pytest.raises(NotAnExpressionError, match="received") as error:
        read_fpcore(core)
    assert said in str(error.value)


@pytest.mark.parametrize("entry", load_catalogue(), ids=lambda e: e.name)
def test_there_and_back(entry) -> None:  # type: ignore[no-untyped-def]
    spec = make_spec(entry.formula, entry.name, entry.domain)
    text = to_fpcore(spec.expr, entry.name, spec.domain_text, "binary32")
    again = read_fpcore(text)
    assert again.name == entry.name
    back = make_spec(again.formula, "f", again.domain)
    assert back.expr == spec.expr
    assert back.domain_text == spec.domain_text


def test_ops_of_cores() -> None:
    op = ks.stabilize('(FPCore (x) :name "Two X" :pre (<= 0 x 2) (+ x x))')
    assert (op.name, op.domain, op.expression) == (
        "two_x",
        ("0", "2"),
        "x+x",
    )
    assert ":precision binary64" in op.fpcore("float64")
    assert ":precision binary16" in op.fpcore("float16")
    assert ":precision (float 8 16)" in op.fpcore("bfloat16")
    assert "(* 2 x))" in op.fpcore()


# A core, its domain, its name.
SAID = [
    ("(FPCore (x) :pre (and (< 1 x) (< 0 x)) x)", ("1", "oo"), None),
    ("(FPCore (x) :pre (and (< x 2) (< x 50)) x)", ("-oo", "2"), None),
    ("(FPCore (x) x) ; of x", ("-oo", "oo"), None),
    ('(FPCore (x) :name "a;b" x)\n; one\n; two', ("-oo", "oo"), "a_b"),
    ("(FPCore (x) :name foo x)", ("-oo", "oo"), "foo"),
]


@pytest.mark.parametrize(("core", "domain", "name"), SAID)
def test_what_else_is_said(
    core: str, domain: tuple[str, str], name: str | None
) -> None:
    found = read_fpcore(core)
    assert (found.domain, found.name) == (domain, name)
