"""f, f', f'' ... of a function, each with the next as its derivative rule."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import keras

from ._autodiff import Body
from ._autodiff import attach
from ._function import Function
from ._rounding import narrow
from ._triton import kernels_of
from ._wide import either

_TOWERS: dict[str, dict[str, tuple[Body, ...]]] = {}


def towers(function: Function) -> dict[str, tuple[Body, ...]]:
    """f, f', f'' ... with their derivative rules, by format."""
    key = function.key
    if key not in _TOWERS:
        _TOWERS[key] = {
            name: attach(
                _bodies(function, name, _chosen(function, name)),
                _upstream(function, name),
                kernels_of(function, name),
                _bodies(function, name, _plain(function, name))[-1],
            )
            for name in function.compute
        }
    return _TOWERS[key]


def _plain(function: Function, name: str) -> Sequence[Body]:
    """The bodies of what a format is computed in."""
    return function.bodies[function.compute[name]]


def _chosen(function: Function, name: str) -> Sequence[Body]:
    """The same, or their twins, by where they run."""
    dtype = function.compute[name]
    return [
        either(plain, partial(function.twin, dtype, k))
        for k, plain in enumerate(_plain(function, name))
    ]


def _bodies(
    function: Function, name: str, bodies: Sequence[Body]
) -> Sequence[Body]:
    """The bodies for a format: upcast, evaluated once, rounded once."""
    compute = function.compute[name]
    if compute == name:
        return bodies
    storage, steps = function.storage[name], function.rounding.get(name, {})

    def through(body: Body) -> Body:
        return lambda x: narrow(
            body(keras.ops.cast(x, compute)), storage, **steps
        )

    return tuple(through(body) for body in bodies)


def _upstream(function: Function, name: str) -> str | None:
    """The dtype of the chain rule's product, if it is not the format's."""
    compute, storage = function.compute[name], function.storage[name]
    return None if compute == storage else compute
