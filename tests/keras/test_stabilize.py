"""`stabilize`: formulas, functions, errors, words, pictures, files."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from functools import reduce
from pathlib import Path
from threading import Thread
from types import ModuleType

import keras
import numpy as np
import pytest
import sympy
from backends import BACKEND
from backends import reverse
from backends import run
from cases import OTHERS
from keras import ops
from keras_stablef.generator import errors
from keras_stablef.generator.cli import main
from keras_stablef.generator.formula.lift import lift
from keras_stablef.generator.formula.spec import make_spec
from oracle import exact
from oracle import ulp_error
from sampling import sampled

import keras_stablef as ks

pytestmark = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="autodiff backends"
)


def sample(low: float, high: float) -> np.ndarray:
    """float32 inputs at every magnitude inside a domain."""
    rng = np.random.default_rng(5)
    size = np.exp2(rng.uniform(-40, 40, 150))
    near = np.exp2(rng.uniform(-6, 5, 100))
    found = [size, -size, near, -near, np.array([0.0, 1.0, 0.5])]
    for end in (low, high):
        if np.isfinite(end):
            found += [end + near / 64, end - near / 64]
    xs = np.concatenate(found).astype(np.float32)
    return np.unique(xs[(xs > low) & (xs < high)])


# Each is derived and judged on one backend.
@pytest.mark.parametrize("name", sampled(sorted(OTHERS)))
def test_functions_nobody_has_seen(name: str) -> None:
    case = OTHERS[name]
    op = ks.stabilize(
        case.formula.replace("Abs", "abs"), (case.low, case.high), name=name
    )
    xs = sample(case.low, case.high)
    for order, fn in ((0, op), (1, reverse(op))):
        got = run(fn, xs)
        bound = op.error_bound("float32", order=order)
        assert bound <= 2
        for x, y in zip(xs, got, strict=True):
            want = exact(name, order, float(x))
            kink = name == "sqrt_abs" and order and x == 0
            if want is not None and not kink:
                assert ulp_error(float(y), want, "float32") <= bound, x


REFUSED = [
    ("1/x", errors.SingularityError, "Pole at 0"),
    ("1/(x-3)", errors.SingularityError, "Pole at 3"),
    ("tan(x)", errors.SingularityError, "Pole at"),
    ("sin(1/x)", errors.SingularityError, "singularity at 0"),
    ("abs(x)/x", errors.SingularityError, "Jump at 0"),
    ("sqrt(abs(x))", errors.SingularityError, "Branch point at 0"),
    ("log(abs(x))", errors.SingularityError, "at 0"),
    ("sin(x)/x", errors.SingularityError, "bounded domain"),
    ("log(x)", errors.NotRealError, "(-oo, 0)"),
    ("sqrt(1-x**2)", errors.NotRealError, "none on"),
    ("log(x-2)/x", errors.NotRealError, "(-oo, 2)"),
    ("x + y", errors.VariableError, "x, y"),
    ("3", errors.VariableError, "none"),
    ("foo(x)", errors.UnknownFunctionError, "foo"),
    ("exp(x", errors.NotAnExpressionError, "exp(x"),
    ("__import__('os').getcwd()", errors.NotAnExpressionError, "__import__"),
    ("", errors.NotAnExpressionError, "empty"),
]


@pytest.mark.once
@pytest.mark.parametrize(("text", "error", "said"), REFUSED)
def test_refused(text: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error) as caught:
        ks.stabilize(text)
    message = str(caught.value)
    assert said in message
    assert "received" in message


@pytest.mark.once
def test_bounds_that_cannot_be_met_are_refused_with_the_best() -> None:
    with pytest.raises(errors.BoundNotMetError, match="ulp"):
        ks.stabilize("log(cosh(x))", max_ulp=0.4)
    tight = ks.stabilize("tanh(x)/x", max_ulp=1.0)
    assert tight.error_bound("float32") <= 1.0
    assert tight.error_bound("float32", order=1) <= 1.0


def test_sympy_and_numbers_and_domains() -> None:
    y = sympy.Symbol("y")
    op = ks.stabilize((1 - sympy.cos(y)) / y**2, domain=(-3, sympy.pi))
    got = run(op, np.array([0.0, 3.1, -3.0, 3.2, -3.5, np.nan], np.float64))
    np.testing.assert_allclose(got[:2], [0.5, (1 - np.cos(3.1)) / 3.1**2])
    assert np.isfinite(got[2])
    assert np.isnan(got[3:]).all()


# Read symbolically; docs have one that is read and run on each backend.
@pytest.mark.once
def test_a_function_over_keras_ops() -> None:
    @ks.stabilize(domain=(-1, 1))
    def arc(x):  # type: ignore[no-untyped-def]
        return ops.arcsin(x) / x

    assert arc.name == "arc"
    got = run(arc, np.array([0.0, 1.0, 0.5], np.float64))
    np.testing.assert_allclose(got, [1, np.pi / 2, np.pi / 3], rtol=1e-15)

    @ks.stabilize
    def tenth(x):  # type: ignore[no-untyped-def]
        return ops.log(ops.cosh(x)) + 0.1 * ops.square(x)

    assert "x**2/10" in tenth.expression


def caught(x):  # type: ignore[no-untyped-def]
    try:
        return x if x == 0 else 2 * x
    except Exception:
        return 3 * x


def repeated(step, times: int):  # type: ignore[no-untyped-def]
    return lambda x: reduce(lambda a, _: step(a), range(times), x)


class Exp(keras.Operation):
    """Of the name of one of Keras'."""

    def compute_output_spec(self, x):  # type: ignore[no-untyped-def]
        return keras.KerasTensor(x.shape, x.dtype)


