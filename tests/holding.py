"""A plan at single floats against the oracle: its bound holds there."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from backends import run
from cases import X
from keras_stablef.generator.formula.derivative import derivative
from keras_stablef.generator.formula.spec import make_spec
from keras_stablef.generator.numbers.formats import FORMATS
from keras_stablef.generator.pieces.cover import Cover
from keras_stablef.generator.pipeline import derive
from keras_stablef.generator.pipeline import to_source
from oracle import at
from oracle import compiled
from oracle import ulp_error
from points import neighbours

GOALS = (2.0, 2.0, 4.0)
Domain = tuple[object, object]


def holding(text: str, domain: Domain, dtype: str, order: int) -> Cover:
    """The plan, after it was compared with multiple precision."""
    spec = make_spec(text, "f", domain)
    plan = derive(spec, dtype, order)
    assert isinstance(plan, Cover)
    assert plan.ulp <= GOALS[order]
    xs = inputs(plan, dtype)
    wanted = derivative(spec.expr, spec.variable, order)
    exact = compiled(wanted.subs(spec.variable, X))
    judged = 0
    for x, y in zip(xs, run(body_of(plan), xs), strict=True):
        want = at(exact, float(x))
        if want is not None:
            judged += 1
            assert ulp_error(float(y), want, dtype) <= plan.ulp, x
    assert judged > 0.6 * len(xs)
    return plan


def body_of(plan: Cover) -> Any:
    """What computes it."""
    source = to_source("f", ("", ""), "test", [plan], tidy=False).text
    space: dict[str, Any] = {"__name__": "derived"}
    exec(compile(source, "test", "exec"), space)
    return space["BODIES"][plan.dtype][0]


def inputs(plan: Cover, dtype: str) -> np.ndarray:
    """Both ends and what is next to them, seams, every magnitude."""
    fmt = FORMATS[dtype]
    rng = np.random.default_rng(5)
    low = -plan.high if plan.parity and plan.high is not None else plan.low
    low = None if plan.parity and plan.high is None else low
    ends = [float(e) for e in (low, plan.high) if e is not None]
    least = -float(fmt.max_finite) if low is None else float(low)
    most = float(fmt.max_finite if plan.high is None else plan.high)
    seams = [float(s) for s in plan.seams]
    seams += [float(e.side * e.bound) for e in plan.ends if e.point is None]
    found = [np.array([0.0, *ends, *seams[:: max(1, len(seams) // 20)]])]
    found += [neighbours(place, dtype) for place in (*ends, *seams[-1:])]
    wide = np.exp2(rng.uniform(-40, np.log2(max(-least, most)), 60))
    inner = rng.uniform(max(least, -1e3), min(most, 1e3), 60)
    xs = np.concatenate([*found, wide, -wide, inner]).astype(dtype)
    tiny = Fraction(2) ** fmt.emin  # XLA and TensorFlow read subnormals as 0
    kept = (xs >= least) & (xs <= most) & ((np.abs(xs) >= tiny) | (xs == 0))
    return np.unique(xs[kept])
