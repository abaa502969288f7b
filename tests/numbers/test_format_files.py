"""Formats from files: bad entries, tf32, commands, the page about them."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from backends import reverse
from keras_stablef.generator import cli
from keras_stablef.generator import making
from keras_stablef.generator.errors import FormatError
from keras_stablef.generator.formula.catalogue import load_catalogue
from keras_stablef.generator.numbers.format_file import read_formats
from keras_stablef.generator.numbers.format_file import tables_of
from keras_stablef.generator.numbers.formats import FORMATS
from keras_stablef.generator.numbers.formats import formats_with
from roundings import FLOAT8
from roundings import float8
from roundings import run
from roundings import same
from sampling import sampled

import keras_stablef as ks
from keras_stablef._op import StableOp

ROOT = Path(__file__).resolve().parents[2]
TF32 = ROOT / "examples" / "tf32.toml"
ORDERS = (0, 1, 2)

# A row: what is wrong, the entry (text or changes to tf32's), the message.
FINE: dict[str, object] = {
    "precision": 11,
    "emin": -126,
    "emax": 127,
    "compute": "float32",
    "storage": "float32",
}
BAD = [
    ("no TOML", "[tf32\n", "expected a TOML file"),
    ("empty", "", "at least one table"),
    ("no table", "tf32 = 3\n", "expected a table, received 3"),
    ("a name for source", '["a b"]\nprecision = 3\n', "lower case letters"),
    ("a name there is", "[float16]\nprecision = 3\n", "expected precision,"),
    ("unknown key", {"exponent": 8}, "received 'exponent'"),
    ("missing key", {"emax": None}, "its keys: expected precision, emin"),
    ("precision 1", {"precision": 1}, "expected 2 to 53, received 1"),
    ("negative", {"precision": -11}, "received -11"),
    ("huge", {"emax": 10**9}, "expected -1022 to 1023"),
    ("no integer", {"precision": 11.0}, "expected an integer, received 11.0"),
    ("a truth", {"emin": True}, "expected an integer, received True"),
    ("text", {"emax": "127"}, "expected an integer, received '127'"),
    ("emin = emax", {"emin": 5, "emax": 5}, "expected emin < 0 < emax"),
    ("emin > emax", {"emin": 127, "emax": -126}, "received [127, -126]"),
    ("too near", {"precision": 23}, "at most 22, 2 bits less than float32"),
    ("exponents", {"emin": -200}, "within those of float32, [-126, 127]"),
    ("unknown compute", {"compute": "float128"}, "one of float32, float64"),
    ("narrow compute", {"compute": "float16"}, "one of float32, float64"),
    ("itself", {"compute": "tf32"}, "one of float32, float64"),
    ("no storage", {"storage": None}, "tf32 is no Keras dtype"),
    ("unknown storage", {"storage": "float12"}, "one that holds it: float32"),
    ("small storage", {"storage": "float16"}, "one that holds it: float32"),
    ("no infinity", {"infinities": False}, "one of nan, saturate"),
    ("no nan", {"nan": False, "overflow": "nan"}, "one of inf, saturate"),
    ("overflow", {"overflow": "wrap"}, "one of inf, nan, saturate"),
    ("no flag", {"nan": 1}, "expected true or false, received 1"),
    ("largest", {"max_finite": 448}, "a number of the format from 2**127 on"),
    ("no largest", {"max_finite": float("nan")}, "expected a number"),
]


@pytest.mark.once
@pytest.mark.parametrize("row", BAD, ids=lambda row: row[0])
def test_impossible_formats(row, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    _, entry, message = row
    source = entry
    if isinstance(entry, str):
        source = tmp_path / "bad.toml"
        source.write_text(entry, encoding="utf-8")
    else:
        table = {**FINE, **entry}
        source = {"tf32": {k: v for k, v in table.items() if v is not None}}
    with pytest.raises(FormatError, match=re.escape(message)):
        formats_with(source)


@pytest.mark.once
def test_a_shipped_name_is_taken() -> None:
    with pytest.raises(FormatError, match="expected none of float16"):
        formats_with({"float16": {**FINE, "storage": "float16"}})


@pytest.mark.once
def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"received .*no\.toml"):
        formats_with(tmp_path / "no.toml")


@pytest.mark.once
def test_formats_survive_their_tables() -> None:
    formats = formats_with(TF32)
    own = {"tf32": formats["tf32"]}
    assert read_formats(tables_of(own), FORMATS) == own
    assert tables_of(FORMATS)["float8_e4m3fn"]["max_finite"] == 448


# A row: formula, its domain, the same with NumPy's extended precision.
TF32_FUNCTIONS = {
    "exprel": ("(exp(x)-1)/x", ("-oo", "oo"), lambda x: np.expm1(x) / x),
    "log1prel": ("log(1+x)/x", ("-1", "oo"), lambda x: np.log1p(x) / x),
}


def tf32_op(name: str, order: int = 0) -> StableOp:
    formula, domain, _ = TF32_FUNCTIONS[name]
    op = ks.stabilize(formula, domain, name=name, formats=TF32)
    return op.in_format("tf32").derivative(order)


def tf32_inputs(count: int = 2**16) -> np.ndarray:
    """Numbers of the format of every exponent, and all next to powers of 2."""
    rng = np.random.default_rng(2026)
    bits = rng.integers(0, 2**19, count, dtype=np.uint32) << np.uint32(13)
    near = np.arange(-16, 8)[:, None] * 1024 + np.arange(-16, 17)
    more = ((near.ravel() + 127 * 1024) << 13).astype(np.uint32)
    x = np.concatenate([bits, more, more | np.uint32(1 << 31)])
    values = x.view(np.float32)
    big = np.abs(values) > 2.0**-125
    return np.unique(values[np.isfinite(values) & big])


@pytest.mark.parametrize("name", TF32_FUNCTIONS)
def test_tf32_holds_its_bound(name: str) -> None:
    op = tf32_op(name)
    x = tf32_inputs()
    got = run(op, x, "float32")
    finite = np.isfinite(got)
    assert not (got[finite].view(np.uint32) & 0x1FFF).any()
    with np.errstate(all="ignore"):
        want = TF32_FUNCTIONS[name][2](x.astype(np.longdouble))
        largest = (2 - 2.0**-10) * 2.0**127
        size = np.abs(want)
        asked = (size <= largest) & (size > 2.0**-125)
        unit = np.exp2(np.floor(np.log2(size)) - 10)
        errors = np.abs(got - want)[asked] / unit[asked]
    assert asked.sum() > 2**14
    assert errors.max() <= op.error_bound("tf32") <= 0.501
    assert np.isposinf(got[want > largest * (1 + 2.0**-11)]).all()
    assert (got[size < 2.0**-137] == 0).all()


# Inductor takes half a minute.
@pytest.mark.parametrize("mode", sampled(["jit"], among=("tensorflow", "jax")))
def test_tf32_compiled(mode: str) -> None:
    op, x = tf32_op("exprel"), tf32_inputs(256)
    assert same(run(op, x, "float32", mode), run(op, x, "float32")).all()


def test_tf32_is_an_op_like_others(tmp_path: Path) -> None:
    """Graphs, saving, derivatives, numbers, and other dtypes refused."""
    op = tf32_op("exprel")
    slope = op.derivative()
    assert slope.format == "tf32"
    x = tf32_inputs(256)[::7]
    x = x[np.abs(x) < 20]
    gradient = run(reverse(op), x, "float32")
    assert same(gradient, run(slope, x, "float32")).all()
    assert not (gradient.view(np.uint32) & 0x1FFF).any()
    one = op(1)
    assert keras.backend.standardize_dtype(one.dtype) == "float32"
    assert float(one) == 1.71875  # of 1.71828, in steps of 2**-10
    inputs = keras.Input((3,))
    model = keras.Model(inputs, op(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    z = np.float32([[1, 2, 3]])
    assert (
        np.asarray(again.predict(z, verbose=0)) == run(op, z, "float32")
    ).all()
    with pytest.raises(TypeError, match="dtype of float32, received float16"):
        op(np.float16([1]))
    with pytest.raises(TypeError, match="dtype of float32, received float16"):
        op(keras.KerasTensor((2,), dtype="float16"))
    with pytest.raises(ValueError, match="format of exprel: expected one of"):
        op.in_format("tf33")
    assert "0.50" in op.explain("tf32") and "tf32" in op.explain("tf32")


@pytest.fixture(scope="module")
def exprel(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Of a module that was saved with tf32."""
    path = tmp_path_factory.mktemp("saved") / "saved.py"
    ks.ops.exprel.save(path, ["tf32"], formats=TF32)
    space: dict[str, Any] = {"__name__": "saved"}
    exec(compile(path.read_text(encoding="utf-8"), "saved.py", "exec"), space)
    found: Callable[..., Any] = space["exprel"]
    return found


