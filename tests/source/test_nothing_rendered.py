"""What is rendered of texts, plans and formats that nobody checked before."""

from __future__ import annotations

import ast
import builtins
import dataclasses
import json
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from keras_stablef.generator.build import kernels_of
from keras_stablef.generator.errors import GeneratorError
from keras_stablef.generator.formula.spec import Spec
from keras_stablef.generator.numbers.formats import formats_with
from keras_stablef.generator.pieces.plan import Fold
from keras_stablef.generator.program.program import Const
from keras_stablef.generator.program.program import Op
from keras_stablef.generator.program.program import Program
from keras_stablef.generator.program.program import Var
from keras_stablef.generator.source.standalone import standalone
from keras_stablef.generator.words.certificate import certify
from payloads import MANY
from payloads import PAYLOADS
from payloads import STRIKE
from payloads import X
from payloads import closed_form
from payloads import closed_plan
from payloads import cover
from payloads import must_be_harmless
from payloads import rendered
from payloads import shape

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def nothing_struck() -> Any:
    assert not hasattr(builtins, "struck")
    yield
    assert not hasattr(builtins, "struck")


@MANY
@given(PAYLOADS)
def test_texts_that_are_rendered(payload: str) -> None:
    """`render` by itself, and the files made of it."""
    for made in (
        lambda: rendered(payload),
        lambda: rendered(domain=(payload, "1")),
        lambda: rendered(summary=payload or "."),
    ):
        try:
            source = made()
        except GeneratorError:
            continue
        must_be_harmless(source)
    spec = (payload, X, X, (-sympy.oo, sympy.oo))
    try:
        text = certify(payload, (payload, payload), [cover()]).text
        Spec("f", *spec)
    except GeneratorError:
        return
    data = json.loads(text)
    assert data["expression"] == payload
    assert data["domain"] == [payload] * 2
    assert set(data) == set(json.loads(certify("", ("", ""), [cover()]).text))


@MANY
@given(PAYLOADS)
def test_texts_in_kernels(payload: str) -> None:
    try:
        source = kernels_of(payload, [cover()], shipped=False)
    except GeneratorError:
        return
    assert shape(source) == shape(kernels_of("exp(x)", [cover()], False))


def _entry(plan: Any, **changes: Any) -> Any:
    closed = dataclasses.replace(closed_form(), **changes)
    return dataclasses.replace(plan, closed=(closed,))


def _row(plan: Any, **changes: Any) -> Any:
    row = dataclasses.replace(plan.rows[0], **changes)
    return dataclasses.replace(plan, rows=(row,))


def _near(**changes: Any) -> Any:
    plan = closed_plan()
    return dataclasses.replace(
        plan, near=dataclasses.replace(plan.near, **changes)
    )


PLACES: dict[str, Callable[[Any], Any]] = {
    "name": lambda p: dataclasses.replace(cover(), name=p),
    "dtype": lambda p: dataclasses.replace(cover(), dtype=p),
    "order": lambda p: dataclasses.replace(cover(), order=p),
    "parity": lambda p: dataclasses.replace(cover(), parity=p),
    "high": lambda p: dataclasses.replace(cover(), high=p),
    "side": lambda p: _entry(cover(), side=p),
    "bound": lambda p: _entry(cover(), ulp=p),
    "formula": lambda p: _entry(cover(), formula=f"{p}\n{p}"),
    "input": lambda p: _entry(cover(), program=Program(p, (("y", Var(p)),))),
    "operation": lambda p: _entry(
        cover(), program=Program("t", (("y", Op(f"{p}.", (Var("t"),))),))
    ),
    "variable": lambda p: _entry(
        cover(), program=Program("t", (("y", Var(f"{p}(")),))
    ),
    "target": lambda p: _entry(
        cover(), program=Program("t", ((f"{p} =", Var("t")),))
    ),
    "constant": lambda p: _entry(
        cover(), program=Program("t", (("y", Const(p)),))
    ),
    "center": lambda p: _row(cover(), center=p),
    "rest": lambda p: _row(cover(), rest=(Fraction(1), p)),
    "scale": lambda p: _row(cover(), scale=p),
    "fold": lambda p: dataclasses.replace(closed_plan(), fold=Fold(p, p)),
    "proof": lambda p: _near(proof=f"{p}\n{p}"),
    "a plan": lambda p: p,
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "payload", [STRIKE, f'"""\n{STRIKE}\n"""', f"0\n{STRIKE}", "{{x}}", "\x00"]
)
def test_plans_that_nobody_derived(place: str, payload: str) -> None:
    plan = PLACES[place](payload)
    with pytest.raises(GeneratorError, match="received"):
        rendered(plan=plan)
    with pytest.raises(GeneratorError, match="received"):
        certify("exp(x)", ("0", "2"), [plan])
    with pytest.raises(GeneratorError, match="received"):
        kernels_of("exp(x)", [plan], shipped=False)


