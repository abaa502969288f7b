"""Shipped bodies hold their bounds under a compiler that is out to get them.

The proof's twin: what the analyses say of every compiler, thousands of them
are asked for (`hostile_compiler`), each in a lane of its own, at the inputs
where pieces meet and everywhere else.  The oracle is multiple precision.
"""

from __future__ import annotations

import importlib
import itertools
import zlib
from fractions import Fraction
from types import FunctionType
from typing import Any

import numpy as np
import pytest
from cases import CASES
from hostile_compiler import Habits
from hostile_inputs import inputs
from hostile_ops import HostileOps
from hostile_ops import run
from hostile_replay import culprits
from hostile_rounding import fused
from judge import Wanted
from judge import exact
from judge import ulp_errors
from sampling import sampled

from keras_stablef.runtime import kernels
from keras_stablef.runtime import pairs
from keras_stablef.runtime import powers
from keras_stablef.runtime.constants import fixed
from keras_stablef.runtime.pairs import split
from keras_stablef.runtime.pairs import two_product
from keras_stablef.runtime.pairs import two_sum

pytestmark = pytest.mark.once
Array = np.ndarray
DTYPES = ("float32", "float64")
COMPILERS = {"cpu": Habits(), "gpu": Habits(gpu=True)}
EACH = 8  # compilers that an input meets
ROUNDS = 3
FEW, NEAR = 40, 10  # the worst inputs of a round, and of the next beside each
SAMPLED = 50
ROWS = [
    (name, order, dtype, compiler)
    for name, order, dtype in itertools.product(CASES, range(3), DTYPES)
    for compiler in COMPILERS
    if (dtype, compiler) != ("float64", "gpu")  # there it divides like a CPU
]


def body(name: str, order: int, dtype: str) -> tuple[FunctionType, float]:
    """What ships, and its bound."""
    module = importlib.import_module(f"keras_stablef.generated.{name}")
    return module.BODIES[dtype][order], module.BOUNDS[dtype][order]


def seed_of(*row: object) -> int:
    return zlib.crc32(repr(row).encode())


def worst(
    row: tuple[str, int, str, str], habits: Habits, *instead: Any
) -> tuple[float, float]:
    """The largest error in ulp and where, climbing to it."""
    name, order, dtype, _ = row
    function, _ = body(name, order, dtype)
    random = np.random.default_rng(seed_of(*row))
    xs = inputs(name, dtype, order, seed_of(*row))
    found = []
    for turn in range(ROUNDS):
        wanted = exact(name, order, xs)
        assert wanted.known.mean() > 0.9
        known = Wanted(*(np.tile(v, EACH) for v in vars(wanted).values()))
        lanes = np.tile(xs, EACH)
        compiler = HostileOps(dtype, len(lanes), seed_of(*row, turn), habits)
        (got,) = run(function, compiler, lanes, instead=instead)
        errors = judged(got, known, dtype).reshape(EACH, -1).max(axis=0)
        ranked = np.argsort(errors)
        found.append((float(errors[ranked[-1]]), float(xs[ranked[-1]])))
        xs = beside(xs[ranked[-FEW:]], name, random)
    return max(found)


def judged(got: Array, known: Wanted, dtype: str) -> Array:
    """Errors; the 4 floats from the smallest normal number on may be smaller.

    A division that is off by 2 ulp, before it is corrected, takes them for
    subnormal ones, which are not corrected, and flushed: both proofs have it.
    """
    with np.errstate(over="ignore"):
        size = np.ldexp(np.abs(known.high), known.exponent)
    tiny, eps = (float(getattr(np.finfo(dtype), k)) for k in ("tiny", "eps"))
    errors: Array = ulp_errors(got, known, dtype)
    most = tiny * (1 + 4 * eps)
    alike = np.sign(got) * np.sign(known.high) >= 0
    free = (size <= most) & (np.abs(got) <= most) & alike
    return np.where(free, 0.0, errors)


def beside(xs: Array, name: str, random: np.random.Generator) -> Array:
    """These, and others at any distance from them."""
    off = 10.0 ** -random.uniform(0.5, 7, (NEAR, len(xs)))
    with np.errstate(over="ignore"):
        others = xs * (1 + off * random.choice([-1, 1], off.shape))
        found = np.concatenate([xs, others.astype(xs.dtype).ravel()])
    return CASES[name].inside(found[np.isfinite(found)])


@pytest.mark.parametrize(
    ("name", "order", "dtype", "compiler"),
    sampled(ROWS, SAMPLED, among=("tensorflow",)),
)
def test_a_bound_holds(
    name: str, order: int, dtype: str, compiler: str
) -> None:
    row = name, order, dtype, compiler
    _, bound = body(name, order, dtype)
    error, where = worst(row, COMPILERS[compiler])
    assert error <= bound, report(row, error, where)


def report(row: tuple[str, int, str, str], error: float, where: float) -> str:
    name, order, dtype, compiler = row
    function, bound = body(name, order, dtype)
    wanted = exact(name, order, np.array([where]))

    def error_of(got: Array) -> Array:
        many = Wanted(*(np.repeat(v, len(got)) for v in vars(wanted).values()))
        return judged(got, many, dtype)

    habits = COMPILERS[compiler]
    why = culprits(function, dtype, where, habits, error_of, bound)
    return f"{error} ulp at {where!r}, proved {bound}, by {why}"


def names_of(function: FunctionType) -> set[str]:
    return set(function.__code__.co_names)


PAIRED = {
    name
    for module in (pairs, kernels, powers)
    for name, value in vars(module).items()
    if isinstance(value, FunctionType) and value.__module__ == module.__name__
} | {"local_polynomials"}  # with a slope in two parts


