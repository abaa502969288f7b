"""Errors of the generator; all derive from `GeneratorError`."""

from __future__ import annotations


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


class NoFloatError(DomainError):
    """The domain holds no number of a format; others may have some."""


class SingularityError(GeneratorError):
    """A singularity in the domain that cannot be removed."""


class NotRealError(GeneratorError):
    """The expression is not real on part of the domain."""


class UnknownDtypeError(GeneratorError):
    """No float format of that name."""


class FormatError(GeneratorError):
    """A float format that cannot be, or a file of formats that is none."""


class StoredPlanError(GeneratorError):
    """A plan on disk that is none, or one that cannot be kept there."""


class SavedOpError(GeneratorError):
    """The configuration of a saved op that no op can have."""


class BoundNotMetError(GeneratorError):
    """No candidate meets the asked bound; says the best one and where."""


class NotProvedError(GeneratorError):
    """A step of a proof did not go through (another radius may)."""


class TimeLimitError(GeneratorError):
    """The formula takes more time or memory than is allowed."""


class OutputError(GeneratorError):
    """A file cannot be written where it is asked for."""
