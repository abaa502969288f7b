"""Every claim of a certificate, derived again.

1. The certificate agrees with itself and with the module: bounds, tables,
   thresholds, and what the code computes in exact arithmetic.
2. Truncation: every piece against f, with the error it claims.
3. Roundoff: the module's code is executed on the whole float line with
   running errors; nowhere is the total above what the piece claims.
4. Where results leave the range of the format, f does too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from .agreement import compare_runs
from .agreement import compare_tables
from .agreement import compare_values
from .assumptions import Assumed
from .assumptions import check_assumed
from .assumptions import read_assumed
from .claims import FOUND
from .claims import Malformed
from .claims import Piece
from .claims import Plan
from .claims import exact
from .claims import read_plans
from .decisions import runs
from .error_function import complemented
from .formula import Node
from .formula import has_kinks
from .formula import read
from .gaps import Target
from .gaps import mirrored
from .lanes import Span
from .lanes import lanes_of
from .lanes import spans
from .limits import check_limit
from .limits import check_value
from .limits import is_constant
from .literals import numbers_of
from .machine import extended_range
from .outside import check_outside
from .programs import check_closed
from .programs import check_program
from .roundoff import Worst
from .roundoff import by_size
from .roundoff import check_lanes
from .roundoff import truncation_of
from .rows import center_gap
from .rows import check_log_row
from .rows import check_power
from .rows import check_row
from .shaped import check_shapes
from .source import Module
from .source import NotRunnable
from .stated import Expected
from .stated import check_expected
from .stated import check_stated
from .tails import check_form
from .values import Unknown

ROWS = {"row": check_row, "power": check_power, "logrow": check_log_row}


@dataclass(frozen=True)
class Finding:
    """A claim that could not be confirmed.

    Attributes:
        where: function, order, dtype and piece.
        what: the claim, and what was found instead.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass
class Report:
    """What a check showed.

    Attributes:
        name: of the function.
        plans, pieces, lanes: how many were looked at.
        findings: claims that could not be confirmed.
        tightest: the largest confirmed error divided by its claim.
        stop: whether the first finding ends the check.
    """

    name: str
    plans: int = 0
    pieces: int = 0
    lanes: int = 0
    findings: list[Finding] = field(default_factory=list)
    tightest: float = 0.0
    stop: bool = False

    def add(self, where: str, what: str) -> None:
        """A claim that could not be confirmed."""
        self.findings.append(Finding(where, what))
        if self.stop:
            raise _Enough

    def with_more(self, other: Report) -> Report:
        """With what was found of other plans of the same function."""
        found = dict.fromkeys([*self.findings, *other.findings])
        return Report(
            self.name,
            self.plans + other.plans,
            self.pieces + other.pieces,
            self.lanes + other.lanes,
            list(found),  # what is said of the module was found twice
            max(self.tightest, other.tightest),
        )

    @property
    def ok(self) -> bool:
        """Whether every claim was confirmed."""
        return not self.findings


def check(
    certificate: str,
    source: str,
    only: Callable[[Plan], bool] = lambda plan: True,
    first: bool = False,
    expected: Expected | None = None,
    formats: Mapping[str, Mapping[str, Any]] | None = None,
) -> Report:
    """Derive every claim of a certificate again.

    Args:
        certificate: the JSON text.
        source: the rendered module it stands beside.
        only: which plans to look at; what both files state beside the plans
            is looked at in any case.
        first: stop at the first claim that is not confirmed.
        expected: formula and domain that both files have to be about; they
            agree with each other, but may have been changed together.
        formats: tables of formats beside those that ship, as in a format
            file: precision, emin, emax, compute and so on by name.

    Returns:
        What was looked at, and each claim that could not be confirmed: those
        that are wrong, and those that the check knows no proof of.

    Raises:
        NotRunnable: long doubles of this machine are too short.

    Example:
        >>> from keras_stablef.generator.checker import Expected, check
        >>> want = Expected("log(1+x)/x", ("-1", "oo"))
        >>> check(open("f.json").read(), open("f.py").read(),
        ...       expected=want).ok

    Sources: Taylor's theorem over power series arithmetic (Brent and Kung
    1978; Moore, Kearfott and Cloud, *Introduction to Interval Analysis*,
    chapter 9); running error analysis (Higham, *Accuracy and Stability of
    Numerical Algorithms*, section 3.3); pairs of floats (Joldes, Muller and
    Popescu 2017).
    """
    if not extended_range():
        raise NotRunnable(
            "The check needs long doubles of 64 bits and 15 bits of "
            "exponent; this machine's are smaller."
        )
    report = Report("?", stop=first)
    try:
        whole, plans = read_plans(certificate)
        report.name = whole["name"]
        text = whole["expression"] if not expected else expected.formula
        node = complemented(read(text))
        for module in _modules(source, certificate):
            _check(whole, plans, node, module, only, report, expected, formats)
    except _Enough:
        pass
    except FOUND as error:
        report.findings.append(Finding("certificate", _said(error)))
    return report