@pytest.mark.parametrize("order", sampled(ORDERS, always=[1]))
def test_saved_modules_offer_the_format(
    order: int, exprel: Callable[..., Any]
) -> None:
    x = tf32_inputs(256)[::7]
    got = run(lambda z: exprel(z, order, "tf32"), x, "float32")
    finite = got[np.isfinite(got)]
    assert not (finite.view(np.uint32) & 0x1FFF).any()
    unit = 2.0 ** (np.frexp(finite)[1] - 11.0)
    want = run(tf32_op("exprel", order), x, "float32")
    assert (np.abs(finite - want[np.isfinite(got)]) <= unit).all()


def test_saved_modules_offer_the_others_too(
    exprel: Callable[..., Any],
) -> None:
    values, _ = float8("float8_e4m3fn")
    got = run(exprel, values, "float8_e4m3fn")
    assert same(got, run(ks.ops.exprel, values, "float8_e4m3fn")).all()
    with pytest.raises(ValueError, match="expected a format of"):
        exprel(1.0, format="tf33")
    with pytest.raises(TypeError, match="dtype of float32, received float16"):
        half = keras.ops.cast(keras.ops.ones(2), "float16")
        exprel(half, format="tf32")


# A row: arguments, exit code, what the output says.
COMMANDS = [
    (f"generate stablef --dtypes tf32 --formats {TF32}", 0, "tf32: f, f', f''"),
    ("generate stablef --dtypes float8_e5m2", 0, "float8_e5m2: f, f', f''"),
    ("generate stablef --dtypes tf32", 2, "Unknown dtype: expected one of"),
    (f"generate x --dtypes float32 --formats {TF32}.no", 2, "Cannot read"),
    ("all --dtypes float31", 2, "received 'float31'"),
]


