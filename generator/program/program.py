"""The straight-line programs that are bounded, rendered and executed.

One representation for all three, so that what was proved is what runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ..errors import GeneratorError
from ..numbers.literals import number
from ..plain import shown

PRECEDENCE = {"add": 1, "sub": 1, "mul": 2, "div": 2, "neg": 3}
# Of an operation in additions, compiled, on arrays larger than the cache.
COST = {"div": 4, "exp": 10}
# Every operation there is, with how many arguments it takes.
ARITY = {
    **{"add": 2, "sub": 2, "mul": 2, "div": 2, "neg": 1, "minimum": 2},
    **{"exp": 1, "log": 1, "sqrt": 1, "abs": 1},
}
SYMBOL = {"add": " + ", "sub": " - ", "mul": " * ", "div": " / "}


class Expr:
    """A node; + - * / build larger ones."""

    def __add__(self, other: Expr) -> Expr:
        return Op("add", (self, other))

    def __sub__(self, other: Expr) -> Expr:
        return Op("sub", (self, other))

    def __mul__(self, other: Expr) -> Expr:
        return Op("mul", (self, other))

    def __truediv__(self, other: Expr) -> Expr:
        return Op("div", (self, other))

    def __neg__(self) -> Expr:
        return Op("neg", (self,))


@dataclass(frozen=True)
class Var(Expr):
    """A name bound before."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Const(Expr):
    """A number of the format, exact."""

    value: Fraction

    def __str__(self) -> str:
        return number(self.value)


@dataclass(frozen=True)
class Op(Expr):
    """add, sub, mul, div, neg, or an elementary function of one argument."""

    name: str
    args: tuple[Expr, ...]

    def __str__(self) -> str:
        return infix(self)


@dataclass(frozen=True)
class Program:
    """Statements over one input; the last one's target is the result."""

    input: str
    statements: tuple[tuple[str, Expr], ...]

    def __str__(self) -> str:
        return "; ".join(f"{name} = {value}" for name, value in self.statements)

    @property
    def constants(self) -> tuple[Fraction, ...]:
        """Every constant, in order of appearance."""
        found: list[Fraction] = []

        def collect(node: Expr) -> None:
            if isinstance(node, Const):
                found.append(node.value)
            elif isinstance(node, Op):
                for argument in node.args:
                    collect(argument)

        for _, value in self.statements:
            collect(value)
        return tuple(found)

    @property
    def cost(self) -> int:
        """Operations weighted by `COST`."""

        def count(node: Expr) -> int:
            if isinstance(node, Op):
                own = COST.get(node.name, 1)
                return own + sum(count(a) for a in node.args)
            return 0

        return sum(count(value) for _, value in self.statements)


def infix(node: Expr, name_of: str = "ops.") -> str:
    """Python text with the fewest brackets that keep the order.

    Raises:
        GeneratorError: an operation that is not in `ARITY`.
    """

    def show(node: Expr, outer: int, right: bool) -> str:
        # A minus binds closer than * and /: on the left it needs no brackets.
        inner = right or outer == PRECEDENCE["neg"]
        if not isinstance(node, Op):
            text = str(node)
            return f"({text})" if text.startswith("-") and inner else text
        if ARITY.get(node.name) != len(node.args):
            raise GeneratorError(
                f"No such operation: expected one of {', '.join(ARITY)} with "
                f"its arguments, received {shown(node.name)} with "
                f"{len(node.args)}."
            )
        if node.name == "add" and _negative(node.args[1]):
            # a + (-c) and a - c round alike; the second reads better.
            left, right_side = node.args
            assert isinstance(right_side, Const)
            positive = Const(-right_side.value)
            return show(Op("sub", (left, positive)), outer, right)
        if node.name == "div" and node.args[0] == Const(Fraction(1)):
            # 1 / a is another operation in TensorFlow's graphs, and 2.75 ulp
            # off in float32; (-1) / (-a) is the same number, rounded once.
            turned = Op("div", (Const(Fraction(-1)), Op("neg", node.args[1:])))
            return show(turned, outer, right)
        if node.name in SYMBOL:
            rank = PRECEDENCE[node.name]
            text = (
                show(node.args[0], rank, False)
                + SYMBOL[node.name]
                + show(node.args[1], rank, True)
            )
            # a - (b + c) and a * (b * c) keep their brackets: the order of
            # roundings is what was bounded.
            return (
                f"({text})"
                if rank < outer or (rank == outer and right)
                else text
            )
        if node.name == "neg":
            text = "-" + show(node.args[0], PRECEDENCE["neg"], False)
            return f"({text})" if inner else text
        args = ", ".join(show(a, 0, False) for a in node.args)
        return f"{name_of}{node.name}({args})"

    return show(node, 0, False)


