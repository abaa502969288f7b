"""Which rows of a product run with every test run: a sample, seeded.

The others are marked slow; `make test-all` runs all of them.
"""

from __future__ import annotations

import os
import random
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

import pytest

SEED = 2026
BACKENDS = ["tensorflow", "jax", "torch"]


def shared(rows: Sequence[Any]) -> list[Any]:
    """The rows that fall to the backend at hand, all of them to others."""
    backend = os.environ.get("KERAS_BACKEND")
    if backend not in BACKENDS:
        return list(rows)
    return list(rows[BACKENDS.index(backend) :: len(BACKENDS)])


def sampled(
    rows: Iterable[Any], count: int, always: Collection[Any] = ()
) -> list[Any]:
    """Rows as pytest's parameters: those of `always` and `count` others.

    The backends share the others out: each is run on one of them.
    """
    every = list(rows)
    others = [row for row in every if row not in always]
    kept = random.Random(SEED).sample(others, min(count, len(others)))
    kept = shared(kept)
    return [
        pytest.param(
            *(row if isinstance(row, tuple) else (row,)),
            marks=() if row in always or row in kept else pytest.mark.slow,
        )
        for row in every
    ]
