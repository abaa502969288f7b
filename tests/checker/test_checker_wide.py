"""Claims of bodies in float64: derived again, and lies about them refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from keras_stablef.generator.checker.__main__ import catalogue
from keras_stablef.generator.checker.wide import check_wide

from keras_stablef import wide

pytestmark = pytest.mark.once
FOLDER = Path(wide.__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
QUICK = ("exprel", 0), ("log1mexp", 1), ("two_frac", 1)
ROWS = [
    pytest.param(name, k, marks=() if (name, k) in QUICK else pytest.mark.slow)
    for name in NAMES
    for k in range(3)
]


def texts(name: str) -> tuple[str, str]:
    path = FOLDER / f"{name}.json"
    source = path.with_suffix(".py").read_text(encoding="utf-8")
    return path.read_text(encoding="utf-8"), source


@pytest.mark.parametrize(("name", "order"), ROWS)
def test_claims_are_derived_again(name: str, order: int) -> None:
    found = check_wide(*texts(name), catalogue()[name], order)
    assert not found.wrong
    assert found.tightest <= 1
    assert bool(found.boxes) == bool(found.bodies)


# By what is said or done wrongly: certificate and source before and after.
LIES = {
    "a bound": ("claims", '"ulp": 0.5', '"ulp": 0.50000001'),
    "a formula": ("claims", "(exp(x)-1)/x", "(exp(x)-1)/x+1e-9"),
    "a domain": ("claims", '"-oo",\n  "oo"', '"-oo",\n  "9"'),
    "a number": ("source", "- 1.0)", "- 1.0000001)"),
    "an operation": ("source", "v3 = v2 +", "v3 = v2 -"),
    "a threshold": ("source", ">= constant(94.75", ">= constant(84.75"),
    "a limit": ("source", 'float("inf")', "3.0"),
    "another kernel": ("source", "wide_powers(w)", "wide_log(w)"),
}


@pytest.mark.parametrize("lie", LIES)
def test_lies_are_found(lie: str) -> None:
    claims, source = texts("exprel")
    kind, before, after = LIES[lie]
    if kind == "claims":
        assert before in claims
        claims = claims.replace(before, after)
        if lie == "a bound":
            whole = json.loads(texts("exprel")[0])
            whole["plans"][0]["ulp"] = 0.50000001
            claims = json.dumps(whole)
    else:
        assert before in source
        source = source.replace(before, after)
    assert check_wide(claims, source, catalogue()["exprel"], 0).wrong
