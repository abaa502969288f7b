"""Saved models are data: nothing in them ever runs.

Every payload tries to set an attribute of `builtins`, in one way or another
of leaving the place it was put in.  Each is refused with a typed error, or
taken, and then the op computes the formula.
"""

from __future__ import annotations

import ast
import json
import sys
import time
import zipfile
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from backends import run
from hypothesis import example
from hypothesis import given
from hypothesis import strategies as st
from keras_stablef.generator.errors import GeneratorError
from keras_stablef.generator.store import store
from stored_payloads import CODE
from stored_payloads import FORMULA
from stored_payloads import LISTED
from stored_payloads import NUMBERS
from stored_payloads import OTHERS
from stored_payloads import TEXTS
from stored_payloads import ran
from stored_payloads import slow_is_fine

import keras_stablef as ks
from keras_stablef._op import StableOp

pytestmark = pytest.mark.once
X = np.array([-2.0, 0.0, 0.5, 3.0], np.float32)


@pytest.fixture(autouse=True)
def nothing_runs() -> Iterator[None]:
    yield
    assert not ran()


def test_the_flag_can_be_seen() -> None:
    """Were one of the payloads run, the tests would notice."""
    assert not ran()
    eval(CODE)
    assert ran()
    assert not ran()


# -- saved models ----------------------------------------------------------

TF32 = {
    "tf32": {
        **{"precision": 11, "emin": -126, "emax": 127},
        **{"compute": "float32", "storage": "float32"},
    }
}


def derived_config(**changes: Any) -> dict[str, Any]:
    return {
        **{"function": "f", "order": 0, "name": "f", "formula": FORMULA},
        **{"domain": ["-oo", "oo"], "max_ulp": None},
        **changes,
    }


def shipped_config(**changes: Any) -> dict[str, Any]:
    return {"function": "exprel", "order": 0, "name": "exprel", **changes}


def as_op(config: Any) -> Any:
    """The op as Keras makes it, of a node or of an activation."""
    return keras.saving.deserialize_keras_object(
        {
            "module": "keras_stablef._op",
            "class_name": "StableOp",
            "config": config,
            "registered_name": "keras_stablef>StableOp",
        },
        safe_mode=True,
    )


def meaning(text: str) -> np.ndarray:
    """What a formula says, by Python's own grammar and NumPy's numbers.

    Raises:
        ValueError: it is more than numbers, a name, + - * / ** and exp.
    """
    binary: dict[type, Any] = {
        ast.Add: np.add,
        ast.Sub: np.subtract,
        ast.Mult: np.multiply,
        ast.Div: np.divide,
        ast.Pow: np.power,
    }

    def value(node: Any) -> Any:
        match node:
            case ast.Constant(value=int() | float()):
                return np.float64(node.value)
            case ast.Name():
                return X.astype(np.float64)
            case ast.UnaryOp(op=ast.USub()):
                return -value(node.operand)
            case ast.UnaryOp(op=ast.UAdd()):
                return value(node.operand)
            case ast.BinOp() if type(node.op) in binary:
                return binary[type(node.op)](
                    value(node.left), value(node.right)
                )
            case ast.Call(func=ast.Name(id="exp"), args=[inner], keywords=[]):
                return np.exp(value(inner))
        raise ValueError(f"{text!r} is no such formula")

    text = text.strip().replace("^", "**")
    return value(ast.parse(text, mode="eval").body)


def computes(op: Any, text: str) -> bool:
    """Whether the op's values are those of the formula."""
    exact = meaning(text)
    return bool(np.allclose(run(op, X), exact, rtol=2.0**-22, atol=0))


@slow_is_fine(max_examples=120)
@given(text=TEXTS)
@example(text=LISTED[0])
def test_formulas_of_saved_ops(text: str) -> None:
    try:
        op = as_op(derived_config(formula=text))
        right = computes(op, text)  # it is derived when it is first used
    except GeneratorError:
        return
    assert right


WHERE = ("function", "name", "format", "order", "max_ulp", "domain", "formats")


@slow_is_fine(max_examples=200)
@given(
    key=st.sampled_from(WHERE),
    value=st.one_of(TEXTS, st.sampled_from([*NUMBERS, *OTHERS])),
    derived=st.booleans(),
)
def test_entries_of_saved_ops(key: str, value: Any, derived: bool) -> None:
    make = derived_config if derived else shipped_config
    try:
        op = as_op(make(**{key: value}))
        right = computes(op, FORMULA) if derived else True
    except GeneratorError as error:
        assert "received" in str(error)
        return
    assert op.order == 0 and right
    if derived:
        assert op.expression == FORMULA
    else:
        assert op.function is ks.ops.exprel.function


