"""A function of several tensors with a formula for each partial derivative.

Autodiff of a formula loses what the formula was chosen to keep: its partial
derivatives are sums of terms that cancel.  So each is a formula of its own,
and each backend's rule takes it: `jax.custom_jvp`, `torch.autograd.Function`
with a jvp and a vmap rule, `tf.custom_gradient` (as in `_autodiff`, which has
one variable).  Second derivatives are autodiff of these formulas.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras

from .._dtypes import FORMATS
from .._dtypes import largest
from .._tensors import as_tensor
from .._tensors import checked_dtype
from .._tensors import real
from .._tensors import refuse_shapes

Formula = Callable[..., Any]


class Recipe:
    """What is computed of several tensors, and its partial derivatives.

    Outside of its domain, and where an argument is nan, the value is nan
    and every partial derivative 0: what a mask takes out leaves nothing
    behind, and what it does not take out shows.  A partial derivative that
    is infinite at an edge is the largest number of the arguments' dtype, since
    0 times that is 0; one that is lost on the way, as infinity less infinity,
    is 0.

    Args:
        names: of the arguments, for messages.
        inside: which arguments are in the domain, as a boolean tensor.
        within: a number for each argument, of a place in the domain; it
            takes the place of what is outside, so that no formula sees it.
        value: of arguments of one shape and one dtype, float32 or float64.
        partials: one for each argument.
    """

    def __init__(
        self,
        names: str,
        inside: Formula,
        within: Sequence[float],
        value: Formula,
        partials: Sequence[Formula],
    ) -> None:
        self._names = names.split()
        self._inside, self._within = inside, within
        whole = self._guarded(value, float("nan"))
        rule = _RULES.get(keras.backend.backend())
        # All of them now: within what a compiler traces none can be made.
        self._runs = {
            dtype: rule(whole, [self._slope(p, most) for p in partials])
            if rule
            else whole
            for dtype, most in ((d, largest(d)) for d in FORMATS)
        }

    def _guarded(self, formula: Formula, beyond: float) -> Formula:
        def run(*args: Any) -> Any:
            ok = self._inside(*args)
            safe = [
                keras.ops.where(ok, a, keras.ops.full_like(a, inner))
                for a, inner in zip(args, self._within, strict=True)
            ]
            value = formula(*safe)
            return keras.ops.where(
                ok, value, keras.ops.full_like(value, beyond)
            )

        return run

    def _slope(self, formula: Formula, most: float) -> Formula:
        def bounded(*args: Any) -> Any:
            slope = keras.ops.clip(formula(*args), -most, most)
            lost = keras.ops.isnan(slope)
            return keras.ops.where(lost, keras.ops.zeros_like(slope), slope)

        return self._guarded(bounded, 0.0)

    def __call__(self, *arguments: Any) -> Any:
        """The value, of the broadcast shape and the common float dtype.

        Raises:
            TypeError: complex numbers, text, a dtype that is no float16,
                bfloat16, float32 or float64, a tensor of a Keras graph.
            ValueError: shapes that do not broadcast.
        """
        dtype = self._dtype(arguments)
        args = [as_tensor(a, dtype) for a in arguments]
        for k, (a, name) in enumerate(zip(args, self._names, strict=True)):
            for b, other in zip(args[:k], self._names[:k], strict=True):
                refuse_shapes(b, a, f"{other} and {name}")
        wide = "float64" if dtype == "float64" else "float32"
        args = [keras.ops.cast(a, wide) for a in args]
        zeros = keras.ops.zeros_like(args[0])
        for a in args[1:]:
            zeros = zeros + keras.ops.zeros_like(a)
        found = self._runs[dtype](*(a + zeros for a in args))
        return keras.ops.cast(found, dtype)

    def _dtype(self, arguments: Sequence[Any]) -> str:
        """What the float tensors among them have in common, else floatx."""
        found = set()
        for a, name in zip(arguments, self._names, strict=True):
            if isinstance(a, keras.KerasTensor):
                raise TypeError(
                    f"Symbolic {name}: expected a tensor with values, received "
                    "one of a Keras graph. Call recipes in a loss, or in the "
                    "`call` of a layer."
                )
            dtype = getattr(real(a), "dtype", None)
            if dtype is not None:
                dtype = keras.backend.standardize_dtype(dtype)
                if keras.backend.is_float_dtype(dtype):
                    found.add(checked_dtype(dtype, FORMATS, "a recipe"))
        # `keras.backend.result_type` makes float32 of float64 (Keras 3.15).
        if len(found) > 1:
            return "float64" if "float64" in found else "float32"
        floatx: str = keras.config.floatx()
        return found.pop() if found else floatx


def finite(*args: Any) -> Any:
    """Where all of them are."""
    most = largest(keras.backend.standardize_dtype(args[0].dtype))
    return all_of(*(keras.ops.abs(a) <= most for a in args))


def all_of(*conditions: Any) -> Any:
    """`logical_and` of several."""
    first, *rest = conditions
    for condition in rest:
        first = keras.ops.logical_and(first, condition)
    return first


def _sum(terms: Sequence[Any]) -> Any:
    first, *rest = terms
    for term in rest:
        first = first + term
    return first


def _jax_rule(value: Formula, slopes: Sequence[Formula]) -> Formula:
    import jax

    value = jax.jit(value)
    slopes = [jax.jit(slope) for slope in slopes]

    @jax.custom_jvp
    def op(*args: Any) -> Any:
        return value(*args)

    @op.defjvp
    def jvp(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
        moved = [
            slope(*primals) * t
            for slope, t in zip(slopes, tangents, strict=True)
        ]
        return op(*primals), _sum(moved)

    del jvp
    return op


def _torch_rule(value: Formula, slopes: Sequence[Formula]) -> Formula:
    import torch

    class Op(torch.autograd.Function):
        @staticmethod
        def forward(*args: Any) -> Any:
            return value(*args)

        @staticmethod
        def setup_context(
            ctx: Any, inputs: tuple[Any, ...], output: Any
        ) -> None:
            del output
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            args = ctx.saved_tensors
            return tuple(
                slope(*args) * gradient if needed else None
                for slope, needed in zip(
                    slopes, ctx.needs_input_grad, strict=True
                )
            )

        @staticmethod
        def jvp(ctx: Any, *tangents: Any) -> Any:
            args = ctx.saved_tensors
            return _sum(
                [
                    slope(*args) * t
                    for slope, t in zip(slopes, tangents, strict=True)
                    if t is not None
                ]
            )

        # All arguments have one shape, and get one batch axis each.
        @staticmethod
        def vmap(info: Any, axes: tuple[Any, ...], *inputs: Any) -> Any:
            size = info.batch_size
            moved = [
                t.expand(size, *t.shape) if d is None else t.movedim(d, 0)
                for t, d in zip(inputs, axes, strict=True)
            ]
            return op(*moved), 0

    # As in `_autodiff`: Dynamo traces no Function that has a jvp, and tells
    # numbers apart where it does not tell functions.
    index = len(_TORCH_FUNCTIONS)
    _TORCH_FUNCTIONS.append(Op)
    apply = torch.compiler.allow_in_graph(_torch_apply)

    def op(*args: Any) -> Any:
        return apply(index, *args)

    return op


_TORCH_FUNCTIONS: list[Any] = []


def _torch_apply(index: int, *args: Any) -> Any:
    return _TORCH_FUNCTIONS[index].apply(*args)


def _tensorflow_rule(value: Formula, slopes: Sequence[Formula]) -> Formula:
    import tensorflow as tf

    @tf.custom_gradient
    def ruled(*args: Any) -> Any:
        # A ForwardAccumulator looks into the body as well, see `_autodiff`.
        y = value(*map(tf.stop_gradient, args))

        def pull(upstream: Any) -> Any:
            return [slope(*args) * upstream for slope in slopes]

        return y, pull

    inside_graph = tf.function(ruled, reduce_retracing=True)

    def op(*args: Any) -> Any:
        return (ruled if tf.executing_eagerly() else inside_graph)(*args)

    return op


_RULES: dict[str, Callable[[Formula, Sequence[Formula]], Formula]] = {
    "jax": _jax_rule,
    "torch": _torch_rule,
    "tensorflow": _tensorflow_rule,
}
