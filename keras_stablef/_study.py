"""What `StableOp` says about itself: in words, in a picture, as a module."""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import keras
import numpy as np

from ._op import StableOp
from ._op import format_name
from ._op import shared_ops
from ._progress import progress

if TYPE_CHECKING:
    from .generator.derive import AnyPlan
    from .generator.formats import FloatFormat


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
    name = format_name(dtype, compute)
    if name not in compute:
        raise ValueError(
            f"No plan for {dtype!r}: expected one of {', '.join(compute)}."
        )
    return [compute[name]]


def _formats(op: StableOp) -> Mapping[str, FloatFormat]:
    """What the op was generated for."""
    from .generator.formats import FORMATS

    own: Mapping[str, FloatFormat] = getattr(op.module, "formats", FORMATS)
    return own


def certificate(op: StableOp, dtype: str, order: int) -> dict[str, Any]:
    """See `StableOp.certificate`."""
    (compute,) = _computed(op, dtype)
    module: Any = op.module
    if hasattr(module, "plan"):
        from .generator.certificate import certify

        plans = [module.plan(compute, order)]
        text = certify(op.expression, op.domain, plans).text
    else:
        path = resources.files("keras_stablef.generated")
        text = (path / f"{module.NAME}.json").read_text(encoding="utf-8")
    claims: dict[str, Any] = json.loads(text)
    (claims["plan"],) = (
        plan
        for plan in claims.pop("plans")
        if (plan["dtype"], plan["order"]) == (compute, order)
    )
    return claims


def explain(op: StableOp, dtype: str | None) -> str:
    """See `StableOp.explain`."""
    from .generator.explain import explain as words

    plans = _plans(op, _computed(op, dtype))
    return words(op.expression, op.domain, plans, _formats(op))


def save(
    op: StableOp,
    path: Any,
    dtypes: Sequence[str] | None,
    formats: Any = None,
) -> dict[str, list[float]]:
    """See `StableOp.save`; returns the bounds of `dtypes` by order."""
    from .generator.files import write_if_changed
    from .generator.format_file import formats_with
    from .generator.formats import get_format
    from .generator.plan import narrowed_bound
    from .generator.render import render
    from .generator.render import shown_bound
    from .generator.standalone import standalone

    target = Path(path)
    if not target.parent.is_dir():
        raise ValueError(
            f"Cannot save: expected a folder, received {target.parent}."
        )
    module = op.module
    known = _formats(op)
    if formats is not None:
        known = {**known, **formats_with(formats)}
    wanted = [
        get_format(format_name(dtype, known), known)
        for dtype in (dtypes or known)
    ]
    plans = _plans(op, list(dict.fromkeys(fmt.compute for fmt in wanted)))
    source = render(
        op.expression,
        op.domain,
        "Saved by StableOp.save.",
        plans,
        formats=known,
    )
    write_if_changed(
        target, standalone(source.text, module.NAME, op.expression)
    )
    return {
        fmt.name: [
            shown_bound(narrowed_bound(plan.ulp, fmt))
            for plan in plans
            if plan.dtype == fmt.compute
        ]
        for fmt in wanted
    }


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
