"""Claims of bodies in float64: derived again, and lies about them refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from keras_stablef.generator.checker.__main__ import catalogue
from keras_stablef.generator.checker.__main__ import main
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


NEAR = 'y = ops.cast(y, "float32")'
# By what is said or done wrongly: of which function and order, and the
# source before and after; without a text before it, something is added.
CODE = {
    "a number": ("exprel", 0, "- 1.0)", "- 1.0000001)"),
    "an operation": ("exprel", 0, "v3 = v2 +", "v3 = v2 -"),
    "a threshold": ("exprel", 0, ">= constant(94.75", ">= constant(84.75"),
    "a limit": ("exprel", 0, 'float("inf")', "3.0"),
    "another kernel": ("exprel", 0, "wide_powers(w)", "wide_log(w)"),
    "a name bound again": ("exprel", 0, "", "exprel_0_float32_wide = ops.sin"),
    "a kernel bound": ("exprel", 0, "\ndef", "\nquotient = ops.add\n\ndef"),
    "a decorator": ("exprel", 0, "\ndef exprel_0", "\n@ops.abs\ndef exprel_0"),
    "a default": ("exprel", 0, "_0_float32_wide(x)", "_0_float32_wide(x=1.0)"),
    "a keyword": (
        "exprel",
        0,
        "_0_float32_wide(x)",
        "_0_float32_wide(x, *, y)",
    ),
    "a walrus": ("exprel", 0, "    t = x\n", "    t = (x := 2.0)\n"),
    "a statement": ("exprel", 0, "    t = x\n", "    t = x\n    print(t)\n"),
    "an import": (
        "exprel",
        0,
        "import ops\n",
        "import ops\nfrom keras.ops import sin as quotient\n",
    ),
    "another home": (
        "exprel",
        0,
        "from keras import ops",
        "from os import ops",
    ),
    "a plus read as minus": ("log1mexp", 0, "v5 = -v4", "v5 = -(+v4)"),
    "a tilde": ("log1mexp", 0, "v5 = -v4", "v5 = ~v4"),
    "int32": ("exprel", 0, NEAR, NEAR.replace("float32", "int32")),
    "bfloat16": ("exprel", 0, NEAR, NEAR.replace("float32", "bfloat16")),
    "no cast": ("exprel", 0, f"    {NEAR}\n", ""),
    "float32 throughout": (
        "exprel",
        0,
        'w = ops.cast(t, "float64")',
        'w = ops.cast(t, "float32")',
    ),
    "a constant's dtype": (
        "exprel",
        0,
        'constant(94.75, "float32")',
        'constant(94.75, "float16")',
    ),
    "near a place": (
        "exprel",
        0,
        f"    {NEAR}\n",
        f"    y = ops.where(w < 0.2, 7.0, y)\n    {NEAR}\n",
    ),
    "nan": ("log1mexp", 0, "ops.isnan(t), t, y", "ops.isnan(t), y, y"),
    "outside": (
        "log1mexp",
        0,
        't < constant(0.0, "float32"), constant(float("nan")',
        't < constant(0.0, "float32"), constant(float("inf")',
    ),
    "a bound stated": ("log1mexp", 0, "        0.5129,", "        0.5001,"),
    "a table": ("log1mexp", 0, "        log1mexp_0_float32_wide,", "None,"),
    "orders exchanged": (
        "log1mexp",
        0,
        "        log1mexp_0_float32_wide,\n        log1mexp_1_float32_wide,",
        "        log1mexp_1_float32_wide,\n        log1mexp_0_float32_wide,",
    ),
}


END = "    return y\n"
Y = "    y = v4\n"
FIRST = "    y = ops.where(\n        t <= constant(-9.570442e37"


def with_lines(text: str, *lines: str) -> tuple[str, int, str, str]:
    """exprel with lines in front of a text, in f."""
    return "exprel", 0, text, "".join(f"    {x}\n" for x in lines) + text


DOUBLED = ["z = w + w", *(["z = z + z"] * 80)]
DOUBLED += ["y = ops.where(z < 1.0, y, y)"]
INF32 = 'constant(float("inf"), "float32")'
THREE = 'constant(3.0, "float32")'
# Found by an attack: what runs in a branch that no box takes, errors next to
# places, numbers that float32 does not hold, infinities, numbers by themselves.
CODE |= {
    "a name in a branch": with_lines(
        FIRST, f"y = ops.where(ops.isnan(t), (y := {THREE}) + t, y)"
    ),
    "a call in a branch": with_lines(
        FIRST, "z = ops.where(ops.isnan(t), print(t), y)"
    ),
    "float64 of nan": with_lines(END, "y = ops.where(ops.isnan(t), w, y)"),
    "a name beside a power": with_lines(
        "    y = ops.cast", "z = (n0 + 1.0) * (y := 3.0 * v4)"
    ),
    "an annotation": (
        "exprel",
        0,
        "_0_float32_wide(x)",
        "_0_float32_wide(x: (quotient := abs))",
    ),
    "a smaller place": (
        "exprel",
        1,
        "< 0.0009765634313225746",
        "< 1.401298464324817e-45",
    ),
    "a large number at a place": (
        "exprel",
        1,
        "    y = ops.where(ops.abs(w) < 0.00097",
        "    p0 = p0 + 1e30\n    p0 = p0 - 1e30\n"
        "    y = ops.where(ops.abs(w) < 0.00097",
    ),
    "a power at a place": (
        "exprel",
        0,
        'constant(1.0, "float64"), y',
        "v2, y",
    ),
    "a threshold between floats": with_lines(
        END,
        'z = ops.where(t >= constant(1.0000001, "float32"), y, '
        'constant(7.0, "float32"))',
        "z = ops.where(ops.isnan(t), t, z)",
        'y = ops.where(t < constant(1.00000001, "float32"), y, z)',
    ),
    "a threshold that is 0": (
        "log1mexp",
        0,
        't <= constant(0.0, "float32"), constant(float("-inf")',
        't < constant(1e-46, "float32"), constant(float("-inf")',
    ),
    "a threshold that is infinite": with_lines(
        END,
        f'z = ops.where(t > constant(5e38, "float32"), {INF32}, {THREE})',
        'y = ops.where(t > constant(3.4028235e38, "float32"), z, y)',
    ),
    "one float": with_lines(
        END,
        'z = ops.where(t > constant(0.99999994, "float32"), '
        'constant(1.7182819843292236, "float32"), y)',
        "z = ops.where(ops.isnan(t), t, z)",
        'y = ops.where(t < constant(1.0000001, "float32"), z, y)',
    ),
    "a limit that is off by an ulp": (
        "langevin",
        0,
        END,
        '    y = ops.where(x > constant(3.4028235e38, "float32"), '
        'constant(1.0000001192092896, "float32"), y)\n' + END,
    ),
    "a power of nan": with_lines(
        FIRST,
        'z = ops.cast(n0 + 1.0, "float32")',
        'y = ops.where(t >= constant(-3.4028235e38, "float32"), y, z)',
    ),
    "a condition of conditions": (
        "log1mexp",
        0,
        "ops.where(ops.isnan(t), t, y)",
        'ops.where(ops.where(t < constant(5.0, "float32"), ops.isnan(t), '
        't < constant(5.0, "float32")), t, y)',
    ),
    "infinity less infinity": with_lines(
        END, 'y = ops.where(w - w < 1.0, y, constant(float("nan"), "float32"))'
    ),
    "infinity times 0": with_lines(
        END,
        f"y = ops.where(w * 0.0 < 1.0, y, {THREE})",
        "y = ops.where(ops.isnan(t), t, y)",
    ),
    "a size of a power": with_lines("    v2 = q0 * n0\n", "q0 = ops.abs(q0)"),
    "numbers alone": with_lines("    y = ops.cast", "y = y * (2.0 * 0.5)"),
    "a number alone": with_lines("    y = ops.cast", "c = ops.abs(0.9)"),
    "nothing imported": (
        "exprel",
        0,
        "from keras_stablef.runtime.division import quotient\n",
        "",
    ),
    "a sum of sums": with_lines(END, *DOUBLED),
    "a long body": with_lines(END, *(["z = w * w"] * 300)),
    "a sum of sums at a place": (
        "exprel",
        1,
        "    y = ops.where(ops.abs(w) < 0.00097",
        "    p0 = p0 * 1.5\n"
        + "    p0 = p0 + p0\n" * 40
        + "    y = ops.where(ops.abs(w) < 0.00097",
    ),
}


@pytest.mark.parametrize("lie", CODE)
def test_code_that_is_wrong_is_found(lie: str) -> None:
    name, order, before, after = CODE[lie]
    claims, source = texts(name)
    if before:
        assert before in source
        source = source.replace(before, after, 1)
    else:
        source += f"\n{after}\n"
    assert check_wide(claims, source, catalogue()[name], order).wrong


def edited(**values: object) -> Callable[[dict[str, Any]], None]:
    return lambda whole: whole["plans"][0].update(values)


# What is claimed wrongly of exprel.
CLAIMS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a bound": edited(ulp=0.50000001),
    "a bound that is none": edited(ulp=float("nan")),
    "a formula": lambda w: w.update(expression="(exp(x)-1)/x+1e-9"),
    "a domain": lambda w: w.update(domain=["-oo", "9"]),
    "another name": lambda w: w.update(name="log1prel"),
    "nothing": lambda w: w.update(plans=[]),
    "one twice": lambda w: w["plans"].append(w["plans"][0]),
    "an order": edited(order=10**9),
    "an order of words": edited(order="0"),
    "a dtype": edited(dtype="float16"),
    "a parity": edited(parity=1),
    "a wider place": lambda w: w["plans"][0]["near"][0].update(radius="0x1p3"),
    "a place elsewhere": lambda w: w["plans"][0]["near"][0].update(
        center="0x1p0"
    ),
    "a coefficient": lambda w: w["plans"][0]["near"][0]["coefficients"].pop(),
    "no coefficients": lambda w: w["plans"][0]["near"][0].update(
        coefficients=[]
    ),
    "a radius of a million digits": lambda w: w["plans"][0]["near"][0].update(
        radius="1e-999999", coefficients=["1"] * 64, step=2
    ),
    "a step": lambda w: w["plans"][0]["near"][0].update(step=10**9),
}


@pytest.mark.parametrize("lie", CLAIMS)
def test_claims_that_are_wrong_are_found(lie: str) -> None:
    claims, source = texts("exprel")
    whole = json.loads(claims)
    CLAIMS[lie](whole)
    lied = json.dumps(whole)
    assert lied != json.dumps(json.loads(claims))
    assert check_wide(lied, source, catalogue()["exprel"], 0).wrong


def test_another_function_is_not_what_is_expected() -> None:
    expected = replace(catalogue()["exprel"], formula="(exp(x)-1)/x+0")
    assert check_wide(*texts("exprel"), expected, 0).wrong


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"plans": 1}', '{"a": 1, "a": 1}', "nul", "9" * 10**5],
)
def test_what_is_no_certificate_is_said_to_be_none(text: str) -> None:
    assert check_wide(text, texts("exprel")[1]).wrong
    assert check_wide(texts("exprel")[0], text).wrong


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(FOLDER / "exp_second_difference.json")]) == 0
    assert "checked 2 plans of 1 functions" in capsys.readouterr().out
