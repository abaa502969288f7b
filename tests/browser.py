"""A headless Chromium, spoken to through two pipes: what a page shows."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--hide-scrollbars"),
    *("--disable-dev-shm-usage", "--remote-debugging-pipe"),
)
WAIT = 60.0  # seconds for any answer


def browser() -> str | None:
    """The program, if this machine has one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@dataclass
class Seen:
    """What became of a page.

    Attributes:
        requests: every address that was asked for.
        complaints: of the console, refused loads among them.
        found: what `question` came to.
        picture: the whole page, a PNG.
    """

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    found: Any = None
    picture: bytes = b""


class _Pipes:
    """Messages that end in a zero byte, one way and the other."""

    def __init__(self, reading: int, writing: int) -> None:
        self.reading, self.writing = reading, writing
        self.rest, self.count, self.events = b"", 0, list[Any]()

    def read(self) -> Any:
        end = time.monotonic() + WAIT
        while b"\0" not in self.rest:
            part = os.read(self.reading, 1 << 20)
            if not part or time.monotonic() > end:
                raise TimeoutError("the browser says nothing more")
            self.rest += part
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def ask(self, method: str, session: str = "", **given: Any) -> Any:
        self.count += 1
        told = {"id": self.count, "method": method, "params": given}
        if session:
            told["sessionId"] = session
        os.write(self.writing, json.dumps(told).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.count:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait(self, method: str) -> None:
        while all(event.get("method") != method for event in self.events):
            self.events.append(self.read())


@contextmanager
def _started(folder: Path) -> Iterator[_Pipes]:
    """The browser reads its file 3 and writes its file 4."""
    program = browser()
    assert program is not None
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    shell = f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}'
    process = subprocess.Popen(
        ["bash", "-c", shell, program, *FLAGS, f"--user-data-dir={folder}"],
        pass_fds=(theirs_in, theirs_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield _Pipes(ours_in, ours_out)
    finally:
        process.terminate()
        process.wait(WAIT)
        os.close(ours_in)
        os.close(ours_out)


def seen(page: Path, folder: Path, question: str) -> Seen:
    """The page as the browser has it.

    Args:
        folder: for the browser's own files.
        question: JavaScript, asked when the page is loaded.
    """
    with _started(folder) as pipes:
        target = pipes.ask("Target.createTarget", url="about:blank")
        session = pipes.ask(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )["sessionId"]
        for part in ("Network", "Page", "Runtime", "Log"):
            pipes.ask(f"{part}.enable", session)
        size = {"width": 1200, "height": 900, "deviceScaleFactor": 1}
        pipes.ask(
            "Emulation.setDeviceMetricsOverride", session, mobile=False, **size
        )
        pipes.events.clear()
        pipes.ask("Page.navigate", session, url=page.as_uri())
        pipes.wait("Page.loadEventFired")
        result = Seen()
        result.found = pipes.ask(
            *("Runtime.evaluate", session),
            expression=question,
            returnByValue=True,
            awaitPromise=True,
        )["result"].get("value")
        shot = pipes.ask(
            "Page.captureScreenshot", session, captureBeyondViewport=True
        )
        result.picture = base64.b64decode(shot["data"])
        for event in pipes.events:
            given = event.get("params", {})
            if event.get("method") == "Network.requestWillBeSent":
                result.requests.append(given["request"]["url"])
            elif event.get("method") == "Log.entryAdded":
                result.complaints.append(given["entry"]["text"])
            elif event.get("method") == "Runtime.exceptionThrown":
                result.complaints.append(str(given["exceptionDetails"]))
        return result
