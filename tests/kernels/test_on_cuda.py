"""The same on a GPU, where there is one: kernels against bodies, bit by bit.

torch's own operations contract nothing, and divide and take roots correctly
rounded there, so a body run one by one is what its kernel has to be.
"""

from __future__ import annotations

from typing import Any

import interpreted
import judge
import numpy as np
import pytest
import torch

import keras_stablef as ks
from keras_stablef._exact import assumed_errors
from keras_stablef._shipped import NAMES
from keras_stablef._shipped import shipped

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no GPU with CUDA"
)
DEVICE = "cuda"
MANY = 2**24
WHOLE = {"float32": torch.int32, "float64": torch.int64}


def bits(count: int, dtype: str) -> Any:
    """Floats of every magnitude, some of them nan."""
    generator = torch.Generator(DEVICE).manual_seed(2026)
    whole = WHOLE[dtype]
    info = torch.iinfo(whole)
    return torch.randint(
        info.min,
        info.max,
        (count,),
        dtype=whole,
        device=DEVICE,
        generator=generator,
    ).view(getattr(torch, dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_kernel_is_the_body(name: str, dtype: str) -> None:
    op = getattr(ks.ops, name)
    for order in range(3):
        near = torch.from_numpy(interpreted.inputs(name, dtype, order))
        x = torch.cat([near.to(DEVICE), bits(MANY, dtype)])
        kernel = op.derivative(order)(x)
        body = shipped(name).bodies[dtype][order](x)
        other = kernel.view(WHOLE[dtype]) != body.view(WHOLE[dtype])
        other &= ~(kernel.isnan() & body.isnan()) & x.isfinite()
        if not other.any():
            continue
        text = interpreted.text_of(name, dtype, order)
        assert any(f"{word}(" in text for word in ("exp", "log", "root"))
        bound = shipped(name).bounds[dtype][order]
        xs, got = (t[other][:2000].cpu().numpy() for t in (x, kernel))
        error, place = judge.worst(name, order, dtype, xs, got)
        assert error <= bound, (order, place)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", NAMES)
def test_16_bits_are_rounded_once(name: str, dtype: str) -> None:
    """All 65,536 inputs."""
    every = torch.arange(-(2**15), 2**15, device=DEVICE).to(torch.int16)
    x = every.view(getattr(torch, dtype))
    for order in range(3):
        got = getattr(ks.ops, name).derivative(order)(x)
        wide = x.to(torch.float32)
        # Rounded once of what the kernel has in float32.
        wanted = getattr(ks.ops, name).derivative(order)(wide).to(x.dtype)
        same = got.view(torch.int16) == wanted.view(torch.int16)
        assert bool((same | (got.isnan() & wanted.isnan())).all())


def test_exponentials_are_as_good_as_assumed() -> None:
    """libdevice's, as kernels call it: the two that a bound rests on."""
    import copied

    assumed = assumed_errors("float32")
    for function in ("exp", "log"):
        x = bits(MANY, "float32").abs()
        x = x[(x > 2.0**-20) & (x < 80)]
        y = torch.empty_like(x)
        kernel = getattr(copied, function)
        kernel[(-(-len(x) // 1024),)](x, y, len(x), 1024)
        exact = getattr(torch, function)(x.to(torch.float64))
        unit = np.spacing(np.abs(exact.to(torch.float32).cpu().numpy()))
        off = (y.to(torch.float64) - exact).abs().cpu().numpy() / unit
        assert off.max() <= assumed.ulp(function), (function, off.max())


def test_a_cuda_graph_replays_kernels() -> None:
    op = ks.ops.exprel
    x = torch.linspace(-3, 3, 2**12, device=DEVICE, dtype=torch.float64)
    wanted = op(x.neg())
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        op(x)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y = op(x)
    x.neg_()
    graph.replay()
    assert torch.equal(y, wanted)


def test_compiled_by_inductor() -> None:
    op = ks.ops.exprel
    x = torch.linspace(-3, 3, 2**12, device=DEVICE, requires_grad=True)
    compiled = torch.compile(lambda v: 2 * op(v) + 1, fullgraph=True)
    y = compiled(x)
    assert torch.equal(y, 2 * op(x) + 1)
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(slope, 2 * op.derivative()(x.detach()))
