"""What `StableOp` says about itself: in words, in a picture, as a module."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import keras
import numpy as np

from ._op import StableOp
from ._op import shared_ops
from ._progress import progress
from ._tensors import format_name
from .generator.plain import shown

if TYPE_CHECKING:
    from .generator.numbers.floats import FloatFormat
    from .generator.pieces.cover import AnyPlan


def _plan(op: StableOp, dtype: str, order: int) -> AnyPlan:
    """From memory, from disk, or derived."""
    module: Any = op.module
    if hasattr(module, "plan"):
        plan: AnyPlan = module.plan(dtype, order)
        return plan
    from .generator.build import plan_of
    from .generator.formula.catalogue import load_catalogue

    (entry,) = [e for e in load_catalogue() if e.name == module.NAME]
    return plan_of(entry, dtype, order)


def _plans(op: StableOp, dtypes: list[str], first: int = 0) -> list[AnyPlan]:
    """Of every order from `first` on."""
    orders = range(first, op.orders)
    return [_plan(op, dtype, order) for dtype in dtypes for order in orders]


def _served(op: StableOp, dtype: str) -> str:
    """The name of one of the op's formats."""
    name = format_name(dtype, op.module.COMPUTE)
    if name not in op.module.COMPUTE:
        raise ValueError(
            f"No such plan: expected one of {', '.join(op.module.COMPUTE)}, "
            f"received {shown(dtype)}."
        )
    return name


def _computed(op: StableOp, dtype: str | None) -> list[str]:
    """The dtypes that have plans of their own."""
    compute = op.module.COMPUTE
    if dtype is None:
        return list(dict.fromkeys(compute.values()))
    return [compute[_served(op, dtype)]]


def _target(path: Any, what: str) -> Path:
    """Where to write: a name in a folder that there is."""
    from .generator.errors import GeneratorError

    try:
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError
        text = os.fsdecode(path)  # a PathLike may give bytes
        if "\0" in text:
            raise ValueError
    except Exception:  # of a foreign __fspath__
        raise GeneratorError(
            f"Cannot {what}: expected a path of a file, received {shown(path)}."
        ) from None
    target = Path(text)
    if not os.path.isdir(target.parent):
        raise GeneratorError(
            f"Cannot {what}: expected a folder, received {target.parent}."
        )
    if os.path.isdir(target):
        raise GeneratorError(
            f"Cannot {what}: expected a path of a file, received the folder "
            f"{target}."
        )
    return target


@contextmanager
def _writing(target: Path, what: str) -> Iterator[None]:
    """An error of the file system as one of ours."""
    from .generator.errors import GeneratorError

    try:
        yield
    except OSError as error:
        raise GeneratorError(
            f"Cannot {what}: expected a file that can be written, received "
            f"{target} ({error.strerror or error})."
        ) from error


def _formats(op: StableOp) -> Mapping[str, FloatFormat]:
    """What the op was generated for."""
    from .generator.numbers.formats import FORMATS

    own: Mapping[str, FloatFormat] = getattr(op.module, "formats", FORMATS)
    return own


def certificate(op: StableOp, dtype: str, order: int) -> dict[str, Any]:
    """See `StableOp.certificate`."""
    (compute,) = _computed(op, dtype)
    module: Any = op.module
    if hasattr(module, "plan"):
        from .generator.words.certificate import certify

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
    from .generator.words.explain import explain as words

    plans = _plans(op, _computed(op, dtype))
    return words(op.expression, op.domain, plans, _formats(op))


