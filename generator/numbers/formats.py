"""The float formats that ship: data (``formats.toml``)."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

from ..errors import UnknownDtypeError
from ..plain import shown
from .floats import FloatFormat
from .format_file import FormatSource
from .format_file import read_formats


def get_format(
    name: str, formats: Mapping[str, FloatFormat] | None = None
) -> FloatFormat:
    """The format of that name, or `UnknownDtypeError`.

    Args:
        formats: those there are; by default those that ship.
    """
    known = FORMATS if formats is None else formats
    try:
        return known[name]
    except (KeyError, TypeError):
        raise UnknownDtypeError(
            f"Unknown dtype: expected one of {', '.join(known)}; "
            f"received {shown(name)}."
        ) from None


def formats_with(
    source: FormatSource | None,
) -> dict[str, FloatFormat]:
    """The formats that ship and those of `source`.

    Args:
        source: a TOML file, or its tables as a mapping; None for nothing.

    Raises:
        FormatError: the file cannot be read, or an entry is impossible.

    Example:
        >>> formats_with("examples/tf32.toml")["tf32"].precision
        11
    """
    own = {} if source is None else read_formats(source, FORMATS)
    return {**FORMATS, **own}


def asked_formats(
    source: FormatSource | None, names: Sequence[str] | None
) -> tuple[dict[str, FloatFormat], list[str]]:
    """The formats there are, and the names of those asked for.

    Args:
        names: all of them by default.

    Raises:
        FormatError: see `formats_with`.
        UnknownDtypeError: no format of that name.
    """
    formats = formats_with(source)
    found = list(dict.fromkeys(names or formats))
    for name in found:
        get_format(name, formats)
    return formats, found


FORMATS = read_formats(Path(__file__).with_name("formats.toml"), {})
