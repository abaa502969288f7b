"""A function step by step: what each of its operations computes, exactly."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy
from flint import arb

from ..limits import within
from ..numbers.formats import get_format
from ..plain import shown
from .guard_check import guards_on
from .guards import Guards
from .lift import Reader
from .lift import graph_of
from .terms import Term
from .terms import X
from .tracing import reading

SHOWN = 48  # characters of a formula


@dataclass(frozen=True)
class Step:
    """One operation of Keras.

    Attributes:
        operation, args: of Keras; tensors among these are keys of steps.
        key: of its result.
        kind: the name of the operation's class.
        term: what it is; None for truth values and stacks.
    """

    operation: Any
    args: Sequence[Any]
    key: int
    kind: str
    term: Term | None

    @property
    def text(self) -> str:
        """What it computes, for a sentence."""
        if self.term is None:
            return self.kind.lower()
        text = str(self.term.meant).replace("**", "^")
        return shown(text, SHOWN)[1:-1]


@dataclass(frozen=True)
class Steps:
    """A function that was read.

    Attributes:
        formula: as it is meant.
        argument, result: keys.
        steps: in an order in which they can be computed.
    """

    formula: sympy.Expr
    argument: int
    result: int
    steps: tuple[Step, ...]
    guards: Guards
    kept: Sequence[Any]  # tensors, by whose identity steps are known

    def exact(self, step: Step, x: float) -> arb | None:
        """What a step would be in exact arithmetic."""
        if step.term is None:
            return None
        return self.guards.certain(Fraction(x), step.term.literal)


def steps_of(
    function: Callable[[Any], Any],
    seconds: float,
    domain: tuple[object, object],
    dtype: str,
    shape: tuple[int | None, ...] = (None,),
) -> Steps:
    """The steps of a function.

    Args:
        shape: of its argument; what it means over an axis of one is what
            it means.

    Raises:
        NotAnExpressionError, TimeLimitError: see `lift`.
    """
    label = shown(getattr(function, "__name__", function)).strip("'")
    with reading(function, label) as trace:

        def read() -> Steps:
            x, y = graph_of(function, trace, shape)
            guards = guards_on(label, domain, get_format(dtype))
            reader = Reader(label, guards)
            term = reader.read(y, {id(x): Term(X, X)})
            steps = tuple(
                Step(
                    operation,
                    args,
                    id(tensor),
                    type(operation).__name__,
                    None if not isinstance(made, Term) else made,
                )
                for tensor, operation, args, made in reader.made
            )
            kept = [x, *(tensor for tensor, *_ in reader.made)]
            return Steps(term.meant, id(x), id(y), steps, guards, kept)

        return within(seconds, read)
