"""Pictures of the error in ulp over the whole float line."""

from __future__ import annotations

import io
import math
import os
import textwrap
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import plain
from ..files import refuse_place
from ..files import write_bytes
from ..formula.exact import ExactFunction
from ..formula.exact import exact_function
from ..numbers.floats import FloatFormat
from ..pieces.cover import Cover
from ..pieces.plan import Plan
from ..text import at_most
from .floatline import FloatLine
from .floatline import points
from .pointwise import Array
from .pointwise import ArrayFunction
from .pointwise import textbook_function
from .pointwise import ulp_error

KINDS = (".png", ".svg", ".pdf")
SIZE, DPI = (12.0, 8.0), 100  # inches; 1200 x 800
LEAST = 0.02  # ulp; smaller errors are drawn there
TEXTBOOK, OURS, FAINT = "#d1662f", "#14708f", "#8a8a8a"


def draw(path: str | os.PathLike[str], **given: Any) -> None:
    """Writes what `drawn` makes, the kind by the file's name.

    Raises:
        GeneratorError: as `drawn`.
        OutputError: it cannot be written there.
    """
    target = Path(path)
    kind = plain.one_of(target.suffix.lower(), KINDS, "kind of picture")
    refuse_place(target)
    write_bytes(target, drawn(kind, **given))


def drawn(
    kind: str,
    *,
    title: str,
    textbook: Mapping[int, ArrayFunction],
    ours: Mapping[int, ArrayFunction],
    seams: Mapping[int, Sequence[float]],
    fmt: FloatFormat,
    domain: tuple[float, float],
    bounds: Mapping[int, float],
    exact: ExactFunction,
    progress: Callable[[float], None] | None = None,
) -> bytes:
    """The errors of two ways to compute f, as a file's content.

    One panel for each order in `ours`: the value, the gradient; of a
    derivative it is the lowest order that is the value.

    Args:
        kind: .png, .svg or .pdf.
        textbook, ours: functions of an array of the storage of `fmt`, by
            order.
        seams: where pieces meet, see `seams_of`; drawn where they are.
        fmt: in whose ulp errors are, and whose line it is.
        domain: its ends, infinite ones included.
        bounds: proved bounds in ulp, by order.
        exact: f^(order)(x), None where it is not known.
        progress: called with the part done, from 0 to 1.

    Raises:
        GeneratorError: another kind of file.

    Example:
        >>> drawn(
        ...     ".png",
        ...     title="(exp(x)-1)/x",
        ...     textbook={k: textbook_function(f, x, k, "float32") for k in K},
        ...     ours={k: op.derivative(k) for k in K},
        ...     seams={k: seams_of(plans[k]) for k in K},
        ...     fmt=get_format("float32"),
        ...     domain=(-math.inf, math.inf),
        ...     bounds={k: plans[k].ulp for k in K},
        ...     exact=exact_function(f, x),
        ... )
    """
    plain.one_of(kind, KINDS, "kind of picture")
    # Only here: a large package that nothing else of the generator needs.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    axis = FloatLine(fmt, *domain)
    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)  # no window, whatever the user's backend is
    orders = sorted(ours)
    panels = figure.subplots(len(orders), 1, sharex=True, squeeze=False)[:, 0]
    for i, (order, panel) in enumerate(zip(orders, panels, strict=True)):

        def report(part: float, done: int = i) -> None:
            if progress:
                progress((done + part) / len(orders))

        places = [s for s in seams.get(order, ()) if math.isfinite(s)]
        xs = points(axis, places)
        sets = _measured(
            xs, order, (textbook[order], ours[order]), exact, fmt, report
        )
        name = _name(order, order - orders[0])
        _panel(panel, axis, sets, places, name, bounds[order], fmt)
    panels[-1].set_xlabel(
        "x, on a logarithmic axis for each sign, its decades narrower "
        "away from 1",
        fontsize=10,
        color="#444444",
    )
    text = textwrap.shorten(title, 140, placeholder=" ...") + f"   ({fmt.name})"
    size = min(14.0, 14.0 * 90 / len(text))
    figure.suptitle(
        text,
        fontsize=size,
        x=0.012,
        ha="left",
        weight="bold",
        parse_math=False,  # a dollar sign is one
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
        loc="outside lower center",
        ncols=len(labels),
        frameon=False,
        fontsize=10.5,
        handletextpad=0.3,
        columnspacing=1.4,
        markerscale=1.6,
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind.lstrip("."))
    return buffer.getvalue()


