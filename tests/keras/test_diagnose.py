"""The flaws that others have, found and named; and none in ours.

What is to be found is in docs/question.md and was seen elsewhere: edges are
those of exp in float32 (log of the largest number), and not computed here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from backends import BACKEND
from keras import ops
from keras_stablef.generator.cli import main
from sampling import sampled

import keras_stablef as ks
from keras_stablef.diagnosis.findings import Diagnosis
from keras_stablef.diagnosis.findings import Finding

pytestmark = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="needs autodiff"
)
EDGE = -88.7228394  # exp(-x) is inf from the next float on


def naive(x: Any) -> Any:
    return 1 / (1 - ops.exp(-x)) - 1 / x


def single(x: Any) -> Any:
    return ops.where(ops.abs(x) < 0.1, 0.5 + x / 12, naive(x))


def three(x: Any) -> Any:
    inner = single(x)
    right = ops.where(x > 10, 1 - 1 / x, inner)
    return ops.where(x < -10, -1 / x, right)


def theirs(name: str) -> Any:
    if name == "log1mexp":
        return pytest.importorskip("tensorflow_probability").math.log1mexp
    from torch.distributions import ContinuousBernoulli

    return lambda x: ContinuousBernoulli(logits=x, validate_args=False).mean


# Target, what is given, the backend or "", and what is to be found: order,
# kind, a number that lies in it, and what its cause says.
FLAWS: list[
    tuple[
        Callable[[], Any],
        dict[str, Any],
        str,
        list[tuple[int, str, float, str]],
    ]
] = [
    (
        lambda: naive,
        {},
        "",
        [
            (0, "lost", 1e-4, "subtracts numbers near"),
            (0, "n", 0.0, "divides by 0"),
            (1, "nan", -90.0, "exp(-x) overflows to inf and the backward"),
            (1, "lost", 0.01, ""),
        ],
    ),
    (
        lambda: single,
        {},
        "",
        [
            (1, "nan", -1e30, "multiplies it by 0"),
            (1, "nan", 0.0, "in the branch that `where` did not take"),
            (1, "lost", 0.1001, ""),
        ],
    ),
    (
        lambda: three,
        {},
        "",
        [
            (1, "nan", -1e30, "in the branch that `where` did not take"),
            (1, "lost", 12.0, "`where` takes 1 - 1/x there"),
        ],
    ),
    (
        lambda: keras.losses.LogCosh(),
        {},
        "",
        [
            (0, "lost", 1e-6, "subtracts numbers near 0.693"),
            (1, "lost", 1e-6, "which cancel"),
        ],
    ),
    (
        lambda: ops.sinc,
        {"domain": (-0.5, 0.5)},
        "tensorflow",
        [(1, "nan", 0.0, "the backend's own gradient of sin(pi*x)/(pi*x)")],
    ),
    (
        lambda: theirs("log1mexp"),
        {"domain": (0, "oo")},
        "tensorflow",
        [(1, "nan", 1e-8, "")],
    ),
    (
        lambda: theirs("mean"),
        {"formula": "stablef"},
        "torch",
        [(1, "lost", 0.005, ""), (1, "lost", 1e3, ""), (0, "lost", 1e3, "")],
    ),
]


def covers(found: Finding, order: int, kind: str, x: float) -> bool:
    return (
        found.order == order
        and kind in found.kind
        and found.low <= x <= found.high
    )


@pytest.mark.parametrize(
    ("target", "given", "backend", "flaws"), FLAWS, ids=range(len(FLAWS))
)
def test_flaws_of_others(
    target: Callable[[], Any],
    given: dict[str, Any],
    backend: str,
    flaws: list[tuple[int, str, float, str]],
) -> None:
    if backend not in ("", BACKEND):
        pytest.skip(f"only {backend} has it")
    seen = ks.diagnose(target(), **given)
    assert not seen.ok and seen.cure
    for order, kind, x, why in flaws:
        found = [f for f in seen.findings if covers(f, order, kind, x)]
        assert found, f"{order} {kind} at {x} in {seen}"
        assert why in found[0].cause
        assert found[0].what in str(seen)


def test_the_edge_is_the_last_float() -> None:
    seen = ks.diagnose(three)
    (found,) = [f for f in seen.findings if covers(f, 1, "nan", -1e30)]
    assert found.low == -math.inf
    assert found.high == pytest.approx(EDGE, abs=1e-5)
    after = np.nextafter(np.float32(found.high), np.float32(0))
    assert ks.diagnose(three, domain=(float(after), -20)).ok
    assert seen.cure == "ks.ops.stablef(x)"
    assert f"gradient is nan for x <= {EDGE:.6g}: exp(-x) over" in str(found)


OURS = [*ks.ops.__all__]


@pytest.mark.parametrize("name", sampled(OURS, 3, ["stablef"]))
def test_none_in_our_ops(name: str) -> None:
    seen = ks.diagnose(getattr(ks.ops, name))
    assert seen.ok, seen
    assert "beside" in seen.against


@pytest.mark.slow
@pytest.mark.parametrize("name", OURS)
def test_none_in_any_of_our_ops(name: str) -> None:
    seen = ks.diagnose(getattr(ks.ops, name))
    assert seen.ok, seen


@pytest.mark.parametrize("loss", [ks.losses.log_cosh, ks.losses.PseudoHuber()])
def test_none_in_our_losses(loss: Any) -> None:
    seen = ks.diagnose(loss)
    assert seen.ok, seen


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_other_dtypes(dtype: str) -> None:
    edge = {"float16": -11.1, "bfloat16": EDGE}[dtype]
    seen = ks.diagnose(naive, dtype=dtype)
    assert any(covers(f, 1, "nan", 1.01 * edge) for f in seen.findings)
    assert ks.diagnose(ks.ops.stablef, dtype=dtype).ok


def made_of(*layers: Any, loss: Any = "mse") -> Any:
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.compile("sgd", loss)
    return model


def far_left() -> Any:
    """A layer whose outputs are about -150 for the batch."""
    return keras.layers.Dense(
        1,
        kernel_initializer=keras.initializers.Constant(-50.0),
        name="far_left",
    )


BATCH = np.ones((4, 3), "float32"), np.zeros((4, 1), "float32")


def own_loss(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(ops.square(single(y_pred) - y_true), axis=-1)


MODELS: list[tuple[Callable[[], Any], int, str, str]] = [
    (
        lambda: made_of(
            far_left(), keras.layers.Activation(single, name="last")
        ),
        1,
        "layer last (Activation): exp(-x) overflows to inf",
        "ks.ops.stablef",
    ),
    (
        lambda: made_of(
            keras.layers.Dense(
                1,
                activation=naive,
                kernel_initializer="zeros",
                name="zero",
            )
        ),
        0,
        "divides by 0, and 1/(1 - exp(-x)) - 1/x is inf - inf",
        "ks.ops.stablef",
    ),
    (
        lambda: made_of(far_left(), loss=own_loss),
        1,
        "loss own_loss at y_true = 0: exp(-x) overflows to inf",
        "in the loss",
    ),
    (
        lambda: made_of(far_left(), keras.layers.Lambda(ops.log, name="log")),
        0,
        "layer log (Lambda): log(x) is nan where x = -150",
        "has no value there",
    ),
]


@pytest.mark.parametrize(
    ("model", "order", "why", "cure"), MODELS, ids=range(len(MODELS))
)
def test_the_first_bad_layer(
    model: Callable[[], Any], order: int, why: str, cure: str
) -> None:
    seen = ks.diagnose(model(), *BATCH)
    (found,) = seen.findings
    assert (found.order, found.kind) == (order, "nan")
    assert why in found.cause
    assert cure in seen.cure


def test_a_model_that_is_well() -> None:
    model = made_of(far_left(), loss=ks.losses.StableFLoss())
    assert ks.diagnose(model, *BATCH).ok


@pytest.mark.once
def test_what_cannot_be_diagnosed() -> None:
    for target, said in (
        ("1/x", "expected a function"),
        (made_of(far_left()), "expected a batch"),
    ):
        with pytest.raises(ValueError, match=said):
            ks.diagnose(target)
    with pytest.raises(ValueError, match="expected one of float16"):
        ks.diagnose(naive, dtype="int32")


@pytest.mark.once
def test_pictures(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    ks.diagnose(naive).plot(path)
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="Cannot plot"):
        Diagnosis("m", "jax", "float32", (), "").plot(path)


@pytest.mark.once
def test_the_command(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "mine_16.py").write_text(
        "from keras import ops\ndef f(x): return (ops.exp(x) - 1 - x) / x\n"
    )
    monkeypatch.chdir(tmp_path)
    command = ["diagnose", "mine_16:f", "--domain", "-1", "1"]
    assert main([*command, "--out", "a/b.png"]) == 1
    assert "ks.stabilize(f, domain=" in capsys.readouterr().out
    assert (tmp_path / "a" / "b.png").is_file()
    assert main([*command, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False
    assert main(["diagnose", "mine_16:g"]) == 2
    assert "received 'mine_16:g'" in capsys.readouterr().err
