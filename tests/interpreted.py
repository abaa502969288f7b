"""What runs in a process of Triton's interpreter: kernels on a CPU.

Triton asks TRITON_INTERPRET when it is imported, and compilers of torch would
not work there: so in a process of its own, which the fixture `interpreter` of
tests/kernels starts.  Functions return what is to be judged, or assert.
"""

from __future__ import annotations

import ast
import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import points
import torch

import keras_stablef as ks
from keras_stablef import _triton
from keras_stablef._shipped import shipped

Array = np.ndarray
FOLDER = Path(ks.__file__).parent / "kernels"
FEW = 60  # seams of a table that are looked at
# NumPy, which interprets, says what is infinite.
warnings.filterwarnings("ignore", category=RuntimeWarning)


def text_of(name: str, dtype: str, order: int) -> str:
    """The device function of a body."""
    path = FOLDER / f"{name}.py"
    source = path.read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if getattr(node, "name", "") == f"{name}_{order}_{dtype}":
            found = ast.get_source_segment(source, node)
            assert found is not None
            return found
    raise LookupError(name)


def literals(name: str, dtype: str, order: int) -> list[float]:
    """The numbers that a kernel compares with, clips to and computes with."""
    nodes = ast.walk(ast.parse(text_of(name, dtype, order)))
    values = [n.value for n in nodes if isinstance(n, ast.Constant)]
    return sorted({v for v in values if type(v) is float})


