"""The general planner's stages, each against multiple precision."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy
from backends import run
from cases import X
from flint import arb
from flint import ctx
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from keras_stablef.generator.analysis.roots import find_roots
from keras_stablef.generator.analysis.roots import polished
from keras_stablef.generator.analysis.roots import simplest
from keras_stablef.generator.errors import GeneratorError
from keras_stablef.generator.errors import NotProvedError
from keras_stablef.generator.errors import TimeLimitError
from keras_stablef.generator.formula.parity import parity_of
from keras_stablef.generator.formula.spec import make_spec
from keras_stablef.generator.numbers.chebyshev import Economized
from keras_stablef.generator.numbers.evaluate import to_primitives
from keras_stablef.generator.numbers.expansion import Expansion
from keras_stablef.generator.numbers.floats import to_arb
from keras_stablef.generator.numbers.formats import FORMATS
from keras_stablef.generator.numbers.places import Place
from keras_stablef.generator.numbers.places import expand
from keras_stablef.generator.pieces.kernels import kernel
from keras_stablef.generator.pipeline import derive
from keras_stablef.generator.pipeline import to_source
from oracle import at
from oracle import compiled
from oracle import ulp_error

pytestmark = pytest.mark.once
ZERO = Fraction(0)

# formula, point (None: infinity), side, distance, leading power and
# coefficient of the series beside which everything else is small
PLACES = [
    ("(exp(x)-1)/x", ZERO, 0, 1, 0, 1.0),
    ("(x-sin(x))/x**3", ZERO, 0, 1, 0, 1 / 6),
    ("log(cosh(x))", ZERO, 0, 0.5, 2, 0.5),
    ("tan(x)-x", ZERO, 1, 0.5, 3, 1 / 3),
    ("sin(pi*x)/(1-x)", Fraction(1), 0, 0.3, 0, np.pi),
    ("1/x-1/tan(x)", ZERO, -1, 0.5, 1, -1 / 3),
    ("sqrt(x+1)-sqrt(x)", None, 1, 8, 1, 0.5),
    ("atan(x+1)-atan(x)", None, -1, 20, 2, 1.0),
    ("log(x+sqrt(x**2+1))-log(2*x)", None, 1, 8, 2, 0.25),
    ("(1+1/x)**x", None, 1, 10, 0, np.e),
    ("erf(x)", None, 1, 6, 0, 1.0),
    ("tanh(x)*x", None, -1, 30, -1, 1.0),
    ("acos(1-x)/sqrt(x)", ZERO, 1, 0.25, 0, np.sqrt(2)),
]


def value(made: Expansion, w: arb, place: Place) -> arb:
    """The enclosure at one point, remainders included."""
    total, frame = arb(0), made.frame
    g = sum((to_arb(c) / w**p for p, c in frame.exponent.items()), arb(0))
    for (k, j), s in made.terms.items():
        inner = arb(0)
        for c in reversed(s.coeffs()):
            inner = inner * w + arb(c)
        inner += arb(0, (s.rho * w**s.n + s.eta).upper())
        total += (-g * k).exp() * w.log() ** j * w**s.v * inner
    return total


@pytest.mark.parametrize(
    ("text", "point", "side", "distance", "power", "lead"), PLACES
)
def test_expansions_enclose_the_function(
    text: str,
    point: Fraction | None,
    side: int,
    distance: float,
    power: int,
    lead: float,
) -> None:
    expr = to_primitives(sympy.sympify(text, locals={"x": X}))
    with ctx.workprec(1500):
        made, place = expand(
            expr, Place(point, side), arb(distance), 24, arb((1, -200))
        )
        leading = min(k for k, _ in made.terms)
        series = made.terms[leading, 0]
        q = place.root
        assert Fraction(series.v, q) == Fraction(power, 1 if q == 1 else q)
        assert float(arb(series.coefficient(0))) == pytest.approx(lead)
        for part in ("0.999", "0.5", "0.01", "0.00001"):
            step = arb(distance) * arb(part)
            t = step if point is not None else arb(distance) / arb(part)
            x = (to_arb(point) if point is not None else 0) + (side or 1) * t
            want = compiled(expr)(x)
            w = t.root(q) if point is not None else 1 / t.root(q)
            got = value(made, w, place)
            assert got.overlaps(want)
            assert float((got.rad() / abs(want)).mid()) < 1e-5


@pytest.mark.parametrize("power", [10, 24, 40, 200])
@pytest.mark.parametrize(
    "text", ["exp(-{})", "cos({})", "erf({})", "atan({})", "log(1+{})"]
)
def test_terms_beyond_those_kept_are_in_the_remainder(
    text: str, power: int
) -> None:
    formula = text.format(f"x**{power}")
    expr = to_primitives(sympy.sympify(formula, locals={"x": X}))
    with ctx.workprec(600):
        made, place = expand(expr, Place(ZERO, 0), arb("0.9"), 20, arb(1e-30))
        for part in ("0.9", "0.85", "0.5"):
            assert value(made, arb(part), place).overlaps(
                compiled(expr)(arb(part))
            )


def test_expansions_say_when_they_do_not_reach() -> None:
    expr = to_primitives(1 / (1 - X) - 1)
    with ctx.workprec(300), pytest.raises(NotProvedError):
        expand(expr, Place(ZERO, 0), arb(2), 20, arb((1, -200)))


ROOTS = [
    ("x**2 - 2", -3, 3, [-np.sqrt(2), np.sqrt(2)]),
    ("(x-1/3)*(x-1)**2", 0, 2, [1 / 3, 1]),
    ("exp(x)-2", -5, 5, [np.log(2)]),
    ("sin(x)", 1, 20, [k * np.pi for k in range(1, 7)]),
    ("1-cos(x)", -1, 7, [0, 2 * np.pi]),
    ("x**2 + 1", -5, 5, []),
]


@pytest.mark.parametrize(("text", "low", "high", "want"), ROOTS)
def test_roots_are_all_found(
    text: str, low: int, high: int, want: list[float]
) -> None:
    expr = sympy.sympify(text, locals={"x": X}, rational=True)
    found = find_roots(expr, X, Fraction(low), Fraction(high))
    with ctx.workprec(400):
        got = [float(polished(expr, X, r, 300)) for r in found]
    assert got == pytest.approx(want, abs=1e-15)


@given(st.fractions(max_denominator=50), st.fractions(0, 1))
def test_simplest_fraction(value: Fraction, width: Fraction) -> None:
    found = simplest(value - width, value + width)
    assert value - width <= found <= value + width
    assert found.denominator <= value.denominator


@given(st.lists(st.floats(-4, 4), min_size=2, max_size=12))
def test_economization_bounds_what_it_drops(cs: list[float]) -> None:
    from flint import arb_poly

    poly = arb_poly([arb(c) for c in cs])
    made = Economized(poly, arb(-1) / 4, arb(1))
    for degree in range(len(cs)):
        cut = made.cut(degree)
        for s in np.linspace(-0.25, 1, 9):
            gap = abs(cut(arb(s)) - poly(arb(s)))
            assert float(gap.mid()) <= made.dropped(degree) + 1e-12


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["exp", "log"])
def test_kernels(name: str, dtype: str) -> None:
    """Their truncation is far below what ends.py counts for them."""
    fmt = FORMATS[dtype]
    cs = kernel(name, fmt).coefficients
    rs = np.linspace(-0.29, 0.41, 41) if name == "log" else np.linspace(
        -0.3466, 0.3466, 41
    )  # fmt: skip
    for r in rs:
        with ctx.workprec(300):
            x = arb(float(r))
            p = sum((to_arb(c) * x**i for i, c in enumerate(cs)), arb(0))
            if name == "exp":
                gap = (1 + x + x * x * p) / x.exp() - 1
            else:
                gap = x - x * x / 2 + x**3 * p - (1 + x).log()
        assert abs(float(gap)) <= 2.0 ** (-fmt.precision - 4)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("log(cosh(x))", 1),
        ("1/tanh(x) - 1/x", -1),
        ("exp(x)/(1+exp(x))**2", 1),
        ("1/(1+exp(-x)) - 1/2", -1),
        ("exp(x)", 0),
        ("x**2*sin(x)", -1),
    ],
)
def test_parity(text: str, want: int) -> None:
    spec = make_spec(text)
    assert parity_of(spec.expr, spec.variable) == want


def test_time_limit() -> None:
    spec = make_spec("sin(x)/x", "f", ("-100", "100"))
    with pytest.raises(TimeLimitError, match="received"):
        derive(spec, "float64", 2, limit=0.01)


ATOMS = st.sampled_from(
    ["x", "x", "1", "2", "x**2", "exp(x)", "exp(-x)", "1/2", "x/3"]
)


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    functions = st.sampled_from(
        ["exp", "log", "sqrt", "tanh", "atan", "sin", "cos", "erf", "abs"]
    )
    operators = st.sampled_from(["+", "-", "*", "/"])
    return st.one_of(
        st.tuples(functions, inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(inner, operators, inner).map(
            lambda t: f"({t[0]}){t[1]}({t[2]})"
        ),
    )


FORMULAS = st.recursive(ATOMS, _grow, max_leaves=4)
DOMAINS = st.sampled_from([("-oo", "oo"), ("0", "oo"), ("-2", "2"), ("1", "3")])


@pytest.mark.parametrize(
    "count", [15, pytest.param(60, marks=pytest.mark.slow)]
)
def test_random_formulas_meet_their_bound_or_are_refused(count: int) -> None:
    judge = given(FORMULAS, DOMAINS, st.sampled_from([0, 1]))(_meets_its_bound)
    settings(max_examples=count, deadline=None, derandomize=True)(judge)()


def _meets_its_bound(text: str, domain: tuple[str, str], order: int) -> None:
    try:
        spec = make_spec(text, "f", domain)
        plan = derive(spec, "float32", order, limit=8.0)
    except GeneratorError:
        return
    source = to_source(text, domain, "test", [plan], tidy=False).text
    space: dict = {"__name__": "derived"}
    exec(compile(source, text, "exec"), space)
    body = space["BODIES"]["float32"][0]
    low, high = (float(end) for end in spec.domain)
    rng = np.random.default_rng(1)
    size = np.exp2(rng.uniform(-30, 30, 30))
    near = np.exp2(rng.uniform(-5, 4, 30))
    xs = np.concatenate([size, -size, near, -near, [1.5, 0.25]])
    xs = xs.astype(np.float32)
    xs = xs[(xs > low) & (xs < high)]
    got = run(body, xs)
    exact = compiled(sympy.diff(spec.expr, spec.variable, order).subs(
        spec.variable, X))  # fmt: skip
    for x, y in zip(xs, got, strict=True):
        want = at(exact, float(x))
        if want is not None:
            assert ulp_error(float(y), want, "float32") <= plan.ulp, (text, x)
