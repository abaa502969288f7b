"""Errors in ulp of whole arrays, by values of the oracle that are kept.

What `oracle.exact` gives is rounded once to 106 bits, so that an array of it
is judged at once and read back by the next process: three backends ask for
the same values.  `test_judge` holds it to `oracle.ulp_error`.
"""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import cases
import flint
import grammar
import numpy as np
import oracle
from flint import arb
from flint import ctx

FOLDER_VARIABLE = "KERAS_STABLEF_ORACLE"  # set by conftest; "": none is kept
Array = np.ndarray
# A difference of two float64 and its sum with what is below: three roundings.
SPARE = 1 + 2.0**-50
# Below 2**-1200 all is 0 to every format: 2**-1074 is the least there is.
# Beyond 2**1200 all is infinite.
REACH = 1200


@dataclass(frozen=True)
class Wanted:
    """Values (high + low) 2**exponent, 1 <= |high| < 2 or 0.

    Off by at most 2**-104 of themselves.

    Attributes:
        known: where the oracle has a value; the others are 0 here.
    """

    high: Array
    low: Array
    exponent: Array
    known: Array

    @classmethod
    def of(cls, values: Iterable[arb | None]) -> Wanted:
        """Of what the oracle says."""
        rows = [(*_parts(v), v is not None) for v in values]
        table = np.array(rows, dtype=np.float64).reshape(-1, 4)
        high, low, exponent, known = table.T
        return cls(high, low, exponent.astype(np.int32), known > 0)

    @property
    def floats(self) -> Array:
        """Rounded to float64; infinite beyond it."""
        with np.errstate(over="ignore", under="ignore"):
            return np.ldexp(self.high, self.exponent)


def _parts(value: arb | None) -> tuple[float, float, int]:
    if value is None or value.abs_upper() < arb((1, -REACH)):
        return 0.0, 0.0, 0
    with ctx.workprec(256):
        middle = value.mid()
        man, exp = middle.man_exp()
        exponent = int(exp) + abs(int(man)).bit_length() - 1
        if exponent > REACH:
            return (1.0 if value > 0 else -1.0), 0.0, REACH
        scaled = middle * arb((1, -exponent))
        high = float(scaled)
        low = float(scaled - arb(high))
    if abs(high) == 2:
        return high / 2, low / 2, exponent + 1
    return high, low, exponent


def ulp_errors(got: Array, wanted: Wanted, dtype: str) -> Array:
    """What `oracle.ulp_error` says of each; 0 where nothing is known."""
    precision, emin = oracle.FORMATS[dtype]
    emax = {11: 15, 8: 127, 24: 127, 53: 1023}[precision]
    y = np.asarray(got).astype(np.float64)
    high, low = wanted.high, wanted.low
    exponent = np.where(high == 0, -REACH, wanted.exponent)
    # Of a power of two from below the unit is that of the binade below.
    below = (np.abs(high) == 1) & (low * high < 0)
    binade = np.where(below, exponent - 1, exponent)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        # What is 2**-60 of the least unit is as good as 0.
        scale = np.maximum(exponent, emin - precision - 60)
        near, *parts = (
            np.ldexp(v, e - scale)
            for v, e in ((y, 0), (high, exponent), (low, exponent))
        )
        gap = np.abs((near - parts[0]) - parts[1]) * SPARE
        unit = np.maximum(binade, emin) - precision + 1 - scale
        error = np.ldexp(gap, -unit)
    error = np.where(np.isfinite(y), error, np.inf)
    small = (binade < emin) | (high == 0)
    error = np.where((y == 0) & small, 0.0, error)
    last = 2 - 2.0 ** (1 - precision)  # of the largest number, beside 2**emax
    size, rest = np.abs(high), low * np.sign(high)
    over = (exponent > emax) | (
        (exponent == emax) & ((size > last) | ((size == last) & (rest > 0)))
    )
    right = np.isinf(y) & (np.sign(y) == np.sign(high))
    largest = np.abs(y) == np.ldexp(last, emax)
    beyond = np.where(right, 0.0, np.where(largest, 1.0, np.inf))
    return np.where(wanted.known, np.where(over, beyond, error), 0.0)


def worst(
    name: str, order: int, dtype: str, xs: Array, got: Array
) -> tuple[float, float]:
    """The largest error in ulp and the x where it is."""
    wanted = exact(name, order, xs)
    assert wanted.known.mean() > 0.9
    errors = ulp_errors(got, wanted, dtype)
    k = int(np.argmax(errors))
    return float(errors[k]), float(xs[k])


def exact(name: str, order: int, xs: Array) -> Wanted:
    """`oracle.exact` at each of `xs`, kept for the next process."""
    places = np.asarray(xs).astype(np.float64)
    formula = (cases.CASES.get(name) or cases.OTHERS[name]).formula
    return _kept(
        (formula, order),
        places.tobytes(),
        lambda x: oracle.exact(name, order, x),
    )


def series(tree: grammar.Node, order: int, xs: Array, sides: Array) -> Wanted:
    """`grammar.exact` at each of `xs`, from the side that is given."""
    places = np.stack([np.asarray(xs), sides], axis=-1).astype(np.float64)
    side_of = dict(zip(places[:, 0].tolist(), sides.tolist(), strict=True))
    return _kept(
        (str(tree), order),
        places[:, 0].tobytes() + places[:, 1].tobytes(),
        lambda x: grammar.exact(tree, order, x, int(side_of[x])),
        len(places),
    )


def _kept(
    asked: tuple[object, ...],
    given: bytes,
    value: Callable[[float], arb | None],
    count: int | None = None,
) -> Wanted:
    xs = np.frombuffer(given, np.float64)[:count]
    key = hashlib.sha256(repr((_sources(), asked)).encode() + given)
    folder = os.environ.get(FOLDER_VARIABLE)
    path = Path(folder or ".") / f"{key.hexdigest()}.npz"
    if folder and path.is_file():
        with np.load(path) as data:
            return Wanted(**data)
    places = xs.tolist()
    values = {x: value(x) for x in dict.fromkeys(places)}  # some repeat
    made = Wanted.of(values[x] for x in places)
    if folder:
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            np.savez(file, **vars(made))
        os.replace(file.name, path)
    return made


@functools.cache
def _sources() -> tuple[str, ...]:
    """Another oracle, other files."""
    texts = [
        Path(str(module.__file__)).read_text(encoding="utf-8")
        for module in (oracle, cases, grammar)
    ]
    texts.append(Path(__file__).read_text(encoding="utf-8"))
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()
    return digest, version("sympy"), flint.__version__
