"""What Triton makes of the kernels for a GPU: no GPU is needed for that."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import interpreted
import pytest

from keras_stablef._shipped import NAMES

Run = Callable[..., Any]

# One of each: short, with functions of libdevice, looked up, narrow; an older
# GPU, which has no minimum that keeps nan.
FEW = [
    ("exprel", "float32", 1, "float32", 90),
    ("exprel", "float32", 0, "bfloat16", 90),
    ("exprel", "float32", 0, "float32", 75),
    ("exprel", "float64", 0, "float64", 90),
    ("stablef", "float32", 2, "float32", 80),
    ("stablef", "float64", 1, "float64", 90),
]
ALL = [
    (name, dtype, order, dtype, 90)
    for name in NAMES
    for dtype in ("float32", "float64")
    for order in range(3)
]


@pytest.mark.parametrize("what", FEW, ids=str)
def test_nothing_is_contracted(what: tuple[Any, ...], compiler: Run) -> None:
    looked_at(what, compiler)


@pytest.mark.slow
@pytest.mark.parametrize("what", ALL, ids=str)
def test_nothing_is_contracted_anywhere(
    what: tuple[Any, ...], compiler: Run
) -> None:
    looked_at(what, compiler)


def looked_at(what: tuple[Any, ...], compiler: Run) -> None:
    """Every operation rounds to nearest, by itself; x and y pass by once."""
    import lowered

    name, dtype, order, storage, _ = what
    found = compiler(lowered.instructions, *what)
    text = interpreted.text_of(name, dtype, order)
    if not re.search(r"\b(exp|log)\(|pair_root\(.*, [3-9]", text):
        fused = [n for n in found if re.match(r"(fma|mad)\.r|.*approx", n)]
        assert not fused
    for name in found:
        if re.match(r"(add|sub|mul|div|sqrt)\..*f(32|64)$", name):
            assert ".rn." in name, name
    bits = {"float32": 32, "float64": 64, "bfloat16": 16}[storage]
    passes = -(-4 * bits // 128)  # four numbers of a thread, 16 bytes at once
    stores = sum(n for k, n in found.items() if k.startswith("st.global"))
    loads = sum(n for k, n in found.items() if k.startswith("ld.global.v"))
    assert stores == passes and loads == passes
