"""Kinks, nan, and ends of a domain: which float belongs where.

All is decided exactly, so the neighbours of a place are what is tried.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import keras
import numpy as np
import pytest
import sympy
from backends import BACKEND
from backends import SOONEST
from backends import compiled
from backends import run
from grammar import exact
from grammar import parsed
from keras_stablef.generator.analysis.domain_ends import ends_of
from keras_stablef.generator.analysis.roots import simplest
from keras_stablef.generator.errors import BoundNotMetError
from keras_stablef.generator.errors import DomainError
from keras_stablef.generator.errors import NoFloatError
from keras_stablef.generator.formula.derivative import derivative
from keras_stablef.generator.formula.spec import Spec
from keras_stablef.generator.formula.spec import make_spec
from keras_stablef.generator.numbers.formats import FORMATS
from keras_stablef.generator.pipeline import derive
from keras_stablef.generator.pipeline import to_source
from oracle import ulp_error
from points import neighbours
from sampling import sampled

import keras_stablef as ks

DTYPES = ("float32", "float64")
PROVED = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="autodiff backends"
)
# Inductor takes half a minute for each of them, JAX seconds to compile each
# operation.
SLOW_UNLESS_TENSORFLOW = [] if BACKEND == "tensorflow" else [pytest.mark.slow]


@functools.cache
def plans_of(text: str, low: str, high: str, dtype: str) -> list[Any]:
    """Of f, f' and f'', derived once for all modes."""
    spec = spec_of(text, low, high)
    return [derive(spec, dtype, order) for order in (0, 1, 2)]


def spec_of(text: str, low: Any, high: Any) -> Spec:
    """With exact ends, whatever `make_spec` takes them for."""
    ends = [sympy.oo * (1 if e == "oo" else -1) if "oo" in str(e) else
            sympy.Rational(e) for e in (low, high)]  # fmt: skip
    spec = make_spec(text, "f", ("-oo", "oo"))
    return Spec("f", spec.text, spec.expr, spec.variable, (ends[0], ends[1]))


def body_of(plan: Any) -> Callable[[Any], Any]:
    text = to_source("f", ("", ""), "test", [plan], tidy=False).text
    space: dict[str, Any] = {"__name__": "derived"}
    exec(compile(text, "test", "exec"), space)
    found: Callable[[Any], Any] = space["BODIES"][plan.dtype][0]
    return found


TENTH = "3602879701896397/36028797018963968"  # Python's 0.1
# f, its domain, and next to what it has kinks
KINKS: dict[str, tuple[str, str, str, tuple[float, ...]]] = {
    "fraction": ("abs(x-2/3)", "-oo", "oo", (2 / 3,)),
    "negative": ("abs(x+2/3)*x", "-3", "3", (-2 / 3,)),
    "roots": ("abs(x**2-2)", "-oo", "oo", (2**0.5, -(2**0.5))),
    "sine": ("abs(sin(x))", "1", "5", (np.pi,)),
    "pi": ("abs(x-pi)", "0", "10", (np.pi,)),
    "log": ("abs(log(x)-1)", "1", "5", (np.e,)),
    "Laplace": ("exp(-abs(x-0.7))", "-oo", "oo", (0.7,)),
    "of a kink": ("log(1+abs(x-2/3))", "-oo", "oo", (2 / 3,)),
    "square root": ("sqrt((x-2/3)**2)", "-oo", "oo", (2 / 3,)),
    "double zero": ("sqrt(2-2*cos(x))", "1", "8", (2 * np.pi,)),
    "second order": ("abs(x-2/3)*(x-2/3)", "-1", "2", (2 / 3,)),
    "Python's 0.1": (f"abs(x-{TENTH})+x/2", "-2", "2", (0.1,)),
    "relu": ("(x+abs(x))/2", "-oo", "oo", (0.0,)),
    "0 outside": ("(abs(x+1)-abs(x-1))/2", "-oo", "oo", (1.0, 0.0)),
    "0 below": ("(abs(x-2/3)+x-2/3)*exp(x)", "-3", "oo", (2 / 3, -2.0)),
    "0 above": ("(abs(x-2/3)-x+2/3)*exp(x)", "-oo", "2", (2 / 3, 1.0)),
    "0 everywhere": ("abs(x)+x", "-3", "-1", (-2.0, -1.0)),
    "with a grid": ("sin(9*x)+abs(x-2/3)", "-3", "3", (2 / 3,)),
}


