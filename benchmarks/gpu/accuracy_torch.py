"""All 2**32 float32 inputs on torch, eager and compiled, `stablef` first.

In eager mode every op is its kernel (keras_stablef/_triton.py), and in a
compiled program, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

import keras_stablef as ks

from . import worker

BIG = 3.4028234663852886e38
EVERY = 2**32
MODES = ("eager", "compiled")


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


def fast(name: str, order: int, mode: str) -> Callable[..., Any]:
    """The function, as the mode says."""
    op = getattr(ks.ops, name).derivative(order)
    if mode == "eager":
        return op  # type: ignore[no-any-return]
    torch._dynamo.reset()
    return torch.compile(lambda x: op(x), dynamic=False)


def measure(
    todo: list[tuple[str, int, str]],
    make: Callable[[str, int, str], Callable[..., Any]],
    work: worker.Work,
) -> None:
    """A row for each function, order and mode, as far as the time reaches."""
    count = 2**12 if work.quick else 2**25
    step = 2**14 if work.quick else 1
    worker.planned(worker.label(n, k, "float32", m) for n, k, m in todo)
    for name, order, mode in todo:
        op = getattr(ks.ops, name).derivative(order)
        try:
            found = sweep(make(name, order, mode), op, count, step, work)
        except worker.TimeOverError:
            return
        except Exception as error:
            worker.failed(worker.label(name, order, "float32", mode), error)
            continue
        inputs = EVERY // step
        worker.accuracy(name, order, "float32", mode, inputs, *found)


def main() -> None:
    """`stablef` in both modes, the others in eager mode, then compiled."""
    work = worker.Work()
    first, *others = work.names()
    orders = (0, 1) if work.quick else worker.ORDERS
    todo = [(first, k, mode) for mode in MODES for k in orders]
    if work.quick:  # inductor takes seconds
        todo = [row for row in todo if row[1] == 0 or row[2] == MODES[0]]
        todo += [(n, k, MODES[0]) for n in others for k in orders]
    else:
        todo += [(n, k, m) for m in MODES for n in others for k in orders]
    measure(todo, fast, work)


if __name__ == "__main__":
    main()
