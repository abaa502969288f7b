"""The recipes as a table: textbook formulas and places to look at."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from itertools import product

import numpy as np
from mpmath import mp
from mpmath import mpf

import keras_stablef as ks

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Row:
    """One recipe.

    Attributes:
        textbook: over mpmath numbers.
        places: the arguments' values; their product, or rows of a list.
        line: the singular line, in words.
        nudged: arguments that are moved off it for the oracle.
        most: units that an error may have; more than 8 where an exponential
            of a number of that size is taken, which is off by up to it.
        most_double: the same in float64, where it is known to be more.
        terms: what is added up, of the value (-1) and of partial
            derivatives by their number: where these cancel far from the
            line, the unit is the largest one's ulp.
        function: what is measured, the recipe of that name by default.
    """

    name: str
    textbook: Callable
    places: Sequence
    line: str
    nudged: tuple[int, ...]
    most: float = 8.0
    most_double: float = 0.0
    terms: dict[int, Callable] = field(default_factory=dict)
    function: Callable | None = None

    @property
    def recipe(self) -> Callable:
        return self.function or getattr(ks.recipes, self.name)

    def arguments(self, dtype: str) -> list[Array]:
        """The places as arrays of one length, of floats of the dtype."""
        rows = [row for block in self.places for row in product(*block)]
        return [np.array(column, dtype) for column in zip(*rows, strict=True)]


def near(center: float, *more: float) -> list[float]:
    """A place, what is beside it in 8 decades, and some further."""
    steps = [10.0**-k for k in (1, 2, 3, 5, 7)]
    beside = [center + s * h for h in steps for s in (-1, 1)]
    return [center, center + 1e-20, *beside, *more]


def log1p(z: mpf) -> mpf:
    return mp.log(1 + z)


def boxcox(x: mpf, k: mpf) -> mpf:
    return (x**k - 1) / k


def yeo_johnson(x: mpf, k: mpf) -> mpf:
    return boxcox(1 + x, k) if x >= 0 else -boxcox(1 - x, 2 - k)


def yeo_johnson_inverse(y: mpf, k: mpf) -> mpf:
    sign, power = (1, k) if y >= 0 else (-1, 2 - k)
    return sign * ((1 + power * abs(y)) ** (1 / power) - 1)


def reduced(z: mpf, k: mpf) -> mpf:
    return log1p(k * z) / k


def by_shape(z: mpf, k: mpf) -> mpf:
    return (z / (1 + k * z) - reduced(z, k)) / k


def pareto(x: mpf, k: mpf, s: mpf) -> mpf:
    return -(1 + k) * reduced(x / s, k) - mp.log(s)


def extreme(x: mpf, k: mpf, m: mpf, s: mpf) -> mpf:
    t = reduced((x - m) / s, k)
    return -(1 + k) * t - mp.exp(-t) - mp.log(s)


def extreme_terms(x: mpf, k: mpf, m: mpf, s: mpf) -> tuple:
    """z, exp(-s), 1 + shape and ``1/(1 + shape z)``."""
    z = (x - m) / s
    return z, mp.exp(-reduced(z, k)), 1 + abs(k), 1 / (1 + k * z)


def extreme_pull(*args: mpf) -> mpf:
    _, e, k, slope = extreme_terms(*args)
    return max(e, k) * slope / args[3]


def entropy(y: mpf, m: mpf) -> mpf:
    return y * mp.log(y / m) - y + m


def binomial(y: mpf, m: mpf, a: mpf) -> mpf:
    return 2 * (
        y * mp.log(y / m) - (y + 1 / a) * mp.log((1 + a * y) / (1 + a * m))
    )


def tweedie(y: mpf, m: mpf, p: mpf) -> mpf:
    first = y ** (2 - p) / ((1 - p) * (2 - p))
    return 2 * (first - y * m ** (1 - p) / (1 - p) + m ** (2 - p) / (2 - p))


def vasicek(r: mpf, k: mpf, m: mpf, s: mpf, t: mpf) -> mpf:
    b = (1 - mp.exp(-k * t)) / k
    square = (t - 2 * b + (1 - mp.exp(-2 * k * t)) / (2 * k)) / k**2
    return -b * r - (t - b) * m + s**2 / 2 * square


def vasicek_terms(r: mpf, k: mpf, m: mpf, s: mpf, t: mpf) -> mpf:
    return max(abs(v) for v in (r * t, m * t, s**2 * t**3 / 6))


def normal(x: mpf, m: mpf, s: mpf, low: mpf, high: mpf) -> mpf:
    a, b = ((v - m) / s / mp.sqrt(2) for v in (low, high))
    if a + b < 0:
        a, b = -b, -a
    mass = (mp.erfc(a) - mp.erfc(b)) * mp.sqrt(mp.pi / 2)
    return -(((x - m) / s) ** 2) / 2 - mp.log(s * mass)


def to_mode(x: mpf, m: mpf, s: mpf, low: mpf, high: mpf) -> tuple:
    """Distance from the mode, the mode's own, and log(density) terms."""
    mode = min(max(low, m), high)
    return abs(x - mode) / s, abs(mode - m) / s