# In the other mode one of each kind of piece: seams few and many, a power.
# Where that is JAX's operations one by one, which no op of the package is
# run by, it waits for `make test-all`.
IN_BOTH = ("fraction", "second order", "with a grid")
OTHER = "eager" if SOONEST == "jit" else "jit"
BESIDE = [(n, t, SOONEST) for n in KINKS for t in DTYPES]
AGAIN = [(n, t, OTHER) for n in IN_BOTH for t in DTYPES]
SIZE = 64  # one for all: JAX compiles an operation for each


@PROVED
@pytest.mark.parametrize(
    ("name", "dtype", "mode"),
    [
        *sampled(BESIDE, 12),
        *(pytest.param(*row, marks=SLOW_UNLESS_TENSORFLOW) for row in AGAIN),
    ],
)
def test_the_floats_beside_a_kink(name: str, dtype: str, mode: str) -> None:
    text, low, high, places = KINKS[name]
    tree = parsed(text)
    xs = np.unique(np.concatenate([neighbours(p, dtype, 3) for p in places]))
    tiny = np.finfo(dtype).tiny  # JAX reads subnormals as 0
    xs = xs[(np.abs(xs) >= tiny) | (xs == 0)]
    xs = xs[xs <= float(sympy.sympify(high))]
    count, xs = len(xs), np.pad(xs, (0, SIZE - len(xs)), mode="edge")
    for order, plan in enumerate(plans_of(text, low, high, dtype)):
        got = run(body_of(plan), xs, mode)
        judged = 0
        for x, y in zip(xs[:count], got, strict=False):
            want = exact(tree, order, float(x))
            if want is not None:
                judged += 1
                assert ulp_error(float(y), want, dtype) <= plan.ulp, (order, x)
        assert judged == count


# f with a kink at a float, and its slopes below and above
AT_FLOATS = [
    ("abs(x)", 0.0, (1.0, -1.0)),
    ("abs(x-1/2)+x/4", 0.5, (1.25, -0.75)),
    ("abs(x**2-1)", 1.0, (2.0, -2.0)),  # even: mirrored at -1
    ("x*abs(x)+abs(x-1/4)", 0.25, (1.5, -0.5)),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("text", "place", "slopes"), AT_FLOATS)
def test_at_a_kink_the_derivative_is_the_limit_from_above(
    text: str, place: float, slopes: tuple[float, float], dtype: str
) -> None:
    plan = derive(spec_of(text, "-2", "2"), dtype, 1)
    x = neighbours(place, dtype, 1)
    if not place:  # JAX reads subnormals as 0
        x[1] = -np.finfo(dtype).tiny
    at, below, _ = run(body_of(plan), x, SOONEST)
    assert (at, below) == pytest.approx(slopes, rel=1e-6)
    if plan.parity:
        mirrored = run(body_of(plan), -x, SOONEST)[0]
        assert mirrored == (plan.parity if place else 1) * at


# f, its domain; one of f, f', f'' is a number or 0
CONSTANT = [
    ("2*x+1", "-oo", "oo"),
    ("abs(x)", "-oo", "oo"),
    ("0.1*x+0.3", "-oo", "oo"),
    ("2*x+1", "-1", "3"),
    ("0.1*x+0.3", "0", "oo"),
    ("x**2/3", "-oo", "oo"),
    ("abs(x-2/3)+x/7", "-oo", "oo"),
]


# A compiler does the same to both formats.
WITH_NAN = [(SOONEST, dtype) for dtype in DTYPES] + [
    pytest.param(OTHER, "float32", marks=SLOW_UNLESS_TENSORFLOW)
]


