"""Statements of a closed form, some of whose values are pairs of floats.

A pair is two names, its head and its tail.  Heads are floats next to the
value, but where terms cancel; tails are added in any order, and where one is
added to its head at last it stands behind a clip, through which TensorFlow's
graph optimizer gathers no additions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from ..numbers.formats import FORMATS
from ..pieces.closed import ClosedForm
from ..program.enclosed import number_of
from ..program.flat import UNIT
from ..program.forms import is_far
from ..program.forms import is_power_of_two
from ..program.program import Const
from ..program.program import Expr
from ..program.program import Op
from ..program.program import Program
from ..program.program import Var
from .body import Assign
from .body import Call
from .body import Group
from .body import Number
from .body import Part
from .body import Word
from .body import assign
from .body import constant
from .body import ops


@dataclass(frozen=True)
class _Value:
    """head + tail.

    Attributes:
        seen: a constant was added last, which compilers move about.
    """

    head: Expr
    tail: Expr | None = None
    seen: bool = False


def carried_statements(
    piece: ClosedForm, input_name: str, k: int, dtype: str
) -> tuple[list[Assign], Expr]:
    """What computes the piece from a name, and the result."""
    made = _Carried(piece, input_name, k, dtype)
    statements = piece.program.statements
    lowered = None
    if piece.signed and piece.power == 1:
        lowered = _lowered(statements[-1][1], FORMATS[dtype].precision)
    for name, node in statements[:-1] if lowered else statements:
        assert isinstance(node, Op)
        made.values[name] = made.value(name, node)
    if lowered:
        value, shift = lowered
        assert made.exponent is not None
        args = made.float_of(value), made.exponent, Word(shift), Word(dtype)
        last: Expr = Call("grown_from", args)
        return made.statements, last
    last = made.float_of(statements[-1][0])
    if made.exponent is not None:
        n: Expr = made.exponent
        scaling = "scale_by_power"
        if piece.signed and abs(piece.power) == 1:
            scaling = "grown" if piece.power > 0 else "shrunk"
        elif piece.power == -1:
            n = -n
        elif piece.power != 1:
            n = Number(Fraction(piece.power), dtype) * n
        if piece.power:
            if _by_number(piece.program):
                # (2 a) b becomes 2 (a b) in graphs, and a b may be flushed.
                last = Call("fixed", (last, Word(dtype)))
            last = Call(scaling, (last, n, Word(dtype)))
    return made.statements, last


def _by_number(program: Program) -> bool:
    """Whether the result is a product with a number, or the negative of one."""
    table = dict(program.statements)
    node: Expr | None = program.statements[-1][1]
    while isinstance(node, Op) and node.name == "neg":
        (inner,) = node.args
        node = table.get(inner.name) if isinstance(inner, Var) else None
    if not isinstance(node, Op) or node.name != "mul":
        return False
    return any(isinstance(part, Const) for part in node.args)


def _lowered(node: Expr, least: int) -> tuple[str, int] | None:
    """The name and n of 2**-n * name, for n so large that 2**(m - n) is normal
    for every exponent m of a finite result."""
    if not isinstance(node, Op) or node.name != "mul":
        return None
    power, value = node.args
    if not isinstance(power, Const) or not isinstance(value, Var):
        return None
    if power.value.numerator != 1 or not is_power_of_two(power):
        return None
    shift = power.value.denominator.bit_length() - 1
    return (value.name, shift) if shift >= least else None


class _Carried:
    def __init__(
        self, piece: ClosedForm, input_name: str, k: int, dtype: str
    ) -> None:
        self.piece, self.k, self.dtype = piece, k, dtype
        self.word = Word(dtype)
        self.fmt = FORMATS[dtype]
        self.values = {piece.program.input: _Value(Var(input_name))}
        self.floats: dict[str, Expr] = {}
        self.statements: list[Assign] = []
        self.exponent: Expr | None = None
        self.summed = {
            part.name
            for name, node in piece.program.statements
            if name in piece.pairs
            and isinstance(node, Op)
            and node.name in ("add", "sub")
            for part in node.args
            if isinstance(part, Var)
        }

    # -- names and numbers ----------------------------------------------------
    def _named(self, stem: str, value: Expr) -> Var:
        name = f"{stem}_{self.k}"
        self.statements.append(assign(name, value))
        return Var(name)

    def _pair(self, stem: str, value: Expr) -> tuple[Var, Var]:
        names = f"{stem}_{self.k}", f"{stem}l_{self.k}"
        self.statements.append(Assign(names, value))
        return Var(names[0]), Var(names[1])

    def _number(self, value: Fraction) -> _Value:
        head = self.fmt.round(value)
        tail = self.fmt.round(value - head)
        low = Number(tail, self.dtype) if tail else None
        return _Value(Number(head, self.dtype), low)

    def _operand(self, node: Expr) -> _Value:
        if isinstance(node, Var):
            return self.values[node.name]
        assert isinstance(node, Const)
        return self._number(node.value)

    def float_of(self, name: str) -> Expr:
        """head + tail, once."""
        if name not in self.floats:
            value = self.values[name]
            made = value.head
            if value.tail is not None and not isinstance(made, Number):
                tail = Call("apart", (value.tail, self.word))
                head = value.head
                if value.seen:
                    head = Call("apart", (head, self.word))
                made = self._named(f"{name}s", head + tail)
            self.floats[name] = made
        return self.floats[name]

    def _float(self, node: Expr) -> Expr:
        if isinstance(node, Var):
            return self.float_of(node.name)
        return self._operand(node).head

    # -- operations -----------------------------------------------------------
    def value(self, name: str, node: Op) -> _Value:
        """One statement."""
        if name == UNIT:
            return self._unit()
        if all(isinstance(a, Const) for a in node.args):
            return self._constant(node)
        args = [self._operand(a) for a in node.args]
        if node.name == "neg":
            (a,) = args
            return _Value(
                self._named(name, -a.head),
                None if a.tail is None else self._named(f"{name}l", -a.tail),
            )
        if node.name == "mul" and any(map(is_power_of_two, node.args)):
            if name not in self.piece.pairs:
                args = [_Value(self._float(a)) for a in node.args]
            a, b = args
            tails = [t for t in (a.tail, b.tail) if t is not None]
            first, second = (a, b) if is_power_of_two(node.args[0]) else (b, a)
            low = None
            if tails:
                low = self._named(f"{name}l", first.head * tails[0])
            made = first.head * second.head
            if any(map(is_far, node.args)):
                made = Call("fixed", (made, self.word))
            return _Value(self._named(name, made), low)
        if node.name == "div" and name in self.piece.rounded:
            return self._corrected(name, *args)
        if name not in self.piece.pairs:
            return self._plain(name, node)
        two: dict[str, Callable[..., _Value]] = {
            "add": self._sum,
            "sub": self._difference,
            "mul": self._product,
            "div": self._quotient,
            "sqrt": self._root,
            "exp": self._exp,
        }
        if node.name == "log":
            (a,) = args
            own = node.args[0] == Var(self.piece.program.input)
            return self._log(name, a, own)
        return two[node.name](name, *args)

    def _constant(self, node: Op) -> _Value:
        return self._number(number_of(node))

    def _plain(self, name: str, node: Op) -> _Value:
        if name == self.piece.scaled:
            pair = self._exp(name, self._operand(node.args[0]))
            self.values[name] = pair
            return _Value(self.float_of(name))
        args = tuple(map(self._float, node.args))
        if node.name in ("add", "sub"):
            # Graphs gather additions, those of heads and tails among them.
            args = tuple(map(self._unseen, node.args, args))
        if node.name == "div":
            args = _turned(*args)
        made: Expr = Op(node.name, args)
        if node.name == "log":
            made = ops("log", *args)
        by_number = any(isinstance(a, Const) for a in node.args)
        if node.name == "mul" and (by_number or name in self.summed):
            # Fused into a sum alone, not into what the sum loses.
            made = Call("fixed", (made, Word(self.dtype)))
        return _Value(self._named(name, made))

    def _unseen(self, node: Expr, made: Expr) -> Expr:
        """A float that is a sum of two, out of sight."""
        if not isinstance(node, Var) or isinstance(made, Number):
            return made
        if self.values[node.name].tail is None:
            return made
        return Call("apart", (made, self.word))

    def _sum(self, name: str, a: _Value, b: _Value) -> _Value:
        if isinstance(a.head, Number):
            a, b = b, a
        s, e = self._pair(name, Call("two_sum", (a.head, b.head)))
        seen = isinstance(b.head, Number)
        return _Value(s, self._gathered(name, e, a.tail, b.tail), seen)

    def _difference(self, name: str, a: _Value, b: _Value) -> _Value:
        if isinstance(b.head, Number):
            low = b.tail
            assert low is None or isinstance(low, Number)
            return self._sum(name, a, _negative(b))
        head = self._named(f"{name}n", -b.head)
        low = None
        if b.tail is not None:
            low = self._named(f"{name}m", -b.tail)
        return self._sum(name, a, _Value(head, low))

    def _gathered(self, name: str, *tails: Expr | None) -> Expr:
        found = [t for t in tails if t is not None]
        total = found[0]
        for tail in found[1:]:
            total = total + tail
        if len(found) == 1:
            return total
        return self._named(f"{name}t", total)

    def _product(self, name: str, a: _Value, b: _Value) -> _Value:
        heads = _tensor(a.head), _tensor(b.head)
        call = Call("product_of_halves", (*heads, Word(self.dtype)))
        p, e = self._pair(name, call)
        cross = [
            x * y
            for x, y in ((a.head, b.tail), (b.head, a.tail))
            if y is not None
        ]
        if a == b and cross:
            cross = [Number(Fraction(2), self.dtype) * cross[0]]
        return _Value(p, self._gathered(name, e, *cross))

    def _divided(self, stem: str, a: Expr, b: Expr) -> Var:
        like = b
        a, b = _turned(a, b)
        if isinstance(a, Number):  # torch: c / b is c * (1 / b) for a number
            a = a + Call("ops.zeros_like", (like,))
        call = Call("quotient", (a, b, Word(self.dtype)))
        return self._named(stem, Call("once", (call, Word(self.dtype))))

    def _corrected(self, name: str, a: _Value, b: _Value) -> _Value:
        q = self._divided(f"{name}q", a.head, b.head)
        rest = a.tail
        if b.tail is not None:
            back = q * b.tail
            rest = -back if rest is None else rest - back
        if rest is None:
            return _Value(q)
        more = self._divided(f"{name}r", rest, b.head)
        return _Value(self._named(name, q + more))

    def _quotient(self, name: str, a: _Value, b: _Value) -> _Value:
        if isinstance(a.head, Number):
            like = b.head
            if a.tail is None and a.head.value == 1:
                a = _negative(a)
                b = _Value(-b.head, None if b.tail is None else -b.tail)
            # torch: c / b is c * (1 / b) for a number.
            a = _Value(a.head + ops("zeros_like", like), a.tail)
        call = Call("short_quotient", (_group(a), _group(b), self.word))
        return _Value(*self._pair(name, call))

    def _root(self, name: str, a: _Value) -> _Value:
        call = Call("short_root", (_group(a), self.word))
        return _Value(*self._pair(name, call))

    def _exp(self, name: str, a: _Value) -> _Value:
        names = f"{name}m_{self.k}", f"{name}n_{self.k}"
        scaled = name == self.piece.scaled
        if scaled and not self.piece.signed:
            call = Call("pair_exp", (_group(a), self.word))
            self.statements.append(Assign(names, call))
            self.exponent = Var(names[1])
            return _Value(Part(names[0], 0), Part(names[0], 1))
        call = Call("signed_exp", (_group(a), self.word))
        self.statements.append(Assign(names, call))
        if scaled:
            self.exponent = Var(names[1])
        elif not self._falls(name):
            call = Call("pair_by_power", (*map(Var, names), self.word))
            return _Value(*self._pair(name, call))
        return _Value(Part(names[0], 0), Part(names[0], 1))

    def _falls(self, name: str) -> bool:
        """Whether it is an exponential of -t, or of -c t, t > 0."""
        table = dict(self.piece.program.statements)
        node = table[name]
        assert isinstance(node, Op)
        inner: Expr | None = node.args[0]
        if isinstance(inner, Var):
            inner = table.get(inner.name)
        if not isinstance(inner, Op) or inner.name != "neg":
            return False
        return self.piece.low > 0 and not self.piece.signed

    def _unit(self) -> _Value:
        """2**-n, or the smallest normal number: what is left is as small."""
        assert self.exponent is not None
        call = Call("unit_of", (self.exponent, Word(self.dtype)))
        return _Value(self._named(UNIT, call))

    def _log(self, name: str, a: _Value, own: bool) -> _Value:
        """
        Args:
            own: it is the input, which may be subnormal.
        """
        names = f"{name}m_{self.k}", f"{name}n_{self.k}"
        split = "split_exponent"
        if own and 0 < self.piece.low < self.fmt.smallest_normal:
            split = "split_subnormal"
        call = Call(split, (a.head, Word(1), Word(self.dtype)))
        self.statements.append(Assign(names, call))
        both = Var(names[0]), Var(names[1]), Word(self.dtype)
        h, e = self._pair(name, Call("pair_log", both))
        more = None
        if a.tail is not None:
            more = self._divided(f"{name}r", a.tail, a.head)
        return _Value(h, self._gathered(name, e, more))


def _turned(a: Expr, b: Expr) -> tuple[Expr, Expr]:
    """The same quotient; 1 / b is not one in graphs: see `program.infix`."""
    if isinstance(a, Number) and a.value == 1:
        return Number(-a.value, a.dtype), -b
    return a, b


def _group(value: _Value) -> Group:
    """Both parts as tensors."""
    tail = Word(None) if value.tail is None else _tensor(value.tail)
    return Group((_tensor(value.head), tail))


def _tensor(part: Expr) -> Expr:
    """A number as one, of which the bits can be seen."""
    if isinstance(part, Number):
        return constant(part.value, part.dtype)
    return part


def _negative(value: _Value) -> _Value:
    assert isinstance(value.head, Number)
    low = value.tail
    assert low is None or isinstance(low, Number)
    return _Value(
        Number(-value.head.value, value.head.dtype),
        None if low is None else Number(-low.value, low.dtype),
    )
