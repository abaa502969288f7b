"""Times of calls that take turns, as ratios that a noisy machine leaves."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

Calls = dict[str, Callable[[], Any]]
LEAST = 2e-3  # seconds of one turn: the CPU's clock has ticks


def timed(calls: Calls, repeats: int) -> dict[str, dict[str, list[float]]]:
    """Seconds of each call in each turn, of the CPU and on the wall.

    A short call is made as often in one turn as fills `LEAST` seconds.
    """
    times: dict[str, dict[str, list[float]]] = {
        name: {"cpu": [], "wall": []} for name in calls
    }
    often = {}
    for name, call in calls.items():
        call()
        start = time.perf_counter()
        call()
        took = time.perf_counter() - start
        often[name] = max(1, round(LEAST / max(took, 1e-9)))
    for _ in range(repeats):
        for name, call in calls.items():
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(often[name]):
                call()
            times[name]["cpu"].append((time.process_time() - cpu) / often[name])
            times[name]["wall"].append(
                (time.perf_counter() - wall) / often[name]
            )
    return times


def ratios(
    times: dict[str, dict[str, list[float]]], base: str
) -> dict[str, dict[str, float]]:
    """Of each to the base, turn by turn: the median, and half of the quartiles'
    distance; also the median milliseconds."""
    found = {}
    for name, own in times.items():
        row: dict[str, float] = {}
        for clock, values in own.items():
            of = [
                a / b for a, b in zip(values, times[base][clock], strict=True)
            ]
            low, middle, high = statistics.quantiles(of, n=4)
            row[clock] = middle
            row[f"{clock} spread"] = (high - low) / 2
            row[f"{clock} ms"] = 1e3 * statistics.median(values)
        found[name] = row
    return found
