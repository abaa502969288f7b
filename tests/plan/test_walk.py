"""The way of one formula through the rooms, as docs/design.md has it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from keras_stablef.generator import plain
from keras_stablef.generator.store import store

import keras_stablef as ks

pytestmark = pytest.mark.once
PACKAGE = Path(ks.__file__).parent
GENERATOR = Path(plain.__file__).parent
DESIGN = next(
    place
    for folder in Path(__file__).resolve().parents
    if (place := folder / "docs" / "design.md").is_file()
)
# The rooms whose calls make up the way; pieces may ask analysis as they like.
SPINE = {"keras_stablef", "pipeline", "plan"}
ROOMS = {
    *("formula", "analysis", "pieces", "plan", "lowering", "source"),
    *("store", "pipeline", "wide"),
}
PASSING = (
    "Work.",
    "Special.",
    "Spec.",
    "Search.",
    "_",
    "is_fpcore",
    "shown",
    "checked_goal",
    "max_ulp_of",
)


def place(path: str) -> tuple[str, str]:
    """Room and module of a file; empty for others."""
    for root, outer in ((GENERATOR, ""), (PACKAGE, "keras_stablef")):
        try:
            parts = Path(path).with_suffix("").relative_to(root).parts
        except ValueError:
            continue
        return outer or parts[0], ".".join(parts)
    return "", ""


class Walk:
    """Calls from one room into another, each once, in order."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[str, str]] = {}
        self.stack: list[str] = []
        self.calls: dict[tuple[str, str], None] = {}

    def __call__(self, frame: FrameType, event: str, arg: Any) -> None:
        del arg
        if event == "return" and self.stack:
            self.stack.pop()
        elif event == "call":
            path = frame.f_code.co_filename
            if path not in self.known:
                self.known[path] = place(path)
            room, module = self.known[path]
            before = self.stack[-1] if self.stack else ""
            self.stack.append(room or before)
            if room in ROOMS and room != before and before in SPINE:
                name = frame.f_code.co_qualname
                if not name.startswith(PASSING) and "<" not in name:
                    self.calls[before, f"{module}.{name}"] = None


def documented() -> Iterator[tuple[str, str]]:
    """Caller and callee of each line of the walk."""
    text = DESIGN.read_text(encoding="utf-8")
    (block,) = re.findall(r"## A walk\n.*?```\n(.*?)```", text, re.DOTALL)
    for line in block.splitlines():
        caller, callee, *_ = line.split()
        yield caller, callee


def test_the_walk_of_a_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(store.FOLDER_VARIABLE, "")
    walk = Walk()
    sys.setprofile(walk)
    try:
        ks.stabilize("log(1+x)/x", (-1, "oo"), name="walked")(0.5)
    finally:
        sys.setprofile(None)
    found = [c for c in walk.calls if not c[1].endswith("domain_text")]
    assert found == list(documented())


def test_each_room_is_visited_once_going_down() -> None:
    """Formulas and analysis may be asked for; pieces are made by kind."""
    rooms = [callee.split(".")[0] for _, callee in documented()]
    for room in ("plan", "lowering", "source", "store"):
        own = {c for c in documented() if c[1].startswith(f"{room}.")}
        callers = {caller for caller, _ in own}
        assert len(callers) == len(own), room
    assert rooms.index("plan") < rooms.index("lowering")
    assert rooms.index("lowering") < rooms.index("source")
