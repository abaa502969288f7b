"""What may enter rendered source, a file's name or a message: checked text.

Whatever is rendered is executed.  So a text that goes there is printable
ASCII on one line, without what ends or escapes a string, and a name is an
identifier; both are checked where they enter, whoever made them.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable

from .errors import GeneratorError

_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_CODE = re.compile(r"[ -~]*", re.ASCII)
# 32 to 126 but for the double quote and the backslash: as a comment, within
# a docstring and within the quotes of `repr` it is itself and nothing else.
_TEXT = re.compile(r"[ !#-\[\]-~]*", re.ASCII)
LONGEST = 100  # of a name: files are named after it


def is_name(value: object) -> bool:
    """Whether it is a lower-case identifier that Python leaves free."""
    return (
        type(value) is str
        and len(value) <= LONGEST
        and _NAME.fullmatch(value) is not None
        and not keyword.iskeyword(value)
    )


def name(value: object, what: str = "name") -> str:
    """The name itself.

    Raises:
        GeneratorError: it is no lower-case Python identifier.
    """
    if not is_name(value):
        raise GeneratorError(
            f"Bad {what}: expected a lower-case Python identifier of at most "
            f"{LONGEST} characters, received {shown(value)}."
        )
    assert isinstance(value, str)
    return value


def variable(value: object, what: str = "variable") -> str:
    """The name of a program's variable itself.

    Raises:
        GeneratorError: it is no identifier in ASCII.
    """
    right = type(value) is str and _VARIABLE.fullmatch(value)
    if not right or keyword.iskeyword(str(value)):
        raise GeneratorError(
            f"Bad {what}: expected an identifier in ASCII, received "
            f"{shown(value)}."
        )
    return str(value)


def text(value: object, what: str = "text") -> str:
    """The text itself.

    Raises:
        GeneratorError: it has a line break, a double quote, a backslash or
            anything that is no printable ASCII.
    """
    if type(value) is not str or not _TEXT.fullmatch(value):
        raise GeneratorError(
            f"Bad {what}: expected printable ASCII on one line without "
            f"double quotes and backslashes, received {shown(value)}."
        )
    return value


def literal(value: object) -> str:
    """A text as a Python literal, `repr` of what was checked."""
    return repr(text(value))


def code(value: object) -> str:
    """One line of source itself.

    Raises:
        GeneratorError: it is more, or no printable ASCII.
    """
    if type(value) is not str or not _CODE.fullmatch(value):
        raise GeneratorError(
            "Bad line: expected printable ASCII on one line, received "
            f"{shown(value)}."
        )
    return value


def one_of(value: object, known: Iterable[str], what: str) -> str:
    """The text itself, which is one of a closed list.

    Raises:
        GeneratorError: it is none of them.
    """
    able = list(known)
    if type(value) is not str or value not in able:
        raise GeneratorError(
            f"Bad {what}: expected one of {', '.join(able)}; received "
            f"{shown(value)}."
        )
    return value


def shown(value: object, most: int = 60) -> str:
    """What was received, for a message: short, in ASCII, on one line."""
    if isinstance(value, str):
        return ascii(value if len(value) <= most else value[: most - 3] + "...")
    try:
        found = ascii(value)
    except Exception:  # a foreign repr: an int of 5000 digits has none
        if isinstance(value, int):
            return f"an integer of {value.bit_length()} bits"
        return f"a {type(value).__name__}"
    return found if len(found) <= most else found[: most - 3] + "..."
