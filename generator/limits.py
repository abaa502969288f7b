"""Limits of time and memory that hold in any thread.

A watcher beside the thread that works looks at that thread's own CPU time
(so that six processes on one core do not all run out of it), at the clock on
the wall, and at the memory of the process; beyond a limit it raises an
exception in the thread.  Symbolic work is Python, so that it ends there; what
Python cannot interrupt, an operation on a huge number, is kept small before
(`arithmetic`).
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable
from typing import Any
from typing import TypeVar

from .errors import TimeLimitError

T = TypeVar("T")

PERIOD = 0.05  # seconds between two looks
AGAIN = 0.2  # seconds until it is raised again: a finalizer swallows it
STEPS = 1000  # a pending exception is raised at the first of them
# Of the wall clock to the CPU's: so many processes may share a core, and a
# thread that sleeps or is never run ends all the same.
PATIENCE = 20.0
# Growth of the process, in bytes.  Derivations take a tenth of it; it is
# this much because other threads' work is counted too.
MEMORY = 2 * 2**30


class _Stopped(BaseException):
    """Raised in the thread; nothing on the way catches it as an error."""


_STATE = threading.local()
_FIRING = threading.Lock()


def stage(what: str, low: Any = None, high: Any = None) -> None:
    """What begins now in this thread, and where on the line; for messages.

    Args:
        low, high: numbers; what is made into text is made when it is asked.
    """
    _STATE.stage = what, low, high


def reached(low: Any, high: Any) -> None:
    """Pieces stand from one number to the other."""
    before = getattr(_STATE, "reached", None)
    if before is None or high - low > before[1] - before[0]:
        _STATE.reached = low, high


def told(reason: str) -> str:
    """The reason with the stage, what is done, and what would help."""
    what, low, high = getattr(_STATE, "stage", None) or ("", None, None)
    if not what:
        return reason
    where = "" if low is None else f" at x = {_short(low)}"
    if high is not None:
        where = f" from x = {_short(low)} to {_short(high)}"
    done = getattr(_STATE, "reached", None)
    solved = ""
    if done is not None:
        solved = (
            f" Pieces stand from x = {_short(done[0])} to {_short(done[1])}: "
            "a domain within these takes less."
        )
    return (
        f"{reason} It was at {what}{where}.{solved} A bounded or a smaller "
        "domain would help, or a larger max_ulp."
    )


def _short(value: Any) -> str:
    try:
        return f"{float(value):.6g}"
    except OverflowError:
        return "-oo" if value < 0 else "oo"


def within(seconds: float, work: Callable[[], T], memory: int = MEMORY) -> T:
    """`work()`, stopped when it takes too much; may be nested.

    Args:
        seconds: of this thread's CPU time; `PATIENCE` times that many on
            the wall.
        memory: by how many bytes the process may grow.

    Raises:
        TimeLimitError: it takes more.
    """
    watch = _Watch(seconds, memory, getattr(_STATE, "watch", None))
    _STATE.watch = watch
    if watch.outer is None:
        _STATE.stage = _STATE.reached = None
    try:
        watch.thread.start()
        result = work()
        watch.over = True
    except BaseException as error:
        # A single store, before anything that could be interrupted: from
        # here on at most one more exception is on its way.
        watch.over = True
        try:
            watch.finish()
        except _Stopped:
            watch.finish()
        if isinstance(error, _Stopped):
            raise TimeLimitError(told(watch.reason_of_any())) from None
        raise
    try:
        watch.finish()
    except _Stopped:
        watch.finish()
    return result


class _Watch:
    """One block and the thread that looks at it."""

    def __init__(
        self, seconds: float, memory: int, outer: _Watch | None
    ) -> None:
        self.seconds, self.memory, self.outer = seconds, memory, outer
        self.ident = threading.get_ident()
        self.over = False
        self.reason = ""
        self.ended = threading.Event()
        self.cpu = _cpu_clock(self.ident)
        self.cpu_start, self.wall_start = self.cpu(), time.monotonic()
        self.memory_start = resident()
        self.thread = threading.Thread(
            target=self.look, name="keras-stablef limit", daemon=True
        )

    def finish(self) -> None:
        """After it nothing is raised any more, and nothing is pending."""
        with _FIRING:
            if self.reason:
                _take_back(self.ident)
            _STATE.watch = self.outer
        self.ended.set()

    def reason_of_any(self) -> str:
        """Why this block was stopped, or one that it is part of."""
        watch: _Watch | None = self
        while watch is not None:
            if watch.reason:
                return watch.reason
            watch = watch.outer
        return "Derivation too slow: expected less, received more."

    def look(self) -> None:
        """Looks until the block has ended; the watcher's own thread."""
        wait = PERIOD
        while not (self.ended.wait(min(wait, self.seconds)) or self.over):
            self.reason = self.reason or self._excess()
            if not self.reason:
                continue
            wait = AGAIN
            with _FIRING:
                if self.over:
                    return
                _raise_in(self.ident, _Stopped)

    def _excess(self) -> str:
        try:
            cpu = self.cpu() - self.cpu_start
        except OSError:  # the thread is gone
            return ""
        wall = time.monotonic() - self.wall_start
        if cpu > self.seconds or wall > PATIENCE * self.seconds:
            return (
                f"Derivation too slow: expected at most {self.seconds:g} s of "
                "computing, received a formula that takes longer."
            )
        grown = resident() - self.memory_start
        if grown > self.memory:
            return (
                "Derivation too large: expected the process to grow by at "
                f"most {self.memory / 2**20:.0f} MiB, received a formula that "
                f"took {grown / 2**20:.0f}."
            )
        return ""


def _cpu_clock(ident: int) -> Callable[[], float]:
    """The clock of a thread's CPU time; the wall's where there is none."""
    if hasattr(time, "pthread_getcpuclockid"):
        clock = time.pthread_getcpuclockid(ident)
        return lambda: time.clock_gettime(clock)
    return time.monotonic


def resident() -> int:
    """Bytes of memory that the process holds; 0 where nobody says."""
    try:
        with open("/proc/self/statm", "rb") as stream:
            pages = int(stream.read().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _raise_in(ident: int, kind: type[BaseException]) -> None:
    """Raises at the thread's next step, instead of what is pending there."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(ident), ctypes.py_object(kind)
    )


def _take_back(ident: int) -> None:
    """Nothing is pending in this thread any more, and Python knows it.

    Taking back (SetAsyncExc with NULL) leaves CPython's mark that something
    is: every step of the process is slower from then on, and under
    sys.setprofile Python 3.11 steps no further.  So one is raised and caught.
    """
    try:
        _raise_in(ident, _Stopped)
        for _ in range(STEPS):
            pass
    except _Stopped:
        pass
