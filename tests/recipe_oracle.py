"""The oracle of recipes, and their errors in ulp.

mpmath, 250 digits, on the textbook formula; where that is 0/0, 1e-45
beside, and partial derivatives by central differences of step 1e-35.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from collections.abc import Sequence

import keras
import numpy as np
from backends import BACKEND
from mpmath import mp
from mpmath import mpf
from recipe_rows import Row

Array = np.ndarray
DIGITS = 250
NUDGE, STEP = "1e-45", "1e-35"
LOST = mpf("1e-33")  # of what is 0, the oracle leaves that much


def _at(row: Row, place: tuple[float, ...]) -> list[mpf]:
    """The value and the partial derivatives."""
    args = [mpf(float(v)) for v in place]
    for k, i in enumerate(row.nudged):
        args[i] += mpf(NUDGE) * (k + 1)
    found = [row.textbook(*args)]
    step = mpf(STEP)
    for i in range(len(args)):
        ends = []
        for side in (step, -step):
            moved = list(args)
            moved[i] += side
            ends.append(row.textbook(*moved))
        found.append((ends[0] - ends[1]) / (2 * step))
    return found


@functools.cache
def wanted(row: Row, dtype: str) -> tuple[list[list[mpf]], list[list[mpf]]]:
    """Values and partial derivatives at each place, and their units."""
    precision, emin = {"float32": (24, -126), "float64": (53, -1022)}[dtype]
    values, units = [], []
    with mp.workdps(DIGITS):
        for place in zip(*row.arguments(dtype), strict=True):
            exact = _at(row, place)
            args = [mpf(float(v)) for v in place]
            for i in row.nudged:
                args[i] += mpf(NUDGE)
            unit = []
            for k, value in enumerate(exact):
                terms = row.terms.get(k - 1)
                size = max(abs(value), terms(*args) if terms else 0)
                binade = mp.frexp(size)[1] - 1 if size > LOST else emin
                unit.append(mp.ldexp(1, max(binade, emin) - precision + 1))
            values.append(exact)
            units.append(unit)
    return values, units


def errors(row: Row, dtype: str, got: Sequence[Array]) -> list[float]:
    """The worst error in units of the value and of each partial derivative."""
    values, units = wanted(row, dtype)
    worst = []
    for k, column in enumerate(got):
        most = 0.0
        for y, exact, unit in zip(column, values, units, strict=True):
            if abs(exact[k]) <= LOST and abs(y) <= LOST:
                continue
            gap = abs(mpf(float(y)) - exact[k]) / unit[k]
            most = max(most, float(gap) if np.isfinite(y) else np.inf)
        worst.append(most)
    return worst


def with_partials(function: Callable) -> Callable:
    """*tensors -> the value and its partial derivatives, by autodiff."""
    if BACKEND == "jax":
        import jax

        def of_jax(*args):  # type: ignore[no-untyped-def]
            y, pull = jax.vjp(function, *args)
            return (y, *pull(keras.ops.ones_like(y)))

        return of_jax
    if BACKEND == "tensorflow":
        import tensorflow as tf

        def of_tensorflow(*args):  # type: ignore[no-untyped-def]
            with tf.GradientTape() as tape:
                tape.watch(args)
                y = function(*args)
            return (y, *tape.gradient(y, args))

        return of_tensorflow
    import torch

    def of_torch(*args):  # type: ignore[no-untyped-def]
        y, pull = torch.func.vjp(function, *args)
        return (y, *pull(torch.ones_like(y)))

    return of_torch
