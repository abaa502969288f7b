"""Every kind of piece there is, eager and compiled, next to where it is hard.

Compilers fold a pair of constants to one float, contract products and reorder
sums where they may; it shows beside a zero or a place, at half and twice of
it, and on both sides of seams.  Each function is there for the kinds it is
listed with, and must really have them; values are those of power series over
the formula, `grammar.exact`.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from backends import BACKEND
from backends import run
from fuzz import inputs
from fuzz import padded
from grammar import exact
from grammar import parsed
from keras_stablef.generator.formula.spec import make_spec
from keras_stablef.generator.lowering.nearness import Split
from keras_stablef.generator.lowering.nearness import nearness
from keras_stablef.generator.numbers.formats import FORMATS
from keras_stablef.generator.pieces.cover import Cover
from keras_stablef.generator.pieces.end_kinds import ExponentialEnd
from keras_stablef.generator.pieces.end_kinds import FloatEnd
from keras_stablef.generator.pieces.end_kinds import LogEnd
from keras_stablef.generator.pieces.lookup import FEW
from keras_stablef.generator.pieces.lookup import lookup_of
from keras_stablef.generator.pipeline import derive
from keras_stablef.generator.pipeline import to_source
from oracle import ulp_error
from sampling import sampled

from keras_stablef.generated import stablef

pytestmark = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="autodiff backends"
)


def kinds(plan: Cover) -> set[str]:
    """What the plan has, in the words of the table below."""
    return {*_row_kinds(plan), *_power_kinds(plan), *_end_kinds(plan)}


def _row_kinds(plan: Cover) -> Iterator[str]:
    for r in plan.rows:
        if r.slope:
            yield "zero between floats" if r.rest[0] else "zero at a float"
        elif not (r.scale or r.gain):
            yield "plain"
        if r.scale:
            yield "scaled"
        if r.gain:
            yield "gained"
    if plan.rows:
        grid = bool(lookup_of(plan.rows).counts)
        few = len(plan.rows) <= FEW
        yield "few rows" if few else "grid" if grid else "seams"
    if plan.closed:
        yield "closed"


def _power_kinds(plan: Cover) -> Iterator[str]:
    for p in plan.powers:
        if p.offset[0]:
            yield "power between floats"
        else:
            yield "power at a float" if p.center else "power at 0"


def _end_kinds(plan: Cover) -> Iterator[str]:
    fmt = FORMATS[plan.dtype]
    for e in plan.ends:
        at = "oo" if e.point is None else "a point"
        if isinstance(e, LogEnd):
            yield f"rows of log at {at}"
        elif isinstance(e, FloatEnd):
            yield f"{'flat' if e.is_flat else 'simple'} at {at}"
        else:
            split = isinstance(nearness(e, fmt, False), Split)
            if e.power or e.root > 1:
                yield f"{'split' if split else 'levels'} at {at}"
            if e.root > 1:
                yield f"root at {at}"
            if len(e.factors) > 1:
                yield f"logarithm at {at}"
            if isinstance(e, ExponentialEnd):
                yield f"exponential at {at}"


# f, its domain, and what its plan in float32 is to have
PIECES: list[tuple[str, str, str, set[str]]] = [
    ("exp(x)", "-1", "1", {"plain", "few rows"}),
    ("2+sin(x)", "-30", "30", {"grid"}),
    ("exp(x*1e20)", "-1e-20", "1e-20", {"scaled"}),
    ("exp(x)*1e-36", "-1", "1", {"gained"}),
    ("sin(9*x)+abs(x-2/3)", "-3", "3", {"seams", "zero between floats"}),
    ("exp(x-1)-1", "1/2", "2", {"zero at a float", "few rows"}),
    ("exp(x)-2", "0", "1", {"zero between floats", "few rows"}),
    ("1-cos(x)", "-1", "1", {"power at 0"}),
    ("(x-1)**2*exp(x)", "1/2", "2", {"power at a float"}),
    ("(exp(x)-2)**2", "1/2", "1", {"power between floats"}),
    ("(x-pi)**2", "0", "10", {"power between floats"}),
    ("abs(x-2/3)*(x-2/3)", "0", "2", {"power between floats"}),
    ("sqrt(x**2+1)", "-oo", "oo", {"closed", "simple at oo"}),
    ("x*atan(x)", "1", "oo", {"levels at oo"}),
    ("x/(1+x)", "0", "oo", {"closed", "flat at oo"}),
    ("1/x", "0", "1", {"simple at a point"}),
    ("1/(1+x**2)", "-oo", "oo", {"closed", "simple at oo"}),
    ("1/x**3", "0", "1", {"split at a point"}),
    ("x**20", "1", "oo", {"split at oo"}),
    ("sqrt(x)", "0", "4", {"closed", "flat at a point"}),
    ("sqrt(atan(x))", "0", "4", {"root at a point", "levels at a point"}),
    ("sqrt(x)+x**4", "1", "oo", {"root at oo", "split at oo"}),
    ("x*log(x)", "0", "2", {"logarithm at a point"}),
    ("atan(x)*log(1+x)", "0", "oo", {"logarithm at oo", "power at 0"}),
    ("exp(-1/x)/x**3", "0", "1", {"exponential at a point"}),
    ("x**15*exp(-x)", "0", "oo", {"exponential at oo", "gained"}),
    ("1/(1-log(x))", "0", "1", {"closed", "flat at a point"}),
    ("1/(2-log(x)+atan(x))", "0", "1", {"rows of log at a point"}),
    ("1/log(2+x)", "0", "oo", {"rows of log at oo"}),
    ("1-exp(-exp(1/x))", "0", "1", {"flat at a point"}),
    ("tanh(x)", "-oo", "oo", {"flat at oo", "power at 0"}),
]
MODES = ("eager", "jit")
ASKED = list(itertools.product(("float32", "float64"), (0, 1, 2)))
# f in float32 at once, the others where there is time.  One by one operations
# are run where they need not be compiled for that; of XLA TensorFlow and JAX
# have a version each, and share.  Inductor takes minutes.
ONE_BY_ONE = ("tensorflow",)
XLA = ("tensorflow", "jax")


def _asked(rows: list[tuple]) -> list[Any]:
    """Each with every dtype, order and mode."""
    first, *rest = ([(*row, *asked) for row in rows] for asked in ASKED)
    return [
        *sampled([(*row, "eager") for row in first], among=ONE_BY_ONE),
        *sampled([(*row, "jit") for row in first], among=XLA),
        *sampled([(*row, m) for r in rest for row in r for m in MODES], 0),
    ]


@functools.cache
def _plan(text: str, low: str, high: str, dtype: str, order: int) -> Any:
    return derive(make_spec(text, "f", (low, high)), dtype, order)


@pytest.mark.once
def test_the_table_has_every_kind() -> None:
    seen = set().union(*(wanted for *_, wanted in PIECES))
    ends = {"simple", "flat", "split", "levels", "root", "logarithm"}
    ends |= {"exponential", "rows of log"}
    assert seen == {
        *("plain", "scaled", "gained", "zero at a float"),
        *("zero between floats", "grid", "seams", "few rows", "closed"),
        *("power at 0", "power at a float", "power between floats"),
        *(f"{end} at {at}" for end in ends for at in ("oo", "a point")),
    }


@pytest.mark.parametrize(
    ("text", "low", "high", "wanted", "dtype", "order", "mode"),
    _asked(PIECES),
)
def test_pieces_hold_their_bounds(
    text: str,
    low: str,
    high: str,
    wanted: set[str],
    dtype: str,
    order: int,
    mode: str,
) -> None:
    plan = _plan(text, low, high, dtype, order)
    assert isinstance(plan, Cover)
    if dtype == "float32" and order == 0:
        assert wanted <= kinds(plan)
    source = to_source(text, (low, high), "test", [plan], tidy=False).text
    space: dict[str, Any] = {"__name__": "derived"}
    exec(compile(source, text, "exec"), space)
    _judge(
        space["BODIES"][dtype][0],
        text,
        order,
        inputs(plan, (low, high)),
        plan.ulp,
        mode,
    )


@pytest.mark.parametrize(("dtype", "order", "mode"), _asked([()]))
def test_a_plan_of_closed_forms_holds_its_bounds(
    dtype: str, order: int, mode: str
) -> None:
    """`Plan`, which stablef has: a series about 0 and closed tails."""
    seams = (0.25, 0.5, 1.0, 2.25, 8.0, 32.0, 64.0, 88.0, 700.0)
    rng = np.random.default_rng(3)
    wide = np.exp2(rng.uniform(-100, 100, 200))
    near = np.exp2(rng.uniform(-8, 8, 200))
    xs = np.concatenate([seams, np.nextafter(seams, 0), wide, near, [0.0]])
    _judge(
        stablef.BODIES[dtype][order],
        "1/(1-exp(-x))-1/x",
        order,
        np.unique(np.concatenate([xs, -xs]).astype(dtype)),
        stablef.BOUNDS[dtype][order],
        mode,
    )


def _judge(
    body: Any, text: str, order: int, xs: np.ndarray, bound: float, mode: str
) -> None:
    """Within the bound on this backend."""
    tree, dtype = parsed(text), str(xs.dtype)
    wants = [exact(tree, order, float(x)) for x in xs]
    known = [i for i, want in enumerate(wants) if want is not None]
    assert len(known) > 0.8 * len(xs)
    got = run(body, padded(xs), mode)
    assert np.isnan(got[-1])
    errors = [
        (ulp_error(float(got[i]), wants[i], dtype), float(xs[i])) for i in known
    ]
    worst, x = max(errors)
    assert worst <= bound, x
