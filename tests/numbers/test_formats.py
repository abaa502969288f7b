"""Narrow formats: float8 on all inputs, rounding, gradients."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import keras
import numpy as np
import pytest
from backends import BACKEND
from backends import compiled
from backends import forward
from backends import reverse
from cases import CASES
from keras_stablef.generator.numbers.floats import FloatFormat
from keras_stablef.generator.numbers.format_file import read_formats
from keras_stablef.generator.numbers.format_file import tables_of
from keras_stablef.generator.numbers.formats import FORMATS
from keras_stablef.generator.numbers.formats import formats_with
from roundings import FLOAT8
from roundings import float8
from roundings import run
from roundings import same
from roundings import wanted
from sampling import sampled

import keras_stablef as ks
from keras_stablef._rounding import narrow

TF32 = Path(__file__).resolve().parents[2] / "examples" / "tf32.toml"
ORDERS = (0, 1, 2)
COMPILED = ("stablef", "pseudo_huber")  # one of each planner


@pytest.mark.parametrize(
    ("name", "order"), sampled(itertools.product(CASES, ORDERS), 15)
)
def test_float8_is_correctly_rounded_on_all_inputs(
    name: str, order: int
) -> None:
    op = getattr(ks.ops, name).derivative(order)
    for dtype in FLOAT8:
        values, to = float8(dtype)
        got = run(op, values, dtype)
        # At the ends of the domain, at infinity and outside: as float32.
        single = run(op, values, "float32")
        rows = zip(map(float, values), map(float, single), strict=True)
        found = [wanted(name, order, x, to, end) for x, end in rows]
        want = np.float32([value for value, _ in found])
        free = np.array([sign for _, sign in found]) & (got == 0)
        assert (want[free] == 0).all()
        wrong = np.flatnonzero(~same(got, want) & ~free)
        assert not len(wrong), [
            (dtype, values[k], got[k], want[k]) for k in wrong[:9]
        ]
        assert np.isnan(got[np.isnan(values)]).all()


PAIRS = list(itertools.product(COMPILED, FLOAT8))


# Each planner and each format once, all of them in test-all.
@pytest.mark.parametrize(("name", "dtype"), sampled(PAIRS, 0, PAIRS[::3]))
def test_float8_compiled(name: str, dtype: str) -> None:
    """XLA and inductor do what eager mode does, which is tested above."""
    values, _ = float8(dtype)
    for order in (0, 1):
        op = getattr(ks.ops, name).derivative(order)
        got = run(op, values, dtype, "jit")
        assert same(got, run(op, values, dtype)).all()


@pytest.mark.parametrize("dtype", FLOAT8)
@pytest.mark.parametrize("mode", [forward, reverse])
def test_float8_gradient_is_the_rounded_derivative(mode, dtype) -> None:  # type: ignore[no-untyped-def]
    values, _ = float8(dtype)
    op = ks.ops.stablef
    want = run(op.derivative(), values, dtype)

    def wide(x):  # type: ignore[no-untyped-def]
        return keras.ops.cast(op(x), "float32")

    if BACKEND == "tensorflow":
        import tensorflow as tf

        z = tf.cast(tf.constant(values), dtype)
        with tf.GradientTape() as tape:
            tape.watch(z)
            y = wide(z)
        # Not ours to give: the day TensorFlow can, this says so.
        assert tape.gradient(y, z) is None
        return
    assert same(run(mode(wide), values, dtype), want).all()


# A row: entry, what its numbers are, largest first what overflows become.
INVENTED = {
    "tf32": tables_of(formats_with(TF32))["tf32"],
    "e4m3sat": {
        "precision": 4,
        "emin": -6,
        "emax": 8,
        "max_finite": 448,
        "infinities": False,
        "overflow": "saturate",
        "compute": "float32",
        "storage": "float8_e4m3fn",
    },
    "e3m2": {
        "precision": 3,
        "emin": -2,
        "emax": 4,
        "infinities": False,
        "nan": False,
        "overflow": "saturate",
        "compute": "float32",
        "storage": "float16",
    },
    "fp24": {
        "precision": 17,
        "emin": -62,
        "emax": 63,
        "compute": "float32",
        "storage": "float32",
    },
    "half_in_double": {
        "precision": 11,
        "emin": -14,
        "emax": 15,
        "compute": "float64",
        "storage": "float64",
    },
}


def numbers(fmt: FloatFormat) -> list[Fraction]:
    """The format's numbers >= 0 of its binades near 1 and at both ends."""
    p = fmt.precision
    found = {k * fmt.smallest_subnormal for k in range(2 ** min(p - 1, 9))}
    middle = {fmt.emin, fmt.emin + 1, -1, 0, 1, fmt.emax - 1, fmt.emax}
    for e in range(fmt.emin, fmt.emax + 1) if p < 5 else middle:
        unit = Fraction(2) ** (e - p + 1)
        top = 2 ** (p - 1)
        steps = {*range(min(top, 70)), *range(max(0, top - 70), top)}
        found |= {(top + k) * unit for k in steps}
    return sorted(v for v in found if v <= fmt.max_finite)