@pytest.mark.parametrize(
    ("name", "order", "dtype", "compiler"),
    [r for r in ROWS if not names_of(body(*r[:3])[0]) & PAIRED],
)
def test_without_pairs_it_holds_whatever_is_repeated(
    name: str, order: int, dtype: str, compiler: str
) -> None:
    row = name, order, dtype, compiler
    habits = Habits(gpu=COMPILERS[compiler].gpu, repeats=True)
    error, where = worst(row, habits)
    assert error <= body(name, order, dtype)[1], where


# -- the test can fail --------------------------------------------------------


def bare_product(a: Any, b: Any, dtype: str) -> Any:
    """Dekker's, but p is in sight: p - ah * bh may see all of it."""
    halves = {"float32": 4097.0, "float64": 134217729.0}[dtype]
    p = a * b
    ah, al = split(a, halves, dtype)
    bh, bl = split(b, halves, dtype)
    return p, al * bl - (((p - ah * bh) - al * bh) - ah * bl)


def product(a: Any, b: Any, dtype: str) -> Any:
    return two_product(a, b, dtype)


def product_of_products(a: Any, b: Any, dtype: str) -> Any:
    """Of an operand in sight, as Triton was seen to get it wrong."""
    return two_product(a * b, b, dtype)


def product_of_held(a: Any, b: Any, dtype: str) -> Any:
    return two_product(fixed(a * b, dtype), b, dtype)


def sum_of_numbers(a: Any, b: Any, dtype: str) -> Any:
    return two_sum(a, b)


def sum_with_one(a: Any, b: Any, dtype: str) -> Any:
    return two_sum(a, 1.0)


def sum_of_one(a: Any, b: Any, dtype: str) -> Any:
    """The constant first: (1 + a) - 1 is a to a compiler."""
    return two_sum(1.0, a)


def rounded(a: Fraction, b: Fraction, dtype: str) -> Fraction:
    kind = np.dtype(dtype).type
    return Fraction(float(kind(float(a)) * kind(float(b))))


EXACT: list[tuple[Any, Any, bool]] = [
    (product, lambda a, b, dtype: a * b, True),
    (bare_product, lambda a, b, dtype: a * b, False),
    (product_of_held, lambda a, b, dtype: rounded(a, b, dtype) * b, True),
    (product_of_products, lambda a, b, dtype: rounded(a, b, dtype) * b, False),
    (sum_of_numbers, lambda a, b, dtype: a + b, True),
    (sum_with_one, lambda a, b, dtype: a + 1, True),
    (sum_of_one, lambda a, b, dtype: a + 1, False),
]


def called(function: Any, dtype: str, *instead: Any) -> list[bool]:
    """In which lanes a pair is what it should be, with numbers near 1."""
    way = next(exact for made, exact, _ in EXACT if made is function)
    random = np.random.default_rng(7)
    x, y = (random.uniform(0.25, 4, 2000).astype(dtype) for _ in range(2))
    compiler = HostileOps(dtype, len(x), 7)
    # Names are bound anew: the dtype is a default of no function.
    bound: Any = FunctionType(
        function.__code__, function.__globals__, argdefs=(dtype,)
    )
    high, low = run(bound, compiler, x, y, instead=instead)
    return [
        Fraction(float(h)) + Fraction(float(k))
        == way(Fraction(float(a)), Fraction(float(b)), dtype)
        for h, k, a, b in zip(high, low, x, y, strict=True)
    ]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("function", "holds"), [(f, holds) for f, _, holds in EXACT]
)
def test_pairs_hold_behind_clips_only(
    function: Any, holds: bool, dtype: str
) -> None:
    right = called(function, dtype)
    assert all(right) == holds
    assert any(right)


def lost_by_a_square(a: Any) -> Any:
    return bare_product(a, a, "float32")[1]


def test_decisions_that_matter_are_named() -> None:
    x = float(np.float32(1.1))
    lost = x * x - float(np.float32(x * x))  # 48 bits

    def error_of(got: Array) -> Array:
        return np.abs(got - lost)

    (why,) = culprits(
        *(lost_by_a_square, "float32", x, Habits(), error_of, 0.0),
        instead=(bare_product,),
    )
    assert "p - ah * bh" in why


# -- its arithmetic -----------------------------------------------------------


def fused_exactly(a: float, b: float, c: float, dtype: str) -> float:
    """By fractions; where no number of the format is near its ends."""
    value = Fraction(a) * Fraction(b) + Fraction(c)
    if not value:
        return 0.0
    size = abs(value)
    e = size.numerator.bit_length() - size.denominator.bit_length()
    e -= Fraction(2) ** e > size
    info = np.finfo(dtype)
    unit = Fraction(2) ** (max(e, int(info.minexp)) - int(info.nmant))
    return float(round(value / unit) * unit)  # halves to even


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("apart", [0, 20, 60])  # binades of a b and c
@pytest.mark.parametrize("bits", [53, 12, 3])  # few: sums half way, often
def test_fused(bits: int, apart: int, dtype: str) -> None:
    random = np.random.default_rng(bits + apart)
    info = np.finfo(dtype)
    for middle in (0, int(info.minexp) // 2, int(info.minexp) // 2 - 8):
        a, b, c = (
            np.ldexp(
                np.rint(random.uniform(-1, 1, 400) * 2.0**bits) / 2.0**bits,
                e + random.integers(-r, r + 1, 400),
            ).astype(dtype)
            for e, r in ((middle, 2), (middle, 2), (2 * middle, 2 + apart))
        )
        c[:100] = -(a * b)[:100]  # what a product loses
        got = fused(a, b, c)
        for x, y, z, w in zip(a, b, c, got, strict=True):
            assert w == fused_exactly(float(x), float(y), float(z), dtype)
