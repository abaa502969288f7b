"""The declared functions, read from ``catalogue.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from ..errors import GeneratorError

FIELDS = {"formula", "domain", "meaning", "reference"}
PLANNERS = ("general", "closed")


@dataclass(frozen=True)
class Entry:
    """One declared function: what `make_spec` needs, and its meaning."""

    name: str
    formula: str
    domain: tuple[str, str]
    meaning: str
    reference: str
    planner: str = "general"


def load_catalogue(path: Path | None = None) -> tuple[Entry, ...]:
    """All entries, in the order of the file.

    Raises:
        GeneratorError: an entry lacks a field or has an unknown one.
    """
    path = path or Path(__file__).with_name("catalogue.toml")
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise GeneratorError(f"Cannot read the catalogue: {error}.") from None
    entries = []
    for name, table in tables.items():
        own = dict(table) if isinstance(table, dict) else {}
        planner = own.pop("planner", "general")
        if set(own) != FIELDS or planner not in PLANNERS:
            got = sorted(table) if isinstance(table, dict) else table
            raise GeneratorError(
                f"Bad catalogue entry {name!r}: expected the fields "
                f"{sorted(FIELDS)}, received {got}."
            )
        low, high = table["domain"]
        entries.append(
            Entry(
                name,
                table["formula"],
                (low, high),
                table["meaning"],
                table["reference"],
                planner,
            )
        )
    return tuple(entries)
