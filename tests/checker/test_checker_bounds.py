"""The checker's short ways give what the long ones do, or bounds of it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from checking import findings
from flint import arb
from flint import arb_poly
from flint import ctx
from keras_stablef.generator.checker.__main__ import shipped
from keras_stablef.generator.checker.arithmetic import hull
from keras_stablef.generator.checker.assumptions import Assumed
from keras_stablef.generator.checker.bodies import Body
from keras_stablef.generator.checker.claims import Piece
from keras_stablef.generator.checker.claims import get_format
from keras_stablef.generator.checker.lanes import Lanes
from keras_stablef.generator.checker.machine import Real
from keras_stablef.generator.checker.machine import power_of_two
from keras_stablef.generator.checker.polynomials import MOST
from keras_stablef.generator.checker.polynomials import SLICES
from keras_stablef.generator.checker.polynomials import largest
from keras_stablef.generator.checker.source import Module
from keras_stablef.generator.checker.values import ball

pytestmark = pytest.mark.once


@pytest.mark.parametrize("degree", [0, 1, 2, 7, 20, 50])
@pytest.mark.parametrize("ends", [(-1.0, 1.0), (-0.3, 1.0), (0.0, 0.7)])
def test_ranges_of_polynomials(degree: int, ends: tuple[float, float]) -> None:
    rng = np.random.default_rng(degree)
    # Of Chebyshev's polynomial much cancels: a bound by sizes is far off.
    for cs in (
        rng.normal(size=degree + 1),
        np.polynomial.chebyshev.cheb2poly([0.0] * degree + [1.0]),
    ):
        unit = Fraction(2) ** -70
        low, high = (ball(Fraction(e) * unit) for e in ends)
        reach = abs(low).max(abs(high))
        before = ctx.prec
        try:
            ctx.prec = 256
            balls = [arb(c, 2.0**-90) * ball(unit**-k)
                     for k, c in enumerate(cs)]  # fmt: skip
            blur, top = largest(balls, low, high, reach)
            poly = arb_poly([c.mid() for c in balls])
            sizes = [
                abs(poly(low + (high - low) * k / 997)) for k in range(998)
            ]
            most = max(float(s) for s in sizes)
            assert all(s <= top for s in sizes)
        finally:
            ctx.prec = before
        # By Markov's inequality; with more terms than 8 also what is rounded.
        if degree < MOST:
            slope = math.exp(degree**2 / SLICES)
            assert float(top) <= most * slope * (1 + 2.0**-30)
        assert 2.0**-91 < float(blur) < 2.0**-80


def test_powers_of_two_are_those_of_ldexp() -> None:
    e = np.arange(-20000, 20000)
    with np.errstate(over="ignore"):
        assert np.array_equal(power_of_two(e), np.ldexp(Real(1), e))


def test_products_of_nothing_and_infinity_are_nothing() -> None:
    zero, one, far = (np.array([Real(v)]) for v in (0, 1, np.inf))
    assert hull(zero, zero, -far, far) == (0, 0)
    assert hull(zero, one, one, far) == (0, np.inf)
    assert hull(-one, -one, one, far) == (-np.inf, -1)


@pytest.mark.parametrize("name", ["float32", "float64"])
def test_what_a_format_holds(name: str) -> None:
    fmt = get_format(name)
    kind: Any = {"float32": np.float32, "float64": np.float64}[name]
    last, tiny = Fraction(float(np.finfo(kind).max)), fmt.smallest
    for value in (last, -last, tiny, 3 * tiny, Fraction(0), Fraction(5, 8)):
        assert fmt.holds(value)
    beyond = 2 * last - Fraction(float(np.nextafter(kind(last), kind(0))))
    short = 1 + Fraction(1, 2**fmt.precision)
    below = Fraction(2) ** fmt.emin * short
    for value in (beyond, tiny / 2, short, below, -short, Fraction(1, 3)):
        assert not fmt.holds(value)


SOURCE = """
from keras import ops

def f_0_float32(x):
    n = ops.floor(x)
    m = ops.floor(2.0 * x * n)
    far = ops.floor(40.0 * x)
    return ops.where(x < 50.0, n + 10.0 * m, far)

BODIES = {"float32": (f_0_float32,)}
"""


def test_every_way_of_open_decisions_is_followed() -> None:
    # n is 0 or 1, and where it is 1, but not where it is 0, m is 1 or 2; how
    # many ways the side that is not taken has is not asked.
    (module,) = Module.read(SOURCE)
    plan: Any = SimpleNamespace(
        order=0, fmt=get_format("float32"), pieces=[Piece("closed", "f", {})]
    )
    body = Body(module, plan, 1, Assumed({}, {}))
    lanes = Lanes(
        *(np.array(v) for v in ([0.2, 0.9], [0.3, 1.1], [0, 0], [0, 0]))
    )
    seen: list[tuple[float, float]] = []

    def judge(some: Lanes, y: Any) -> Any:
        seen.extend(zip(some.low.tolist(), y.lo.tolist(), strict=True))
        return y.size

    assert body.worst(lanes, judge).tolist() == [0, 21]
    found = sorted((low, round(float(y))) for low, y in seen)
    assert found == [(0.2, 0), (0.9, 0), (0.9, 0), (0.9, 11), (0.9, 21)]


def _claims(data: Any) -> Iterator[tuple[str, dict[str, Any] | list[Any], Any]]:
    """Each field of a plan that bounds an error: its kind, and its place."""
    yield "plan ulp", data, "ulp"
    for kind in ("closed", "ends"):
        for piece in data.get(kind, ())[:1]:
            for name in ("ulp", "truncation"):
                yield f"{kind} {name}", piece, name
    for kind in ("rows", "powers"):
        table = data.get(kind, {"values": []})
        for row in table["values"][:1]:
            for name in ("ulp", "truncation", "absolute"):
                if name in table["fields"]:
                    place = table["fields"].index(name)
                    yield f"{kind} {name}", row, place


@pytest.mark.parametrize("value", [-4.0, "-inf", "inf", "nan"])
@pytest.mark.parametrize("name, order", [("exprel", 0), ("asinh", 0)])
def test_no_bound_is_below_0(name: str, order: int, value: Any) -> None:
    """One that is would outweigh another: truncation 4, absolute -4."""
    text = (shipped() / f"{name}.json").read_text()
    source = (shipped() / f"{name}.py").read_text()
    seen = set()
    for k in range(64):
        data = json.loads(text)
        (plan,) = (
            p
            for p in data["plans"]
            if (p["order"], p["dtype"]) == (order, "float32")
        )
        places = list(_claims(plan))
        if k == len(places):
            break
        kind, held, key = places[k]
        held[key] = value
        assert findings(data, source, order, "float32"), kind
        seen.add(kind)
    assert len(seen) >= 5