def _measured(
    xs: Array,
    order: int,
    functions: tuple[ArrayFunction, ArrayFunction],
    exact: ExactFunction,
    fmt: FloatFormat,
    report: Callable[[float], None],
) -> tuple[Array, Array, Array]:
    """The x where f is known, and the errors of either function there."""
    got = [np.asarray(function(xs), np.float64) for function in functions]
    kept: list[tuple[float, float, float]] = []
    for i, x in enumerate(xs.astype(np.float64)):
        want = exact(order, float(x))
        # Of what is above the largest number a format may make anything.
        lost = fmt.overflow != "inf" and _is_above(want, fmt)
        if want is not None and not lost:
            first, second = (ulp_error(float(g[i]), want, fmt) for g in got)
            kept.append((float(x), first, second))
        if i % 64 == 0:
            report(i / len(xs))
    report(1.0)
    table = np.array(kept, np.float64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def _is_above(want: Any, fmt: FloatFormat) -> bool:
    return want is not None and abs(float(want)) > float(fmt.max_finite)


def _name(order: int, above: int) -> str:
    """A panel's title; `above` counts from the function that is drawn."""
    kind = ("value", "gradient")[above] if above < 2 else f"derivative {above}"
    return f"{kind} f" + "'" * order


def _panel(
    panel: Any,
    axis: FloatLine,
    measured: tuple[Array, Array, Array],
    seams: Sequence[float],
    name: str,
    bound: float,
    fmt: FloatFormat,
) -> None:
    """One panel: seams, bound, the errors, and what is no number on top."""
    xs, textbook, ours = measured
    places = axis.places(xs)
    lost = 2.0**fmt.precision
    cap, edge, top = lost * 16, lost * 200, lost * 1500
    inside = [s for s in seams if axis.low < s < axis.high]
    # Many seams would be a grey wall.
    faint = 0.5 if len(inside) < 20 else 0.28
    for place in axis.places(inside):
        panel.axvline(place, color=FAINT, lw=0.6, alpha=faint, zorder=0)
    panel.axhline(lost, color=FAINT, lw=0.8, ls=(0, (1, 3)), zorder=1)
    panel.axhline(bound, color=OURS, lw=1.2, ls=(0, (5, 2)), zorder=4)
    looks = (
        (textbook, TEXTBOOK, "textbook formula", 7, 2),
        (ours, OURS, "this op", 7, 3),
    )
    for errors, colour, label, size, layer in looks:
        fine = np.isfinite(errors)
        # Above `cap` no digit is right, and how wrong it is hardly matters.
        shown = np.clip(errors[fine], LEAST, cap)
        panel.scatter(
            places[fine], shown, size, color=colour, label=label,
            alpha=0.65, linewidths=0, zorder=layer,
        )  # fmt: skip
        if not fine.all():
            panel.scatter(
                places[~fine],
                np.full(np.count_nonzero(~fine), edge),
                26,
                color=colour,
                marker="x",
                linewidths=0.9,
                label=f"{label}: nan or inf",
                zorder=5,
            )
    _labels(panel, axis, name, bound, lost, top)


def _labels(
    panel: Any,
    axis: FloatLine,
    name: str,
    bound: float,
    lost: float,
    top: float,
) -> None:
    """Scales, ticks and the names of the lines, outside on the right."""
    from matplotlib.ticker import FixedLocator
    from matplotlib.ticker import FuncFormatter
    from matplotlib.ticker import NullLocator

    margin = 0.015 * (axis.right - axis.left)
    panel.set_xlim(axis.left - margin, axis.right + margin)
    at, labels = axis.ticks()
    panel.set_xticks(at, labels, fontsize=9.5)
    panel.tick_params(labelbottom=True)
    panel.set_yscale("log")
    panel.set_ylim(LEAST * 0.6, top)
    last = math.floor(math.log10(lost))
    step = 2 if last < 10 else 4
    powers = [*([-1] if last < 10 else []), 0, *range(step, last + 1, step)]
    panel.yaxis.set_major_locator(
        FixedLocator([LEAST, *(10.0**p for p in powers)])
    )
    panel.yaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_major_formatter(FuncFormatter(_ulps))
    panel.grid(axis="y", color="#e4e4e4", lw=0.6, zorder=0)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    panel.set_title(name, loc="left", fontsize=12)
    panel.set_ylabel("error in ulp", fontsize=11)
    notes = (
        (bound, f"proved:\n\u2264 {at_most(bound)} ulp", OURS, "bold"),
        (lost, "no digit\nis right", "#666666", "normal"),
    )
    for y, text, colour, weight in notes:
        panel.annotate(
            text, (1.0, y), (6, 0), xycoords=panel.get_yaxis_transform(),
            textcoords="offset points", va="center", fontsize=10,
            color=colour, weight=weight, annotation_clip=False,
        )  # fmt: skip


def _ulps(y: float, _: int = 0) -> str:
    """A tick's label; what is drawn at `LEAST` is hardly any error."""
    if y <= LEAST:
        return "0"
    return f"{y:g}" if y < 1e3 else f"$10^{{{math.log10(y):.0f}}}$"


def seams_of(plan: Plan | Cover) -> list[float]:
    """Where the pieces of a plan meet, on both sides if it is folded."""
    places = {float(s) for s in plan.seams}
    if isinstance(plan, Plan):
        folded = True
    else:
        folded = plan.parity != 0
        for form in plan.ends:
            places.add(float((form.point or 0) + form.side * form.bound))
    if folded:
        places |= {-s for s in places}
    return sorted(places)


__all__ = ["draw", "drawn", "exact_function", "seams_of", "textbook_function"]
