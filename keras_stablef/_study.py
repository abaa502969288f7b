"""What `StableOp` says about itself: in words, in a picture, as a module."""

from __future__ import annotations

import os
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import keras
import numpy as np

from . import _named
from ._derived import bound
from ._derived import format_of
from ._derived import formats as formats_with
from ._derived import refusal
from ._derived import shown
from ._derived import words
from ._derived import write
from ._exact import array_type
from ._exact import drawing
from ._exact import module_text
from ._exact import standing_alone
from ._progress import progress
from ._shipped import Shipped
from ._tensors import format_name

if TYPE_CHECKING:
    from ._op import StableOp
    from .generator.pieces.cover import AnyPlan


def _plans(op: StableOp, dtypes: list[str], first: int = 0) -> list[AnyPlan]:
    """Of every order from `first` on."""
    orders = range(first, op.orders)
    return [
        op.function.plan(dtype, order) for dtype in dtypes for order in orders
    ]


def served(op: StableOp, dtype: str) -> str:
    """The name of one of the op's formats."""
    name = format_name(dtype, op.function.compute)
    if name not in op.function.compute:
        raise ValueError(
            f"No such plan: expected one of {', '.join(op.function.compute)}, "
            f"received {shown(dtype)}."
        )
    return name


def _computed(op: StableOp, dtype: str | None) -> list[str]:
    """The dtypes that have plans of their own."""
    compute = op.function.compute
    if dtype is None:
        return list(dict.fromkeys(compute.values()))
    return [compute[served(op, dtype)]]


def target_of(path: Any, what: str) -> Path:
    """Where to write: a name in a folder that there is."""
    try:
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError
        text = os.fsdecode(path)  # a PathLike may give bytes
        if "\0" in text:
            raise ValueError
    except Exception:  # of a foreign __fspath__
        raise refusal(
            f"Cannot {what}: expected a path of a file, received {shown(path)}."
        ) from None
    target = Path(text)
    if not os.path.isdir(target.parent):
        raise refusal(
            f"Cannot {what}: expected a folder, received {target.parent}."
        )
    if os.path.isdir(target):
        raise refusal(
            f"Cannot {what}: expected a path of a file, received the folder "
            f"{target}."
        )
    return target


@contextmanager
def writing(target: Path, what: str) -> Iterator[None]:
    """An error of the file system as one of ours."""
    try:
        yield
    except OSError as error:
        raise refusal(
            f"Cannot {what}: expected a file that can be written, received "
            f"{target} ({error.strerror or error})."
        ) from error


def certificate(op: StableOp, dtype: str, order: int) -> dict[str, Any]:
    """See `StableOp.certificate`."""
    return _named.certificate(op.function, served(op, dtype), order)


def explain(op: StableOp, dtype: str | None) -> str:
    """See `StableOp.explain`."""
    return words(op.function, _plans(op, _computed(op, dtype)))


def how_made(op: StableOp) -> str:
    """The call that gives the op."""
    function = op.function
    if isinstance(function, Shipped):
        text = f"ks.ops.{function.name}"
    else:
        text = f"ks.stabilize({function.expression!r}, {function.domain!r}"
        if function.name != "f":
            text += f", name={function.name!r}"
        goal = function.config.get("max_ulp")
        text += ")" if goal is None else f", max_ulp={goal!r})"
    if op.order:
        text += f".derivative({op.order if op.order > 1 else ''})"
    return text + (f".in_format({op.format!r})" if op.format else "")


