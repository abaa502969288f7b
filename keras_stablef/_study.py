"""What `StableOp` says about itself: in words, in a picture, as a module."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import keras
import numpy as np

from ._op import StableOp
from ._op import shared_ops
from ._progress import progress

if TYPE_CHECKING:
    from .generator.derive import AnyPlan


def _plan(op: StableOp, dtype: str, order: int) -> AnyPlan:
    """From memory, from disk, or derived."""
    module: Any = op.module
    if hasattr(module, "plan"):
        plan: AnyPlan = module.plan(dtype, order)
        return plan
    from .generator.build import plan_of
    from .generator.catalogue import load_catalogue

    (entry,) = [e for e in load_catalogue() if e.name == module.NAME]
    return plan_of(entry, dtype, order)


def _plans(op: StableOp, dtypes: list[str]) -> list[AnyPlan]:
    orders = range(op.orders)
    return [_plan(op, dtype, order) for dtype in dtypes for order in orders]


def _computed(op: StableOp, dtype: str | None) -> list[str]:
    """The dtypes that have plans of their own."""
    compute = op.module.COMPUTE
    if dtype is None:
        return list(dict.fromkeys(compute.values()))
    name = keras.backend.standardize_dtype(dtype)
    if name not in compute:
        raise ValueError(
            f"No plan for {dtype!r}: expected one of {', '.join(compute)}."
        )
    return [compute[name]]


def explain(op: StableOp, dtype: str | None) -> str:
    """See `StableOp.explain`."""
    from .generator.explain import explain as words

    plans = _plans(op, _computed(op, dtype))
    return words(op.expression, op.domain, plans)


def save(op: StableOp, path: Any, dtypes: Sequence[str] | None) -> None:
    """See `StableOp.save`."""
    from .generator.files import write_if_changed
    from .generator.render import render
    from .generator.standalone import standalone

    target = Path(path)
    if not target.parent.is_dir():
        raise ValueError(
            f"Cannot save: expected a folder, received {target.parent}."
        )
    module = op.module
    wanted = [
        compute
        for dtype in (dtypes or module.COMPUTE)
        for compute in _computed(op, dtype)
    ]
    plans = _plans(op, list(dict.fromkeys(wanted)))
    source = render(op.expression, op.domain, "Saved by StableOp.save.", plans)
    write_if_changed(
        target, standalone(source.text, module.NAME, op.expression)
    )


def plot(op: StableOp, path: Any, dtype: str) -> None:
    """See `StableOp.plot`."""
    from .generator.picture import draw
    from .generator.picture import exact_function
    from .generator.picture import seams_of
    from .generator.picture import textbook_function
    from .generator.spec import make_spec

    target = Path(path)
    if not target.parent.is_dir():
        raise ValueError(
            f"Cannot plot: expected a folder, received {target.parent}."
        )
    (compute,) = _computed(op, dtype)
    spec = make_spec(op.expression, op.module.NAME, op.domain)
    tower = shared_ops(op.module)
    orders = (0, 1)
    with progress(f"drawing {op.module.NAME}"):
        draw(
            target,
            title=f"{op.module.NAME}(x) = {op.expression}",
            textbook={
                k: textbook_function(spec.expr, spec.variable, k, compute)
                for k in orders
            },
            ours={k: _as_numpy(tower[k]) for k in orders},
            seams={k: seams_of(_plan(op, compute, k)) for k in orders},
            dtype=compute,
            domain=(float(spec.domain[0]), float(spec.domain[1])),
            bounds={k: op.error_bound(compute, k) for k in orders},
            exact=exact_function(spec.expr, spec.variable),
        )


def _as_numpy(op: StableOp) -> Any:
    def run(x: np.ndarray) -> np.ndarray:
        y = op(keras.ops.convert_to_tensor(x, dtype=str(x.dtype)))
        return np.asarray(keras.ops.convert_to_numpy(y))

    return run
