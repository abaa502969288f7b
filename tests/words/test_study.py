"""Pictures and saved modules: which function, which dtype, which files."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np
import pytest
from backends import BACKEND
from backends import reverse
from backends import run
from keras_stablef.generator.errors import GeneratorError
from keras_stablef.generator.words import floatline
from keras_stablef.generator.words import picture
from sampling import sampled

import keras_stablef as ks

pytestmark = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="needs autodiff"
)
TF32 = Path(__file__).resolve().parents[2] / "examples" / "tf32.toml"


def in_tf32() -> Any:
    return ks.stabilize("tanh(x)/x", formats=TF32).in_format("tf32")


# The op, the dtype asked for, the format drawn, and the panels' titles.
PICTURES = [
    (lambda: ks.ops.log_cosh, None, "float32", ["value f", "gradient f'"]),
    (
        lambda: ks.ops.log_cosh.derivative(),
        "float64",
        "float64",
        ["value f'", "gradient f''"],
    ),
    (lambda: ks.ops.stablef.derivative(2), None, "float32", ["value f''"]),
    (
        lambda: ks.ops.stablef,
        "bfloat16",
        "bfloat16",
        ["value f", "gradient f'"],
    ),
    (
        lambda: ks.ops.tanhc.derivative(),
        "float16",
        "float16",
        ["value f'", "gradient f''"],
    ),
    (
        lambda: ks.ops.tanhc,
        "float8_e4m3fn",
        "float8_e4m3fn",
        ["value f", "gradient f'"],
    ),
    (in_tf32, None, "tf32", ["value f", "gradient f'"]),
]


@pytest.mark.once
@pytest.mark.parametrize(("op", "dtype", "fmt", "titles"), PICTURES)
def test_what_is_drawn(
    op: Any,
    dtype: str | None,
    fmt: str,
    titles: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its errors, by `exact_function`, in its unit, under its bound."""
    drawn: list[tuple[str, float, str, float]] = []
    panel = picture._panel

    def watched(axes, axis, measured, seams, name, bound, form):  # type: ignore[no-untyped-def]
        drawn.append((name, bound, form.name, float(measured[2].max())))
        assert len(measured[0]) > 20
        panel(axes, axis, measured, seams, name, bound, form)

    monkeypatch.setattr(picture, "_panel", watched)
    monkeypatch.setattr(floatline, "POINTS", 100)
    monkeypatch.setattr(floatline, "SEAMS", 10)
    op = op()
    op.plot(tmp_path / "a.png", dtype)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert [d[0] for d in drawn] == titles
    for k, (_, bound, name, worst) in enumerate(drawn):
        assert name == fmt
        assert bound == op.error_bound(fmt, order=k)
        # Of another function, or in a wider format's unit, it is not.
        assert 0.2 < worst <= bound


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Place(os.PathLike):
    def __init__(self, place: Any) -> None:
        self.place = place

    def __fspath__(self) -> Any:
        return self.place


NO_PLACES = [b"a.py", 10**5000, Place(3), Place(b"a\0.py"), "a\0.py", None]


@pytest.mark.once
@pytest.mark.parametrize("path", NO_PLACES, ids=range(len(NO_PLACES)))
def test_what_gives_no_path(path: Any) -> None:
    for write in (ks.ops.stablef.save, ks.ops.stablef.plot):
        with pytest.raises(GeneratorError, match=r"expected a path.*received"):
            write(path)


@pytest.mark.once
def test_a_path_in_bytes(tmp_path: Path) -> None:
    for name, write in (
        ("a.py", ks.ops.stablef.save),
        ("a.png", ks.ops.stablef.plot),
    ):
        write(Place(os.fsencode(tmp_path / name)), "float32")
        assert (tmp_path / name).is_file()


def test_saved_files_are_tidy(tmp_path: Path) -> None:
    """For ruff as it is out of the box, imports in its order too."""
    out = tmp_path / "saved.py"
    ks.ops.log1prel.save(out, "float32")
    for rules in ([], ["--select", "I"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", "check", "--isolated", *rules, out],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("order", sampled([0, 1, 2], always=[1]))
def test_a_derivative_is_saved_as_itself(order: int, tmp_path: Path) -> None:
    op = ks.ops.stablef.derivative(order)
    name = f"stablef_d{order}" if order else "stablef"
    op.save(tmp_path / "saved.py", dtypes="float32")
    module = load(tmp_path / "saved.py")
    saved = getattr(module, name)
    assert module.NAME == name
    x = np.array([-90.0, -1e-3, 0.0, 0.5, 7.0], "float32")
    for k in range(3 - order):
        higher = op.derivative(k)
        np.testing.assert_array_equal(
            run(lambda v, k=k: saved(v, order=k), x), run(higher, x)
        )
        assert module.BOUNDS["float32"][k] == op.error_bound("float32", k)
    assert len(module.BOUNDS["float32"]) == 3 - order
    np.testing.assert_array_equal(run(reverse(saved), x), run(reverse(op), x))
    primes = "'" * order
    assert f"f{primes} " in (saved.__doc__ or "") or not order
    variable = keras.Variable(x)
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(saved(variable)), run(op, x)
    )


DTYPES = ["float32", ["float32"], ("bfloat16", "float32"), np.float32]


@pytest.mark.once
@pytest.mark.parametrize("dtypes", DTYPES, ids=str)
def test_dtypes_of_a_saved_module(dtypes: Any, tmp_path: Path) -> None:
    ks.ops.stablef.save(tmp_path / "a.py", dtypes=dtypes)
    module = load(tmp_path / "a.py")
    assert "float32" in module.BODIES and "float64" not in module.BODIES


@pytest.mark.once
@pytest.mark.parametrize("dtypes", ["float3", ["float32", "half"], 3], ids=str)
def test_unknown_dtypes_of_a_saved_module(dtypes: Any, tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match=r"xpected"):
        ks.ops.stablef.save(tmp_path / "a.py", dtypes=dtypes)
    assert list(tmp_path.iterdir()) == []


# A path, and what is said to have been expected.
PLACES = [
    (".", "a path of a file"),
    ("no/such/a.png", "a folder"),
    ("file/a.png", "a folder"),
    ("a\0.png", "a path of a file"),
    ("x" * 300 + ".png", "a place in a folder"),
]


@pytest.mark.once
@pytest.mark.parametrize("what", ["save", "plot"])
@pytest.mark.parametrize(("place", "expected"), PLACES, ids=lambda v: v[:9])
def test_paths_that_cannot_be_written(
    what: str,
    place: str,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(floatline, "POINTS", 10)
    (tmp_path / "file").write_text("kept")
    path = os.path.join(tmp_path, place)
    with pytest.raises(
        GeneratorError,
        match=f"Cannot ({what}|write): expected {expected}.*received",
    ):
        getattr(ks.ops.stablef, what)(path, "float32")  # derived soonest
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.once
@pytest.mark.parametrize("path", [None, 3, ["a.png"]], ids=str)
@pytest.mark.parametrize("what", ["save", "plot"])
def test_what_is_no_path(what: str, path: Any) -> None:
    with pytest.raises(GeneratorError, match=r"path of a file, received"):
        getattr(ks.ops.stablef, what)(path)


@pytest.mark.once
def test_a_picture_has_a_format(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match=r"ends in \.png.*received"):
        ks.ops.stablef.plot(tmp_path / "a.bmp")
    with pytest.raises(ValueError, match=r"expected one of.*float32"):
        ks.ops.stablef.plot(tmp_path / "a.png", "float31")
    assert list(tmp_path.iterdir()) == []
