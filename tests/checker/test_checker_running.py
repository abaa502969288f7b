"""The checker's numbers hold what backends compute; where exactness ends.

The oracle is exact arithmetic on rational numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import keras
import numpy as np
import pytest
from backends import BACKEND
from backends import compiled
from keras_stablef.generator.checker import folds
from keras_stablef.generator.checker.claims import get_format
from keras_stablef.generator.checker.machine import Machine
from keras_stablef.generator.checker.machine import Real
from keras_stablef.generator.checker.operations import Ops
from keras_stablef.generator.checker.operations import grids
from keras_stablef.generator.checker.pairs import Pairs
from keras_stablef.generator.checker.running import Number
from keras_stablef.generator.numbers.formats import FORMATS
from keras_stablef.generator.program.assumed import primitive_errors
from keras_stablef.generator.program.program import Const
from keras_stablef.generator.program.program import Op
from keras_stablef.generator.program.program import Program
from keras_stablef.generator.program.program import Var
from keras_stablef.generator.program.roundoff import Analyzer

ops = keras.ops
MODES = (
    ("eager", "jit", "graph") if BACKEND == "tensorflow" else ("eager", "jit")
)
C, D, E = (float(np.float32(v)) for v in (1.7320508, 0.0031234567, 0.3))

# Forms of two constants: those of folds.py, and those it takes as written.
Form = Callable[[Any, Any, Any], Any]
FORMS: dict[str, Form] = {
    "(x - c) - d": lambda x, c, d: (x - c) - d,
    "(x + c) + d": lambda x, c, d: (x + c) + d,
    "d - (x + c)": lambda x, c, d: d - (x + c),
    "c - (x - d)": lambda x, c, d: c - (x - d),
    "c - (d - x)": lambda x, c, d: c - (d - x),
    "(c - x) + d": lambda x, c, d: (c - x) + d,
    "d + -(x + c)": lambda x, c, d: d + -(x + c),
    "((x - c) - d) + c": lambda x, c, d: ((x - c) - d) + c,
    "(x * c) * d": lambda x, c, d: (x * c) * d,
    "(x / c) * d": lambda x, c, d: (x / c) * d,
    "(x * c) / d": lambda x, c, d: (x * c) / d,
    "(x / c) / d": lambda x, c, d: (x / c) / d,
    "(c / x) / d": lambda x, c, d: (c / x) / d,
    "c / (d / x)": lambda x, c, d: c / (d / x),
    "x / (x / (x + c))": lambda x, c, d: x / (x / (x + c)),
    "(x / (x + c)) / (x + d)": lambda x, c, d: (x / (x + c)) / (x + d),
    "c * (x + d)": lambda x, c, d: c * (x + d),
    "(x + c) + (d / x + d)": lambda x, c, d: (x + c) + (d / x + d),
    "((x - c) - c / x) - d": lambda x, c, d: ((x - c) - c / x) - d,
    "x + (c / x + d / (x + c))": lambda x, c, d: x + (c / x + d / (x + c)),
    "(x + c) - (c / x + d)": lambda x, c, d: (x + c) - (c / x + d),
    "(c + x / d) - (c / x - d)": lambda x, c, d: (c + x / d) - (c / x - d),
    "(c + x) - ((c / x + d) - x / c)": lambda x, c, d: (
        (c + x) - ((c / x + d) - x / c)
    ),
    "((x * c) * (x + d)) * c": lambda x, c, d: ((x * c) * (x + d)) * c,
    "(c / x) * d": lambda x, c, d: (c / x) * d,
    "(x + c / x) - x": lambda x, c, d: (x + c / x) - x,
}


def inputs() -> np.ndarray:
    rng = np.random.default_rng(3)
    return np.exp2(rng.uniform(-6, 4, 4000)).astype("float32")


def machine(lanes: int) -> Machine:
    return Machine(get_format("float32"), lanes, {}, {}, {}, folds)


def point(m: Machine, x: Any) -> Number:
    """A float in each lane."""
    value = np.asarray(x, np.float64)
    made = value.astype(Real)
    return Number(m, made, made, m.fill(0), {}, grids(value))


def span(m: Machine, low: float, high: float) -> Number:
    """All floats between two, as the body's input."""
    a, b = m.fill(low), m.fill(high)
    e = int(np.frexp(min(abs(low), abs(high)))[1]) - m.fmt.precision
    return Number(m, a, b, m.fill(0), {}, np.full(m.lanes, e))


def mode_of(function: Callable, mode: str) -> Callable:
    if mode == "graph":
        import tensorflow as tf

        return tf.function(function, jit_compile=False)
    return compiled(function, mode)


@pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="no compiler"
)
@pytest.mark.parametrize("mode", MODES)
def test_bounds_hold_what_compilers_make_of_constants(mode: str) -> None:
    x = inputs()
    exact = [Fraction(float(v)) for v in x]
    c, d = Fraction(C), Fraction(D)

    def all_of_them(t):  # type: ignore[no-untyped-def]
        return [form(t, C, D) for form in FORMS.values()]

    got = mode_of(all_of_them, mode)(ops.convert_to_tensor(x))
    m = machine(len(x))
    with np.errstate(all="ignore"):
        bounds = [form(point(m, x), C, D).error for form in FORMS.values()]
    for name, values, bound in zip(FORMS, got, bounds, strict=True):
        form = FORMS[name]
        computed = np.asarray(ops.convert_to_numpy(values))
        for v, t, most in zip(computed, exact, bound, strict=True):
            gap = abs(Fraction(float(v)) - form(t, c, d))
            assert float(gap) <= float(most) * (1 + 1e-12), (name, float(t))


@pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="no compiler"
)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("number", [1.0, -1.0, 4.0, D])
def test_the_engine_counts_how_numbers_are_divided(
    number: float, mode: str
) -> None:
    """torch computes c / x as c * (1 / x): two roundings."""
    if number == 1 and mode == "graph":
        # TensorFlow's graphs make a reciprocal of it, 2.75 ulp off: no
        # program has it (`program.py` writes (-1) / (-x)).
        pytest.skip("not in any program")
    fmt = FORMATS["float32"]
    quotient = Op("div", (Const(Fraction(number)), Var("x")))
    analyzer = Analyzer(
        Program("x", (("r", quotient),)), fmt, primitive_errors("float32")
    )
    x = inputs()[:500]
    got = mode_of(lambda t: number / t, mode)(ops.convert_to_tensor(x))
    for v, t in zip(ops.convert_to_numpy(got), x, strict=True):
        exact = Fraction(float(t))
        gap = abs(Fraction(float(v)) - Fraction(number) / exact)
        assert gap <= float(analyzer.run(exact, exact).error.upper())


@pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="no compiler"
)
@pytest.mark.parametrize("mode", MODES)
def test_compilers_do_not_look_through_a_clip(mode: str) -> None:
    x = inputs()

    def hidden(t):  # type: ignore[no-untyped-def]
        return ops.clip(t - C, -3.4028235e38, 3.4028235e38) - D

    got = mode_of(hidden, mode)(ops.convert_to_tensor(x))
    want = (x - np.float32(C)) - np.float32(D)
    np.testing.assert_array_equal(ops.convert_to_numpy(got), want)


# -- where exactness ends ---------------------------------------------------
# x - c is exact for c/2 <= x <= 2c (Sterbenz), and rounded beyond.
@pytest.mark.once
@pytest.mark.parametrize(
    "low, high, exact",
    [
        (C / 2 + 1e-6, C, True),
        (C, 2 * C, True),
        (C / 4, C / 3, False),
        (5 * C, 6 * C, False),
    ],
)
def test_differences_are_exact_where_they_are(
    low: float, high: float, exact: bool
) -> None:
    m = machine(1)
    low, high = float(np.float32(low)), float(np.float32(high))
    made = span(m, low, high) - C
    assert (float(made.error[0]) == 0) == exact


TOP = float(np.finfo(np.float32).max)
PAIRS: dict[str, tuple[Callable[[Pairs, Any], Any], float, float]] = {
    # What is done with x, up to which x it is known, and from which not.
    "_two_product splits x": (
        lambda p, x: p.two_product(x, x.like(1.5), "float32"),
        TOP / 4100,
        TOP / 4096,
    ),
    "_two_product of large ones": (
        lambda p, x: p.two_product(x, x, "float32"),
        2.0**62,
        2.0**64,
    ),
    "_split": (lambda p, x: p.split(x, 4097.0), TOP / 4100, TOP / 4096),
    "_two_sum": (lambda p, x: p.two_sum(x, x), TOP / 16, TOP),
    "_product": (
        lambda p, x: p.product((x, x * 0.0), (x, x * 2.0**-30), "float32"),
        2.0**62,
        2.0**64,
    ),
    "_quotient": (
        lambda p, x: p.quotient((x, x * 0.0), (x / x, x * 0.0), "float32"),
        TOP / 4100,
        TOP / 2,
    ),
    "a square": (lambda p, x: (x * x,), 2.0**63, 2.0**65),
    "an infinity scaled back": (
        lambda p, x: ((x * 2.0**64) * 2.0**-64,), 2.0**63, 2.0**65
    ),
    "an infinity taken away": (
        lambda p, x: ((x * 2.0**64) - (x * 2.0**64),), 2.0**63, 2.0**65
    ),
    "3 over an infinity": (
        lambda p, x: (3.0 / (x * 2.0**64),), 2.0**62, 2.0**65
    ),
    "exp": (lambda p, x: (Ops(p.m).exp(x),), 88.0, 89.0),
    "exp of exp": (lambda p, x: (Ops(p.m).log(Ops(p.m).exp(x)),), 88.0, 89.0),
}  # fmt: skip


