"""Start the stages, end them in time, keep what they say.

A stage prints rows, JSON lines.  One with "planned" names all that it would
measure, one with "label" is of one of these; what was planned and has no row
was not reached.  A stage that fails, or is ended, leaves the rows it printed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from .stages import Group
from .stages import Stage

Row = dict[str, Any]
GRACE = 5.0  # seconds from a stage's own end to one by force


@dataclass
class Run:
    """The rows of all stages.

    Attributes:
        folder: of the results: rows.jsonl, and what each stage complained of.
        options: handed to every stage.
        environment: of the stages, with KERAS_BACKEND by stage.
        end: when all is over, by `time.monotonic`.
        written: called after each group, with the rows.
        command: what starts a stage.
        places: how many processes at a time; most of them use more cores
            than one.
    """

    folder: Path
    options: Sequence[str]
    environment: Mapping[str, str]
    end: float
    written: Callable[[list[Row]], None] = lambda rows: None
    command: Callable[[Stage], list[str]] = lambda stage: module(stage)
    rows: list[Row] = field(default_factory=list)
    places: threading.Semaphore = field(
        default_factory=lambda: threading.Semaphore(
            max(1, (os.cpu_count() or 1) // 2)
        )
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _running: dict[str, int] = field(default_factory=dict)

    def keep(self, row: Row) -> None:
        """One row more, at once in the file."""
        with self._lock:
            self.rows.append(row)
            with (self.folder / "rows.jsonl").open("a") as file:
                file.write(json.dumps(row) + "\n")

    def all(self, groups: Sequence[Group], lacks: Mapping[str, str]) -> None:
        """One group after the other; what a group leaves the next ones have.

        Args:
            lacks: why a stage cannot run, by its name.
        """
        for k, group in enumerate(groups):
            later = sum(g.seconds for g in groups[k + 1 :])
            left = self.end - time.monotonic()
            total = later + group.seconds
            seconds = max(left - later * min(1.0, left / total), 0.0)
            end = time.monotonic() + seconds
            threads = [
                threading.Thread(target=self._one, args=(stage, end))
                for stage in group.stages
                if not self._lost(stage, lacks.get(stage.name))
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.written(self.rows)

    def stop(self) -> None:
        """End what runs now; what was not reached is said by the page."""
        self.end = 0.0
        for group in list(self._running.values()):
            _end(group)

    def _lost(self, stage: Stage, why: str | None) -> bool:
        if why:
            self.keep({"stage": stage.name, "lost": why})
        return bool(why)

    def _one(self, stage: Stage, end: float) -> None:
        with self.places:
            seconds = max(min(end, self.end) - time.monotonic(), 0.0)
            if seconds:
                self._process(stage, seconds)
            else:
                self.keep({"stage": stage.name, "lost": "no time was left"})

    def _process(self, stage: Stage, seconds: float) -> None:
        command = self.command(stage)
        command += ["--seconds", f"{seconds:.0f}", *self.options]
        start = time.monotonic()
        complaints = self.folder / f"{stage.name.replace(' ', '-')}.log"
        with complaints.open("w") as log:
            process = subprocess.Popen(
                command,
                env={**self.environment, "KERAS_BACKEND": stage.backend},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # so that its processes end with it
            )
            self._running[stage.name] = process.pid
            timer = threading.Timer(seconds + GRACE, _end, [process.pid])
            timer.start()
            # Or what it started, and left behind, would hold its output open.
            threading.Thread(target=_follow, args=[process]).start()
            assert process.stdout is not None
            for line in process.stdout:
                row = _read(line)
                if row is not None:
                    self.keep(
                        {"stage": stage.name, "backend": stage.backend, **row}
                    )
            code = process.wait()
            timer.cancel()
            del self._running[stage.name]
        took = round(time.monotonic() - start, 1)
        done: Row = {"stage": stage.name, "took": took, "code": code}
        if code:
            lines = complaints.read_text(errors="replace").strip().splitlines()
            late = took >= seconds
            done["lost"] = (
                f"ended after {took:.0f} s"
                if late
                else f"exit status {code}: {' '.join(lines[-1:])[:300]}"
            )
        self.keep(done)
        print(f"{stage.name}: {took} s {done.get('lost', '')}", flush=True)


def module(stage: Stage) -> list[str]:
    """How a stage is started."""
    return [sys.executable, "-m", f"gpu.{stage.module}"]


def _read(line: str) -> Row | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None  # a library's own message
    return row if isinstance(row, dict) else None


def _follow(process: subprocess.Popen[str]) -> None:
    """End what a stage leaves behind."""
    process.wait()
    _end(process.pid)


def _end(group: int) -> None:
    """All processes of a stage, those that it started included."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
