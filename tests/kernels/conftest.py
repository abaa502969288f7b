"""A process of Triton's interpreter, and one that compiles."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
from collections.abc import Callable
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest
from backends import BACKEND

Run = Callable[..., Any]

# Kernels are torch's.
collect_ignore_glob = [] if BACKEND == "torch" else ["test_*.py"]


def _process(interpret: bool) -> Iterator[Run]:
    if importlib.util.find_spec("triton") is None:
        pytest.skip("no Triton: pip install keras-stablef[triton]")
    context = multiprocessing.get_context("spawn")
    # On a machine with a GPU, too, it is a CPU that interprets.
    wanted = {"TRITON_INTERPRET": str(int(interpret))}
    wanted["CUDA_VISIBLE_DEVICES"] = ""
    before = {name: os.environ.get(name) for name in wanted}
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        os.environ |= wanted
        try:
            pool.submit(os.getpid).result()  # it starts, with that
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value
        yield lambda call, *given: pool.submit(call, *given).result()


@pytest.fixture(scope="session")
def interpreter() -> Iterator[Run]:
    """Runs a function of `interpreted`."""
    yield from _process(True)


@pytest.fixture(scope="session")
def compiler() -> Iterator[Run]:
    """Runs a function of `lowered`."""
    yield from _process(False)
