"""One random function after the other against its bounds; see test_fuzz.

    KERAS_BACKEND=tensorflow PYTHONPATH=tests python tests/fuzz.py \\
        --seed 1 --count 500

says of each what was refused and why, what is wrong, and what took long, and
counts them in the end; it leaves with 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from backends import run
from grammar import Drawn
from grammar import drawn as drawn_of
from grammar import exact
from grammar import smaller
from keras_stablef.generator.errors import GeneratorError
from keras_stablef.generator.formula.spec import make_spec
from keras_stablef.generator.pipeline import derive
from keras_stablef.generator.pipeline import to_source
from oracle import ulp_error

LIMIT = 20.0  # seconds for one plan
MOST_SEAMS = 16  # of a plan, tried with their neighbours
SIZE = 1024
REACH = 3  # floats on either side


@dataclass(frozen=True)
class Finding:
    """What is wrong, where; `x` None where it is no number."""

    what: str
    dtype: str
    order: int
    mode: str = ""
    x: float | None = None

    def __str__(self) -> str:
        at = "" if self.x is None else f" at x = {self.x!r}"
        prime = "f" + "'" * self.order
        return f"{prime} {self.dtype} {self.mode}: {self.what}{at}"


@dataclass
class Tried:
    """Of one function: plans made, refused, and what is wrong."""

    made: int
    refused: list[str]
    findings: list[Finding]
    judged: int = 0


def tried(
    drawn: Drawn,
    orders: tuple[int, ...],
    dtypes: tuple[str, ...] = ("float32", "float64"),
    modes: tuple[str, ...] = ("eager", "jit"),
) -> Tried:
    """Every plan of a function, derived and judged."""
    found = Tried(0, [], [])
    try:
        spec = make_spec(str(drawn.tree), "f", drawn.domain)
    except GeneratorError as error:
        found.refused.append(_said(error))
        return found
    for dtype in dtypes:
        for order in orders:
            try:
                plan = derive(spec, dtype, order, limit=LIMIT)
                text = to_source("f", drawn.domain, "fuzz", [plan], tidy=False)
            except GeneratorError as error:
                found.refused.append(f"{dtype} {order}: {_said(error)}")
                continue
            except Exception as error:
                what = f"{type(error).__name__}: {error}"
                found.findings.append(Finding(what, dtype, order))
                continue
            found.made += 1
            space: dict[str, Any] = {"__name__": "fuzz"}
            exec(compile(text.text, "fuzz", "exec"), space)
            body = space["BODIES"][dtype][0]
            for bad in _judged(drawn, plan, body, modes, found):
                found.findings.append(bad)
    return found


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _judged(
    drawn: Drawn, plan: Any, body: Any, modes: tuple[str, ...], found: Tried
) -> Iterator[Finding]:
    dtype, order = plan.dtype, plan.order
    xs = inputs(plan, drawn.domain)
    # At a kink the limit from above, mirrored where f is even or odd; at an
    # end of the domain the one from within.
    low, high = (None if e is None else float(e) for e in _ends(plan))
    sides = [
        (-1 if x == high or (plan.parity and x < 0) else 1) if x != low else 1
        for x in xs
    ]
    wants = [
        exact(drawn.tree, order, float(x), side)
        for x, side in zip(xs, sides, strict=True)
    ]
    keep = [i for i, w in enumerate(wants) if w is not None]
    found.judged += len(keep)
    for mode in modes:
        got = run(body, padded(xs), mode)
        if not np.isnan(got[-1]):
            yield Finding(f"nan gives {got[-1]}", dtype, order, mode)
        errors = [
            (ulp_error(float(got[i]), wants[i], dtype), float(xs[i]), got[i])
            for i in keep
        ]
        worst, x, y = max(errors, default=(0.0, 0.0, 0.0))
        if not worst <= plan.ulp:
            what = f"{y!r}, {worst:.4g} ulp where {plan.ulp:.4g} is proved"
            yield Finding(what, dtype, order, mode, x)


def padded(xs: np.ndarray) -> np.ndarray:
    """With nan to a size that repeats, or JAX compiles each operation anew."""
    whole = np.full(-(-(len(xs) + 1) // SIZE) * SIZE, np.nan, xs.dtype)
    whole[: len(xs)] = xs
    return whole


def inputs(plan: Any, domain: tuple[str, str]) -> np.ndarray:
    """All binades, seams and centers with neighbours, ends of the domain."""
    dtype = plan.dtype
    info = np.finfo(dtype)
    rng = np.random.default_rng(5)
    edges = [info.minexp, info.maxexp]
    wide = np.exp2(rng.uniform(*edges, 60))
    near = np.exp2(rng.uniform(-12, 7, 80))
    places = [0.0, 1.0, float(info.max), float(info.tiny)]
    pieces = (*plan.rows, *plan.powers)
    special = [p for p in pieces if getattr(p, "slope", 1)]
    for p in special[:MOST_SEAMS]:
        c = float(p.center)
        places += [c, c / 2, 2 * c, c + float(p.high - p.center) / 64]
    seams = [float(s) for s in plan.seams]
    kinks = [float(p.high) for p in pieces if _touches(p)]
    places += kinks[:MOST_SEAMS]
    places += seams[:: max(1, len(seams) // MOST_SEAMS)]
    for end in plan.ends:
        point = float(end.point or 0)
        places += [point + end.side * float(b) for b in (end.bound, end.cut)]
    places += [float(e) for e in (plan.low, plan.high) if e is not None]
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        own = np.array(places).astype(dtype)
        steps = [own]
        for way in (-np.inf, np.inf):
            moved = own
            for _ in range(REACH):
                moved = np.nextafter(moved, np.array(way, dtype))
                steps.append(moved)
        xs = np.concatenate(steps)
        xs = np.concatenate([xs, wide, -wide, near, -near]).astype(dtype)
        xs = np.concatenate([xs, -xs]) if plan.parity else xs
    xs = np.unique(xs[np.isfinite(xs)])
    # XLA reads subnormal inputs as 0.
    xs = xs[(np.abs(xs) >= info.tiny) | (xs == 0)]
    low, high = (float(e) if e is not None else None for e in _ends(plan))
    if low is not None:
        xs = xs[xs >= low]
    if high is not None:
        xs = xs[xs <= high]
    return xs


def _ends(plan: Any) -> tuple[Any, Any]:
    if plan.parity:
        return (None if plan.high is None else -plan.high), plan.high
    return plan.low, plan.high


def _touches(piece: Any) -> bool:
    """Whether it was cut off at a place that no other rule would choose."""
    return bool(piece.high.denominator > 2**12)


def shrunk(drawn: Drawn, bad: Finding) -> tuple[Drawn, Finding]:
    """The smallest function found that has something of the same kind."""
    kind = bad.what.split(":")[0] if bad.x is None else None
    again = True
    while again:
        again = False
        for other in smaller(drawn):
            modes = (bad.mode,) if bad.mode else ("eager",)
            found = tried(other, (bad.order,), (bad.dtype,), modes).findings
            same = [
                f
                for f in found
                if (f.x is None) == (bad.x is None)
                and (kind is None or f.what.startswith(kind))
            ]
            if same:
                drawn, bad, again = other, same[0], True
                break
    return drawn, bad


# -- as a command ------------------------------------------------------------

SLOW = 20.0  # seconds of computing for one function's plans


def main() -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--orders", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--dtypes", nargs="+", default=["float32"])
    parser.add_argument("--modes", nargs="+", default=["eager"])
    parser.add_argument("--seconds", type=float, help="of the clock, in all")
    options = parser.parse_args()
    begun, counts, why = time.monotonic(), Counter[str](), Counter[str]()
    for index in range(options.first, options.first + options.count):
        if options.seconds and time.monotonic() - begun > options.seconds:
            break
        function, start = drawn_of(options.seed, index), time.thread_time()
        result = tried(
            function,
            tuple(options.orders),
            tuple(options.dtypes),
            tuple(options.modes),
        )
        took = time.thread_time() - start
        counts["functions"] += 1
        counts["plans"] += result.made
        counts["plans refused"] += len(result.refused)
        counts["functions refused"] += bool(result.refused)
        counts["values judged"] += result.judged
        counts["wrong"] += bool(result.findings)
        counts[f"over {SLOW:g} s"] += took > SLOW
        for text in result.refused:
            names = (part.split()[-1] for part in text.split(":"))
            why[next(n for n in names if n.endswith("Error"))] += 1
            print(f"{index} refused, {function}: {text}", flush=True)
        for bad in result.findings:
            print(f"{index} WRONG, {function}: {bad}", flush=True)
        if took > SLOW:
            print(f"{index} took {took:.0f} s: {function}", flush=True)
    for name, count in [*counts.items(), *why.most_common()]:
        print(f"{count:7}  {name}")
    return 1 if counts["wrong"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
