"""All stages for all declared functions, in parallel processes."""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import as_completed
from dataclasses import dataclass

from .formula.catalogue import Entry
from .formula.spec import make_spec
from .lowering.lower import lower
from .numbers.floats import FloatFormat
from .numbers.formats import FORMATS
from .numbers.formats import get_format
from .pieces.cover import AnyPlan
from .pieces.plan import ORDERS
from .pieces.sound import require_sound
from .pipeline import derive
from .pipeline import derive_closed
from .pipeline import to_source
from .pipeline import to_wide_source
from .source.triton import render_triton
from .store.store import remembered
from .words.certificate import certify
from .words.certificate import certify_wide


@dataclass(frozen=True)
class Built:
    """What one function comes to: files by name, and the plans.

    Attributes:
        kernels: the file of its Triton kernels.
        wide: those of the bodies in float64, if there are some.
    """

    entry: Entry
    files: dict[str, str]
    kernels: dict[str, str]
    wide: dict[str, str]
    plans: tuple[AnyPlan, ...]


def plan_of(
    entry: Entry, dtype: str, order: int, fresh: bool = False
) -> AnyPlan:
    def make() -> AnyPlan:
        spec = make_spec(entry.formula, entry.name, entry.domain)
        if entry.planner == "closed":
            return derive_closed(spec, dtype, order, ORDERS)
        return derive(spec, dtype, order)

    parts = (
        entry.formula,
        entry.domain,
        entry.planner,
        repr(get_format(dtype)),
    )
    return remembered((entry.name, dtype, order), parts, make, not fresh)


def build(
    entries: Sequence[Entry],
    dtypes: Sequence[str] = tuple(FORMATS),
    orders: int = ORDERS,
    progress: Callable[[str, int, int], None] | None = None,
    workers: int | None = None,
    fresh: bool = False,
    formats: Mapping[str, FloatFormat] = FORMATS,
    certified: bool = False,
) -> list[Built]:
    """Derive, prove and render `entries`; nothing is written.

    Args:
        dtypes: names of `formats`; what they are computed in is planned.
        progress: called with a label, the plans done and their number.
        workers: processes; 0 works in this one.
        fresh: derive everything anew, whatever is in the cache.
        formats: all that the modules serve, if it is computed in one that
            is planned.
        certified: modules read their tables from the certificate beside
            them.
    """
    wide = {get_format(name, formats).compute for name in dtypes}
    computed = [d for d in FORMATS if d in wide]
    # The dear ones first, so that the processes end together.
    tasks = [
        (entry, dtype, order)
        for entry in sorted(entries, key=lambda e: e.planner != "closed")
        for dtype in sorted(computed, key=lambda d: -FORMATS[d].precision)
        for order in reversed(range(orders))
    ]
    done: dict[tuple[str, str, int], AnyPlan] = {}

    def record(task: tuple[Entry, str, int], plan: AnyPlan) -> None:
        entry, dtype, order = task
        done[entry.name, dtype, order] = plan
        if progress:
            progress(f"{entry.name} {dtype} {order}", len(done), len(tasks))

    if workers == 0:
        for task in tasks:
            record(task, plan_of(*task, fresh))
    else:
        count = min(workers or os.cpu_count() or 1, len(tasks))
        with ProcessPoolExecutor(count) as pool:
            futures = {
                pool.submit(plan_of, *task, fresh): task for task in tasks
            }
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
            formats,
            certified,
        )
        for entry in entries
    ]


def _assemble(
    entry: Entry,
    plans: list[AnyPlan],
    formats: Mapping[str, FloatFormat],
    certified: bool,
) -> Built:
    summary = f"{entry.meaning} Source: {entry.reference}"
    source = to_source(
        entry.formula,
        entry.domain,
        summary,
        plans,
        formats=formats,
        certified=certified,
    )
    certificate = certify(entry.formula, entry.domain, plans, formats)
    files = {
        f"{entry.name}.py": source.text,
        f"{entry.name}.json": certificate.text,
    }
    kernels, wide = {}, {}
    if certified:
        kernels[f"{entry.name}.py"] = kernels_of(entry.formula, plans)
        twins = to_wide_source(entry.formula, plans)
        claims = certify_wide(entry.formula, entry.domain, plans)
        if twins is not None and claims is not None:
            wide[f"{entry.name}.py"] = twins.text
            wide[f"{entry.name}.json"] = claims.text
    return Built(entry, files, kernels, wide, tuple(plans))


def kernels_of(
    expression: str, plans: Sequence[AnyPlan], shipped: bool = True
) -> str:
    """The Triton kernels of one function's plans; as safe as `to_source`.

    Raises:
        GeneratorError: as `to_source`.
    """
    for plan in plans:
        require_sound(plan)
    bodies = [lower(plan) for plan in plans]
    return render_triton(plans[0].name, expression, bodies, shipped).text
