"""keras.ops over a hostile compiler, and functions that call it there."""

from __future__ import annotations

import types
from collections.abc import Iterable
from typing import Any

import numpy as np
from hostile_compiler import QUOTIENT
from hostile_compiler import Array
from hostile_compiler import Compiler
from hostile_compiler import Number
from hostile_compiler import Version
from keras_stablef.generator.program.assumed import primitive_errors

from keras_stablef import runtime


class HostileOps(Compiler):
    """The part of keras.ops that generated modules and the runtime use."""

    def _assumed(self, name: str) -> float:
        return float(primitive_errors(self.dtype).ulp(name)) - 0.5

    def exp(self, a: Number) -> Number:
        return self.function(np.exp, a, self._assumed("exp"), self.tiny)

    def log(self, a: Number) -> Number:
        return self.function(np.log, a, self._assumed("log"))

    def sqrt(self, a: Number) -> Number:
        return self.function(np.sqrt, a, QUOTIENT if self.rough else 0.0)

    def abs(self, a: Number) -> Number:
        return self.plain(np.abs, a)

    def floor(self, a: Number) -> Number:
        return self.plain(np.floor, a)

    def clip(self, a: Number, low: Any, high: Any) -> Number:
        kind = a.kind.type
        return self.held(lambda v: np.clip(v, kind(low), kind(high)), a)

    def minimum(self, a: Any, b: Any) -> Number:
        return self.held(np.minimum, *self._both(a, b))

    def maximum(self, a: Any, b: Any) -> Number:
        return self.held(np.maximum, *self._both(a, b))

    def _both(self, a: Any, b: Any) -> tuple[Number, Number]:
        known = next(v for v in (a, b) if isinstance(v, Number))
        return known.like(a), known.like(b)

    def where(self, test: Number, a: Any, b: Any) -> Number:
        return self.plain(np.where, test, *self._both(a, b))

    def logical_and(self, a: Number, b: Number) -> Number:
        return self.plain(np.logical_and, a, b)

    def logical_or(self, a: Number, b: Number) -> Number:
        return self.plain(np.logical_or, a, b)

    def bitwise_and(self, a: Number, b: Any) -> Number:
        return self.plain(np.bitwise_and, a, a.like(b))

    def right_shift(self, a: Number, b: Any) -> Number:
        return self.plain(np.right_shift, a, a.like(b))

    def floor_divide(self, a: Number, b: Any) -> Number:
        return self.plain(np.floor_divide, a, a.like(b))

    def cast(self, a: Number, dtype: str) -> Number:
        same = str(a.kind) == dtype
        return a if same else self.plain(lambda v: _cast(v, dtype), a)

    def view(self, a: Number, dtype: str) -> Number:
        return self.plain(lambda v: v.view(dtype), a)

    def stop_gradient(self, a: Number) -> Number:
        return a

    def zeros_like(self, a: Number, dtype: str | None = None) -> Number:
        return self.number(0, dtype or a.kind)

    def convert_to_tensor(self, value: Any, dtype: str) -> Any:
        if np.ndim(value):
            return np.asarray(value, dtype)  # a table
        return self.number(value, dtype)

    def take(self, table: Array, i: Number) -> Number:
        return self.plain(lambda k: table[k], i)


def _cast(value: Array, dtype: str) -> Array:
    """Of floats what is no integer of the dtype is the nearest one."""
    if np.dtype(dtype).kind != "i" or value.dtype.kind != "f":
        return value.astype(dtype)
    info = np.iinfo(dtype)
    inside = np.abs(value) < float(info.max)
    ends = np.where(value > 0, info.max, np.where(value < 0, info.min, 0))
    return np.where(inside, np.where(inside, value, 0), ends).astype(dtype)


def primitives(ops: HostileOps) -> dict[str, Any]:
    """The runtime's, where `ops` runs them."""
    gpu = ops.habits.gpu
    return runtime.primitives(
        ops=ops,
        backend=lambda: "jax",
        sees_bits=lambda: True,
        rounds_to_nearest=lambda a, b: not gpu,
        where_it_runs=lambda near, far, a, b: (far if gpu else near)(a, b),
    )


def run(
    function: types.FunctionType,
    ops: HostileOps,
    *inputs: Array,
    instead: Iterable[Any] = (),
) -> list[Array]:
    """What a function of a generated module, or of a test, returns.

    It is made anew from its code, with `ops` and the runtime's primitives for
    all names of them.

    Args:
        instead: of primitives that have the same names.
    """
    space = primitives(ops)
    for other in instead:
        space[other.__name__] = types.FunctionType(other.__code__, space)
    made = types.FunctionType(
        function.__code__,
        {**function.__globals__, **space},
        argdefs=function.__defaults__,
    )
    given = [Number(ops, [Version(np.asarray(x))]) for x in inputs]
    with np.errstate(all="ignore"):
        found = made(*given)
        found = found if isinstance(found, tuple) else (found,)
        return [ops.used(v).value for v in found]
