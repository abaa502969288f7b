"""f at single points as a textbook would compute it, and errors in ulp."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from flint import arb
from flint import ctx

from ..errors import GeneratorError
from ..formula.derivative import derivative
from ..formula.exact import without_deltas
from ..numbers import special
from ..numbers.floats import FloatFormat
from ..numbers.floats import floor_log2_ball
from ..numbers.floats import power2
from ..numbers.floats import to_arb

Array = np.ndarray[Any, Any]
ArrayFunction = Callable[[Array], Array]


def _of_arb(function: Callable[[arb], arb]) -> Callable[[Array], Array]:
    """What NumPy has none of; rounded from arb it flatters the textbook."""
    return np.vectorize(
        lambda value: float(function(arb(float(value)))), otypes=[float]
    )


_NUMPY: dict[str, Callable[[Array], Array]] = {
    **{
        name: getattr(np, name)
        for name in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh")
    },
    "Abs": np.abs,
    "sign": np.sign,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "acot": lambda a: np.arctan(1 / a),
    "acoth": lambda a: np.arctanh(1 / a),
    "cot": lambda a: 1 / np.tan(a),
    "sec": lambda a: 1 / np.cos(a),
    "csc": lambda a: 1 / np.sin(a),
    "coth": lambda a: 1 / np.tanh(a),
    "sech": lambda a: 1 / np.cosh(a),
    "csch": lambda a: 1 / np.sinh(a),
    # NumPy has no erf; rounded from float64 it flatters the textbook.
    "erf": np.vectorize(math.erf, otypes=[float]),
    "erfc": np.vectorize(math.erfc, otypes=[float]),
    "lgamma": _of_arb(lambda a: special.at(-1, a)),
    "digamma": _of_arb(lambda a: special.at(0, a)),
    "polygamma1": _of_arb(lambda a: special.at(1, a)),
    "polygamma2": _of_arb(lambda a: special.at(2, a)),
    "erfinv": _of_arb(lambda a: special.inverse_at("erfinv", a)),
}


def array_type(dtype: str) -> np.dtype[Any]:
    """NumPy's type of a Keras dtype; of some only with ml_dtypes."""
    try:
        return np.dtype(dtype)
    except TypeError:
        import ml_dtypes  # Keras needs it too

        return np.dtype(getattr(ml_dtypes, dtype))


def textbook_function(
    expr: sympy.Expr,
    variable: sympy.Symbol,
    order: int,
    dtype: str | np.dtype[Any],
) -> ArrayFunction:
    """The `order`-th derivative of `expr` as one would type it into NumPy.

    Everything is computed in `dtype`, constants included: a float32 never
    becomes a float64 on the way.  Negative powers are divisions.

    Example:
        >>> f = textbook_function((sympy.exp(X) - 1) / X, X, 0, "float32")
        >>> f(np.float32([1e-8, 1.0]))
        array([0.       , 1.7182817], dtype=float32)
    """
    derived = derivative(expr, variable, order)
    derived = without_deltas(derived)
    kind = np.dtype(dtype).type

    def function(x: Array) -> Array:
        x = np.asarray(x, dtype)
        memo: dict[sympy.Expr, Array] = {variable: x}
        with np.errstate(all="ignore"):
            value = _naive(derived, kind, memo)
        return np.broadcast_to(value, x.shape)

    return function


def _naive(node: sympy.Expr, kind: Any, memo: dict[sympy.Expr, Array]) -> Array:
    if node not in memo:
        memo[node] = np.asarray(_node(node, kind, memo), kind)
    return memo[node]


def _constant(node: sympy.Expr, kind: Any) -> Any:
    try:
        if node.is_Rational:
            return kind(float(Fraction(int(node.p), int(node.q))))
        return kind(float(node))
    except OverflowError:  # as a literal would be
        return kind(math.copysign(math.inf, node))


def _node(node: sympy.Expr, kind: Any, memo: dict[sympy.Expr, Array]) -> Any:
    if node.is_number and node.is_Atom:
        return _constant(node, kind)
    if node.is_Add:
        total = _naive(node.args[0], kind, memo)
        for argument in node.args[1:]:
            total = total + _naive(argument, kind, memo)
        return total
    if node.is_Mul:
        return _product(node, kind, memo)
    if node.is_Pow:
        base, exponent = node.args
        if exponent.is_Rational and exponent < 0:
            return kind(1) / _naive(base**-exponent, kind, memo)
        if exponent == sympy.Rational(1, 2):
            return np.sqrt(_naive(base, kind, memo))
        values = _naive(base, kind, memo), _naive(exponent, kind, memo)
        return np.power(*values)
    name = node.func.__name__
    if node.is_Function and len(node.args) == 1 and name in _NUMPY:
        return _NUMPY[name](_naive(node.args[0], kind, memo))
    raise GeneratorError(
        "Cannot evaluate in NumPy: expected arithmetic and known functions "
        f"of one argument, received {node}."
    )


def _product(node: sympy.Expr, kind: Any, memo: dict[sympy.Expr, Array]) -> Any:
    """Numerator over denominator, as it would be written down."""
    above, below = kind(1), None
    for factor in node.args:
        power = factor.exp if factor.is_Pow else None
        if power is not None and power.is_Rational and power < 0:
            value = _naive(factor.base**-power, kind, memo)
            below = value if below is None else below * value
        elif factor.is_Rational and factor.p in (1, -1) and factor.q != 1:
            value = _constant(1 / abs(factor), kind)
            above = above * kind(int(factor.p))
            below = value if below is None else below * value
        else:
            above = above * _naive(factor, kind, memo)
    return above if below is None else above / below


def ulp_error(got: float, want: arb, fmt: FloatFormat) -> float:
    """``|got - want| / ulp(want)`` as docs/design.md defines it.

    The unit is that of the smallest normal number below it, where 0 is
    exact; an infinity of the right sign is exact above the largest.  nan
    and a wrong infinity are inf.
    """
    if math.isnan(got):
        return math.inf
    with ctx.workprec(160):
        largest = to_arb(fmt.max_finite)
        above = abs(want) > largest
        if math.isinf(got):
            right = (got > 0) == bool(want > 0)
            return 0.0 if above and right else math.inf
        small = want.abs_upper() < to_arb(fmt.smallest_normal)
        if small and got == 0:
            return 0.0
        if above:  # its own ulp would be that of a binade there is not
            exponent = fmt.emax
        else:
            exponent = fmt.emin if small else floor_log2_ball(want)
    with ctx.workprec(2400):
        unit = power2(fmt.ulp_exponent(exponent))
        return float((abs(arb(got) - want) / unit).abs_upper())
