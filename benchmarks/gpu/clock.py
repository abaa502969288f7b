"""Milliseconds of calls that take turns on a device that runs ahead."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

ROUNDS = 7
LEAST = 4e-3  # seconds of a turn: calls enough that to wait does not count


def medians(
    calls: dict[str, Callable[[], Any]],
    wait: Callable[[Any], Any],
    rounds: int = ROUNDS,
) -> dict[str, float]:
    """The median of each, over turns; `wait` ends when its results are there.

    A call is made twice before, so that nothing is compiled in a turn.
    """
    often, times = {}, {}
    for name, call in calls.items():
        wait(call())
        wait(call())
        start = time.perf_counter()
        wait(call())
        took = time.perf_counter() - start
        often[name] = max(1, min(50, round(LEAST / max(took, 1e-9))))
        times[name] = []
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(often[name]):
                result = call()
            wait(result)
            took = time.perf_counter() - start
            times[name].append(took / often[name] * 1e3)
    return {name: statistics.median(own) for name, own in times.items()}


def rounded(times: dict[str, float]) -> dict[str, float]:
    """Four digits, for a table."""
    return {name: float(f"{value:.4g}") for name, value in times.items()}
