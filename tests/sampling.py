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
BACKENDS = ("tensorflow", "jax", "torch")


def shared(rows: Sequence[Any], among: Sequence[str] = BACKENDS) -> list[Any]:
    """The rows that fall to the backend at hand, all of them to others.

    Args:
        among: the backends that share them; another of the three has none.
    """
    backend = os.environ.get("KERAS_BACKEND", "")
    if backend not in BACKENDS:
        return list(rows)
    if backend not in among:
        return []
    return list(rows[among.index(backend) :: len(among)])


def sampled(
    rows: Iterable[Any],
    count: int | None = None,
    always: Collection[Any] = (),
    among: Sequence[str] = BACKENDS,
) -> list[Any]:
    """Rows as pytest's parameters: those of `always` and `count` others.

    The backends share the others out: each is run on one of them.

    Args:
        count: all by default.
        among: see `shared`.
    """
    every = list(rows)
    others = [row for row in every if row not in always]
    most = len(others) if count is None else min(count, len(others))
    kept = shared(random.Random(SEED).sample(others, most), among)
    return [
        pytest.param(
            *(row if isinstance(row, tuple) else (row,)),
            marks=() if row in always or row in kept else pytest.mark.slow,
        )
        for row in every
    ]
