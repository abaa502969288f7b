"""Forward and backward on torch: eager, as Keras runs it, and compiled.

`stablef` beside sigmoid, and beside copies of the same bytes: forward reads x
and writes y; backward reads x (sigmoid: y) and the gradient, and writes one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from keras_stablef.generator.formula.catalogue import load_catalogue
from speed import inputs
from speed import textbook

import keras_stablef as ks

from . import clock
from . import worker

DTYPES = ("float32", "bfloat16")
Function = Callable[[Any], Any]


def wait(result: Any) -> None:
    """Until the device is done."""
    del result
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def both(f: Function, x: torch.Tensor) -> Callable[[], Any]:
    """Forward, and backward with a gradient that is there."""
    x = x.detach().requires_grad_()
    ones = torch.ones_like(x)

    def run() -> Any:
        y = f(x)
        return torch.autograd.grad(y, x, ones)

    return run


def compiled(f: Function) -> Function:
    """With a lambda of its own: dynamo caches by code object."""
    made: Function = torch.compile(lambda v: f(v), dynamic=False)
    return made


def copies(x: torch.Tensor) -> Callable[[], Any]:
    """As many bytes as forward and backward move: five of x's."""
    source = torch.zeros(5 * x.numel() // 2, dtype=x.dtype, device=x.device)
    target = torch.empty_like(source)
    return lambda: target.copy_(source)


def flagship(x: torch.Tensor, dtype: str, mode: str) -> None:
    """stablef, sigmoid, and memory alone."""
    table = {"stablef": ks.ops.stablef, "sigmoid": torch.sigmoid}
    if mode == "compiled":
        torch._dynamo.reset()
        table = {name: compiled(f) for name, f in table.items()}
    calls = {name: both(f, x) for name, f in table.items()}
    calls["copy"] = copies(x)
    times = clock.rounded(clock.medians(calls, wait))
    worker.say(
        label=f"stablef, {dtype}, {mode}",
        kind="flagship",
        dtype=dtype,
        mode=mode,
        size=x.numel(),
        ok=True,
        **times,
    )


def main() -> None:
    """A row for each function and dtype."""
    work = worker.Work()
    size = 2**12 if work.quick else 2**24
    wanted = work.names()
    entries = [e for e in load_catalogue() if e.name in wanted]
    dtypes = DTYPES[:1] if work.quick else DTYPES
    modes = ("eager", "compiled")
    worker.planned(
        [f"stablef, {d}, {m}" for m in modes for d in dtypes]
        + [f"{e.name}, {d}, eager f+b" for d in dtypes for e in entries]
    )
    made: dict[tuple[str, str], Any] = {}
    beside = [("float32", "eager"), ("float32", "compiled")]
    if not work.quick:
        beside += [("bfloat16", "eager"), ("bfloat16", "compiled")]
    for dtype, mode in beside:
        if work.is_over():
            return
        many = torch.randn(
            size if work.quick else 2**26, device=work.device
        ).to(getattr(torch, dtype))
        try:
            flagship(many, dtype, mode)
        except Exception as error:
            worker.failed(f"stablef, {dtype}, {mode}", error)
    for dtype in dtypes:
        for entry in entries:
            if work.is_over():
                return
            if entry.domain not in made:
                made[entry.domain] = torch.from_numpy(
                    inputs(entry.domain, size)
                ).to(work.device)
            x = made[entry.domain].to(getattr(torch, dtype))
            about = f"{entry.name}, {dtype}, eager f+b"
            calls = {
                "ours": both(getattr(ks.ops, entry.name), x),
                "textbook": both(textbook(entry.formula), x),
            }
            try:
                first = {}
                for name, call in calls.items():
                    start = time.perf_counter()
                    wait(call())
                    first[name] = time.perf_counter() - start
                times = clock.medians(calls, wait)
            except Exception as error:
                worker.failed(about, error)
                continue
            worker.say(
                label=about,
                kind="catalogue",
                name=entry.name,
                dtype=dtype,
                mode="eager f+b",
                ratio=round(times["ours"] / times["textbook"], 3),
                first=round(first["ours"], 2),
                textbook_first=round(first["textbook"], 2),
                ok=True,
                **clock.rounded(times),
            )


if __name__ == "__main__":
    main()
