"""Every float of a domain has a piece."""

from __future__ import annotations

from dataclasses import replace

import pytest
from keras_stablef.generator.formula.spec import make_spec
from keras_stablef.generator.pieces.cover import Cover
from keras_stablef.generator.pieces.gaps import gap
from keras_stablef.generator.pipeline import derive

pytestmark = pytest.mark.once
POSITIVE = ("0", "oo")

# A form may begin further out than the end form that it replaces: formula,
# domain, order.
DERIVED = [
    ("log(x)", POSITIVE, 0),
    ("x*log(x)-x+1", POSITIVE, 1),
    ("1/(x**2+1)", ("-oo", "oo"), 0),
    ("sqrt(x)*log(x)", POSITIVE, 0),
    ("exp(x)", ("-1", "1"), 0),
]


def derived(formula: str, domain: tuple[str, str], order: int) -> Cover:
    plan = derive(make_spec(formula, domain=domain), "float32", order)
    assert isinstance(plan, Cover)
    return plan


@pytest.mark.parametrize("row", DERIVED, ids=str)
def test_none_is_left(row: tuple[str, tuple[str, str], int]) -> None:
    assert gap(derived(*row)) is None


def test_what_is_left_is_found() -> None:
    plan = derived(*DERIVED[0])
    first = plan.rows[0]
    left = gap(replace(plan, rows=plan.rows[1:]))
    assert left is not None and first.low <= left[0] < first.high
    left = gap(replace(plan, closed=()))
    assert left is not None
    assert 0 < left[0] - plan.closed[-1].low < 2.0**-20
    assert gap(replace(plan, ends=())) is not None
