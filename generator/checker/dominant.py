"""Formulas with their exponentials taken out, for far from 0.

On a binade about 1e38 not even the sign of exp(x) - exp(-x) is seen; that of
exp(x) (1 - exp(-2 x)) is.  Each formula is exp(c x) times another, in which
what is left of exponentials falls towards the side that is asked for; the
identities hold for every real x, log(exp(c x) r) = c x + log(r) with r > 0.
"""

from __future__ import annotations

from fractions import Fraction

from .formula import Node
from .formula import X
from .formula import exp
from .formula import log
from .formula import number

START = Fraction(8)  # |x| from which on it is used
Factor = tuple[Fraction, Node]
NONE = Fraction(0)


def dominant(node: Node, side: int) -> Node:
    """The same for every x, and without exponentials of side x > 0."""
    return _whole(_Factors(side).of(node))


def _whole(factor: Factor) -> Node:
    c, rest = factor
    return _exp(c) * rest if c else rest


def _exp(c: Fraction) -> Node:
    return exp(number(c) * X)


class _Factors:
    def __init__(self, side: int) -> None:
        self.side = side
        # By what they are, kept: an address may be taken again.
        self.known: dict[int, tuple[Node, Factor]] = {}

    def of(self, node: Node) -> Factor:
        """(c, r) with node = exp(c x) r."""
        if id(node) not in self.known:
            self.known[id(node)] = node, self._of(node)
        return self.known[id(node)][1]

    def _of(self, node: Node) -> Factor:
        if not node.args:
            return NONE, node
        found = [self.of(a) for a in node.args]
        (c, r), (d, s) = found[0], found[-1]
        if node.name == "add":
            top = max(c, d) if self.side > 0 else min(c, d)
            parts = (_whole((e - top, q)) for e, q in found)
            return top, next(parts) + next(parts)
        if node.name == "mul":
            return c + d, r * s
        if node.name == "div":
            return c - d, r / s
        if node.name == "pow":
            return c * node.value, r**node.value
        if node.name == "log" and c:
            return NONE, number(c) * X + log(r)
        if node.name == "exp" and not c:
            line = _line(r)
            if line is not None and line[0]:
                return line[0], exp(number(line[1]))
        args = tuple(map(_whole, found))
        return NONE, Node(node.name, args, node.value, node.numbers)


def _line(node: Node) -> tuple[Fraction, Fraction] | None:
    """(c, d) of c x + d."""
    if node.name == "x":
        return Fraction(1), NONE
    if node.name == "number":
        return NONE, node.value
    if node.name not in ("add", "mul", "div"):
        return None
    a, b = map(_line, node.args)
    if a is None or b is None:
        return None
    if node.name == "add":
        return a[0] + b[0], a[1] + b[1]
    if node.name == "mul" and (not a[0] or not b[0]):
        return a[0] * b[1] + a[1] * b[0], a[1] * b[1]
    if node.name == "div" and not b[0] and b[1]:
        return a[0] / b[1], a[1] / b[1]
    return None
