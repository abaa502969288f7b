"""All 2**32 float32 inputs on torch, eager and compiled, `stablef` first.

In eager mode every op is its kernel (keras_stablef/_triton.py), and in a
compiled program, too; what a module that `op.save` wrote becomes there is
inductor's own, and `stablef` is looked at as that, too.  Then the others, as
far as the time reaches.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import keras_stablef as ks

from . import worker

BIG = 3.4028234663852886e38
EVERY = 2**32
SAVED = ("stablef", "exprel", "log1prel", "two_frac")  # pairs, in three of them


def inputs(start: int, count: int, step: int, device: str) -> torch.Tensor:
    """`count` float32 from a bit pattern on, every `step`-th."""
    bits = start + step * torch.arange(count, device=device)
    bits = torch.where(bits >= 2**31, bits - 2**32, bits)
    return bits.to(torch.int32).view(torch.float32)


def errors(
    x: torch.Tensor, y: torch.Tensor, r: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """In ulp of r, which is float64, as y is; and where one is nan alone."""
    size = r.abs()
    e = torch.frexp(size)[1].clamp(min=-125) - 1
    off = (y - r).abs() / torch.ldexp(torch.ones_like(r), e - 23)
    near = (y.abs() - BIG).abs() < BIG * 2.0**-22
    beyond = torch.isinf(y) & (torch.sign(y) == torch.sign(r)) | near
    low = (size < 2.0**-126) & (y == 0)  # flushed
    subnormal = (x.abs() < 2.0**-126) & (x != 0)
    right = (size > BIG) & beyond | low | torch.isinf(r) & (y == r)
    off = torch.where(right | subnormal, 0.0, off).nan_to_num(0.0)
    return off, (torch.isnan(y) != torch.isnan(r)) & ~subnormal


def sweep(
    fast: Callable[[Any], Any],
    exact: Callable[[Any], Any],
    count: int,
    step: int,
    work: worker.Work,
) -> tuple[tuple[float, float, float], int]:
    """The worst of all inputs, and how many are nan or not by mistake."""
    found, wrong = [], torch.zeros((), dtype=torch.int64, device=work.device)
    for start in range(0, EVERY, count * step):
        work.look()
        x = inputs(start, count, step, work.device)
        y = fast(x).double()
        off, bad = errors(x, y, exact(x.double()))
        wrong += bad.sum()
        i = off.argmax()
        found.append(torch.stack([off[i], x[i].double(), y[i]]))
    table = torch.stack(found)
    worst = table[table[:, 0].argmax()].tolist()
    return (worst[0], worst[1], worst[2]), int(wrong)


def saved(name: str, order: int, folder: Path) -> Callable[[Any], Any]:
    """The function of a module that `op.save` wrote."""
    module = f"saved_{name}"
    if not (folder / f"{module}.py").exists():
        getattr(ks.ops, name).save(folder / f"{module}.py", "float32")
        sys.path.insert(0, str(folder))
    made = getattr(importlib.import_module(module), name)
    return lambda x: made(x, order=order)


def fast(name: str, order: int, mode: str, folder: Path) -> Callable[..., Any]:
    """The function, as the mode says."""
    op = getattr(ks.ops, name).derivative(order)
    if mode == "eager":
        return op  # type: ignore[no-any-return]
    torch._dynamo.reset()
    if mode == "compiled":
        return torch.compile(lambda x: op(x), dynamic=False)
    module = saved(name, order, folder)
    return torch.compile(lambda x: module(x), dynamic=False)


def main() -> None:
    """A row for each function, order and mode."""
    work = worker.Work()
    count = 2**12 if work.quick else 2**25
    step = 2**14 if work.quick else 1
    names = work.names()
    flagship, others = names[:1], names[1:]
    modes = ("eager", "compiled", "saved and compiled")
    todo = [(n, k, m) for n in flagship for m in modes for k in worker.ORDERS]
    todo += [
        (n, k, modes[2]) for n in SAVED if n in others for k in worker.ORDERS
    ]
    todo += [(n, k, modes[0]) for n in others for k in worker.ORDERS]
    todo += [(n, k, modes[1]) for n in others for k in worker.ORDERS]
    if work.quick:
        # inductor takes seconds for a body of ours on a CPU
        todo = [(n, k, modes[0]) for n in names for k in (0, 1)]
        todo += [(flagship[0], 0, m) for m in modes[1:]]
    worker.planned(worker.label(n, k, "float32", m) for n, k, m in todo)
    with tempfile.TemporaryDirectory() as folder:
        for name, order, mode in todo:
            op = getattr(ks.ops, name).derivative(order)
            try:
                ours = fast(name, order, mode, Path(folder))
                found = sweep(ours, op, count, step, work)
            except worker.TimeOverError:
                break
            except Exception as error:
                about = worker.label(name, order, "float32", mode)
                worker.failed(about, error)
                continue
            inputs = EVERY // step
            worker.accuracy(name, order, "float32", mode, inputs, *found)


if __name__ == "__main__":
    main()
