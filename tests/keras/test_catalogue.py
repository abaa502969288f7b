"""Every function of the catalogue against multiple precision.

A row per function: value, derivatives and autodiff, eager and compiled, at
every magnitude, on both sides of every seam and zero, at removable points,
at the ends of the domain and outside it.
"""

from __future__ import annotations

import functools
import itertools
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from backends import BACKEND
from backends import forward
from backends import reverse
from backends import run
from cases import CASES
from judge import worst
from points import all_16_bit
from points import filled
from points import neighbours
from points import scalar_type
from sampling import sampled

import keras_stablef as ks
from keras_stablef import generated

pytestmark = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="autodiff backends"
)
NAMES = sorted(CASES)
WIDE = ("float32", "float64")
NARROW = ("float16", "bfloat16")
ORDERS = (0, 1, 2)
AIMS = {0: 2.0, 1: 2.0, 2: 4.0}
# Floats on either side of a seam, by whether seams are few.
REACH = {True: 3, False: 1}
# Compiling takes seconds for each function: one for each mechanism is
# compiled everywhere, the others in float32 by XLA.
COMPILED = ("exprel", "log1prel", "log_cosh", "sinc", "two_sqrt", "asinh")
MODES = ("eager", "jit")


# Inductor takes up to a minute for the derivatives of the others, and twice as
# long for rows by the hundred as for these: a value and a derivative.
QUICK = ("log_cosh", "sinc")
INDUCTOR = (("cos_versine_ratio", 0), ("cotangent_remainder", 1))


def compiled_here(name: str, dtype: str, order: int) -> bool:
    if BACKEND == "torch":
        known = name in (QUICK if order else COMPILED)
        return (known or (name, order) in INDUCTOR) and dtype == "float32"
    return name in COMPILED or dtype == "float32"


def number(text: str) -> Fraction:
    """An exact number of a certificate."""
    return Fraction(float.fromhex(text)) if "x" in text else Fraction(text)


@functools.cache
def marks(name: str, dtype: str, order: int) -> tuple[float, ...]:
    """Seams, centers and zeros of the plan, from its certificate."""
    folder = Path(generated.__file__).parent
    data = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    (plan,) = [
        p for p in data["plans"] if p["dtype"] == dtype and p["order"] == order
    ]
    found = {Fraction(piece["low"]) for piece in plan.get("pieces", [])}
    for table in (plan.get("rows"), plan.get("powers")):
        for values in (table or {"values": []})["values"]:
            piece = dict(zip(table["fields"], values, strict=True))
            found |= {number(piece[k]) for k in ("low", "high")}
            if number(piece.get("slope", "0")) or "offset" in piece:
                found.add(number(piece["center"]))
    for end in plan.get("ends", []):
        point = number(end["point"] or "0")
        found.add(point + end["side"] * number(end["bound"]))
    return tuple(sorted(float(f) for f in found))


@functools.cache
def points(name: str, dtype: str, order: int) -> np.ndarray:
    """Inputs inside the domain, every binade of both signs among them."""
    case, info = CASES[name], np.finfo(dtype)
    rng = np.random.default_rng(2026)
    low, high = int(info.minexp), int(info.maxexp)
    exponents = np.arange(low, high, 1 if dtype == "float32" else 8)
    wide = np.ldexp(rng.uniform(1, 2, len(exponents)), exponents)
    near = np.ldexp(rng.uniform(1, 2, 60), rng.integers(-8, 8, 60))
    found = [wide, -wide, near, -near, [0.0, info.max, -info.max]]
    for end in (case.low, case.high):
        if np.isfinite(end):
            gaps = np.exp2(-np.arange(0.0, -info.minexp, 3))
            found += [end + gaps, end - gaps]
    seams = marks(name, dtype, order)
    for mark in seams:
        for value in (mark, -mark):
            found.append(neighbours(value, dtype, REACH[len(seams) < 40]))
    with np.errstate(over="ignore", under="ignore"):
        xs = np.concatenate([np.asarray(f).astype(dtype) for f in found])
    return filled(np.unique(case.inside(xs)))


ERRORS = [
    row
    for row in itertools.product(NAMES, WIDE, ORDERS, MODES)
    if row[3] == "eager" or compiled_here(*row[:3])
]


# Of what inductor compiles these two; what pairs need of it is tested in
# test_pairs.
COMPILED_BY_IT = [(n, "float32", k, "jit") for n, k in INDUCTOR]
SINGLE = [row for row in ERRORS if row[1::2] == ("float32", "eager")]
VALUES = [row for row in SINGLE if not row[2]]
QUICKLY = [r for r in ERRORS if BACKEND != "torch" or r[3] == "eager"]


@pytest.mark.parametrize(
    ("name", "dtype", "order", "mode"),
    [
        *sampled(VALUES, 0, VALUES),
        *sampled([r for r in SINGLE if r not in VALUES]),
        *sampled([r for r in QUICKLY if r not in SINGLE], 18),
        *sampled([r for r in ERRORS if r not in QUICKLY], 0, COMPILED_BY_IT),
    ],
)
def test_error(name: str, dtype: str, order: int, mode: str) -> None:
    op = getattr(ks.ops, name).derivative(order)
    xs = points(name, dtype, order)
    got = run(op, xs, mode)
    assert got.dtype == np.dtype(dtype)
    error, where = worst(name, order, dtype, xs, got)
    bound = op.error_bound(dtype)
    assert error <= bound <= AIMS[order], f"{error} ulp at {where!r}"


WAYS = {"reverse": reverse, "forward": forward}
GRADIENTS = list(itertools.product(NAMES, WIDE, WAYS))


