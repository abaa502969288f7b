"""The shape of bodies: what stands in each place has to be of one kind.

Everything that the analysis says of a body rests on what its parts are: what
is decided is decided on the input itself, not on a number that was rounded;
exponents stay whole numbers that only powers of two are made of; a number of
the source is of the body's format, and nothing is computed of two of them,
which Python would do in double.  So every expression gets a kind (`Kind`):
`CALLS` and `EXPONENTS` say of each operation what it takes and gives, and
shaped.py looks at the statements.  What lowering never writes has no kind and
is refused, whether or not it would compute f.

What a body computes between two decisions is compared with the certificate at
points alone.  That says all of it, as long as no body can be f there and
something else between them: so degrees are bounded, poles are those of the
input, and what could have a bend or a bump, a root or an exponential, is
taken where the certificate says so (transcripts.py), or of the input
(`Kind.degree`, `Kind.simple`), and the power of two that was taken out of a
number is put back before it is anything else's part (`Kind.powers`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace
from fractions import Fraction

MOST_DEGREE = 256  # agreement.py has the bits that this takes
LARGEST_EXPONENT = 2.0**22  # float32 and int32 hold its neighbours
OF_A_FLOAT = 2.0**12  # above the exponent of any float
CLAMPED = 252.0  # at least: beyond the exponents of float32
TURNS = {(1.0, -1.0), (-1.0, 1.0)}
HALF = ("literal", (0.5,))


Powers = tuple[tuple[int, Fraction], ...]


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
    factor   two constants              mantissa  m of d = m * 2**n
    and words, counts, tables, levels: arguments of primitives.

    Attributes:
        values: the numbers of literals, constants, steps and levels.
        most: of exponents, what they cannot exceed.
        steps: of inputs: 0 is x but for its sign, 1 held inside an
            interval, 2 moved by a number.
        degree: as a rational function of the input and its exponentials.
        simple: its zeros are some numbers c of the input, and no others.
        powers: p by exponent n, where it is 2**-(n p) times what it stands
            for; of exponents the factor p of each n that it is made of.
    """

    name: str
    values: tuple[float, ...] = ()
    most: float = 0.0
    steps: int = 0
    degree: int = 0
    simple: bool = False
    powers: Powers = ()


TRUTH = Kind("truth")
INPUT = Kind("input", degree=1, simple=True)
WHOLE = Kind("whole", most=OF_A_FLOAT)
Result = Callable[..., "Kind | None"]  # of the arguments' kinds
FLOATS = "number input filled mantissa"  # tensors of x's shape
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
    return replace(a, most=min(a.most, above), values=())


def _divided(a: Kind, b: Kind, *more: Kind) -> Kind | None:
    """An exponent, and the root that is taken: n is a multiple of it."""
    del more
    (q,), root = b.values, a.values
    if not (root and q > 1 and _is_whole(q) and not root[0] % q):
        return None
    powers = powers_of((a, 1 / Fraction(q)))
    return Kind("ratio", most=a.most, powers=powers)


def _unsigned(a: Kind) -> Kind | None:
    return a if not a.steps else None


def number(
    degree: int, simple: bool = False, powers: Powers | None = ()
) -> Kind | None:
    """A computed float, if its degree is none too high."""
    if degree > MOST_DEGREE or powers is None:
        return None
    return Kind("number", degree=degree, simple=simple, powers=powers)


def powers_of(*parts: tuple[Kind, Fraction | int]) -> Powers:
    """Of a product of powers."""
    found: dict[int, Fraction] = {}
    for kind, times in parts:
        for n, p in kind.powers:
            found[n] = found.get(n, Fraction(0)) + p * times
    return tuple(sorted((n, p) for n, p in found.items() if p))


def same_powers(a: Kind, b: Kind) -> Powers | None:
    """Of a sum or a choice: they have to be alike."""
    return a.powers if a.powers == b.powers else None


def _pair(found: Kind | None) -> Kind | None:
    return None if found is None else replace(found, name="pair")


def _as_it_is(a: Kind, *more: Kind) -> Kind | None:
    del more
    return number(a.degree, a.simple, a.powers)


def _scaled(a: Kind, n: Kind, *more: Kind) -> Kind | None:
    """All that was taken out is put back."""
    del more
    left = powers_of((a, 1), (n, -1))
    return None if left else number(a.degree, a.simple)


