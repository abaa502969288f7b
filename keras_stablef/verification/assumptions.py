"""What bounds assume of a backend, as cases to run and judge.

Elementary functions, against the errors that ``make calibrate`` wrote down;
and pairs of floats (``runtime/pairs.py``), against exact fractions.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from decimal import localcontext
from fractions import Fraction
from typing import Any

import keras
import numpy as np

from .._dtypes import FORMATS
from .._dtypes import Array
from .._dtypes import scalar
from .._exact import assumed_errors
from .._exact import measured_tables
from ..runtime import pairs as pair_ops
from .inputs import KNOWN
from .inputs import SEED
from .inputs import pairs
from .inputs import samples
from .measure import ARITHMETIC
from .measure import CORRECT
from .measure import CORRECTED
from .measure import FUNCTIONS
from .measure import Exact
from .measure import arithmetic
from .measure import errors
from .measure import rounded

COUNTS = {"float32": 2**16, "float64": 2**12}
DIGITS = 45  # decimal, of float64 references: 17 and 28 more
PAIRS = 300  # arguments of the pair operations


@dataclass(frozen=True)
class Case:
    """Something to run.

    Attributes:
        what, dtype: its name, and the dtype of inputs and results.
        inputs: arrays for `run`, which takes and returns tensors.
        outputs: how many tensors.
        judge: the worst error of the results, in ulp.
        assumed: what that may be.
        long: whether torch.compile needs minutes for it.
    """

    what: str
    dtype: str
    inputs: tuple[Array, ...]
    run: Callable[..., Sequence[Any]]
    outputs: int
    judge: Callable[[Sequence[Array]], float]
    assumed: float
    long: bool = False


def cases(dtype: str) -> list[Case]:
    """All that is assumed in one dtype."""
    found = [_function(name, dtype) for name in FUNCTIONS]
    return [*found, *_pair_cases(dtype)]


# -- elementary functions ----------------------------------------------------


def _function(name: str, dtype: str) -> Case:
    inputs: tuple[Array, ...]
    if name in ARITHMETIC:
        inputs = pairs(name, dtype, COUNTS["float32"])
        want = arithmetic(name, *inputs, dtype)
    else:
        inputs = (_inputs(name, dtype),)
        want = _exact(name, *inputs, dtype)

    def judge(got: Sequence[Array]) -> float:
        ulp, _ = errors(got[0], want, dtype)
        # What equals the correctly rounded result is that, whatever the
        # reference's own error; its CORRECT is the least that is assumed.
        wrong = got[0] != want.high
        return float(np.where(wrong, ulp, 0.0).max(initial=0.0)) or CORRECT

    assumed = float(assumed_errors(dtype).ulp(name))
    assumed += CORRECTED.get((name, dtype), 0.0)
    return Case(
        name,
        dtype,
        inputs,
        lambda *x: [FUNCTIONS[name](*x)],
        1,
        judge,
        assumed,
    )


def _inputs(name: str, dtype: str) -> Array:
    """Samples, the known hard cases, and where tables have their worst."""
    count = COUNTS[dtype]
    x = samples(name, dtype, count)
    if len(x) > 2 * count:
        x = np.random.default_rng(SEED).choice(x, 2 * count, replace=False)
    # A device's table has some of the functions only.
    found = [t["functions"].get(name) for t in measured_tables(dtype)]
    places = [cell["at"] for cell in found if cell]
    texts = [text for at in places for text in at]
    texts += KNOWN[name] if dtype == "float64" else ()
    more = np.array([float.fromhex(t) for t in texts], scalar(dtype))
    return np.concatenate([x, more])


def _exact(name: str, x: Array, dtype: str) -> Exact:
    """NumPy's float64 for float32, which it is 2**-27 ulp of; else decimal."""
    if dtype != "float64":
        return rounded(getattr(np, name)(x.astype(np.float64)), dtype)
    high, low = np.empty_like(x), np.zeros_like(x)
    with localcontext() as context:
        context.prec, context.Emin, context.Emax = DIGITS, -99999, 99999
        for k, value in enumerate(x.tolist()):
            number = Decimal(value)
            method = "ln" if name == "log" else name
            result = getattr(number, method)()
            high[k] = float(result)
            low[k] = float(result - Decimal(high[k].item()))
    return Exact(high, low)


