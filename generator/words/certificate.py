"""Stage 6: the claims, as data that somebody else can check."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .. import plain
from ..numbers.floats import FloatFormat
from ..numbers.formats import FORMATS
from ..pieces.closed import ClosedForm
from ..pieces.cover import AnyPlan
from ..pieces.cover import Cover
from ..pieces.end_kinds import AnyEnd
from ..pieces.end_kinds import BetweenEnd
from ..pieces.end_kinds import FloatEnd
from ..pieces.end_kinds import LogEnd
from ..pieces.lookup import lookup_of
from ..pieces.plan import Piece
from ..pieces.plan import Plan
from ..pieces.plan import narrowed_bound
from ..pieces.powers import PowerRow
from ..pieces.rows import Row
from ..pieces.rows import splitter
from ..pieces.sound import require_sound
from ..program.assumed import primitive_errors
from ..program.flat import is_unit
from ..program.program import Const
from ..program.program import Expr
from ..program.program import Op
from ..program.program import Program
from ..program.program import Var

# Marks what is to stand on one line; no text that is checked has its quote.
LINE = '"piece: '
END_TERMS = (
    *("root", "exponent", "level", "power", "factors", "simple", "ulp"),
    *("note", "truncation", "gain"),
)


@dataclass(frozen=True)
class Certificate:
    """What is claimed of one function: JSON text and its parts.

    Attributes:
        name: of the function.
        text: the JSON, numbers exact (fractions as "numerator/denominator").
    """

    name: str
    text: str


def certify(
    expression: str,
    domain: tuple[str, str],
    plans: Sequence[AnyPlan],
    formats: Mapping[str, FloatFormat] = FORMATS,
) -> Certificate:
    """The claims of all plans of one function.

    Raises:
        GeneratorError: a text or a plan that no module is rendered of.
    """
    for plan in plans:
        require_sound(plan)
    for end in domain:
        plain.text(end, "domain")
    data = {
        "name": plans[0].name,
        "expression": plain.text(expression, "formula"),
        "domain": list(domain),
        "claim": "|computed - f^(order)(x)| <= ulp * ulp(f^(order)(x)) for "
        "every float x; below the smallest normal number a flush to zero is "
        "allowed",
        "assumptions": {
            "arithmetic": "+ - * round to nearest; / and sqrt too, but for "
            "2**-18 ulp more in float32: runtime/division.py, by device; "
            "contraction to fused multiply-add and flushing of subnormals "
            "are allowed",
            "pairs of floats": "compilers keep the order of operations in "
            "two_sum and two_product, per backend: "
            "tests/runtime/test_pairs.py",
            "elementary functions": {
                dtype: _assumed(dtype)
                for dtype in sorted({p.dtype for p in plans})
            },
        },
        "plans": [
            _cover(p) if isinstance(p, Cover) else _plan(p) for p in plans
        ],
        "narrowed": {
            name: {
                str(p.order): narrowed_bound(p.ulp, fmt)
                for p in plans
                if p.dtype == fmt.compute
            }
            for name, fmt in formats.items()
            if fmt.compute != name
        },
    }
    return Certificate(plans[0].name, _dumped(data))


def certify_wide(
    expression: str, domain: tuple[str, str], plans: Sequence[AnyPlan]
) -> Certificate | None:
    """The claims of what plans compute in float64; None if nothing is.

    Raises:
        GeneratorError: as `certify`.
    """
    for plan in plans:
        require_sound(plan)
    twins = [p for p in plans if isinstance(p, Cover) and p.wide is not None]
    if not twins:
        return None
    data = {
        "name": plans[0].name,
        "expression": plain.text(expression, "formula"),
        "domain": [plain.text(end, "domain") for end in domain],
        "claim": "|computed - f^(order)(x)| <= ulp * ulp(f^(order)(x)) for "
        "every float x of the dtype; below the smallest normal number a "
        "flush to zero is allowed",
        "assumptions": {
            "arithmetic": "in float64 each operation is off by at most "
            "2**-52 of its result: twice IEEE 754's rounding to nearest, so "
            "that contraction, reciprocals and roots to 1 ulp are allowed; "
            "the last rounding to the dtype is to nearest",
            "elementary functions": "runtime/wide.py, by its operations",
        },
        "plans": [_wide(p) for p in twins],
    }
    return Certificate(plans[0].name, _dumped(data))


def _wide(cover: Cover) -> dict[str, object]:
    wide = cover.wide
    assert wide is not None
    return {
        "dtype": cover.dtype,
        "order": cover.order,
        "parity": cover.parity,
        "ulp": wide.ulp,
        "low": _plain(wide.low),
        "high": _plain(wide.high),
        "formulas": list(wide.formulas),
        "programs": [
            {"input": p.input, "statements": _statements(p)}
            for p in wide.programs
        ],
        "near": [_fields(piece) for piece in wide.near],
        "ends": [_fields(end) for end in wide.ends],
    }


def _assumed(dtype: str) -> dict[str, object]:
    """Errors in ulp of results, and in smallest normals below that."""
    errors = primitive_errors(dtype)
    return {
        name: {"ulp": str(ulp), "underflow": str(errors.underflow(name))}
        for name, ulp in errors.ulps
    }


def _cover(plan: Cover) -> dict[str, object]:
    """Every number of a cover, exactly; floats in hexadecimal."""
    return {
        "dtype": plan.dtype,
        "order": plan.order,
        "ulp": plan.ulp,
        "parity": plan.parity,
        "rows": _rows(plan.rows, plan.dtype),
        "powers": _powers(plan.powers),
        "ends": [_end(e, plan.dtype) for e in plan.ends],
        "closed": [_closed(c) for c in plan.closed],
        # Where nothing is said it is nan.
        **({"outside": plan.outside} if plan.outside != "nan" else {}),
    }


def _rows(rows: Sequence[Row], dtype: str) -> dict[str, object]:
    """Rows, how the one of an input is found, and Dekker's number."""
    table = _table(rows, Row)
    if rows:
        found = lookup_of(rows)
        stop = found.first + sum(found.counts)
        table["grid"] = [found.k, found.first, stop] if found.counts else None
        split = any(r.slope for r in rows)
        table["divider"] = splitter(FORMATS[dtype])[0] if split else None
    return table


