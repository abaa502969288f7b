"""All inputs of the formats of 16 and 8 bits, on torch or JAX.

The op in the format against itself in float64 on the device.  torch runs its
kernels for 16 bits, and operations one by one for float8; the rounding itself
is tried compiled, too, which inductor once had wrong for float8_e5m2.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import ml_dtypes
import numpy as np

import keras_stablef as ks
from keras_stablef.verification.measure import compiled

from . import worker

FORMATS = ("bfloat16", "float16", "float8_e4m3fn", "float8_e5m2")
Array = np.ndarray


def kind(dtype: str) -> Any:
    """NumPy's type."""
    return np.float16 if dtype == "float16" else getattr(ml_dtypes, dtype)


def every(dtype: str) -> Array:
    """All floats of a format."""
    bits = 8 if dtype.startswith("float8") else 16
    return np.arange(2**bits, dtype=f"uint{bits}").view(kind(dtype))


def placed(x: Array, dtype: str, device: str) -> Any:
    """On the device, by the bits where the backend knows no such array."""
    if keras.backend.backend() != "torch":
        return keras.ops.convert_to_tensor(x, dtype=dtype)
    import torch

    if dtype != "float64":
        bits = torch.from_numpy(x.view(f"int{8 * x.dtype.itemsize}"))
        return bits.view(getattr(torch, dtype)).to(device)
    return torch.from_numpy(x).to(device)


def fetched(y: Any) -> Array:
    """As float64; every narrow float is one of those."""
    y = keras.ops.cast(y, "float64")
    return np.asarray(keras.ops.convert_to_numpy(y))


def errors(y: Array, r: Array, x: Array, dtype: str) -> tuple[Array, Array]:
    """In ulp of r; and where one is nan or infinite by mistake."""
    info = ml_dtypes.finfo(kind(dtype))
    low, big = float(info.smallest_normal), float(info.max)
    precision = info.nmant
    with np.errstate(all="ignore"):
        size = np.abs(r)
        e = np.maximum(np.frexp(size)[1] - 1, np.frexp(low)[1] - 1)
        unit = np.ldexp(1.0, e - precision)
        off = np.abs(y - r) / unit
    # What rounds to more than the largest: infinite, nan or the largest.
    beyond = (size > big) & (
        np.isinf(y) & (np.sign(y) == np.sign(r)) | (np.abs(y) == big)
    )
    if dtype == "float8_e4m3fn":
        beyond |= (size > big) & np.isnan(y)
    flushed = (size < low) & (y == 0)
    x = x.astype(np.float64)
    subnormal = (np.abs(x) < 2.0**-126) & (x != 0)  # read as 0 by XLA
    fine = beyond | flushed | subnormal | (np.isinf(r) & (y == r))
    off = np.where(fine, 0.0, off)
    wrong = (np.isnan(y) != np.isnan(r)) & ~fine
    return np.nan_to_num(off, nan=0.0, posinf=1e9), wrong


def measured(
    name: str, order: int, dtype: str, mode: str, run: Callable[..., Any],
    device: str,
) -> tuple[tuple[float, float, float], int]:  # fmt: skip
    """The worst, and how many are nan by mistake."""
    x = every(dtype)
    y = fetched(run(placed(x, dtype, device)))
    op = getattr(ks.ops, name).derivative(order)
    wide = x.astype(np.float64)
    r = fetched(op(placed(wide, "float64", device)))
    off, wrong = errors(y, r, x, dtype)
    k = int(off.argmax())
    return (float(off[k]), float(wide[k]), float(y[k])), int(wrong.sum())


def rounding(dtype: str, device: str) -> int:
    """How many float32 a compiled cast rounds otherwise than ml_dtypes."""
    import torch

    x = every(dtype).astype(np.float32)
    x = np.sort(x[np.isfinite(x)])
    middles = x[:-1] / 2 + x[1:] / 2
    x = np.concatenate([x, middles, np.nextafter(middles, np.float32(1e9))])
    wanted = x.astype(kind(dtype)).astype(np.float64)
    to = getattr(torch, dtype)
    cast = torch.compile(lambda t: t.to(to).to(torch.float64), fullgraph=True)
    return int((fetched(cast(placed32(x, device))) != wanted).sum())


def placed32(x: Array, device: str) -> Any:
    """float32 on torch's device."""
    import torch

    return torch.from_numpy(x).to(device)


def main() -> None:
    """A row for each function, order and format."""
    work = worker.Work()
    jit = "jit" if work.backend == "jax" else "eager"
    if work.backend == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
    todo = [
        (n, k, d) for d in FORMATS for n in work.names() for k in worker.ORDERS
    ]
    if work.quick:
        todo = [(n, k, d) for n, k, d in todo if k == 0 and n == "stablef"]
    worker.planned(worker.label(n, k, d, jit) for n, k, d in todo)

    def one(task: tuple[str, int, str]) -> Any:
        name, order, dtype = task
        work.look()
        op = getattr(ks.ops, name).derivative(order)
        run = compiled(op, "jit") if jit == "jit" else op
        return measured(name, order, dtype, jit, run, work.device)

    # JAX compiles, which takes most of the time; torch has nothing to wait for.
    pool = ThreadPoolExecutor(work.workers(6) if jit == "jit" else 1)
    for task, job in [(t, pool.submit(one, t)) for t in todo]:
        name, order, dtype = task
        try:
            found = job.result()
        except worker.TimeOverError:
            break
        except Exception as error:
            worker.failed(worker.label(name, order, dtype, jit), error)
            continue
        inputs = len(every(dtype))
        worker.accuracy(name, order, dtype, jit, inputs, *found)
    if work.backend == "torch" and not work.is_over():
        for dtype in FORMATS[:2] if work.quick else FORMATS:
            about = f"a cast to {dtype}, compiled"
            try:
                wrong = rounding(dtype, work.device)
            except Exception as error:
                worker.failed(about, error)
                continue
            worker.say(label=about, kind="cast", wrong=wrong, ok=not wrong)
    worker.leave()


if __name__ == "__main__":
    main()