def _logarithm(m: Kind, n: Kind, *more: Kind) -> Kind | None:
    del more
    return None if powers_of((m, 1), (n, -1)) else Kind("logs", degree=1)


def _root(m: Kind, q: Kind, *more: Kind) -> Kind | None:
    del more
    powers = powers_of((m, 1 / Fraction(q.values[0])))
    return _pair(number(m.degree, m.simple, powers))


def _row(a: Kind, b: Kind, *more: Kind) -> Kind | None:
    del more
    return number(a.degree * b.degree)


def _power_row(*kinds: Kind) -> Kind | None:
    s, _, order, _, rest, *_ = kinds
    return number((int(order.values[0]) + len(rest.values)) * s.degree)


def _ratio(a: Kind, b: Kind, *more: Kind) -> Kind | None:
    """Its poles are numbers of the input."""
    del more
    if not (b.simple or b.name == "literal"):
        return None
    simple = a.simple or a.name == "literal"
    return number(a.degree + b.degree, simple, powers_of((a, 1), (b, -1)))


def _sum(a: Kind, b: Kind, *more: Kind) -> Kind | None:
    del more
    return _pair(number(max(a.degree, b.degree), False, same_powers(a, b)))


def _product(a: Kind, b: Kind, *more: Kind) -> Kind | None:
    del more
    simple = a.simple and (b.simple or b.name == "factor")
    powers = powers_of((a, 1), (b, 1))
    return _pair(number(a.degree + b.degree, simple, powers))


def _power(a: Kind, n: Kind, *more: Kind) -> Kind | None:
    del more
    times = int(n.values[0])
    powers = powers_of((a, times))
    return _pair(number(a.degree * times, a.simple, powers))


def _multiple(a: Kind, root: Kind, *more: Kind) -> Kind:
    """An exponent, a multiple of the root."""
    del a, more
    return replace(WHOLE, values=root.values)


def _level(a: Kind, edges: Kind, factors: Kind, *more: Kind) -> Kind | None:
    del a, more
    several = len(factors.values) == len(edges.values) + 1
    return Kind("level", factors.values) if several else None


POWER_ROW = ("input", "literals", "count", "literal", "numbers", "levels")
# Each signature: the kinds of the arguments, and the result.  Some arguments
# are looked at as they stand (shaped.py): "dtype" is the body's own, "count" a
# whole number, "sign" x < 0 or x > 0, "bare" a name of x but for its sign,
# "end" a number that float32 has, "short" one where the body is in float32,
# "bound" one that may be subnormal, "table" the rows of the body,
# "numbers" coefficients and "sequence" at least two: one alone
# would stay Python's.

