"""Where pieces meet is read of every certificate that ships."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from cases import CASES
from keras_stablef.generator.sweeps.seams import plan_data
from keras_stablef.generator.sweeps.seams import seams

from keras_stablef import generated

pytestmark = pytest.mark.once
FOLDER = Path(str(generated.__file__)).parent
# Of f: a place inside that a piece begins or changes at, and its mirror.
KNOWN = {
    "log_cosh": 2.0**-34,  # powers of smaller x are scaled
    "exprel": 1.0,
    "log1prel": 2.0**-8,
}


@pytest.mark.parametrize("name", CASES)
def test_every_plan_has_places(name: str) -> None:
    for dtype, order in itertools.product(("float32", "float64"), range(3)):
        places = seams(plan_data(FOLDER, name, dtype, order))
        assert places and list(places) == sorted(set(places))


@pytest.mark.parametrize("name", KNOWN)
def test_places_that_are_known(name: str) -> None:
    places = seams(plan_data(FOLDER, name, "float32", 0))
    assert {KNOWN[name], -KNOWN[name]} <= {float(place) for place in places}
