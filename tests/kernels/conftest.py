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
    before = os.environ.get("TRITON_INTERPRET")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        os.environ["TRITON_INTERPRET"] = str(int(interpret))
        try:
            pool.submit(os.getpid).result()  # it starts, with that
        finally:
            os.environ.pop("TRITON_INTERPRET")
            if before is not None:
                os.environ["TRITON_INTERPRET"] = before
        yield lambda call, *given: pool.submit(call, *given).result()


@pytest.fixture(scope="session")
def interpreter() -> Iterator[Run]:
    """Runs a function of `interpreted`."""
    yield from _process(True)


@pytest.fixture(scope="session")
def compiler() -> Iterator[Run]:
    """Runs a function of `lowered`."""
    yield from _process(False)
