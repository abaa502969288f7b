"""What Triton makes of kernels for a GPU, which it does without one."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

POINTERS = {"float32": "*fp32", "float64": "*fp64", "bfloat16": "*bf16"}


def instructions(
    name: str, dtype: str, order: int, storage: str, capability: int = 90
) -> Counter[str]:
    """PTX's, as launched: what each is called, and how often it stands."""
    module = importlib.import_module(f"keras_stablef.kernels.{name}")
    kernel, tables = module.KERNELS[dtype][order]
    numbers = [f"numbers_{k}" for k in range(len(tables))]
    signature = {
        **dict.fromkeys(("x", "y"), POINTERS[storage]),
        **{"count": "i32", "block": "constexpr"},
        **dict.fromkeys(numbers, POINTERS[dtype]),
    }
    even: Any = [["tt.divisibility", 16]]
    places = (0, 1, 2, *range(4, 4 + len(numbers)))
    source = ASTSource(
        kernel, signature, {(3,): 512}, {(k,): even for k in places}
    )
    made = triton.compile(
        source,
        target=GPUTarget("cuda", capability, 32),
        options={"num_warps": 4, "enable_fp_fusion": False},
    )
    lines = re.findall(
        r"^\s+(?:@%p\d+ )?([a-z][\w.:]+)", made.asm["ptx"], re.MULTILINE
    )
    return Counter(lines)
