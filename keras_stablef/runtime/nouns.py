"""Types of the runtime, for people and type checkers."""

from __future__ import annotations

from typing import Any

Pair = tuple[Any, Any]  # a + b
# Seams or a grid, lines, divider, whether lines are scaled: see `tables`.
RowTable = tuple[Any, tuple[tuple[float, ...], ...], float | None, bool]
