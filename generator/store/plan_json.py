"""Plans as JSON, and back: a writer, and a reader that trusts nothing.

Both follow the types of the plans' own dataclasses, so a field that is
added there needs nothing here.  Each type has one form:

    Fraction          "p/q", p and q in hexadecimal
    float             float.hex, "inf" or "-inf"
    int, bool, None   as in JSON
    tuple             a list
    dataclass         an object: its fields by name, "is" its class

The reader constructs numbers within limits, names of a pattern and the
dataclasses of `NODES`, by a table and never by looking a name up.  What it
does not know it refuses.  So a file made by hand can hold wrong numbers,
and no code: all that is rendered from a plan is `repr` of its numbers, its
names, and comments of one line of printable ASCII.
"""

from __future__ import annotations

import json
import re
import types
import typing
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from ..errors import StoredPlanError
from ..numbers.floats import FloatFormat
from ..numbers.formats import FORMATS
from ..pieces.closed import ClosedForm
from ..pieces.cover import OUTSIDE
from ..pieces.cover import AnyPlan
from ..pieces.cover import Cover
from ..pieces.end_kinds import BetweenEnd
from ..pieces.end_kinds import ExponentialEnd
from ..pieces.end_kinds import Factor
from ..pieces.end_kinds import FloatEnd
from ..pieces.end_kinds import LogEnd
from ..pieces.end_kinds import PairEnd
from ..pieces.plan import Fold
from ..pieces.plan import Piece
from ..pieces.plan import Plan
from ..pieces.powers import PowerRow
from ..pieces.rows import Row
from ..pieces.wide import Near
from ..pieces.wide import Wide
from ..pieces.wide import WideEnd
from ..plain import shown
from ..program.program import ARITY
from ..program.program import Const
from ..program.program import Expr
from ..program.program import Op
from ..program.program import Program
from ..program.program import Var

NODES: dict[str, type] = {
    node.__name__: node
    for node in (
        *(Plan, Piece, Fold, Program, Var, Const, Op),
        *(Cover, Row, PowerRow, Factor, ClosedForm),
        *(FloatEnd, PairEnd, ExponentialEnd, BetweenEnd, LogEnd),
        *(Wide, WideEnd, Near),
    )
}
FIELDS: dict[type, dict[str, Any]] = {
    node: typing.get_type_hints(node) for node in NODES.values()
}
SUBCLASSES: dict[Any, tuple[type, ...]] = {Expr: (Var, Const, Op)}
TAG = "is"
# Of a plan: the largest that ships has 0.4 MB.
MAX_BYTES = 2**23
# Lists and objects in one another.  A formula is at most parse.MAX_DEPTH = 60
# operations deep, each of them an object with a list; around them are four.
MAX_NESTING = 128
MAX_LENGTH = 2**14  # of a list: rows of a float64 plan are some hundreds
MAX_INTEGER = 2**12  # scales and powers: 2**-1074 is the least float64
MAX_TEXT = 2**12  # characters
# Of a fraction's parts, in hexadecimal: those of float64 have up to 1075
# bits, and a rational coefficient is kept to a few hundred.
MAX_DIGITS = 2**9
# One line of a comment, without what could end or escape a string; names are
# rendered as they are, with a suffix.
LINE = r"[ !#-\[\]-~]"
TEXTS = {
    **{name: f"{LINE}+" for name in ("formula", "formulas", "proof")},
    "note": f"{LINE}*",
}
NAME = r"[a-z][a-z0-9_]{0,99}"
CHOICES = {
    ("dtype", Plan): tuple(d for d, f in FORMATS.items() if f.compute == d),
    ("dtype", Cover): tuple(d for d, f in FORMATS.items() if f.compute == d),
    ("outside", Cover): OUTSIDE,
    ("kind", Piece): ("series", "closed"),
    ("name", Op): tuple(ARITY),
}
_FRACTION = re.compile(
    rf"-?[0-9a-f]{{1,{MAX_DIGITS}}}/[1-9a-f][0-9a-f]{{0,{MAX_DIGITS - 1}}}"
)
_FLOAT = re.compile(r"-?(?:0x[01]\.[0-9a-f]{1,13}p[+-][0-9]{1,4}|inf)")


