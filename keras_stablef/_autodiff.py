"""The rule "the derivative of order k is the op of order k + 1", per backend.

`keras.ops.custom_gradient` cannot carry it: it has no forward mode on JAX
and no vmap or ``torch.func`` on torch.  So each backend's own rule is used:
`jax.custom_jvp`, `torch.autograd.Function` with a jvp and a vmap rule, and
recursive `tf.custom_gradient`.  Only x is kept for the backward pass.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras

from ._eager import Body
from ._eager import fused_tensorflow
from ._eager import fused_torch
from .runtime.bits import sees_bits

Product = Callable[[Any, Any], Any]


def attach(
    bodies: Sequence[Body],
    wide: str | None = None,
    kernels: Sequence[Body] | None = None,
    last: Body | None = None,
) -> tuple[Body, ...]:
    """`bodies` with each one's derivative the next one's value.

    Args:
        bodies: f, f', f'' ... as functions of one backend tensor x, and of
            further tensors by which nobody differentiates.
        wide: the dtype of the chain rule's product, x's own by default.
            Neither TensorFlow nor torch multiplies in float8.  For 16-bit
            formats the product is exact in float32 (11 + 11 bits of 24), so
            that this is what the dtype's own product is.
        kernels: what runs in place of the bodies; where it returns None,
            they do.
        last: what is differentiated in place of the last of them.

    Returns:
        As many functions, each taking a TensorFlow or Keras variable for x
        too; the derivative by a further tensor is 0.  The next two
        derivatives of the last are its body's by forward mode.  On backends
        without autodiff (numpy, openvino) the bodies themselves.
    """
    rule = _RULES.get(keras.backend.backend())
    if rule is None:
        return tuple(bodies)
    if rule is _torch_rule:
        _choose_torch_kernels()
    # In reverse mode the last factor of a product such as 2**127 y meets
    # the slopes of all that y is made of before they cancel: inf - inf.
    # Forward mode multiplies as the value does.
    forward = _FORWARD[keras.backend.backend()]
    times = _upstream_product(wide)
    third = forward(bodies[-1] if last is None else last)
    # What autodiff makes of a body, XLA and inductor take long to compile.
    fused = _FUSED.get(keras.backend.backend(), lambda body: body)
    run = [*map(fused, bodies)]
    if kernels is not None:
        run = [*map(_first_of, kernels, run)]
    *rest, last = (*run, third, forward(third))
    ops = [last]
    for body in reversed(rest):
        ops.append(rule(body, ops[-1], times))
    return tuple(reversed(ops))[: len(bodies)]


def _first_of(kernel: Body, body: Body) -> Body:
    """`kernel`, but `body` where it returns None."""

    def run(x: Any, *rest: Any) -> Any:
        y = None if rest else kernel(x)
        return body(x, *rest) if y is None else y

    return run


def _upstream_product(wide: str | None) -> Product:
    """What the chain rule multiplies a slope and the upstream gradient by.

    TensorFlow's graphs and accumulators also ask what comes of y where
    nothing does, and add it: 0 f' has to be 0, also of an infinite f'.
    """
    own: Product = operator.mul
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        own = tf.math.multiply_no_nan
    if wide is None:
        return own

    def times(slope: Any, upstream: Any) -> Any:
        storage = keras.backend.standardize_dtype(slope.dtype)
        factors = (keras.ops.cast(a, wide) for a in (slope, upstream))
        return keras.ops.cast(own(*factors), storage)

    return times


def _forward_jax(body: Body) -> Body:
    import jax

    def slope(x: Any, *rest: Any) -> Any:
        def alone(x: Any) -> Any:
            return body(x, *rest)

        return jax.jvp(alone, (x,), (keras.ops.ones_like(x),))[1]

    return slope


# On the others as the reverse of the reverse: torch's forward mode nests not,
# and one of TensorFlow's inside another is 0.  v -> v f'(x) is linear in v,
# and its own reverse mode goes through f forwards.


def forward_torch(body: Body) -> Body:
    """The derivative of a body."""
    import torch

    def slope(x: Any, *rest: Any) -> Any:
        def alone(x: Any) -> Any:
            return body(x, *rest)

        def pull(v: Any) -> Any:
            return torch.func.vjp(alone, x)[1](v)[0]

        push = torch.func.vjp(pull, torch.zeros_like(x))[1]
        return push(torch.ones_like(x))[0]

    return slope


def _forward_tensorflow(body: Body) -> Body:
    import tensorflow as tf

    # In a graph: a tape inside a rule records nothing while a
    # ForwardAccumulator applies that rule.
    def slope(x: Any, *rest: Any) -> Any:
        v = tf.zeros_like(x)
        (pulled,) = tf.gradients(body(x, *rest), x, v)
        if pulled is None:
            return v
        (pushed,) = tf.gradients(pulled, v, tf.ones_like(x))
        return v if pushed is None else pushed

    return tf.function(slope, autograph=False, reduce_retracing=True)


_FORWARD: dict[str, Callable[[Body], Body]] = {
    "jax": _forward_jax,
    "torch": forward_torch,
    "tensorflow": _forward_tensorflow,
}


_FUSED: dict[str, Callable[[Body], Body]] = {
    "torch": fused_torch,
    "tensorflow": fused_tensorflow,
}


def _jax_rule(body: Body, derivative: Body, times: Product) -> Body:
    import jax

    body, derivative = _one_program(body), _one_program(derivative)

    @jax.custom_jvp
    def op(x: Any, *rest: Any) -> Any:
        return body(x, *rest)

    # Without the checkpoint f'(x) would be computed in the forward pass
    # and kept; with it x is kept.  Common subexpressions of f and f' are
    # still merged under jit (prevent_cse=False).
    @functools.partial(jax.checkpoint, prevent_cse=False)
    def slope(dx: Any, x: Any, *rest: Any) -> Any:
        return times(derivative(x, *rest), dx)

    @op.defjvp
    def jvp(
        primals: tuple[Any, ...], tangents: tuple[Any, ...]
    ) -> tuple[Any, Any]:
        return op(*primals), slope(tangents[0], *primals)

    del jvp
    return op


def _one_program(body: Body) -> Body:
    """Jitted, where eager JAX would run a hundred operations one by one.

    Inside a program it is part of that: XLA inlines calls.
    """
    import jax

    fast = jax.jit(body)

    def run(*arguments: Any) -> Any:
        # What is exported to ONNX has other operations than what is kept.
        return (fast if sees_bits() else body)(*arguments)

    return run


def _torch_rule(body: Body, derivative: Body, times: Product) -> Body:
    import torch

    class Op(torch.autograd.Function):
        @staticmethod
        def forward(x: Any, *rest: Any) -> Any:
            return body(x, *rest)

        @staticmethod
        def setup_context(
            ctx: Any, inputs: tuple[Any, ...], output: Any
        ) -> None:
            del output
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            x, *rest = ctx.saved_tensors
            slope = times(derivative(x, *rest), gradient)
            return (slope, *(None for _ in rest)) if rest else slope

        @staticmethod
        def jvp(ctx: Any, tangent: Any, *_: Any) -> Any:
            return times(derivative(*ctx.saved_tensors), tangent)

        # Not generated: a body of its own tensors is one that compiles.
        @staticmethod
        def vmap(info: Any, axes: tuple[Any, ...], *inputs: Any) -> Any:
            del info
            pairs = list(zip(inputs, axes, strict=True))
            rank = max(t.dim() - (d is not None) for t, d in pairs)
            moved = [t if d is None else _ahead(t, d, rank) for t, d in pairs]
            return op(*moved), 0

    # Dynamo cannot trace a Function that has a jvp; put into the graph as it
    # is, AOTAutograd traces it, with either mode of autodiff.  Dynamo tells
    # functions apart by their code and numbers by their value: so one
    # function is in the graph and its number says which rule it stands for.
    index = len(_TORCH_FUNCTIONS)
    _TORCH_FUNCTIONS.append(Op)
    apply = torch.compiler.allow_in_graph(_torch_apply)

    def op(x: Any, *rest: Any) -> Any:
        return apply(index, x, *rest)

    return op


def _ahead(t: Any, axis: int, rank: int) -> Any:
    """With its batch axis in front of as many as the others have."""
    t = t.movedim(axis, 0)
    return t.reshape(t.shape[0], *[1] * (rank + 1 - t.dim()), *t.shape[1:])


@functools.cache
def _choose_torch_kernels() -> None:
    """Calls what bodies call once, on one element and so on one thread.

    MKL chooses the kernel of a function at its first call; where that call
    is divided among threads one of them may take a kernel of low accuracy
    for its part (pytorch issue 188792): seen as 264 ulp in the first call
    of a process, where 1.95 are proved.
    """
    import torch

    for dtype in (torch.float32, torch.float64):
        one = torch.ones(1, dtype=dtype, device="cpu")
        for function in (torch.exp, torch.log, torch.sqrt):
            function(one)


_TORCH_FUNCTIONS: list[Any] = []


def _torch_apply(index: int, *arguments: Any) -> Any:
    return _TORCH_FUNCTIONS[index].apply(*arguments)


def _tensorflow_rule(body: Body, derivative: Body, times: Product) -> Body:
    import tensorflow as tf

    @tf.custom_gradient
    def ruled(x: Any, *rest: Any) -> Any:
        # A ForwardAccumulator looks into the body as well: stopped there it
        # takes the derivative from the rule alone.
        y = body(tf.stop_gradient(x), *rest)

        def pull(upstream: Any) -> Any:
            slope = times(derivative(x, *rest), upstream)
            return (slope, *(None for _ in rest)) if rest else slope

        return y, pull

    # Inside a graph it would look past the rule even so; a function of its
    # own shows it nothing but its gradient.  What is exported to ONNX has
    # other operations than what is kept.
    inside_graph = {
        way: tf.function(ruled, reduce_retracing=True) for way in (True, False)
    }

    def op(x: Any, *rest: Any) -> Any:
        # Of a variable that it sees the rule would have to return another
        # gradient; read here, that is the reading's own affair.
        x = tf.convert_to_tensor(x)
        if tf.executing_eagerly():
            return ruled(x, *rest)
        return inside_graph[sees_bits()](x, *rest)

    return op


_RULES: dict[str, Callable[[Body, Body, Product], Body]] = {
    "jax": _jax_rule,
    "torch": _torch_rule,
    "tensorflow": _tensorflow_rule,
}
