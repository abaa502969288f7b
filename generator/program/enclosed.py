"""Enclosures of every value of a program over intervals of inputs.

By the mean value theorem: f(m) + f'(box) (x - m), the derivative by forward
differentiation (Moore, *Interval Analysis*, 1966, section 6.2).  Narrower
than interval arithmetic, where terms cancel.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from flint import arb
from flint import ctx

from ..numbers.floats import to_arb
from ..numbers.floats import to_fraction
from .flat import UNIT
from .program import Const
from .program import Expr
from .program import Op
from .program import Program
from .program import Var
from .spans import WIDEN
from .spans import Array
from .spans import Real
from .spans import Span
from .spans import power2
from .spans import real

Dual = tuple[Span, Span]  # a value and its derivative
BITS = 200  # of a constant that is no fraction
DIGITS = 53  # of numbers that are exact in arrays


def enclosures(
    program: Program,
    low: Array,
    high: Array,
    scaled: str | None = None,
    n: Array = 0,
) -> dict[str, Span]:
    """By name; the one that is `scaled` is multiplied by 2**-n."""
    middle = (low + high) / 2
    over = _run(program, Span(low, high), scaled, n)
    point = low == high
    at = _run(program, Span(middle, middle), scaled, n)
    reach = np.maximum(high - middle, middle - low) * (1 + WIDEN)
    found: dict[str, Span] = {}
    for name, (value, slope) in over.items():
        step = np.where(point, Real(0), slope.size * reach)
        step = np.where(np.isnan(step), Real(np.inf), step)
        narrow = Span.wide(at[name][0].low - step, at[name][0].high + step)
        found[name] = value.within(narrow)
    return found


def _run(
    program: Program, x: Span, scaled: str | None, n: Array
) -> dict[str, Dual]:
    one = np.ones_like(x.low)
    env: dict[str, Dual] = {program.input: (x, Span(one, one))}
    for name, node in program.statements:
        made = _value(node, env, one)
        if name == scaled:
            factor = power2(-n)
            made = made[0].scaled(factor), made[1].scaled(factor)
        elif name == UNIT:
            factor = power2(-n) * one
            made = Span(factor, factor), Span(0 * one, 0 * one)
        env[name] = made
    return env


def constant(node: Const, one: Array) -> Span:
    """A number in every lane."""
    value = real(node.value) * one
    top, bottom = abs(node.value.numerator), node.value.denominator
    odd = top // (top & -top) if top else 0
    if bottom & (bottom - 1) or odd.bit_length() > DIGITS:
        return Span.wide(value, value)
    return Span(value, value)


def number_of(node: Op) -> Fraction:
    """A function of a number, to so many bits that floats are those of it."""
    (inner,) = node.args
    assert isinstance(inner, Const)
    with ctx.workprec(BITS):
        made: arb = getattr(to_arb(inner.value), node.name)()
        return to_fraction(made)


def value_of(node: Expr, env: dict[str, Span], one: Array) -> Span:
    """Of one operation, from what its arguments are."""
    none = Span(0 * one, 0 * one)
    return _value(node, {k: (span, none) for k, span in env.items()}, one)[0]


def _value(node: Expr, env: dict[str, Dual], one: Array) -> Dual:
    zero = Span(0 * one, 0 * one)
    if isinstance(node, Var):
        return env[node.name]
    if isinstance(node, Const):
        return constant(node, one), zero
    assert isinstance(node, Op)
    args = [_value(a, env, one) for a in node.args]
    (a, da), (b, db) = args[0], args[-1]
    if node.name == "neg":
        return -a, -da
    if node.name == "add":
        return a + b, da + db
    if node.name == "sub":
        return a - b, da - db
    if node.name == "mul":
        if node.args[0] == node.args[1]:
            return a.square(), (a * da).scaled(Real(2))
        return a * b, a * db + b * da
    if node.name == "div":
        q = a / b
        return q, (da - q * db) / b
    if node.name == "sqrt":
        r = a.sqrt()
        return r, da / r.scaled(Real(2))
    if node.name == "exp":
        e = a.exp()
        return e, e * da
    if node.name == "log":
        return a.log(), da / a
    raise ArithmeticError(node.name)