# -- writing ---------------------------------------------------------------


def dumped(plan: AnyPlan) -> str:
    """The plan as JSON text that `loaded` reads back as an equal one.

    Raises:
        StoredPlanError: the reader would refuse it, or read another plan.
    """
    text = json.dumps(_encoded(plan), separators=(",", ":"))
    if loaded(text) != plan:
        raise StoredPlanError(
            "A plan cannot be kept: expected one that reads back equal, "
            f"received {shown(plan)}."
        )
    return text


def _encoded(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, Fraction):
        return f"{value.numerator:x}/{value.denominator:x}"
    if isinstance(value, tuple):
        return [_encoded(item) for item in value]
    if type(value) not in FIELDS:
        raise StoredPlanError(
            f"A plan cannot be kept: expected one of {', '.join(NODES)}, "
            f"received {shown(value)}."
        )
    items = {
        name: _encoded(getattr(value, name)) for name in FIELDS[type(value)]
    }
    return {TAG: type(value).__name__, **items}


# -- reading ---------------------------------------------------------------


def loaded(text: str) -> AnyPlan:
    """The plan of a text that `dumped` wrote.

    Raises:
        StoredPlanError: the text is anything else.
    """
    if len(text) > MAX_BYTES:
        _refuse("its size", f"at most {MAX_BYTES} characters", len(text))
    if _nested_deeper(text, MAX_NESTING):
        _refuse("its nesting", f"at most {MAX_NESTING} brackets", "more")
    try:
        data = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_no_number,
            parse_constant=_no_number,
        )
        plan: AnyPlan = _decoded(data, AnyPlan, "plan", None)
    except (json.JSONDecodeError, RecursionError) as error:
        raise StoredPlanError(
            f"Not a stored plan: expected JSON, received {error}."
        ) from None
    _check_sizes(plan, FORMATS[plan.dtype])
    return plan


def _refuse(what: str, expected: str, received: object) -> typing.NoReturn:
    raise StoredPlanError(
        f"Not a stored plan: {what}: expected {expected}, received "
        f"{shown(received)}."
    )


def _nested_deeper(text: str, most: int) -> bool:
    """Whether brackets are nested deeper, or do not match.

    Each pass takes the innermost pairs away; so `most` of them, each of the
    speed of a copy, bound the work whatever the text is.
    """
    # Possessive (++), and an open string reaches to the end: nothing is tried
    # twice.
    bare = re.sub(r'"(?:[^"\\]++|\\.)*+(?:"|\Z)', "", text, flags=re.DOTALL)
    bare = re.sub(r"[^][{}]+", "", bare)
    for _ in range(most):
        before = bare
        bare = before.replace("[]", "").replace("{}", "")
        if len(bare) == len(before):
            break
    return bool(bare)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        _refuse("an object", "each key once", [key for key, _ in pairs])
    return found


def _integer(text: str) -> int:
    # Before it becomes a number: digits cost their square.
    if len(text) > len(str(-MAX_INTEGER)) or abs(int(text)) > MAX_INTEGER:
        _refuse("an integer", f"at most {MAX_INTEGER} in size", text)
    return int(text)


def _no_number(text: str) -> typing.NoReturn:
    _refuse("a number", "an integer, or a float in hexadecimal", text)


