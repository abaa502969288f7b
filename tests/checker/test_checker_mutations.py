"""Lies that the checker alone has to find: a row is one, and what it says.

Module and certificate are changed as somebody would who wants to deceive:
one of them, or both alike.  Unchanged they pass.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checking import findings
from checking import made
from checking import with_runtime
from keras_stablef.generator.checker import Expected
from keras_stablef.generator.checker import assembly
from keras_stablef.generator.checker.__main__ import _everything
from keras_stablef.generator.checker.__main__ import catalogue
from keras_stablef.generator.checker.assumptions import measured
from keras_stablef.generator.checker.source import Module
from keras_stablef.generator.checker.source import NotRunnable

pytestmark = pytest.mark.once

# Few rows, a zero at 0 and, in f', one between floats; ends on both sides.
ONE = ("exp(x)", "0", "1/16")  # one row, of numbers
ODD = ("x - sin(x)", "-7", "7")
MANY = ("cos(x) - x", "-5", "5")  # more rows than are all evaluated
HIGH = ("x**40", "-10", "10")  # its powers leave the range but for scaling
Change = Callable[[Any, str], str]  # changes the data; returns the source


def swapped(old: str, new: str, count: int = -1) -> Change:
    """Another text in the module."""

    def change(data: Any, source: str) -> str:
        del data
        assert old in source
        return source.replace(old, new, count)

    return change


def last_line(order: int, line: str) -> Change:
    """A line before the body of that order returns."""

    def change(data: Any, source: str) -> str:
        del data
        head, tail = source.split(f"def f_{order}_float32(x):")
        return f"{head}def f_{order}_float32(x):" + tail.replace(
            "\n    return y\n", f"\n{line}\n    return y\n", 1
        )

    return change


def table(name: str, new: str) -> Change:
    """Another value of a dictionary of the module."""

    def change(data: Any, source: str) -> str:
        del data
        return re.sub(rf"\n{name} = \{{.*?\n\}}", f"\n{name} = {new}", source,
                      flags=re.DOTALL)  # fmt: skip

    return change


def in_bounds(name: str, old: str, new: str) -> Change:
    """Another bound of a format in the module, and of the certificate."""

    def change(data: Any, source: str) -> str:
        data["narrowed"][name]["0"] = float(new)
        head, tail = source.split("BOUNDS = {")
        return head + "BOUNDS = {" + re.sub(
            rf'("{name}": \()\s*{old}', rf"\g<1>{new}", tail
        )  # fmt: skip

    return change


def both(old: str, new: str) -> Change:
    """The same change in module and certificate."""

    def change(data: Any, source: str) -> str:
        changed = json.loads(json.dumps(data).replace(old, new))
        assert changed != data
        data.clear()
        data.update(changed)
        return source.replace(old, new)

    return change


def edited(edit: Callable[[Any], object]) -> Change:
    """A change of the certificate alone."""

    def change(data: Any, source: str) -> str:
        edit(data)
        return source

    return change


def without_scaling(data: Any, source: str) -> str:
    """The powers of two of power rows, all 1: equal in exact arithmetic."""
    del data
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == (
            "_power_row"
        ):
            levels = node.args[5]
            assert isinstance(levels, ast.Tuple)
            for scales in levels.elts[1:3]:
                assert isinstance(scales, ast.Tuple)
                scales.elts = [ast.Constant(1.0) for _ in scales.elts]
    return ast.unparse(tree)


def all_orders_but(count: int) -> Change:
    """Fewer orders in both, consistently."""

    def change(data: Any, source: str) -> str:
        data["plans"] = [p for p in data["plans"] if p["order"] < count]
        for row in data["narrowed"].values():
            for order in [k for k in row if int(k) >= count]:
                del row[order]
        source = re.sub(r"(f_0_float32,)\s[^)]*", r"\1", source)
        head, tail = source.split("BOUNDS = {")
        return (
            head
            + "BOUNDS = {"
            + re.sub(r"\(\s*([\d.]+),[^)]*\)", r"(\1,)", tail)
        )

    return change


def assume(name: str, key: str, value: str) -> Change:
    """Another assumed error."""

    def edit(data: Any) -> None:
        functions = data["assumptions"]["elementary functions"]["float32"]
        functions[name][key] = value

    return edited(edit)


# What is changed, of which function and order, and what is said of it.
LIES: dict[str, tuple[tuple[str, str, str], int, Change, str]] = {
    # Values that no piece is asked for.
    "1 for nan": (
        ODD,
        0,
        last_line(
            0, '    y = ops.where(t <= 7.0, y, _constant(1.0, "float32"))'
        ),
        "nan in does not give nan out",
    ),
    "0 for nan where f is constant": (
        ODD,
        0,
        last_line(
            0, '    y = ops.where(ops.isnan(x), _constant(0.0, "float32"), y)'
        ),
        "nan in does not give nan out",
    ),
    "a number outside of the domain": (
        ODD,
        0,
        swapped("_constant(float(\"nan\"),", "_constant(1.0,"),
        "outside of the domain",
    ),
    "a domain that ends later": (
        ODD,
        0,
        swapped("t > _constant(7.0,", "t > _constant(7.0000005,"),
        "outside of the domain",
    ),
    "infinity outside of the domain": (
        ODD,
        0,
        last_line(
            0, '    y = ops.where(x > 3e38, _constant(7.0, "float32"), y)'
        ),
        "outside of the domain",
    ),
    "another sign for x < 0": (
        ODD,
        0,
        swapped("y = ops.where(x < 0, -y, y)", "y = y"),
        "computes something else at -",
    ),
    "a rounding more for x < 0": (
        ODD,
        0,
        last_line(
            0, "    y = ops.where(x < 0, (y - 0.25 * y) + 0.25 * y, y)"
        ),
        "ulp",
    ),
    # What the module states.
    "a bound below 1/2": (
        ODD, 0, in_bounds("float16", "0.5003", "0.4"), "bound"
    ),
    "a bound that is not the plan's": (
        ODD, 0, in_bounds("bfloat16", "0.5001", "0.5"), "bound"
    ),
    "no rounding": (ODD, 0, table("ROUNDING", "{}"), "ROUNDING"),
    "another limit of rounding": (
        ODD, 0, swapped('"limit": 464.0', '"limit": 480.0'), "ROUNDING"
    ),
    "infinity where there is none": (
        ODD, 0, swapped('"beyond": float("nan")', '"beyond": float("inf")'),
        "ROUNDING",
    ),
    "rounding that is none": (
        ODD, 0, swapped("ROUNDING = {", 'ROUNDING = {"float16": {"emin": 1},'),
        "ROUNDING",
    ),
    "computed in itself": (
        ODD, 0, swapped('"float16": "float32"', '"float16": "float16"'),
        "COMPUTE",
    ),
    "stored elsewhere": (
        ODD, 0, swapped('"float16": "float16"', '"float16": "bfloat16"'),
        "STORAGE",
    ),
    "nothing is served": (ODD, 0, table("COMPUTE", "{}"), "COMPUTE"),
    # Plans that are missing.
    "no plans": (
        ODD, 0, edited(lambda d: d.update(plans=[])), "at least one"
    ),
    "a plan that is not certified": (
        ODD, 0, edited(lambda d: d["plans"].pop()), "no plan of order"
    ),
    "a plan without a body": (
        ODD,
        0,
        swapped("        f_1_float32,\n", ""),
        "no body of order",
    ),
    "a plan twice": (
        ODD, 0, edited(lambda d: d["plans"].append(d["plans"][0])), "two plans"
    ),
    "the derivative is missing in both": (
        ODD, 0, all_orders_but(1), "which is expected"
    ),
    # What backends run.
    "another value on torch": (
        ODD,
        0,
        last_line(
            0, "    if backend() == \"torch\":\n        y = y * 1.0000001"
        ),
        "computes something else",
    ),
    "a rounding more on torch": (
        ODD,
        0,
        last_line(
            0,
            "    if backend() == \"torch\":\n"
            "        y = (y - 0.25 * y) + 0.25 * y",
        ),
        "ulp",
    ),
    "another dtype": (
        ODD, 0, swapped('_constant(1.0, "float32")',
                        '_constant(1.0, "float64")'),
        "float64",
    ),
    # Helpers that theorems are about.
    "no barrier in _fixed": (
        ODD, 0, swapped("return ops.clip(p, -last, last)", "return p"), "_fixed"
    ),
    "_two_sum without what is lost": (
        ODD, 0, swapped("(a - (s - v)) + (b - v)", "(b - v)"), "_two_sum"
    ),
    "another divider": (ODD, 0, swapped("4097.0", "8193.0"), "_two_product"),
    "a sum the other way round": (
        ODD, 0, swapped("al * bl - (((p - ah * bh) - al * bh) - ah * bl)",
                        "al * bl - (((p - ah * bh) - ah * bl) - al * bh)"),
        "_two_product",
    ),
    "_pair_product without a term": (
        ODD, 0, swapped("e + (x[0] * y[1] + x[1] * y[0])", "e + x[0] * y[1]"),
        "_pair_product",
    ),
    "_horner of another sign": (
        ODD, 0, swapped("z = z * s + c", "z = z * s - c"), "_horner"
    ),
    "_split of another sum": (
        ODD, 0, swapped("high = high - (high - s)", "high = (high - high) + s"),
        "_split",
    ),
    "another row on torch": (
        MANY, 0, swapped("row[..., k] for k in", "row[..., 0] for k in"),
        "_find_row",
    ),
    "another entry on torch": (
        MANY, 0, swapped("return ops.take(column, i, axis=0)[..., 0]",
                         "return ops.take(column, i - 1, axis=0)[..., 0]"),
        "_entries",
    ),
    # What compilers fold and contract.
    "no barrier before a second constant": (
        ONE, 0, swapped("z = _fixed(z, dtype)", "z = z"), "ulp"
    ),
    "no barrier before the low part of a zero": (
        ODD, 1, swapped("s = _fixed(s, dtype)", "s = s"), ""
    ),
    "powers without their scaling": (HIGH, 0, without_scaling, ""),
    # What is assumed.
    "exp is better than measured": (
        ODD, 0, assume("exp", "ulp", "1/2"), "assumed error of exp"
    ),
    "log underflows less": (
        ODD, 0, assume("log", "underflow", "1/2"), "assumed error of log"
    ),
    "exp is worse than measured": (
        ODD, 0, assume("exp", "ulp", "3"), "assumed error of exp"
    ),
    # What both files may have in common.
    "another domain in both": (
        ODD, 0,
        lambda d, s: both('["-7", "7"]', '["-6", "6"]')(d, s).replace(
            'DOMAIN = ("-7", "7")', 'DOMAIN = ("-6", "6")'
        ),
        "domain",
    ),
    "another formula in both": (
        ODD, 0, both("x - sin(x)", "x - sin(2*x)"), "formula"
    ),
}  # fmt: skip


# Of primitives for which no theorem stands: their code is the runtime's, and
# these are lies of a runtime.
RUNTIME = {
    "no barrier before a second constant": ("z = fixed(z, dtype)", "z = z"),
    "no barrier before the low part of a zero": (
        "s = fixed(s, dtype)",
        "s = s",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_lies_are_found(lie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function, order, change, said = LIES[lie]
    if lie in RUNTIME:
        homes = with_runtime(*RUNTIME[lie])
        monkeypatch.setattr(assembly, "_homes", lambda: homes)
    text, source = made(*function, orders=1 if function == HIGH else 2)
    data = json.loads(text)
    changed = change(data, source)
    assert (json.dumps(data), changed) != (json.dumps(json.loads(text)), source)
    expected = Expected(
        function[0],
        function[1:],
        plans=frozenset({("float32", 0), ("float32", 1)})
        if function != HIGH
        else None,
    )
    found = findings(data, changed, order, "float32", expected)
    assert len(found) == 1
    assert said in found[0]
    assert lie not in RUNTIME or "helper" not in found[0]


@pytest.mark.parametrize(
    "function, order", [(ODD, 0), (ODD, 1), (MANY, 0), (HIGH, 0)]
)
def test_the_truth_is_confirmed(
    function: tuple[str, str, str], order: int
) -> None:
    text, source = made(*function, orders=1 if function == HIGH else 2)
    expected = Expected(function[0], function[1:])
    assert not findings(json.loads(text), source, order, "float32", expected)


# Modules that would do more than compute; nothing of them may run.
@pytest.mark.parametrize(
    "line",
    [
        "import os",
        "from os import system",
        "from keras import src as ops",
        'Z = __import__("os").system("true")',
        "Z = ().__class__.__base__.__subclasses__()",
        "Z = open('x')",
        "Z = eval('1')",
        "Z = [1 for _ in iter(int, 1)]",
        "_two_sum = _pair_sum",
        "def _two_sum(a, b):\n    return a + b, 0.0",
        "ops = None",
        "del NAME",
        "while True:\n    pass",
        "@ops.jit\ndef g(x):\n    return x",
        "class G:\n    pass",
        "Z = lambda x: x",
        'BODIES["float32"] = ()',
        "def g(x):\n    global BODIES",
        "def g(x: ops.abs(1.0)):\n    return x",
        "def g(x) -> ops.abs(1.0):\n    return x",
        "def g(ops):\n    return ops.gi_frame",
        "def g(backend, t):\n    return t",
        "def g(t, _two_sum):\n    return t",
        "def g(t):\n    _constant = t\n    return _constant",
        "def _pair_root(a, b=open('x')):\n    return a",
        "class _Grid:\n    a = open('x')",
    ],
)
def test_modules_that_do_more_do_not_run(line: str) -> None:
    _, source = made(*ODD, orders=2)
    with pytest.raises(NotRunnable):
        for module in Module.read(f"{source}\n\n{line}\n"):
            module.constants()


def test_each_backend_has_its_branch() -> None:
    _, source = made(*ODD, orders=2)
    assert len(Module.read(source)) == 1
    branch = '    if backend() == "torch":\n        y = -y'
    several = Module.read(last_line(0, branch)(None, source))
    others = ("any other", "jax", "numpy", "openvino", "tensorflow")
    assert [m.backends for m in several] == [others, ("torch",)]


def test_everything_declared_is_expected(tmp_path: Path) -> None:
    wanted, absent = _everything(tmp_path)
    assert not wanted
    assert {r.name for r in absent} == set(catalogue())
    (tmp_path / "unheard_of.json").write_text("{}")
    assert "unheard_of" in {r.name for r in _everything(tmp_path)[1]}


def test_the_worst_of_all_tables_is_assumed(tmp_path: Path) -> None:
    for name, ulp, under in (("a", 0.75, 0.5), ("b", 0.5, 2.0)):
        cell = {"ulp": ulp, "underflow": under}
        table = json.dumps({"functions": {"exp": cell}})
        (tmp_path / f"{name}-float32.json").write_text(table)
    (tmp_path / "c-float64.json").write_text("{}")
    assert measured("float32", tmp_path) == {"exp": (0.75, 2)}