def seams(name: str, dtype: str, order: int) -> list[float]:
    """Some of the places where one row of a table ends."""
    rows = getattr(
        shipped(name).module, f"{name}_{order}_{dtype}".upper(), None
    )
    if rows is None:
        return []
    found = rows[0]
    if hasattr(found, "scale"):
        ends = [i for i, r in enumerate(found.rows) if r != found.rows[i - 1]]
        found = [(found.first + i) / found.scale for i in ends]
    return list(found[:: max(1, len(found) // FEW)])


def inputs(name: str, dtype: str, order: int) -> Array:
    """Both signs of all magnitudes, edges, seams and what is beside them."""
    places = literals(name, dtype, order) + seams(name, dtype, order)
    most = float(np.finfo(dtype).max)
    near = [points.neighbours(p, dtype, 2) for p in places if abs(p) <= most]
    xs = np.concatenate([points.sample(dtype, (), 100), *near])
    ends = np.array([0, np.inf, np.nan], dtype)
    return np.unique(np.concatenate([xs, -xs, ends, -ends]))


def differing(name: str, dtype: str, order: int) -> tuple[Array, Array, Array]:
    """Where the kernel is not bit by bit the body: x, kernel, body."""
    xs = inputs(name, dtype, order)
    x = torch.from_numpy(xs)
    kernel = _triton.launch(x, name, dtype, order).numpy()
    body = shipped(name).bodies[dtype][order](x).numpy()
    whole = {"float32": np.int32, "float64": np.int64}[dtype]
    other = kernel.view(whole) != body.view(whole)
    other &= ~(np.isnan(kernel) & np.isnan(body))
    return xs[other], kernel[other], body[other]


def narrow(name: str, dtype: str, order: int) -> int:
    """How many of 9363 inputs of 16 bits the kernel rounds in another way."""
    bits = torch.arange(-(2**15), 2**15, 7).to(torch.int16)
    x = bits.view(getattr(torch, dtype))
    op = getattr(ks.ops, name).derivative(order)
    body = op(x)
    with kernels() as calls:
        kernel = op(x)
    assert calls == [(name, "float32", order)]
    same = kernel.view(torch.int16) == body.view(torch.int16)
    return int((~(same | (kernel.isnan() & body.isnan()))).sum())


def rounded() -> dict[str, int]:
    """How many float32 are stored in 16 bits as a cast would not have it."""
    import copied

    every = torch.arange(2**16).to(torch.int32) * 2**16
    # Ties, and what is beside them; and others.
    bits = [every + 0x7FFF, every + 0x8000, every + 0x8001, every + 0x1000]
    x = torch.cat(bits).view(torch.float32)
    found = {}
    for dtype in (torch.bfloat16, torch.float16):
        y = torch.empty_like(x, dtype=dtype)
        copied.copy[(len(x) // 2**12,)](x, y, len(x), 2**12)
        same = y.view(torch.int16) == x.to(dtype).view(torch.int16)
        found[str(dtype)] = int((~(same | (y.isnan() & x.isnan()))).sum())
    return found


@contextlib.contextmanager
def kernels() -> Iterator[list[Any]]:
    """Kernels take tensors on the CPU; yields those that were launched."""
    calls: list[Any] = []
    real = _triton.launch

    def counted(x: Any, *which: Any) -> Any:
        calls.append(which)
        return real(x, *which)

    _triton.launch = counted
    _triton.on_cpu(True)
    try:
        yield calls
    finally:
        _triton.launch = real
        _triton.on_cpu(False)


def shapes() -> None:
    """Any shape and strides, which the result has, too."""
    op = ks.ops.exprel
    whole = torch.linspace(-3, 3, 600).reshape(6, 10, 10)
    for x in (
        torch.tensor(0.5),
        torch.empty(0, 3),
        torch.ones(3, 1).expand(3, 4),
        whole.transpose(0, 2),
        whole[:, ::2],
        whole.permute(1, 2, 0)[..., 1:],
        whole[1:].to(torch.float64),
    ):
        body = op(x)
        with kernels() as calls:
            y = op(x)
        assert len(calls) == 1 and torch.equal(y, body)
        assert y.shape == x.shape and y.dtype == x.dtype
        assert y.stride() == torch.empty_like(x).stride()


def derivatives() -> None:
    """Reverse, forward, nested and mapped: f' and f'' are kernels too."""
    op = ks.ops.exprel
    func = torch.func
    x = torch.linspace(-3, 3, 50)
    slope, second = (op.derivative(k)(x) for k in (1, 2))
    third = func.vmap(func.grad(func.grad(func.grad(op))))(x)

    def reverse(v: Any) -> Any:
        return torch.autograd.grad(op(v).sum(), v)[0]

    def nested(v: Any) -> Any:
        (first,) = torch.autograd.grad(op(v).sum(), v, create_graph=True)
        return torch.autograd.grad(first.sum(), v)[0]

    ways = (
        (reverse, slope, {0, 1}),
        (nested, second, {0, 1, 2}),
        (func.vmap(func.grad(op)), slope, {0, 1}),
        (lambda v: func.jvp(op, (v,), (v * 0 + 1,))[1], slope, {0, 1}),
        (func.vmap(func.hessian(op)), second, {0, 1, 2}),
        (func.vmap(func.grad(func.grad(func.grad(op)))), third, {0, 1, 2}),
    )
    for way, wanted, orders in ways:
        with kernels() as calls:
            got = way(x.clone().requires_grad_())
        assert torch.allclose(got.detach(), wanted, rtol=1e-6, atol=0)
        assert {call[2] for call in calls} == orders


def graphs() -> None:
    """Compiled and exported programs have the operation."""
    op = ks.ops.exprel
    x = torch.linspace(-3, 3, 50)
    body, slope = op(x), op.derivative()(x)

    class Module(torch.nn.Module):
        def forward(self, v: Any) -> Any:
            return op(v)

    with kernels() as calls:
        compiled = torch.compile(op, fullgraph=True, backend="aot_eager")
        v = x.clone().requires_grad_()
        y = compiled(v)
        assert torch.equal(y.detach(), body)
        assert torch.equal(torch.autograd.grad(y.sum(), v)[0], slope)
        assert {call[2] for call in calls} == {0, 1}
        exported = torch.export.export(Module(), (x,))
    target = torch.ops.keras_stablef.kernel.default
    assert target in [node.target for node in exported.graph.nodes]
    y = exported.module()(v)
    assert torch.equal(y.detach(), body)
    # Its derivative is the operation's own rule.
    assert torch.equal(torch.autograd.grad(y.sum(), v)[0], slope)


def checked() -> None:
    """What torch asks of an operation: schema, fakes, autograd, tracing."""
    for dtype, compute in (("float32",) * 2, ("bfloat16", "float32")):
        x = torch.rand(3, 5).to(getattr(torch, dtype)).requires_grad_()
        for order in range(3):
            arguments = x, "exprel", compute, order
            torch.library.opcheck(_triton.operation(), arguments)


def derived() -> None:
    """A function that is derived on demand has kernels, too."""
    op = ks.stabilize("log(1+x)/x", (-1, "oo"))
    for dtype in (torch.float32, torch.float64):
        x = torch.linspace(-0.9, 40, 500, dtype=dtype)
        for order in (0, 1):
            body = op.derivative(order)(x)
            with kernels() as calls:
                y = op.derivative(order)(x)
            assert torch.equal(y, body)
            assert [call[2] for call in calls] == [order]
