"""Tables of generated modules, read from the certificate beside them.

Each coefficient stands once, in ``generated/NAME.json``, where it is claimed;
here it becomes what `polynomials` evaluates.  Read when a module is imported,
and never while a compiler traces.
"""

from __future__ import annotations

import importlib.resources
import json
from functools import lru_cache
from itertools import pairwise
from typing import Any

from .lookup import Grid
from .nouns import RowTable


@lru_cache(maxsize=1)  # one module asks for its own, plan after plan
def _plans(name: str) -> dict[tuple[str, int], Any]:
    """The plans of a certificate by dtype and order."""
    folder = importlib.resources.files("keras_stablef.generated")
    data = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return {(plan["dtype"], plan["order"]): plan for plan in data["plans"]}


def rows_of(
    name: str, dtype: str, order: int, end: int | None = None
) -> RowTable:
    """Seams, table, divider and whether rows are scaled.

    Args:
        end: the number of the end form whose rows in log t are meant.

    Error: none: numbers are hexadecimal, factors powers of two.
    """
    plan = _plans(name)[dtype, order]
    rows = (plan if end is None else plan["ends"][end])["rows"]
    columns = dict(
        zip(rows["fields"], zip(*rows["values"], strict=True), strict=True)
    )
    lead, center, low, slope = (
        [float.fromhex(text) for text in columns[field]]
        for field in ("lead", "center", "low", "slope")
    )
    # 0 - c: no zero becomes -0.
    rest = [[0.0 - float.fromhex(c) for c in cs] for cs in columns["rest"]]
    # Two at least: a polynomial of degree 0 would be no tensor.
    width = max(2, *map(len, rest))
    scaled = any(columns["scale"]) or any(columns["gain"])
    split = any(slope)
    table = []
    for i, cs in enumerate(rest):
        row = [center[i]]
        if scaled:
            row += [2.0 ** columns["scale"][i], 2.0 ** -columns["gain"][i]]
        row += [lead[i], slope[i]] if split else [lead[i]]
        table.append((*row, *cs, *[0.0] * (width - len(cs))))
    grid = rows.get("grid")
    seams: Any = tuple(low[1:])
    if grid is not None:
        k, first, last = grid
        edges = [first, *(int(s * 2.0**k) for s in seams), last]
        counts = [b - a for a, b in pairwise(edges)]
        seams = Grid(2.0**k, first, counts)
    divider = rows["divider"] if split else None
    return seams, tuple(table), divider, scaled


def numbers_of(
    name: str, dtype: str, order: int, sign: int, *place: str | int
) -> tuple[float, ...]:
    """Coefficients times a sign, by where in the plan they stand.

    Error: none.

    Example:
        >>> place = "ends", 0, "factors", 0, "rest"
        >>> numbers_of("asinh", "float32", 0, -1, *place)
    """
    found = _plans(name)[dtype, order]
    for key in place:
        if "fields" in found:  # a table: names once, then values
            found = dict(
                zip(found["fields"], found["values"][key], strict=True)
            )
        else:
            found = found[key]
    return tuple(0.0 + sign * float.fromhex(text) for text in found)
