"""Enclosures of every value of a program over an interval of inputs.

By the mean value theorem: f(m) + f'(box) (x - m), the derivative by forward
differentiation in balls (Moore, *Interval Analysis*, 1966, section 6.2).
Narrower than interval arithmetic, where terms cancel.
"""

from __future__ import annotations

from fractions import Fraction

from flint import arb

from ..numbers.floats import to_arb
from .flat import UNIT
from .program import Const
from .program import Expr
from .program import Op
from .program import Program
from .program import Var

Dual = tuple[arb, arb]  # a value and its derivative
ZERO = arb(0)


def enclosures(
    program: Program,
    low: Fraction,
    high: Fraction,
    scaled: str | None = None,
    n: int = 0,
) -> dict[str, arb]:
    """By name; the one that is `scaled` is multiplied by 2**-n."""
    middle = (low + high) / 2
    box = to_arb(low).union(to_arb(high))
    at = _run(program, to_arb(middle), scaled, n)
    over = _run(program, box, scaled, n)
    reach = arb(0, to_arb((high - low) / 2).abs_upper())
    found: dict[str, arb] = {}
    for name, (value, slope) in over.items():
        narrow = at[name][0] + slope * reach
        if not narrow.is_finite():
            narrow = value
        elif value.is_finite():
            narrow = narrow.intersection(value)
        found[name] = narrow
    return found


def _run(
    program: Program, x: arb, scaled: str | None, n: int
) -> dict[str, Dual]:
    env: dict[str, Dual] = {program.input: (x, arb(1))}
    for name, node in program.statements:
        made = _value(node, env)
        if name == scaled:
            factor = arb((1, -n))
            made = made[0] * factor, made[1] * factor
        elif name == UNIT:
            made = arb((1, -n)), ZERO
        env[name] = made
    return env


def _value(node: Expr, env: dict[str, Dual]) -> Dual:
    if isinstance(node, Var):
        return env[node.name]
    if isinstance(node, Const):
        return to_arb(node.value), ZERO
    assert isinstance(node, Op)
    args = [_value(a, env) for a in node.args]
    (a, da), (b, db) = args[0], args[-1]
    if node.name == "neg":
        return -a, -da
    if node.name == "add":
        return a + b, da + db
    if node.name == "sub":
        return a - b, da - db
    if node.name == "mul":
        if node.args[0] == node.args[1]:
            return a**2, 2 * a * da
        return a * b, a * db + b * da
    if node.name == "div":
        q = a / b
        return q, (da - q * db) / b
    if node.name == "sqrt":
        r = a.sqrt()
        return r, da / (2 * r)
    if node.name == "exp":
        e = a.exp()
        return e, e * da
    if node.name == "log":
        return a.log(), da / a
    raise ArithmeticError(node.name)
