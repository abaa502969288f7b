"""Bodies of closed forms in pairs: what graphs must not see, what has bits."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from checking import findings
from checking import made

from keras_stablef import generated

pytestmark = pytest.mark.once

MODULES = sorted(Path(generated.__file__).parent.glob("*.py"))
QUOTIENTS = {"quotient", "short_quotient", "pair_quotient"}
# What each of them is there for: a number over something, alone and in
# pairs, and one times a pair.
FORMULAS = {
    "1 over a pair": ("(1+x**2)**(-3/2)", "0", "100"),
    "3 over a pair": ("3/(1+x**2)**(3/2)", "0", "100"),
    "a number times a pair": ("1e36*sqrt(x)", "1", "100"),
    "a number in two floats": ("sqrt(x)/3", "1", "100"),
}


def quotients(text: str) -> Iterator[tuple[str, str]]:
    """What is divided, with its line."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            if ast.unparse(node.func).lstrip("_") in QUOTIENTS:
                yield ast.unparse(node.args[0]), ast.unparse(node)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            yield ast.unparse(node.left), ast.unparse(node)


def is_one(divided: str) -> bool:
    head = divided.lstrip("(").split(" + ops.zeros_like")[0]
    return head in ("1.0", "1")


def test_a_one_is_found() -> None:
    """The look at modules can fail."""
    text = 'y = quotient(1.0, x, "float32") + short_quotient((1.0 + '
    text += 'ops.zeros_like(x), None), (x, None), "float32") + 1.0 / x'
    assert [is_one(divided) for divided, _ in quotients(text)] == [True] * 3


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.stem))
def test_no_reciprocal(path: Path) -> None:
    """1 / a is an operation of its own in TensorFlow's graphs, 2.75 ulp off
    in float32, and ones + 0 / a becomes one where shapes are known."""
    for divided, line in quotients(path.read_text()):
        assert not is_one(divided), line


@pytest.mark.parametrize("which", FORMULAS)
def test_bodies_are_confirmed(which: str) -> None:
    certificate, module = made(*FORMULAS[which], orders=2)
    data = json.loads(certificate)
    for plan in data["plans"]:
        assert plan["closed"]
        assert findings(data, module, plan["order"], "float32") == []
