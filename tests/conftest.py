"""One backend a process, set by KERAS_BACKEND; accuracy settings for it."""

from __future__ import annotations

import gc
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Threads of libgomp wait for work in a loop, which takes the core of another
# process: 22 s where 2 s are needed.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

if os.environ["KERAS_BACKEND"] == "jax":
    import jax

    # Without x64 JAX turns float64 into float32 and tests half as much.
    jax.config.update("jax_enable_x64", True)
elif os.environ["KERAS_BACKEND"] == "torch":
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False

import judge
import pytest

# A backend has a million objects and tracers make cycles by the thousand: an
# eighth of all the time went into looking for garbage among them.
gc.set_threshold(50_000, 20, 20)

# What does not depend on the backend is tested beside this one only.
ONCE = "tensorflow"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", f"once: independent of the backend, run beside {ONCE}"
    )
    config.addinivalue_line(
        "markers", "slow: minutes, run by `make test-all` only"
    )
    # Values of the oracle, which the next backend asks for, too: files that
    # are named by the hash of all that they depend on, as those of plans are.
    if hasattr(config, "cache"):
        folder = config.cache.mkdir("oracle")
        os.environ.setdefault(judge.FOLDER_VARIABLE, str(folder))


def pytest_collection_finish(session: pytest.Session) -> None:
    """What is loaded by now stays: garbage is looked for in the rest only."""
    del session
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ["KERAS_BACKEND"] == ONCE:
        return
    skip = pytest.mark.skip(reason=f"run beside {ONCE} only")
    for item in items:
        if item.get_closest_marker("once"):
            item.add_marker(skip)
