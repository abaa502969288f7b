"""The op as users meet it: dtypes, modes, graphs, saving, bad input."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from backends import BACKEND
from backends import array as value
from backends import reverse
from backends import run
from backends import tensor
from importing import IMPORT
from importing import check_import
from oracle import exact
from sampling import sampled

import keras_stablef as ks

DTYPES = ("float16", "bfloat16", "float32", "float64")
AUTODIFF = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="needs autodiff"
)


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtype_is_kept(dtype: str) -> None:
    x = keras.ops.cast(keras.ops.convert_to_tensor([0.0, 1.0]), dtype)
    if BACKEND == "numpy" and dtype == "float64":
        with pytest.raises(TypeError, match="expected float64, received"):
            ks.ops.stablef(x)  # Keras itself makes it float32 there
        return
    for order in range(3):
        y = ks.ops.stablef.derivative(order)(x)
        assert keras.backend.standardize_dtype(y.dtype) == dtype
        assert tuple(y.shape) == (2,)


@pytest.mark.parametrize(
    "x",
    [0, 0.0, False, [0], [[0.0]], np.zeros(3, np.int64), np.zeros((2, 0))],
    ids=str,
)
def test_numbers_lists_and_arrays(x: object) -> None:
    y = ks.ops.stablef(x)
    assert tuple(y.shape) == np.shape(x)
    assert (value(y) == 0.5).all()
    if getattr(x, "dtype", None) != np.float64:
        assert keras.backend.standardize_dtype(y.dtype) == "float32"


def test_integer_tensors_become_floatx() -> None:
    x = keras.ops.convert_to_tensor([0, 1], dtype="int32")
    assert keras.backend.standardize_dtype(ks.ops.stablef(x).dtype) == (
        keras.config.floatx()
    )


def test_a_module_for_no_dtype_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected at least one dtype"):
        ks.ops.exprel.save(tmp_path / "m.py", dtypes=[])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("x", [None, {}, {1.0}, object(), [1.0, None]])
def test_what_holds_no_numbers_is_refused(x: object) -> None:
    for function in (ks.ops.exprel, lambda v: ks.recipes.box_cox(v, 1.0)):
        with pytest.raises(TypeError, match="expected a tensor, an array"):
            function(x)


@pytest.mark.parametrize("x", [1j, [1j], np.zeros(2, np.complex64)], ids=str)
def test_complex_is_refused(x: object) -> None:
    with pytest.raises(TypeError, match="expected a real dtype, received"):
        ks.ops.stablef(x)


@pytest.mark.parametrize("digits", [400, 5000])
def test_integers_beyond_all_floats(digits: int) -> None:
    for x in (10**digits, [[0.5, -(10**digits)]]):
        with pytest.raises(ValueError, match=r"expected one that.*received"):
            ks.ops.stablef(x)


HUGE = 10**5000  # `str` refuses to write it
ORDERS = [-1, 3, 1.5, "1", True, HUGE, -HUGE]


@pytest.mark.parametrize("order", ORDERS, ids=range(len(ORDERS)))
def test_bad_order(order: object) -> None:
    for ask in (
        ks.ops.stablef.derivative,
        lambda k: ks.ops.stablef.error_bound("float32", k),
        lambda k: ks.ops.stablef.certificate("float32", k),
    ):
        with pytest.raises(ValueError, match=r"expected.*received"):
            ask(order)  # type: ignore[operator]


DTYPES_UNKNOWN = ["float8_e3m4", "float99", 5, HUGE, -HUGE, object()]


@pytest.mark.parametrize("dtype", DTYPES_UNKNOWN, ids=range(6))
def test_bad_dtype(dtype: object, tmp_path: Path) -> None:
    op = ks.ops.stablef
    for ask in (
        op.error_bound,
        op.certificate,
        op.in_format,
        op.explain,
        lambda d: op.save(tmp_path / "a.py", d),
        lambda d: op.plot(tmp_path / "a.png", d),
    ):
        with pytest.raises(ValueError, match=r"expected.*received"):
            ask(dtype)  # type: ignore[no-untyped-call]
    assert not list(tmp_path.iterdir())


def test_unknown_op_names_those_there_are() -> None:
    with pytest.raises(AttributeError, match="stablef"):
        ks.ops.sinister  # noqa: B018
    assert "stablef" in dir(ks.ops)


def test_derivatives_compose() -> None:
    op = ks.ops.stablef
    assert op.derivative(0) is op
    assert op.derivative().derivative() is op.derivative(2)
    bound = op.error_bound("float32", order=2)
    assert op.derivative().error_bound("float32", order=1) == bound
    assert "1/x" in op.expression
    assert "1/x" in repr(op)


def functional(name: str = "probe") -> keras.Model:
    inputs = keras.Input((3,))
    y = keras.layers.Dense(4, name=f"{name}_dense")(inputs)
    y = ks.ops.stablef(y) + ks.ops.stablef(y + 50.0)
    y = ks.ops.stablef.derivative()(y)
    return keras.Model(inputs, y)


def test_graph_has_one_node_for_each_use() -> None:
    model = functional()
    ours = [o for o in model.operations if "stablef" in o.name]
    assert len(ours) == 3
    assert len({o.name for o in ours}) == 3
    assert model.output_shape == (None, 4)


@pytest.mark.parametrize("copies", ["save", "clone"])
def test_graphs_are_saved_and_cloned(copies: str, tmp_path: Path) -> None:
    model, x = functional(), np.linspace(-9, 9, 6).reshape(2, 3)
    if copies == "save":
        path = tmp_path / "model.keras"
        model.save(path)
        again = keras.models.load_model(path, safe_mode=True)
    else:
        again = keras.models.clone_model(model)
        again.set_weights(model.get_weights())
    np.testing.assert_array_equal(value(model(x)), value(again(x)))
    # and a model made from the copy is a model again
    again.save(tmp_path / "again.keras")
    keras.models.load_model(tmp_path / "again.keras")


def test_layer_is_saved(tmp_path: Path) -> None:
    model = keras.Sequential(
        [keras.Input((2,)), ks.layers.StableF(name="f"), keras.layers.Dense(1)]
    )
    model.save(tmp_path / "layer.keras")
    again = keras.models.load_model(tmp_path / "layer.keras")
    x = np.array([[-1e30, 1e30], [0.0, -50.0]])
    np.testing.assert_array_equal(value(model(x)), value(again(x)))
    assert again.get_layer("f").compute_output_shape((None, 2)) == (None, 2)


@AUTODIFF
def test_backward_pass_keeps_only_x() -> None:
    x = np.linspace(-3, 3, 1024).astype("float32")
    if BACKEND == "jax":
        import jax

        _, pull = jax.vjp(ks.ops.stablef, tensor(x))
        kept = [v for v in jax.tree.leaves(pull) if v.size == x.size]
        assert len(kept) == 1
        np.testing.assert_array_equal(np.asarray(kept[0]), x)
    elif BACKEND == "torch":
        import torch

        kept = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t: kept.append(t.detach().cpu().numpy()) or t, lambda t: t
        ):
            ks.ops.stablef(tensor(x).requires_grad_(True))
        assert len(kept) >= 1
        for saved in kept:
            np.testing.assert_array_equal(saved, x)
    else:
        import tensorflow as tf

        t = tensor(x)
        with tf.GradientTape() as tape:
            tape.watch(t)
            y = ks.ops.stablef(t)
        # The tape holds the rule's closure: x, and no other array.
        assert tape.gradient(y, t).shape == x.shape


@pytest.mark.parametrize("order", range(3))
def test_subnormal_x_beside_a_singular_end(order: int) -> None:
    """What `error_bound` says: XLA and TensorFlow read it as 0."""
    op = ks.ops.softplus_inverse.derivative(order)
    subnormal, zero, normal = run(
        op, np.array([1e-40, 0.0, 2.0**-126], "float32")
    )
    assert normal == pytest.approx([-87.33655, 2.0**126, -np.inf][order])
    if BACKEND in ("tensorflow", "jax"):
        assert subnormal == zero
    else:
        assert subnormal == pytest.approx([-92.1034, np.inf, -np.inf][order])


@AUTODIFF
def test_vectorising_maps() -> None:
    x = np.array([-3.0, 0.0, 1.0, 9.0])
    want = [float(exact("stablef", 2, v).mid()) for v in x]
    if BACKEND == "jax":
        import jax

        curve = jax.grad(jax.grad(ks.ops.stablef))
        got = [
            jax.vmap(curve)(tensor(x)),
            jax.numpy.diag(
                jax.hessian(lambda v: ks.ops.stablef(v).sum())(tensor(x))
            ),
            jax.numpy.diag(
                jax.jacfwd(jax.jacrev(lambda v: ks.ops.stablef(v).sum()))(
                    tensor(x)
                )
            ),
        ]
    elif BACKEND == "torch":
        import torch

        curve = torch.func.grad(torch.func.grad(ks.ops.stablef))
        got = [
            torch.func.vmap(curve)(tensor(x)),
            torch.func.hessian(lambda v: ks.ops.stablef(v).sum())(
                tensor(x)
            ).diag(),
            torch.func.jacfwd(
                torch.func.jacrev(lambda v: ks.ops.stablef(v).sum())
            )(tensor(x)).diag(),
        ]
    else:
        import tensorflow as tf

        slope = reverse(ks.ops.stablef)
        mapped = tf.vectorized_map(ks.ops.stablef.derivative(2), tensor(x))
        with tf.GradientTape() as tape:
            t = tensor(x)
            tape.watch(t)
            y = slope(t)
        got = [mapped, tf.linalg.diag_part(tape.jacobian(y, t))]
    for result in got:
        np.testing.assert_allclose(value(result), want, rtol=1e-14)


@pytest.mark.skipif(BACKEND != "torch", reason="torch's own tape")
def test_backward_of_a_compiled_function() -> None:
    import torch

    x = tensor(np.array([-100.0, -3.0, 0.0, 9.0])).requires_grad_(True)
    torch.compile(lambda v: ks.ops.stablef(v) * 2.0, fullgraph=True)(
        x
    ).sum().backward()
    want = 2 * run(ks.ops.stablef.derivative(), value(x.detach()))
    np.testing.assert_array_equal(value(x.grad), want)


@pytest.mark.skipif(BACKEND != "torch", reason="others move tensors")
def test_a_tensor_on_a_cpu_goes_where_keras_computes() -> None:
    """As with its own operations; "meta" stands for a GPU.

    (Of which no gradient comes back: there is nothing to copy.)
    """
    import torch

    x = torch.linspace(-1, 1, 2000).requires_grad_()
    for op in (ks.ops.stablef, ks.ops.log_cosh):
        with keras.device("meta"):
            y = op(x)
        assert y.device.type == "meta" and y.shape == x.shape
        assert y.requires_grad


@pytest.mark.skipif(BACKEND != "tensorflow", reason="ragged is TensorFlow's")
def test_ragged_tensors_keep_their_rows() -> None:
    import tensorflow as tf

    x = tf.ragged.constant([[-1e30, 0.0], [], [1.0]])
    y = ks.ops.stablef(x)
    assert isinstance(y, tf.RaggedTensor)
    np.testing.assert_array_equal(y.row_splits, x.row_splits)
    np.testing.assert_array_equal(y.flat_values, ks.ops.stablef(x.flat_values))
    with tf.GradientTape() as tape:
        tape.watch(x.flat_values)
        total = tf.reduce_sum(ks.ops.stablef(x))
    slope = tape.gradient(total, x.flat_values)
    np.testing.assert_array_equal(
        slope, ks.ops.stablef.derivative()(x.flat_values)
    )


IMPORTED = ["numpy", "jax", "torch", "tensorflow"]


# In a process of its own, whose backend takes seconds to come; in that of
# tests/keras/test_devices.py with every test run.
@pytest.mark.once
@pytest.mark.parametrize("backend", sampled(IMPORTED, 0))
def test_import_is_cheap_and_light(backend: str) -> None:
    """Under 0.2 s over keras; neither sympy nor another backend.

    Of the processor: others may be busy with something else.
    """
    result = subprocess.run(
        [sys.executable, "-c", f"{IMPORT}print(seconds, *sorted(new))\n"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "KERAS_BACKEND": backend},
    )
    seconds, *names = result.stdout.splitlines()[-1].split()
    check_import(float(seconds), names)


@pytest.mark.skipif(BACKEND != "torch", reason="MKL is torch's")
def test_every_function_is_called_on_one_element_first() -> None:
    """In both dtypes; what a process's first call is protected by."""
    import torch

    from keras_stablef import _autodiff
    from keras_stablef.verification import measure

    names = set(measure.FUNCTIONS) - set(measure.ARITHMETIC)
    with torch.profiler.profile() as profile:
        _autodiff._choose_torch_kernels.__wrapped__()
    calls = {e.key: e.count for e in profile.key_averages()}
    assert all(calls.get(f"aten::{name}") == 2 for name in names), calls
