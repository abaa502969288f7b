"""The table of bounds in docs/ops.md, between its two markers."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import GeneratorError
from ..pieces.cover import AnyPlan
from .report import bounds_markdown

BEGIN, END = "<!-- bounds:begin -->", "<!-- bounds:end -->"


def with_bounds(text: str, plans: Iterable[AnyPlan]) -> str:
    """`text` with the table between the markers replaced."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise GeneratorError(
            f"Bad page of bounds: expected one {BEGIN} and one {END}, received "
            f"{text.count(BEGIN)} and {text.count(END)}."
        )
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n{bounds_markdown(plans)}{END}{after}"