def _end(form: AnyEnd, dtype: str) -> dict[str, object]:
    """In the terms that all ends are claimed in, whatever their kind."""
    fields = _fields(form)
    order: tuple[str, ...]
    if isinstance(form, LogEnd):
        order = ("power", "rows", "ulp", "gain")
        fields["rows"] = _rows(form.rows, dtype)
    else:
        order = END_TERMS
        simple = isinstance(form, FloatEnd)
        fields = {
            "root": 1,
            "exponent": [],
            "level": 0,
            "simple": simple,
            "gain": 0,
            **fields,
        }
        if isinstance(form, FloatEnd):
            fields["factors"] = [_fields(form.factor)]
        if isinstance(form, BetweenEnd):
            order = (*order, "offset")
    first = ("point", "side", "bound", "cut", "limit")
    return {name: fields[name] for name in (*first, *order)}


def _powers(powers: Sequence[PowerRow]) -> dict[str, object]:
    """Without their gains, where none has one: few functions need it."""
    gained = any(p.gain for p in powers)
    return _table(powers, PowerRow, () if gained else ("gain",))


def _table(
    pieces: Sequence[Any], kind: Any, without: tuple[str, ...] = ()
) -> dict[str, object]:
    """Many pieces of one kind: the names of their fields once."""
    names = [f.name for f in dataclasses.fields(kind) if f.name not in without]
    lines = [
        LINE + json.dumps([_plain(getattr(p, name)) for name in names])
        for p in pieces
    ]
    return {"fields": names, "values": lines}


def _dumped(data: object) -> str:
    """JSON with each piece of a table on a line of its own."""
    text = json.dumps(data, indent=1)

    def unquoted(match: re.Match[str]) -> str:
        line: str = json.loads(match[0])
        return line.removeprefix(LINE)

    mark = re.escape(json.dumps(LINE)[:-1])
    return re.sub(rf'{mark}(?:[^"\\]|\\.)*"', unquoted, text) + "\n"


def _fields(piece: Any) -> dict[str, object]:
    return {
        f.name: _plain(getattr(piece, f.name))
        for f in dataclasses.fields(piece)
    }


def _closed(piece: ClosedForm) -> dict[str, object]:
    return {
        "side": piece.side,
        "low": _plain(piece.low),
        "high": _plain(piece.high),
        "formula": piece.formula,
        "input": piece.program.input,
        "statements": _statements(piece.program),
        "ulp": piece.ulp,
        "pairs": list(piece.pairs),
        "rounded": list(piece.rounded),
        "scaled": piece.scaled,
        "power": piece.power,
        "signed": piece.signed,
        "limit": _plain(piece.limit),
        "truncation": piece.truncation,
    }


def _plain(value: Any) -> object:
    if isinstance(value, Fraction):
        try:
            number = float(value)
        except OverflowError:
            return str(value)
        return _hex(number) if Fraction(number) == value else str(value)
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if dataclasses.is_dataclass(value):
        return _fields(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _hex(number: float) -> str:
    """In hexadecimal, without the zeros that say nothing."""
    head, _, exponent = number.hex().partition("p")
    return f"{head.rstrip('0').rstrip('.') or '0x0'}p{exponent}"


def _plan(plan: Plan) -> dict[str, object]:
    return {
        "dtype": plan.dtype,
        "order": plan.order,
        "ulp": plan.ulp,
        "fold": {
            "meaning": "f(x) = constant + sign * f(-x) for x > 0, outside "
            "the first piece",
            "sign": plan.fold.sign,
            "constant": _exact(plan.fold.constant),
        },
        "pieces": [_piece(p) for p in plan.pieces],
    }


def _piece(piece: Piece) -> dict[str, object]:
    return {
        "low": _exact(piece.low),
        "high": None if piece.high is None else _exact(piece.high),
        "kind": piece.kind,
        "input": piece.program.input,
        "statements": _statements(piece.program),
        "formula": piece.formula,
        "truncation": piece.proof,
        "roundoff": "running error analysis in balls",
        "ulp": piece.ulp,
        "roundoff_ulp": piece.roundoff,
        "worst": [_exact(end) for end in piece.worst],
    }


def _statements(program: Program) -> list[list[object]]:
    """In exact arithmetic: the unit of what is scaled is 1 there."""
    one: object = {"constant": "1"}
    return [
        [name, one if is_unit(value) else _tree(value)]
        for name, value in program.statements
    ]


def _tree(node: Expr) -> object:
    if isinstance(node, Var):
        return node.name
    if isinstance(node, Const):
        return {"constant": _exact(node.value)}
    assert isinstance(node, Op)
    return [node.name, *(_tree(a) for a in node.args)]


def _exact(value: Fraction) -> str:
    return str(value)