def renamed(node: Expr, names: dict[str, str]) -> Expr:
    """The same with its variables' names replaced."""
    if isinstance(node, Var):
        return Var(names[node.name])
    if isinstance(node, Op):
        return Op(node.name, tuple(renamed(a, names) for a in node.args))
    return node


def _negative(node: Expr) -> bool:
    return isinstance(node, Const) and node.value < 0


def rewritable(program: Program) -> str | None:
    """What XLA's algebraic simplifier would compute in another way.

    It turns (a / b) / c into a / (b * c), a / (b / c) into a * c / b,
    exp(a) * exp(b) into exp(a + b), exp(a) / exp(b) into exp(a - b),
    a / exp(b) into a * exp(-b), a / sqrt(b) into a * rsqrt(b), and merges
    two constants in a row; the roundings proved are then not those that
    happen (exp(a) / exp(b): 8.4 ulp for a, b in [1, 10]).  None if nothing.
    """
    env = {name: value for name, value in program.statements}

    def resolved(node: Expr) -> Expr:
        # Horner's p is bound again and again: only names bound once count.
        names = [name for name, _ in program.statements]
        if isinstance(node, Var) and names.count(node.name) == 1:
            return resolved(env[node.name])
        return node

    def operator(node: Expr) -> str:
        node = resolved(node)
        return node.name if isinstance(node, Op) else ""

    def family(name: str) -> str:
        return "add" if name == "sub" else name  # (x - a) - b is x - (a + b)

    def has_constant(node: Expr) -> bool:
        node = resolved(node)
        return isinstance(node, Op) and any(
            isinstance(a, Const) for a in node.args
        )

    def look(node: Expr) -> str | None:
        if not isinstance(node, Op):
            return None
        kinds = [operator(a) for a in node.args]
        if node.name == "div" and "div" in kinds:
            return f"a quotient of a quotient in {node}"
        if node.name == "div" and kinds[1] in ("exp", "sqrt"):
            return f"a quotient by {kinds[1]} in {node}"
        if node.name == "mul" and kinds == ["exp", "exp"]:
            return f"a product of exponentials in {node}"
        if node.name in ("mul", "add", "sub") and any(
            isinstance(a, Const) for a in node.args
        ):
            for a, kind in zip(node.args, kinds, strict=True):
                if family(kind) == family(node.name) and has_constant(a):
                    return f"two constants in a row in {node}"
        return next((m for m in map(look, node.args) if m), None)

    return next((m for _, v in program.statements if (m := look(v))), None)


def horner(
    coefficients: list[Fraction], variable: str, target: str
) -> list[tuple[str, Expr]]:
    """Statements for ``sum c[k] variable**k`` by Horner's rule."""
    statements: list[tuple[str, Expr]] = [(target, Const(coefficients[-1]))]
    if len(coefficients) > 1:
        first = Const(coefficients[-1]) * Var(variable)
        statements = [(target, first + Const(coefficients[-2]))]
    for value in reversed(coefficients[:-2]):
        statements.append((target, Var(target) * Var(variable) + Const(value)))
    return statements
