"""What is solved on all reals is solved on every part of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from backends import run
from checking import findings
from checking import made
from holding import body_of
from holding import holding
from keras_stablef.generator.errors import GeneratorError
from keras_stablef.generator.formula.spec import make_spec
from keras_stablef.generator.pipeline import derive
from sampling import sampled

pytestmark = pytest.mark.once

# f, a domain at whose ends some derivative has left the range of float32,
# and sides of its forms at infinity by order
ROWS: list[tuple[str, tuple[str, str], tuple[tuple[int, ...], ...]]] = [
    ("log(1+exp(x))", ("-104", "104"), ((-1,), (-1,), (1,))),
    ("1/(1+exp(-x))", ("-200", "200"), ((-1,), (1,), (1,))),
    ("x*exp(x)/(1+exp(x))", ("-200", "200"), ((-1,), (-1,), (1,))),
    ("tanh(x)/x", ("-200", "200"), ((), (), (1,))),
    ("exp(-x**2/2)", ("-20", "20"), ((1,), (1,), (1,))),
    ("x*exp(-x)", ("0", "200"), ((1,), (1,), (1,))),
    ("0.01*(x+55)/(1-exp(-(x+55)/10))", ("-2000", "2000"), ((-1,), (-1,))),
    ("exp(x)", ("-104", "104"), ((-1, 1), (-1, 1), (-1, 1))),
    ("1/cosh(x)", ("-300", "5"), ((-1,), (-1,), (-1,))),
    ("x/(exp(x)-1)", ("-3", "2000"), ((1,), (1,), (1,))),
    ("1/(exp(x)+1)", ("0", "150"), ((1,), (1,), (1,))),
    ("(x-20)*exp(-x**2)", ("-20", "20"), ((-1, 1), (-1, 1), (-1, 1))),
]
ASKED = [
    (text, domain, order, sides[order])
    for text, domain, sides in ROWS
    for order in range(len(sides))
]
# Of one formula every order; of the others some.
ALWAYS = [row for row in ASKED if row[0] == "exp(-x**2/2)"]


@pytest.mark.parametrize(
    ("text", "domain", "order", "sides"),
    sampled(ASKED, 6, ALWAYS, among=("tensorflow",)),
)
def test_float32(
    text: str, domain: tuple[str, str], order: int, sides: tuple[int, ...]
) -> None:
    plan = holding(text, domain, "float32", order)
    assert tuple(e.side for e in plan.ends if e.point is None) == sides
    past = [2.0 * float(end) for end in domain if end != "0"]
    past += [np.nan, -np.inf, np.inf]
    assert np.isnan(run(body_of(plan), np.array(past, "float32"))).all()


@pytest.mark.parametrize(
    ("text", "domain"),
    sampled([(r[0], (r[1])) for r in ROWS], 2, [], among=("tensorflow",)),
)
def test_float64(text: str, domain: tuple[str, str]) -> None:
    holding(text, domain, "float64", 0)


# The forms of infinity on a bounded domain, confirmed.
CONFIRMED = [ROWS[1], ROWS[4], ROWS[5], ROWS[10]]


@pytest.mark.parametrize(
    ("text", "domain", "sides"), sampled(CONFIRMED, 1, CONFIRMED[2:3])
)
def test_the_checker_agrees(
    text: str, domain: tuple[str, str], sides: tuple[tuple[int, ...], ...]
) -> None:
    del sides
    certificate, source = made(text, *domain)
    for order in range(3):
        assert not findings(json.loads(certificate), source, order, "float32")


def test_a_pole_beyond_the_domain_is_no_reason() -> None:
    """Nor is one within it a reason to look beyond."""
    plan = derive(make_spec("exp(-x)/(x+30)", "f", (0, 200)), "float32")
    assert [e.side for e in plan.ends] == [1]
    with pytest.raises(GeneratorError, match="Pole at 30"):
        derive(make_spec("exp(-x)/(x-30)", "f", (0, 200)), "float32")
