"""From any plan to its one body."""

from __future__ import annotations

from ..pieces.cover import AnyPlan
from ..pieces.cover import Cover
from .body import Body
from .cover import lower_cover
from .plan import lower_plan
from .shield import shielded


def lower(plan: AnyPlan) -> Body:
    """The body of a plan, the same alone and beside its derivatives."""
    return shielded(
        lower_cover(plan) if isinstance(plan, Cover) else lower_plan(plan)
    )
