"""The catalogue as the tests know it: formulas of their own, for the oracle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy

X = sympy.Symbol("x", real=True)
INF = float("inf")


@dataclass(frozen=True)
class Case:
    """One function: formula, domain, and known values of f, f', f''."""

    name: str
    formula: str
    low: float = -INF
    high: float = INF
    # x: (f, f', f''), None where a value is not finite or not asked for
    known: tuple[tuple[float, tuple[float | None, ...]], ...] = ()

    @property
    def expr(self) -> sympy.Expr:
        """The formula in sympy."""
        return sympy.sympify(self.formula, locals={"x": X}, rational=True)

    def inside(self, xs: np.ndarray) -> np.ndarray:
        """Those of `xs` in the open domain; no subnormals but 0.

        XLA and TensorFlow read subnormal inputs as 0.
        """
        tiny = np.finfo(xs.dtype).tiny
        keep = (xs > self.low) & (xs < self.high)
        kept: np.ndarray = xs[keep & ((np.abs(xs) >= tiny) | (xs == 0))]
        return kept


CASES = {
    c.name: c
    for c in (
        Case(
            "stablef",
            "1/(1-exp(-x)) - 1/x",
            known=(
                (0, (0.5, 1 / 12, 0)),
                (-INF, (0, 0, 0)),
                (INF, (1, 0, 0)),
            ),
        ),
        Case(
            "exprel",
            "(exp(x)-1)/x",
            known=(
                (0, (1, 0.5, 1 / 3)),
                (-INF, (0, 0, 0)),
                (INF, (INF, INF, INF)),
            ),
        ),
        Case(
            "log1prel",
            "log(1+x)/x",
            low=-1,
            known=(
                (0, (1, -0.5, 2 / 3)),
                (-1, (INF, -INF, INF)),
                (INF, (0, 0, 0)),
            ),
        ),
        Case(
            "bernoulli_function",
            "x/(exp(x)-1)",
            known=(
                (0, (1, -0.5, 1 / 6)),
                (-INF, (INF, -1, 0)),
                (INF, (0, 0, 0)),
            ),
        ),
        Case(
            "langevin",
            "1/tanh(x) - 1/x",
            known=(
                (0, (0, 1 / 3, 0)),
                (-INF, (-1, 0, 0)),
                (INF, (1, 0, 0)),
            ),
        ),
        Case("sinc", "sin(x)/x", -100, 100, ((0, (1, 0, -1 / 3)),)),
        Case(
            "cos_versine_ratio",
            "(1-cos(x))/x**2",
            -6,
            6,
            ((0, (0.5, 0, -1 / 12)),),
        ),
        Case(
            "so3_cubic",
            "(x-sin(x))/x**3",
            -6,
            6,
            ((0, (1 / 6, 0, -1 / 60)),),
        ),
        Case("phi2", "(exp(x)-1-x)/x**2", known=((0, (0.5, 1 / 6, 1 / 12)),)),
        Case(
            "phi3",
            "(exp(x)-1-x-x**2/2)/x**3",
            known=((0, (1 / 6, 1 / 24, 1 / 60)), (-INF, (0, 0, 0))),
        ),
        Case(
            "log_exprel",
            "log((exp(x)-1)/x)",
            known=((0, (0, 0.5, 1 / 12)), (-INF, (-INF, 0, 0))),
        ),
        Case(
            "continuous_bernoulli_variance",
            "1/x**2 - exp(-x)/(1-exp(-x))**2",
            known=((0, (1 / 12, 0, -1 / 120)), (INF, (0, 0, 0))),
        ),
        Case(
            "log1mexp",
            "log(1-exp(-x))",
            low=0,
            known=((0, (-INF, INF, -INF)), (INF, (0, 0, 0))),
        ),
        Case(
            "softplus_inverse",
            "log(exp(x)-1)",
            low=0,
            known=((0, (-INF, INF, -INF)), (INF, (INF, 1, 0))),
        ),
        Case(
            "log_cosh",
            "log(cosh(x))",
            known=((0, (0, 0, 1)), (INF, (INF, 1, 0)), (-INF, (INF, -1, 0))),
        ),
        Case("tanhc", "tanh(x)/x", known=((0, (1, 0, -2 / 3)),)),
        Case("log_sinhc", "log(sinh(x)/x)", known=((0, (0, 0, 1 / 3)),)),
        Case(
            "two_sqrt",
            "sqrt(x+1) - sqrt(x)",
            low=0,
            known=((0, (1, -INF, INF)), (INF, (0, 0, 0))),
        ),
        Case(
            "two_frac",
            "1/(x+1) - 1/x",
            low=0,
            known=((0, (-INF, INF, -INF)), (INF, (0, 0, 0))),
        ),
        Case(
            "exp_second_difference",
            "exp(x) - 2 + exp(-x)",
            known=((0, (0, 0, 2)), (INF, (INF, INF, INF))),
        ),
        Case(
            "cotangent_remainder",
            "1/x - 1/tan(x)",
            -3,
            3,
            ((0, (0, 1 / 3, 0)),),
        ),
        Case(
            "log_ratio",
            "log((1-x)/(1+x))",
            -1,
            1,
            ((0, (0, -2, 0)), (1, (-INF, -INF, -INF)), (-1, (INF, -INF, INF))),
        ),
        Case(
            "two_atan",
            "atan(x+1) - atan(x)",
            known=((INF, (0, 0, 0)), (-INF, (0, 0, 0))),
        ),
        Case(
            "asinh",
            "log(x + sqrt(x**2+1))",
            known=((0, (0, 1, 0)), (-INF, (-INF, 0, 0))),
        ),
        Case(
            "log_over_xm1",
            "log(x)/(x-1)",
            low=0,
            known=((1, (1, -0.5, 2 / 3)), (0, (INF, -INF, INF))),
        ),
        Case(
            "pseudo_huber",
            "sqrt(1+x**2) - 1",
            known=((0, (0, 0, 1)), (INF, (INF, 1, 0))),
        ),
    )
}

# Functions the engine has no entry for, one for each kind of difficulty.
OTHERS = {
    c.name: c
    for c in (
        Case("asinc", "asin(x)/x", -1, 1),
        Case("two_points", "(x**3-x)/sin(pi*x)", -1.5, 1.5),
        Case("at_log2", "(exp(x)-2)/(x-log(2))"),
        Case("cbrt_difference", "(x+1)**(1/3) - x**(1/3)", 0),
        Case("erf_ratio", "erf(x)/x"),
        Case("triple_zero", "x - sin(x)", -10, 10),
        Case("entropy", "-x*log(x) - (1-x)*log(1-x)", 0, 1),
        Case("gelu", "x*(1+erf(x/sqrt(2)))/2"),
        Case("einstein", "x**2*exp(x)/(exp(x)-1)**2"),
        Case("power_third", "(x**(1/3)-1)/(x-1)", 0),
        Case("sqrt_abs", "sqrt(x**2+1) - Abs(x)"),
        Case("essential_end", "exp(-1/x)/x**2", 0),
        Case("gregory", "1/log(1+x) - 1/x", -1),
    )
}