NO_FORMULA = [
    (lambda x: ops.where(x > 0, x, 1.0), "which jumps"),
    (lambda x: 3.0, "Cannot read"),
    (lambda x: keras.KerasTensor((None,)), "made from its argument"),
    (lambda x: x + keras.Input((3,)), "made from its argument"),
    (lambda x: x if x == 0 else 2 * x, "the truth value of `x == 0`"),
    (lambda x: x if 2 * x in (0, 1) else 2 * x, "the truth value"),
    (lambda x: x if x != 0 else 2 * x, "the truth value"),
    (lambda x: x if x > 0 else 2 * x, "the truth value"),
    (caught, "the truth value of `x == 0`"),
    (lambda x: Exp()(x), "operations of Keras"),
    (lambda x: x + 10**5000, "out of proportion"),
    (repeated(lambda a: a * a + a, 60), "2000 in all"),
    (repeated(ops.sinc, 60), "60 nested operations"),
    (repeated(ops.sin, 300), "received 61"),
    (repeated(ops.sin, 400), "received 61"),
]


@pytest.mark.once
@pytest.mark.parametrize(
    ("function", "said"), NO_FORMULA, ids=range(len(NO_FORMULA))
)
def test_functions_that_are_no_formula(function: object, said: str) -> None:
    with pytest.raises(errors.NotAnExpressionError, match="received") as error:
        ks.stabilize(function, (-1, 1))
    assert said in str(error.value)
    # and tensors are compared as before
    x = keras.KerasTensor((1,))
    assert x == x and not x == 1 and "__eq__" not in vars(keras.KerasTensor)
    with pytest.raises(TypeError, match="symbolic"):
        bool(x)


def exp_twice(x):  # type: ignore[no-untyped-def]
    once = type(ops.exp(x)._keras_history.operation)()
    return once(once(x))


FORMULAS = [
    (lambda x: x, "x"),
    (exp_twice, "exp(exp(x))"),  # one operation, two calls of it
    (repeated(lambda a: a * a + a, 2), "x + x**2 + (x + x**2)**2"),
    (repeated(ops.sin, 3), "sin(sin(sin(x)))"),
]


@pytest.mark.once
@pytest.mark.parametrize(
    ("function", "text"), FORMULAS, ids=range(len(FORMULAS))
)
def test_functions_that_are_one(function: object, text: str) -> None:
    got = make_spec(lift(function, 10.0).formula)
    assert got.expr == make_spec(text).expr


def endless(x):  # type: ignore[no-untyped-def]
    while True:
        x = x + 1


@pytest.mark.once
def test_functions_that_take_too_long() -> None:
    with pytest.raises(errors.TimeLimitError, match=r"at most 0\.3 s"):
        lift(endless, 0.3)
    assert "__eq__" not in vars(keras.KerasTensor)


