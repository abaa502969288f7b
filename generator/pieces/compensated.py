"""Closed forms, some of whose values are carried in pairs of floats.

A form that loses too much in one float is good where the roundings that hurt
are carried along and added once: which ones, the analysis decides.  All that
is carried to begin with says how far the form reaches at best; then one value
after the other is given up, the dearest first, as long as the bound holds.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import sympy

from ..numbers.floats import FloatFormat
from ..numbers.floats import floor_log2
from ..program.assumed import primitive_errors
from ..program.bounds import SPARE
from ..program.carried import Boxes
from ..program.carried import Form
from ..program.carried import PairAnalyzer
from ..program.carried import boxes_of
from ..program.carried import is_power_of_two
from ..program.compile import CannotCompileError
from ..program.enclosed import enclosures
from ..program.flat import UNIT
from ..program.flat import flattened
from ..program.program import Const
from ..program.program import Expr
from ..program.program import Op
from ..program.program import Program
from ..program.program import Var
from ..program.spans import Array
from ..program.spans import Real
from .closed import ClosedForm
from .spellings import HYPERBOLIC
from .spellings import E
from .spellings import Settled
from .spellings import Spelling
from .spellings import T
from .spellings import X
from .spellings import signed_spellings
from .spellings import spellings

PER_BINADE = 16  # boxes, near 1
NEAR = 8  # binades from 1 that are near
PARTS = 4  # of a box that is divided
ROUNDS = 16  # of dividing: down to single floats
CLEAR = 3  # rounds after which a bound is what it is, but at powers of two
LATE = 6
NEARLY = 1.6  # times the goal: what may come down at single floats
SAMPLES = 40  # inputs at which a form is looked for
TRIES = 8
TIGHTER = 0.96  # is the goal at single inputs in each next try
MOST_BAD = 4  # boxes that a next try looks at
MOST_BOXES = 20_000
MOST_OPERATIONS = 40
LEFT_OUT = 4  # bits below half an ulp: what a settled form may leave out

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


def divided(low: Fraction, high: Fraction, rate: float) -> tuple[Array, Array]:
    """[low, high] in parts of binades, ascending.

    Args:
        rate: of exponentials, which change by exp(1/2) in a part at most.
    """
    edges = [float(low)]
    while edges[-1] < high:
        edge = Fraction(edges[-1])
        e = floor_log2(edge)
        binade = Fraction(2) ** e
        part = binade / (PER_BINADE if abs(e) <= NEAR else 1)
        while part * rate > Fraction(1, 2) and e <= NEAR:
            part /= 2
        upper = min(binade + ((edge - binade) // part + 1) * part, high)
        edges.append(float(upper))
    ends = np.array(edges)
    return ends[:-1].astype(Real), ends[1:].astype(Real)


class Programs:
    """One program, and what is known of it."""

    def __init__(
        self, form: Form, fmt: FloatFormat, text: str, truncation: float = 0.0
    ) -> None:
        self.form, self.fmt, self.text = form, fmt, text
        self.truncation = truncation
        self.primitives = primitive_errors(fmt.name)
        self.first: dict[tuple[bytes, bytes], Boxes] = {}

    def boxes(self, low: Array, high: Array) -> Boxes:
        """Their exact values; those that are asked for first are kept."""
        key = low.tobytes(), high.tobytes()
        if key not in self.first:
            with np.errstate(all="ignore"):
                self.first[key] = boxes_of(self.form, low, high)
        return self.first[key]

    def ulps(self, form: Form, boxes: Boxes) -> Array:
        """In each box."""
        made = PairAnalyzer(
            form, self.fmt, self.primitives, boxes, self.truncation
        )
        return made.ulps()

    def bound(
        self, form: Form, low: Array, high: Array, goal: float
    ) -> float | tuple[Array, Array]:
        """The bound over all of it, or boxes in which it is above the goal.

        Boxes above it are divided: those in which f crosses a power of two
        down to single floats, of which none may be as near to it as what is
        carried there would have to be.
        """
        boxes = self.boxes(low, high)
        worst, goal = 0.0, goal / SPARE
        for step in range(ROUNDS):
            found = self.ulps(form, boxes)
            good = found <= goal
            worst = max(worst, float(found[good].max(initial=0.0)))
            if good.all():
                return worst * SPARE
            bad = ~good
            lost = bad & boxes.point
            tiny = boxes.exact[self.form.program.statements[-1][0]].size
            if step >= CLEAR:
                # By then what is left lies at powers of two.
                most = goal * (NEARLY if step < LATE else 4)
                near = (found <= most) | (tiny < self._least())
                lost |= bad & ~near
            owner = np.unique(boxes.owner[lost if lost.any() else bad])
            low, high = low[owner], high[owner]
            if lost.any():
                return low, high
            low, high = self._parts(low, high)
            if len(low) > MOST_BOXES:
                break
            with np.errstate(all="ignore"):
                boxes = boxes_of(self.form, low, high)
        return low[:1], high[:1]

    def samples(self, low: Array, high: Array) -> Boxes:
        """Single inputs, as if not known to be single.

        Rounding errors are what they may be at such an input.
        """
        with np.errstate(all="ignore"):
            made = boxes_of(self.form, low, high)
        return replace(made, point=made.point & False)

    def _least(self) -> Array:
        """Below it results may be flushed."""
        return Real(2) ** (self.fmt.emin + 2)

    def _parts(self, low: Array, high: Array) -> tuple[Array, Array]:
        """Each box in parts that begin and end at floats, or in its floats."""
        kind = np.float32 if self.fmt.name == "float32" else np.float64
        near = np.nextafter(low.astype(kind), kind(np.inf)).astype(Real)
        two = (near >= high) & (low < high)
        wide = low + (high - low) * np.arange(PARTS + 1)[:, None] / PARTS
        edges = wide.astype(kind).astype(Real)
        edges[0], edges[-1] = low, high
        first, last = edges[:-1][:, ~two].ravel(), edges[1:][:, ~two].ravel()
        kept = (first < last) | (low == high)[~two].repeat(1)[
            np.tile(np.arange((~two).sum()), PARTS)
        ]
        return (
            np.concatenate([first[kept], low[two], high[two]]),
            np.concatenate([last[kept], low[two], high[two]]),
        )


def cheapest(
    known: Programs, low: Array, high: Array, goal: float, most: float
) -> tuple[Form, float] | None:
    """The form with as little carried as the bound allows.

    It is looked for at single inputs, and proved on all of the boxes; inputs
    at which that fails are looked at in the next try.

    Args:
        most: what it may cost; dearer ones are of no use.
    """
    kind = np.float32 if known.fmt.name == "float32" else np.float64
    step = max(len(low) // SAMPLES, 1)
    inputs = np.unique(
        np.concatenate([low[::step], high[-1:], high[:1]]).astype(kind)
    ).astype(Real)
    looked = known.samples(inputs, inputs)
    strict: list[tuple[Array, Array]] = []
    for k in range(TRIES):
        form = _greedy(known, looked, strict, goal * TIGHTER**k)
        if form is None or cost(form) >= most:
            return None
        bound = known.bound(form, low, high, goal)
        if isinstance(bound, float):
            return form, bound
        step = max(len(bound[0]) // MOST_BAD, 1)
        strict.insert(0, (bound[0][::step], bound[1][::step]))
    return None


def _greedy(
    known: Programs,
    looked: Boxes,
    strict: list[tuple[Array, Array]],
    goal: float,
) -> Form | None:
    best = everything(known.form)
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

    def may_hold(form: Form) -> bool:
        if not (known.ulps(form, looked) <= goal / SPARE).all():
            return False
        return all(
            isinstance(known.bound(form, *boxes, goal), float)
            for boxes in strict
        )

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
        if may_hold(best):
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
            if may_hold(option):
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
    known: dict[sympy.Expr, list[Programs]],
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
    lows, highs = divided(low, high, rate)
    programs = known[expr] + _centered(known[expr], lows, highs, fmt)
    found = _best(programs, lows, highs, goal, check_time)
    if found is None:
        return None
    form, ulp, text = found
    return piece_of(form, ulp, text, side, low, high)


def _best(
    programs: list[Programs],
    lows: Array,
    highs: Array,
    goal: float,
    check_time: Callable[[], None],
) -> tuple[Form, float, str] | None:
    """The cheapest, its bound and its text."""
    best: tuple[int, Form, float, str] | None = None
    for boxes in programs:
        check_time()
        least = sum(
            WEIGHTS[node.name][0]
            for _, node in boxes.form.program.statements
            if isinstance(node, Op)
        )
        if best is not None and least >= best[0]:
            continue
        most = float("inf") if best is None else best[0]
        found = cheapest(boxes, lows, highs, goal, most)
        if found is None:
            continue
        form, ulp = found
        if best is None or cost(form) < best[0]:
            best = cost(form), form, ulp, boxes.text
    return None if best is None else best[1:]


def piece_of(
    form: Form, ulp: float, text: str, side: int, low: Fraction, high: Fraction
) -> ClosedForm:
    """What plans hold of a form."""
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
        signed=form.signed,
    )


def forms_on_both_sides(
    expr: sympy.Expr,
    least: Fraction,
    edges: tuple[Fraction, Fraction],
    fmt: FloatFormat,
    goal: float,
    known: dict[sympy.Expr, list[Programs]],
    check_time: Callable[[], None],
) -> tuple[ClosedForm, ClosedForm] | None:
    """One form of f(x) from -edges[0] to edges[1], but for |x| < least.

    Args:
        expr: f of `spellings.X`.
    """
    if expr not in known:
        made = _made(signed_spellings(expr), X, fmt)
        known[expr] = list(made)
    rate = max((abs(float(r)) for r in _rates(expr, X)), default=0.0)
    left, right = (divided(least, edge, rate) for edge in edges)
    lows = np.concatenate([-left[1][::-1], right[0]])
    highs = np.concatenate([-left[0][::-1], right[1]])
    programs = known[expr] + _centered(known[expr], lows, highs, fmt)
    found = _best(programs, lows, highs, goal, check_time)
    if found is None:
        return None
    form, ulp, text = found
    first, second = (
        piece_of(form, ulp, text, side, least, edge)
        for side, edge in zip((-1, 1), edges, strict=True)
    )
    return first, second


def settled_form(
    found: Settled,
    side: int,
    low: Fraction,
    high: Fraction,
    fmt: FloatFormat,
    goal: float,
    check_time: Callable[[], None],
) -> ClosedForm | None:
    """The same of what is left of f from `low` on."""
    lows, highs = divided(low, high, 0.0)
    try:
        program, _ = flattened(found.more, T)
    except CannotCompileError:
        return None
    with np.errstate(all="ignore"):
        over = enclosures(program, lows, highs)[program.statements[-1][0]]
    most = float(over.size.max()) * (1 + 1e-9)
    if not most <= 2.0 ** (-fmt.precision - LEFT_OUT):
        return None
    # |program / f - 1| for f = program (1 + more).
    truncation = most * (1 + 2 * most)
    known = {
        found.head: [
            Programs(p.form, fmt, p.text, truncation)
            for p in _programs(found.head, fmt)
        ]
    }
    form = best_form(
        found.head, side, low, high, fmt, goal, known, check_time
    )
    return form and replace(form, truncation=truncation)


def _rates(
    expr: sympy.Expr, variable: sympy.Symbol = T
) -> Iterator[sympy.Rational]:
    for node in expr.rewrite(HYPERBOLIC, sympy.exp).atoms(sympy.exp):
        rate = node.args[0] / variable
        if rate.is_Rational:
            yield rate


def _programs(expr: sympy.Expr, fmt: FloatFormat) -> Iterator[Programs]:
    yield from _made(spellings(expr), T, fmt)


def _made(
    found: Iterator[Spelling], variable: sympy.Symbol, fmt: FloatFormat
) -> Iterator[Programs]:
    seen = set()
    for spelling in found:
        scaled = None
        if spelling.scaled is not None:
            scaled = E, spelling.scaled
        try:
            program, name = flattened(spelling.expr, variable, scaled)
        except CannotCompileError:
            continue
        if len(program.statements) > MOST_OPERATIONS or program in seen:
            continue
        seen.add(program)
        text = str(spelling.expr).replace("*W", "")
        if spelling.scaled is not None:
            text = text.replace("E", f"({spelling.scaled})")
        form = Form(
            program, scaled=name, power=spelling.power, signed=spelling.signed
        )
        yield Programs(form, fmt, text)


def _centered(
    known: list[Programs], low: Array, high: Array, fmt: FloatFormat
) -> list[Programs]:
    """With a power of two in the last quotient, where f goes far from 1.

    Parts of what is far from 1 overflow, or are flushed.
    """
    if not known:
        return []
    first = known[0]
    exact = first.boxes(low, high).exact[first.form.program.statements[-1][0]]
    sizes = exact.size[np.isfinite(exact.size) & (exact.size > 0)]
    if not len(sizes):
        return []
    ends = [int(np.frexp(v)[1]) - 1 for v in (sizes.min(), sizes.max())]
    shift = -sum(ends) // 2
    if abs(shift) < fmt.emax // 4:
        return []
    found = []
    for each in known:
        form = each.form
        if form.scaled is not None and not (form.signed and form.power == 1):
            continue
        if form.signed and shift < fmt.precision:
            continue  # its exponent has to be that of a power of two
        program = _lifted(form.program, shift)
        if program is not None:
            form = replace(form, program=program)
            found.append(Programs(form, fmt, each.text, each.truncation))
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
