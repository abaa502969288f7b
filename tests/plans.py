"""Small plans that together have every kind of piece, and their JSON."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from keras_stablef.generator.formula.spec import make_spec
from keras_stablef.generator.pieces.cover import AnyPlan
from keras_stablef.generator.pieces.plan import Fold
from keras_stablef.generator.pieces.plan import Piece
from keras_stablef.generator.pieces.plan import Plan
from keras_stablef.generator.pipeline import derive
from keras_stablef.generator.program.program import Const
from keras_stablef.generator.program.program import Op
from keras_stablef.generator.program.program import Program
from keras_stablef.generator.program.program import Var

HALF = Fraction(1, 2)
# A row: formula, domain, order, and the pieces that its plan has.
DERIVED = {
    "power": ("log(x+sqrt(1+x**2))", ("-oo", "oo"), 0, ("PowerRow", "PairEnd")),
    "closed": ("log(exp(x)-1)", (0, "oo"), 1, ("ClosedForm", "Program")),
    "logs": ("1/log(x)", (2, "oo"), 0, ("LogEnd", "Row")),
    "between": ("sqrt(x-pi)", ("pi", 4), 1, ("BetweenEnd",)),
    "wide": ("(exp(x)-1)/x", ("-oo", "oo"), 1, ("Wide", "WideEnd", "Near")),
    "exponent": ("exp(-1/x)/x", (0, "1/8"), 0, ("ExponentialEnd", "Factor")),
}


def folded() -> Plan:
    """x/2 + 1/4 near 0, -exp(-|x|)/|x| folded; only its shape matters."""
    x, t, u, e, q = map(Var, ("x", "t", "u", "e", "q"))
    near = Program("x", (("p", Const(HALF) * x + Const(HALF**2)),))
    far = Program(
        "t",
        (
            ("u", Op("minimum", (t, Const(Fraction(100))))),
            ("e", Op("exp", (-u,))),
            ("q", Op("abs", (e,)) / Op("sqrt", (t,))),
            ("r", -(q - Const(Fraction(0))) / t),
        ),
    )
    place = (HALF, Fraction(1))
    return Plan(
        "f",
        0,
        "float32",
        Piece(-HALF, HALF, "series", near, "P(x)", "by hand", 1.5, 0.5, place),
        (Piece(HALF, None, "closed", far, "e/t", "by hand", 1.5, 1.0, place),),
        Fold(-1, Fraction(1)),
    )


@functools.cache
def plan(kind: str) -> AnyPlan:
    """A plan of that kind, named f, in float32."""
    if kind == "folded":
        return folded()
    formula, domain, order, _ = DERIVED[kind]
    return derive(make_spec(formula, "f", domain), "float32", order)


KINDS = ("folded", *DERIVED)

Place = tuple[Any, ...]


def leaves(data: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every leaf of a JSON document, and every list, with its place."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, (*place, key))
    else:
        yield place, data
        if isinstance(data, list):
            for k, value in enumerate(data):
                yield from leaves(value, (*place, k))


def put(data: Any, place: Place, value: Any) -> None:
    """The document with the value at that place."""
    for key in place[:-1]:
        data = data[key]
    data[place[-1]] = value