@pytest.mark.once
@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row[0][:40])
def test_commands(row, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    words, code, message = row
    out = tmp_path / "out"
    assert cli.main([*shlex.split(words), "--out", str(out)]) == code
    captured = capsys.readouterr()
    assert message in " ".join((captured.out + captured.err).split())
    assert out.exists() == (code == 0)


@pytest.mark.once
def test_other_formats_leave_the_package_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:  # type: ignore[no-untyped-def]
    """`make generate DTYPES=...`, for one function of the catalogue."""
    entries = [e for e in load_catalogue() if e.name == "exprel"]
    monkeypatch.setattr(making, "load_catalogue", lambda: entries)
    monkeypatch.setattr(making, "_package_folder", None)
    out = tmp_path / "new" / "generated"
    command = ["all", "--dtypes", *FLOAT8, "--out", str(out)]
    assert cli.main(command) == 0
    said = capsys.readouterr().out
    assert "2 of 2 files changed" in said and "float16" not in said
    assert sorted(p.name for p in out.iterdir()) == ["exprel.json", "exprel.py"]
    text = (out / "exprel.py").read_text(encoding="utf-8")
    assert "def exprel(x, order=0, format=None):" in text
    assert "keras_stablef import" not in text
    assert cli.main(command) == 0
    assert "0 of 2 files changed" in capsys.readouterr().out


PAGE = (ROOT / "docs" / "dtypes.md").read_text(encoding="utf-8")


@pytest.mark.once
@pytest.mark.parametrize(
    "line", re.findall(r"```bash\n(.*?)```", PAGE, re.S)[0].splitlines()
)
def test_commands_of_the_page(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool, *words = shlex.split(line)
    if tool == "make":
        made = subprocess.run(
            ["make", "-n", *words], cwd=ROOT, capture_output=True, text=True
        )
        assert made.returncode == 0 and "--dtypes" in made.stdout
        return
    (tmp_path / "out").mkdir()
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == 0


@pytest.mark.once
def test_python_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    space: dict[str, object] = {}
    exec(compile(code, "dtypes.md", "exec"), space)
    (bound,) = re.findall(r'error_bound\("tf32"\)  # ([\d.]+)', PAGE)
    assert space["bound"] == float(bound)
    (entry,) = re.findall(r"```toml\n(.*?)```", PAGE, re.S)
    (tmp_path / "again.toml").write_text(entry, encoding="utf-8")
    assert formats_with(tmp_path / "again.toml") == formats_with(TF32)
