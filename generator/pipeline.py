"""One plan for one function, order and format: the way in for everybody."""

from __future__ import annotations

from functools import lru_cache

import sympy

from .analysis.analysis import Analysis
from .analysis.analysis import analyse
from .formula.parity import parity_of
from .formula.spec import Spec
from .limits import within
from .numbers.formats import get_format
from .pieces.cover import Cover
from .pieces.plan import Plan
from .pieces.plan import max_ulp_of
from .plan.coverer import make_cover
from .plan.planner import make_plan


@lru_cache(maxsize=64)
def _parity(expr: sympy.Expr, variable: sympy.Symbol) -> int:
    return parity_of(expr, variable)


def derive(
    spec: Spec,
    dtype: str,
    order: int = 0,
    max_ulp: float | None = None,
    limit: float = 60.0,
) -> Cover:
    """A plan by the general planner, usually in a second or two.

    Args:
        dtype: one that is computed in itself (float32, float64).
        max_ulp: the bound to meet; 2 for f and f', 4 for f'' by default.
        limit: seconds of computing after which it is given up, in any
            thread; `limits` says of which clock, and what of memory.

    Raises:
        SingularityError, NotRealError: with the place or the interval.
        BoundNotMetError: with the best bound found, and where.
        TimeLimitError: see `limit`.
    """
    goal = max_ulp_of(order) if max_ulp is None else max_ulp
    low, high = spec.domain

    def made() -> Cover:
        symmetric = low == -high
        parity = _parity(spec.expr, spec.variable) if symmetric else 0
        return make_cover(
            spec.name,
            spec.expr,
            spec.variable,
            spec.domain,
            order,
            get_format(dtype),
            goal,
            parity,
            limit,
        )

    return within(limit, made)


@lru_cache(maxsize=8)
def _analysis(spec: Spec, orders: int) -> Analysis:
    return analyse(spec, orders)


def derive_closed(spec: Spec, dtype: str, order: int, orders: int) -> Plan:
    """A plan with closed forms in exp(-|x|), cheaper to run.

    For functions on all reals that are rational in x and one exponential
    and symmetric about a point; it takes ten times as long to derive.
    """
    return make_plan(_analysis(spec, orders), dtype, order)