# All go through one rule to a body that `test_error` judges.
@pytest.mark.parametrize(
    ("name", "dtype", "way"),
    sampled(GRADIENTS, 18, [r for r in GRADIENTS if r[0] == "stablef"]),
)
def test_gradient(name: str, dtype: str, way: str) -> None:
    op = getattr(ks.ops, name)
    xs = points(name, dtype, 1)
    got = run(WAYS[way](op), xs)
    error, where = worst(name, 1, dtype, xs, got)
    assert error <= op.error_bound(dtype, order=1), where


NARROWED = list(itertools.product(NAMES, NARROW))


# One rounding of the body in float32, the same for all of them.
@pytest.mark.parametrize(
    ("name", "dtype"),
    sampled(NARROWED, 6),
)
def test_all_inputs_of_16_bits(name: str, dtype: str) -> None:
    """Against float64, which `test_error` holds to multiple precision.

    Its own error is below 2**-40 of a unit here.
    """
    case = CASES[name]
    xs = all_16_bit(dtype)
    wide = xs.astype(np.float64)
    inside = np.isfinite(wide) & (wide > case.low) & (wide < case.high)
    # Their squares and the like are subnormal in float32: flushed there.
    tiny = np.abs(wide) < np.finfo(np.float32).tiny
    judged = inside & ~(tiny & (wide != 0))
    precision, emin = (11, -14) if dtype == "float16" else (8, -126)
    largest = float(np.float64(2 - 2.0 ** (1 - precision))) * 2.0 ** (
        15 if dtype == "float16" else 127
    )
    for order in ORDERS:
        op = getattr(ks.ops, name).derivative(order)
        got = run(op, xs).astype(np.float64)[judged]
        want = run(op, wide)[judged]
        size = np.maximum(np.abs(want), 2.0**emin)
        with np.errstate(invalid="ignore", over="ignore"):
            unit = np.exp2(np.floor(np.log2(size)) - precision + 1)
            error = np.abs(got - want) / unit
        over = np.abs(want) > largest
        right = np.isinf(got) & (np.sign(got) == np.sign(want))
        almost = np.abs(got) == largest
        error = np.where(over, np.where(right | almost, 0.0, np.inf), error)
        # Flushing below the smallest normal number is allowed.
        error[(got == 0) & (np.abs(want) < 2.0**emin)] = 0.0
        k = int(np.argmax(error))
        assert error[k] <= op.error_bound(dtype) <= 0.51, (
            order,
            xs[judged][k],
        )


# Each dtype of a function on one backend: `test_error` looks at all float32
# values on each of them.  Narrow formats are float32 rounded once, which is
# tried above.
KNOWN = list(itertools.product(NAMES, WIDE))


def of_dtype(dtype: str) -> list[tuple[str, str]]:
    return [row for row in NARROWED if row[1] == dtype]


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *sampled(KNOWN),
        *(row for t in NARROW for row in sampled(of_dtype(t), 3)),
    ],
)
def test_known_values_ends_and_outside(name: str, dtype: str) -> None:
    case, op = CASES[name], getattr(ks.ops, name)
    known = [x for x, _ in case.known] if dtype == "float64" else []
    outside = [np.nan]
    if np.isfinite(case.low):
        outside += [case.low - 1e-3, -INF]
    if np.isfinite(case.high):
        outside += [case.high + 1e-3, INF]
    edge = np.array(outside).astype(scalar_type(dtype))
    inside = (edge.astype(float) >= case.low) & (
        edge.astype(float) <= case.high
    )
    edge[inside] = np.nan  # rounded into the domain
    xs = filled(np.concatenate([np.array(known, edge.dtype), edge]))
    for order in ORDERS:
        got = run(op.derivative(order), xs).astype(np.float64)
        values, beyond = got[: len(known)], got[len(known) :]
        want = [np.nan if v[order] is None else v[order] for _, v in case.known]
        want = want[: len(known)]
        np.testing.assert_allclose(values, want, rtol=1e-15, atol=0)
        assert np.isnan(beyond).all()


INF = float("inf")


# Third derivatives of many rows take minutes to trace, and compiled by
# inductor those of few.
FINITE = [
    (name, "jit" if BACKEND != "torch" and name in COMPILED else "eager")
    for name in NAMES
]
OFTEN = [row for row in FINITE if row[0] in ("stablef", "log_cosh")]
if BACKEND == "torch":
    FINITE += [(name, "jit") for name in QUICK]


@pytest.mark.parametrize(("name", "mode"), sampled(FINITE, 3, OFTEN))
def test_gradient_is_finite_where_f_is(name: str, mode: str) -> None:
    """No nan in any order of autodiff where the derivative is finite.

    The third order goes through the body of f'', where that is not near
    overflow or underflow.
    """
    case = CASES[name]
    special = [0.0, -0.0, 1.0, -1.0, 88.8, -88.8, 1e30, -1e30, 3e38]
    xs = case.inside(np.array(special, np.float32))
    xs = filled(np.concatenate([xs, points(name, "float32", 2)[::7]]))
    fn = getattr(ks.ops, name)
    for order in range(4):
        got = run(fn, xs, mode)
        if order == 2:  # before the infinite ones are left out
            size = np.abs(got)
            tame = (size < 1e20) & (np.abs(xs) < 1e10)
            tame &= (size > 1e-20) & (np.abs(xs) > 1e-10)
            following = filled(xs[tame])
        if order <= 2:
            own = run(getattr(ks.ops, name).derivative(order), xs)
            assert not np.isnan(own).any()
            got = got[np.isfinite(own)]
        assert not np.isnan(got).any(), order
        fn = reverse(fn)
        xs = following if order == 2 else xs
