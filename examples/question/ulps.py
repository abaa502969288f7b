"""The second table: errors and nans of each formula, computed in float32.

The oracle is mpmath.  An error is in units of docs/design.md: the ulp of the
true result, never below that of the smallest normal number.
"""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import mpmath
import numpy as np
from keras import ops

from examples.question import formulas
from examples.question import oracle

PER_BINADE = 8
SMALLEST_NORMAL = 2.0**-126
# Where formulas change branch or exp over- or underflows in float32.
EDGES = (0.1, 0.5, 1.0, 10.0, 16.0, 38.0, 50.0, 88.0, 88.72284, 88.8, 104.0)


@dataclass
class Row:
    """Worst error in ulp, and where value or gradient is nan or inf."""

    name: str
    value_ulp: float
    gradient_ulp: float
    value_bad: list[tuple[float, float]]
    gradient_bad: list[tuple[float, float]]


def points(seed: int = 0) -> np.ndarray:
    """Zero, every power of two of both signs, the edges; sorted."""
    rng = np.random.default_rng(seed)
    powers = np.repeat(np.arange(-149, 128), PER_BINADE)
    drawn = np.ldexp(rng.uniform(1, 2, len(powers)), powers)
    x = np.concatenate([drawn, EDGES]).astype("float32")
    x = np.concatenate([x, np.nextafter(x, np.float32(0))])
    x = x[np.isfinite(x)]
    return np.unique(np.concatenate([-x, [np.float32(0)], x]))


def candidates() -> dict[str, Callable]:
    """Formulas by name; TFP's and torch's only on their own backend."""
    from keras_stablef.ops import stablef

    found: dict[str, Callable] = {
        "naive": formulas.naive,
        "single where": formulas.single_where,
        "three-branch where": formulas.three_branches,
        "sigmoid for f": formulas.sigmoid,
        "-(x+expm1(-x))/(x expm1(-x))": formulas.expm1_form,
        "-x/(2 expm1(-x))": formulas.small_x_form,
    }
    if keras.backend.backend() == "tensorflow":
        try:
            import tensorflow_probability as tfp
        except ImportError:  # not a reason to lose the rest of the table
            pass
        else:
            found["TFP ContinuousBernoulli.mean"] = lambda x: (
                tfp.distributions.ContinuousBernoulli(logits=x).mean()
            )
    if keras.backend.backend() == "torch":
        from torch.distributions import ContinuousBernoulli

        found["torch ContinuousBernoulli.mean"] = lambda x: (
            ContinuousBernoulli(logits=x, validate_args=False).mean
        )
    return found | {"keras_stablef stablef": stablef}


def _both(fn: Callable, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """fn(x) and its gradient by the backend's reverse mode, eagerly."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        value, pull = jax.vjp(fn, ops.convert_to_tensor(x))
        (slope,) = pull(ops.ones_like(value))
    elif backend == "torch":
        import torch

        leaf = torch.tensor(x, requires_grad=True)
        value = fn(leaf)
        (slope,) = torch.autograd.grad(value.sum(), leaf)
        value = value.detach()
    else:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            leaf = tf.constant(x)
            tape.watch(leaf)
            value = fn(leaf)
        slope = tape.gradient(value, leaf)
    return ops.convert_to_numpy(value), ops.convert_to_numpy(slope)


def _worst(got: np.ndarray, want: list) -> float:
    """The largest finite error in ulp."""
    worst = mpmath.mpf(0)
    for computed, true in zip(got, want, strict=True):
        # A subnormal result may be flushed to zero: XLA and TensorFlow do.
        flushed = computed == 0 and abs(true) < SMALLEST_NORMAL
        if np.isfinite(computed) and not flushed:
            exponent = mpmath.frexp(true)[1] - 1 if true else -126
            unit = mpmath.ldexp(1, max(exponent, -126) - 23)
            worst = max(worst, abs(mpmath.mpf(float(computed)) - true) / unit)
    return float(worst)


def _bad_ranges(x: np.ndarray, bad: np.ndarray, are_bad: Callable):
    """Runs of bad points, each end bisected to the last bad float."""
    ranges = []
    start = None
    for i, flag in enumerate([*bad, False]):
        if flag and start is None:
            start = i
        if not flag and start is not None:
            low, high = x[start], x[i - 1]
            if start > 0:
                low = _edge(x[start - 1], low, are_bad)
            if i < len(x):
                high = _edge(x[i], high, are_bad)
            ranges.append((float(low), float(high)))
            start = None
    return ranges


def _edge(good: np.float32, bad: np.float32, are_bad: Callable) -> np.float32:
    """The bad float next to the good side."""
    while np.nextafter(good, bad) != bad:
        # 64 at a time: a call costs far more than the numbers in it.
        grid = np.linspace(np.float64(good), np.float64(bad), 66)
        grid = grid.astype("float32")
        flags = are_bad(grid)
        flags[0], flags[-1] = False, True
        first = int(np.argmax(flags))
        good, bad = grid[first - 1], grid[first]
    return bad


def table(tick: Callable = lambda: None) -> list[Row]:
    """One row per formula."""
    x = points()
    # The points are floats: mpmath sees exactly what the backend sees.
    true = [[oracle.exact(float(at), order) for at in x] for order in range(2)]
    rows = []
    for name, fn in candidates().items():
        got = _both(fn, x)
        bad = [
            _bad_ranges(
                x,
                ~np.isfinite(got[order]),
                lambda grid, fn=fn, order=order: (
                    ~np.isfinite(_both(fn, grid)[order])
                ),
            )
            for order in range(2)
        ]
        worst = [_worst(got[order], true[order]) for order in range(2)]
        rows.append(Row(name, *worst, *bad))
        tick()
    return rows
