"""Formats read from TOML: the ones that ship and a user's own.

Source of the terms: IEEE 754-2019, sections 3.3 and 4.3.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from fractions import Fraction
from typing import Any

from ..errors import FormatError
from ..plain import shown
from .floats import FloatFormat

# The float dtypes Keras has: what can hold a format.
KERAS_DTYPES = (
    *("float16", "bfloat16", "float32", "float64"),
    *("float8_e4m3fn", "float8_e5m2"),
)
OVERFLOWS = ("inf", "nan", "saturate")
LONGEST = 2**16  # bytes of a file of formats
# tomllib takes the square of a dotted key's length: 22 s for 2**16 bytes.
LONGEST_LINE = 1000
NEEDED = ("precision", "emin", "emax", "compute")
OPTIONAL = ("max_finite", "infinities", "nan", "overflow", "storage")
# Rounding from compute is by sums of a number and 1.5 * 2**(bits dropped),
# which stay in one binade from two bits on.
LEAST_DROPPED = 2
# Of tables, which a saved model may bring: each costs some milliseconds.
MAX_FORMATS = 64

FormatSource = str | os.PathLike[str] | Mapping[str, Any]


def read_formats(
    source: FormatSource, known: Mapping[str, FloatFormat]
) -> dict[str, FloatFormat]:
    """The formats of a file, checked.

    Args:
        known: those that are there already.  A format of the file may be
            computed in itself only if there are none: every other needs
            the measured errors of a known one.

    Raises:
        FormatError: see `formats_with`.
    """
    if not isinstance(source, (str, os.PathLike, Mapping)):
        raise FormatError(
            "Cannot read formats: expected a TOML file or its tables as a "
            f"mapping, received a {type(source).__name__}: {shown(source)}."
        )
    tables = source if isinstance(source, Mapping) else _tables(source)
    if not tables:
        raise FormatError(
            "No format: expected at least one table such as [tf32], received "
            "none."
        )
    if len(tables) > MAX_FORMATS:
        raise FormatError(
            f"Too many formats: expected at most {MAX_FORMATS}, received "
            f"{len(tables)}."
        )
    entries = [_Entry(name, table) for name, table in tables.items()]
    # Wide ones first: the others are checked against them.
    entries.sort(key=lambda e: e.get("compute", str) != e.name)
    found: dict[str, FloatFormat] = {}
    for entry in entries:
        found[entry.name] = _checked(entry, {**known, **found}, not known)
    return {name: found[name] for name in tables}


def tables_of(formats: Mapping[str, FloatFormat]) -> dict[str, dict[str, Any]]:
    """What `read_formats` reads these formats from; plain data."""
    tables = {}
    for name, fmt in formats.items():
        tables[name] = {
            "precision": fmt.precision,
            "emin": fmt.emin,
            "emax": fmt.emax,
            "infinities": fmt.infinities,
            "nan": fmt.nan,
            "overflow": fmt.overflow,
            "compute": fmt.compute,
            "storage": fmt.storage,
            "max_finite": float(fmt.max_finite),
        }
    return tables


def _tables(path: str | os.PathLike[str]) -> dict[str, Any]:
    try:
        # A device never ends, and a pipe may not.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise OSError("no regular file")
        with open(path, "rb") as stream:
            data = stream.read(LONGEST + 1)
        if len(data) > LONGEST:
            raise OSError(f"more than {LONGEST} bytes")
        if any(len(line) > LONGEST_LINE for line in data.splitlines()):
            raise OSError(f"a line of more than {LONGEST_LINE} bytes")
        return tomllib.loads(data.decode("utf-8"))
    # ValueError: no UTF-8, no TOML, a nul in the name; tables within tables
    # by the thousand are a RecursionError.
    except (OSError, ValueError, RecursionError) as error:
        raise FormatError(
            "Cannot read formats: expected a TOML file, received "
            f"{shown(os.fspath(path))}: {shown(str(error))}."
        ) from None


@dataclass(frozen=True)
class _Entry:
    """One table of the file, with the errors that name it."""

    name: str
    table: Any

    def __post_init__(self) -> None:
        # The name is written into modules.
        if not (
            isinstance(self.name, str)
            and re.fullmatch(r"[a-z][a-z0-9_]{0,31}", self.name, re.ASCII)
        ):
            self.refuse(
                "its name", "lower case letters, digits and _", self.name
            )
        if not isinstance(self.table, Mapping):
            self.refuse("its entry", "a table", self.table)
        for key in self.table:
            if key not in (*NEEDED, *OPTIONAL):
                self.refuse(
                    "a key", f"one of {', '.join((*NEEDED, *OPTIONAL))}", key
                )
        for key in NEEDED:
            if key not in self.table:
                self.refuse(
                    "its keys", f"{', '.join(NEEDED)}", sorted(self.table)
                )

    def refuse(self, what: str, expected: str, received: object) -> None:
        raise FormatError(
            f"Impossible format {shown(self.name)}: {what}: expected "
            f"{expected}, received {shown(received)}."
        )

    def need(
        self, right: bool, what: str, expected: str, received: object
    ) -> None:
        if not right:
            self.refuse(what, expected, received)

    def get(self, key: str, kind: type, default: Any = None) -> Any:
        """The value of a key, of exactly that type: True is no number."""
        if key not in self.table:
            return default
        value = self.table[key]
        words = {int: "an integer", bool: "true or false", str: "a string"}
        self.need(type(value) is kind, key, words[kind], value)
        return value


def _checked(
    entry: _Entry, known: Mapping[str, FloatFormat], first: bool
) -> FloatFormat:
    """The format of an entry, if it can be."""
    need = entry.need
    need(
        entry.name not in known,
        "its name",
        f"none of {', '.join(known)}",
        entry.name,
    )
    need(
        entry.name in KERAS_DTYPES or "storage" in entry.table,
        "storage",
        f"one of {', '.join(KERAS_DTYPES)}, as {entry.name} is no Keras dtype",
        None,
    )
    fmt = FloatFormat(
        entry.name,
        entry.get("precision", int),
        entry.get("emin", int),
        entry.get("emax", int),
        entry.get("compute", str),
        entry.get("storage", str, entry.name),
        entry.get("infinities", bool, True),
        entry.get("nan", bool, True),
        entry.get("overflow", str, "inf"),
    )
    # Before anything computes with them: 2**(10**9) would take all memory.
    need(2 <= fmt.precision <= 53, "precision", "2 to 53", fmt.precision)
    for key, value in (("emin", fmt.emin), ("emax", fmt.emax)):
        need(-1022 <= value <= 1023, key, "-1022 to 1023", value)
    need(
        fmt.emin < 0 < fmt.emax,
        "emin, emax",
        "emin < 0 < emax",
        [fmt.emin, fmt.emax],
    )
    fmt = _with_largest(entry, fmt)
    _check_overflow(entry, fmt)
    if first and fmt.compute == fmt.name:
        need(fmt.storage == fmt.name, "storage", fmt.name, fmt.storage)
        return fmt
    _check_compute(entry, fmt, known)
    _check_storage(entry, fmt, known)
    return fmt


def _with_largest(entry: _Entry, fmt: FloatFormat) -> FloatFormat:
    """With the largest finite number that the entry gives."""
    given = entry.table.get("max_finite")
    if given is None:
        return fmt
    entry.need(
        type(given) in (int, float) and abs(given) < float("inf"),
        "max_finite",
        "a number",
        given,
    )
    value = Fraction(given)
    entry.need(
        Fraction(2) ** fmt.emax <= value and fmt.holds(value),
        "max_finite",
        f"a number of the format from 2**{fmt.emax} on",
        given,
    )
    if value == fmt.max_finite:
        return fmt
    return replace(fmt, largest=value)


def _check_overflow(entry: _Entry, fmt: FloatFormat) -> None:
    able = {"inf": fmt.infinities, "nan": fmt.nan, "saturate": True}
    entry.need(
        able.get(fmt.overflow, False),
        "overflow",
        f"one of {', '.join(o for o in OVERFLOWS if able[o])} (infinities = "
        f"{str(fmt.infinities).lower()}, nan = {str(fmt.nan).lower()})",
        fmt.overflow,
    )


def _check_compute(
    entry: _Entry, fmt: FloatFormat, known: Mapping[str, FloatFormat]
) -> None:
    own = [n for n, f in known.items() if f.compute == n]
    entry.need(
        fmt.compute in own, "compute", f"one of {', '.join(own)}", fmt.compute
    )
    wide = known[fmt.compute]
    most = wide.precision - LEAST_DROPPED
    entry.need(
        fmt.precision <= most,
        "precision",
        f"at most {most}, {LEAST_DROPPED} bits less than {wide.name}",
        fmt.precision,
    )
    entry.need(
        wide.emin <= fmt.emin and fmt.emax <= wide.emax,
        "emin, emax",
        f"within those of {wide.name}, {[wide.emin, wide.emax]}",
        [fmt.emin, fmt.emax],
    )


def _check_storage(
    entry: _Entry, fmt: FloatFormat, known: Mapping[str, FloatFormat]
) -> None:
    """The storage holds the format, and compute holds the storage."""
    if fmt.storage == fmt.name:
        return
    inside = [
        n
        for n, f in known.items()
        if f.storage == n
        and f.compute == fmt.compute
        and f.precision >= fmt.precision
        and f.emin - f.precision <= fmt.emin - fmt.precision
        and f.holds(fmt.max_finite)
        and f.infinities >= fmt.infinities
        and f.nan >= fmt.nan
    ]
    entry.need(
        fmt.storage in inside,
        "storage",
        f"one that holds it: {', '.join(inside)}",
        fmt.storage,
    )
