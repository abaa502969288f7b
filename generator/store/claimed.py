"""The plan that a certificate claims.

Whoever asks what a shipped function is made of gets what shipped: nothing is
derived for it, and nothing can differ.  What is read is checked as a stored
plan is (`plan_json`, `plan_fits`).
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from ..analysis.domain_ends import ends_of
from ..errors import StoredPlanError
from ..formula.spec import make_spec
from ..numbers.formats import FORMATS
from ..pieces.closed import ClosedForm
from ..pieces.cover import AnyPlan
from ..pieces.cover import Cover
from ..pieces.end_kinds import AnyEnd
from ..pieces.end_kinds import BetweenEnd
from ..pieces.end_kinds import ExponentialEnd
from ..pieces.end_kinds import FloatEnd
from ..pieces.end_kinds import LogEnd
from ..pieces.end_kinds import PairEnd
from ..pieces.plan import Fold
from ..pieces.plan import Piece
from ..pieces.plan import Plan
from ..pieces.powers import PowerRow
from ..pieces.rows import Row
from ..pieces.wide import Wide
from ..plain import shown
from ..program.program import Const
from ..program.program import Expr
from ..program.program import Op
from ..program.program import Program
from ..program.program import Var
from .plan_fits import check_fits
from .plan_json import FIELDS
from .plan_json import dumped

Claims = Mapping[str, Any]


def claimed_plan(certificate: Claims, dtype: str, order: int) -> AnyPlan:
    """One of the plans of a certificate (`words.certificate`).

    Raises:
        StoredPlanError: it has none of these, or one that is none.
    """
    try:
        (claims,) = (
            plan
            for plan in certificate["plans"]
            if (plan["dtype"], plan["order"]) == (dtype, order)
        )
        make = _folded if "fold" in claims else _cover
        plan = make(certificate, claims)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoredPlanError(
            f"Not a certificate: expected a plan in {shown(dtype)} of order "
            f"{shown(order)}, received {shown(f'{error!r}')}."
        ) from None
    dumped(plan)  # refuses what is no plan
    check_fits(plan)
    return plan


def with_twin(plan: AnyPlan, certificate: Claims) -> AnyPlan:
    """The plan and its twin in float64, if those claims are about one.

    Raises:
        StoredPlanError: they are about none that can be.
    """
    try:
        twins = {(t["dtype"], t["order"]): t for t in certificate["plans"]}
        claims = twins.get((plan.dtype, plan.order))
        if claims is None or not isinstance(plan, Cover):
            return plan
        fields = FIELDS[Wide]
        whole = replace(
            plan,
            wide=Wide(
                programs=tuple(map(_program, claims["programs"])),
                **{
                    key: _value(claims[key], fields[key])
                    for key in fields
                    if key != "programs"
                },
            ),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoredPlanError(
            "Not a certificate: expected a twin in float64, received "
            f"{shown(f'{error!r}')}."
        ) from None
    dumped(whole)
    check_fits(whole)
    return whole


def _cover(certificate: Claims, claims: Claims) -> Cover:
    spec = make_spec(
        certificate["expression"], domain=tuple(certificate["domain"])
    )
    low, high = ends_of(spec.domain, FORMATS[claims["dtype"]])
    return Cover(
        name=certificate["name"],
        order=claims["order"],
        dtype=claims["dtype"],
        parity=claims["parity"],
        low=Fraction(0) if claims["parity"] else low,
        high=high,
        rows=_table(claims["rows"], Row),
        powers=_table(claims["powers"], PowerRow),
        ends=tuple(_end(form) for form in claims["ends"]),
        closed=tuple(_closed(form) for form in claims["closed"]),
    )


def _table(table: Claims, kind: type) -> tuple[Any, ...]:
    """Pieces of one kind, their fields named once."""
    return tuple(
        _object(dict(zip(table["fields"], row, strict=True)), kind)
        for row in table["values"]
    )


def _object(fields: Claims, kind: type) -> Any:
    """A dataclass of numbers, lists of them and texts."""
    known = FIELDS[kind]
    return kind(**{key: _value(fields[key], known[key]) for key in fields})


def _value(data: Any, kind: Any) -> Any:
    if kind is Fraction:
        return _fraction(data)
    if kind is float:
        return float(data)
    if isinstance(kind, types.UnionType):
        if data is None:
            return None
        (kind,) = (k for k in typing.get_args(kind) if k is not type(None))
        return _value(data, kind)
    if typing.get_origin(kind) is tuple:
        kinds = typing.get_args(kind)
        if kinds[-1] is Ellipsis:
            kinds = kinds[:1] * len(data)
        return tuple(_value(*pair) for pair in zip(data, kinds, strict=True))
    return _object(data, kind) if kind in FIELDS else data


def _fraction(data: str) -> Fraction:
    if "0x" in data:
        return Fraction(float.fromhex(data))
    return Fraction(data)


def _end(claims: Claims) -> AnyEnd:
    """All ends are claimed in the same terms; of which kind it is, is seen."""
    fields = dict(claims)
    if "rows" in fields:
        rows = _table(fields.pop("rows"), Row)
        made: LogEnd = _object({**fields, "rows": ()}, LogEnd)
        return LogEnd(**{**vars(made), "rows": rows})
    kind: type = PairEnd
    if fields["simple"]:
        kind = FloatEnd
        (fields["factor"],) = fields["factors"]
    elif "offset" in fields:
        kind = BetweenEnd
    elif fields["exponent"]:
        kind = ExponentialEnd
    made_end: AnyEnd = _object({key: fields[key] for key in FIELDS[kind]}, kind)
    return made_end


def _closed(claims: Claims) -> ClosedForm:
    fields = {key: claims[key] for key in FIELDS[ClosedForm] if key in claims}
    return ClosedForm(
        program=_program(claims),
        **{
            key: _value(value, FIELDS[ClosedForm][key])
            for key, value in fields.items()
        },
    )


def _folded(certificate: Claims, claims: Claims) -> Plan:
    near, *far = (_piece(piece) for piece in claims["pieces"])
    fold = Fold(claims["fold"]["sign"], Fraction(claims["fold"]["constant"]))
    return Plan(
        name=certificate["name"],
        order=claims["order"],
        dtype=claims["dtype"],
        near=near,
        far=tuple(far),
        fold=fold,
    )


def _piece(claims: Claims) -> Piece:
    high = claims["high"]
    low, top = claims["worst"]
    return Piece(
        low=Fraction(claims["low"]),
        high=None if high is None else Fraction(high),
        kind=claims["kind"],
        program=_program(claims),
        formula=claims["formula"],
        proof=claims["truncation"],
        ulp=claims["ulp"],
        roundoff=claims["roundoff_ulp"],
        worst=(Fraction(low), Fraction(top)),
    )


def _program(claims: Claims) -> Program:
    """Statements in exact arithmetic, where the unit of what is scaled is 1."""
    scaled = Var(claims.get("scaled") or claims["input"])
    unit = Op("div", (scaled, scaled))
    return Program(
        claims["input"],
        tuple(
            (name, unit if isinstance(tree, dict) else _expression(tree))
            for name, tree in claims["statements"]
        ),
    )


def _expression(tree: Any) -> Expr:
    if isinstance(tree, str):
        return Var(tree)
    if isinstance(tree, dict):
        return Const(Fraction(tree["constant"]))
    name, *args = tree
    return Op(name, tuple(_expression(arg) for arg in args))
