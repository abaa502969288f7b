"""A Python function over `keras.ops` to a sympy expression.

The function is called once with a symbolic tensor of Keras; the graph that
this records is read back.  Its source is looked at for messages alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from ..errors import NotAnExpressionError
from ..limits import within
from ..numbers.floats import FloatFormat
from ..numbers.formats import get_format
from ..plain import shown
from .arithmetic import RefusedError
from .arithmetic import call
from .guard_check import check
from .guard_check import guards_on
from .guard_check import note
from .guards import Guards
from .keras_names import BINARY
from .keras_names import COMPARISONS
from .keras_names import CONFIGURED
from .keras_names import REDUCTIONS
from .keras_names import TRUTHS
from .keras_names import UNARY
from .keras_names import composed
from .keras_names import hint
from .keras_names import is_single
from .meant import number
from .spec import SEVERAL
from .terms import Term
from .terms import Truth
from .terms import X
from .terms import both
from .tracing import Place
from .tracing import Trace
from .tracing import instead
from .tracing import place_of
from .tracing import reading
from .written import formula_of
from .written import refuse_size


@dataclass(frozen=True)
class Lifted:
    """What a function computes.

    Attributes:
        formula: as it is meant; as text where it is a number.
        said: what the function's own code does otherwise, a sentence each.
        note: of its guards, for an error about the formula.
    """

    formula: sympy.Expr | str
    said: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Stack:
    """Several terms along an axis of their own."""

    terms: tuple[Term, ...]
    axis: int


def lift(
    function: Callable[[Any], Any],
    seconds: float,
    domain: tuple[object, object] = ("-oo", "oo"),
    dtype: str = "float32",
) -> Lifted:
    """The formula that `function` computes.

    Args:
        seconds: of computing, for the call and for what it recorded.
        domain: where guards are compared with what they guard.
        dtype: that the function is run in; by more than its rounding they
            are not to differ.

    Raises:
        NotAnExpressionError: it cannot be called with one tensor, branches
            on its value, or uses an operation that is no formula (a
            reduction, a jump); or the formula is too large.
        TimeLimitError: it takes more time or memory.
    """
    label = shown(getattr(function, "__name__", function)).strip("'")
    _refuse_several(function, label)
    fmt = get_format(dtype)
    with reading(function, label) as trace:
        return within(seconds, lambda: _lifted(function, trace, domain, fmt))


def _refuse_several(function: Callable[[Any], Any], label: str) -> None:
    """Raises for a function that needs more than one argument."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # of C, say
        return
    needed = [
        p.name
        for p in parameters
        if p.default is p.empty
        and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    if len(needed) > 1:
        names = ", ".join(needed)
        raise NotAnExpressionError(
            f"Cannot read {label}: expected a function of one tensor, "
            f"received one of {len(needed)} ({shown(names)[1:-1]}). Fix the "
            f"others as numbers: lambda {needed[0]}: {label}("
            f"{', '.join([needed[0], *('1.0' for _ in needed[1:])])}). "
            f"{SEVERAL}"
        )


def _lifted(
    function: Callable[[Any], Any],
    trace: Trace,
    domain: tuple[object, object],
    fmt: FloatFormat,
) -> Lifted:
    x, y = graph_of(function, trace, (None,))
    label = trace.label
    guards = guards_on(label, domain, fmt)
    reader = Reader(label, guards)
    term = reader.read(y, {id(x): Term(X, X)})
    notes = [*reader.said, *check(guards, term, fmt)]
    meant = term.meant
    # A number in sympy would be a formula in no variable.
    formula = meant if meant.free_symbols else f"{formula_of(meant)}+0*{X}"
    return Lifted(formula, tuple(notes), note(guards))


def graph_of(
    function: Callable[[Any], Any], trace: Trace, shape: tuple[int | None, ...]
) -> tuple[Any, Any]:
    """The argument of a function and its result, as Keras' tensors."""
    import keras

    label = trace.label
    x = keras.KerasTensor(shape, dtype=keras.config.floatx())
    try:
        y = function(x)
    except Exception as error:
        trace.refuse()
        place = trace.of_error(error)
        where = f" by {place}" if place else ""
        said = str(error).split(". ")[0].split("\n")[0].rstrip(".")
        raise NotAnExpressionError(
            f"Cannot read {label}: expected a function of one tensor over "
            f"keras.ops, received {type(error).__name__}{where}: {said}."
            f"{instead(place)}"
        ) from error
    trace.refuse()
    if not isinstance(y, keras.KerasTensor):
        raise NotAnExpressionError(
            f"Cannot read {label}: expected one tensor that depends on its "
            f"argument, received {shown(type(y).__name__)}."
        )
    return x, y


class Reader:
    """Reads a graph back.

    Attributes:
        said: what is to be known of how it was read.
        made: each tensor that was read, in an order in which it can be
            computed: itself, its operation, the arguments, and what it is.
    """

    def __init__(self, label: str, guards: Guards) -> None:
        self.label, self.guards = label, guards
        self.said: list[str] = []
        self.made: list[tuple[Any, Any, Sequence[Any], Any]] = []

    def read(self, y: Any, known: dict[int, Any]) -> Term:
        """The formula of a tensor, by those that it was made from.

        Each tensor once, without recursion and with a limit of the
        formula's size: one that is used twice in every step doubles it
        with each.

        Args:
            known: what tensors are, by identity.
        """
        import keras

        stack = [y]
        while stack:
            tensor = stack[-1]
            if id(tensor) in known:
                stack.pop()
                continue
            operation, args = self._made_by(tensor)
            symbolic = [
                a
                for a in keras.tree.flatten(args)
                if isinstance(a, keras.KerasTensor)
            ]
            missing = [a for a in symbolic if id(a) not in known]
            if missing:
                stack += missing
                continue
            made = self._apply(operation, args, known, place_of(tensor))
            for term in made.terms if isinstance(made, Stack) else [made]:
                if isinstance(term, Term):
                    refuse_size(term.meant)
            known[id(tensor)] = made
            self.made.append((tensor, operation, args, made))
        term = known[id(y)]
        if isinstance(term, Truth):
            term = self.guards.share(term, place_of(y))
        if not isinstance(term, Term):
            raise self._refusal(place_of(y), "Stack", "one number", "several")
        return term

    def _made_by(self, tensor: Any) -> tuple[Any, Sequence[Any]]:
        """The operation of Keras whose result it is, and its arguments.

        An operation has a node for each of its calls.
        """
        history = getattr(tensor, "_keras_history", None)
        operation = getattr(history, "operation", None)
        nodes = getattr(operation, "_inbound_nodes", ())
        node = nodes[history.node_index] if history and nodes else None
        if node is None or not node.input_tensors:
            raise NotAnExpressionError(
                f"Cannot read {self.label}: expected tensors that are made "
                "from its argument, received another one."
            )
        whose = type(operation).__module__.partition(".")[0]
        name = shown(type(operation).__name__).strip("'")
        ours = (whose, name) == ("keras_stablef", "StableOp")
        one = len(node.output_tensors) == 1
        if not ((whose == "keras" or ours) and one):
            raise NotAnExpressionError(
                f"Cannot read {self.label}: expected operations of Keras "
                f"with one result, received {name}."
            )
        if node.arguments.kwargs:
            raise NotAnExpressionError(
                f"Cannot read {self.label}: expected {name} with its tensors "
                f"alone, received {shown(sorted(node.arguments.kwargs))} too."
            )
        return operation, node.arguments.args

    def _apply(
        self,
        operation: Any,
        args: Sequence[Any],
        known: dict[int, Any],
        place: Place | None,
    ) -> Any:
        import keras

        kind = type(operation).__name__
        if kind == "Gelu" and operation.approximate:
            kind = "GeluApproximate"

        def part(value: Any) -> Any:
            if isinstance(value, keras.KerasTensor):
                return known[id(value)]
            return self._number(value, kind, place)

        if kind == "FullLike" and len(args) == 2:
            args = args[1:]
            return part(args[0])
        parts = [
            [part(a) for a in arg]
            if isinstance(arg, (list, tuple))
            else (part(arg))
            for arg in args
        ]
        try:
            made = self._made(kind, operation, parts, args, place)
        except RefusedError as error:
            raise self._refusal(
                place, kind, "numbers in proportion", str(error), ""
            ) from None
        if made is None:
            raise self._refusal(
                place, kind, "functions of one number", kind, hint(kind)
            )
        return made

    def _made(
        self,
        kind: str,
        operation: Any,
        parts: list[Any],
        args: Sequence[Any],
        place: Place | None,
    ) -> Any:
        """What an operation makes of its arguments; None: it is not known."""
        truths = self._of_truths(kind, parts, place)
        if truths is not None:
            return truths
        if kind == "Stack" and isinstance(parts[0], list):
            return Stack(
                tuple(self._terms(parts[0], place)), operation.axis % 2
            )
        if kind in REDUCTIONS and isinstance(parts[0], Term):
            return parts[0] if is_single(operation, args[0]) else None
        if kind in REDUCTIONS and isinstance(parts[0], Stack):
            axis = operation.axis
            axes = axis if isinstance(axis, (list, tuple)) else [axis]
            if list(a if a is None else a % 2 for a in axes) != [parts[0].axis]:
                return None
            fold = REDUCTIONS[kind]
            return both(lambda *v: fold(list(v)), *parts[0].terms)
        if any(isinstance(p, (Stack, list)) for p in parts):
            return None
        terms = self._terms(parts, place)
        return self._guarded(kind, operation, terms, place) or self._plain(
            kind, operation, terms
        )

    def _of_truths(
        self, kind: str, parts: list[Any], place: Place | None
    ) -> Any:
        logic = {"LogicalAnd": "and", "LogicalOr": "or", "LogicalNot": "not"}
        if kind in COMPARISONS or kind in TRUTHS:
            way = COMPARISONS[kind] if kind in COMPARISONS else TRUTHS[kind]
            truth = Truth(way, tuple(self._terms(parts, place)))
            return truth if truth.is_clear() else None
        if kind in logic and all(isinstance(p, Truth) for p in parts):
            return Truth(logic[kind], tuple(parts))
        if kind == "Where" and len(parts) == 3:
            truth, *branches = parts
            if isinstance(truth, Truth):
                a, b = self._terms(branches, place)
                return self.guards.where(truth, a, b, place)
        if kind == "Select" and len(parts) == 3:
            truths, branches, default = parts
            (made,) = self._terms([default], place)
            for truth, branch in reversed(
                list(zip(truths, branches, strict=True))
            ):
                (term,) = self._terms([branch], place)
                made = self.guards.where(truth, term, made, place)
            return made
        return None

    def _guarded(
        self,
        kind: str,
        operation: Any,
        terms: list[Term],
        place: Place | None,
    ) -> Term | None:
        """Operations that may hold a formula off."""
        if kind in ("Maximum", "Minimum"):
            for u, bound in (terms, terms[::-1]):
                if bound.is_number and not u.is_number:
                    if kind == "Maximum":
                        return self.guards.clip(u, bound.meant, None, place)
                    return self.guards.clip(u, None, bound.meant, place)
        if kind == "Clip":
            low, high = (
                None if end is None else self._number(end, kind, place).meant
                for end in (operation.x_min, operation.x_max)
            )
            return self.guards.clip(terms[0], low, high, place)
        if kind == "NanToNum":
            nan = self._number(operation.nan, kind, place).meant
            return self.guards.nan_to_num(terms[0], nan, place)
        if kind == "DivideNoNan":
            meant = both(BINARY[kind], *terms).meant
            return self.guards.divide_no_nan(meant, terms[0], terms[1], place)
        return None

    def _plain(
        self, kind: str, operation: Any, terms: list[Term]
    ) -> Term | None:
        if kind in BINARY and len(terms) == 2:
            return both(BINARY[kind], *terms)
        if len(terms) != 1:
            return None
        if kind in ("Cast", "ConvertToTensor", "Array"):
            dtype = getattr(operation, "dtype", None)
            if dtype is not None and not str(dtype).startswith(
                ("float", "bfloat")
            ):
                return None
        if kind == "StopGradient":
            self.said.append(
                f"{self.label}: keras.ops.stop_gradient is read as what it "
                "is of; the op's gradient is the whole formula's."
            )
        if kind == "StableOp":  # one of this package's, which has a formula
            return both(lambda a: call(composed(operation), a), terms[0])
        if kind in UNARY:
            return both(lambda a: call(UNARY[kind], a), terms[0])
        made = CONFIGURED.get(kind)
        if made is None or made(operation, terms[0].meant) is None:
            return None
        return both(lambda a: call(lambda v: made(operation, v), a), terms[0])

    def _terms(self, parts: Sequence[Any], place: Place | None) -> list[Term]:
        """Truth values as 0 and 1."""
        return [
            self.guards.share(p, place) if isinstance(p, Truth) else p
            for p in parts
        ]

    def _number(self, value: Any, kind: str, place: Place | None) -> Term:
        import keras

        found = number(value)
        if found is None:
            received = type(value).__name__
            if isinstance(value, keras.Variable):
                hint = " Write its value: float(variable)."
            elif keras.ops.is_tensor(value) or hasattr(value, "shape"):
                received = f"a tensor of shape {tuple(value.shape)}"
                hint = " Every number has a formula of its own."
            else:
                hint = ""
            raise self._refusal(
                place, kind, "numbers and tensors", received, hint
            )
        if found in (sympy.oo, -sympy.oo, sympy.nan):
            raise self._refusal(place, kind, "finite numbers", str(value))
        return Term(found, found)

    def _refusal(
        self,
        place: Place | None,
        kind: str,
        expected: str,
        received: str,
        hint: str = "",
    ) -> NotAnExpressionError:
        where = str(place) if place else kind
        return NotAnExpressionError(
            f"Cannot read {self.label}: expected {expected} in {where}, "
            f"received {received}{'' if received == kind else f' in {kind}'}."
            f"{hint}"
        )
