"""What the message says where time ends, or where there are too many zeros."""

from __future__ import annotations

import pytest
from keras_stablef.generator.errors import BoundNotMetError
from keras_stablef.generator.errors import TimeLimitError
from keras_stablef.generator.formula.spec import make_spec
from keras_stablef.generator.limits import reached
from keras_stablef.generator.limits import stage
from keras_stablef.generator.limits import within
from keras_stablef.generator.pipeline import derive

pytestmark = pytest.mark.once


def _long() -> None:
    stage("local polynomials", 2)
    reached(0, 1)
    reached(1, 1.5)  # the longer one stays
    while True:
        pass


def test_stage_and_what_stands_are_said() -> None:
    with pytest.raises(TimeLimitError) as caught:
        within(0.05, _long)
    text = str(caught.value)
    for part in (
        "It was at local polynomials at x = 2.",
        "Pieces stand from x = 0 to 1",
        "larger max_ulp",
    ):
        assert part in text
    # Nothing of it is left for what comes next.
    with pytest.raises(TimeLimitError) as caught:
        within(0.05, lambda: _forever())
    assert "It was at" not in str(caught.value)


def _forever() -> None:
    while True:
        pass


@pytest.mark.parametrize("text", ["sin(x)", "(1-cos(x))/x**2"])
def test_too_many_zeros_are_counted(text: str) -> None:
    spec = make_spec(text, "f", ("-1000000", "1000000"))
    with pytest.raises(BoundNotMetError, match=r"over \d+ in all.*smaller"):
        derive(spec, "float32")
