"""Errors of the generator; all derive from `GeneratorError`."""

from __future__ import annotations

MAX_SHOWN = 80  # characters of a received value in a message


class GeneratorError(ValueError):
    """Base class: what happened, what was expected, what was received."""


class NotAnExpressionError(GeneratorError):
    """The text is not a mathematical expression of the accepted grammar."""


class UnknownFunctionError(NotAnExpressionError):
    """The text calls a function that the grammar does not have."""


class VariableError(GeneratorError):
    """The expression has no variable, or more than one."""


class DomainError(GeneratorError):
    """The domain is not an interval of the extended reals."""


class SingularityError(GeneratorError):
    """A singularity in the domain that cannot be removed."""


class NotRealError(GeneratorError):
    """The expression is not real on part of the domain."""


class UnknownDtypeError(GeneratorError):
    """No float format of that name."""


class FormatError(GeneratorError):
    """A float format that cannot be, or a file of formats that is none."""


class BoundNotMetError(GeneratorError):
    """No candidate meets the asked bound; says the best one and where."""


class NotProvedError(GeneratorError):
    """A step of a proof did not go through (another radius may)."""


class StoredPlanError(GeneratorError):
    """A plan on disk that is none, or one that cannot be kept there."""


class SavedOpError(GeneratorError):
    """The configuration of a saved op that no op can have."""


class TimeLimitError(GeneratorError):
    """The formula takes longer to analyse than is allowed."""


def shown(value: object) -> str:
    """What was received, for a message: its `repr` in at most 80 characters.

    A message is bounded like what it speaks of: a number of 5000 digits has
    no decimal text in Python, and a saved model's text may be a gigabyte.
    """
    if isinstance(value, str):
        value = value[:MAX_SHOWN]
    try:
        text = ascii(value)
    except (ValueError, RecursionError):
        text = f"a huge {type(value).__name__}"
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."
