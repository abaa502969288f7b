"""Graphs of f and its derivatives, as SVG."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import GeneratorError
from ..formula.exact import exact_function
from ..formula.spec import Spec
from ..pieces.cover import AnyPlan
from .picture import seams_of
from .pointwise import Array

REACH = 10.0  # on either side of 0, or of the end that is nearest to it
POINTS = 360
COLOURS = ("#14708f", "#d1662f", "#7a5ea8")
DASHES = ("-", (0, (5, 1.6)), (0, (1.4, 1.2)))
TINTS = ("#eef4f6", "#ffffff")
ROOM = 0.12  # above and below what is drawn
# Of the values, what may leave the picture: exp on [-10, 10] is all there is.
TRIM = 0.04


def window(spec: Spec) -> tuple[float, float]:
    """The part of the domain that is drawn."""
    low, high = (float(end) for end in spec.domain)
    if low >= REACH:
        return low, min(high, low + 2 * REACH)
    if high <= -REACH:
        return max(low, high - 2 * REACH), high
    return max(low, -REACH), min(high, REACH)


def _curve(spec: Spec, order: int, count: int) -> tuple[Array, Array]:
    """x and f^(order)(x), nan where it is not known."""
    low, high = window(spec)
    # Between the places where formulas have holes, and not at the ends.
    xs = low + (np.arange(count) + 0.5) * (high - low) / count
    exact = exact_function(spec.expr, spec.variable, ())
    found = [exact(order, float(x)) for x in xs]
    values = [math.nan if y is None else float(y) for y in found]
    return xs, np.array(values)


def _limits(curves: Sequence[Array]) -> tuple[float, float]:
    """From the least to the greatest, but for the steepest ends."""
    known = np.concatenate([c[np.isfinite(c)] for c in curves])
    if not known.size:
        raise GeneratorError(
            "Cannot draw: expected a function with values between -10 and "
            "10, received none."
        )
    inner = np.quantile(known, [TRIM, 1 - TRIM])
    low, high = min(float(inner[0]), 0.0), max(float(inner[1]), 0.0)
    room = ROOM * (high - low or 1.0)
    low = max(float(known.min()), low - 4 * room)
    high = min(float(known.max()), high + 4 * room)
    return min(low, 0.0) - room, max(high, 0.0) + room


def _figure(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    return figure, figure.subplots()


def _svg(figure: Any, name: str) -> bytes:
    """The file, the same for the same figure; letters are letters."""
    import matplotlib

    buffer = io.BytesIO()
    settings = {"svg.fonttype": "none", "svg.hashsalt": name}
    with matplotlib.rc_context(settings):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def graph(spec: Spec, plans: Sequence[AnyPlan]) -> bytes:
    """The orders of the plans in one picture, the first one's pieces shaded.

    Raises:
        GeneratorError: there is no value to draw.
    """
    figure, axes = _figure(9.0, 4.0)
    low, high = window(spec)
    curves = [_curve(spec, plan.order, POINTS) for plan in plans]
    bottom, top = _limits([ys for _, ys in curves])
    seams = [s for s in seams_of(plans[0]) if low < s < high]
    edges = [low, *seams, high]
    if len(edges) < POINTS // 4:  # more would be grey
        for k, (a, b) in enumerate(itertools.pairwise(edges)):
            axes.axvspan(a, b, color=TINTS[k % 2], lw=0, zorder=0)
    axes.axhline(0, color="#8a8a8a", lw=0.8, zorder=1)
    if low < 0 < high:
        axes.axvline(0, color="#8a8a8a", lw=0.8, zorder=1)
    for k, (plan, (xs, ys)) in enumerate(zip(plans, curves, strict=True)):
        axes.plot(
            *(xs, np.where((ys >= bottom) & (ys <= top), ys, np.nan)),
            color=COLOURS[k % 3],
            ls=DASHES[k % 3],
            lw=2.0,
            label="f" + "'" * plan.order,
            zorder=4 - k * 0.1,
        )
    axes.set_xlim(low, high)
    axes.set_ylim(bottom, top)
    axes.set_xlabel("x")
    axes.legend(frameon=False, loc="best")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return _svg(figure, spec.text)


def sketch(spec: Spec) -> bytes:
    """f alone, small, its axes without numbers."""
    figure, axes = _figure(2.4, 1.3)
    low, high = window(spec)
    xs, ys = _curve(spec, 0, POINTS // 4)
    bottom, top = _limits([ys])
    axes.axhline(0, color="#b8b8b8", lw=0.8, zorder=1)
    if low < 0 < high:
        axes.axvline(0, color="#b8b8b8", lw=0.8, zorder=1)
    inside = (ys >= bottom) & (ys <= top)
    axes.plot(xs, np.where(inside, ys, np.nan), color=COLOURS[0], lw=2.0)
    axes.set_xlim(low, high)
    axes.set_ylim(bottom, top)
    axes.axis("off")
    return _svg(figure, spec.text)
