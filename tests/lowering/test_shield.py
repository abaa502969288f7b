"""f and f' are one loop of the compiled program, and nothing is done twice.

XLA fuses no expensive operation into several users, and computes what lies
before it again in each of the loops that follow: `once` has it one user.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from backends import BACKEND
from keras_stablef.generator.lowering import body as b
from keras_stablef.generator.lowering.shield import shielded
from keras_stablef.generator.program.program import Var
from sampling import sampled

import keras_stablef as ks
from keras_stablef.runtime import constants
from keras_stablef.runtime import kernels
from keras_stablef.runtime import pairs

EXPENSIVE = ("divide", "exponential", "log", "sqrt")
# log1mexp has most, with both of its ends in pairs; log1prel had 39.
MOST_LOOPS = 6
jax_only = pytest.mark.skipif(BACKEND != "jax", reason="counts XLA's loops")


def compiled(f: Callable[..., Any]) -> tuple[str, str]:
    """The program of f and f' before and after XLA's passes."""
    import jax

    def both(x: Any) -> Any:
        y, back = jax.vjp(f, x)
        return y, back(keras.ops.ones_like(y))[0]

    x = np.ones(4096, "float32")
    lowered = jax.jit(both).lower(x)
    return lowered.as_text(), lowered.compile().as_text()


def loops(text: str) -> int:
    return len(re.findall(r" fusion\(", text))


def expensive(text: str) -> int:
    """How many of them the optimized program has."""
    return sum(len(re.findall(rf" {op}\(", text)) for op in EXPENSIVE)


@jax_only
@pytest.mark.parametrize("name", sampled(ks.ops.__all__, 6, ("log1prel",)))
def test_few_loops_and_nothing_twice(name: str) -> None:
    before, after = compiled(getattr(ks.ops, name))
    assert loops(after) <= MOST_LOOPS
    written = sum(
        len(re.findall(rf"stablehlo\.\"?{op}\b", before)) for op in EXPENSIVE
    )

    assert expensive(after) <= written


@jax_only
def test_without_it_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or this test would not see what it is about."""
    from keras_stablef.generated import two_frac

    slope = two_frac.two_frac_1_float32
    _, shielded_ = compiled_alone(slope)
    for module in (constants, kernels, pairs, two_frac):
        monkeypatch.setattr(module, "once", lambda v, dtype: v)
    _, plain = compiled_alone(slope)
    assert loops(shielded_) < loops(plain)


def compiled_alone(f: Callable[..., Any]) -> tuple[str, str]:
    import jax

    lowered = jax.jit(lambda x: f(x)).lower(np.ones(4096, "float32"))
    return lowered.as_text(), lowered.compile().as_text()


@pytest.mark.once
def test_what_is_used_again_is_put_behind_one_operation() -> None:
    x, q, r = Var("x"), Var("q"), Var("r")
    made = shielded(
        b.Body(
            *("f", 0, "float32", 1.0, ()),
            (
                b.assign("q", x / (x + x)),
                b.assign("r", x / q),
                b.assign("q", r + q),
                b.assign("s", q * q),
            ),
            Var("s"),
        )
    )
    values = [str(s.value) for s in made.statements if isinstance(s, b.Assign)]
    assert values == [
        "once(quotient(x, x + x, 'float32'), 'float32')",
        "quotient(x, q, 'float32')",
        "r + q",
        "q * q",
    ]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_once_changes_no_number(dtype: str) -> None:
    info = np.finfo(dtype)
    x = np.array([0.0, -0.0, 1.5, info.max, np.inf, np.nan, -info.tiny], dtype)
    got = keras.ops.convert_to_numpy(
        constants.once(keras.ops.convert_to_tensor(x, dtype), dtype)
    )
    np.testing.assert_array_equal(got, x)
    np.testing.assert_array_equal(np.signbit(got), np.signbit(x))
