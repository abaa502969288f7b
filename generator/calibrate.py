"""Measure the backends' elementary functions: writes ``primitives.json``.

For each backend (compiled on JAX, eager elsewhere), dtype and function: the
worst error seen in ulp where the result is normal, and the worst absolute
error where it underflows, in units of the smallest normal number.  The
float32 reference is NumPy in float64, good to 1e-9 ulp of float32; the
float64 reference is python-flint.  These figures are measured, not proved;
the bounds assume the worst over the backends times `SAFETY`.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from flint import arb
from flint import ctx

BACKENDS = ("jax", "tensorflow", "torch")
DTYPES = ("float32", "float64")
SAFETY = 1.25
FLOOR = 0.5  # no rounding does better
COUNTS = {"float32": 2**22, "float64": 2**16}
SEED = 20261124

# Each over the inputs a plan may give it: low and high ends, and whether
# the samples are spread over binades or evenly.
RANGES: dict[str, tuple[float, float, str]] = {
    "exp": (-120.0, 88.0, "even"),
    "expm1": (-80.0, 88.0, "both"),
    "log": (1e-37, 3e38, "binades"),
    "log1p": (-0.999999, 3e38, "both"),
    "sqrt": (1e-37, 3e38, "binades"),
    "tanh": (-20.0, 20.0, "both"),
    "sin": (-100.0, 100.0, "both"),
    "cos": (-100.0, 100.0, "even"),
    "divide": (1e-37, 1e37, "binades"),
}
EXP_FLOAT64 = (-800.0, 709.0, "even")


def samples(name: str, dtype: str) -> np.ndarray:
    """Inputs of `dtype` for the function `name`."""
    low, high, spread = RANGES[name]
    if name == "exp" and dtype == "float64":
        low, high, spread = EXP_FLOAT64
    rng = np.random.default_rng(SEED)
    count = COUNTS[dtype]
    parts = []
    if spread in ("even", "both"):
        parts.append(rng.uniform(max(low, -1e4), min(high, 1e4), count))
    if spread in ("binades", "both"):
        top, bottom = math.log2(max(abs(low), abs(high))), -40.0
        if low > 0:
            bottom = math.log2(low)
        sizes = np.exp2(rng.uniform(bottom, top, count))
        parts.append(sizes)
        parts.append(-sizes[-low > sizes])
    values = np.concatenate(parts)
    return values[(values > low) & (values < high)].astype(dtype)


def reference(name: str, x: np.ndarray) -> list[arb] | np.ndarray:
    """Exact values: float64 for float32 input, balls for float64."""
    if x.dtype == np.float32:
        y = x.astype(np.float64)
        return 1 / y if name == "divide" else getattr(np, name)(y)

    def function(a: arb) -> arb:
        return 1 / a if name == "divide" else getattr(a, name)()

    with ctx.workprec(120):
        return [function(arb(float(v))) for v in x]


def errors(
    got: np.ndarray, want: list[arb] | np.ndarray
) -> tuple[float, float]:
    """Worst error in ulp of normal results, and of underflowing ones."""
    info = np.finfo(got.dtype)
    tiny, digits = float(info.tiny), int(info.nmant)
    if isinstance(want, np.ndarray):
        reachable = np.abs(want) <= float(info.max)
        size, difference = np.abs(want), np.abs(got - want)
    else:
        size = np.array([float(abs(w)) for w in want])
        with ctx.workprec(120):
            difference = np.array(
                [
                    float(abs(arb(float(g)) - w)) if np.isfinite(g) else np.inf
                    for g, w in zip(got, want, strict=True)
                ]
            )
        reachable = size <= float(info.max)
    unit = np.exp2(np.floor(np.log2(np.maximum(size, tiny))) - digits)
    normal = (size >= tiny) & reachable
    worst = float((difference[normal] / unit[normal]).max())
    under = difference[size < tiny]
    return worst, float(under.max() / tiny) if under.size else 0.0


def _function(name: str, backend: str) -> Callable[[Any], Any]:
    import keras

    fn = getattr(keras.ops, name)
    if name == "divide":
        fn = _reciprocal  # keras.ops.reciprocal is approximate on TensorFlow
    if backend == "jax":
        import jax

        return jax.jit(fn)  # type: ignore[no-any-return]
    return fn  # type: ignore[no-any-return]


def _reciprocal(x: Any) -> Any:
    return 1.0 / x


def measure(backend: str) -> dict[str, Any]:
    """All figures of one backend; run in a process of its own."""
    if backend == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
    import keras

    rows: dict[str, Any] = {}
    for dtype in DTYPES:
        rows[dtype] = {}
        for name in RANGES:
            x = samples(name, dtype)
            fn = _function(name, backend)
            y = fn(keras.ops.convert_to_tensor(x, dtype=dtype))
            got = np.asarray(keras.ops.convert_to_numpy(y))
            if got.dtype != x.dtype:
                continue  # Keras loses float64 there: not to be used
            ulp, under = errors(got, reference(name, x))
            rows[dtype][name] = {
                "ulp": round(ulp, 3),
                "underflow": round(under, 3),
                "samples": len(x),
            }
    return {"versions": _versions(backend), "cpu": rows}


def _versions(backend: str) -> dict[str, str]:
    return {name: version(name) for name in ("keras", backend)}


def assumed(measured: dict[str, Any]) -> dict[str, Any]:
    """The worst over all backends with the safety factor, per dtype."""
    table: dict[str, Any] = {}
    for dtype in DTYPES:
        table[dtype] = {}
        for name in RANGES:
            cells = [b["cpu"][dtype].get(name) for b in measured.values()]
            if None in cells:
                continue
            worst = max(c["ulp"] for c in cells)
            # What never exceeds half an ulp is rounded correctly (IEEE 754
            # asks it of division and sqrt) and needs no safety factor.
            worst *= SAFETY if worst > FLOOR else 1.0
            under = max(c["underflow"] for c in cells) * SAFETY
            table[dtype][name] = {
                "ulp": max(FLOOR, math.ceil(worst * 100) / 100),
                "underflow": max(1.0, math.ceil(under * 100) / 100),
            }
    return table


def main() -> int:
    """Measure every backend in a subprocess and write the file."""
    if len(sys.argv) == 2:
        print(json.dumps(measure(sys.argv[1])))
        return 0
    from rich.console import Console
    from rich.progress import track

    measured = {}
    for backend in track(
        BACKENDS, description="calibrating", console=Console(stderr=True)
    ):
        result = subprocess.run(
            [sys.executable, "-m", __spec__.name, backend],
            env={**os.environ, "KERAS_BACKEND": backend},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        measured[backend] = json.loads(result.stdout.splitlines()[-1])
    data = {
        "about": "Worst errors seen on CPU, in ulp; 'assumed' is the worst "
        f"over the backends times {SAFETY}, at least {FLOOR}.",
        "safety": SAFETY,
        "assumed": assumed(measured),
        "measured": measured,
    }
    path = Path(__file__).with_name("primitives.json")
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(data["assumed"], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
