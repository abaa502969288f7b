"""Run a function over its inputs in every mode; keep the worst error."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_stablef.verification.inputs import pairs
from keras_stablef.verification.inputs import samples
from keras_stablef.verification.measure import ARITHMETIC
from keras_stablef.verification.measure import CORRECT
from keras_stablef.verification.measure import CORRECTED
from keras_stablef.verification.measure import FUNCTIONS
from keras_stablef.verification.measure import Exact
from keras_stablef.verification.measure import arithmetic
from keras_stablef.verification.measure import array
from keras_stablef.verification.measure import compiled
from keras_stablef.verification.measure import errors
from keras_stablef.verification.measure import rounded
from keras_stablef.verification.measure import tensors

from .inputs import SAMPLES
from .inputs import blocks
from .inputs import count
from .inputs import middles
from .reference import exact
from .reference import wide
from .table import Row
from .table import at_least

MODES = ("eager", "jit")
ONE_ARGUMENT = [name for name in FUNCTIONS if name not in ARITHMETIC]
Progress = Callable[[int], None]  # told how many more inputs are done
MANTISSA, NEAR = 2**23 - 1, 16  # of float32; floats next to a power of two


class Worst:
    """The worst error of one function in one mode, so far."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self.ulp = self.underflow = 0.0
        self.at: tuple[str, ...] = ()
        self.steps = 0  # floats between the worst result and the right one

    def see(self, got: np.ndarray, want: Exact, at: Sequence[Any]) -> None:
        """All errors, one by one."""
        ulp, tiny = errors(got, want, self.dtype)
        self.underflow = max(self.underflow, float(tiny.max(initial=0.0)))
        wrong = got != want.high
        ulp = np.where(wrong, ulp, 0.0)  # correctly rounded: CORRECT
        if ulp.size and ulp.max() > self.ulp:
            k = int(ulp.argmax())
            self.ulp = float(ulp[k])
            self.at = tuple(float(x[k]).hex() for x in at)

    def see_block(
        self, got: np.ndarray, value: np.ndarray, x: np.ndarray
    ) -> None:
        """float32: only what may be worse than the worst is looked at.

        Results as many floats off as the worst, or more; those next to a
        power of two, where a step is one ulp or two; subnormal ones.
        """
        with np.errstate(all="ignore"):
            high = value.astype(np.float32)
        bits = high.view(np.int32)
        steps = np.abs(got.view(np.int32) - bits)
        if not steps.any():
            return
        size = bits & 0x7FFFFFFF
        special = (size <= MANTISSA) | (size > 0x7F7FFFFF)
        special |= ((bits + NEAR) & MANTISSA) < 2 * NEAR
        special |= steps < 0  # of opposite signs
        plain = np.where(special, 0, steps)
        self.steps = max(self.steps, int(plain.max()))
        special &= steps != 0
        chosen = np.flatnonzero(special | (plain >= max(self.steps, 1)))
        low = value[chosen] - high[chosen].astype(np.float64)
        low = np.where(np.isfinite(low), low, 0.0)
        self.see(got[chosen], Exact(high[chosen], low), [x[chosen]])


def row_of(
    name: str, dtype: str, progress: Progress, every: bool = True
) -> Row:
    """Measure one function, as `MODES` say, on the device in use.

    Args:
        every: all inputs up to float32, and compiled too; else samples,
            eagerly.
    """
    if every and name in ONE_ARGUMENT and dtype != "float64":
        return _exhaustive(name, dtype, progress)
    if name == "cast":
        arguments: Sequence[np.ndarray] = [middles(dtype)]
    elif name in ARITHMETIC:
        arguments = pairs(name, dtype, SAMPLES)
    else:
        arguments = [samples(name, dtype, SAMPLES)]
    modes = MODES if every else MODES[:1]
    row = _sampled(name, dtype, arguments, modes)
    progress(SAMPLES)
    return row


def names(dtype: str) -> list[str]:
    """The functions of a dtype's table.

    Formats of 16 bits are computed in float32 and rounded: "cast" is all
    that plans need of them.  The others are for formats that are computed
    in 16 bits themselves.
    """
    return [*FUNCTIONS, *(["cast"] if dtype.endswith("float16") else [])]


def work(name: str, dtype: str, every: bool = True) -> int:
    """How many inputs `row_of` tries, for a progress bar."""
    if every and name in ONE_ARGUMENT and dtype != "float64":
        return count(name, dtype)
    return SAMPLES


def _function(name: str, dtype: str) -> Callable[..., Any]:
    if name == "cast":
        return lambda x: keras.ops.cast(x, dtype)
    return FUNCTIONS[name]


def _sampled(
    name: str,
    dtype: str,
    arguments: Sequence[np.ndarray],
    modes: Sequence[str],
) -> Row:
    if name in ARITHMETIC:
        a, b = arguments
        want = arithmetic(name, a, b, dtype)
    else:
        want = exact(name, arguments[0], dtype)
    seen = {}
    for mode in modes:
        seen[mode] = worst = Worst(dtype)
        run = compiled(_function(name, dtype), mode)
        worst.see(array(run(*tensors(*arguments))), want, arguments)
    return _row(seen, len(arguments[0]), name, dtype, name == "cast")


def _exhaustive(name: str, dtype: str, progress: Progress) -> Row:
    seen = {mode: Worst(dtype) for mode in MODES}
    runs = {mode: compiled(_function(name, dtype), mode) for mode in MODES}
    for x in blocks(name, dtype):
        value = wide(name, x)
        for mode, worst in seen.items():
            got = array(runs[mode](*tensors(x)))
            if dtype == "float32":
                worst.see_block(got, value, x)
            else:
                worst.see(got, rounded(value, dtype), [x])
        progress(len(x))
    return _row(seen, count(name, dtype), name, dtype, True)


def _row(
    seen: dict[str, Worst],
    inputs: int,
    name: str,
    dtype: str,
    exhaustive: bool,
) -> Row:
    # What is corrected is counted as half an ulp, and this beside.
    near = CORRECT + CORRECTED.get((name, dtype), 0.0)
    modes = {
        mode: CORRECT if worst.ulp <= near else at_least(worst.ulp)
        for mode, worst in seen.items()
    }
    mode = max(seen, key=lambda m: seen[m].ulp)
    return Row(
        ulp=modes[mode],
        at=seen[mode].at,
        mode=mode,
        modes=modes,
        underflow=at_least(max(w.underflow for w in seen.values())),
        inputs=inputs,
        exhaustive=exhaustive,
    )
