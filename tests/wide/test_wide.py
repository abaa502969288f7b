"""Bodies that compute float32 in float64: bounds, and where they run.

A row a function and order: against multiple precision on all magnitudes and
at the places where polynomials and numbers take over, eager and compiled;
the bodies that keep to float32, which a CPU no longer runs, beside them.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backends import BACKEND
from backends import run
from judge import worst
from points import neighbours
from points import sample
from sampling import sampled

import keras_stablef as ks
from keras_stablef import _wide
from keras_stablef import wide
from keras_stablef._shipped import shipped

pytestmark = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="autodiff backends"
)
FOLDER = Path(wide.__file__).parent
CLAIMS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(FOLDER.glob("*.json"))
}
ROWS = [
    (name, plan["order"], mode)
    for name, whole in CLAIMS.items()
    for plan in whole["plans"]
    for mode in ("eager", "jit")
]
SLOW = BACKEND == "torch"  # inductor takes seconds for each


def number(text: Any) -> float:
    if isinstance(text, str):
        return float.fromhex(text) if "x" in text else float(Fraction(text))
    return float(text)


def plan_of(name: str, order: int) -> dict[str, Any]:
    (found,) = (p for p in CLAIMS[name]["plans"] if p["order"] == order)
    return dict(found)


def inputs(name: str, plan: dict[str, Any]) -> np.ndarray:
    """All magnitudes, and both sides of every place of the plan."""
    seams = [number(end["bound"]) for end in plan["ends"]]
    for piece in plan["near"]:
        center, radius = number(piece["center"]), number(piece["radius"])
        seams += [center, center - radius, center + radius]
    xs = [sample("float32", (), 400)]
    xs += [neighbours(s, "float32", 3) for s in seams]
    found = np.unique(np.concatenate([*xs, *(-x for x in xs)]))
    ends = (end.replace("oo", "inf") for end in CLAIMS[name]["domain"])
    low, high = map(float, ends)
    # What is subnormal compilers read as 0.
    usual = (np.abs(found) >= np.finfo("float32").tiny) & np.isfinite(found)
    return found[usual & (found > low) & (found < high)]


@pytest.mark.parametrize(
    ("name", "order", "mode"),
    sampled(ROWS, always=[r for r in ROWS if r[2] == "eager"])
    if not SLOW
    else [r for r in ROWS if r[2] == "eager" or r[0] == "two_frac"],
)
def test_twins_are_within_their_bounds(
    name: str, order: int, mode: str
) -> None:
    plan = plan_of(name, order)
    xs = inputs(name, plan)
    got = run(getattr(ks.ops, name).derivative(order), xs, mode)
    error, where = worst(name, order, "float32", xs, got)
    assert error <= plan["ulp"], f"{error} ulp at {where!r}"


PLAIN = [
    (n, k, "jit") for n in ("exprel", "log1mexp", "two_sqrt") for k in (0, 1)
]


@pytest.mark.parametrize(
    ("name", "order", "mode"), [*PLAIN, ("log1prel", 0, "eager")]
)
def test_bodies_in_float32_are_within_theirs(
    name: str, order: int, mode: str
) -> None:
    function = shipped(name)
    xs = inputs(name, plan_of(name, order))
    got = run(function.bodies["float32"][order], xs, mode)
    error, where = worst(name, order, "float32", xs, got)
    assert error <= function.bounds["float32"][order], where


def test_bounds_are_those_claimed_and_within_the_ops() -> None:
    for name in CLAIMS:
        function = shipped(name)
        for order in range(3):
            if function.twin("float32", order) is not None:
                ulp = plan_of(name, order)["ulp"]
                assert ulp <= function.bounds["float32"][order]


def test_the_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_wide._switch, "on", True)
    with pytest.raises(TypeError, match="expected True or False"):
        ks.config.by_float64(1)  # type: ignore[arg-type]
    x = np.linspace(-3, 3, 999, dtype="float32")
    op = ks.stabilize("(exp(x)-1)/x", name="switched")
    ks.config.by_float64(False)
    off = run(op, x)
    want = run(op.function.bodies["float32"][0], x)
    np.testing.assert_allclose(off, want, rtol=2.0**-22)
    assert op.function.twin("float32", 0) is not None


BETWEEN = [
    ("log(x-0.3)", ("0.3", "oo"), 0.3),
    ("sqrt(x-0.1)", ("0.1", "oo"), 0.1),
    ("log(0.7-x)", ("-oo", "0.7"), 0.7),
]


@pytest.mark.parametrize(("formula", "domain", "end"), BETWEEN)
def test_the_first_float_inside_is_no_limit(
    formula: str, domain: tuple[str, str], end: float
) -> None:
    """Where the end of the domain lies between two floats."""
    op = ks.stabilize(formula, domain)
    beside = neighbours(end, "float32", 3)
    inside = beside[beside > end] if "oo" == domain[1] else beside[beside < end]
    for order in (0, 1, 2):
        got = run(op.derivative(order), inside, "jit")
        want = run(op.function.bodies["float32"][order], inside)
        np.testing.assert_allclose(got, want, rtol=4 * 2.0**-23)


def test_odd_functions_keep_the_sign_of_subnormals() -> None:
    op = ks.stabilize("(1-exp(-x**2))/x")
    x = np.array([-1.1754942e-38, -1e-40, 1e-40], "float32")
    for mode in ("eager", "jit"):
        got = run(op, x, mode)
        assert ((got == 0) | (np.sign(got) == np.sign(x))).all()


def test_clip_and_symmetry() -> None:
    op = ks.stabilize("tanh(x)", (-2, 2), outside="clip")
    x = np.array([-9, -2, 2, 9], "float32")
    np.testing.assert_allclose(run(op, x), np.tanh(np.clip(x, -2, 2)), 2e-7)
    assert (run(op.derivative(), x)[[0, 3]] == 0).all()


@pytest.mark.skipif(BACKEND != "jax", reason="of JAX")
def test_jax_runs_them_without_jit_and_exports_them() -> None:
    import jax
    import jax.numpy as jnp
    from jax import export

    op, x = ks.ops.tanhc, jnp.linspace(-3, 3, 8, dtype="float32")
    with jax.disable_jit():
        np.testing.assert_allclose(op(x), jax.jit(op)(x), 2.0**-22)
    size = jax.ShapeDtypeStruct(export.symbolic_shape("b"), jnp.float32)
    exported = export.export(jax.jit(op))(size)
    np.testing.assert_allclose(exported.call(x), op(x), 2.0**-21)
    here = jax.ShapeDtypeStruct(x.shape, jnp.float32)
    exported = export.export(jax.jit(op), platforms=["cpu", "cuda"])(here)
    np.testing.assert_allclose(exported.call(x), op(x), 2.0**-21)
