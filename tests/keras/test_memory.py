"""What waits for the backward pass: x, and nothing else of its size."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from backends import BACKEND
from sampling import sampled

import keras_stablef as ks

SIZE = 1024


def kept(f: Any, x: np.ndarray) -> int:
    """Numbers in tensors of more than one that the backward pass is given."""
    if BACKEND == "jax":
        import jax

        _, back = jax.vjp(f, jax.numpy.asarray(x))
        leaves = jax.tree_util.tree_leaves(back)
        return sum(leaf.size for leaf in leaves if leaf.size > 1)
    import torch

    seen: dict[int, int] = {}

    def pack(tensor: Any) -> Any:
        if tensor.numel() > 1:
            seen[tensor.data_ptr()] = tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        f(torch.from_numpy(x).requires_grad_(True))
    return sum(seen.values())


known = pytest.mark.skipif(
    BACKEND not in ("jax", "torch"), reason="says what it keeps"
)


@known
@pytest.mark.parametrize("name", sampled(ks.ops.__all__, 8))
def test_only_x_is_kept(name: str) -> None:
    x = np.linspace(0.1, 0.9, SIZE, dtype="float32")
    assert kept(getattr(ks.ops, name), x) == SIZE


@known
def test_a_formula_keeps_more() -> None:
    """The count can fail."""
    x = np.linspace(0.1, 0.9, SIZE, dtype="float32")
    assert kept(lambda v: keras.ops.exp(v) / v, x) > SIZE
