"""Shipped ops on a GPU: all float32 inputs against float64, and speed.

    KERAS_BACKEND=jax python benchmarks/gpu.py accuracy > rows.jsonl
    KERAS_BACKEND=torch python benchmarks/gpu.py accuracy >> rows.jsonl
    KERAS_BACKEND=jax python benchmarks/gpu.py speed >> rows.jsonl
    python benchmarks/gpu.py document rows.jsonl > docs/gpu-sweep-DEVICE.md

Minutes, and nothing but the package and a backend: `make gpu` judges by ball
arithmetic from the formula, and takes hours.

JAX: every op, f, f' and f'', jitted, on all 2**32 inputs.  torch: `stablef`
eager and compiled on all of them, a few others on 2**27.  What is judged is
the op in float32, by the op in float64 on the same device, whose own bound is
2**-29 of a float32 ulp.  Speed: milliseconds of forward and forward+backward,
ours over the textbook formula in one run.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import as_completed
from pathlib import Path
from typing import Any

CHUNK = 2**25
EVERY = 2**32
BIG = 3.4028234663852886e38
SOME = ("log1prel", "log_exprel", "exprel", "two_sqrt", "pseudo_huber")
Row = dict[str, Any]


def names() -> list[str]:
    import keras_stablef as ks

    return list(ks.ops.__all__)


def jax_accuracy() -> Iterator[Row]:
    """All rows on all inputs."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    import keras_stablef as ks

    jax.config.update("jax_enable_x64", True)

    def made(name: str, order: int) -> Any:
        op = getattr(ks.ops, name).derivative(order)

        def chunk(start: Any) -> Any:
            bits = start + jnp.arange(CHUNK, dtype=jnp.uint32)
            x = jax.lax.bitcast_convert_type(bits, jnp.float32)
            x = jax.lax.optimization_barrier(x)
            y = jax.lax.optimization_barrier(op(x)).astype(jnp.float64)
            r = op(x.astype(jnp.float64))
            size = jnp.abs(r)
            e = jnp.maximum(jnp.frexp(size)[1] - 1, -126)
            off = jnp.abs(y - r) / jnp.ldexp(jnp.float64(1), e - 23)
            near = jnp.abs(jnp.abs(y) - BIG) < BIG * 2.0**-22
            beyond = jnp.isinf(y) & (jnp.sign(y) == jnp.sign(r)) | near
            low = (size < 2.0**-126) & (y == 0)  # flushed
            subnormal = (jnp.abs(x) < 2.0**-126) & (x != 0)
            right = (size > BIG) & beyond | low | jnp.isinf(r) & (y == r)
            off = jnp.where(right | subnormal, 0.0, off)
            bad = (jnp.isnan(y) != jnp.isnan(r)) & ~subnormal
            off = jnp.where(jnp.isnan(off), 0.0, off)
            i = jnp.argmax(off)
            return off[i], x[i], jnp.sum(bad)

        start = jax.ShapeDtypeStruct((), jnp.uint32)
        return jax.jit(chunk).lower(start).compile()

    with ThreadPoolExecutor(8) as pool:
        jobs = {
            pool.submit(made, name, k): (name, k)
            for name in names()
            for k in (0, 1, 2)
        }
        for done in as_completed(jobs):
            name, order = jobs[done]
            run = done.result()
            worst, at, bad = 0.0, 0.0, 0
            for start in range(0, EVERY, CHUNK):
                off, x, wrong = run(np.uint32(start))
                bad += int(wrong)
                if float(off) > worst:
                    worst, at = float(off), float(x)
            yield row(name, order, "jit", EVERY, worst, at, bad)


def torch_accuracy() -> Iterator[Row]:
    """`stablef` on all inputs, others on some, eager and compiled."""
    import torch

    import keras_stablef as ks

    def measure(name: str, order: int, mode: str, count: int) -> Row:
        op = getattr(ks.ops, name).derivative(order)
        fast: Callable[..., Any] = op
        if mode == "compiled":
            torch._dynamo.reset()
            fast = torch.compile(op, dynamic=False)
        worst, at, bad = 0.0, 0.0, 0
        step = EVERY // count
        for start in range(0, EVERY, CHUNK * step):
            bits = start + step * torch.arange(CHUNK, device="cuda")
            bits = torch.where(bits >= 2**31, bits - 2**32, bits)
            x = bits.to(torch.int32).view(torch.float32)
            y = fast(x).double()
            r = op(x.double())
            size = r.abs()
            e = torch.frexp(size)[1].clamp(min=-125) - 1
            off = (y - r).abs() / torch.ldexp(torch.ones_like(r), e - 23)
            near = (y.abs() - BIG).abs() < BIG * 2.0**-22
            beyond = torch.isinf(y) & (torch.sign(y) == torch.sign(r)) | near
            low = (size < 2.0**-126) & (y == 0)
            subnormal = (x.abs() < 2.0**-126) & (x != 0)
            right = (size > BIG) & beyond | low | torch.isinf(r) & (y == r)
            off = torch.where(right | subnormal, 0.0, off).nan_to_num(0.0)
            wrong = (torch.isnan(y) != torch.isnan(r)) & ~subnormal
            bad += int(wrong.sum())
            i = int(off.argmax())
            if float(off[i]) > worst:
                worst, at = float(off[i]), float(x[i])
        return row(name, order, mode, count, worst, at, bad)

    for mode in ("eager", "compiled"):
        for order in (0, 1, 2):
            yield measure("stablef", order, mode, EVERY)
    for name in SOME:
        for order in (0, 1):
            yield measure(name, order, "compiled", 2**27)