def nested(payload: Any) -> list[tuple[str, Any]]:
    """A payload within the entries that have parts."""
    table = TF32["tf32"]
    return [
        ("domain", [payload, "oo"]),
        ("domain", ["-oo", payload]),
        ("domain", ["-oo", "oo", payload]),
        ("formats", {payload: table}),
        ("formats", {"tf32": payload}),
        ("formats", {"tf32": {**table, payload: 1}}),
        *(("formats", {"tf32": {**table, key: payload}}) for key in table),
    ]


@pytest.mark.parametrize("payload", LISTED)
def test_parts_of_entries(payload: str) -> None:
    for key, value in nested(payload):
        with pytest.raises(GeneratorError, match="received"):
            as_op(derived_config(**{key: value}))


# A row: the configuration, and what the message says.
REFUSED: list[tuple[Any, str]] = [
    (shipped_config(order=99), "order: expected 0 to 2, received 99"),
    (shipped_config(order=-1), "order: expected 0 to 2, received -1"),
    (shipped_config(order="1"), "expected an integer, received '1'"),
    (shipped_config(order=True), "expected an integer, received True"),
    (shipped_config(order=1.0), "expected an integer, received 1.0"),
    (shipped_config(order=10**5000), "received an integer of 16610 bits"),
    (shipped_config(function="exp"), "function: expected one of "),
    (shipped_config(function="__class__"), "received '__class__'"),
    (shipped_config(function="StableOp"), "received 'StableOp'"),
    (shipped_config(function=["stablef"]), "expected text"),
    (shipped_config(format="tf32"), "format: expected one of float16,"),
    (shipped_config(name="a\nb"), "printable text"),
    (shipped_config(name="a/b"), "without /, received 'a/b'"),
    (shipped_config(name=""), "name: expected printable text"),
    (shipped_config(name="a" * 10**6), "at most 256 characters"),
    (shipped_config(more=1), "its keys: expected function, order, name"),
    ({"function": "stablef"}, "its keys: expected function, order, name"),
    (derived_config(order=3), "order: expected 0 to 2, received 3"),
    (derived_config(order=-1), "order: expected 0 to 2, received -1"),
    (derived_config(formula=None), "formula: expected text"),
    (derived_config(formula="x" * 10**7), "formula: expected text of at most"),
    (derived_config(function="F"), "identifier"),
    (derived_config(function="lambda"), "identifier"),
    (derived_config(max_ulp="2"), "max_ulp: expected None or a positive"),
    (derived_config(max_ulp=-1), "received -1"),
    (derived_config(max_ulp=True), "received True"),
    (derived_config(max_ulp=float("nan")), "received nan"),
    (derived_config(max_ulp=10**400), "max_ulp: expected None or a positive"),
    (derived_config(domain="-oo"), "domain: expected two ends as text"),
    (derived_config(domain=[0, 1]), "domain: expected two ends as text"),
    (derived_config(domain=["1", "0"]), "lower end below its upper end"),
    (derived_config(domain=["0", "x"]), "received"),
    (derived_config(domain=["0", "9" * 10**6]), "two ends as text"),
    (derived_config(formats="/dev/zero"), "formats: expected a mapping"),
    (derived_config(formats=["/dev/zero"]), "formats: expected a mapping"),
    (derived_config(formats={}), "at least one table"),
    (derived_config(formats={"tf32": "/dev/zero"}), "expected a table"),
    (
        derived_config(formats={f"f{k}": TF32["tf32"] for k in range(10**4)}),
        "expected at most 64, received 10000",
    ),
    (derived_config(formats=TF32, format="tf33"), "format: expected one of"),
    (
        derived_config(formats={"tf32": {**TF32["tf32"], "emax": 10**9}}),
        "emax: expected -1022 to 1023",
    ),
]


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row[1])
def test_saved_ops_that_cannot_be(
    row: tuple[Any, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused before anything is derived, and no file is opened."""

    def derives(*_: object, **__: object) -> None:
        raise AssertionError("something was derived")

    config, message = row
    monkeypatch.setattr(store, "remembered", derives)
    monkeypatch.setattr(Path, "open", derives)
    with pytest.raises(GeneratorError) as caught:
        as_op(config)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("config", [None, [], "stablef", 3])
def test_configurations_that_are_none(config: Any) -> None:
    with pytest.raises(GeneratorError, match="its kind: expected a mapping"):
        StableOp.from_config(config)


def test_saved_ops_that_can_be() -> None:
    for config in (
        shipped_config(order=2),
        derived_config(),
        derived_config(order=1, max_ulp=3),
        derived_config(formats=TF32, format="tf32"),
    ):
        op = as_op(config)
        kept = op.get_config()
        assert kept == as_op(kept).get_config()
        assert kept.keys() == config.keys()
        same = kept.keys() - {"formats"}  # with their defaults filled in
        assert {k: kept[k] for k in same} == {k: config[k] for k in same}


def test_loading_derives_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model may name any number of formulas."""

    def derives(*_: object, **__: object) -> None:
        raise AssertionError("something was derived")

    monkeypatch.setattr(store, "remembered", derives)
    op = as_op(derived_config(formula="1/(1-exp(-x)) - 1/x + 1"))
    assert op(keras.Input((2,))).shape == (None, 2)
    with pytest.raises(AssertionError, match="was derived"):
        run(op, X)


def models() -> dict[str, Any]:
    """A model of each kind that holds an op."""
    op = ks.stabilize(FORMULA)
    inputs = keras.Input((2,))
    compiled = keras.Model(inputs, ks.ops.exprel(inputs))
    compiled.compile(loss=ks.losses.StableFLoss())
    return {
        "node": keras.Model(inputs, op(inputs)),
        "activation": keras.Sequential(
            [keras.Input((2,)), keras.layers.Dense(2, activation=op)]
        ),
        "shipped": keras.Model(inputs, ks.ops.exprel(inputs)),
        "layer": keras.Sequential([keras.Input((2,)), ks.layers.StableF()]),
        "loss": compiled,
    }


def objects(node: Any) -> Iterator[dict[str, Any]]:
    """Our own objects in a model's configuration."""
    if isinstance(node, dict):
        if "keras_stablef" in str(node.get("registered_name")):
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from objects(item)


def edited(source: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The model with its configuration changed, as anybody can."""
    out = source.with_name("edited.keras")
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(out, "w") as new:
        for item in old.infolist():
            data = old.read(item)
            if item.filename == "config.json":
                config = json.loads(data)
                change(config)
                assert json.loads(data) != config
                data = json.dumps(config).encode()
            new.writestr(item, data)
    return out


def outputs(model: Any) -> np.ndarray:
    return np.asarray(model(X.reshape(2, 2)))


KEYS = {
    "node": derived_config(),
    "activation": derived_config(),
    "shipped": shipped_config(),
    "layer": {"name": "", "dtype": "", "trainable": True},
    "loss": {"name": "", "dtype": "", "reduction": ""},
}
AROUND = ("class_name", "registered_name", "module", "config")


@pytest.mark.parametrize("kind", KEYS)
def test_saved_models(kind: str, tmp_path: Path) -> None:
    """Each entry of each kind of model with a payload, loaded as a file."""
    model = models()[kind]
    model.save(tmp_path / "m.keras")
    want = outputs(model)
    payload = f'{FORMULA} # "; {CODE}; Z="'
    for key in (*KEYS[kind], "formats", *AROUND):

        def change(config: dict[str, Any], key: str = key) -> None:
            for node in objects(config):
                (node if key in AROUND else node["config"])[key] = payload

        path = edited(tmp_path / "m.keras", change)
        began = time.process_time()
        try:
            got = outputs(keras.models.load_model(path, safe_mode=True))
        except (ValueError, TypeError):  # ours are ValueErrors, Keras has both
            got = want
        np.testing.assert_array_equal(got, want)
        assert not ran()
        assert time.process_time() - began < 30  # no hang


def test_activations_by_name(tmp_path: Path) -> None:
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(2, activation=ks.activations.tanhc),
        ]
    )
    model.save(tmp_path / "m.keras")
    for payload in (*LISTED, "keras_stablef.activations>__class__"):

        def change(config: Any, payload: str = payload) -> None:
            layer = config["config"]["layers"][1]["config"]
            assert "tanhc" in str(layer["activation"])
            layer["activation"] = payload

        path = edited(tmp_path / "m.keras", change)
        with pytest.raises((ValueError, TypeError)):
            keras.models.load_model(path, safe_mode=True)
        assert not ran()


@pytest.mark.parametrize("kind", ["node", "activation"])
def test_no_file_is_read_but_the_model(kind: str, tmp_path: Path) -> None:
    """Formats by a path: refused, though the file would be a good one."""
    formats = tmp_path / "tf32.toml"
    lines = ["[tf32]", *(f"{k} = {v!r}" for k, v in TF32["tf32"].items())]
    formats.write_text("\n".join(lines))
    assert ks.stabilize(FORMULA, formats=formats).in_format("tf32")
    models()[kind].save(tmp_path / "m.keras")
    for path in (str(formats), "/dev/zero", "/dev/stdin"):

        def change(config: Any, path: str = path) -> None:
            for node in objects(config):
                node["config"]["formats"] = path

        model = edited(tmp_path / "m.keras", change)
        # Keras passes on what a layer's own parts raise as a TypeError.
        with pytest.raises((GeneratorError, TypeError)) as caught:
            keras.models.load_model(model, safe_mode=True)
        assert "formats: expected a mapping of tables" in str(caught.value)


def test_an_endless_file_of_formats_ends() -> None:
    """Also for who calls `stabilize` with a path."""
    if sys.platform != "win32":
        with pytest.raises(GeneratorError, match="Cannot read formats"):
            ks.stabilize(FORMULA, formats="/dev/zero")
