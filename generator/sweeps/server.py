"""The fast reference of float32: the float64 plan, compiled by JAX.

It runs in a process of its own, beside whatever backend is swept, and is
itself checked against multiple precision before it is believed (`run`).
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from ..errors import GeneratorError
from .floats import Array

WIDTH = 8  # bytes of a float64
SETTINGS = {
    "KERAS_BACKEND": "jax",
    "JAX_PLATFORMS": "cpu",
    "JAX_ENABLE_X64": "1",
}


class Server:
    """f^(order)(x) in float64, as the shipped plan computes it.

    Example:
        >>> with serving() as server:
        ...     server.ask("stablef", 0, np.zeros(1))
        ...     server.answer()
        array([0.5])
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(there,), daemon=True
        )
        # keras reads its backend when the new process imports it.
        before = {name: os.environ.get(name) for name in SETTINGS}
        os.environ.update(SETTINGS)
        try:
            self._process.start()
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
        there.close()

    def ask(self, name: str, order: int, x: Array) -> None:
        """Ask for the values at float64 inputs."""
        self._here.send((name, order, len(x)))
        self._here.send_bytes(x.tobytes())

    def answer(self) -> Array:
        """The values that were asked for.

        Raises:
            GeneratorError: the process ended, without JAX for instance.
        """
        try:
            return np.frombuffer(self._here.recv_bytes(), np.float64)
        except EOFError:
            self._process.join()
            raise GeneratorError(
                "The float64 reference stopped: expected a process that has "
                "jax and keras, received exit code "
                f"{self._process.exitcode}."
            ) from None

    def close(self) -> None:
        """End the process."""
        self._here.close()
        self._process.join(10)


@contextmanager
def serving() -> Iterator[Server]:
    """A server that ends with the block."""
    server = Server()
    try:
        yield server
    finally:
        server.close()


def _serve(pipe: Connection) -> None:
    import jax
    from keras import ops

    import keras_stablef as ks

    functions: dict[tuple[str, int, int], Any] = {}
    while True:
        try:
            name, order, size = pipe.recv()
            x = np.frombuffer(pipe.recv_bytes(), np.float64)
        except EOFError:
            return
        # Filled up to a power of two, or each size would be compiled.
        width = max(1024, 1 << (size - 1).bit_length())
        key = name, order, width
        if key not in functions:
            functions[key] = jax.jit(getattr(ks.ops, name).derivative(order))
        filled = np.ones(width)
        filled[:size] = x
        y = functions[key](ops.convert_to_tensor(filled, dtype="float64"))
        pipe.send_bytes(np.asarray(y)[:size].tobytes())
