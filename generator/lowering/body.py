"""`Body`: the statements of one plan, in the language of programs.

Beside + - * / there are calls of keras.ops and of runtime primitives, numbers
of a dtype, pairs, and tables that stand above the function.  Everything is
decided here; `source` prints it and `costs` counts it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..numbers.literals import number
from ..pieces.rows import Row
from ..program.program import Const
from ..program.program import Expr
from ..program.program import Op
from ..program.program import Var


@dataclass(frozen=True)
class Number(Expr):
    """A number of a dtype, as Python has it."""

    value: Fraction | float
    dtype: str

    def __str__(self) -> str:
        return number(self.value, self.dtype)


@dataclass(frozen=True)
class Word(Expr):
    """A dtype's name, a flag or a count."""

    value: str | bool | int | None

    def __str__(self) -> str:
        return repr(self.value)


@dataclass(frozen=True)
class Call(Expr):
    """Of ``ops.NAME``, or of the runtime primitive NAME."""

    name: str
    args: tuple[Expr, ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.args))})"


@dataclass(frozen=True)
class Compare(Expr):
    """left < right, and the like."""

    sign: str
    left: Expr
    right: Expr

    def __str__(self) -> str:
        return f"{self.left} {self.sign} {self.right}"


@dataclass(frozen=True)
class Group(Expr):
    """A pair of floats, or a tuple of numbers."""

    items: tuple[Expr, ...]

    def __str__(self) -> str:
        inner = ", ".join(map(str, self.items))
        return f"({inner},)" if len(self.items) == 1 else f"({inner})"


@dataclass(frozen=True)
class Part(Expr):
    """One of a pair."""

    name: str
    index: int

    def __str__(self) -> str:
        return f"{self.name}[{self.index}]"


@dataclass(frozen=True)
class Rows:
    """A table of local polynomials, above the function.

    Attributes:
        end: the number of the end form that they belong to, if to one.
    """

    name: str
    rows: tuple[Row, ...]
    end: int | None = None


@dataclass(frozen=True)
class Coefficients:
    """The coefficients of one polynomial, above the function.

    Attributes:
        values: with the sign that Horner's rule wants.
        sign: what the plan's own are times to be these.
        place: where in the plan they stand.
    """

    name: str
    values: tuple[Fraction, ...]
    sign: int
    place: tuple[str | int, ...]


Table = Rows | Coefficients


@dataclass(frozen=True)
class Note:
    """A comment: what comes next, where, and how far off it is."""

    text: str


@dataclass(frozen=True)
class Assign:
    """targets = value; several targets take the parts of a tuple."""

    targets: tuple[str, ...]
    value: Expr


@dataclass(frozen=True)
class Body:
    """f^(order) of x in one dtype.

    Attributes:
        ulp: the plan's bound.
        statements: the last one assigns to "y", or its value is returned.
        result: what is returned.
        narrow: the dtype of x and of the result, where it is another.
    """

    name: str
    order: int
    dtype: str
    ulp: float
    tables: tuple[Table, ...]
    statements: tuple[Assign | Note, ...]
    result: Expr
    narrow: str | None = None

    @property
    def function(self) -> str:
        """Its name in the module."""
        if self.narrow is not None:
            return f"{self.name}_{self.order}_{self.narrow}_wide"
        return f"{self.name}_{self.order}_{self.dtype}"

    @property
    def calls(self) -> frozenset[str]:
        """The runtime primitives that it calls."""
        values = [s.value for s in self.statements if isinstance(s, Assign)]
        found = {
            node.name
            for value in [*values, self.result]
            for node in nodes(value)
            if isinstance(node, Call)
        }
        return frozenset(n for n in found if not n.startswith("ops."))


def nodes(value: Any) -> Iterator[Expr]:
    """An expression and all that is in it."""
    if isinstance(value, tuple):
        for item in value:
            yield from nodes(item)
    elif isinstance(value, Expr):
        yield value
        for part in vars(value).values():
            yield from nodes(part)


# -- the few forms that lowering writes again and again ----------------------


def assign(target: str, value: Expr) -> Assign:
    """One name."""
    return Assign((target,), value)


def ops(name: str, *args: Expr) -> Call:
    """A call of keras.ops."""
    return Call(f"ops.{name}", args)


def constant(value: Fraction | float, dtype: str) -> Call:
    """A tensor of the dtype; a Python number would be float32 on torch."""
    return Call("constant", (Number(value, dtype), Word(dtype)))


def zeros(like: str) -> Call:
    """Zeros of the shape and dtype of a name."""
    return ops("zeros_like", Var(like))


def reciprocal(name: str) -> Op:
    """1 / name; printed as -1.0 / -name (`program.infix` says why)."""
    return Op("div", (Const(Fraction(1)), Var(name)))
