"""Closed forms, some of whose values are carried in pairs of floats.

A form that loses too much in one float is good where the roundings that hurt
are carried along and added once: which ones, the analysis decides.  All that
is carried to begin with says how far the form reaches at best; then one value
after the other is given up, the dearest first, as long as the bound holds.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import sympy
from flint import arb
from flint import ctx

from ..numbers.floats import FloatFormat
from ..numbers.floats import floor_log2
from ..numbers.floats import floor_log2_ball
from ..numbers.floats import power2
from ..numbers.floats import to_fraction
from ..program.assumed import primitive_errors
from ..program.bounds import SPARE
from ..program.bounds import in_ulps
from ..program.carried import Form
from ..program.carried import PairAnalyzer
from ..program.carried import is_power_of_two
from ..program.compile import CannotCompileError
from ..program.flat import UNIT
from ..program.flat import flattened
from ..program.program import Const
from ..program.program import Expr
from ..program.program import Op
from ..program.program import Program
from ..program.program import Var
from ..program.roundoff import OverflowRiskError
from .closed import ClosedForm
from .spellings import HYPERBOLIC
from .spellings import E
from .spellings import T
from .spellings import spellings

PRECISION = 160
PER_BINADE = 4
NEAR = 8  # binades from 1 that are looked at more closely
DEPTH = 6
ROUNDS = 5  # of parts that are looked at closely
ROUGHLY = 1.2  # times the goal, at first
ROUGH_DEPTH = 3
NEARLY = 1.5  # times the goal: worth a look at single floats
MOST_FLOATS = 120  # boxes for that
MOST_OPERATIONS = 40

# What a value costs in operations, in one float and in a pair.
WEIGHTS = {
    "add": (1, 8),
    "sub": (1, 8),
    "mul": (1, 15),
    "div": (5, 27),
    "sqrt": (5, 27),
    "exp": (12, 45),
    "log": (14, 75),
    "neg": (0, 0),
}
CORRECTED = 12


def cost(form: Form) -> int:
    """Roughly, in operations."""
    total = 0
    for name, node in form.program.statements:
        assert isinstance(node, Op)
        plain, pair = WEIGHTS[node.name]
        if name in form.rounded:
            total += CORRECTED
        else:
            total += pair if name in form.pairs else plain
    return total


def everything(form: Form) -> Form:
    """All of it in pairs."""
    names = frozenset(name for name, _ in form.program.statements)
    return replace(form, pairs=names, rounded=frozenset())


def divided(
    low: Fraction, high: Fraction, rate: float = 0.0
) -> list[tuple[Fraction, Fraction]]:
    """[low, high] in parts of binades, ascending.

    Args:
        rate: of exponentials, which change by exp(2) in a part at most.
    """
    made = []
    edge = low
    while edge < high:
        e = floor_log2(edge)
        binade = Fraction(2) ** e
        part = binade / (PER_BINADE if abs(e) <= NEAR else 1)
        while part * rate > 2 and e <= NEAR:
            part /= 2
        upper = min(binade + ((edge - binade) // part + 1) * part, high)
        made.append((edge, upper))
        edge = upper
    return made


Box = tuple[Fraction, Fraction]


class Boxes:
    """The exact values of one program on boxes, once for all forms of it."""

    def __init__(self, form: Form, fmt: FloatFormat, text: str = "") -> None:
        self.form, self.fmt, self.text = form, fmt, text
        self.primitives = primitive_errors(fmt.name)
        self.known: dict[Box, list[dict[str, arb]] | None] = {}

    def exact(self, box: Box) -> list[dict[str, arb]] | None:
        """None where there are none."""
        if box not in self.known:
            try:
                made = self.analyzer(self.form).enclosed(*box)
            except (OverflowRiskError, ArithmeticError, ValueError):
                made = None
            self.known[box] = made
        return self.known[box]

    def analyzer(self, form: Form) -> PairAnalyzer:
        """Of a form of that program."""
        return PairAnalyzer(form, self.fmt, self.primitives)

    def ulp(
        self,
        analyzer: PairAnalyzer,
        box: Box,
        goal: float,
        depth: int = DEPTH,
        closely: bool = True,
    ) -> float | None:
        """The bound on one box, halved where it is too wide."""
        found = self._undivided(analyzer, box)
        if found is not None and found <= goal:
            return found
        if depth == 0:
            if not self._is_near(box, found, goal):
                return found
            if closely:
                return self._floats(analyzer, box, goal)
            return goal if self._crosses(box) else found
        low, high = box
        middle = (low + high) / 2
        worst = 0.0
        for part in ((low, middle), (middle, high)):
            ulp = self.ulp(analyzer, part, goal, depth - 1, closely)
            if ulp is None or ulp > goal:
                return ulp
            worst = max(worst, ulp)
        return worst

    def _is_near(self, box: Box, found: float | None, goal: float) -> bool:
        """Whether single floats may do: the bound nearly holds, or f is next
        to the smallest normal number, below which it may be flushed."""
        if found is not None and found <= goal * NEARLY:
            return True
        exact = self.exact(box)
        if found is None or exact is None:
            return False
        last = self.form.program.statements[-1][0]
        tiny = power2(self.fmt.emin + 2)
        return all(e[last].abs_upper() <= tiny for e in exact)

    def _crosses(self, box: Box) -> bool:
        """Whether f may cross a power of two there."""
        for exact in self.exact(box) or []:
            value = exact[self.form.program.statements[-1][0]]
            least, most = value.abs_lower(), value.abs_upper()
            if not least > 0:
                return True
            if power2(floor_log2_ball(least) + 1) <= most:
                return True
        return False

    def _floats(
        self, analyzer: PairAnalyzer, box: Box, goal: float
    ) -> float | None:
        """The same down to single floats, where f crosses a power of two.

        What is carried there may just not round to the power itself: then f
        would have to be nearer to it than any of the floats is.
        """
        low, high = (self.fmt.round(end) for end in box)
        stack, worst, left = [(low, high)], 0.0, MOST_FLOATS
        while stack:
            a, b = stack.pop()
            left -= 1
            if left < 0:
                return None
            found = self._undivided(analyzer, (a, b))
            if found is not None and found <= goal:
                worst = max(worst, found)
                continue
            if a == b or not self._is_near((a, b), found, goal):
                return found
            middle = self.fmt.round((a + b) / 2)
            if middle in (a, b):
                stack += [(a, a), (b, b)]
            else:
                stack += [(a, middle), (middle, b)]
        return worst

    def _undivided(self, analyzer: PairAnalyzer, box: Box) -> float | None:
        exact = self.exact(box)
        if exact is None:
            return None
        worst = 0.0
        for each in itertools.chain.from_iterable(
            by_binade(self.form.program, e) for e in exact
        ):
            try:
                value = analyzer.over(*box, each)
            except (OverflowRiskError, ArithmeticError, ValueError):
                return None
            if not value.exact.is_finite() or value.exact.contains(0):
                return None
            worst = max(worst, in_ulps(value, arb(0), self.fmt)[0])
        return worst * (1 + 1e-9)


def by_binade(
    program: Program, exact: dict[str, arb]
) -> Iterator[dict[str, arb]]:
    """The same on either side of a power of two that the result may cross.

    Ulps differ there by a factor of 2: what is rounded above it is compared
    with the larger one.
    """
    (name, node), sign = program.statements[-1], 1
    names = {name: 1}
    while isinstance(node, Op) and node.name == "neg":
        (inner,) = node.args
        if not isinstance(inner, Var):
            break
        sign = -sign
        names[inner.name] = sign
        node = dict(program.statements).get(inner.name)
    value = exact[name]
    if not value.is_finite() or value.contains(0):
        yield exact
        return
    least, most = value.abs_lower(), value.abs_upper()
    edge = power2(floor_log2_ball(least) + 1)
    if not edge < most:
        yield exact
        return
    for size in (least.union(edge), edge.union(most)):
        if value < 0:
            size = -size
        yield {**exact, **{n: size * s for n, s in names.items()}}


def holds(
    boxes: Boxes, form: Form, parts: list[Box], goal: float
) -> tuple[float | None, int]:
    """The bound over all parts, or None and the part where there is none."""
    analyzer = boxes.analyzer(form)
    worst = 0.0
    for k, part in enumerate(parts):
        ulp = boxes.ulp(analyzer, part, goal / SPARE)
        if ulp is None or ulp * SPARE > goal:
            return None, k
        worst = max(worst, ulp * SPARE)
    return worst, 0


def may_hold(
    boxes: Boxes,
    form: Form,
    parts: list[Box],
    goal: float,
    strict: list[Box],
) -> bool:
    """Whether it may, to judge by some parts; all of it in the strict ones."""
    analyzer = boxes.analyzer(form)
    for part in strict:
        ulp = boxes.ulp(analyzer, part, goal / SPARE)
        if ulp is None or ulp * SPARE > goal:
            return False
    for part in parts:
        ulp = boxes.ulp(
            analyzer, part, goal * ROUGHLY, ROUGH_DEPTH, False
        )
        if ulp is None or ulp > goal * ROUGHLY:
            return False
    return True


def cheapest(
    boxes: Boxes, parts: list[Box], goal: float, most: float
) -> tuple[Form, float] | None:
    """The form with as little carried as the bound allows.

    Judged by some of the parts first; where the whole then fails, that part
    is looked at closely in the next round.

    Args:
        most: what it may cost; dearer ones are of no use.
    """
    some = parts[:4] + parts[4:-2:5] + parts[-2:]
    strict: list[Box] = []
    for _ in range(ROUNDS):
        form = _greedy(boxes, some, goal, strict)
        if form is None or cost(form) >= most:
            return None
        bound, where = holds(boxes, form, parts, goal)
        if bound is not None:
            return form, bound
        strict.insert(0, parts[where])
    return None


def _greedy(
    boxes: Boxes, some: list[Box], goal: float, strict: list[Box]
) -> Form | None:
    best = everything(boxes.form)
    statements = [
        (name, node)
        for name, node in best.program.statements
        if isinstance(node, Op)
        and node.name != "neg"
        and not all(isinstance(a, Const) for a in node.args)
        and not any(map(is_power_of_two, node.args))
        and name != UNIT
    ]
    if not statements:
        return None
    last, node = statements[-1]
    end, final = best.program.statements[-1]
    if isinstance(final, Op) and any(map(is_power_of_two, final.args)):
        # Rounded before it is scaled back, when nothing is small yet.
        best = replace(best, pairs=best.pairs - {end})
    # Where parts are flushed in a quotient a single float may do.
    single = replace(best, pairs=best.pairs - {last})
    tries = [best, single]
    if node.name == "div":
        tries.append(replace(single, rounded=frozenset({last})))
    for best in tries:
        if may_hold(boxes, best, some, goal, strict):
            break
    else:
        return None
    savings = sorted(
        statements,
        key=lambda s: WEIGHTS[s[1].name][0] - WEIGHTS[s[1].name][1],
    )
    for name, node in savings:
        if name not in best.pairs:
            continue
        options = [replace(best, pairs=best.pairs - {name})]
        if node.name == "div":
            options.append(replace(options[0], rounded=best.rounded | {name}))
        for option in options:
            if may_hold(boxes, option, some, goal, strict):
                best = option
                break
    return best


def best_form(
    expr: sympy.Expr,
    side: int,
    low: Fraction,
    high: Fraction,
    fmt: FloatFormat,
    goal: float,
    known: dict[sympy.Expr, list[Boxes]],
    check_time: Callable[[], None],
) -> ClosedForm | None:
    """The cheapest form of f(side * t) on [low, high].

    Args:
        expr: f of side * t, t being `spellings.T`.
        known: programs of expr, with what is known of them.
    """
    if expr not in known:
        known[expr] = list(_programs(expr, fmt))
    rate = max((abs(float(r)) for r in _rates(expr)), default=0.0)
    parts = divided(low, high, rate)
    best: tuple[int, Form, float, str] | None = None
    for boxes in known[expr] + _centered(known[expr], parts, fmt):
        check_time()
        least = sum(
            WEIGHTS[node.name][0]
            for _, node in boxes.form.program.statements
            if isinstance(node, Op)
        )
        if best is not None and least >= best[0]:
            continue
        with ctx.workprec(PRECISION):
            most = float("inf") if best is None else best[0]
            found = cheapest(boxes, parts, goal, most)
        if found is None:
            continue
        form, ulp = found
        if best is None or cost(form) < best[0]:
            best = cost(form), form, ulp, boxes.text
    if best is None:
        return None
    _, form, ulp, text = best
    return ClosedForm(
        side,
        low,
        high,
        form.program,
        ulp,
        text,
        tuple(sorted(form.pairs)),
        tuple(sorted(form.rounded)),
        form.scaled,
        form.power,
    )


def _rates(expr: sympy.Expr) -> Iterator[sympy.Rational]:
    for node in expr.rewrite(HYPERBOLIC, sympy.exp).atoms(sympy.exp):
        rate = node.args[0] / T
        if rate.is_Rational:
            yield rate


def _programs(expr: sympy.Expr, fmt: FloatFormat) -> Iterator[Boxes]:
    seen = set()
    for spelling in spellings(expr):
        scaled = None
        if spelling.scaled is not None:
            scaled = E, spelling.scaled
        try:
            program, name = flattened(spelling.expr, T, scaled)
        except CannotCompileError:
            continue
        if len(program.statements) > MOST_OPERATIONS or program in seen:
            continue
        seen.add(program)
        text = str(spelling.expr).replace("*W", "")
        if spelling.scaled is not None:
            text = text.replace("E", f"({spelling.scaled})")
        yield Boxes(Form(program, scaled=name, power=spelling.power), fmt, text)


def _centered(
    known: list[Boxes], parts: list[Box], fmt: FloatFormat
) -> list[Boxes]:
    """With a power of two in the last quotient, where f goes far from 1.

    Parts of what is far from 1 overflow, or are flushed.
    """
    sizes = []
    with ctx.workprec(PRECISION):
        for boxes in known[:1]:
            last = boxes.form.program.statements[-1][0]
            for part in (parts[0], parts[-1]):
                for exact in boxes.exact(part) or []:
                    if exact[last].is_finite():
                        sizes.append(floor_log2_ball(exact[last].abs_upper()))
    if not sizes:
        return []
    shift = -(min(sizes) + max(sizes)) // 2
    if abs(shift) < fmt.emax // 4:
        return []
    found = []
    for boxes in known:
        if boxes.form.scaled is not None:
            continue
        program = _lifted(boxes.form.program, shift)
        if program is not None:
            found.append(Boxes(Form(program), fmt, boxes.text))
    return found


def _lifted(program: Program, shift: int) -> Program | None:
    """a / b as 2**-shift * ((2**shift * a) / b), for the last operation."""
    *before, (name, node) = program.statements
    if not (isinstance(node, Op) and node.name == "div"):
        return None
    a, b = node.args
    up, down = (Const(Fraction(2) ** n) for n in (shift, -shift))
    made: list[tuple[str, Expr]] = list(before)
    if isinstance(a, Const):
        a = Const(a.value * up.value)
    else:
        made.append((f"{name}a", Op("mul", (up, a))))
        a = Var(f"{name}a")
    made.append((f"{name}b", Op("div", (a, b))))
    made.append((name, Op("mul", (down, Var(f"{name}b")))))
    return Program(program.input, tuple(made))
