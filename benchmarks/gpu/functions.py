"""Elementary functions on the device: what bounds assume, measured.

float32: exp and log on all inputs that a plan may give them, quotients (the
runtime's, and the device's own beside it) on random pairs, roots on all; by
the device's float64.  float64 and 16 bits by the recipe of `make calibrate`.
The rows become tables in FOLDER/measured, which are not assumed before they
are copied to generator/program/measured and the catalogue is derived again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from keras_stablef.generator.calibration import rows as tables
from keras_stablef.generator.calibration import sweep
from keras_stablef.generator.calibration.table import Header
from keras_stablef.generator.calibration.table import write_table

from keras_stablef.runtime.division import quotient
from keras_stablef.runtime.division import square_root
from keras_stablef.verification.inputs import range_of
from keras_stablef.verification.measure import compiled
from keras_stablef.verification.measure import device
from keras_stablef.verification.measure import device_name
from keras_stablef.verification.measure import versions

from . import worker

NEAREST = 0.5 + 2.0**-18  # of quotients and roots, which are corrected
EVERY = 2**32
TABLES = ("float64", "bfloat16", "float16")  # by the recipe of `calibrate`
Run = Callable[..., Any]
# By name: what is run, the same exactly, and what it may be off by; None
# where that is what the tables say.
FUNCTIONS: dict[str, tuple[Run, Run, float | None]] = {
    "exp": (ops.exp, ops.exp, None),
    "log": (ops.log, ops.log, None),
    "sqrt": (lambda x: square_root(x, "float32"), ops.sqrt, NEAREST),
    "divide": (lambda x, y: quotient(x, y, "float32"), ops.divide, NEAREST),
    "the device's own sqrt": (ops.sqrt, ops.sqrt, math.inf),
    "the device's own /": (ops.divide, ops.divide, math.inf),
}
TWO = ("divide", "the device's own /")


def judge(run: Run, exact: Run, low: float, high: float) -> Run:
    """x (and y) -> the worst of a block: ulp, place, underflow.

    Over keras.ops, so that it is one text for both backends; the unit of
    float64 values by their bits, since keras.ops has no frexp.
    """

    def block(*given: Any) -> Any:
        got = ops.cast(run(*given), "float64")
        wide = [ops.cast(v, "float64") for v in given]
        want = exact(*wide)
        size = ops.abs(want)
        normal = ops.logical_and(size >= 2.0**-126, size < 2.0**127)
        unit = power_below(ops.where(normal, size, 1.0)) * 2.0**-23
        off = ops.abs(got - want)
        inside = ops.logical_and(wide[0] >= low, wide[0] <= high)
        ulp = ops.where(ops.logical_and(inside, normal), off / unit, 0.0)
        tiny = ops.logical_and(inside, size < 2.0**-126)
        under = ops.where(tiny, off * 2.0**126, 0.0)
        k = ops.argmax(ulp)
        worst = [ops.take(v, k) for v in (ulp, *wide)]
        return ops.stack([ops.max(under), *worst])

    return block


def power_below(size: Any) -> Any:
    """The power of two at or below normal float64 numbers, by their bits."""
    if keras.backend.backend() == "torch":
        import torch

        bits = size.view(torch.int64) & (2047 << 52)
        return bits.view(torch.float64)
    import jax

    bits = jax.lax.bitcast_convert_type(size, "int64") & (2047 << 52)
    return jax.lax.bitcast_convert_type(bits, "float64")


def blocks(name: str, work: worker.Work, count: int) -> Iterator[list[Any]]:
    """Tensors of float32: all of them, or random pairs."""
    if name in TWO:
        rng = np.random.default_rng(2026)
        for _ in range(1 if work.quick else 16):
            sizes = np.exp2(rng.integers(-60, 60, (2, count)))
            pair = (rng.uniform(1, 2, (2, count)) * sizes).astype("float32")
            yield [ops.convert_to_tensor(v) for v in pair]
        return
    step = 2**12 if work.quick else 1
    for start in range(0, EVERY, count * step):
        bits = start + step * np.int64(1) * ops.arange(count, dtype="int64")
        bits = ops.where(bits >= 2**31, bits - 2**32, bits)
        bits = ops.cast(bits, "int32")
        if work.backend == "torch":
            import torch

            yield [bits.view(torch.float32)]
        else:
            import jax

            yield [jax.lax.bitcast_convert_type(bits, "float32")]


def kernel(name: str) -> Run:
    """exp or log as the kernels of ops call it."""
    import copied
    import torch

    made = getattr(copied, name)

    def run(x: Any) -> Any:
        y = torch.empty_like(x)
        made[(-(-x.numel() // 1024),)](x, y, x.numel(), 1024)
        return y

    return run


def measured(name: str, mode: str, work: worker.Work) -> dict[str, Any]:
    """One function in one mode."""
    run, exact, _ = FUNCTIONS[name]
    count = 2**16 if work.quick else 2**24
    low, high = range_of("log", "float32")
    if name in ("exp", "log"):
        low, high = range_of(name, "float32")
    # The judge runs as the backend likes; what is judged, as `mode` says.
    fast = kernel(name) if mode == "kernel" else compiled(run, mode)
    block = judge(fast, exact, low, high)
    if work.backend == "jax":
        block = compiled(judge(run, exact, low, high), "jit")
    found, tried = [], 0
    for given in blocks(name, work, count):
        work.look()
        found.append(block(*given))
        tried += count
    parts = [np.asarray(ops.convert_to_numpy(v)) for v in found]
    table = np.stack(parts)
    worst = table[table[:, 1].argmax()]
    return {
        "worst": max(math.ceil(float(worst[1]) * 1e6) / 1e6, 0.5),
        "rounded": "up",
        "at": [float(v) for v in worst[2:]],
        "underflow": float(table[:, 0].max()),
        "inputs": tried,
        "exhaustive": name not in TWO and not work.quick,
    }


def others(work: worker.Work, folder: Path) -> None:
    """float64 and 16 bits: the tables of `make calibrate`."""
    kind = tables.DEVICES[work.backend] if work.device == "cuda" else "cpu"
    for dtype in TABLES[-1:] if work.quick else TABLES:
        if work.is_over():
            return
        header = Header(
            work.backend, kind, device_name(kind), dtype, versions()
        )
        found = {}
        for name in ("cast",) if work.quick else sweep.names(dtype):
            found[name] = sweep.row_of(name, dtype, lambda k: None)
        path = write_table(header, found, folder)
        worst = {name: row.ulp for name, row in found.items()}
        worker.say(
            label=f"table of {dtype}",
            kind="table",
            file=path.name,
            worst=worst,
            ok=True,
        )


def main() -> None:
    """A row for each function and mode, and the tables."""
    work = worker.Work()
    if work.backend == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
    from keras_stablef._derived import assumed_errors

    assumed = assumed_errors("float32")
    modes = ("jit",) if work.backend == "jax" else ("eager", "jit")
    names = list(FUNCTIONS)[: 2 if work.quick else None]
    todo = [(name, mode) for name in names for mode in modes]
    if work.backend == "torch" and work.device == "cuda":
        todo += [("exp", "kernel"), ("log", "kernel")]
    worker.planned(
        [f"{name}, {mode}" for name, mode in todo]
        + [f"table of {d}" for d in (TABLES[-1:] if work.quick else TABLES)]
    )
    folder = Path(work.out) / "measured"
    kept = []
    with device("gpu" if work.device == "cuda" else "cpu"):
        for name, mode in todo:
            try:
                row = measured(name, mode, work)
            except worker.TimeOverError:
                break
            except Exception as error:
                worker.failed(f"{name}, {mode}", error)
                continue
            most = FUNCTIONS[name][2]
            most = float(assumed.ulp(name)) if most is None else most
            row |= {"name": name, "mode": mode, "backend": work.backend}
            row |= {"kind": "prim", "label": f"{name}, {mode}"}
            row |= {"assumed": most if most < math.inf else None}
            kept.append(row)
            worker.say(**row, ok=row["worst"] <= most)
        if work.device == "cuda":
            name = device_name(tables.DEVICES[work.backend])
            tables.write(kept, work.backend, name, versions(), folder)
        try:
            others(work, folder)
        except Exception as error:
            worker.failed("tables", error)


if __name__ == "__main__":
    main()