def _decoded(data: Any, kind: Any, name: str, owner: type | None) -> Any:
    """The value of type `kind`.

    Args:
        name, owner: the field it is of, and the field's dataclass.
    """
    if kind is float:
        return _float(data, name)
    if kind is Fraction:
        return _fraction(data, name)
    if kind is str:
        return _string(data, name, owner)
    if kind in (int, bool):
        if type(data) is not kind:  # True is no number
            _refuse(name, f"a JSON {kind.__name__}", data)
        return data
    if typing.get_origin(kind) is tuple:
        return _tuple(data, kind, name, owner)
    if isinstance(kind, types.UnionType):
        return _one_of(data, typing.get_args(kind), name, owner)
    nodes = SUBCLASSES.get(kind, (kind,))
    return _node(data, {node.__name__: node for node in nodes}, name)


def _one_of(
    data: Any, kinds: tuple[Any, ...], name: str, owner: type | None
) -> Any:
    """A member of a union: None, a dataclass by its tag, or the one other."""
    if data is None and type(None) in kinds:
        return None
    nodes = {node.__name__: node for node in kinds if node in FIELDS}
    if nodes and isinstance(data, dict):
        return _node(data, nodes, name)
    for other in kinds:
        if other not in (*nodes.values(), type(None)):
            return _decoded(data, other, name, owner)
    _refuse(name, f"an object of {', '.join(nodes)}", data)


def _float(data: Any, name: str) -> float:
    if not isinstance(data, str) or not _FLOAT.fullmatch(data):
        _refuse(name, "a float in hexadecimal", data)
    try:
        return float.fromhex(data)
    except OverflowError:
        _refuse(name, "a float in range", data)


def _fraction(data: Any, name: str) -> Fraction:
    if not isinstance(data, str) or not _FRACTION.fullmatch(data):
        _refuse(name, "a fraction in hexadecimal", data)
    top, _, bottom = data.partition("/")
    return Fraction(int(top, 16), int(bottom, 16))


def _string(data: Any, name: str, owner: type | None) -> str:
    """A text of one line, a word of a list, or a name."""
    if not isinstance(data, str) or len(data) > MAX_TEXT:
        _refuse(name, f"text of at most {MAX_TEXT} characters", data)
    choices = CHOICES.get((name, owner))  # type: ignore[arg-type]
    if choices is not None:
        if data not in choices:
            _refuse(name, f"one of {', '.join(choices)}", data)
    elif not re.fullmatch(TEXTS.get(name, NAME), data):
        what = "printable ASCII" if name in TEXTS else f"a name, {NAME}"
        _refuse(name, what, data)
    return data


def _tuple(data: Any, kind: Any, name: str, owner: type | None) -> Any:
    if not isinstance(data, list) or len(data) > MAX_LENGTH:
        _refuse(name, f"a list of at most {MAX_LENGTH}", data)
    kinds = typing.get_args(kind)
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(data)
    if len(data) != len(kinds):
        _refuse(name, f"{len(kinds)} items", data)
    return tuple(
        _decoded(item, each, name, owner)
        for item, each in zip(data, kinds, strict=True)
    )


def _node(data: Any, nodes: Mapping[str, type], name: str) -> Any:
    """One of these dataclasses."""
    tag = data.get(TAG) if isinstance(data, dict) else None
    if not isinstance(tag, str) or tag not in nodes:
        _refuse(name, f"an object of {', '.join(nodes)}", data)
    owner = nodes[tag]
    fields = FIELDS[owner]
    if set(data) != {TAG, *fields}:
        _refuse(f"keys of {tag}", ", ".join([TAG, *fields]), list(data))
    return owner(
        **{
            key: _decoded(data[key], kind, key, owner)
            for key, kind in fields.items()
        }
    )


def _check_sizes(value: Any, fmt: FloatFormat) -> None:
    """Every number is within the range of the format it is rendered in."""
    if isinstance(value, Fraction):
        if abs(value) > fmt.max_finite:
            _refuse("a number", f"one within {fmt.name}", value)
    elif isinstance(value, tuple):
        for item in value:
            _check_sizes(item, fmt)
    elif type(value) in FIELDS:
        for name in FIELDS[type(value)]:
            _check_sizes(getattr(value, name), fmt)
