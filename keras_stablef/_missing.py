"""What the extra ``generator`` installs, where it is missing."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any
from typing import TypeVar

F = TypeVar("F", bound=Callable[..., Any])

EXTRA = ("flint", "jinja2", "matplotlib", "mpmath", "rich", "scipy", "sympy")
INSTALL = 'pip install "keras-stablef[generator]"'


def explained(error: ImportError) -> ImportError:
    """The error itself, or one that says what to install."""
    missing = (error.name or "").partition(".")[0]
    if missing not in EXTRA:
        return error
    return ImportError(
        f"Formulas need more than the ops that ship: expected {missing}, "
        f"received no such package. Run {INSTALL}",
        name=missing,
    )


def needs_generator(function: F) -> F:
    """A function that says what to install, if that is missing."""

    @functools.wraps(function)
    def wrapped(*args: Any, **given: Any) -> Any:
        try:
            return function(*args, **given)
        except ImportError as error:
            found = explained(error)
            if found is error:
                raise
            raise found from error

    return wrapped  # type: ignore[return-value]
