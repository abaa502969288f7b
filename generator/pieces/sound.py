"""Plans and formats checked field by field before anything is rendered of them.

A body is rendered from a plan's numbers and names, and executed.  Whatever
made the plan, each field holds here what its declared type says: a number of
exactly that type, text in ASCII on one line, an operation of the closed list
that `keras.ops` is asked for.  So nothing that is rendered of a plan can be
anything but a number, a name of the list or a comment.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from fractions import Fraction
from typing import Any

from .. import plain
from ..errors import GeneratorError
from ..numbers.floats import FloatFormat
from ..numbers.formats import FORMATS
from ..program.program import ARITY
from ..program.program import Const
from ..program.program import Expr
from ..program.program import Op
from ..program.program import Var
from .cover import OUTSIDE
from .cover import Cover

# Text for people, and variables, which a formula names; every other text of
# a plan is a name of ours.
PROSE = {"formula", "formulas", "proof", "note"}
VARIABLES = {"input", "statements"}
_HINTS: dict[type[Any], dict[str, Any]] = {}
DEEPEST = 200  # of a tree of operations


def require_sound(plan: Any) -> None:
    """Raises unless every field of a plan is what its type says.

    Raises:
        GeneratorError: a field is something else, or text that could end a
            comment or a string.
    """
    kind = type(plan)
    if not dataclasses.is_dataclass(kind):
        raise _wrong("plan", "a Plan or a Cover", plan)
    _dataclass(plan, kind, kind.__name__)
    plain.one_of(plan.dtype, FORMATS, "dtype of a plan")
    if isinstance(plan, Cover):
        plain.one_of(plan.outside, OUTSIDE, "outside of a plan")


def checked_outside(outside: Any) -> str:
    """What shall be outside of the domain, if it is a word for it.

    Raises:
        GeneratorError: it is none.
    """
    plain.one_of(outside, OUTSIDE, "outside of the domain")
    found: str = outside
    return found


def require_sound_format(fmt: Any) -> None:
    """Raises unless every field of a format is what its type says.

    Raises:
        GeneratorError: one is not.
    """
    _dataclass(fmt, FloatFormat, "FloatFormat")


def _dataclass(value: Any, kind: type[Any], where: str) -> None:
    if type(value) is not kind:
        raise _wrong(where, kind.__name__, value)
    for field, hint in _hints(kind).items():
        _value(getattr(value, field), hint, field, f"{where}.{field}")


def _hints(kind: type[Any]) -> dict[str, Any]:
    """The types of a dataclass's fields, looked up once."""
    if kind not in _HINTS:
        hints = typing.get_type_hints(kind)
        fields = dataclasses.fields(kind)
        _HINTS[kind] = {f.name: hints[f.name] for f in fields}
    return _HINTS[kind]


def _value(value: Any, hint: Any, field: str, where: str) -> None:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        _union(value, inner, field, where)
    elif origin is tuple:
        if type(value) is not tuple:
            raise _wrong(where, "a tuple", value)
        if inner[-1] is Ellipsis:
            inner = (inner[0],) * len(value)
        if len(inner) != len(value):
            raise _wrong(where, f"a tuple of {len(inner)}", value)
        for part, kind in zip(value, inner, strict=True):
            _value(part, kind, field, where)
    elif hint is Expr:
        _expression(value, where, 0)
    elif hint is str:
        _text(value, field, where)
    elif hint in (int, float, bool, Fraction):
        _number(value, hint, where)
    elif dataclasses.is_dataclass(hint):
        _dataclass(value, typing.cast(type[Any], hint), where)
    else:
        raise _wrong(where, "a field of a type that is known", hint)


def _union(value: Any, kinds: tuple[Any, ...], field: str, where: str) -> None:
    if value is None and type(None) in kinds:
        return
    for kind in kinds:
        if type(value) is (typing.get_origin(kind) or kind):
            _value(value, kind, field, where)
            return
    names = " or ".join(getattr(k, "__name__", str(k)) for k in kinds)
    raise _wrong(where, names, value)


def _text(value: Any, field: str, where: str) -> None:
    if field in PROSE:
        plain.text(value, where)
    elif field in VARIABLES:
        plain.variable(value, where)
    else:
        plain.name(value, where)


def _number(value: Any, kind: type, where: str) -> None:
    if kind is float:
        # An integer is one; NumPy's float64 is a float.
        fine = isinstance(value, float) or type(value) in (int, float)
    else:
        fine = type(value) is kind
    if not fine or (isinstance(value, float) and math.isnan(value)):
        raise _wrong(where, f"a number of the type {kind.__name__}", value)
    if kind is Fraction:
        for part in (value.numerator, value.denominator):
            if type(part) is not int:
                raise _wrong(where, "a quotient of integers", value)


def _expression(node: Any, where: str, depth: int) -> None:
    if depth > DEEPEST:
        raise _wrong(where, f"a tree of at most {DEEPEST} levels", "more")
    if type(node) is Var:
        plain.variable(node.name, where)
    elif type(node) is Const:
        _number(node.value, Fraction, where)
    elif type(node) is Op:
        plain.one_of(node.name, ARITY, f"operation of {where}")
        if type(node.args) is not tuple:
            raise _wrong(where, "a tuple of arguments", node.args)
        if len(node.args) != ARITY[node.name]:
            raise _wrong(
                where,
                f"{ARITY[node.name]} arguments of {node.name}",
                f"{len(node.args)}",
            )
        for argument in node.args:
            _expression(argument, where, depth + 1)
    else:
        raise _wrong(where, "an operation, a name or a number", node)


def _wrong(where: str, expected: str, received: object) -> GeneratorError:
    return GeneratorError(
        f"Bad plan: {where}: expected {expected}, received "
        f"{plain.shown(received)}."
    )