@pytest.mark.once
def test_other_threads_compare_tensors_meanwhile() -> None:
    found: list[bool] = []

    def slow(x):  # type: ignore[no-untyped-def]
        y = keras.KerasTensor((1,))
        other = Thread(target=lambda: found.extend([y == y, y == 1]))
        other.start()
        other.join()
        return x

    assert lift(slow, 10.0).formula == sympy.Symbol("x", real=True)
    assert found == [True, False]


def test_two_ops_of_one_name_are_two() -> None:
    one, two = ks.stabilize("2*x+1"), ks.stabilize("3*x+1")
    x = np.array([2.0], np.float64)
    assert run(one, x) != run(two, x)


def test_inside_a_model_that_is_saved(tmp_path: Path) -> None:
    op = ks.stabilize("log(1+x**2)/x**2", name="rel")
    inputs = keras.Input((3,))
    model = keras.Model(inputs, op(keras.layers.Dense(2)(inputs)))
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    x = np.ones((4, 3), np.float32)
    np.testing.assert_array_equal(model.predict(x, verbose=0),
                                  again.predict(x, verbose=0))  # fmt: skip


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_saved_module_stands_alone(tmp_path: Path) -> None:
    op = ks.stabilize("log(1+x)/x", (-1, "oo"), name="rel")
    path = tmp_path / "rel.py"
    op.save(path)
    text = path.read_text(encoding="utf-8")
    imported = [
        line.split()[1].split(".")[0]
        for line in text.splitlines()
        if line.startswith(("import ", "from "))
    ]
    assert set(imported) <= {"keras", *sys.stdlib_module_names}
    assert "keras_stablef." not in text.split('"""', 2)[2].replace(
        "keras_stablef/_autodiff", ""
    )
    module = _load(path)
    x = np.array([0.0, 1e-9, -0.5, 1e30], np.float64)
    np.testing.assert_array_equal(run(module.rel, x), run(op, x))
    np.testing.assert_array_equal(
        run(reverse(module.rel), x), run(op.derivative(), x)
    )
    if BACKEND == "torch":  # "meta" stands for a GPU
        import torch

        with keras.device("meta"):
            assert module.rel(torch.ones(3)).device.type == "meta"


@pytest.mark.once
def test_explain() -> None:
    text = ks.ops.log_cosh.explain("float32")
    assert "zero" in text
    assert "infinity" in text
    assert "ulp" in text
    assert max(map(len, text.splitlines())) <= 80
    mine = ks.stabilize("(exp(x)-1)/x", (-1, 1)).explain()
    assert "float64" in mine


@pytest.mark.once
def test_plot(tmp_path: Path) -> None:
    ks.stabilize("tanh(x)/x", name="tanhc").plot(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) > 20_000
    with pytest.raises(ValueError, match="expected a folder"):
        ks.ops.tanhc.plot(tmp_path / "no" / "a.png")


COMMANDS = [
    (["list"], 0, "log_cosh"),
    (["explain", "tanhc", "--dtype", "float32"], 0, "ulp"),
    (["explain", "1/x"], 2, "Pole at 0"),
    (["plot", "log(x)", "--out", "a.png"], 2, "Not real"),
    (["generate", "x + y", "--out", "a.py"], 2, "x, y"),
]


@pytest.mark.once
@pytest.mark.parametrize(
    ("arguments", "code", "said"), COMMANDS, ids=lambda v: str(v)[:20]
)
def test_shell(
    arguments: list[str],
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == code
    done = capsys.readouterr()
    assert said in done.out + done.err.replace("\n", " ")
    assert "\r" not in done.out + done.err  # no progress in a pipe
    assert not list(tmp_path.iterdir())


INSTALLED = [("2*x+1", 0), ("1/x", 2)]


# It takes seconds to start.
@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize(("text", "code"), INSTALLED)
def test_the_command_as_it_is_installed(
    text: str, code: int, tmp_path: Path
) -> None:
    tool = Path(sys.executable).with_name("keras-stablef")
    done = subprocess.run(
        [tool, "explain", text], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "KERAS_BACKEND": "numpy"},  # the soonest there
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert ("Pole at 0" in done.stderr) == bool(code)
    assert bool(done.stdout) != bool(code)
    assert "\r" not in done.stdout + done.stderr
    assert not list(tmp_path.iterdir())
