"""Objects of JSON that are read in one way."""

from __future__ import annotations

from typing import Any


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; of a name that is there twice readers may take either.

    Raises:
        ValueError: one is.
    """
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice in an object")
    return found
