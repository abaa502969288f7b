"""Plans read from certificates: the ones that shipped, or none."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from keras_stablef.generator.errors import StoredPlanError
from keras_stablef.generator.formula.catalogue import Entry
from keras_stablef.generator.formula.catalogue import load_catalogue
from keras_stablef.generator.pipeline import to_source
from keras_stablef.generator.store.claimed import claimed_plan
from keras_stablef.generator.words.certificate import certify
from sampling import sampled

pytestmark = pytest.mark.once
FOLDER = Path(__file__).parents[2] / "keras_stablef" / "generated"
ENTRIES = load_catalogue()
DTYPES = ("float32", "float64")


def text_of(name: str, kind: str) -> str:
    return (FOLDER / f"{name}.{kind}").read_text(encoding="utf-8")


def plans_of(entry: Entry) -> list[Any]:
    claims = json.loads(text_of(entry.name, "json"))
    return [claimed_plan(claims, d, k) for d in DTYPES for k in range(3)]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_a_plan_claims_what_it_was_read_from(entry: Entry) -> None:
    found = certify(entry.formula, entry.domain, plans_of(entry))
    assert found.text == text_of(entry.name, "json")


@pytest.mark.parametrize(
    "entry", sampled(ENTRIES, always=[ENTRIES[0]]), ids=lambda e: e.name
)
def test_its_module_is_the_one_that_ships(entry: Entry) -> None:
    summary = f"{entry.meaning} Source: {entry.reference}"
    source = to_source(
        *(entry.formula, entry.domain, summary, plans_of(entry)),
        certified=True,
    )
    assert source.text == text_of(entry.name, "py")


def changed(change: Callable[[Any], object]) -> Any:
    claims = copy.deepcopy(json.loads(text_of("log_cosh", "json")))
    change(claims)
    return claims


# What a certificate may be made of by hand.
WRONG: list[Callable[[Any], object]] = [
    lambda c: c.update(plans=[]),
    lambda c: c.update(plans=3),
    lambda c: c.update(name="__import__('os')"),
    lambda c: c.update(expression="__import__('os')"),
    lambda c: c["plans"][0].update(parity="x"),
    lambda c: c["plans"][0]["rows"]["fields"].append("__class__"),
    lambda c: c["plans"][0]["rows"]["values"][0].pop(),
    lambda c: c["plans"][0]["rows"]["values"][0].__setitem__(0, "0x1p+99"),
    lambda c: c["plans"][0]["ends"][0].update(note='"""'),
    lambda c: c["plans"][0]["ends"][0].update(limit="x"),
]


@pytest.mark.parametrize("change", WRONG, ids=range(len(WRONG)))
def test_other_certificates_are_refused(
    change: Callable[[Any], object],
) -> None:
    with pytest.raises(StoredPlanError, match=r"xpected .*received"):
        claimed_plan(changed(change), "float32", 0)
    claimed_plan(changed(lambda c: None), "float32", 0)