@PROVED
@pytest.mark.parametrize(("mode", "dtype"), WITH_NAN)
@pytest.mark.parametrize(("text", "low", "high"), CONSTANT)
def test_nan_stays_nan_where_nothing_depends_on_x(
    text: str, low: str, high: str, dtype: str, mode: str
) -> None:
    xs = np.array([np.nan, 1.25, np.inf, -np.inf], dtype)
    bodies = [body_of(plan) for plan in plans_of(text, low, high, dtype)]

    def all_of_them(x: Any) -> Any:
        return keras.ops.stack([body(x) for body in bodies])

    for order, got in enumerate(run(all_of_them, xs, mode)):
        nan, inner, *ends = got
        assert np.isnan(nan), order
        assert not np.isnan(inner)
        for end, y in zip((high, low), ends, strict=True):
            assert np.isnan(y) == ("oo" not in end), (order, end)


# nan is among what every op is given by tests/keras/test_catalogue.py, too, and
# here some are given it beside a number.
ALL_OPS = [
    *sampled(itertools.product(ks.ops.__all__, ("eager",)), 9),
    *sampled(itertools.product(ks.ops.__all__, ("jit",)), 0),
]


@PROVED
@pytest.mark.parametrize(("name", "mode"), ALL_OPS)
def test_nan_stays_nan_in_every_op(name: str, mode: str) -> None:
    op = getattr(ks.ops, name)
    tower = [op, op.derivative(), op.derivative(2)]

    def all_of_them(x: Any) -> Any:
        return keras.ops.stack([f(x) for f in tower])

    for dtype in ("bfloat16", *DTYPES):
        x = keras.ops.convert_to_tensor([np.nan, 1.0], dtype=dtype)
        got = compiled(all_of_them, mode)(x)
        got = keras.ops.convert_to_numpy(keras.ops.cast(got, "float32"))
        assert np.isnan(got[:, 0]).all(), dtype


# an end, and the float it becomes as a lower and as an upper end
TINY32, TINY64 = Fraction(1, 2**149), Fraction(1, 2**1074)
ENDS = [
    ("float32", "1/3", Fraction(11184811, 2**25), Fraction(11184810, 2**25)),
    ("float64", "0.5", Fraction(1, 2), Fraction(1, 2)),
    ("float32", "1e-300", TINY32, Fraction(0)),
    ("float32", "-1e-300", Fraction(0), -TINY32),
    ("float64", "1e-400", TINY64, Fraction(0)),
    ("float64", "1e-320", 2025 * TINY64, 2024 * TINY64),
]


@pytest.mark.once
@pytest.mark.parametrize(("dtype", "end", "low", "high"), ENDS)
def test_ends_move_inwards_only(
    dtype: str, end: str, low: Fraction, high: Fraction
) -> None:
    fmt, value = FORMATS[dtype], sympy.Rational(end)
    assert ends_of((value, sympy.oo), fmt) == (low, None)
    assert ends_of((-sympy.oo, value), fmt) == (None, high)
    assert fmt.holds(low) and fmt.holds(high)


@pytest.mark.once
@pytest.mark.parametrize(
    ("value", "digits"), [("pi", 3.141592653589793), ("exp(-300)", 0.0)]
)
def test_ends_that_are_no_fractions(value: str, digits: float) -> None:
    fmt = FORMATS["float64"]
    low = ends_of((sympy.sympify(value), sympy.oo), fmt)[0]
    high = ends_of((-sympy.oo, sympy.sympify(value)), fmt)[1]
    assert low is not None and high is not None
    assert low == fmt.up(high + fmt.smallest_subnormal / 2)
    assert high <= sympy.Rational(sympy.N(value, 60)) <= low
    assert float(high) == pytest.approx(digits, abs=1e-130)


EMPTY = [
    ("float32", "1.00000001", "1.00000002"),
    ("float64", "exp(1000)", "oo"),
    ("float32", "exp(100)", "exp(101)"),
    ("float64", "exp(exp(exp(9)))", "oo"),
    ("float64", "-oo", "-10**400"),
    ("float64", "1e-330", "2e-330"),
]


@pytest.mark.once
@pytest.mark.parametrize(("dtype", "low", "high"), EMPTY)
def test_a_domain_without_floats(dtype: str, low: str, high: str) -> None:
    domain = tuple(
        sympy.sympify(e, rational=True) if "oo" not in e else sympy.S(e)
        for e in (low, high)
    )
    with pytest.raises(NoFloatError, match=f"No number of {dtype}"):
        ends_of(domain, FORMATS[dtype])
    assert issubclass(NoFloatError, DomainError)


