"""Tables for the eye (rich) and the plot of the curves (matplotlib)."""

import math
from pathlib import Path

from rich.table import Table

from examples.question.train import SHIFTS
from examples.question.train import Run
from examples.question.ulps import Row

# One colour and dash per run: equal curves stay visible on each other.
STYLES = (
    ("#d62728", "-"),
    ("#ff7f0e", (0, (4, 2))),
    ("#9467bd", "-"),
    ("#1f77b4", "-"),
    ("#7f7f7f", "-"),
    ("#8c564b", "-"),
    ("#e377c2", (0, (4, 2))),
    ("#2ca02c", "-"),
)
EXP_OVERFLOWS = {"float32": -88.72, "float64": -709.78}


def runs_table(runs: list[Run], constant: float, title: str) -> Table:
    table = Table(title=title)
    table.add_column("run", no_wrap=True)
    for head in (
        "first nan\n(epoch)",
        "last finite\nloss",
        "validation loss\nat the end",
        "lowest\nlogit",
        "bad gradients\n(of steps)",
    ):
        table.add_column(head, justify="right")
    for run in runs:
        dead = run.first_nan is not None
        table.add_row(
            run.name,
            str(run.first_nan or "never"),
            _short(run.last_finite_loss),
            _short(run.validation[-1]),
            _short(_lowest(run)),
            f"{run.bad_steps[-1]} / {run.steps}",
            style="red" if dead else "green",
        )
    table.add_row("best constant", "", "", _short(constant), "", "")
    return table


def ulps_table(rows: list[Row], title: str) -> Table:
    table = Table(title=title)
    table.add_column("formula", no_wrap=True)
    table.add_column("value,\nworst ulp", justify="right")
    table.add_column("gradient,\nworst ulp", justify="right")
    table.add_column("value nan or inf at")
    table.add_column("gradient nan or inf at")
    for row in rows:
        table.add_row(
            row.name,
            _short(row.value_ulp),
            _short(row.gradient_ulp),
            ranges_text(row.value_bad),
            ranges_text(row.gradient_bad),
        )
    return table


def ranges_text(ranges: list[tuple[float, float]]) -> str:
    """Nearest to 0 first."""
    if not ranges:
        return "nowhere"

    def distance(r: tuple[float, float]) -> float:
        return 0.0 if r[0] <= 0 <= r[1] else min(abs(r[0]), abs(r[1]))

    texts = []
    for low, high in sorted(ranges, key=distance):
        if low == high:
            texts.append(f"{low:.6g}")
        elif low < -3e38:
            texts.append(f"x <= {high:.6g}")
        elif high > 3e38:
            texts.append(f"x >= {low:.6g}")
        else:
            texts.append(f"{low:.3g} .. {high:.3g}")
    return ", ".join(texts)


def plot(runs: list[Run], constant: float, path: Path, backend: str) -> None:
    """Validation loss and the drift of the logits, one above the other."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (top, near, bottom) = plt.subplots(
        3,
        1,
        figsize=(9, 9.6),
        sharex=True,
        gridspec_kw={"height_ratios": [1.15, 0.7, 1]},
        layout="constrained",
    )
    for index, (run, (colour, dash)) in enumerate(
        zip(runs, STYLES, strict=True)
    ):
        wide = 3.6 if run is runs[-1] else 1.6
        drawn = {
            "color": colour,
            "linestyle": dash,
            "linewidth": wide,
            "alpha": 0.75 if run is runs[-1] else 1,
            "zorder": 2 if run is runs[-1] else 3,
        }
        label = run.name
        if run.first_nan is not None:
            label += f"  (nan in epoch {run.first_nan})"
        epochs = range(1, len(run.loss) + 1)
        for axes, ys in (
            (top, run.validation),
            (near, run.validation),
            (bottom, [-y for y in run.lowest_logit]),
        ):
            axes.plot(epochs, ys, label=label, **drawn)
            alive = [i for i, y in enumerate(ys) if math.isfinite(y)]
            if run.first_nan is not None and alive:
                at = alive[-1]
                axes.plot(
                    at + 1,
                    ys[at],
                    "X",
                    color=colour,
                    markeredgecolor="white",
                    # Smaller and smaller: some die at the same place.
                    markersize=15 - index,
                    zorder=5 + index,
                )
    for name, edge in EXP_OVERFLOWS.items():
        bottom.axhline(-edge, color="black", linewidth=0.9, linestyle=":")
        bottom.text(
            max(len(run.loss) for run in runs),  # none has died there
            -edge * 1.06,  # the axis is upside down: this is below
            f"exp(-x) overflows in {name}: x = {edge}",
            va="top",
            ha="right",
            fontsize=8,
        )
    for axes in (top, near):
        axes.axhline(constant, color="black", linewidth=0.9, linestyle="--")
    near.text(1, constant * 0.98, "best constant", va="top", fontsize=8)
    near.set_ylim(0, constant * 1.5)
    near.set_ylabel("the same, from 0")
    top.set_yscale("log")
    top.set_ylabel("validation loss\n(squared error, held out)")
    top.set_ylim(constant / 5, 5)
    top.legend(fontsize=8, frameon=False, loc="center right")
    bottom.set_yscale("log")
    bottom.set_xscale("log")
    ticks = [1, 2, 5, 10, 20, 50, 100, 200, 500]
    last = max(len(run.loss) for run in runs)
    bottom.set_xlim(0.95, max(2, last) * 1.1)
    ticks = [tick for tick in ticks if tick <= last]
    bottom.set_xticks(ticks, [str(tick) for tick in ticks])
    bottom.set_xticks([], minor=True)
    bottom.set_ylim(1, 1500)
    bottom.set_yticks([1, 10, 100, 1000], ["-1", "-10", "-100", "-1000"])
    bottom.invert_yaxis()
    bottom.set_ylabel("lowest logit")
    bottom.set_xlabel("epoch   (✕: the last one before nan)")
    link = " + ".join("f(x)" if not s else f"f(x{s:+g})" for s in SHIFTS)
    top.set_title(
        f"The same model and data, eight losses on {link}  [{backend}]",
        fontsize=11,
    )
    for axes in (top, near, bottom):
        axes.grid(alpha=0.25)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _lowest(run: Run) -> float | None:
    finite = [v for v in run.lowest_logit if math.isfinite(v)]
    return min(finite) if finite else None


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
