"""The table of contents: from a formula to a plan, from plans to a module.

make_spec   formula    text, sympy or a function -> Spec
derive      plan       Spec, dtype, order -> Cover, of pieces
to_source   lowering   plans -> bodies
            source     bodies -> the module
certify     words      plans -> claims
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache

from .analysis.analysis import Analysis
from .analysis.analysis import analyse
from .analysis.work import Work
from .errors import TimeLimitError
from .formula.derivative import derivative
from .formula.parity import parity_of
from .formula.spec import Spec
from .limits import within
from .lowering.lower import lower
from .lowering.wide import lower_wide
from .numbers.floats import FloatFormat
from .numbers.formats import FORMATS
from .numbers.formats import get_format
from .pieces.cover import AnyPlan
from .pieces.cover import Cover
from .pieces.plan import Plan
from .pieces.plan import max_ulp_of
from .pieces.sound import require_sound
from .plan.coverer import make_cover
from .plan.planner import make_plan
from .source.render import Source
from .source.render import render
from .source.render import render_wide
from .wide.planner import widened

WIDE = ("float32",)  # what float64 is wide for
TWIN = 0.25  # of the time a plan may take


@lru_cache(maxsize=64)
def _parity(spec: Spec, order: int) -> int:
    """Of f, or of an f that has this derivative: f may be odd but for f(0)."""
    found = parity_of(spec.expr, spec.variable)
    if found or not order:
        return found
    derived = derivative(spec.expr, spec.variable, order)
    return parity_of(derived, spec.variable) * (-1) ** order


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
        parity = _parity(spec, order) if symmetric else 0
        fmt = get_format(dtype)
        return make_cover(spec, order, fmt, goal, parity, limit)

    cover = within(limit, made)
    if dtype not in WIDE:
        return cover

    def twinned() -> Cover:
        derived = derivative(spec.expr, spec.variable, order)
        deadline = time.thread_time() + limit
        fmt = get_format(dtype)
        work = Work(derived, spec.variable, fmt, order, goal, deadline)
        return widened(cover, work)

    with suppress(TimeLimitError):  # the plan is there without it
        return within(limit * TWIN, twinned)
    return cover


@lru_cache(maxsize=8)
def _analysis(spec: Spec, orders: int) -> Analysis:
    return analyse(spec, orders)


def derive_closed(spec: Spec, dtype: str, order: int, orders: int) -> Plan:
    """A plan with closed forms in exp(-|x|), cheaper to run.

    For functions on all reals that are rational in x and one exponential
    and symmetric about a point; it takes ten times as long to derive.
    """
    return make_plan(_analysis(spec, orders), dtype, order)


def to_source(
    expression: str,
    domain: tuple[str, str],
    summary: str,
    plans: Sequence[AnyPlan],
    tidy: bool = True,
    formats: Mapping[str, FloatFormat] = FORMATS,
    certified: bool = False,
) -> Source:
    """The module of one function's plans.

    It is safe by itself: every field of the plans is checked, and every
    text, whoever made them.

    Args:
        tidy, formats, certified: see `render`.

    Raises:
        GeneratorError: a plan, a format or a text holds what cannot be
            written as a number, a name or plain text.
    """
    for plan in plans:
        require_sound(plan)
    dtypes = list(FORMATS)
    ordered = sorted(plans, key=lambda p: (dtypes.index(p.dtype), p.order))
    bodies = [lower(plan) for plan in ordered]
    return render(expression, domain, summary, bodies, tidy, formats, certified)


def to_wide_source(
    expression: str, plans: Sequence[AnyPlan], tidy: bool = True
) -> Source | None:
    """The module of what plans compute in float64; None if none does.

    Raises:
        GeneratorError: as `to_source`.
    """
    for plan in plans:
        require_sound(plan)
    twins = [p for p in plans if isinstance(p, Cover) and p.wide is not None]
    if not twins:
        return None
    bodies = [lower_wide(p) for p in sorted(twins, key=lambda p: p.order)]
    orders = 1 + max(plan.order for plan in plans)
    return render_wide(expression, bodies, orders, tidy)
