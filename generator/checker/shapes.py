"""The shape of bodies: what stands in each place has to be of one kind.

Everything that the analysis says of a body rests on what its parts are: what
is decided is decided on the input itself, not on a number that was rounded;
exponents stay whole numbers that only powers of two are made of; a number of
the source is of the body's format, and nothing is computed of two of them,
which Python would do in double.  So every expression gets a kind (`Kind`):
`CALLS` and `EXPONENTS` say of each operation what it takes and gives, and
shaped.py looks at the statements.  What lowering never writes has no kind and
is refused, whether or not it would compute f.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace

LARGEST_EXPONENT = 2.0**22  # float32 and int32 hold its neighbours
OF_A_FLOAT = 2.0**12  # above the exponent of any float
CLAMPED = 252.0  # at least: beyond the exponents of float32
TURNS = {(1.0, -1.0), (-1.0, 1.0)}
HALF = ("literal", (0.5,))


@dataclass(frozen=True)
class Kind:
    """What an expression is.

    input    x, or what exact steps make of it
    number   any computed float
    literal  a Python number            literals  a tuple of such
    constant a tensor of one            filled    the same in x's shape
    truth    a comparison               step      c where x < 0, d elsewhere
    whole    an exponent                level     of `_level_of`
    ratio    an exponent / q, + 1/2     floored   the integer below that
    pair     two floats                 logs      of `_pair_log`
    factor   two constants
    and words, counts, tables, levels: arguments of primitives.

    Attributes:
        values: the numbers of literals, constants, steps and levels.
        most: of exponents, what they cannot exceed.
        steps: of inputs: 0 is x but for its sign, 1 held inside an
            interval, 2 moved by a number.
    """

    name: str
    values: tuple[float, ...] = ()
    most: float = 0.0
    steps: int = 0


NUMBER, PAIR, TRUTH = Kind("number"), Kind("pair"), Kind("truth")
INPUT = Kind("input")
WHOLE = Kind("whole", most=OF_A_FLOAT)
Result = Callable[..., "Kind | None"]  # of the arguments' kinds
FLOATS = "number input filled"  # tensors of x's shape
TENSORS = f"{FLOATS} constant"

# -- what operations take, and what they give -----------------------------


def _held(a: Kind, *ends: Kind) -> Kind | None:
    values = [v for kind in ends for v in kind.values]
    if sorted(set(values)) != values:  # low < high
        return None
    return replace(a, steps=max(a.steps, 1))


def _clamped(a: Kind, low: Kind, high: Kind, *more: Kind) -> Kind | None:
    """An exponent that leaves the range of the format in any case."""
    del more
    (below,), (above,) = low.values, high.values
    if not (below == -above and above >= CLAMPED and _is_whole(above)):
        return None
    return replace(a, most=min(a.most, above))


def _divided(a: Kind, b: Kind, *more: Kind) -> Kind | None:
    """An exponent, and the root that is taken: n is a multiple of it."""
    del more
    (q,) = b.values
    return Kind("ratio", most=a.most) if q > 1 and _is_whole(q) else None


def _unsigned(a: Kind) -> Kind | None:
    return a if not a.steps else None


POWER_ROW = ("input", "literals", "count", "literal", "numbers", "levels")
# Each signature: the kinds of the arguments, and the result.  Some arguments
# are looked at as they stand (shaped.py): "dtype" is the body's own, "count" a
# whole number, "sign" x < 0 or x > 0, "bare" a name of x but for its sign,
# "end" a number that float32 has, "short" one where the body is in float32,
# "bound" one that may be subnormal, "quotient" a call of it, "table" the rows
# of the body, "numbers" coefficients and "sequence" at least two: one alone
# would stay Python's.

# Where exponents ("whole") may stand; otherwise they are added, subtracted and
# multiplied by whole numbers (`exponents`).
EXPONENTS: dict[str, list[tuple[tuple[str, ...], Kind | Result]]] = {
    "_scale_by_power": [((FLOATS, "whole", "dtype"), NUMBER)],
    "_pair_log": [((FLOATS, "whole", "dtype"), Kind("logs"))],
    "_clamp": [(("whole", "bound", "bound", "dtype"), _clamped)],
    "_quotient": [(("whole", "literal", "dtype"), _divided)],
    "ops.floor": [(("ratio",), lambda a: replace(a, name="floored"))],
    "ops.cast": [(("floored", "dtype"), lambda a, _: replace(a, name="whole"))],
}
# Of the input ("input") what is decided; of all else what is computed.
CALLS: dict[str, list[tuple[tuple[str, ...], Kind | Result]]] = {
    "ops.abs": [(("input",), _unsigned), (("quotient",), NUMBER)],
    "ops.clip": [(("input", "end", "end"), _held)],
    "_clamp": [(("input", "bound", "bound", "dtype"), _held)],
    "ops.maximum": [(("input", "short"), _held)],
    "ops.minimum": [(("input", "short"), _held)],
    "ops.isnan": [(("bare",), TRUTH)],
    "ops.logical_and": [(("truth", "truth"), TRUTH)],
    "ops.cast": [(("sign", "dtype"), Kind("step", (0.0, 1.0)))],
    "_level_of": [
        (
            ("input", "literals", "factors", "dtype"),
            lambda a, b, c, _: (
                Kind("level", c.values)
                if len(c.values) == len(b.values) + 1
                else None
            ),
        )
    ],
    "_split_exponent": [(("input", "count", "dtype"), WHOLE)],
    "_split_subnormal": [(("input", "count", "dtype"), WHOLE)],
    "_local_polynomials": [(("input", "table", "dtype"), NUMBER)],
    "_power_row": [((*POWER_ROW, "dtype"), NUMBER)],
    "_log_rows": [(("logs", "table", "dtype"), PAIR)],
    # What is computed.
    "ops.exp": [((FLOATS,), NUMBER)],
    "ops.zeros_like": [((FLOATS,), Kind("filled", (0.0,)))],
    "_square_root": [((FLOATS, "dtype"), NUMBER)],
    "_once": [((FLOATS, "dtype"), NUMBER)],
    "_fixed": [((FLOATS, "dtype"), NUMBER)],
    "_quotient": [
        ((FLOATS, f"{FLOATS} literal", "dtype"), NUMBER),
        ((f"{FLOATS} literal", FLOATS, "dtype"), NUMBER),
    ],
    "_horner": [(("sequence", FLOATS), NUMBER)],
    "_two_sum": [((FLOATS, f"{FLOATS} literal"), PAIR)],
    "_pair_sum": [(("pair logs", "pair logs"), PAIR)],
    "_pair_product": [(("pair logs", "pair logs factor", "dtype"), PAIR)],
    "_pair_quotient": [(("pair logs", "pair logs", "dtype"), PAIR)],
    "_pair_power": [(("pair", "count", "dtype"), PAIR)],
    "_pair_root": [((FLOATS, "count", "dtype"), PAIR)],
    "_pair_exp": [(("pair", "dtype"), WHOLE)],
}
# Results that two names take: the first is this, the second the exponent.
TWO = {"_split_exponent": NUMBER, "_split_subnormal": NUMBER, "_pair_exp": PAIR}


# -- what + - * give ------------------------------------------------------


def computed(way: str, a: Kind, b: Kind) -> Kind | None:
    """The kind of a sum, a difference or a product; None where it is none."""
    for rule in (_exponents, _steps, _inputs):
        found = rule(way, a, b)
        if found is not None:
            return found
    if {a.name, b.name} in ({"level", "number"}, {"level", "input"}):
        return NUMBER if way == "*" else None
    names = {a.name, b.name}
    known = names <= {*FLOATS.split(), "literal"}
    return NUMBER if known and names != {"literal"} else None


def _exponents(way: str, a: Kind, b: Kind) -> Kind | None:
    """n + m, n + c, c * n: whole numbers, far from where floats have gaps."""
    if "whole" in (a.name, b.name):
        sizes = [_size(a), _size(b)]
        if way != "*":
            most = sum(sizes)
        elif a.name == "literal":
            most = sizes[0] * sizes[1]
        else:
            return None
        return replace(WHOLE, most=most) if most < LARGEST_EXPONENT else None
    if way == "+" and a.name == "ratio" and (b.name, b.values) == HALF:
        return a
    return None


def _size(a: Kind) -> float:
    """The largest of an exponent, or of whole numbers."""
    if a.name == "whole":
        return a.most
    if a.name in ("literal", "level") and all(map(_is_whole, a.values)):
        return max(map(abs, a.values))
    return float("inf")


def _is_whole(value: float) -> bool:
    return abs(value) < LARGEST_EXPONENT and value == int(value)


def _steps(way: str, a: Kind, b: Kind) -> Kind | None:
    """What is one of two numbers, by the sign of x."""
    if "step" not in (a.name, b.name):
        return None
    if "literal" in (a.name, b.name):
        ways = {
            "+": lambda x, y: x + y,
            "-": lambda x, y: x - y,
            "*": lambda x, y: x * y,
        }
        values = [[v for v in (*k.values, *k.values)][:2] for k in (a, b)]
        made = tuple(ways[way](x, y) for x, y in zip(*values, strict=True))
        return Kind("step", made) if all(abs(v) <= 4 for v in made) else None
    step, other = (a, b) if a.name == "step" else (b, a)
    if other.name == "input" and not other.steps:
        return other if way == "*" and step.values in TURNS else None
    return NUMBER if other.name in ("number", "filled") else None


def _inputs(way: str, a: Kind, b: Kind) -> Kind | None:
    """A distance from a number; of a constant the shape of x."""
    if a.name == "input" and b.name == "literal" and way != "*":
        return replace(a, steps=2) if a.steps < 2 else NUMBER
    if (way, b.name, b.values) == ("+", "filled", (0.0,)):
        if a.name in ("literal", "constant"):
            return replace(a, name="filled")
        return NUMBER if a.name == "number" else None
    return None
