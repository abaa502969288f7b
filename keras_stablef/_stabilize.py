"""`stabilize`: an op from anybody's formula, derived when it is needed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any
from typing import overload

import keras

from ._derived import Derived
from ._derived import derived
from ._derived import lifted
from ._derived import names_a_place
from ._named import ALL_REALS
from ._named import Domain
from ._named import function_of
from ._op import StableOp
from ._op import shared_ops


@overload
def stabilize(
    formula: None = None,
    domain: Domain | None = ...,
    *,
    name: str | None = None,
    max_ulp: float | None = None,
    formats: Any = None,
    outside: str = "nan",
) -> Callable[[Callable[[Any], Any]], StableOp]: ...
@overload
def stabilize(
    formula: Any,
    domain: Domain | None = ...,
    *,
    name: str | None = None,
    max_ulp: float | None = None,
    formats: Any = None,
    outside: str = "nan",
) -> StableOp: ...
def stabilize(
    formula: Any = None,
    domain: Domain | None = None,
    *,
    name: str | None = None,
    max_ulp: float | None = None,
    formats: Any = None,
    outside: str = "nan",
) -> Any:
    """An op that computes a formula to a few ulp, and its derivatives too.

    Args:
        formula: text such as ``"log(1+x)/x"``, an FPCore of one argument
            (its :pre is the domain), a sympy expression in one
            variable, or a Python function of one argument over
            `keras.ops`, with `where` in the place of `if`.  With no formula
            it is a decorator for such a function.  Guards are not kept:
            ``where(x == 0, 0.5, g)`` and ``maximum(g, 1e-7)`` mean g, and
            where they differ from it by more than rounding a warning says
            how much.  Text is parsed by a whitelist
            and never evaluated; its numbers are exact, 0.1 is one tenth,
            and so are floats in a sympy expression or a function.  The name
            of an op that ships, such as ``"log_cosh"``, stands for its
            formula and its domain: with nothing else given it is that op.
        domain: the interval on which the bound shall hold, all reals by
            default; numbers, text or sympy.  A float (Python's, NumPy's or
            sympy's) is that float exactly, text is exact as in formulas:
            0.1 is 0x1.999999999999ap-4 and "0.1" one tenth.  "oo", "inf"
            and "infinity" are infinity.
        name: of the op; "f", or the function's own name, by default.
        max_ulp: the bound to meet, in ulp; by default 2 for f and f' and 4
            for f''.
        formats: a TOML file of formats of your own (docs/dtypes.md), or its
            tables as a mapping: `StableOp.in_format` gives the op in one.
        outside: what an input outside of the domain gives.  "nan", or "clip":
            the value at the nearest end, its limit where that is none of f's
            (-inf for ``log(x)`` at -1), and 0 for derivatives, as of f at an
            input that is clipped.  nan gives nan.

    Returns:
        A `StableOp`: any shape, float16, bfloat16, float32, float64 or
        float8, on TensorFlow, JAX and PyTorch.  At a removable point of the
        formula value and derivatives are those of the filled-in function,
        at an end of the domain they are the limits.  At a kink that is a
        number of the dtype, such as 0 for ``abs(x)``, derivatives are the
        limits from above; of an even or odd function this is so for x >= 0,
        and those for x < 0 are mirrored.  At any other kink every number is
        on one side of it.  The value and gradient for
        `keras.config.floatx()` are derived now; another dtype or order when
        it is first used, and all are kept on disk.

    Raises:
        NotAnExpressionError, VariableError, DomainError: bad input; a bare
            name of several letters is one, the nearest ones are said.
        GeneratorError: `name` is no lower-case identifier, `max_ulp` no
            positive number, `outside` no such word.
        NoFloatError: no dtype has a number in the domain; where only some
            have none it is raised when one of these is used.
        SingularityError: a pole or branch point inside the domain; where.
        NotRealError: not real on part of the domain; which.
        FormatError: `formats` has an entry that cannot be.
        BoundNotMetError: `max_ulp` cannot be met; the best, and where.
        TimeLimitError: the formula takes too long to analyse (a minute of
            this thread's computing), or too much memory.
        All are subclasses of `ValueError`.

    Example:
        >>> import keras_stablef as ks
        >>> op = ks.stabilize("(1-cos(x))/x**2", domain=(-3, 3))
        >>> op(1e-8)  # 0.5
        >>> op.derivative()(0.0)  # 0.0
        >>> op.error_bound("float32", order=1)  # below 2

    Source: local Taylor models with relative remainders (Chevillard,
    Harrison, Joldes and Lauter, 2011), running error analysis (Higham,
    *Accuracy and Stability of Numerical Algorithms*, section 3.3), pairs of
    floats (Dekker, 1971).
    """
    if formula is None:
        return lambda function: stabilize(
            function,
            domain,
            name=name,
            max_ulp=max_ulp,
            formats=formats,
            outside=outside,
        )
    if isinstance(formula, str):
        function = function_of(formula, domain, name, max_ulp, formats, outside)
        if isinstance(function, Derived):
            function.derive_now(_floatx(function))
        return shared_ops(function)[0]
    note = ""  # on what was taken for a guard
    if callable(formula) and not hasattr(formula, "free_symbols"):
        own = getattr(formula, "__name__", None)
        name = name or (own.lower() if isinstance(own, str) else "f")
        read = lifted(formula, domain or ALL_REALS, keras.config.floatx())
        for sentence in read.said:
            warnings.warn(sentence, UserWarning, stacklevel=2)
        formula, note = read.formula, read.note
    try:
        function = derived(
            formula, domain or ALL_REALS, name, max_ulp, formats, outside
        )
        function.derive_now(_floatx(function))
    except ValueError as error:
        if not (note and names_a_place(error)):
            raise
        raise type(error)(f"{error}{note}") from error
    return shared_ops(function)[0]


def _floatx(function: Derived) -> str:
    """What numbers of `keras.config.floatx()` are computed in."""
    return function.compute.get(keras.config.floatx(), "float32")
