"""The function that a text stands for: a name, a formula, an FPCore.

Loads no Keras, so that the shell can say in a second what a function is made
of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from ._derived import derived
from ._derived import entry as entry_of
from ._derived import format_of
from ._derived import words
from ._exact import core_of
from ._function import Function
from ._shipped import shipped

if TYPE_CHECKING:
    from .generator.formula.catalogue import Entry

ALL_REALS = ("-oo", "oo")
Domain = tuple[object, object]


def function_of(
    text: str,
    domain: Domain | None = None,
    name: str | None = None,
    max_ulp: float | None = None,
    formats: Any = None,
    outside: str = "nan",
) -> Function:
    """The one that ships, if nothing else is asked for; else a derived one."""
    entry = _declared(text)
    if entry is not None:
        given = domain, name, max_ulp, formats
        if given == (None,) * 4 and outside == "nan":
            return shipped(entry.name)
        text, name = entry.formula, name or entry.name
        domain = entry.domain if domain is None else domain
    core = core_of(text)
    if core is not None:
        text, name = core.formula, name or core.name
        domain = core.domain if domain is None else domain
    return derived(text, domain or ALL_REALS, name, max_ulp, formats, outside)


def _declared(text: str) -> Entry | None:
    """The entry of the catalogue of that name."""
    return entry_of(text.strip()) if text.strip().isidentifier() else None


def explanation(function: Function, dtype: str) -> str:
    """How it is computed in one dtype; see `StableOp.explain`."""
    compute = format_of(dtype, function.formats).compute
    orders = range(function.orders)
    return words(function, [function.plan(compute, k) for k in orders])


def certificate(function: Function, dtype: str, order: int) -> dict[str, Any]:
    """The claims, of its plans the one; see `StableOp.certificate`."""
    compute = format_of(dtype, function.formats).compute
    claims = function.claims(compute, order)
    (claims["plan"],) = (
        plan
        for plan in claims.pop("plans")
        if (plan["dtype"], plan["order"]) == (compute, order)
    )
    return claims
