"""Pictures of the error over the whole float line.

The x axis is logarithmic in |x| with both signs side by side.  A plain
logarithm would give float64's 600 decades of nothing the room, so decades
shrink with their distance from 1: the place of |x| is asinh(log10|x| / 3).
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

from .cover import Cover
from .formats import FloatFormat
from .formats import get_format
from .plan import Plan
from .pointwise import Array
from .pointwise import ArrayFunction
from .pointwise import ExactFunction
from .pointwise import exact_function
from .pointwise import textbook_function
from .pointwise import ulp_error

SIZE, DPI = (12.0, 8.0), 100  # inches; 1200 x 800
SPREAD = 3.0  # decades from 1 within which the axis is nearly logarithmic
ZERO = 0.12  # of the axis, between 0 and the smallest normal number
POINTS = 1100  # of a panel, beside those at seams
SEAMS = 60  # whose neighbours are points
LEAST = 0.02  # ulp; smaller errors are drawn there
DECADES = (0, 1, 3, 8, 20, 38, 16, 40, 100, 308)  # that may have a tick
TICK_GAP = 0.034  # of the axis, between ticks
TEXTBOOK, OURS, FAINT = "#d1662f", "#14708f", "#8a8a8a"


def draw(
    path: str | os.PathLike[str],
    *,
    title: str,
    textbook: Mapping[int, ArrayFunction],
    ours: Mapping[int, ArrayFunction],
    seams: Mapping[int, Sequence[float]],
    dtype: str,
    domain: tuple[float, float],
    bounds: Mapping[int, float],
    exact: ExactFunction,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Draws the errors of two ways to compute f into a file.

    One panel for each order in `ours`: the value, the gradient.

    Args:
        path: ends in .png, .svg or .pdf.
        textbook, ours: functions of an array of the dtype, by order.
        seams: where pieces meet, see `seams_of`; drawn where they are.
        domain: its ends, infinite ones included.
        bounds: proved bounds in ulp, by order.
        exact: f^(order)(x), None where it is not known.
        progress: called with the part done, from 0 to 1.

    Example:
        >>> draw(
        ...     "error.png",
        ...     title="(exp(x)-1)/x",
        ...     textbook={k: textbook_function(f, x, k, "float32") for k in K},
        ...     ours={k: op.derivative(k) for k in K},
        ...     seams={k: seams_of(plans[k]) for k in K},
        ...     dtype="float32",
        ...     domain=(-math.inf, math.inf),
        ...     bounds={k: plans[k].ulp for k in K},
        ...     exact=exact_function(f, x),
        ... )
    """
    # Only here: a large package that nothing else of the generator needs.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    fmt = get_format(dtype)
    axis = _Axis(fmt, *domain)
    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)  # no window, whatever the user's backend is
    orders = sorted(ours)
    panels = figure.subplots(len(orders), 1, sharex=True, squeeze=False)[:, 0]
    for i, (order, panel) in enumerate(zip(orders, panels, strict=True)):

        def report(part: float, done: int = i) -> None:
            if progress:
                progress((done + part) / len(orders))

        places = [s for s in seams.get(order, ()) if math.isfinite(s)]
        xs = _points(axis, places)
        sets = _measured(
            xs, order, (textbook[order], ours[order]), exact, fmt, report
        )
        _panel(panel, axis, sets, places, order, bounds[order], fmt)
    panels[-1].set_xlabel(
        "x, on a logarithmic axis for each sign, its decades narrower "
        "away from 1",
        fontsize=10,
        color="#444444",
    )
    figure.suptitle(
        f"{title}   ({dtype})", fontsize=14, x=0.012, ha="left", weight="bold"
    )
    handles, labels = panels[0].get_legend_handles_labels()
    for panel in panels[1:]:
        more = zip(*panel.get_legend_handles_labels(), strict=True)
        for handle, label in more:
            if label not in labels:
                handles.append(handle)
                labels.append(label)
    figure.legend(
        handles,
        labels,
        loc="outside upper right",
        ncols=len(labels),
        frameon=False,
        fontsize=10.5,
        handletextpad=0.3,
        columnspacing=1.4,
        markerscale=1.6,
    )
    figure.savefig(path)


def seams_of(plan: Plan | Cover) -> list[float]:
    """Where the pieces of a plan meet, on both sides if it is folded."""
    places = {float(s) for s in plan.seams}
    if isinstance(plan, Plan):
        folded = True
    else:
        folded = plan.parity != 0
        for form in plan.ends:
            base = 0 if form.point is None else form.point
            outward = 1 if form.point is None else -1
            sign = form.side * outward
            places.add(float(base + sign * form.bound))
            places.discard(float("inf"))
    if folded:
        places |= {-s for s in places}
    return sorted(places)
