"""Every kernel against the body that it stands for, by Triton's interpreter.

They are the same operations in the same order, so the same bits but where exp
or log or the backend's root of float32 is another (MKL's is off by 0.75 ulp):
there it is multiple precision that judges.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import interpreted
import judge
import numpy as np
import pytest

from keras_stablef._shipped import NAMES
from keras_stablef._shipped import shipped

Run = Callable[..., Any]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_kernel_is_the_body(name: str, dtype: str, interpreter: Run) -> None:
    for order in range(3):
        xs, kernel, body = interpreter(
            interpreted.differing, name, dtype, order
        )
        if not len(xs):
            continue
        text = interpreted.text_of(name, dtype, order)
        assert any(f"{word}(" in text for word in ("exp", "log", "root"))
        bound = shipped(name).bounds[dtype][order]
        finite = np.isfinite(xs)
        error, x = judge.worst(name, order, dtype, xs[finite], kernel[finite])
        assert error <= bound, (order, x)
        assert (kernel == body)[~finite].all()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", ["exprel", "stablef", "log1prel"])
def test_16_bits_are_rounded_once(
    name: str, dtype: str, interpreter: Run
) -> None:
    for order in range(2):
        assert interpreter(interpreted.narrow, name, dtype, order) == 0


def test_rounding_is_that_of_a_cast(interpreter: Run) -> None:
    found = interpreter(interpreted.rounded)
    assert set(found.values()) == {0}, found


@pytest.mark.parametrize(
    "what",
    [
        interpreted.shapes,
        interpreted.derivatives,
        interpreted.graphs,
        interpreted.checked,
        interpreted.derived,
    ],
    ids=lambda call: call.__name__,
)
def test_the_operation(what: Callable[[], None], interpreter: Run) -> None:
    interpreter(what)
