"""Keras' symbolic tensors while a function is read, and where it made them.

Symbolic tensors are compared by identity, are refused by NumPy and JAX, and
do not say which line they come from.  While a thread reads a function they
are Keras' tensors with those four things mended, in this thread alone: the
results of operations are Keras' own, so it is their class that must know.
"""

from __future__ import annotations

import ast
import linecache
import sys
import sysconfig
import threading
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from types import CodeType
from types import FrameType
from typing import Any

from ..errors import NotAnExpressionError
from ..plain import shown

MOST_TEXT = 70  # characters of the caller's code in a message
_LIBRARIES = (sysconfig.get_paths()["stdlib"], "<frozen", "site-packages")
_OWN = ("keras_stablef.", "keras.")
# Where a function was called, on a tensor that has it.
_PLACE = "_keras_stablef_place"
# What NumPy does for a scalar beside a tensor, by Keras' name for it.
_ARITHMETIC = {
    "add": "add",
    "subtract": "subtract",
    "multiply": "multiply",
    "divide": "true_divide",
    "true_divide": "true_divide",
    "power": "power",
    "maximum": "maximum",
    "minimum": "minimum",
    "equal": "equal",
    "not_equal": "not_equal",
    "less": "less",
    "less_equal": "less_equal",
    "greater": "greater",
    "greater_equal": "greater_equal",
}


@dataclass(frozen=True)
class Place:
    """A call in the caller's code."""

    line: int
    text: str

    def __str__(self) -> str:
        line = f"line {self.line}"
        return f"`{self.text}` ({line})" if self.text else line


class Trace:
    """What one function did with its tensors.

    Attributes:
        label: the function's name, for messages.
        refused: truth values that it asked for.
    """

    def __init__(self, function: Callable[[Any], Any], label: str) -> None:
        self.label = label
        self.refused: list[NotAnExpressionError] = []
        code = getattr(function, "__code__", None)
        self.file = getattr(code, "co_filename", "")

    def refuse(self) -> None:
        """Raises again what the caller's code may have caught."""
        if self.refused:
            raise self.refused[0] from None

    def here(self) -> Place | None:
        """The caller's line that is being run."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if self._is_theirs(frame):
                return _place(frame.f_code, frame.f_lasti)
            frame = frame.f_back
        return None

    def of_error(self, error: BaseException) -> Place | None:
        """The caller's last line on the way to an error."""
        found, step = None, error.__traceback__
        while step is not None:
            if self._is_theirs(step.tb_frame):
                found = _place(step.tb_frame.f_code, step.tb_lasti)
            step = step.tb_next
        return found

    def _is_theirs(self, frame: FrameType) -> bool:
        file = frame.f_code.co_filename
        if self.file and file == self.file:
            return True
        home = f"{frame.f_globals.get('__name__', '')}."
        return not home.startswith(_OWN) and not any(
            part in file for part in _LIBRARIES
        )


def place_of(tensor: Any) -> Place | None:
    """Where a tensor was made, if that is known."""
    found = getattr(tensor, _PLACE, None)
    return found if isinstance(found, Place) else None