@pytest.mark.once
def test_beyond_the_range_the_last_float_is_the_end() -> None:
    fmt = FORMATS["float32"]
    domain = -sympy.exp(1000), sympy.exp(1000)
    assert ends_of(domain, fmt) == (-fmt.max_finite, fmt.max_finite)


def test_other_dtypes_may_have_numbers_where_floatx_has_none() -> None:
    narrow = "1.00000001", "1.00000002"
    op = ks.stabilize("exp(x)", domain=narrow)
    wide = np.array([1.000000015, 1.0], np.float64)
    inside, outside = run(op, wide)
    assert inside == pytest.approx(np.exp(1.000000015), rel=1e-15)
    assert np.isnan(outside)
    with pytest.raises(NoFloatError, match="float32"):
        op(np.float32([1.0]))
    with pytest.raises(NoFloatError):
        ks.stabilize("exp(x)", domain=("exp(1000)", "oo"))


# f, domain, the only float32 there, f of it
ONE_FLOAT = [
    ("exp(x)", "1", "1.00000001", 1.0, np.e),
    ("(exp(x)-1)/x", "-1e-300", "1e-300", 0.0, 1.0),
    ("abs(x-2/3)", "0.66666667", "0.6666667", 0.6666667, 1.98682e-08),
]


@pytest.mark.parametrize(("text", "low", "high", "x", "want"), ONE_FLOAT)
def test_domains_of_one_float(
    text: str, low: str, high: str, x: float, want: float
) -> None:
    plan = derive(spec_of(text, low, high), "float32")
    assert plan.low == plan.high == Fraction(float(np.float32(x)))
    assert plan.ulp <= 0.51
    xs = neighbours(x, "float32", 1) if x else np.float32([0, 1e-30, -1e-30])
    inside, *outside = run(body_of(plan), xs, SOONEST)
    assert inside == pytest.approx(want, rel=1e-5)
    assert np.isnan(outside).all()


def test_subnormal_ends_leave_out_what_is_read_as_0() -> None:
    plan = derive(spec_of("exp(x)", "1e-42", "1"), "float32")
    xs = np.float32([0.0, -1.0, 2.0, 0.5])
    for mode in ("eager", "jit") if BACKEND == "jax" else ("eager",):
        got = run(body_of(plan), xs, mode)
        assert np.isnan(got[:3]).all()
        assert got[3] == pytest.approx(np.exp(0.5))


@pytest.mark.once
def test_numbers_beyond_float64_are_refused() -> None:
    with pytest.raises(BoundNotMetError):
        derive(spec_of("1e400*x", "-1", "1"), "float64")


@pytest.mark.once
def test_a_pole_is_refused_in_a_domain_of_one_float() -> None:
    with pytest.raises(ValueError, match="Pole at 1"):
        derive(spec_of("1/(x-1)", "1", "1.00000001"), "float32")


X = sympy.Symbol("x", real=True)
SLOPES = [
    (sympy.Abs(sympy.log(X) - 1), 2, 2.0, 0.25),  # 1/x**2 below e
    (sympy.Abs(sympy.sqrt(X) - 2), 1, 9.0, 1 / 6),
    (sympy.Abs(sympy.Abs(X) - 1) ** 3, 2, -0.5, 3.0),
    (sympy.sign(X) * X**2, 1, -2.0, 4.0),
]


@pytest.mark.once
@pytest.mark.parametrize(("expr", "order", "x", "want"), SLOPES)
def test_derivatives_of_absolute_values(
    expr: sympy.Expr, order: int, x: float, want: float
) -> None:
    made = derivative(expr, X, order)
    assert not made.has(sympy.Derivative, sympy.DiracDelta, sympy.re)
    assert float(made.subs(X, x)) == pytest.approx(want)


@pytest.mark.once
@pytest.mark.parametrize("terms", [3, 40, 3000])
def test_the_simplest_fraction_of_a_narrow_interval(terms: int) -> None:
    """However many terms its continued fraction has: the golden ratio's."""
    a, b = 1, 1
    for _ in range(terms):
        a, b = b, a + b
    found = simplest(Fraction(b, a) - Fraction(1, 3 * a * a), Fraction(b, a))
    assert found == Fraction(b, a)
