"""Closed forms in pairs of floats, as a body has them, and what they mean.

A certificate says which values of a program are pairs (`pairs`), which
quotients are corrected (`rounded`) and of which exponential the power of two
is left out (`scaled`) until the result is multiplied by it (`power`).  That
is all that a body may differ in: from it every statement follows, with the
names that it binds, and a body has these and no others.

What the statements are in exact arithmetic (`Carried.meant`) is the program
itself, but for numbers that are no floats: these are a head and a tail, and
what is lost of products of tails is lost there too.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from .assembly import NotRunnable
from .carried_numbers import is_power_of_two
from .carried_numbers import none
from .carried_numbers import text_of
from .carrying import Operations
from .carrying import Row
from .carrying import Value
from .claims import Format
from .claims import exact
from .claims import get_format
from .claims import real

NAME = re.compile(r"[a-z][a-z0-9]{0,9}", re.ASCII)
MOST = 256  # statements of a program
MOST_POWER = 8
COUNTS = {  # of arguments
    **{"add": 2, "sub": 2, "mul": 2, "div": 2},
    **{"neg": 1, "sqrt": 1, "exp": 1, "log": 1},
}
POSITIVE = ("add", "mul", "div", "sqrt", "exp")  # of positive numbers
# Of which XLA would make one more where there are several users.
SHIELDED = ("_quotient", "_square_root", "ops.exp", "ops.log")


@dataclass
class Carried:
    """The statements of one piece, or of two that are computed together.

    Attributes:
        input: the name of what it is computed of.
        lines: what is left of the statements, each with all that it binds.
        names: that they bind.
        result: the last of them.
        meant: what it is in exact arithmetic, as a certificate has programs.
    """

    input: str
    lines: list[str]
    names: list[str]
    result: str
    meant: list[Row]


def is_carried(piece: dict[str, Any]) -> bool:
    """Whether a closed form is more than its program."""
    names = ("pairs", "rounded", "scaled", "signed")
    return any(piece.get(name) for name in names)


def meant(piece: dict[str, Any], fmt: Format) -> list[Row]:
    """What a closed form computes in exact arithmetic."""
    if not is_carried(piece):
        return list(piece["statements"])
    return _carried([piece], 0, fmt).meant


def carried_forms(plan: dict[str, Any]) -> Iterator[Carried]:
    """The closed forms of a plan that are more than their programs."""
    closed, k = plan.get("closed", ()), 0
    while k < len(closed):
        if not is_carried(closed[k]):
            k += 1
            continue
        both = 1 + bool(closed[k].get("signed"))
        yield _carried(closed[k : k + both], k, get_format(plan["dtype"]))
        k += both


def _carried(pieces: list[dict[str, Any]], k: int, fmt: Format) -> Carried:
    try:
        return _Made(pieces, k, fmt).made()
    except NotRunnable:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise none(f"{error!r}") from None


def statement(node: ast.stmt, narrow: bool) -> str:
    """A statement as text, numbers as the format reads them.

    Whether one name is put behind an operation (`_once`) is all the same.
    """

    def of(part: Any) -> str:
        if isinstance(part, list):
            return f"[{', '.join(map(of, part))}]"
        if not isinstance(part, ast.AST):
            return repr(part)
        value = getattr(part, "value", None)
        if isinstance(part, ast.Constant) and type(value) is float and narrow:
            with np.errstate(all="ignore"):
                return repr(float(np.float32(value)))
        inner = [of(v) for _, v in ast.iter_fields(part)]
        return f"{type(part).__name__}({', '.join(inner)})"

    if isinstance(node, ast.Assign):
        return f"{of(node.targets)} = {of(_unshielded(node.value))}"
    return of(node)


def _unshielded(node: ast.expr) -> ast.expr:
    if not (isinstance(node, ast.Call) and len(node.args) == 2):
        return node
    first, word = node.args
    known = (
        ast.unparse(node.func) == "_once"
        and isinstance(first, ast.Call)
        and ast.unparse(first.func) in SHIELDED
        and isinstance(word, ast.Constant)
        and word.value in ("float32", "float64")
    )
    return first if known and not node.keywords else node


class _Made(Operations):
    """One form, or one on both sides."""

    def __init__(
        self, pieces: list[dict[str, Any]], k: int, fmt: Format
    ) -> None:
        super().__init__(k, fmt)
        self.pieces = pieces
        self._read()

    def made(self) -> Carried:
        """All statements."""
        own, rows = f"c{self.k}", self.rows
        self.values[self.input] = Value(own, None, self.input)
        shift = self._shift() if self.signed else None
        for name, tree in rows if shift is None else rows[:-1]:
            self.values[name] = self.value(name, tree)
        last = self._result(shift)
        result = f"z{self.k}"
        self.text.append(f"{result} = {self._limited(last)}")
        trees = [ast.parse(line).body for line in self.text]
        names = [
            n.id
            for (tree,) in trees
            for n in ast.walk(tree)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        ]
        if len({*names, own, "t", "x"}) != len(names) + 3:
            raise none("a name that is bound twice")
        narrow = self.fmt.name == "float32"
        lines = [statement(tree, narrow) for (tree,) in trees]
        return Carried(own, lines, names, result, self.meant)

    # -- what the certificate says ----------------------------------------
    def _read(self) -> None:
        first, *more = self.pieces
        names = (
            *("pairs", "rounded", "scaled", "power", "signed", "side"),
            *("input", "statements"),
        )
        for other in more:
            if any(first.get(n) != other.get(n) for n in names):
                raise none("two sides that are computed in one way")
        self.input, self.rows = first["input"], first["statements"]
        self.scaled = first.get("scaled")
        self.signed = bool(first.get("signed"))
        self.power = first.get("power", 0)
        self.side = first["side"]
        self.pairs = frozenset(first.get("pairs", ()))
        self.rounded = frozenset(first.get("rounded", ()))
        self.trees = dict(self.rows)
        known = [self.input, *(name for name, _ in self.rows)]
        if len(set(known)) != len(known) or len(known) > MOST:
            raise none("a name for each statement")
        if not all(map(NAME.fullmatch, known)):
            raise none("names of letters and digits")
        if not (
            self.rows
            and type(self.power) is type(self.side) is int
            and self.side in (1, -1)
        ):
            raise none("statements, a power and a side")
        if abs(self.power) > MOST_POWER:
            raise none("a power that is not put back so")
        if self.signed and any(p["side"] != 1 for p in self.pieces):
            raise none("two sides that take x itself")
        if not self.pairs <= set(self.trees):
            raise none("pairs of what is not there")
        ways = [self.trees.get(n) for n in self.rounded]
        if not all(isinstance(t, list) and t[:1] == ["div"] for t in ways):
            raise none("a quotient that is corrected")
        if type(first.get("signed", False)) is not bool:
            raise none("true or false")
        if self.scaled is not None and self.scaled not in self.trees:
            raise none("an exponential that is scaled")
        degrees = {self.input: Fraction(0)}
        self.above_zero = not self.signed and all(
            exact(p["low"]) > 0 for p in self.pieces
        )
        least = exact(first["low"])
        self.from_subnormal = 0 < least < Fraction(2) ** self.fmt.emin
        positive = {self.input} if self.above_zero else set()
        for name, tree in self.rows:
            degrees[name] = self._degree(name, tree, degrees)
            if isinstance(tree, dict) or (
                tree[0] in POSITIVE
                and all(
                    part in positive
                    if isinstance(part, str)
                    else exact(part["constant"]) > 0
                    for part in tree[1:]
                )
            ):
                positive.add(name)
        # Else it would be the program where the power of two is 1, and
        # something else where it is not, on however few inputs.
        if degrees[self.rows[-1][0]] != self.power:
            raise none("a power of two that is not put back")
        self.positive = frozenset(positive)

    def _degree(
        self, name: str, tree: Any, known: dict[str, Fraction]
    ) -> Fraction:
        """Which power of what is left out a value is a multiple of."""
        if isinstance(tree, dict):
            return Fraction(1)  # the unit
        way, *parts = tree
        if len(parts) != COUNTS[way]:
            raise none(f"{way} of so many")
        if not all(isinstance(part, (str, dict)) for part in parts):
            raise none("an operation of operations")
        found = [
            known[part] if isinstance(part, str) else Fraction(0)
            for part in parts
        ]
        if way in ("add", "sub") and found[0] != found[1]:
            raise none("a sum of different powers of two")
        if way in ("exp", "log") and found[0]:
            raise none(f"{way} of what is scaled")
        if name == self.scaled:
            if way != "exp":
                raise none("an exponential that is scaled")
            return Fraction(1)
        if way == "mul":
            return sum(found, Fraction(0))
        if way == "div":
            return found[0] - found[1]
        return found[0] / 2 if way == "sqrt" else found[0]

    def _shift(self) -> int | None:
        """n of a last product 2**-n * name, where an exponent is put back."""
        way, *parts = self.rows[-1][1]
        if not self.signed or self.power != 1:
            return None
        if way != "mul" or isinstance(parts[0], str):
            return None
        value = exact(parts[0]["constant"])
        power = value > 0 and is_power_of_two(value)
        if not (isinstance(parts[1], str) and value.numerator == 1 and power):
            return None
        shift = value.denominator.bit_length() - 1
        return shift if shift >= self.fmt.precision else None

    def _result(self, shift: int | None) -> str:
        name, tree = self.rows[-1]
        n, word = self.exponent, f'"{self.fmt.name}"'
        if shift is not None:
            value = self.as_float(tree[2])
            self.meant.append((name, ["mul", tree[1], value.tree]))
            return f"_grown_from({value.head}, {n}, {shift}, {word})"
        made = self.as_float(name)
        if self.meant[-1][0] != made.tree:
            raise none("a result that is computed last")
        if not self.power:
            return made.head
        if n is None:
            raise none("no exponent")
        last = made.head
        while tree[0] == "neg" and isinstance(tree[1], str):
            tree = self.trees.get(tree[1], [""])
        if tree[0] == "mul" and any(isinstance(p, dict) for p in tree[1:]):
            last = f"_fixed({last}, {word})"
        if self.signed and abs(self.power) == 1:
            call = "_grown" if self.power > 0 else "_shrunk"
            return f"{call}({last}, {n}, {word})"
        times = {1: n, -1: f"-{n}"}.get(self.power)
        times = times or f"{text_of(Fraction(self.power))} * {n}"
        return f"_scale_by_power({last}, {times}, {word})"

    def _limited(self, last: str) -> str:
        """Beyond an end it is the limit."""
        sides = [("high", ">")]
        if self.signed and len(self.pieces) == 2:
            sides = [("low", "<"), ("high", ">")]
        t = "t" if self.side > 0 else "-t"
        for piece, (end, compare) in zip(self.pieces, sides, strict=True):
            if piece.get("limit") is not None:
                edge = self.tensor(float(exact(piece[end])))
                limit = self.tensor(real(piece["limit"]))
                past = f"{t} {compare} {edge}"
                last = f"ops.where({past}, {limit}, {last})"
        return last
