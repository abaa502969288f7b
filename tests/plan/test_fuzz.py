"""Random functions: refused with a typed error, or right to their bounds.

`SEED` and the number of functions are from the environment, so that another
run may look elsewhere: KERAS_STABLEF_FUZZ_SEED, KERAS_STABLEF_FUZZ_COUNT.
"""

from __future__ import annotations

import os

import pytest
from backends import BACKEND
from fuzz import shrunk
from fuzz import tried
from grammar import drawn

SEED = int(os.environ.get("KERAS_STABLEF_FUZZ_SEED", "2026"))
COUNT = int(os.environ.get("KERAS_STABLEF_FUZZ_COUNT", "300"))
CHUNK = 20
SECOND = 5  # of so many functions one has f'' tried, too

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BACKEND != "jax", reason="compiled by XLA on JAX"),
]


@pytest.mark.parametrize("start", range(0, COUNT, CHUNK))
def test_no_function_is_worse_than_its_bound(start: int) -> None:
    wrong, made, judged = [], 0, 0
    for index in range(start, min(start + CHUNK, COUNT)):
        function = drawn(SEED, index)
        orders = (0, 1) if index % SECOND else (0, 1, 2)
        result = tried(function, orders)
        made += result.made
        judged += result.judged
        for bad in result.findings[:1]:
            least, why = shrunk(function, bad)
            wrong.append(f"{index}: {least}: {why} (from {function})")
    assert not wrong, "\n".join(wrong)
    # Refusals are allowed, but not to be all that there is.
    assert made >= CHUNK and judged > 50 * made
