"""Certificates as exact numbers, and pieces as formulas."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb

from .enclosure import regular_chart
from .formula import Node
from .formula import Unreadable
from .formula import X
from .formula import call
from .formula import constant
from .formula import exp
from .formula import literal
from .formula import log
from .formula import number
from .formula import read
from .formula import replaced
from .logrows import distance
from .logrows import entries
from .logrows import logarithm
from .objects import each_once
from .values import rational

FORMATS = {  # IEEE 754: precision, least and largest exponent
    "float32": (24, -126, 127),
    "float64": (53, -1022, 1023),
}
LARGEST = 2**12  # scales, powers and orders: 2**-1074 is the least float64
MOST_ORDERS = 16  # of derivatives; three ship
LONGEST = 100  # of a name: files are named after it
NAME = re.compile(rf"[a-z][a-z0-9_]{{,{LONGEST - 1}}}", re.ASCII)

# Of a file that nobody wrote in good faith; ours are ValueErrors.
FOUND = (
    *(ValueError, LookupError, TypeError, AttributeError),
    *(ArithmeticError, RecursionError),
)


class Malformed(ValueError):  # noqa: N818
    """A certificate that cannot be read."""


@dataclass(frozen=True)
class Format:
    """The format of a plan."""

    name: str
    precision: int
    emin: int
    emax: int

    @property
    def smallest(self) -> Fraction:
        """The smallest subnormal."""
        return Fraction(2) ** (self.emin - self.precision + 1)

    @property
    def max_finite(self) -> Fraction:
        """The largest finite number."""
        return (2 - Fraction(2) ** (1 - self.precision)) * Fraction(
            2
        ) ** self.emax

    def spacing(self, value: Fraction) -> Fraction:
        """A lower bound of the distance from a float to its neighbours."""
        if not value:
            return self.smallest
        e = exponent_of(value)
        if abs(value) == Fraction(2) ** e:
            e -= 1
        return Fraction(2) ** (max(e, self.emin) - self.precision + 1)

    def holds(self, value: Fraction) -> bool:
        """Whether it is a number of the format."""
        top, bottom = abs(value.numerator), value.denominator
        if bottom & (bottom - 1):
            return False
        e = top.bit_length() - bottom.bit_length()  # floor(log2)
        last = max(e, self.emin) - self.precision + 1
        # Of top 2**-k a multiple of 2**last, and below 2**(emax + 1).
        behind = bottom.bit_length() - 1 + last
        return e <= self.emax and not top & ((1 << max(behind, 0)) - 1)


def exponent_of(value: Fraction) -> int:
    """floor(log2 |value|)."""
    top, bottom = abs(value.numerator), value.denominator
    e = top.bit_length() - bottom.bit_length()
    return e - 1 if Fraction(2) ** e > abs(value) else e


def get_format(name: str) -> Format:
    """The format a plan is for."""
    if name not in FORMATS:
        raise Malformed(
            f"Unknown format: expected {', '.join(FORMATS)}, received {name!r}."
        )
    return Format(name, *FORMATS[name])


def exact(value: Any) -> Fraction:
    """A number of a certificate."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Fraction(value)
    try:
        if isinstance(value, str) and "0x" in value:
            return Fraction(float.fromhex(value))
        if isinstance(value, float):
            return Fraction(value)
        return literal(value) if isinstance(value, str) else Fraction(value)
    except (TypeError, ValueError, OverflowError):
        raise Malformed(
            f"Not a number: expected one, received {value!r}."
        ) from None


def whole_number(value: Any, what: str) -> int:
    """An integer that numbers may be raised to and 2 to it."""
    found = exact(value)
    if found.denominator != 1 or abs(found) > LARGEST:
        raise Malformed(
            f"{what}: expected an integer of at most {LARGEST}, received "
            f"{value!r:.100}."
        )
    return int(found)


def real(value: Any) -> float:
    """A bound or a limit; infinities are allowed."""
    if isinstance(value, str) and value in ("inf", "-inf"):
        return float(value)
    return float(exact(value))  # nan is no fraction


def claimed(value: Any) -> float:
    """A bound of an error: one below 0 would outweigh another."""
    found = real(value)
    if not 0 <= found < math.inf:
        raise Malformed(f"Not a bound: received {value!r:.100}.")
    return found


