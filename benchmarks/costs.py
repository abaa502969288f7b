"""The predicted cost of bodies beside the measured one, as ranks.

    python benchmarks/costs.py [--size N] [--repeats N] [--json FILE]

Every shipped plan of float32 is compiled by JAX on a CPU and run in turns
with all the others; beside its time stands what `lowering.costs` says of its
body.  The planner takes the cheapest of several plans, so that their order
is what counts: Spearman's rank correlation (The American Journal of
Psychology 15, 1904) of the two is printed, and the bodies whose ranks differ
most.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
MOST = 10  # that are listed


def plans() -> dict[str, tuple[Any, Any]]:
    """Plans of the catalogue and the functions of x that ship, by name."""
    from keras_stablef.generator.build import plan_of
    from keras_stablef.generator.formula.catalogue import load_catalogue

    found = {}
    for entry in load_catalogue():
        module = import_module(f"keras_stablef.generated.{entry.name}")
        for order, body in enumerate(module.BODIES["float32"]):
            plan = plan_of(entry, "float32", order)
            found[f"{entry.name}{chr(39) * order}"] = plan, body
    return found


def measured(found: dict[str, Any], size: int, repeats: int) -> dict[str, Any]:
    """Median milliseconds; all take turns."""
    import jax
    import numpy as np

    x = np.random.default_rng(0).uniform(0.1, 0.9, size).astype("float32")
    x = jax.numpy.asarray(x)
    calls = {name: jax.jit(body) for name, (_, body) in found.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        jax.block_until_ready(call(x))
    for _ in range(repeats):
        for name, call in calls.items():
            start = time.process_time()
            jax.block_until_ready(call(x))
            times[name].append(1e3 * (time.process_time() - start))
    return {name: statistics.median(kept) for name, kept in times.items()}


def main() -> None:
    """Measure, print, and keep where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=10**6)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    from keras_stablef.generator.lowering.costs import operations
    from keras_stablef.generator.lowering.costs import weights
    from keras_stablef.generator.lowering.lower import lower
    from scipy.stats import rankdata
    from scipy.stats import spearmanr

    found = plans()
    times = measured(found, options.size, options.repeats)
    table = weights()
    rows = []
    for name, (plan, _) in found.items():
        counts = operations(lower(plan))
        cost = sum(n * table[kind] for kind, n in counts.items())
        rows.append((name, cost, times[name], dict(counts)))
    costs, took = [r[1] for r in rows], [r[2] for r in rows]
    correlation = float(spearmanr(costs, took).statistic)
    print(f"{len(rows)} plans, rank correlation {correlation:.3f}")
    apart = rankdata(took) - rankdata(costs)
    order = sorted(range(len(rows)), key=lambda k: -abs(apart[k]))
    for k in order[:MOST]:
        name, cost, ms, _ = rows[k]
        print(f"{name:32} cost {cost:6.1f}  {ms:6.2f} ms  {apart[k]:+4.0f}")
    if options.json:
        options.json.write_text(json.dumps(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
