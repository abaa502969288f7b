"""Bodies and their tables as lines of Python; nothing is decided here."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from fractions import Fraction

from .. import plain
from ..lowering.body import Body
from ..lowering.body import Note
from ..lowering.body import Rows
from ..lowering.body import Table
from ..lowering.tables import row_table
from ..numbers.literals import number

WIDTH = 72  # of comments


def body_lines(body: Body) -> list[str]:
    """The statements of a function, a blank line before each piece."""
    lines: list[str] = []
    for statement in body.statements:
        if isinstance(statement, Note):
            lines += ["", *comment(statement.text)]
        else:
            lines.append(f"{', '.join(statement.targets)} = {statement.value}")
    return [*lines, f"return {body.result}"]


def comment(text: str) -> list[str]:
    """Lines of a comment; a text that would end one is refused."""
    text = plain.text(text, "comment")
    return [
        "# " + line
        for line in textwrap.wrap(text, WIDTH, break_on_hyphens=False)
    ]


def reference(table: Table, body: Body) -> list[str]:
    """Where in the certificate a table stands."""
    plan = f"NAME, {body.dtype!r}, {body.order}"
    if isinstance(table, Rows):
        end = "" if table.end is None else f", {table.end}"
        return [f"{table.name} = rows_of({plan}{end})"]
    place = ", ".join(map(repr, table.place))
    return [f"{table.name} = numbers_of({plan}, {table.sign}, {place})"]


def definition(table: Table, dtype: str) -> list[str]:
    """A table as its numbers."""
    if not isinstance(table, Rows):
        return _wrapped(f"{table.name} = ", table.values, dtype)
    made = row_table(table.rows, dtype)
    found = made.lookup
    lines = ["# fmt: off", f"{table.name} = ("]
    if found.counts:
        counts = textwrap.wrap(", ".join(map(str, found.counts)) + ",", 74)
        scale = number(Fraction(2) ** found.k, dtype)
        lines += [
            f"    Grid({scale}, {found.first}, (",
            *(f"        {line}" for line in counts),
            "    )),",
        ]
    else:
        lines += _wrapped("    ", found.seams, dtype, ",")
    lines.append("    (")
    for row in made.lines:
        lines += _wrapped("        ", row, dtype, ",")
    return [
        *lines,
        "    ),",
        f"    {made.divider},",
        f"    {made.scaled},",
        ")",
        "# fmt: on",
    ]


def tuple_text(values: Sequence[Fraction], dtype: str) -> str:
    """A tuple of numbers."""
    body = ", ".join(number(v, dtype) for v in values)
    return f"({body},)" if values else "()"


def _wrapped(
    start: str, values: Sequence[Fraction], dtype: str, after: str = ""
) -> list[str]:
    return textwrap.wrap(
        tuple_text(values, dtype) + after,
        80,
        initial_indent=start,
        subsequent_indent=" " * (len(start) - len(start.lstrip()) + 1),
        break_on_hyphens=False,
        break_long_words=False,
    )
