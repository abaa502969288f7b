"""Which rows of a product run with every test run: a sample, seeded.

The others are marked slow; `make test-all` runs all of them.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from collections.abc import Iterable
from typing import Any

import pytest

SEED = 2026


def sampled(
    rows: Iterable[Any], count: int, always: Collection[Any] = ()
) -> list[Any]:
    """Rows as pytest's parameters: those of `always` and `count` others."""
    every = list(rows)
    others = [row for row in every if row not in always]
    kept = random.Random(SEED).sample(others, min(count, len(others)))
    return [
        pytest.param(
            *(row if isinstance(row, tuple) else (row,)),
            marks=() if row in always or row in kept else pytest.mark.slow,
        )
        for row in every
    ]
