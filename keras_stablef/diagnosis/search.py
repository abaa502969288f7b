"""Where something is bad: all magnitudes, then down to the last float."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import numpy as np

from .running import Array

Bad = Callable[[Array], Array]

NEAR = 40  # binades about 1 with several points each
PARTS = (1.0, 1.17, 1.41, 1.73)  # of a binade near 1; far out the first two
EVENLY = 101  # of a bounded domain
GAP = 3  # points, between two bad ones, that are no news
AT_ONCE = 32  # points of one step of a search: a call costs more than they
STEPS = 16  # of it; that many divide all floats by more than 2**64


def form_of(kind: np.dtype) -> Any:
    """What NumPy says of a float type; of bfloat16 it says nothing."""
    try:
        return np.finfo(kind)
    except ValueError:
        import ml_dtypes  # Keras needs it too

        return ml_dtypes.finfo(kind)


def points(kind: np.dtype, low: float, high: float) -> Array:
    """Numbers of every binade, 0, and both ends; normal ones, in order."""
    form = form_of(kind)
    binades = np.arange(form.minexp, form.maxexp)
    step = max(1, len(binades) // 512)
    sizes = [
        np.ldexp(part, binades[:: 1 if k < 2 and step == 1 else step])
        for k, part in enumerate(PARTS[:2])
    ]
    near = binades[np.abs(binades) <= NEAR]
    sizes += [np.ldexp(part, near) for part in PARTS]
    size = np.concatenate([*sizes, [float(form.max)]])
    ends = np.array([v for v in (low, high) if np.isfinite(v)])
    found = [size, -size, np.zeros(1), ends]
    for end, side in ((low, 1), (high, -1)):
        if np.isfinite(end):
            found.append(end + side * size[size < 1])
    if np.isfinite(low) and np.isfinite(high):
        found.append(np.linspace(low, high, EVENLY))
    with np.errstate(over="ignore"):
        x = np.unique(np.concatenate(found).astype(kind)).astype(np.float64)
    normal = (np.abs(x) >= form.smallest_normal) | (x == 0)
    return x[normal & np.isfinite(x) & (x >= low) & (x <= high)]


def filled(bad: Array, may: Array) -> Array:
    """With gaps of a few points closed, where that may be."""
    found = bad.copy()
    for width in range(1, GAP + 1):
        for i in np.flatnonzero(bad[: -width - 1]):
            gap = slice(i + 1, i + 1 + width)
            if bad[i + width + 1] and may[gap].all():
                found[gap] = True
    return found


def runs(bad: Array) -> Iterator[tuple[int, int]]:
    """First and last index of each run of bad points."""
    start = None
    for i, flag in enumerate([*bad, False]):
        if flag and start is None:
            start = i
        if not flag and start is not None:
            yield start, i - 1
            start = None


def edge(good: float, wrong: float, kind: np.dtype, is_bad: Bad) -> float:
    """The last bad number on the way from a bad one to a good one."""
    for _ in range(STEPS):
        grid = _between(good, wrong, kind)
        if len(grid) < 3:
            break
        flags = np.asarray(is_bad(grid))
        flags[0], flags[-1] = False, True
        first = int(np.argmax(flags))
        good, wrong = float(grid[first - 1]), float(grid[first])
    return wrong


def _between(good: float, wrong: float, kind: np.dtype) -> Array:
    """Numbers between two, as evenly among floats as can be."""
    ends = np.asarray([good, wrong], np.float64)
    least = float(form_of(kind).smallest_normal)
    if (ends > 0).all() or (ends < 0).all():
        grid = np.sign(good) * np.geomspace(abs(good), abs(wrong), AT_ONCE)
    elif good == 0 or wrong == 0:
        other = good or wrong
        sizes = np.geomspace(least, abs(other), AT_ONCE - 1)
        grid = np.concatenate([[0.0], np.sign(other) * sizes])
        grid = grid if good == 0 else grid[::-1]
    else:
        return np.array([good, 0.0, wrong])
    grid = grid.astype(kind).astype(np.float64)
    grid[0], grid[-1] = ends
    _, order = np.unique(grid, return_index=True)
    return grid[np.sort(order)]
