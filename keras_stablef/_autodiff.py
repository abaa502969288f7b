"""The rule "the derivative of order k is the op of order k + 1", per backend.

`keras.ops.custom_gradient` cannot carry it: it has no forward mode on JAX
and no vmap or ``torch.func`` on torch.  So each backend's own rule is used:
`jax.custom_jvp`, `torch.autograd.Function` with a jvp and a vmap rule, and
recursive `tf.custom_gradient`.  Only x is kept for the backward pass.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras

Body = Callable[[Any], Any]


def attach(bodies: Sequence[Body]) -> tuple[Body, ...]:
    """`bodies` with each one's derivative the next one's value.

    Args:
        bodies: f, f', f'' ... as functions of one backend tensor.

    Returns:
        As many functions; autodiff of the last goes through its body.  On
        backends without autodiff (numpy, openvino) the bodies themselves.
    """
    rule = _RULES.get(keras.backend.backend())
    if rule is None:
        return tuple(bodies)
    ops = [bodies[-1]]
    for body in reversed(bodies[:-1]):
        ops.append(rule(body, ops[-1]))
    return tuple(reversed(ops))


def _jax_rule(body: Body, derivative: Body) -> Body:
    import jax

    @jax.custom_jvp
    def op(x: Any) -> Any:
        return body(x)

    # Without the checkpoint f'(x) would be computed in the forward pass
    # and kept; with it x is kept.  Common subexpressions of f and f' are
    # still merged under jit (prevent_cse=False).
    @jax.checkpoint
    def slope(x: Any, dx: Any) -> Any:
        return derivative(x) * dx

    @op.defjvp
    def jvp(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
        (x,), (dx,) = primals, tangents
        return op(x), slope(x, dx)

    del jvp
    return op


def _torch_rule(body: Body, derivative: Body) -> Body:
    import torch

    class Op(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x: Any) -> Any:
            return body(x)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any], output: Any) -> None:
            del output
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            (x,) = ctx.saved_tensors
            return gradient * derivative(x)

        @staticmethod
        def jvp(ctx: Any, tangent: Any) -> Any:
            (x,) = ctx.saved_tensors
            return tangent * derivative(x)

    return Op.apply  # type: ignore[no-any-return]


def _tensorflow_rule(body: Body, derivative: Body) -> Body:
    import tensorflow as tf

    @tf.custom_gradient
    def op(x: Any) -> Any:
        return body(x), lambda upstream: upstream * derivative(x)

    return op  # type: ignore[no-any-return]


_RULES: dict[str, Callable[[Body, Body], Body]] = {
    "jax": _jax_rule,
    "torch": _torch_rule,
    "tensorflow": _tensorflow_rule,
}
