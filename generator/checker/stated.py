"""What a module and a certificate state beside the plans.

The tables of the module (BODIES, COMPUTE, STORAGE, ROUNDING, BOUNDS) are held
to the certificate and to the formats themselves; formula and domain to what
the caller expects, since both files may have been changed alike.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import ctx

from .claims import FORMATS
from .claims import Malformed
from .claims import Plan
from .claims import domain_end
from .claims import exponent_of
from .enclosure import regular_chart
from .formula import Node
from .formula import read
from .values import Unknown

Add = Callable[[str, str], None]  # where, what
SHOWN = Fraction(1, 10**4)  # the module's BOUNDS are rounded up to this
SAME_BITS = 200  # to which formulas have to agree
POINTS = 24  # at which they are looked at
ENOUGH = 8  # of them where both can be evaluated


@dataclass(frozen=True)
class Expected:
    """What somebody who asks for the check wants the module to be.

    Attributes:
        formula, domain: of the function, as text.
        name: of the function; None if any will do.
        plans: dtypes and orders that have to be there; None if any will do.
        formats: names of formats that have to be served.
    """

    formula: str
    domain: tuple[str, str]
    name: str | None = None
    plans: frozenset[tuple[str, int]] | None = None
    formats: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Served:
    """A format that results are given in.

    Attributes:
        precision, emin, largest: see docs/design.md, "Words".
        overflow: what becomes of a number that rounds to no finite one.
        compute, storage: what it is computed in, and the dtype it is put in.
    """

    name: str
    precision: int
    emin: int
    largest: Fraction
    overflow: str
    compute: str
    storage: str


def _served(
    name: str, precision: int, emin: int, emax: int, **more: Any
) -> Served:
    """A format, if it is one that lies within float64.

    Raises:
        ValueError: it is none; before anything is computed of its sizes.
    """
    _, least, most = FORMATS["float64"]
    sizes = precision, emin, emax
    if not (
        all(type(size) is int for size in sizes)
        and 2 <= precision <= FORMATS["float64"][0]
        and least <= emin <= emax <= most
    ):
        raise ValueError(f"{name!r} of {sizes}")
    last = (2 - Fraction(2) ** (1 - precision)) * Fraction(2) ** emax
    largest = more.get("max_finite", last)
    if type(largest) not in (int, float, Fraction) or not 0 < largest <= last:
        raise ValueError(f"{name!r} with a max_finite that it does not have")
    return Served(
        name,
        precision,
        emin,
        Fraction(largest),
        str(more.get("overflow", "inf")),
        str(more.get("compute", name)),
        str(more.get("storage", name)),
    )


# IEEE 754-2019, table 3.5; bfloat16: Intel 2018; float8: Micikevicius et al.
# 2022, table 1 (E4M3 has no infinities, its last significand is nan).
KNOWN = {
    "float16": _served("float16", 11, -14, 15, compute="float32"),
    "bfloat16": _served("bfloat16", 8, -126, 127, compute="float32"),
    **{name: _served(name, *sizes) for name, sizes in FORMATS.items()},
    "float8_e4m3fn": _served(
        *("float8_e4m3fn", 4, -6, 8),
        max_finite=448,
        overflow="nan",
        compute="float32",
    ),
    "float8_e5m2": _served("float8_e5m2", 3, -14, 15, compute="float32"),
}


def check_stated(
    whole: dict[str, Any],
    plans: list[Plan],
    space: dict[str, Any],
    add: Add,
    formats: Mapping[str, Mapping[str, Any]],
) -> None:
    """What the module states against the certificate and the formats."""
    name = whole["name"]
    try:
        known = {
            **KNOWN,
            **{key: _served(key, **table) for key, table in formats.items()},
        }
    except (TypeError, ValueError, ArithmeticError) as error:
        raise Malformed(
            "No formats: expected tables with precision, emin and emax that "
            f"float64 has, received {error}."
        ) from None
    for label, key in (("EXPRESSION", "expression"), ("NAME", "name")):
        if space[label] != whole[key]:
            what = f"{key} is {whole[key]!r}, the module's {space[label]!r}"
            add(name, what)
    if list(space["DOMAIN"]) != whole["domain"]:
        add(
            name,
            f"domain is {whole['domain']}, the module's {space['DOMAIN']!r}",
        )
    for what in _missing(plans, space["BODIES"]):
        add(name, what)
    for what in _served_wrongly(plans, space, known):
        add(name, what)
    for what in _bounds(whole, plans, space, known):
        add(name, what)


def _missing(plans: list[Plan], bodies: Any) -> Iterator[str]:
    """Plans that are missing on either side."""
    if not plans:
        yield "plans: expected at least one, received none"
    keys = [(p.fmt.name, p.order) for p in plans]
    for key in sorted({k for k in keys if keys.count(k) > 1}):
        yield f"two plans of order {key[1]} in {key[0]}"
    there = {(d, k) for d, row in bodies.items() for k in range(len(row))}
    for dtype, order in sorted(there - set(keys)):
        yield f"no plan of order {order} in {dtype}, which the module has"
    for dtype, order in sorted(set(keys) - there):
        yield f"no body of order {order} in {dtype}, which is certified"
    lengths = {len(row) for row in bodies.values()}
    if len(lengths) > 1:
        yield f"orders differ between dtypes: {sorted(lengths)}"


def _served_wrongly(
    plans: list[Plan], space: dict[str, Any], known: dict[str, Served]
) -> Iterator[str]:
    """What is wrong with COMPUTE, STORAGE and ROUNDING."""
    compute, storage = space["COMPUTE"], space["STORAGE"]
    rounding = space["ROUNDING"]
    planned = {p.fmt.name for p in plans}
    for dtype in sorted(planned - set(compute)):
        yield f"COMPUTE has no {dtype}, which has plans"
    for label in ("STORAGE", "BOUNDS"):
        if set(space[label]) != set(compute):
            yield (
                f"{label}: expected {', '.join(compute)}, received "
                f"{', '.join(space[label])}"
            )
    for name in compute:
        if name not in known:
            yield f"unknown format {name!r}, expected {', '.join(known)}"
            continue
        own = known[name]
        for label, table, want in (
            ("COMPUTE", compute, own.compute),
            ("STORAGE", storage, own.storage),
        ):
            if table.get(name) != want:
                yield (
                    f"{label} of {name}: expected {want!r}, received "
                    f"{table.get(name)!r}"
                )
        if own.compute not in planned:
            yield f"{name} is computed in {own.compute}, which has no plan"
        want_steps = rounding_steps(own, known[own.compute])
        if not _same_steps(rounding.get(name, {}), want_steps):
            yield (
                f"ROUNDING of {name}: expected {want_steps}, received "
                f"{rounding.get(name, {})}"
            )
    for name in sorted(set(rounding) - set(compute)):
        yield f"ROUNDING of {name}, which is not served"


def rounding_steps(own: Served, wide: Served) -> dict[str, float]:
    """What rounding to a format does that a cast does not.

    Casts round to nearest, ties to even, and overflow to infinity
    (tests/numbers/test_formats.py).  So a limit is needed where something
    else than infinity comes of what rounds to no finite number, and
    everything where no dtype is the format.
    """
    by_hand = own.storage != own.name
    if own.name == wide.name or not (by_hand or own.overflow != "inf"):
        return {}
    e = exponent_of(own.largest)
    unit = Fraction(2) ** (e - own.precision + 1)
    tie = own.largest + unit / 2
    if (own.largest / unit) % 2:  # the tie goes to the even one, beyond
        step = Fraction(2) ** (e - wide.precision + 1)
        tie -= step
    beyond = {"inf": math.inf, "nan": math.nan}
    steps = {
        "limit": float(tie),
        "beyond": beyond.get(own.overflow, float(own.largest)),
    }
    if by_hand:
        steps["dropped"] = wide.precision - own.precision
        steps["emin"] = own.emin
    return steps


def _same_steps(a: Mapping[str, float], b: Mapping[str, float]) -> bool:
    same = set(a) == set(b)
    return same and all(
        a[k] == b[k] or (a[k] != a[k] and b[k] != b[k]) for k in a
    )


def _bounds(
    whole: dict[str, Any],
    plans: list[Plan],
    space: dict[str, Any],
    known: dict[str, Served],
) -> Iterator[str]:
    """Bounds that are shown, against those of the plans.

    A result within b ulp of f in the wide format is rounded once more: half
    an ulp, and b ulp of the wide format, 2**(p - p_wide) narrow ones.
    """
    by_key = {(p.fmt.name, p.order): p for p in plans}
    for name, row in space["BOUNDS"].items():
        own = known.get(name)
        if own is None or own.compute not in known:
            continue  # said already
        wide = known[own.compute]
        orders = sorted(k for d, k in by_key if d == own.compute)
        if orders != list(range(len(row))):
            yield f"BOUNDS of {name}: expected orders {orders}, received {row}"
            continue
        for order in orders:
            exact = Fraction(by_key[own.compute, order].ulp)
            if own.name != wide.name:
                exact *= Fraction(2) ** (own.precision - wide.precision)
                exact += Fraction(1, 2)
            if not 0 <= Fraction(row[order]) - exact <= SHOWN:
                yield (
                    f"bound {float(exact):.9g} of order {order} in {name}, "
                    f"the module states {row[order]}"
                )
            if own.name == wide.name:
                continue
            claim = whole["narrowed"].get(name, {}).get(str(order))
            if claim != float(exact):
                yield (
                    f"bound of order {order} in {name}: expected "
                    f"{float(exact)!r}, claimed {claim!r}"
                )
    narrow = {
        name
        for name in space["BOUNDS"]
        if name in known and known[name].compute != name
    }
    if set(whole["narrowed"]) != narrow:
        yield (
            f"narrowed: expected {', '.join(sorted(narrow))}, received "
            f"{', '.join(sorted(whole['narrowed']))}"
        )


# -- what is expected -----------------------------------------------------
def check_expected(
    whole: dict[str, Any],
    plans: list[Plan],
    space: dict[str, Any],
    add: Add,
    expected: Expected,
) -> None:
    """Both files against what was asked for.

    The formula that is stated has to be the expected one: it is compared at
    points, to 200 bits.  What the pieces compute is compared with the
    expected formula itself (check.py).
    """
    name = whole["name"]
    if expected.name is not None and name != expected.name:
        add(name, f"expected the function {expected.name!r}")
    low, high = (domain_end(text) for text in expected.domain)
    stated = tuple(domain_end(text) for text in whole["domain"])
    if stated != (low, high):
        add(
            name,
            f"domain: expected {list(expected.domain)}, received "
            f"{whole['domain']}",
        )
    wanted, found = read(expected.formula), read(whole["expression"])
    what = _differ(wanted, found, low, high)
    if what:
        add(
            name,
            f"formula: expected {expected.formula!r}, received "
            f"{whole['expression']!r}; {what}",
        )
    there = {(p.fmt.name, p.order) for p in plans}
    for dtype, order in sorted((expected.plans or frozenset()) - there):
        add(name, f"no plan of order {order} in {dtype}, which is expected")
    for dtype in sorted(expected.formats - set(space["COMPUTE"])):
        add(name, f"{dtype} is not served, which is expected")


def _differ(
    a: Node, b: Node, low: Fraction | None, high: Fraction | None
) -> str | None:
    """Where two formulas differ; None where they agree."""
    if a == b:
        return None
    seen = 0
    before = ctx.prec, ctx.cap
    try:
        ctx.prec, ctx.cap = 2 * SAME_BITS, 2
        for t in itertools.islice(_points(low, high), POINTS):
            try:
                chart = regular_chart(t, t, t, 2)
                values = [chart.evaluate(n).plain.p.coeffs() for n in (a, b)]
            except Unknown:
                continue
            x, y = (v[0] if v else None for v in values)
            if x is None and y is None:
                seen += 1
                continue
            if x is None or y is None or not x.overlaps(y):
                return f"they differ at {float(t)!r}"
            if x.rad() <= abs(x) * 2**-SAME_BITS:
                seen += 1
    finally:
        ctx.prec, ctx.cap = before
    return None if seen >= ENOUGH else "they could not be compared"


def _points(low: Fraction | None, high: Fraction | None) -> Iterator[Fraction]:
    """Numbers inside the domain, of many sizes."""
    for k in itertools.count(1):
        part = Fraction(2 * k - 1, 2 * k + 1) ** (1 + k % 3)
        size = Fraction(3) ** ((-1) ** k * (k % 5)) * part
        if low is not None and high is not None:
            yield low + (high - low) * part
        elif low is not None:
            yield low + size
        elif high is not None:
            yield high - size
        else:
            yield size * (-1) ** (k // 2)
