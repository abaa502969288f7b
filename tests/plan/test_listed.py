"""`LISTED` against multiple precision: bounds hold, or a typed error."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import pytest
import sympy
from backends import BACKEND
from backends import run
from cases import X
from keras_stablef.generator.errors import GeneratorError
from listed import FIRST
from listed import LISTED
from oracle import at
from oracle import compiled
from oracle import ulp_error
from points import neighbours
from sampling import shared

import keras_stablef as ks

# One of each kind, each on one backend.
HERE = shared(sorted(FIRST))
ROWS = [
    pytest.param(
        *row,
        id=f"{row[0]} on {row[1]}",
        marks=() if row[0] in HERE else pytest.mark.slow,
    )
    for rows in LISTED.values()
    for row in rows
]
# What no plan can give in a format, and what is said.
REFUSED = {
    ("1e302*sqrt(x)", "float32"): "leaves the range of float32",
    ("1e400*x", "float32"): "",
    ("1e400*x", "float64"): "",
    # Ends beyond the format, and beyond all that can be written down.
    ("exp(-x)", "float32"): "received",
    ("exp(-x)", "float64"): "received",
    # Singular right outside of the domain: refused, though it could be met.
    ("log(x)", "float32"): "Bound not met",
    ("log(x)", "float64"): "Bound not met",
    ("1/(x-1)", "float32"): "Bound not met",
    ("1/(x-1)", "float64"): "Bound not met",
}


def modes(text: str, dtype: str, order: int) -> tuple[str, ...]:
    """Inductor takes one or two minutes a function: in `test-all`, and f'.

    test_pieces_compiled has every kind of piece.
    """
    long = text in FIRST or dtype != "float32" or order != 1
    return ("eager",) if BACKEND == "torch" and long else ("eager", "jit")


def inputs(
    low: float, high: float, places: tuple[float, ...], dtype: str
) -> np.ndarray:
    """Every magnitude, both sides of places, half and twice them, ends."""
    info = np.finfo(dtype)
    rng = np.random.default_rng(11)
    wide = np.exp2(rng.uniform(info.minexp, info.maxexp, 60))
    near = np.exp2(rng.uniform(-12, 7, 100))
    low, high = max(low, -float(info.max)), min(high, float(info.max))
    inner = max(low, -1e3), min(high, 1e3)
    inside = rng.uniform(*(inner if inner[0] < inner[1] else (low, high)), 100)
    found = [wide, -wide, near, -near, inside, neighbours(low, dtype)]
    found.append(neighbours(high, dtype))
    for place in places:
        for k in (0.5, 1.0, 2.0):
            found.append(neighbours(k * place, dtype))
        found.append(place * (1 + np.exp2(rng.uniform(-22, 0, 60))))
        found.append(place * (1 - np.exp2(rng.uniform(-22, 0, 60))))
    with np.errstate(over="ignore", under="ignore"):
        xs = np.unique(np.concatenate(found).astype(dtype))
    # XLA and TensorFlow read subnormal inputs as 0.
    normal = (np.abs(xs) >= info.tiny) | (xs == 0)
    exact = xs.astype("float64")  # or the ends would be rounded to dtype
    return xs[(exact >= low) & (exact <= high) & normal & np.isfinite(xs)]


def orders(op: ks.ops.StableOp) -> Iterator[tuple[int, ks.ops.StableOp]]:
    for order in range(3):
        yield order, op if order == 0 else op.derivative(order)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("text", "domain", "places"), ROWS)
def test_bounds_hold(
    text: str,
    domain: tuple[object, object],
    places: tuple,
    dtype: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What is derived at once is for users of that dtype.
    monkeypatch.setattr(keras.config, "floatx", lambda: dtype)
    try:
        op = ks.stabilize(text, domain)
        bounds = [op.error_bound(dtype, k) for k in range(3)]
    except GeneratorError as error:
        assert REFUSED[text, dtype] in str(error)
        return
    assert (text, dtype) not in REFUSED
    spec = op.function.spec
    low, high = (float(end) for end in spec.domain)
    xs = inputs(low, high, places, dtype)
    for order, tower in orders(op):
        smooth = spec.expr.replace(sympy.Abs, lambda u: sympy.sqrt(u**2))
        derivative = sympy.diff(smooth, spec.variable, order)
        exact = compiled(derivative.subs(spec.variable, X))
        wants = [at(exact, float(x)) for x in xs]
        assert sum(w is not None for w in wants) > 0.6 * len(xs)
        for mode in modes(text, dtype, order):
            got = run(tower, xs, mode)
            for x, y, want in zip(xs, got, wants, strict=True):
                if want is not None:
                    error = ulp_error(float(y), want, dtype)
                    assert error <= bounds[order], (order, mode, x, y)


@pytest.mark.parametrize("row", LISTED["derivatives that forget nan"])
def test_nan_stays_nan(row: tuple) -> None:
    op = ks.stabilize(row[0], row[1])
    x = np.array([np.nan, 0.5], "float32")
    for order, tower in orders(op):
        for mode in modes(row[0], "float64", order):
            got = run(tower, x, mode)
            assert np.isnan(got[0]) and np.isfinite(got[1])


# A compiler that reads subnormals as 0 could not tell on which side 0 is.
NEAR_ZERO = ["1e38*x+1e-38", "x+1e-50", "exp(-abs(x-1e-50))"]


@pytest.mark.once
@pytest.mark.parametrize("text", NEAR_ZERO)
def test_places_nearer_to_0_than_any_number(text: str) -> None:
    with pytest.raises(GeneratorError, match="nearer to 0 than any"):
        ks.stabilize(text)


@pytest.mark.once
def test_floats_of_a_billion_bits_are_refused() -> None:
    huge = sympy.Float((0, 1, 10**9, 1), precision=53)
    with pytest.raises(GeneratorError, match="out of proportion"):
        ks.stabilize(X * huge)
    with pytest.raises(GeneratorError, match="out of proportion"):
        ks.stabilize("exp(x)", (0, huge))
