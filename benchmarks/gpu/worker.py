"""What the stages share: options, the clock, rows, the unit of an error."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

ORDERS = (0, 1, 2)
QUICK = ("stablef", "exprel")  # without a table, and with one
Row = dict[str, Any]


class TimeOverError(Exception):
    """The time is over."""


class Work:
    """The options of a stage's process."""

    def __init__(self) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("--seconds", type=float, default=1e9)
        parser.add_argument("--device", choices=("cuda", "cpu"), required=True)
        parser.add_argument("--quick", action="store_true")
        parser.add_argument("--out", default="out/gpu")
        options = parser.parse_args()
        self.end = time.monotonic() + options.seconds
        self.device, self.quick = options.device, options.quick
        self.out = options.out
        self.backend = os.environ["KERAS_BACKEND"]

    def names(self) -> list[str]:
        """The shipped functions, `stablef` first."""
        from keras_stablef._shipped import NAMES

        if self.quick:
            return list(QUICK)
        return sorted(NAMES, key=lambda name: (name != "stablef", name))

    def is_over(self) -> bool:
        """Whether the time is."""
        return time.monotonic() > self.end

    def left(self) -> float:
        """Seconds."""
        return max(self.end - time.monotonic(), 0.0)

    def look(self) -> None:
        """Raise `TimeOverError` if the time is over."""
        if self.is_over():
            raise TimeOverError

    def workers(self, most: int) -> int:
        """How many to compile with at once."""
        return 1 if self.quick else max(1, min(most, os.cpu_count() or 1))


def say(**row: Any) -> None:
    """One row."""
    print(json.dumps(row), flush=True)


def planned(labels: Iterable[str]) -> None:
    """All that a stage would measure."""
    say(planned=list(labels))


def label(name: str, order: int, *more: str) -> str:
    """f, f' or f'', and how."""
    return ", ".join([name + "'" * order, *more])


def exact_error(
    name: str, order: int, dtype: str, x: float, y: float
) -> float | None:
    """Of y at x in ulp, by multiple precision; None if that is not there.

    The tests' own oracle, for the one place of a row where it is worst.
    """
    try:
        import judge
        import numpy as np

        wanted = judge.exact(name, order, np.array([x]))
        found = judge.ulp_errors(np.array([y]), wanted, dtype)
        return round(float(found[0]), 4)
    except Exception:  # no python-flint, or a place that it does not know
        return None


def accuracy(
    name: str,
    order: int,
    dtype: str,
    mode: str,
    inputs: int,
    worst: tuple[float, float, float],
    wrong: int,
) -> None:
    """Say what a sweep found.

    Args:
        worst: error, and input and result where it is.
        wrong: nan where there should be none, or none where there should.
    """
    import keras_stablef as ks

    error, x, y = worst
    bound = getattr(ks.ops, name).error_bound(dtype, order)
    say(
        label=label(name, order, dtype, mode),
        kind="accuracy",
        name=name,
        order=order,
        dtype=dtype,
        mode=mode,
        inputs=inputs,
        worst=round(error, 4),
        at=x,
        exact=exact_error(name, order, dtype, x, y) if error else 0.0,
        bound=bound,
        nan=wrong,
        ok=error <= bound and not wrong,
    )


def within(work: Work, things: Iterator[Any]) -> Iterator[Any]:
    """What comes before the time is over."""
    try:
        for thing in things:
            yield thing
            if work.is_over():
                return
    except TimeoutError:
        return


def failed(about: str, error: Exception) -> None:
    """Say that something could not be measured, and why."""
    lines = (str(error).strip() or "no reason given").splitlines()
    why = f"{type(error).__name__}: {lines[0][:300]}"
    say(label=about, kind="failed", why=why, ok=False)


def leave() -> None:
    """End now, whatever threads still compile."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