# -- pairs of floats ---------------------------------------------------------


def _pair_cases(dtype: str) -> list[Case]:
    """Looked up in the module when run, so that tests can replace them."""
    rng = np.random.default_rng(SEED + 3)
    sizes = np.exp2(rng.integers(-20, 20, PAIRS))
    a = (rng.standard_normal(PAIRS) * sizes).astype(scalar(dtype))
    b = rng.standard_normal(PAIRS).astype(scalar(dtype))
    xs, ys = _fractions(a), _fractions(b)
    xys = _fractions(a * b)  # rounded, as correctly as NumPy does it
    relative = 2.0 ** (6 - FORMATS[dtype][0])  # ends.py: 2**(6 - 2 p), in ulp

    def case(
        what: str,
        run: Callable[..., Sequence[Any]],
        want: Sequence[Fraction],
        assumed: float = 0.0,
        sizes: Sequence[Fraction] | None = None,
    ) -> Case:
        def judge(got: Sequence[Array]) -> float:
            return _pair_error(got, want, sizes or want, dtype)

        long = what.startswith("pair ")
        return Case(what, dtype, (a, b), run, 2, judge, assumed, long)

    def cube(x: Any) -> Any:
        zero = keras.ops.zeros_like(x)
        return pair_ops.pair_power((x, zero), 3, dtype)

    def ratio(x: Any, y: Any) -> Any:
        zero = keras.ops.zeros_like(x)
        return pair_ops.pair_quotient((y, zero), cube(x), dtype)

    quotients = [y / x**3 for x, y in zip(xs, ys, strict=True)]
    sums = [x**3 + q for x, q in zip(xs, quotients, strict=True)]
    total = [abs(x**3) + abs(q) for x, q in zip(xs, quotients, strict=True)]
    return [
        case(
            "two_sum",
            lambda x, y: pair_ops.two_sum(x, y),
            [x + y for x, y in zip(xs, ys, strict=True)],
        ),
        case(
            "two_sum of a constant",
            lambda x, y: pair_ops.two_sum(x, 1.0),
            [x + 1 for x in xs],
        ),
        case(  # in the order that it asks for
            "fast_two_sum",
            lambda x, y: pair_ops.fast_two_sum(x * 2.0**-60, y * 2.0**-90),
            [x / 2**60 + y / 2**90 for x, y in zip(xs, ys, strict=True)],
        ),
        case(
            "two_product",
            lambda x, y: pair_ops.two_product(x, y, dtype),
            [x * y for x, y in zip(xs, ys, strict=True)],
        ),
        case(  # fused multiply-add would take the exact x y
            "two_product of products",
            lambda x, y: pair_ops.two_product(x * y, x * y, dtype),
            [p * p for p in xys],
        ),
        case("pair power", lambda x, y: cube(x), [x**3 for x in xs], relative),
        case("pair quotient", ratio, quotients, relative),
        case(
            "pair sum",
            lambda x, y: pair_ops.pair_sum(cube(x), ratio(x, y)),
            sums,
            relative,
            total,
        ),
    ]


def _fractions(x: Array) -> list[Fraction]:
    return [Fraction(value) for value in x.astype(np.float64).tolist()]


def _pair_error(
    got: Sequence[Array],
    want: Sequence[Fraction],
    sizes: Sequence[Fraction],
    dtype: str,
) -> float:
    """Worst |a + b - want| in 2**(1 - p) of the size, that is in ulp."""
    if not all(np.isfinite(part).all() for part in got):
        return float("inf")
    precision, _ = FORMATS[dtype]
    worst = Fraction(0)
    for a, b, exact, size in zip(
        _fractions(got[0]), _fractions(got[1]), want, sizes, strict=True
    ):
        off = abs(a + b - exact)
        if off:
            worst = max(worst, off / abs(size) if size else off)
    return float(worst * 2 ** (precision - 1))
