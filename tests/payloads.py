"""Payloads for every way in, and what is rendered of a harmless text."""

from __future__ import annotations

import ast
import builtins
import dataclasses
from fractions import Fraction
from typing import Any

import sympy
from hypothesis import HealthCheck
from hypothesis import settings
from hypothesis import strategies as st
from keras_stablef.generator.numbers.formats import FORMATS
from keras_stablef.generator.pieces.closed import ClosedForm
from keras_stablef.generator.pieces.cover import Cover
from keras_stablef.generator.pieces.plan import Fold
from keras_stablef.generator.pieces.plan import Piece
from keras_stablef.generator.pieces.plan import Plan
from keras_stablef.generator.pieces.rows import Row
from keras_stablef.generator.pipeline import to_source
from keras_stablef.generator.program.program import Op
from keras_stablef.generator.program.program import Program
from keras_stablef.generator.program.program import Var

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
SPACE = st.sampled_from(["", "", " ", "  ", "\t"])
NUMBER = st.sampled_from(
    [
        "2",
        "0.1",
        ".5",
        "3.",
        "1e-3",
        "12.5E+1",
        "0x1F",
        "1_0",
        "pi",
        "e",
    ]
)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    functions = st.sampled_from(
        ["exp", "tanh", "sin", "atan", "softplus", "expm1", "erf", "abs"]
    )
    signs = st.sampled_from(["+", "-", "*", "/"])
    powers = st.sampled_from(["**2", "^2", "**-1", "**(1+1)", "^-2"])
    return st.one_of(
        st.tuples(functions, SPACE, st.just("("), inner, SPACE, st.just(")")),
        st.tuples(inner, SPACE, signs, SPACE, inner),
        st.tuples(st.just("("), SPACE, inner, st.just(")"), SPACE),
        st.tuples(st.just("("), inner, st.just(")"), SPACE, powers),
        st.tuples(st.sampled_from(["-", "+", "- "]), inner),
    ).map("".join)


# What people write; all of it means something.
FORMULAS = st.tuples(
    st.recursive(st.one_of(st.just("x"), NUMBER), _grown, max_leaves=6),
    st.sampled_from([" + exp(-x)", "*x", "-x", " / ( 1+x^2 )"]),
).map("".join)
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
    return to_source(
        expression, domain, summary, plans, tidy=False, formats=formats
    ).text


def shape(source: str) -> list[str]:
    """What a module is but for its constants."""
    return [type(node).__name__ for node in ast.walk(ast.parse(source))]


SHAPE = shape(rendered())


def must_be_harmless(source: str) -> dict[str, Any]:
    assert shape(source) == SHAPE
    space: dict[str, Any] = {"__name__": "rendered"}
    exec(compile(source, "rendered", "exec"), space)
    assert not hasattr(builtins, "struck")
    return space
