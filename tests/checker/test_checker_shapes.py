"""Bodies have one shape: what lowering writes, and no other expression.

A row is a lie that computes something else, or runs something else, on some
backend, and that was confirmed once.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable

import pytest
from checking import changed
from checking import findings
from checking import made
from keras_stablef.generator.checker import check
from keras_stablef.generator.checker.__main__ import shipped
from keras_stablef.generator.checker.agreement import _points
from keras_stablef.generator.checker.claims import Plan
from keras_stablef.generator.checker.claims import read_plans
from keras_stablef.generator.checker.lanes import spans
from keras_stablef.generator.checker.roundoff import by_size
from keras_stablef.generator.checker.shaped import check_shapes
from keras_stablef.generator.checker.source import Module
from keras_stablef.generator.checker.source import NotRunnable

pytestmark = pytest.mark.once

CLIP = "    s = ops.clip(t, -6.0000005, 6.0000005)\n"
WIDE = "    s = ops.clip(t, -6.000000476837158, 6.000000476837158)\n"
HALF = ", 0.5 * s, s)\n"
# What is added to so3_cubic behind its clip.
SHAPES: dict[str, str] = {
    # nan is looked at where an input is nan, and an infinity is none.
    "nan of infinities": "    z = (1e30 + t) * 1e30\n"
    "    s = ops.where(ops.isnan(z - z)" + HALF,
    "nan of a root": "    s = ops.where(ops.isnan(ops.sqrt(t - 5.0))" + HALF,
    "nan of a quotient": "    q = 0.0 * t\n"
    "    s = ops.where(ops.isnan(q / q)" + HALF,
    "nan of a primitive": "    q = 0.0 * t\n"
    "    s = ops.where(ops.isnan(_quotient(q, q, 'float32'))" + HALF,
    "nan of a number": "    s = ops.where(ops.isnan(t * float('nan'))" + HALF,
    "nan of a maximum": "    s = ops.where(ops.isnan(ops.maximum(t,"
    " float('nan')))" + HALF,
    "nan of what may be nan": "    q = ops.where(t > 5.0,"
    ' constant(float("nan"), "float32"), t)\n'
    "    s = ops.where(ops.isnan(q)" + HALF,
    # Integers saturate, and wrap around.
    "an integer that saturates": "    u = ops.where(t >= 5.1, 3e9, 0.0)\n"
    "    d = ops.cast(ops.cast(u, 'int32'), 'float32') - u\n"
    "    s = s + d\n",
    "an integer that wraps": "    q = ops.cast(ops.where(t > 5.0,"
    " 2147483520.0, 1.0), 'int32')\n    q = q + q\n"
    "    s = ops.where(ops.cast(q, 'float32') < 0.0, s * 0.5, s)\n",
    "an integer of the input": "    s = s + 0.0 * ops.cast(t, 'int32')\n",
    # Python computes in double.
    "numbers compared": "    s = ops.where(16777217.0 > 16777216.0" + HALF,
    "numbers subtracted": "    s = s * (1.0 - 0.5 *"
    " (16777217.0 - 16777216.0))\n",
    "numbers by name": "    k = 16777217.0\n    s = s * (k - 16777216.0)\n",
    "a number below all": "    s = ops.where(1e-50 > 0.0" + HALF,
    "constants compared": '    s = ops.where(constant(1.0, "float32") > 0.0'
    + HALF,
    "a number chosen": "    s = ops.where(t > 9.0, 0.1, s)\n",
    "a number above all": "    s = s + 0.0 * (t * 1e39)\n",
    "a subnormal compared": "    s = ops.where(t > -1e-40, s, 0.5 * s)\n",
    "a subnormal constant compared": "    s = ops.where(t >"
    ' constant(-1e-40, "float32"), s, 0.5 * s)\n',
    "ends the wrong way round": "    s = ops.clip(t, 2.0, 1.0)\n",
    "an end that is no number": "    s = ops.clip(t, float('nan'), 6.0)\n",
    # What is decided is not the input.
    "a clip of a product": "    s = ops.clip(t * 0.0, 1.1, 1.2)\n",
    "a square compared": "    s = ops.where(t * t > 25.0" + HALF,
    "by two steps": "    z = t\n    z = z * 1.0\n"
    "    s = ops.where(z > 5.0" + HALF,
    "the input twice moved": "    z = (t + 1e8) - 1e8\n"
    "    s = ops.where(z > 5.0" + HALF,
    "an absolute value of a difference": "    s = s + 0.1 *"
    " ops.abs((t + 1e8) - 1e8 - t)\n",
    "a floor": "    s = s + ops.floor(t)\n",
    "an x of its own": "    x = x * 1.0\n    s = ops.where(x < 0" + HALF,
    # What has no shape at all.
    "a pair of inputs": "    z = (t, t)\n    z = z + z\n",
    "a quotient of no primitive": "    s = s * (s / s)\n",
    "a cast to nothing": "    s = ops.cast(s, None)\n",
    "a cast to itself": '    s = ops.cast(s, "float32")\n',
    "another dtype": '    s = s + ops.cast(x < 0, "float64")\n',
    "a name of the module": "    s = s + NAME\n",
    "a low part alone": "    z = two_sum(s, 1.0)\n    s = s + z[1]\n",
    "a truth value added": "    s = s + (t > 5.0)\n",
    # Without an end.
    "sums of sums": "    z = t + t\n"
    + "    z = z + z\n" * 22
    + "    s = s + 0.0 * z\n",
    "integers of the module": "    z = kk * kk\n" + "    z = z * z\n" * 24,
    "lists of lists": "    z = (t, t)\n" + "    z = z + z\n" * 28,
}
DOUBLE: dict[str, str] = {
    "a cast to the default": "    s = ops.cast(s, None)\n",
    "a floor, in float32 on torch": "    s = ops.floor(s)\n",
    "numbers chosen, float32 on torch": "    s = ops.where(t > -9.0, 0.1,"
    " 0.1)\n",
    "ends that are no float32": "    s = ops.clip(t, 1.1, 1.2)\n",
    "a maximum, float32 on torch": "    s = ops.maximum(t, 1.5)\n",
}


@pytest.mark.parametrize("lie", SHAPES)
def test_no_other_shape(lie: str) -> None:
    text, source = changed("so3_cubic", CLIP, CLIP + SHAPES[lie])
    source = source.replace("NAME = ", "kk = 65536\nNAME = ", 1)
    (what,) = findings(json.loads(text), source, 0, "float32")
    assert "shape" in what or "unexpected" in what


@pytest.mark.parametrize("lie", DOUBLE)
def test_no_other_shape_in_float64(lie: str) -> None:
    text, source = changed("so3_cubic", WIDE, WIDE + DOUBLE[lie])
    (what,) = findings(json.loads(text), source, 0, "float64")
    assert "shape" in what


def test_sums_of_sums_end() -> None:
    """Of numbers that are no inputs, too: at once, where it took hours."""
    more = "    z = s * s\n" + "    z = z + z\n" * 40 + "    s = s + 0.0 * z\n"
    line = '    y = local_polynomials(s, SO3_CUBIC_0_FLOAT32, "float32")\n'
    more = more.replace("s", "y")
    text, source = changed("so3_cubic", line, line + more)
    assert (
        "a sum of more than"
        in findings(json.loads(text), source, 0, "float32")[0]
    )


ROWS = '    y = local_polynomials(s, SO3_CUBIC_0_FLOAT32, "float32")\n'
# Analytic, and f but for a bump that no point of a few would meet.
BUMPS: dict[str, str] = {
    "of an exponential": "    q = t - 5.5\n"
    "    y = y + y * ops.exp(-(1e6 * (q * q)))\n",
    "of roots": "    q, p = t - 5.5, 5.5001 - t\n"
    '    a = _square_root(q * q, "float32")\n'
    '    b = _square_root(p * p, "float32")\n'
    "    y = y + y * ((q + a) * (p + b))\n",
    "of squares": "    q = t - 5.5\n    z = 1.0 - 0.005 * (q * q)\n"
    + "    z = z * z\n" * 24
    + "    y = y + y * z\n",
    "of a pole": "    q = t - 5.5\n"
    '    z = _quotient(1e-30, q * q + 1e-30, "float32")\n'
    + "    z = z * z\n" * 6
    + "    y = y + y * z\n",
    "of an exponent": '    m, n = _split_exponent(s, 1, "float32")\n'
    '    y = y + _scale_by_power(y, 100.0 * n - 300.0, "float32")\n',
    "of a mantissa": '    m, n = _split_exponent(s, 1, "float32")\n'
    "    y = y + (m - m) * y\n    y = y + 0.0 * m\n",
    "of a pair's exponential": "    q = t - 5.5\n"
    "    g = (q, ops.zeros_like(q))\n"
    '    g = _pair_power(g, 2, "float32")\n'
    '    e, n = _pair_exp(g, "float32")\n'
    '    y = y + _scale_by_power(e[0] + e[1], n, "float32")\n',
}


@pytest.mark.parametrize("lie", BUMPS)
def test_no_bumps(lie: str) -> None:
    """In a saved module, which has its primitives itself."""
    text = (shipped() / "so3_cubic.json").read_text()
    source = (shipped() / "so3_cubic.py").read_text()
    more = BUMPS[lie]
    for name, home in HOMES.items():
        if f"_{name}(" in more:
            line = f"from keras_stablef.runtime.{home} import {name}\n"
            source = source.replace("\nNAME", f"{line}\nNAME", 1)
            more = more.replace(f"_{name}(", f"{name}(")
    assert ROWS in source
    (what,) = findings(
        json.loads(text), source.replace(ROWS, ROWS + more), 0, "float32"
    )
    assert "shape" in what


HOMES = {
    "square_root": "division",
    "quotient": "division",
    "split_exponent": "exponents",
    "scale_by_power": "exponents",
    "pair_power": "pairs",
    "pair_exp": "kernels",
}
# Closed forms are stated, statement for statement.
PROGRAMS: dict[str, tuple[str, str, str]] = {
    "another exponential": ("log_exprel", "ops.exp(-c0)", "ops.exp(c0)"),
    "another number": ("log_exprel", "(c0 - 1.0, c0", "(c0 - 1.0000001, c0"),
    "another name": (
        "stablef",
        "quotient(1.0 - q1, t1",
        "quotient(1.0 - q1, u1",
    ),
    "a statement more": (
        "stablef",
        "    q1 = quotient(e1",
        "    e1 = e1 * 1.0\n    q1 = quotient(e1",
    ),
    "another input": ("stablef", "    t1 = ", "    t1 = 1.0 * "),
}


@pytest.mark.parametrize("lie", PROGRAMS)
def test_programs_are_those_of_the_certificate(lie: str) -> None:
    name, old, new = PROGRAMS[lie]
    text, source = changed(name, old, new)
    order = 1 if name == "log_exprel" else 0
    (what,) = findings(json.loads(text), source, order, "float32")
    assert "shape" in what


SCALED = '    y0 = scale_by_power(a[0] + a[1], n2, "float64")\n'
# Of exp_second_difference in float64, whose end has the exponent of an
# exponential.
EXPONENTS: dict[str, str] = {
    "compared": SCALED + "    y0 = ops.where(ops.logical_and(n2 < 80.5,"
    " n2 > 70.5), 2.0 * y0, y0)\n",
    "multiplied": SCALED + "    y0 = y0 * (1.0 + 0.001 * n2)\n",
    "twice": SCALED.replace("n2", "2.0 * n2"),
    "and one more": SCALED.replace("n2", "n2 + 1.0"),
    "and a half": SCALED.replace("n2", "n2 + 0.5"),
    "left out": "    y0 = a[0] + a[1]\n",
    "again": SCALED + SCALED.replace("a[0] + a[1]", "y0"),
    "beyond integers": SCALED.replace("n2", "8192.0 * n2"),
    "a half alone": SCALED
    + '    w = scale_by_power(constant(1.0, "float64"), constant(0.5,'
    ' "float64"), "float64")\n'
    "    y0 = ops.where(ops.logical_and(w < 1.2, d < 50.0), 2.0 * y0, y0)\n",
    "by steps": SCALED.replace(
        "n2", "n2 + n2 - clamp(n2, 70.0, 71.0, 'float64')"
    ),
    "of the input": SCALED.replace("n2", "d"),
}


@pytest.mark.parametrize("lie", EXPONENTS)
def test_exponents_are_exponents(lie: str) -> None:
    name = "exp_second_difference"
    text, source = changed(name, SCALED, EXPONENTS[lie])
    assert findings(json.loads(text), source, 0, "float64")


def signed(lines: str) -> tuple[str, str, Plan]:
    """log_cosh with more lines at the end of its first body."""
    text = (shipped() / "log_cosh.json").read_text()
    source = (shipped() / "log_cosh.py").read_text()
    end = "    return y\n"
    source = source.replace(end, lines + end, 1)
    plans = read_plans(text)[1]
    (plan,) = (p for p in plans if (p.order, p.fmt.name) == (0, "float32"))
    return text, source, plan


SIGN = "    y = ops.where(x < 0, -y, y)\n"
LOST = "    y = (y + 1e8 * side) - 1e8 * side\n"
BY_SIDE = (
    "    kept = y\n    y = 0.0 * y + 1.0\n"
    + SIGN
    + "    side = 1.0 - y\n    y = kept\n"
)


def test_the_sign_of_x_is_not_carried_on() -> None:
    """A rounding more where x < 0, by the line that turns the sign."""
    compared = (
        '    kept = y\n    y = constant(1.0, "float32")\n'
        + SIGN
        + "    side = y\n    y = kept\n    y = ops.where(ops.logical_and("
        "side < 0.0, t < 8.0), (y + 1e8) - 1e8, y)\n"
    )
    text, source, plan = signed(compared)
    assert findings(json.loads(text), source, 0, "float32")
    text, source, plan = signed(BY_SIDE + LOST)
    assert findings(json.loads(text), source, 0, "float32")
    for more, expected in (
        ("", True),
        (SIGN, True),
        (SIGN + '    y = ops.where(t > constant(6.0, "float32"),'
         ' constant(float("nan"), "float32"), y)\n', True),
        (SIGN + SIGN, False),
        (SIGN + "    y = y + 1.0\n", False),
        (BY_SIDE + LOST, False),
    ):  # fmt: skip
        _, source, _ = signed(more)
        module = Module.read(source, json.loads(text))[0]
        assert by_size(module, plan) == expected


def test_points_are_others_for_another_text() -> None:
    """A polynomial that is 0 at all of them was confirmed."""
    text = (shipped() / "so3_cubic.json").read_text()
    source = (shipped() / "so3_cubic.py").read_text()
    whole = json.loads(text)
    again = {**whole, "name": "g"}
    seeds = {
        Module.read(s, w)[0].seed
        for s in (source, source + "\n")
        for w in (whole, again)
    }
    assert len(seeds) == 4
    plan = read_plans(text)[1][0]
    span = spans(plan)[0][0]
    found = [{*_points(span, plan, seed, False)} for seed in sorted(seeds)]
    ends = {span.low, span.high}
    assert all(
        a & b == ends for k, a in enumerate(found) for b in found[k + 1 :]
    )


Other = Callable[[str], str]
MODULES: dict[str, Other] = {
    # Bytes that another encoding reads as code.
    "an encoding": lambda s: (
        "# -*- coding: raw_unicode_escape -*-\n# \\u000aimport os\n" + s
    ),
    "an encoding on line 2": lambda s: "#\n#vim: coding=utf_7\n" + s,
    "an encoding behind returns": lambda s: "#\r# coding: latin-1\n" + s,
    # Of the folder that the module lies in.
    "a relative import": lambda s: s.replace("from keras ", "from .keras ", 1),
    "another's runtime": lambda s: s.replace("from keras_", "from .keras_", 1),
    "no tree at all": lambda s: f"{s}\nq = {'-' * 200000}1\n",
}


@pytest.mark.parametrize("lie", MODULES)
def test_modules_that_are_read_otherwise(lie: str) -> None:
    text = (shipped() / "so3_cubic.json").read_text()
    source = (shipped() / "so3_cubic.py").read_text()
    assert findings(json.loads(text), MODULES[lie](source), 0, "float32")
    assert not findings(
        json.loads(text), "# coding: utf-8\n" + source, 0, "float32"
    )


FORMATS: tuple[dict[str, object], ...] = (
    {"precision": 10**9, "emin": -(10**9), "emax": 10**9},
    {"precision": -5, "emin": 1.5, "emax": 2},
    {"precision": 8, "emin": 5, "emax": 4},
    {"precision": True, "emin": -5, "emax": 4},
    {"precision": 8, "emin": -5, "emax": 4, "max_finite": "1e999999999"},
    {"precision": 8, "emin": -5, "emax": 4, "max_finite": float("nan")},
    {"precision": 8, "emin": -5, "emax": 4, "max_finite": 64.0},
)


@pytest.mark.parametrize("table", FORMATS, ids=str)
def test_formats_that_are_none(table: dict[str, object]) -> None:
    text = (shipped() / "so3_cubic.json").read_text()
    source = (shipped() / "so3_cubic.py").read_text()
    report = check(text, source, only=lambda p: False, formats={"f": table})
    assert any("No formats" in f.what for f in report.findings)


@pytest.mark.parametrize(
    "formula, low, high",
    [
        ("x - sin(x)", "-7", "7"),
        ("exp(-x) - 1 + x", "-oo", "oo"),
        ("log(1+x)/x", "-1", "oo"),
        ("sqrt(1+x**2) - 1", "-oo", "oo"),
        ("exp(-1/x)", "0", "oo"),
        ("exp(-sqrt(x))*sqrt(x)", "0", "oo"),
        ("x**20*log(x)", "0", "oo"),
        ("x**(1/3)", "0", "oo"),
    ],
)
def test_what_lowering_writes_has_the_shape(
    formula: str, low: str, high: str
) -> None:
    text, source = made(formula, low, high, 1)
    for module in Module.read(source):
        check_shapes(module.tree, json.loads(text))


def test_bodies_are_of_one_dtype() -> None:
    """Ends of clips depend on it."""
    whole, source = made("x - sin(x)", "-7", "7", 2)
    (module,) = Module.read(source)
    text = ast.unparse(module.tree)
    for old, new in (
        ("{'float32': (f_0", "{'float64': (f_0"),
        ("{'float32': (f_0", "{'f': (f_0"),
        ("_float32, f_1_float32", "_float32, f_0_float32"),
        ("BODIES", "g = f_1_float32\nBODIES"),
    ):
        assert old in text
        lie = text.replace(old, new)
        if "g = " in lie:
            lie = lie.replace(", f_1_float32", ", g")
        with pytest.raises(NotRunnable):
            check_shapes(ast.parse(lie), json.loads(whole))