def _place(code: CodeType, last: int) -> Place:
    at = next(islice(code.co_positions(), last // 2, None), (None,) * 4)
    line, end, left, right = at
    line = line or code.co_firstlineno
    return Place(line, _segment(code.co_filename, line, end, left, right))


def _segment(
    file: str,
    line: int,
    end: int | None,
    left: int | None,
    right: int | None,
) -> str:
    """The source from one place to another, on one line, in ASCII."""
    if end is None or left is None or right is None:
        return ""
    lines = [linecache.getline(file, k).encode() for k in range(line, end + 1)]
    lines[-1] = lines[-1][:right]
    lines[0] = lines[0][left:]
    text = " ".join(b" ".join(lines).decode(errors="replace").split())
    return shown(text, MOST_TEXT)[1:-1] if text else ""


def instead(place: Place | None, kind: str = "") -> str:
    """What to write for a call that is no operation of Keras, as a sentence.

    The name of the call is taken from its text: ``np.exp(x)`` is exp.
    """
    import keras

    try:
        node = ast.parse(place.text, mode="eval").body if place else None
    except (SyntaxError, ValueError):
        node = None
    name = kind
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    name = _OTHER_NAMES.get(name, name)
    if name and callable(getattr(keras.ops, name, None)):
        return f" Write keras.ops.{name} there."
    return " Write it with functions of keras.ops."


# Of other libraries, and what Keras calls it.
_OTHER_NAMES = {
    "expit": "sigmoid",
    "pow": "power",
    "fabs": "abs",
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "asinh": "arcsinh",
    "acosh": "arccosh",
    "atanh": "arctanh",
    "clamp": "clip",
    "clip_by_value": "clip",
    "reduce_logsumexp": "logsumexp",
}


# -- Keras' class, mended while somebody reads -------------------------------

_READING = threading.local()
_PATCHING = threading.Lock()
_ORIGINAL: dict[str, Any] = {}
_patched = 0  # by how many threads


def _reader() -> Trace | None:
    return getattr(_READING, "trace", None)


@contextmanager
def reading(function: Callable[[Any], Any], label: str) -> Iterator[Trace]:
    """Within it this thread's symbolic tensors are mended."""
    global _patched
    import keras

    kind = keras.KerasTensor
    with _PATCHING:
        if not _patched:
            for name, mended in _MENDED.items():
                _ORIGINAL[name] = vars(kind).get(name)
                setattr(kind, name, mended(getattr(kind, name, None)))
        _patched += 1
    before, trace = _reader(), Trace(function, label)
    _READING.trace = trace
    try:
        yield trace
    finally:
        _READING.trace = before
        with _PATCHING:
            _patched -= 1
            if not _patched:
                for name, own in _ORIGINAL.items():
                    if own is None:
                        delattr(kind, name)
                    else:
                        setattr(kind, name, own)


def _init(own: Callable[..., None]) -> Callable[..., None]:
    def method(self: Any, *args: Any, **given: Any) -> None:
        own(self, *args, **given)
        trace = _reader()
        if trace is not None:
            setattr(self, _PLACE, trace.here())

    return method


def _equal(own: Callable[..., Any]) -> Callable[..., Any]:
    """``x == 0`` is a tensor, as it is of a backend's tensors."""

    def method(self: Any, other: Any) -> Any:
        if _reader() is None:
            return own(self, other)
        import keras

        return keras.ops.equal(self, other)

    return method


def _truth(own: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any) -> Any:
        trace = _reader()
        if trace is None:
            return own(self)
        place = place_of(self)
        where = f" of {place}" if place else " of a tensor"
        error = NotAnExpressionError(
            f"Cannot read {trace.label}: expected one formula on all of the "
            f"domain, received the truth value{where}. It has no value here "
            "to branch on: write keras.ops.where(condition, a, b), one "
            "formula with abs at a kink, or give each branch and its domain "
            "to stabilize."
        )
        trace.refused.append(error)
        raise error

    return method


def _ufunc(own: Any) -> Callable[..., Any]:
    """A NumPy number beside a tensor."""
    del own

    def method(
        self: Any, ufunc: Any, way: str, *args: Any, **given: Any
    ) -> Any:
        import keras
        import numpy as np

        name = _ARITHMETIC.get(ufunc.__name__)
        if _reader() is None or name is None or way != "__call__" or given:
            return np.asarray(self)  # says that it is symbolic
        return getattr(keras.ops, name)(*args)

    return method


class _Hidden:
    """A method that is not there for who reads.

    An array of JAX leaves arithmetic to the other operand if it is none of
    JAX' own.
    """

    def __init__(self, own: Callable[..., Any]) -> None:
        self.own = own

    def __get__(self, tensor: Any, kind: Any = None) -> Any:
        if tensor is not None and _reader() is not None:
            raise AttributeError("__jax_array__")
        return self.own.__get__(tensor, kind)


_MENDED: dict[str, Callable[[Any], Any]] = {
    "__init__": _init,
    "__eq__": _equal,
    "__bool__": _truth,
    "__array_ufunc__": _ufunc,
    "__jax_array__": _Hidden,
}
