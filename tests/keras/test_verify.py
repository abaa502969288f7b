"""`verify` passes here, and names what is made worse than assumed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from backends import BACKEND
from keras import ops
from keras_stablef.generator.errors import GeneratorError
from sampling import sampled

import keras_stablef as ks
from keras_stablef.runtime import pairs
from keras_stablef.verification import assumptions
from keras_stablef.verification import measure
from keras_stablef.verification import shipped

pytestmark = pytest.mark.skipif(
    BACKEND not in measure.MODES, reason="autodiff backends"
)
EAGER = {name: ("eager",) for name in measure.MODES}
STEP = {"float32": 2.0**-23, "float64": 2.0**-52}


def test_everything_is_as_assumed_here() -> None:
    report = ks.verify("stablef", "log1prel")
    assert report.ok, report
    assert report.failures == ()
    assert len(report.skipped) == (BACKEND == "torch"), report.skipped
    modes = measure.MODES[BACKEND]
    rows = {(c.what, c.dtype, c.mode) for c in report.checks}
    for what in (*measure.FUNCTIONS, "two_sum", "two_product"):
        for dtype in ("float32", "float64"):
            assert {(what, dtype, mode) for mode in modes} <= rows
    assert {
        ("stablef", "float32", "eager"),
        ("log1prel''", "float32", "eager"),
    } <= rows
    text = str(report)
    assert "Nothing seen is worse" in text
    assert BACKEND in text and "NOT OK" not in text


def _worse(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """3 ulp of the result too much, or more."""

    def worse(x: Any) -> Any:
        y = function(x)
        dtype = keras.backend.standardize_dtype(y.dtype)
        return y + y * (4 * STEP[dtype])

    return worse


def _reassociated(a: Any, b: Any) -> Any:
    """What a compiler makes of two_sum that simplifies (a + b) - a to b."""
    s = a + b
    return s, (a - (s - b)) + (b - b)


def _contracted(a: Any, b: Any, dtype: str) -> Any:
    """The rounding error of another product, as XLA once had it."""
    p, e = _fixed(a, b, dtype)
    return p, e * 0.5


_fixed = pairs.two_product
SPOILED = [
    # where, its name, instead, the checks that fail, named ops
    (keras.ops, "exp", _worse(ops.exp), {"exp"}, "stablef"),
    (keras.ops, "log", _worse(_worse(ops.log)), {"log"}, "log1prel"),
    (pairs, "two_sum", _reassociated, {"two_sum"}, "log1prel"),
    (pairs, "two_product", _contracted, {"two_product"}, "log1prel"),
]


# The report is the same code for all of them.
@pytest.mark.parametrize(
    ("place", "name", "instead", "failing", "op"),
    sampled(SPOILED, always=SPOILED[:1]),
    ids=[row[1] for row in SPOILED],
)
def test_what_is_worse_is_named(
    place: Any,
    name: str,
    instead: Any,
    failing: set[str],
    op: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(measure, "MODES", EAGER)
    monkeypatch.setattr(place, name, instead)
    report = ks.verify("log1prel")
    assert not report.ok
    failed = {(c.what, c.dtype) for c in report.failures}
    for what in failing:
        assert {(what, "float32"), (what, "float64")} <= failed
    others = set(measure.FUNCTIONS) - failing
    assert not others & {what for what, _ in failed}
    text = str(report)
    for what in failing:
        for dtype in ("float32", "float64"):
            assert f"NOT OK: {what} in {dtype} (eager)" in text
    assert op in text.split("NOT OK:", 1)[1]
    assert "cannot be relied upon" in text


def test_an_op_beyond_its_bound_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    op = ks.ops.stablef

    def off(x: Any) -> Any:
        y = true(x)
        narrow = keras.backend.standardize_dtype(x.dtype) == "float32"
        return y * (1 + 4 * STEP["float32"]) if narrow else y

    true = op.call
    monkeypatch.setattr(op, "call", off)
    seen, where = shipped.worst_error(op)
    assert seen > op.error_bound("float32")
    assert np.isfinite(where)
    monkeypatch.setattr(measure, "MODES", EAGER)
    report = ks.verify("stablef")
    assert [c.what for c in report.failures] == ["stablef"]
    assert "its bound cannot be relied upon" in str(report)


def test_every_seam_is_tried() -> None:
    """stablef's plan changes over at 2.25, where e is held at 32."""
    x = shipped._inputs("stablef", 0)
    for seam in (2.25, -2.25):
        assert np.float32(seam) in x
        assert np.nextafter(np.float32(seam), np.float32(0)) in x
    assert len(shipped._inputs("exprel", 1)) > 2000


def test_no_compiler_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(function: Any, mode: str) -> Any:
        if mode == "eager":
            return function
        raise RuntimeError("no compiler\nmore")

    monkeypatch.setattr(measure, "compiled", fails)
    report = ks.verify("stablef")
    assert report.ok
    assert "jit: no compiler" in report.skipped
    assert "not run: jit: no compiler" in str(report)


def test_references_in_decimal_are_exact() -> None:
    """Against NumPy, good to an ulp; the rest of it below half an ulp."""
    for name in ("exp", "log", "sqrt"):
        x = assumptions._inputs(name, "float64")[-200:]
        exact = assumptions._exact(name, x, "float64")
        near = getattr(np, name)(x)
        normal = np.abs(near) > 1e-300
        np.testing.assert_allclose(
            exact.high[normal], near[normal], rtol=3e-16, atol=0
        )
        unit = np.spacing(np.abs(exact.high))
        assert (np.abs(exact.low) <= unit / 2).all()
        assert np.abs(exact.low).max() > 0


NO_OPS = [
    (("no_such_op",), "received 'no_such_op'"),
    (("stablef", "logcosh"), "received 'logcosh'; did you mean log_cosh"),
    ((5,), "received 5"),
    ((10**5000,), "received an integer"),
    ((["stablef"],), r"received \['stablef'\]"),
]


@pytest.mark.parametrize(("names", "said"), NO_OPS, ids=range(len(NO_OPS)))
def test_unknown_names(names: tuple, said: str) -> None:
    with pytest.raises(GeneratorError, match=f"expected one of.*{said}"):
        ks.verify(*names)