@lru_cache(1)
def _modules(source: str, certificate: str) -> list[Module]:
    """Read once for plans that are checked one after the other."""
    whole = json.loads(certificate)
    found = Module.read(source, whole)
    for module in found:
        check_shapes(module.tree, whole)
    return found


def _said(error: Exception) -> str:
    if isinstance(error, (KeyError, TypeError, AttributeError)):
        return (
            "expected the fields that the generator writes, received "
            f"something else ({error!r})"
        )
    return str(error)


class _Enough(Exception):  # noqa: N818
    """A claim was not confirmed, and that was all that was asked."""


def _check(
    whole: dict[str, Any],
    plans: list[Plan],
    node: Node,
    module: Module,
    only: Callable[[Plan], bool],
    report: Report,
    expected: Expected | None,
    formats: Mapping[str, Mapping[str, Any]] | None,
) -> None:
    """All of it, for the backends that run this code."""
    space = module.constants()
    for what in module.wrong:
        report.add(report.name, what)
    check_stated(whole, plans, space, report.add, formats or {})
    if expected is not None:
        check_expected(whole, plans, space, report.add, expected)
    for dtype in sorted({p.fmt.name for p in plans}):
        for what in check_assumed(whole, dtype):
            report.add(report.name, what)
    looked = 0
    for plan in plans:
        own = max((p.ulp for p in plan.pieces), default=0.0)
        if own != plan.ulp:
            what = f"bound {plan.ulp}, its worst piece claims {own}"
            _find(report, plan, what)
        if not only(plan):
            continue
        looked += 1
        report.pieces += len(plan.pieces)
        try:
            _plan(
                plan, node, module, read_assumed(whole, plan.fmt.name), report
            )
        except (Malformed, NotRunnable, Unknown) as error:
            _find(report, plan, f"{error} ({', '.join(module.backends)})")
    report.plans = max(report.plans, looked)
    if not looked:
        report.add(report.name, "no plan was looked at")


def _find(report: Report, plan: Plan, what: str, piece: str = "") -> None:
    title = f"{plan.name} order {plan.order} {plan.fmt.name}"
    report.add(piece or title, what)


def _plan(
    plan: Plan, node: Node, module: Module, assumed: Assumed, report: Report
) -> None:
    targets = [(1, Target(node, plan.order))]
    if plan.parity:
        sign = (-1) ** plan.order * plan.parity
        targets.append((-1, Target(mirrored(node), plan.order, sign)))
    if "rows" not in plan.data:
        for what in check_outside(plan, module, targets[0][1], []):
            _find(report, plan, what)
        found = check_program(plan, node, module, assumed)
        report.lanes += found.lanes
        report.tightest = max(report.tightest, found.tightest)
        for label, text in found.wrong:
            _find(report, plan, text, label)
        return
    for piece in plan.pieces:
        if not all(map(plan.fmt.holds, numbers_of(piece))):
            _find(report, plan, "a number is not of the format", piece.label)
    line, wrong = spans(plan)
    for what in [*wrong, *compare_tables(module, plan)]:
        _find(report, plan, what)
    for what in check_outside(plan, module, targets[0][1], line):
        _find(report, plan, what)
    for what in compare_values(module, plan, line):
        _find(report, plan, what)
    looked = [s for s in line if not s.limit]
    for sign in (1, -1) if plan.parity else (1,):
        parts = runs(module, plan, sign, assumed, looked)
        for what in compare_runs(module, plan, looked, parts):
            _find(report, plan, what)
    bent = has_kinks(node)
    for k, piece in enumerate(plan.pieces):
        own = [s for s in line if s.owner == k]
        # Round ends are easier to expand between: only where they have to
        # be others.
        held = _held(piece, own) if bent else piece
        for _, target in targets:
            reason = _truncation(plan, held, target, own)
            if reason:
                _find(report, plan, reason, piece.label)
                break
    _roundoff(plan, module, assumed, line, targets[0][1], report)


def _held(piece: Piece, own: list[Span]) -> Piece:
    """The piece on the floats that it owns, and between them.

    Its interval ends where the next one's begins; a kink may lie between
    that float and the last of its own.
    """
    if not own or piece.kind not in ("row", "power", "closed"):
        return piece
    low = Fraction(min(s.low for s in own))
    high = Fraction(max(s.high for s in own))
    if piece.kind == "closed" and piece.whole("side") < 0:
        low, high = -high, -low
    low, high = max(low, piece["low"]), min(high, piece["high"])
    return replace(piece, data={**piece.data, "low": low, "high": high})