def module_of(
    op: StableOp, dtypes: str | Sequence[str] | None, formats: Any = None
) -> tuple[str, dict[str, list[float]]]:
    """The module that `StableOp.save` writes, and its bounds by order."""
    if dtypes is not None and (
        isinstance(dtypes, str) or not isinstance(dtypes, Iterable)
    ):
        dtypes = [dtypes]  # one, by its name or as a backend's own
    dtypes = None if dtypes is None else list(dtypes)
    if dtypes == []:
        raise refusal(
            "Cannot save: expected at least one dtype, received none. Leave "
            "`dtypes` out for all of them."
        )
    known = op.function.formats
    if formats is not None:
        known = {**known, **formats_with(formats)}
    wanted = [
        format_of(format_name(dtype, known), known)
        for dtype in (dtypes or known)
    ]
    computed = list(dict.fromkeys(fmt.compute for fmt in wanted))
    name = op._family(None)[op.order].name
    ready, how = op.function.text, f"{how_made(op)}.save('{name}.py')"
    if ready and not op.order and {*op.function.compute} == {*known}:
        if {*computed} == {*op.function.bodies}:
            bounds = op.function.bounds
            return standing_alone(op.function, name, ready, how), {
                fmt.name: list(bounds[fmt.name]) for fmt in wanted
            }
    plans = _plans(op, computed, op.order)
    text = module_text(op.function, name, op.order, plans, known, how)
    return text, {
        fmt.name: [
            bound(plan, fmt) for plan in plans if plan.dtype == fmt.compute
        ]
        for fmt in wanted
    }


def write_module(path: Any, text: str) -> None:
    """Write it, or say why that cannot be."""
    target = target_of(path, "save")
    with writing(target, "save"):
        write(target, text)


def save(
    op: StableOp,
    path: Any,
    dtypes: str | Sequence[str] | None,
    formats: Any = None,
) -> None:
    """See `StableOp.save`."""
    target_of(path, "save")  # before any work is done
    write_module(path, module_of(op, dtypes, formats)[0])


def plot(op: StableOp, path: Any, dtype: str | None) -> None:
    """See `StableOp.plot`."""
    target = target_of(path, "plot")
    kinds = (".png", ".svg", ".pdf")
    if target.suffix.lower() not in kinds:
        raise refusal(
            f"Cannot plot: expected a name that ends in {', '.join(kinds)}, "
            f"received {target.name!r}."
        )
    with progress(f"drawing {label(op)}"), writing(target, "plot"):
        picture, given = panels(op, dtype)
        picture.draw(target, **given)


def label(op: StableOp) -> str:
    """What a derivative is called, with its primes."""
    return op.function.name + "'" * op.order


def panels(op: StableOp, dtype: str | None) -> tuple[Any, dict[str, Any]]:
    """The module that draws, and what it is to draw."""
    name = served(op, dtype or op.format or "float32")
    compute, fmt = op.function.compute[name], op.function.formats[name]
    picture, spec = drawing(op.function)
    storage = op.function.storage[name]
    kind = array_type(storage)
    own = None if storage == name else name  # a format without a dtype
    tower = op._family(own)
    # The op and its gradient; the last one's has no bound.
    orders = range(op.order, min(op.order + 2, op.orders))
    formula = f"{op.function.name}(x) = {op.expression}"
    return picture, {
        "title": f"{label(op)}(x), {formula}" if op.order else formula,
        "textbook": {
            k: picture.textbook_function(spec.expr, spec.variable, k, kind)
            for k in orders
        },
        "ours": {k: _as_numpy(tower[k], storage) for k in orders},
        "seams": {
            k: picture.seams_of(op.function.plan(compute, k)) for k in orders
        },
        "fmt": fmt,
        "domain": (float(spec.domain[0]), float(spec.domain[1])),
        "bounds": {k: tower[0].error_bound(name, k) for k in orders},
        "exact": picture.exact_function(spec.expr, spec.variable),
    }


def _as_numpy(op: StableOp, storage: str) -> Any:
    """`op` from arrays to arrays of a dtype that holds its numbers.

    By way of a dtype that every backend takes from NumPy and gives back.
    """
    wide = "float64" if storage == "float64" else "float32"

    def run(x: np.ndarray) -> np.ndarray:
        given = keras.ops.convert_to_tensor(x.astype(wide), dtype=wide)
        received = keras.backend.standardize_dtype(given.dtype)
        if received != wide:
            raise refusal(
                f"Cannot plot in {storage}: expected a backend that keeps "
                f"{wide}, received {received} (JAX: set jax_enable_x64)."
            )
        y = keras.ops.cast(op(keras.ops.cast(given, storage)), wide)
        return np.asarray(keras.ops.convert_to_numpy(y))

    return run
