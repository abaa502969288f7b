"""size * t**power as a program of single operations, and its bound.

Of 1/sqrt(t) the quotient comes first: the root halves the relative error of
what it is taken of, and is rounded last.  It is that of t times a power of
two, which keeps the quotient in range and is taken out behind the root.
"""

from __future__ import annotations

from fractions import Fraction

from ..numbers.floats import FloatFormat
from ..program.forms import Form
from ..program.program import Const
from ..program.program import Expr
from ..program.program import Op
from ..program.program import Program
from ..program.program import Var
from .compensated import Programs
from .compensated import Search
from .compensated import SearchEndedError
from .compensated import divided

INPUT = "d"
SPARE_BITS = 16  # of sizes that are as good as 1


def first_term(
    power: Fraction, size: Fraction, infinite: bool, fmt: FloatFormat
) -> Program | None:
    """The program, of d; None if a number in it is no float.

    Args:
        infinite: whether d is large, and not small.
    """
    t, made = Var(INPUT), list[tuple[str, Expr]]()

    def put(way: str, *args: Expr) -> Var:
        made.append((f"p{len(made)}", Op(way, args)))
        return Var(made[-1][0])

    value: Expr = Const(size)
    if power.denominator == 2 and power < 0:
        # d goes from 2**(emin - p + 1) to 2**(emax + 1).
        k = (fmt.precision + SPARE_BITS) // 2 * (-1 if infinite else 1)
        near = Fraction(1, 2 ** (SPARE_BITS // 2))
        if not fmt.holds(size**2) or not near < size < 1 / near:
            return None
        held = put("mul", Const(Fraction(2) ** (2 * k)), t)
        root = put("sqrt", put("div", Const(size**2), held))
        value = put("mul", Const(Fraction(2) ** k), root)
    elif power.denominator == 2:
        value = put("mul", value, put("sqrt", t))
    for _ in range(int(abs(power))):
        value = put("mul" if power > 0 else "div", value, t)
    return Program(INPUT, tuple(made)) if made else None


def bound_of(
    program: Program,
    low: Fraction,
    high: Fraction,
    fmt: FloatFormat,
    truncation: float,
    goal: float,
) -> float | None:
    """What it is off by on [low, high], in ulp; None if above the goal."""
    search = Search(fmt, goal, goal, lambda: None)
    form = Form(program)
    known = Programs(form, search, "", truncation)
    try:
        found = known.bound(form, *divided(low, high, 0.0), goal)
    except SearchEndedError:
        return None
    return found if isinstance(found, float) else None
