"""Inputs that matter: every magnitude, seams, edges."""

from __future__ import annotations

import ml_dtypes
import numpy as np

EDGES = (0.0, 50.0, 88.7, 88.8, 104.0, 709.7, 745.2, 1e30)
# One for all: JAX compiles a body for each size it meets, eagerly too.
SIZE = 4096


def filled(xs: np.ndarray) -> np.ndarray:
    """The last again up to a multiple of the size that all have."""
    return np.pad(xs, (0, -len(xs) % SIZE), mode="edge")


def scalar_type(dtype: str) -> type:
    """The numpy scalar type of a Keras dtype."""
    return ml_dtypes.bfloat16 if dtype == "bfloat16" else np.dtype(dtype).type


def all_16_bit(dtype: str) -> np.ndarray:
    """All 65,536 inputs of a 16-bit format."""
    bits = np.arange(2**16, dtype=np.uint16)
    return bits.view(scalar_type(dtype))


def neighbours(value: float, dtype: str, reach: int = 16) -> np.ndarray:
    """`value` in the format and `reach` floats on either side."""
    scalar = np.dtype(dtype).type
    middle = scalar(value)
    found = [middle]
    for limit in (-np.inf, np.inf):
        x = middle
        for _ in range(reach):
            x = np.nextafter(x, scalar(limit))
            found.append(x)
    return np.array(found, dtype=dtype)


def sample(dtype: str, seams: tuple[float, ...], count: int) -> np.ndarray:
    """Finite inputs of both signs: all binades, seams, edges, subnormals.

    Args:
        count: random inputs over all binades, and as many in the sixteen
            binades about 1.
    """
    info = np.finfo(dtype)
    rng = np.random.default_rng(2026)
    low = int(info.minexp) - int(info.nmant)
    anywhere = np.ldexp(
        rng.uniform(1, 2, count), rng.integers(low, int(info.maxexp), count)
    )
    central = np.ldexp(rng.uniform(1, 2, count), rng.integers(-8, 8, count))
    parts = [anywhere.astype(dtype), central.astype(dtype)]
    parts += [neighbours(s, dtype) for s in (*seams, *EDGES)]
    parts.append(
        np.array([info.max, info.tiny, info.smallest_subnormal], dtype)
    )
    values = np.concatenate(parts)
    values = values[np.isfinite(values)]
    return np.unique(np.concatenate([values, -values]))
