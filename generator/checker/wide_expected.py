"""Whether a certificate, its module and what is expected are about one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .claims import real
from .stated import Expected
from .wide_source import Source
from .wide_source import stated_bound

MOST_ORDERS = 8


def unlike(
    whole: dict[str, Any], module: Source, expected: Expected | None
) -> Iterator[str]:
    """Where certificate, module and what is expected differ."""
    if expected is not None:
        if (expected.formula, list(expected.domain)) != (
            whole["expression"],
            list(whole["domain"]),
        ):
            yield "another formula or domain"
        if expected.name not in (None, whole["name"]):
            yield f"another name: {whole['name']!r}"
    if not whole["plans"]:
        yield "nothing is claimed"
    claimed = set()
    for plan in whole["plans"]:
        dtype, order = key = plan["dtype"], plan["order"]
        if type(order) is not int or not 0 <= order < MOST_ORDERS:
            yield f"an order of {order!r}"
        if dtype != "float32" or key in claimed:
            yield f"a plan in {dtype!r} of order {order!r}"
        claimed.add(key)
        if expected is not None and key not in (expected.plans or {key}):
            yield f"no plan of order {order} is expected"
        name = f"{whole['name']}_{order}_{dtype}_wide"
        if module.bodies.get(key) != name:
            yield f"expected {name} in its place"
        elif not stated_bound(real(plan["ulp"]), module.bounds[key]):
            yield f"a bound of {module.bounds[key]}, claimed {plan['ulp']}"
    if claimed != set(module.bodies):
        yield "other bodies than are claimed"
