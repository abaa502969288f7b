"""The judge of arrays says what the oracle says of each number."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import judge
import numpy as np
import oracle
import pytest
from flint import arb
from flint import ctx
from judge import Wanted
from judge import ulp_errors
from points import scalar_type

pytestmark = pytest.mark.once


def hard(dtype: str) -> list[arb]:
    """Values of every size, between floats, and beyond the format."""
    precision, emin = oracle.FORMATS[dtype]
    emax = {11: 15, 8: 127, 24: 127, 53: 1023}[precision]
    exponents = (emin - precision - 3, emin - 2, emin - 1, emin, emin + 1)
    exponents += (-3, 0, 5, emax - 1, emax, emax + 1, emax + 900)
    found = [arb(0), arb((1, -1150)), arb((1, -90000)), -arb((1, 90000))]
    with ctx.workprec(300):
        step = arb((1, 1 - precision))
        for size in (arb(1), 1 + step / 3, arb(4) / 3, 2 - step, 2 - step / 3):
            for off in (arb(0), arb((1, -100)), -arb((1, -100))):
                for exponent in exponents:
                    value = (size + off) * arb((1, exponent))
                    found += [value, -value]
    return found


@pytest.mark.parametrize("dtype", list(oracle.FORMATS))
def test_errors_are_those_of_the_oracle(dtype: str) -> None:
    values = hard(dtype)
    wanted = Wanted.of(values)
    kind = scalar_type(dtype)
    precision, emin = oracle.FORMATS[dtype]
    rng = np.random.default_rng(1)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        rounded = wanted.floats.astype(kind)
        off = wanted.floats * (1 + rng.integers(-9, 9, len(values)) / 2e3)
        unit = float(2.0 ** (emin - precision + 1)) * np.ones(len(values))
        tried = [rounded, -rounded, off.astype(kind), unit.astype(kind)]
        tried += [np.full(len(values), v, kind) for v in (0, np.nan, np.inf)]
        tried.append(np.nextafter(rounded, kind(0)))
    for got in tried:
        found = ulp_errors(got, wanted, dtype)
        for y, value, error in zip(got, values, found, strict=True):
            want = oracle.ulp_error(float(y), value, dtype)
            assert error == pytest.approx(want, rel=1e-12, abs=1e-25), (
                float(y), value
            )  # fmt: skip


def test_what_is_not_known_is_not_judged() -> None:
    wanted = Wanted.of([None, arb(1)])
    assert wanted.known.tolist() == [False, True]
    assert ulp_errors(np.array([3.0, 1.5]), wanted, "float16").tolist() == [
        0.0,
        pytest.approx(512),
    ]


def test_values_are_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    xs = np.array([0.0, -1.5, 1e30, 3.0], np.float32)
    monkeypatch.setenv(judge.FOLDER_VARIABLE, "")
    plain = judge.exact("log1prel", 1, xs)
    assert plain.known.tolist() == [True, False, True, True]
    assert plain.floats[0] == -0.5
    monkeypatch.setenv(judge.FOLDER_VARIABLE, str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    for _ in range(2):
        kept = judge.exact("log1prel", 1, xs)
        for name, column in vars(plain).items():
            np.testing.assert_array_equal(getattr(kept, name), column)
        assert len(list(tmp_path.iterdir())) == 1
    # Another question, another answer.
    other = judge.exact("log1prel", 1, xs[:3])
    assert len(other.high) == 3
    judge.exact("log1prel", 2, xs)
    assert len(list(tmp_path.iterdir())) == 3


def test_106_bits_are_kept() -> None:
    with ctx.workprec(300):
        third = arb(1) / 3
        (high,), (low,), (exponent,) = (
            getattr(Wanted.of([third]), k) for k in ("high", "low", "exponent")
        )
    value = (Fraction(high) + Fraction(low)) * Fraction(2) ** int(exponent)
    assert abs(value * 3 - 1) <= Fraction(1, 2**104)
