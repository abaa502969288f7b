"""erf and erfc: what is left of 1, and at infinity.

With y = 1/u, erfc(u) = exp(-u**2) y / sqrt(pi) G(y**2) and

    G(z) = integral over r > 0 of exp(-r - r**2 z / 4).

Its derivatives at z >= 0 alternate in sign and fall in size, so each lies
between that at 0, (-1)**k (2 k)! / 4**k, and what is left of it when z times
the next one is taken away.
"""

from __future__ import annotations

from fractions import Fraction
from math import factorial
from typing import TYPE_CHECKING

from flint import arb
from flint import arb_series

from .formula import ONE
from .formula import Node
from .formula import call
from .formula import constant
from .formula import exp
from .formula import number
from .values import Part
from .values import Unknown
from .values import Value
from .values import ball

if TYPE_CHECKING:
    from .enclosure import Chart


def complemented(node: Node) -> Node:
    """The same with a + a erf(u) as a erfc(-u), for numbers a."""
    made: dict[int, Node] = {}

    def of(tree: Node) -> Node:
        if id(tree) not in made:
            args = tuple(map(of, tree.args))
            same = all(a is b for a, b in zip(args, tree.args, strict=True))
            new = tree if same else Node(tree.name, args, tree.value)
            made[id(tree)] = _sum(new) if tree.name == "add" else new
        return made[id(tree)]

    return of(node) if _has(node) else node


def _has(node: Node) -> bool:
    seen: set[int] = set()
    stack = [node]
    while stack:
        tree = stack.pop()
        if tree.name == "erf":
            return True
        if id(tree) not in seen:
            seen.add(id(tree))
            stack += tree.args
    return False


def _terms(node: Node, factor: Fraction) -> list[tuple[Fraction, Node]]:
    """A sum as numbers times what is no sum."""
    if node.name == "add":
        return [t for a in node.args for t in _terms(a, factor)]
    value = constant(node)
    if value is not None:
        return [(factor * value, ONE)]
    if node.name in ("mul", "div"):
        a, b = node.args
        right = constant(b)
        if right is not None and (right or node.name == "mul"):
            own = right if node.name == "mul" else 1 / right
            return _terms(a, factor * own)
        left = constant(a)
        if left is not None and node.name == "mul":
            return _terms(b, factor * left)
    return [(factor, node)]


def _sum(node: Node) -> Node:
    """A sum with one error function that a number is the negative of."""
    terms = _terms(node, Fraction(1))
    whole, slope, inner = Fraction(0), Fraction(0), None
    rest: list[tuple[Fraction, Node]] = []
    for c, atom in terms:
        if atom is ONE:
            whole += c
        elif atom.name in ("erf", "erfc"):
            if inner is not None and atom.args[0] != inner:
                return node
            inner = atom.args[0]
            slope += c if atom.name == "erf" else -c
            whole += c if atom.name == "erfc" else 0
        else:
            rest.append((c, atom))
    if inner is None or not slope or abs(slope) != abs(whole):
        return node
    made = number(whole) * call("erfc", -inner if slope == whole else inner)
    for c, atom in rest:
        made = made + number(c) * atom
    return made


def square(node: Node) -> Node:
    """node**2, with the roots of its factors taken away."""
    if node.name in ("mul", "div"):
        return Node(node.name, tuple(map(square, node.args)))
    if node.name == "pow":
        return node.args[0] ** (2 * node.value)
    value = constant(node)
    return number(value * value) if value is not None else node**2


def error_function(chart: Chart, node: Node, a: Value) -> Value:
    """erf or erfc of a."""
    part, name = a.plain, node.name
    if part.v < 0:
        part = chart.settled(part)
    if part.v < 0:
        if not chart.end:
            raise Unknown("erf of a pole")
        sign = 1 if part.p.coeffs()[0] > 0 else -1
        return _at_infinity(chart, name, node.args[0], sign)
    part = chart.lifted(part, 0)
    p, q = getattr(part.p, name)(), getattr(part.q, name)()
    qs, inner = q.coeffs(), part.q.coeffs()
    if qs and inner:  # monotonic: the ball of a wide argument is far wider
        ends = (getattr(end, name)() for end in _ends(inner[0]))
        q = arb_series([next(ends).union(next(ends)), *qs[1:]], q.prec)
    return Value({0: Part(0, p, q)})


def _ends(value: arb) -> tuple[arb, arb]:
    return value.lower(), value.upper()


def _at_infinity(chart: Chart, name: str, node: Node, sign: int) -> Value:
    """Of what goes to infinity with that sign."""
    y = chart.evaluate(ONE / (node if sign > 0 else -node))
    part = _of_small(chart, chart.mul(y, y).plain)
    made = chart.mul(Value({0: part}), chart.number(1 / arb.pi().sqrt()))
    small = chart.mul(chart.mul(chart.evaluate(exp(-square(node))), y), made)
    if name == "erfc" and sign > 0:
        return small
    limit, turn = (2, -1) if name == "erfc" else (sign, -sign)
    return chart.add(
        chart.number(arb(limit)), chart.mul(small, chart.number(arb(turn)))
    )


def _of_small(chart: Chart, z: Part) -> Part:
    """G(z) for a z that goes to 0."""
    z = chart.lifted(z, 0)
    n = min(z.p.prec, z.q.prec)
    known = [
        ball(Fraction((-1) ** k * factorial(2 * k), factorial(k) * 4**k))
        for k in range(n + 1)
    ]
    qs = z.q.coeffs()
    most = arb(qs[0].upper()) if qs else arb(0)
    if z.p.coeffs() and z.p.coeffs()[0] != 0:
        raise Unknown("a number that does not go to 0")
    around = []
    for k in range(n):
        left = 1 - most * (2 * k + 1) * (k + 1) / 2
        least = left.lower() if left > 0 else arb(0)
        around.append(known[k] * least.union(arb(1)))
    step = arb_series([arb(0), *qs[1:]], n)
    p = _composed(known[:n], arb_series(z.p.coeffs(), n), n)
    return Part(0, p, _composed(around, step, n))


def _composed(coefficients: list[arb], inner: arb_series, n: int) -> arb_series:
    total = arb_series([], n)
    for c in reversed(coefficients):
        total = total * inner + arb_series([c], n)
    return total