def normal_terms(*args: mpf) -> mpf:
    t, mode = to_mode(*args)
    width = min(args[2], args[4] - args[3])
    return max(t * (mode + t / 2), abs(mp.log(width / (1 + mode))))


def logistic(x: mpf, m: mpf, s: mpf, w: mpf) -> mpf:
    low, high = ((x + v - m) / s for v in (-w / 2, w / 2))
    return mp.log(1 / (1 + mp.exp(-high)) - 1 / (1 + mp.exp(-low)))


SHAPES = [*near(0.0), -0.3, 0.5, 1.0]
ROWS = (
    Row(
        "box_cox",
        boxcox,
        [([0.01, 0.7, 1.0000001, 1.3, 50.0], near(0.0, -2.0, 1.0, 2.0))],
        "lmbda = 0",
        (1,),
    ),
    Row(
        "box_cox_inverse",
        lambda y, k: (1 + k * y) ** (1 / k),
        [([-2.0, -1e-6, 1e-3, 0.4, 3.0], near(0.0, 0.3, -0.3, 0.45))],
        "lmbda = 0",
        (1,),
        most=20,
    ),
    Row(
        "yeo_johnson",
        yeo_johnson,
        [
            ([1e-7, 0.3, 20.0], near(0.0, -2.0, 1.0, 2.0)),
            ([-1e-7, -0.3, -20.0], near(2.0, 4.0, 1.0, 0.0)),
        ],
        "lmbda = 0, 2",
        (1,),
        most=12,
    ),
    Row(
        "yeo_johnson_inverse",
        yeo_johnson_inverse,
        [
            ([1e-7, 0.3, 3.0], near(0.0, -0.2, 1.0, 2.0)),
            ([-1e-7, -0.3, -3.0], near(2.0, 2.2, 1.0, 0.0)),
        ],
        "lmbda = 0, 2",
        (1,),
        most=24,
    ),
    Row(
        "gpd_log_prob",
        pareto,
        [([1e-6, 0.4, 3.0], SHAPES, [1.0, 1.5])],
        "shape = 0",
        (1,),
        terms={
            -1: lambda x, k, s: abs(mp.log(s)),
            1: lambda x, k, s: max(
                abs(reduced(x / s, k)), abs((1 + k) * by_shape(x / s, k))
            ),
        },
    ),
    Row(
        "gpd_cdf",
        lambda x, k, s: 1 - (1 + k * x / s) ** (-1 / k),
        [([1e-6, 0.4, 3.0], SHAPES, [1.0, 1.5])],
        "shape = 0",
        (1,),
    ),
    Row(
        "gpd_quantile",
        lambda p, k, s: s * ((1 - p) ** -k - 1) / k,
        [([1e-6, 0.4, 0.99], SHAPES, [1.0, 1.5])],
        "shape = 0",
        (1,),
    ),
    Row(
        "gev_log_prob",
        extreme,
        [([-0.5, 1e-3, 2.5], SHAPES, [0.0, 0.25], [1.0, 1.5])],
        "shape = 0",
        (1,),
        terms={
            -1: lambda *a: max(extreme_terms(*a)[1:3]),
            0: extreme_pull,
            1: lambda *a: max(
                extreme_pull(*a)
                / extreme_terms(*a)[3]
                * a[3]
                * abs(by_shape(extreme_terms(*a)[0], a[1])),
                abs(extreme_terms(*a)[0]),
            ),
            2: extreme_pull,
            3: lambda *a: max(
                1 / a[3], abs(extreme_terms(*a)[0]) * extreme_pull(*a)
            ),
        },
    ),
    Row(
        "gev_cdf",
        lambda x, k, m, s: mp.exp(-mp.exp(-reduced((x - m) / s, k))),
        [([-0.5, 1e-3, 2.5], SHAPES, [0.0, 0.25], [1.0, 1.5])],
        "shape = 0",
        (1,),
    ),
    Row(
        "gev_quantile",
        lambda p, k, m, s: m + s * ((-mp.log(p)) ** -k - 1) / k,
        [([1e-3, 0.2, 0.6, 0.999], SHAPES, [0.0, 0.25], [1.0, 1.5])],
        "shape = 0",
        (1,),
        most=12,
        terms={-1: lambda p, k, m, s: max(m, s)},
    ),
    Row(
        "log_sub_exp",
        lambda a, b: mp.log(mp.exp(a) - mp.exp(b)),
        [
            ([1.0], [1 - 2.0**-k for k in range(1, 24)]),
            ([-20.0, 0.25, 80.0], [-60.0, -21.0, -20.0001]),
            ([80.0], [-5.0, 60.0, 79.0, 79.999]),
        ],
        "a = b",
        (),
        terms={-1: lambda a, b: max(abs(a), abs(mp.log(a - b)))},
    ),
    Row(
        "exp_divided_difference",
        lambda a, b: (mp.exp(a) - mp.exp(b)) / (a - b),
        [
            ([0.5], near(0.5, -8.0, 8.0)),
            ([-3.0], near(-3.0, -8.0, 8.0)),
        ],
        "a = b",
        (1,),
    ),
    Row(
        "logarithmic_mean",
        lambda a, b: (a - b) / mp.log(a / b),
        [([1.0], near(1.0, 1e-8, 40.0)), ([7.0], near(7.0, 1e-8, 40.0))],
        "a = b",
        (1,),
    ),
    Row(
        "poisson_deviance",
        lambda y, m: 2 * entropy(y, m),
        [([1.0], near(1.0, 30.0, 1e-6)), ([1e-6, 700.0], near(700.0, 1.0))],
        "y = mean",
        (1,),
    ),
    Row(
        "gamma_deviance",
        lambda y, m: 2 * ((y - m) / m - mp.log(y / m)),
        [([1.0], near(1.0, 30.0, 1e-6)), ([1e-6, 700.0], near(700.0, 1.0))],
        "y = mean",
        (1,),
    ),
    Row(
        "bernoulli_deviance",
        lambda y, m: 2 * (entropy(y, m) + entropy(1 - y, 1 - m)),
        [
            ([0.5], near(0.5, 0.999)),
            ([0.001, 0.999], [*near(0.5), 0.001001, 0.999001]),
        ],
        "y = mean",
        (1,),
    ),
    Row(
        "negative_binomial_deviance",
        binomial,
        [
            ([3.0], near(3.0, 0.1, 50.0), [0.0, 1e-20, 1e-6, 1e-2, 1.0, 30.0]),
            ([0.01, 200.0], [3.0], [0.0, 1e-20, 1e-6, 1e-2, 1.0, 30.0]),
        ],
        "y = mean, alpha = 0",
        (1, 2),
    ),
    Row(
        "tweedie_deviance",
        tweedie,
        [
            ([3.0], [2.9999, 3.0, 3.1, 0.1, 50.0], near(1.0, 1.5)),
            ([3.0], [2.9999, 3.0, 3.1, 0.1, 50.0], near(2.0, 0.0, 3.0)),
        ],
        "power = 1, 2, y = mean",
        (1, 2),
        most_double=12,  # mean**-3 is exp(-12)
        terms={
            2: lambda y, m, p: max(
                abs(mp.log(m) * tweedie(y, m, p)),
                abs(mp.log(y) * tweedie(y, m, p)),
            )
        },
    ),
    Row(
        "vasicek_duration",
        lambda k, t: (1 - mp.exp(-k * t)) / k,
        [(near(0.0, 2.0, -0.5), [0.1, 1.0, 10.0])],
        "kappa = 0",
        (0,),
    ),
    Row(
        "vasicek_log_price",
        vasicek,
        [([0.03, -0.01], near(0.0, 0.3, 2.0), [0.05], [0.02], [0.1, 1, 10.0])],
        "kappa = 0",
        (1,),
        terms={
            -1: vasicek_terms,
            1: lambda *a: a[4] * vasicek_terms(*a),
            4: lambda *a: vasicek_terms(*a) / a[4],
        },
    ),
    Row(
        "truncated_normal_log_prob",
        normal,
        [
            ([0.5, 0.50001], [0.0], [1.0, 2.0], [0.4999, 0.5], [0.5001, 7]),
            ([50.001, 50.01], [0.0], [1.0], [50.0, 20], [50.02, 60.0]),
            ([-50.01], [0.5], [1.0], [-50.02, -60.0], [-50.0, 20]),
            ([1.0], [0.0, 0.9], [1.0], [-1.0, -30.0], [1.25, 30.0]),
        ],
        "low = high, both tails",
        (),
        most=16,
        most_double=1500,
        terms={
            -1: normal_terms,
            1: lambda *a: max(to_mode(*a)[0], 1 / (2 + to_mode(*a)[1])) / a[2],
            2: lambda *a: (
                (1 + 2 * to_mode(*a)[1])
                * max(to_mode(*a)[0], 1 / (2 + to_mode(*a)[1]))
                / a[2]
            ),
        },
    ),
    Row(
        "discretized_logistic_log_prob",
        logistic,
        [
            (
                [-60.0, -0.5, 1e-4, 0.3, 60.0],
                [0.0, 0.25],
                [1.0, 0.4],
                [1e-7, 1e-4, 2 / 255, 0.5, 20.0],
            )
        ],
        "width = 0, both tails",
        (),
        most=25,
        terms={
            2: lambda *a: 1 / a[2],
        },
    ),
)
NAMES = [row.name for row in ROWS]