@pytest.mark.once
@pytest.mark.parametrize("name", PAIRS)
def test_what_may_overflow_is_not_known(name: str) -> None:
    way, near, far = PAIRS[name]
    for x, known in ((near, True), (far, False)):
        m = machine(1)
        m.ulps.update(exp=1.0, log=1.0)
        with np.errstate(all="ignore"):
            parts = way(Pairs(m), point(m, [float(np.float32(x))]))
        sure = all(np.isfinite(p.error[0]) and not p.huge[0] for p in parts)
        assert sure == known


# A low part below the smallest normal number may be flushed to 0.
@pytest.mark.once
@pytest.mark.parametrize(
    "a, b, exact",
    [
        (1.2345679, 1.7654321, True),
        (1.2345679 * 2.0**-30, 1.7654321 * 2.0**-30, True),
        (1.2345679 * 2.0**-60, 1.7654321 * 2.0**-60, False),
        (1.2345679 * 2.0**-120, 1.7654321 * 2.0**100, False),
        (2.0**-120, 3.0, True),
        (0.0, 1.2345679, True),
    ],
)
def test_low_parts_are_flushed(a: float, b: float, exact: bool) -> None:
    m = machine(1)
    x, y = (point(m, [float(np.float32(v))]) for v in (a, b))
    high, low = Pairs(m).two_product(x, y, "float32")
    key = set(high.noise) & set(low.noise)
    assert len(key) == 1  # what is lost above is below
    assert (float(low.res[0]) == 0) == exact


# c may not come first, nor second after another constant: both are folded.
@pytest.mark.once
@pytest.mark.parametrize(
    "way, known",
    [
        (lambda p, x: p.two_sum(x, C), True),
        (lambda p, x: p.two_sum(C, x), False),
        (lambda p, x: p.two_sum(x - C, x.like(-D)), False),
        (lambda p, x: p.two_sum(Ops(p.m).clip(x - C, -9.0, 9.0), -D), True),
        (lambda p, x: p.two_sum(x * C, -D), True),
        (lambda p, x: p.two_sum(x.like(C), x.like(D)), True),
    ],
)
def test_constants_that_fold_into_a_sum(
    way: Callable[[Pairs, Any], Any], known: bool
) -> None:
    m = machine(1)
    parts = way(Pairs(m), point(m, [2.5]))
    assert all(np.isfinite(p.error[0]) for p in parts) == known


@pytest.mark.once
@pytest.mark.parametrize(
    "way, known",
    [
        (lambda x, p: (x * 2.0**24) * p, False),  # as x * (2**24 * p)
        (lambda x, p: p * (2.0**24 * x), False),
        (lambda x, p: Ops(x.m).clip(x * 2.0**24, -1e38, 1e38) * p, True),
        (lambda x, p: x * p, True),
    ],
)
def test_numbers_join_any_factor(
    way: Callable[[Any, Any], Any], known: bool
) -> None:
    """Grappler puts the smallest operands of a product together."""
    m = machine(1)
    x, p = point(m, [2.0**-40]), point(m, [2.0**110])
    made = way(x, p)
    assert (np.isfinite(made.error[0]) and not made.huge[0]) == known


@pytest.mark.once
@pytest.mark.parametrize(
    "way, known",
    [
        (lambda x: 1.0 / x, False),
        (lambda x: x.like(1.0) / x, False),
        (lambda x: -1.0 / -x, True),
        (lambda x: 3.0 / x, True),
        (lambda x: x / 1.0, True),
    ],
)
def test_reciprocals_are_not_known(
    way: Callable[[Any], Any], known: bool
) -> None:
    """TensorFlow's graphs have an operation of their own for 1 / x."""
    assert np.isfinite(way(point(machine(1), [2.5])).error[0]) == known


@pytest.mark.skipif(BACKEND != "tensorflow", reason="of TensorFlow's graphs")
def test_minus_1_over_minus_x_is_rounded_once() -> None:
    x = inputs()
    got = mode_of(lambda t: -1.0 / -t, "graph")(ops.convert_to_tensor(x))
    np.testing.assert_array_equal(ops.convert_to_numpy(got), 1 / x)
