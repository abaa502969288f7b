"""Closed forms, ends that are constant, lookups and costs."""

from __future__ import annotations

import ast
import importlib
import inspect
import math
from fractions import Fraction

import numpy as np
import pytest
import sympy
from backends import run
from flint import arb
from flint import ctx
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from keras import ops
from keras_stablef.generator.errors import NotProvedError
from keras_stablef.generator.errors import NotRealError
from keras_stablef.generator.formula.spec import make_spec
from keras_stablef.generator.lowering.costs import cost
from keras_stablef.generator.lowering.costs import operations
from keras_stablef.generator.lowering.lower import lower
from keras_stablef.generator.numbers.evaluate import evaluate
from keras_stablef.generator.numbers.evaluate import to_primitives
from keras_stablef.generator.numbers.formats import FORMATS
from keras_stablef.generator.numbers.magnitudes import MagnitudeAlgebra
from keras_stablef.generator.pieces.closed import closed_form
from keras_stablef.generator.pieces.flat import flat_form
from keras_stablef.generator.pieces.lookup import MAX_BINS
from keras_stablef.generator.pieces.lookup import lookup_of
from keras_stablef.generator.pipeline import derive
from keras_stablef.generator.program.compile import CannotCompileError
from keras_stablef.generator.program.compile import compiled
from oracle import at
from oracle import compiled as exactly
from oracle import ulp_error

import keras_stablef as ks
from keras_stablef.runtime import lookup

pytestmark = pytest.mark.once
X = sympy.Symbol("x", real=True)
SINGLE = FORMATS["float32"]


# formula, side, the edge it is asked up to, where the form begins at the
# latest, part of its text.  The roots: 2.04 ulp beyond 3.5 with torch's sqrt.
CLOSED = [
    ("x/(1+abs(x))", 1, 20, 2, "t/(t + 1)"),
    ("1/(1+exp(-x))", 1, 20, 2, "exp(-t)"),
    ("x/(exp(x)-1)", -1, 20, 2, "exp(-t)"),
    ("sqrt(x+1)-sqrt(x)", 1, 3, 2, "sqrt(t) + sqrt(t + 1)"),
    ("1/(1-exp(-x)) - 1/x", 1, 20, 2, "exp(-t)"),
]


@pytest.mark.parametrize(("text", "side", "edge", "latest", "part"), CLOSED)
def test_closed_forms_hold_their_bound(
    text: str, side: int, edge: int, latest: int, part: str
) -> None:
    """The program, run in NumPy's float32, against multiple precision."""
    spec = make_spec(text)
    form = closed_form(
        spec.expr,
        spec.variable,
        side,
        Fraction(edge),
        SINGLE,
        2.0,
        lambda: None,
    )
    assert form is not None
    assert form.low <= latest < form.high == edge
    assert part in form.formula
    code = "\n".join(f"{n} = {v}" for n, v in form.program.statements)
    low, high = float(form.low), float(form.high)
    rng = np.random.default_rng(3)
    ts = np.exp2(rng.uniform(math.log2(low), math.log2(high), 200))
    ts = np.clip(ts.astype(np.float32), np.float32(low), np.float32(high))
    space = {"ops": np, form.program.input: ts}
    exec(code, space)
    exact = exactly(spec.expr.subs(spec.variable, X))
    for t, y in zip(ts, space["y"], strict=True):
        want = at(exact, side * float(t))
        assert want is not None
        assert ulp_error(float(y), want, "float32") <= form.ulp


def test_no_closed_form_where_none_holds() -> None:
    spec = make_spec("exp(x)/x", "f", ("1", "oo"))  # exp alone is 1.6 ulp off
    edge = Fraction(80)
    assert not closed_form(
        spec.expr, spec.variable, 1, edge, SINGLE, 2.0, lambda: None
    )


def test_programs_have_no_rounded_constants() -> None:
    t = sympy.Symbol("t", positive=True)
    with pytest.raises(CannotCompileError, match="1/3"):
        compiled(t + sympy.Rational(1, 3), t, SINGLE)
    with pytest.raises(CannotCompileError):
        compiled(sympy.sin(t), t, SINGLE)


FLAT = [
    ("x**x", None, 1, math.inf),
    ("2**x-3**x", None, 1, -math.inf),
    ("exp(-exp(-x))", None, -1, 0.0),
    ("tanh(sinh(x))", None, -1, -1.0),
    ("x**(1/x)", Fraction(0), 1, 0.0),
]


@pytest.mark.parametrize(("text", "point", "side", "limit"), FLAT)
def test_ends_that_are_constant(
    text: str, point: Fraction | None, side: int, limit: float
) -> None:
    expr = to_primitives(make_spec(text).expr)
    form = flat_form(expr, X, point, side, SINGLE, 1000)
    assert form.limit == limit
    exact = exactly(expr)
    factors = (1.0, 1.01, 1.5, 4.0)
    for factor in factors if point is None else [1 / f for f in factors]:
        want = at(exact, side * float(form.bound) * factor)
        if want is not None:
            assert ulp_error(limit, want, "float32") <= max(form.ulp, 1e-9)