def save(
    op: StableOp,
    path: Any,
    dtypes: str | Sequence[str] | None,
    formats: Any = None,
) -> dict[str, list[float]]:
    """See `StableOp.save`; returns the bounds of `dtypes` by order."""
    from .generator.files import write_if_changed
    from .generator.numbers.formats import formats_with
    from .generator.numbers.formats import get_format
    from .generator.pieces.plan import narrowed_bound
    from .generator.source.render import render
    from .generator.source.standalone import standalone
    from .generator.text import shown_bound

    target = _target(path, "save")
    if dtypes is not None and (
        isinstance(dtypes, str) or not isinstance(dtypes, Iterable)
    ):
        dtypes = [dtypes]  # one, by its name or as a backend's own
    known = _formats(op)
    if formats is not None:
        known = {**known, **formats_with(formats)}
    wanted = [
        get_format(format_name(dtype, known), known)
        for dtype in (dtypes or known)
    ]
    computed = list(dict.fromkeys(fmt.compute for fmt in wanted))
    name = shared_ops(op.module)[op.order].name
    summary = "Saved by StableOp.save."
    if op.order:
        primes = "'" * op.order
        summary += f" {name} is f{primes}; that is its order 0."
    plans = [
        replace(plan, name=name) for plan in _plans(op, computed, op.order)
    ]
    source = render(
        op.expression,
        op.domain,
        summary,
        plans,
        formats=known,
    )
    text = standalone(source.text, name, op.expression, op.order)
    with _writing(target, "save"):
        write_if_changed(target, text)
    return {
        fmt.name: [
            shown_bound(narrowed_bound(plan.ulp, fmt))
            for plan in plans
            if plan.dtype == fmt.compute
        ]
        for fmt in wanted
    }


def plot(op: StableOp, path: Any, dtype: str | None) -> None:
    """See `StableOp.plot`."""
    from .generator.errors import GeneratorError
    from .generator.formula.spec import make_spec
    from .generator.words.picture import draw
    from .generator.words.picture import exact_function
    from .generator.words.picture import seams_of
    from .generator.words.picture import textbook_function
    from .generator.words.pointwise import array_type

    target = _target(path, "plot")
    kinds = (".png", ".svg", ".pdf")
    if target.suffix.lower() not in kinds:
        raise GeneratorError(
            f"Cannot plot: expected a name that ends in {', '.join(kinds)}, "
            f"received {target.name!r}."
        )
    name = _served(op, dtype or op.format or "float32")
    compute, fmt = op.module.COMPUTE[name], _formats(op)[name]
    spec = make_spec(op.expression, op.module.NAME, op.domain)
    storage = op.module.STORAGE[name]
    kind = array_type(storage)
    own = None if storage == name else name  # a format without a dtype
    tower = shared_ops(op.module, own)
    # The op and its gradient; the last one's has no bound.
    orders = range(op.order, min(op.order + 2, op.orders))
    label = op.module.NAME + "'" * op.order
    formula = f"{op.module.NAME}(x) = {op.expression}"
    with progress(f"drawing {label}"), _writing(target, "plot"):
        draw(
            target,
            title=f"{label}(x), {formula}" if op.order else formula,
            textbook={
                k: textbook_function(spec.expr, spec.variable, k, kind)
                for k in orders
            },
            ours={k: _as_numpy(tower[k], storage) for k in orders},
            seams={k: seams_of(_plan(op, compute, k)) for k in orders},
            fmt=fmt,
            domain=(float(spec.domain[0]), float(spec.domain[1])),
            bounds={k: tower[0].error_bound(name, k) for k in orders},
            exact=exact_function(spec.expr, spec.variable),
        )


def _as_numpy(op: StableOp, storage: str) -> Any:
    """`op` from arrays to arrays of a dtype that holds its numbers.

    By way of a dtype that every backend takes from NumPy and gives back.
    """
    from .generator.errors import GeneratorError

    wide = "float64" if storage == "float64" else "float32"

    def run(x: np.ndarray) -> np.ndarray:
        given = keras.ops.convert_to_tensor(x.astype(wide), dtype=wide)
        received = keras.backend.standardize_dtype(given.dtype)
        if received != wide:
            raise GeneratorError(
                f"Cannot plot in {storage}: expected a backend that keeps "
                f"{wide}, received {received} (JAX: set jax_enable_x64)."
            )
        y = keras.ops.cast(op(keras.ops.cast(given, storage)), wide)
        return np.asarray(keras.ops.convert_to_numpy(y))

    return run
