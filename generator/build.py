"""All stages for all declared functions, in parallel processes."""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import as_completed
from dataclasses import dataclass
from functools import lru_cache

from .analysis import Analysis
from .analysis import analyse
from .catalogue import Entry
from .certificate import certify
from .formats import FORMATS
from .plan import Plan
from .planner import make_plan
from .render import render
from .spec import make_spec

ORDERS = 3  # f, f' and f''


@dataclass(frozen=True)
class Built:
    """What one function comes to: files by name, and the plans."""

    entry: Entry
    files: dict[str, str]
    plans: tuple[Plan, ...]


@lru_cache(maxsize=8)
def _analysis(entry: Entry) -> Analysis:
    return analyse(make_spec(entry.formula, entry.name, entry.domain), ORDERS)


def _plan(entry: Entry, dtype: str, order: int) -> Plan:
    return make_plan(_analysis(entry), dtype, order)


def build(
    entries: Sequence[Entry],
    dtypes: Sequence[str] = tuple(FORMATS),
    orders: int = ORDERS,
    progress: Callable[[str, int, int], None] | None = None,
    workers: int | None = None,
) -> list[Built]:
    """Derive, prove and render `entries`; nothing is written.

    Args:
        progress: called with a label, the plans done and their number.
        workers: processes; 0 works in this one.
    """
    computed = [d for d in FORMATS if d in {FORMATS[n].compute for n in dtypes}]
    # The dear ones first, so that the processes end together.
    tasks = [
        (entry, dtype, order)
        for dtype in sorted(computed, key=lambda d: -FORMATS[d].precision)
        for order in reversed(range(orders))
        for entry in entries
    ]
    done: dict[tuple[str, str, int], Plan] = {}

    def record(task: tuple[Entry, str, int], plan: Plan) -> None:
        entry, dtype, order = task
        done[entry.name, dtype, order] = plan
        if progress:
            progress(f"{entry.name} {dtype} {order}", len(done), len(tasks))

    if workers == 0:
        for task in tasks:
            record(task, _plan(*task))
    else:
        count = min(workers or os.cpu_count() or 1, len(tasks))
        with ProcessPoolExecutor(count) as pool:
            futures = {pool.submit(_plan, *task): task for task in tasks}
            try:
                for future in as_completed(futures):
                    record(futures[future], future.result())
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    return [
        _assemble(
            entry,
            [
                done[entry.name, dtype, order]
                for dtype in computed
                for order in range(orders)
            ],
        )
        for entry in entries
    ]


def _assemble(entry: Entry, plans: list[Plan]) -> Built:
    summary = f"{entry.meaning} Source: {entry.reference}"
    source = render(entry.formula, entry.domain, summary, plans)
    certificate = certify(entry.formula, entry.domain, plans)
    files = {
        f"{entry.name}.py": source.text,
        f"{entry.name}.json": certificate.text,
    }
    return Built(entry, files, tuple(plans))
