"""Where a shipped body is most likely off: read from its certificate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from cases import CASES
from keras_stablef.generator.sweeps.seams import plan_data
from keras_stablef.generator.sweeps.seams import seams
from points import neighbours

from keras_stablef import generated

FOLDER = Path(str(generated.__file__)).parent
Array = Any
SEAMS, ANYWHERE, CENTRAL, BETWEEN = 100, 120, 120, 120


def inputs(name: str, dtype: str, order: int, seed: int) -> Array:
    """Seams of pieces and their neighbours, zeros, ends, every magnitude."""
    random = np.random.default_rng(seed)
    info, case = np.finfo(dtype), CASES[name]
    plan = plan_data(FOLDER, name, dtype, order)
    places = np.array([float(place) for place in seams(plan)])
    places = places[np.abs(places) < float(info.max)]
    kept = random.permutation(places)[:SEAMS]
    edges = np.concatenate([[-4.0], places, [4.0]])
    k = random.integers(0, len(edges) - 1, BETWEEN)
    width = np.clip(edges[k + 1] - edges[k], 0, float(info.max))
    parts = [
        _sizes(random, ANYWHERE, int(info.minexp), int(info.maxexp)),
        _sizes(random, CENTRAL, -8, 8),
        edges[k] + width * random.random(BETWEEN),
        np.array([0.0, info.tiny, -info.tiny, info.max, -info.max]),
        *(neighbours(s, dtype, 1) for s in kept),
    ]
    for end in (case.low, case.high):
        if np.isfinite(end):
            parts += [end + _sizes(random, 60, -60, 3)]
            parts += [neighbours(end, dtype, 4)]
    with np.errstate(over="ignore"):
        xs = np.concatenate([np.asarray(p).astype(dtype) for p in parts])
    return np.unique(case.inside(xs[np.isfinite(xs)]))


def _sizes(random: np.random.Generator, n: int, low: int, high: int) -> Array:
    sizes = np.ldexp(random.uniform(1, 2, n), random.integers(low, high, n))
    return sizes * random.choice([-1, 1], n)
