"""What the checker says of exponents and quotients holds for floats."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from keras_stablef.generator.checker import folds
from keras_stablef.generator.checker.arithmetic import quotient
from keras_stablef.generator.checker.bitwise import LaterBitwise
from keras_stablef.generator.checker.bitwise import scaled
from keras_stablef.generator.checker.bitwise import split_exponent
from keras_stablef.generator.checker.claims import get_format
from keras_stablef.generator.checker.machine import Machine
from keras_stablef.generator.checker.machine import Real
from keras_stablef.generator.checker.operations import Ops
from keras_stablef.generator.checker.operations import grids
from keras_stablef.generator.checker.running import Number
from keras_stablef.generator.checker.source import NotRunnable

pytestmark = pytest.mark.once


def machine(lanes: int, choices: dict[int, Any] | None = None) -> Machine:
    format_ = get_format("float32")
    return Machine(format_, lanes, {}, {}, choices or {}, folds)


def spans(m: Machine, low: np.ndarray, high: np.ndarray) -> Number:
    a, b = low.astype(Real), high.astype(Real)
    return Number(m, a, b, m.fill(0), {}, grids(low))


def lanes(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    low = np.exp2(rng.uniform(-126, 127, 3000)).astype("float32")
    return low, (low * rng.uniform(1, 1.1, 3000)).astype("float32")


@pytest.mark.parametrize("root", [1, 2, 3])
def test_a_split_number_is_enclosed(root: int) -> None:
    low, high = lanes(root)
    for taken in (0, 1):  # either way where it is open
        place = 7
        m = machine(len(low), {place: np.full(len(low), taken)})
        part, n = split_exponent(Ops(m), spans(m, low, high), root, place)
        known = np.isfinite(n.res)
        assert known.all()
        decided = ~m.undecided.get(place, np.zeros(len(low), bool))
        assert decided.sum() > len(low) / 2
        for t in (low, high, np.sqrt(low * high.astype("float64"))):
            of_t = root * np.floor(np.log2(t.astype(Real)) / root + 0.5)
            assert (of_t == n.lo)[decided].all()
            value = t.astype(Real) / np.exp2(n.lo)
            inside = (part.lo - part.error <= value) & (
                value <= part.hi + part.error
            )
            assert inside[decided].all()


def test_of_a_subnormal_number_nothing_is_known() -> None:
    low = np.array([2.0**-130, 1.0])
    m = machine(2)
    part, n = split_exponent(Ops(m), spans(m, low, low), 1, 7)
    assert np.isinf(n.res).tolist() == np.isinf(part.error).tolist()
    assert np.isinf(n.res).tolist() == [True, False]


def test_scaling_is_exact_and_stops_at_the_ends() -> None:
    y, n = np.array([1.5, -1.25, 1.0]), np.array([40.0, -30.0, 500.0])
    m = machine(3)
    made = scaled(Ops(m), spans(m, y, y), spans(m, n, n), 7)
    assert made.lo[:2].tolist() == [1.5 * 2.0**40, -1.25 * 2.0**-30]
    assert (made.error[:2] == 0).all()
    assert made.huge[2] or not np.isfinite(made.error[2])


def test_a_quotient_counts_what_a_device_is_off_by() -> None:
    a, b = lanes(9)
    m = machine(len(a))
    near = (a / b > 2.0**-100) & (a / b < 2.0**100)
    made = quotient(spans(m, a, a), spans(m, b, b))
    with np.errstate(all="ignore"):
        exact = a.astype(Real) / b.astype(Real)
    ulp = np.exp2(np.floor(np.log2(exact)) - 23)
    least = (0.5 + 2.0**-19) * ulp
    assert (made.error >= np.minimum(least, ulp))[near].all()
    assert (made.error <= 1.01 * ulp)[near].all()


def test_another_dtype_is_refused() -> None:
    helper = LaterBitwise(Ops(machine(1)))
    with pytest.raises(NotRunnable):
        helper.quotient(1.0, 2.0, "float64")
