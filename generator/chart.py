"""A picture of the error over the whole float line."""

from __future__ import annotations

import io
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sympy
from flint import arb
from flint import ctx

from .files import write_bytes
from .formats import FORMATS
from .formats import FloatFormat
from .roots import ball

POINTS = 1500  # of a panel
CERTAIN = 80  # bits that a reference value must have
Function = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Panel:
    """What one panel shows.

    Attributes:
        label: of the derivative.
        textbook, ours: functions of an array.
        exact: the reference value, or None where there is none.
        seams: where pieces meet.
        bound: proved, in ulp.
    """

    label: str
    textbook: Function
    ours: Function
    exact: Callable[[float], arb | None]
    seams: Sequence[float]
    bound: float


def textbook_function(
    expr: sympy.Expr, variable: sympy.Symbol, order: int, dtype: str
) -> Function:
    """The formula, or its derivative, evaluated as it stands in `dtype`."""
    derived = expr.diff(variable, order) if order else expr
    code = sympy.lambdify(variable, derived, modules=["scipy", "numpy"])
    kind = np.dtype(dtype)

    def run(x: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            y = code(x.astype(kind))
        return np.broadcast_to(np.asarray(y, dtype=kind), x.shape)

    return run


def exact_function(
    expr: sympy.Expr, variable: sympy.Symbol, order: int
) -> Callable[[float], arb | None]:
    """The formula in multiple precision; beside a removable point there."""
    derived = expr.diff(variable, order) if order else expr

    def value(x: float) -> arb | None:
        for bits, shift in ((300, 0), (1200, 0), (6000, 0), (30000, 4000)):
            with ctx.workprec(bits):
                step = arb((1, -shift)) if shift else arb(0)
                y = ball(derived, arb(x) + step)
                if y.is_finite() and y.rel_accuracy_bits() > CERTAIN:
                    return y
        return None

    return value


def ulp_errors(
    got: np.ndarray, want: Sequence[arb | None], fmt: FloatFormat
) -> np.ndarray:
    """In ulp as DESIGN.md has it; nan where nothing is known."""
    out = np.full(len(got), np.nan)
    top = arb(float(fmt.max_finite))
    least = arb((1, fmt.emin))
    for i, (y, w) in enumerate(zip(got, want, strict=True)):
        if w is None:
            continue
        y = float(y)
        with ctx.workprec(2400):
            if abs(w) > top:
                right = np.isinf(y) and (y > 0) == bool(w > 0)
                out[i] = 0.0 if right else np.inf
            elif not np.isfinite(y):
                out[i] = np.inf
            elif y == 0 and abs(w) < least:
                out[i] = 0.0
            else:
                man, exp = w.mid().man_exp()
                exponent = int(exp) + abs(int(man)).bit_length() - 1
                unit = arb((1, max(exponent, fmt.emin) - fmt.precision + 1))
                out[i] = float(abs((arb(y) - w) / unit).mid())
    return out


def inputs(
    fmt: FloatFormat, domain: tuple[float, float], seams: Sequence[float]
) -> np.ndarray:
    """Every binade of both signs, about 1, and about the seams."""
    rng = np.random.default_rng(2026)
    kind = np.dtype(fmt.name)
    exponents = np.linspace(fmt.emin, fmt.emax, POINTS // 3)
    wide = np.exp2(exponents) * rng.uniform(1, 1.9, len(exponents))
    near = np.exp2(rng.uniform(-12, 8, POINTS // 6))
    found = [wide, -wide, near, -near]
    finite = [d for d in domain if np.isfinite(d)]
    for center in [*finite, *seams]:
        gap = np.exp2(-np.linspace(1, fmt.precision, 8))
        found += [center + gap, center - gap]
    xs = np.concatenate(found).astype(kind)
    inside = (xs > domain[0]) & (xs < domain[1]) & np.isfinite(xs)
    kept: np.ndarray = np.unique(xs[inside])
    return kept


def draw(
    path: Any,
    title: str,
    panels: Sequence[Panel],
    dtype: str,
    domain: tuple[float, float],
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the picture, a panel for each derivative."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    fmt = FORMATS[dtype]
    figure, axes = pyplot.subplots(
        len(panels), 1, figsize=(12, 4 * len(panels)), layout="constrained"
    )
    figure.suptitle(title, fontsize=13)
    for k, (axis, panel) in enumerate(zip(axes, panels, strict=True)):
        if progress:
            progress(k, len(panels))
        _panel(axis, panel, fmt, domain)
    axes[-1].set_xlabel("x, on a symmetric log axis")
    buffer = io.BytesIO()
    kind = Path(path).suffix.lstrip(".") or "png"
    figure.savefig(buffer, format=kind, dpi=110)
    pyplot.close(figure)
    write_bytes(Path(path), buffer.getvalue())


def _panel(
    axis: Any, panel: Panel, fmt: FloatFormat, domain: tuple[float, float]
) -> None:
    xs = inputs(fmt, domain, panel.seams)
    want = [panel.exact(float(x)) for x in xs]
    place = _signed_log(xs, fmt)
    floor, top = 2e-2, 10.0 ** (fmt.precision * 0.302 + 1)
    for name, function, colour, size in (
        ("textbook formula", panel.textbook, "#c44e52", 6),
        ("this op", panel.ours, "#2a6fb0", 7),
    ):
        errors = ulp_errors(function(xs), want, fmt)
        shown = np.clip(errors, floor, top)
        bad = errors > top
        axis.scatter(
            place[~bad], shown[~bad], s=size, color=colour, label=name,
            linewidths=0, alpha=0.7, zorder=3,
        )  # fmt: skip
        if bad.any():
            axis.scatter(
                place[bad],
                np.full(bad.sum(), top),
                s=26,
                color=colour,
                marker="x",
                linewidths=1,
                label=f"{name}: no digit, nan or inf",
                zorder=4,
            )
    axis.axhline(
        panel.bound,
        color="black",
        linewidth=1,
        label=f"proved bound {panel.bound:.3f} ulp",
    )
    for seam in _signed_log(np.array(panel.seams), fmt):
        axis.axvline(seam, color="0.85", linewidth=0.6, zorder=0)
    axis.set_yscale("log")
    axis.set_ylim(floor * 0.8, top * 4)
    axis.set_ylabel(f"error of {panel.label} in ulp")
    _ticks(axis, fmt, place)
    axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=9)


def _signed_log(x: np.ndarray, fmt: FloatFormat) -> np.ndarray:
    """0 to 0, the smallest normal to +-1, and a unit for each binade on."""
    size = np.maximum(np.abs(x.astype(np.float64)), 2.0**fmt.emin)
    far = np.log2(size) - fmt.emin + 1
    return np.where(x == 0, 0.0, np.sign(x) * far)


def _ticks(axis: Any, fmt: FloatFormat, place: np.ndarray) -> None:
    """Powers of ten where there are points."""
    step = 10 if fmt.precision < 30 else 75
    last = int(fmt.emax * 0.30103)
    powers = [p for p in range(-last // step * step, last + 1, step)]
    values = [s * 10.0**p for s in (-1.0, 1.0) for p in powers
              if abs(p) <= last]  # fmt: skip
    low, high = place.min(), place.max()
    at, labels = [], []
    for value in [*values, 0.0]:
        spot = float(_signed_log(np.array([value]), fmt)[0])
        if low - 1 <= spot <= high + 1:
            at.append(spot)
            if value == 0:
                labels.append("0")
            else:
                sign = "-" if value < 0 else ""
                power = round(np.log10(abs(value)))
                labels.append(f"${sign}10^{{{power}}}$" if power
                              else f"{sign}1")  # fmt: skip
    axis.set_xticks(at, labels, fontsize=9)
    axis.set_xlim(low - 4, high + 4)
