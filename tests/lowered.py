"""What Triton makes of kernels for a GPU, which it does without one."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import torch
import triton.runtime
from triton.backends.compiler import GPUTarget

from keras_stablef import _triton
from keras_stablef._shipped import shipped


class Driver:
    """Stands in for a GPU of a compute capability, as long as nothing runs."""

    def __init__(self, capability: int) -> None:
        self.capability = capability

    def get_current_device(self) -> int:
        return self.capability  # what is compiled is kept by device

    def get_current_stream(self, device: int) -> int:
        return 0

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", self.capability, 32)


def instructions(
    name: str, dtype: str, order: int, storage: str, capability: int = 90
) -> Counter[str]:
    """PTX's, as launched: what each is called, and how often it stands."""
    triton.runtime.driver.set_active(Driver(capability))
    kernel, _ = shipped(name).kernel(dtype, order)
    x = torch.empty(2 * _triton.BLOCK, dtype=getattr(torch, storage))
    numbers = _triton.numbers_of(name, dtype, order, x.device)
    given: Any = (x, torch.empty_like(x), len(x), _triton.BLOCK, *numbers)
    made = kernel.run(*given, grid=(2,), warmup=True, **_triton.OPTIONS)
    lines = re.findall(
        r"^\s+(?:@%p\d+ )?([a-z][\w.:]+)", made.asm["ptx"], re.MULTILINE
    )
    return Counter(lines)
