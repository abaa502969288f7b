"""The configuration of a saved op, checked before anything is made of it.

A saved model is data from anywhere, and Keras hands its JSON to
`StableOp.from_config` as it is.  Here every entry is seen to be of its type
and within its limits; no path is read and nothing is derived.  The formula
and the domain's ends go on as text to the parser, the tables of formats to
`format_file`, which have checks of their own.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import NoReturn

from ._derived import ORDERS
from ._derived import derived
from ._derived import formats
from ._derived import saved_op_refusal
from ._derived import shown
from ._function import Function
from ._shipped import NAMES
from ._shipped import shipped

SHIPPED = ("function", "order", "name")
DERIVED = (*SHIPPED, "formula", "domain", "max_ulp")
MAX_NAME = 2**8  # of the op in its graph, which nothing but Keras reads
MAX_TEXT = 2**12  # parse.MAX_LENGTH is less; here it is just no gigabyte


@dataclass(frozen=True)
class SavedOp:
    """What `StableOp.get_config` writes, see `stabilize` for the words."""

    function: str
    order: int
    name: str
    format: str | None
    formula: str | None
    domain: tuple[str, str]
    max_ulp: float | None
    outside: str
    formats: Mapping[str, Any] | None


def refuse(what: str, expected: str, received: object) -> NoReturn:
    raise saved_op_refusal(
        f"Bad configuration of a saved op: {what}: expected {expected}, "
        f"received {shown(received)}."
    )


def read_config(config: object) -> SavedOp:
    """The entries of a configuration.

    Raises:
        SavedOpError: one is missing, unknown, of another type or too large.
    """
    if not isinstance(config, Mapping):
        refuse("its kind", "a mapping", config)
    own = "formula" in config
    needed = DERIVED if own else SHIPPED
    able = {*needed, "format"} | ({"formats", "outside"} if own else set())
    if not set(needed) <= set(config) <= able:
        refuse("its keys", ", ".join(needed), list(config))
    formats = config.get("formats")
    if formats is not None and not isinstance(formats, Mapping):
        refuse("formats", "a mapping of tables", formats)
    order = config["order"]
    if type(order) is not int:  # True is no number
        refuse("order", "an integer", order)
    name = _text(config, "name", MAX_NAME)
    if not name or not name.isprintable() or "/" in name:  # as Keras has it
        refuse("name", "printable text without /", name)
    return SavedOp(
        function=_text(config, "function", MAX_TEXT),
        order=order,
        name=name,
        format=(
            None
            if config.get("format") is None
            else _text(config, "format", MAX_NAME)
        ),
        formula=_text(config, "formula", MAX_TEXT) if own else None,
        domain=_domain(config["domain"]) if own else ("-oo", "oo"),
        max_ulp=_bound(config["max_ulp"]) if own else None,
        outside=(
            _text(config, "outside", MAX_NAME) if "outside" in config else "nan"
        ),
        formats=formats,
    )


def _text(config: Mapping[str, Any], key: str, most: int) -> str:
    value = config[key]
    if not isinstance(value, str) or len(value) > most:
        refuse(key, f"text of at most {most} characters", value)
    return value


def _domain(value: object) -> tuple[str, str]:
    if (
        not isinstance(value, (list, tuple))
        or len(value) != 2
        or not all(isinstance(v, str) and len(v) <= MAX_TEXT for v in value)
    ):
        refuse("domain", "two ends as text, such as ['-oo', '1/3']", value)
    low, high = value
    return low, high


def _bound(value: object) -> float | None:
    """As it is: whether a plan can meet it is for the planner to say."""
    if value is None:
        return None
    try:
        if type(value) in (int, float) and 0 < float(value) < math.inf:  # type: ignore[arg-type]
            return value  # type: ignore[return-value]
    except OverflowError:
        pass
    refuse("max_ulp", "None or a positive number", value)


def known_function(saved: SavedOp) -> Function:
    """The saved op's function: read now, derived when it is first used.

    A model may name any number of formulas, and its loading must not take
    the seconds of all of them.

    Raises:
        SavedOpError: there is no such function, order or format.
        GeneratorError: its formula, domain or formats are refused.
    """
    if saved.formula is None:
        _one_of("function", NAMES, saved.function)
        found = shipped(saved.function)
        _check(saved, found.orders, found.compute)
        return found
    _check(saved, ORDERS, formats(saved.formats))
    return derived(
        saved.formula,
        saved.domain,
        saved.function,
        saved.max_ulp,
        saved.formats,
        saved.outside,
    )


def _check(saved: SavedOp, orders: int, formats: Collection[str]) -> None:
    if not 0 <= saved.order < orders:
        refuse("order", f"0 to {orders - 1}", saved.order)
    if saved.format is not None:
        _one_of("format", formats, saved.format)


def _one_of(what: str, known: Collection[str], value: str) -> None:
    if value not in known:
        refuse(what, f"one of {', '.join(known)}", value)