# Where exponents ("whole") may stand; otherwise they are added, subtracted and
# multiplied by whole numbers (`exponents`).
EXPONENTS: dict[str, list[tuple[tuple[str, ...], Kind | Result]]] = {
    "_scale_by_power": [((FLOATS, "whole", "dtype"), _scaled)],
    "_pair_log": [(("mantissa", "whole", "dtype"), _logarithm)],
    "_clamp": [(("whole", "bound", "bound", "dtype"), _clamped)],
    "_quotient": [(("whole", "literal", "dtype"), _divided)],
    "ops.floor": [(("ratio",), lambda a: replace(a, name="floored"))],
    "ops.cast": [(("floored", "dtype"), lambda a, _: replace(a, name="whole"))],
}
# Of the input ("input") what is decided; of all else what is computed.
CALLS: dict[str, list[tuple[tuple[str, ...], Kind | Result]]] = {
    "ops.abs": [(("input",), _unsigned)],
    "ops.clip": [(("input", "end", "end"), _held)],
    "_clamp": [(("input", "bound", "bound", "dtype"), _held)],
    "ops.maximum": [(("input", "short"), _held)],
    "ops.minimum": [(("input", "short"), _held)],
    "ops.isnan": [(("bare",), TRUTH)],
    "ops.logical_and": [(("truth", "truth"), TRUTH)],
    "ops.cast": [(("sign", "dtype"), Kind("step", (0.0, 1.0)))],
    "_level_of": [(("input", "literals", "factors", "dtype"), _level)],
    "_split_exponent": [(("input", "count", "dtype"), _multiple)],
    "_split_subnormal": [(("input", "count", "dtype"), _multiple)],
    "_local_polynomials": [(("input", "table", "dtype"), _row)],
    "_power_row": [((*POWER_ROW, "dtype"), _power_row)],
    "_log_rows": [
        (("logs", "table", "dtype"), lambda *kinds: _pair(_row(*kinds)))
    ],
    # What is computed.
    "ops.zeros_like": [((FLOATS,), Kind("filled", (0.0,)))],
    "_apart": [((FLOATS, "dtype"), _as_it_is)],
    "_once": [((FLOATS, "dtype"), _as_it_is)],
    "_fixed": [((FLOATS, "dtype"), _as_it_is)],
    "_quotient": [
        ((FLOATS, f"{FLOATS} literal", "dtype"), _ratio),
        ((f"{FLOATS} literal", FLOATS, "dtype"), _ratio),
    ],
    "_square_root": [
        ((FLOATS, "dtype"), lambda d, _: number(d.degree, d.simple)),
    ],
    "_horner": [
        (
            ("sequence", FLOATS),
            lambda c, w: (
                number((len(c.values) - 1) * w.degree) if not w.powers else None
            ),
        )
    ],
    "_two_sum": [((FLOATS, f"{FLOATS} literal"), _sum)],
    "_pair_sum": [(("pair logs", "pair logs"), _sum)],
    "_pair_product": [(("pair logs", "pair logs factor", "dtype"), _product)],
    "_pair_quotient": [
        (("pair logs", "pair", "dtype"), lambda *kinds: _pair(_ratio(*kinds)))
    ],
    "_pair_power": [(("pair", "count", "dtype"), _power)],
    "_pair_root": [
        (("mantissa", "count", "dtype"), _root),
    ],
    "_pair_exp": [(("pair", "dtype"), WHOLE)],
}
# Results that two names take: the first is this, the second the exponent.
MANTISSA = replace(INPUT, name="mantissa")
TWO = {
    "_split_exponent": MANTISSA,
    "_split_subnormal": MANTISSA,
    "_pair_exp": Kind("pair", degree=1),
}


# -- what + - * give ------------------------------------------------------


def computed(way: str, a: Kind, b: Kind) -> Kind | None:
    """The kind of a sum, a difference or a product; None where it is none."""
    for rule in (_exponents, _steps, _inputs):
        found = rule(way, a, b)
        if found is not None:
            return found
    if "level" in (a.name, b.name):
        part = b if a.name == "level" else a
        if way != "*" or part.name not in FLOATS.split():
            return None
        made = number(part.degree, part.simple, part.powers)
        if made is not None and part.name == "input":
            made = replace(made, name="mantissa")
        return made
    names = {a.name, b.name}
    if not names <= {*FLOATS.split(), "literal"} or names == {"literal"}:
        return None
    return _floats(way, a, b)


def _floats(way: str, a: Kind, b: Kind) -> Kind | None:
    one = "literal" in (a.name, b.name)
    parts = [kind for kind in (a, b) if kind.name != "literal"]
    simple = all(kind.simple for kind in parts)
    if way == "*":
        powers = powers_of((a, 1), (b, 1))
        return number(a.degree + b.degree, simple, powers)
    degree = max(a.degree, b.degree)
    known = simple and one and degree <= 1
    return number(degree, known, same_powers(a, b))


def _exponents(way: str, a: Kind, b: Kind) -> Kind | None:
    """n + m, n + c, c * n: whole numbers, far from where floats have gaps."""
    if "whole" in (a.name, b.name):
        sizes = [_size(a), _size(b)]
        if way != "*":
            most = sum(sizes)
            powers = powers_of((a, 1), (b, 1 if way == "+" else -1))
        elif a.name == "literal":
            most = sizes[0] * sizes[1]
            powers = powers_of((b, int(a.values[0]) if most < 1e9 else 0))
        else:
            return None
        if most >= LARGEST_EXPONENT:
            return None
        return replace(WHOLE, most=most, powers=powers)
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
    known = other.name in ("number", "filled")
    return number(other.degree) if known and not other.powers else None


def _inputs(way: str, a: Kind, b: Kind) -> Kind | None:
    """A distance from a number; of a constant the shape of x."""
    if a.name == "input" and b.name == "literal" and way != "*":
        return replace(a, steps=2) if a.steps < 2 else None
    if (way, b.name, b.values) == ("+", "filled", (0.0,)):
        if a.name in ("literal", "constant"):
            return replace(a, name="filled")
        return a if a.name == "number" else None
    return None