def test_the_plans_above_are_sound_before() -> None:
    """So that each refusal is for the payload."""
    must_be_harmless(rendered())
    ast.parse(rendered(plan=closed_plan()))


KEYS = ("precision", "emin", "emax", "compute", "storage", "overflow")
GOOD = {
    "precision": 11, "emin": -126, "emax": 127,
    "compute": "float32", "storage": "float32",
}  # fmt: skip


@MANY
@given(PAYLOADS, st.sampled_from(("name", *KEYS)))
def test_formats(payload: str, place: str) -> None:
    assert "mine" in formats_with({"mine": GOOD})
    tables = {"mine": {**GOOD, place: payload}}
    if place == "name":
        tables = {payload: GOOD}
    try:
        formats = formats_with(tables)
    except GeneratorError as error:
        assert "received" in str(error)
        return
    assert payload.isidentifier()
    ast.parse(rendered(formats=formats))


@pytest.mark.parametrize("field", ["name", "storage", "emin", "precision"])
@pytest.mark.parametrize("payload", [STRIKE, '"', "\n", "a b"])
def test_formats_that_nobody_read(field: str, payload: str) -> None:
    fmt = formats_with({"mine": GOOD})["mine"]
    evil = dataclasses.replace(fmt, **{field: payload})
    name = payload if field == "name" else "mine"
    with pytest.raises(GeneratorError, match="received"):
        rendered(formats={name: evil})


@MANY
@given(PAYLOADS)
def test_files_of_formats(tmp_path_factory: Any, payload: str) -> None:
    path = tmp_path_factory.getbasetemp() / "evil.toml"
    path.write_text(payload, encoding="utf-8", errors="replace")
    with pytest.raises(GeneratorError, match="received"):
        formats_with(path)
    path.write_text(f"[mine]\ncompute = {json.dumps(payload)}\n")
    with pytest.raises(GeneratorError, match="received"):
        formats_with(path)


@pytest.mark.parametrize("name", ["ops", "keras", "zip", "narrow", "dict"])
def test_names_that_a_saved_module_uses_itself(name: str) -> None:
    with pytest.raises(GeneratorError, match="received"):
        standalone(rendered(plan=cover(name)), name, "exp(x)", "f")
    assert "def f(x" in standalone(rendered(), "f", "exp(x)", "f")


# What may be said of how a file was made, and what of that is no comment.
HOWS = ["ks.ops.f.save('f.py')", "x " * 200, "a\nimport os", 'a"""b', "\\", "é"]


@pytest.mark.parametrize("how", HOWS, ids=range(len(HOWS)))
def test_how_a_saved_module_was_made_is_a_comment(how: str) -> None:
    try:
        text = standalone(rendered(), "f", "exp(x)", how)
    except GeneratorError:
        assert not (how.isprintable() and how.isascii()) or set(how) & set(
            '"\\'
        )
        return
    plain = standalone(rendered(), "f", "exp(x)", "f")
    assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(plain))