def test_ends_that_are_not() -> None:
    expr = to_primitives(make_spec("log(1+exp(x))").expr)
    with pytest.raises(NotProvedError):
        flat_form(expr, X, None, 1, SINGLE, 300)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(
        ["exp(x)+x**3", "x*exp(-x)", "exp(exp(x))/x", "1-2/(exp(x)+1)"]
    ),
    st.floats(0.01, 30),
    st.floats(1, 1.5),
)
def test_magnitudes_enclose(text: str, low: float, factor: float) -> None:
    expr = to_primitives(make_spec(text).expr)
    with ctx.workprec(200):
        x = arb(low).union(arb(low * factor))
        size = evaluate(expr, MagnitudeAlgebra(x))
        for part in (1.0, 1 + (factor - 1) / 2, factor):
            value = at(exactly(expr), min(low * part, low * factor))
            if size is None or value is None:
                continue
            assert (value > 0) == (size.sign > 0)
            middle = abs(value).log()
            assert not middle < size.low
            assert not middle > size.high


REAL = [
    ("log(sqrt(x/3))", ("-1", "1"), "(-1, 0)"),
    ("asin(x)", ("-2", "2"), "(1, 2)"),
    ("log(x**2-2)", ("-1", "3"), "(-1, 1.414213562)"),
    ("acosh(x)", ("0", "5"), "(0, 1)"),
]


@pytest.mark.parametrize(("text", "domain", "where"), REAL)
def test_intervals_that_are_not_real(
    text: str, domain: tuple[str, str], where: str
) -> None:
    with pytest.raises(NotRealError) as caught:
        derive(make_spec(text, "f", domain), "float32")
    assert where in str(caught.value)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_row_is_found_exactly(dtype: str) -> None:
    """On both sides of every seam; keras.ops.floor is not exact enough."""
    scale, first, counts = 8.0, -15, (1, 2, 5, 8, 3, 13)  # no seam at 0
    grid = lookup.Grid(scale, first, counts)
    edges = (np.cumsum(counts)[:-1] + first) / scale
    below = np.nextafter(edges.astype(dtype), np.array(-9, dtype))
    table = [(float(k), 0.0) for k in range(len(counts))]
    for xs, rows in ((edges, range(1, 6)), (below, range(5))):
        got = run(
            lambda t: lookup.find_row(t, grid, table, dtype)[0],
            np.asarray(xs, dtype),
        )
        assert got.tolist() == list(map(float, rows))
    nothing = ops.convert_to_tensor(np.array([np.nan], dtype), dtype=dtype)
    assert lookup.find_row(nothing, grid, table, dtype)[1][0] == 0.0


def test_lookups_lie_on_a_grid() -> None:
    plan = derive(make_spec("sin(x)", "f", ("-40", "40")), "float32", 1)
    found = lookup_of(plan.rows)
    assert 0 < sum(found.counts) <= MAX_BINS
    assert len(found.counts) == len(plan.rows)
    low = Fraction(found.first, 2**found.k)
    for row, count in zip(plan.rows[:-1], found.counts, strict=False):
        low += Fraction(count, 2**found.k)
        assert low == row.high


def test_costs_count_what_is_run() -> None:
    few = derive(make_spec("tanh(x)/x"), "float32")
    many = derive(make_spec("sin(x)/x", "f", ("-50", "50")), "float32")
    counted = operations(lower(few))
    degrees = sum(2 * r.degree for r in few.rows)
    assert counted["add"] >= degrees
    assert counted["take"] == 0
    assert counted["where"] >= len(few.rows) - 1
    assert operations(lower(many))["take"] >= 2 + many.rows[0].degree
    assert 0 < cost(few) < cost(many)


def _number(node: ast.expr) -> float:
    """A literal or float("inf"), all that the engine renders as a bound."""
    if isinstance(node, ast.Call):
        (node,) = node.args
    return float(ast.literal_eval(node))


@pytest.mark.parametrize("name", ks.ops.__all__)
def test_clips_of_a_body(name: str) -> None:
    """Their bounds do not cross; in float32 a tensor meets one at most.

    An optimizer of ONNX graphs loses the bounds of one of two.
    """
    module_of = importlib.import_module(f"keras_stablef.generated.{name}")
    source = inspect.getsource(module_of)
    for body in ast.parse(source).body:
        if not isinstance(body, ast.FunctionDef) or body.name[0] == "_":
            continue
        clips = [
            node.args
            for node in ast.walk(body)
            if isinstance(node, ast.Call)
            and ast.unparse(node.func) in ("ops.clip", "clamp")
        ]
        for what, low, high, *_ in clips:
            a, b = (_number(edge) for edge in (low, high))
            assert a < b, f"{body.name}: {ast.unparse(what)} from {a} to {b}"
        direct = [n for c in clips if (n := ast.unparse(c[0])) in ("t", "x")]
        if body.name.endswith("float32"):
            assert len(direct) == len(set(direct)), body.name


def test_the_end_of_the_domain_is_in_it() -> None:
    """Where f' has a double zero nearby its power row reaches the end."""
    slope = ks.stabilize("cos(x)-x", (-5, 5)).derivative()
    x = np.array([-5.0, 3.75, 4.75, 5.0, np.nextafter(np.float32(5), 6)])
    got = run(slope, x.astype("float32"))
    np.testing.assert_allclose(got[:4], -np.sin(x[:4]) - 1, rtol=3e-7)
    assert np.isnan(got[4])