NARROW = (*FLOAT8, "float16", "bfloat16", *INVENTED)
ROUNDED = list(itertools.product(NARROW, ("eager", "jit")))


# The same few operations for each; compiled each on one backend.
@pytest.mark.parametrize(
    ("name", "mode"),
    sampled(ROUNDED, always=[row for row in ROUNDED if row[1] == "eager"]),
)
def test_rounding_is_to_nearest_even(name: str, mode: str) -> None:
    """At every number of a format, halfway and beside it, and beyond."""
    fmt = {**FORMATS, **read_formats(INVENTED, FORMATS)}[name]
    scalar = np.dtype(fmt.compute).type
    wide = FORMATS[fmt.compute]
    line = numbers(fmt)
    over = {"inf": np.inf, "nan": np.nan, "saturate": float(fmt.max_finite)}
    unit = Fraction(2) ** fmt.ulp_exponent(fmt.emax)
    cases: dict[float, float] = {}
    # Neighbours in the list may lie apart: only true neighbours are asked.
    for low, high in zip(line, [*line[1:], line[-1] + unit], strict=True):
        gap = fmt.smallest_subnormal
        if low:
            e = np.frexp(float(low))[1] - 1
            gap = Fraction(2) ** fmt.ulp_exponent(int(e))
        if high - low != gap:
            continue
        top = over[fmt.overflow] if high > fmt.max_finite else float(high)
        tie = (low + high) / 2
        odd = (low / gap) % 2 == 1
        x = scalar(float(tie))
        cases[float(low)] = float(low)
        cases[float(x)] = top if odd else float(low)
        cases[float(np.nextafter(x, scalar(0)))] = float(low)
        cases[float(np.nextafter(x, scalar(np.inf)))] = top
    cases[float(wide.max_finite)] = over[fmt.overflow]
    cases[float("inf")] = over[fmt.overflow]
    tiny = float(wide.smallest_normal)
    xs = np.array([x for x in cases if not 0 < x < 2 * tiny], fmt.compute)
    assert len(xs) > 30
    want = np.array([cases[float(x)] for x in xs])
    xs = np.concatenate([xs, -xs, [np.nan]]).astype(fmt.compute)
    want = np.concatenate([want, -want, [np.nan]])
    z = keras.ops.convert_to_tensor(xs, dtype=fmt.compute)
    steps = fmt.rounding(wide)
    y = compiled(lambda t: narrow(t, fmt.storage, **steps), mode)(z)
    assert keras.backend.standardize_dtype(y.dtype) == fmt.storage
    got = np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(y, fmt.compute)))
    wrong = ~((got == want) | (np.isnan(got) & np.isnan(want)))
    assert not wrong.any(), list(zip(xs[wrong], got[wrong], want[wrong]))[:9]  # noqa: B905
