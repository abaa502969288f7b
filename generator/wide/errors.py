"""What a program in float64 is off by, on boxes of inputs.

Each operation is off by UNIT of its result: twice what IEEE 754 asks, for
compilers that divide by a root as they like, fuse, and multiply by
reciprocals.  The kernels are those of the runtime's `wide`.
"""

from __future__ import annotations

import math

import numpy as np

from ..numbers.floats import FloatFormat
from ..program.enclosed import constant
from ..program.program import Const
from ..program.program import Expr
from ..program.program import Op
from ..program.program import Program
from ..program.program import Var
from ..program.spans import Array
from ..program.spans import Real
from ..program.spans import Span
from ..program.spans import exponent
from ..program.spans import power2
from ..program.wide_programs import is_expm1
from ..program.wide_programs import is_one_minus_exp
from ..program.wide_programs import one_plus
from ..program.wide_programs import wide_enclosures

UNIT = Real(2) ** -52
SHORT = 2**30  # an integer, or a numerator, that no rounding made
TINY = Real(2) ** -1021  # what may be flushed, with exp(-708)
LARGEST = Real(2) ** 1000
MOST = Real(709)  # of an argument of `wide_exp`
GONE = Real(-700), Real(2) ** -1008  # below, exp and `wide_exp` are less

# exp(r) without r**10/10! + ..., |r| <= 0.3466; over exp(r) >= 0.707 that is
# 1.46 times the first of them.  Where |x| < 0.34 no power of two is taken
# out, and r = x.
EXP_NEAR, EXP_FAR = Real(0.34), Real(0.3466)
EXP_LEFT = Real(1.46) / math.factorial(10)
# log(m) = 2 (s + s**3/3 + ... + s**13/13), s = (m - 1) / (m + 1), which is at
# most 0.1716; what is left is below 1.04 times the next term.  m = t from
# sqrt(1/2) to sqrt(2).
LOG_NEAR = Real(0.70711), Real(1.41421)
LOG_FAR = Real(0.1716)
LOG_LEFT = Real(2 * 1.04) / 15


def ulps(program: Program, low: Array, high: Array, fmt: FloatFormat) -> Array:
    """The error on each box, in ulp of the narrow format."""
    with np.errstate(all="ignore"):
        exact = wide_enclosures(program, low, high)
        error = _error(program, low, exact)
        value = exact[program.statements[-1][0]]
        good = np.isfinite(error) & (value.size < LARGEST)
        least = np.where(value.least > 0, value.least, power2(fmt.emin))
        e = np.maximum(exponent(least), fmt.emin)
        found = error / power2(e - fmt.precision + 1)
        return np.where(good, found, Real(np.inf))


def _error(program: Program, low: Array, exact: dict[str, Span]) -> Array:
    zero = np.zeros_like(low)
    errors: dict[str, Array] = {program.input: zero}

    def span(node: Expr) -> Span:
        if isinstance(node, Const):
            return constant(node, zero + 1)
        assert isinstance(node, Var)
        return exact[node.name]

    def error(node: Expr) -> Array:
        if isinstance(node, Const):
            return zero + (0 if is_exact(node) else UNIT * span(node).size)
        assert isinstance(node, Var)
        return errors[node.name]

    for name, node in program.statements:
        assert isinstance(node, Op)
        made = exact[name]
        less = is_expm1(program, node) or is_one_minus_exp(program, node)
        if less is not None:
            errors[name] = _expm1(span(less), error(less), made) + TINY
            continue
        a, ea = span(node.args[0]), error(node.args[0])
        b, eb = span(node.args[-1]), error(node.args[-1])
        if node.name == "neg":
            errors[name] = ea
            continue
        if node.name in ("add", "sub"):
            carried = ea + eb
        elif node.name == "mul":
            carried = a.size * eb + b.size * ea + ea * eb
        elif node.name == "div":
            carried = (ea + made.size * eb) / np.maximum(b.least - eb, zero)
        elif node.name == "sqrt":
            carried = ea / np.sqrt(np.maximum(a.least - ea, zero))
        elif node.name == "exp":
            carried = _exp(a, ea, made)
        elif node.name == "log":
            plus = one_plus(program, node.args[0])
            carried = _log(a, ea, ea if plus is None else error(plus), made)
        else:
            raise ArithmeticError(node.name)
        size = made.size + carried
        errors[name] = carried + size * UNIT + TINY
        errors[name] = np.where(
            (size < LARGEST) & ~np.isnan(carried), errors[name], Real(np.inf)
        )
    return errors[program.statements[-1][0]]


def is_exact(node: Const) -> bool:
    """Whether float64 holds it, and it was not rounded to that."""
    top, bottom = abs(node.value.numerator), node.value.denominator
    return top < SHORT and bottom < SHORT and not bottom & (bottom - 1)


def _exp(a: Span, error: Array, made: Span) -> Array:
    size = a.size + error
    r = np.where(size < EXP_NEAR, size, EXP_FAR)
    own = EXP_LEFT * r**10 + (np.minimum(size, MOST) + 3) * UNIT / 2
    total = np.expm1(error) + own * np.exp(error)
    found = np.where(a.high + error < MOST, made.size * total, Real(np.inf))
    return np.where(a.high + error < GONE[0], GONE[1], found)


def _expm1(a: Span, error: Array, made: Span) -> Array:
    """Of exp(a) - 1, or of 1 - exp(a)."""
    size = a.size + error
    whole = Span(Real(0), 1 + made.size)
    r = np.minimum(size, EXP_NEAR)
    near = made.size * (EXP_LEFT * r**9 + 4 * UNIT) + whole.high * np.expm1(
        error
    )
    far = _exp(a, error, whole) + 2 * UNIT * (1 + made.size)
    return np.where(size < EXP_NEAR, near, far)


def _log(a: Span, error: Array, plus: Array, made: Span) -> Array:
    """Of log(t), or of log(1 + v) if `plus` is what v is off by."""
    near = (a.low - error > LOG_NEAR[0]) & (a.high + error < LOG_NEAR[1])
    off = np.where(near, plus, error)
    least = a.least - off
    s = np.where(near, np.minimum(made.size / 2, LOG_FAR), LOG_FAR)
    own = LOG_LEFT * s**15 + 4 * UNIT * made.size
    fine = (least > 0) & (a.low > 0)
    return np.where(fine, off / np.where(fine, least, 1) + own, Real(np.inf))