def row(
    name: str,
    order: int,
    mode: str,
    inputs: int,
    worst: float,
    at: float,
    bad: int,
) -> Row:
    import keras_stablef as ks

    bound = getattr(ks.ops, name).error_bound("float32", order)
    return {
        "stage": "accuracy",
        "backend": os.environ["KERAS_BACKEND"],
        "name": name,
        "order": order,
        "mode": mode,
        "inputs": inputs,
        "worst": round(worst, 4),
        "at": at,
        "bound": bound,
        "nan": bad,
        "ok": worst <= bound and not bad,
    }


def jax_speed() -> Iterator[Row]:
    """Compiled: the catalogue over its formulas, stablef over a copy."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    from keras_stablef.generator.formula.catalogue import load_catalogue
    from speed import inputs
    from speed import textbook

    import keras_stablef as ks

    def both(f: Callable[..., Any]) -> Any:
        def run(x: Any) -> Any:
            y, back = jax.vjp(f, x)
            return y, back(jnp.ones_like(y))[0]

        return jax.jit(run)

    def median(runs: list[Any], x: Any) -> list[float]:
        times: list[list[float]] = [[] for _ in runs]
        for run in runs:
            jax.block_until_ready(run(x))
        for _ in range(9):
            for run, own in zip(runs, times, strict=True):
                start = time.perf_counter()
                for _ in range(4):
                    result = run(x)
                jax.block_until_ready(result)
                own.append((time.perf_counter() - start) / 4 * 1e3)
        return [statistics.median(own) for own in times]

    for entry in load_catalogue():
        x = jnp.asarray(inputs(entry.domain, 2**24))
        ours = getattr(ks.ops, entry.name)
        a, b = median([both(ours), both(textbook(entry.formula))], x)
        yield {
            "stage": "speed", "backend": "jax", "name": entry.name,
            "ours": a, "textbook": b, "ratio": a / b,
        }  # fmt: skip
    x = jnp.asarray(np.random.default_rng(0).normal(size=2**27), "float32")
    runs = [
        both(ks.ops.stablef),
        both(jax.nn.sigmoid),
        jax.jit(lambda x: x + 1),
    ]
    ours, sigmoid, copy = median(runs, x)
    yield {
        "stage": "speed", "backend": "jax", "name": "stablef, 2**27",
        "ours": ours, "sigmoid": sigmoid, "copy": copy,
    }  # fmt: skip


def device() -> str:
    if os.environ["KERAS_BACKEND"] == "jax":
        import jax

        return f"{jax.devices()[0].device_kind}, jax {jax.__version__}"
    import torch

    return f"{torch.cuda.get_device_name()}, torch {torch.__version__}"


def document(rows: list[Row]) -> Iterator[str]:
    """The table in Markdown."""
    devices = sorted({r["device"] for r in rows if r["stage"] == "device"})
    accuracy = [r for r in rows if r["stage"] == "accuracy"]
    speed = [r for r in rows if r["stage"] == "speed" and "ratio" in r]
    wrong = [r for r in accuracy if not r["ok"]]
    yield "# On a GPU"
    yield ""
    yield "Generated by `benchmarks/gpu.py`; do not edit."
    yield ""
    yield f"{'; '.join(devices)}."
    yield ""
    yield f"{len(accuracy)} rows, {len(wrong)} not as claimed."
    for note in (r["text"] for r in rows if r["stage"] == "note"):
        yield ""
        yield note
    yield ""
    yield "| function | backend | bound | worst | at | inputs | nan |"
    yield "|---|---|---:|---:|---:|---:|---:|"
    for r in sorted(
        accuracy, key=lambda r: (r["backend"], r["mode"], r["name"], r["order"])
    ):
        primes = "'" * r["order"]
        mark = "" if r["ok"] else " **above**"
        yield (
            f"| {r['name']}{primes} | {r['backend']}, {r['mode']} | "
            f"{r['bound']:.4f} | {r['worst']:.4f}{mark} | {r['at']!r} | "
            f"{r['inputs']:,} | {r['nan']} |"
        )
    if speed:
        ratios = [r["ratio"] for r in speed]
        yield ""
        yield (
            "Forward and backward over the textbook formula, JAX jit, 2**24 "
            f"float32: median {statistics.median(ratios):.2f}, worst "
            f"{max(ratios):.2f}."
        )
        yield ""
        yield "| function | ms | textbook | ratio |"
        yield "|---|---:|---:|---:|"
        for r in speed:
            yield (
                f"| {r['name']} | {r['ours']:.3f} | {r['textbook']:.3f} | "
                f"{r['ratio']:.2f} |"
            )
    for r in rows:
        if r["stage"] == "speed" and "copy" in r:
            yield ""
            yield (
                f"{r['name']} float32, forward and backward: {r['ours']:.2f} "
                f"ms; sigmoid {r['sigmoid']:.2f} ms; x + 1 {r['copy']:.2f} ms."
            )


def main() -> None:
    """One stage, a JSON line a row; or the document of such lines."""
    stage = sys.argv[1]
    if stage == "document":
        lines = Path(sys.argv[2]).read_text().splitlines()
        rows = [json.loads(line) for line in lines if line.startswith("{")]
        print("\n".join(document(rows)))
        return
    backend = os.environ["KERAS_BACKEND"]
    print(json.dumps({"stage": "device", "device": device()}), flush=True)
    stages = {
        ("accuracy", "jax"): jax_accuracy,
        ("accuracy", "torch"): torch_accuracy,
        ("speed", "jax"): jax_speed,
    }
    for made in stages[stage, backend]():
        print(json.dumps(made), flush=True)


if __name__ == "__main__":
    main()
