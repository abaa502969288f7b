"""Eager tensors: a body is one program, whatever their shapes."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
from backends import BACKEND
from backends import array
from backends import forward
from backends import reverse
from backends import run
from backends import tensor
from sampling import sampled

import keras_stablef as ks
from keras_stablef import _eager
from keras_stablef._wide import either

TENSORFLOW = pytest.mark.skipif(
    BACKEND != "tensorflow", reason="of TensorFlow's programs"
)
TORCH = pytest.mark.skipif(BACKEND != "torch", reason="of torch's switch")
pytestmark = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "torch"), reason="JAX jits by itself"
)
SPECIAL = [0.0, -0.0, 1e-40, -1e-40, np.inf, -np.inf, np.nan, 0.125, 30.0]


def plain(op: Any, x: Any) -> Any:
    dtype = keras.backend.standardize_dtype(x.dtype)
    of, k = op.function, op.order
    return either(of.bodies[dtype][k], lambda: of.twin(dtype, k))(x)


@pytest.fixture(autouse=True)
def on_a_cpu() -> Iterator[None]:
    """On torch; on a GPU bodies are kernels there."""
    if BACKEND == "torch":
        with keras.device("cpu"):
            yield
    else:
        yield


@pytest.fixture
def switched() -> Iterator[None]:
    ks.config.compile_torch(True)
    yield
    ks.config.compile_torch(False)


def seams(op: Any, dtype: str) -> np.ndarray:
    rows = op.certificate(dtype)["plan"]["rows"]
    values = rows["values"] if rows else []
    at = rows["fields"].index("low") if rows else 0
    return np.array([float.fromhex(v[at]) for v in values], dtype)


NAMES = ("exprel", "log1prel")


CASES = [(n, d) for n in NAMES for d in ("float32", "float64")]


# Inductor takes seconds for each.
@pytest.mark.parametrize(
    ("name", "dtype"), CASES[:1] if BACKEND == "torch" else CASES
)
def test_values_are_those_of_the_body(
    name: str, dtype: str, switched: None
) -> None:
    """Both within the bound: as far apart as twice that, and as special."""
    op = getattr(ks.ops, name)
    low = float(op.domain[0].replace("oo", "inf"))
    at = seams(op, dtype)
    x = np.concatenate([at, np.nextafter(at, -np.inf), SPECIAL]).astype(dtype)
    x = x[~(x < low)]
    got = run(op, x)
    want = array(plain(op, tensor(x)))
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    rtol = 2 * op.error_bound(dtype) * np.finfo(dtype).eps
    np.testing.assert_allclose(got, want, rtol=rtol, atol=1e-37)


SHAPES = [(), (0,), (1,), (3,), (0, 3), (2, 1, 3), (1025,), (40, 40)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shapes_are_kept(shape: tuple[int, ...], switched: None) -> None:
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    for order in range(2):
        op = ks.ops.stablef.derivative(order)
        got = run(op, np.asarray(x))
        assert got.shape == shape and got.dtype == np.float32
        want = array(plain(op, tensor(x)))
        np.testing.assert_allclose(got, want, rtol=1e-6)
    if x.ndim > 1:
        y = keras.ops.transpose(tensor(x))
        want = np.transpose(run(ks.ops.stablef, x))
        np.testing.assert_array_equal(array(ks.ops.stablef(y)), want)


WAYS = ("r", "rr", "f", "rf")


@pytest.mark.parametrize("ways", WAYS)
def test_derivatives_are_the_next_ops(ways: str, switched: None) -> None:
    x = np.array([-40.0, -1e-3, 0.0, 0.5, 30.0, np.inf], "float32")
    op = fn = ks.ops.stablef
    for way in ways:
        fn = {"r": reverse, "f": forward}[way](fn)
    want = run(op.derivative(len(ways)), x)
    np.testing.assert_allclose(run(fn, x), want, rtol=2e-6)


@TENSORFLOW
def test_tapes_and_variables() -> None:
    import tensorflow as tf

    x = tf.Variable([-3.0, 0.0, 2.0])
    with tf.GradientTape(persistent=True) as tape:
        y = ks.ops.stablef(x)
        z = ks.ops.stablef(2.0 * x)
    slope = ks.ops.stablef.derivative()
    np.testing.assert_array_equal(tape.gradient(y, x), slope(x))
    np.testing.assert_array_equal(tape.gradient(z, x), 2 * slope(2.0 * x))
    np.testing.assert_array_equal(tape.gradient(y, x), slope(x))


class Counted:
    """exp, and how often it was called by a tracer."""

    def __init__(self) -> None:
        self.traces = 0

    def __call__(self, x: Any) -> Any:
        self.traces += 1
        return keras.ops.exp(x)


class Watched:
    """A program, and the lengths that it is called with."""

    def __init__(self, program: Any, sizes: set[int]) -> None:
        self.program, self.sizes = program, sizes
        self.get_concrete_function = program.get_concrete_function

    def __call__(self, x: Any) -> Any:
        self.sizes.add(x.shape[0])
        return self.program(x)


@TENSORFLOW
def test_threads_that_call_first_trace_once() -> None:
    import threading

    f = Counted()
    run, x = _eager.fused_tensorflow(f), tensor(np.ones(2000, "float32"))
    start = threading.Barrier(6)

    def call() -> None:
        start.wait()
        run(x)

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert f.traces == 1


@TENSORFLOW
def test_lengths_change_and_nothing_is_traced_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor compiled, but for four sizes in an octave and the first ones."""
    import tensorflow as tf

    sizes: set[int] = set()
    made = tf.function

    def watched(*arguments: Any, **options: Any) -> Any:
        return Watched(made(*arguments, **options), sizes)

    monkeypatch.setattr(tf, "function", watched)
    body = Counted()
    fused = _eager.fused_tensorflow(body)
    rng = np.random.default_rng(0)
    for n in rng.integers(0, 8192, 200):
        x = rng.normal(size=n).astype("float32")
        got = fused(tf.constant(x))
        np.testing.assert_allclose(got, np.exp(x), rtol=1e-6)
    assert body.traces == 1
    assert len(sizes) <= 4 * 3 + 1 + _eager.EXACT
    fused(tf.zeros(3, "float64"))
    assert body.traces == 2


