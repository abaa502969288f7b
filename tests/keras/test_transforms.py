"""Derivatives through every transformation the backends offer."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import keras
import numpy as np
import pytest
from backends import BACKEND
from backends import forward
from backends import reverse
from backends import run
from backends import tensor
from oracle import exact
from sampling import sampled

import keras_stablef as ks

pytestmark = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="needs autodiff"
)
NAMES = ("stablef", "log_cosh", "pseudo_huber")
X = np.array([-40.0, -3.0, -1e-3, 0.0, 1e-6, 0.5, 2.0, 30.0], "float32")


def wanted(name: str, order: int, x: np.ndarray = X) -> np.ndarray:
    return np.array([float(exact(name, order, float(v)).mid()) for v in x])


def close(got: np.ndarray, name: str, order: int) -> None:
    np.testing.assert_allclose(got, wanted(name, order), rtol=2e-6, atol=1e-30)


def transformed() -> dict[
    str, tuple[int, Callable[[Callable, np.ndarray], object]]
]:
    """Name -> order of derivative, and how to take it of f at a vector."""
    if BACKEND == "jax":
        import jax

        def one(f):  # type: ignore[no-untyped-def]
            return lambda x: f(x)

        return {
            "vmap": (0, lambda f, x: jax.vmap(one(f))(x)),
            "vmap grad": (1, lambda f, x: jax.vmap(jax.grad(f))(x)),
            "jvp": (1, lambda f, x: jax.jvp(f, (x,), (x * 0 + 1,))[1]),
            "jacfwd": (1, lambda f, x: np.diag(jax.jacfwd(f)(x))),
            "jacrev": (1, lambda f, x: np.diag(jax.jacrev(f)(x))),
            "hessian": (
                2,
                lambda f, x: np.diag(jax.hessian(lambda z: f(z).sum())(x)),
            ),
            "vmap hessian": (2, lambda f, x: jax.vmap(jax.hessian(f))(x)),
            "linearize": (1, lambda f, x: jax.linearize(f, x)[1](x * 0 + 1)),
            "checkpoint": (
                1,
                lambda f, x: jax.vmap(jax.grad(jax.checkpoint(f)))(x),
            ),
        }
    if BACKEND == "torch":
        import torch
        from torch.utils.checkpoint import checkpoint

        def by_checkpoint(f, x):  # type: ignore[no-untyped-def]
            x = x.clone().requires_grad_()
            checkpoint(f, x, use_reentrant=False).sum().backward()
            return x.grad

        def backward_twice(f, x):  # type: ignore[no-untyped-def]
            x = x.clone().requires_grad_()
            (g,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
            return torch.autograd.grad(g.sum(), x)[0]

        func = torch.func
        return {
            "vmap": (0, lambda f, x: func.vmap(f)(x)),
            "vmap grad": (1, lambda f, x: func.vmap(func.grad(f))(x)),
            "jvp": (1, lambda f, x: func.jvp(f, (x,), (x * 0 + 1,))[1]),
            "jacfwd": (1, lambda f, x: func.jacfwd(f)(x).diagonal()),
            "jacrev": (1, lambda f, x: func.jacrev(f)(x).diagonal()),
            "hessian": (
                2,
                lambda f, x: func.hessian(lambda z: f(z).sum())(x).diagonal(),
            ),
            "vmap hessian": (2, lambda f, x: func.vmap(func.hessian(f))(x)),
            "backward twice": (2, backward_twice),
            "checkpoint": (1, by_checkpoint),
        }
    import tensorflow as tf

    def jacobian(f, x):  # type: ignore[no-untyped-def]
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        return tf.linalg.diag_part(tape.jacobian(y, x))

    def batch_jacobian(f, x):  # type: ignore[no-untyped-def]
        x = x[:, None]
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        return tape.batch_jacobian(y, x)[:, 0, 0]

    def hessian(f, x):  # type: ignore[no-untyped-def]
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = f(x)
            g = inner.gradient(y, x)
        return tf.linalg.diag_part(outer.jacobian(g, x))

    def forward_over_reverse(f, x):  # type: ignore[no-untyped-def]
        with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as acc:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = f(x)
            g = tape.gradient(y, x)
        return acc.jvp(g)

    return {
        "vectorized_map": (0, lambda f, x: tf.vectorized_map(f, x)),
        "map_fn": (0, lambda f, x: tf.map_fn(f, x)),
        "jacobian": (1, jacobian),
        "batch_jacobian": (1, batch_jacobian),
        "hessian": (2, hessian),
        "forward over reverse": (2, forward_over_reverse),
        "recompute": (
            1,
            lambda f, x: reverse(tf.recompute_grad(f))(x),
        ),
    }


TRANSFORMED = transformed() if BACKEND in ("tensorflow", "jax", "torch") else {}


# The rule is one for all functions: one with each transformation.
@pytest.mark.parametrize(
    ("name", "how"),
    [
        pytest.param(
            name,
            how,
            marks=() if (i + k) % len(NAMES) == 0 else pytest.mark.slow,
        )
        for i, name in enumerate(NAMES)
        for k, how in enumerate(TRANSFORMED)
    ],
)
def test_transformations(name: str, how: str) -> None:
    order, transform = TRANSFORMED[how]
    got = transform(getattr(ks.ops, name), tensor(X))
    close(np.asarray(keras.ops.convert_to_numpy(got)), name, order)


WAYS = ("rrr", "rrrr")


def nested(fn: Callable, ways: str) -> Callable:
    for way in ways:
        fn = {"r": reverse, "f": forward}[way](fn)
    return fn


# What is traced triples with each order: the fourth, and the third compiled,
# take up to a minute where a function has many pieces; with inductor all do.
EAGER = [(name, ways, "eager") for name in ks.ops.__all__ for ways in WAYS]
JIT = [(name, ways, "jit") for name in NAMES for ways in (*WAYS, "rrf")]
SHORT = [row for row in EAGER if row[0] in NAMES[:2] or row[1] == "rrr"]
HERE = [("stablef", "rrrr", "eager")]
RUNS = [
    *sampled([row for row in EAGER if row not in SHORT], 0),
    *sampled(SHORT, 6, HERE),
    *sampled(
        JIT if BACKEND != "torch" else [],
        0,
        [("stablef", "rrf", "jit")],
    ),
]


@pytest.mark.parametrize(("name", "ways", "mode"), RUNS)
def test_third_and_fourth_order(name: str, ways: str, mode: str) -> None:
    """Without a bound, but finite and right, at seams (0, 0.125 ...) too."""
    op = getattr(ks.ops, name)
    x = np.array([0.125, 0.5, 0.96875], "float32")
    if op.domain == ("-oo", "oo"):
        x = np.concatenate([-x, np.float32([0.0, 3.0, -20.0, 1e30]), x])
    want = wanted(name, len(ways), x)
    small = np.abs(want) < 3e38  # what overflows has no derivative
    got, want = run(nested(op, ways), x, mode)[small], want[small]
    assert np.isfinite(got).all()
    size = np.abs(want[np.abs(x[small]) < 4]).max()
    np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-4 * size)


# One that overflows at infinity, one at an end of its domain, and others.
@pytest.mark.parametrize(
    "name", sampled(ks.ops.__all__, 4, ("exprel", "two_sqrt"))
)
def test_third_order_before_overflow(name: str) -> None:
    """The last binades of f'': a factor 2**127 must not meet its slopes."""
    op = getattr(ks.ops, name).derivative(2)
    low, high = (float(Fraction(e.replace("oo", "110"))) for e in op.domain)
    x = np.linspace(low, high, 401, dtype="float32")[1:-1]
    with np.errstate(over="ignore"):
        want = wanted(name, 3, x)
    small = np.abs(want) < 3.4e38
    got = run(reverse(op), x)
    assert np.isfinite(got[small]).all()
    large = small & (np.abs(want) > 1)
    np.testing.assert_allclose(got[large], want[large], rtol=1e-5)


MODES = ("eager",) if BACKEND == "torch" else ("eager", "jit")
# A tape does not see what an accumulator does, nor torch's forward mode what
# another does.
TWICE = {"jax": ("rr", "rf", "fr", "ff"), "torch": ("rr", "rf", "fr")}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("ways", TWICE.get(BACKEND, ("rr", "rf")))
def test_second_order_beyond_an_infinite_slope(ways: str, mode: str) -> None:
    """f' overflows, f'' does not: an upstream 0 must not make it nan."""
    x = np.array([1e20, 2.0, 0.0], "float32")
    got = run(nested(ks.stabilize("x**3"), ways), x, mode)
    np.testing.assert_allclose(got, 6 * x, rtol=1e-6)
