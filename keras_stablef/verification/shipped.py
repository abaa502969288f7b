"""The ops that ship, as `verify` looks at them: seams, errors, needs."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from .._derived import nearest
from .._derived import refusal
from .._derived import shown
from .._dtypes import Array
from .._op import StableOp
from .._shipped import certificate
from .._shipped import shipped
from .inputs import SEED
from .measure import array
from .measure import errors
from .measure import rounded
from .measure import tensors

RANDOM = 4000  # inputs of an op besides its seams
LENGTH = 2**14  # of all inputs, or a multiple
EDGES = {"low", "high", "bound", "cut"}  # of pieces, in certificates
# By function: the primitives that call it to guess with.
HELPERS = {
    "log": {"split_exponent", "pair_root"},
    "sqrt": {"pair_root"},
    "exp": {"pair_root"},
}
PAIRS = {"pairs", "kernels", "powers"}  # modules of the runtime
ARITHMETIC = {"add", "subtract", "multiply", "divide"}


def ops_named(names: Sequence[str]) -> list[StableOp]:
    """The shipped ops of these names, all of them if there are none.

    Raises:
        GeneratorError: no such name; says the nearest ones.
    """
    from .. import ops

    for name in names:
        if not isinstance(name, str) or name not in ops.__all__:
            raise unknown_op(name, ops.__all__)
    return [getattr(ops, name) for name in names or ops.__all__]


def unknown_op(name: object, known: Sequence[str]) -> ValueError:
    """The error for what is no op's name."""
    near = nearest(name, known) if isinstance(name, str) else ""
    return refusal(
        f"No such op: expected one of {', '.join(known)}; received "
        f"{shown(name)}{near}"
    )


def _edges(node: Any) -> Iterator[str]:
    """Where pieces begin and end, as written in the certificate."""
    if isinstance(node, list):
        for item in node:
            yield from _edges(item)
        return
    if not isinstance(node, dict):
        return
    if "fields" in node and "values" in node:
        columns = [k for k, n in enumerate(node["fields"]) if n in EDGES]
        for row in node["values"]:
            yield from (row[k] for k in columns)
    for key, value in node.items():
        if key in EDGES and isinstance(value, str):
            yield value
        else:
            yield from _edges(value)


def _number(text: Any) -> float:
    """A float in hexadecimal or a fraction; nan for what is neither."""
    try:
        return float.fromhex(text) if "0x" in text else float(Fraction(text))
    except (ValueError, OverflowError, ZeroDivisionError):
        return float("nan")


@functools.cache
def _inputs(name: str, order: int) -> Array:
    """float32: all binades, and three floats on each side of every seam."""
    plans = [
        plan
        for plan in certificate(name)["plans"]
        if (plan["dtype"], plan["order"]) == ("float32", order)
    ]
    found = {_number(text) for text in _edges(plans) if isinstance(text, str)}
    with np.errstate(over="ignore"):
        seams = np.array(sorted(x for x in found if x == x), np.float32)
    step = np.arange(-3, 4, dtype=np.int32)
    near = (seams.view(np.int32)[:, None] + step).ravel().view(np.float32)
    rng = np.random.default_rng(SEED + 4)
    sizes = np.concatenate(
        [
            np.exp2(rng.uniform(-126, 127.9, RANDOM // 4)),
            np.exp2(rng.uniform(-6, 8, RANDOM // 4)),
        ]
    )
    x = np.concatenate([near, sizes.astype(np.float32)])
    x = x[np.isfinite(x) & (np.abs(x) >= np.finfo(np.float32).tiny)]
    x = np.unique(np.concatenate([x, -x, np.zeros(1, np.float32)]))
    # Of one length for most ops: JAX compiles each operation per shape.
    return np.resize(x, -(-len(x) // LENGTH) * LENGTH)


def worst_error(op: StableOp) -> tuple[float, float]:
    """Worst error of an op in float32, in ulp of its float64 plan; where.

    That plan is at most 2**-26 ulp of float32 off itself.
    """
    x = _inputs(op.function.name, op.order)
    got = array(op(tensors(x)[0]))
    value = array(op(tensors(x.astype(np.float64))[0]))
    inside = ~np.isnan(value)  # the others are outside the domain
    ulp, _ = errors(got[inside], rounded(value[inside], "float32"), "float32")
    k = int(ulp.argmax())
    return float(ulp[k]), float(x[inside][k])


def relying(what: str) -> str:
    """The shipped ops whose bounds rest on it, as text."""
    names = [op.function.name for op in ops_named(())]
    found = [name for name in names if _relies(name, what)]
    return ", ".join(found) or "no shipped op"


def _relies(name: str, what: str) -> bool:
    if what in ARITHMETIC:
        return True
    used = shipped(name).primitives
    if what.startswith(("two_", "pair ")):
        return bool({home for home, _ in used} & PAIRS)
    if {primitive for _, primitive in used} & HELPERS.get(what, set()):
        return True
    return _calls(certificate(name)["plans"], what)


def _calls(node: Any, what: str) -> bool:
    """Whether a program in the certificate calls the function."""
    if isinstance(node, list):
        if node and node[0] == what:
            return True
        return any(_calls(item, what) for item in node)
    if isinstance(node, dict):
        return any(_calls(item, what) for item in node.values())
    return False
