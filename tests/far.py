"""``pytest -p far``: torch's tensors as if they were on a GPU.

Only what was fetched by `.cpu()` becomes an array of NumPy; what would fail on
a machine with a GPU for that fails here.  `tests/backends.py` and
`keras.ops.convert_to_numpy` fetch.
"""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch

FETCHED = "_fetched"
_cpu = torch.Tensor.cpu
_numpy, _array = torch.Tensor.numpy, torch.Tensor.__array__


def _refuse(tensor: Any) -> None:
    caller = sys._getframe(2).f_code.co_filename
    if caller.endswith("keras/src/backend/torch/core.py"):
        return  # fetches what is not on a CPU
    if type(tensor) is torch.Tensor and not hasattr(tensor, FETCHED):
        raise TypeError(
            "No array: expected a tensor that was fetched by .cpu(), received "
            "one as from a GPU."
        )


def cpu(self: Any, *args: Any, **more: Any) -> Any:
    """A tensor of its own, which is marked."""
    found = torch.ops.aten.alias(_cpu(self, *args, **more))
    if type(found) is torch.Tensor:
        setattr(found, FETCHED, True)
    return found


def numpy(self: Any, *args: Any, **more: Any) -> Any:
    """As on a GPU."""
    _refuse(self)
    return _numpy(self, *args, **more)


def array(self: Any, *args: Any, **more: Any) -> Any:
    """As on a GPU."""
    _refuse(self)
    if type(self) is torch.Tensor:  # `_array` asks for `numpy` itself
        self = cpu(self)
    return _array(self, *args, **more)


def pytest_runtest_call(item: pytest.Item) -> None:
    """From the first test on: what is imported needs no GPU."""
    del item
    torch.Tensor.cpu = cpu
    torch.Tensor.numpy = numpy
    torch.Tensor.__array__ = array
