"""The first term of an expansion alone, against multiple precision."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import pytest
from keras_stablef.generator.numbers.formats import get_format
from keras_stablef.generator.pieces.bare import bare
from keras_stablef.generator.pieces.end_kinds import Factor
from keras_stablef.generator.pieces.end_kinds import FloatEnd
from keras_stablef.generator.pieces.end_kinds import PairEnd

pytestmark = pytest.mark.once
GOAL = 2.0


def pair_end(power: int, root: int, point: Fraction | None, **more) -> PairEnd:
    factor = Factor(Fraction(1, 2), Fraction(0), (Fraction(5), Fraction(-7)))
    known = {
        "point": point,
        "side": 1,
        "bound": Fraction(1, 8) if point is not None else Fraction(8),
        "cut": Fraction(0) if point is not None else Fraction(2) ** 120,
        "limit": 0.0,
        "power": power,
        "root": root,
        "factors": (factor,),
        "note": "by hand",
        "ulp": 1.0,
    }
    return PairEnd(**known | more)


# power, root, point, how often it is rounded (None: more than the goal)
FORMS = [
    (0, 1, Fraction(0), 0),
    (-1, 1, Fraction(0), 1),
    (-1, 1, None, 1),
    (2, 1, Fraction(0), 2),
    (2, 1, None, 2),
    (-1, 2, Fraction(0), 2),
    (3, 1, None, None),
]


@pytest.mark.parametrize(("power", "root", "point", "count"), FORMS)
def test_the_first_term(
    power: int, root: int, point: Fraction | None, count: int | None
) -> None:
    fmt = get_format("float32")
    end = pair_end(power, root, point)
    made = bare(end, fmt, GOAL)
    if count is None:
        assert made is None
        return
    assert isinstance(made, FloatEnd) and not made.factor.rest
    assert made.ulp <= count + 0.1 and made.truncation < 2.0**-27
    # Its bound is no nearer than where the rest is that small.
    with mpmath.workdps(50):
        t = mpmath.mpf(made.bound.numerator) / made.bound.denominator
        w = t ** mpmath.mpf((1 if point is not None else -1) / root)
        rest = abs(5 * w - 7 * w**2) / mpmath.mpf(0.5)
    assert rest <= made.truncation


def test_logarithms_that_lead_are_no_first_term() -> None:
    logs = Factor(Fraction(1), Fraction(0), ())
    plain = Factor(Fraction(3, 4), Fraction(0), ())
    end = pair_end(1, 1, Fraction(0), factors=(plain, logs))
    assert bare(end, get_format("float32"), GOAL) is None