@dataclass(frozen=True)
class Piece:
    """One piece: its numbers by name, and the plan's format.

    Attributes:
        kind: "row", "power", "end", "closed" or "logrow".
        label: for messages.
        data: as in the certificate.
    """

    kind: str
    label: str
    data: dict[str, Any]

    def __getitem__(self, name: str) -> Fraction:
        return exact(self._raw(name))

    def _raw(self, name: str) -> Any:
        try:
            return self.data[name]
        except KeyError:
            raise Malformed(
                f"{self.label}: expected a field {name!r}, received "
                f"{', '.join(self.data)}."
            ) from None

    def whole(self, name: str) -> int:
        """An integer field."""
        return whole_number(self._raw(name), f"{self.label}, {name}")

    def numbers(self, name: str) -> list[Fraction]:
        """A list of numbers."""
        return [exact(v) for v in self._raw(name)]

    def raw(self, name: str) -> Any:
        """A field as it is."""
        return self._raw(name)

    @property
    def gain(self) -> int:
        """The numbers are those of f * 2**gain; mostly there is none."""
        return self.whole("gain") if "gain" in self.data else 0

    def bound(self, name: str) -> float:
        """What is claimed of an error: finite, and not negative."""
        return claimed(self._raw(name))

    @property
    def ulp(self) -> float:
        """The claimed bound."""
        return self.bound("ulp")


@dataclass(frozen=True)
class Plan:
    """The pieces of one function, order and dtype."""

    name: str
    order: int
    fmt: Format
    ulp: float
    parity: int
    low: Fraction | None
    high: Fraction | None
    pieces: list[Piece]
    data: dict[str, Any]


def _table(data: dict[str, Any]) -> list[dict[str, Any]]:
    fields = data["fields"]
    return [dict(zip(fields, row, strict=True)) for row in data["values"]]


def read_plans(text: str) -> tuple[dict[str, Any], list[Plan]]:
    """The certificate, and its plans that consist of pieces of a cover.

    Raises:
        Malformed: it is no certificate.
    """
    try:
        whole = json.loads(text, object_pairs_hook=each_once)
        _require_shape(whole)
        low, high = (domain_end(text) for text in whole["domain"])
        plans = [_plan(whole["name"], p, low, high) for p in whole["plans"]]
    except FOUND as error:
        if isinstance(error, (Malformed, Unreadable)):
            raise
        raise Malformed(
            f"Not a certificate: expected the JSON that the generator "
            f"writes, received something else ({error!r})."
        ) from None
    return whole, plans


def _require_shape(whole: Any) -> None:
    """The parts that are asked for by their names.

    The function's name is part of a file's, and is printed.
    """
    name = whole["name"]
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise Malformed(
            f"No name: expected at most {LONGEST} of a-z, 0-9 and _, "
            f"received {name!r:.100}."
        )
    narrowed = whole["narrowed"]
    if not isinstance(narrowed, dict) or not all(
        isinstance(bounds, dict) for bounds in narrowed.values()
    ):
        raise Malformed(
            "No bounds of narrow formats: expected `narrowed` to hold bounds "
            f"by order by format, received {narrowed!r:.100}."
        )


def domain_end(text: str) -> Fraction | None:
    """An end of the domain; an irrational one to 200 bits.

    Raises:
        Malformed: no text.
        Unreadable: no formula of a number.
    """
    if not isinstance(text, str):
        raise Malformed(
            f"No end of a domain: expected text, received {text!r:.100}."
        )
    if text.lstrip("+-") == "oo":
        return None
    node = read(text)
    value = constant(node)
    if value is not None:
        return value
    chart = regular_chart(Fraction(0), Fraction(0), Fraction(0), 2)
    return rational(arb(chart.evaluate(node).plain.p.coeffs()[0].mid()))


def _plan(
    name: str,
    data: dict[str, Any],
    low: Fraction | None,
    high: Fraction | None,
) -> Plan:
    order, dtype = whole_number(data["order"], "order"), str(data["dtype"])
    if not 0 <= order < MOST_ORDERS:
        raise Malformed(
            f"Bad order: expected one below {MOST_ORDERS}, received {order}."
        )
    title = f"{name} order {order} {dtype}"
    groups: list[tuple[str, list[dict[str, Any]]]] = []
    if "rows" in data:
        groups = [
            ("row", _table(data["rows"])),
            ("power", _table(data["powers"])),
            ("closed", list(data["closed"])),
            ("end", [e for e in data["ends"] if "rows" not in e]),
        ]
        for k, end in enumerate(data["ends"]):
            if "rows" in end:
                groups.append(("logrow", list(entries(end, k))))
    else:
        groups = [("program", list(data["pieces"]))]
    pieces = [
        Piece(kind, f"{title}, {kind} {i}", entry)
        for kind, entries in groups
        for i, entry in enumerate(entries)
    ]
    return Plan(
        name,
        order,
        get_format(dtype),
        claimed(data["ulp"]),
        whole_number(data.get("parity", 0), "parity"),
        low,
        high,
        pieces,
        data,
    )


