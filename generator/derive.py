"""One plan for one function, order and format: the way in for everybody."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import sympy

from .analysis import Analysis
from .analysis import analyse
from .cover import Cover
from .coverer import make_cover
from .errors import TimeLimitError
from .formats import get_format
from .parity import parity_of
from .plan import Plan
from .planner import make_plan
from .planner import max_ulp_of
from .spec import Spec

AnyPlan = Plan | Cover


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Ends the block with `TimeLimitError` after that many seconds.

    Symbolic work cannot be interrupted from within; a signal can, but only
    in the main thread.  Elsewhere the planner's own checks have to do.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(signum: int, frame: object) -> None:
        raise TimeLimitError(
            f"Derivation too slow: expected at most {seconds:g} s, received "
            "a formula that takes longer."
        )

    before = signal.signal(signal.SIGALRM, stop)
    # Again and again: one raised inside a finalizer would be swallowed.
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


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
        limit: seconds after which it is given up.

    Raises:
        SingularityError, NotRealError: with the place or the interval.
        BoundNotMetError: with the best bound found, and where.
        TimeLimitError: see `limit`.
    """
    goal = max_ulp_of(order) if max_ulp is None else max_ulp
    low, high = spec.domain
    with time_limit(limit):
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


@lru_cache(maxsize=8)
def _analysis(spec: Spec, orders: int) -> Analysis:
    return analyse(spec, orders)


def derive_closed(spec: Spec, dtype: str, order: int, orders: int) -> Plan:
    """A plan with closed forms in exp(-|x|), cheaper to run.

    For functions on all reals that are rational in x and one exponential
    and symmetric about a point; it takes ten times as long to derive.
    """
    return make_plan(_analysis(spec, orders), dtype, order)