def _truncation(
    plan: Plan, piece: Piece, target: Target, own: list[Span]
) -> str | None:
    """Why a piece's truncation claim does not hold; None where it does."""
    try:
        if piece.kind in ROWS:
            ROWS[piece.kind](plan, piece, target)
            return None
        if piece.kind == "closed":
            return check_closed(plan, piece, target)
        return _end(plan, piece, target, own)
    except Unknown as error:
        return f"truncation: {error}"


def _end(plan: Plan, end: Piece, target: Target, own: list[Span]) -> str | None:
    claim = end.bound("truncation")
    if own and is_constant(end, own, target, plan.fmt):
        return None
    infinite, top = end.raw("point") is None, plan.fmt.max_finite
    bound, cut = end["bound"], end["cut"]
    if not _constant(end):
        found = check_form(end, target, plan.fmt, claim)
        if found > claim:
            return f"truncation {found:.4g}, claimed {claim:.4g}"
    wrong = check_value(end, target, plan.fmt)
    if wrong:
        return f"limit: {wrong}"
    if infinite and cut < top:
        wrong = check_limit(end, target, plan.fmt, cut, top)
        return f"limit: {wrong}" if wrong else None
    if not infinite and cut:
        point = end["point"]
        if all(s.low == s.high == point for s in own):
            return None  # nothing else lies so near
        low = plan.fmt.smallest
        wrong = check_limit(end, target, plan.fmt, low, min(cut, bound))
        return f"limit: {wrong}" if wrong else None
    return None


def _constant(end: Piece) -> bool:
    """Whether it is its limit from the bound on."""
    if end.raw("point") is None:
        return end["cut"] <= end["bound"]
    return end["cut"] >= end["bound"]


def _roundoff(
    plan: Plan,
    module: Module,
    assumed: Assumed,
    line: list[Span],
    target: Target,
    report: Report,
) -> None:
    lanes = lanes_of(plan, [s for s in line if not s.limit])
    taus = [
        truncation_of(p, plan.fmt, center_gap(p, target)) for p in plan.pieces
    ]
    claims = np.array([p.ulp for p in plan.pieces])
    signs = (1, -1) if plan.parity and not by_size(module, plan) else (1,)
    for sign in signs:
        worst = check_lanes(module, plan, lanes, sign, assumed, taus)
        report.lanes += len(lanes)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.nan_to_num(worst.by_piece / claims)
        report.tightest = max(report.tightest, float(ratios.max(initial=0)))
        _exceeded(plan, worst, report)
        flat = {
            k
            for k in {k for k, *_ in worst.left}
            if is_constant(
                plan.pieces[k],
                [s for s in line if s.owner == k],
                target,
                plan.fmt,
            )
        }
        # Of an odd function the result at -t has the other sign.
        turn = plan.parity if sign < 0 else 1
        left = [(k, a, b, turn * v) for k, a, b, v in worst.left]
        _left(plan, [some for some in left if some[0] not in flat], target,
              report)  # fmt: skip


def _exceeded(plan: Plan, worst: Worst, report: Report) -> None:
    """Lanes that exceed what their piece claims."""
    told: set[int] = set()
    for k, low, high, ulp in worst.failures:
        if k not in told:
            told.add(k)
            what = (
                f"error {ulp:.6g} ulp on [{low!r}, {high!r}], claimed "
                f"{plan.pieces[k].ulp:.6g}"
            )
            _find(report, plan, what, plan.pieces[k].label)


def _left(
    plan: Plan,
    left: list[tuple[int, float, float, float]],
    target: Target,
    report: Report,
) -> None:
    """Results that became 0 or infinite: f has to be that too."""
    groups: dict[tuple[int, float], list[tuple[float, float]]] = {}
    for k, low, high, value in left:
        groups.setdefault((k, value + 0.0), []).append((low, high))
    for (k, value), parts in groups.items():
        end = plan.pieces[k]
        side, point = end.whole("side"), end.raw("point")
        at = Fraction(0) if point is None else exact(point)
        lows = min(Fraction(p[0]) for p in parts)
        highs = max(Fraction(p[1]) for p in parts)
        distances = sorted((side * (lows - at), side * (highs - at)))
        shown = str(value) if math.isinf(value) else 0
        asked = Piece(end.kind, end.label, {**end.data, "limit": shown})
        near = max(distances[0], plan.fmt.smallest)
        wrong = check_limit(asked, target, plan.fmt, near, distances[1])
        if wrong:
            _find(report, plan, f"result {value}: {wrong}", end.label)
