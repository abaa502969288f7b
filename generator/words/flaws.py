"""A picture of measured errors, with what is not finite at its top."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .. import plain
from ..files import refuse_place
from ..files import write_bytes
from ..numbers.floats import FloatFormat
from .floatline import FloatLine
from .picture import KINDS
from .pointwise import Array

SIZE, DPI = (12.0, 7.0), 100
LEAST = 0.02  # ulp; smaller errors are drawn there
INK, BAD = "#14708f", "#c0392b"


def draw_errors(
    path: Path,
    title: str,
    fmt: FloatFormat,
    xs: Array,
    errors: Mapping[str, Array],
) -> None:
    """Draws errors in ulp at numbers, a panel for each name.

    Args:
        path: ends in .png, .svg or .pdf.
        errors: nan where nothing is known, inf where no number came out.

    Raises:
        GeneratorError: another kind of file.
        OutputError: it cannot be written there.
    """
    plain.one_of(path.suffix.lower(), KINDS, "kind of picture")
    refuse_place(path)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    axis = FloatLine(fmt, float(xs.min()), float(xs.max()))
    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(errors), 1, sharex=True, squeeze=False)[:, 0]
    places = axis.places(xs)
    for panel, (name, values) in zip(panels, errors.items(), strict=True):
        finite = np.isfinite(values)
        top = max(10.0, float(values[finite].max(initial=1.0)))
        panel.set_yscale("log")
        panel.plot(
            places[finite], np.maximum(values[finite], LEAST), ".", color=INK
        )
        bad = np.isinf(values)
        panel.plot(
            *(places[bad], np.full(bad.sum(), 10 * top)),
            *("x",),
            color=BAD,
            label="nan, or inf where it is none",
        )
        half = 2.0 ** (fmt.precision / 2)
        panel.axhline(half, color=BAD, lw=0.8, label="half of the digits")
        panel.set_ylabel(f"{name}, error in ulp")
        panel.set_xlim(axis.left, axis.right)
        at, labels = axis.ticks()
        panel.set_xticks(at, labels)
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=2,
        frameon=False,
    )
    figure.suptitle(f"{title}   ({fmt.name})", x=0.012, ha="left",
                    parse_math=False)  # fmt: skip
    buffer = io.BytesIO()
    figure.savefig(buffer, format=path.suffix.lower().lstrip("."))
    write_bytes(path, buffer.getvalue())