def test_padded_sizes() -> None:
    for n in (*range(5000), 10**6, 2**20 + 1):
        size = _eager.padded_size(n)
        assert max(n, _eager.LEAST) <= size <= max(1.25 * n, _eager.LEAST)
    octave = {_eager.padded_size(n) for n in range(4097, 8193)}
    assert octave == {5120, 6144, 7168, 8192}


@TENSORFLOW
def test_ragged_lengths_share_a_program() -> None:
    import tensorflow as tf

    for n in (1, 5, 9):
        x = tf.RaggedTensor.from_row_lengths(tf.linspace(-3.0, 3.0, n), [n, 0])
        y = ks.ops.log1mexp(-tf.abs(x))
        assert y.row_splits.numpy().tolist() == [0, n, n]


@TENSORFLOW
@pytest.mark.parametrize("name", ["log1prel", "asinh"])
@pytest.mark.parametrize("shape", [None, [None], [2, None]], ids=str)
def test_graphs_of_unknown_sizes(name: str, shape: Any) -> None:
    """Keras' view (3.15) raises where the last axis has no size."""
    import tensorflow as tf

    op, x = getattr(ks.ops, name), tf.constant([[0.5, 1.0, 20.0]] * 2)
    x = x[0] if shape == [None] else x
    spec = tf.TensorSpec(shape, tf.float32)
    graph = tf.function(lambda x: op(x), input_signature=[spec])
    np.testing.assert_allclose(graph(x), op(x), rtol=1e-6)


@TENSORFLOW
@pytest.mark.parametrize(
    "name", ["exprel", "phi2", *sampled(ks.ops.__all__, 6)]
)
def test_graphs_without_xla_are_as_good(name: str) -> None:
    """Grappler makes (y c) p of a number c into y (c p): neither overflows,
    also where f itself is about to."""
    import tensorflow as tf

    op = getattr(ks.ops, name)
    wide = np.linspace(1, 110, 20_001)
    x = np.concatenate([wide, -wide, np.geomspace(1e-30, 1e30, 999)])
    low, high = (float(str(e).replace("oo", "inf")) for e in op.domain)
    x = x[(x > low) & (x < high)].astype("float32")
    graph = tf.function(lambda v: op(v))(tf.constant(x)).numpy()
    eager = op(tf.constant(x)).numpy()
    np.testing.assert_array_equal(np.isinf(graph), np.isinf(eager))
    # Each is within 2 ulp of f, 2**-23 of it at most, or flushed.
    normal = np.finfo("float32").smallest_normal
    np.testing.assert_allclose(graph, eager, rtol=4 * 2.0**-23, atol=normal)


def broken(x: Any) -> Any:
    """A body that no tracer can follow."""
    if type(x).__name__ not in ("Tensor", "EagerTensor"):
        raise NotImplementedError("no compiler\nhere")
    return x * 2.0


def test_what_cannot_be_compiled_runs_with_one_warning(
    switched: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_eager, "_warned", [])
    make = {
        "tensorflow": _eager.fused_tensorflow,
        "torch": _eager.fused_torch,
    }[BACKEND]
    x = tensor(np.ones(3, "float32"))
    with pytest.warns(RuntimeWarning, match="fails: .*slower") as said:
        for _ in range(2):
            got = array(make(broken)(x))
            np.testing.assert_array_equal(got, 2 * np.ones(3))
    assert len([w for w in said if w.category is RuntimeWarning]) == 1


def test_what_the_body_raises_is_raised(switched: None) -> None:
    def body(x: Any) -> Any:
        raise ValueError("of the body")

    make = {
        "tensorflow": _eager.fused_tensorflow,
        "torch": _eager.fused_torch,
    }[BACKEND]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="of the body"):
            make(body)(tensor(np.ones(3, "float32")))


@TENSORFLOW
def test_where_functions_run_eagerly_bodies_do() -> None:
    import tensorflow as tf

    body = Counted()
    fused = _eager.fused_tensorflow(body)
    tf.config.run_functions_eagerly(True)
    try:
        fused(tf.zeros(3))
        fused(tf.zeros(4))
    finally:
        tf.config.run_functions_eagerly(False)
    assert body.traces == 2


