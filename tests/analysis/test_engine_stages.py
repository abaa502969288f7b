"""Each stage against what is known of f in closed form or by mpmath."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import pytest
import sympy
from flint import ctx
from keras_stablef.generator.analysis.analysis import analyse
from keras_stablef.generator.analysis.analyticity import prove_disc
from keras_stablef.generator.analysis.tails import tail
from keras_stablef.generator.errors import NotProvedError
from keras_stablef.generator.errors import SingularityError
from keras_stablef.generator.formula.spec import make_spec
from keras_stablef.generator.numbers.floats import floor_log2
from keras_stablef.generator.numbers.formats import FORMATS
from keras_stablef.generator.numbers.jets import jet
from keras_stablef.generator.pieces.tail_forms import dropped_bounds
from keras_stablef.generator.pieces.tail_forms import forms
from keras_stablef.generator.pieces.taylor import taylor_model
from keras_stablef.generator.program.assumed import PrimitiveErrors
from keras_stablef.generator.program.assumed import primitive_errors
from keras_stablef.generator.program.bounds import SPARE
from keras_stablef.generator.program.bounds import Truncation
from keras_stablef.generator.program.bounds import bound_error
from keras_stablef.generator.program.bounds import parity
from keras_stablef.generator.program.program import Const
from keras_stablef.generator.program.program import Expr
from keras_stablef.generator.program.program import Op
from keras_stablef.generator.program.program import Program
from keras_stablef.generator.program.program import Var
from keras_stablef.generator.program.program import horner
from keras_stablef.generator.program.program import rewritable
from keras_stablef.generator.program.roundoff import Analyzer
from keras_stablef.generator.program.roundoff import OverflowRiskError

pytestmark = pytest.mark.once
F = "1/(1-exp(-x)) - 1/x"

SERIES = [
    # formula, point, valuation, coefficients (known by hand)
    (F, 0, 0, "1/2 1/12 0 -1/720 0 1/30240"),
    ("(x-sin(x))/x**3", 0, 0, "1/6 0 -1/120 0 1/5040"),
    ("(exp(x)-1-x-x**2/2)/x**3", 0, 0, "1/6 1/24 1/120 1/720"),
    ("log((exp(x)-1)/x)", 0, 1, "1/2 1/24 0 -1/2880"),
    ("1/tanh(x) - 1/x", 0, 1, "1/3 0 -1/45 0 2/945"),
    ("log(x)/(x-1)", 1, 0, "1 -1/2 1/3 -1/4"),
    ("1/sin(x)**2", 0, -2, "1 0 1/3 0 1/15"),
]


@pytest.mark.parametrize(("text", "point", "valuation", "known"), SERIES)
def test_jets_are_exact(
    text: str, point: int, valuation: int, known: str
) -> None:
    want = [Fraction(c) for c in known.split()]
    series, is_exact = jet(make_spec(text).expr, Fraction(point), len(want))
    assert is_exact
    assert series.valuation == valuation
    got = [Fraction(int(c.p), int(c.q)) for c in series.coefficients]
    assert got == want


DISCS = [
    # formula, radius, whether f is analytic in that disc about 0
    (F, Fraction(6), True),
    (F, Fraction(13, 2), False),  # poles at ±2 pi i
    ("1/tanh(x) - 1/x", Fraction(3), False),  # written with a pole at pi i/2
    ("1/(1+x**2)", Fraction(99, 100), True),
    ("1/(1+x**2)", Fraction(101, 100), False),
    ("sqrt(1+x)", Fraction(99, 100), True),
    ("sqrt(1+x)", Fraction(101, 100), False),
    ("log(2+x)", Fraction(199, 100), True),
    ("log(2+x)", Fraction(201, 100), False),
    ("atan(x)", Fraction(99, 100), True),
    ("atan(x)", Fraction(101, 100), False),
    ("exp(1/(3-x))", Fraction(2), True),
]


@pytest.mark.parametrize(("text", "radius", "analytic"), DISCS)
def test_discs(text: str, radius: Fraction, analytic: bool) -> None:
    spec = make_spec(text)
    points = (Fraction(0),)
    if not analytic:
        with pytest.raises(NotProvedError):
            prove_disc(spec.expr, spec.variable, Fraction(0), radius, points)
        return
    disc = prove_disc(spec.expr, spec.variable, Fraction(0), radius, points)
    f = sympy.lambdify(spec.variable, spec.expr, "mpmath")
    with mpmath.workdps(30):
        on_circle = max(
            abs(f(radius * mpmath.expjpi(mpmath.mpf(k) / 50 + 0.001)))
            for k in range(100)
        )
    assert on_circle <= float(disc.maximum)
    # Near a pole the arcs are wide against its distance; still no more.
    assert float(disc.maximum) <= 20 * on_circle


@pytest.mark.parametrize("text", ["1/x", "exp(1/x)", "log(x)", "sqrt(x)"])
def test_a_singular_point_inside_is_no_disc(text: str) -> None:
    spec = make_spec(text)
    with pytest.raises((SingularityError, NotProvedError)):
        prove_disc(
            spec.expr, spec.variable, Fraction(0), Fraction(1), (Fraction(0),)
        )


def test_analysis_finds_what_is_hard_about_f() -> None:
    found = analyse(make_spec(F, "stablef"))
    (point,) = found.removable
    assert (point.point, point.value) == (0, sympy.Rational(1, 2))
    assert point.series.startswith("1/2 + 1/12 x - 1/720 x**3 + 1/30240 x**5")
    assert str(found.symmetry) == "f(x) + f(-x) = 1"
    left, right = found.tails
    assert left is not None and right is not None
    assert (left.limit, right.limit) == (0, 1)
    t = sympy.Symbol("t", positive=True)
    assert left.algebraic == 1 / t
    assert sympy.simplify(right.algebraic - (1 - 1 / t)) == 0


@pytest.mark.parametrize("order", range(4))
@pytest.mark.parametrize("side", [-1, 1])
def test_tails_equal_f(order: int, side: int) -> None:
    spec = make_spec(F)
    item = tail(spec.expr, spec.variable, side, order)
    derivative = sympy.diff(spec.expr, spec.variable, order)
    f = sympy.lambdify(spec.variable, derivative, "mpmath")
    t, e = sympy.symbols("t e", positive=True)
    g = sympy.lambdify((t, e), item.whole, "mpmath")
    with mpmath.workdps(60):
        for place in (mpmath.mpf("0.3"), mpmath.mpf(7), mpmath.mpf(40)):
            want = f(side * place)
            got = g(place, mpmath.exp(-place * item.rate.numerator))
            assert abs(got - want) < mpmath.mpf(10) ** -45


@pytest.mark.parametrize("order", range(3))
@pytest.mark.parametrize("center", [0, 3, Fraction(-21, 4)])
def test_taylor_remainder_holds(order: int, center: Fraction) -> None:
    spec = make_spec(F)
    half = Fraction(2)
    model = taylor_model(
        spec.expr,
        spec.variable,
        (Fraction(0),),
        Fraction(center),
        half,
        order,
        60,
    )
    f = sympy.lambdify(
        spec.variable, sympy.diff(spec.expr, spec.variable, order), "mpmath"
    )
    worst = mpmath.mpf(0)
    with mpmath.workdps(60), ctx.workprec(300):
        for k in range(-8, 9):
            y = half * Fraction(k, 8)
            x = Fraction(center) + y
            if x == 0:
                continue
            got = model(_arb(y))
            value = mpmath.mpf(str(got.mid().str(50, radius=False)))
            worst = max(
                worst, abs(value - f(mpmath.mpf(x.numerator) / x.denominator))
            )
    assert worst <= float(model.remainder) * 1.0001 + 1e-48


def _arb(value: Fraction):  # type: ignore[no-untyped-def]
    from keras_stablef.generator.numbers.floats import to_arb

    return to_arb(value)


# Ulp more of a float32 quotient, 2**-41 of it: see runtime/division.py.
OFF = 2.0**-17
ROUNDOFF = [
    # statements, low, high, least and largest plausible bound in ulp
    ("one product", (("r", Var("x") * Var("x")),), 1, 2, 0.5, 0.5),
    ("two products", (("r", Var("x") * Var("x") * Var("x")),), 1, 2, 1.0, 1.5),
    (
        "exact difference",
        (("r", Var("x") - Const(Fraction(3, 2))),),
        1,
        2,
        0,
        0,
    ),
    ("doubling", (("r", Const(Fraction(2)) * Var("x")),), 1, 2, 0, 0),
    (
        "reciprocal",
        (("r", Const(Fraction(1)) / Var("x")),),
        1,
        4,
        0.5,
        0.5 + OFF,
    ),
    # XLA multiplies by the rounded reciprocal, exact for a power of two.
    (
        "a seventh",
        (("r", Var("x") / Const(Fraction(7))),),
        1,
        4,
        0.96,
        1.5 + 2 * OFF,
    ),
    (
        "a fourth",
        (("r", Var("x") / Const(Fraction(4))),),
        1,
        4,
        0.5,
        0.5 + OFF,
    ),
]


@pytest.mark.parametrize(
    ("name", "statements", "low", "high", "least", "most"), ROUNDOFF
)
def test_roundoff_of_small_programs(
    name: str, statements: tuple, low: int, high: int, least: float, most: float
) -> None:
    del name
    primitives = PrimitiveErrors("float32", (), ())
    for fmt in (FORMATS["float32"], FORMATS["float64"]):
        bound = bound_error(
            Program("x", statements),
            fmt,
            primitives,
            Truncation(),
            Fraction(low),
            Fraction(high),
        )
        assert least - 1e-9 <= bound.ulp <= SPARE * most + 1e-6


def test_parity_of_programs() -> None:
    odd = Program("x", (("w", Var("x") * Var("x")), ("p", Var("x") * Var("w"))))
    assert parity(odd) == 1
    assert parity(Program("x", (("w", Var("x") * Var("x")),))) == 0
    assert parity(Program("x", (("w", Var("x") + Const(Fraction(1))),))) is None


def test_horner_is_the_polynomial() -> None:
    coefficients = [Fraction(k + 1) for k in range(5)]
    value = None
    env = {"y": Fraction(3)}
    for name, node in horner(coefficients, "y", "p"):
        env[name] = value = _run(node, env)
    assert value == sum(c * 3**k for k, c in enumerate(coefficients))


def _run(node: object, env: dict[str, Fraction]) -> Fraction:
    if isinstance(node, Var):
        return env[node.name]
    if isinstance(node, Const):
        return node.value
    left, right = (_run(a, env) for a in node.args)  # type: ignore[attr-defined]
    return left + right if node.name == "add" else left * right  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_formats_are_ieee(name: str) -> None:
    import numpy as np

    fmt, info = FORMATS[name], np.finfo(name)
    assert float(fmt.max_finite) == float(info.max)
    assert float(fmt.smallest_normal) == float(info.tiny)
    assert float(fmt.smallest_subnormal) == float(info.smallest_subnormal)
    for text in ("1/3", "2/3", "1/12", "12345678/1000"):
        value = Fraction(text)
        want = np.dtype(name).type(float(value))
        if name != "float64":
            assert float(fmt.round(value)) == float(want)
        else:
            assert (
                float(fmt.round(value)) == value.numerator / value.denominator
            )
        assert floor_log2(value) == int(np.floor(np.log2(float(value))))
    one = np.dtype(name).type(1)
    assert float(fmt.next_down(Fraction(1))) == float(
        np.nextafter(one, 0 * one)
    )


A, B, C = Var("x"), Const(Fraction(3)), Const(Fraction(5))
REWRITTEN_BY_XLA = [
    (A / (A + B) / A, "quotient"),
    (A / (B / A), "quotient"),
    (Op("exp", (A,)) * Op("exp", (A,)), "exponentials"),
    (Op("exp", (A,)) / Op("exp", (B,)), "a quotient by exp"),
    (A / Op("sqrt", (B,)), "a quotient by sqrt"),
    (Op("sqrt", (A,)) / B, None),
    (A * B * C, "constants"),
    (A + B + C, "constants"),
    (Op("abs", (A / (A + B),)) / A, None),
    (A * B + C, None),
    (Op("exp", (A,)) * A, None),
]


@pytest.mark.parametrize(("node", "what"), REWRITTEN_BY_XLA, ids=str)
def test_what_xla_would_rewrite_is_seen(node: Expr, what: str | None) -> None:
    found = rewritable(Program("x", (("r", node),)))
    assert (found is None) if what is None else (what in (found or ""))


@pytest.mark.parametrize("order", range(3))
def test_tail_forms_are_within_their_truncation(order: int) -> None:
    """Evaluated in mpmath against f itself, held and cut-off e included."""
    spec = make_spec(F)
    tower = [tail(spec.expr, spec.variable, -1, k) for k in range(3)]
    derivative = sympy.diff(spec.expr, spec.variable, order)
    f = sympy.lambdify(spec.variable, derivative, "mpmath")
    found = forms(tower, order, 24)
    assert {form.label for form in found} == {"factored", "series"}
    for form in found:
        assert form.bend is not None
        for place in (Fraction(7), Fraction(21, 2), form.bend * 3):
            with mpmath.workdps(60):
                t = mpmath.mpf(place.numerator) / place.denominator
                off = abs(_mp(form.program, t) - f(-t)) * t**form.power
            bound = form.delta
            if place < form.bend:
                bound = dropped_bounds(form, place, place)
            assert off <= float(bound) * (1 + 1e-9) + 1e-50
            if float(bound):
                assert off > 0


def _mp(program: Program, t: mpmath.mpf) -> mpmath.mpf:
    env = {"t": t}

    def of(node: Expr) -> mpmath.mpf:
        if isinstance(node, Var):
            return env[node.name]
        if isinstance(node, Const):
            return mpmath.mpf(node.value.numerator) / node.value.denominator
        assert isinstance(node, Op)
        operations = {
            "add": lambda a, b: a + b,
            "sub": lambda a, b: a - b,
            "mul": lambda a, b: a * b,
            "div": lambda a, b: a / b,
            "neg": lambda a: -a,
            "abs": abs,
            "exp": mpmath.exp,
            "minimum": min,
        }
        return operations[node.name](*(of(a) for a in node.args))

    value = t
    for name, node in program.statements:
        value = env[name] = of(node)
    return value


def test_functions_are_trusted_where_they_were_measured() -> None:
    """XLA's exp is 5.6 ulp off between 88.03 and 88.72; below, 1."""
    program = Program("x", (("r", Op("exp", (Var("x"),))),))
    fmt = FORMATS["float32"]
    analyzer = Analyzer(program, fmt, primitive_errors(fmt.name))
    assert analyzer.run(Fraction(87), Fraction(88)).error < 2.0**105
    with pytest.raises(OverflowRiskError):
        analyzer.run(Fraction(88), Fraction(177, 2))
