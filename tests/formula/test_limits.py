"""Limits of time and memory: in any thread, and never after the block."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from keras_stablef.generator import limits
from keras_stablef.generator.errors import GeneratorError
from keras_stablef.generator.errors import TimeLimitError
from keras_stablef.generator.formula.spec import make_spec
from keras_stablef.generator.limits import within
from keras_stablef.generator.pipeline import derive

pytestmark = pytest.mark.once
MIB = 2**20


def spin() -> None:
    while True:
        pass


def deaf() -> None:
    """Swallows every error, as a finalizer does."""
    while True:
        try:
            spin()
        except Exception:
            pass


def swallows_twice() -> None:
    for _ in range(2):
        try:
            spin()
        except BaseException:
            pass
    spin()


def grow() -> None:
    kept = []
    while True:
        kept.append(bytearray(MIB))


def sleep() -> None:
    while True:
        time.sleep(0.01)


def within_a_longer_one() -> None:
    within(1e3, spin)


def a_shorter_one_within() -> None:
    with pytest.raises(TimeLimitError, match=r"0\.05 s"):
        within(0.05, spin)
    spin()


def in_thread(work: Callable[[], Any]) -> Any:
    """What `work` gives or raises in a thread of its own."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(work())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


def here(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except BaseException as error:
        return error


STOPPED = [
    (spin, "0.2 s"),
    (deaf, "0.2 s"),
    (swallows_twice, "0.2 s"),
    (within_a_longer_one, "0.2 s"),
    (a_shorter_one_within, "0.2 s"),
]


@pytest.mark.parametrize("where", [here, in_thread])
@pytest.mark.parametrize(("work", "said"), STOPPED)
def test_time(where: Any, work: Callable[[], None], said: str) -> None:
    got = where(lambda: within(0.2, work))
    assert type(got) is TimeLimitError
    assert f"at most {said}" in str(got)
    assert "received" in str(got)


@pytest.mark.parametrize("where", [here, in_thread])
def test_memory(where: Any) -> None:
    got = where(lambda: within(60, grow, memory=64 * MIB))
    assert type(got) is TimeLimitError
    assert "at most 64 MiB" in str(got)


def test_the_wall_ends_what_does_not_compute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "PATIENCE", 2.0)
    with pytest.raises(TimeLimitError):
        within(0.1, sleep)


def test_without_a_clock_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(time, "pthread_getcpuclockid")
    with pytest.raises(TimeLimitError):
        within(0.1, sleep)


def test_only_the_own_time_counts() -> None:
    """Others that compute, and sleep, take none of the thread's seconds."""
    ended = threading.Event()

    def busy() -> None:
        while not ended.is_set():
            pass

    others = [threading.Thread(target=busy) for _ in range(3)]
    for thread in others:
        thread.start()

    def wait() -> str:
        end = time.monotonic() + 1.2
        while time.monotonic() < end:
            time.sleep(0.02)
        return "done"

    try:
        assert within(0.6, wait) == "done"
    finally:
        ended.set()
        for thread in others:
            thread.join()


def test_results_and_errors_come_through() -> None:
    assert within(5, lambda: "done") == "done"
    with pytest.raises(KeyError):
        within(5, lambda: {}["no"])
    with pytest.raises(KeyboardInterrupt):
        within(5, _interrupted)


def _interrupted() -> None:
    raise KeyboardInterrupt


def test_nothing_is_raised_after_the_block(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Blocks that end just when they are to be stopped, over and over."""
    monkeypatch.setattr(limits, "PERIOD", 1e-3)
    monkeypatch.setattr(limits, "AGAIN", 1e-3)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)  # so that the watcher is soon run
    request.addfinalizer(lambda: sys.setswitchinterval(before))
    late: list[BaseException] = []
    counts = {"done": 0, "stopped": 0}

    def work(seconds: float) -> str:
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass
        return "done"

    def many() -> None:
        for k in range(80):
            # From none to more than any limit, and most about this one.
            seconds = (0.0, 1e3, *(2e-3 + j * 5e-4 for j in range(18)))[k % 20]
            try:
                counts[within(4e-3, lambda s=seconds: work(s))] += 1
            except TimeLimitError:
                counts["stopped"] += 1
            try:
                for _ in range(3000):
                    pass
            except BaseException as error:
                late.append(error)

    threads = [threading.Thread(target=many) for _ in range(3)]
    for thread in threads:
        thread.start()
    many()
    for thread in threads:
        thread.join()
    assert late == []
    assert sum(counts.values()) == 320
    assert counts["done"] >= 16 and counts["stopped"] >= 16
    watchers = [t for t in threading.enumerate() if "limit" in t.name]
    for thread in watchers:
        thread.join(10)  # it has only to be run once more
        assert not thread.is_alive()


def test_derivations_stop_in_a_thread() -> None:
    spec = make_spec("sin(x)/x", "f", ("-100", "100"))
    got = in_thread(lambda: derive(spec, "float64", 2, limit=0.05))
    assert type(got) is TimeLimitError


TOWER = "(((((2**64)**64)**64)**64)**64)**64"
HUGE = [
    TOWER + "*x",
    f"x*exp(x)/{TOWER}",
    f"x + {TOWER}**-1",
    f"({TOWER}*x)**2",
    "9**9**9*x",
    "((1e400**8)**8)**8*x",
    "((((3*x)**64)**64)**64)**64",
    "(((((1+x)**64+1)**64+1)**64+1)**64+1)**64",
    "exp(exp(exp(9)))*x",
    "x*exp(-exp(exp(9)))",
    "x**exp(exp(exp(9)))",
    "exp(x + 1000000000000*log(3))",
    "3**(x + 1000000000000*log(5)/log(3))",
    "cosh(1e12)*x",
    "((3**(60+x))**64)**64",
    "3**(x+1000000)",
    "0x" + "f" * 1900 + "*x",
    "x*" + "9" * 1900,
    "1e999999999*x",
]


@pytest.mark.parametrize("text", HUGE)
def test_sizes_are_bounded_before_they_are_made(text: str) -> None:
    before = limits.resident()
    got = in_thread(lambda: make_spec(text))
    assert isinstance(got, GeneratorError)
    assert not isinstance(got, TimeLimitError)  # it was not even begun
    assert "received" in str(got)
    assert limits.resident() - before < 32 * MIB


# Without what the packages import, which takes seconds.
PROFILED = """
import sys
import types
for name in ("keras_stablef", "keras_stablef.generator"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [sys.argv[1]]
from keras_stablef.generator.errors import TimeLimitError
from keras_stablef.generator.limits import within

def busy():
    while True:
        pass

try:
    within(0.2, busy)
except TimeLimitError:
    pass
sys.setprofile(lambda *_: None)
(lambda: None)()  # Python 3.11 stood still here
sys.setprofile(None)
print("went on")
"""


def test_nothing_is_left_pending() -> None:
    """What was stopped leaves no mark in the interpreter."""
    run = subprocess.run(
        [sys.executable, "-c", PROFILED, str(Path(limits.__file__).parent)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "KERAS_BACKEND": "numpy"},
    )
    assert "went on" in run.stdout, run.stderr
