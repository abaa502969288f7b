"""Where the pieces of a shipped plan meet, read from its certificate.

The certificate beside the generated module is what ships, so no plan is
derived here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..errors import GeneratorError


def number(text: Any) -> Fraction | None:
    """An exact number of a certificate; None for none and for infinities."""
    if text is None or "inf" in str(text):
        return None
    text = str(text)
    return Fraction(float.fromhex(text)) if "0x" in text else Fraction(text)


def plan_data(folder: Path, name: str, dtype: str, order: int) -> Any:
    """One plan of a certificate.

    Raises:
        GeneratorError: there is no such file, or no such plan in it.
    """
    path = folder / f"{name}.json"
    try:
        plans = json.loads(path.read_text(encoding="utf-8"))["plans"]
    except (OSError, ValueError, KeyError) as error:
        raise GeneratorError(
            f"Cannot read the certificate of {name}: expected {path.name} "
            f"beside the generated module, received {error}."
        ) from None
    for plan in plans:
        if (plan["dtype"], plan["order"]) == (dtype, order):
            return plan
    raise GeneratorError(
        f"No plan of {name} for {dtype}, order {order}: its certificate has "
        f"{sorted({(p['dtype'], p['order']) for p in plans})}."
    )


def seams(plan: Any) -> tuple[Fraction, ...]:
    """All x where the way f is computed changes, zeros of f among them."""
    if "pieces" in plan:
        places = {number(piece["low"]) for piece in plan["pieces"]}
        folded = True
    else:
        places = set(_of_cover(plan))
        folded = plan["parity"] != 0
    found = {place for place in places if place is not None}
    if folded:
        found |= {-place for place in found}
    return tuple(sorted(found))


def piece_count(plan: Any) -> int:
    """How many pieces a plan has: a measure of its code."""
    if "pieces" in plan:
        return len(plan["pieces"])
    tables = [len(plan[kind]["values"]) for kind in ("rows", "powers")]
    return sum(tables) + len(plan["ends"]) + len(plan["closed"])


def _of_cover(plan: Any) -> Iterator[Fraction | None]:
    for row in _records(plan["rows"]):
        yield from (number(row["low"]), number(row["high"]))
        yield number(row["center"])
    for row in _records(plan["powers"]):
        yield from (number(row["low"]), number(row["high"]))
        center = number(row["center"])
        assert center is not None
        yield center
        for edge in map(number, row["edges"]):
            if edge is not None:
                yield from (center - edge, center + edge)
    for form in plan["closed"]:
        for edge in (number(form["low"]), number(form["high"])):
            yield None if edge is None else form["side"] * edge
    for form in plan["ends"]:
        # Distances from a point, or from 0 to an end at infinity.
        point = number(form["point"]) or Fraction(0)
        for name in ("bound", "cut"):
            distance = number(form[name])
            if distance is not None:
                yield point + form["side"] * distance


def _records(table: Any) -> Iterator[dict[str, Any]]:
    for values in table["values"]:
        yield dict(zip(table["fields"], values, strict=True))
