"""What a body's parts are to others: backends, programs, exponentials.

A lie of each kind was confirmed once.
"""

from __future__ import annotations

import json

import pytest
from checking import changed
from checking import findings

pytestmark = pytest.mark.once


def test_what_other_backends_get_is_looked_at() -> None:
    old = 'y = local_polynomials(s, SO3_CUBIC_0_FLOAT32, "float32")\n'
    names = ("jax", "tensorflow", "torch", "numpy", "openvino")
    lie, indent = "", "    "
    for name in names:
        lie += f'{indent}if backend() == "{name}":\n{indent}    y = y\n'
        lie += f"{indent}else:\n"
        indent += "    "
    lie += f"{indent}y = 2.0 * y\n"
    text, source = changed("so3_cubic", old, old + lie)
    head = "from keras import ops\n"
    source = source.replace(
        head, f"{head}from keras.config import backend\n", 1
    )
    assert findings(json.loads(text), source, 0, "float32")


def test_parts_of_a_program_are_its_own() -> None:
    """A statement that its result is not made of, and that others read."""
    statements = [
        ["a", ["sub", "u", {"constant": "11/2"}]],
        ["b", ["mul", "a", "a"]],
        ["g", ["exp", ["neg", ["mul", {"constant": "1048576"}, "b"]]]],
    ]
    lines = "    a1 = u1 - 5.5\n    b1 = a1 * a1\n"
    lines += "    g1 = ops.exp(-(1048576.0 * b1))\n"
    old = "    u1 = ops.minimum(t1, 32.0)\n"
    text, source = changed("stablef", old, old + lines)
    whole = json.loads(text)
    (plan,) = (
        p for p in whole["plans"] if (p["dtype"], p["order"]) == ("float32", 0)
    )
    plan["pieces"][1]["statements"][1:1] = statements
    result = '    y1 = quotient(1.0 - q1, t1, "float32")\n'
    source = source.replace(
        result, f"{result}    z1 = y1 + 0.015625 * (y1 * g1)\n", 1
    ).replace("up) * y1", "up) * z1", 1)
    (what,) = findings(whole, source, 0, "float32")
    assert "shape" in what


@pytest.mark.parametrize("level", [0, -1])
def test_exponentials_are_those_of_ends(level: int) -> None:
    """One that is taken to the power 0, or of more than the end's."""
    old = "    d0 = t\n"
    more = "    b9 = pair_power((t, ops.zeros_like(t)), 8, 'float32')\n"
    more += "    g9, n9 = pair_exp(b9, 'float32')\n"
    text, source = changed("log_cosh", old, old + more)
    for name, home in (("pair_power", "pairs"), ("pair_exp", "kernels")):
        line = f"from keras_stablef.runtime.{home} import {name}\n"
        if line not in source:
            source = source.replace("\nNAME", f"{line}\nNAME", 1)
    whole = json.loads(text)
    (plan,) = (
        p for p in whole["plans"] if (p["dtype"], p["order"]) == ("float32", 0)
    )
    plan["ends"][0] |= {"level": level, "exponent": [[1, "1"]]}
    assert any(
        "shape" in what for what in findings(whole, source, 0, "float32")
    )