@pytest.mark.parametrize("on", [1, None, "yes"])
def test_a_switch_is_true_or_false(on: Any) -> None:
    with pytest.raises(TypeError, match=r"expected True or False, received"):
        ks.config.compile_torch(on)


@TORCH
def test_torch_compiles_once_for_all_lengths(switched: None) -> None:
    from torch._dynamo.utils import counters

    fused = _eager.fused_torch(lambda x: x * 2.0 + 1.0)
    counters.clear()
    for shape in ((3,), (2, 3), (100,), (7, 5, 3), (40_000,), (1,), ()):
        x = np.random.default_rng(0).normal(size=shape).astype("float32")
        x = np.asarray(x)
        got = array(fused(tensor(x)))
        np.testing.assert_allclose(got, x * 2 + 1, rtol=1e-6)
        turned = keras.ops.transpose(tensor(x))
        got = array(fused(turned))
        np.testing.assert_allclose(got, x.T * 2 + 1, rtol=1e-6)
    assert counters["stats"]["unique_graphs"] == 1


@TORCH
@pytest.mark.parametrize("n", [2, 5, _eager.BLOCK, 2 * _eager.BLOCK + 1])
def test_torch_off_runs_the_same_operations(n: int) -> None:
    """Traced once, by blocks, and nothing is compiled: bit for bit."""
    from torch._dynamo.utils import counters

    counters.clear()
    x = np.resize([*SPECIAL, *np.linspace(-9, 99, 91)], n).astype("float32")
    for op in (ks.ops.stablef, ks.ops.exprel):
        got, want = op(tensor(x)), plain(op, tensor(x))
        np.testing.assert_array_equal(array(got), array(want))
    assert not counters["stats"]


@TORCH
def test_torch_off_traces_once() -> None:
    body = Counted()
    fused = _eager.fused_torch(body)
    for shape in ((3,), (2, 3), (100,), (7, 5, 3), (40_000,)):
        fused(tensor(np.ones(shape, "float32")))
    assert body.traces == 1


WITHOUT = """
import warnings, torch
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    import keras_stablef as ks
    x = torch.tensor([-3.0, 0.0, 2.0], requires_grad=True)
    for _ in range(2):
        y = ks.ops.stablef(x)
        y.sum().backward()
ours = [w for w in said if "torch.compile fails" in str(w.message)]
assert len(ours) == 1, said
assert y[1] == 0.5
"""


@TORCH
def test_no_compiler_is_one_warning(
    switched: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a program and the one of its gradient."""
    from torch._inductor import config

    monkeypatch.setattr(_eager, "_warned", [])
    fused = [_eager.fused_torch(f) for f in (Counted(), keras.ops.tanh)]
    x = tensor(np.array([-3.0, 0.0, 2.0], "float32"))
    missing = {"cpp.cxx": ("/nonexistent",), "force_disable_caches": True}
    with config.patch(missing), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for f in (*fused, *fused):
            y = f(x)
    assert y[1] == 0.0
    (ours,) = (w for w in said if "torch.compile fails" in str(w.message))
    assert "compiler" in str(ours.message)


# A process of torch's takes seconds to begin.
@TORCH
@pytest.mark.slow
def test_no_compiler_is_one_warning_of_a_process() -> None:
    """Asked for by the environment."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        capture_output=True, text=True, check=False,
        env={
            **os.environ, "PATH": "/nonexistent", "CXX": "/nonexistent",
            "KERAS_STABLEF_TORCH_COMPILE": "1",
            "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1",
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.skipif(BACKEND != "torch", reason="a tracer of torch's")
def test_a_tracer_of_somebody_else_sees_the_body() -> None:
    import torch
    from torch.fx.experimental.proxy_tensor import make_fx

    x = 0.1 + torch.rand(6, 5, dtype=torch.float64)  # the op's first call
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        graph = make_fx(ks.ops.log1mexp)(x)
    assert not any("split" in str(n.target) for n in graph.graph.nodes)
    assert torch.equal(graph(x), ks.ops.log1mexp(x))


@pytest.mark.skipif(BACKEND == "jax", reason="of programs made here")
def test_threads_that_call_an_op_for_the_first_time() -> None:
    """Each gets its values, and what a tracer replaced is put back."""
    import threading

    x = tensor(np.linspace(0.1, 9, 5000).astype("float64"))
    ops = [ks.ops.phi2, ks.ops.phi3, ks.ops.asinh, ks.ops.log_ratio]
    found: dict[int, Any] = {}

    def call(k: int) -> None:
        with keras.device("cpu"):  # of this thread
            found[k] = ops[k % len(ops)](x)

    threads = [threading.Thread(target=call, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(8):
        want = keras.ops.convert_to_numpy(ops[k % len(ops)](x))
        got = keras.ops.convert_to_numpy(found[k])
        np.testing.assert_array_equal(got, want)
    if BACKEND == "torch":
        import torch

        assert "fx" not in torch.nn.Module.__call__.__module__
