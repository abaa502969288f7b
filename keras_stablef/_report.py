"""Pages about functions: what is known of an op, as one file of HTML."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import keras

from ._derived import entry
from ._derived import refusal
from ._derived import write
from ._exact import function_page
from ._exact import index_page
from ._progress import progress
from ._shipped import Shipped
from ._study import how_made
from ._study import label
from ._study import module_of
from ._study import panels
from ._study import served
from ._study import target_of
from ._study import writing

if TYPE_CHECKING:
    from ._op import StableOp

INDEX = "index.html"
KINDS = (".html", ".htm")
# What `make bench` leaves in a checkout; a wheel has none.
MEASURED = Path(__file__).resolve().parents[1] / "docs" / "performance.json"
MOST = 2**24  # bytes of it


def report(op: StableOp, path: Any, dtype: str | None) -> None:
    """See `StableOp.report`."""
    target = target_of(path, "report")
    if target.suffix.lower() not in KINDS:
        raise refusal(
            f"Cannot report: expected a name that ends in {', '.join(KINDS)}, "
            f"received {target.name!r}."
        )
    with progress(f"reporting {label(op)}"), writing(target, "report"):
        write(target, page_of(op, dtype))


def catalogue(
    ops: Sequence[StableOp], folder: Path, dtype: str | None
) -> Iterator[str]:
    """A page for each op and an index of them, in a folder that exists.

    Yields:
        The name of each file that was written.
    """
    lines = []
    for k, op in enumerate(ops):
        file = f"{op.function.name}.html"
        with progress(f"{op.function.name}, {k + 1} of {len(ops)}"):
            write(folder / file, page_of(op, dtype, INDEX))
        lines.append((op.function, file, _bounds(op, _format(op, dtype))))
        yield file
    name = _format(ops[0], dtype)
    text = index_page(lines, name, _where(name), _version())
    write(folder / INDEX, text)
    yield INDEX


def page_of(op: StableOp, dtype: str | None, home: str = "") -> str:
    """The page's text.

    Args:
        home: file name of the index that it leads back to.
    """
    function, name = op.function, _format(op, dtype)
    compute = function.compute[name]
    picture, given = panels(op, name)
    known = entry(function.name) if isinstance(function, Shipped) else None
    claims = function.claims(compute, op.order)
    last = min(op.order + 1, op.orders - 1)
    drawn = [f"f{chr(39) * k}" for k in range(op.order, last + 1)]
    return function_page(
        function,
        [function.plan(compute, k) for k in range(op.order, op.orders)],
        home,
        title=label(op),
        order=op.order,
        meaning=known.meaning if known else "",
        reference=known.reference if known else "",
        how=how_made(op),
        bounds={d: _bounds(op, d) for d in function.compute},
        where=_where(name),
        errors=picture.drawn(".png", **given),
        caption=(
            f"Errors of {' and '.join(drawn)} in {name}, in ulp, over the "
            "whole float line, beside the textbook formula's; the dashed "
            "line is the proved bound, grey lines are seams."
        ),
        certificate=json.dumps(claims, indent=1),
        claim=str(claims["claim"]),
        assumed=_assumed(claims["assumptions"], compute),
        speed=_speed(function.name) if known and not op.order else [],
        source=_source(op, name),
        version=_version(),
    )


def _format(op: StableOp, dtype: str | None) -> str:
    return served(op, dtype or op.format or "float32")


def _bounds(op: StableOp, name: str) -> list[float]:
    return [op.error_bound(name, k) for k in range(op.orders - op.order)]


def _where(name: str) -> str:
    version = metadata.version("keras")
    backend = keras.backend.backend()
    return f"Measured in {name} with Keras {version} on {backend}."


def _version() -> str:
    return metadata.version("keras-stablef")


def _assumed(assumptions: Any, compute: str) -> list[tuple[str, str]]:
    """Texts as they are; of elementary functions their errors in a line."""
    found = []
    for name, value in assumptions.items():
        if isinstance(value, dict):
            errors = value.get(compute, {})
            value = ", ".join(f"{k} {v['ulp']}" for k, v in errors.items())
            name = f"{name} in {compute}, off by at most, in ulp"
        found.append((name, str(value)))
    return found


def _source(op: StableOp, name: str) -> tuple[str, str]:
    """The module that runs; of what was derived, the one `save` writes."""
    function = op.function
    if isinstance(function, Shipped):
        text = Path(function.module.__file__).read_text(encoding="utf-8")
        return f"keras_stablef/generated/{function.name}.py", text
    return f"{function.name}.py, as save() writes it", module_of(op, name)[0]


def _speed(name: str) -> list[tuple[str, str, str, float, float]]:
    """The rows of the last measurement, if there is one that can be read."""
    try:
        if MEASURED.stat().st_size > MOST:
            return []
        rows = json.loads(MEASURED.read_text(encoding="utf-8"))
        return [
            (
                str(row["backend"]),
                str(row["mode"]),
                str(row["dtype"]),
                _number(row["cpu"]),
                _number(row["cpu spread"]),
            )
            for row in rows
            if row["part"] == "catalogue" and row["name"] == name
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []  # the page says that nothing was measured


def _number(value: Any) -> float:
    found = float(value)
    if not math.isfinite(found):
        raise ValueError(value)
    return found
