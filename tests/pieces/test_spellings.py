"""Every spelling of a formula is the formula."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy
from keras_stablef.generator.pieces.settled import settled
from keras_stablef.generator.pieces.spellings import E
from keras_stablef.generator.pieces.spellings import Spelling
from keras_stablef.generator.pieces.spellings import T
from keras_stablef.generator.pieces.spellings import X
from keras_stablef.generator.pieces.spellings import signed_spellings
from keras_stablef.generator.pieces.spellings import spellings
from keras_stablef.generator.pieces.spellings import spellings_of_logs
from keras_stablef.generator.program.flat import ONE

HALF_LINE = {
    "tanh(t)/t": 4,
    "1/(1-exp(-t)) - 1/t": 4,
    "sqrt(t+1)-sqrt(t)": 3,
    "1/t - 1/(t+1)": 3,
    "t/(exp(t)-1)": 3,
    "(exp(t)-1)/t": 3,
    "(t-1)/t**2": 2,
    "log(1-exp(-t))": 1,
    "log(sinh(t)/t)": 2,
}
LINE = {
    "(exp(x)-1)/x": 1,
    "x/(exp(x)-1)": 1,
    "1/(1-exp(-x)) - 1/x": 2,
    "(exp(x)-1-x-x**2/2)/x**3": 1,
    "exp(2*x)/(1+exp(2*x))**2": 1,
}
LOGS = {
    "log(1+x)/x": 1,
    "1/(x*(x+1)) - log(1+x)/x**2": 3,
    "log((1+x)/(1-x))": 2,
    "log(x)/(x-1)": 1,
}
POINTS = (0.3, 0.75, 1.5, 7.25)


def values(
    spelling: Spelling, variable: sympy.Symbol, x: float, unit: float
) -> mpmath.mpf:
    """Of a spelling whose exponential is divided by a unit."""
    expr = spelling.expr
    table = {variable: sympy.Rational(x), ONE: sympy.Float(unit, 60)}
    scale = sympy.Integer(1)
    if spelling.scaled is not None:
        exact = spelling.scaled.subs(variable, sympy.Rational(x))
        table[E] = sympy.N(exact, 60) * unit
        scale = sympy.Float(unit, 60) ** -spelling.power
    return mpmath.mpf(str(sympy.N(expr.xreplace(table).doit() * scale, 50)))


def same(
    text: str,
    variable: sympy.Symbol,
    found: Iterator[Spelling],
    least: int,
    points: tuple[float, ...],
) -> None:
    expr = sympy.sympify(text, locals={str(variable): variable})
    made = list(found)
    assert len(made) >= least
    with mpmath.workdps(50):
        for spelling in made:
            for x in points:
                exact = sympy.N(expr.subs(variable, sympy.Rational(x)), 50)
                # What is divided out makes no difference.
                for unit in (1.0, 2.0**-3) if spelling.scaled else (1.0,):
                    got = values(spelling, variable, x, unit)
                    want = mpmath.mpf(str(exact))
                    assert abs(got / want - 1) < mpmath.mpf(10) ** -40, (
                        spelling,
                        x,
                    )


@pytest.mark.parametrize("text", list(HALF_LINE))
def test_on_a_half_line(text: str) -> None:
    expr = sympy.sympify(text, locals={"t": T})
    # One-sided ones with a unit are taken with it alone: see signed ones.
    found = (s for s in spellings(expr) if not (s.scaled and s.expr.has(ONE)))
    plain = (s for s in found if s.scaled is None or s.power)
    same(text, T, plain, HALF_LINE[text] - 1, POINTS)


@pytest.mark.parametrize("text", list(LINE))
def test_on_both_sides(text: str) -> None:
    expr = sympy.sympify(text, locals={"x": X})
    both = (*POINTS, *(-x for x in POINTS))
    same(text, X, signed_spellings(expr), LINE[text], both)


@pytest.mark.parametrize("text", list(LOGS))
def test_logarithms(text: str) -> None:
    expr = sympy.sympify(text, locals={"x": X})
    same(text, X, spellings_of_logs(expr), LOGS[text], (0.25, 0.5, 0.875))


@pytest.mark.parametrize(
    ("text", "terms", "head"),
    [
        ("1/(1-exp(-t)) - 1/t", 1, "1 - 1/t"),
        ("tanh(t)/t", 1, "1/t"),
        ("(1 - exp(-t)*(1+t))/t**2", 1, "1/t**2"),
        ("exp(t)/t", 1, None),
        ("1/t", 1, None),
        ("log(1 - exp(-t))", 1, "-exp(-t)"),
        ("log(1 - exp(-t))", 2, "-exp(-t) - exp(-2*t)/2"),
        ("log(1 + exp(t))", 1, "t"),
        ("log(1 + exp(t))", 2, "t + exp(-t)"),
        ("log(cosh(t))", 1, "t - log(2)"),
        ("log((exp(t) - 1)/t)", 1, "t - log(t)"),
        ("log(log(1 + exp(-t)))", 1, None),
        ("sqrt(exp(-t))", 1, None),
    ],
)
def test_what_is_left_of_it(text: str, terms: int, head: str | None) -> None:
    """So many terms of f in its exponentials, and what they leave out."""
    expr = sympy.sympify(text, locals={"t": T})
    found = settled(expr, terms)
    if head is None:
        assert found is None
        return
    assert found is not None
    left = sympy.sympify(head, locals={"t": T})
    assert sympy.simplify(found.head - left) == 0
    for low, high in ((3, 5), (10, 40)):
        most = found.left_out(Fraction(low), Fraction(high))
        more = [
            abs(float(sympy.N((expr / left - 1).subs(T, t), 60)))
            for t in map(sympy.Rational, np.linspace(low, high, 7))
        ]
        assert max(more) <= most <= 20 * max(more)
