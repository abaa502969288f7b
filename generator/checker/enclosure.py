"""Taylor coefficients of a formula at a point and over a box about it.

A function is known by two power series: p, its Taylor series at the center,
and q, which encloses its Taylor series at every point of the box.  Then

    f(s) = p_0 + p_1 s + ... + p_(n-1) s**(n-1) + q_n s**n

for all s of the box (Taylor's theorem with Lagrange's remainder; Moore,
Kearfott and Cloud, *Introduction to Interval Analysis*, chapter 9).  Both and
their derivatives come from power series arithmetic (Brent and Kung 1978).

Where numerator and denominator vanish at the center, both are divided by a
power of s: if N vanishes there to order m, the k-th coefficient of N / s**m
at any point of the box is an average of N's coefficients k + m over the box
(an integral over N's m-th derivative), so q is shifted like p.

In a chart of an end of the domain, x = point + side w**r or side w**-r for
0 <= w <= radius, functions are exp(g(1/w)) w**v (A_0 + log(w) A_1 + ...)
with such series A.  Where exponentials matter, w = exp(-side x / r) is the
better coordinate of infinity: exp(x) is a power of w, x a logarithm.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from fractions import Fraction

from flint import arb
from flint import arb_poly
from flint import arb_series
from flint import ctx

from .error_function import error_function
from .formula import Node
from .formula import conjugate
from .formula import constant
from .formula import number
from .formula import replaced
from .polynomials import polynomial_at
from .values import Part
from .values import Unknown
from .values import Value
from .values import ball
from .values import negative
from .values import rational
from .values import scales_sum
from .values import series_power
from .values import shorter
from .values import sorted_scale
from .values import vanishing

SIGN_BITS = (256, 1024, 4096)  # tried in turn


@dataclass
class Chart:
    """Where formulas are evaluated.

    Attributes:
        n: how many coefficients.
        box: of s, a ball that holds 0.
        x: the variable.
        end: whether s = w > 0 tends to an end of the domain.
        rate: r of that end, negative at infinity.
        exponential: whether w = exp(-side x / r).
        reach: the interval of x that is asked about; None at an end.
    """

    n: int
    box: arb
    x: Value
    end: bool = False
    rate: int = 1
    side: int = 1
    exponential: bool = False
    reach: tuple[Fraction, Fraction] | None = None
    memo: dict[int, Value] = field(default_factory=dict)
    kept: list[Node] = field(default_factory=list)

    # -- series ---------------------------------------------------------
    def series(self, *coefficients: arb | int) -> arb_series:
        """A polynomial, to the precision of the chart."""
        return arb_series([arb(c) for c in coefficients], self.n)

    def step(self) -> arb_series:
        """s itself over the box."""
        return self.series(self.box, 1)

    def number(self, value: arb) -> Value:
        """A constant."""
        return Value({0: Part(0, self.series(value), self.series(value))})

    def lifted(self, part: Part, v: int) -> Part:
        """The same with a smaller v."""
        k = part.v - v
        if k == 0:
            return part
        q = part.q
        for _ in range(k):
            q = q * self.step()
        shift = self.series(*([0] * k), 1)
        return Part(v, part.p * shift, q)

    def settled(self, part: Part) -> Part:
        """With a leading coefficient that is not exactly 0."""
        ps, n = part.p.coeffs(), part.p.prec
        zeros = 0
        while zeros < len(ps) and ps[zeros] == 0:
            zeros += 1
        if zeros == len(ps) or zeros >= n:
            raise Unknown("nothing but zeros in sight")
        if not zeros:
            return part
        qs = part.q.coeffs()
        return Part(
            part.v + zeros,
            arb_series(ps[zeros:], n - zeros),
            arb_series(qs[zeros:], part.q.prec - zeros),
        )

    def refined(self, part: Part) -> Part:
        """With q from the Taylor series of its functions at the center.

        The k-th coefficient at s is sum_(j < m) C(j, k) p_j s**(j - k) +
        C(m, k) q_m s**(m - k), by Taylor's theorem for the k-th derivative:
        of higher order in the box than interval arithmetic.
        """
        m = min(part.p.prec, part.q.prec) - 1
        qs = part.q.coeffs()
        if m < 1 or len(qs) <= m:
            return part
        around = arb_poly([self.box, 1])
        known = arb_poly(part.p.coeffs()[:m])(around)
        rest = around**m * qs[m]
        made = (known + rest).coeffs()
        made += [arb(0)] * (m + 1 - len(made))
        finer = [
            a if a.rad() < b.rad() else b
            for a, b in zip(made[: m + 1], qs[: m + 1], strict=True)
        ]
        return Part(part.v, part.p, arb_series(finer, m + 1))

    # -- parts ----------------------------------------------------------
    def add_parts(self, a: Part, b: Part) -> Part:
        """a + b."""
        v = min(a.v, b.v)
        a, b = self.lifted(a, v), self.lifted(b, v)
        return Part(v, a.p + b.p, a.q + b.q)

    def _inverse(self, part: Part) -> Part:
        if part.q.coeffs()[0].contains(0) if part.q.coeffs() else True:
            part = self.settled(part)
        lead = part.q.coeffs()
        if lead and lead[0].contains(0):
            part = self.refined(part)
            lead = part.q.coeffs()
        if not lead or lead[0].contains(0):
            raise Unknown("a denominator that may vanish in the box")
        return Part(-part.v, 1 / part.p, 1 / part.q)

    def _regular(self, part: Part) -> Part:
        """With v = 0."""
        if part.v < 0:
            part = self.settled(part)
        if part.v < 0:
            raise Unknown("a pole")
        return self.lifted(part, 0)

    # -- values ---------------------------------------------------------
    def add(self, a: Value, b: Value) -> Value:
        """a + b; of two scales the larger one leads."""
        if a.scale != b.scale:
            gap = scales_sum(b.scale, a.scale, -1)
            if gap[-1][1] > 0:
                a, b, gap = b, a, tuple((k, -c) for k, c in gap)
            tiny = vanishing(gap, self.box, self.n)
            b = self.mul(Value(b.parts), Value({0: tiny}))
        parts = dict(a.parts)
        for j, part in b.parts.items():
            parts[j] = self.add_parts(parts[j], part) if j in parts else part
        return Value(parts, a.scale)

    def mul(self, a: Value, b: Value) -> Value:
        """a * b."""
        parts: dict[int, Part] = {}
        for i, x in a.parts.items():
            for j, y in b.parts.items():
                made = Part(x.v + y.v, x.p * y.p, x.q * y.q)
                parts[i + j] = (
                    self.add_parts(parts[i + j], made)
                    if i + j in parts
                    else made
                )
        return Value(parts, scales_sum(a.scale, b.scale, 1))

    def inverse(self, a: Value) -> Value:
        """1 / a."""
        j, part = a.only
        scale = tuple((k, -c) for k, c in a.scale)
        return Value({-j: self._inverse(part)}, scale)

    def power(self, a: Value, exponent: Fraction) -> Value:
        """a**exponent."""
        if exponent.denominator == 1:
            whole = abs(int(exponent))
            result = self.number(arb(1))
            for bit in bin(whole)[2:]:
                result = self.mul(result, result)
                if bit == "1":
                    result = self.mul(result, a)
            return self.inverse(result) if exponent < 0 else result
        if set(a.parts) != {0}:
            raise Unknown("a root of a logarithm")
        part = a.parts[0]
        if part.q.coeffs()[0].contains(0) or part.v:
            part = self.settled(part)
        v = part.v * exponent
        if v.denominator > 1 or (v and not self.end):
            raise Unknown("a root of something that vanishes")
        if not part.q.coeffs()[0] > 0:
            raise Unknown("a root of something that may be negative")
        e = ball(exponent)
        root = (
            Part(int(v), part.p.sqrt(), part.q.sqrt())
            if exponent == Fraction(1, 2)
            else Part(int(v), series_power(part.p, e), series_power(part.q, e))
        )
        scale = tuple((k, c * exponent) for k, c in a.scale)
        return Value({0: root}, scale)

    def exp(self, a: Value) -> Value:
        """exp(a); what grows without bound becomes a scale."""
        if self.exponential and set(a.parts) <= {0, 1} and not a.scale:
            return self._power_of_w(a)
        part = a.plain
        if part.v < 0:
            part = self.settled(part)
        if part.v >= 0:
            part = self.lifted(part, 0)
            return Value({0: Part(0, part.p.exp(), part.q.exp())})
        if not self.end:
            raise Unknown("exp of a pole")
        lead = [*part.p.coeffs()][: -part.v]
        scale = tuple(
            (-part.v - i, rational(c)) for i, c in enumerate(lead) if c != 0
        )
        minus = self.series(*(-c for c in lead))
        rest = Part(part.v, part.p + minus, part.q + minus)
        if all(c == 0 for c in rest.p.coeffs()):  # nothing else is known of it
            shifted = arb_series(rest.q.coeffs()[-part.v :], self.n + part.v)
            rest = Part(0, arb_series([], self.n + part.v), shifted)
        else:
            rest = self.lifted(self.settled(rest), 0)
        return Value(
            {0: Part(0, rest.p.exp(), rest.q.exp())}, sorted_scale(scale)
        )

    def _power_of_w(self, a: Value) -> Value:
        """exp(c log(w) + regular) = w**c exp(regular)."""
        c = Fraction(0)
        if 1 in a.parts:
            factor = a.parts[1]
            ps = factor.p.coeffs()
            if factor.v or len(ps) != 1 or len(factor.q.coeffs()) != 1:
                raise Unknown("an exponential of more than a multiple of x")
            c = rational(ps[0])
        if c.denominator != 1:
            raise Unknown("a fractional power of the exponential")
        inner = a.parts.get(0) or self.number(arb(0)).plain
        inner = self._regular(inner)
        return Value({0: Part(int(c), inner.p.exp(), inner.q.exp())})

    def log(self, a: Value) -> Value:
        """log(a), a > 0."""
        if set(a.parts) != {0}:
            raise Unknown("a logarithm of a logarithm")
        part = a.parts[0]
        if part.v or part.q.coeffs()[0].contains(0):
            part = self.settled(part)
        if part.v and not self.end:
            raise Unknown("a logarithm of something that vanishes")
        if not part.q.coeffs()[0] > 0:
            raise Unknown("a logarithm of something that may be negative")
        result = Value({0: Part(0, part.p.log(), part.q.log())})
        if part.v:
            v = self.series(part.v)
            result = Value({**result.parts, 1: Part(0, v, v)})
        for k, c in a.scale:
            s = self.series(ball(c))
            result = self.add(result, Value({0: Part(-k, s, s)}))
        return result

    def function(self, name: str, a: Value) -> Value:
        """sin, cos, atan or asin."""
        part = a.plain
        if name == "atan" and part.v < 0:
            part = self.settled(part)
            if part.v < 0:
                sign = 1 if part.p.coeffs()[0] > 0 else -1
                inner = self.lifted(self._inverse(part), 0)
                turn = self.number(arb.pi() * sign / 2).plain
                return Value(
                    {
                        0: Part(
                            0, turn.p - inner.p.atan(), turn.q - inner.q.atan()
                        )
                    }
                )
        part = self._regular(part)
        return Value(
            {0: Part(0, getattr(part.p, name)(), getattr(part.q, name)())}
        )

    # -- formulas -------------------------------------------------------
    def evaluate(self, node: Node) -> Value:
        """The value of a formula; common parts once."""
        known = self.memo.get(id(node))
        if known is None:
            known = self._evaluate(node)
            self.memo[id(node)] = known
            self.kept.append(node)  # or its id might be used again
        return known

    def _evaluate(self, node: Node) -> Value:
        if node.name == "x":
            return self.x
        if node.name == "number":
            return self.number(ball(node.value))
        if node.name == "pi":
            return self.number(arb.pi())
        args = [self.evaluate(a) for a in node.args]
        if node.name == "add":
            for i in (0, 1):
                other = conjugate(node.args[i], node.args[1 - i])
                if other is not None and negative(args[i]):
                    return self.evaluate(other)
            return self.add(*args)
        if node.name == "mul":
            return self.mul(*args)
        if node.name == "div":
            return self.mul(args[0], self.inverse(args[1]))
        if node.name == "pow":
            return self.power(args[0], node.value)
        if node.name == "poly":
            return polynomial_at(self, node.numbers, args[0])
        if node.name == "abs":
            return self._sized(args[0], node.args[0])
        if node.name in ("exp", "log"):
            return self.exp(*args) if node.name == "exp" else self.log(*args)
        if node.name in ("erf", "erfc"):
            return error_function(self, node, args[0])
        return self.function(node.name, args[0])

    def _sized(self, a: Value, node: Node) -> Value:
        """|a|, where its sign is known on the interval that is asked about.

        With s = 1 or -1 that sign, |a| is s a there; outside of it s a is
        an analytic continuation, and that is what is expanded.
        """
        minus = self.mul(a, self.number(arb(-1)))
        if negative(a):
            return minus
        if negative(minus):
            return a
        if self.reach is not None and not self.end:
            slopes = a.plain.q.coeffs()[1:2]
            # Where it is monotonic the signs at both ends are all there are.
            if slopes and not slopes[0].contains(0) and a.plain.v == 0:
                signs = {sign_at(node, t) for t in self.reach} - {0}
                if len(signs) == 1:
                    return a if signs.pop() > 0 else minus
        raise Unknown("a sign that may change in the box")

    # -- derivatives ----------------------------------------------------
    def derivative(self, a: Value) -> Value:
        """d/dx."""
        parts: dict[int, Part] = {}

        def put(j: int, part: Part) -> None:
            parts[j] = self.add_parts(parts[j], part) if j in parts else part

        for j, part in a.parts.items():
            put(j, self._slope(part))
            if j:
                put(j - 1, Part(part.v - 1, part.p * j, part.q * j))
            for k, c in a.scale:  # exp(c w**-k)' = -k c w**(-k-1) exp
                factor = ball(-k * c)
                put(
                    j,
                    Part(part.v - k - 1, part.p * factor, part.q * factor),
                )
        if not self.end:
            return Value(parts, a.scale)
        if self.exponential:  # dw/dx = -side w / r
            ratio = arb(-self.side) / self.rate
            return Value(
                {
                    j: Part(part.v + 1, part.p * ratio, part.q * ratio)
                    for j, part in parts.items()
                }
            )
        # dw/dx = side / (r w**(r-1))
        scale = arb(self.side) / self.rate
        moved = {
            j: Part(part.v + 1 - self.rate, part.p * scale, part.q * scale)
            for j, part in parts.items()
        }
        return Value(moved, a.scale)

    def _slope(self, part: Part) -> Part:
        """(s**v A)' = s**(v-1) (v A + s A')."""
        if part.v == 0:
            return Part(0, shorter(part.p), shorter(part.q))
        p = shorter(part.p) * self.series(0, 1) + part.p * part.v
        q = shorter(part.q) * self.step() + part.q * part.v
        return Part(part.v - 1, p, q)


def regular_chart(
    low: Fraction, center: Fraction, high: Fraction, n: int
) -> Chart:
    """x = center + s for low <= x <= high."""
    whole = ball(low).union(ball(high)).union(ball(center))
    c = ball(center)
    x = Part(0, arb_series([c, 1], n), arb_series([whole, 1], n))
    return Chart(n, whole - c, Value({0: x}), reach=(low, high))


def sign_at(node: Node, t: Fraction) -> int:
    """The sign of a formula at a rational number: 0 where it vanishes.

    Raises:
        Unknown: it cannot be told from 0.
    """
    value = constant(replaced(node, number(t)))
    if value is not None:
        return (value > 0) - (value < 0)
    before = ctx.prec, ctx.cap
    try:
        for bits in SIGN_BITS:
            ctx.prec, ctx.cap = bits, 2
            found = regular_chart(t, t, t, 2).evaluate(node).plain.p.coeffs()
            if not found or found[0] == 0:
                return 0
            if not found[0].contains(0):
                return 1 if found[0] > 0 else -1
    finally:
        ctx.prec, ctx.cap = before
    raise Unknown("a sign that cannot be told")
