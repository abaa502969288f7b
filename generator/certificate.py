"""Stage 6: the claims, as data that somebody else can check."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction

from .formats import FORMATS
from .plan import Piece
from .plan import Plan
from .plan import narrowed_bound
from .primitives import primitive_errors
from .program import Const
from .program import Expr
from .program import Op
from .program import Program
from .program import Var


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
    expression: str, domain: tuple[str, str], plans: list[Plan]
) -> Certificate:
    """The claims of all plans of one function."""
    data = {
        "name": plans[0].name,
        "expression": expression,
        "domain": list(domain),
        "claim": "|computed - f^(order)(x)| <= ulp * ulp(f^(order)(x)) for "
        "every float x; below the smallest normal number a flush to zero is "
        "allowed",
        "assumptions": {
            "arithmetic": "+ - * / round to nearest; contraction to fused "
            "multiply-add and flushing of subnormals are allowed",
            "elementary functions": {
                dtype: {k: str(v) for k, v in primitive_errors(dtype).ulps}
                for dtype in sorted({p.dtype for p in plans})
            },
        },
        "plans": [_plan(p) for p in plans],
        "narrowed": {
            name: {
                str(p.order): narrowed_bound(p.ulp, fmt)
                for p in plans
                if p.dtype == fmt.compute
            }
            for name, fmt in FORMATS.items()
            if fmt.compute != name
        },
    }
    return Certificate(plans[0].name, json.dumps(data, indent=1) + "\n")


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
    return [[name, _tree(value)] for name, value in program.statements]


def _tree(node: Expr) -> object:
    if isinstance(node, Var):
        return node.name
    if isinstance(node, Const):
        return {"constant": _exact(node.value)}
    assert isinstance(node, Op)
    return [node.name, *(_tree(a) for a in node.args)]


def _exact(value: Fraction) -> str:
    return str(value)
