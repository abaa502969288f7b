"""The body of a `Cover`: rows, zeros, closed forms, ends, one after the other.

Each piece gets numbers of its own interval alone, and is selected after.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from ..numbers.formats import FORMATS
from ..pieces.closed import ClosedForm
from ..pieces.cover import Cover
from ..pieces.end_kinds import AnyEnd
from ..pieces.end_kinds import ExponentialEnd
from ..pieces.end_kinds import FloatEnd
from ..pieces.end_kinds import LogEnd
from ..pieces.plan import ORDERS
from ..pieces.powers import PowerRow
from ..program.program import Const
from ..program.program import Expr
from ..program.program import Op
from ..program.program import Var
from ..program.program import renamed
from ..text import at_most
from .body import Assign
from .body import Body
from .body import Call
from .body import Coefficients
from .body import Compare
from .body import Group
from .body import Note
from .body import Number
from .body import Rows
from .body import Table
from .body import Word
from .body import assign
from .body import constant
from .body import ops
from .body import zeros
from .carried import carried_statements
from .clips import clamp
from .ends import end_statements

Statements = list[Assign | Note]
T, X, Y = Var("t"), Var("x"), Var("y")


def lower_cover(cover: Cover) -> Body:
    """The statements of a cover.

    The last order's derivative is taken by autodiff of the body, for which
    the slope of abs at 0 is 0; there |x| is x times its sign.
    """
    dtype = cover.dtype
    prefix = f"{cover.name}_{cover.order}_{dtype}".upper()
    tables: list[Table] = []
    outside = outside_of(cover)
    found: Statements = [assign("t", _magnitude(cover))]
    if cover.outside == "clip" and outside:
        found += clipped(outside)
    chosen = False
    if cover.rows:
        tables.append(Rows(prefix, cover.rows))
        found += _rows(cover, prefix)
        chosen = True
    for k, power in enumerate(cover.powers):
        # Nothing else holds that x, but for the row of one float.
        closed_end = power.high == cover.high and not any(
            r.low == cover.high for r in cover.rows
        )
        label = f"{prefix}_ZERO{k}"
        tables.append(_negated(label, power.rest, ("powers", k, "rest")))
        found += _power(power, k, dtype, chosen, closed_end, label)
        found.append(_taken(Var("inside"), f"p{k}", chosen))
        chosen = True
    closed = list(cover.closed)
    for k, piece in enumerate(closed):
        if piece.signed:
            if k + 1 < len(closed) and closed[k + 1].signed:
                found += _signed(piece, closed[k + 1], k, dtype)
            continue  # with its twin
        found += _closed(piece, k, dtype, chosen)
        found.append(_taken(Var("inside"), f"z{k}", chosen))
        chosen = True
    for k, form in enumerate(cover.ends):
        more, own = end_statements(form, k, dtype, cover.order, prefix)
        tables += own
        found += more
        found.append(_end_taken(form, k, dtype, chosen))
        chosen = True
    if cover.parity < 0:
        below = Compare("<", X, Word(0))
        found.append(assign("y", ops("where", below, Op("neg", (Y,)), Y)))
    found += beyond(cover, outside)
    return Body(
        cover.name,
        cover.order,
        dtype,
        cover.ulp,
        tuple(tables),
        tuple(found),
        Y,
    )


def _magnitude(cover: Cover) -> Expr:
    if not cover.parity:
        return X
    if cover.order < ORDERS - 1:
        return ops("abs", X)
    below = ops("cast", Compare("<", X, Word(0)), Word(cover.dtype))
    two, one = Const(Fraction(2)), Const(Fraction(1))
    return (one - two * below) * X


def _taken(test: Expr, name: str, chosen: bool) -> Assign:
    value = Var(name)
    return assign("y", ops("where", test, value, Y) if chosen else value)


def _end_taken(form: AnyEnd, k: int, dtype: str, chosen: bool) -> Assign:
    compare, bound = ">=", form.bound
    if form.point is not None:
        compare, fmt = "<", FORMATS[dtype]
        if bound < fmt.smallest_normal:  # which compilers may read as 0
            compare, bound = "<=", fmt.down(bound - fmt.smallest_subnormal / 2)
    here = Compare(compare, Var(f"d{k}"), Number(bound, dtype))
    if chosen:
        return _taken(here, f"y{k}", True)
    if _is_constant(form):
        # Of what nan goes through first, nothing else depends on t.
        return assign("y", ops("where", ops("isnan", T), T, Var(f"y{k}")))
    return assign("y", Var(f"y{k}") + zeros("t"))


def _is_constant(form: AnyEnd) -> bool:
    """Whether what it computes takes no number from t."""
    if isinstance(form, FloatEnd):
        return form.is_flat or not (form.power or form.factor.rest)
    if isinstance(form, (ExponentialEnd, LogEnd)):
        return False
    moving = form.power or len(form.factors) > 1
    return not (moving or form.factors[0].rest)


def clipped(outside: Sequence[tuple[Compare, Expr]]) -> Statements:
    """t as the nearest end where it is outside; nan stays nan."""
    return [
        Note("What is outside of the domain is taken for the nearest end."),
        assign("given", T),
        *(assign("t", ops("where", test, end, T)) for test, end in outside),
    ]


def beyond(cover: Cover, outside: Sequence[tuple[Compare, Expr]]) -> Statements:
    """The result where x is outside of the domain."""
    if cover.outside == "clip":
        if not cover.order:
            return []
        # f is constant out there.
        value = constant(0, cover.dtype)
        given = Var("given")
        tests = [Compare(t.sign, given, t.right) for t, _ in outside]
    else:
        value = constant(float("nan"), cover.dtype)
        tests = [test for test, _ in outside]
    return [assign("y", ops("where", test, value, Y)) for test in tests]


def outside_of(cover: Cover) -> list[tuple[Compare, Expr]]:
    """Tests of t for what lies outside the domain, and the end there.

    An end that is subnormal is compared by its outer neighbour: compilers
    may read subnormals as 0, and 0 is then no number of the domain.
    """
    dtype, fmt = cover.dtype, FORMATS[cover.dtype]
    tests = []
    if cover.low is not None and not cover.parity:
        tests.append(("<", cover.low, -1))
    if cover.high is not None:
        tests.append((">", cover.high, 1))
    made: list[tuple[Compare, Expr]] = []
    for compare, end, side in tests:
        nearest = constant(end, dtype)
        if 0 < -side * end < fmt.smallest_normal:
            end += side * fmt.smallest_subnormal
            compare += "="
        made.append((Compare(compare, T, constant(end, dtype)), nearest))
    return made


def _negated(
    name: str, values: Sequence[Fraction], place: tuple[str | int, ...]
) -> Coefficients:
    """Of a polynomial that is subtracted: see `polynomials.local_polynomial`
    in the runtime."""
    return Coefficients(name, tuple(-c for c in values), -1, place)


def _rows(cover: Cover, name: str) -> Statements:
    dtype, rows = cover.dtype, cover.rows
    variable = "|x|" if cover.parity else "x"
    low, high = rows[0].low, rows[-1].high
    worst = max(r.ulp for r in rows)
    zeros_of_f = sum(1 for r in rows if r.slope)
    text = (
        f"{float(low):g} <= {variable} <= {float(high):g}: {len(rows)} local "
        f"polynomials of degree at most {max(r.degree for r in rows)}"
        + (f", {zeros_of_f} of them about a zero of f" if zeros_of_f else "")
        + ". Taylor models with relative remainders, economized and rounded; "
        f"truncation + roundoff <= {at_most(worst)} ulp."
    )
    call = Call("local_polynomials", (Var("s"), Var(name), Word(dtype)))
    return [
        Note(text),
        assign("s", clamp(T, low, high, dtype, across=True)),
        assign("y", call),
    ]


# One tensor is clipped once: the optimizer through which Keras sends ONNX
# files from torch names the bounds of a clip by what is clipped, and loses
# those of one of two (onnxscript 0.7).  The first piece is what nan goes
# through; the others get a number of their own interval instead.


def _power(
    piece: PowerRow,
    k: int,
    dtype: str,
    chosen: bool,
    closed_end: bool,
    rest: str,
) -> Statements:
    below = "<=" if closed_end else "<"
    text = (
        f"{float(piece.low):g} <= t {below} {float(piece.high):g}: a zero of "
        f"order {piece.order} at {float(piece.center):g}, its power in pairs "
        f"of floats. Truncation + roundoff <= {at_most(piece.ulp)} ulp."
    )
    found: Statements = [Note(text)]
    held: Expr
    if chosen:
        above = Compare(">=", T, Number(piece.low, dtype))
        under = Compare(below, T, Number(piece.high, dtype))
        found.append(assign("inside", ops("logical_and", above, under)))
        held = ops("where", Var("inside"), T, constant(piece.high, dtype))
    else:
        held = clamp(T, piece.low, piece.high, dtype, across=True)
    if piece.center:
        held = held - Number(piece.center, dtype)
    call = Call(
        "power_row",
        (
            Var("s"),
            _numbers(piece.offset, dtype),
            Word(piece.order),
            Number(piece.factor, dtype),
            Var(rest),
            _power_levels(piece, dtype),
            Word(dtype),
        ),
    )
    return [*found, assign("s", held), assign(f"p{k}", call)]


def _numbers(values: Sequence[Fraction], dtype: str) -> Group:
    return Group(tuple(Number(v, dtype) for v in values))


def _power_levels(piece: PowerRow, dtype: str) -> Group:
    """Edges, powers of two, what undoes them, and the most."""
    two = Fraction(2)
    ups = [two**n for n in piece.scales]
    backs = [two**n for n in piece.backs]
    most = Word(None) if piece.most is None else Number(piece.most, dtype)
    groups = [_numbers(v, dtype) for v in (piece.edges, ups, backs)]
    return Group((*groups, most))


def _signed(
    left: ClosedForm, right: ClosedForm, k: int, dtype: str
) -> Statements:
    """One form on both sides of what was chosen before."""
    text = (
        f"{float(left.low):g} <= x <= {float(left.high):g} and "
        f"{float(right.low):g} <= x <= {float(right.high):g}: {right.formula}; "
        f"{_likeness(right)}, roundoff <= "
        f"{at_most(max(left.ulp, right.ulp))} ulp."
    )
    name = f"c{k}"
    above = Compare(">", T, Number(left.high, dtype))
    below = Compare("<", T, Number(right.low, dtype))
    between = Var("between")
    other = constant(right.low, dtype)
    held = clamp(Var(name), left.low, right.high, dtype, tight=True)
    whole = replace(right, low=left.low)
    made, last = carried_statements(whole, name, k, dtype)
    for piece, edge, compare in (
        (left, left.low, "<"),
        (right, right.high, ">"),
    ):
        if piece.limit is not None:
            past = Compare(compare, T, constant(edge, dtype))
            limit = constant(piece.limit, dtype)
            last = ops("where", past, limit, last)
    return [
        Note(text),
        assign("between", ops("logical_and", above, below)),
        assign(name, ops("where", between, other, T)),
        assign(name, held),
        *made,
        assign(f"z{k}", last),
        assign("y", ops("where", between, Y, Var(f"z{k}"))),
    ]


def _likeness(piece: ClosedForm) -> str:
    if not piece.truncation:
        return "equal to f in exact arithmetic"
    return f"f but for {piece.truncation:.1e} of it"


def _closed(piece: ClosedForm, k: int, dtype: str, chosen: bool) -> Statements:
    shown = "t" if piece.side > 0 else "-t"
    text = (
        f"{float(piece.low):g} <= {shown} <= {float(piece.high):g}: "
        f"{piece.formula} with t = {shown}; {_likeness(piece)}, "
        f"roundoff <= {at_most(piece.ulp)} ulp."
    )
    t: Expr = T if piece.side > 0 else Op("neg", (T,))
    t0 = t
    name = f"c{k}"
    found: Statements = [Note(text)]
    if chosen:
        above = Compare(">=", t, Number(piece.low, dtype))
        other = constant(piece.low, dtype)
        found += [
            assign("inside", above),
            assign(name, ops("where", Var("inside"), t, other)),
        ]
        t = Var(name)
    found.append(assign(name, clamp(t, piece.low, piece.high, dtype)))
    if piece.is_carried:
        made, last = carried_statements(piece, name, k, dtype)
        found += made
    else:
        names = {piece.program.input: name}
        for target, value in piece.program.statements:
            own = renamed(value, names)
            names[target] = f"{target}_{k}"
            found.append(assign(names[target], own))
        last = Var(names["y"])
    if piece.limit is not None:
        past = Compare(">", t0, constant(piece.high, dtype))
        last = ops("where", past, constant(piece.limit, dtype), last)
    return [*found, assign(f"z{k}", last)]
