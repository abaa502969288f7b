"""Where a shipped body is most likely off: read from its certificate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from cases import CASES
from points import neighbours

from keras_stablef import generated

Array = Any
SEAMS, ANYWHERE, CENTRAL, BETWEEN = 100, 120, 120, 120


def inputs(name: str, dtype: str, order: int, seed: int) -> Array:
    """Seams of pieces and their neighbours, zeros, ends, every magnitude."""
    random = np.random.default_rng(seed)
    info, case = np.finfo(dtype), CASES[name]
    seams = np.array(sorted(_seams(name, dtype, order)))
    seams = seams[np.abs(seams) < float(info.max)]
    kept = random.permutation(seams)[:SEAMS]
    edges = np.concatenate([[-4.0], seams, [4.0]])
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


def _seams(name: str, dtype: str, order: int) -> set[float]:
    folder = Path(str(generated.__file__)).parent
    text = (folder / f"{name}.json").read_text(encoding="utf-8")
    plan = next(
        plan
        for plan in json.loads(text)["plans"]
        if (plan["dtype"], plan["order"]) == (dtype, order)
    )
    found = set(_places(plan))
    if plan.get("parity", 1):
        found |= {-place for place in found}
    return found


def _places(plan: Any) -> Iterator[float]:
    pieces = plan.get("pieces", ())
    for row in (*pieces, *_records(plan, "rows"), *_records(plan, "powers")):
        center = row.get("center")
        known = (row["low"], row["high"], center)
        yield from (_number(text) for text in known if text is not None)
        for edge in row.get("edges", ()):
            yield _number(center) + _number(edge)
            yield _number(center) - _number(edge)
    for form in (*plan.get("closed", ()), *plan.get("ends", ())):
        point = _number(form.get("point") or "0")
        for key in ("low", "high", "bound", "cut"):
            if form.get(key) is not None:
                yield point + form["side"] * _number(form[key])


def _records(plan: Any, key: str) -> Iterator[dict[str, Any]]:
    table = plan.get(key, {"fields": [], "values": []})
    for values in table["values"]:
        yield dict(zip(table["fields"], values, strict=True))


def _number(text: str) -> float:
    if "x" in text:
        return float.fromhex(text)
    top, _, bottom = text.partition("/")
    return float(top) / float(bottom or 1)
