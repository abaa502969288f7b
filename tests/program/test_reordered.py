"""Products with a number: graphs put the smallest operands together."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from keras_stablef.generator.numbers.formats import FORMATS
from keras_stablef.generator.program.assumed import primitive_errors
from keras_stablef.generator.program.carried import PairAnalyzer
from keras_stablef.generator.program.forms import Form
from keras_stablef.generator.program.forms import boxes_of
from keras_stablef.generator.program.program import Const
from keras_stablef.generator.program.program import Op
from keras_stablef.generator.program.program import Program
from keras_stablef.generator.program.program import Var
from keras_stablef.generator.program.spans import Real

pytestmark = pytest.mark.once
T = Var("t")


def bound(number: int, exponent: int, pairs: tuple[str, ...]) -> float:
    """Of (c / t) t**2 = c t, next to t = 2**exponent."""
    c = Const(Fraction(2) ** number)
    program = Program(
        "t",
        (
            ("v0", Op("div", (Const(Fraction(3)), T))),
            ("v1", Op("mul", (c, Var("v0")))),
            ("v2", Op("mul", (T, T))),
            ("y", Op("mul", (Var("v1"), Var("v2")))),
        ),
    )
    form = Form(program, pairs=frozenset(pairs))
    low = np.array([2.0**exponent]).astype(Real)
    boxes = boxes_of(form, low, low * Real(1.25))
    fmt = FORMATS["float32"]
    analyzer = PairAnalyzer(form, fmt, primitive_errors("float32"), boxes)
    return float(analyzer.ulps().max())


@pytest.mark.parametrize("pairs", [(), ("v0", "v1", "v2", "y")], ids=len)
@pytest.mark.parametrize(
    "number, exponent, known",
    [
        (7, 40, True),
        (7, 61, False),  # 2**7 t**2 is above the largest number
        (-7, 61, True),
        (-7, -50, True),
        (-7, -61, False),  # 2**-7 t**2 is below the smallest normal one
        (9, 61, True),  # stands behind a clip
    ],
)
def test_factors_in_any_order(
    number: int, exponent: int, known: bool, pairs: tuple[str, ...]
) -> None:
    assert np.isfinite(bound(number, exponent, pairs)) == known