# -- pieces as formulas of t ------------------------------------------------
def polynomial(coefficients: list[Fraction], variable: Node) -> Node:
    """c_0 + c_1 variable + c_2 variable**2 + ..."""
    return Node("poly", (variable,), numbers=tuple(coefficients))


def row_formula(row: Piece) -> Node:
    """(lead + slope s + rest(s)) 2**-gain, s = (t - center) 2**scale."""
    two = Fraction(2)
    rest = row.numbers("rest")
    rest = [*rest, *[Fraction(0)] * (2 - len(rest))]
    rest[0] += row["lead"]
    rest[1] += row["slope"]
    s = two ** row.whole("scale")
    gain = two ** -row.whole("gain")
    coefficients = [c * s**k * gain for k, c in enumerate(rest)]
    return polynomial(coefficients, X - number(row["center"]))


def log_formula(row: Piece) -> Node:
    """t**power 2**-shift times the row at log t."""
    point, side = row.raw("point"), row.whole("side")
    at = None if point is None else exact(point)
    t, z = distance(at, side), logarithm(at, side)
    inner = replaced(row_formula(row), z)
    back = number(Fraction(2) ** -row.whole("shift"))
    return back * t ** row.whole("power") * inner


def power_formula(power: Piece) -> tuple[Node, Fraction]:
    """d**m (factor + rest(e)) 2**-gain, and the zero of d.

    e is d without the low part of the zero, as the module has it.
    """
    high, low = power.numbers("offset")
    zero = power["center"] + high + low
    d, e = X - number(zero), X - number(zero - low)
    inner = number(power["factor"]) + polynomial(power.numbers("rest"), e)
    inner = number(Fraction(2) ** -power.gain) * inner if power.gain else inner
    return d ** power.whole("order") * inner, zero


def end_formula(end: Piece) -> Node:
    """exp(-level g) w**power (P_0 + log(w) P_1 + ...) as a formula of x."""
    side, root = end.whole("side"), end.whole("root")
    point = end.raw("point")
    t = number(side) * (X if point is None else X - number(exact(point)))
    w = t ** (Fraction(1 if point is not None else -1, root))
    total: Node | None = None
    for j, factor in enumerate(end.raw("factors")):
        rest = [exact(c) for c in factor["rest"]]
        # A simple form without more terms is its head alone.
        alone = bool(end.raw("simple")) and not rest
        tail = Fraction(0) if alone else exact(factor["tail"])
        cs = [exact(factor["head"]) + tail, *rest]
        part = polynomial(cs, w)
        for _ in range(j):
            part = part * log(w)
        total = part if total is None else total + part
    if total is None:
        raise Malformed(f"{end.label}: no factors.")
    result = total * w ** end.whole("power")
    if end.data.get("gain"):  # the factors are those of f * 2**gain
        result = result * number(Fraction(2) ** -end.whole("gain"))
    level = end.whole("level")
    if level:
        g = number(0)
        for p, c in end.raw("exponent"):
            g = g + number(exact(c)) * w ** -whole_number(p, end.label)
        result = exp(number(-level) * g) * result
    return result


def program_formula(
    statements: list[Any], variable: str, value: Node, below: bool = True
) -> Node:
    """The value of the last statement of a program.

    Args:
        below: whether minimum(t, c) is t, and not c, where it is asked for.
    """
    known = {variable: value}
    two = {"add": "__add__", "sub": "__sub__", "mul": "__mul__"}

    def of(tree: Any) -> Node:
        if isinstance(tree, str):
            return known[tree]
        if isinstance(tree, dict):
            return number(exact(tree["constant"]))
        name, *args = tree
        made = [of(a) for a in args]
        if name == "neg":
            return -made[0]
        if name in two:
            return getattr(made[0], two[name])(made[1])  # type: ignore[no-any-return]
        if name == "div":
            return made[0] / made[1]
        if name == "sqrt":
            return made[0] ** Fraction(1, 2)
        if name == "minimum":
            return made[0] if below else made[1]
        if name in ("exp", "log", "abs"):
            return call(name, made[0])
        raise Malformed(f"Not a program: unknown operation {name!r}.")

    try:
        for name, tree in statements:
            known[name] = of(tree)
        return known[statements[-1][0]]
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise Malformed(f"Not a program: {error!r}.") from None
