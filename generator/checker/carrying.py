"""What the operations of carried forms are in a body: see carried.py."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb
from flint import ctx

from .carried_numbers import is_far
from .carried_numbers import is_power_of_two
from .carried_numbers import nearest
from .carried_numbers import none
from .carried_numbers import text_of
from .carried_numbers import tree_of
from .claims import Format
from .claims import exact
from .values import ball
from .values import rational

UNIT = "w"  # of a program: 1, or the power of two that is left out
BITS = 400  # of constants that are no fractions
TWO = {"add": "+", "sub": "-", "mul": "*"}
Row = tuple[str, Any]


@dataclass(frozen=True)
class Value:
    """head + tail as text; what they are exactly, as trees.

    Attributes:
        low: of the tail, None where it is 0 in exact arithmetic.
        numbers: the value, if it is a number.
        seen: a number was added last, which compilers move about.
    """

    head: str
    tail: str | None
    tree: Any
    low: Any = None
    numbers: tuple[Fraction, Fraction] | None = None
    seen: bool = False


@dataclass
class Operations:
    """Statements of a body, one operation of a program after the other.

    Attributes:
        k: the number that names end with.
        text: the statements.
        meant: what they are in exact arithmetic.
        values, floats: by name, as it is carried and as one float.
        exponent: the name of what is left out.
        rows, trees, scaled, signed, pairs, rounded: of the certificate.
        positive: names of what is positive.
        input: its name.
        above_zero: whether the input is.
        from_subnormal: whether it is, and may be below the smallest normal.
    """

    k: int
    fmt: Format
    rows: Sequence[Row] = ()
    trees: dict[str, Any] = field(default_factory=dict)
    scaled: str | None = None
    signed: bool = False
    pairs: frozenset[str] = frozenset()
    rounded: frozenset[str] = frozenset()
    positive: frozenset[str] = frozenset()
    input: str = "t"
    above_zero: bool = False
    from_subnormal: bool = False
    text: list[str] = field(default_factory=list)
    meant: list[Row] = field(default_factory=list)
    values: dict[str, Value] = field(default_factory=dict)
    floats: dict[str, Value] = field(default_factory=dict)
    exponent: str | None = None

    # -- names and numbers ------------------------------------------------
    def tensor(self, value: float) -> str:
        """A constant of the format."""
        text = repr(value)
        if np.isinf(value):
            text = f'float("{value}")'
        return f'_constant({text}, "{self.fmt.name}")'

    def _named(self, stem: str, value: str) -> str:
        name = f"{stem}_{self.k}"
        self.text.append(f"{name} = {value}")
        return name

    def _both(self, stem: str, value: str) -> tuple[str, str]:
        names = f"{stem}_{self.k}", f"{stem}l_{self.k}"
        self.text.append(f"{names[0]}, {names[1]} = {value}")
        return names

    def _call(self, name: str, *args: str) -> str:
        return f'{name}({", ".join(args)}, "{self.fmt.name}")'

    def _number(self, value: Fraction) -> Value:
        head = nearest(value, self.fmt)
        tail = nearest(value - head, self.fmt)
        low = text_of(tail) if tail else None
        return Value(
            text_of(head),
            low,
            tree_of(head),
            tree_of(tail) if tail else None,
            (head, tail),
        )

    def _tensors(self, value: Value) -> tuple[str, str | None]:
        """Head and tail; numbers as tensors, of which the bits are seen."""
        if value.numbers is None:
            return value.head, value.tail
        head, tail = (self.tensor(float(n)) for n in value.numbers)
        return head, None if value.tail is None else tail

    def _operand(self, part: Any) -> Value:
        if isinstance(part, str):
            return self.values[part]
        return self._number(exact(part["constant"]))

    def _meant(self, name: str, tree: Any, low: Any = None) -> tuple[Any, Any]:
        """The names of what a value is exactly."""
        self.meant.append((name, tree))
        if low is None:
            return name, None
        self.meant.append((f"{name}'", low))
        return name, f"{name}'"

    def as_float(self, part: Any) -> Value:
        """As one float: head + tail, once; of numbers the head."""
        if not isinstance(part, str):
            made = self._operand(part)
            return Value(made.head, None, made.tree, None, made.numbers)
        if part not in self.floats:
            value = self.values[part]
            made = Value(value.head, None, value.tree, None, value.numbers)
            if value.tail is not None and value.numbers is None:
                tail = self._call("_apart", value.tail)
                head = value.head
                if value.seen:
                    head = self._call("_apart", head)
                text = self._named(f"{part}s", f"{head} + {tail}")
                tree = value.tree
                if value.low is not None:
                    tree, _ = self._meant(f"{part}+", _joined(value))
                made = Value(text, None, tree)
            self.floats[part] = made
        return self.floats[part]

    # -- operations -------------------------------------------------------
    def value(self, name: str, tree: Any) -> Value:
        """One statement."""
        if isinstance(tree, dict):
            return self._unit(name, tree)
        way, *parts = tree
        if all(isinstance(part, dict) for part in parts):
            return self._constant(way, *parts)
        if way == "neg":
            return self._negated(name, *map(self._operand, parts))
        if way == "mul" and any(map(self._is_exact, parts)):
            return self._multiple(name, *parts)
        if way == "div" and name in self.rounded:
            return self._corrected(name, *map(self._operand, parts))
        if name not in self.pairs:
            return self._plain(name, way, parts)
        args = [self._operand(part) for part in parts]
        two: dict[str, Callable[..., Value]] = {
            "add": self._sum,
            "sub": self._difference,
            "mul": self._product,
            "div": self._quotient,
            "sqrt": self._root,
            "exp": self._exp,
            "log": self._log,
        }
        return two[way](name, *args)

    def _is_exact(self, part: Any) -> bool:
        """A power of two."""
        if isinstance(part, str):
            return part == UNIT and isinstance(self.trees.get(part), dict)
        return is_power_of_two(exact(part["constant"]))

    def _unit(self, name: str, tree: Any) -> Value:
        if name != UNIT or exact(tree["constant"]) != 1 or not self.exponent:
            raise none("a unit of what is scaled")
        text = self._named(name, self._call("_unit_of", self.exponent))
        return Value(text, None, *self._meant(name, tree))

    def _constant(self, way: str, part: Any) -> Value:
        if way not in ("exp", "log", "sqrt"):
            raise none(f"{way} of numbers")
        before = ctx.prec
        try:
            ctx.prec = BITS
            made: arb = getattr(ball(exact(part["constant"])), way)()
            most = Fraction(self.fmt.max_finite)
            small, large = ball(1 / most), ball(most)
            if not (
                made.rel_accuracy_bits() > BITS // 2
                and (small < abs(made) < large)
            ):
                raise none(f"{way} of a number out of proportion")
            return self._number(rational(made.mid()))
        finally:
            ctx.prec = before

    def _negated(self, name: str, a: Value) -> Value:
        head = self._named(name, f"-{a.head}")
        tail = None
        if a.tail is not None:
            tail = self._named(f"{name}l", f"-{a.tail}")
        low = None if a.low is None else ["neg", a.low]
        return Value(head, tail, *self._meant(name, ["neg", a.tree], low))

    def _multiple(self, name: str, *parts: Any) -> Value:
        """By a power of two: of both parts."""
        of = self._operand if name in self.pairs else self.as_float
        a, b = map(of, parts)
        one, other = (a, b) if self._is_exact(parts[0]) else (b, a)
        if one.tail is not None:
            raise none("a power of two that is no float")
        tail = None
        if other.tail is not None:
            tail = self._named(f"{name}l", f"{one.head} * {other.tail}")
        text = f"{one.head} * {other.head}"
        if any(v.numbers and is_far(v.numbers[0]) for v in (a, b)):
            text = self._call("_fixed", text)
        head = self._named(name, text)
        low = None if other.low is None else ["mul", one.tree, other.low]
        made = self._meant(name, ["mul", a.tree, b.tree], low)
        return Value(head, tail, *made)

    def _plain(self, name: str, way: str, parts: list[Any]) -> Value:
        if name == self.scaled:
            self.values[name] = self._exp(name, self._operand(parts[0]))
            return self.as_float(name)
        args = [self.as_float(part) for part in parts]
        texts = [a.head for a in args]
        if way in ("add", "sub"):
            texts = list(map(self._unseen, parts, args))
        if way == "div" and args[0].numbers is not None:
            texts = list(turned(*texts))
        if way in TWO:
            made = f"{texts[0]} {TWO[way]} {texts[1]}"
        else:
            made = {
                "div": lambda: self._call("_quotient", *texts),
                "sqrt": lambda: self._call("_square_root", *texts),
                "exp": lambda: f"ops.exp({texts[0]})",
                "log": lambda: f"ops.log({texts[0]})",
            }[way]()
        by_number = any(isinstance(part, dict) for part in parts)
        if way == "mul" and (by_number or self._is_summed(name)):
            made = self._call("_fixed", made)
        head = self._named(name, made)
        tree = [way, *(a.tree for a in args)]
        return Value(head, None, *self._meant(name, tree))

    def _unseen(self, part: Any, made: Value) -> str:
        """A float that was a pair, which graphs see no sum of."""
        if not isinstance(part, str) or made.numbers is not None:
            return made.head
        whole = self.values[part].tail is not None
        return self._call("_apart", made.head) if whole else made.head

    def _is_summed(self, name: str) -> bool:
        """Whether it is a term of a sum of which the rest is kept."""
        return any(
            isinstance(tree, list)
            and tree[0] in ("add", "sub")
            and name in tree[1:]
            for key, tree in self.rows
            if key in self.pairs
        )

    def _sum(self, name: str, a: Value, b: Value, minus: Any = None) -> Value:
        tree = minus or ["add", a.tree, b.tree]
        if a.numbers is not None:
            a, b = b, a
        s, e = self._both(name, f"_two_sum({a.head}, {b.head})")
        tail = self._gathered(name, e, a.tail, b.tail)
        lows = [v.low for v in (a, b) if v.low is not None]
        low = _total(lows)
        seen = b.numbers is not None
        made = self._meant(name, tree, low)
        return Value(s, tail, *made, None, seen)

    def _difference(self, name: str, a: Value, b: Value) -> Value:
        tree = ["sub", a.tree, b.tree]
        if b.numbers is not None:
            less = -(b.numbers[0] + b.numbers[1])
            return self._sum(name, a, self._number(less), tree)
        head = self._named(f"{name}n", f"-{b.head}")
        tail = None
        if b.tail is not None:
            tail = self._named(f"{name}m", f"-{b.tail}")
        low = None if b.low is None else ["neg", b.low]
        return self._sum(name, a, Value(head, tail, None, low), tree)

    def _gathered(self, name: str, *tails: str | None) -> str:
        found = [tail for tail in tails if tail is not None]
        if len(found) == 1:
            return found[0]
        return self._named(f"{name}t", " + ".join(found))

    def _product(self, name: str, a: Value, b: Value) -> Value:
        heads = [self._tensors(v)[0] for v in (a, b)]
        call = self._call("_product_of_halves", *heads)
        p, e = self._both(name, call)
        cross = [
            f"{x.head} * {y.tail}"
            for x, y in ((a, b), (b, a))
            if y.tail is not None
        ]
        if a == b and cross:
            cross = [f"2.0 * ({cross[0]})"]
        tail = self._gathered(name, e, *cross)
        lows = [
            ["mul", x.tree, y.low]
            for x, y in ((a, b), (b, a))
            if y.low is not None
        ]
        low = _total(lows)
        made = self._meant(name, ["mul", a.tree, b.tree], low)
        return Value(p, tail, *made)

    def _divided(self, stem: str, a: str, b: str, whole: bool = False) -> str:
        if whole:  # a number, which torch would divide otherwise
            like = b
            a, b = turned(a, b)
            a = f"{a} + ops.zeros_like({like})"
        return self._named(stem, self._call("_quotient", a, b))

    def _corrected(self, name: str, a: Value, b: Value) -> Value:
        whole = a.numbers is not None
        q = self._divided(f"{name}q", a.head, b.head, whole)
        quotient = ["div", a.tree, b.tree]
        rest, low = a.tail, a.low
        if b.tail is not None:
            back = f"{q} * {b.tail}"
            rest = f"-({back})" if rest is None else f"{rest} - {back}"
        if b.low is not None:
            less = ["mul", quotient, b.low]
            low = ["neg", less] if low is None else ["sub", low, less]
        if rest is None:
            return Value(q, None, *self._meant(name, quotient))
        number = whole and b.tail is None
        more = self._divided(f"{name}r", rest, b.head, number)
        head = self._named(name, f"{q} + {more}")
        tree = quotient
        if low is not None:
            tree = ["add", quotient, ["div", low, b.tree]]
        return Value(head, None, *self._meant(name, tree))

    def _quotient(self, name: str, a: Value, b: Value) -> Value:
        head, over = a.head, a.tail
        under, tail = self._tensors(b)
        if a.numbers is not None:
            over = self._tensors(a)[1]
            if a.tail is None:
                head, under = turned(head, under)
            if under != b.head and tail is not None:
                tail = f"-{tail}"
            head = f"{head} + ops.zeros_like({b.head})"
        one, two = f"({head}, {over})", f"({under}, {tail})"
        both = self._both(name, self._call("_short_quotient", one, two))
        made = self._meant(name, ["div", _joined(a), _joined(b)])
        return Value(*both, *made)

    def _root(self, name: str, a: Value) -> Value:
        pair = f"({a.head}, {a.tail})"
        both = self._both(name, self._call("_short_root", pair))
        return Value(*both, *self._meant(name, ["sqrt", _joined(a)]))

    def _exp(self, name: str, a: Value) -> Value:
        """Both parts of m, and n; what is left out stays so, or is put back."""
        m, n = f"{name}m_{self.k}", f"{name}n_{self.k}"
        scaled = name == self.scaled
        call = "_pair_exp" if scaled and not self.signed else "_signed_exp"
        made = self._call(call, f"({a.head}, {a.tail})")
        self.text.append(f"{m}, {n} = {made}")
        parts = f"{m}[0]", f"{m}[1]"
        if scaled:
            self.exponent = n
        elif not self._falls(name):
            parts = self._both(name, self._call("_pair_by_power", m, n))
        return Value(*parts, *self._meant(name, ["exp", _joined(a)]))

    def _falls(self, name: str) -> bool:
        """Whether n is 0: exp of -(...), which has to be something negative."""
        tree: Any = self.trees[name][1]
        tree = self.trees.get(tree) if isinstance(tree, str) else tree
        if not (isinstance(tree, list) and tree[0] == "neg"):
            return False
        if not self.above_zero:
            return False
        if tree[1] not in self.positive:
            raise none("an exponential of what may be positive")
        return True

    def _log(self, name: str, a: Value) -> Value:
        m, n = f"{name}m_{self.k}", f"{name}n_{self.k}"
        word = f'"{self.fmt.name}"'
        split = "_split_exponent"
        if self.from_subnormal and self.trees[name][1] == self.input:
            split = "_split_subnormal"
        self.text.append(f"{m}, {n} = {split}({a.head}, 1, {word})")
        h, e = self._both(name, self._call("_pair_log", m, n))
        more = None
        if a.tail is not None:
            more = self._divided(f"{name}r", a.tail, a.head)
        low = None if a.low is None else ["div", a.low, a.tree]
        made = self._meant(name, ["log", a.tree], low)
        return Value(h, self._gathered(name, e, more), *made)


def turned(a: str, b: str) -> tuple[str, str]:
    """1 / b as (-1) / (-b): 1 / b is no quotient in TensorFlow's graphs."""
    return ("-1.0", f"-{b}") if a == "1.0" else (a, b)


def _joined(a: Value) -> Any:
    return a.tree if a.low is None else ["add", a.tree, a.low]


def _total(lows: list[Any]) -> Any:
    """Of at most two."""
    if len(lows) == 2:
        return ["add", *lows]
    return lows[0] if lows else None
